//! What an exclusive writer has under way, and whether all of it was stored.
//!
//! A log's fence refuses everything behind a lost batch until the answer to that batch is taken. So the answer is
//! taken and the loss noted under one lock, and nothing is appended that was decided on what is lost.

use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use futures::future::BoxFuture;
use songhua_log::{AppendError, AppendOutcome, Batch, EventLog, Position};

/// How an append ends.
pub(crate) type Outcome = BoxFuture<'static, Result<AppendOutcome, AppendError>>;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Line {
    broken: Mutex<bool>,
}

impl Line {
    fn broken(&self) -> MutexGuard<'_, bool> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a batch was lost since the line was mended.
    pub(crate) fn is_broken(&self) -> bool {
        *self.broken()
    }

    /// Everything that was lost is out of the state again.
    pub(crate) fn mend(&self) {
        *self.broken() = false;
    }

    /// Appends, unless something in front was lost.
    pub(crate) fn append(&self, log: &dyn EventLog, expected_head: Position, batch: Batch) -> Option<Outcome> {
        let broken = self.broken();
        (!*broken).then(|| log.append(expected_head, batch))
    }

    /// Waits for an outcome and notes a loss.
    pub(crate) async fn take(&self, mut outcome: Outcome) -> Result<AppendOutcome, AppendError> {
        poll_fn(|context| {
            let mut broken = self.broken();
            let taken = outcome.as_mut().poll(context);
            if let Poll::Ready(outcome) = &taken {
                *broken |= !matches!(outcome, Ok(AppendOutcome::Stored { .. }));
            }
            taken
        })
        .await
    }
}
