//! Where events are, by id: of an event that a later one may name, its position and what it speaks of.
//!
//! Place in the flow: the batch notes every entry of a series and every row of a milestone, and finds what a later event
//! names. An id is not kept, only 32 bits of it: whoever finds something compares the id with the entry itself. It must
//! not know: what a subject is.
//!
//! Blocks of 12 bytes an event (32 bits of the id, position − first position, number of the subject) in as many lists as
//! there are [`SHARDS`], so that few blocks are looked at.

use uuid::Uuid;

use crate::error::ViewsError;
use crate::key;
use crate::row::unreadable;

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
    pub(crate) fn prefix(self) -> Vec<u8> {
        prefix(self.shard)
    }
}

fn prefix(shard: u16) -> Vec<u8> {
    key::Key::table(key::EVENTS).bytes(&shard.to_be_bytes()).done()
}

/// The last block of a list, being written.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    shard: u16,
    first: u64,
    /// Its value.
    pub(crate) bytes: Vec<u8>,
    /// Whether it was written to in this batch.
    pub(crate) dirty: bool,
}

impl Open {
    pub(crate) const fn begin(shard: u16, position: u64) -> Self {
        Self { shard, first: position, bytes: Vec::new(), dirty: false }
    }
    /// Goes on with the block at `key`.
    pub(crate) fn resume(shard: u16, key: &[u8], value: &[u8]) -> Result<Self, ViewsError> {
        let first = key::last_position(key).ok_or_else(|| unreadable(key, "key too short"))?;
        Ok(Self { shard, first, bytes: value.to_vec(), dirty: false })
    }
    pub(crate) fn key(&self) -> Vec<u8> {
        crate::block::at(&prefix(self.shard), self.first)
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
