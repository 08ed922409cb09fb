//! Which history a position belongs to: log id, epoch, position, leaf hash, checkpoint.
//!
//! Place in the flow: stored in segment headers and in every follower's state. A position alone never identifies
//! history; a checkpoint does.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Place of a record in its log. The first record is 1; [`Position::NONE`] (0) means "nothing yet".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Position(pub u64);

impl Position {
    /// Before the first record: the head of an empty log, the checkpoint of a fresh follower.
    pub const NONE: Self = Self(0);
    /// The first record, the genesis.
    pub const FIRST: Self = Self(1);

    /// The position `count` records later.
    pub const fn plus(self, count: u64) -> Self {
        Self(self.0 + count)
    }
    /// The position of the next record.
    pub const fn next(self) -> Self {
        self.plus(1)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Counts the histories of one log: 1 at first; a restore to an earlier point opens the next.
pub type Epoch = u32;

/// How leaves are hashed. Stored as one byte, so that another algorithm can follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HashAlgorithm {
    /// SHA-256, byte 1.
    Sha256,
}

impl HashAlgorithm {
    /// The byte stored in segment headers and genesis records.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Sha256 => 1,
        }
    }
    /// The algorithm behind a stored byte, if this version knows it.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Sha256),
            _ => None,
        }
    }
}

/// Names one history: the log and the epoch within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Drawn once, when the log is created.
    pub log_id: Uuid,
    /// Which of the log's histories this is.
    pub epoch: Epoch,
    /// How its leaves are hashed.
    pub hash: HashAlgorithm,
}

/// Hash of a record as a leaf of the Merkle tree.
pub type LeafHash = [u8; 32];

/// Hashes a record's bytes as RFC 6962 §2.1 hashes a leaf: SHA-256(0x00 ‖ bytes). The key is not part of the leaf
/// (it stands inside the bytes too).
pub fn leaf_hash(bytes: &[u8]) -> LeafHash {
    let mut hasher = Sha256::new();
    hasher.update([0u8]);
    hasher.update(bytes);
    hasher.finalize().into()
}

/// How far a follower has come, in words that survive a restore: valid only if the log has this id and epoch and the
/// record at `position` hashes to `leaf_hash`. Otherwise the follower's state belongs to another history and is
/// thrown away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The log that was followed.
    pub log_id: Uuid,
    /// The epoch that was followed.
    pub epoch: Epoch,
    /// The last record whose effect is in the follower's state.
    pub position: Position,
    /// The leaf hash of that record.
    pub leaf_hash: LeafHash,
}
