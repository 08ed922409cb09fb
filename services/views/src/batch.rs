//! A batch: rows of many events, written with the checkpoint at once.
//!
//! Place in the flow: filled by the projector, event by event, in log order; sees its own rows. It must not know what
//! an event means; and what it writes must not depend on where batches end.

use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use songhua_domain::id::{AreaId, IndicatorId, MilestoneId, ProjectId};
use songhua_domain::score::Score;
use songhua_domain::vocabulary::Status;
use songhua_log::Checkpoint;
use uuid::Uuid;

use crate::definition::Definition;
use crate::error::ViewsError;
use crate::fact::{self, FactRow};
use crate::key;
use crate::milestone::{DatedRow, MilestoneRow};
use crate::model::Model;
use crate::revision::{self, FigureRevision};
use crate::row::{ChangeValue, decode, encode, unreadable};
use crate::scoring;
use crate::series::{Entry, Series, SeriesKey, chunk_key, pack};
use crate::views::Views;

/// Most entries of folded series that are kept from batch to batch.
const KEPT_ENTRIES: usize = 200_000;

/// What an event that a later one may name speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// A figure of this series.
    Series(SeriesKey),
    /// A report on this milestone.
    Milestone(ProjectId, MilestoneId),
}

/// Rows to be written. Dropped without [`commit`](Self::commit), nothing happened.
#[derive(Debug)]
pub struct ViewBatch<'v> {
    views: &'v Views,
    kept: MutexGuard<'v, BTreeMap<SeriesKey, Series>>,
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Folded series, with the entries of this batch.
    series: BTreeMap<SeriesKey, Series>,
    model: Arc<Model>,
    day: Option<Date>,
    /// The event that wrote a change last, and how many.
    changes: (u64, u32),
}

impl<'v> ViewBatch<'v> {
    pub(crate) fn begin(views: &'v Views) -> Result<Self, ViewsError> {
        let mut kept = views.writer();
        // Taken out, so that a batch that fails leaves no half-folded series behind.
        let series = std::mem::take(&mut *kept);
        let applied = views.applied();
        let (model, day) = (views.model(applied)?, views.last_day(applied)?);
        Ok(Self { views, kept, rows: BTreeMap::new(), series, model, day, changes: (0, 0) })
    }

    /// Everything defined so far, in this batch too.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The last day opened so far, in this batch too.
    pub const fn day(&self) -> Option<Date> {
        self.day
    }

    /// Adds a definition.
    ///
    /// # Errors
    /// [`ViewsError`]; the batch must be dropped.
    pub fn define(&mut self, position: u64, definition: impl Into<Definition>) -> Result<(), ViewsError> {
        let definition = definition.into();
        let key = definition.key(position);
        let value = definition.encode(&key)?;
        self.rows.insert(key, value);
        Arc::make_mut(&mut self.model).fold(position, definition);
        Ok(())
    }

    /// Opens a day.
    ///
    /// # Errors
    /// [`ViewsError`]; the batch must be dropped.
    pub fn open_day(&mut self, position: u64, date: Date) -> Result<(), ViewsError> {
        self.day = Some(date);
        self.put(key::day(position), &date)
    }

    /// A series as it is now, with the entries of this batch.
    ///
    /// # Errors
    /// [`ViewsError`]; the batch must be dropped.
    pub fn series(&mut self, key: &SeriesKey) -> Result<&Series, ViewsError> {
        folded(self.views, &mut self.series, key).map(|series| &*series)
    }

    /// Appends to a series, and makes the entry's event known to later ones.
    ///
    /// # Errors
    /// [`ViewsError`]; the batch must be dropped.
    pub fn append(&mut self, series: &SeriesKey, entry: Entry) -> Result<(), ViewsError> {
        let folded = folded(self.views, &mut self.series, series)?;
        let key = chunk_key(series, folded.entries())?;
        let (event_id, position) = (entry.event_id, entry.position);
        let revised = revision::revised(entry.kind).and_then(|of| folded.figure(of));
        let revised = revised.map(|of| (of.entry.clone(), entry.clone()));
        if !self.rows.contains_key(&key) {
            let stored = self.views.read(|store| store.get(&key))?;
            self.rows.insert(key.clone(), stored.map(|chunk| chunk.to_vec()).unwrap_or_default());
        }
        pack(self.rows.entry(key.clone()).or_default(), &key, &entry)?;
        folded.push(entry);
        if let Some((of, entry)) = revised {
            self.put(key::revision(position), &FigureRevision { series: series.clone(), entry, of })?;
        }
        self.put(key::event(event_id), &(position, Subject::Series(series.clone())))
    }

    /// Adds what happened to a milestone, and makes its event known to later ones. The row is dated with the last day
    /// opened, which is the day of recording in the plan's time zone; before the first, with the UTC date.
    ///
    /// # Errors
    /// [`ViewsError`]; the batch must be dropped.
    pub fn milestone(
        &mut self,
        project: &ProjectId,
        milestone: &MilestoneId,
        position: u64,
        row: &MilestoneRow,
    ) -> Result<(), ViewsError> {
        let key = key::milestone(project, milestone, position);
        let recorded_day = match self.day {
            Some(day) => day,
            None => utc_date(row.recorded_time_us).ok_or_else(|| unreadable(&key, "recorded at no time"))?,
        };
        self.put(key, &DatedRow { recorded_day, row: row.clone() })?;
        let subject = Subject::Milestone(project.clone(), milestone.clone());
        self.put(key::event(row.event_id), &(position, subject))
    }

    /// Adds a fact.
    ///
    /// # Errors
    /// [`ViewsError`]; the batch must be dropped.
    pub fn fact(&mut self, position: u64, row: &FactRow) -> Result<(), ViewsError> {
        self.put(fact::key(&row.said, position), row)
    }

    /// Position and subject of an earlier event; none if it is of no series and no milestone.
    ///
    /// # Errors
    /// [`ViewsError`]; the batch must be dropped.
    pub fn event(&self, event_id: Uuid) -> Result<Option<(u64, Subject)>, ViewsError> {
        self.get(&key::event(event_id))
    }

    /// Notes that a submission ends at `position`.
    pub fn submission_ends(&mut self, recorded_time_us: i64, position: u64) {
        self.rows.insert(key::time(recorded_time_us, position), Vec::new());
    }

    /// Scores a target on `valid_date`, with everything so far known.
    ///
    /// # Errors
    /// [`ViewsError`]; the batch must be dropped.
    pub fn score_target(
        &mut self,
        area: &AreaId,
        indicator: &IndicatorId,
        valid_date: Date,
    ) -> Result<Option<Score>, ViewsError> {
        let (views, series) = (self.views, &mut self.series);
        let live = &mut |key: &SeriesKey| Ok(folded(views, series, key)?.live_observations());
        scoring::score_target(&self.model, area, indicator, valid_date, live)
    }

    /// Writes a change at `position`, if `status` is not the one written last.
    ///
    /// # Errors
    /// [`ViewsError`]; the batch must be dropped.
    pub fn status(
        &mut self,
        position: u64,
        area: &AreaId,
        indicator: &IndicatorId,
        status: Status,
        date: Date,
    ) -> Result<(), ViewsError> {
        let latest = key::latest(area, indicator);
        let from: Option<Status> = self.get(&latest)?;
        if from == Some(status) {
            return Ok(());
        }
        let n = if self.changes.0 == position { self.changes.1 } else { 0 };
        self.changes = (position, n + 1);
        let change = ChangeValue { area: area.clone(), indicator: indicator.clone(), from, to: status, date };
        self.put(key::change(position, n), &change)?;
        self.put(latest, &status)
    }

    /// Writes everything, and `checkpoint`, at once.
    ///
    /// # Errors
    /// [`ViewsError`]; then nothing was written.
    pub fn commit(mut self, checkpoint: Checkpoint) -> Result<(), ViewsError> {
        self.views.write(std::mem::take(&mut self.rows), checkpoint, &self.model)?;
        if self.series.values().map(Series::entries).sum::<usize>() <= KEPT_ENTRIES {
            *self.kept = std::mem::take(&mut self.series);
        }
        Ok(())
    }

    fn put<T: Serialize>(&mut self, key: Vec<u8>, value: &T) -> Result<(), ViewsError> {
        let value = encode(&key, value)?;
        self.rows.insert(key, value);
        Ok(())
    }

    fn get<T: serde::de::DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>, ViewsError> {
        if let Some(value) = self.rows.get(key) {
            return decode(key, value).map(Some);
        }
        let stored = self.views.read(|store| store.get(key))?;
        stored.map(|value| decode(key, &value)).transpose()
    }
}

/// The date of a time in UTC; none beyond the calendar.
fn utc_date(time_us: i64) -> Option<Date> {
    Timestamp::from_microsecond(time_us).ok().map(|time| time.to_zoned(TimeZone::UTC).date())
}

/// The folded series, read from the store the first time.
fn folded<'s>(
    views: &Views,
    all: &'s mut BTreeMap<SeriesKey, Series>,
    key: &SeriesKey,
) -> Result<&'s mut Series, ViewsError> {
    if !all.contains_key(key) {
        all.insert(key.clone(), views.series(key, u64::MAX)?);
    }
    // Just inserted: the default is never made.
    Ok(all.entry(key.clone()).or_default())
}
