//! The scrub: reads sealed segments over and over, at a pace that nobody notices, so that rot is found while there
//! still is a backup without it.
//!
//! ```text
//! [ segment ▸ segment ▸ … ] ─ pause ─▶ again      every frame verified, every companion compared with its segment
//! ```
//!
//! Place in the flow: a thread of its own beside the writer, started by the node. It reports; a damaged frame is not
//! served anyway, and appends go on. A companion that is wrong is made again.
//!
//! It must not know who reads the report.

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use metrics::counter;

use super::companion;
use super::frames::{FrameError, Frames};
use super::header::HEADER_BYTES;
use super::index::{Fingerprint, SegmentIndex, SparseIndex};
use super::sealed::{Sealed, mend};
use super::state::Shared;
use crate::check::Damage;
use crate::identity::Position;

/// Held by the one scrub of this process that reads: however many logs there are, the pace is that of one.
static TURN: Mutex<()> = Mutex::new(());
/// How often it is asked for.
const TURN_EVERY: Duration = Duration::from_millis(100);
/// Time between two passes.
pub(crate) const PAUSE: Duration = Duration::from_secs(60);
/// Segments are read in pieces of this size.
const CHUNK: usize = 256 * 1024;
/// No more findings in one segment than this.
const DAMAGE_LISTED: usize = 100;

/// What a full reading of a sealed segment gave.
#[derive(Debug, Default)]
pub(crate) struct Examined {
    /// Where frames stand.
    pub(crate) sparse: SparseIndex,
    /// Fingerprint and position of every record.
    pub(crate) entries: Vec<(u64, u64)>,
    /// Frames that cannot be served.
    pub(crate) damage: Vec<FrameError>,
}

impl Examined {
    /// The index that it is.
    pub(crate) fn index(self) -> SegmentIndex {
        let mut index = SegmentIndex { sparse: self.sparse, ..SegmentIndex::default() };
        for (fingerprint, position) in self.entries {
            index.keys.insert(fingerprint, Position(position));
        }
        index
    }
}

/// Reads all of a sealed segment, past damage too. `pace` is told of bytes as they are read; `false` ends it.
pub(crate) fn examine(sealed: &Sealed, fingerprint: Fingerprint, pace: &mut dyn FnMut(u64) -> bool) -> Examined {
    let mut examined = Examined::default();
    let mut frames = Frames::new(&sealed.file, HEADER_BYTES, sealed.bytes, sealed.file.first, CHUNK);
    loop {
        let offset = frames.offset;
        match examined.frame(&mut frames, fingerprint) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                if examined.damage.len() < DAMAGE_LISTED {
                    examined.damage.push(error);
                }
                if frames.offset == offset && !resume(&mut frames, sealed.sparse()) {
                    return examined;
                }
            }
        }
        if !pace(frames.offset - offset) {
            return examined;
        }
    }
    if frames.next != sealed.last.next() {
        let detail = format!("the segment ends before position {}", sealed.last);
        examined.damage.push(FrameError { position: frames.next, offset: frames.offset, detail, io: false });
    }
    examined
}

impl Examined {
    /// Enters the next frame; false at the end. Moves on behind a frame whose body is damaged.
    fn frame(&mut self, frames: &mut Frames<'_>, fingerprint: Fingerprint) -> Result<bool, FrameError> {
        let offset = frames.offset;
        let Some(header) = frames.peek()? else { return Ok(false) };
        let records = frames.take(&header).inspect_err(|_| frames.skip(&header))?;
        if !records.is_empty() {
            self.sparse.offer(offset, &header);
        }
        self.entries.extend(records.iter().map(|record| (fingerprint(&record.key), record.position.0)));
        Ok(true)
    }
}

/// Goes on at the next frame whose place is known.
fn resume(frames: &mut Frames<'_>, sparse: &SparseIndex) -> bool {
    let behind = sparse.0.partition_point(|entry| entry.offset <= frames.offset);
    sparse.0.get(behind).is_some_and(|entry| {
        frames.go_on_at(*entry);
        true
    })
}

/// What the scrub has done and found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScrubReport {
    /// How often all sealed segments were read.
    pub passes: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Frames of sealed segments that are damaged, as they were found last, in order.
    pub damage: Vec<Damage>,
}

/// The scrub of a log. Dropped, it ends.
#[derive(Debug)]
pub(crate) struct Scrub {
    /// Nothing is ever sent: it is closed.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
    found: Arc<Mutex<Found>>,
}

#[derive(Debug, Default)]
struct Found {
    passes: u64,
    bytes: u64,
    /// By the first position of the segment.
    damage: BTreeMap<Position, Vec<Damage>>,
}

impl Scrub {
    /// Begins to read at `bytes_per_second`, at least 1, with a pause after each pass.
    pub(crate) fn start(shared: &Arc<Shared>, bytes_per_second: u64, pause: Duration) -> io::Result<Self> {
        let (stop, stopped) = channel();
        let found = Arc::default();
        let pacer = Pacer { stopped, bytes_per_second, begun: Instant::now(), bytes: 0 };
        let (shared, seen) = (Arc::clone(shared), Arc::clone(&found));
        let thread = std::thread::Builder::new().name("log-scrub".to_owned());
        let thread = thread.spawn(move || run(&shared, &seen, pacer, pause))?;
        Ok(Self { stop: Some(stop), thread: Some(thread), found })
    }

    pub(crate) fn report(&self) -> ScrubReport {
        let found = lock(&self.found);
        let damage = found.damage.values().flatten().cloned().collect();
        ScrubReport { passes: found.passes, bytes: found.bytes, damage }
    }
}

impl Drop for Scrub {
    fn drop(&mut self) {
        self.stop = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("log scrub thread panicked");
        }
    }
}

fn lock(found: &Mutex<Found>) -> MutexGuard<'_, Found> {
    found.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps the pace, and knows when to stop.
struct Pacer {
    stopped: Receiver<()>,
    bytes_per_second: u64,
    begun: Instant,
    /// Read since then.
    bytes: u64,
}

impl Pacer {
    /// Waits; false if it is to stop.
    fn wait(&self, time: Duration) -> bool {
        matches!(self.stopped.recv_timeout(time), Err(RecvTimeoutError::Timeout))
    }

    /// Waits until so many bytes more are due; false if it is to stop.
    fn spend(&mut self, bytes: u64) -> bool {
        let pieces = self.bytes / CHUNK as u64;
        self.bytes += bytes;
        if self.bytes / CHUNK as u64 == pieces {
            return true;
        }
        let due = Duration::from_micros(self.bytes.saturating_mul(1_000_000) / self.bytes_per_second);
        self.wait(due.saturating_sub(self.begun.elapsed()))
    }

    /// Waits until no other log is read; none if it is to stop.
    fn turn(&self) -> Option<MutexGuard<'static, ()>> {
        loop {
            match TURN.try_lock() {
                Ok(turn) => return Some(turn),
                Err(TryLockError::Poisoned(turn)) => return Some(turn.into_inner()),
                Err(TryLockError::WouldBlock) if self.wait(TURN_EVERY) => {}
                Err(TryLockError::WouldBlock) => return None,
            }
        }
    }

    /// Time that was not used is not made up for.
    fn begin_anew(&mut self) {
        (self.begun, self.bytes) = (Instant::now(), 0);
    }
}

fn run(shared: &Shared, found: &Mutex<Found>, mut pacer: Pacer, pause: Duration) {
    let read = counter!("songhua_log_scrub_bytes_total");
    loop {
        let mut next = Position::FIRST;
        // Asked for anew each time: meanwhile others may have been sealed.
        while let Some(sealed) = sealed_from(shared, next) {
            let Some(turn) = pacer.turn() else { return };
            pacer.begin_anew();
            let mut going = true;
            let examined = examine(&sealed, shared.options.fingerprint, &mut |bytes| {
                lock(found).bytes += bytes;
                read.increment(bytes);
                going = pacer.spend(bytes);
                going
            });
            if !going {
                return;
            }
            settle(shared, found, &sealed, examined);
            drop(turn);
            next = sealed.last.next();
        }
        lock(found).passes += 1;
        if !pacer.wait(pause) {
            return;
        }
    }
}

fn sealed_from(shared: &Shared, position: Position) -> Option<Arc<Sealed>> {
    shared.state().sealed.iter().find(|sealed| sealed.file.first >= position).cloned()
}

/// Says what is new, and sees to the companion.
fn settle(shared: &Shared, found: &Mutex<Found>, sealed: &Arc<Sealed>, examined: Examined) {
    let file = &sealed.file.path;
    let damage = |error: &FrameError| Damage {
        position: error.position,
        file: file.clone(),
        offset: error.offset,
        detail: error.detail.clone(),
    };
    let now: Vec<Damage> = examined.damage.iter().map(damage).collect();
    let before = lock(found).damage.insert(sealed.file.first, now.clone()).unwrap_or_default();
    for Damage { position, offset, detail, .. } in now.iter().filter(|damage| !before.contains(damage)) {
        tracing::error!(%position, file = %file.display(), offset, %detail, "a sealed segment is damaged: restore the file from a backup or a replica");
    }
    if !now.is_empty() {
        return;
    }
    let expected = companion::encode_entries(sealed.file.first, sealed.bytes, &examined.sparse, examined.entries);
    if std::fs::read(sealed.companion()).ok().is_none_or(|companion| companion != expected)
        && let Err(error) = mend(shared, sealed, "it does not agree with its segment")
    {
        tracing::error!(%error, "a companion could not be made again");
    }
}
