//! Finding one entry: by its position in a list, or by its event's id.
//!
//! Place in the flow: for the batch, which sees its own rows, and for reads. It must not know: what is done with it.

use songhua_domain::id::AgencyId;
use uuid::Uuid;

use crate::batch::Subject;
use crate::block;
use crate::error::ViewsError;
use crate::index::{Place, candidates};
use crate::milestone::DatedRow;
use crate::packed;
use crate::row::decode;
use crate::series::Entry;
use crate::store::Store;

/// What is done with a row.
pub(crate) type Visit<'v> = &'v mut dyn FnMut(&[u8], &[u8]) -> Result<(), ViewsError>;

/// Rows as somebody sees them.
pub(crate) trait Seen {
    /// Visits the rows of the list of `prefix`; in what order is not said.
    fn each(&self, prefix: &[u8], visit: Visit<'_>) -> Result<(), ViewsError>;
    /// Visits the block of the list of `prefix` that an entry at `position` is in.
    fn block(&self, prefix: &[u8], position: u64, visit: Visit<'_>) -> Result<(), ViewsError>;
    /// What a number stands for.
    fn subject(&self, number: u32) -> Option<Subject>;
}

/// Rows of a store, with its subjects.
pub(crate) struct Stored<'s, F> {
    pub(crate) store: &'s Store,
    pub(crate) subject: F,
}

impl<F: Fn(u32) -> Option<Subject>> Seen for Stored<'_, F> {
    fn each(&self, prefix: &[u8], visit: Visit<'_>) -> Result<(), ViewsError> {
        for row in self.store.scan(prefix) {
            let (key, value) = row?;
            visit(&key, &value)?;
        }
        Ok(())
    }
    fn block(&self, prefix: &[u8], position: u64, visit: Visit<'_>) -> Result<(), ViewsError> {
        match self.store.last_block(prefix, block::at(prefix, position))? {
            Some((key, value)) => visit(&key, &value),
            None => Ok(()),
        }
    }
    fn subject(&self, number: u32) -> Option<Subject> {
        (self.subject)(number)
    }
}

/// What an id was found to be.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// Position of the event.
    pub(crate) position: u64,
    /// What it speaks of.
    pub(crate) subject: Subject,
    /// With a series: its entry, without agency and reason.
    pub(crate) entry: Option<Entry>,
}

/// The event with this id; none if it is of no series and no milestone.
pub(crate) fn event(seen: &dyn Seen, event_id: Uuid) -> Result<Option<Found>, ViewsError> {
    let place = Place::of(event_id);
    let mut maybe = Vec::new();
    seen.each(&place.prefix(), &mut |key, value| candidates(key, value, place, &mut maybe))?;
    for (position, number) in maybe {
        let Some(subject) = seen.subject(number) else { continue };
        let prefix = subject.prefix();
        let mut found = None;
        seen.block(&prefix, position, &mut |key, value| {
            found = of_id(key, value, &subject, position, event_id)?;
            Ok(())
        })?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// The event at `position` in a block, if it has this id.
fn of_id(
    key: &[u8],
    value: &[u8],
    subject: &Subject,
    position: u64,
    event_id: Uuid,
) -> Result<Option<Found>, ViewsError> {
    for entry in block::entries(key, value) {
        let (at, payload) = entry?;
        if at != position {
            continue;
        }
        let entry = match subject {
            Subject::Series(_) if packed::event_id(payload) == Some(event_id) => {
                Some(packed::unpack(key, (at, payload), None)?)
            }
            Subject::Milestone(..) if decode::<DatedRow>(key, payload)?.row.event_id == event_id => None,
            _ => continue,
        };
        return Ok(Some(Found { position, subject: subject.clone(), entry }));
    }
    Ok(None)
}

/// The entry at `position` of the series of `prefix`.
pub(crate) fn entry(seen: &dyn Seen, prefix: &[u8], position: u64) -> Result<Option<Entry>, ViewsError> {
    let mut found = None;
    seen.block(prefix, position, &mut |key, value| {
        let mut agencies: Vec<AgencyId> = Vec::new();
        for entry in block::entries(key, value) {
            let entry = entry?;
            if entry.0 > position {
                break;
            }
            let read = packed::unpack(key, entry, Some(&mut agencies))?;
            if read.position == position {
                found = Some(read);
            }
        }
        Ok(())
    })?;
    Ok(found)
}
