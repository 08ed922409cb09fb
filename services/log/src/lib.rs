//! The append-only log: contracts, segment files, memory and hostile backends, and the suite that every backend passes.
//!
//! Place in the flow: ingest appends, followers (projector, relay, sealer) read. The log is the truth; everything else
//! is rebuilt from it.
//!
//! It must not know what a record means: records are opaque bytes under a 16-byte key.

pub mod contract;
pub mod follower;
pub mod identity;
pub mod lease;
pub mod record;
pub mod register;

pub use contract::{AppendError, AppendOutcome, EventLog, Heads, ReadError};
pub use follower::{FollowError, Follower};
pub use identity::{Checkpoint, Epoch, HashAlgorithm, Identity, LeafHash, Position, leaf_hash};
pub use record::{Batch, Key, Record, StoredRecord, Submission};
