//! `append_resolving` on top of what the conformance suite asks of it.

use crate::conformance::{some_batch, some_identity};
use crate::hostile::{HostileLog, Hostility};
use crate::memory::MemoryLog;
use crate::{AppendOutcome, EventLog, Position, append_resolving};

#[tokio::test]
async fn the_place_in_the_order_is_taken_before_anything_is_polled() {
    let log = MemoryLog::new(some_identity());
    let first = append_resolving(&log, Position::NONE, some_batch(&[1]));
    let second = append_resolving(&log, Position::NONE, some_batch(&[1]));
    assert_eq!(second.await, Ok(AppendOutcome::Conflict { head: Position(1) }));
    assert_eq!(first.await, Ok(AppendOutcome::Stored { first: Position(1), last: Position(1) }));
}

#[tokio::test]
async fn whatever_the_seed_a_batch_stands_in_the_log_exactly_if_it_was_stored() {
    for seed in 1..=150 {
        let log = HostileLog::new(some_identity(), Hostility::harsh(seed));
        for _ in 0..12 {
            let batch = some_batch(&[2]);
            let head = log.heads().written;
            let outcome = append_resolving(&log, head, batch.clone()).await.unwrap();
            log.wait(head.next()).await;
            let here = log.read(head.next(), 0).await.unwrap()[0].key == batch.submissions[0].records[0].key;
            match outcome {
                AppendOutcome::Stored { first, last } => assert!(here && (first, last) == (head.next(), head.plus(2))),
                AppendOutcome::Conflict { head: now } => assert!(!here && now > head, "seed {seed}"),
                AppendOutcome::Unknown { reason } => panic!("seed {seed}: {reason}"),
            }
        }
    }
}
