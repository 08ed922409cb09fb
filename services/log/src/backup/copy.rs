//! Copies a log up to its durable head, as far as the backup lacks it.
//!
//! Place in the flow: between `Backup::begin` and `Backup::finish`, once for each log. What is durable is never written
//! again, so that it can be read from under the writer. It must not know what comes of the copy.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use sha2::{Digest, Sha256};

use super::manifest::{LogEntry, SegmentEntry, digest_text, leaf_text};
use super::verify::{Checked, check_segment};
use super::{Backup, BackupError, CHUNK, Progress, before, create_directory, place};
use crate::identity::{Identity, LeafHash, Position};
use crate::segment::OpenError;
use crate::segment::disk::{SegmentFile, sync_directory};
use crate::segment::frame::{FrameHeader, Kind};
use crate::segment::frames::{FrameError, Frames};
use crate::segment::header::{HEADER_BYTES, segment_name};
use crate::segment::recovery::{gap, header_of, length_of, segments_in};

/// A backup holds no symbolic links: they would lead out of it.
const NO_LINK: i32 = OFlags::NOFOLLOW.bits().cast_signed();

/// A log that is to be in the backup.
#[derive(Debug, Clone)]
pub struct LogToCopy {
    /// Whose it is; none = the system log.
    pub plan: Option<String>,
    /// Where its segments lie.
    pub directory: PathBuf,
    /// Which history it is.
    pub identity: Identity,
    /// Everything up to here is durable.
    pub head: Position,
}

/// What is to be done for a log.
#[derive(Debug)]
pub struct Planned {
    log: LogToCopy,
    steps: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    source: SegmentFile,
    /// How much of it is to be in the backup.
    bytes: u64,
    /// The position behind that.
    next: Position,
    /// What is there.
    entry: Option<SegmentEntry>,
    /// Whether even a segment that is there as a whole is read again.
    read_again: bool,
}

impl Step {
    fn is_kept(&self) -> bool {
        self.entry.as_ref().is_some_and(|entry| entry.bytes == self.bytes)
    }

    /// Bytes that are not there.
    fn missing(&self) -> u64 {
        self.bytes - self.entry.as_ref().map_or(0, |entry| entry.bytes)
    }

    /// Reads back what was copied, which must end where it is to end.
    fn check(&self, path: &Path, entry: &SegmentEntry) -> Result<Checked, BackupError> {
        let checked = check_segment(path, entry, self.source.first)?;
        if checked.next == self.next {
            return Ok(checked);
        }
        let detail = format!("position {} comes next, not {}", checked.next, self.next);
        Err(damage(path, entry.bytes, &detail))
    }

    /// What is wrong with the source, if it is: then the backup is not to blame.
    fn fault(&self) -> Option<BackupError> {
        let mut frames = Frames::new(&self.source, HEADER_BYTES, self.bytes, self.source.first, CHUNK);
        loop {
            let taken = frames.peek().and_then(|header| header.map(|header| frames.take(&header)).transpose());
            match taken {
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(error) => return Some(unread(&self.source.path, error)),
            }
        }
    }
}

/// What was done for a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Copied {
    /// Records of the log in the backup.
    pub records: u64,
    /// Bytes that were copied.
    pub copied_bytes: u64,
    /// Bytes that were there.
    pub kept_bytes: u64,
    /// Segments of the backup that were damaged and were copied anew.
    pub mended: u64,
}

impl Planned {
    /// The log.
    pub const fn log(&self) -> &LogToCopy {
        &self.log
    }

    /// Bytes that will be copied.
    pub fn bytes(&self) -> u64 {
        self.steps.iter().map(Step::missing).sum()
    }
}

impl Backup {
    /// Finds out what the backup lacks of `log`. With `verify_all`, what it has is read again as well.
    ///
    /// # Errors
    /// [`BackupError::OtherHistory`], and what the disk says.
    pub fn plan(&self, log: LogToCopy, verify_all: bool) -> Result<Planned, BackupError> {
        let entry = self.last().log(log.plan.as_deref());
        if let Some(entry) = entry {
            same_history(&log, entry)?;
        }
        let last = entry.and_then(|entry| entry.segments.last());
        let mut steps = Vec::new();
        let firsts: Vec<_> =
            segments_in(&log.directory)?.into_iter().filter(|first| before(*first) <= log.head.0).collect();
        for (index, first) in firsts.iter().enumerate() {
            // A segment that holds nothing durable yet is not begun in the backup, unless it is the only one.
            if index > 0 && *first > log.head {
                break;
            }
            let source = open(&log.directory, *first)?;
            if index == 0 && *first != Position::FIRST {
                return Err(gap(&source, Position::FIRST).into());
            }
            let header = header_of(&source)?;
            if header.identity != log.identity {
                let (found, expected) = (Box::new(header.identity), Box::new(log.identity));
                return Err(OpenError::Foreign { file: source.path, found, expected }.into());
            }
            let entry = entry.and_then(|entry| entry.segments.iter().find(|it| it.name == segment_name(*first)));
            let following = firsts.get(index + 1).copied();
            let (is_sealed, next) = (following.is_some(), following.unwrap_or_else(|| log.head.next()));
            let bytes = match entry {
                Some(entry) if is_sealed && entry.bytes == length_of(&source)? => entry.bytes,
                _ => durable_end(&source, next, is_sealed)?,
            };
            if let Some(entry) = entry.filter(|entry| entry.bytes > bytes) {
                return Err(lacks(&log, &format!("{} bytes of {}, the log {bytes}", entry.bytes, entry.name)));
            }
            // The last one that is there is always compared: it tells another history of the same length.
            let is_last = entry.is_some() && entry == last;
            steps.push(Step { source, bytes, next, entry: entry.cloned(), read_again: verify_all || is_last });
        }
        let unknown = |it: &&SegmentEntry| !steps.iter().any(|step| step.entry.as_ref() == Some(*it));
        if let Some(more) = entry.and_then(|entry| entry.segments.iter().find(unknown)) {
            return Err(lacks(&log, &format!("{}, the log does not", more.name)));
        }
        Ok(Planned { log, steps })
    }

    /// Does what was planned: copies, syncs, reads back.
    ///
    /// # Errors
    /// [`BackupError`]; the log is not in the next manifest.
    pub fn copy(&mut self, planned: Planned, progress: Progress<'_>) -> Result<Copied, BackupError> {
        let Planned { log, steps } = planned;
        let directory = place(&self.directory, log.plan.as_deref())?;
        create_directory(&directory)?;
        let mut copied = Copied { records: log.head.0, ..Copied::default() };
        let mut segments = Vec::new();
        let mut leaf = None;
        for step in &steps {
            let made = make(&directory, step, progress, &mut copied)?;
            leaf = made.leaf.or(leaf);
            segments.push(made.entry);
        }
        sync_directory(&directory).map_err(|error| BackupError::io(&directory, &error))?;
        let known = self.last.log(log.plan.as_deref()).map(|entry| entry.leaf_hash.clone());
        let leaf_hash = leaf.map_or_else(|| known.unwrap_or_default(), |leaf| leaf_text(Some(leaf)));
        let Identity { log_id, epoch, hash } = log.identity;
        let (plan, head) = (log.plan, log.head.0);
        self.next.logs.push(LogEntry { plan, log_id, epoch, hash_algorithm: hash.byte(), head, leaf_hash, segments });
        Ok(copied)
    }
}

fn same_history(log: &LogToCopy, entry: &LogEntry) -> Result<(), BackupError> {
    let name = || entry.name().to_owned();
    if entry.identity() != Some(log.identity) {
        let detail = format!(
            "the backup is of log {} epoch {}, this is {} epoch {}",
            entry.log_id, entry.epoch, log.identity.log_id, log.identity.epoch
        );
        return Err(BackupError::OtherHistory { log: name(), detail });
    }
    if entry.head > log.head.0 {
        let detail = format!("the backup holds positions up to {}, the log only up to {}", entry.head, log.head);
        return Err(BackupError::OtherHistory { log: name(), detail });
    }
    Ok(())
}

fn lacks(log: &LogToCopy, what: &str) -> BackupError {
    let name = log.plan.as_deref().unwrap_or("system").to_owned();
    BackupError::OtherHistory { log: name, detail: format!("the backup holds {what}") }
}

fn open(directory: &Path, first: Position) -> Result<SegmentFile, BackupError> {
    let path = directory.join(segment_name(first));
    let file = File::open(&path).map_err(|error| BackupError::io(&path, &error))?;
    Ok(SegmentFile { first, path, file })
}

/// Where the frames before position `next` end. Behind the last submission of the active segment marks may be written at
/// any time: they are left out. A sealed segment is taken whole, and ends there.
fn durable_end(source: &SegmentFile, next: Position, is_sealed: bool) -> Result<u64, BackupError> {
    let length = length_of(source)?;
    let mut frames = Frames::new(source, HEADER_BYTES, length, source.first, CHUNK);
    let mut end = HEADER_BYTES;
    loop {
        let is_there = |header: &FrameHeader, at: u64| header.next() <= next && at + header.frame_bytes() <= length;
        let offset = frames.offset;
        match frames.peek() {
            Ok(Some(header)) if is_there(&header, offset) => {
                frames.skip(&header);
                if header.kind == Kind::Submission || is_sealed {
                    end = frames.offset;
                }
            }
            Ok(None) if frames.next == next => return Ok(end),
            _ if frames.next == next && !is_sealed => return Ok(end),
            // Prepared room was given back meanwhile: the segment was sealed, or its log closed.
            _ if length_of(source)? < length => return durable_end(source, next, is_sealed),
            Ok(_) => {
                return Err(damage(&source.path, offset, &format!("no frame leads from {} to {next}", frames.next)));
            }
            Err(error) => return Err(unread(&source.path, error)),
        }
    }
}

fn unread(path: &Path, error: FrameError) -> BackupError {
    let FrameError { offset, detail, io, .. } = error;
    if io { BackupError::Io { path: path.to_owned(), detail, is_full: false } } else { damage(path, offset, &detail) }
}

fn damage(path: &Path, offset: u64, detail: &str) -> BackupError {
    BackupError::Damaged { file: path.to_owned(), offset, detail: detail.to_owned() }
}

/// A segment of the backup.
struct Made {
    entry: SegmentEntry,
    /// Of its last record, if it was read.
    leaf: Option<LeafHash>,
}

/// Brings one segment of the backup up to the source.
fn make(directory: &Path, step: &Step, progress: Progress<'_>, copied: &mut Copied) -> Result<Made, BackupError> {
    let name = segment_name(step.source.first);
    let path = directory.join(&name);
    let length = std::fs::metadata(&path).map_or(0, |it| it.len());
    let there = step.entry.as_ref().filter(|entry| length >= entry.bytes);
    if let Some(entry) = there {
        if step.is_kept() && !step.read_again {
            copied.kept_bytes += entry.bytes;
            return Ok(Made { entry: entry.clone(), leaf: None });
        }
        let hasher = prefix(step, entry)?;
        let sha256 = extend(step, &path, entry.bytes, hasher, progress)?;
        let entry = SegmentEntry { name: name.clone(), bytes: step.bytes, sha256 };
        if let Ok(Checked { leaf, .. }) = step.check(&path, &entry) {
            copied.copied_bytes += step.missing();
            copied.kept_bytes += step.bytes - step.missing();
            return Ok(Made { entry, leaf });
        }
    }
    // Not there, or damaged there: the source is whole, and what counts is replaced in one rename.
    let temporary = path.with_extension("tmp");
    let sha256 = extend(step, &temporary, 0, Sha256::new(), progress)?;
    let entry = SegmentEntry { name, bytes: step.bytes, sha256 };
    let Checked { leaf, .. } = step.check(&temporary, &entry).map_err(|error| step.fault().unwrap_or(error))?;
    std::fs::rename(&temporary, &path).map_err(|error| BackupError::io(&path, &error))?;
    copied.copied_bytes += step.bytes;
    copied.mended += u64::from(step.entry.is_some());
    Ok(Made { entry, leaf })
}

/// Hashes what the backup has of a segment, in the source: it must be the same. If the source is not, and is sound, it is
/// another history.
fn prefix(step: &Step, entry: &SegmentEntry) -> Result<Sha256, BackupError> {
    let mut hasher = Sha256::new();
    each_chunk(&step.source, 0, entry.bytes, &mut |chunk, _| {
        hasher.update(chunk);
        Ok(())
    })?;
    if digest_text(&hasher) == entry.sha256 {
        return Ok(hasher);
    }
    if let Some(fault) = step.fault() {
        return Err(fault);
    }
    let detail = format!("{} is sound, and not what was backed up", entry.name);
    Err(BackupError::OtherHistory { log: step.source.path.display().to_string(), detail })
}

/// Copies the source from byte `from` on, and syncs it. Gives the digest of the whole.
fn extend(
    step: &Step,
    path: &Path,
    from: u64,
    mut hasher: Sha256,
    progress: Progress<'_>,
) -> Result<String, BackupError> {
    let failed = |error: std::io::Error| BackupError::io(path, &error);
    let opened =
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).custom_flags(NO_LINK).open(path);
    let target = opened.map_err(failed)?;
    target.set_len(from).map_err(failed)?;
    each_chunk(&step.source, from, step.bytes, &mut |chunk, at| {
        target.write_all_at(chunk, at).map_err(failed)?;
        hasher.update(chunk);
        if progress(chunk.len() as u64) { Ok(()) } else { Err(BackupError::BrokenOff) }
    })?;
    target.sync_all().map_err(failed)?;
    Ok(digest_text(&hasher))
}

/// Sees each piece and where it begins.
type Chunk<'a> = &'a mut dyn FnMut(&[u8], u64) -> Result<(), BackupError>;

/// Reads bytes `from..to` of a file, piece by piece.
pub(super) fn each_chunk(source: &SegmentFile, from: u64, to: u64, visit: Chunk<'_>) -> Result<(), BackupError> {
    let mut buffer = vec![0; (to - from).min(CHUNK as u64) as usize];
    let mut at = from;
    while at < to {
        let chunk = &mut buffer[..(to - at).min(CHUNK as u64) as usize];
        source.file.read_exact_at(chunk, at).map_err(|error| BackupError::io(&source.path, &error))?;
        visit(chunk, at)?;
        at += chunk.len() as u64;
    }
    Ok(())
}
