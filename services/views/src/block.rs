//! Lists packed into blocks: one row for a few kilobytes of entries instead of one for each.
//!
//! Place in the flow: the batch appends, reads walk. A block's key is the list's prefix and the position of its first
//! entry, so that a read up to a position is a range of rows. Where blocks end depends on the entries alone: a block is
//! full once it has [`BLOCK_BYTES`] or its [stretch](stretch_of) is over, and entries of one position are never parted.
//! It must not know what an entry says.

use std::cell::Cell;

use crate::error::ViewsError;
use crate::key;
use crate::row::unreadable;
use crate::varint::{put, take, take_bytes};
use crate::waiting::{OpenRow, Ticket};

/// Bytes from which on a block takes no further position.
pub(crate) const BLOCK_BYTES: usize = 4_096;
/// Positions in a stretch, as a power of two.
const STRETCH: u32 = 18;

/// Which stretch of 262,144 positions `position` is in. No block reaches from one into the next: what was written to sled
/// when a stretch was over is not written again with every later entry, however many lists there are.
pub(crate) const fn stretch_of(position: u64) -> u64 {
    position >> STRETCH
}

/// The last block of a list, being written.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    /// Position of its first entry.
    pub(crate) first: u64,
    last: u64,
    /// Its value.
    pub(crate) bytes: Vec<u8>,
    ticket: Cell<Ticket>,
}

impl Open {
    /// A new block, whose first entry is at `position`.
    pub(crate) const fn begin(position: u64) -> Self {
        Self { first: position, last: position, bytes: Vec::new(), ticket: Cell::new(Ticket::NOWHERE) }
    }
    /// Goes on with the block at `key`.
    pub(crate) fn resume(key: &[u8], value: &[u8]) -> Result<Self, ViewsError> {
        let mut last = first_of(key)?;
        for entry in entries(key, value) {
            last = entry?.0;
        }
        Ok(Self { first: first_of(key)?, last, bytes: value.to_vec(), ticket: Cell::new(Ticket::NOWHERE) })
    }
    /// The row that it is in the list of `prefix`.
    pub(crate) fn row<'b>(&'b self, prefix: &'b [u8]) -> OpenRow<'b> {
        OpenRow { prefix, first: self.first, bytes: &self.bytes, ticket: &self.ticket }
    }
    /// Whether an entry at `position` belongs here; else in a new block.
    pub(crate) const fn takes(&self, position: u64) -> bool {
        let room = self.bytes.len() < BLOCK_BYTES && stretch_of(position) == stretch_of(self.first);
        room || position == self.last
    }
    /// Appends an entry that it takes, at or behind the last one.
    pub(crate) fn push(&mut self, position: u64, payload: &[u8]) {
        put(&mut self.bytes, position.saturating_sub(self.first));
        put(&mut self.bytes, payload.len() as u64);
        self.bytes.extend_from_slice(payload);
        self.last = position;
    }
    /// Its key in the list of `prefix`.
    pub(crate) fn key(&self, prefix: &[u8]) -> Vec<u8> {
        at(prefix, self.first)
    }
}

/// The key of a block of the list of `prefix` that begins at `position`.
pub(crate) fn at(prefix: &[u8], position: u64) -> Vec<u8> {
    let mut key = Vec::with_capacity(prefix.len() + 8);
    key.extend_from_slice(prefix);
    key.extend_from_slice(&position.to_be_bytes());
    key
}

/// The list that the block at `key` is of.
pub(crate) fn prefix_of(key: &[u8]) -> &[u8] {
    key.get(..key.len().saturating_sub(8)).unwrap_or_default()
}

fn first_of(key: &[u8]) -> Result<u64, ViewsError> {
    key::last_position(key).ok_or_else(|| unreadable(key, "key too short"))
}

/// Position and payload of the entries of a block, in order. Nothing follows an error.
pub(crate) fn entries<'a>(key: &'a [u8], value: &'a [u8]) -> Entries<'a> {
    Entries { key, rest: value }
}

/// See [`entries`].
#[derive(Debug)]
pub(crate) struct Entries<'a> {
    key: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<(u64, &'a [u8]), ViewsError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let mut read = || {
            let offset = take(&mut self.rest)?;
            let length = usize::try_from(take(&mut self.rest)?).ok()?;
            let payload = take_bytes(&mut self.rest, length)?;
            Some((key::last_position(self.key)?.checked_add(offset)?, payload))
        };
        let entry = read();
        if entry.is_none() {
            self.rest = &[];
        }
        Some(entry.ok_or_else(|| unreadable(self.key, "cut entry")))
    }
}
