//! Which records a filter may let pass: postings, united and intersected.
//!
//! ```text
//! areas:       a ∪ b      ──┐
//! indicators:  c          ──┼─ ∩ ─▶ positions, a few hundred at a time
//! event types: d ∪ e ∪ f  ──┘
//! ```
//! Place in the flow: [`Views`] as audit asks them, before it reads the log. Blocks are read one by one, so that no read
//! keeps a batch waiting. It must not know: what is done with positions.

use crate::block;
use crate::error::ViewsError;
use crate::grown::Grown;
use crate::postings::{PostingKind, positions, prefix};
use crate::store::Store;
use crate::views::Views;

/// Most blocks that are looked at before it is said how far that led.
const BLOCKS_MAX: usize = 512;

/// What was selected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// Positions, ascending.
    pub positions: Vec<u64>,
    /// Of all records up to here, no others can pass. Before the first position that was asked for = views know nothing of it.
    pub until: u64,
    /// The [`life`](Views::life) of the views that say so.
    pub life: u64,
}

impl Views {
    /// The first positions from `from` on, at most `limit`, of records that are in one list at least of each of
    /// `unions`, of which there is one at least.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them. Views that are replaced meanwhile say so, too.
    pub fn select(&self, unions: &[Vec<(PostingKind, &str)>], from: u64, limit: usize) -> Result<Selected, ViewsError> {
        let outdated = self.outdated();
        let grown = self.grown();
        let (life, until) = (grown.life(), if outdated { 0 } else { grown.applied() });
        let mut selecting = Selecting { grown: &grown, until, blocks: 0 };
        let mut unions: Vec<Vec<List>> =
            unions.iter().map(|union| union.iter().map(|(kind, id)| List::new(*kind, id)).collect()).collect();
        let (mut found, mut next) = (Vec::new(), from);
        while found.len() < limit && selecting.blocks < BLOCKS_MAX && next <= until {
            match selecting.meet(&mut unions, next)? {
                Step::Met(position) => {
                    found.push(position);
                    next = position + 1;
                }
                Step::Behind(position) => next = position,
                Step::Over => next = until + 1,
            }
        }
        Ok(Selected { positions: found, until: (next - 1).min(until), life })
    }
}

/// Where unions lead from a position.
enum Step {
    /// It is in all of them, or this later one is.
    Met(u64),
    /// None from there on, up to this one, is in all of them.
    Behind(u64),
    /// None from there on.
    Over,
}

struct Selecting<'g> {
    grown: &'g Grown,
    until: u64,
    blocks: usize,
}

impl Selecting<'_> {
    /// One round: whether all unions meet where the first of them leads.
    fn meet(&mut self, unions: &mut [Vec<List>], from: u64) -> Result<Step, ViewsError> {
        let mut position = from;
        let mut moved = false;
        for (number, union) in unions.iter_mut().enumerate() {
            let mut first = None;
            for list in union {
                let next = self.seek(list, position)?;
                first = [first, next].into_iter().flatten().min();
            }
            match first {
                None => return Ok(Step::Over),
                Some(next) => {
                    moved |= number > 0 && next > position;
                    position = next;
                }
            }
        }
        Ok(if moved { Step::Behind(position) } else { Step::Met(position) })
    }

    /// The first position of a list that is not before `from`.
    fn seek(&mut self, list: &mut List, from: u64) -> Result<Option<u64>, ViewsError> {
        if list.block.last().is_none_or(|last| *last < from) && !list.over {
            self.blocks += 1;
            list.block = self.grown.read(|store| list.load(store, from))?;
            (list.at, list.over) = (0, list.block.is_empty());
        }
        if list.block.get(list.at).is_none_or(|position| *position < from) {
            list.at += list.block.get(list.at..).unwrap_or_default().partition_point(|position| *position < from);
        }
        Ok(list.block.get(list.at).copied().filter(|position| *position <= self.until))
    }
}

/// A list, read forwards.
struct List {
    prefix: Vec<u8>,
    /// A block of it.
    block: Vec<u64>,
    /// The first position in it that may still be asked for.
    at: usize,
    /// There is no further block.
    over: bool,
}

impl List {
    fn new(kind: PostingKind, id: &str) -> Self {
        Self { prefix: prefix(kind, id), block: Vec::new(), at: 0, over: false }
    }

    /// The first block with a position that is not before `from`; empty if there is none.
    fn load(&self, store: &Store, from: u64) -> Result<Vec<u64>, ViewsError> {
        if let Some((key, value)) = store.last_block(&self.prefix, block::at(&self.prefix, from))? {
            let block = positions(&key, &value)?;
            if block.last().is_some_and(|last| *last >= from) {
                return Ok(block);
            }
        }
        let mut behind = store.between(block::at(&self.prefix, from), block::at(&self.prefix, u64::MAX));
        match behind.next().transpose()? {
            Some((key, value)) => positions(&key, &value),
            None => Ok(Vec::new()),
        }
    }
}
