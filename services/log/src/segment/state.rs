//! What the handle, the writer thread and reads share, under one lock.
//!
//! Place in the flow: `append` takes its place here, the writer publishes here what is durable, reads and `find` look
//! up here where to read. The lock is never held over IO.
//!
//! It must not know how frames are written or read.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};

use tokio::sync::watch;

use super::disk::SegmentFile;
use super::index::{SegmentIndex, SparseEntry, SparseIndex};
use super::lock::DirectoryLock;
use super::options::SegmentOptions;
use super::sealed::Sealed;
use super::writer::Queued;
use crate::admission::Fence;
use crate::identity::{Identity, Position};
use crate::record::{Key, StoredRecord};

/// The segment at the end of the log.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) file: Arc<SegmentFile>,
    /// Durable frames end here.
    pub(crate) end: u64,
    /// Of durable frames only.
    pub(crate) index: SegmentIndex,
}

/// The part that changes.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) written: Position,
    pub(crate) durable: Position,
    /// Accepted, not yet durable.
    pub(crate) pending: HashMap<Key, StoredRecord>,
    /// Copied when it changes while somebody reads it, so that readers can keep what they see.
    pub(crate) sealed: Arc<Vec<Arc<Sealed>>>,
    pub(crate) active: Active,
    pub(crate) read_only: Option<String>,
    /// To the writer thread; `None` once the log is closed or read-only.
    pub(crate) queue: Option<mpsc::Sender<Queued>>,
    /// Set by `close`, not by a mere drop: the writer then ends with a mark.
    pub(crate) closed: bool,
    /// Given back at close.
    pub(crate) lock: Option<DirectoryLock>,
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
    sparse.at_or_before(position).map(|from| Place { file: Arc::clone(file), from, end, last })
}
