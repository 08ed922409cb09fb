//! What the two plans of the repository give: counts, events, digests.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::date;
use serde_json::{Value, json};
use songhua_domain::decide::{Moment, Refs, decide};
use songhua_domain::event::{Actor, Event, EventInput, Payload, Scope, SubmissionRef};
use songhua_domain::quantity::Decimal;
use songhua_domain::state::PlanState;
use songhua_domain::vocabulary::Role;

use super::scratch::{Scratch, harbin, repository};
use crate::read;

fn types(events: &[EventInput]) -> Vec<&'static str> {
    let mut types: Vec<_> = events.iter().map(|event| event.payload.type_name()).collect();
    types.dedup();
    types
}

fn of_type(events: &[EventInput], name: &str) -> usize {
    events.iter().filter(|event| event.payload.type_name() == name).count()
}

#[test]
fn harbin_is_counted_as_its_readme_says() {
    let summary = harbin().summary().to_string();
    let lines: Vec<_> = summary.lines().collect();
    assert_eq!(
        lines,
        [
            "72 targets = 62 AT_LEAST, 4 MORE_THAN, 2 BETWEEN, 1 APPROXIMATELY, 1 FULL_COVERAGE, 1 EXCEEDS_SERIES, \
             1 QUALITATIVE; 35 projects, 33 after merges",
            "5 categories, 52 indicators (51 scored); 11 areas = 1 CITY, 2 ZONE, 8 CIRCLE; 12 organisations, \
             17 industries",
            "34 goals, 29 facts, 367 interpreted values; 0 milestones, 0 agencies, 0 assignments",
        ]
    );
}

#[test]
fn harbin_becomes_one_event_for_each_definition() {
    let catalog = harbin();
    let events = catalog.definitions();
    assert_eq!(catalog.plan_id().as_str(), "harbin-2022-2026");
    assert_eq!(
        types(&events),
        [
            "PlanDefined",
            "AreaDesignated",
            "IndicatorDefined",
            "TargetSet",
            "ProjectRegistered",
            "ProjectMerged",
            "PlanPublished"
        ]
    );
    assert_eq!(of_type(&events, "AreaDesignated"), 11);
    assert_eq!(of_type(&events, "TargetSet"), 72);
    assert_eq!(of_type(&events, "ProjectRegistered"), 35);
    assert_eq!(of_type(&events, "ProjectMerged"), 2);
    let Some(Payload::PlanPublished(published)) = events.last().map(|event| &event.payload) else { panic!("no end") };
    assert_eq!(published.event_count as usize, events.len() - 1);
    assert_eq!(published.digest, catalog.digest());
}

#[test]
fn every_definition_has_its_own_id_and_names_only_what_was_defined_before() {
    for catalog in [harbin(), Scratch::staffed().read().unwrap()] {
        let events = catalog.definitions();
        let ids: BTreeSet<_> = events.iter().map(|event| event.event_id).collect();
        assert_eq!(ids.len(), events.len());
        let mut defined = BTreeSet::new();
        for event in &events {
            for name in names(&event.payload) {
                assert!(defined.contains(&name), "{} names {name} too early", event.payload.type_name());
            }
            defined.extend(definition(&event.payload));
        }
    }
}

/// What a definition defines.
fn definition(payload: &Payload) -> Option<String> {
    Some(match payload {
        Payload::AreaDesignated(area) => format!("area {}", area.area),
        Payload::IndicatorDefined(indicator) => format!("indicator {}", indicator.indicator),
        Payload::TargetSet(target) => format!("target {}/{}", target.area, target.indicator),
        Payload::ProjectRegistered(project) => format!("project {}", project.project),
        Payload::AgencyRegistered(agency) => format!("agency {}", agency.agency),
        _ => return None,
    })
}

/// What it must find defined.
fn names(payload: &Payload) -> Vec<String> {
    match payload {
        Payload::TargetSet(target) => {
            let other = target.other_series.iter().map(|other| format!("indicator {other}"));
            let own = [format!("area {}", target.area), format!("indicator {}", target.indicator)];
            other.chain(own).collect()
        }
        Payload::ProjectRegistered(project) => vec![format!("area {}", project.area)],
        Payload::ProjectMerged(merge) => vec![format!("project {}", merge.project), format!("project {}", merge.into)],
        Payload::MilestonePlanned(milestone) => vec![format!("project {}", milestone.project)],
        Payload::AgencyAssigned(assigned) => {
            let scope = match &assigned.scope {
                Scope::Plan => None,
                Scope::Area(area) => Some(format!("area {area}")),
                Scope::Indicator(indicator) => Some(format!("indicator {indicator}")),
                Scope::Target(area, indicator) => Some(format!("target {area}/{indicator}")),
                Scope::Project(project) => Some(format!("project {project}")),
            };
            scope.into_iter().chain([format!("agency {}", assigned.agency)]).collect()
        }
        _ => Vec::new(),
    }
}

/// The plan office, on the first day of the plan: when it is loaded does not matter to definitions.
fn event(position: u64, input: &EventInput) -> Event {
    let actor = Actor {
        principal: "plan-office".to_owned(),
        agency: None,
        role: Role::Admin,
        credential_digest: [0; 32],
        on_behalf_of: None,
    };
    let submission = SubmissionRef { id: input.event_id, index: 0, count: 1 };
    let (recorded_time, actor) = (Timestamp::UNIX_EPOCH, Arc::new(actor));
    Event { position, recorded_time, actor, submission, back_dated: false, input: Arc::new(input.clone()) }
}

#[test]
fn the_log_accepts_every_definition_of_a_plan_without_a_fault() {
    for catalog in [harbin(), Scratch::staffed().read().unwrap()] {
        let mut state = PlanState::default();
        let moment = Moment { recorded_time: Timestamp::UNIX_EPOCH, today: date(2025, 1, 1) };
        for (position, input) in (1..).zip(&catalog.definitions()) {
            let event = event(position, input);
            let decision = decide(&state, &Refs::default(), &event.actor, &moment, input);
            assert!(decision.is_ok(), "{:?}: {decision:?}", input.payload);
            state.evolve(&event, None);
        }
        assert_eq!(state.published().map(|published| published.digest), Some(catalog.digest()));
        assert_eq!(state.definition_count() as usize, catalog.definitions().len() - 1);
    }
}

#[test]
fn reading_the_same_folder_again_gives_the_same_events() {
    let (first, second) = (harbin(), harbin());
    assert_eq!(first.definitions(), second.definitions());
    assert_eq!(first.digest(), second.digest());
    let id = first.definitions()[0].event_id.to_string();
    assert_eq!(
        id, "b82ec460-2f5b-5555-adcc-61afaebc3700",
        "ids must not change: a log that holds them would take the plan for another"
    );
}

#[test]
fn an_area_carries_its_names_and_marks_what_was_read() {
    let events = harbin().definitions();
    let area = |id: &str| {
        events.iter().find_map(|event| match &event.payload {
            Payload::AreaDesignated(area) if area.area.as_str() == id => Some(area),
            _ => None,
        })
    };
    let circle = area("circle-usth").unwrap();
    assert_eq!(circle.aliases, ["环黑科大", "龙江创谷", "环黑科大生态圈", "USTH circle", "Longjiang Startup Valley"]);
    assert_eq!(circle.hosts, ["黑龙江科技大学"]);
    assert_eq!(circle.notes.last().unwrap(), "解读 / interpreted: stage");
    let zone = area("zone-hnd").unwrap();
    assert_eq!((zone.stage, zone.batch, zone.sites[1].as_str()), (None, 0, "深哈产业园"));
    assert_eq!(zone.notes[1], "原文没有说明所处阶段 / The text states no stage");
}

#[test]
fn goals_facts_and_quotations_are_remarks_of_the_plan() {
    let events = harbin().definitions();
    let Payload::PlanDefined(plan) = &events[0].payload else { panic!("the plan comes first") };
    let of_kind = |kind: &str| plan.remarks.iter().filter(|remark| remark.kind == kind).count();
    let kinds =
        ["TASK", "BRAND", "SCENARIO", "CONTEXT", "REFERENCE", "DATA_QUALITY", "ORGANISATION", "INDUSTRY", "SITE"];
    assert_eq!(kinds.map(of_kind), [10, 2, 8, 7, 3, 19, 12, 17, 12]);
    let incubators = plan.remarks.iter().find(|remark| remark.text.zh == "沿线科技企业孵化器：42家").unwrap();
    assert_eq!(incubators.text.en, "Technology incubators along the same corridor: 42家");
    assert_eq!(incubators.source.as_ref().unwrap().line_first, 13);
    assert_eq!(plan.documents[1].notes[0], "发布日期 / published: 2022-12-13");
}

#[test]
fn a_plan_of_another_shape_loads_without_a_code_change() {
    let catalog = read(&repository("tests/fixtures/plans/qingshui-2025-2027")).unwrap();
    let summary = catalog.summary().to_string();
    assert!(summary.starts_with("7 targets = 5 AT_LEAST, 2 MORE_THAN; 3 projects, 3 after merges\n"), "{summary}");
    assert_eq!(catalog.definitions().len(), 1 + 3 + 6 + 7 + 3 + 1);
}

#[test]
fn agencies_and_milestones_can_come_with_the_folder() {
    let catalog = Scratch::staffed().read().unwrap();
    let events = catalog.definitions();
    assert_eq!(of_type(&events, "AgencyAssigned"), 5);
    let weights = events.iter().filter_map(|event| match &event.payload {
        Payload::MilestonePlanned(milestone) => Some(milestone.weight),
        _ => None,
    });
    assert_eq!(weights.collect::<Vec<_>>(), [Decimal::new(5, 1), Decimal::ONE]);
    let summary = catalog.summary();
    assert_eq!((summary.milestones, summary.agencies, summary.assignments), (2, 2, 5));
}

/// `value` with the keys of every object turned round.
fn turned(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().rev().map(|(key, value)| (key.clone(), turned(value))).collect(),
        Value::Array(elements) => elements.iter().map(turned).collect(),
        leaf => leaf.clone(),
    }
}

#[test]
fn the_digest_sees_values_but_neither_white_space_nor_the_order_of_keys() {
    let scratch = Scratch::new();
    let before = scratch.read().unwrap().digest();
    for file in ["plan.json", "targets.json"] {
        scratch.edit(file, |root| *root = turned(root));
        assert_eq!(scratch.read().unwrap().digest(), before, "{file}");
    }
    scratch.set("targets.json", "targets[3].value", json!("46"));
    let after = scratch.read().unwrap().digest();
    assert_ne!(after, before);
    scratch.write("agencies.json", json!({"agencies": [], "assignments": []}).to_string());
    assert_ne!(scratch.read().unwrap().digest(), after);
}
