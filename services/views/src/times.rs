//! When submissions were recorded: blocks of (time, last position), keyed by the time of the first.
//!
//! Place in the flow: the batch notes the end of each submission, reads ask which position a time means. It must not
//! know: what was submitted.

use std::cell::Cell;

use crate::block;
use crate::error::ViewsError;
use crate::key;
use crate::row::unreadable;
use crate::varint::{put_signed, take_signed};
use crate::waiting::{OpenRow, Ticket};

/// Bytes from which on a block takes no further submission.
const BLOCK_BYTES: usize = 4_096;

/// The last block, being written.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    pub(crate) key: Vec<u8>,
    pub(crate) bytes: Vec<u8>,
    last: (i64, u64),
    ticket: Cell<Ticket>,
}

impl Open {
    pub(crate) fn begin(time_us: i64, position: u64) -> Self {
        Self {
            key: key::time(time_us, position),
            bytes: Vec::new(),
            last: (time_us, position),
            ticket: Cell::new(Ticket::NOWHERE),
        }
    }
    /// Goes on with the block at `key`.
    pub(crate) fn resume(key: &[u8], value: &[u8]) -> Result<Self, ViewsError> {
        let last = read(key, value)?.last().copied().ok_or_else(|| unreadable(key, "no times"))?;
        Ok(Self { key: key.to_vec(), bytes: value.to_vec(), last, ticket: Cell::new(Ticket::NOWHERE) })
    }
    /// The row that it is.
    pub(crate) fn row(&self) -> OpenRow<'_> {
        let (prefix, first) = (block::prefix_of(&self.key), key::last_position(&self.key).unwrap_or_default());
        OpenRow { prefix, first, bytes: &self.bytes, ticket: &self.ticket }
    }
    pub(crate) const fn is_full(&self) -> bool {
        self.bytes.len() >= BLOCK_BYTES
    }
    pub(crate) fn note(&mut self, time_us: i64, position: u64) {
        put_signed(&mut self.bytes, time_us.wrapping_sub(self.last.0));
        put_signed(&mut self.bytes, position.wrapping_sub(self.last.1).cast_signed());
        self.last = (time_us, position);
    }
}

/// Time and last position of the submissions in a block, in order.
pub(crate) fn read(key: &[u8], mut value: &[u8]) -> Result<Vec<(i64, u64)>, ViewsError> {
    let time = key::eight(key, 1).map(key::unsortable);
    let (Some(mut time), Some(mut position)) = (time, key::last_position(key)) else {
        return Err(unreadable(key, "key too short"));
    };
    let mut all = Vec::new();
    while !value.is_empty() {
        let (Some(later), Some(behind)) = (take_signed(&mut value), take_signed(&mut value)) else {
            return Err(unreadable(key, "cut time"));
        };
        time = time.wrapping_add(later);
        position = position.wrapping_add_signed(behind);
        all.push((time, position));
    }
    Ok(all)
}
