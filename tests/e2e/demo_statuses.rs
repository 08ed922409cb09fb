//! The demo shows everything: every operator is judged, every status occurs, knowledge changes lights.

use std::collections::{BTreeMap, BTreeSet};

use songhua_tests::{Sandbox, date};
use songhua_wire::pb::{self, Status};

use crate::demo_world::{DEMO, Reader, TODAY, demo};

/// Where each status is to be seen: the day that is looked at, and what is known (none: everything).
const SEEN: &[(Status, (i32, i32, i32), Option<(i32, i32, i32)>)] = &[
    (Status::Met, (2026, 11, 20), None),
    (Status::MetSoFar, (2026, 11, 20), None),
    (Status::OnTrack, (2026, 11, 20), None),
    (Status::Behind, (2026, 11, 20), None),
    (Status::FarBehind, (2026, 11, 20), None),
    (Status::Stale, (2026, 11, 20), None),
    (Status::NoData, (2026, 11, 20), None),
    (Status::NoPath, (2026, 11, 20), None),
    // Nothing to cover yet: 0 of 0.
    (Status::NotScored, (2023, 6, 30), None),
    // Before the first assessment.
    (Status::AwaitingAssessment, (2022, 6, 30), None),
    // After the deadline, with what is known today.
    (Status::AwaitingData, (2027, 1, 15), None),
    (Status::Overdue, (2027, 12, 31), None),
    (Status::MetProvisional, (2027, 1, 15), None),
    (Status::Missed, (2027, 1, 15), None),
    // The last assessment before it was verified.
    (Status::MissedProvisional, (2027, 1, 15), Some((2026, 4, 1))),
];

const fn day((year, month, day): (i32, i32, i32)) -> songhua_wire::google::type_::Date {
    date(year, month, day)
}

#[tokio::test]
async fn every_status_occurs_and_every_operator_is_judged() {
    let sandbox = Sandbox::start_with(demo()).await;
    let admin = sandbox.admin().await;
    let mut seen = BTreeSet::new();
    for (status, valid, known) in SEEN {
        let targets = Reader::at(&admin, day(*valid), known.map(day)).targets().await;
        let found: BTreeSet<_> = targets.iter().map(|target| target.status().as_str_name()).collect();
        assert!(found.contains(status.as_str_name()), "{status:?} on {valid:?}: {found:?}");
        seen.insert(*status as i32);
    }
    let all: BTreeSet<_> = (0..64)
        .filter_map(|code| Status::try_from(code).ok())
        .map(|status| status as i32)
        .filter(|code| *code != 0)
        .collect();
    assert_eq!(seen, all);

    let mut judged: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let targets = Reader::today(&admin).targets().await;
    assert_eq!(targets.len(), 72);
    for target in &targets {
        let unknown = [Status::NoData, Status::AwaitingAssessment, Status::NotScored];
        if !unknown.contains(&target.status()) {
            judged.entry(target.operator().as_str_name()).or_default().insert(target.status().as_str_name());
        }
    }
    assert_eq!(judged.len(), 7, "{judged:?}");
    let live: BTreeSet<_> = targets.iter().map(|target| target.status().as_str_name()).collect();
    assert!(live.len() >= 8, "{live:?}");
}

#[tokio::test]
async fn knowledge_changes_lights() {
    let sandbox = Sandbox::start_with(demo()).await;
    let admin = sandbox.admin().await;
    let status = async |indicator: &str, known| {
        let target = Reader::at(&admin, TODAY, known).target(indicator).await;
        (target.status(), target.actual)
    };
    // A correction takes 已达标 away.
    let before = status("registered-incubators", Some(date(2026, 11, 1))).await;
    assert_eq!(before, (Status::MetSoFar, "203".to_owned()));
    let after = status("registered-incubators", None).await;
    assert_eq!(after, (Status::OnTrack, "197".to_owned()));
    // A rejected assessment no longer counts.
    let step = async |known| Reader::at(&admin, TODAY, known).target("ai-core-technology-level").await;
    let before = step(Some(date(2026, 8, 1))).await;
    assert_eq!((before.status(), before.step.as_str()), (Status::Met, "国内领先"));
    let after = step(None).await;
    assert_eq!((after.status(), after.step.as_str()), (Status::NoPath, "并跑"));
    // One agency fell silent.
    assert_eq!(status("international-cooperation-bases", None).await.0, Status::Stale);
    let request = pb::ListMilestonesRequest {
        parent: DEMO.to_owned(),
        page_size: 1_000,
        filter: "slipped = true".to_owned(),
        ..Default::default()
    };
    let slipped = admin.progress.clone().list_milestones(request).await.unwrap().into_inner().milestones;
    assert!(slipped.iter().any(|milestone| milestone.reschedule_count >= 2), "{slipped:?}");
}

#[tokio::test]
async fn the_light_rule_changed_in_2025() {
    let sandbox = Sandbox::start_with(demo()).await;
    let admin = sandbox.admin().await;
    let rule = async |known| Reader::at(&admin, TODAY, known).overview().await.state.unwrap().light_rule_version;
    assert_eq!((rule(Some(date(2024, 12, 31))).await, rule(None).await), (1, 2));
    let todos: Vec<pb::Todo> = Reader::today(&admin).overview().await.todos;
    assert!(!todos.is_empty());
}
