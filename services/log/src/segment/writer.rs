//! The writer: one thread per log. Takes everything that is queued, writes it in one piece, syncs once, publishes the
//! durable head, answers everybody.
//!
//! ```text
//! append ──▶ queue ──▶ [ drain ▸ roll? ▸ encode ▸ write ▸ fdatasync ▸ publish ▸ answer ] ──▶ …
//!                        └── idle for 100 ms: durable mark       any error: poisoned, never retried
//! ```
//!
//! It must not know callers, nor decide anything about a batch: it was accepted by `append`, under the fence.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use metrics::{Histogram, histogram};
use tokio::sync::oneshot;

use super::disk::{SegmentFile, open_rw, put_file};
use super::frame::{FrameHeader, encode_submission, submission_bytes};
use super::header::{HEADER_BYTES, SegmentHeader, segment_name};
use super::index::SegmentIndex;
use super::sealed::{Sealed, SealedIndex, write_companion};
use super::state::{Active, Published, Shared, State};
use crate::admission::Appended;
use crate::contract::{AppendError, AppendOutcome};
use crate::identity::Position;
use crate::record::Batch;

/// A write buffer that has grown larger than this is given back after the group.
const BUFFER_KEPT: usize = 16 * 1024 * 1024;

/// A batch that has its place in the order, and whoever waits for it.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) first: Position,
    pub(crate) batch: Batch,
    pub(crate) waiter: oneshot::Sender<Appended>,
}

impl Queued {
    fn bytes(&self) -> u64 {
        self.batch.submissions.iter().map(|submission| submission_bytes(submission) as u64).sum()
    }

    fn last(&self) -> Position {
        Position(self.first.0 + self.batch.record_count() as u64 - 1)
    }

    /// Answers. Nobody may be waiting any more; that is their choice.
    fn answer(self, answer: Appended) {
        let _ = self.waiter.send(answer);
    }
}

/// What the thread does next.
enum Next {
    Group(Vec<Queued>),
    Mark,
    End,
}

/// The thread's own state.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    queue: Receiver<Queued>,
    file: Arc<SegmentFile>,
    /// Where the next frame goes.
    end: u64,
    /// Everything before this position is durable.
    next: Position,
    /// Recorded time of the last submission.
    recorded_time_us: i64,
    /// When the last group, which no frame or mark proves durable yet, was synced.
    unproven_since: Option<Instant>,
    /// Taken from the queue, but did not fit into the group.
    carried: Option<Queued>,
    buffer: Vec<u8>,
    /// Writes the companion of the segment before.
    sealer: Option<JoinHandle<()>>,
    /// Whether the thread ended in order; if not it panicked.
    ended: bool,
    /// How long syncs take.
    syncs: Histogram,
}

impl Writer {
    /// A writer that goes on at the end of what `shared` holds.
    pub(crate) fn new(shared: &Arc<Shared>, queue: Receiver<Queued>, recorded_time_us: i64, unproven: bool) -> Self {
        let state = shared.state();
        Self {
            shared: Arc::clone(shared),
            queue,
            file: Arc::clone(&state.active.file),
            end: state.active.end,
            next: state.durable.next(),
            recorded_time_us,
            unproven_since: unproven.then(Instant::now),
            carried: None,
            buffer: Vec::new(),
            sealer: None,
            ended: false,
            syncs: histogram!("songhua_log_sync_seconds"),
        }
    }

    /// Runs until the queue is closed and empty, or until something fails.
    pub(crate) fn run(mut self) {
        loop {
            match self.next() {
                Next::Group(group) => {
                    if !self.commit(group) {
                        break;
                    }
                }
                Next::Mark => {
                    if let Err(error) = self.mark() {
                        self.poison("write of a durable mark", &error);
                        break;
                    }
                }
                Next::End => break,
            }
        }
        self.join_sealer();
        self.ended = true;
    }

    fn next(&mut self) -> Next {
        let first = match self.carried.take() {
            Some(carried) => carried,
            None => match self.receive() {
                Ok(first) => first,
                Err(RecvTimeoutError::Timeout) => return Next::Mark,
                Err(RecvTimeoutError::Disconnected) => return self.last_mark(),
            },
        };
        let options = &self.shared.options;
        let begun = if self.rolls_for(&first) { HEADER_BYTES } else { self.end };
        let mut bytes = first.bytes();
        let mut group = vec![first];
        while let Ok(queued) = self.queue.try_recv() {
            let more = bytes + queued.bytes();
            if more > options.group_bytes_max || begun + more > options.segment_bytes_max {
                self.carried = Some(queued);
                break;
            }
            bytes = more;
            group.push(queued);
        }
        Next::Group(group)
    }

    fn receive(&self) -> Result<Queued, RecvTimeoutError> {
        let Some(since) = self.unproven_since else {
            return self.queue.recv().map_err(|_| RecvTimeoutError::Disconnected);
        };
        let wait: Duration = self.shared.options.mark_after.saturating_sub(since.elapsed());
        self.queue.recv_timeout(wait)
    }

    /// At a clean shutdown the last group gets its mark at once; a mere drop is as good as a crash.
    fn last_mark(&self) -> Next {
        let clean = self.shared.state().closed;
        if clean && self.unproven_since.is_some() { Next::Mark } else { Next::End }
    }

    fn mark(&mut self) -> io::Result<()> {
        let mark = FrameHeader::mark(self.next, self.recorded_time_us).encode();
        self.shared.options.disk.write_at(&self.file.file, &mark, self.end)?;
        self.end += mark.len() as u64;
        self.unproven_since = None;
        Ok(())
    }

    fn rolls_for(&self, queued: &Queued) -> bool {
        self.next > self.file.first && self.end + queued.bytes() > self.shared.options.segment_bytes_max
    }

    /// Makes a group durable and answers it. `false` when that failed: then everybody was told.
    fn commit(&mut self, group: Vec<Queued>) -> bool {
        let (what, done) = match group.first() {
            Some(first) if self.rolls_for(first) => ("begin of the next segment", self.roll()),
            _ => ("", Ok(())),
        };
        let written = done.map_err(|error| (what, error)).and_then(|()| self.write(&group));
        if let Err((what, error)) = written {
            let reason = self.poison(what, &error);
            for queued in group {
                queued.answer(Err(AppendError::ReadOnly { reason: reason.clone() }));
            }
            return false;
        }
        self.publish(&group);
        for queued in group {
            let outcome = AppendOutcome::Stored { first: queued.first, last: queued.last() };
            queued.answer(Ok(outcome));
        }
        true
    }

    /// One write, one sync.
    fn write(&mut self, group: &[Queued]) -> Result<(), (&'static str, io::Error)> {
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER_KEPT);
        let durable = Position(self.next.0 - 1);
        for queued in group {
            let mut first = queued.first;
            let last = queued.batch.submissions.len() - 1;
            for (index, submission) in queued.batch.submissions.iter().enumerate() {
                encode_submission(&mut self.buffer, submission, first, durable, index < last);
                first = first.plus(submission.records.len() as u64);
            }
        }
        let disk = &self.shared.options.disk;
        disk.write_at(&self.file.file, &self.buffer, self.end).map_err(|error| ("write", error))?;
        let begun = Instant::now();
        disk.sync(&self.file.file).map_err(|error| ("sync", error))?;
        self.syncs.record(begun.elapsed());
        Ok(())
    }

    /// Moves the durable head over the group that was just synced.
    fn publish(&mut self, group: &[Queued]) {
        let (frames, fingerprints) = self.index(group);
        let durable = group.last().map_or(Position(self.next.0 - 1), Queued::last);
        let mut state = self.shared.state();
        let mut fingerprints = &fingerprints[..];
        for (offset, header) in &frames {
            let (own, rest) = fingerprints.split_at(usize::from(header.records));
            state.active.index.enter(*offset, header, own);
            fingerprints = rest;
        }
        let records = group.iter().flat_map(|queued| &queued.batch.submissions).flat_map(|one| &one.records);
        for record in records {
            state.pending.remove(&record.key);
        }
        self.end += self.buffer.len() as u64;
        state.active.end = self.end;
        state.durable = durable;
        drop(state);
        self.next = durable.next();
        self.recorded_time_us = frames.last().map_or(self.recorded_time_us, |(_, header)| header.recorded_time_us);
        self.unproven_since = Some(Instant::now());
        self.shared.published.send_modify(|published| published.durable = durable);
    }

    /// Offsets and headers of the frames in the buffer, and the fingerprints of all their records: made outside the
    /// lock.
    fn index(&self, group: &[Queued]) -> (Vec<(u64, FrameHeader)>, Vec<u64>) {
        let (mut frames, mut fingerprints, mut at) = (Vec::new(), Vec::new(), 0);
        while let Some(header) = FrameHeader::decode(&self.buffer[at..]) {
            frames.push((self.end + at as u64, header));
            at += header.frame_bytes() as usize;
        }
        let submissions = group.iter().flat_map(|queued| &queued.batch.submissions);
        for submission in submissions {
            fingerprints.extend(submission.records.iter().map(|record| (self.shared.options.fingerprint)(&record.key)));
        }
        (frames, fingerprints)
    }

    /// Seals the active segment and begins the next one. Everything in the sealed one is durable already; the next
    /// one's existence proves it. The companion follows on a thread of its own.
    fn roll(&mut self) -> io::Result<()> {
        let (shared, disk) = (Arc::clone(&self.shared), Arc::clone(&self.shared.options.disk));
        let path = shared.directory.join(segment_name(self.next));
        let header = SegmentHeader { identity: shared.identity, first: self.next };
        put_file(&*disk, &path, &header.encode())?;
        let file = Arc::new(SegmentFile { first: self.next, file: open_rw(&path)?, path });

        let mut state = shared.state();
        let State { sealed, active, .. } = &mut *state;
        let next = Active { file: Arc::clone(&file), end: HEADER_BYTES, index: SegmentIndex::default() };
        let full = std::mem::replace(active, next);
        let (last, index) = (Position(self.next.0 - 1), SealedIndex::Memory(full.index));
        let full = Arc::new(Sealed { file: full.file, last, bytes: self.end, index });
        Arc::make_mut(sealed).push(Arc::clone(&full));
        drop(state);
        (self.file, self.end, self.unproven_since) = (file, HEADER_BYTES, None);
        self.join_sealer();
        self.sealer = write_companion(&shared, full).inspect_err(|error| tracing::warn!(%error, "no sealer")).ok();
        Ok(())
    }

    /// One companion at a time: a disk that cannot keep up slows the log down instead of filling the memory.
    fn join_sealer(&mut self) {
        if self.sealer.take().is_some_and(|sealer| sealer.join().is_err()) {
            tracing::error!("log sealer thread panicked; the next open makes the companion");
        }
    }

    /// Makes the log read-only and answers everybody who is still queued. Returns the reason.
    fn poison(&mut self, what: &str, error: &io::Error) -> String {
        let (file, end, durable) = (self.file.path.display(), self.end, Position(self.next.0 - 1));
        let reason = format!(
            "{what} failed in {file} at byte {end}: {error}; appends stop at durable head {durable}: \
             check the disk, then restart"
        );
        tracing::error!(%reason, "log is read-only");
        self.refuse_queue(&reason);
        reason
    }

    fn refuse_queue(&mut self, reason: &str) {
        self.shared.poison(reason);
        for queued in self.carried.take().into_iter().chain(self.queue.try_iter()) {
            queued.answer(Err(AppendError::ReadOnly { reason: reason.to_owned() }));
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.ended {
            self.refuse_queue("the log's writer thread panicked: report it, then restart");
        }
    }
}

/// The answer when the writer is gone without one.
pub(crate) fn unanswered() -> AppendError {
    AppendError::ReadOnly { reason: "the log's writer thread ended without an answer; restart".to_owned() }
}

/// Says goodbye to those who wait for positions that will not come.
pub(crate) fn publish_closed(shared: &Shared) {
    shared.published.send_modify(|published: &mut Published| published.closed = true);
}
