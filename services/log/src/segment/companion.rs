//! The companion of a sealed segment: its index on disk. A cache: made again from the segment whenever it is in doubt.
//! Layout: `FORMAT.md`.
//!
//! ```text
//! [ header │ sparse │ first fingerprints │ filter │ CRC ]  [ entries │ CRC ] [ entries │ CRC ] …
//!   └── the head: read and checked at open, kept ─────┘      └── 4 KiB blocks: read and checked by look-ups
//! ```
//!
//! Place in the flow: written when a segment is sealed, its head loaded at open, its blocks asked by reads.
//!
//! It must not know what a caller does about a companion that cannot be used.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::bytes::{array_at, u16_at, u32_at, u64_at};
use super::index::{Filter, Probe, SegmentIndex, SparseEntry, SparseIndex};
use crate::identity::Position;

const MAGIC: &[u8; 8] = b"SONGIDX\0";
const VERSION: u16 = 2;
const HEADER_BYTES: usize = 48;
const SPARSE_BYTES: usize = 24;
const FENCE_BYTES: usize = 8;
const CRC_BYTES: usize = 4;
/// A fingerprint, and a position as its distance from the segment's first.
const ENTRY_BYTES: usize = 12;
/// Entries of a full block, which is 4 KiB with its checksum.
const BLOCK_ENTRIES: usize = 341;
const BLOCK_BYTES: usize = BLOCK_ENTRIES * ENTRY_BYTES + CRC_BYTES;
/// More of a head than this is no head.
const HEAD_BYTES_MAX: u64 = 1 << 30;

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
    /// First fingerprint of each block.
    fences: Vec<u64>,
    filter: Filter,
    file: File,
    blocks_at: u64,
}

/// The bytes of the companion of a segment.
pub(crate) fn encode(first: Position, segment_bytes: u64, index: &SegmentIndex) -> Vec<u8> {
    encode_entries(first, segment_bytes, &index.sparse, index.keys.entries())
}

/// The same, of fingerprints and positions in whatever order.
pub(crate) fn encode_entries(
    first: Position,
    segment_bytes: u64,
    sparse: &SparseIndex,
    mut entries: Vec<(u64, u64)>,
) -> Vec<u8> {
    entries.sort_unstable();
    let filter = Filter::of(entries.iter().map(|(fingerprint, _)| *fingerprint));
    let fences = entries.iter().step_by(BLOCK_ENTRIES).map(|(fingerprint, _)| *fingerprint);
    let mut bytes = Vec::with_capacity(HEADER_BYTES + sparse.0.len() * 24 + entries.len() * 13 + filter.bytes() + 4);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&[0; 6]);
    bytes.extend_from_slice(&first.0.to_le_bytes());
    bytes.extend_from_slice(&(entries.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&segment_bytes.to_le_bytes());
    bytes.extend_from_slice(&(sparse.0.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&(filter.bytes() as u32).to_le_bytes());
    for entry in &sparse.0 {
        bytes.extend_from_slice(&entry.position.0.to_le_bytes());
        bytes.extend_from_slice(&entry.offset.to_le_bytes());
        bytes.extend_from_slice(&entry.recorded_time_us.to_le_bytes());
    }
    bytes.extend(fences.flat_map(u64::to_le_bytes));
    bytes.extend(filter.encode());
    let crc = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    for (number, block) in entries.chunks(BLOCK_ENTRIES).enumerate() {
        let at = bytes.len();
        for (fingerprint, position) in block {
            bytes.extend_from_slice(&fingerprint.to_le_bytes());
            // A segment is no larger than its limit or one batch: its records are counted in 32 bits.
            bytes.extend_from_slice(&((position - first.0) as u32).to_le_bytes());
        }
        let crc = block_crc(first, number, &bytes[at..]);
        bytes.extend_from_slice(&crc.to_le_bytes());
    }
    bytes
}

/// Covers the block's place too: one that was written elsewhere is not taken for this one.
fn block_crc(first: Position, number: usize, entries: &[u8]) -> u32 {
    let place = crc32c::crc32c_append(crc32c::crc32c(&first.0.to_le_bytes()), &(number as u64).to_le_bytes());
    crc32c::crc32c_append(place, entries)
}

/// Lengths of the parts of a head, as its header says.
struct Lengths {
    sparse: usize,
    fences: usize,
    filter: usize,
}

impl Lengths {
    fn read(header: &[u8]) -> Option<Self> {
        let records = usize::try_from(u64_at(header, 24)).ok().filter(|records| *records > 0)?;
        let (sparse, filter) = (u32_at(header, 40) as usize, u32_at(header, 44) as usize);
        let fences = records.div_ceil(BLOCK_ENTRIES);
        (sparse > 0).then_some(Self { sparse: sparse * SPARSE_BYTES, fences: fences.checked_mul(FENCE_BYTES)?, filter })
    }

    fn head(&self) -> Option<u64> {
        let bytes = (HEADER_BYTES + self.sparse + self.filter + CRC_BYTES).checked_add(self.fences)?;
        Some(bytes as u64).filter(|bytes| *bytes <= HEAD_BYTES_MAX)
    }
}

impl Companion {
    /// Loads the head of a companion and checks its checksum, or says why it cannot be used. Blocks are not read.
    pub(crate) fn load(path: &Path) -> Result<Self, String> {
        let odd = || "lengths do not add up".to_owned();
        let file = File::open(path).map_err(|error| error.to_string())?;
        let length = file.metadata().map_err(|error| error.to_string())?.len();
        let mut header = [0; HEADER_BYTES];
        file.read_exact_at(&mut header, 0).map_err(|error| error.to_string())?;
        if &header[..8] != MAGIC || u16_at(&header, 8) != VERSION {
            return Err(format!("not a companion of format {VERSION}"));
        }
        let lengths = Lengths::read(&header).ok_or_else(odd)?;
        let blocks_at = lengths.head().filter(|bytes| *bytes <= length).ok_or_else(odd)?;
        let mut head = vec![0; blocks_at as usize];
        file.read_exact_at(&mut head, 0).map_err(|error| error.to_string())?;
        let (body, crc) = head.split_at(head.len() - CRC_BYTES);
        if crc32c::crc32c(body) != u32_at(crc, 0) {
            return Err("does not match its checksum".to_owned());
        }
        let (sparse, rest) = body[HEADER_BYTES..].split_at(lengths.sparse);
        let (fences, filter) = rest.split_at(lengths.fences);
        let records = u64_at(body, 24);
        let blocks_bytes = records * ENTRY_BYTES as u64 + (fences.len() / FENCE_BYTES * CRC_BYTES) as u64;
        let first = u64_at(body, 16);
        let adds_up = length - blocks_at == blocks_bytes && first.checked_add(records).is_some();
        let filter = Filter::decode(filter).filter(|_| adds_up).ok_or_else(odd)?;
        Ok(Self {
            first: Position(first),
            records,
            segment_bytes: u64_at(body, 32),
            sparse: SparseIndex(sparse.chunks_exact(SPARSE_BYTES).map(sparse_entry).collect()),
            fences: fences.chunks_exact(FENCE_BYTES).map(|fence| u64_at(fence, 0)).collect(),
            filter,
            file,
            blocks_at,
        })
    }

    /// Last position of the segment.
    pub(crate) fn last(&self) -> Position {
        Position(self.first.0 + self.records - 1)
    }

    /// Whether a key with this fingerprint may be in the segment; `false` is certain. Answered from memory.
    pub(crate) fn may_contain(&self, probe: &Probe) -> bool {
        self.filter.may_contain(probe)
    }

    /// The positions of all keys with this fingerprint, ascending; or why that cannot be told: then the segment itself
    /// must be asked.
    pub(crate) fn positions(&self, fingerprint: u64) -> Result<Vec<Position>, String> {
        let mut found = Vec::new();
        // Equal fingerprints may begin at the end of the block before the first one that begins with them.
        let first = self.fences.partition_point(|fence| *fence < fingerprint).saturating_sub(1);
        for number in first..self.fences.partition_point(|fence| *fence <= fingerprint) {
            let block = self.block(number)?;
            let entries = block[..block.len() - CRC_BYTES].chunks_exact(ENTRY_BYTES);
            let equal = entries.filter(|entry| u64_at(entry, 0) == fingerprint);
            found.extend(equal.map(|entry| self.first.plus(u64::from(u32_at(entry, 8)))));
        }
        Ok(found)
    }

    /// A block, verified.
    fn block(&self, number: usize) -> Result<Vec<u8>, String> {
        let entries = (self.records - (number * BLOCK_ENTRIES) as u64).min(BLOCK_ENTRIES as u64) as usize;
        let mut block = vec![0; entries * ENTRY_BYTES + CRC_BYTES];
        let read = self.file.read_exact_at(&mut block, self.blocks_at + (number * BLOCK_BYTES) as u64);
        read.map_err(|error| format!("block {number}: {error}"))?;
        let (entries, crc) = block.split_at(block.len() - CRC_BYTES);
        if block_crc(self.first, number, entries) != u32_at(crc, 0) {
            return Err(format!("block {number} does not match its checksum"));
        }
        Ok(block)
    }
}

fn sparse_entry(bytes: &[u8]) -> SparseEntry {
    SparseEntry {
        position: Position(u64_at(bytes, 0)),
        offset: u64_at(bytes, 8),
        recorded_time_us: i64::from_le_bytes(array_at(bytes, 16)),
    }
}
