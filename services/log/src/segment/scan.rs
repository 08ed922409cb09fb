//! Reads a whole segment, builds its index, and judges what stands at its end: whole, torn or damaged.
//!
//! Place in the flow: under recovery and `check`, so that both judge alike. Never writes.
//!
//! It must not know what is done about the verdict.

use std::io;
use std::os::unix::fs::FileExt;

use super::disk::SegmentFile;
use super::frame::{FRAME_HEADER_BYTES, FrameHeader, Kind};
use super::frames::{FrameError, Frames, SCAN_CHUNK};
use super::header::HEADER_BYTES;
use super::index::{Fingerprint, SegmentIndex};
use crate::identity::Position;
use crate::record::StoredRecord;

/// Zeros are skipped in blocks of this size.
const BLOCK: usize = 4096;

/// What a full scan of a segment found.
#[derive(Debug)]
pub(crate) struct Scan {
    /// Of whole batches.
    pub(crate) index: SegmentIndex,
    /// Behind the last whole batch or mark.
    pub(crate) end: u64,
    /// The position behind the last whole batch.
    pub(crate) next: Position,
    /// The greatest durable position in a valid frame.
    pub(crate) durable: Position,
    /// Of the last submission or mark.
    pub(crate) recorded_time_us: i64,
    /// Frames of a batch whose last frame was not found.
    held: Vec<Held>,
    /// The first frame that is not valid.
    stopped: Option<FrameError>,
}

#[derive(Debug)]
struct Held {
    offset: u64,
    header: FrameHeader,
    fingerprints: Vec<u64>,
}

/// What stands at the end of a scan.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Only valid frames and whole batches, and in a segment that is not sealed zeros behind them: prepared room.
    Whole,
    /// Bytes that were never acknowledged stand behind the last whole batch, from `Scan::end` on.
    Torn,
    /// A frame is damaged although it may have been acknowledged.
    Damaged {
        /// Which frame, and what is wrong.
        error: FrameError,
        /// Everything up to here had been synced.
        proven: Position,
    },
}

impl Scan {
    /// Scans the frames of `file`, which has `length` bytes. `visit` sees each valid frame with its records.
    pub(crate) fn of(
        file: &SegmentFile,
        length: u64,
        fingerprint: Fingerprint,
        visit: &mut dyn FnMut(&FrameHeader, &[StoredRecord]),
    ) -> io::Result<Self> {
        let mut scan = Self {
            index: SegmentIndex::default(),
            end: HEADER_BYTES,
            next: file.first,
            durable: Position::NONE,
            recorded_time_us: 0,
            held: Vec::new(),
            stopped: None,
        };
        let mut frames = Frames::new(file, HEADER_BYTES, length, file.first, SCAN_CHUNK);
        loop {
            match scan.step(&mut frames, fingerprint, visit) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) if error.io => return Err(io::Error::other(error.detail)),
                Err(error) => {
                    scan.stopped = Some(error);
                    break;
                }
            }
        }
        Ok(scan)
    }

    fn step(
        &mut self,
        frames: &mut Frames<'_>,
        fingerprint: Fingerprint,
        visit: &mut dyn FnMut(&FrameHeader, &[StoredRecord]),
    ) -> Result<bool, FrameError> {
        let (offset, position) = (frames.offset, frames.next);
        let Some(header) = frames.peek()? else { return Ok(false) };
        let refused = |detail: String| Err(FrameError { position, offset, detail, io: false });
        if header.durable < self.durable {
            return refused(format!("durable position {} after {}", header.durable, self.durable));
        }
        if header.kind == Kind::Mark && !self.held.is_empty() {
            return refused("a mark inside a batch".to_owned());
        }
        let records = frames.take(&header)?;
        visit(&header, &records);
        (self.durable, self.recorded_time_us) = (header.durable, header.recorded_time_us);
        if header.kind == Kind::Submission {
            let fingerprints = records.iter().map(|record| fingerprint(&record.key)).collect();
            self.held.push(Held { offset, header, fingerprints });
        }
        if !header.batch_goes_on {
            self.enter_held();
            (self.end, self.next) = (frames.offset, frames.next);
        }
        Ok(true)
    }

    fn enter_held(&mut self) {
        for held in self.held.drain(..) {
            self.index.enter(held.offset, &held.header, &held.fingerprints);
        }
    }

    /// Says what stands behind the last whole batch. `file` has `length` bytes, and everything up to `known` is known
    /// to have been synced: in a sealed segment, all of it.
    pub(crate) fn verdict(&self, file: &SegmentFile, length: u64, known: Position) -> io::Result<Verdict> {
        let Some(error) = &self.stopped else {
            let whole = self.held.is_empty();
            return Ok(if whole { Verdict::Whole } else { Verdict::Torn });
        };
        if self.held.is_empty() && known == Position::NONE && only_zeros(file, error.offset, length)? {
            return Ok(Verdict::Whole);
        }
        let proven = known.max(self.durable).max(durable_behind(file, error.offset, length, error.position)?);
        // A batch is synced and acknowledged as a whole: if its first record was, so was the rest.
        Ok(if proven >= self.next { Verdict::Damaged { error: error.clone(), proven } } else { Verdict::Torn })
    }

    /// Gives up everything from `error` on, and serves what stands before it, whole batch or not.
    pub(crate) fn end_at(&mut self, error: &FrameError) {
        self.enter_held();
        (self.end, self.next) = (error.offset, error.position);
    }
}

/// The greatest durable position in any valid frame header from `offset` on, whole frame or not. Bytes of a record
/// that look like such a header are taken for one: that errs to read-only, never to a cut.
fn durable_behind(file: &SegmentFile, offset: u64, length: u64, next: Position) -> io::Result<Position> {
    let mut durable = Position::NONE;
    let mut at = offset;
    while at + FRAME_HEADER_BYTES as u64 <= length {
        let mut window = vec![0; (length - at).min(SCAN_CHUNK as u64) as usize];
        file.file.read_exact_at(&mut window, at)?;
        let starts = window.len() + 1 - FRAME_HEADER_BYTES;
        let mut start = 0;
        while start < starts {
            if is_zero(&window[start..(start + BLOCK).min(window.len())]) {
                // No header begins in a block of zeros, but where its checksum may reach out of it.
                start += BLOCK - FRAME_HEADER_BYTES;
                continue;
            }
            let behind = (start + BLOCK - FRAME_HEADER_BYTES).min(starts);
            for start in start..behind {
                if let Some(header) = FrameHeader::decode(&window[start..]).filter(|header| header.first >= next) {
                    durable = durable.max(header.durable);
                }
            }
            start = behind;
        }
        at += starts as u64;
    }
    Ok(durable)
}

/// Whether `file` holds nothing but zeros from `offset` to `length`.
fn only_zeros(file: &SegmentFile, offset: u64, length: u64) -> io::Result<bool> {
    let mut at = offset;
    let mut window = vec![0; SCAN_CHUNK];
    while at < length {
        let piece = &mut window[..(length - at).min(SCAN_CHUNK as u64) as usize];
        file.file.read_exact_at(piece, at)?;
        if !piece.chunks(BLOCK).all(is_zero) {
            return Ok(false);
        }
        at += piece.len() as u64;
    }
    Ok(true)
}

/// Compared as memory, at any level of optimisation: tens of megabytes of prepared room cost milliseconds.
fn is_zero(bytes: &[u8]) -> bool {
    const ZEROS: [u8; BLOCK] = [0; BLOCK];
    *bytes == ZEROS[..bytes.len()]
}
