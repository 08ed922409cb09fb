//! Where records stand in a segment: by position (sparse), by key (fingerprints), and "certainly not here" (filter).
//!
//! Place in the flow: built by the writer and by recovery, asked by reads. The active segment keeps it in memory;
//! the companion of a sealed one keeps it on disk.
//!
//! It must not know files.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};

use sha2::{Digest, Sha256};

use super::bytes::u64_at;
use super::frame::FrameHeader;
use crate::identity::Position;
use crate::record::Key;

/// One sparse entry stands for at least this many bytes of frames.
pub(crate) const SPARSE_EVERY: u64 = 16 * 1024;
/// Keys for each block of a filter, which has 256 bits.
const KEYS_PER_BLOCK: usize = 12;
/// Bytes of a block of a filter.
pub(crate) const FILTER_BLOCK_BYTES: usize = 32;
/// Odd numbers that spread a fingerprint over the eight words of a block: those of Apache Parquet.
const SALTS: [u32; 8] =
    [0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d, 0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31];

/// Shortens a key to the number by which it is looked up. Tests put a worse one in place, to make keys collide.
pub(crate) type Fingerprint = fn(&Key) -> u64;

/// The first 8 bytes of SHA-256(key): senders choose keys, and must not be able to choose collisions cheaply.
pub(crate) fn fingerprint(key: &Key) -> u64 {
    u64_at(&Sha256::digest(key), 0)
}

/// A frame whose place is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SparseEntry {
    pub(crate) position: Position,
    pub(crate) offset: u64,
    pub(crate) recorded_time_us: i64,
}

/// The first frame, and one frame for every [`SPARSE_EVERY`] bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SparseIndex(pub(crate) Vec<SparseEntry>);

impl SparseIndex {
    /// Enters a frame, if it is far enough from the last one entered.
    pub(crate) fn offer(&mut self, offset: u64, header: &FrameHeader) {
        if self.0.last().is_none_or(|last| offset - last.offset >= SPARSE_EVERY) {
            let recorded_time_us = header.recorded_time_us;
            self.0.push(SparseEntry { position: header.first, offset, recorded_time_us });
        }
    }

    /// Where to begin looking for `position`: the last known frame that does not start behind it.
    pub(crate) fn at_or_before(&self, position: Position) -> Option<SparseEntry> {
        self.around(position).map(|(from, _)| from)
    }

    /// The same, and the known frame behind it, if there is one.
    pub(crate) fn around(&self, position: Position) -> Option<(SparseEntry, Option<SparseEntry>)> {
        let behind = self.0.partition_point(|entry| entry.position <= position);
        behind.checked_sub(1).map(|at| (self.0[at], self.0.get(behind).copied()))
    }
}

/// A fingerprint is part of a SHA-256: nothing is gained by hashing it again.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Unhashed(u64);

impl Hasher for Unhashed {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u64(&mut self, fingerprint: u64) {
        self.0 = fingerprint;
    }
}

/// Fingerprints of the active segment.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeyIndex {
    /// The first position of each fingerprint.
    first: HashMap<u64, u64, BuildHasherDefault<Unhashed>>,
    /// All others: keys whose fingerprints collide. As good as always empty.
    others: Vec<(u64, u64)>,
}

impl KeyIndex {
    pub(crate) fn insert(&mut self, fingerprint: u64, position: Position) {
        match self.first.entry(fingerprint) {
            Entry::Vacant(vacant) => {
                vacant.insert(position.0);
            }
            Entry::Occupied(_) => self.others.push((fingerprint, position.0)),
        }
    }

    /// Takes out again all entries of these fingerprints that stand at `from` or behind.
    pub(crate) fn take_out(&mut self, from: Position, fingerprints: impl Iterator<Item = u64>) {
        for fingerprint in fingerprints {
            if self.first.get(&fingerprint).is_some_and(|first| *first >= from.0) {
                self.first.remove(&fingerprint);
            }
        }
        self.others.retain(|(_, position)| *position < from.0);
    }

    /// Every position at which a key with this fingerprint stands.
    pub(crate) fn positions(&self, fingerprint: u64) -> Vec<Position> {
        let first = self.first.get(&fingerprint).copied();
        let others = self.others.iter().filter(|(other, _)| *other == fingerprint).map(|(_, position)| *position);
        first.into_iter().chain(others).map(Position).collect()
    }

    /// All entries, not in order.
    pub(crate) fn entries(&self) -> Vec<(u64, u64)> {
        let first = self.first.iter().map(|(fingerprint, position)| (*fingerprint, *position));
        first.chain(self.others.iter().copied()).collect()
    }
}

/// The index of a segment that still grows.
#[derive(Debug, Clone, Default)]
pub(crate) struct SegmentIndex {
    pub(crate) sparse: SparseIndex,
    pub(crate) keys: KeyIndex,
}

impl SegmentIndex {
    /// Enters a submission that stands at `offset`; `fingerprints` are those of its records, in order.
    pub(crate) fn enter(&mut self, offset: u64, header: &FrameHeader, fingerprints: &[u64]) {
        self.enter_frame(offset, header);
        self.enter_keys(header.first, fingerprints);
    }

    /// Enters where a submission stands.
    pub(crate) fn enter_frame(&mut self, offset: u64, header: &FrameHeader) {
        self.sparse.offer(offset, header);
    }

    /// Enters the keys of records that stand, or will stand, at `first` and behind.
    pub(crate) fn enter_keys(&mut self, first: Position, fingerprints: &[u64]) {
        for (fingerprint, position) in fingerprints.iter().zip(first.0..) {
            self.keys.insert(*fingerprint, Position(position));
        }
    }
}

/// A split block Bloom filter (as in Apache Parquet): of each key, one bit in each of the eight words of one block. With
/// 21 bits a key, about 1 foreign key in 5,000 passes; asking touches one line of memory and takes no branch, so that
/// the filters of many segments are asked at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filter(Vec<FilterBlock>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(align(32))]
struct FilterBlock([u32; 8]);

impl Filter {
    pub(crate) fn of(fingerprints: impl ExactSizeIterator<Item = u64>) -> Self {
        let mut filter = Self(vec![FilterBlock::default(); fingerprints.len().div_ceil(KEYS_PER_BLOCK).max(1)]);
        for fingerprint in fingerprints {
            let (at, probe) = (filter.block_of(fingerprint), Probe::of(fingerprint));
            for (word, bit) in filter.0[at].0.iter_mut().zip(probe.bits) {
                *word |= bit;
            }
        }
        filter
    }

    /// Reads what [`encode`](Self::encode) wrote: a whole number of blocks, at least one.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (blocks, rest) = bytes.as_chunks::<FILTER_BLOCK_BYTES>();
        let block = |bytes: &[u8; FILTER_BLOCK_BYTES]| {
            let mut words = [0; 8];
            for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
                *word = u32::from_le_bytes(*bytes);
            }
            FilterBlock(words)
        };
        (rest.is_empty() && !blocks.is_empty()).then(|| Self(blocks.iter().map(block).collect()))
    }

    /// Its bytes.
    pub(crate) fn encode(&self) -> impl Iterator<Item = u8> {
        self.0.iter().flat_map(|block| block.0).flat_map(u32::to_le_bytes)
    }

    /// How many bytes that are.
    pub(crate) const fn bytes(&self) -> usize {
        self.0.len() * FILTER_BLOCK_BYTES
    }

    /// `false` is certain.
    pub(crate) fn may_contain(&self, probe: &Probe) -> bool {
        let block = &self.0[self.block_of(probe.fingerprint)];
        let missing = block.0.iter().zip(probe.bits).fold(0, |missing, (word, bit)| missing | (!word & bit));
        missing == 0
    }

    /// The block of a fingerprint: its upper half, scaled to the number of blocks.
    const fn block_of(&self, fingerprint: u64) -> usize {
        (((fingerprint >> 32) * self.0.len() as u64) >> 32) as usize
    }
}

/// A fingerprint, and what filters are asked for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Probe {
    pub(crate) fingerprint: u64,
    /// Its bit in each word: the upper 5 bits of its lower half times the word's salt.
    bits: [u32; 8],
}

impl Probe {
    pub(crate) fn of(fingerprint: u64) -> Self {
        let bits = SALTS.map(|salt| 1 << ((fingerprint as u32).wrapping_mul(salt) >> 27));
        Self { fingerprint, bits }
    }
}
