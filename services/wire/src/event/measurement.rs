//! Payloads of figures: reported, corrected, retracted, assessed, verified.
//!
//! Place in the flow: called by [`super::input_from_pb`] and its inverse. It must not know: which figure fits which
//! indicator.

use songhua_domain::event::{
    EVIDENCE_MAX, Evidence, EvidenceAttached, EvidenceWithdrawn, Figure, MeasurementCorrected, MeasurementReported,
    MeasurementRetracted, MeasurementRevised, NothingToReport, QualitativeAssessmentRecorded, ReferencePeriod, TOTAL,
    VerificationAccepted, VerificationRejected, VerificationReopened, VerificationRequested,
};
use songhua_domain::id::ID_LENGTH_MAX;
use songhua_domain::vocabulary::ObsStatus;

use crate::code::Code;
use crate::field::FromWire;
use crate::pb;
use crate::time::date_to_pb;
use crate::violation::{At, gather};

impl FromWire for ReferencePeriod {
    type Wire = pb::ReferencePeriod;
    fn read(at: At<'_>, wire: &pb::ReferencePeriod) -> Option<Self> {
        let start = at.field("start").optional_date(wire.start.as_ref());
        let end = at.field("end").date(wire.end.as_ref());
        match (start?, end?) {
            (None, end) => Some(Self::AsOf(end)),
            (Some(start), end) if start <= end => Some(Self::Period { start, end }),
            (Some(start), end) => at.field("start").refuse(format!("{start} lies after the end {end}")),
        }
    }
}

impl From<&ReferencePeriod> for pb::ReferencePeriod {
    fn from(period: &ReferencePeriod) -> Self {
        Self { start: period.start().map(date_to_pb), end: Some(date_to_pb(period.reference_date())) }
    }
}

impl FromWire for Figure {
    type Wire = pb::Figure;
    fn read(at: At<'_>, wire: &pb::Figure) -> Option<Self> {
        match &wire.kind {
            Some(pb::figure::Kind::Value(value)) => at.field("value").decimal(value).map(Self::Value),
            Some(pb::figure::Kind::Fraction(fraction)) => {
                let at = at.field("fraction");
                let numerator = at.field("numerator").decimal(&fraction.numerator);
                let denominator = at.field("denominator").decimal(&fraction.denominator);
                Some(Self::Fraction { numerator: numerator?, denominator: denominator? })
            }
            None => at.refuse("is required: set value or fraction"),
        }
    }
}

impl From<&Figure> for pb::Figure {
    fn from(figure: &Figure) -> Self {
        use pb::figure::Kind;
        Self {
            kind: Some(match figure {
                Figure::Value(value) => Kind::Value(value.to_string()),
                Figure::Fraction { numerator, denominator } => Kind::Fraction(pb::Fraction {
                    numerator: numerator.to_string(),
                    denominator: denominator.to_string(),
                }),
            }),
        }
    }
}

/// A part of a dimension: the form of an identifier, so that it can stand in topics and file names.
fn is_token(text: &str) -> bool {
    let mut bytes = text.bytes();
    text.len() <= ID_LENGTH_MAX
        && bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.ends_with('-')
}

/// Whether a dimension is `key=value`.
pub(crate) fn is_pair(text: &str) -> bool {
    text.split_once('=').is_some_and(|(key, value)| is_token(key) && is_token(value))
}

pub(super) fn dimension(at: At<'_>, text: &str) -> Option<String> {
    if text.is_empty() || text == TOTAL {
        Some(TOTAL.to_owned())
    } else if is_pair(text) {
        Some(text.to_owned())
    } else {
        let shown: String = text.chars().take(80).collect();
        at.refuse(format!(
            "{shown:?} is not _T or key=value such as district=songbei, each 1 to 63 of a-z, 0-9 and '-'"
        ))
    }
}

impl FromWire for MeasurementReported {
    type Wire = pb::MeasurementReported;
    fn read(at: At<'_>, wire: &pb::MeasurementReported) -> Option<Self> {
        gather!(MeasurementReported {
            area: at.field("area").id(&wire.area),
            indicator: at.field("indicator").id(&wire.indicator),
            dimension: dimension(at.field("dimension"), &wire.dimension),
            basis: at.field("basis").code(wire.basis),
            period: at.field("period").message(wire.period.as_ref()),
            figure: at.field("figure").message(wire.figure.as_ref()),
            unit_multiplier: Some(wire.unit_multiplier),
            obs_status: at.field("obs_status").code_or(wire.obs_status, ObsStatus::Unvalidated),
        })
    }
}

impl From<&MeasurementReported> for pb::MeasurementReported {
    fn from(event: &MeasurementReported) -> Self {
        Self {
            area: event.area.to_string(),
            indicator: event.indicator.to_string(),
            dimension: event.dimension.clone(),
            ..unnamed(event)
        }
    }
}

/// The message without the names of the series.
pub(super) fn unnamed(event: &MeasurementReported) -> pb::MeasurementReported {
    pb::MeasurementReported {
        basis: event.basis.to_wire(),
        period: Some((&event.period).into()),
        figure: Some((&event.figure).into()),
        unit_multiplier: event.unit_multiplier,
        obs_status: event.obs_status.to_wire(),
        ..Default::default()
    }
}

impl FromWire for MeasurementCorrected {
    type Wire = pb::MeasurementCorrected;
    fn read(at: At<'_>, wire: &pb::MeasurementCorrected) -> Option<Self> {
        gather!(MeasurementCorrected {
            measurement: at.field("measurement").uuid(&wire.measurement),
            figure: at.field("figure").message(wire.figure.as_ref()),
            obs_status: at.field("obs_status").code_or(wire.obs_status, ObsStatus::Unvalidated),
            reason: at.field("reason").required_text(&wire.reason),
        })
    }
}

impl From<&MeasurementCorrected> for pb::MeasurementCorrected {
    fn from(event: &MeasurementCorrected) -> Self {
        Self {
            measurement: event.measurement.to_string(),
            figure: Some((&event.figure).into()),
            obs_status: event.obs_status.to_wire(),
            reason: event.reason.clone(),
        }
    }
}

impl FromWire for MeasurementRetracted {
    type Wire = pb::MeasurementRetracted;
    fn read(at: At<'_>, wire: &pb::MeasurementRetracted) -> Option<Self> {
        gather!(MeasurementRetracted {
            measurement: at.field("measurement").uuid(&wire.measurement),
            reason: at.field("reason").required_text(&wire.reason),
        })
    }
}

impl From<&MeasurementRetracted> for pb::MeasurementRetracted {
    fn from(event: &MeasurementRetracted) -> Self {
        Self { measurement: event.measurement.to_string(), reason: event.reason.clone() }
    }
}

impl FromWire for NothingToReport {
    type Wire = pb::NothingToReport;
    fn read(at: At<'_>, wire: &pb::NothingToReport) -> Option<Self> {
        gather!(NothingToReport {
            area: at.field("area").id(&wire.area),
            indicator: at.field("indicator").id(&wire.indicator),
            period: at.field("period").message(wire.period.as_ref()),
        })
    }
}

impl From<&NothingToReport> for pb::NothingToReport {
    fn from(event: &NothingToReport) -> Self {
        Self {
            area: event.area.to_string(),
            indicator: event.indicator.to_string(),
            period: Some((&event.period).into()),
        }
    }
}

impl FromWire for QualitativeAssessmentRecorded {
    type Wire = pb::QualitativeAssessmentRecorded;
    fn read(at: At<'_>, wire: &pb::QualitativeAssessmentRecorded) -> Option<Self> {
        gather!(QualitativeAssessmentRecorded {
            area: at.field("area").id(&wire.area),
            indicator: at.field("indicator").id(&wire.indicator),
            as_of: at.field("as_of_date").date(wire.as_of_date.as_ref()),
            step: at.field("step").required_name(&wire.step),
            finding: at.field("finding").required_text(&wire.finding),
            obs_status: at.field("obs_status").code_or(wire.obs_status, ObsStatus::Unvalidated),
        })
    }
}

impl From<&QualitativeAssessmentRecorded> for pb::QualitativeAssessmentRecorded {
    fn from(event: &QualitativeAssessmentRecorded) -> Self {
        Self {
            area: event.area.to_string(),
            indicator: event.indicator.to_string(),
            as_of_date: Some(date_to_pb(event.as_of)),
            step: event.step.clone(),
            finding: event.finding.clone(),
            obs_status: event.obs_status.to_wire(),
        }
    }
}

impl FromWire for EvidenceAttached {
    type Wire = pb::EvidenceAttached;
    fn read(at: At<'_>, wire: &pb::EvidenceAttached) -> Option<Self> {
        let list = at.field("evidence");
        if wire.evidence.is_empty() && list.is_limited() {
            return list.refuse("needs at least one entry");
        }
        gather!(EvidenceAttached {
            event: at.field("event").uuid(&wire.event),
            evidence: list.each(&wire.evidence, EVIDENCE_MAX, Evidence::read),
        })
    }
}

impl From<&EvidenceAttached> for pb::EvidenceAttached {
    fn from(event: &EvidenceAttached) -> Self {
        Self { event: event.event.to_string(), evidence: event.evidence.iter().map(Into::into).collect() }
    }
}

impl FromWire for VerificationAccepted {
    type Wire = pb::VerificationAccepted;
    fn read(at: At<'_>, wire: &pb::VerificationAccepted) -> Option<Self> {
        gather!(VerificationAccepted {
            event: at.field("event").uuid(&wire.event),
            finding: at.field("finding").required_text(&wire.finding),
        })
    }
}

impl From<&VerificationAccepted> for pb::VerificationAccepted {
    fn from(event: &VerificationAccepted) -> Self {
        Self { event: event.event.to_string(), finding: event.finding.clone() }
    }
}

impl FromWire for VerificationRejected {
    type Wire = pb::VerificationRejected;
    fn read(at: At<'_>, wire: &pb::VerificationRejected) -> Option<Self> {
        gather!(VerificationRejected {
            event: at.field("event").uuid(&wire.event),
            reason: at.field("reason").required_text(&wire.reason),
        })
    }
}

impl From<&VerificationRejected> for pb::VerificationRejected {
    fn from(event: &VerificationRejected) -> Self {
        Self { event: event.event.to_string(), reason: event.reason.clone() }
    }
}

impl FromWire for MeasurementRevised {
    type Wire = pb::MeasurementRevised;
    fn read(at: At<'_>, wire: &pb::MeasurementRevised) -> Option<Self> {
        gather!(MeasurementRevised {
            measurement: at.field("measurement").uuid(&wire.measurement),
            figure: at.field("figure").message(wire.figure.as_ref()),
            obs_status: at.field("obs_status").code_or(wire.obs_status, ObsStatus::Unvalidated),
            reason: at.field("reason").required_text(&wire.reason),
        })
    }
}

impl From<&MeasurementRevised> for pb::MeasurementRevised {
    fn from(event: &MeasurementRevised) -> Self {
        Self {
            measurement: event.measurement.to_string(),
            figure: Some((&event.figure).into()),
            obs_status: event.obs_status.to_wire(),
            reason: event.reason.clone(),
        }
    }
}

impl FromWire for EvidenceWithdrawn {
    type Wire = pb::EvidenceWithdrawn;
    fn read(at: At<'_>, wire: &pb::EvidenceWithdrawn) -> Option<Self> {
        gather!(EvidenceWithdrawn {
            event: at.field("event").uuid(&wire.event),
            sha256: at.field("sha256").digest(&wire.sha256),
            reason: at.field("reason").required_text(&wire.reason),
        })
    }
}

impl From<&EvidenceWithdrawn> for pb::EvidenceWithdrawn {
    fn from(event: &EvidenceWithdrawn) -> Self {
        Self { event: event.event.to_string(), sha256: event.sha256.to_vec(), reason: event.reason.clone() }
    }
}

impl FromWire for VerificationRequested {
    type Wire = pb::VerificationRequested;
    fn read(at: At<'_>, wire: &pb::VerificationRequested) -> Option<Self> {
        gather!(VerificationRequested {
            event: at.field("event").uuid(&wire.event),
            note: at.field("note").text(&wire.note),
        })
    }
}

impl From<&VerificationRequested> for pb::VerificationRequested {
    fn from(event: &VerificationRequested) -> Self {
        Self { event: event.event.to_string(), note: event.note.clone() }
    }
}

impl FromWire for VerificationReopened {
    type Wire = pb::VerificationReopened;
    fn read(at: At<'_>, wire: &pb::VerificationReopened) -> Option<Self> {
        gather!(VerificationReopened {
            event: at.field("event").uuid(&wire.event),
            reason: at.field("reason").required_text(&wire.reason),
        })
    }
}

impl From<&VerificationReopened> for pb::VerificationReopened {
    fn from(event: &VerificationReopened) -> Self {
        Self { event: event.event.to_string(), reason: event.reason.clone() }
    }
}
