//! Walks a log on disk frame by frame, from outside, also where it is damaged. Writes nothing, takes no lock.
//!
//! Place in the flow: under `log dump` and the comparison of two logs: for whoever looks at night what is there. `check`
//! judges; this only shows.
//!
//! It must not know what a record means.

use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::identity::{Identity, Position};
use crate::record::StoredRecord;
use crate::segment::OpenError;
use crate::segment::frame::{FRAME_HEADER_BYTES, FrameHeader, Kind};
use crate::segment::header::{HEADER_BYTES, SegmentHeader, segment_name};
use crate::segment::recovery::segments_in;

/// What stands at a place of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Walked {
    /// A frame that matches its checksums.
    Frame(WalkedFrame),
    /// Bytes that are no frame.
    Damage {
        /// The segment.
        file: PathBuf,
        /// Where they begin.
        offset: u64,
        /// The first position that is not there.
        position: Position,
        /// The next frame behind them, and the position it begins with; none = there is none in this segment.
        resumes: Option<(u64, Position)>,
        /// What is wrong.
        detail: String,
    },
}

/// A frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalkedFrame {
    /// The segment.
    pub file: PathBuf,
    /// Where it begins.
    pub offset: u64,
    /// Bytes of it.
    pub bytes: u64,
    /// The history that its segment says it is of.
    pub identity: Identity,
    /// Whether it is a durable mark.
    pub is_mark: bool,
    /// Whether the next frame belongs to the same batch.
    pub batch_goes_on: bool,
    /// Position of the first record; in a mark, of the one that comes next.
    pub first: Position,
    /// What had been synced when it was written.
    pub durable: Position,
    /// Microseconds since 1970-01-01 UTC.
    pub recorded_time_us: i64,
    /// Its records.
    pub records: Vec<StoredRecord>,
}

/// Shows `visit` the frames of the log in `directory`, from the segment that holds `from` on, until it says `false`. At
/// damage the walk ends, or with `past_damage` goes on at the next frame that there is.
///
/// # Errors
/// [`OpenError`]: there is no log, or a file cannot be read.
pub fn walk(
    directory: &Path,
    from: Position,
    past_damage: bool,
    visit: &mut dyn FnMut(Walked) -> bool,
) -> Result<(), OpenError> {
    let firsts = segments_in(directory)?;
    if firsts.is_empty() {
        return Err(OpenError::NoLog { directory: directory.to_owned() });
    }
    let begin = firsts.iter().rposition(|first| *first <= from).unwrap_or_default();
    let mut next = firsts[begin];
    for first in &firsts[begin..] {
        let path = directory.join(segment_name(*first));
        let bytes = Bytes::from(std::fs::read(&path).map_err(|error| OpenError::io(&path, &error))?);
        let mut segment = Segment { path, bytes, past_damage, visit: &mut *visit, has_ended: false };
        if *first != next && !segment.missing(next, *first) {
            return Ok(());
        }
        next = segment.walk(*first);
        if segment.has_ended {
            return Ok(());
        }
    }
    Ok(())
}

struct Segment<'a> {
    path: PathBuf,
    bytes: Bytes,
    past_damage: bool,
    visit: &'a mut dyn FnMut(Walked) -> bool,
    /// Whether nothing more is to be shown.
    has_ended: bool,
}

impl Segment<'_> {
    /// Walks the frames; the position behind the last.
    fn walk(&mut self, first: Position) -> Position {
        let identity = match SegmentHeader::decode(&self.bytes) {
            Ok(header) => header.identity,
            Err(detail) => {
                // Without it nobody can say whose frames these are.
                self.damage(0, first, None, &detail);
                return first;
            }
        };
        let (mut at, mut next) = (HEADER_BYTES as usize, first);
        // Space that was set aside for frames to come is zeros.
        while self.bytes[at..].iter().any(|byte| *byte != 0) {
            let frame = self.frame(at, identity, |frame| frame.first == next);
            let Some((frame, behind)) = frame else {
                match self.resume(at, next, identity) {
                    Some(resumes) => (at, next) = resumes,
                    None => return next,
                }
                continue;
            };
            at += frame.bytes as usize;
            next = behind;
            self.has_ended = !(self.visit)(Walked::Frame(frame));
            if self.has_ended {
                return next;
            }
        }
        next
    }

    /// The whole frame at `at`, with the position behind it.
    fn frame(
        &self,
        at: usize,
        identity: Identity,
        is_it: impl FnOnce(&FrameHeader) -> bool,
    ) -> Option<(WalkedFrame, Position)> {
        let header = FrameHeader::decode(&self.bytes[at..]).filter(is_it)?;
        let (begin, end) = (at + FRAME_HEADER_BYTES, at + usize::try_from(header.frame_bytes()).ok()?);
        let body = (end <= self.bytes.len()).then(|| self.bytes.slice(begin..end))?;
        let is_mark = header.kind == Kind::Mark;
        let matches = is_mark || crc32c::crc32c(&body) == header.body_crc;
        let records = if is_mark { Vec::new() } else { header.records(&body).filter(|_| matches)? };
        let frame = WalkedFrame {
            file: self.path.clone(),
            offset: at as u64,
            bytes: header.frame_bytes(),
            identity,
            is_mark,
            batch_goes_on: header.batch_goes_on,
            first: header.first,
            durable: header.durable,
            recorded_time_us: header.recorded_time_us,
            records,
        };
        Some((frame, header.next()))
    }

    /// Says that there is damage at `at`, and finds the next whole frame behind it.
    fn resume(&mut self, at: usize, next: Position, identity: Identity) -> Option<(usize, Position)> {
        let behind = at + 1..self.bytes.len().saturating_sub(FRAME_HEADER_BYTES) + 1;
        let found = behind.into_iter().find(|at| self.frame(*at, identity, |header| header.first >= next).is_some());
        let first = found.and_then(|at| FrameHeader::decode(&self.bytes[at..])).map(|header| header.first);
        let detail = format!("no valid frame of position {next}");
        self.damage(at, next, found.map(|at| at as u64).zip(first), &detail);
        found.zip(first).filter(|_| !self.has_ended)
    }

    /// Says that positions are not in any segment.
    fn missing(&mut self, next: Position, first: Position) -> bool {
        let detail = format!("the segment before ends before {next}, this one begins at {first}");
        self.damage(0, next, Some((HEADER_BYTES, first)), &detail);
        !self.has_ended
    }

    fn damage(&mut self, at: usize, position: Position, resumes: Option<(u64, Position)>, detail: &str) {
        let (file, offset, detail) = (self.path.clone(), at as u64, detail.to_owned());
        let goes_on = (self.visit)(Walked::Damage { file, offset, position, resumes, detail });
        self.has_ended = !(goes_on && self.past_damage);
    }
}
