//! A follower: reads durable records in order, by whole submissions, and keeps what it makes of them.
//!
//! Place in the flow: log → follower → its own state (views, NATS topics, Merkle tree). Deleting that state loses
//! nothing: the follower starts again from position 1.
//!
//! It must not know: clocks, or anything that is not in the records. Applying the same records from zero gives the
//! same bytes of state.

use crate::follow::CHUNK_BYTES;
use crate::identity::Checkpoint;
use crate::record::StoredRecord;

/// Why a follower stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FollowError {
    /// Its own state failed (disk, database). The state is dropped and rebuilt.
    #[error("{follower}: state failed: {detail}")]
    State {
        /// The follower.
        follower: String,
        /// What the store said.
        detail: String,
    },
    /// Its own disk refuses for now: it is full, read-only, or permission is missing. The state can be read on. The
    /// follower is asked for its checkpoint, and goes on behind it, as soon as it gives one.
    #[error("{follower}: no room: {detail}")]
    NoRoom {
        /// The follower.
        follower: String,
        /// What the store said.
        detail: String,
    },
    /// A record needs a newer reader than this binary. The follower stops here, never skips; upgrade the binary.
    #[error("{follower}: record {position} needs reader version {needs}, this binary reads {reads}: upgrade it")]
    UpgradeNeeded {
        /// The follower.
        follower: String,
        /// The record that cannot be read.
        position: u64,
        /// The version it needs.
        needs: u32,
        /// The version we read.
        reads: u32,
    },
    /// A record that this version should read cannot be decoded: damage above the checksum, or a bug.
    #[error("{follower}: record {position} cannot be decoded: {detail}")]
    Undecodable {
        /// The follower.
        follower: String,
        /// The record.
        position: u64,
        /// What was wrong.
        detail: String,
    },
    /// The log is damaged. A storage error does not stop a follower: it reads again until it can.
    #[error(transparent)]
    Read(#[from] crate::contract::ReadError),
}

/// Something that follows a log. Two kinds pass one contract test: *transactional* (effect and checkpoint in one
/// write) and *idempotent* (the sink itself says what it applied last).
///
/// [`apply`](Self::apply) receives every durable record exactly once per life of the state, in position order,
/// without a gap, and only whole submissions.
pub trait Follower: Send {
    /// Name in health, logs and metrics. Constant.
    fn name(&self) -> &str;

    /// Most bytes of records that are applied at once, unless a single submission is larger.
    fn bytes_max(&self) -> usize {
        CHUNK_BYTES
    }

    /// How far the state has come; `None` when it is empty. The caller compares it with the log and calls
    /// [`reset`](Self::reset) where it does not match.
    ///
    /// # Errors
    /// [`FollowError::State`] if the state cannot be read; it is then reset. [`FollowError::NoRoom`]: asked again.
    fn checkpoint(&self) -> Result<Option<Checkpoint>, FollowError>;

    /// Applies whole submissions and moves the checkpoint to `checkpoint` (the last of `records`), both or neither.
    /// `records` starts right after the current checkpoint and is never empty.
    ///
    /// # Errors
    /// After an error nothing of `records` is in the state.
    fn apply(&mut self, records: &[StoredRecord], checkpoint: Checkpoint) -> Result<(), FollowError>;

    /// Throws the state away: the next [`checkpoint`](Self::checkpoint) is `None`.
    ///
    /// # Errors
    /// [`FollowError::State`] if even that fails; the follower stops.
    fn reset(&mut self, reason: &str) -> Result<(), FollowError>;
}
