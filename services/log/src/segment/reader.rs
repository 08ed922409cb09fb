//! Reads by position and by key.
//!
//! Place in the flow: under `EventLog::read`, `read_selected` and `find`, on a blocking thread. Looks up a place under
//! the lock, then reads without it: bytes behind the durable head never change.
//!
//! It must not know the writer.

use std::sync::Arc;

use super::frames::{FrameError, Frames, SCAN_CHUNK};
use super::index::{Probe, SPARSE_EVERY};
use super::sealed::{Sealed, mend};
use super::state::{Place, Shared};
use crate::contract::ReadError;
use crate::identity::Position;
use crate::record::{Key, StoredRecord};

/// What is read at once beyond what is wanted, so that it also holds the rest of the last submission, and the headers.
const MARGIN: usize = 4 * SPARSE_EVERY as usize;

/// See [`EventLog::read`](crate::EventLog::read).
pub(crate) fn read(shared: &Shared, from: Position, max_bytes: usize) -> Result<Vec<StoredRecord>, ReadError> {
    let mut reading = Reading { from: from.max(Position::FIRST), max_bytes, bytes: 0, records: Vec::new() };
    while reading.wants_more() {
        let next = reading.next();
        let Some(place) = shared.state().place(next) else { break };
        let mut frames = Frames::new(&place.file, place.from.offset, place.end, place.from.position, SCAN_CHUNK);
        if let Err(error) = reading.segment(&mut frames, place.last) {
            if reading.records.is_empty() {
                return Err(error.read_error(&place.file));
            }
            break;
        }
    }
    Ok(reading.records)
}

/// A read under way.
struct Reading {
    from: Position,
    max_bytes: usize,
    bytes: usize,
    records: Vec<StoredRecord>,
}

impl Reading {
    fn wants_more(&self) -> bool {
        self.records.is_empty() || self.bytes <= self.max_bytes
    }

    fn next(&self) -> Position {
        self.records.last().map_or(self.from, |record| record.position.next())
    }

    /// Reads on in one segment, up to its `last` position or until there is enough.
    fn segment(&mut self, frames: &mut Frames<'_>, last: Position) -> Result<(), FrameError> {
        while self.wants_more() && frames.next <= last {
            let wanted = self.max_bytes.saturating_sub(self.bytes);
            frames.chunk_size = wanted.saturating_add(wanted / 16 + MARGIN).min(SCAN_CHUNK);
            let Some(header) = frames.peek()? else {
                let detail = format!("the segment ends before position {last}");
                return Err(FrameError { position: frames.next, offset: frames.offset, detail, io: false });
            };
            let wanted = self.next();
            if header.next() <= wanted {
                frames.skip(&header);
                continue;
            }
            let records = frames.take(&header)?;
            for record in records.into_iter().filter(|record| record.position >= wanted) {
                self.bytes += record.bytes.len();
                self.records.push(record);
            }
        }
        Ok(())
    }
}

/// See [`EventLog::read_selected`](crate::EventLog::read_selected).
pub(crate) fn read_selected(
    shared: &Shared,
    positions: &[Position],
    max_bytes: usize,
) -> Result<Vec<StoredRecord>, ReadError> {
    let mut selecting = Selecting { rest: positions, max_bytes, bytes: 0, records: Vec::new() };
    while let Some(place) = selecting.next().and_then(|next| shared.state().place(next)) {
        if let Err(error) = selecting.segment(shared, &place) {
            if selecting.records.is_empty() {
                return Err(error.read_error(&place.file));
            }
            break;
        }
    }
    Ok(selecting.records)
}

/// What two reads of a selection give together: `first` of `asked` positions, `second` of those behind them.
///
/// # Errors
/// That of the first; the second's is for the next call to find.
pub(crate) fn both(
    first: Result<Vec<StoredRecord>, ReadError>,
    asked: usize,
    second: Result<Vec<StoredRecord>, ReadError>,
    max_bytes: usize,
) -> Result<Vec<StoredRecord>, ReadError> {
    let mut records = first?;
    if records.len() < asked {
        return Ok(records);
    }
    let mut bytes: usize = records.iter().map(|record| record.bytes.len()).sum();
    for record in second.unwrap_or_default() {
        if bytes > max_bytes {
            break;
        }
        bytes += record.bytes.len();
        records.push(record);
    }
    Ok(records)
}

/// A selected read under way.
struct Selecting<'p> {
    rest: &'p [Position],
    max_bytes: usize,
    bytes: usize,
    records: Vec<StoredRecord>,
}

impl Selecting<'_> {
    /// The next position to read, unless there is enough.
    fn next(&self) -> Option<Position> {
        let wants_more = self.records.is_empty() || self.bytes <= self.max_bytes;
        self.rest.first().copied().filter(|_| wants_more)
    }

    /// Reads on in the segment of `place`, where the next position stands.
    fn segment(&mut self, shared: &Shared, place: &Place) -> Result<(), FrameError> {
        let mut frames = Frames::new(&place.file, place.from.offset, place.end, place.from.position, SCAN_CHUNK);
        while let Some(wanted) = self.next().filter(|next| *next <= place.last) {
            if let Some(near) = shared.state().place(wanted).filter(|near| near.file.first == place.file.first) {
                frames.go_on_at(near.from);
                // What lies between two frames whose places are known, and nothing behind.
                let piece = near.behind.saturating_sub(frames.offset);
                frames.chunk_size = piece.min(SCAN_CHUNK as u64) as usize;
            }
            self.frame(&mut frames, wanted)?;
        }
        Ok(())
    }

    /// Hops to the frame of `wanted` and takes what is wanted of it.
    fn frame(&mut self, frames: &mut Frames<'_>, wanted: Position) -> Result<(), FrameError> {
        loop {
            let Some(header) = frames.peek()? else {
                let detail = format!("the segment ends before position {wanted}");
                return Err(FrameError { position: frames.next, offset: frames.offset, detail, io: false });
            };
            if header.next() <= wanted {
                frames.skip(&header);
                continue;
            }
            let taken = frames.take_some(&header, self.rest)?;
            let behind = self.rest.partition_point(|position| *position < header.next());
            self.rest = &self.rest[behind.max(1)..];
            self.bytes += taken.iter().map(|record| record.bytes.len()).sum::<usize>();
            self.records.extend(taken);
            return Ok(());
        }
    }
}

/// Where a key may be on disk: the answer of the indexes in memory.
#[derive(Debug)]
pub(crate) struct Candidates {
    fingerprint: u64,
    active: Vec<Position>,
    sealed: Vec<Arc<Sealed>>,
}

impl Candidates {
    /// Asks the indexes in memory. `Err` is the record itself, if it is accepted but not yet durable.
    pub(crate) fn of(shared: &Shared, key: &Key) -> Result<Self, Box<StoredRecord>> {
        let fingerprint = (shared.options.fingerprint)(key);
        let (active, sealed) = {
            let state = shared.state();
            let (durable, pending): (Vec<_>, Vec<_>) =
                state.active.index.keys.positions(fingerprint).into_iter().partition(|one| *one <= state.durable);
            if let Some(record) = pending.into_iter().find_map(|position| state.pending(position, key)) {
                return Err(Box::new(record));
            }
            (durable, Arc::clone(&state.sealed))
        };
        // The newest first: what is looked up is most often a retry of something recent.
        let probe = Probe::of(fingerprint);
        let possible = sealed.iter().rev().filter(|sealed| sealed.may_contain(&probe));
        Ok(Self { fingerprint, active, sealed: possible.map(Arc::clone).collect() })
    }

    /// Certain that the key is nowhere.
    pub(crate) fn is_empty(&self) -> bool {
        self.active.is_empty() && self.sealed.is_empty()
    }

    /// Looks the candidates up on disk and compares whole keys. A companion that cannot be trusted proves nothing: it
    /// is made again from its segment first, and where that is damaged too, nobody can say that the key is not there.
    pub(crate) fn confirm(self, shared: &Shared, key: &Key) -> Result<Option<StoredRecord>, ReadError> {
        if let Some(record) = confirm(shared, key, self.active)? {
            return Ok(Some(record));
        }
        for sealed in self.sealed {
            let positions = match sealed.positions(self.fingerprint) {
                Ok(positions) => positions,
                Err(doubt) => mended_positions(shared, &sealed, self.fingerprint, &doubt)?,
            };
            if let Some(record) = confirm(shared, key, positions)? {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }
}

fn mended_positions(
    shared: &Shared,
    sealed: &Arc<Sealed>,
    fingerprint: u64,
    doubt: &str,
) -> Result<Vec<Position>, ReadError> {
    let mended = mend(shared, sealed, doubt)?;
    mended.positions(fingerprint).map_err(|doubt| ReadError::Io(format!("{}: {doubt}", sealed.companion().display())))
}

fn confirm(shared: &Shared, key: &Key, positions: Vec<Position>) -> Result<Option<StoredRecord>, ReadError> {
    for position in positions {
        let record = record_at(shared, position)?;
        if let Some(record) = record.filter(|record| record.key == *key) {
            return Ok(Some(record));
        }
    }
    Ok(None)
}

/// The one record at `position`.
fn record_at(shared: &Shared, position: Position) -> Result<Option<StoredRecord>, ReadError> {
    Ok(read_selected(shared, &[position], 0)?.pop())
}
