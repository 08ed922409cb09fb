//! Cases of reporting periods, reminders, notes and supervision.

use jiff::civil::{Date, date};

use super::super::agencies::succeeded;
use super::super::support::*;
use super::{Case, accepted, refused, unseen};
use crate::event::*;
use crate::id::{ReportingPeriodId, SupervisionId};
use crate::state::PlanState;
use crate::vocabulary::*;

const OUT: Reason = Reason::OutOfScope;
const OWN: Reason = Reason::SelfVerification;

pub(super) fn cases() -> Vec<Case> {
    [periods(), words(), issuing(), answering(), closing()].into_iter().flatten().collect()
}

fn is_closed(closed: bool) -> impl Fn(&PlanState) -> bool {
    move |state| {
        state.conduct.periods.get(&id::<ReportingPeriodId>("q2-2025")).is_some_and(|period| period.closed == closed)
    }
}

fn starts(start: Date) -> impl Fn(&PlanState) -> bool {
    move |state| {
        state.conduct.periods.get(&id::<ReportingPeriodId>("q2-2025")).is_some_and(|known| known.start == start)
    }
}

fn periods() -> Vec<Case> {
    let mut world = World::published();
    world.ok(&office(), opened("q1-2025", date(2025, 1, 1), date(2025, 3, 31)));
    let mut open = world.clone();
    open.ok(&office(), second_quarter());
    let mut shut = open.clone();
    shut.ok(&office(), closed("q2-2025"));
    let state = Reason::PeriodState;
    let monthly = ReportingPeriodOpened { frequency: Frequency::Month, ..second_quarter() };
    let overlapping = opened("spring", date(2025, 3, 31), date(2025, 4, 30));
    let mended = opened("q2-2025", date(2025, 4, 10), date(2025, 6, 30));
    let later = ReportingPeriodOpened { due_date: date(2025, 12, 31), ..second_quarter() };
    vec![
        accepted(&world, &office(), second_quarter(), is_closed(false)),
        accepted(&shut, &office(), later, is_closed(false)),
        refused(&open, &office(), second_quarter(), state),
        accepted(&shut, &office(), monthly, is_closed(false)),
        accepted(&shut, &office(), mended, starts(date(2025, 4, 10))),
        refused(&world, &office(), overlapping, state),
        refused(&world, &agency("bureau"), second_quarter(), Reason::RoleNotAllowed),
        accepted(&open, &office(), closed("q2-2025"), is_closed(true)),
        refused(&shut, &office(), closed("q2-2025"), state),
        refused(&world, &office(), closed("q2-2025"), Reason::UnknownResource),
    ]
}

fn words() -> Vec<Case> {
    let world = World::published();
    let labs = || Scope::Target(id("city"), id("labs"));
    let long_ago = ProgressNoteRecorded { as_of: date(2024, 1, 1), ..note(Scope::Plan) };
    let mut succession = World::published();
    succession.ok(&office(), succeeded("district", "bureau"));
    vec![
        unseen(&world, &office(), reminder("bureau", labs())),
        unseen(&world, &auditor(), reminder("bureau", labs())),
        unseen(&world, &agency("inspectors"), reminder("bureau", labs())),
        refused(&world, &agency("district"), reminder("bureau", labs()), OUT),
        refused(&succession, &office(), reminder("district", labs()), Reason::AgencySucceeded),
        unseen(&world, &agency("district"), note(labs())),
        unseen(&world, &agency("bureau"), note(Scope::Project(id("park")))),
        refused(&world, &agency("inspectors"), note(labs()), OUT),
        refused(&world, &office(), note(labs()), Reason::RoleNotAllowed),
        refused(&world, &agency("bureau"), long_ago, Reason::SourceRefRequired).with(|input| input.source_ref.clear()),
    ]
}

fn is(status: SupervisionStatus) -> impl Fn(&PlanState) -> bool {
    move |state| {
        state.conduct.supervisions.get(&id::<SupervisionId>("s-1")).is_some_and(|matter| matter.status == status)
    }
}

fn with_supervision() -> World {
    let mut world = World::published();
    world.ok(&agency("inspectors"), supervision("s-1", "bureau"));
    world
}

fn issuing() -> Vec<Case> {
    let world = World::published();
    let mut succession = World::published();
    succession.ok(&office(), succeeded("district", "bureau"));
    let issued = || supervision("s-1", "bureau");
    vec![
        accepted(&world, &office(), issued(), is(SupervisionStatus::Issued)),
        accepted(&world, &auditor(), issued(), is(SupervisionStatus::Issued)),
        accepted(&world, &agency("inspectors"), issued(), is(SupervisionStatus::Issued)),
        refused(&world, &agency("district"), issued(), OUT),
        refused(&world, &agency("inspectors"), supervision("s-1", "inspectors"), OWN),
        refused(&with_supervision(), &office(), issued(), Reason::AlreadyDefined),
        refused(&succession, &office(), supervision("s-1", "district"), Reason::AgencySucceeded),
    ]
}

fn answering() -> Vec<Case> {
    let world = with_supervision();
    let mut succession = with_supervision();
    succession.ok(&office(), succeeded("bureau", "stranger"));
    let mut shut = with_supervision();
    shut.ok(&office(), settled("s-1", SupervisionOutcome::Withdrawn));
    vec![
        accepted(&world, &agency("bureau"), answer("s-1"), is(SupervisionStatus::Answered)),
        accepted(&succession, &agency("stranger"), answer("s-1"), is(SupervisionStatus::Answered)),
        refused(&world, &agency("district"), answer("s-1"), OUT),
        refused(&world, &office(), answer("s-1"), Reason::RoleNotAllowed),
        refused(&shut, &agency("bureau"), answer("s-1"), Reason::SupervisionState),
    ]
}

fn closing() -> Vec<Case> {
    use SupervisionOutcome as O;
    let world = with_supervision();
    let mut answered = with_supervision();
    answered.ok(&agency("bureau"), answer("s-1"));
    let mut shut = answered.clone();
    shut.ok(&office(), settled("s-1", O::Rectified));
    vec![
        accepted(&answered, &agency("inspectors"), settled("s-1", O::Rectified), is(SupervisionStatus::Closed)),
        accepted(&answered, &auditor(), settled("s-1", O::Rectified), is(SupervisionStatus::Closed)),
        accepted(&world, &office(), settled("s-1", O::Withdrawn), is(SupervisionStatus::Closed)),
        refused(&world, &office(), settled("s-1", O::Rectified), Reason::SupervisionState),
        refused(&shut, &office(), settled("s-1", O::Withdrawn), Reason::SupervisionState),
        refused(&answered, &agency("bureau"), settled("s-1", O::Withdrawn), OWN),
        refused(&answered, &Actor { principal: "bureau-1".into(), ..auditor() }, settled("s-1", O::Withdrawn), OWN),
        refused(&answered, &agency("district"), settled("s-1", O::Withdrawn), OUT),
    ]
}
