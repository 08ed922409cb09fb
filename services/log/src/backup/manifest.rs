//! `MANIFEST.json`: what a backup consists of. What it does not name is not part of the backup.
//!
//! Place in the flow: replaced last, in one rename; read first by the next backup, by `check` and by a restore.
//!
//! It must not know how segments are copied.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::BackupError;
use crate::identity::{Epoch, HashAlgorithm, Identity, LeafHash, Position};
use crate::segment::disk::{RealDisk, put_file};
use crate::segment::header::position_in_name;

/// Name of the manifest in the backup's directory.
pub const MANIFEST: &str = "MANIFEST.json";
const FORMAT: u32 = 1;

/// What a backup consists of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this file's format.
    pub format: u32,
    /// Version of the binary that wrote it.
    pub songhua: String,
    /// When the backup began, RFC 3339: everything acknowledged before is in it.
    pub time: String,
    /// The system log first, then the plans in order.
    pub logs: Vec<LogEntry>,
}

/// A log of the backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// Whose log it is; none = the system log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Its id.
    pub log_id: Uuid,
    /// Its epoch.
    pub epoch: Epoch,
    /// How its leaves are hashed, as in a segment's header.
    pub hash_algorithm: u8,
    /// The last position in the backup.
    pub head: u64,
    /// Leaf hash of the record there, as hexadecimal digits; empty where there is no record.
    pub leaf_hash: String,
    /// Its segments, in order.
    pub segments: Vec<SegmentEntry>,
}

/// A segment of a log, as far as it is in the backup: its first `bytes` bytes. A file may be longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentEntry {
    /// Name of the file.
    pub name: String,
    /// How much of it.
    pub bytes: u64,
    /// SHA-256 of these bytes, as hexadecimal digits.
    pub sha256: String,
}

impl LogEntry {
    /// Where the log's segments lie, below the directory of the backup or a data directory.
    pub fn directory(&self) -> PathBuf {
        directory_of(self.plan.as_deref())
    }

    /// Which history it is; none if this binary does not know how its leaves are hashed.
    pub fn identity(&self) -> Option<Identity> {
        let hash = HashAlgorithm::from_byte(self.hash_algorithm)?;
        Some(Identity { log_id: self.log_id, epoch: self.epoch, hash })
    }

    /// Bytes of all segments.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// The plan, or `system`, for messages.
    pub fn name(&self) -> &str {
        self.plan.as_deref().unwrap_or("system")
    }
}

/// Where a log lies below a data directory; none = the system log.
pub fn directory_of(plan: Option<&str>) -> PathBuf {
    plan.map_or_else(|| Path::new("system").join("log"), |plan| Path::new("plans").join(plan).join("log"))
}

impl Manifest {
    /// A manifest of no logs.
    pub(super) const fn empty() -> Self {
        Self { format: FORMAT, songhua: String::new(), time: String::new(), logs: Vec::new() }
    }

    /// Reads the manifest of the backup in `directory`; none = there is none.
    ///
    /// # Errors
    /// [`BackupError::Manifest`]: it is damaged, or of a newer format. [`BackupError::Io`].
    pub fn read(directory: &Path) -> Result<Option<Self>, BackupError> {
        let path = directory.join(MANIFEST);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(BackupError::io(&path, &error)),
        };
        let refused = |detail: String| BackupError::Manifest { path: path.clone(), detail };
        let manifest: Self = serde_json::from_slice(&bytes).map_err(|error| refused(error.to_string()))?;
        if manifest.format != FORMAT {
            return Err(BackupError::Format { path, found: manifest.format, read: FORMAT });
        }
        manifest.fault().map_or(Ok(()), |fault| Err(refused(fault)))?;
        Ok(Some(manifest))
    }

    /// What makes no sense in it. Names become paths: nothing else than a log's may pass.
    fn fault(&self) -> Option<String> {
        for log in &self.logs {
            let is_name = |plan: &String| {
                !plan.is_empty() && plan.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            };
            if !log.plan.as_ref().is_none_or(is_name) {
                return Some(format!("{:?} is no plan", log.name()));
            }
            if log.segments.is_empty() || log.identity().is_none() {
                return Some(format!("{}: no segment, or an unknown hash algorithm", log.name()));
            }
            if let Some(segment) = log.segments.iter().find(|segment| position_in_name(&segment.name).is_none()) {
                return Some(format!("{}: {:?} is no segment", log.name(), segment.name));
            }
        }
        None
    }

    /// Puts the manifest in its place: a crash leaves the old one or this one.
    pub(super) fn write(&self, directory: &Path) -> Result<(), BackupError> {
        let path = directory.join(MANIFEST);
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| BackupError::Manifest { path: path.clone(), detail: error.to_string() })?;
        put_file(&RealDisk, &path, format!("{text}\n").as_bytes()).map_err(|error| BackupError::io(&path, &error))
    }

    /// The log of `plan`, or the system log.
    pub fn log(&self, plan: Option<&str>) -> Option<&LogEntry> {
        self.logs.iter().find(|log| log.plan.as_deref() == plan)
    }
}

/// A leaf hash as the manifest writes it.
pub(super) fn leaf_text(leaf: Option<LeafHash>) -> String {
    leaf.map_or_else(String::new, |leaf| hex(&leaf))
}

/// The digest of what was hashed, as the manifest writes it.
pub(super) fn digest_text(hasher: &Sha256) -> String {
    hex(&hasher.clone().finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl SegmentEntry {
    /// The first position that the segment may hold.
    pub(super) fn first(&self) -> Position {
        position_in_name(&self.name).unwrap_or_default()
    }
}
