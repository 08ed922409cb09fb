//! One life of the views: what was grown from the log in one directory, and what readers keep of it in memory.
//!
//! Place in the flow: behind [`Views`](crate::Views), which may change from one life to the next. It must not know: what
//! readers ask, what an event means.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use songhua_domain::id::ProjectId;
use songhua_log::Checkpoint;

use crate::batch::Subject;
use crate::block;
use crate::definition::Definition;
use crate::error::ViewsError;
use crate::key::{self, Key};
use crate::model::Model;
use crate::recalled::Recalled;
use crate::row::{self, encode, position_of, unreadable};
use crate::seen;
use crate::series::{SeriesKey, entries_of};
use crate::store::{Rows, Store};
use crate::timeline::Timeline;
use crate::views::Options;
use crate::waiting::OpenRow;
use crate::writer::WrittenSeries;

/// The layout of this version (`LAYOUT.md`).
pub(crate) const LAYOUT: u32 = 6;
/// Models kept: that of now, and those of a few earlier moments that readers ask for.
const MODELS: usize = 16;

/// Lives that this process has opened.
static LIVES: AtomicU64 = AtomicU64::new(0);

/// What is written with a batch.
pub(crate) struct Written<'b> {
    pub(crate) rows: Rows,
    pub(crate) open: Vec<OpenRow<'b>>,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) model: &'b Arc<Model>,
    pub(crate) subjects: Vec<Subject>,
    /// Series that were written to; with their timeline where the writer has it.
    pub(crate) series: WrittenSeries<'b>,
}

/// One life of the views.
#[derive(Debug)]
pub(crate) struct Grown {
    dir: PathBuf,
    /// Which one of this process.
    life: u64,
    /// Meaning of its rows: the projector's version when it was begun.
    version: u32,
    /// None once it is closed.
    store: RwLock<Option<Store>>,
    applied: AtomicU64,
    models: Mutex<Models>,
    recalled: Recalled,
    subjects: RwLock<Vec<Subject>>,
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

impl Grown {
    /// Opens what was grown in `dir`, or begins anew.
    pub(crate) fn open(dir: &Path, options: Options) -> Result<Self, ViewsError> {
        let store = Store::open(dir, options.cache_bytes)?;
        let stored = read_checkpoint(dir, &store)?;
        let positions = definition_positions(&store)?;
        let subjects = read_subjects(&store)?;
        Ok(Self {
            dir: dir.to_owned(),
            life: LIVES.fetch_add(1, Ordering::Relaxed),
            version: stored.map_or(options.projector_version, |(version, _)| version),
            store: RwLock::new(Some(store)),
            applied: AtomicU64::new(stored.map_or(0, |(_, checkpoint)| checkpoint.position.0)),
            models: Mutex::new(Models { positions, kept: BTreeMap::new() }),
            recalled: Recalled::default(),
            subjects: RwLock::new(subjects),
        })
    }

    /// Where it is.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }
    /// Which one of this process it is.
    pub(crate) const fn life(&self) -> u64 {
        self.life
    }
    /// The projector's version when it was begun.
    pub(crate) const fn version(&self) -> u32 {
        self.version
    }
    /// The last position that is in it; 0 = none.
    pub(crate) fn applied(&self) -> u64 {
        self.applied.load(Ordering::Acquire)
    }
    /// How far it has come; none = empty.
    pub(crate) fn checkpoint(&self) -> Result<Option<Checkpoint>, ViewsError> {
        self.read(|store| Ok(read_checkpoint(&self.dir, store)?.map(|(_, checkpoint)| checkpoint)))
    }

    /// One that is to be opened when the disk takes it.
    pub(crate) fn closed_in(dir: &Path, options: Options) -> Self {
        Self {
            dir: dir.to_owned(),
            life: LIVES.fetch_add(1, Ordering::Relaxed),
            version: options.projector_version,
            store: RwLock::new(None),
            applied: AtomicU64::new(0),
            models: Mutex::default(),
            recalled: Recalled::default(),
            subjects: RwLock::default(),
        }
    }

    /// Whether it must be opened anew before anything is written.
    pub(crate) fn is_refused(&self) -> bool {
        self.store.read().unwrap_or_else(PoisonError::into_inner).as_ref().is_none_or(Store::is_refused)
    }

    /// Writes what the disk refused before. The writer's lock is held.
    pub(crate) fn write_held_up(&self) -> Result<(), ViewsError> {
        if self.read(|store| Ok(store.is_held_up()))? { self.flush() } else { Ok(()) }
    }

    /// Closes it, as soon as nobody reads it.
    pub(crate) fn close(&self) {
        let store = self.store.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(store) = store {
            store.close();
        }
    }

    /// Reads the store, which stays open and the same meanwhile.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Store) -> Result<T, ViewsError>) -> Result<T, ViewsError> {
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        match store.as_ref() {
            Some(store) => read(store),
            None => Err(self.closed()),
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Store) -> T) -> Result<T, ViewsError> {
        let mut store = self.store.write().unwrap_or_else(PoisonError::into_inner);
        store.as_mut().map(change).ok_or_else(|| self.closed())
    }

    fn closed(&self) -> ViewsError {
        ViewsError::Closed { dir: self.dir.display().to_string() }
    }

    /// Puts the rows of a batch and its checkpoint: from here on readers see them. The writer's lock is held.
    pub(crate) fn put(&self, mut written: Written<'_>) -> Result<(), ViewsError> {
        let checkpoint_key = Key::table(key::CHECKPOINT).done();
        let mut value = LAYOUT.to_be_bytes().to_vec();
        value.extend(self.version.to_be_bytes());
        value.extend(encode(&checkpoint_key, &written.checkpoint)?);
        written.rows.insert(checkpoint_key, value.into());
        let definitions = written.rows.range(vec![key::DEFINITIONS]..vec![key::DEFINITIONS + 1]);
        let mut defined: Vec<u64> = definitions.map(|(key, _)| position_of(key)).collect::<Result<_, _>>()?;
        defined.sort_unstable();
        let applied = written.checkpoint.position.0;
        let is_due = self.change(|store| {
            // All under the lock of the store: a reader who builds anything from rows holds it too.
            let lists = written.rows.keys().map(|key| block::prefix_of(key));
            self.recalled.renew(lists.chain(written.open.iter().map(|row| row.prefix)), written.series);
            store.put(written.rows, &written.open);
            self.subjects.write().unwrap_or_else(PoisonError::into_inner).append(&mut written.subjects);
            let mut models = self.models();
            if !defined.is_empty() {
                models.positions.append(&mut defined);
                models.keep(written.model);
            }
            let before = self.applied.swap(applied, Ordering::AcqRel);
            let stretch_is_over = block::stretch_of(before) != block::stretch_of(applied);
            stretch_is_over || store.is_due()
        })?;
        match if is_due { self.flush() } else { Ok(()) } {
            // What is held up was put: the next batch waits until it is written.
            Err(ViewsError::NoRoom { .. }) => Ok(()),
            flushed => flushed,
        }
    }

    /// Writes what waits to sled, in one write. The writer's lock is held; readers go on.
    pub(crate) fn flush(&self) -> Result<(), ViewsError> {
        self.change(Store::leave)?;
        self.read(Store::write)?;
        self.change(Store::left)?;
        if let Ok(Some(checkpoint)) = self.checkpoint()
            && let Err(error) = seen::write(&self.dir, &checkpoint)
        {
            // What is said there stays true, only old.
            drop(error);
        }
        Ok(())
    }

    /// Rows, put and written as they are.
    #[cfg(test)]
    pub(crate) fn put_rows(&self, rows: Rows) -> Result<(), ViewsError> {
        self.change(|store| store.put(rows, &[]))?;
        self.flush()
    }

    /// Everything that is defined as known at `known`.
    pub(crate) fn model(&self, known: u64) -> Result<Arc<Model>, ViewsError> {
        let last = self.models().last(known);
        if let Some(model) = self.models().kept.get(&last) {
            return Ok(Arc::clone(model));
        }
        self.read(|store| {
            let model = Arc::new(load_model(store, last)?);
            self.models().keep(&model);
            Ok(model)
        })
    }

    /// What readers keep.
    pub(crate) const fn recalled(&self) -> &Recalled {
        &self.recalled
    }

    /// A series, whole, as scoring reads it.
    pub(crate) fn timeline(&self, series: &SeriesKey) -> Result<Arc<Timeline>, ViewsError> {
        if let Some(timeline) = self.recalled.timelines().get(series) {
            return Ok(timeline);
        }
        self.read(|store| {
            let mut timeline = Timeline::default();
            for row in store.scan(&series.prefix().done()) {
                let (key, block) = row?;
                for entry in entries_of(&key, &block) {
                    timeline.push(&entry?.borrowed());
                }
            }
            let timeline = Arc::new(timeline);
            self.recalled.timelines().keep(series.clone(), Arc::clone(&timeline));
            Ok(timeline)
        })
    }

    /// What the subject of this number is.
    pub(crate) fn subject(&self, number: u32) -> Option<Subject> {
        let subjects = self.subjects.read().unwrap_or_else(PoisonError::into_inner);
        subjects.get(number as usize).cloned()
    }

    /// Numbers of the series that are wanted.
    pub(crate) fn series_numbers(&self, wanted: impl Fn(&SeriesKey) -> bool) -> BTreeSet<u32> {
        let subjects = self.subjects.read().unwrap_or_else(PoisonError::into_inner);
        let is_wanted = |subject: &Subject| matches!(subject, Subject::Series(series) if wanted(series));
        (0..).zip(subjects.iter()).filter(|(_, subject)| is_wanted(subject)).map(|(number, _)| number).collect()
    }
    /// Projects that ever had a milestone.
    pub(crate) fn planned_projects(&self) -> BTreeSet<ProjectId> {
        let subjects = self.subjects.read().unwrap_or_else(PoisonError::into_inner);
        let projects = subjects.iter().filter_map(|subject| match subject {
            Subject::Milestone(project, _) => Some(project.clone()),
            Subject::Series(_) => None,
        });
        projects.collect()
    }
    /// All subjects, by number.
    pub(crate) fn subjects(&self) -> Vec<Subject> {
        self.subjects.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn models(&self) -> MutexGuard<'_, Models> {
        self.models.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Grown {
    fn drop(&mut self) {
        // What cannot be written now is applied again.
        drop(self.flush());
    }
}

fn read_checkpoint(dir: &Path, store: &Store) -> Result<Option<(u32, Checkpoint)>, ViewsError> {
    let key = [key::CHECKPOINT];
    let Some(value) = store.get(&key)? else { return Ok(None) };
    let (layout, rest) = value.split_first_chunk::<4>().ok_or_else(|| unreadable(&key, "no layout"))?;
    match u32::from_be_bytes(*layout) {
        LAYOUT => {
            let (version, checkpoint) = rest.split_first_chunk::<4>().ok_or_else(|| unreadable(&key, "no version"))?;
            Ok(Some((u32::from_be_bytes(*version), row::decode(&key, checkpoint)?)))
        }
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

fn read_subjects(store: &Store) -> Result<Vec<Subject>, ViewsError> {
    let mut subjects = Vec::new();
    for row in store.scan(&[key::SUBJECTS]) {
        let (key, value) = row?;
        for entry in block::entries(&key, &value) {
            subjects.push(Subject::read(entry?.1).ok_or_else(|| unreadable(&key, "no subject"))?);
        }
    }
    Ok(subjects)
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
