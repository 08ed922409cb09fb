//! The append-only log: contracts, segment files, memory and hostile backends, and the suite that every backend passes.
//!
//! Place in the flow: ingest appends, followers (projector, relay, sealer) read. The log is the truth; everything else
//! is rebuilt from it.
//!
//! It must not know what a record means: records are opaque bytes under a 16-byte key.

mod admission;
pub mod backup;
pub mod check;
#[cfg(any(test, feature = "test-util"))]
pub mod conformance;
pub mod contract;
pub mod follow;
pub mod follower;
#[cfg(any(test, feature = "test-util"))]
pub mod hostile;
pub mod identity;
pub mod lease;
#[cfg(any(test, feature = "test-util"))]
pub mod memory;
pub mod record;
pub mod register;
mod resolve;
pub mod segment;
pub mod walk;

#[cfg(test)]
mod tests;

pub use admission::check_batch;
pub use check::{CheckReport, check, check_durable};
pub use contract::{AppendError, AppendOutcome, EventLog, Heads, ReadError};
pub use follow::{Applied, follow};
pub use follower::{FollowError, Follower};
pub use identity::{Checkpoint, Epoch, HashAlgorithm, Identity, LeafHash, Position, leaf_hash};
pub use record::{Batch, Key, Record, StoredRecord, Submission};
pub use resolve::append_resolving;
pub use segment::{Evidence, OpenError, OpenReport, ScrubReport, SegmentLog, SegmentOptions};
