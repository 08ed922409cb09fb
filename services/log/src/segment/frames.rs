//! Reads the frames of one segment in order, checking everything that can be checked.
//!
//! Place in the flow: under recovery, reads, `find` and `check`: there is one way to read a frame. The header is
//! always verified; the body whenever it is taken.
//!
//! It must not know what a caller does about damage.

use std::io;
use std::os::unix::fs::FileExt;

use bytes::{Bytes, BytesMut};

use super::disk::SegmentFile;
use super::frame::{FRAME_HEADER_BYTES, FrameHeader, Kind};
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
    chunk_size: usize,
    chunk: Bytes,
    chunk_at: u64,
}

impl<'a> Frames<'a> {
    /// Starts at a frame that is known to start at `offset` with position `next`.
    pub(crate) fn new(file: &'a SegmentFile, offset: u64, end: u64, next: Position, chunk_size: usize) -> Self {
        Self { file, offset, end, next, chunk_size, chunk: Bytes::new(), chunk_at: offset }
    }

    /// The header of the next frame, without moving; `None` at the end.
    pub(crate) fn peek(&mut self) -> Result<Option<FrameHeader>, FrameError> {
        if self.offset >= self.end {
            return Ok(None);
        }
        let bytes = self.bytes(0, FRAME_HEADER_BYTES)?;
        let Some(header) = FrameHeader::decode(&bytes) else {
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

    /// Reads and verifies the records of the frame with this header, which was peeked at, and moves behind it.
    pub(crate) fn take(&mut self, header: &FrameHeader) -> Result<Vec<StoredRecord>, FrameError> {
        let records = match header.kind {
            Kind::Mark => Vec::new(),
            Kind::Submission => {
                let body = self.bytes(FRAME_HEADER_BYTES, header.body_length as usize)?;
                if crc32c::crc32c(&body) != header.body_crc {
                    return Err(self.damage("the frame's body does not match its checksum".to_owned()));
                }
                let records = header.records(&body);
                records.ok_or_else(|| self.damage("the frame's body does not hold its records".to_owned()))?
            }
        };
        self.skip(header);
        Ok(records)
    }

    /// `length` bytes from `skip` bytes behind the frame's start, from the chunk or a new one.
    fn bytes(&mut self, skip: usize, length: usize) -> Result<Bytes, FrameError> {
        let at = self.offset + skip as u64;
        let available = self.end.saturating_sub(at);
        if available < length as u64 {
            return Err(self.damage(format!("the frame needs {length} bytes, the segment has {available} more")));
        }
        let inside = at.checked_sub(self.chunk_at).map(|start| start as usize);
        if let Some(start) = inside.filter(|start| start + length <= self.chunk.len()) {
            return Ok(self.chunk.slice(start..start + length));
        }
        let mut chunk = BytesMut::zeroed((self.chunk_size as u64).min(available).max(length as u64) as usize);
        if let Err(error) = self.file.file.read_exact_at(&mut chunk, at) {
            let io = error.kind() != io::ErrorKind::UnexpectedEof;
            return Err(FrameError { io, ..self.damage(error.to_string()) });
        }
        (self.chunk, self.chunk_at) = (chunk.freeze(), at);
        Ok(self.chunk.slice(..length))
    }

    fn damage(&self, detail: String) -> FrameError {
        FrameError { position: self.next, offset: self.offset, detail, io: false }
    }
}
