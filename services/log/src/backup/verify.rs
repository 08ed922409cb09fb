//! Reads what a backup has of a log, and says whether it is what the manifest says.
//!
//! Place in the flow: behind each copy, before each restore, and under `check`. Never writes.
//!
//! It must not know what a record means.

use std::fs::File;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::copy::each_chunk;
use super::manifest::{LogEntry, SegmentEntry, digest_text, leaf_text};
use super::tree::Tree;
use super::{BackupError, CHUNK, Progress};
use crate::identity::{LeafHash, Position, leaf_hash};
use crate::record::StoredRecord;
use crate::segment::disk::SegmentFile;
use crate::segment::frame::{FrameHeader, Kind};
use crate::segment::frames::Frames;
use crate::segment::header::HEADER_BYTES;
use crate::segment::recovery::{gap, header_of, length_of};

/// A segment that is what its entry says.
pub(super) struct Checked {
    /// Leaf hash of its last record.
    pub(super) leaf: Option<LeafHash>,
    /// The position behind it.
    pub(super) next: Position,
}

/// Checks one segment: length, digest, header, frames.
pub(super) fn check_segment(path: &Path, entry: &SegmentEntry, first: Position) -> Result<Checked, BackupError> {
    let mut leaf = None;
    let next = read_segment(path, entry, first, &mut |_, records, _| {
        leaf = records.last().map(|record| leaf_hash(&record.bytes)).or(leaf);
    })?;
    Ok(Checked { leaf, next })
}

/// Each frame of a segment, with its records and where it begins.
type Visit<'a> = &'a mut dyn FnMut(&FrameHeader, &[StoredRecord], u64);

/// Reads one segment as far as it is in the backup. Gives the position behind it.
fn read_segment(path: &Path, entry: &SegmentEntry, first: Position, visit: Visit<'_>) -> Result<Position, BackupError> {
    let file = File::open(path).map_err(|error| BackupError::io(path, &error))?;
    let file = SegmentFile { first, path: path.to_owned(), file };
    let damaged = |offset, detail: String| BackupError::Damaged { file: path.to_owned(), offset, detail };
    let length = length_of(&file)?;
    if length < entry.bytes {
        return Err(damaged(length, format!("the file has {length} bytes, the manifest says {}", entry.bytes)));
    }
    let mut hasher = Sha256::new();
    each_chunk(&file, 0, entry.bytes, &mut |chunk, _| {
        hasher.update(chunk);
        Ok(())
    })?;
    let mut frames = Frames::new(&file, HEADER_BYTES, entry.bytes, first, CHUNK);
    loop {
        let offset = frames.offset;
        let failed = |error: crate::segment::frames::FrameError| damaged(error.offset, error.detail);
        let Some(header) = frames.peek().map_err(failed)? else { break };
        let records = frames.take(&header).map_err(failed)?;
        visit(&header, &records, offset);
    }
    // Frames say where the damage is; that there is some, the digest says in any case.
    if digest_text(&hasher) != entry.sha256 {
        return Err(damaged(0, "the bytes do not match the manifest's SHA-256".to_owned()));
    }
    Ok(frames.next)
}

/// Where a log is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CutAt {
    /// Where the backup ends.
    Head,
    /// With the last whole submission at or before this position.
    Position(Position),
    /// With the last submission that was recorded at or before this moment, microseconds since 1970-01-01 UTC.
    Time(i64),
}

impl CutAt {
    fn takes(self, header: &FrameHeader) -> bool {
        match self {
            Self::Head => true,
            Self::Position(position) => header.next() <= position.next(),
            Self::Time(time_us) => header.recorded_time_us <= time_us,
        }
    }
}

/// The end of a log that is restored: its last whole submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// The last position that stays; [`Position::NONE`] in a log without records.
    pub position: Position,
    /// When it was recorded, microseconds since 1970-01-01 UTC.
    pub recorded_time_us: i64,
    /// The segment it is in, among those of the log.
    pub(super) segment: usize,
    /// Where its frame begins, and the frame's header.
    pub(super) last: Option<(u64, FrameHeader)>,
}

/// What a backup has of a log, every byte of it read.
#[derive(Debug, Clone)]
pub struct Verified {
    /// Root of the Merkle tree over its leaves, RFC 6962.
    pub root: LeafHash,
    /// Leaf hash of its last record.
    pub leaf_hash: Option<LeafHash>,
    /// Submissions.
    pub submissions: u64,
    /// Where it is to end.
    pub cut: Cut,
}

/// Reads the whole log that `entry` names in the backup in `directory`, and finds where it is to end. `each` sees each
/// submission's records.
///
/// # Errors
/// [`BackupError::Damaged`] at the first byte that is not as it should be; [`BackupError::NothingBefore`].
pub fn verify_log(
    directory: &Path,
    entry: &LogEntry,
    cut_at: CutAt,
    each: &mut dyn FnMut(&[StoredRecord]),
    progress: Progress<'_>,
) -> Result<Verified, BackupError> {
    let directory = directory.join(entry.directory());
    let mut tree = Tree::default();
    let mut read = Read { cut_at, ..Read::default() };
    let mut expected = Position::FIRST;
    for (index, segment) in entry.segments.iter().enumerate() {
        let path = directory.join(&segment.name);
        let file = File::open(&path).map_err(|error| BackupError::io(&path, &error))?;
        let file = SegmentFile { first: segment.first(), path, file };
        let header = header_of(&file)?;
        if Some(header.identity) != entry.identity() {
            let detail = format!("is of log {}, the manifest says {}", header.identity.log_id, entry.log_id);
            return Err(BackupError::Damaged { file: file.path, offset: 0, detail });
        }
        if file.first != expected {
            return Err(gap(&file, expected).into());
        }
        read.segment = index;
        expected = read_segment(&file.path, segment, file.first, &mut |header, records, offset| {
            records.iter().for_each(|record| tree.push(leaf_hash(&record.bytes)));
            read.frame(header, records, offset);
            each(records);
        })?;
        if !progress(segment.bytes) {
            return Err(BackupError::BrokenOff);
        }
    }
    let ends = (expected.0 - 1, leaf_text(read.leaf));
    if ends != (entry.head, entry.leaf_hash.clone()) {
        let file = directory;
        let detail = format!("the log ends at {} with leaf hash {}, the manifest says otherwise", ends.0, ends.1);
        return Err(BackupError::Damaged { file, offset: 0, detail });
    }
    let cut = read.cut(entry)?;
    Ok(Verified { root: tree.root(), leaf_hash: read.leaf, submissions: read.submissions, cut })
}

/// What was seen of a log so far.
struct Read {
    cut_at: CutAt,
    segment: usize,
    leaf: Option<LeafHash>,
    submissions: u64,
    first: Option<(Position, i64)>,
    cut: Option<Cut>,
}

impl Default for Read {
    fn default() -> Self {
        Self { cut_at: CutAt::Head, segment: 0, leaf: None, submissions: 0, first: None, cut: None }
    }
}

impl Read {
    fn frame(&mut self, header: &FrameHeader, records: &[StoredRecord], offset: u64) {
        if header.kind == Kind::Mark {
            return;
        }
        self.submissions += 1;
        self.leaf = records.last().map(|record| leaf_hash(&record.bytes));
        let (position, recorded_time_us) = (Position(header.next().0 - 1), header.recorded_time_us);
        self.first.get_or_insert((position, recorded_time_us));
        if self.cut_at.takes(header) {
            let last = Some((offset, *header));
            self.cut = Some(Cut { position, recorded_time_us, segment: self.segment, last });
        }
    }

    fn cut(&self, entry: &LogEntry) -> Result<Cut, BackupError> {
        match (self.cut, self.first) {
            (Some(cut), _) => Ok(cut),
            (None, None) => {
                Ok(Cut { position: Position::NONE, recorded_time_us: 0, segment: entry.segments.len() - 1, last: None })
            }
            (None, Some((position, recorded_time_us))) => {
                Err(BackupError::NothingBefore { log: entry.name().to_owned(), position, recorded_time_us })
            }
        }
    }
}
