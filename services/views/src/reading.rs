//! Reads over series: what was said to be nothing, and scores of verified figures only.
//!
//! Place in the flow: beside the reads of [`Views`] that name one thing. It must not know how rows are packed.

use jiff::civil::Date;
use songhua_domain::id::{AreaId, IndicatorId};
use songhua_domain::score::Score;

use crate::error::ViewsError;
use crate::model::Model;
use crate::row::unreadable;
use crate::scoring;
use crate::series::{Entry, EntryKind, SeriesKey, entries_of};
use crate::views::Views;

impl Views {
    /// As [`score_target`](Self::score_target), but only verified figures count.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn score_target_verified(
        &self,
        model: &Model,
        area: &AreaId,
        indicator: &IndicatorId,
        valid_date: Date,
        known: u64,
    ) -> Result<Option<Score>, ViewsError> {
        let live = &mut |key: &SeriesKey| {
            let mut live = self.series(key, known)?.live_observations();
            live.retain(|figure| figure.verified);
            Ok(live)
        };
        scoring::score_target(model, area, indicator, valid_date, live)
    }

    /// Periods of an indicator in an area for which somebody said that there is nothing to report, in log order: first
    /// day (none for a level), last day, position.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn nothing_said(
        &self,
        area: &AreaId,
        indicator: &IndicatorId,
        known: u64,
    ) -> Result<Vec<(Option<Date>, Date, u64)>, ViewsError> {
        let mut said = Vec::new();
        self.each_entry(&SeriesKey::total(area, indicator).prefix().done(), known, |_, entry| {
            if entry.kind == EntryKind::Nothing {
                said.push((entry.start, entry.end, entry.position));
            }
        })?;
        Ok(said)
    }

    /// Every entry of the series below `prefix` up to `known`, series by series.
    fn each_entry(
        &self,
        prefix: &[u8],
        known: u64,
        mut entry: impl FnMut(&SeriesKey, &Entry),
    ) -> Result<(), ViewsError> {
        self.read(|store| {
            for row in store.scan(prefix) {
                let (key, chunk) = row?;
                let series = SeriesKey::read(&key).ok_or_else(|| unreadable(&key, "names no series"))?;
                for read in entries_of(&key, &chunk) {
                    let read = read?;
                    if read.position <= known {
                        entry(&series, &read);
                    }
                }
            }
            Ok(())
        })
    }
}
