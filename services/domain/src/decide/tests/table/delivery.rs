//! Cases of projects and milestones.

use jiff::civil::{Date, date};

use super::super::support::*;
use super::{Case, accepted, refused};
use crate::event::*;
use crate::state::PlanState;
use crate::vocabulary::*;

const DUE: Date = date(2025, 3, 31);
const STATE: Reason = Reason::MilestoneState;
const OUT: Reason = Reason::OutOfScope;

pub(super) fn cases() -> Vec<Case> {
    [projects(), statuses(), planning(), moving(), reports(), reopening()].into_iter().flatten().collect()
}

fn with_milestone() -> World {
    let mut world = World::published();
    world.ok(&office(), milestone("park", "m"));
    world
}

/// Its project was given up.
fn called_off(mut world: World) -> World {
    let mut input = world.input(status("park", ProjectStatus::Cancelled));
    input.effective_date = Some(DUE);
    world.send(&office(), input).unwrap();
    world
}

/// A milestone that was met.
fn met() -> World {
    let mut world = with_milestone();
    world.ok(&agency("district"), reached("park", "m", DUE));
    world
}

fn is(status: MilestoneStatus) -> impl Fn(&PlanState) -> bool {
    move |state| state.milestone(&id("park"), &id("m")).is_some_and(|milestone| milestone.status() == status)
}

/// A day so long ago that it needs a source, and no source.
fn unsourced(input: &mut EventInput) {
    (input.effective_date, input.source_ref) = (Some(date(2024, 1, 1)), String::new());
}

fn merged(project: &str, into: &str) -> ProjectMerged {
    ProjectMerged { project: id(project), into: id(into), interpreted: true, reason: "同一项目".into() }
}

fn projects() -> Vec<Case> {
    let (world, loading) = (World::published(), World::loading());
    let mut joined = World::published();
    joined.ok(&office(), merged("park", "centre"));
    let is_there = |state: &PlanState| state.project(&id("new")).is_some();
    let is_merged = |state: &PlanState| state.project(&id("park")).unwrap().merged_into.as_ref() == Some(&id("centre"));
    vec![
        accepted(&world, &office(), project("new", ProjectKind::Project), is_there),
        accepted(&loading, &office(), project("new", ProjectKind::Direction), is_there),
        refused(&world, &office(), project("park", ProjectKind::Project), Reason::AlreadyDefined),
        accepted(&world, &office(), merged("park", "centre"), is_merged),
        accepted(&loading, &office(), merged("park", "centre"), is_merged),
        refused(&joined, &office(), merged("park", "hub"), Reason::AlreadyDefined),
        refused(&with_milestone(), &office(), merged("park", "centre"), STATE),
    ]
}

fn statuses() -> Vec<Case> {
    use ProjectStatus as S;
    let world = World::published();
    let from = |day| move |input: &mut EventInput| input.effective_date = Some(day);
    let suspended = |state: &PlanState| {
        let project = state.project(&id("park")).unwrap();
        project.status_on(DUE) == Some(S::Suspended) && project.status_on(date(2025, 3, 30)).is_none()
    };
    vec![
        accepted(&world, &office(), status("park", S::Suspended), suspended).with(from(DUE)),
        accepted(&world, &agency("district"), status("park", S::Suspended), suspended).with(from(DUE)),
        refused(&world, &agency("stranger"), status("park", S::Suspended), OUT).with(from(DUE)),
        refused(&world, &office(), status("park", S::Suspended), Reason::InvalidField),
        refused(&world, &office(), status("none", S::Suspended), Reason::UnknownResource).with(from(DUE)),
        refused(&world, &office(), status("park", S::Suspended), Reason::SourceRefRequired).with(unsourced),
    ]
}

fn planning() -> Vec<Case> {
    let (world, loading) = (World::published(), World::loading());
    let ended = called_off(World::published());
    vec![
        accepted(&world, &office(), milestone("park", "m"), is(MilestoneStatus::Scheduled)),
        accepted(&world, &agency("district"), milestone("park", "m"), is(MilestoneStatus::Scheduled)),
        accepted(&loading, &office(), milestone("park", "m"), is(MilestoneStatus::Scheduled)),
        refused(&loading, &agency("district"), milestone("park", "m"), Reason::PlanNotPublished),
        refused(&world, &agency("stranger"), milestone("park", "m"), OUT),
        refused(&world, &office(), milestone("vaccines", "m"), STATE),
        refused(&ended, &office(), milestone("park", "m"), STATE),
        refused(&with_milestone(), &office(), milestone("park", "m"), Reason::AlreadyDefined),
    ]
}

fn moving() -> Vec<Case> {
    let world = with_milestone();
    let moved = |previous_due_date| MilestoneRescheduled {
        project: id("park"),
        milestone: id("m"),
        previous_due_date,
        due_date: TODAY,
        reason: "审批延后".into(),
    };
    let is_later = |state: &PlanState| state.milestone(&id("park"), &id("m")).unwrap().due_date == TODAY;
    vec![
        accepted(&world, &office(), moved(DUE), is_later),
        accepted(&world, &agency("district"), moved(DUE), is_later),
        refused(&world, &agency("stranger"), moved(DUE), OUT),
        refused(&world, &office(), moved(TODAY), STATE),
        refused(&met(), &office(), moved(DUE), STATE),
        refused(&world, &office(), moved(DUE), Reason::SourceRefRequired).with(unsourced),
        accepted(&world, &office(), cancelled("park", "m"), is(MilestoneStatus::Cancelled)),
        accepted(&world, &agency("district"), cancelled("park", "m"), is(MilestoneStatus::Cancelled)),
        refused(&world, &agency("stranger"), cancelled("park", "m"), OUT),
        refused(&met(), &office(), cancelled("park", "m"), STATE),
        refused(&world, &office(), cancelled("park", "m"), Reason::SourceRefRequired).with(unsourced),
    ]
}

fn reports() -> Vec<Case> {
    use MilestoneStatus as S;
    let (world, met) = (with_milestone(), met());
    let (district, stranger) = (agency("district"), agency("stranger"));
    let long_ago = date(2024, 1, 1);
    let all: [(Payload, Payload, S); 3] = [
        (reached("park", "m", DUE).into(), reached("park", "m", long_ago).into(), S::Met),
        (
            partially("park", "m", "50").into(),
            MilestonePartiallyReached { as_of: long_ago, ..partially("park", "m", "50") }.into(),
            S::PartiallyMet,
        ),
        (missed("park", "m", DUE).into(), missed("park", "m", long_ago).into(), S::NotMet),
    ];
    let early = world_due(long_ago);
    let mut cases = Vec::new();
    for (report, old, status) in all {
        cases.extend([
            accepted(&world, &district, report.clone(), is(status)),
            refused(&world, &stranger, report.clone(), OUT),
            refused(&world, &office(), report.clone(), Reason::RoleNotAllowed),
            refused(&met, &district, report, STATE),
            refused(&early, &district, old, Reason::SourceRefRequired).with(|input| input.source_ref.clear()),
        ]);
    }
    cases
}

/// A milestone that was due long ago, so that a report on it may be as old.
fn world_due(due_date: Date) -> World {
    let mut world = World::published();
    world.ok(&office(), MilestonePlanned { due_date, ..milestone("park", "m") });
    world
}

fn reopening() -> Vec<Case> {
    let met = met();
    let mut ended = with_milestone();
    ended.ok(&office(), cancelled("park", "m"));
    let mut merged_away = ended.clone();
    merged_away.ok(&office(), merged("park", "centre"));
    let reopened = || reopened("park", "m");
    vec![
        accepted(&met, &office(), reopened(), is(MilestoneStatus::Scheduled)),
        accepted(&ended, &agency("district"), reopened(), is(MilestoneStatus::Scheduled)),
        refused(&met, &agency("stranger"), reopened(), OUT),
        refused(&with_milestone(), &office(), reopened(), STATE),
        refused(&merged_away, &office(), reopened(), STATE),
        refused(&called_off(met.clone()), &office(), reopened(), STATE),
        refused(&met, &office(), reopened(), Reason::SourceRefRequired).with(unsourced),
    ]
}
