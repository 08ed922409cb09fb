//! A segment that will never be written again, and how its companion comes to be while the log goes on.
//!
//! Place in the flow: the writer seals with the index that it has in memory; a thread of its own writes the companion
//! and then puts it in the place of that index. Recovery takes sealed segments by their companions. A companion that
//! turns out to be damaged later is made again by whoever finds it so.
//!
//! It must not know batches or callers.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::companion::{self, Companion};
use super::disk::{SegmentFile, put_file};
use super::header::companion_name;
use super::index::{Probe, SegmentIndex, SparseIndex};
use super::scrub::examine;
use super::state::Shared;
use crate::contract::ReadError;
use crate::identity::Position;

/// A sealed segment.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) file: Arc<SegmentFile>,
    /// Its last position.
    pub(crate) last: Position,
    /// Its length.
    pub(crate) bytes: u64,
    pub(crate) index: SealedIndex,
}

/// Where the records of a sealed segment are looked up.
#[derive(Debug)]
pub(crate) enum SealedIndex {
    /// Until the companion is written, and if it cannot be.
    Memory(SegmentIndex),
    Disk(Companion),
}

impl Sealed {
    /// A segment with its companion.
    pub(crate) fn with(file: Arc<SegmentFile>, companion: Companion) -> Self {
        Self { file, last: companion.last(), bytes: companion.segment_bytes, index: SealedIndex::Disk(companion) }
    }

    pub(crate) fn sparse(&self) -> &SparseIndex {
        match &self.index {
            SealedIndex::Memory(index) => &index.sparse,
            SealedIndex::Disk(companion) => &companion.sparse,
        }
    }

    /// Whether a key with this fingerprint may be here; `false` is certain. Answered from memory.
    pub(crate) fn may_contain(&self, probe: &Probe) -> bool {
        match &self.index {
            SealedIndex::Memory(index) => !index.keys.positions(probe.fingerprint).is_empty(),
            SealedIndex::Disk(companion) => companion.may_contain(probe),
        }
    }

    /// Where its companion is, or will be.
    pub(crate) fn companion(&self) -> PathBuf {
        self.file.path.with_file_name(companion_name(self.file.first))
    }

    /// The positions of all keys with this fingerprint, or why the companion cannot tell: see [`mend`].
    pub(crate) fn positions(&self, fingerprint: u64) -> Result<Vec<Position>, String> {
        match &self.index {
            SealedIndex::Memory(index) => Ok(index.keys.positions(fingerprint)),
            SealedIndex::Disk(companion) => companion.positions(fingerprint),
        }
    }
}

/// Writes the companion of a segment that was just sealed. A failure costs memory until the next open, which makes
/// the companion again; the log goes on.
pub(crate) fn write_companion(shared: &Arc<Shared>, sealed: Arc<Sealed>) -> io::Result<JoinHandle<()>> {
    let shared = Arc::clone(shared);
    std::thread::Builder::new().name("log-sealer".to_owned()).spawn(move || {
        let segment = sealed.file.path.display();
        match companion_of(&shared, &sealed) {
            Ok(companion) => drop(replace(&shared, Sealed::with(Arc::clone(&sealed.file), companion))),
            Err(error) => tracing::warn!(%segment, %error, "companion not written; the next open makes it"),
        }
    })
}

fn companion_of(shared: &Shared, sealed: &Sealed) -> io::Result<Companion> {
    let SealedIndex::Memory(index) = &sealed.index else {
        return Err(io::Error::other("the segment has a companion already"));
    };
    put_companion(shared, sealed, &companion::encode(sealed.file.first, sealed.bytes, index))
}

fn put_companion(shared: &Shared, sealed: &Sealed, bytes: &[u8]) -> io::Result<Companion> {
    let path = sealed.companion();
    put_file(&*shared.options.disk, &path, bytes)?;
    Companion::load(&path).map_err(io::Error::other)
}

fn replace(shared: &Shared, sealed: Sealed) -> Arc<Sealed> {
    let sealed = Arc::new(sealed);
    let mut state = shared.state();
    let segments = Arc::make_mut(&mut state.sealed);
    if let Some(place) = segments.iter_mut().find(|segment| segment.file.first == sealed.file.first) {
        *place = Arc::clone(&sealed);
    }
    sealed
}

/// Held while a companion is made again: reading a segment once is enough.
static MENDING: Mutex<()> = Mutex::new(());

/// Makes a companion that is in doubt again, from the segment itself, and puts it in place. Slow, and certain.
///
/// # Errors
/// The segment is damaged too, or cannot be read: nobody knows which keys are in it.
pub(crate) fn mend(shared: &Shared, sealed: &Arc<Sealed>, doubt: &str) -> Result<Arc<Sealed>, ReadError> {
    let _mending = MENDING.lock().unwrap_or_else(PoisonError::into_inner);
    let now = shared.state().sealed.iter().find(|other| other.file.first == sealed.file.first).cloned();
    if let Some(mended) = now.filter(|now| !Arc::ptr_eq(now, sealed)) {
        return Ok(mended);
    }
    tracing::warn!(companion = %sealed.companion().display(), doubt, "companion is damaged; made again");
    let mut examined = examine(sealed, shared.options.fingerprint, &mut |_| true);
    if let Some(error) = examined.damage.pop() {
        return Err(error.read_error(&sealed.file));
    }
    let bytes = companion::encode_entries(sealed.file.first, sealed.bytes, &examined.sparse, examined.entries.clone());
    let index = match put_companion(shared, sealed, &bytes) {
        Ok(companion) => SealedIndex::Disk(companion),
        Err(error) => {
            tracing::warn!(segment = %sealed.file.path.display(), %error, "companion not written; the next open makes it");
            SealedIndex::Memory(examined.index())
        }
    };
    let (file, last, bytes) = (Arc::clone(&sealed.file), sealed.last, sealed.bytes);
    Ok(replace(shared, Sealed { file, last, bytes, index }))
}
