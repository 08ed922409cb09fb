//! Rules of projects and milestones.

use jiff::civil::{Date, date};

use super::support::{status as status_of, *};
use crate::event::*;
use crate::vocabulary::*;

const DUE: Date = date(2025, 3, 31);

fn with_milestone() -> World {
    let mut world = World::published();
    world.ok(&agency("district"), milestone("park", "m"));
    world
}

fn status(world: &World) -> MilestoneStatus {
    world.state.milestone(&id("park"), &id("m")).unwrap().status()
}

fn rescheduled(previous_due_date: Date, due_date: Date) -> MilestoneRescheduled {
    MilestoneRescheduled {
        project: id("park"),
        milestone: id("m"),
        previous_due_date,
        due_date,
        reason: "审批延后".into(),
    }
}

fn cancelled() -> MilestoneCancelled {
    MilestoneCancelled { project: id("park"), milestone: id("m"), reason: "不再建设".into() }
}

#[test]
fn directions_and_merged_projects_have_no_milestones() {
    let mut world = World::published();
    let field = "milestone_planned.project";
    world.refused(&office(), milestone("vaccines", "m"), Reason::MilestoneState, field);
    world.ok(&office(), merged("park", "centre"));
    let message = world.refused(&office(), milestone("park", "m"), Reason::MilestoneState, field);
    assert!(message.contains("centre"), "{message}");
}

#[test]
fn a_weight_is_above_0() {
    let mut world = World::published();
    let weightless = MilestonePlanned { weight: dec("0"), ..milestone("park", "m") };
    world.refused(&office(), weightless, Reason::InvalidField, "milestone_planned.weight");
}

fn merged(project: &str, into: &str) -> ProjectMerged {
    ProjectMerged { project: id(project), into: id(into), interpreted: true, reason: "同一项目".into() }
}

#[test]
fn a_project_is_merged_once_and_into_one_that_stands_for_itself() {
    let mut world = World::published();
    world.refused(&office(), merged("park", "park"), Reason::InvalidField, "project_merged.into");
    world.refused(&office(), merged("none", "park"), Reason::UnknownResource, "project_merged.project");
    world.refused(&office(), merged("park", "none"), Reason::UnknownResource, "project_merged.into");
    world.ok(&office(), merged("park", "centre"));
    world.refused(&office(), merged("park", "hub"), Reason::AlreadyDefined, "project_merged.project");
    world.refused(&office(), merged("hub", "park"), Reason::InvalidField, "project_merged.into");
    world.refused(&office(), merged("centre", "hub"), Reason::InvalidField, "project_merged.project");
    world.refused(&office(), merged("centre", "park"), Reason::InvalidField, "project_merged.into");
    assert_eq!(world.state.project(&id("park")).unwrap().merged_into, Some(id("centre")));
}

#[test]
fn a_project_with_open_milestones_is_not_merged() {
    let mut world = with_milestone();
    world.refused(&office(), merged("park", "centre"), Reason::MilestoneState, "project_merged.project");
    world.ok(&office(), cancelled());
    world.ok(&office(), merged("park", "centre"));
}

#[test]
fn a_milestone_is_met_from_every_open_state_and_then_done() {
    let before: [&[Payload]; 3] = [&[], &[partially("park", "m", "50").into()], &[missed("park", "m", DUE).into()]];
    for reports in before {
        let mut world = with_milestone();
        for report in reports {
            world.ok(&agency("district"), report.clone());
        }
        world.ok(&agency("district"), reached("park", "m", DUE));
        assert_eq!(status(&world), MilestoneStatus::Met);
        let state = Reason::MilestoneState;
        let district = agency("district");
        world.refused(&district, reached("park", "m", DUE), state, "milestone_reached.milestone");
        world.refused(&district, partially("park", "m", "50"), state, "milestone_partially_reached.milestone");
        world.refused(&district, missed("park", "m", DUE), state, "milestone_missed.milestone");
        world.refused(&office(), cancelled(), state, "milestone_cancelled.milestone");
        let moved = rescheduled(DUE, TODAY);
        world.refused(&office(), moved, state, "milestone_rescheduled.milestone");
    }
}

#[test]
fn nothing_follows_a_cancelled_milestone() {
    let mut world = with_milestone();
    world.ok(&agency("district"), cancelled());
    assert_eq!(status(&world), MilestoneStatus::Cancelled);
    let message = world.refused(
        &agency("district"),
        reached("park", "m", DUE),
        Reason::MilestoneState,
        "milestone_reached.milestone",
    );
    assert!(message.contains("CANCELLED"), "{message}");
}

#[test]
fn a_milestone_is_rescheduled_by_who_knows_its_due_date() {
    let mut world = with_milestone();
    let later = date(2025, 9, 30);
    let stale = rescheduled(date(2025, 1, 1), later);
    world.refused(&office(), stale, Reason::MilestoneState, "milestone_rescheduled.previous_due_date");
    world.refused(&office(), rescheduled(DUE, DUE), Reason::InvalidField, "milestone_rescheduled.due_date");
    let silent = MilestoneRescheduled { reason: String::new(), ..rescheduled(DUE, later) };
    world.refused(&office(), silent, Reason::InvalidField, "milestone_rescheduled.reason");
    world.ok(&agency("district"), rescheduled(DUE, later));
    assert_eq!(world.state.milestone(&id("park"), &id("m")).unwrap().due_date, later);
}

#[test]
fn a_partial_percentage_is_above_0_and_below_100() {
    let mut world = with_milestone();
    for percent in ["0", "100", "-1", "101"] {
        let report = partially("park", "m", percent);
        world.refused(&agency("district"), report, Reason::InvalidField, "milestone_partially_reached.percent");
    }
    world.ok(&agency("district"), partially("park", "m", "99.9"));
    assert_eq!(status(&world), MilestoneStatus::PartiallyMet);
}

#[test]
fn a_milestone_is_not_reported_before_its_day_nor_missed_before_it_is_due() {
    let mut world = with_milestone();
    let district = agency("district");
    let tomorrow = date(2025, 7, 1);
    world.refused(&district, reached("park", "m", tomorrow), Reason::FutureDate, "milestone_reached.reach_date");
    world.refused(&district, missed("park", "m", tomorrow), Reason::FutureDate, "milestone_missed.as_of_date");
    let early = missed("park", "m", date(2025, 3, 30));
    world.refused(&district, early, Reason::InvalidField, "milestone_missed.as_of_date");
    world.ok(&district, missed("park", "m", DUE));
    assert_eq!(status(&world), MilestoneStatus::NotMet);
}

#[test]
fn an_effective_date_does_not_contradict_the_day_in_the_report() {
    let mut world = with_milestone();
    let mut input = world.input(reached("park", "m", DUE));
    input.effective_date = Some(date(2025, 4, 1));
    world.refused_input(&agency("district"), input.clone(), Reason::InvalidField, "effective_date");
    input.effective_date = Some(DUE);
    let (_, decision) = world.send(&agency("district"), input).unwrap();
    assert_eq!(decision.area, Some(id("circle")));
    assert_eq!(decision.subject, "plans/p/projects/park/milestones/m");
}

#[test]
fn a_long_past_report_is_marked_and_names_its_source() {
    let mut world = with_milestone();
    let district = agency("district");
    // 2024-06-29 is 366 days before today: not yet late.
    let mut input = world.input(reached("park", "m", date(2024, 6, 28)));
    input.source_ref = " ".into();
    world.refused_input(&district, input.clone(), Reason::SourceRefRequired, "source_ref");
    input.source_ref = "验收报告".into();
    let mut late = world.clone();
    assert!(late.send(&district, input).unwrap().1.back_dated);
    let mut input = world.input(reached("park", "m", date(2024, 6, 29)));
    input.source_ref = String::new();
    assert!(!world.send(&district, input).unwrap().1.back_dated);
}

#[test]
fn an_unknown_milestone_is_not_reported_on() {
    let mut world = with_milestone();
    let district = agency("district");
    world.refused(&district, reached("park", "x", DUE), Reason::UnknownResource, "milestone_reached.milestone");
    world.refused(&district, reached("none", "m", DUE), Reason::UnknownResource, "milestone_reached.project");
}

/// A status of `park` from `from` on.
fn changed(world: &mut World, from: Date, to: ProjectStatus) -> EventInput {
    let mut input = world.input(status_of("park", to));
    input.effective_date = Some(from);
    input
}

#[test]
fn a_project_comes_to_a_status_from_a_day_on() {
    use ProjectStatus as S;
    let mut world = World::published();
    let status_on = |world: &World, day| world.state.project(&id("park")).unwrap().status_on(day);
    let input = changed(&mut world, date(2025, 3, 1), S::Implementation);
    world.send(&agency("district"), input).unwrap();
    let input = changed(&mut world, date(2025, 5, 1), S::Suspended);
    world.send(&office(), input).unwrap();
    // Said later of an earlier day: it holds until the next one that is known.
    let input = changed(&mut world, date(2025, 2, 1), S::Preparation);
    world.send(&office(), input).unwrap();
    for (day, expected) in [
        (date(2025, 1, 31), None),
        (date(2025, 2, 1), Some(S::Preparation)),
        (date(2025, 3, 1), Some(S::Implementation)),
        (date(2025, 4, 30), Some(S::Implementation)),
        (TODAY, Some(S::Suspended)),
    ] {
        assert_eq!(status_on(&world, day), expected, "{day}");
    }
    // Of one day the last word counts.
    let input = changed(&mut world, date(2025, 5, 1), S::Completion);
    world.send(&office(), input).unwrap();
    assert_eq!(status_on(&world, TODAY), Some(S::Completion));
}

#[test]
fn a_status_is_another_than_on_that_day_and_says_since_when_and_why() {
    use ProjectStatus as S;
    let mut world = World::published();
    let input = changed(&mut world, date(2025, 3, 1), S::Suspended);
    world.send(&office(), input).unwrap();
    let input = changed(&mut world, date(2025, 4, 1), S::Suspended);
    world.refused_input(&office(), input, Reason::InvalidField, "project_status_changed.status");
    let input = changed(&mut world, date(2025, 7, 1), S::Completed);
    world.refused_input(&office(), input, Reason::FutureDate, "effective_date");
    world.refused(&office(), status_of("park", S::Completed), Reason::InvalidField, "effective_date");
    let mut silent = world.input(ProjectStatusChanged { reason: " ".into(), ..status_of("park", S::Completed) });
    silent.effective_date = Some(TODAY);
    world.refused_input(&office(), silent, Reason::InvalidField, "project_status_changed.reason");
    let input = changed(&mut world, date(2025, 2, 28), S::Suspended);
    world.send(&office(), input).unwrap();
}

#[test]
fn a_project_that_ended_takes_no_new_or_reopened_milestones_until_it_goes_on() {
    use ProjectStatus as S;
    for ended in [S::Completed, S::Cancelled] {
        let mut world = with_milestone();
        let input = changed(&mut world, date(2025, 6, 1), ended);
        world.send(&office(), input).unwrap();
        world.refused(&office(), milestone("park", "n"), Reason::MilestoneState, "milestone_planned.project");
        world.ok(&agency("district"), reached("park", "m", DUE));
        let field = "milestone_reopened.project";
        world.refused(&office(), reopened("park", "m"), Reason::MilestoneState, field);
        let input = changed(&mut world, date(2025, 6, 2), S::Implementation);
        world.send(&office(), input).unwrap();
        world.ok(&office(), reopened("park", "m"));
        world.ok(&office(), milestone("park", "n"));
    }
}

#[test]
fn a_reopened_milestone_starts_anew_and_keeps_its_due_date() {
    let mut world = with_milestone();
    let district = agency("district");
    let later = date(2025, 5, 31);
    world.ok(&district, rescheduled(DUE, later));
    let half = world.ok(&district, partially("park", "m", "50"));
    let met = world.ok(&district, reached("park", "m", DUE));
    world.ok(&auditor(), accepted(met));
    let silent = MilestoneReopened { reason: String::new(), ..reopened("park", "m") };
    world.refused(&office(), silent, Reason::InvalidField, "milestone_reopened.reason");
    world.ok(&office(), reopened("park", "m"));
    assert_eq!(status(&world), MilestoneStatus::Scheduled);
    assert_eq!(world.state.milestone(&id("park"), &id("m")).unwrap().due_date, later);
    for report in [half, met] {
        let superseded = Reason::Superseded;
        world.refused(&auditor(), accepted(report), superseded, "verification_accepted.event");
        world.refused(&auditor(), rejected(report), superseded, "verification_rejected.event");
        world.refused(&auditor(), unverified(report), superseded, "verification_reopened.event");
        world.refused(&district, requested(report), superseded, "verification_requested.event");
    }
    world.refused(&office(), reopened("park", "m"), Reason::MilestoneState, "milestone_reopened.milestone");
    let again = world.ok(&district, reached("park", "m", DUE));
    world.ok(&auditor(), rejected(again));
    assert_eq!(status(&world), MilestoneStatus::Scheduled);
}

#[test]
fn a_merged_project_gets_no_open_milestone_by_reopening_one() {
    let mut world = with_milestone();
    world.ok(&office(), cancelled());
    world.ok(&office(), merged("park", "centre"));
    let message = world.refused(&office(), reopened("park", "m"), Reason::MilestoneState, "milestone_reopened.project");
    assert!(message.contains("centre"), "{message}");
}
