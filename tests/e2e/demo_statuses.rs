//! The demo shows everything: every operator is judged, every status occurs, knowledge changes lights.

use std::collections::{BTreeMap, BTreeSet};

use songhua_tests::{Sandbox, date};
use songhua_wire::pb::{self, Status};

use crate::demo_world::{DEMO, Reader, TODAY, demo};

/// Year, month, day.
type Day = (i32, i32, i32);

/// Where statuses are to be seen: the day that is looked at, what is known (none: everything), the statuses.
const SEEN: &[(Day, Option<Day>, &[Status])] = &[
    (
        (2026, 11, 20),
        None,
        &[
            Status::Met,
            Status::MetSoFar,
            Status::OnTrack,
            Status::Behind,
            Status::FarBehind,
            Status::Stale,
            Status::NoData,
            Status::NoPath,
        ],
    ),
    // Nothing to cover yet: 0 of 0.
    ((2023, 6, 30), None, &[Status::NotScored]),
    // Before the first assessment.
    ((2022, 6, 30), None, &[Status::AwaitingAssessment]),
    // After the deadline, with what is known today.
    ((2027, 1, 15), None, &[Status::AwaitingData, Status::MetProvisional, Status::Missed]),
    ((2027, 12, 31), None, &[Status::Overdue]),
    // The last assessment before it was verified.
    ((2027, 1, 15), Some((2026, 4, 1)), &[Status::MissedProvisional]),
];

const fn day((year, month, day): Day) -> songhua_wire::google::type_::Date {
    date(year, month, day)
}

#[tokio::test]
async fn every_status_occurs_and_every_operator_is_judged() {
    let sandbox = Sandbox::start_with(demo()).await;
    let admin = sandbox.admin().await;
    let mut seen = BTreeSet::new();
    for (valid, known, statuses) in SEEN {
        let targets = Reader::at(&admin, day(*valid), known.map(day)).targets().await;
        let found: BTreeSet<_> = targets.iter().map(|target| target.status().as_str_name()).collect();
        for status in *statuses {
            assert!(found.contains(status.as_str_name()), "{status:?} on {valid:?}: {found:?}");
            seen.insert(*status as i32);
        }
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
    // What the projector wrote down as days went by, up to the fixed day.
    let request = pb::WatchProgressRequest {
        parent: DEMO.to_owned(),
        after_position: Some(0),
        areas: vec!["city".to_owned()],
        ..Default::default()
    };
    let mut changes = admin.progress.clone().watch_progress(request).await.unwrap().into_inner();
    let durable = sandbox.plan_status("demo-harbin-2022-2026").await.durable_position;
    let mut recorded = BTreeSet::new();
    while let Some(answer) = changes.message().await.unwrap() {
        assert!(answer.simulated);
        recorded.extend(answer.changes.iter().map(|change| change.to().as_str_name().to_owned()));
        if answer.applied_position >= durable {
            break;
        }
    }
    assert!(recorded.contains("STATUS_STALE") && recorded.contains("STATUS_NOT_SCORED"), "{recorded:?}");
    assert!(recorded.len() >= 8, "{recorded:?}");

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

    // Since 2025 another rule holds.
    let rule = async |known| Reader::at(&admin, TODAY, known).overview().await.state.unwrap().light_rule_version;
    assert_eq!((rule(Some(date(2024, 12, 31))).await, rule(None).await), (1, 2));
}
