//! One suite that every backend passes: what `contract` says, as tests.
//!
//! Place in the flow: each backend's tests name a harness and call [`conformance_suite!`](crate::conformance_suite),
//! which makes one test of every case. [`follower_contract`] is the same for followers.
//!
//! It must not know any backend: what differs is asked of the log (`exclusive_writer`, `max_batch`) or the harness.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::future::BoxFuture;
use uuid::Uuid;

use crate::contract::{AppendOutcome, EventLog};
use crate::hostile::COMPETITOR;
use crate::identity::{HashAlgorithm, Identity, Position};
use crate::record::{Batch, Key, Record, StoredRecord, Submission};
use crate::resolve::append_resolving;

mod appends;
mod follower_contract;
mod heads;
mod model;
mod reads;

pub use follower_contract::{FollowerHarness, MemoryFollower, follower_contract};

/// The cases. Each takes a fresh harness.
pub mod cases {
    pub use super::appends::*;
    pub use super::heads::*;
    pub use super::model::*;
    pub use super::reads::*;
}

/// An empty log of one backend.
pub trait Harness: Send {
    /// The log.
    fn log(&self) -> Arc<dyn EventLog>;
    /// Closes the log in order.
    fn close(&self) -> BoxFuture<'_, ()>;
    /// Closes the log and opens it again; `false` where the backend keeps nothing.
    fn reopen(&mut self) -> BoxFuture<'_, bool> {
        Box::pin(std::future::ready(false))
    }
}

/// Makes one `#[tokio::test]` of every conformance case. `$make` is an expression that gives a fresh
/// [`Harness`](crate::conformance::Harness).
#[macro_export]
macro_rules! conformance_suite {
    ($make:expr) => {
        $crate::conformance_suite!(@ $make;
            positions_are_gapless_from_1
            a_batch_is_stored_in_its_order
            stored_means_durable_readable_and_found
            a_wrong_head_conflicts_and_stores_nothing
            of_two_writers_on_one_head_exactly_one_wins
            a_batch_decided_ahead_of_a_lost_one_is_lost
            an_unknown_outcome_is_resolved
            a_batch_that_begins_with_the_key_of_another_is_not_that_one
            a_dropped_append_still_lands
            refused_batches_store_nothing
            the_largest_batch_and_record_are_stored
            the_order_of_calls_is_the_order_of_positions
            reads_stop_at_the_end_of_a_submission
            reads_start_inside_a_submission
            reads_beyond_the_head_are_empty
            selected_reads_give_what_is_asked_for
            find_knows_every_durable_key_and_no_other
            find_sees_what_an_exclusive_writer_has_accepted
            waiting_ends_when_the_position_is_durable
            waiting_ends_when_the_log_is_closed
            a_closed_log_refuses_appends_and_still_reads
            reopening_keeps_everything
            random_operations_agree_with_a_plain_list
        );
    };
    (@ $make:expr; $($case:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $crate::conformance::cases::$case($make).await;
            }
        )*
    };
}

/// An identity for tests; every call gives another log.
pub fn some_identity() -> Identity {
    Identity { log_id: Uuid::new_v4(), epoch: 1, hash: HashAlgorithm::Sha256 }
}

/// A key that no other call has given in this process.
pub fn fresh_key() -> Key {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let mut key = *b"conform\0........";
    key[8..].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    key
}

/// A batch with one submission for each of `sizes`, of so many records with fresh keys.
pub fn some_batch(sizes: &[usize]) -> Batch {
    let submission = |(index, records): (usize, &usize)| {
        let records = (0..*records).map(|_| some_record()).collect();
        Submission { recorded_time_us: 1_700_000_000_000_000 + index as i64, records }
    };
    Batch { submissions: sizes.iter().enumerate().map(submission).collect() }
}

/// A record with a fresh key and some bytes that contain it.
fn some_record() -> Record {
    let key = fresh_key();
    let bytes = format!("record {:?}", &key[8..]).into_bytes();
    Record { key, bytes: Bytes::from(bytes) }
}

/// Appends until it is stored, deciding again after every conflict; waits until it can be read.
async fn put(log: &dyn EventLog, batch: &Batch) -> (Position, Position) {
    let mut head = log.heads().written;
    for _ in 0..1_000 {
        match append_resolving(log, head, batch.clone()).await.expect("append") {
            AppendOutcome::Stored { first, last } => {
                log.wait(last).await;
                return (first, last);
            }
            AppendOutcome::Conflict { head: now } => head = now,
            AppendOutcome::Unknown { reason } => panic!("unresolved: {reason}"),
        }
    }
    panic!("1,000 conflicts in a row");
}

/// Every durable record, read in pieces of about `max_bytes`. Asserts what every read must keep.
async fn read_all(log: &dyn EventLog, max_bytes: usize) -> Vec<StoredRecord> {
    let durable = log.wait(log.heads().written).await.durable;
    let mut all: Vec<StoredRecord> = Vec::new();
    while Position(all.len() as u64) < durable {
        let from = Position(all.len() as u64 + 1);
        let read = log.read(from, max_bytes).await.expect("read");
        assert!(!read.is_empty(), "nothing at {from} although {durable} is durable");
        for (record, position) in read.iter().zip(from.0..) {
            assert_eq!(record.position, Position(position), "gap");
            assert!(record.submission_first <= record.position && record.position <= record.submission_last);
        }
        let last = &read[read.len() - 1];
        assert_eq!(last.position, last.submission_last, "a read ends inside a submission");
        all.extend(read);
    }
    all
}

/// The records that the suite itself has appended.
pub(crate) fn ours(records: &[StoredRecord]) -> Vec<(Key, Bytes)> {
    let ours = records.iter().filter(|record| !record.key.starts_with(&COMPETITOR));
    ours.map(|record| (record.key, record.bytes.clone())).collect()
}

/// The records of a batch, as [`ours`] gives them.
pub(crate) fn of_batch(batch: &Batch) -> Vec<(Key, Bytes)> {
    let records = batch.submissions.iter().flat_map(|submission| &submission.records);
    records.map(|record| (record.key, record.bytes.clone())).collect()
}
