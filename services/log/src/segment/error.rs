//! Why a log on disk cannot be opened, created or checked.
//!
//! Place in the flow: returned before anything is written or cut. It must not know callers.

use std::io;
use std::path::{Path, PathBuf};

use crate::identity::{Identity, Position};

/// Why a log on disk was not opened. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The directory holds no segment.
    #[error("{} holds no log: create it, or correct the path", directory.display())]
    NoLog {
        /// The directory.
        directory: PathBuf,
    },
    /// A log is there already.
    #[error("{} holds a log already: open it, or choose an empty directory", directory.display())]
    Exists {
        /// The directory.
        directory: PathBuf,
    },
    /// Another process writes to the log.
    #[error("{} is in use by process {}: end it first", directory.display(), shown(*pid))]
    Locked {
        /// The directory.
        directory: PathBuf,
        /// The process that holds the lock, if it has signed already.
        pid: Option<u32>,
    },
    /// A segment's header is damaged, or of a format that this binary does not read.
    #[error("{}: {detail}", file.display())]
    Header {
        /// The segment.
        file: PathBuf,
        /// What is wrong with it, and the way out.
        detail: String,
    },
    /// A segment belongs to another log or epoch.
    #[error(
        "{} belongs to log {} epoch {}, the log here is {} epoch {}: restore the right file",
        file.display(), found.log_id, found.epoch, expected.log_id, expected.epoch
    )]
    Foreign {
        /// The segment.
        file: PathBuf,
        /// Whose it is.
        found: Box<Identity>,
        /// Whose it should be.
        expected: Box<Identity>,
    },
    /// Segments do not follow each other without a gap.
    #[error(
        "{} starts at position {found}, but the segment before ends before {expected}: {} is missing or cut; restore it",
        file.display(), missing.display()
    )]
    Gap {
        /// The segment behind the gap.
        file: PathBuf,
        /// The segment that is missing or too short.
        missing: PathBuf,
        /// The position that should come.
        expected: Position,
        /// The position that comes.
        found: Position,
    },
    /// The last segments are not there.
    #[error("{} is missing: {} says that the segment before it was sealed; restore it", missing.display(), companion.display())]
    Missing {
        /// The first segment that is missing.
        missing: PathBuf,
        /// What says so.
        companion: PathBuf,
    },
    /// The operating system refused.
    #[error("{}: {detail}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        detail: String,
    },
}

impl OpenError {
    pub(crate) fn io(path: &Path, error: &io::Error) -> Self {
        Self::Io { path: path.to_owned(), detail: error.to_string() }
    }
}

fn shown(pid: Option<u32>) -> String {
    pid.map_or_else(|| "(not named yet)".to_owned(), |pid| pid.to_string())
}
