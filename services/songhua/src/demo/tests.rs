//! The scenario as a whole, held against the rules without a server.

use std::collections::{BTreeMap, BTreeSet};

use songhua_domain::authorise::authorise;
use songhua_domain::decide::{Moment, Refs, decide};
use songhua_domain::event::{Event, Payload, SubmissionRef};
use songhua_domain::state::PlanState;
use uuid::Uuid;

use super::script::office;
use super::{BEGIN, Demo, NOW, calendar};

/// Every event of the demo as the log would hold it; a refusal ends the test.
fn told() -> Vec<Event> {
    let demo = Demo::read().unwrap();
    let definitions = demo.definitions.iter().map(|event| (BEGIN, office(), event.clone()));
    let history = demo
        .script
        .iter()
        .flat_map(|step| step.events.iter().map(|event| (step.at, step.actor.clone(), event.clone())));
    let (mut state, mut refs, mut events) = (PlanState::default(), Refs::new(), Vec::new());
    for (position, (recorded_time, actor, input)) in (1..).zip(definitions.chain(history)) {
        let moment = Moment { recorded_time, today: calendar::day_of(recorded_time) };
        let refused = |rejection| panic!("{recorded_time} {}: {rejection:?}\n{:?}", actor.principal, input.payload);
        authorise(&state, &refs, &actor, &input).unwrap_or_else(refused);
        let decision = decide(&state, &refs, &actor, &moment, &input).unwrap_or_else(|rejection| {
            panic!("{recorded_time} {}: {rejection:?}\n{:?}", actor.principal, input.payload)
        });
        let submission = SubmissionRef { id: Uuid::nil(), index: 0, count: 1 };
        let back_dated = decision.back_dated;
        let event = Event { position, recorded_time, actor, submission, back_dated, input };
        state.evolve(&event);
        refs.insert(event.input.event_id, event.clone());
        events.push(event);
    }
    events
}

#[test]
fn the_rules_accept_the_whole_history_and_it_holds_every_type_of_event() {
    let events = told();
    let mut types: BTreeMap<&str, usize> = BTreeMap::new();
    for event in &events {
        *types.entry(event.input.payload.type_name()).or_default() += 1;
    }
    // The server writes genesis and days itself.
    assert_eq!(types.len(), 27, "{types:#?}");
    assert!((3_000..8_000).contains(&events.len()), "{} events: {types:#?}", events.len());
}

#[test]
fn the_history_ends_at_the_fixed_now_and_speaks_of_no_day_after_it() {
    let demo = Demo::read().unwrap();
    let times: Vec<_> = demo.script.iter().map(|step| step.at).collect();
    assert!(times.is_sorted() && times.first().unwrap() > &BEGIN && times.last().unwrap() <= &NOW);
}

#[test]
fn late_figures_are_marked_and_name_their_source() {
    let events = told();
    let late: Vec<_> = events.iter().filter(|event| event.back_dated).collect();
    let measured = late.iter().any(|event| matches!(event.input.payload, Payload::MeasurementReported(_)));
    let reached = late.iter().any(|event| matches!(event.input.payload, Payload::MilestoneReached(_)));
    assert!(measured && reached, "{} late events", late.len());
    assert!(late.iter().all(|event| !event.input.source_ref.is_empty()));
}

#[test]
fn a_milestone_slips_twice() {
    let mut moved: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for event in told() {
        if let Payload::MilestoneRescheduled(one) = event.input.payload {
            moved.entry((one.project, one.milestone)).or_default().insert(one.due_date);
        }
    }
    assert!(moved.values().any(|dates| dates.len() >= 2), "{moved:?}");
}

#[test]
fn reading_the_scenario_twice_tells_the_same() {
    let script = || Demo::read().unwrap().script;
    let same = script()
        .iter()
        .zip(&script())
        .all(|(one, other)| (one.at, &one.actor, &one.events) == (other.at, &other.actor, &other.events));
    assert!(same);
}
