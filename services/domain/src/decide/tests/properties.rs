//! Random histories against a plain model, and what must hold of the fold whatever happened.

use jiff::civil::{Date, date};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use uuid::Uuid;

use super::agencies::{ended, renamed, succeeded};
use super::model::Model;
use super::revisions::*;
use super::support::*;
use crate::decide::{Refs, decide, references};
use crate::event::*;
use crate::state::{PlanState, Slot};
use crate::vocabulary::*;

/// What a random sender tries. Few days and series, so that histories collide often.
#[derive(Clone, Debug)]
enum Try {
    Report { of: &'static str, district: bool, basis: Basis, from: i8, to: i8, value: u8 },
    Name { kind: u8, event: Index, value: u8 },
    Milestone { kind: u8, day: i8 },
    Assess,
    Stray { actor: u8, payload: u8 },
    Change { what: u8, value: u8 },
}

fn tries() -> impl Strategy<Value = Vec<Try>> {
    let report = (
        select(vec!["labs", "added", "added", "added", "invested", "revenue", "coverage", "gdp-growth"]),
        any::<bool>(),
        select(Basis::ALL.to_vec()),
        1..13_i8,
        1..13_i8,
        0..40_u8,
    )
        .prop_map(|(of, district, basis, from, to, value)| Try::Report { of, district, basis, from, to, value });
    let name = (0..5_u8, any::<Index>(), 0..40_u8).prop_map(|(kind, event, value)| Try::Name { kind, event, value });
    let milestone = (0..6_u8, 1..29_i8).prop_map(|(kind, day)| Try::Milestone { kind, day });
    let stray = (0..6_u8, 0..8_u8).prop_map(|(actor, payload)| Try::Stray { actor, payload });
    let change = (0..12_u8, 1..40_u8).prop_map(|(what, value)| Try::Change { what, value });
    let one = prop_oneof![6 => report, 4 => name, 2 => milestone, 1 => Just(Try::Assess), 1 => stray, 1 => change];
    proptest::collection::vec(one, 1..60)
}

fn month_end(month: i8) -> Date {
    date(2024, month, 1).last_of_month()
}

/// A report whose shape mostly fits its basis.
fn report(of: &str, district: bool, basis: Basis, from: i8, to: i8, value: u8) -> MeasurementReported {
    let period = match basis {
        Basis::StockAt => ReferencePeriod::AsOf(month_end(to)),
        Basis::Period => span(date(2024, from, 1), month_end(to)),
        Basis::YearToDate => span(date(2024, 1, 1), month_end(to)),
        Basis::PlanToDate => span(date(2022, 1, 1), month_end(to)),
        Basis::FullYear => year(2012 + i16::from(to)),
    };
    let dimension = if district { "district=songbei" } else { TOTAL }.to_owned();
    let reported = MeasurementReported { dimension, ..figure(of, basis, period, &value.to_string()) };
    if of == "coverage" {
        MeasurementReported { figure: fraction(&value.to_string(), "39"), ..reported }
    } else {
        reported
    }
}

fn named(kind: u8, event: Uuid, value: u8) -> (Actor, Payload) {
    match kind {
        0 => (agency("bureau"), corrected(event, &value.to_string()).into()),
        1 => (agency("bureau"), retracted(event).into()),
        2 => (agency("inspectors"), accepted(event).into()),
        3 => (auditor(), rejected(event).into()),
        _ => {
            let digest =
                Evidence { sha256: [value; 32], media_type: "a/b".into(), title: "".into(), locator: "".into() };
            (agency("bureau"), EvidenceAttached { event, evidence: vec![digest] }.into())
        }
    }
}

fn on_milestone(kind: u8, day: i8) -> Payload {
    let on = date(2025, 4, day);
    match kind {
        0 => milestone("park", "m").into(),
        1 => reached("park", "m", on).into(),
        2 => partially("park", "m", &day.to_string()).into(),
        3 => missed("park", "m", on).into(),
        4 => {
            let (project, milestone, previous_due_date) = (id("park"), id("m"), date(2025, 3, 31));
            MilestoneRescheduled { project, milestone, previous_due_date, due_date: on, reason: "延后".into() }.into()
        }
        _ => MilestoneCancelled { project: id("park"), milestone: id("m"), reason: "停建".into() }.into(),
    }
}

fn stray(actor: u8, payload: u8) -> (Actor, Payload) {
    let actors = [office(), server(), auditor(), reader(), agency("stranger"), agency("bureau")];
    let payloads: [Payload; 8] = [
        plan().into(),
        genesis().into(),
        DayOpened { date: TODAY }.into(),
        registered("new").into(),
        project("new", ProjectKind::Project).into(),
        ProjectMerged { project: id("park"), into: id("hub"), interpreted: true, reason: "同一项目".into() }.into(),
        AgencyAssigned { agency: id("stranger"), role: AssignmentRole::Lead, scope: Scope::Area(id("city")) }.into(),
        PlanPublished { event_count: 0, digest: [0; 32] }.into(),
    ];
    (actors[usize::from(actor) % 6].clone(), payloads[usize::from(payload) % 8].clone())
}

/// What the plan office changes of what was defined. The agencies that the others send as stay.
fn change(what: u8, value: u8) -> Payload {
    let text = value.to_string();
    let eve = date(2021, 12, 31);
    match what {
        0 => PlanRevised { documents: vec![edition(&format!("edition-{value}"))], ..plan_revised() }.into(),
        1 => adopted(1 + u32::from(value % 2)).into(),
        2 => IndicatorRedefined { method_note: text, ..redefined("labs") }.into(),
        3 => retired("intensity", month_end(1 + i8::try_from(value % 12).unwrap())).into(),
        4 => target_revised("labs", Some(&text)).into(),
        5 => baseline("labs", eve, &text).into(),
        6 => restated("labs", eve, &text).into(),
        7 => decomposed("labs", &[share("bureau", date(2025, 12, 31), &text)]).into(),
        8 => renamed("bureau", &text).into(),
        9 => succeeded("stranger", "district").into(),
        10 => ended("district", AssignmentRole::Responsible, Scope::Plan).into(),
        _ => assignment("district", AssignmentRole::Responsible, Scope::Plan).into(),
    }
}

fn draw(world: &World, one: &Try) -> (Actor, Payload) {
    match one {
        Try::Report { of, district, basis, from, to, value } => {
            (agency("bureau"), report(of, *district, *basis, *from, *to, *value).into())
        }
        Try::Name { kind, event, value } => {
            let reports: Vec<&Uuid> = world.log.keys().skip(30).collect();
            let event = if reports.is_empty() { Uuid::max() } else { **event.get(&reports) };
            named(*kind, event, *value)
        }
        Try::Milestone { kind, day } => (agency("district"), on_milestone(*kind, *day)),
        Try::Assess => (agency("inspectors"), assessed("国内领先").into()),
        Try::Stray { actor, payload } => stray(*actor, *payload),
        Try::Change { what, value } => (office(), change(*what, *value)),
    }
}

/// The live figures of the state are those of the model, with the same marks.
fn agree(state: &PlanState, model: &Model) {
    let held: usize = state.all_series().map(|series| series.figures().count()).sum();
    assert_eq!(held, model.live.len());
    for live in &model.live {
        let (report, event) = (&live.report, &live.event);
        let series = state.series(&report.area, &report.indicator, &report.dimension).unwrap();
        let figure = series.live(&Slot::of(report.basis, report.period)).unwrap();
        assert_eq!(state.series.live(event), Some(figure));
        assert_eq!(figure.verified_by.is_some(), live.verified);
        let total = if report.basis == Basis::PlanToDate { Some(live.figure) } else { None };
        assert_eq!(figure.total.map(Figure::Value), total);
    }
}

/// Tries everything; gives back the world and how many were accepted.
fn run(tries: &[Try]) -> (World, Model, usize) {
    let (mut world, mut model, mut count) = (World::published(), Model::default(), 0);
    for one in tries {
        let (actor, payload) = draw(&world, one);
        let before = world.state.clone();
        let input = world.input(payload.clone());
        let event_id = input.event_id;
        match world.send(&actor, input) {
            Ok(_) => {
                if let Payload::MeasurementReported(report) = &payload {
                    assert!(model.takes(report), "accepted {report:?}");
                }
                model.apply(event_id, &payload);
                model.check();
                count += 1;
            }
            Err(rejection) => {
                let periods = [Reason::MeasurementExists, Reason::PeriodOverlap, Reason::TotalDecreased];
                if let Payload::MeasurementReported(report) = &payload {
                    assert!(!periods.contains(&rejection.reason) || !model.takes(report), "{rejection}: {report:?}");
                }
                assert!(rejection.field.is_ascii() && !rejection.message_zh.is_empty());
                assert_eq!(world.state, before);
            }
        }
        agree(&world.state, &model);
    }
    (world, model, count)
}

pub(super) fn refolded(log: &Refs) -> PlanState {
    let mut events: Vec<&Event> = log.values().collect();
    events.sort_by_key(|event| event.position);
    let mut state = PlanState::default();
    events.into_iter().for_each(|event| state.evolve(event));
    state
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn live_figures_are_those_of_the_plain_model(tries in tries()) {
        run(&tries);
    }

    #[test]
    fn folding_from_zero_gives_the_same_state_and_the_same_bytes(tries in tries()) {
        let (world, _, _) = run(&tries);
        let refolded = refolded(&world.log);
        prop_assert_eq!(&refolded, &world.state);
        prop_assert_eq!(postcard::to_stdvec(&refolded).unwrap(), postcard::to_stdvec(&world.state).unwrap());
    }

    #[test]
    fn a_snapshot_reads_back_equal(tries in tries()) {
        let (world, _, _) = run(&tries);
        let bytes = postcard::to_stdvec(&world.state).unwrap();
        prop_assert_eq!(postcard::from_bytes::<PlanState>(&bytes).unwrap(), world.state);
    }

    #[test]
    fn a_clone_does_not_see_what_happens_to_the_other(tries in tries()) {
        let (mut world, _, _) = run(&tries);
        let (copy, bytes) = (world.state.clone(), postcard::to_stdvec(&world.state).unwrap());
        world.ok(&office(), registered("afterwards"));
        world.ok(&server(), DayOpened { date: date(2099, 1, 1) });
        prop_assert_ne!(&copy, &world.state);
        prop_assert_eq!(postcard::to_stdvec(&copy).unwrap(), bytes);
    }

    #[test]
    fn deciding_without_plan_or_authority_never_panics(tries in tries()) {
        let (world, _, _) = run(&tries);
        for event in world.log.values() {
            for state in [&PlanState::default(), &world.state] {
                let _ = references(&event.input);
                let _ = decide(state, &Refs::new(), &event.actor, &world.moment(), &event.input);
                let _ = decide(state, &world.log, &event.actor, &world.moment(), &event.input);
            }
        }
    }

    #[test]
    fn folding_in_any_order_never_panics(tries in tries(), shift in any::<Index>()) {
        let (world, _, _) = run(&tries);
        let mut events: Vec<&Event> = world.log.values().collect();
        let middle = shift.index(events.len());
        events.rotate_left(middle);
        let mut state = PlanState::default();
        events.into_iter().rev().for_each(|event| state.evolve(event));
    }
}

#[test]
fn random_histories_are_accepted_often_enough_to_mean_something() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut accepted, mut tried) = (0, 0);
    for _ in 0..50 {
        let tries = tries().new_tree(&mut runner).unwrap().current();
        accepted += run(&tries).2;
        tried += tries.len();
    }
    assert!(accepted * 5 > tried, "{accepted} of {tried}");
}
