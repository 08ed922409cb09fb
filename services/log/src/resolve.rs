//! Appends and finds out how it ended, where the backend cannot tell at first.
//!
//! Place in the flow: ingest appends through this. With an exclusive writer it adds nothing.
//!
//! It must not decide again: a conflict goes back to the caller.

use std::time::Duration;

use futures::future::BoxFuture;

use crate::admission::Appended;
use crate::contract::{AppendOutcome, EventLog};
use crate::identity::Position;
use crate::record::Batch;

/// Most bytes that are read at once to compare them with a batch.
const READ_BYTES: usize = 1024 * 1024;
/// How often the same batch is offered before the doubt goes to the caller.
const ATTEMPTS: u32 = 12;
const PAUSE_FIRST: Duration = Duration::from_millis(2);
const PAUSE_MOST: Duration = Duration::from_secs(1);

/// Appends `batch`, and resolves [`AppendOutcome::Unknown`] by reading what stands behind `expected_head` and by
/// offering the same batch with the same fence again. So a batch is stored at most once, however often it is offered.
///
/// `Unknown` comes back only after about 3 seconds without an answer; the batch may still land. The caller tells its
/// client so, and reads the log anew before it decides again: what landed meanwhile moves the head, and the fence keeps
/// out whatever was decided without it.
///
/// As with [`EventLog::append`], the place in the order is taken before this returns.
///
/// # Cancellation
/// As [`EventLog::append`]: the batch may land.
///
/// # Errors
/// As [`EventLog::append`]: nothing was stored.
pub fn append_resolving(log: &dyn EventLog, expected_head: Position, batch: Batch) -> BoxFuture<'_, Appended> {
    if log.exclusive_writer() {
        return log.append(expected_head, batch);
    }
    let first = log.append(expected_head, batch.clone());
    Box::pin(async move {
        match first.await? {
            AppendOutcome::Unknown { reason } => resolve(log, expected_head, batch, reason).await,
            known => Ok(known),
        }
    })
}

async fn resolve(log: &dyn EventLog, expected_head: Position, batch: Batch, mut doubt: String) -> Appended {
    let last = expected_head.plus(batch.record_count() as u64);
    let mut pause = PAUSE_FIRST;
    for _ in 1..ATTEMPTS {
        if let Some(outcome) = settled(log, expected_head, &batch).await {
            return Ok(outcome);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MOST);
        match log.append(expected_head, batch.clone()).await {
            Ok(stored @ AppendOutcome::Stored { .. }) => return Ok(stored),
            // A log that ends where this batch would still go on ends with the batch of somebody else.
            Ok(AppendOutcome::Conflict { head }) if expected_head < head && head < last => {
                return Ok(AppendOutcome::Conflict { head });
            }
            // Perhaps it conflicts with itself, having landed late: only the records behind the head can tell.
            Ok(AppendOutcome::Conflict { .. }) => {}
            Ok(AppendOutcome::Unknown { reason }) => doubt = reason,
            // Nothing of *this* attempt was stored; the one before may still have been.
            Err(error) => doubt = format!("{doubt}; then {error}"),
        }
    }
    let settled = settled(log, expected_head, &batch).await;
    Ok(settled.unwrap_or(AppendOutcome::Unknown { reason: doubt }))
}

/// What the records behind `expected_head` say about the batch: stored if all of them are its own, key and bytes, lost
/// at the first that is not. `None` if they are not all there yet, or cannot be read.
///
/// Keys alone prove nothing: the event that opens a day has one id on every node.
async fn settled(log: &dyn EventLog, expected_head: Position, batch: &Batch) -> Option<AppendOutcome> {
    let last = expected_head.plus(batch.record_count() as u64);
    let mut ours = batch.submissions.iter().flat_map(|submission| &submission.records);
    let mut compared = expected_head;
    while compared < last {
        let read = log.read(compared.next(), READ_BYTES).await.ok()?;
        compared = read.last()?.position;
        for (found, ours) in read.iter().zip(&mut ours) {
            if (&found.key, &found.bytes) != (&ours.key, &ours.bytes) {
                return Some(AppendOutcome::Conflict { head: log.heads().written.max(found.submission_last) });
            }
        }
    }
    Some(AppendOutcome::Stored { first: expected_head.next(), last })
}
