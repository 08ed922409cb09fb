//! Many events: pushed twice, and pushed against a full queue.

use std::collections::BTreeSet;

use songhua_tests::{Sandbox, ServeOptions, many, push, reason, refusal, submit};
use tonic::Code;

#[tokio::test]
async fn ten_thousand_events_pushed_twice_are_duplicates_with_the_same_receipts() {
    let sandbox = Sandbox::start().await;
    let clerk = sandbox.lead_of_all("drc").await;
    let before = sandbox.durable().await;
    let events = many(10_000);
    let (first, complete) = push(&clerk, &events, 100).await;
    assert!(complete && first.iter().all(|receipt| !receipt.duplicate));
    let positions: BTreeSet<_> = first.iter().map(|receipt| receipt.position).collect();
    assert_eq!(positions.first().zip(positions.last()), Some((&(before + 1), &(before + 10_000))));
    assert_eq!(positions.len(), 10_000);
    let (second, complete) = push(&clerk, &events, 100).await;
    assert!(complete && second.iter().all(|receipt| receipt.duplicate));
    let same = first.iter().zip(&second).all(|(one, other)| {
        (&one.event_id, one.position, &one.leaf_hash, &one.recorded_time)
            == (&other.event_id, other.position, &other.leaf_hash, &other.recorded_time)
    });
    assert!(same, "a duplicate gets its first receipt");
    assert_eq!(sandbox.durable().await, before + 10_000);
}

#[tokio::test]
async fn a_full_queue_refuses_with_a_delay_and_loses_nothing() {
    let sandbox = Sandbox::start_with(ServeOptions::with(&["--queue-submissions-max", "1"])).await;
    let clerk = sandbox.lead_of_all("drc").await;
    let before = sandbox.durable().await;
    let calls: Vec<_> = many(200)
        .into_iter()
        .map(|event| {
            let mut clerk = clerk.clone();
            tokio::spawn(async move {
                let mut refusals = 0u32;
                loop {
                    match clerk.ingest.submit(submit(vec![event.clone()])).await {
                        Ok(answer) => return (answer.into_inner().receipts.remove(0), refusals),
                        Err(status) => {
                            assert_eq!(reason(&status, Code::ResourceExhausted), "QUEUE_FULL");
                            let delay = refusal(&status).retry_after.expect("RetryInfo names the delay");
                            tokio::time::sleep(delay).await;
                            refusals += 1;
                        }
                    }
                }
            })
        })
        .collect();
    let mut refusals = 0;
    let mut positions = BTreeSet::new();
    for call in calls {
        let (receipt, refused) = call.await.unwrap();
        assert!(!receipt.duplicate, "a refused submission was not stored");
        positions.insert(receipt.position);
        refusals += refused;
    }
    assert!(refusals > 0, "200 callers at once and a queue of one");
    assert_eq!(positions, (before + 1..=before + 200).collect());
    assert_eq!(sandbox.durable().await, before + 200);
}

#[tokio::test]
async fn a_stream_waits_where_a_call_would_be_refused() {
    let sandbox = Sandbox::start_with(ServeOptions::with(&["--queue-submissions-max", "1"])).await;
    let clerk = sandbox.lead_of_all("drc").await;
    let (receipts, complete) = push(&clerk, &many(300), 10).await;
    assert!(complete);
    assert_eq!(receipts.len(), 300);
}
