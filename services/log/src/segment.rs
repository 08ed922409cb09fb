//! The log in segment files: the embedded backend, and the one that keeps the truth. Layout and rules: `FORMAT.md`.
//!
//! ```text
//! append ─ fence, place in the order ─▶ queue ─▶ writer thread: write, fdatasync ─▶ answer, durable head
//! read, find ◀─ pread, every checksum verified ─ segments
//! ```
//!
//! Place in the flow: opened by the binary, once per plan and once for the system log; ingest appends, followers read.
//!
//! It must not know what a record means.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

use futures::future::BoxFuture;
use tokio::sync::{oneshot, watch};

use crate::admission::{Answer, Appended, Fence, check_batch};
use crate::contract::{AppendError, EventLog, Heads, ReadError};
use crate::identity::{Identity, Position};
use crate::record::{Batch, Key, StoredRecord};

mod bytes;
pub(crate) mod companion;
pub(crate) mod disk;
mod error;
mod evidence;
pub(crate) mod frame;
pub(crate) mod frames;
pub(crate) mod header;
pub(crate) mod index;
pub(crate) mod lock;
mod options;
mod reader;
pub(crate) mod recovery;
mod room;
pub(crate) mod scan;
mod scrub;
mod sealed;
mod state;
mod writer;

#[cfg(test)]
mod tests;

pub use error::OpenError;
pub use evidence::Evidence;
pub use options::SegmentOptions;
pub use recovery::{Cut, OpenReport};
pub use scrub::ScrubReport;

use disk::{RealDisk, put_file, sync_directory};
use frame::Encoded;
use header::{SegmentHeader, segment_name};
use lock::DirectoryLock;
use reader::Candidates;
use scrub::Scrub;
use state::{Accepted, Published, Shared, State};
use writer::{Queued, Writer};

/// Selections of so many records are read in two halves at once.
const HALVED_FROM: usize = 64;

/// Most records of one batch.
pub const BATCH_RECORDS_MAX: usize = 4_096;

/// An append-only log in a directory of segment files, with this handle as its only writer.
///
/// [`append`](EventLog::append) never waits: what it accepts is queued in memory. So whoever calls it bounds what is
/// under way; [`SegmentLog::queued_records`] tells how much that is.
///
/// Dropping the handle writes what was accepted and ends the writer thread, but leaves no durable mark: end with
/// [`SegmentLog::close`].
#[derive(Debug)]
pub struct SegmentLog {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
    scrub: Mutex<Option<Scrub>>,
}

impl SegmentLog {
    /// Creates an empty log in `directory`, which is made if it is missing (mode 0700; files 0600).
    ///
    /// # Errors
    /// [`OpenError::Exists`] if there is a log already; [`OpenError::Locked`], [`OpenError::Io`].
    pub fn create(directory: &Path, identity: Identity) -> Result<(), OpenError> {
        let failed = |error: std::io::Error| OpenError::io(directory, &error);
        create_directory(directory).map_err(failed)?;
        let _lock = DirectoryLock::take(directory)?;
        if !recovery::segments_in(directory)?.is_empty() {
            return Err(OpenError::Exists { directory: directory.to_owned() });
        }
        let header = SegmentHeader { identity, first: Position::FIRST };
        put_file(&RealDisk, &directory.join(segment_name(Position::FIRST)), &header.encode()).map_err(failed)
    }

    /// Opens the log in `directory`: takes its lock, checks it, cuts a torn tail, and starts the writer thread. Blocks
    /// while the active segment is read.
    ///
    /// Damage of records that may have been acknowledged does not fail: the log opens read-only, and the report and
    /// [`EventLog::read_only`] say why.
    ///
    /// # Errors
    /// See [`OpenError`]; nothing was changed.
    pub fn open(directory: &Path, options: SegmentOptions) -> Result<(Self, OpenReport), OpenError> {
        if recovery::segments_in(directory)?.is_empty() {
            return Err(OpenError::NoLog { directory: directory.to_owned() });
        }
        let lock = DirectoryLock::take(directory)?;
        let recovered = recovery::recover(directory, &options)?;
        let report = recovered.report.clone();
        report_to_log(directory, &report);
        let (sender, receiver) = mpsc::channel();
        let state = State {
            written: report.head,
            durable: report.head,
            given_up: 0,
            pending: std::collections::VecDeque::new(),
            recent: state::Recent::default(),
            sealed: Arc::new(recovered.sealed),
            active: recovered.active,
            read_only: report.read_only.clone(),
            refusing: None,
            queue: report.read_only.is_none().then_some(sender),
            closed: false,
            lock: Some(Arc::new(lock)),
        };
        let shared = Arc::new(Shared {
            identity: recovered.identity,
            directory: directory.to_owned(),
            options,
            fence: Fence::default(),
            state: Mutex::new(state),
            published: watch::Sender::new(Published { durable: report.head, closed: false }),
        });
        let writer = if report.read_only.is_none() {
            let writer = Writer::new(&shared, receiver, recovered.recorded_time_us, recovered.unproven);
            let thread = std::thread::Builder::new().name("log-writer".to_owned());
            Some(thread.spawn(move || writer.run()).map_err(|error| OpenError::io(directory, &error))?)
        } else {
            None
        };
        Ok((Self { shared, writer: Mutex::new(writer), scrub: Mutex::default() }, report))
    }

    /// Opens the log in `directory`, and creates it first if there is none. `identity` is only that of a new log; an
    /// existing one keeps its own.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_or_create(
        directory: &Path,
        identity: Identity,
        options: SegmentOptions,
    ) -> Result<(Self, OpenReport), OpenError> {
        match Self::open(directory, options.clone()) {
            Err(OpenError::NoLog { .. }) => {
                Self::create(directory, identity)?;
                Self::open(directory, options)
            }
            opened => opened,
        }
    }

    /// Ends in order: takes no more appends, makes durable what was accepted, leaves a durable mark, gives the lock
    /// back, and releases everybody who waits. Reads go on. Idempotent.
    pub async fn close(&self) {
        self.shared.state().closed = true;
        let (scrub, writer) = (self.take_scrub(), self.end_queue());
        // The thread ends after one more sync at most; a runtime thread must not stand still for it.
        let ended = off_thread(move || {
            drop(scrub);
            writer.map(JoinHandle::join)
        });
        let ended = ended.await;
        if matches!(ended, Some(Err(_))) {
            tracing::error!("log writer thread panicked before close");
        }
        self.shared.state().lock = None;
        writer::publish_closed(&self.shared);
    }

    /// Why the last batch found no room, while none was stored since. Writes are tried all the same.
    pub fn refusing(&self) -> Option<String> {
        self.shared.state().refusing.clone()
    }

    /// Records that were accepted and are not durable yet.
    pub fn queued_records(&self) -> u64 {
        let heads = self.heads();
        heads.written.0 - heads.durable.0
    }

    /// Begins to read sealed segments over and over, at so many bytes a second (at least 1), to find rot early; of the
    /// logs of a process one at a time. Ends with the handle, or at [`close`](Self::close).
    ///
    /// # Errors
    /// The operating system has no thread for it.
    pub fn scrub(&self, bytes_per_second: u64) -> std::io::Result<()> {
        let scrub = Scrub::start(&self.shared, bytes_per_second.max(1), scrub::PAUSE)?;
        *self.scrub.lock().unwrap_or_else(PoisonError::into_inner) = Some(scrub);
        Ok(())
    }

    /// What the scrub has done and found; nothing if it was not begun.
    pub fn scrub_report(&self) -> ScrubReport {
        let scrub = self.scrub.lock().unwrap_or_else(PoisonError::into_inner);
        scrub.as_ref().map(Scrub::report).unwrap_or_default()
    }

    fn take_scrub(&self) -> Option<Scrub> {
        self.scrub.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn end_queue(&self) -> Option<JoinHandle<()>> {
        self.shared.state().queue = None;
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for SegmentLog {
    fn drop(&mut self) {
        drop(self.take_scrub());
        if let Some(writer) = self.end_queue() {
            // A panicked writer has made the log read-only and said so.
            let _ = writer.join();
        }
        self.shared.state().lock = None;
        writer::publish_closed(&self.shared);
    }
}

impl EventLog for SegmentLog {
    fn identity(&self) -> Identity {
        self.shared.identity
    }

    fn max_batch(&self) -> usize {
        BATCH_RECORDS_MAX
    }

    fn exclusive_writer(&self) -> bool {
        true
    }

    fn append(&self, expected_head: Position, batch: Batch) -> BoxFuture<'static, Appended> {
        match self.accept(expected_head, batch) {
            Ok(Ok(Waiting { answer, accepted })) => Box::pin(async move {
                let answer = answer.await.map_or_else(|_| Err(writer::unanswered()), Answer::take);
                // Here, so that the writer need not: it has the next group to write.
                drop(accepted);
                answer
            }),
            Ok(Err(conflict)) => conflict,
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }

    fn read(&self, from: Position, max_bytes: usize) -> BoxFuture<'_, Result<Vec<StoredRecord>, ReadError>> {
        let recent = {
            let state = self.shared.state();
            if from.max(Position::FIRST) > state.durable {
                return Box::pin(std::future::ready(Ok(Vec::new())));
            }
            state.recent.from(from, max_bytes)
        };
        if !recent.is_empty() {
            return Box::pin(std::future::ready(Ok(state::records(&recent, from, max_bytes))));
        }
        let shared = Arc::clone(&self.shared);
        Box::pin(off_thread(move || reader::read(&shared, from, max_bytes)))
    }

    fn read_selected(
        &self,
        mut positions: Vec<Position>,
        max_bytes: usize,
    ) -> BoxFuture<'_, Result<Vec<StoredRecord>, ReadError>> {
        // Many places wait for the disk and take a processor for their checksums: two halves at once.
        let asked = if positions.len() < HALVED_FROM { positions.len() } else { positions.len() / 2 };
        let behind = positions.split_off(asked);
        let half = |positions: Vec<Position>| {
            let shared = Arc::clone(&self.shared);
            off_thread(move || reader::read_selected(&shared, &positions, max_bytes))
        };
        let first = half(positions);
        if behind.is_empty() {
            return Box::pin(first);
        }
        let second = half(behind);
        Box::pin(async move {
            let (first, second) = futures::join!(first, second);
            reader::both(first, asked, second, max_bytes)
        })
    }

    fn find(&self, key: &Key) -> BoxFuture<'_, Result<Option<StoredRecord>, ReadError>> {
        // Most lookups are of new keys, and are answered here from memory.
        match Candidates::of(&self.shared, key) {
            Err(pending) => Box::pin(std::future::ready(Ok(Some(*pending)))),
            Ok(candidates) if candidates.is_empty() => Box::pin(std::future::ready(Ok(None))),
            Ok(candidates) => {
                let (shared, key) = (Arc::clone(&self.shared), *key);
                Box::pin(off_thread(move || candidates.confirm(&shared, &key)))
            }
        }
    }

    fn heads(&self) -> Heads {
        let state = self.shared.state();
        Heads { written: state.written, durable: state.durable }
    }

    fn wait(&self, position: Position) -> BoxFuture<'_, Heads> {
        Box::pin(async move {
            let mut published = self.shared.published.subscribe();
            // Fails only when the sender is gone, and `self` holds it.
            let _ = published.wait_for(|now| now.closed || now.durable >= position).await;
            self.heads()
        })
    }

    fn read_only(&self) -> Option<String> {
        self.shared.state().read_only.clone()
    }
}

/// An append under way.
struct Waiting {
    answer: oneshot::Receiver<Answer>,
    accepted: Arc<Accepted>,
}

impl SegmentLog {
    /// Checks a batch, encodes it, and gives it its place in the order; the inner error is the conflict.
    fn accept(
        &self,
        expected_head: Position,
        batch: Batch,
    ) -> Result<Result<Waiting, BoxFuture<'static, Appended>>, AppendError> {
        check_batch(&batch, BATCH_RECORDS_MAX)?;
        let given_up = {
            let state = self.shared.state();
            if let Err(conflict) = self.admit(&state, expected_head)? {
                return Ok(Err(conflict));
            }
            state.given_up
        };
        // Without the lock, while the group before is being synced. If the batch passes the fence, it stands there.
        let first = expected_head.next();
        let encoded = Encoded::of(&batch, first);
        let accepted = Arc::new(Accepted::new(first, batch, self.shared.options.fingerprint));
        let mut state = self.shared.state();
        let queue = match self.admit(&state, expected_head)? {
            Ok(queue) => queue.clone(),
            Err(conflict) => return Ok(Err(conflict)),
        };
        if state.given_up != given_up {
            // The log came back to this head another way than it was decided on.
            return Ok(Err(self.shared.fence.refuse(state.written)));
        }
        state.accept(Arc::clone(&accepted));
        let (waiter, answer) = oneshot::channel();
        // Fails only after a panic of the writer: then dropping the waiter is the answer.
        let _ = queue.send(Queued { accepted: Arc::clone(&accepted), encoded, waiter });
        Ok(Ok(Waiting { answer, accepted }))
    }

    /// Where a batch decided on `expected_head` is sent, if it may follow what is written.
    fn admit<'a>(
        &self,
        state: &'a State,
        expected_head: Position,
    ) -> Result<Result<&'a mpsc::Sender<Queued>, BoxFuture<'static, Appended>>, AppendError> {
        if let Some(reason) = &state.read_only {
            return Err(AppendError::ReadOnly { reason: reason.clone() });
        }
        let Some(queue) = &state.queue else { return Err(AppendError::Closed) };
        let passes = self.shared.fence.passes(expected_head, state.written);
        Ok(if passes { Ok(queue) } else { Err(self.shared.fence.refuse(state.written)) })
    }
}

/// Runs what may wait for a disk where it holds up nobody: on a blocking thread, or here if there is no runtime.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return work() };
    match runtime.spawn_blocking(work).await {
        Ok(done) => done,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Cancelled: the runtime is shutting down and will not poll this future again.
            Err(_) => std::future::pending().await,
        },
    }
}

/// Creates a directory and what is missing above it; a power cut behind this loses none of them.
fn create_directory(directory: &Path) -> std::io::Result<()> {
    let missing: Vec<&Path> = directory.ancestors().take_while(|ancestor| !ancestor.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    for created in missing {
        match created.parent() {
            Some(parent) if parent.as_os_str().is_empty() => sync_directory(Path::new("."))?,
            Some(parent) => sync_directory(parent)?,
            None => {}
        }
    }
    Ok(())
}

fn report_to_log(directory: &Path, report: &OpenReport) {
    let log = directory.display();
    if let Some(Cut { file, offset, bytes }) = &report.cut {
        tracing::warn!(%log, file = %file.display(), offset, bytes, "cut a torn tail that was never acknowledged");
    }
    for file in &report.rebuilt {
        tracing::info!(%log, file = %file.display(), "rebuilt");
    }
    if let Some(reason) = &report.read_only {
        tracing::error!(%log, %reason, "log opens read-only");
    }
}
