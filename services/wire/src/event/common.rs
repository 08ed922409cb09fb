//! Messages that several payloads share: names, source spans, evidence, values at dates, schedules, the light rule.
//!
//! Place in the flow: parts of payloads, and of answers to readers. It must not know: which payload they are part of.

use songhua_domain::event::{AreasAtStage, Evidence, Name, Schedule, SourceSpan, StaffCodes};
use songhua_domain::score::{DatedValue, LightRule};

use crate::code::Code;
use crate::field::FromWire;
use crate::pb;
use crate::time::date_to_pb;
use crate::violation::{At, gather};

/// Longest staff code, in bytes.
const STAFF_CODE_MAX: usize = 32;

impl FromWire for Name {
    type Wire = pb::Name;
    fn read(at: At<'_>, wire: &pb::Name) -> Option<Self> {
        gather!(Name { zh: at.field("zh").name(&wire.zh), en: at.field("en").name(&wire.en) })
    }
}

impl From<&Name> for pb::Name {
    fn from(name: &Name) -> Self {
        Self { zh: name.zh.clone(), en: name.en.clone() }
    }
}

/// Ways to read a `Name`.
impl At<'_> {
    /// A name in at least one language.
    pub(crate) fn title(&self, wire: Option<&pb::Name>) -> Option<Name> {
        let name = self.label(wire)?;
        self.in_some_language(name)
    }
    /// A name that may be empty in both languages.
    pub(crate) fn label(&self, wire: Option<&pb::Name>) -> Option<Name> {
        wire.map_or_else(|| Some(Name::default()), |wire| Name::read(*self, wire))
    }
    /// A longer text in at least one language.
    pub(crate) fn prose(&self, wire: Option<&pb::Name>) -> Option<Name> {
        let empty = pb::Name::default();
        let wire = wire.unwrap_or(&empty);
        let prose = gather!(Name { zh: self.field("zh").text(&wire.zh), en: self.field("en").text(&wire.en) })?;
        self.in_some_language(prose)
    }
    fn in_some_language(&self, name: Name) -> Option<Name> {
        let silent = name.zh.trim().is_empty() && name.en.trim().is_empty();
        if self.is_limited() && silent { self.refuse("is required in zh or en") } else { Some(name) }
    }
}

impl FromWire for SourceSpan {
    type Wire = pb::SourceSpan;
    fn read(at: At<'_>, wire: &pb::SourceSpan) -> Option<Self> {
        gather!(SourceSpan {
            document: at.field("document").id(&wire.document),
            line_first: Some(wire.line_first),
            line_last: Some(wire.line_last),
            text: at.field("text").text(&wire.text),
        })
    }
}

impl From<&SourceSpan> for pb::SourceSpan {
    fn from(span: &SourceSpan) -> Self {
        Self {
            document: span.document.to_string(),
            line_first: span.line_first,
            line_last: span.line_last,
            text: span.text.clone(),
        }
    }
}

impl FromWire for Evidence {
    type Wire = pb::Evidence;
    fn read(at: At<'_>, wire: &pb::Evidence) -> Option<Self> {
        gather!(Evidence {
            sha256: at.field("sha256").digest(&wire.sha256),
            media_type: at.field("media_type").name(&wire.media_type),
            title: at.field("title").name(&wire.title),
            locator: at.field("locator").text(&wire.locator),
        })
    }
}

impl From<&Evidence> for pb::Evidence {
    fn from(evidence: &Evidence) -> Self {
        Self {
            sha256: evidence.sha256.to_vec(),
            media_type: evidence.media_type.clone(),
            title: evidence.title.clone(),
            locator: evidence.locator.clone(),
        }
    }
}

impl FromWire for DatedValue {
    type Wire = pb::DatedValue;
    fn read(at: At<'_>, wire: &pb::DatedValue) -> Option<Self> {
        gather!(DatedValue {
            date: at.field("date").date(wire.date.as_ref()),
            value: at.field("value").decimal(&wire.value),
        })
    }
}

impl From<&DatedValue> for pb::DatedValue {
    fn from(dated: &DatedValue) -> Self {
        Self { date: Some(date_to_pb(dated.date)), value: dated.value.to_string() }
    }
}

impl FromWire for Schedule {
    type Wire = pb::Schedule;
    fn read(at: At<'_>, wire: &pb::Schedule) -> Option<Self> {
        gather!(Schedule {
            frequency: at.field("frequency").code(wire.frequency),
            release_lag_days: Some(wire.release_lag_days),
            grace_days: Some(wire.grace_days),
        })
    }
}

impl From<&Schedule> for pb::Schedule {
    fn from(schedule: &Schedule) -> Self {
        Self {
            frequency: schedule.frequency.to_wire(),
            release_lag_days: schedule.release_lag_days,
            grace_days: schedule.grace_days,
        }
    }
}

impl FromWire for AreasAtStage {
    type Wire = pb::AreasAtStage;
    fn read(at: At<'_>, wire: &pb::AreasAtStage) -> Option<Self> {
        gather!(AreasAtStage {
            area_kind: at.field("area_kind").code(wire.area_kind),
            at_least: at.field("at_least").code(wire.at_least),
        })
    }
}

impl From<&AreasAtStage> for pb::AreasAtStage {
    fn from(derived: &AreasAtStage) -> Self {
        Self { area_kind: derived.area_kind.to_wire(), at_least: derived.at_least.to_wire() }
    }
}

impl FromWire for LightRule {
    type Wire = pb::LightRule;
    fn read(at: At<'_>, wire: &pb::LightRule) -> Option<Self> {
        gather!(LightRule {
            version: Some(wire.version),
            behind_below_points: at.field("behind_below_points").decimal(&wire.behind_below_points),
            far_behind_below_points: at.field("far_behind_below_points").decimal(&wire.far_behind_below_points),
            closing_window_days: Some(wire.closing_window_days),
            closing_shortfall_percent: at.field("closing_shortfall_percent").decimal(&wire.closing_shortfall_percent),
            gap_tolerance_points: at.field("gap_tolerance_points").decimal(&wire.gap_tolerance_points),
            coverage_yellow_percent: at.field("coverage_yellow_percent").decimal(&wire.coverage_yellow_percent),
        })
    }
}

impl From<&LightRule> for pb::LightRule {
    fn from(rule: &LightRule) -> Self {
        Self {
            version: rule.version,
            behind_below_points: rule.behind_below_points.to_string(),
            far_behind_below_points: rule.far_behind_below_points.to_string(),
            closing_window_days: rule.closing_window_days,
            closing_shortfall_percent: rule.closing_shortfall_percent.to_string(),
            gap_tolerance_points: rule.gap_tolerance_points.to_string(),
            coverage_yellow_percent: rule.coverage_yellow_percent.to_string(),
        }
    }
}

impl FromWire for StaffCodes {
    type Wire = pb::StaffCodes;
    fn read(at: At<'_>, wire: &pb::StaffCodes) -> Option<Self> {
        gather!(StaffCodes {
            filer: at.field("filer").staff_code(&wire.filer),
            reviewer: at.field("reviewer").staff_code(&wire.reviewer),
            approver: at.field("approver").staff_code(&wire.approver),
        })
    }
}

impl From<&StaffCodes> for pb::StaffCodes {
    fn from(staff: &StaffCodes) -> Self {
        Self { filer: staff.filer.clone(), reviewer: staff.reviewer.clone(), approver: staff.approver.clone() }
    }
}

impl At<'_> {
    /// A code of an agency for one of its people, not a name; may be empty.
    fn staff_code(&self, text: &str) -> Option<String> {
        let is_code = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if self.is_limited() && !(is_code && text.len() <= STAFF_CODE_MAX) {
            return self.refuse(format!(
                "is not a staff code of at most {STAFF_CODE_MAX} letters, digits and '-'; names do not belong here"
            ));
        }
        Some(text.to_owned())
    }
}
