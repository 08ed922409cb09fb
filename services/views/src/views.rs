//! The handle on the views of one plan: open, reset, checkpoint, digest, and every read that is not of one kind only.
//!
//! Place in the flow: shared by the projector (through [`Views::batch`]) and the readers. It must not know events.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use jiff::Timestamp;
use jiff::civil::Date;
use sha2::{Digest, Sha256};
use songhua_domain::id::{AreaId, IndicatorId, ProjectId};
use songhua_domain::score::{Observation, Score};
use songhua_log::Checkpoint;
use uuid::Uuid;

use crate::batch::{Subject, ViewBatch};
use crate::definition::Definition;
use crate::error::ViewsError;
use crate::key::{self, Key};
use crate::milestone::{DatedRow, Milestone};
use crate::model::Model;
use crate::row::{self, Change, decode, encode, position_of, unreadable};
use crate::scoring;
use crate::series::{Series, SeriesKey};
use crate::store::Store;

/// The layout of this version (`LAYOUT.md`).
const LAYOUT: u32 = 3;
/// Models kept: that of now, and those of a few earlier moments that readers ask for.
const MODELS: usize = 8;

/// How views are opened.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Most bytes of pages that are kept in memory.
    pub cache_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { cache_bytes: 64 << 20 }
    }
}

/// The views of one plan. Clones are handles on the same views.
#[derive(Debug, Clone)]
pub struct Views {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    dir: PathBuf,
    options: Options,
    /// None only while, or after, a reset that failed.
    store: RwLock<Option<Store>>,
    /// Held by the one batch under way. Figures of series that were written last, folded.
    writer: Mutex<BTreeMap<SeriesKey, Series>>,
    applied: AtomicU64,
    models: Mutex<Models>,
}

/// Where definitions changed, and the models of some of these moments.
#[derive(Debug, Default)]
struct Models {
    /// Positions of all definitions, ascending.
    positions: Vec<u64>,
    /// Models by the position of their last definition.
    kept: BTreeMap<u64, Arc<Model>>,
}

impl Models {
    /// The last definition at or before `known`; 0 = none.
    fn last(&self, known: u64) -> u64 {
        let after = self.positions.partition_point(|position| *position <= known);
        after.checked_sub(1).and_then(|index| self.positions.get(index)).copied().unwrap_or_default()
    }
    fn keep(&mut self, model: &Arc<Model>) {
        if self.kept.len() >= MODELS {
            // The newest is read most: it stays.
            self.kept.pop_first();
        }
        self.kept.insert(model.position, Arc::clone(model));
    }
}

impl Views {
    /// Opens the views in `dir`, or begins empty ones.
    ///
    /// # Errors
    /// Any [`ViewsError`] but `Locked`: [`Views::delete`] and open again; the projector rebuilds them.
    pub fn open(dir: &Path, options: Options) -> Result<Self, ViewsError> {
        let store = Store::open(dir, options.cache_bytes)?;
        let applied = read_checkpoint(dir, &store)?.map_or(0, |checkpoint| checkpoint.position.0);
        let positions = definition_positions(&store)?;
        Ok(Self {
            shared: Arc::new(Shared {
                dir: dir.to_owned(),
                options,
                store: RwLock::new(Some(store)),
                writer: Mutex::default(),
                applied: AtomicU64::new(applied),
                models: Mutex::new(Models { positions, kept: BTreeMap::new() }),
            }),
        })
    }

    /// Deletes the views in `dir`, which nobody has open.
    ///
    /// # Errors
    /// [`ViewsError::Store`] if the directory cannot be removed.
    pub fn delete(dir: &Path) -> Result<(), ViewsError> {
        Store::delete(dir)
    }

    /// Throws everything away, under the handles of all readers, and begins empty views. Works on damaged ones too.
    ///
    /// # Errors
    /// [`ViewsError::Store`]; reads then fail until a reset succeeds.
    pub fn reset(&self) -> Result<(), ViewsError> {
        let mut writer = self.writer();
        let mut store = self.shared.store.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = store.take() {
            store.close();
        }
        writer.clear();
        self.shared.applied.store(0, Ordering::Release);
        *self.models() = Models::default();
        Store::delete(&self.shared.dir)?;
        *store = Some(Store::open(&self.shared.dir, self.shared.options.cache_bytes)?);
        Ok(())
    }

    /// How far the views have come; none = empty.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn checkpoint(&self) -> Result<Option<Checkpoint>, ViewsError> {
        self.read(|store| read_checkpoint(&self.shared.dir, store))
    }

    /// The last position that is in the views; 0 = none. Reads at or below it have their last answer.
    pub fn applied(&self) -> u64 {
        self.shared.applied.load(Ordering::Acquire)
    }

    /// SHA-256 over all rows but the checkpoint, in key order (`LAYOUT.md`): equal for equal records, however they were
    /// applied. Waits for a batch under way.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn digest(&self) -> Result<[u8; 32], ViewsError> {
        self.digest_at().map(|(digest, _)| digest)
    }

    /// The digest, and the position it was taken at.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn digest_at(&self) -> Result<([u8; 32], u64), ViewsError> {
        let _no_batch = self.writer();
        let position = self.applied();
        let digest = self.read(|store| {
            let mut hasher = Sha256::new();
            for row in store.behind(key::CHECKPOINT) {
                let (key, value) = row?;
                for part in [&key, &value] {
                    let length = u32::try_from(part.len()).map_err(|_| unreadable(&key, "longer than 4 GiB"))?;
                    hasher.update(length.to_be_bytes());
                    hasher.update(part);
                }
            }
            Ok(hasher.finalize().into())
        })?;
        Ok((digest, position))
    }

    /// Begins to collect rows. One batch at a time; a dropped one leaves nothing.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn batch(&self) -> Result<ViewBatch<'_>, ViewsError> {
        ViewBatch::begin(self)
    }

    /// Everything that is defined as known at `known`.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn model(&self, known: u64) -> Result<Arc<Model>, ViewsError> {
        let last = self.models().last(known);
        if let Some(model) = self.models().kept.get(&last) {
            return Ok(Arc::clone(model));
        }
        self.read(|store| {
            let model = Arc::new(load_model(store, last)?);
            // Kept while the store stays open: a reset in between must not find this one in the way.
            self.models().keep(&model);
            Ok(model)
        })
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
    ) -> Result<Option<Score>, ViewsError> {
        let live = &mut |key: &SeriesKey| Ok(self.series(key, known)?.live_observations());
        scoring::score_target(model, area, indicator, valid_date, live)
    }

    /// Live figures of an indicator's total in an area, derived ones where the indicator is derived.
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
        let live = &mut |key: &SeriesKey| Ok(self.series(key, known)?.live_observations());
        scoring::observations(model, area, indicator, live)
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
                let (key, chunk) = row?;
                if !series.fold_chunk(&key, &chunk, known)? {
                    break;
                }
            }
            Ok(())
        })?;
        Ok(series)
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
                let (key, chunk) = row?;
                let dimension = key::texts(&key).nth(2).flatten().ok_or_else(|| unreadable(&key, "no dimension"))?;
                all.entry(dimension.to_owned()).or_default().fold_chunk(&key, &chunk, known)?;
            }
            Ok(())
        })?;
        all.retain(|_, series| series.entries() > 0);
        Ok(all)
    }

    /// Milestones of one project, or of all, by project and id, as they stand on `valid_date`.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn milestones(
        &self,
        project: Option<&ProjectId>,
        valid_date: Date,
        known: u64,
    ) -> Result<Vec<Milestone>, ViewsError> {
        let mut prefix = Key::table(key::MILESTONES);
        if let Some(project) = project {
            prefix = prefix.text(project.as_str());
        }
        let prefix = prefix.done();
        let mut rows: BTreeMap<Vec<u8>, Vec<(u64, DatedRow)>> = BTreeMap::new();
        self.read(|store| {
            for row in store.scan(&prefix) {
                let (key, value) = row?;
                let position = position_of(&key)?;
                if position <= known {
                    let milestone = key.get(..key.len() - 8).unwrap_or_default().to_vec();
                    rows.entry(milestone).or_default().push((position, decode(&key, &value)?));
                }
            }
            Ok(())
        })?;
        Ok(rows.values().filter_map(|rows| Milestone::fold(rows, valid_date)).collect())
    }

    /// Position and subject of an event at or before `known`; none if it is of no series and no milestone.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn event(&self, event_id: Uuid, known: u64) -> Result<Option<(u64, Subject)>, ViewsError> {
        let key = key::event(event_id);
        let stored = self.read(|store| store.get(&key))?;
        let found: Option<(u64, Subject)> = stored.map(|value| decode(&key, &value)).transpose()?;
        Ok(found.filter(|(position, _)| *position <= known))
    }

    /// Up to `limit` changes of status behind position `after`, up to `known`, in order.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn changes(&self, after: u64, known: u64, limit: usize) -> Result<Vec<Change>, ViewsError> {
        self.read(|store| {
            let rows = store.from(key::CHANGES, key::change(after.saturating_add(1), 0)).take(limit);
            let changes = rows.map(|row| row.and_then(|(key, value)| Change::read(&key, &value)));
            let known =
                |change: &Result<Change, ViewsError>| change.as_ref().map_or(true, |change| change.position <= known);
            changes.take_while(known).collect()
        })
    }

    /// The changes of status behind position `after`, of whole events only: of as many as it takes to have `enough`
    /// changes, else of all. And how far that is: changes of every event up to there are in it, or lie at or before
    /// `after`; below `after` while the views are grown anew.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn changes_behind(&self, after: u64, enough: usize) -> Result<(Vec<Change>, u64), ViewsError> {
        self.read(|store| {
            // Nothing is reset while the store is read, so what was applied before is in it.
            let applied = self.applied();
            let mut changes: Vec<Change> = Vec::new();
            for row in store.from(key::CHANGES, key::change(after.saturating_add(1), 0)) {
                let change = row.and_then(|(key, value)| Change::read(&key, &value))?;
                let last = changes.last().map_or(after, |last| last.position);
                if change.position > applied {
                    break;
                }
                if changes.len() >= enough && change.position != last {
                    return Ok((changes, last));
                }
                changes.push(change);
            }
            Ok((changes, applied))
        })
    }

    /// The last position recorded at or before `time`; none = nothing was.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn position_at(&self, time: Timestamp) -> Result<Option<u64>, ViewsError> {
        let last = key::time(time.as_microsecond(), u64::MAX);
        let row = self.read(|store| store.last(key::TIMES, last))?;
        row.map(|(key, _)| position_of(&key)).transpose()
    }

    /// When the last applied submission was recorded.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn recorded_time_of_last(&self) -> Result<Option<Timestamp>, ViewsError> {
        let row = self.read(|store| store.last(key::TIMES, key::time(i64::MAX, u64::MAX)))?;
        let time = |(key, _): crate::store::Row| {
            let time = key::eight(&key, 1).map(key::unsortable);
            let time = time.and_then(|time| Timestamp::from_microsecond(time).ok());
            time.ok_or_else(|| unreadable(&key, "no time"))
        };
        row.map(time).transpose()
    }

    /// The last day that was opened at or before `known`.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn last_day(&self, known: u64) -> Result<Option<Date>, ViewsError> {
        let row = self.read(|store| store.last(key::DAYS, key::day(known)))?;
        row.map(|(key, value)| decode(&key, &value)).transpose()
    }

    /// The one lock of writers.
    pub(crate) fn writer(&self) -> MutexGuard<'_, BTreeMap<SeriesKey, Series>> {
        self.shared.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the store, which stays open meanwhile.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Store) -> Result<T, ViewsError>) -> Result<T, ViewsError> {
        let store = self.shared.store.read().unwrap_or_else(PoisonError::into_inner);
        match store.as_ref() {
            Some(store) => read(store),
            None => Err(ViewsError::Closed { dir: self.shared.dir.display().to_string() }),
        }
    }

    /// Writes rows and checkpoint at once, then lets readers know.
    pub(crate) fn write(
        &self,
        mut rows: BTreeMap<Vec<u8>, Vec<u8>>,
        checkpoint: Checkpoint,
        model: &Arc<Model>,
    ) -> Result<(), ViewsError> {
        let checkpoint_key = Key::table(key::CHECKPOINT).done();
        let mut value = LAYOUT.to_be_bytes().to_vec();
        value.extend(encode(&checkpoint_key, &checkpoint)?);
        rows.insert(checkpoint_key, value);
        let definitions = rows.keys().filter(|key| key.first() == Some(&key::DEFINITIONS)).map(|key| position_of(key));
        let mut defined: Vec<u64> = definitions.collect::<Result<_, _>>()?;
        defined.sort_unstable();
        self.read(|store| store.write(rows))?;
        let mut models = self.models();
        if !defined.is_empty() {
            models.positions.append(&mut defined);
            models.keep(model);
        }
        self.shared.applied.store(checkpoint.position.0, Ordering::Release);
        Ok(())
    }

    fn models(&self) -> MutexGuard<'_, Models> {
        self.shared.models.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_checkpoint(dir: &Path, store: &Store) -> Result<Option<Checkpoint>, ViewsError> {
    let key = [key::CHECKPOINT];
    let Some(value) = store.get(&key)? else { return Ok(None) };
    let (layout, checkpoint) = value.split_first_chunk::<4>().ok_or_else(|| unreadable(&key, "no layout"))?;
    match u32::from_be_bytes(*layout) {
        LAYOUT => row::decode(&key, checkpoint).map(Some),
        found => Err(ViewsError::OtherLayout { dir: dir.display().to_string(), found, reads: LAYOUT }),
    }
}

fn definition_positions(store: &Store) -> Result<Vec<u64>, ViewsError> {
    let rows = store.scan(&[key::DEFINITIONS]);
    let mut positions: Vec<u64> =
        rows.map(|row| row.and_then(|(key, _)| position_of(&key))).collect::<Result<_, _>>()?;
    positions.sort_unstable();
    Ok(positions)
}

fn load_model(store: &Store, known: u64) -> Result<Model, ViewsError> {
    let mut definitions = BTreeMap::new();
    for row in store.scan(&[key::DEFINITIONS]) {
        let (key, value) = row?;
        let position = position_of(&key)?;
        if position <= known {
            definitions.insert(position, Definition::read(&key, &value)?);
        }
    }
    let mut model = Model::default();
    definitions.into_iter().for_each(|(position, definition)| model.fold(position, definition));
    Ok(model)
}
