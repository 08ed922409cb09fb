//! Record 1 says which history a log is.

use std::sync::Arc;

use songhua_domain::event::{LogCreated, Payload};
use songhua_log::hostile::{HostileLog, Hostility};
use songhua_log::memory::MemoryLog;
use songhua_log::{EventLog, Identity};

use super::fixture::{MORNING, Plan, TestClock, events, log_identity, memory, plan_identity, time};
use crate::open::{OpenError, PlanIdentity, open};
use crate::options::IngestOptions;

#[tokio::test]
async fn record_1_names_the_log_the_plan_and_the_epoch() {
    let identity = Identity { epoch: 3, ..log_identity() };
    let plan = Plan::open(Arc::new(MemoryLog::new(identity)), IngestOptions::default()).await;
    let stored = events(plan.log.as_ref()).await;
    assert_eq!(stored.len(), 1);
    let expected = LogCreated {
        log_id: identity.log_id,
        plan: Some(plan_identity().plan),
        epoch: 3,
        simulated: true,
        hash_algorithm: 1,
    };
    assert_eq!(stored[0].input.payload, Payload::LogCreated(expected));
    assert_eq!((stored[0].position, stored[0].recorded_time), (1, time(MORNING)));
    assert_eq!(*stored[0].actor, crate::day::system_actor());
    let record = songhua_wire::record::decode_record(
        1,
        &plan.log.find(&stored[0].input.event_id.into_bytes()).await.unwrap().unwrap().bytes,
    );
    assert_eq!(record.unwrap().subject, "plans/qingshui-2025-2027");
    plan.assert_state_is_the_fold().await;
}

#[tokio::test]
async fn genesis_is_written_once() {
    let plan = Plan::open(memory(), IngestOptions::default()).await;
    let plan = plan.reopened().await;
    assert_eq!(plan.summary.head, 1);
    assert_eq!(events(plan.log.as_ref()).await.len(), 1);
}

#[tokio::test]
async fn the_log_of_another_plan_is_refused() {
    let plan = Plan::published().await;
    let (log, directory, clock) = plan.close().await;
    let head = log.heads();
    let other = PlanIdentity { plan: "another-plan".parse().unwrap(), simulated: true };
    for snapshots in [directory.path().to_owned(), directory.path().join("none")] {
        let clock = Arc::clone(&clock) as Arc<dyn crate::Clock>;
        let opened = open(Arc::clone(&log), &other, snapshots, clock, IngestOptions::default()).await;
        let Err(OpenError::OtherPlan { found, wanted }) = opened else { panic!("it opened") };
        assert_eq!((found.as_str(), wanted), ("qingshui-2025-2027", other.plan.clone()));
    }
    assert_eq!(log.heads(), head);
}

#[tokio::test]
async fn a_plan_opens_on_a_log_that_shows_its_records_late() {
    for seed in 0..50 {
        let hostility = Hostility { lag: 5, ..Hostility::calm(seed) };
        let log: Arc<dyn EventLog> = Arc::new(HostileLog::new(log_identity(), hostility));
        let directory = Arc::new(tempfile::tempdir().unwrap());
        let opened = Plan::open_in(log, directory, TestClock::at(MORNING), IngestOptions::default()).await;
        assert_eq!(opened.map(|plan| plan.summary.head).map_err(|error| error.to_string()), Ok(1), "seed {seed}");
    }
}
