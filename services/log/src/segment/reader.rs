//! Reads by position and by key.
//!
//! Place in the flow: under `EventLog::read` and `EventLog::find`, on a blocking thread. Looks up a place under the
//! lock, then reads without it: bytes behind the durable head never change.
//!
//! It must not know the writer.

use std::sync::Arc;

use bytes::Bytes;

use super::frames::{FrameError, Frames, SCAN_CHUNK};
use super::index::SPARSE_EVERY;
use super::sealed::Sealed;
use super::state::Shared;
use crate::contract::ReadError;
use crate::identity::Position;
use crate::record::{Key, StoredRecord};

/// See [`EventLog::read`](crate::EventLog::read).
pub(crate) fn read(shared: &Shared, from: Position, max_bytes: usize) -> Result<Vec<StoredRecord>, ReadError> {
    let mut reading = Reading { from: from.max(Position::FIRST), max_bytes, bytes: 0, records: Vec::new() };
    while reading.wants_more() {
        let next = reading.next();
        let Some(place) = shared.state().place(next) else { break };
        let chunk = max_bytes.saturating_add(SPARSE_EVERY as usize).min(SCAN_CHUNK);
        let mut frames = Frames::new(&place.file, place.from.offset, place.end, place.from.position, chunk);
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
            if let Some(record) = state.pending.get(key) {
                return Err(Box::new(record.clone()));
            }
            (state.active.index.keys.positions(fingerprint), Arc::clone(&state.sealed))
        };
        // The newest first: what is looked up is most often a retry of something recent.
        let possible = sealed.iter().rev().filter(|sealed| sealed.may_contain(fingerprint));
        Ok(Self { fingerprint, active, sealed: possible.map(Arc::clone).collect() })
    }

    /// Certain that the key is nowhere.
    pub(crate) fn is_empty(&self) -> bool {
        self.active.is_empty() && self.sealed.is_empty()
    }

    /// Looks the candidates up on disk and compares whole keys.
    pub(crate) fn confirm(self, shared: &Shared, key: &Key) -> Result<Option<StoredRecord>, ReadError> {
        if let Some(record) = confirm(shared, key, self.active)? {
            return Ok(Some(record));
        }
        for sealed in self.sealed {
            let positions = sealed.positions(self.fingerprint).map_err(|error| {
                ReadError::Io(format!("companion of {}: {error}; restart to rebuild it", sealed.file.path.display()))
            })?;
            if let Some(record) = confirm(shared, key, positions)? {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }
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

/// The one record at `position`, with bytes of its own: a single record must not keep a whole chunk in memory.
fn record_at(shared: &Shared, position: Position) -> Result<Option<StoredRecord>, ReadError> {
    let Some(place) = shared.state().place(position) else { return Ok(None) };
    let chunk = SPARSE_EVERY as usize;
    let mut frames = Frames::new(&place.file, place.from.offset, place.end, place.from.position, chunk);
    let found = (|| {
        while let Some(header) = frames.peek()? {
            if header.next() > position {
                return frames.take(&header);
            }
            frames.skip(&header);
        }
        Ok(Vec::new())
    })();
    let records = found.map_err(|error| error.read_error(&place.file))?;
    let record = records.into_iter().find(|record| record.position == position);
    Ok(record.map(|record| StoredRecord { bytes: Bytes::copy_from_slice(&record.bytes), ..record }))
}
