//! Postings: of each area, indicator, project, agency and event type, the positions of all records that a filter on it
//! lets pass, and perhaps a few more.
//!
//! Place in the flow: the batch appends here, [`select`](crate::Views::select) reads. A block is the differences between
//! its positions, the first of which is in its key; full once it has [`BLOCK_BYTES`]. It must not know: what a record is.

use std::cell::Cell;
use std::collections::HashMap;

use crate::batch::ViewBatch;
use crate::block;
use crate::error::ViewsError;
use crate::key::{self, Key};
use crate::row::{position_of, unreadable};
use crate::varint::{put, take};
use crate::waiting::{OpenRow, Ticket};

/// Bytes from which on a block takes no further position.
const BLOCK_BYTES: usize = 4_096;
/// Most lists whose last blocks are kept.
const TAILS: usize = 8_192;

/// What records are found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PostingKind {
    /// The area they are about.
    Area = 1,
    /// The indicator.
    Indicator = 2,
    /// The project, or one of both.
    Project = 3,
    /// The agency that sent them, or for which they were filed.
    Agency = 4,
    /// Token of their event type.
    EventType = 5,
}

/// The prefix of a list's keys.
pub(crate) fn prefix(kind: PostingKind, id: &str) -> Vec<u8> {
    Key::table(key::POSTINGS).bytes(&[kind as u8]).text(id).done()
}

/// The positions in a block, ascending.
pub(crate) fn positions(key: &[u8], mut value: &[u8]) -> Result<Vec<u64>, ViewsError> {
    let mut last = position_of(key)?;
    let mut positions = Vec::with_capacity(value.len() + 1);
    positions.push(last);
    while !value.is_empty() {
        let next = take(&mut value).and_then(|more| last.checked_add(more));
        last = next.ok_or_else(|| unreadable(key, "cut posting"))?;
        positions.push(last);
    }
    Ok(positions)
}

/// The last block of a list, being written.
#[derive(Debug)]
struct Tail {
    prefix: Vec<u8>,
    first: u64,
    last: u64,
    bytes: Vec<u8>,
    dirty: bool,
    ticket: Cell<Ticket>,
}

/// The last blocks of lists that are written to, by kind and id. Looked up only: no order of it reaches a row.
#[derive(Debug, Default)]
pub(crate) struct Tails {
    places: [HashMap<Box<str>, usize>; 5],
    tails: Vec<Tail>,
    /// Places of those that were written to in this batch.
    dirty: Vec<usize>,
}

impl Tails {
    /// Adds the last blocks that were written to.
    pub(crate) fn put<'b>(&'b mut self, rows: &mut Vec<OpenRow<'b>>) {
        for place in &self.dirty {
            if let Some(tail) = self.tails.get_mut(*place) {
                tail.dirty = false;
            }
        }
        for tail in self.dirty.drain(..).filter_map(|place| self.tails.get(place)) {
            let Tail { prefix, first, bytes, ticket, .. } = tail;
            rows.push(OpenRow { prefix, first: *first, bytes, ticket });
        }
    }

    /// Lets go of what has become too much, between batches.
    pub(crate) fn trim(&mut self) {
        if self.tails.len() > TAILS {
            *self = Self::default();
        }
    }
}

/// A list, as one batch knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostingList(usize);

impl ViewBatch<'_> {
    /// The list of this id, to which a record at `position` is to be added, for as long as this batch is filled.
    ///
    /// # Errors
    /// [`ViewsError`]; the batch must be dropped.
    pub fn posting_list(&mut self, kind: PostingKind, id: &str, position: u64) -> Result<PostingList, ViewsError> {
        match self.writer.postings.places[kind as usize - 1].get(id) {
            Some(place) => Ok(PostingList(*place)),
            None => self.load_tail(kind, id, position).map(PostingList),
        }
    }

    /// Notes that the record at `position` is found by the id of this list. Positions never fall; one that is noted twice
    /// counts once.
    pub fn post_to(&mut self, PostingList(place): PostingList, position: u64) {
        let Tails { tails, dirty, .. } = &mut self.writer.postings;
        let Some(tail) = tails.get_mut(place) else { return };
        if tail.bytes.len() >= BLOCK_BYTES && position > tail.last {
            let full = std::mem::take(&mut tail.bytes);
            self.rows.insert(block::at(&tail.prefix, tail.first), full.as_slice().into());
            (tail.first, tail.last, tail.ticket) = (position, position, Cell::new(Ticket::NOWHERE));
        } else if position > tail.last {
            put(&mut tail.bytes, position - tail.last);
            tail.last = position;
        }
        if !tail.dirty {
            tail.dirty = true;
            dirty.push(place);
        }
    }

    /// Both at once.
    ///
    /// # Errors
    /// [`ViewsError`]; the batch must be dropped.
    pub fn post(&mut self, kind: PostingKind, id: &str, position: u64) -> Result<(), ViewsError> {
        let list = self.posting_list(kind, id, position)?;
        self.post_to(list, position);
        Ok(())
    }

    /// The place of a list that nothing was written to yet; one that is new begins at `position`.
    fn load_tail(&mut self, kind: PostingKind, id: &str, position: u64) -> Result<usize, ViewsError> {
        let prefix = prefix(kind, id);
        let stored = self.grown.read(|store| {
            let row = store.last_block(&prefix, block::at(&prefix, u64::MAX))?;
            row.map(|(key, value)| Ok((positions(&key, &value)?, value.to_vec()))).transpose()
        })?;
        let tail = match stored.as_ref().and_then(|(block, bytes)| Some((*block.first()?, *block.last()?, bytes))) {
            Some((first, last, bytes)) => {
                Tail { prefix, first, last, bytes: bytes.clone(), dirty: false, ticket: Cell::new(Ticket::NOWHERE) }
            }
            None => Tail {
                prefix,
                first: position,
                last: position,
                bytes: Vec::new(),
                dirty: false,
                ticket: Cell::new(Ticket::NOWHERE),
            },
        };
        let Tails { places, tails, .. } = &mut self.writer.postings;
        tails.push(tail);
        places[kind as usize - 1].insert(id.into(), tails.len() - 1);
        Ok(tails.len() - 1)
    }
}
