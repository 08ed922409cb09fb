//! Rows that wait to be written to sled, visible meanwhile.
//!
//! Place in the flow: inside the store. A block that is still written to grows where it waits, instead of being copied
//! with every batch. It must not know what a row means, only bytes under keys.

use std::cell::Cell;
use std::collections::{BTreeMap, btree_map};
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::block;
use crate::store::{Rows, Value};

/// Waiting rooms that this process has had.
static ROOMS: AtomicU64 = AtomicU64::new(1);

/// See the module.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// Which one of this process.
    room: u64,
    rows: BTreeMap<Vec<u8>, Held>,
    /// Values of open blocks; empty where the block has become whole.
    open: Vec<Vec<u8>>,
    bytes: usize,
}

/// A value.
#[derive(Debug)]
enum Held {
    Whole(Value),
    /// Its place among the open ones.
    Open(usize),
}

/// Where an open block waits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket {
    /// 0 = none.
    room: u64,
    place: usize,
}

impl Ticket {
    /// That of a block that waits nowhere.
    pub(crate) const NOWHERE: Self = Self { room: 0, place: 0 };
}

/// A block that is still written to. What was put of it before is its beginning.
#[derive(Debug)]
pub(crate) struct OpenRow<'b> {
    /// The prefix of its list.
    pub(crate) prefix: &'b [u8],
    /// Position of its first entry: with the prefix its key.
    pub(crate) first: u64,
    /// Its value.
    pub(crate) bytes: &'b [u8],
    /// Where it waits, of this very block.
    pub(crate) ticket: &'b Cell<Ticket>,
}

impl Default for Waiting {
    fn default() -> Self {
        let room = ROOMS.fetch_add(1, Ordering::Relaxed);
        Self { room, rows: BTreeMap::new(), open: Vec::new(), bytes: 0 }
    }
}

impl Waiting {
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Bytes that wait; a little more, where rows were replaced.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn put(&mut self, rows: Rows) {
        for (key, value) in rows {
            self.insert(key, Held::Whole(value));
        }
    }

    pub(crate) fn put_open(&mut self, row: &OpenRow<'_>) {
        let Ticket { room, place } = row.ticket.get();
        if room == self.room
            && let Some(kept) = self.open.get_mut(place)
        {
            let more = row.bytes.get(kept.len()..).unwrap_or_default();
            kept.extend_from_slice(more);
            self.bytes += more.len();
        } else {
            let place = self.open.len();
            self.open.push(row.bytes.to_vec());
            self.insert(block::at(row.prefix, row.first), Held::Open(place));
            row.ticket.set(Ticket { room: self.room, place });
        }
    }

    fn insert(&mut self, key: Vec<u8>, value: Held) {
        self.bytes += key.len() + self.value(&value).len();
        self.bytes -= match self.rows.insert(key, value) {
            Some(Held::Open(place)) => self.open.get_mut(place).map(std::mem::take).map_or(0, |old| old.len()),
            Some(Held::Whole(old)) => old.len(),
            None => 0,
        };
    }

    /// Takes what `newer` has, in the place of what it replaces.
    pub(crate) fn append(&mut self, newer: Self) {
        if self.rows.is_empty() {
            *self = newer;
            return;
        }
        for (key, value) in &newer.rows {
            self.insert(key.clone(), Held::Whole(newer.value(value).into()));
        }
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.rows.get(key).map(|held| self.value(held))
    }

    /// Rows between two keys, ascending.
    pub(crate) fn range(&self, keys: (Bound<&[u8]>, Bound<&[u8]>)) -> WaitingRows<'_> {
        WaitingRows { open: &self.open, rows: self.rows.range::<[u8], _>(keys) }
    }

    /// All rows, as sled takes them.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&[u8], Value)> {
        self.rows.iter().map(|(key, held)| match held {
            Held::Whole(value) => (key.as_slice(), value.clone()),
            Held::Open(_) => (key.as_slice(), self.value(held).into()),
        })
    }

    fn value<'w>(&'w self, held: &'w Held) -> &'w [u8] {
        value_of(&self.open, held)
    }
}

fn value_of<'w>(open: &'w [Vec<u8>], held: &'w Held) -> &'w [u8] {
    match held {
        Held::Whole(value) => value,
        Held::Open(place) => open.get(*place).map(Vec::as_slice).unwrap_or_default(),
    }
}

/// See [`Waiting::range`].
#[derive(Debug, Default)]
pub(crate) struct WaitingRows<'w> {
    open: &'w [Vec<u8>],
    rows: btree_map::Range<'w, Vec<u8>, Held>,
}

impl<'w> Iterator for WaitingRows<'w> {
    type Item = (&'w [u8], &'w [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.rows.next().map(|(key, held)| (key.as_slice(), value_of(self.open, held)))
    }
}

impl DoubleEndedIterator for WaitingRows<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.rows.next_back().map(|(key, held)| (key.as_slice(), value_of(self.open, held)))
    }
}
