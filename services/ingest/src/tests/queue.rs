//! The bounded queue: what is too much is refused at once, and room comes back.

use std::sync::Arc;
use std::time::Duration;

use songhua_domain::vocabulary::Reason;
use songhua_log::EventLog;
use tokio::task::JoinHandle;

use super::fixture::{LEAD, Plan, agency, figure, submission};
use super::gated::GatedLog;
use crate::handle::{Answer, Submission};
use crate::options::IngestOptions;

async fn stalled(options: IngestOptions) -> (Plan, Arc<GatedLog>) {
    let log = GatedLog::new();
    let plan = Plan::open(Arc::clone(&log) as Arc<dyn EventLog>, options).await;
    plan.load().await;
    plan.put(&agency(LEAD), figure(800, 60, "30")).await;
    log.stall();
    (plan, log)
}

fn sized(number: u128, bytes: usize) -> Submission {
    Submission { bytes, ..submission(&agency(LEAD), vec![figure(number, number as i16, "31")]) }
}

async fn begin(plan: &Plan, submission: Submission) -> JoinHandle<Answer> {
    let ingest = plan.ingest.clone();
    let begun = tokio::spawn(async move { ingest.submit(submission).await });
    tokio::time::sleep(Duration::from_millis(10)).await;
    begun
}

#[tokio::test]
async fn the_third_of_two_is_refused_with_a_delay_and_room_returns() {
    let retry_delay = Duration::from_millis(70);
    let (plan, log) =
        stalled(IngestOptions { queue_submissions_max: 2, retry_delay, ..IngestOptions::default() }).await;
    let first = begin(&plan, sized(1, 300)).await;
    let second = begin(&plan, sized(2, 300)).await;
    let refused = plan.ingest.submit(sized(3, 300)).await.unwrap_err();
    assert_eq!((refused.reason, refused.retry_after), (Reason::QueueFull, Some(retry_delay)));
    assert!(refused.message.contains('2'));
    log.flow();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    for number in 3..40 {
        // Whoever has its answer has its room back.
        plan.ingest.submit(sized(number, 300)).await.unwrap();
    }
}

#[tokio::test]
async fn a_refusal_gives_its_room_back_too() {
    let (plan, log) = stalled(IngestOptions { queue_submissions_max: 1, ..IngestOptions::default() }).await;
    log.flow();
    for _ in 0..40 {
        let future = submission(&agency(LEAD), vec![figure(1, super::fixture::FUTURE, "31")]);
        assert_eq!(plan.ingest.submit(future).await.unwrap_err().reason, Reason::FutureDate);
    }
    plan.ingest.submit(sized(2, 300)).await.unwrap();
}

#[tokio::test]
async fn bytes_are_bounded_too() {
    let (plan, log) = stalled(IngestOptions { queue_bytes_max: 8 << 10, ..IngestOptions::default() }).await;
    let first = begin(&plan, sized(1, 5 << 10)).await;
    let refused = plan.ingest.submit(sized(2, (3 << 10) + 1)).await.unwrap_err();
    assert_eq!(refused.reason, Reason::QueueFull);
    let third = begin(&plan, sized(3, 3 << 10)).await;
    assert!(!third.is_finished());
    log.flow();
    first.await.unwrap().unwrap();
    third.await.unwrap().unwrap();
    plan.ingest.submit(sized(2, 8 << 10)).await.unwrap();
}

#[tokio::test]
async fn what_is_larger_than_the_whole_bound_is_taken_when_nothing_else_waits() {
    for queue_bytes_max in [8 << 10, 100] {
        let (plan, log) = stalled(IngestOptions { queue_bytes_max, ..IngestOptions::default() }).await;
        let large = begin(&plan, sized(1, 100 << 10)).await;
        assert_eq!(plan.ingest.submit(sized(2, 300)).await.unwrap_err().reason, Reason::QueueFull);
        log.flow();
        large.await.unwrap().unwrap();
        // A stream waits for room instead of being refused; it must not wait for ever.
        let streamed = plan.ingest.submit_pipelined(sized(3, 100 << 10));
        let answer = tokio::time::timeout(Duration::from_secs(10), streamed).await.unwrap().unwrap();
        answer.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_stream_waits_for_room() {
    let (plan, log) = stalled(IngestOptions { queue_submissions_max: 1, ..IngestOptions::default() }).await;
    let first = begin(&plan, sized(1, 300)).await;
    let ingest = plan.ingest.clone();
    let second = tokio::spawn(async move { ingest.submit_pipelined(sized(2, 300)).await.unwrap().await.unwrap() });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!second.is_finished());
    log.flow();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
}

#[tokio::test]
async fn dropping_the_caller_does_not_take_its_submission_back() {
    let (plan, log) = stalled(IngestOptions { queue_submissions_max: 1, ..IngestOptions::default() }).await;
    let gone = begin(&plan, sized(1, 300)).await;
    gone.abort();
    assert!(gone.await.is_err());
    assert_eq!(plan.ingest.submit(sized(2, 300)).await.unwrap_err().reason, Reason::QueueFull);
    log.flow();
    // Its room comes back although nobody listens, and the event is there.
    let second = plan.ingest.submit_pipelined(sized(1, 300)).await.unwrap().await.unwrap().unwrap();
    assert!(second[0].duplicate);
}
