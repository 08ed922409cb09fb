//! What the handle, the writer thread and reads share, under one lock.
//!
//! Place in the flow: `append` takes its place here, the writer publishes here what is durable, reads and `find` look
//! up here where to read. The lock is never held over IO, and an event costs it one insert.
//!
//! It must not know how frames are written or read.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};

use tokio::sync::watch;

use super::disk::SegmentFile;
use super::frame::FrameHeader;
use super::index::{Fingerprint, SegmentIndex, SparseEntry, SparseIndex};
use super::lock::DirectoryLock;
use super::options::SegmentOptions;
use super::sealed::Sealed;
use super::writer::Queued;
use crate::admission::Fence;
use crate::identity::{Identity, Position};
use crate::record::{Batch, Key, StoredRecord, Submission};

/// The segment at the end of the log.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) file: Arc<SegmentFile>,
    /// Durable frames end here.
    pub(crate) end: u64,
    /// Frames: durable ones only. Keys: also those that are accepted and not durable yet.
    pub(crate) index: SegmentIndex,
}

/// About what a record takes in memory besides its bytes.
const RECORD_MEMORY: usize = 64;

/// A batch that has its place in the order.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) first: Position,
    pub(crate) last: Position,
    /// About what all records take in memory.
    bytes: usize,
    batch: Batch,
    fingerprints: Vec<u64>,
}

impl Accepted {
    /// `batch`, whose first record will stand at `first`.
    pub(crate) fn new(first: Position, batch: Batch, fingerprint: Fingerprint) -> Self {
        let records = batch.submissions.iter().flat_map(|submission| &submission.records);
        let bytes = records.clone().map(|record| record.bytes.len() + RECORD_MEMORY).sum();
        let fingerprints: Vec<u64> = records.map(|record| fingerprint(&record.key)).collect();
        Self { first, last: Position(first.0 + fingerprints.len() as u64 - 1), bytes, batch, fingerprints }
    }

    /// Its submissions with their first positions.
    fn submissions(&self) -> impl Iterator<Item = (Position, &Submission)> {
        let mut next = self.first;
        self.batch.submissions.iter().map(move |submission| {
            let first = next;
            next = first.plus(submission.records.len() as u64);
            (first, submission)
        })
    }

    /// The record at `position` as it will stand in the log.
    fn record(&self, position: Position) -> Option<StoredRecord> {
        let (first, submission) = self.submissions().take_while(|(first, _)| *first <= position).last()?;
        stored(first, submission).nth(position.0.checked_sub(first.0)? as usize)
    }
}

/// The records of a submission as they stand in the log from `first` on.
fn stored(first: Position, submission: &Submission) -> impl Iterator<Item = StoredRecord> + '_ {
    let last = Position(first.0 + submission.records.len() as u64 - 1);
    submission.records.iter().zip(first.0..).map(move |(record, position)| StoredRecord {
        position: Position(position),
        submission_first: first,
        submission_last: last,
        recorded_time_us: submission.recorded_time_us,
        key: record.key,
        bytes: record.bytes.clone(),
    })
}

/// The end of the log in memory, so that whoever follows it does not read from the disk what was written a moment ago.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    batches: VecDeque<Arc<Accepted>>,
    bytes: usize,
}

impl Recent {
    /// Takes what has become durable; gives back what there is no room for, for the caller to drop without the lock.
    fn push(&mut self, durable: impl Iterator<Item = Arc<Accepted>>, bytes_max: usize) -> Vec<Arc<Accepted>> {
        for accepted in durable {
            self.bytes += accepted.bytes;
            self.batches.push_back(accepted);
        }
        let mut old = Vec::new();
        while self.bytes > bytes_max
            && let Some(accepted) = self.batches.pop_front()
        {
            self.bytes -= accepted.bytes;
            old.push(accepted);
        }
        old
    }

    /// The batches from the one with `from` on, as many as it takes to exceed `max_bytes`; none if `from` is not here.
    pub(crate) fn from(&self, from: Position, max_bytes: usize) -> Vec<Arc<Accepted>> {
        if self.batches.front().is_none_or(|oldest| from < oldest.first) {
            return Vec::new();
        }
        let behind = self.batches.iter().skip(self.batches.partition_point(|accepted| accepted.last < from));
        let mut bytes = 0_usize;
        let wanted = behind.take_while(|accepted| {
            let wanted = bytes <= max_bytes;
            bytes = bytes.saturating_add(accepted.bytes);
            wanted
        });
        wanted.map(Arc::clone).collect()
    }
}

/// The records of `batches` from `from` on, by whole submissions until `max_bytes` are exceeded.
pub(crate) fn records(batches: &[Arc<Accepted>], from: Position, max_bytes: usize) -> Vec<StoredRecord> {
    let (mut found, mut bytes) = (Vec::new(), 0);
    for (first, submission) in batches.iter().flat_map(|accepted| accepted.submissions()) {
        if !found.is_empty() && bytes > max_bytes {
            break;
        }
        for record in stored(first, submission).filter(|record| record.position >= from) {
            bytes += record.bytes.len();
            found.push(record);
        }
    }
    found
}

/// The part that changes.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) written: Position,
    pub(crate) durable: Position,
    /// How often `written` fell back.
    pub(crate) given_up: u64,
    /// Accepted, not yet durable, in order.
    pub(crate) pending: VecDeque<Arc<Accepted>>,
    /// The last that became durable.
    pub(crate) recent: Recent,
    /// Copied when it changes while somebody reads it, so that readers can keep what they see.
    pub(crate) sealed: Arc<Vec<Arc<Sealed>>>,
    pub(crate) active: Active,
    pub(crate) read_only: Option<String>,
    /// Why the last batch found no room, until one is stored again.
    pub(crate) refusing: Option<String>,
    /// To the writer thread; `None` once the log is closed or read-only.
    pub(crate) queue: Option<mpsc::Sender<Queued>>,
    /// Set by `close`, not by a mere drop: the writer then ends with a mark.
    pub(crate) closed: bool,
    /// Given back at close, once the writer, which holds it too, has ended.
    pub(crate) lock: Option<Arc<DirectoryLock>>,
}

/// What `wait` waits for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Published {
    pub(crate) durable: Position,
    pub(crate) closed: bool,
}

/// Shared by the handle, the writer thread, and reads under way.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) identity: Identity,
    pub(crate) directory: PathBuf,
    pub(crate) options: SegmentOptions,
    pub(crate) fence: Fence,
    pub(crate) state: Mutex<State>,
    pub(crate) published: watch::Sender<Published>,
}

/// Where to read a position: begin at `from` and go on to `end`.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) file: Arc<SegmentFile>,
    pub(crate) from: SparseEntry,
    /// Where the next frame begins whose place is known, or the end: the position stands before.
    pub(crate) behind: u64,
    pub(crate) end: u64,
    /// Last position in this segment that may be served.
    pub(crate) last: Position,
}

impl Shared {
    /// The state. A panic under the lock leaves nothing half done that a reader could be misled by, so its poison is
    /// passed over; the writer's own panic makes the log read-only.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops all appends for good, and says why. What was accepted and is not durable is no longer found.
    pub(crate) fn poison(&self, reason: &str) {
        let mut state = self.state();
        if state.read_only.is_none() {
            state.read_only = Some(reason.to_owned());
        }
        state.queue = None;
        state.pending.clear();
    }
}

impl State {
    /// Gives a batch its place behind what is written.
    pub(crate) fn accept(&mut self, accepted: Arc<Accepted>) {
        self.written = accepted.last;
        self.active.index.enter_keys(accepted.first, &accepted.fingerprints);
        self.pending.push_back(accepted);
    }

    /// Makes everything up to `durable` durable; its `frames` end at `end`. Of it and what is in memory, `recent_max` bytes
    /// are kept; the rest is for the caller to drop, without the lock.
    pub(crate) fn publish(
        &mut self,
        durable: Position,
        frames: &[(u64, FrameHeader)],
        end: u64,
        recent_max: usize,
    ) -> Vec<Arc<Accepted>> {
        for (offset, header) in frames {
            self.active.index.enter_frame(*offset, header);
        }
        (self.active.end, self.durable, self.refusing) = (end, durable, None);
        let behind = self.pending.partition_point(|accepted| accepted.last <= durable);
        self.recent.push(self.pending.drain(..behind), recent_max)
    }

    /// Forgets everything that is accepted and not durable: it never happened.
    pub(crate) fn give_up(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        let fingerprints = pending.iter().flat_map(|accepted| &accepted.fingerprints).copied();
        self.active.index.keys.take_out(self.durable.next(), fingerprints);
        self.written = self.durable;
        self.given_up += 1;
    }

    /// Seals the active segment, whose frames are all durable, and goes on in `file`, whose first frame will stand at
    /// `end`.
    pub(crate) fn seal(&mut self, file: Arc<SegmentFile>, end: u64) -> Active {
        let mut index = SegmentIndex::default();
        for accepted in &self.pending {
            index.enter_keys(accepted.first, &accepted.fingerprints);
        }
        let mut full = std::mem::replace(&mut self.active, Active { file, end, index });
        let pending = self.pending.iter().flat_map(|accepted| &accepted.fingerprints).copied();
        full.index.keys.take_out(self.durable.next(), pending);
        full
    }

    /// The record with `key` at `position`, which is accepted and not durable yet.
    pub(crate) fn pending(&self, position: Position, key: &Key) -> Option<StoredRecord> {
        let at = self.pending.partition_point(|accepted| accepted.last < position);
        self.pending.get(at)?.record(position).filter(|record| record.key == *key)
    }

    /// Where `position` stands; `None` beyond the durable head.
    pub(crate) fn place(&self, position: Position) -> Option<Place> {
        if position > self.durable {
            return None;
        }
        if position >= self.active.file.first {
            let active = &self.active;
            return place(&active.file, &active.index.sparse, position, active.end, self.durable);
        }
        let behind = self.sealed.partition_point(|sealed| sealed.file.first <= position);
        let sealed = self.sealed.get(behind.checked_sub(1)?)?;
        place(&sealed.file, sealed.sparse(), position, sealed.bytes, sealed.last)
    }
}

fn place(file: &Arc<SegmentFile>, sparse: &SparseIndex, position: Position, end: u64, last: Position) -> Option<Place> {
    let (from, behind) = sparse.around(position)?;
    Some(Place { file: Arc::clone(file), from, behind: behind.map_or(end, |behind| behind.offset), end, last })
}
