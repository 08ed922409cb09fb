//! Answers of now, kept: what many ask while nothing is recorded is made once.
//!
//! Place in the flow: before a reading is taken for those who ask without any *when*; filled by the reading of the one
//! who asked first. An answer holds until something is applied, the day changes or the views are replaced. It must not
//! know how an answer is made.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use jiff::civil::Date;
use songhua_domain::id::AreaId;
use songhua_views::Views;
use songhua_wire::pb;

use crate::as_of::date_in;

/// What an answer of now follows from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Which views.
    pub(crate) life: u64,
    /// Their last position.
    pub(crate) applied: u64,
    /// The day, in the plan's time zone.
    pub(crate) valid_date: Date,
    /// The plan's time zone.
    pub(crate) time_zone: String,
}

/// Answers of one moment.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    moment: Option<Moment>,
    /// GetOverview.
    pub(crate) overview: Option<Arc<pb::GetOverviewResponse>>,
    /// GetCircle.
    pub(crate) circles: BTreeMap<AreaId, Arc<pb::GetCircleResponse>>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Answers(Mutex<Kept>);

impl Answers {
    /// The answer that `pick` finds, if it is still that of now.
    pub(crate) fn get<T>(
        &self,
        views: &Views,
        now: Timestamp,
        pick: impl FnOnce(&Kept) -> Option<Arc<T>>,
    ) -> Option<Arc<T>> {
        // Asked first: nobody waits here for views that are just being replaced.
        let (life, applied) = (views.life(), views.applied());
        let kept = self.kept();
        let moment = kept.moment.as_ref()?;
        let holds =
            moment.life == life && moment.applied == applied && moment.valid_date == date_in(&moment.time_zone, now);
        if holds { pick(&kept) } else { None }
    }

    /// Keeps an answer of `moment`, and only others of the same.
    pub(crate) fn keep(&self, moment: Moment, put: impl FnOnce(&mut Kept)) {
        let mut kept = self.kept();
        // One that took its time: there is a newer one.
        if kept.moment.as_ref().is_some_and(|other| other.life == moment.life && other.applied > moment.applied) {
            return;
        }
        if kept.moment.as_ref() != Some(&moment) {
            *kept = Kept { moment: Some(moment), ..Kept::default() };
        }
        put(&mut kept);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
