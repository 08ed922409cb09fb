//! An exclusive log that is not as exclusive as it says, and records that a log does not take.

use std::sync::Arc;
use std::time::Duration;

use songhua_domain::event::{Event, EventInput, Evidence, Remark, SubmissionRef};
use songhua_domain::vocabulary::Reason;
use songhua_log::{AppendError, AppendOutcome, Batch, EventLog, Position, Record, Submission as Batched};
use uuid::Uuid;

use super::fixture::{
    LEAD, OTHER, Plan, admin, agency, corrected, definitions, figure, memory, nothing, numbers, plan_identity, time,
};
use super::shared::{SharedLog, foreign};
use crate::handle::Submission;
use crate::line::Line;
use crate::options::IngestOptions;

/// Somebody else appends through the same handle.
async fn intrude(log: &dyn EventLog, input: EventInput) {
    let event = Event {
        position: 0,
        recorded_time: time(super::fixture::MORNING),
        actor: Arc::new(agency(LEAD)),
        submission: SubmissionRef { id: Uuid::from_u128(99), index: 0, count: 1 },
        back_dated: false,
        input: Arc::new(input),
    };
    let batch = foreign(&event, "plans/qingshui-2025-2027/areas/lakeside/targets/tech-firms");
    let stored = log.append(log.heads().written, batch).await.unwrap();
    assert!(matches!(stored, AppendOutcome::Stored { .. }));
}

#[tokio::test]
async fn after_a_lost_batch_the_state_falls_back_to_what_is_stored() {
    let plan = Plan::published().await;
    let lead = agency(LEAD);
    plan.put(&lead, figure(800, 60, "30")).await;
    intrude(plan.log.as_ref(), figure(1, 10, "31")).await;
    // Decided without knowing what was stored meanwhile: it is lost, and as long as it would be.
    let lost = plan.submit(&lead, vec![figure(2, 11, "32")]).await.unwrap_err();
    assert_eq!(lost.reason, Reason::OutcomeUnknown);
    // The log is as long as if it had been stored. What comes next must be decided on what *was* stored.
    let taken = plan.submit(&lead, vec![figure(3, 10, "33")]).await.unwrap_err();
    assert_eq!(taken.reason, Reason::MeasurementExists, "{}", taken.message);
    assert!(!plan.put(&lead, figure(2, 11, "32")).await.duplicate);
    assert!(plan.put(&lead, figure(1, 10, "31")).await.duplicate);
    assert_eq!(numbers(plan.log.as_ref()).await, [800, 1, 2]);
    plan.assert_state_is_the_fold().await;
}

#[tokio::test]
async fn what_was_decided_on_top_of_a_lost_batch_is_lost_too() {
    let log = Arc::new(SharedLog::exclusive());
    let plan = Plan::published_on(Arc::clone(&log) as Arc<dyn EventLog>).await;
    let lead = agency(LEAD);
    intrude(log.as_ref(), figure(1, 10, "31")).await;
    // Two answers come late, so that the second group is decided while the first is lost already.
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    for _ in 0..2 {
        let gate = Arc::clone(&gate);
        log.befall(move |log, head, batch| {
            let answer = log.append(head, batch);
            Box::pin(async move {
                gate.acquire().await.unwrap().forget();
                answer.await
            })
        });
    }
    let (first, second, after) = futures::join!(
        plan.submit(&lead, vec![figure(2, 11, "32")]),
        async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            // It can only be refused for what is lost.
            plan.submit(&lead, vec![figure(3, 11, "33")]).await
        },
        async {
            tokio::time::sleep(Duration::from_millis(40)).await;
            gate.add_permits(2);
            plan.submit(&lead, vec![figure(4, 10, "34")]).await
        }
    );
    for lost in [first, second] {
        assert_eq!(lost.unwrap_err().reason, Reason::OutcomeUnknown);
    }
    let reason = after.unwrap_err().reason;
    assert!(matches!(reason, Reason::OutcomeUnknown | Reason::MeasurementExists), "{reason}");
    let again = vec![figure(2, 11, "32"), corrected(3, 2, "33")];
    assert!(plan.persist(&lead, again).await.iter().all(|receipt| !receipt.duplicate));
    let taken = plan.submit(&lead, vec![figure(4, 10, "34")]).await.unwrap_err();
    assert_eq!(taken.reason, Reason::MeasurementExists);
    assert_eq!(numbers(log.as_ref()).await, [1, 2, 3]);
    plan.assert_state_is_the_fold().await;
}

#[tokio::test]
async fn a_write_that_fails_leaves_nothing_in_the_state() {
    let log = Arc::new(SharedLog::exclusive());
    let plan = Plan::published_on(Arc::clone(&log) as Arc<dyn EventLog>).await;
    log.befall(|_, _, _| {
        let reason = "a passing fault".to_owned();
        Box::pin(std::future::ready(Err(AppendError::ReadOnly { reason })))
    });
    let lost = plan.submit(&agency(LEAD), vec![figure(1, 10, "31")]).await.unwrap_err();
    assert_eq!(lost.reason, Reason::OutcomeUnknown);
    assert!(lost.message.contains("a passing fault"));
    let head = log.heads().durable.0;
    assert_eq!(plan.put(&agency(LEAD), figure(2, 10, "32")).await.position, head + 1);
    plan.assert_state_is_the_fold().await;
}

#[tokio::test]
async fn a_broken_line_takes_nothing_until_it_is_mended() {
    let (line, log) = (Line::default(), SharedLog::exclusive());
    let record = || Record { key: [7; 16], bytes: vec![1].into() };
    let batch = || Batch { submissions: vec![Batched { recorded_time_us: 0, records: vec![record()] }] };
    let ready = |outcome| -> crate::line::Outcome { Box::pin(std::future::ready(Ok(outcome))) };
    let stored = AppendOutcome::Stored { first: Position(1), last: Position(1) };
    line.take(ready(stored)).await.unwrap();
    assert!(!line.is_broken());
    line.take(ready(AppendOutcome::Conflict { head: Position(5) })).await.unwrap();
    assert!(line.is_broken() && line.append(&log, Position::NONE, batch()).is_none());
    assert_eq!(log.heads().written, Position::NONE);
    line.mend();
    assert!(line.append(&log, Position::NONE, batch()).is_some());
    assert_eq!(log.heads().written, Position(1));
}

/// A plan whose next definition is larger than a record may be.
fn oversized() -> EventInput {
    let mut defined = definitions().remove(0);
    if let songhua_domain::event::Payload::PlanDefined(plan) = &mut defined.payload {
        let remark =
            Remark { kind: "FACT".to_owned(), text: plan.title.clone(), source: None, note: "x".repeat(3_000) };
        plan.remarks = vec![remark; 30];
    }
    defined
}

#[tokio::test]
async fn a_record_that_is_too_large_is_refused_and_the_plan_goes_on() {
    let plan = Plan::open(memory(), IngestOptions::default()).await;
    let actor = admin();
    let (refused, checked) =
        futures::join!(plan.submit(&actor, vec![oversized()]), plan.check(&actor, vec![oversized()]));
    for refused in [refused.unwrap_err(), checked.unwrap_err()] {
        assert_eq!(refused.reason, Reason::EventTooLarge);
        assert_eq!(refused.metadata["limit"], "65535");
        assert!(refused.message.contains("events[0]"), "{}", refused.message);
    }
    plan.load().await;
    plan.put(&agency(LEAD), figure(1, 10, "31")).await;
    plan.assert_state_is_the_fold().await;
}

#[tokio::test]
async fn an_event_at_the_limit_of_a_request_fits_its_record() {
    let plan = Plan::published().await;
    let large = |length: usize| {
        let title = "字".repeat(200);
        let evidence = Evidence { sha256: [1; 32], media_type: "a/b".to_owned(), title, locator: "y".repeat(length) };
        EventInput { evidence: vec![evidence; 32], ..nothing(1, 10, &"z".repeat(4_000)) }
    };
    use prost::Message;
    let size = |length| songhua_wire::event::input_to_pb(&large(length)).encoded_len();
    let length = (0..4_000).rev().find(|length| size(*length) <= crate::EVENT_BYTES_MAX).unwrap();
    assert!(size(length + 1) > crate::EVENT_BYTES_MAX);
    let mut actor = agency(OTHER);
    actor.principal = "名".repeat(200);
    plan.put(&actor, large(length)).await;
    plan.reopened().await.assert_state_is_the_fold().await;
}

#[tokio::test]
async fn what_could_not_be_read_back_is_not_stored() {
    let plan = Plan::published().await;
    // No reader accepts a submission without an id: one such record would stop them all for ever.
    let nil = Submission { id: Uuid::nil(), ..super::fixture::submission(&agency(LEAD), vec![figure(1, 10, "31")]) };
    assert_eq!(plan.ingest.submit(nil).await.unwrap_err().reason, Reason::Internal);
    assert!(plan.log.find(super::fixture::id(1).as_bytes()).await.unwrap().is_none());
    plan.reopened().await.put(&agency(LEAD), figure(1, 10, "31")).await;
}

#[tokio::test]
async fn the_plan_of_harbin_is_stored_and_read_back() {
    let folder = super::fixture::repository("seeds/harbin-2022-2026");
    let catalog = songhua_catalog::read(&folder).unwrap();
    let identity = crate::PlanIdentity { plan: catalog.plan_id().clone(), ..plan_identity() };
    let directory = tempfile::tempdir().unwrap();
    let clock = super::fixture::TestClock::at(super::fixture::MORNING);
    let options = IngestOptions::default();
    let log = memory();
    let opened = crate::open(Arc::clone(&log), &identity, directory.path().to_owned(), clock, options).await;
    let (ingest, _, ended) = opened.unwrap();
    for duplicate in [false, true] {
        for chunk in catalog.definitions().chunks(100) {
            let receipts = ingest.submit(super::fixture::submission(&admin(), chunk.to_vec())).await.unwrap();
            assert!(receipts.iter().all(|receipt| receipt.duplicate == duplicate));
        }
    }
    drop(ingest);
    ended.await.unwrap();
    let folded = super::fixture::fold(log.as_ref()).await;
    assert!(folded.published().is_some());
}
