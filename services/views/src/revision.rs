//! Revisions of figures: which events changed what a figure says, or that it counts, or that it was agreed to.
//!
//! Place in the flow: the batch notes position and series beside the entry, so that boards need not walk all series. It must not
//! know revisions of anything but figures: those are facts.

use crate::batch::Subject;
use crate::block;
use crate::error::ViewsError;
use crate::find::{self, Seen, Stored};
use crate::key;
use crate::row::{position_of, unreadable};
use crate::series::{Entry, EntryKind, SeriesKey};
use crate::varint::take;
use crate::views::Views;

/// An entry that changes what became of an earlier figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FigureRevision {
    /// The series.
    pub series: SeriesKey,
    /// A correction, revision, retraction or rejection, or a verification taken back.
    pub entry: Entry,
    /// The figure that it speaks of.
    pub of: Entry,
}

/// The position of the figure that an entry of this kind revises.
pub(crate) const fn revised(kind: EntryKind) -> Option<u64> {
    match kind {
        EntryKind::Corrected { of }
        | EntryKind::Revised { of }
        | EntryKind::Retracted { of }
        | EntryKind::Rejected { of }
        | EntryKind::Reopened { of } => Some(of),
        EntryKind::Reported | EntryKind::Assessed | EntryKind::Verified { .. } | EntryKind::Nothing => None,
    }
}

impl Views {
    /// The last `limit` events up to `known` that corrected, revised, retracted or rejected a figure of a series that is
    /// `wanted`, or took its verification back, newest first.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn figure_revisions(
        &self,
        known: u64,
        limit: usize,
        wanted: impl Fn(&SeriesKey) -> bool,
    ) -> Result<Vec<FigureRevision>, ViewsError> {
        self.with(|grown| {
            // Asked once for each series, so that those of others cost next to nothing.
            let numbers = grown.series_numbers(wanted);
            grown.read(|store| {
                let seen = Stored { store, subject: |number| grown.subject(number) };
                let mut revisions = Vec::new();
                let mut until = known;
                while let Some((key, value)) = store.last(&[key::REVISIONS], block::at(&[key::REVISIONS], until))? {
                    let noted: Vec<_> = block::entries(&key, &value).collect::<Result<_, _>>()?;
                    for (position, number) in noted.into_iter().rev().filter(|(position, _)| *position <= known) {
                        if revisions.len() >= limit {
                            return Ok(revisions);
                        }
                        let number = number_of(number)?;
                        if numbers.contains(&number) {
                            revisions.push(read(&seen, position, number)?);
                        }
                    }
                    let Some(before) = position_of(&key)?.checked_sub(1) else { break };
                    until = before;
                }
                Ok(revisions)
            })
        })
    }
}

fn missing() -> ViewsError {
    unreadable(&[key::REVISIONS], "speaks of no entry")
}

/// The number of the series that is noted.
fn number_of(mut noted: &[u8]) -> Result<u32, ViewsError> {
    take(&mut noted).and_then(|number| u32::try_from(number).ok()).ok_or_else(missing)
}

/// The revision at `position`, by an entry of the series of this number.
fn read(seen: &dyn Seen, position: u64, number: u32) -> Result<FigureRevision, ViewsError> {
    let Some(Subject::Series(series)) = seen.subject(number) else { return Err(missing()) };
    let prefix = series.prefix().done();
    let entry = find::entry(seen, &prefix, position)?.ok_or_else(missing)?;
    let of = revised(entry.kind).ok_or_else(missing)?;
    let of = find::entry(seen, &prefix, of)?.ok_or_else(missing)?;
    Ok(FigureRevision { series, entry, of })
}
