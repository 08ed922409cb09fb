//! Rules of reporting periods, reminders, notes and supervision.

use jiff::civil::{Date, date};

use super::agencies::succeeded;
use super::support::*;
use crate::event::*;
use crate::vocabulary::*;

const CLOSED: Reason = Reason::PeriodClosed;
const FIELD: Reason = Reason::InvalidField;

fn labs(day: Date) -> MeasurementReported {
    figure("labs", Basis::StockAt, ReferencePeriod::AsOf(day), "3")
}

/// The second quarter of 2025 is closed.
fn quarter_closed() -> World {
    let mut world = World::published();
    world.ok(&office(), second_quarter());
    world.ok(&office(), closed("q2-2025"));
    world
}

#[test]
fn a_closed_period_takes_no_figure_whose_reference_date_lies_in_it() {
    let mut world = quarter_closed();
    let bureau = agency("bureau");
    for day in [date(2025, 4, 1), date(2025, 6, 30)] {
        let message = world.refused(&bureau, labs(day), CLOSED, "measurement_reported");
        assert!(message.contains("q2-2025") && message.contains("plan office"), "{message}");
    }
    world.ok(&bureau, labs(date(2025, 3, 31)));
    world.refused(&bureau, added(date(2025, 1, 1), date(2025, 4, 30), "1"), CLOSED, "measurement_reported");
}

#[test]
fn a_closed_period_takes_no_figure_of_a_period_that_shares_a_day_with_it() {
    let mut world = quarter_closed();
    world.today = Some(date(2025, 12, 31));
    let bureau = agency("bureau");
    for (start, end) in [(4, 7), (6, 7), (1, 4), (1, 12)] {
        let across = added(date(2025, start, 1), date(2025, end, 1), "1");
        let message = world.refused(&bureau, across, CLOSED, "measurement_reported");
        assert!(message.contains("q2-2025"), "{message}");
    }
    world.ok(&bureau, added(date(2025, 1, 1), date(2025, 3, 31), "1"));
    world.ok(&bureau, added(date(2025, 7, 1), date(2025, 9, 30), "1"));
    world.ok(&bureau, added_until(date(2025, 12, 31), "5"));
}

#[test]
fn a_period_closes_indicators_of_its_frequency_only() {
    let mut world = World::published();
    let monthly = ReportingPeriodOpened { frequency: Frequency::Month, ..second_quarter() };
    world.ok(&office(), monthly);
    world.ok(&office(), closed("q2-2025"));
    world.ok(&agency("bureau"), labs(date(2025, 6, 1)));
    world.ok(&agency("inspectors"), assessed("国内领先"));
}

#[test]
fn what_is_there_is_corrected_revised_and_retracted_after_the_period_closed() {
    let mut world = World::published();
    let bureau = agency("bureau");
    let first = world.ok(&bureau, labs(date(2025, 6, 1)));
    world.ok(&office(), second_quarter());
    world.ok(&office(), closed("q2-2025"));
    let second = world.ok(&bureau, corrected(first, "4"));
    let third = world.ok(&bureau, revised(second, "5"));
    world.ok(&auditor(), accepted(third));
    world.ok(&bureau, retracted(third));
    world.refused(&bureau, labs(date(2025, 6, 1)), CLOSED, "measurement_reported");
}

#[test]
fn a_period_that_is_opened_again_takes_figures() {
    let mut world = quarter_closed();
    let later = ReportingPeriodOpened { due_date: date(2025, 9, 30), ..second_quarter() };
    world.ok(&office(), later);
    world.ok(&agency("bureau"), labs(date(2025, 6, 1)));
    world.ok(&office(), closed("q2-2025"));
    world.refused(&agency("bureau"), labs(date(2025, 6, 2)), CLOSED, "measurement_reported");
}

#[test]
fn periods_of_a_frequency_share_no_day() {
    let mut world = quarter_closed();
    let (state, start) = (Reason::PeriodState, "reporting_period_opened.start_date");
    for (first, last) in [
        (date(2025, 6, 30), date(2025, 7, 31)),
        (date(2025, 1, 1), date(2025, 4, 1)),
        (date(2025, 5, 1), date(2025, 5, 31)),
        (date(2025, 1, 1), date(2025, 12, 31)),
    ] {
        world.refused(&office(), opened("other", first, last), state, start);
        let yearly = ReportingPeriodOpened { frequency: Frequency::Year, ..opened("yearly", first, last) };
        let mut elsewhere = world.clone();
        elsewhere.ok(&office(), yearly);
    }
    world.ok(&office(), opened("q1-2025", date(2025, 1, 1), date(2025, 3, 31)));
    world.ok(&office(), opened("q3-2025", date(2025, 7, 1), date(2025, 9, 30)));
}

#[test]
fn a_period_that_was_mistyped_is_closed_and_opened_again_as_it_should_be() {
    let mut world = quarter_closed();
    let bureau = agency("bureau");
    world.ok(&office(), opened("q3-2025", date(2025, 7, 1), date(2025, 9, 30)));
    let wrong = opened("q2-2025", date(2025, 4, 1), date(2025, 7, 1));
    world.refused(&office(), wrong, Reason::PeriodState, "reporting_period_opened.start_date");
    world.ok(&office(), opened("q2-2025", date(2025, 4, 1), date(2025, 5, 31)));
    world.refused(&office(), second_quarter(), Reason::PeriodState, "reporting_period_opened.period");
    world.ok(&office(), closed("q2-2025"));
    world.refused(&bureau, labs(date(2025, 5, 31)), CLOSED, "measurement_reported");
    world.ok(&bureau, labs(date(2025, 6, 1)));
    world.ok(&office(), opened("june", date(2025, 6, 1), date(2025, 6, 30)));
    let yearly = ReportingPeriodOpened { frequency: Frequency::Year, ..second_quarter() };
    world.ok(&office(), yearly);
    world.ok(&office(), closed("q2-2025"));
    world.ok(&bureau, labs(date(2025, 5, 31)));
}

#[test]
fn a_period_ends_after_it_starts_and_figures_are_due_after_it_ended() {
    let mut world = World::published();
    let backwards = opened("q", date(2025, 4, 2), date(2025, 4, 1));
    world.refused(&office(), backwards, FIELD, "reporting_period_opened.end_date");
    let early = ReportingPeriodOpened { due_date: date(2025, 6, 29), ..second_quarter() };
    world.refused(&office(), early, FIELD, "reporting_period_opened.due_date");
    world.ok(&office(), ReportingPeriodOpened { due_date: date(2025, 6, 30), ..second_quarter() });
    let silent = ReportingPeriodClosed { reason: String::new(), ..closed("q2-2025") };
    world.refused(&office(), silent, FIELD, "reporting_period_closed.reason");
}

#[test]
fn a_reminder_is_about_what_the_plan_knows() {
    let mut world = World::published();
    let (unknown, plan) = (Reason::UnknownResource, || Scope::Plan);
    world.refused(&office(), reminder("none", plan()), unknown, "reminder_issued.agency");
    let nowhere = Scope::Target(id("circle"), id("labs"));
    world.refused(&office(), reminder("bureau", nowhere), unknown, "reminder_issued.scope.target");
    let of_quarter = || ReminderIssued { period: Some(id("q2-2025")), ..reminder("bureau", plan()) };
    world.refused(&office(), of_quarter(), unknown, "reminder_issued.period");
    world.ok(&office(), second_quarter());
    world.ok(&office(), of_quarter());
    let silent = ReminderIssued { message: " ".into(), ..reminder("bureau", plan()) };
    world.refused(&office(), silent, FIELD, "reminder_issued.message");
}

#[test]
fn a_note_says_something_of_a_day_that_has_come() {
    let mut world = World::published();
    let bureau = agency("bureau");
    let empty = || ProgressNoteRecorded { progress: " ".into(), ..note(Scope::Plan) };
    world.refused(&bureau, empty(), FIELD, "progress_note_recorded.progress");
    world.ok(&bureau, ProgressNoteRecorded { problems: "审批慢".into(), ..empty() });
    world.ok(&bureau, ProgressNoteRecorded { next_steps: "专题会".into(), ..empty() });
    let early = ProgressNoteRecorded { as_of: date(2025, 7, 1), ..note(Scope::Plan) };
    world.refused(&bureau, early, Reason::FutureDate, "progress_note_recorded.as_of_date");
    let long = ProgressNoteRecorded { problems: "长".repeat(TEXT_LENGTH_MAX + 1), ..note(Scope::Plan) };
    world.refused(&bureau, long, FIELD, "progress_note_recorded.problems");
    let unknown = note(Scope::Project(id("none")));
    world.refused(&bureau, unknown, Reason::UnknownResource, "progress_note_recorded.scope.project");
}

#[test]
fn a_narrow_reporter_does_not_speak_for_a_wider_scope() {
    let mut world = World::published();
    world.ok(&office(), assignment("stranger", AssignmentRole::Responsible, Scope::Area(id("circle"))));
    let stranger = agency("stranger");
    world.ok(&stranger, note(Scope::Project(id("park"))));
    world.ok(&stranger, note(Scope::Target(id("circle"), id("added"))));
    for wider in [Scope::Plan, Scope::Area(id("city")), Scope::Indicator(id("added"))] {
        world.refused(&stranger, note(wider), Reason::OutOfScope, "progress_note_recorded");
    }
}

#[test]
fn a_demand_leaves_the_agency_time() {
    let mut world = World::published();
    let late = SupervisionIssued { due_date: date(2025, 6, 29), ..supervision("s-1", "bureau") };
    world.refused(&office(), late, FIELD, "supervision_issued.due_date");
    let silent = SupervisionIssued { demand: String::new(), ..supervision("s-1", "bureau") };
    world.refused(&office(), silent, FIELD, "supervision_issued.demand");
    world.refused(&office(), supervision("s-1", "none"), Reason::UnknownResource, "supervision_issued.agency");
    world.ok(&office(), SupervisionIssued { due_date: TODAY, ..supervision("s-1", "bureau") });
}

#[test]
fn a_matter_is_put_right_only_after_an_answer() {
    let mut world = World::published();
    let state = Reason::SupervisionState;
    world.refused(&agency("bureau"), answer("s-1"), Reason::UnknownResource, "supervision_answered.supervision");
    world.ok(&agency("inspectors"), supervision("s-1", "bureau"));
    let rectified = || settled("s-1", SupervisionOutcome::Rectified);
    world.refused(&auditor(), rectified(), state, "supervision_closed.outcome");
    let silent = SupervisionAnswered { answer: String::new(), ..answer("s-1") };
    world.refused(&agency("bureau"), silent, FIELD, "supervision_answered.answer");
    world.ok(&agency("bureau"), answer("s-1"));
    world.ok(&agency("bureau"), answer("s-1"));
    let silent = SupervisionClosed { finding: String::new(), ..rectified() };
    world.refused(&auditor(), silent, FIELD, "supervision_closed.finding");
    world.ok(&auditor(), rectified());
    world.refused(&agency("bureau"), answer("s-1"), state, "supervision_answered.supervision");
    world.refused(&office(), rectified(), state, "supervision_closed.supervision");
    world.refused(&office(), supervision("s-1", "bureau"), Reason::AlreadyDefined, "supervision_issued.supervision");
}

#[test]
fn the_agency_addressed_neither_issues_nor_closes_also_through_its_successor() {
    let mut world = World::published();
    let own = Reason::SelfVerification;
    for of in ["bureau", "district"] {
        world.ok(&office(), assignment(of, AssignmentRole::Supervising, Scope::Plan));
    }
    world.refused(&agency("district"), supervision("s-1", "district"), own, "supervision_issued.agency");
    world.ok(&agency("district"), supervision("s-1", "bureau"));
    world.ok(&agency("bureau"), answer("s-1"));
    world.ok(&office(), succeeded("bureau", "district"));
    let rectified = || settled("s-1", SupervisionOutcome::Rectified);
    world.refused(&agency("district"), rectified(), own, "supervision_closed.supervision");
    let auditor_of_it = Actor { agency: Some(id("district")), ..auditor() };
    world.refused(&auditor_of_it, rectified(), own, "supervision_closed.supervision");
    world.ok(&agency("district"), answer("s-1"));
    world.ok(&agency("inspectors"), rectified());
}

#[test]
fn who_answered_does_not_close_the_matter_under_another_grant_either() {
    let mut world = World::published();
    world.ok(&office(), supervision("s-1", "bureau"));
    let second = Actor { principal: "bureau-2".into(), on_behalf_of: Some(id("stranger")), ..agency("bureau") };
    for sender in [agency("bureau"), second] {
        world.ok(&sender, answer("s-1"));
    }
    let rectified = || settled("s-1", SupervisionOutcome::Rectified);
    let called = |principal: &str, actor: Actor| Actor { principal: principal.into(), ..actor };
    let of_stranger = Actor { agency: Some(id("stranger")), ..auditor() };
    let answerers =
        [called("bureau-1", office()), called("bureau-1", auditor()), called("bureau-2", office()), of_stranger];
    for answerer in answerers {
        world.refused(&answerer, rectified(), Reason::SelfVerification, "supervision_closed.supervision");
    }
    world.ok(&office(), succeeded("stranger", "inspectors"));
    world.refused(&agency("inspectors"), rectified(), Reason::SelfVerification, "supervision_closed.supervision");
    world.ok(&auditor(), rectified());
}

#[test]
fn who_supervises_a_narrow_scope_reminds_and_demands_within_it_only() {
    let mut world = World::published();
    let scope = || Scope::Target(id("city"), id("labs"));
    world.ok(&office(), assignment("stranger", AssignmentRole::Supervising, scope()));
    let stranger = agency("stranger");
    world.ok(&stranger, reminder("bureau", scope()));
    world.refused(&stranger, reminder("bureau", Scope::Area(id("city"))), Reason::OutOfScope, "reminder_issued");
    world.ok(&stranger, supervision("s-1", "bureau"));
    let wider = SupervisionIssued { scope: Scope::Plan, ..supervision("s-2", "bureau") };
    world.refused(&stranger, wider.clone(), Reason::OutOfScope, "supervision_issued");
    world.ok(&office(), wider);
    let withdrawn = settled("s-2", SupervisionOutcome::Withdrawn);
    world.refused(&stranger, withdrawn, Reason::OutOfScope, "supervision_closed");
    world.ok(&stranger, settled("s-1", SupervisionOutcome::Withdrawn));
}
