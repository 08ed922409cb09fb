//! Backups of logs: copied from under a running writer, verified, incremental; and logs made of them again.
//!
//! ```text
//! BACKUP/  MANIFEST.json             what the backup consists of; nothing else in the directory counts
//!          LOCK                      one backup at a time
//!          system/log/*.seg          the bytes of the logs, as below a data directory
//!          plans/<plan>/log/*.seg
//!
//! begin ─▶ plan each log ─▶ copy, sync, read back ─▶ replace MANIFEST.json
//! ```
//! A segment is only ever appended to, and the manifest says how much of it counts: a backup that is broken off at any
//! step leaves the last one whole. Views, snapshots, companions and locks are not part of it: they are made again.
//!
//! Place in the flow: the binary backs up logs that it holds open, up to their durable heads, and restores them offline.
//!
//! It must not know what a record means.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::identity::Position;
use crate::segment::OpenError;
use crate::segment::disk::sync_directory;
use crate::segment::lock::DirectoryLock;

mod copy;
mod manifest;
mod restore;
mod tree;
mod verify;

#[cfg(test)]
mod tests;

pub use copy::{Copied, LogToCopy, Planned};
pub use manifest::{LogEntry, MANIFEST, Manifest, SegmentEntry, directory_of};
pub use restore::restore_log;
pub use tree::Tree;
pub use verify::{Cut, CutAt, Verified, verify_log};

/// Told how many more bytes are done; `false` breaks off.
pub type Progress<'a> = &'a mut dyn FnMut(u64) -> bool;

/// Bytes that are read and written at once.
const CHUNK: usize = 1024 * 1024;

/// Why a backup was not made, or not restored. The last whole backup is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackupError {
    /// The operating system refused.
    #[error("{}: {detail}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        detail: String,
        /// Whether there is no space left.
        is_full: bool,
    },
    /// A log or its directory cannot be used.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// The manifest cannot be read.
    #[error("{}: {detail}", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// The manifest is of a format that this binary does not read.
    #[error("{}: format {found}, this binary reads {read}: upgrade it", path.display())]
    Format {
        /// The manifest.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The format of this binary.
        read: u32,
    },
    /// The backup is of another history than the log: it was restored since, or is another log.
    #[error("{log}: {detail}: choose a new directory for the backup")]
    OtherHistory {
        /// The plan, or `system`.
        log: String,
        /// What the backup holds, and what the log is.
        detail: String,
    },
    /// Stored bytes are not what they should be.
    #[error("{} at byte {offset}: {detail}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where, as near as is known.
        offset: u64,
        /// What is wrong.
        detail: String,
    },
    /// There is no whole submission to restore up to.
    #[error(
        "{log}: the first submission ends at position {position}, recorded {recorded_time_us} µs after 1970: nothing is left"
    )]
    NothingBefore {
        /// The plan, or `system`.
        log: String,
        /// Where the first submission ends.
        position: Position,
        /// When it was recorded, microseconds since 1970-01-01 UTC.
        recorded_time_us: i64,
    },
    /// It was broken off.
    #[error("broken off")]
    BrokenOff,
}

impl BackupError {
    /// Whether stored bytes are not what they should be; else the backup was not to be read, or is not for this.
    pub const fn is_damage(&self) -> bool {
        match self {
            Self::Damaged { .. } | Self::Manifest { .. } => true,
            Self::Log(error) => !matches!(error, OpenError::Io { .. } | OpenError::Locked { .. }),
            _ => false,
        }
    }

    pub(crate) fn io(path: &Path, error: &io::Error) -> Self {
        let is_full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        Self::Io { path: path.to_owned(), detail: error.to_string(), is_full }
    }
}

/// A backup that is being made. Dropping it leaves the last whole one.
#[derive(Debug)]
pub struct Backup {
    directory: PathBuf,
    last: Manifest,
    next: Manifest,
    _lock: DirectoryLock,
}

impl Backup {
    /// Begins a backup into `directory`, which is made if it is missing (mode 0700; files 0600).
    ///
    /// # Errors
    /// [`BackupError`]; another one is being made into the same directory, or what is there is no backup.
    pub fn begin(directory: &Path) -> Result<Self, BackupError> {
        create_directory(directory)?;
        let lock = DirectoryLock::take(directory)?;
        let last = match Manifest::read(directory)? {
            Some(last) => last,
            None => first_backup(directory)?,
        };
        for plan in std::iter::once(None).chain(last.logs.iter().map(|log| log.plan.as_deref())) {
            place(directory, plan)?;
        }
        Ok(Self { directory: directory.to_owned(), last, next: Manifest::empty(), _lock: lock })
    }

    /// The last whole backup in the directory.
    pub const fn last(&self) -> &Manifest {
        &self.last
    }

    /// Keeps the log of `plan` as the last backup has it: it cannot be copied now.
    pub fn keep(&mut self, plan: Option<&str>) {
        self.next.logs.extend(self.last.log(plan).cloned());
    }

    /// Ends the backup: from here on, it is the one that counts.
    ///
    /// # Errors
    /// [`BackupError::Io`]; the last one still counts.
    pub fn finish(self, songhua: &str, time: &str) -> Result<Manifest, BackupError> {
        let manifest = Manifest { songhua: songhua.to_owned(), time: time.to_owned(), ..self.next };
        manifest.write(&self.directory)?;
        Ok(manifest)
    }
}

/// A directory without a manifest must hold nothing but what a backup that was broken off has left.
fn first_backup(directory: &Path) -> Result<Manifest, BackupError> {
    let failed = |error: io::Error| BackupError::io(directory, &error);
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if !["LOCK", "system", "plans", "MANIFEST.tmp"].iter().any(|known| name == *known) {
            let detail = format!("holds {}, and no {MANIFEST}: choose an empty directory", name.display());
            return Err(BackupError::Manifest { path: directory.to_owned(), detail });
        }
    }
    Ok(Manifest::empty())
}

/// Where the backup in `directory` keeps the log of `plan`: below the directory itself, and where no server ever wrote.
fn place(directory: &Path, plan: Option<&str>) -> Result<PathBuf, BackupError> {
    let mut path = directory.to_owned();
    for part in directory_of(plan).components() {
        path.push(part);
        if path.is_symlink() {
            let detail = "is a symbolic link, which no backup holds: choose another directory".to_owned();
            return Err(BackupError::Manifest { path, detail });
        }
    }
    // Every server leaves this file in each of its logs, and a backup never.
    if path.join("LOCK").exists() {
        let detail = "a server has written here: this is a data directory, choose another for the backup".to_owned();
        return Err(BackupError::Manifest { path, detail });
    }
    Ok(path)
}

/// Creates a directory and what is missing above it, closed to others, and makes their entries durable.
fn create_directory(directory: &Path) -> Result<(), BackupError> {
    let failed = |error: io::Error| BackupError::io(directory, &error);
    let missing: Vec<&Path> = directory.ancestors().take_while(|ancestor| !ancestor.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
    for parent in missing.iter().filter_map(|created| created.parent()) {
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        sync_directory(parent).map_err(failed)?;
    }
    Ok(())
}

/// The last position of a log that goes on with `next`.
const fn before(next: Position) -> u64 {
    next.0.saturating_sub(1)
}
