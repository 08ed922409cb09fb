//! Revisions of figures: which events changed what a figure says, or that it counts, or that it was agreed to.
//!
//! Place in the flow: the batch writes a row beside the entry, so that boards need not walk all series. It must not
//! know revisions of anything but figures: those are facts.

use serde::{Deserialize, Serialize};

use crate::error::ViewsError;
use crate::key;
use crate::row::{decode, position_of};
use crate::series::{Entry, EntryKind, SeriesKey};
use crate::views::Views;

/// An entry that changes what became of an earlier figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The last `limit` events up to `known` that corrected, revised, retracted or rejected a figure, or took its
    /// verification back, newest first.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn figure_revisions(&self, known: u64, limit: usize) -> Result<Vec<FigureRevision>, ViewsError> {
        self.read(|store| {
            let mut rows = Vec::new();
            for row in store.from(key::REVISIONS, key::revision(0)) {
                let row = row?;
                if position_of(&row.0)? > known {
                    break;
                }
                rows.push(row);
            }
            rows.iter().rev().take(limit).map(|(key, value)| decode(key, value)).collect()
        })
    }
}
