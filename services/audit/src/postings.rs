//! Where records that a filter asks for may be: read from the postings in the views, so that little of the log is read.
//!
//! ```text
//! select ─▶ of views that this log confirms? ─no─▶ all records
//!                 └─yes─▶ few of many? ─no─▶ all of them    ─yes─▶ these, and no other up to there
//! ```
//! Place in the flow: asked before each read. Postings only save reading: every record is judged all the same, and where
//! they are missing, behind or damaged, all records are read. It must not know: what a record says.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use songhua_log::{EventLog, Position, leaf_hash};
use songhua_views::{PostingKind, Selected, Views, ViewsError};

/// Most records that are selected at once: so many places on disk are read before anything is said.
const SELECTED_MAX: usize = 512;
/// Where more than one record in so many is selected, reading all of them is as fast.
const SPARSE: u64 = 4;

/// Ids of one kind, of which a record must have one.
pub(crate) type Union = Vec<(PostingKind, String)>;

/// The next part of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// All records up to here are to be looked at.
    All(u64),
    /// Only these, and no others up to there.
    Some(Vec<Position>, u64),
}

/// What knows where records may be, for one replay.
#[derive(Debug)]
pub(crate) struct Postings {
    views: Views,
    unions: Vec<Union>,
    /// The life of the views that was found to be of this log; `u64::MAX` = none.
    confirmed: AtomicU64,
}

impl Postings {
    /// Of `unions`, of which there is one at least, a record must be in each.
    pub(crate) const fn new(views: Views, unions: Vec<Union>) -> Self {
        Self { views, unions, confirmed: AtomicU64::new(u64::MAX) }
    }

    /// What to look at from `from` on, not beyond `end`.
    pub(crate) async fn part(self: Arc<Self>, log: Arc<dyn EventLog>, from: u64, end: u64) -> Part {
        let Some(selected) = self.select(from).await else { return Part::All(end) };
        let until = selected.until.min(end);
        if until < from || !self.confirm(&*log, selected.life).await {
            return Part::All(end);
        }
        let within = selected.positions.partition_point(|position| *position <= until);
        if within as u64 * SPARSE > until - from + 1 {
            return Part::All(until);
        }
        Part::Some(selected.positions.into_iter().take(within).map(Position).collect(), until)
    }

    /// None = the views cannot say.
    async fn select(self: &Arc<Self>, from: u64) -> Option<Selected> {
        let postings = Arc::clone(self);
        let selected = tokio::task::spawn_blocking(move || {
            let unions: Vec<Vec<(PostingKind, &str)>> = postings
                .unions
                .iter()
                .map(|union| union.iter().map(|(kind, id)| (*kind, id.as_str())).collect())
                .collect();
            postings.views.select(&unions, from, SELECTED_MAX)
        });
        match selected.await {
            Ok(Ok(selected)) => Some(selected),
            Ok(Err(error)) => {
                tracing::debug!(%error, "postings cannot be read; all records are");
                None
            }
            Err(failed) => {
                tracing::warn!(error = %failed, "postings cannot be read; all records are");
                None
            }
        }
    }

    /// Whether views of this life follow this log. Those that a crash or a restored backup left behind may not, until the
    /// projector has looked.
    async fn confirm(self: &Arc<Self>, log: &dyn EventLog, life: u64) -> bool {
        if self.confirmed.load(Ordering::Relaxed) == life {
            return true;
        }
        let views = self.views.clone();
        let read = move || Ok::<_, ViewsError>((views.checkpoint()?, views.life()));
        let Ok(Ok((Some(checkpoint), now))) = tokio::task::spawn_blocking(read).await else { return false };
        let identity = log.identity();
        let ours = (checkpoint.log_id, checkpoint.epoch) == (identity.log_id, identity.epoch) && now == life;
        if !ours {
            return false;
        }
        let stored = log.read(checkpoint.position, 0).await;
        let record = stored.ok().and_then(|records| records.into_iter().next());
        let same = record.is_some_and(|record| {
            record.position == checkpoint.position && leaf_hash(&record.bytes) == checkpoint.leaf_hash
        });
        if same {
            self.confirmed.store(life, Ordering::Relaxed);
        }
        same
    }
}
