//! Rules of closing a plan out, and of what a plan that is closed out still takes.

use jiff::civil::{Date, date};
use uuid::Uuid;

use super::revisions::{adopted, baseline, closed_out, plan_revised, redefined, restated, retired, target_revised};
use super::support::*;
use crate::event::*;
use crate::vocabulary::*;

const EVE: Date = date(2021, 12, 31);
const DAY: Date = date(2025, 6, 1);
/// The first day on which no figure of the plan's end may come in time.
const DUE: Date = date(2027, 3, 17);
const FIELD: &str = "plan_closed_out.as_of_date";
const INVALID: Reason = Reason::InvalidField;
const RULE: Reason = Reason::TargetRule;

fn labs(day: Date) -> MeasurementReported {
    figure("labs", Basis::StockAt, ReferencePeriod::AsOf(day), "3")
}

#[test]
fn a_plan_is_closed_out_once_and_after_its_end() {
    let mut world = World::published();
    world.refused(&office(), closed_out(date(2026, 12, 31)), INVALID, FIELD);
    world.refused(&office(), closed_out(DUE), Reason::FutureDate, FIELD);
    world.today = Some(DUE);
    let silent = PlanClosedOut { finding: String::new(), ..closed_out(DUE) };
    world.refused(&office(), silent, INVALID, "plan_closed_out.finding");
    world.ok(&office(), closed_out(DUE));
    assert_eq!(world.state.closed_out().map(|closed| closed.as_of), Some(DUE));
    world.refused(&office(), closed_out(DUE), Reason::PlanClosed, "plan_closed_out");
}

#[test]
fn a_revised_end_counts_when_the_plan_is_closed_out() {
    let mut world = World::published();
    world.ok(&office(), PlanRevised { end: Some(date(2027, 6, 30)), ..plan_revised() });
    world.today = Some(date(2027, 7, 1));
    world.refused(&office(), closed_out(DUE), INVALID, FIELD);
    world.ok(&office(), closed_out(date(2027, 7, 1)));
}

#[test]
fn a_plan_is_closed_out_once_the_figures_of_its_deadlines_are_due() {
    let mut world = World::published();
    world.today = Some(date(2028, 12, 31));
    let message = world.refused(&office(), closed_out(date(2027, 3, 16)), RULE, FIELD);
    assert!(message.contains("/targets/") && message.contains("2027-03-17"), "{message}");
    world.clone().ok(&office(), closed_out(DUE));
    // The slowest decides, also a series that is only compared with.
    for (slow, of) in [("labs", "labs"), ("gdp-growth", "rd-growth")] {
        let mut world = world.clone();
        let schedule = Schedule { frequency: Frequency::Year, release_lag_days: 300, grace_days: 60 };
        world.ok(&office(), IndicatorRedefined { schedule: Some(schedule), ..redefined(slow) });
        let message = world.refused(&office(), closed_out(date(2027, 12, 26)), RULE, FIELD);
        assert!(message.contains(&format!("areas/city/targets/{of}")) && message.contains("2027-12-27"), "{message}");
        world.ok(&office(), closed_out(date(2027, 12, 27)));
    }
}

#[test]
fn a_retired_indicator_does_not_hold_up_the_close_out() {
    let mut world = World::published();
    let schedule = Schedule { frequency: Frequency::Year, release_lag_days: 300, grace_days: 60 };
    world.ok(&office(), IndicatorRedefined { schedule: Some(schedule), ..redefined("labs") });
    world.ok(&office(), retired("labs", TODAY));
    world.today = Some(DUE);
    world.ok(&office(), closed_out(DUE));
}

#[test]
fn a_closed_plan_takes_nothing_new_and_goes_on_mending_what_is_there() {
    let mut world = World::published();
    let figure = world.ok(&agency("bureau"), labs(date(2025, 6, 1)));
    world.ok(&office(), milestone("park", "m"));
    world.ok(&office(), baseline("labs", EVE, "1"));
    world.today = Some(DUE);
    world.ok(&office(), plan_revised());
    world.ok(&office(), closed_out(DUE));
    let new: [(Actor, Payload); 12] = [
        (agency("bureau"), labs(date(2026, 6, 1)).into()),
        (auditor(), assessed("国内领先").into()),
        (office(), milestone("park", "n").into()),
        (agency("district"), reached("park", "m", date(2025, 4, 1)).into()),
        (office(), area("late", AreaKind::Circle).into()),
        (office(), indicator("late", Accumulation::Stock).into()),
        (office(), project("late", ProjectKind::Project).into()),
        (office(), plan_revised().into()),
        (office(), adopted(2).into()),
        (office(), redefined("labs").into()),
        (office(), retired("labs", TODAY).into()),
        (office(), target_revised("labs", Some("8")).into()),
    ];
    for (actor, payload) in new {
        let field = crate::decide::path(&world.input(payload.clone()), "");
        let message = world.refused(&actor, payload, Reason::PlanClosed, &field);
        assert!(message.contains("2027-03-17"), "{message}");
    }
    let figure = world.ok(&agency("bureau"), corrected(figure, "4"));
    world.ok(&agency("inspectors"), accepted(figure));
    world.ok(&office(), restated("labs", EVE, "2"));
    world.ok(&office(), registered("successor"));
    world.ok(&office(), super::agencies::renamed("bureau", "新局"));
    world.ok(&office(), super::agencies::succeeded("bureau", "successor"));
    let message = world.refused(&agency("successor"), retracted(figure), Reason::PlanClosed, "measurement_retracted");
    assert!(message.contains("MeasurementCorrected"), "{message}");
    let published = world.state.published().unwrap().clone();
    world.refused(&office(), published, Reason::PlanAlreadyPublished, "plan_published");
    assert_eq!(super::properties::refolded(&world.log), world.state);
    let bytes = postcard::to_stdvec(&world.state).unwrap();
    assert_eq!(postcard::from_bytes::<crate::state::PlanState>(&bytes).unwrap(), world.state);
}

/// A figure, an assessment and a report on a milestone; another figure was retracted, and the period is closed.
fn with_all() -> (World, [Uuid; 3]) {
    let mut world = World::published();
    world.ok(&office(), milestone("park", "m"));
    let gone = world.ok(&agency("bureau"), labs(date(2025, 5, 1)));
    world.ok(&agency("bureau"), retracted(gone));
    let said = [
        world.ok(&agency("bureau"), labs(DAY)),
        world.ok(&agency("inspectors"), assessed("国内领先")),
        world.ok(&agency("district"), reached("park", "m", date(2025, 4, 1))),
    ];
    world.ok(&office(), second_quarter());
    world.ok(&office(), closed("q2-2025"));
    world.today = Some(DUE);
    world.ok(&office(), closed_out(DUE));
    (world, said)
}

#[test]
fn what_is_rejected_after_the_close_out_is_said_anew_once() {
    let (mut world, said) = with_all();
    let anew: [(Actor, Payload); 3] = [
        (agency("bureau"), MeasurementReported { figure: Figure::Value(dec("2")), ..labs(DAY) }.into()),
        (agency("inspectors"), assessed("省内领先").into()),
        (agency("district"), partially("park", "m", "50").into()),
    ];
    for (event, (sender, payload)) in said.into_iter().zip(anew) {
        let field = crate::decide::path(&world.input(payload.clone()), "");
        world.refused(&sender, payload.clone(), Reason::PlanClosed, &field);
        world.ok(&auditor(), rejected(event));
        let again = world.ok(&sender, payload.clone());
        world.refused(&sender, payload.clone(), Reason::PlanClosed, &field);
        world.ok(&auditor(), accepted(again));
        world.ok(&auditor(), rejected(again));
        world.ok(&sender, payload);
    }
    assert!(world.state.vacant.is_empty());
    assert_eq!(super::properties::refolded(&world.log), world.state);
}

#[test]
fn after_a_rejection_a_closed_plan_takes_no_figure_of_another_place() {
    let (mut world, [event, ..]) = with_all();
    world.ok(&auditor(), rejected(event));
    let of_district = MeasurementReported { dimension: "district=songbei".into(), ..labs(DAY) };
    let elsewhere = MeasurementReported { area: id("circle"), ..labs(DAY) };
    for other in [labs(date(2025, 5, 1)), labs(date(2025, 6, 2)), of_district, elsewhere] {
        world.refused(&agency("bureau"), other, Reason::PlanClosed, "measurement_reported");
    }
    let nothing = NothingToReport { area: id("city"), indicator: id("labs"), period: ReferencePeriod::AsOf(DAY) };
    world.refused(&agency("bureau"), nothing, Reason::PlanClosed, "nothing_to_report");
    let half = MeasurementReported { figure: Figure::Value(dec("1.5")), ..labs(DAY) };
    world.refused(&agency("bureau"), half, Reason::FigureNotAllowed, "measurement_reported.figure.value");
    world.refused(&agency("district"), labs(DAY), Reason::OutOfScope, "measurement_reported");
    world.ok(&agency("bureau"), labs(DAY));
}
