//! The few things that a log asks of the disk when it writes, so that tests can make each of them fail.
//!
//! Place in the flow: under the writer and recovery. Reads do not pass here: they are checked by checksums.
//!
//! It must not know formats.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::identity::Position;

/// Writes and syncs. The only real implementation is [`RealDisk`]; tests inject errors.
pub(crate) trait Disk: Send + Sync + 'static {
    /// Writes all of `bytes` at `offset`.
    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Returns when data and size of `file` are on stable storage.
    fn sync(&self, file: &File) -> io::Result<()>;
}

/// The operating system's files.
#[derive(Debug)]
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }
    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }
}

/// An open segment: shared by the writer and every read.
#[derive(Debug)]
pub(crate) struct SegmentFile {
    /// First position that it may hold.
    pub(crate) first: Position,
    /// Where it is, for messages.
    pub(crate) path: PathBuf,
    /// Opened for reading and writing in the active segment of a log that takes writes.
    pub(crate) file: File,
}

/// Opens an existing file for reading and writing.
pub(crate) fn open_rw(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(path)
}

/// Puts a whole small file in place: a crash leaves the old one or the new one, never a part.
pub(crate) fn put_file(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    disk.write_at(&file, bytes, 0)?;
    disk.sync(&file)?;
    std::fs::rename(&temporary, path)?;
    sync_directory(path.parent().unwrap_or_else(|| Path::new(".")))
}

/// Makes the entries of a directory durable.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
