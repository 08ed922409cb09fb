//! Whether a contended log really holds a batch.
//!
//! `Stored` may rest on a key alone: an answer was lost, and behind the expected head stands a record with the key of
//! the batch's first. Another node's batch may begin with that key too: both open the same day, and a client that lost
//! an answer sends the same event to the other node. So nothing is acknowledged that was not read back.

use std::time::Duration;

use songhua_log::{Batch, EventLog, Position, Record};

/// How long a record may take to become visible before the batch is decided again.
const VISIBLE_WITHIN: Duration = Duration::from_secs(5);
/// Bytes read back at once.
const READ_BYTES: usize = 4 << 20;

/// Whether the records behind `expected_head` are those of `batch`, byte for byte; false also if they cannot be read.
/// What is decided again after a false is safe: the fence keeps it out if the batch is there after all.
pub(crate) async fn holds(log: &dyn EventLog, expected_head: Position, batch: &Batch) -> bool {
    let ours: Vec<&Record> = batch.submissions.iter().flat_map(|submission| &submission.records).collect();
    let mut seen = 0;
    while seen < ours.len() {
        let next = expected_head.plus(seen as u64 + 1);
        if tokio::time::timeout(VISIBLE_WITHIN, log.wait(next)).await.is_err() {
            return false;
        }
        let Ok(stored) = log.read(next, READ_BYTES).await else { return false };
        let same = stored.iter().zip(&ours[seen..]).all(|(stored, ours)| stored.bytes == ours.bytes);
        if stored.is_empty() || !same {
            return false;
        }
        seen += stored.len();
    }
    true
}
