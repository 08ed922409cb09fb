//! `append_resolving` on top of what the conformance suite asks of it.

use futures::future::join_all;

use crate::conformance::{some_batch, some_identity};
use crate::hostile::{HostileLog, Hostility};
use crate::memory::MemoryLog;
use crate::{AppendOutcome, Batch, EventLog, Position, Record, append_resolving};

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

/// Whether exactly the records of `batch` stand behind `head`.
async fn stands(log: &HostileLog, head: Position, batch: &Batch) -> bool {
    let read = log.read(head.next(), usize::MAX).await.unwrap();
    let stored = read.into_iter().map(|record| Record { key: record.key, bytes: record.bytes });
    let ours: Vec<_> = batch.submissions.iter().flat_map(|submission| submission.records.clone()).collect();
    stored.take(ours.len()).collect::<Vec<_>>() == ours
}

async fn race_against_twins(seed: u64) {
    let log = HostileLog::new(some_identity(), Hostility::twins(seed));
    for _ in 0..20 {
        let batch = some_batch(&[2, 1]);
        let head = log.heads().written;
        match append_resolving(&log, head, batch.clone()).await.unwrap() {
            AppendOutcome::Stored { first, last } => {
                log.wait(last).await;
                assert_eq!((first, last), (head.next(), head.plus(3)), "seed {seed}");
                assert!(stands(&log, head, &batch).await, "seed {seed}: acknowledged, and another's batch is stored");
            }
            AppendOutcome::Conflict { head: now } => {
                log.wait(now).await;
                assert!(now > head && !stands(&log, head, &batch).await, "seed {seed}: refused, and stored");
            }
            AppendOutcome::Unknown { reason } => panic!("seed {seed}: {reason}"),
        }
    }
}

#[tokio::test]
async fn a_batch_of_another_node_that_begins_with_our_key_is_never_taken_for_ours() {
    join_all((1..=300).map(race_against_twins)).await;
}
