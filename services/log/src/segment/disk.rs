//! The few things that a log asks of the disk when it writes, so that tests can make each of them fail.
//!
//! Place in the flow: under the writer and recovery. Reads do not pass here: they are checked by checksums.
//!
//! It must not know formats.

use std::fs::{File, OpenOptions};
use std::io;
use std::num::NonZeroU64;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, FallocateFlags, fadvise, fallocate};
use rustix::io::{Errno, pwrite, retry_on_intr};

use crate::identity::Position;

/// A page of memory, which so few bytes never fill: parts of pages are not forgotten when they are written back; whole
/// ones would be, and that waits for other processors.
pub(crate) const BEGIN_BYTES: u64 = 4096;

/// Zeros are written in pieces of this size.
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// Writes, syncs, and takes room. The only real implementation is [`RealDisk`]; tests inject errors.
pub(crate) trait Disk: Send + Sync + 'static {
    /// Writes all of `bytes` at `offset`. An error that [`refuses`] says that none of them was written.
    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Returns when data and size of `file` are on stable storage.
    fn sync(&self, file: &File) -> io::Result<()>;
    /// Takes room for the bytes `from..to`, which nothing was written to: they read as zeros, and writing them cannot
    /// meet a full disk. An error leaves the file ending at `from`.
    fn reserve(&self, file: &File, from: u64, to: u64) -> io::Result<()> {
        take_room(file, from, to).inspect_err(|_| drop(file.set_len(from)))
    }
    /// The disk may begin to write these fewer than [`BEGIN_BYTES`] bytes, which were written to the file: a sync will
    /// follow. Only a hint.
    fn begin(&self, file: &File, offset: u64, bytes: u64) {
        // The one call for it that needs no unsafe code: Linux starts to write back what it is to forget.
        let _ = fadvise(file, offset, NonZeroU64::new(bytes), Advice::DontNeed);
    }
    /// Makes an empty file, in the place of any that is there.
    fn create(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path)
    }
    /// Gives a file its name, in the place of any that has it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }
    /// Makes the entries of a directory durable.
    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        sync_directory(path)
    }
    /// Cuts `file` to `length` bytes, and returns when that is on stable storage.
    fn truncate(&self, file: &File, length: u64) -> io::Result<()> {
        file.set_len(length)?;
        file.sync_all()
    }
}

/// The operating system's files.
#[derive(Debug)]
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        let written = retry_on_intr(|| pwrite(file, bytes, offset))?;
        let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) else { return Ok(()) };
        let broken = |error| io::Error::other(format!("behind {written} of {} bytes: {error}", bytes.len()));
        file.write_all_at(rest, offset + written as u64).map_err(broken)
    }
    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }
}

/// A disk that is full while its switch is set.
#[cfg(any(test, feature = "test-util"))]
#[derive(Debug)]
pub(crate) struct FullDisk(pub(crate) std::sync::Arc<std::sync::atomic::AtomicBool>);

#[cfg(any(test, feature = "test-util"))]
impl Disk for FullDisk {
    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        RealDisk.write_at(file, bytes, offset)
    }
    fn sync(&self, file: &File) -> io::Result<()> {
        RealDisk.sync(file)
    }
    fn reserve(&self, file: &File, from: u64, to: u64) -> io::Result<()> {
        if self.0.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(Errno::NOSPC.into());
        }
        RealDisk.reserve(file, from, to)
    }
}

/// A file system that cannot set room aside gets zeros.
fn take_room(file: &File, from: u64, to: u64) -> io::Result<()> {
    match retry_on_intr(|| fallocate(file, FallocateFlags::empty(), from, to - from)) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
            let mut at = from;
            while at < to {
                let piece = (to - at).min(ZEROS.len() as u64);
                file.write_all_at(&ZEROS[..piece as usize], at)?;
                at += piece;
            }
            Ok(())
        }
        taken => taken.map_err(io::Error::from),
    }
}

/// Whether the disk, its quota or its permissions refuse what was asked, so that it may be granted later.
pub(crate) fn refuses(error: &io::Error) -> bool {
    let refusals =
        [Errno::NOSPC, Errno::DQUOT, Errno::ROFS, Errno::ACCESS, Errno::PERM, Errno::FBIG, Errno::MFILE, Errno::NFILE];
    error.raw_os_error().is_some_and(|code| refusals.iter().any(|errno| errno.raw_os_error() == code))
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
    let written = disk.create(&temporary).and_then(|file| {
        disk.write_at(&file, bytes, 0)?;
        disk.sync(&file)
    });
    // On a full disk what was begun would take room from the log.
    written.inspect_err(|_| drop(std::fs::remove_file(&temporary)))?;
    disk.rename(&temporary, path)?;
    disk.sync_directory(path.parent().unwrap_or_else(|| Path::new(".")))
}

/// Makes the entries of a directory durable.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
