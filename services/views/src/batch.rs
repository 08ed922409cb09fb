//! A batch: rows of many events, put with the checkpoint at once.
//!
//! Place in the flow: filled by the projector, event by event, in log order; sees its own rows. It must not know what
//! an event means; and what it writes must not depend on where batches end.

use std::sync::{Arc, MutexGuard};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use songhua_domain::event::SupervisionIssued;
use songhua_domain::id::{AreaId, IndicatorId, MilestoneId, ProjectId, SupervisionId};
use songhua_domain::vocabulary::Status;
use songhua_log::Checkpoint;
use uuid::Uuid;

use crate::block::{self, Open};
use crate::definition::Definition;
use crate::error::ViewsError;
use crate::fact::{self, FactRow, Said};
use crate::find::{self, Seen};
use crate::grown::{Grown, Written};
use crate::key;
use crate::milestone::{DatedRow, MilestoneRow};
use crate::model::Model;
use crate::row::{ChangeValue, decode, encode, unreadable};
use crate::scoring::{self, As};
use crate::series::{Entry, SeriesKey};
use crate::store::Rows;
use crate::times;
use crate::views::Views;
use crate::writer::{Holds, List, Writer};

/// What an event that a later one may name speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// A figure of this series.
    Series(SeriesKey),
    /// A report on this milestone.
    Milestone(ProjectId, MilestoneId),
}

/// An earlier event that a later one names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// A figure of this series; agency and reason are left out.
    Figure(SeriesKey, Box<Entry>),
    /// The report at this position on a milestone.
    Milestone(u64, ProjectId, MilestoneId),
}

/// Rows to be written. Dropped without [`commit`](Self::commit), nothing happened.
#[derive(Debug)]
pub struct ViewBatch<'v> {
    kept: MutexGuard<'v, Option<Writer>>,
    pub(crate) grown: Arc<Grown>,
    pub(crate) writer: Writer,
    /// Whole rows, full blocks among them.
    pub(crate) rows: Rows,
    /// Places of the slots that were written to.
    pub(crate) dirty: Vec<usize>,
    /// Subjects that this batch is the first to name.
    pub(crate) subjects: Vec<Subject>,
    pub(crate) scratch: Vec<u8>,
    model: Arc<Model>,
    day: Option<Date>,
}

impl<'v> ViewBatch<'v> {
    pub(crate) fn begin(views: &'v Views) -> Result<Self, ViewsError> {
        let mut kept = views.writer();
        let grown = views.grown();
        // Taken out, so that a batch that fails leaves nothing half folded behind.
        let writer = kept.take().unwrap_or_else(|| Writer::new(grown.subjects()));
        let model = grown.model(grown.applied())?;
        let day = grown.last_day(u64::MAX)?;
        Ok(Self {
            kept,
            grown,
            writer,
            rows: Rows::new(),
            dirty: Vec::new(),
            subjects: Vec::new(),
            scratch: Vec::new(),
            model,
            day,
        })
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
        self.rows.insert(key, value.into());
        Arc::make_mut(&mut self.model).fold(position, definition);
        Ok(())
    }

    /// Opens a day.
    ///
    /// # Errors
    /// [`ViewsError`]; the batch must be dropped.
    pub fn open_day(&mut self, position: u64, date: Date) -> Result<(), ViewsError> {
        self.day = Some(date);
        let key = key::day(position);
        let value = encode(&key, &date)?;
        self.rows.insert(key, value.into());
        Ok(())
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
        let prefix = key::milestone(project, milestone);
        let recorded_day = match self.day {
            Some(day) => day,
            None => utc_date(row.recorded_time_us).ok_or_else(|| unreadable(&prefix, "recorded at no time"))?,
        };
        self.list(&prefix, position, &DatedRow { recorded_day, row: row.clone() })?;
        let subject = || Subject::Milestone(project.clone(), milestone.clone());
        let number = self.number_of(&prefix, position, subject)?;
        self.note(row.event_id, position, number)
    }

    /// Adds a fact.
    ///
    /// # Errors
    /// [`ViewsError`]; the batch must be dropped.
    pub fn fact(&mut self, position: u64, row: &FactRow) -> Result<(), ViewsError> {
        self.list(&fact::prefix_of(&row.said), position, row)
    }

    /// How a matter under supervision was issued; none if it was not, until now.
    ///
    /// # Errors
    /// [`ViewsError`]; the batch must be dropped.
    pub fn matter(&self, supervision: &SupervisionId) -> Result<Option<SupervisionIssued>, ViewsError> {
        let mut issued = None;
        self.each(&fact::prefix_of_matter(supervision), &mut |key, value| {
            for entry in block::entries(key, value) {
                if let Said::SupervisionIssued(matter) = decode::<FactRow>(key, entry?.1)?.said {
                    issued = Some(matter);
                }
            }
            Ok(())
        })?;
        Ok(issued)
    }

    /// An earlier event; none if it is no figure, and nothing that happened to a milestone.
    ///
    /// # Errors
    /// [`ViewsError`]; the batch must be dropped.
    pub fn named(&mut self, event_id: Uuid) -> Result<Option<Named>, ViewsError> {
        self.keep_events(event_id)?;
        let Some(found) = find::event(self, event_id)? else { return Ok(None) };
        Ok(match (found.subject, found.entry) {
            (Subject::Series(series), Some(entry)) if entry.kind.is_figure() => {
                Some(Named::Figure(series, Box::new(entry)))
            }
            (Subject::Milestone(project, milestone), _) => Some(Named::Milestone(found.position, project, milestone)),
            (Subject::Series(_), _) => None,
        })
    }

    /// Notes that a submission ends at `position`.
    ///
    /// # Errors
    /// [`ViewsError`]; the batch must be dropped.
    pub fn submission_ends(&mut self, recorded_time_us: i64, position: u64) -> Result<(), ViewsError> {
        if self.writer.times.is_none() {
            let last = key::time(i64::MAX, u64::MAX);
            self.writer.times = self.grown.read(|store| {
                let row = store.last(&[key::TIMES], last)?;
                row.map(|(key, value)| times::Open::resume(&key, &value)).transpose()
            })?;
        }
        if let Some(full) = self.writer.times.take_if(|open| open.is_full()) {
            self.rows.insert(full.key, full.bytes.into());
        }
        let open = self.writer.times.get_or_insert_with(|| times::Open::begin(recorded_time_us, position));
        open.note(recorded_time_us, position);
        Ok(())
    }

    /// Judges a target on `day`, with everything so far known, and writes a change at `position` where its status is not
    /// the one written last.
    ///
    /// # Errors
    /// [`ViewsError`]; the batch must be dropped.
    pub fn judge(
        &mut self,
        position: u64,
        area: &AreaId,
        indicator: &IndicatorId,
        day: Date,
    ) -> Result<(), ViewsError> {
        let model = Arc::clone(&self.model);
        let known = As { model: &model, known: u64::MAX, verified_only: false };
        let judged = scoring::score_target_until(known, area, indicator, day, &mut |series| self.timeline(series))?;
        let Some((score, until)) = judged else { return Ok(()) };
        self.writer.holds.insert((area.clone(), indicator.clone()), Holds { from: day, until });
        self.status(position, area, indicator, score.status, day)
    }

    /// Whether a target's status on `day` is that of when it was judged last, if nothing was said that touches it.
    pub fn holds(&self, area: &AreaId, indicator: &IndicatorId, day: Date) -> bool {
        let holds = self.writer.holds.get(&(area.clone(), indicator.clone()));
        holds.is_some_and(|holds| holds.from <= day && holds.until.is_none_or(|until| day < until))
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
        let change = ChangeValue { area: area.clone(), indicator: indicator.clone(), from, to: status, date };
        self.list(&[key::CHANGES], position, &change)?;
        let value = encode(&latest, &status)?;
        self.rows.insert(latest, value.into());
        Ok(())
    }

    /// Puts everything, and `checkpoint`, at once: from here on readers see it.
    ///
    /// # Errors
    /// [`ViewsError`]; then nothing was put.
    pub fn commit(mut self, checkpoint: Checkpoint) -> Result<(), ViewsError> {
        let (rows, subjects) = (std::mem::take(&mut self.rows), std::mem::take(&mut self.subjects));
        let (open, series) = self.writer.written(&self.dirty);
        let written = open.len();
        self.grown.put(Written { rows, open, checkpoint, model: &self.model, subjects, series })?;
        self.writer.trim(checkpoint.position.0, written);
        *self.kept = Some(std::mem::take(&mut self.writer));
        Ok(())
    }

    /// Appends to the list of `prefix`.
    fn list<T: Serialize>(&mut self, prefix: &[u8], position: u64, value: &T) -> Result<(), ViewsError> {
        let payload = encode(prefix, value)?;
        self.list_bytes(prefix, position, &payload)
    }

    pub(crate) fn list_bytes(&mut self, prefix: &[u8], position: u64, payload: &[u8]) -> Result<(), ViewsError> {
        if !self.writer.lists.contains_key(prefix) {
            let last = block::at(prefix, u64::MAX);
            let open = self.grown.read(|store| {
                let row = store.last_block(prefix, last)?;
                row.map(|(key, value)| Open::resume(&key, &value)).transpose()
            })?;
            let list = List { open: open.unwrap_or_else(|| Open::begin(position)), dirty: false };
            self.writer.lists.insert(prefix.to_vec(), list);
        }
        if let Some(List { open, dirty }) = self.writer.lists.get_mut(prefix) {
            let was_dirty = std::mem::replace(dirty, true);
            if !open.takes(position) {
                let full = std::mem::replace(open, Open::begin(position));
                // Else it was put by an earlier batch, as it is.
                if was_dirty {
                    self.rows.insert(full.key(prefix), full.bytes.into());
                }
            }
            open.push(position, payload);
        }
        Ok(())
    }

    fn get<T: serde::de::DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>, ViewsError> {
        if let Some(value) = self.rows.get(key) {
            return decode(key, value).map(Some);
        }
        self.grown.read(|store| store.get(key)?.map(|value| decode(key, &value)).transpose())
    }
}

/// The date of a time in UTC; none beyond the calendar.
fn utc_date(time_us: i64) -> Option<Date> {
    Timestamp::from_microsecond(time_us).ok().map(|time| time.to_zoned(TimeZone::UTC).date())
}
