//! A segment that will never be written again, and how its companion comes to be while the log goes on.
//!
//! Place in the flow: the writer seals with the index that it has in memory; a thread of its own writes the companion
//! and then puts it in the place of that index. Recovery takes sealed segments by their companions.
//!
//! It must not know batches or callers.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use super::companion::{self, Companion};
use super::disk::{SegmentFile, put_file};
use super::header::companion_name;
use super::index::{SegmentIndex, SparseIndex};
use super::state::Shared;
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
    pub(crate) fn may_contain(&self, fingerprint: u64) -> bool {
        match &self.index {
            SealedIndex::Memory(index) => !index.keys.positions(fingerprint).is_empty(),
            SealedIndex::Disk(companion) => companion.may_contain(fingerprint),
        }
    }

    /// The positions of all keys with this fingerprint.
    pub(crate) fn positions(&self, fingerprint: u64) -> io::Result<Vec<Position>> {
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
            Ok(companion) => replace(&shared, Sealed::with(Arc::clone(&sealed.file), companion)),
            Err(error) => tracing::warn!(%segment, %error, "companion not written; the next open makes it"),
        }
    })
}

fn companion_of(shared: &Shared, sealed: &Sealed) -> io::Result<Companion> {
    let SealedIndex::Memory(index) = &sealed.index else {
        return Err(io::Error::other("the segment has a companion already"));
    };
    let path = shared.directory.join(companion_name(sealed.file.first));
    put_file(&*shared.options.disk, &path, &companion::encode(sealed.file.first, sealed.bytes, index))?;
    Companion::load(&path).map_err(io::Error::other)
}

fn replace(shared: &Shared, sealed: Sealed) {
    let mut state = shared.state();
    let segments = Arc::make_mut(&mut state.sealed);
    if let Some(place) = segments.iter_mut().find(|segment| segment.file.first == sealed.file.first) {
        *place = Arc::new(sealed);
    }
}
