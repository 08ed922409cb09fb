//! The scenario as a whole, held against the rules without a server.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use clap::{Args, FromArgMatches};
use indicatif::ProgressBar;
use songhua_domain::authorise::authorise;
use songhua_domain::decide::{Moment, decide};
use songhua_domain::event::{Event, Payload, SubmissionRef};
use songhua_domain::folding::Folding;
use songhua_ingest::Clock;
use songhua_wire::event::TYPE_TOKENS;
use uuid::Uuid;

use super::script::{office, version};
use super::{BEGIN, Demo, DemoError, NOW, calendar, clock_of, player, settle, stage, start, tell};
use crate::config::{Config, ServeArgs};
use crate::node::Node;

/// Every event of the demo as the log would hold it; a refusal ends the test.
fn told() -> Vec<Event> {
    let demo = Demo::read().unwrap();
    let definitions = demo.definitions.iter().map(|event| (BEGIN, office(), event.clone()));
    let history = demo
        .script
        .iter()
        .flat_map(|step| step.events.iter().map(|event| (step.at, step.actor.clone(), event.clone())));
    let (mut folding, mut events) = (Folding::default(), Vec::new());
    for (position, (recorded_time, actor, input)) in (1..).zip(definitions.chain(history)) {
        let moment = Moment { recorded_time, today: calendar::day_of(recorded_time) };
        let refused = |rejection| panic!("{recorded_time} {}: {rejection:?}\n{:?}", actor.principal, input.payload);
        let (state, refs) = (&folding.state, folding.refs(&input));
        authorise(state, &refs, &actor, &input).unwrap_or_else(refused);
        let decision = decide(state, &refs, &actor, &moment, &input).unwrap_or_else(|rejection| {
            panic!("{recorded_time} {}: {rejection:?}\n{:?}", actor.principal, input.payload)
        });
        let submission = SubmissionRef { id: Uuid::nil(), index: 0, count: 1 };
        let (actor, input, back_dated) = (Arc::new(actor), Arc::new(input), decision.back_dated);
        let event = Event { position, recorded_time, actor, submission, back_dated, input };
        folding.fold(&event);
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
    // The server writes genesis and days itself, a restore forks, and a plan is closed out (收官) only after its last day, which is ahead.
    let expected = TYPE_TOKENS.len() - ["log.created", "day.opened", "plan.closed-out", "log.history-forked"].len();
    assert_eq!(types.len(), expected, "{types:#?}");
    assert!(!types.contains_key("PlanClosedOut"));
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
        if let Payload::MilestoneRescheduled(one) = &event.input.payload {
            moved.entry((one.project.clone(), one.milestone.clone())).or_default().insert(one.due_date);
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

#[test]
fn whatever_is_told_otherwise_makes_another_version() {
    let Demo { mut definitions, mut script, .. } = Demo::read().unwrap();
    let mut versions = BTreeSet::from([version(&definitions, &script)]);
    let last = script.len() - 1;
    script[last].events[0].comment.push('。');
    assert!(versions.insert(version(&definitions, &script)));
    script[last].at = BEGIN;
    assert!(versions.insert(version(&definitions, &script)));
    script[last].actor.principal.push('2');
    assert!(versions.insert(version(&definitions, &script)));
    definitions[1].comment.push('。');
    assert!(versions.insert(version(&definitions, &script)));
}

/// A node on an empty directory.
async fn node(directory: &Path) -> Arc<Node> {
    let matches =
        ServeArgs::augment_args(clap::Command::new("serve").arg(clap::Arg::new("data"))).get_matches_from(["serve"]);
    let args = ServeArgs::from_arg_matches(&matches).unwrap();
    Node::open(&Config::resolve(args, Some(directory.into()), &matches).unwrap()).await.unwrap()
}

/// The demo as a binary with another script has it.
fn another() -> Demo {
    let Demo { plan, definitions, .. } = Demo::read().unwrap();
    let script = stage::script(&plan, &definitions, Uuid::from_u128(7)).unwrap();
    Demo { plan, definitions, script }
}

#[tokio::test]
async fn another_versions_demo_is_not_gone_on_with_but_can_be_looked_at_whole_or_not() {
    let directory = tempfile::tempdir().unwrap();
    let node = node(directory.path()).await;
    let bar = |_| ProgressBar::hidden();
    let Demo { plan, definitions, script } = another();
    let mut refused = Vec::new();
    let loaded = node.load(&plan, &definitions, Some(NOW)).await;
    let clock = clock_of(&node, &plan).await;
    if let (Some(ingest), Some(clock)) = (node.plans.get(&plan), &clock) {
        drop(player::play(&ingest, clock, &script[..1], &ProgressBar::hidden()).await);
    }
    refused.push(start(&node, bar).await);
    let told = tell(&node, another(), bar).await;
    refused.push(start(&node, bar).await);
    let head = node.plans.get(&plan).map(|ingest| ingest.durable_state().head());
    if let Some(clock) = &clock {
        clock.set(BEGIN);
    }
    let settled = settle(&node).await;
    // Before anything can fail: a node that is left running keeps the test from ending.
    node.close().await;
    loaded.unwrap();
    for refused in refused {
        let refused = refused.unwrap_err();
        assert!(matches!(refused, DemoError::OtherVersion { .. }), "{refused}");
        for part in ["another version of the demo", "without --demo", "--data", "另一版本"] {
            assert!(refused.to_string().contains(part), "{refused}");
        }
    }
    assert_eq!(told.unwrap().position, head.unwrap(), "nothing is added");
    settled.unwrap();
    assert_eq!(clock.unwrap().now(), NOW);
}
