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

/// How often the same batch is offered before the doubt goes to the caller.
const ATTEMPTS: u32 = 12;
const PAUSE_FIRST: Duration = Duration::from_millis(2);
const PAUSE_MOST: Duration = Duration::from_secs(1);

/// Appends `batch`, and resolves [`AppendOutcome::Unknown`] by reading what stands behind `expected_head` and by
/// offering the same batch with the same fence again. So a batch is stored at most once, however often it is offered.
///
/// `Unknown` comes back only after about 3 seconds without an answer; then the caller must offer *this* batch again,
/// and no other, before it decides anything on this head.
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
    let mut pause = PAUSE_FIRST;
    for _ in 1..ATTEMPTS {
        if let Some(outcome) = settled(log, expected_head, &batch).await {
            return Ok(outcome);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MOST);
        match log.append(expected_head, batch.clone()).await {
            Ok(stored @ AppendOutcome::Stored { .. }) => return Ok(stored),
            // Perhaps it conflicts with itself, having landed late: only the record behind the head can tell.
            Ok(AppendOutcome::Conflict { .. }) => {}
            Ok(AppendOutcome::Unknown { reason }) => doubt = reason,
            // Nothing of *this* attempt was stored; the one before may still have been.
            Err(error) => doubt = format!("{doubt}; then {error}"),
        }
    }
    let settled = settled(log, expected_head, &batch).await;
    Ok(settled.unwrap_or(AppendOutcome::Unknown { reason: doubt }))
}

/// What the record behind `expected_head` says about the batch; `None` if there is none yet, or it cannot be read.
async fn settled(log: &dyn EventLog, expected_head: Position, batch: &Batch) -> Option<AppendOutcome> {
    let read = log.read(expected_head.next(), 0).await.ok()?;
    let (found, ours) = (read.first()?, batch.submissions.first()?.records.first()?);
    Some(if found.key == ours.key {
        let last = expected_head.plus(batch.record_count() as u64);
        AppendOutcome::Stored { first: expected_head.next(), last }
    } else {
        AppendOutcome::Conflict { head: log.heads().written.max(found.submission_last) }
    })
}
