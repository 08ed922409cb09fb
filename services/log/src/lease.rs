//! A lease: at most one holder of a role at a time.
//!
//! Place in the flow: the owner of a data directory holds one (a file lock); on a cluster, relay and sealer of a plan
//! will hold one each, kept in the cluster's key-value store.

use futures::future::BoxFuture;

/// Why a lease was not granted or is no longer held.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeaseError {
    /// Somebody else holds it. Wait, or end the other process.
    #[error("{name} is held by another process: {holder}")]
    Held {
        /// The role.
        name: String,
        /// What is known of the holder.
        holder: String,
    },
    /// It was ours and has expired or was taken; stop acting on it at once.
    #[error("{name} is no longer ours")]
    Lost {
        /// The role.
        name: String,
    },
    /// The store that keeps leases did not answer.
    #[error("lease store cannot be reached: {0}")]
    Unavailable(String),
}

/// Proof of holding a role. Tokens of one name only grow: a sink that remembers the greatest token it has seen can
/// refuse a holder that does not yet know it was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FencingToken(pub u64);

/// Grants one role to one holder at a time.
///
/// A lease is advisory for safety (two holders can overlap by a clock's error) and exact for liveness; what must not
/// happen twice is fenced by the token or by the log's `expected_head`.
pub trait Lease: Send + Sync + 'static {
    /// Takes the role `name`, or says who has it. Never waits for the holder.
    ///
    /// # Errors
    /// [`LeaseError::Held`], [`LeaseError::Unavailable`].
    fn acquire(&self, name: &str) -> BoxFuture<'_, Result<FencingToken, LeaseError>>;

    /// Keeps the role. A holder renews at a third of the time to live.
    ///
    /// # Errors
    /// [`LeaseError::Lost`] at once when another token was given out since.
    fn renew(&self, name: &str, token: FencingToken) -> BoxFuture<'_, Result<(), LeaseError>>;

    /// Gives the role back. Idempotent: releasing what is lost or free does nothing.
    fn release(&self, name: &str, token: FencingToken) -> BoxFuture<'_, ()>;
}
