//! `LOCK`: one process writes to a log.
//!
//! Place in the flow: taken first at open, given back at close, or by the kernel when the process dies.
//!
//! It must not know segments.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use super::error::OpenError;

/// Holds the lock of a log's directory while it lives.
#[derive(Debug)]
pub(crate) struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Takes the lock, or says who has it. Never waits.
    pub(crate) fn take(directory: &Path) -> Result<Self, OpenError> {
        let path = directory.join("LOCK");
        // Not truncated: it names its holder until we are that holder.
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = opened.map_err(|error| OpenError::io(&path, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = holder(&mut file);
                return Err(OpenError::Locked { directory: directory.to_owned(), pid: holder });
            }
            Err(TryLockError::Error(error)) => return Err(OpenError::io(&path, &error)),
        }
        // Only for messages: a full disk must not keep the log from being opened.
        if let Err(error) = sign(&file) {
            tracing::warn!(lock = %path.display(), %error, "the lock does not name this process");
        }
        Ok(Self { _file: file })
    }
}

/// Always as long, so that the file is written over.
fn sign(file: &File) -> io::Result<()> {
    file.write_all_at(format!("{:<10}", std::process::id()).as_bytes(), 0)?;
    file.set_len(10)
}

/// The process named in the file. The holder may be about to write it: then nobody is named.
fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
