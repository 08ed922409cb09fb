//! Payloads of genesis, days and the plan itself.
//!
//! Place in the flow: called by [`super::input_from_pb`] and its inverse. It must not know: what belongs into a plan.

use songhua_domain::event::{
    Category, DayOpened, Document, HistoryForked, LightRuleAdopted, LogCreated, PlanDefined, PlanPublished, Remark,
    ScheduleOverride, Unit,
};

use crate::field::FromWire;
use crate::pb;
use crate::time::date_to_pb;
use crate::violation::{At, gather};

impl FromWire for LogCreated {
    type Wire = pb::LogCreated;
    fn read(at: At<'_>, wire: &pb::LogCreated) -> Option<Self> {
        gather!(LogCreated {
            log_id: at.field("log_id").uuid_bytes(&wire.log_id),
            plan: at.field("plan").optional_id(&wire.plan),
            epoch: Some(wire.epoch),
            simulated: Some(wire.simulated),
            hash_algorithm: Some(wire.hash_algorithm),
        })
    }
}

impl From<&LogCreated> for pb::LogCreated {
    fn from(event: &LogCreated) -> Self {
        Self {
            log_id: event.log_id.as_bytes().to_vec(),
            plan: event.plan.as_ref().map(ToString::to_string).unwrap_or_default(),
            epoch: event.epoch,
            simulated: event.simulated,
            hash_algorithm: event.hash_algorithm,
        }
    }
}

impl FromWire for HistoryForked {
    type Wire = pb::HistoryForked;
    fn read(at: At<'_>, wire: &pb::HistoryForked) -> Option<Self> {
        gather!(HistoryForked {
            old_epoch: Some(wire.old_epoch),
            epoch: Some(wire.epoch),
            old_size: Some(wire.old_size),
            old_leaf_hash: at.field("old_leaf_hash").digest(&wire.old_leaf_hash),
            old_root: at.field("old_root").digest(&wire.old_root),
            new_size: Some(wire.new_size),
            reason: at.field("reason").text(&wire.reason),
        })
    }
}

impl From<&HistoryForked> for pb::HistoryForked {
    fn from(event: &HistoryForked) -> Self {
        Self {
            old_epoch: event.old_epoch,
            epoch: event.epoch,
            old_size: event.old_size,
            old_leaf_hash: event.old_leaf_hash.to_vec(),
            old_root: event.old_root.to_vec(),
            new_size: event.new_size,
            reason: event.reason.clone(),
        }
    }
}

impl FromWire for DayOpened {
    type Wire = pb::DayOpened;
    fn read(at: At<'_>, wire: &pb::DayOpened) -> Option<Self> {
        gather!(DayOpened { date: at.field("date").date(wire.date.as_ref()) })
    }
}

impl From<&DayOpened> for pb::DayOpened {
    fn from(event: &DayOpened) -> Self {
        Self { date: Some(date_to_pb(event.date)) }
    }
}

impl FromWire for Document {
    type Wire = pb::Document;
    fn read(at: At<'_>, wire: &pb::Document) -> Option<Self> {
        gather!(Document {
            id: at.field("document").id(&wire.document),
            title: at.field("title").required_name(&wire.title),
            sha256: at.field("sha256").optional_digest(&wire.sha256),
            notes: at.field("notes").texts(&wire.notes),
        })
    }
}

impl From<&Document> for pb::Document {
    fn from(document: &Document) -> Self {
        Self {
            document: document.id.to_string(),
            title: document.title.clone(),
            sha256: document.sha256.map(Vec::from).unwrap_or_default(),
            notes: document.notes.clone(),
        }
    }
}

impl FromWire for Unit {
    type Wire = pb::Unit;
    fn read(at: At<'_>, wire: &pb::Unit) -> Option<Self> {
        gather!(Unit {
            code: at.field("code").required_name(&wire.code),
            name: at.field("display_name").title(wire.display_name.as_ref()),
        })
    }
}

impl From<&Unit> for pb::Unit {
    fn from(unit: &Unit) -> Self {
        Self { code: unit.code.clone(), display_name: Some((&unit.name).into()) }
    }
}

impl FromWire for Category {
    type Wire = pb::Category;
    fn read(at: At<'_>, wire: &pb::Category) -> Option<Self> {
        gather!(Category {
            id: at.field("category").id(&wire.category),
            name: at.field("display_name").title(wire.display_name.as_ref()),
            order: Some(wire.order),
        })
    }
}

impl From<&Category> for pb::Category {
    fn from(category: &Category) -> Self {
        Self { category: category.id.to_string(), display_name: Some((&category.name).into()), order: category.order }
    }
}

impl FromWire for Remark {
    type Wire = pb::Remark;
    fn read(at: At<'_>, wire: &pb::Remark) -> Option<Self> {
        gather!(Remark {
            kind: at.field("kind").required_name(&wire.kind),
            text: at.field("text").prose(wire.text.as_ref()),
            source: at.field("source").optional_message(wire.source.as_ref()),
            note: at.field("note").text(&wire.note),
        })
    }
}

impl From<&Remark> for pb::Remark {
    fn from(remark: &Remark) -> Self {
        Self {
            kind: remark.kind.clone(),
            text: Some((&remark.text).into()),
            source: remark.source.as_ref().map(Into::into),
            note: remark.note.clone(),
        }
    }
}

impl FromWire for PlanDefined {
    type Wire = pb::PlanDefined;
    fn read(at: At<'_>, wire: &pb::PlanDefined) -> Option<Self> {
        gather!(PlanDefined {
            plan: at.field("plan").id(&wire.plan),
            title: at.field("title").title(wire.title.as_ref()),
            city: at.field("city").title(wire.city.as_ref()),
            administrative_division_code: at
                .field("administrative_division_code")
                .name(&wire.administrative_division_code),
            start: at.field("start_date").date(wire.start_date.as_ref()),
            end: at.field("end_date").date(wire.end_date.as_ref()),
            time_zone: at.field("time_zone").required_name(&wire.time_zone),
            calc_version: Some(wire.calc_version),
            late_after_days: Some(wire.late_after_days),
            documents: at.field("documents").list(&wire.documents),
            units: at.field("units").list(&wire.units),
            categories: at.field("categories").list(&wire.categories),
            remarks: at.field("remarks").list(&wire.remarks),
            light_rule: at.field("light_rule").message(wire.light_rule.as_ref()),
        })
    }
}

impl From<&PlanDefined> for pb::PlanDefined {
    fn from(event: &PlanDefined) -> Self {
        Self {
            plan: event.plan.to_string(),
            title: Some((&event.title).into()),
            city: Some((&event.city).into()),
            administrative_division_code: event.administrative_division_code.clone(),
            start_date: Some(date_to_pb(event.start)),
            end_date: Some(date_to_pb(event.end)),
            time_zone: event.time_zone.clone(),
            calc_version: event.calc_version,
            late_after_days: event.late_after_days,
            documents: event.documents.iter().map(Into::into).collect(),
            units: event.units.iter().map(Into::into).collect(),
            categories: event.categories.iter().map(Into::into).collect(),
            remarks: event.remarks.iter().map(Into::into).collect(),
            light_rule: Some((&event.light_rule).into()),
        }
    }
}

impl FromWire for PlanPublished {
    type Wire = pb::PlanPublished;
    fn read(at: At<'_>, wire: &pb::PlanPublished) -> Option<Self> {
        gather!(PlanPublished { event_count: Some(wire.event_count), digest: at.field("digest").digest(&wire.digest) })
    }
}

impl From<&PlanPublished> for pb::PlanPublished {
    fn from(event: &PlanPublished) -> Self {
        Self { event_count: event.event_count, digest: event.digest.to_vec() }
    }
}

impl FromWire for ScheduleOverride {
    type Wire = pb::ScheduleOverride;
    fn read(at: At<'_>, wire: &pb::ScheduleOverride) -> Option<Self> {
        gather!(ScheduleOverride {
            indicator: at.field("indicator").id(&wire.indicator),
            schedule: at.field("schedule").message(wire.schedule.as_ref()),
        })
    }
}

impl From<&ScheduleOverride> for pb::ScheduleOverride {
    fn from(change: &ScheduleOverride) -> Self {
        Self { indicator: change.indicator.to_string(), schedule: Some((&change.schedule).into()) }
    }
}

impl FromWire for LightRuleAdopted {
    type Wire = pb::LightRuleAdopted;
    fn read(at: At<'_>, wire: &pb::LightRuleAdopted) -> Option<Self> {
        gather!(LightRuleAdopted {
            rule: at.field("rule").message(wire.rule.as_ref()),
            schedules: at.field("schedules").list(&wire.schedules),
            reason: at.field("reason").required_text(&wire.reason),
        })
    }
}

impl From<&LightRuleAdopted> for pb::LightRuleAdopted {
    fn from(event: &LightRuleAdopted) -> Self {
        Self {
            rule: Some((&event.rule).into()),
            schedules: event.schedules.iter().map(Into::into).collect(),
            reason: event.reason.clone(),
        }
    }
}
