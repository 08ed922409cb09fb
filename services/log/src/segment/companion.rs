//! The companion of a sealed segment: its index on disk. Layout: `FORMAT.md`.
//!
//! Place in the flow: written when a segment is sealed, loaded at open. Sparse entries and filter are kept in memory;
//! the fingerprints stay on disk and are searched only when the filter lets a key pass.
//!
//! It must not know records. It is never trusted for content: a hit is confirmed against the segment.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::bytes::{array_at, u16_at, u32_at, u64_at};
use super::index::{Filter, SegmentIndex, SparseEntry, SparseIndex};
use crate::identity::Position;

const MAGIC: &[u8; 8] = b"SONGIDX\0";
const VERSION: u16 = 1;
const HEADER_BYTES: usize = 48;
const SPARSE_BYTES: usize = 24;
const ENTRY_BYTES: u64 = 16;
/// So many entries are read at once when the search has come that near.
const SEARCH_BLOCK: u64 = 256;

/// What a companion says of its segment.
#[derive(Debug)]
pub(crate) struct Companion {
    /// First position of the segment.
    pub(crate) first: Position,
    /// Records in the segment.
    pub(crate) records: u64,
    /// Bytes of the segment.
    pub(crate) segment_bytes: u64,
    /// Where frames stand.
    pub(crate) sparse: SparseIndex,
    filter: Filter,
    file: File,
    entries_at: u64,
}

/// The bytes of the companion of a segment.
pub(crate) fn encode(first: Position, segment_bytes: u64, index: &SegmentIndex) -> Vec<u8> {
    let mut entries = index.keys.entries();
    entries.sort_unstable();
    let filter = Filter::of(entries.iter().map(|(fingerprint, _)| *fingerprint));
    let sparse = &index.sparse.0;
    let mut bytes = Vec::with_capacity(HEADER_BYTES + sparse.len() * 24 + entries.len() * 16 + filter.0.len() + 4);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&[0; 6]);
    bytes.extend_from_slice(&first.0.to_le_bytes());
    bytes.extend_from_slice(&(entries.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&segment_bytes.to_le_bytes());
    bytes.extend_from_slice(&(sparse.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&(filter.0.len() as u32).to_le_bytes());
    for entry in sparse {
        bytes.extend_from_slice(&entry.position.0.to_le_bytes());
        bytes.extend_from_slice(&entry.offset.to_le_bytes());
        bytes.extend_from_slice(&entry.recorded_time_us.to_le_bytes());
    }
    for (fingerprint, position) in entries {
        bytes.extend_from_slice(&fingerprint.to_le_bytes());
        bytes.extend_from_slice(&position.to_le_bytes());
    }
    bytes.extend_from_slice(&filter.0);
    let crc = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

impl Companion {
    /// Loads a companion whole and checks its checksum, or says why it cannot be used.
    pub(crate) fn load(path: &Path) -> Result<Self, String> {
        let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
        let file = File::open(path).map_err(|error| error.to_string())?;
        let Some(body) = bytes.len().checked_sub(4).filter(|body| *body >= HEADER_BYTES) else {
            return Err(format!("{} bytes, too short for a companion", bytes.len()));
        };
        if &bytes[..8] != MAGIC || u16_at(&bytes, 8) != VERSION {
            return Err("not a companion of format 1".to_owned());
        }
        if crc32c::crc32c(&bytes[..body]) != u32_at(&bytes, body) {
            return Err("does not match its checksum".to_owned());
        }
        let records = u64_at(&bytes, 24);
        let (sparse, filter) = (u32_at(&bytes, 40) as usize, u32_at(&bytes, 44) as usize);
        let entries_at = HEADER_BYTES + sparse * SPARSE_BYTES;
        let filter_at = body.checked_sub(filter).filter(|_| filter > 0 && sparse > 0 && records > 0);
        let expected = records.checked_mul(ENTRY_BYTES).and_then(|bytes| bytes.checked_add(entries_at as u64));
        let (Some(filter_at), Some(expected)) = (filter_at, expected) else {
            return Err("lengths do not add up".to_owned());
        };
        if filter_at as u64 != expected {
            return Err("lengths do not add up".to_owned());
        }
        Ok(Self {
            first: Position(u64_at(&bytes, 16)),
            records,
            segment_bytes: u64_at(&bytes, 32),
            sparse: SparseIndex(bytes[HEADER_BYTES..entries_at].chunks_exact(SPARSE_BYTES).map(sparse_entry).collect()),
            filter: Filter(bytes[filter_at..body].to_vec()),
            file,
            entries_at: entries_at as u64,
        })
    }

    /// Last position of the segment.
    pub(crate) fn last(&self) -> Position {
        Position(self.first.0 + self.records - 1)
    }

    /// Whether a key with this fingerprint may be in the segment; `false` is certain. Answered from memory.
    pub(crate) fn may_contain(&self, fingerprint: u64) -> bool {
        self.filter.may_contain(fingerprint)
    }

    /// The positions of all keys with this fingerprint, by binary search on disk.
    pub(crate) fn positions(&self, fingerprint: u64) -> io::Result<Vec<Position>> {
        let (mut low, mut high) = (0, self.records);
        // Invariant: entries before `low` are smaller; entries from `high` on are not.
        while high - low > SEARCH_BLOCK {
            let middle = low + (high - low) / 2;
            if self.entries(middle, 1)?[0].0 < fingerprint { low = middle + 1 } else { high = middle }
        }
        let mut found = Vec::new();
        while low < self.records {
            let block = self.entries(low, SEARCH_BLOCK.min(self.records - low))?;
            low += block.len() as u64;
            let behind = block.last().is_some_and(|last| last.0 > fingerprint);
            found.extend(block.into_iter().filter(|entry| entry.0 == fingerprint).map(|entry| Position(entry.1)));
            if behind {
                break;
            }
        }
        Ok(found)
    }

    fn entries(&self, at: u64, count: u64) -> io::Result<Vec<(u64, u64)>> {
        let mut bytes = vec![0; (count * ENTRY_BYTES) as usize];
        self.file.read_exact_at(&mut bytes, self.entries_at + at * ENTRY_BYTES)?;
        Ok(bytes.chunks_exact(ENTRY_BYTES as usize).map(|entry| (u64_at(entry, 0), u64_at(entry, 8))).collect())
    }
}

fn sparse_entry(bytes: &[u8]) -> SparseEntry {
    SparseEntry {
        position: Position(u64_at(bytes, 0)),
        offset: u64_at(bytes, 8),
        recorded_time_us: i64::from_le_bytes(array_at(bytes, 16)),
    }
}
