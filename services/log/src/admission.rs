//! What every backend checks before a batch takes its place in the order: sizes, and the fence of an exclusive writer.
//!
//! Place in the flow: called first thing by `append`, under the backend's lock where order matters.
//!
//! It must not know how or where records are stored.

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::contract::{AppendError, AppendOutcome};
use crate::identity::Position;
use crate::record::{Batch, RECORD_BYTES_MAX, SUBMISSION_RECORDS_MAX};

/// What the future of an append resolves to.
pub(crate) type Appended = Result<AppendOutcome, AppendError>;

/// Checks counts and sizes. The caller of a log may check ahead with this, to refuse one submission instead of a
/// whole batch.
///
/// # Errors
/// [`AppendError::Empty`], [`AppendError::TooManyRecords`], [`AppendError::RecordSize`].
pub fn check_batch(batch: &Batch, max_batch: usize) -> Result<(), AppendError> {
    if batch.submissions.is_empty() || batch.submissions.iter().any(|submission| submission.records.is_empty()) {
        return Err(AppendError::Empty);
    }
    let largest = batch.submissions.iter().map(|submission| submission.records.len()).max().unwrap_or(0);
    within(largest, SUBMISSION_RECORDS_MAX, "a submission")?;
    within(batch.record_count(), max_batch, "a batch")?;
    let records = batch.submissions.iter().flat_map(|submission| &submission.records);
    for (index, record) in records.enumerate() {
        let bytes = record.bytes.len();
        if bytes == 0 || bytes > RECORD_BYTES_MAX {
            return Err(AppendError::RecordSize { index, bytes, limit: RECORD_BYTES_MAX });
        }
    }
    Ok(())
}

fn within(records: usize, limit: usize, unit: &'static str) -> Result<(), AppendError> {
    if records > limit { Err(AppendError::TooManyRecords { records, limit, unit }) } else { Ok(()) }
}

/// Decides whether a batch may take its place behind an exclusive writer's written head.
///
/// Comparing positions alone is not enough. Say the log ends at 0, A and B of five records each both expect 0, and
/// the writer of B has already decided C on top of it, expecting 5. A wins and the log ends at 5: C would pass,
/// although it was decided on B, which lost. So after a loss everything is refused until the answer was taken:
/// what is appended before that was decided without knowing it.
#[derive(Debug, Default)]
pub(crate) struct Fence {
    /// Every answer to a lost batch that was not taken yet holds a clone.
    untaken: Arc<()>,
}

impl Fence {
    /// Whether a batch decided on `expected` may follow `written`. Call it under the lock that guards `written`.
    pub(crate) fn passes(&self, expected: Position, written: Position) -> bool {
        expected == written && Arc::strong_count(&self.untaken) == 1
    }

    /// The answer to a batch that did not pass. It counts as taken when the future has resolved or is dropped.
    pub(crate) fn refuse(&self, head: Position) -> BoxFuture<'static, Appended> {
        let answer = self.lost(Ok(AppendOutcome::Conflict { head }));
        Box::pin(async move { answer.take() })
    }

    /// The answer to a batch that is lost. Call it under the lock that guards `written`.
    pub(crate) fn lost(&self, appended: Appended) -> Answer {
        Answer { appended, untaken: Some(Arc::clone(&self.untaken)) }
    }
}

/// An answer on its way to whoever waits for it. That of a lost batch holds the fence until it is taken or dropped.
#[derive(Debug)]
pub(crate) struct Answer {
    appended: Appended,
    untaken: Option<Arc<()>>,
}

impl Answer {
    /// Takes it: from here on the fence lets pass again.
    pub(crate) fn take(self) -> Appended {
        drop(self.untaken);
        self.appended
    }
}

impl From<Appended> for Answer {
    fn from(appended: Appended) -> Self {
        Self { appended, untaken: None }
    }
}
