//! A register: one small value that changes only by compare-and-swap.
//!
//! Place in the flow: keeps what must never fork although it is not in the log, first of all the last signed
//! checkpoint. On one machine a file that is replaced atomically and synced, on a cluster a key-value entry.

use bytes::Bytes;
use futures::future::BoxFuture;

/// Version of a register's value; 0 = never set, then 1, 2, ….
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Revision(pub u64);

/// How a swap ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SwapOutcome {
    /// The value is stored, durably, under this revision.
    Stored(Revision),
    /// The register held another revision; nothing changed.
    Conflict(Revision),
    /// Not known; read the register to find out before acting on it.
    Unknown(String),
}

/// Why a register could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("register cannot be read: {0}")]
pub struct RegisterError(pub String);

/// A durable cell for one value of at most 64 KiB.
pub trait Register: Send + Sync + 'static {
    /// The current value and its revision; `None` before the first swap. Never older than the last `Stored` that any
    /// process was told of.
    ///
    /// # Errors
    /// [`RegisterError`] when the store does not answer or its bytes are damaged.
    fn get(&self) -> BoxFuture<'_, Result<Option<(Revision, Bytes)>, RegisterError>>;

    /// Replaces the value if its revision is still `expected` ([`Revision`] 0 = never set).
    ///
    /// # Cancellation
    /// Dropping the future leaves the outcome unknown.
    fn swap(&self, expected: Revision, value: Bytes) -> BoxFuture<'_, SwapOutcome>;
}
