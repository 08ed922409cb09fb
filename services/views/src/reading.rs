//! Reads of figures, scores, milestones, days and times.
//!
//! Place in the flow: [`Views`] as progress and relay ask them. Every read names the position it knows. It must not know:
//! how rows are kept apart from blocks, who asks.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use songhua_domain::id::{AreaId, IndicatorId};
use songhua_domain::score::{Observation, Score};
use uuid::Uuid;

use crate::batch::Subject;
use crate::block;
use crate::error::ViewsError;
use crate::find::{self, Stored};
use crate::grown::Grown;
use crate::key;
use crate::model::Model;
use crate::row::{Change, decode, unreadable};
use crate::scoring::{self, As};
use crate::series::{Entry, Series, SeriesKey};
use crate::timeline::Timeline;
use crate::times;
use crate::views::Views;

impl Grown {
    /// The last day that was opened at or before `known`.
    pub(crate) fn last_day(&self, known: u64) -> Result<Option<Date>, ViewsError> {
        self.read(|store| {
            let row = store.last(&[key::DAYS], key::day(known))?;
            row.map(|(key, value)| decode(&key, &value)).transpose()
        })
    }
}

impl Views {
    /// Everything that is defined as known at `known`.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn model(&self, known: u64) -> Result<Arc<Model>, ViewsError> {
        self.with(|grown| grown.model(known))
    }

    /// Scores a target on `valid_date` as known at `known`; `model` is that of `known`. None where the target is not
    /// defined.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn score_target(
        &self,
        model: &Model,
        area: &AreaId,
        indicator: &IndicatorId,
        valid_date: Date,
        known: u64,
    ) -> Result<Option<Arc<Score>>, ViewsError> {
        self.score(As { model, known, verified_only: false }, area, indicator, valid_date)
    }

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
    ) -> Result<Option<Arc<Score>>, ViewsError> {
        self.score(As { model, known, verified_only: true }, area, indicator, valid_date)
    }

    /// Computed once as long as it follows from the same.
    fn score(
        &self,
        known: As<'_>,
        area: &AreaId,
        indicator: &IndicatorId,
        valid_date: Date,
    ) -> Result<Option<Arc<Score>>, ViewsError> {
        self.with(|grown| {
            let target = (area.clone(), indicator.clone());
            // A model that was read before the views were replaced may say something else.
            let is_own = std::ptr::eq(known.model, &*grown.model(known.known)?);
            if let Some(score) = grown.recalled().score(known, &target, valid_date).filter(|_| is_own) {
                return Ok(Some(score));
            }
            let mut rests_on = Vec::new();
            let scored = scoring::score_target(known, area, indicator, valid_date, &mut |series| {
                let timeline = grown.timeline(series)?;
                rests_on.push((series.clone(), timeline.last()));
                Ok(timeline)
            })?;
            let Some(score) = scored.map(Arc::new) else { return Ok(None) };
            if is_own {
                grown.recalled().keep_score(known, target, valid_date, rests_on, &score);
            }
            Ok(Some(score))
        })
    }

    /// Live figures of an indicator's total in an area, derived ones where the indicator is derived; oldest first by
    /// (reference date, position).
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn live_observations(
        &self,
        model: &Model,
        area: &AreaId,
        indicator: &IndicatorId,
        known: u64,
    ) -> Result<Vec<Observation>, ViewsError> {
        let known = As { model, known, verified_only: false };
        scoring::observations(known, area, indicator, &mut |series| self.timeline(series))
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
        Ok(self.timeline(&SeriesKey::total(area, indicator))?.silences(known).to_vec())
    }

    fn timeline(&self, series: &SeriesKey) -> Result<Arc<Timeline>, ViewsError> {
        self.with(|grown| grown.timeline(series))
    }

    /// One series with everything that was ever reported in it.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn series(&self, key: &SeriesKey, known: u64) -> Result<Series, ViewsError> {
        let prefix = key.prefix().done();
        let mut series = Series::default();
        self.read(|store| {
            for row in store.scan(&prefix) {
                let (key, block) = row?;
                if !series.fold_block(&key, &block, known)? {
                    break;
                }
            }
            Ok(())
        })?;
        Ok(series)
    }

    /// The entry at `position` of a series; none if there is no such entry.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn entry(&self, series: &SeriesKey, position: u64) -> Result<Option<Entry>, ViewsError> {
        self.with(|grown| {
            grown.read(|store| {
                let seen = Stored { store, subject: |number| grown.subject(number) };
                find::entry(&seen, &series.prefix().done(), position)
            })
        })
    }

    /// Every series of an indicator in an area, by dimension.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn dimensions(
        &self,
        area: &AreaId,
        indicator: &IndicatorId,
        known: u64,
    ) -> Result<BTreeMap<String, Series>, ViewsError> {
        let prefix = key::indicator_series(area, indicator).done();
        let mut all: BTreeMap<String, Series> = BTreeMap::new();
        self.read(|store| {
            for row in store.scan(&prefix) {
                let (key, block) = row?;
                let dimension = key::texts(&key).nth(2).flatten().ok_or_else(|| unreadable(&key, "no dimension"))?;
                all.entry(dimension.to_owned()).or_default().fold_block(&key, &block, known)?;
            }
            Ok(())
        })?;
        all.retain(|_, series| series.entries() > 0);
        Ok(all)
    }

    /// Position and subject of an event at or before `known`; none if it is of no series and no milestone.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn event(&self, event_id: Uuid, known: u64) -> Result<Option<(u64, Subject)>, ViewsError> {
        let found = self.with(|grown| {
            grown.read(|store| find::event(&Stored { store, subject: |number| grown.subject(number) }, event_id))
        })?;
        Ok(found.filter(|found| found.position <= known).map(|found| (found.position, found.subject)))
    }

    /// Up to `limit` changes of status behind position `after`, up to `known`, in order.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn changes(&self, after: u64, known: u64, limit: usize) -> Result<Vec<Change>, ViewsError> {
        let mut changes = Vec::new();
        self.each_change(after, |change| {
            if change.position > known || changes.len() >= limit {
                return false;
            }
            changes.push(change);
            true
        })?;
        Ok(changes)
    }

    /// The changes of status behind position `after`, of whole events only: of as many as it takes to have `enough`
    /// changes, else of all. And how far that is: changes of every event up to there are in it, or lie at or before
    /// `after`; below `after` while the views are grown anew.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn changes_behind(&self, after: u64, enough: usize) -> Result<(Vec<Change>, u64), ViewsError> {
        let mut changes: Vec<Change> = Vec::new();
        let mut whole = None;
        let applied = self.each_change(after, |change| {
            let last = changes.last().map_or(after, |last| last.position);
            if changes.len() >= enough && change.position != last {
                whole = Some(last);
                return false;
            }
            changes.push(change);
            true
        })?;
        Ok((changes, whole.unwrap_or(applied)))
    }

    /// Visits changes behind `after` until told to stop; gives how far the views were.
    fn each_change(&self, after: u64, mut visit: impl FnMut(Change) -> bool) -> Result<u64, ViewsError> {
        self.with(|grown| {
            grown.read(|store| {
                // Nothing is put while the store is read.
                let applied = grown.applied();
                let first = block::at(&[key::CHANGES], after.saturating_add(1));
                // Changes behind `after` may begin inside a block.
                let begun = store.last(&[key::CHANGES], first.clone())?.map(|(key, _)| key.to_vec());
                for row in store.between(begun.unwrap_or(first), vec![key::CHANGES + 1]) {
                    let (key, value) = row?;
                    let mut counted = (0, 0);
                    for entry in block::entries(&key, &value) {
                        let (position, payload) = entry?;
                        counted = if counted.0 == position { (position, counted.1 + 1) } else { (position, 0) };
                        if position > after && !visit(Change::read(&key, position, counted.1, payload)?) {
                            return Ok(applied);
                        }
                    }
                }
                Ok(applied)
            })
        })
    }

    /// The last position recorded at or before `time`; none = nothing was.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn position_at(&self, time: Timestamp) -> Result<Option<u64>, ViewsError> {
        let time = time.as_microsecond();
        let seen = self.times_until(time)?;
        Ok(seen.into_iter().rfind(|(recorded, _)| *recorded <= time).map(|(_, position)| position))
    }

    /// When the last applied submission was recorded.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn recorded_time_of_last(&self) -> Result<Option<Timestamp>, ViewsError> {
        let Some((last, _)) = self.times_until(i64::MAX)?.pop() else { return Ok(None) };
        let time = Timestamp::from_microsecond(last);
        time.map(Some).map_err(|_| unreadable(&[key::TIMES], "no time"))
    }

    /// The block of times that `time` falls into.
    fn times_until(&self, time: i64) -> Result<Vec<(i64, u64)>, ViewsError> {
        self.read(|store| {
            let row = store.last(&[key::TIMES], key::time(time, u64::MAX))?;
            row.map_or_else(|| Ok(Vec::new()), |(key, value)| times::read(&key, &value))
        })
    }

    /// The last day that was opened at or before `known`.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn last_day(&self, known: u64) -> Result<Option<Date>, ViewsError> {
        self.with(|grown| grown.last_day(known))
    }
}
