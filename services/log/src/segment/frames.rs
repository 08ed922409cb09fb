//! Reads the frames of one segment in order, checking everything that can be checked.
//!
//! Place in the flow: under recovery, reads, `find` and `check`: there is one way to read a frame. The header is
//! always verified; the body whenever it is taken.
//!
//! It must not know what a caller does about damage.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use bytes::Bytes;
use rustix::buffer::spare_capacity;
use rustix::io::{pread, retry_on_intr};

use super::disk::SegmentFile;
use super::frame::{FRAME_HEADER_BYTES, FrameHeader, Kind, split};
use super::index::SparseEntry;
use crate::contract::ReadError;
use crate::identity::Position;
use crate::record::StoredRecord;

/// Reads go to the disk in pieces of this size, for a scan.
pub(crate) const SCAN_CHUNK: usize = 1024 * 1024;

/// Why a frame could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FrameError {
    /// The first position that cannot be read.
    pub(crate) position: Position,
    /// Where the frame starts.
    pub(crate) offset: u64,
    /// What is wrong.
    pub(crate) detail: String,
    /// The disk answered with an error: nothing is known about the bytes.
    pub(crate) io: bool,
}

impl FrameError {
    /// In the words of the contract.
    pub(crate) fn read_error(self, file: &SegmentFile) -> ReadError {
        let detail = format!("{} at byte {}: {}", file.path.display(), self.offset, self.detail);
        if self.io { ReadError::Io(detail) } else { ReadError::Damaged { position: self.position, detail } }
    }
}

/// A cursor over the frames of a segment.
#[derive(Debug)]
pub(crate) struct Frames<'a> {
    file: &'a SegmentFile,
    /// Where the next frame starts.
    pub(crate) offset: u64,
    /// Frames stand before this offset.
    end: u64,
    /// The position that the next frame must start at.
    pub(crate) next: Position,
    /// So much is read at once, unless a frame is larger or less is left.
    pub(crate) chunk_size: usize,
    chunk: Bytes,
    chunk_at: u64,
    /// What was read of the segment; behind it the chunk has what an earlier one left.
    chunk_bytes: usize,
}

impl<'a> Frames<'a> {
    /// Starts at a frame that is known to start at `offset` with position `next`.
    pub(crate) fn new(file: &'a SegmentFile, offset: u64, end: u64, next: Position, chunk_size: usize) -> Self {
        Self { file, offset, end, next, chunk_size, chunk: Bytes::new(), chunk_at: offset, chunk_bytes: 0 }
    }

    /// The header of the next frame, without moving; `None` at the end.
    pub(crate) fn peek(&mut self) -> Result<Option<FrameHeader>, FrameError> {
        if self.offset >= self.end {
            return Ok(None);
        }
        let start = self.fill(0, FRAME_HEADER_BYTES)?;
        let Some(header) = FrameHeader::decode(&self.chunk[start..start + FRAME_HEADER_BYTES]) else {
            return Err(self.damage("no valid frame header".to_owned()));
        };
        if header.first != self.next {
            return Err(self.damage(format!("the frame starts at position {}, not {}", header.first, self.next)));
        }
        Ok(Some(header))
    }

    /// Moves behind the frame with this header, which was peeked at.
    pub(crate) fn skip(&mut self, header: &FrameHeader) {
        self.offset += header.frame_bytes();
        self.next = header.next();
    }

    /// Goes on at a frame that is known to start there, if that is further on.
    pub(crate) fn go_on_at(&mut self, frame: SparseEntry) {
        if frame.offset > self.offset {
            (self.offset, self.next) = (frame.offset, frame.position);
        }
    }

    /// Reads and verifies the records of the frame with this header, which was peeked at, and moves behind it.
    pub(crate) fn take(&mut self, header: &FrameHeader) -> Result<Vec<StoredRecord>, FrameError> {
        let records = match header.kind {
            Kind::Mark => Vec::new(),
            Kind::Submission => {
                let body = self.body(header)?;
                let records = header.records(&self.chunk.slice(body));
                records.ok_or_else(|| self.not_its_records())?
            }
        };
        self.skip(header);
        Ok(records)
    }

    /// The same, of a submission, for those of its records that stand at `wanted`, which ascends. They have bytes of
    /// their own: a few records must not keep all in memory that was read to find them.
    pub(crate) fn take_some(
        &mut self,
        header: &FrameHeader,
        wanted: &[Position],
    ) -> Result<Vec<StoredRecord>, FrameError> {
        let body = self.body(header)?;
        let parts = split(&self.chunk[body.clone()], header.records).ok_or_else(|| self.not_its_records())?;
        let (submission_first, submission_last) = (header.first, Position(header.next().0 - 1));
        let mut records = Vec::new();
        for position in wanted.iter().take_while(|position| **position <= submission_last) {
            let index = position.0.checked_sub(submission_first.0);
            let Some((key, range)) = index.and_then(|index| parts.get(index as usize)) else { continue };
            records.push(StoredRecord {
                position: *position,
                submission_first,
                submission_last,
                recorded_time_us: header.recorded_time_us,
                key: *key,
                bytes: Bytes::copy_from_slice(&self.chunk[body.start + range.start..body.start + range.end]),
            });
        }
        self.skip(header);
        Ok(records)
    }

    /// Where the body of the frame with this header stands in the chunk, verified.
    fn body(&mut self, header: &FrameHeader) -> Result<Range<usize>, FrameError> {
        let length = header.body_length as usize;
        let start = self.fill(FRAME_HEADER_BYTES, length)?;
        if crc32c::crc32c(&self.chunk[start..start + length]) != header.body_crc {
            return Err(self.damage("the frame's body does not match its checksum".to_owned()));
        }
        Ok(start..start + length)
    }

    /// Sees to it that `length` bytes from `skip` bytes behind the frame's start are in the chunk, and says where.
    fn fill(&mut self, skip: usize, length: usize) -> Result<usize, FrameError> {
        let at = self.offset + skip as u64;
        let available = self.end.saturating_sub(at);
        if available < length as u64 {
            return Err(self.damage(format!("the frame needs {length} bytes, the segment has {available} more")));
        }
        let inside = at.checked_sub(self.chunk_at).map(|start| start as usize);
        if let Some(start) = inside.filter(|start| start + length <= self.chunk_bytes) {
            return Ok(start);
        }
        let size = (self.chunk_size as u64).min(available).max(length as u64) as usize;
        let kept = inside.filter(|start| *start < self.chunk_bytes).map(|start| start..self.chunk_bytes);
        // Whatever happens, nothing counts as read until it is.
        self.chunk_bytes = 0;
        self.chunk = match self.read(at, size, kept) {
            Ok(chunk) => chunk,
            Err(error) => {
                let io = error.kind() != io::ErrorKind::UnexpectedEof;
                return Err(FrameError { io, ..self.damage(error.to_string()) });
            }
        };
        (self.chunk_at, self.chunk_bytes) = (at, size);
        Ok(0)
    }

    /// A chunk that begins with `size` bytes from `at` on, of which the one before has the first in `kept`.
    fn read(&mut self, at: u64, size: usize, kept: Option<Range<usize>>) -> io::Result<Bytes> {
        // The chunk before is used again, unless records that were taken are parts of it.
        let Ok(mut chunk) = std::mem::take(&mut self.chunk).try_into_mut() else {
            return read_new(&self.file.file, at, size);
        };
        let kept = kept.map_or(0, |kept| {
            let bytes = kept.len().min(size);
            chunk.copy_within(kept, 0);
            bytes
        });
        if chunk.len() < size {
            chunk.resize(size, 0);
        }
        self.file.file.read_exact_at(&mut chunk[kept..size], at + kept as u64)?;
        Ok(chunk.freeze())
    }

    fn not_its_records(&self) -> FrameError {
        self.damage("the frame's body does not hold its records".to_owned())
    }

    fn damage(&self, detail: String) -> FrameError {
        FrameError { position: self.next, offset: self.offset, detail, io: false }
    }
}

/// Bytes of their own, which nobody has to clear first.
fn read_new(file: &File, at: u64, size: usize) -> io::Result<Bytes> {
    let mut chunk = Vec::with_capacity(size);
    while chunk.len() < size {
        let from = at + chunk.len() as u64;
        if retry_on_intr(|| pread(file, spare_capacity(&mut chunk), from))? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    // An allocator may have given more room than was asked for.
    chunk.truncate(size);
    Ok(chunk.into())
}
