//! GetCalendar: milestones by due date, projects by completion.
//!
//! Place in the flow: reading → milestones → items, buckets and sums. It must not know how milestones are folded.

use std::collections::BTreeMap;

use songhua_domain::event::ProjectRegistered;
use songhua_domain::id::{AreaId, ProjectId};
use songhua_domain::vocabulary::{MilestoneStatus, ProjectKind};
use songhua_views::Milestone;
use songhua_wire::pb;

use crate::milestone;
use crate::name;
use crate::overview::days;
use crate::plan::size;
use crate::project;
use crate::reading::Reading;
use crate::refusal::{self, Refused};

/// Most days to a due date in the first bucket, and in the second.
const SOON_DAYS: i32 = 30;
const NEXT_DAYS: i32 = 90;

/// The calendar of one project, or of all; of one area, or of all.
pub(crate) fn get(
    reading: &Reading,
    only: Option<&ProjectId>,
    area: Option<&AreaId>,
) -> Result<pb::GetCalendarResponse, Refused> {
    let model = &reading.model;
    if let Some(id) = only.filter(|id| !model.projects.contains_key(*id)) {
        return Err(refusal::resource_not_found(&name::of_project(&reading.plan, id), reading.known()));
    }
    if let Some(unknown) = area.filter(|area| !model.areas.contains_key(*area)) {
        return Err(refusal::unknown_resource("area", unknown.as_str()));
    }
    let in_area = |id: &ProjectId| model.projects.get(id).is_some_and(|one| area.is_none_or(|area| one.area == *area));
    let mut milestones = reading.milestones(only)?;
    milestones.retain(|milestone| in_area(&milestone.project));
    let counted = || milestones.iter().filter(|milestone| milestone.status != MilestoneStatus::Cancelled);
    let items: Vec<_> = milestones.iter().map(|milestone| item(reading, milestone)).collect();
    let answer = pb::GetCalendarResponse {
        buckets: count(&items),
        items,
        slipped_count: size(counted().filter(|milestone| milestone::is_slipped(milestone)).count()),
        slip_days: counted().map(|milestone| days(milestone.original_due_date, milestone.due_date)).sum(),
        reschedule_count: counted().map(|milestone| milestone.reschedule_count).sum(),
        state: Some(reading.state()),
        ..Default::default()
    };
    let shown = model.projects.values().filter(|one| in_area(&one.project) && is_shown(reading, only, one));
    let projects = by_completion(reading, shown.collect(), milestones)?;
    let without_milestone_count = size(projects.iter().filter(|project| project.milestone_count == 0).count());
    Ok(pb::GetCalendarResponse { projects, without_milestone_count, ..answer })
}

/// Projects that go on and can be completed; one that is asked for in any case.
fn is_shown(reading: &Reading, only: Option<&ProjectId>, project: &ProjectRegistered) -> bool {
    match only {
        Some(only) => project.project == *only,
        None => project.kind == ProjectKind::Project && !reading.model.merges.contains_key(&project.project),
    }
}

/// Least complete first, those without a milestone last; else by area, then by id.
fn by_completion(
    reading: &Reading,
    mut projects: Vec<&ProjectRegistered>,
    milestones: Vec<Milestone>,
) -> Result<Vec<pb::Project>, Refused> {
    let mut by_project: BTreeMap<ProjectId, Vec<Milestone>> = BTreeMap::new();
    for milestone in milestones {
        by_project.entry(milestone.project.clone()).or_default().push(milestone);
    }
    let of = |one: &ProjectRegistered| by_project.get(&one.project).map(Vec::as_slice).unwrap_or_default();
    projects.sort_by_cached_key(|one| {
        let completion = project::completion(of(one));
        (completion.is_none(), completion, reading.order_of(&one.area))
    });
    projects.into_iter().map(|one| project::summary(reading, one, of(one))).collect()
}

/// How many items are in each bucket, also those in which none is.
fn count(items: &[pb::CalendarItem]) -> Vec<pb::BucketCount> {
    use pb::DueBucket::{Cancelled, Due30, Due90, Later, Met, Overdue};
    let in_bucket = |bucket| items.iter().filter(|item| item.bucket() == bucket).count();
    let count = |bucket: pb::DueBucket| pb::BucketCount { bucket: bucket.into(), count: size(in_bucket(bucket)) };
    [Overdue, Due30, Due90, Later, Met, Cancelled].into_iter().map(count).collect()
}

/// A milestone as it stands to its due date.
pub(crate) fn item(reading: &Reading, milestone: &Milestone) -> pb::CalendarItem {
    let project = reading.model.projects.get(&milestone.project);
    pb::CalendarItem {
        milestone: Some(milestone::to_pb(reading, milestone)),
        project: name::of_project(&reading.plan, &milestone.project),
        project_name: project.map(|project| (&project.name).into()),
        lead_agency: name::or_empty(reading.model.lead_of_project(&milestone.project)),
        bucket: bucket(reading, milestone).into(),
        days_to_due: days(reading.valid_date, milestone.due_date),
    }
}

fn bucket(reading: &Reading, milestone: &Milestone) -> pb::DueBucket {
    match (milestone.status, days(reading.valid_date, milestone.due_date)) {
        (MilestoneStatus::Met, _) => pb::DueBucket::Met,
        (MilestoneStatus::Cancelled, _) => pb::DueBucket::Cancelled,
        (_, days) if days < 0 => pb::DueBucket::Overdue,
        (_, days) if days <= SOON_DAYS => pb::DueBucket::Due30,
        (_, days) if days <= NEXT_DAYS => pb::DueBucket::Due90,
        _ => pb::DueBucket::Later,
    }
}
