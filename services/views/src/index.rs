//! Where events are, by id: of an event that a later one may name, its position and what it speaks of.
//!
//! Place in the flow: the batch notes every entry of a series and every row of a milestone, and finds what a later event
//! names. An id is not kept, only 32 bits of it: whoever finds something compares the id with the entry itself. It must
//! not know: what a subject is.
//!
//! Blocks of 12 bytes an event (32 bits of the id, position − first position, number of the subject) in as many lists as
//! there are [`SHARDS`], so that few blocks are looked at.

use std::cell::Cell;

use uuid::Uuid;

use crate::block;
use crate::error::ViewsError;
use crate::key;
use crate::row::unreadable;
use crate::waiting::{OpenRow, Ticket};

/// Lists that events are spread over.
pub(crate) const SHARDS: usize = 1_024;
/// Bytes of an event.
const EVENT_BYTES: usize = 12;
/// Bytes of a full block.
const BLOCK_BYTES: usize = EVENT_BYTES * 340;

/// List and mark of an event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// Which list.
    pub(crate) shard: u16,
    mark: [u8; 4],
}

impl Place {
    /// The place of `event_id`. Part of the layout.
    pub(crate) fn of(event_id: Uuid) -> Self {
        let (high, low) = event_id.as_u64_pair();
        // The golden ratio spreads ids that were counted up, too.
        let mixed = (high.rotate_left(32) ^ low).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Self { shard: (mixed >> 54) as u16, mark: ((mixed >> 16) as u32).to_be_bytes() }
    }
    /// The prefix of the list's keys.
    pub(crate) const fn prefix(self) -> [u8; 3] {
        prefix(self.shard)
    }
}

const fn prefix(shard: u16) -> [u8; 3] {
    let [high, low] = shard.to_be_bytes();
    [key::EVENTS, high, low]
}

/// The last block of a list, being written.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    prefix: [u8; 3],
    first: u64,
    /// Its value.
    pub(crate) bytes: Vec<u8>,
    /// Whether it was written to in this batch.
    pub(crate) dirty: bool,
    ticket: Cell<Ticket>,
}

impl Open {
    pub(crate) const fn begin(shard: u16, position: u64) -> Self {
        Self {
            prefix: prefix(shard),
            first: position,
            bytes: Vec::new(),
            dirty: false,
            ticket: Cell::new(Ticket::NOWHERE),
        }
    }
    /// Goes on with the block at `key`.
    pub(crate) fn resume(shard: u16, key: &[u8], value: &[u8]) -> Result<Self, ViewsError> {
        let first = key::last_position(key).ok_or_else(|| unreadable(key, "key too short"))?;
        Ok(Self {
            prefix: prefix(shard),
            first,
            bytes: value.to_vec(),
            dirty: false,
            ticket: Cell::new(Ticket::NOWHERE),
        })
    }
    pub(crate) fn key(&self) -> Vec<u8> {
        block::at(&self.prefix, self.first)
    }
    /// The row that it is.
    pub(crate) fn row(&self) -> OpenRow<'_> {
        OpenRow { prefix: &self.prefix, first: self.first, bytes: &self.bytes, ticket: &self.ticket }
    }
    /// Notes an event; false where it belongs in a new block.
    pub(crate) fn note(&mut self, place: Place, position: u64, subject: u32) -> bool {
        let Ok(offset) = u32::try_from(position.saturating_sub(self.first)) else { return false };
        if self.bytes.len() >= BLOCK_BYTES {
            return false;
        }
        self.bytes.extend_from_slice(&place.mark);
        self.bytes.extend_from_slice(&offset.to_be_bytes());
        self.bytes.extend_from_slice(&subject.to_be_bytes());
        self.dirty = true;
        true
    }
}

/// Position and subject of the events in a block that may be the one of `place`.
pub(crate) fn candidates(
    key: &[u8],
    value: &[u8],
    place: Place,
    found: &mut Vec<(u64, u32)>,
) -> Result<(), ViewsError> {
    let first = key::last_position(key).ok_or_else(|| unreadable(key, "key too short"))?;
    let (events, rest) = value.as_chunks::<EVENT_BYTES>();
    if !rest.is_empty() {
        return Err(unreadable(key, "cut event"));
    }
    for event in events.iter().filter(|event| event.starts_with(&place.mark)) {
        let [_, _, _, _, a, b, c, d, e, f, g, h] = *event;
        let offset = u64::from(u32::from_be_bytes([a, b, c, d]));
        found.push((first.saturating_add(offset), u32::from_be_bytes([e, f, g, h])));
    }
    Ok(())
}
