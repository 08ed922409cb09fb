//! The contract of a log, in words and types. Every backend passes `conformance`.
//!
//! ```text
//!            durable head        written head = where the next append must expect the log to end
//!                 │                   │
//!   1 2 3 … 40 41 42 │ 43 44 45 … 57 58 │
//!   └── followers, reads, find ──┘ └─ being synced; only `find` of the writer sees them
//! ```
//!
//! It must not know: event types, plans, clocks.

use futures::future::BoxFuture;

use crate::identity::{Identity, Position};
use crate::record::{Batch, Key, StoredRecord};

/// The two heads of a log. `durable ≤ written`; equal when nothing is under way. `durable` only grows;
/// `written` falls back when what was accepted is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Heads {
    /// The last position that was accepted for writing by this handle or seen in the log.
    pub written: Position,
    /// The last position that is on disk (segment) or committed by the quorum (cluster). What has been seen durable
    /// stays, also after a crash.
    pub durable: Position,
}

/// How an append ended. There is no fourth way: a lost answer is `Unknown`, never an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppendOutcome {
    /// All records are durable at `first..=last`, in the order of the batch, without a gap.
    Stored {
        /// Position of the first record: `expected_head + 1`.
        first: Position,
        /// Position of the last record, inclusive.
        last: Position,
    },
    /// The log did not end at `expected_head`. Nothing was stored and nothing of this batch ever will be. Read up to
    /// `head`, decide again, append again.
    Conflict {
        /// Where the log ended when the batch was refused; may have grown since.
        head: Position,
    },
    /// The backend cannot tell whether the batch was stored; it may still land later. Resolve it by reading from
    /// `expected_head + 1`: if all records of the batch stand there, in order, with equal keys *and* equal bytes, the
    /// batch is stored; if one of them differs, it never will be; if nothing or only a beginning can be read yet, send
    /// the *same* batch with the *same* `expected_head` again. A key alone proves nothing: two nodes may begin with the
    /// same one (the day's). [`append_resolving`](crate::append_resolving) does all this.
    /// Never returned by a backend whose [`EventLog::exclusive_writer`] is true.
    Unknown {
        /// What happened, for the operator.
        reason: String,
    },
}

/// Why an append was refused before anything was stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// A batch without records, or a submission without records. A programming error of the caller.
    #[error("empty batch or submission")]
    Empty,
    /// More records than fit one batch or one submission. Split at submission boundaries.
    #[error("{records} records exceed the limit of {limit} {unit}")]
    TooManyRecords {
        /// Records offered.
        records: usize,
        /// Records allowed.
        limit: usize,
        /// `a batch` or `a submission`.
        unit: &'static str,
    },
    /// A record of 0 or more than `limit` bytes. The event's sender must shorten it.
    #[error("record {index} has {bytes} bytes; 1 to {limit} are stored")]
    RecordSize {
        /// Index in the batch, from 0.
        index: usize,
        /// Bytes offered.
        bytes: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The log takes no more writes: damage was found, or a write or sync failed. Reads go on. The operator acts.
    /// A batch that was under way when a write or sync failed is not in this log now, but may be after a restart.
    #[error("log is read-only: {reason}")]
    ReadOnly {
        /// What happened, where (file, offset, position), and the way out.
        reason: String,
    },
    /// The disk, its quota or its permissions had no room for the batch. Nothing of it was stored, and it may be sent
    /// again: the log takes writes again as soon as the disk does, without a restart. What was appended before this
    /// answer was taken is lost with it, as behind a conflict.
    #[error("no room in the log: {reason}")]
    NoRoom {
        /// What was refused, where, and what the operating system said.
        reason: String,
    },
    /// The handle has been closed.
    #[error("log is closed")]
    Closed,
}

/// Why a read failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Stored bytes do not match their checksum, or a file is missing. Never served; the operator restores.
    #[error("log is damaged at position {position}: {detail}")]
    Damaged {
        /// First position that cannot be served.
        position: Position,
        /// File, offset and what was found.
        detail: String,
    },
    /// The storage answered with an error. A later try may succeed.
    #[error("log cannot be read: {0}")]
    Io(String),
}

/// An append-only sequence of records with gapless positions from 1.
///
/// **Order.** Batches are taken in the order in which [`append`](Self::append) is *called*, not polled. Positions
/// follow that order without a gap.
///
/// **Durability.** `Stored` resolves only after the records are on disk (`fdatasync` returned, or the quorum
/// committed). A reader that has seen a record sees it after every later crash.
///
/// **Fence.** A batch is stored only if the log ends at `expected_head` when the batch's turn comes. So two writers
/// that decided on the same head cannot both win, and a batch that was decided ahead of one that lost is lost too: with
/// an exclusive writer, everything appended before the answer to a lost batch was taken conflicts as well, whatever head
/// it expects.
pub trait EventLog: Send + Sync + 'static {
    /// Which history this is. Constant for the life of the handle.
    fn identity(&self) -> Identity;

    /// Most records of one batch. Constant.
    fn max_batch(&self) -> usize;

    /// Whether nobody but this handle can append. Only then may the caller decide ahead of the sync: append a batch
    /// that expects the *written* head before the batch in front of it has resolved.
    fn exclusive_writer(&self) -> bool;

    /// Appends all records of `batch`, or none.
    ///
    /// The checks and the place in the order are taken before this returns; the future only waits.
    ///
    /// # Cancellation
    /// Dropping the future does not cancel the append; the records may become durable.
    ///
    /// # Errors
    /// See [`AppendError`]; nothing was stored.
    fn append(&self, expected_head: Position, batch: Batch) -> BoxFuture<'static, Result<AppendOutcome, AppendError>>;

    /// Reads durable records from `from` (inclusive) in order, and stops at the end of a submission as soon as
    /// `max_bytes` are exceeded; at least one whole submission is returned if `from` ≤ durable head. `from` beyond
    /// the durable head gives an empty list; `from` inside a submission starts there. `Position::NONE` reads as 1.
    ///
    /// # Errors
    /// [`ReadError::Damaged`] at the first record that cannot be served; records before it are returned by this
    /// call, and the error by the next.
    fn read(&self, from: Position, max_bytes: usize) -> BoxFuture<'_, Result<Vec<StoredRecord>, ReadError>>;

    /// Reads the durable records at `positions`, which ascend from 1 on, and stops as soon as `max_bytes` are exceeded;
    /// at least one record is returned if the first position ≤ durable head. So what is returned is of a beginning of
    /// `positions`; those beyond the durable head are left out. Of a submission only the records asked for are
    /// returned. For a few of many: a backend reads little of what lies between.
    ///
    /// # Errors
    /// [`ReadError::Damaged`] at the first record that cannot be served; records before it are returned by this
    /// call, and the error by the next.
    fn read_selected(
        &self,
        positions: Vec<Position>,
        max_bytes: usize,
    ) -> BoxFuture<'_, Result<Vec<StoredRecord>, ReadError>> {
        Box::pin(async move {
            let (mut records, mut bytes) = (Vec::new(), 0);
            let mut wanted = positions.into_iter().peekable();
            while let Some(next) = wanted.peek().copied().filter(|_| records.is_empty() || bytes <= max_bytes) {
                let submission = match self.read(next, 0).await {
                    Ok(submission) if !submission.is_empty() => submission,
                    Err(error) if records.is_empty() => return Err(error),
                    _ => break,
                };
                for record in submission {
                    if wanted.next_if_eq(&record.position).is_some() {
                        bytes += record.bytes.len();
                        records.push(record);
                    }
                }
                // Whatever it was: nobody asks for it twice.
                wanted.next_if_eq(&next);
            }
            Ok(records)
        })
    }

    /// Finds the record with `key`, wherever in the log it is. With an exclusive writer it sees every record that
    /// `append` has accepted, also before it is durable; otherwise every durable one. A hit is confirmed against the
    /// record itself.
    ///
    /// # Errors
    /// See [`ReadError`]. `Ok(None)` is certain: the key is not there.
    fn find(&self, key: &Key) -> BoxFuture<'_, Result<Option<StoredRecord>, ReadError>>;

    /// The heads now.
    fn heads(&self) -> Heads;

    /// Resolves once the durable head is at least `position`, and with whatever it is when the log is closed.
    /// Cancelling is free.
    fn wait(&self, position: Position) -> BoxFuture<'_, Heads>;

    /// Why the log takes no writes, if it does not: damage found at open, or a failed write or sync.
    fn read_only(&self) -> Option<String>;
}
