//! ListMilestones, and a milestone as it is shown.
//!
//! Place in the flow: folded milestone → `Milestone`. It must not know how reports are folded.

use jiff::Timestamp;
use songhua_domain::id::ProjectId;
use songhua_domain::vocabulary::{MilestoneStatus, MilestoneType};
use songhua_views::{Milestone, MilestoneChange};
use songhua_wire::code::Code;
use songhua_wire::pb;
use songhua_wire::time::{date_to_pb, timestamp_to_pb};

use crate::filter::{Field, Filter, Kind, Value, field};
use crate::name;
use crate::overview::days;
use crate::page::Page;
use crate::reading::Reading;
use crate::refusal::{self, Refused};

/// What milestones can be filtered by.
pub(crate) const FIELDS: &[Field] = &[
    field("area", Kind::Id),
    field("project", Kind::Id),
    field("status", Kind::Code(|text| MilestoneStatus::from_code(text).map(drop))),
    field("type", Kind::Code(|text| MilestoneType::from_code(text).map(drop))),
    field("due_date", Kind::Date),
    field("slipped", Kind::Bool),
];

/// A page of milestones, of one project or of all, by due date.
pub(crate) fn list(
    reading: &Reading,
    project: Option<&ProjectId>,
    filter: &Filter,
    page: &Page,
) -> Result<pb::ListMilestonesResponse, Refused> {
    if let Some(id) = project.filter(|id| !reading.model.projects.contains_key(*id)) {
        return Err(refusal::resource_not_found(&name::of_project(&reading.plan, id), reading.known()));
    }
    let mut all = reading.milestones(project)?;
    all.retain(|milestone| filter.matches(|field| value_of(reading, milestone, field)));
    let cut = page.cut(&all, reading);
    Ok(pb::ListMilestonesResponse {
        milestones: cut.items.iter().map(|milestone| to_pb(reading, milestone)).collect(),
        next_page_token: cut.next_page_token,
        total_size: cut.total_size,
        state: Some(reading.state()),
    })
}

fn value_of(reading: &Reading, milestone: &Milestone, field: &str) -> Option<Value> {
    match field {
        "area" => Some(area_of(reading, milestone).as_str().into()),
        "project" => Some(milestone.project.as_str().into()),
        "status" => Some(milestone.status.code().into()),
        "type" => Some(milestone.milestone_type.code().into()),
        "due_date" => Some(Value::Date(milestone.due_date)),
        "slipped" => Some(Value::Bool(is_slipped(milestone))),
        _ => None,
    }
}

fn area_of(reading: &Reading, milestone: &Milestone) -> String {
    name::or_empty(reading.model.projects.get(&milestone.project).map(|project| &project.area))
}

/// Whether it is due later than at first (延期). One that was brought forward is not, however often it was moved.
pub(crate) fn is_slipped(milestone: &Milestone) -> bool {
    milestone.due_date > milestone.original_due_date
}

/// The milestone without its history.
pub(crate) fn to_pb(reading: &Reading, milestone: &Milestone) -> pb::Milestone {
    pb::Milestone {
        name: name::of_milestone(&reading.plan, &milestone.project, &milestone.milestone),
        area: area_of(reading, milestone),
        milestone_type: milestone.milestone_type.to_wire(),
        title: Some((&milestone.title).into()),
        due_date: Some(date_to_pb(milestone.due_date)),
        original_due_date: Some(date_to_pb(milestone.original_due_date)),
        reschedule_count: milestone.reschedule_count,
        slip_days: days(milestone.original_due_date, milestone.due_date),
        status: milestone.status.to_wire(),
        overdue: milestone.overdue,
        reach_date: milestone.reach_date.map(date_to_pb),
        percent: milestone.percent.map(|percent| percent.to_string()).unwrap_or_default(),
        weight: milestone.weight.to_string(),
        verified: milestone.verified,
        changes: Vec::new(),
    }
}

/// The milestone with its history.
pub(crate) fn with_history(reading: &Reading, milestone: &Milestone) -> pb::Milestone {
    pb::Milestone { changes: milestone.changes().map(change).collect(), ..to_pb(reading, milestone) }
}

fn change(change: MilestoneChange) -> pb::MilestoneChange {
    pb::MilestoneChange {
        event_type: change.event_type.to_owned(),
        position: change.position,
        recorded_time: Timestamp::from_microsecond(change.recorded_time_us).ok().map(timestamp_to_pb),
        date: change.date.map(date_to_pb),
        previous_due_date: change.previous_due_date.map(date_to_pb),
        text: change.text,
        agency: name::or_empty(change.agency.as_ref()),
        percent: change.percent.map(|percent| percent.to_string()).unwrap_or_default(),
    }
}
