//! Where records stand in a segment: by position (sparse), by key (fingerprints), and "certainly not here" (filter).
//!
//! Place in the flow: built by the writer and by recovery, asked by reads. The active segment keeps it in memory;
//! the companion of a sealed one keeps it on disk.
//!
//! It must not know files.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use sha2::{Digest, Sha256};

use super::bytes::u64_at;
use super::frame::FrameHeader;
use crate::identity::Position;
use crate::record::Key;

/// One sparse entry stands for at least this many bytes of frames.
pub(crate) const SPARSE_EVERY: u64 = 64 * 1024;
const BITS_PER_KEY: usize = 10;
const PROBES: u64 = 7;

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

/// The first frame, and one frame for every 64 KiB.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SparseIndex(pub(crate) Vec<SparseEntry>);

impl SparseIndex {
    fn offer(&mut self, offset: u64, header: &FrameHeader) {
        if self.0.last().is_none_or(|last| offset - last.offset >= SPARSE_EVERY) {
            let recorded_time_us = header.recorded_time_us;
            self.0.push(SparseEntry { position: header.first, offset, recorded_time_us });
        }
    }

    /// Where to begin looking for `position`: the last known frame that does not start behind it.
    pub(crate) fn at_or_before(&self, position: Position) -> Option<SparseEntry> {
        let behind = self.0.partition_point(|entry| entry.position <= position);
        behind.checked_sub(1).map(|at| self.0[at])
    }
}

/// Fingerprints of the active segment.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeyIndex {
    /// The first position of each fingerprint.
    first: HashMap<u64, u64>,
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
        self.sparse.offer(offset, header);
        for (fingerprint, position) in fingerprints.iter().zip(header.first.0..) {
            self.keys.insert(*fingerprint, Position(position));
        }
    }
}

/// A Bloom filter of fingerprints: 10 bits a key and 7 probes let 1 foreign key in 120 pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filter(pub(crate) Vec<u8>);

impl Filter {
    pub(crate) fn of(fingerprints: impl ExactSizeIterator<Item = u64>) -> Self {
        let mut filter = Self(vec![0; (fingerprints.len() * BITS_PER_KEY).div_ceil(8).max(1)]);
        for fingerprint in fingerprints {
            for bit in filter.probes(fingerprint) {
                filter.0[bit / 8] |= 1 << (bit % 8);
            }
        }
        filter
    }

    /// `false` is certain.
    pub(crate) fn may_contain(&self, fingerprint: u64) -> bool {
        self.probes(fingerprint).all(|bit| self.0[bit / 8] & (1 << (bit % 8)) != 0)
    }

    /// Bit i is (low half + i × (high half | 1)) mod bits. An odd step never stands still.
    fn probes(&self, fingerprint: u64) -> impl Iterator<Item = usize> + use<> {
        let bits = self.0.len() as u64 * 8;
        let (low, step) = (fingerprint & 0xffff_ffff, (fingerprint >> 32) | 1);
        (0..PROBES).map(move |probe| ((low + probe * step) % bits) as usize)
    }
}
