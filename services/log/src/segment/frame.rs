//! One frame: a whole submission, or a durable mark. Layout: `FORMAT.md`.
//!
//! Place in the flow: `append` encodes, the writer finishes; recovery, reads and `check` decode. No IO here.
//!
//! It must not know files or segments.

use std::ops::Range;

use bytes::Bytes;

use super::bytes::{array_at, u16_at, u32_at, u64_at};
use crate::identity::Position;
use crate::record::{Batch, Key, RECORD_BYTES_MAX, SUBMISSION_RECORDS_MAX, StoredRecord, Submission};

/// Bytes of a frame's header; a mark has nothing else.
pub(crate) const FRAME_HEADER_BYTES: usize = 40;
/// Bytes that a record takes in a body besides its own: length and key.
const RECORD_OVERHEAD: usize = 18;
const BODY_BYTES_MAX: usize = SUBMISSION_RECORDS_MAX * (RECORD_BYTES_MAX + RECORD_OVERHEAD);

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Records.
    Submission,
    /// Only the proof that everything up to `durable` had been synced.
    Mark,
}

/// A decoded frame header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) kind: Kind,
    /// Whether the next frame belongs to the same batch.
    pub(crate) batch_goes_on: bool,
    pub(crate) records: u16,
    pub(crate) body_length: u32,
    pub(crate) body_crc: u32,
    /// Position of the first record; in a mark, of the record that will come next.
    pub(crate) first: Position,
    /// Everything up to here had been synced when the frame was written.
    pub(crate) durable: Position,
    pub(crate) recorded_time_us: i64,
}

impl FrameHeader {
    /// A mark behind `next - 1` records, all of them durable.
    pub(crate) fn mark(next: Position, recorded_time_us: i64) -> Self {
        Self {
            kind: Kind::Mark,
            batch_goes_on: false,
            records: 0,
            body_length: 0,
            body_crc: 0,
            first: next,
            durable: Position(next.0.saturating_sub(1)),
            recorded_time_us,
        }
    }

    pub(crate) fn encode(&self) -> [u8; FRAME_HEADER_BYTES] {
        let mut bytes = [0; FRAME_HEADER_BYTES];
        bytes[4..8].copy_from_slice(&self.body_crc.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.body_length.to_le_bytes());
        bytes[12..14].copy_from_slice(&self.records.to_le_bytes());
        bytes[14] = match self.kind {
            Kind::Submission => 1,
            Kind::Mark => 2,
        };
        bytes[15] = u8::from(self.batch_goes_on);
        bytes[16..24].copy_from_slice(&self.first.0.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.durable.0.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.recorded_time_us.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[4..]);
        bytes[0..4].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads a header from the start of `bytes`; `None` unless it matches its checksum and makes sense.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        // The cheap tests come first: recovery tries every byte of a torn tail.
        let kind = match bytes.get(..FRAME_HEADER_BYTES)?[14] {
            1 => Kind::Submission,
            2 => Kind::Mark,
            _ => return None,
        };
        if bytes[15] > 1 || crc32c::crc32c(&bytes[4..FRAME_HEADER_BYTES]) != u32_at(bytes, 0) {
            return None;
        }
        let header = Self {
            kind,
            batch_goes_on: bytes[15] == 1,
            records: u16_at(bytes, 12),
            body_length: u32_at(bytes, 8),
            body_crc: u32_at(bytes, 4),
            first: Position(u64_at(bytes, 16)),
            durable: Position(u64_at(bytes, 24)),
            recorded_time_us: i64::from_le_bytes(array_at(bytes, 32)),
        };
        header.makes_sense().then_some(header)
    }

    fn makes_sense(&self) -> bool {
        let (records, length) = (usize::from(self.records), self.body_length as usize);
        let sized = match self.kind {
            Kind::Submission => {
                (1..=SUBMISSION_RECORDS_MAX).contains(&records)
                    && (records * (RECORD_OVERHEAD + 1)..=BODY_BYTES_MAX).contains(&length)
            }
            Kind::Mark => records == 0 && length == 0 && !self.batch_goes_on,
        };
        sized && self.durable < self.first && self.first.0.checked_add(u64::from(self.records)).is_some()
    }

    /// Position of the record that comes after this frame.
    pub(crate) fn next(&self) -> Position {
        self.first.plus(u64::from(self.records))
    }

    /// Bytes of the whole frame.
    pub(crate) fn frame_bytes(&self) -> u64 {
        FRAME_HEADER_BYTES as u64 + u64::from(self.body_length)
    }

    /// The records of `body` as they stand in the log, without copying; `None` if the body does not hold exactly
    /// the records that the header promises.
    pub(crate) fn records(&self, body: &Bytes) -> Option<Vec<StoredRecord>> {
        let parts = split(body, self.records)?;
        let (first, last) = (self.first, Position(self.next().0 - 1));
        let stored = parts.into_iter().zip(first.0..).map(|((key, range), position)| StoredRecord {
            position: Position(position),
            submission_first: first,
            submission_last: last,
            recorded_time_us: self.recorded_time_us,
            key,
            bytes: body.slice(range),
        });
        Some(stored.collect())
    }
}

/// Takes a body apart: each record's key and where its bytes stand. `None` unless it is exactly `records` records.
pub(crate) fn split(body: &[u8], records: u16) -> Option<Vec<(Key, Range<usize>)>> {
    let mut parts = Vec::with_capacity(usize::from(records));
    let mut at = 0;
    for _ in 0..records {
        let start = at + RECORD_OVERHEAD;
        if start > body.len() {
            return None;
        }
        let end = start + usize::from(u16_at(body, at));
        if end == start || end > body.len() {
            return None;
        }
        parts.push((array_at(body, at + 2), start..end));
        at = end;
    }
    (at == body.len()).then_some(parts)
}

/// The frames of a batch in one piece, ready to be written but for what is known only then: `append` makes it while the
/// group before is being synced.
#[derive(Debug)]
pub(crate) struct Encoded {
    /// Bodies in their places; headers are empty until [`Self::finish`].
    pub(crate) bytes: Vec<u8>,
    frames: Vec<(usize, FrameHeader)>,
}

impl Encoded {
    /// The frames of `batch`, whose first record will stand at `first`.
    pub(crate) fn of(batch: &Batch, first: Position) -> Self {
        let bytes = batch.submissions.iter().map(submission_bytes).sum();
        let mut encoded =
            Self { bytes: Vec::with_capacity(bytes), frames: Vec::with_capacity(batch.submissions.len()) };
        let (mut next, last) = (first, batch.submissions.len().saturating_sub(1));
        for (index, submission) in batch.submissions.iter().enumerate() {
            let at = encoded.bytes.len();
            let header = encode_body(&mut encoded.bytes, submission, next, index < last);
            next = header.next();
            encoded.frames.push((at, header));
        }
        encoded
    }

    /// Fills in the headers; everything up to `durable` is synced.
    pub(crate) fn finish(&mut self, durable: Position) {
        for (at, header) in &mut self.frames {
            header.durable = durable;
            self.bytes[*at..*at + FRAME_HEADER_BYTES].copy_from_slice(&header.encode());
        }
    }

    /// Where each frame starts in the bytes, and its header.
    pub(crate) fn frames(&self) -> &[(usize, FrameHeader)] {
        &self.frames
    }
}

fn submission_bytes(submission: &Submission) -> usize {
    let body: usize = submission.records.iter().map(|record| RECORD_OVERHEAD + record.bytes.len()).sum();
    FRAME_HEADER_BYTES + body
}

/// Appends room for a header and the body of `submission`. Sizes were checked by `check_batch`; so no cast below can cut.
fn encode_body(buffer: &mut Vec<u8>, submission: &Submission, first: Position, batch_goes_on: bool) -> FrameHeader {
    let body_at = buffer.len() + FRAME_HEADER_BYTES;
    buffer.resize(body_at, 0);
    for record in &submission.records {
        buffer.extend_from_slice(&(record.bytes.len() as u16).to_le_bytes());
        buffer.extend_from_slice(&record.key);
        buffer.extend_from_slice(&record.bytes);
    }
    FrameHeader {
        kind: Kind::Submission,
        batch_goes_on,
        records: submission.records.len() as u16,
        body_length: (buffer.len() - body_at) as u32,
        body_crc: crc32c::crc32c(&buffer[body_at..]),
        first,
        durable: Position::NONE,
        recorded_time_us: submission.recorded_time_us,
    }
}
