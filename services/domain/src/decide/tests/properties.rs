//! Random histories against a plain model, and what must hold of the fold whatever happened.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, date};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use uuid::Uuid;

use super::agencies::{ended, renamed, succeeded};
use super::model::{Mark, Model};
use super::revisions::*;
use super::support::{status as status_of, *};
use crate::decide::{Refs, decide};
use crate::event::*;
use crate::folding::Folding;
use crate::score::LightRule;
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
    Conduct { what: u8, which: u8 },
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
    let name = (0..9_u8, any::<Index>(), 0..40_u8).prop_map(|(kind, event, value)| Try::Name { kind, event, value });
    let milestone = (0..7_u8, 1..29_i8).prop_map(|(kind, day)| Try::Milestone { kind, day });
    let stray = (0..6_u8, 0..8_u8).prop_map(|(actor, payload)| Try::Stray { actor, payload });
    let change = (0..15_u8, 1..40_u8).prop_map(|(what, value)| Try::Change { what, value });
    let conduct = (0..9_u8, 0..4_u8).prop_map(|(what, which)| Try::Conduct { what, which });
    let one = prop_oneof![
        6 => report, 5 => name, 3 => milestone, 1 => Just(Try::Assess), 1 => stray, 1 => change, 3 => conduct
    ];
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
        4 => (agency("bureau"), revised(event, &value.to_string()).into()),
        5 => (auditor(), unverified(event).into()),
        6 => (if value.is_multiple_of(2) { office() } else { agency("bureau") }, requested(event).into()),
        7 => (agency("bureau"), withdrawn(event, value % 2).into()),
        _ => (agency("bureau"), attached(event, value % 2).into()),
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
        5 => cancelled("park", "m").into(),
        _ => reopened("park", "m").into(),
    }
}

/// Periods that overlap and that do not, two matters, all statuses: few of each, so that they meet again.
fn conducted(what: u8, which: u8) -> (Actor, Payload) {
    let number = i8::try_from(which).unwrap();
    let period = format!("p-{which}");
    let matter = format!("s-{}", which % 2);
    match what {
        0 => {
            let (first, last) = (date(2024, 3 * number + 1, 1), month_end(3 * number + 3));
            (office(), opened(&period, first, last).into())
        }
        1 => (office(), opened(&period, date(2024, 5 + number, 1), month_end(6 + number)).into()),
        2 => (office(), closed(&period).into()),
        3 => (agency("inspectors"), supervision(&matter, "bureau").into()),
        4 => (agency("bureau"), answer(&matter).into()),
        5 => (auditor(), settled(&matter, SupervisionOutcome::ALL[usize::from(which / 2)]).into()),
        6 => (office(), status_of("park", ProjectStatus::ALL[usize::from(which) + 3]).into()),
        7 => {
            let period = ReferencePeriod::AsOf(month_end(3 * number + 1));
            (agency("district"), NothingToReport { area: id("city"), indicator: id("labs"), period }.into())
        }
        _ if which == 0 => (agency("inspectors"), reminder("bureau", Scope::Plan).into()),
        _ => (agency("district"), note(Scope::Project(id("park"))).into()),
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
        3 => retired("intensity", date(2025, 7, 1 + i8::try_from(value % 12).unwrap())).into(),
        4 => target_revised("labs", Some(&text)).into(),
        5 => baseline("labs", eve, &text).into(),
        6 => restated("labs", eve, &text).into(),
        7 => decomposed("labs", &[share("bureau", date(2025, 12, 31), &text)]).into(),
        8 => renamed("bureau", &text).into(),
        9 => succeeded("stranger", "district").into(),
        10 => ended("district", AssignmentRole::Responsible, Scope::Plan).into(),
        11 => assignment("district", AssignmentRole::Responsible, Scope::Plan).into(),
        12 => {
            let interim = vec![at(date(2024, 12, 31), &text)];
            InterimTargetsSet { area: id("city"), indicator: id("labs"), interim, reason: text }.into()
        }
        13 => {
            let rule = LightRule { version: 1 + u32::from(value % 3), ..LightRule::default() };
            LightRuleAdopted { rule, schedules: Vec::new(), reason: text }.into()
        }
        _ => AreaStageChanged { area: id("circle"), stage: AreaStage::Building, reason: text }.into(),
    }
}

/// Whether an event of that kind could be said of `event`: strays name any other as well.
fn is_spoken_of(kind: u8, event: &Event) -> bool {
    use Payload as P;
    match &event.input.payload {
        P::EvidenceAttached(_) => kind == 7,
        P::MeasurementReported(_) | P::MeasurementCorrected(_) | P::MeasurementRevised(_) => kind != 7,
        P::MilestoneReached(_) | P::MilestoneMissed(_) | P::QualitativeAssessmentRecorded(_) => (2..7).contains(&kind),
        _ => false,
    }
}

fn draw(world: &World, one: &Try) -> (Actor, Payload) {
    match one {
        Try::Report { of, district, basis, from, to, value } => {
            (agency("bureau"), report(of, *district, *basis, *from, *to, *value).into())
        }
        Try::Name { kind, event, value } => {
            let last: Vec<&Event> =
                world.log.values().rev().filter(|event| value % 4 == 0 || is_spoken_of(*kind, event)).take(6).collect();
            let event = if last.is_empty() { Uuid::max() } else { event.get(&last).input.event_id };
            named(*kind, event, *value)
        }
        Try::Milestone { kind, day } => (agency("district"), on_milestone(*kind, *day)),
        Try::Assess => (agency("inspectors"), assessed("国内领先").into()),
        Try::Stray { actor, payload } => stray(*actor, *payload),
        Try::Change { what, value } => (office(), change(*what, *value)),
        Try::Conduct { what, which } => conducted(*what, *which),
    }
}

/// The live figures of the state are those of the model, with the same marks.
fn agree(world: &World, model: &Model) {
    let state = &world.state;
    let held: usize = state.all_series().map(|series| series.figures().count()).sum();
    assert_eq!(held, model.live.len());
    for live in &model.live {
        let (report, event) = (&live.report, &live.event);
        let series = state.series(&report.area, &report.indicator, &report.dimension).unwrap();
        let slot = Slot::of(report.basis, report.period);
        let figure = series.live(&slot).unwrap();
        assert_eq!(state.series.live(&world.filed[event]), Some(figure));
        assert_eq!(figure.verified_by.is_some(), live.mark == Mark::Verified);
        assert_eq!(state.conduct.requested.contains(event), live.mark == Mark::Requested);
        let total = if report.basis == Basis::PlanToDate { Some(live.figure) } else { None };
        assert_eq!(series.total_of(&slot).map(Figure::Value), total);
    }
    let said = &model.conduct;
    let milestone = state.milestone(&id("park"), &id("m"));
    assert_eq!(
        milestone.map(|milestone| (milestone.due_date, milestone.status())),
        said.milestone.as_ref().map(|milestone| (milestone.due, milestone.status()))
    );
    assert_eq!(state.project(&id("park")).unwrap().status_on(TODAY), said.project);
    let conduct = &state.conduct;
    assert_eq!((conduct.periods.len(), conduct.supervisions.len()), (said.periods.len(), said.matters.len()));
    for (opened, closed) in &said.periods {
        assert_eq!(conduct.periods.get(&opened.period).unwrap().closed, *closed);
    }
    for (matter, status) in &said.matters {
        assert_eq!(conduct.supervisions.get(matter).unwrap().status, *status);
    }
    assert_eq!(conduct.withdrawn.len(), said.withdrawn.len());
}

/// Refusals that rest on what was said before; others rest on form, or on who sends.
const OF_STATE: &[Reason] = &[
    Reason::MeasurementExists,
    Reason::PeriodOverlap,
    Reason::TotalDecreased,
    Reason::Superseded,
    Reason::PeriodClosed,
    Reason::PeriodState,
    Reason::VerificationState,
    Reason::SupervisionState,
    Reason::MilestoneState,
];

/// Tries everything; gives back the world and how many were accepted.
fn run(tries: &[Try]) -> (World, Model, usize) {
    let (mut world, mut model, mut count) = (World::published(), Model::default(), 0);
    for one in tries {
        let (actor, payload) = draw(&world, one);
        let before = world.state.clone();
        let mut input = world.input(payload.clone());
        let event_id = input.event_id;
        if matches!(payload, Payload::ProjectStatusChanged(_) | Payload::AreaStageChanged(_)) {
            input.effective_date = Some(date(2025, 6, 1));
        }
        match world.send(&actor, input) {
            Ok(_) => {
                assert!(model.allows(&payload), "accepted {payload:?}");
                model.apply(event_id, &payload);
                model.check();
                count += 1;
            }
            Err(rejection) => {
                let of_state = OF_STATE.contains(&rejection.reason);
                assert!(!of_state || !model.allows(&payload), "{rejection}: {payload:?}");
                assert!(rejection.field.is_ascii() && !rejection.message_zh.is_empty());
                assert_eq!(world.state, before);
            }
        }
        agree(&world, &model);
    }
    (world, model, count)
}

pub(super) fn refolded(log: &BTreeMap<Uuid, Event>) -> PlanState {
    let mut events: Vec<&Event> = log.values().collect();
    events.sort_by_key(|event| event.position);
    Folding::of(events)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_accepted_and_held_is_that_of_the_plain_model(tries in tries()) {
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
                let _ = decide(state, &Refs::default(), &event.actor, &world.moment(), &event.input);
                let refs = Refs::of(&event.input, |id| world.log.get(id).cloned());
                let _ = decide(state, &refs, &event.actor, &world.moment(), &event.input);
            }
        }
    }

    #[test]
    fn folding_in_any_order_never_panics(tries in tries(), shift in any::<Index>()) {
        let (world, _, _) = run(&tries);
        let mut events: Vec<&Event> = world.log.values().collect();
        let middle = shift.index(events.len());
        events.rotate_left(middle);
        Folding::of(events.into_iter().rev());
    }
}

#[test]
fn random_histories_are_accepted_often_enough_to_mean_something() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut accepted, mut tried, mut types) = (0, 0, BTreeSet::new());
    for _ in 0..150 {
        let tries = tries().new_tree(&mut runner).unwrap().current();
        let (world, _, count) = run(&tries);
        (accepted, tried) = (accepted + count, tried + tries.len());
        types.extend(world.log.values().map(|event| event.input.payload.type_name()));
    }
    assert!(accepted * 5 > tried, "{accepted} of {tried}");
    let never: Vec<_> = Payload::TYPE_NAMES.iter().filter(|name| !types.contains(*name)).collect();
    // The plan does not end before the test's day, and nothing is restored.
    assert_eq!(never, [&"PlanClosedOut", &"HistoryForked"]);
}
