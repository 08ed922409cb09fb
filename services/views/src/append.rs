//! Appending to series, and finding what was appended, within a batch.
//!
//! Place in the flow: the part of [`ViewBatch`] that nearly every event goes through. It must not know: what an entry
//! is worth, targets.

use std::collections::VecDeque;
use std::sync::Arc;

use uuid::Uuid;

use crate::batch::{Subject, ViewBatch};
use crate::block;
use crate::error::ViewsError;
use crate::find::{self, Seen, Visit};
use crate::index::{self, Place};
use crate::key;
use crate::packed::EntryRef;
use crate::revision;
use crate::row::unreadable;
use crate::series::{Entry, OpenSeries, SeriesKey, entries_of};
use crate::store::Value;
use crate::timeline::Timeline;
use crate::varint::put;
use crate::writer::{RECENT, Slot, series_prefix, subjects_table};

impl ViewBatch<'_> {
    /// Appends to a series, and makes the entry's event known to later ones.
    ///
    /// # Errors
    /// [`ViewsError`]; the batch must be dropped.
    pub fn append(&mut self, series: &SeriesKey, entry: Entry) -> Result<(), ViewsError> {
        let (area, indicator) = (series.area.as_str(), series.indicator.as_str());
        self.append_to([area, indicator, &series.dimension], &entry.borrowed())
    }

    /// The same, for the series of this area, indicator and dimension.
    ///
    /// # Errors
    /// [`ViewsError`]; the batch must be dropped.
    pub fn append_to(&mut self, series: [&str; 3], entry: &EntryRef<'_>) -> Result<(), ViewsError> {
        let [area, indicator, dimension] = series;
        let mut prefix = std::mem::take(&mut self.scratch);
        series_prefix(&mut prefix, area, indicator, dimension);
        let place = self.slot(&prefix, entry.position);
        self.scratch = prefix;
        let place = place?;
        let Some(slot) = self.writer.slots.get_mut(place) else { return Ok(()) };
        if let Some(full) = slot.open.take_if(|open| !open.block.takes(entry.position)) {
            let bytes = Value::from(full.block.bytes);
            if slot.recent.len() >= RECENT {
                slot.recent.pop_front();
            }
            slot.recent.push_back((full.block.first, bytes.clone()));
            // Else it was put by an earlier batch, as it is.
            if slot.dirty {
                self.rows.insert(block::at(&slot.prefix, full.block.first), bytes);
            }
        }
        let open = slot.open.get_or_insert_with(|| OpenSeries::begin(entry.position));
        open.push(entry, &mut self.scratch)?;
        if let Some(timeline) = &mut slot.timeline {
            Arc::make_mut(timeline).push(entry);
        }
        let number = slot.number;
        if !slot.dirty {
            slot.dirty = true;
            self.dirty.push(place);
        }
        if revision::revised(entry.kind).is_some() {
            let mut payload = Vec::with_capacity(4);
            put(&mut payload, u64::from(number));
            self.list_bytes(&[key::REVISIONS], entry.position, &payload)?;
        }
        self.note(entry.event_id, entry.position, number)
    }

    /// The entry of the event at `position` in a series; none if there is no such entry.
    ///
    /// # Errors
    /// [`ViewsError`]; the batch must be dropped.
    pub fn entry(&self, series: &SeriesKey, position: u64) -> Result<Option<Entry>, ViewsError> {
        find::entry(self, &series.prefix().done(), position)
    }

    /// Notes where an event is.
    pub(crate) fn note(&mut self, event_id: Uuid, position: u64, number: u32) -> Result<(), ViewsError> {
        let place = Place::of(event_id);
        let shard = usize::from(place.shard);
        let open = match self.writer.shards.get_mut(shard) {
            Some(Some(open)) => open,
            _ => self.load_shard(place, position)?,
        };
        if open.note(place, position, number) {
            return Ok(());
        }
        let mut next = index::Open::begin(place.shard, position);
        next.note(place, position, number);
        let full = std::mem::replace(open, next);
        let (key, bytes) = (full.key(), Value::from(full.bytes));
        if let Some(Some(kept)) = self.writer.full.get_mut(shard) {
            kept.push((key.clone(), bytes.clone()));
        }
        self.rows.insert(key, bytes);
        Ok(())
    }

    /// Keeps the full blocks of the list that the event would be in, so that the next to be found there needs no row.
    /// Not before the list's last block is known: it is not full.
    pub(crate) fn keep_events(&mut self, event_id: Uuid) -> Result<(), ViewsError> {
        let place = Place::of(event_id);
        let shard = usize::from(place.shard);
        let Some(Some(open)) = self.writer.shards.get(shard).map(|open| open.as_ref().map(index::Open::key)) else {
            return Ok(());
        };
        if self.writer.full.get(shard).is_none_or(Option::is_some) {
            return Ok(());
        }
        let mut full = Vec::new();
        self.each(&place.prefix(), &mut |key, value| {
            if key != open {
                full.push((key.to_vec(), Value::from(value)));
            }
            Ok(())
        })?;
        self.writer.touched += full.len();
        if let Some(kept) = self.writer.full.get_mut(shard) {
            *kept = Some(full);
        }
        Ok(())
    }

    /// The full blocks of a list of events, if they are kept.
    fn full_events(&self, prefix: &[u8]) -> Option<&[(Vec<u8>, Value)]> {
        let (&key::EVENTS, shard) = prefix.split_first()? else { return None };
        let shard = usize::from(u16::from_be_bytes(*shard.first_chunk::<2>()?));
        self.writer.full.get(shard)?.as_deref()
    }

    fn load_shard(&mut self, place: Place, position: u64) -> Result<&mut index::Open, ViewsError> {
        let prefix = place.prefix();
        let last = self.grown.read(|store| {
            let row = store.last_block(&prefix, block::at(&prefix, u64::MAX))?;
            row.map(|(key, value)| index::Open::resume(place.shard, &key, &value)).transpose()
        })?;
        let slot = self.writer.shards.get_mut(usize::from(place.shard));
        let slot = slot.ok_or_else(|| unreadable(&prefix, "no such list of events"))?;
        Ok(slot.insert(last.unwrap_or_else(|| index::Open::begin(place.shard, position))))
    }

    /// The number of a subject, which is named at `position` for the first time if it has none.
    pub(crate) fn number_of(
        &mut self,
        prefix: &[u8],
        position: u64,
        subject: impl FnOnce() -> Subject,
    ) -> Result<u32, ViewsError> {
        if let Some(number) = self.writer.numbers.get(prefix) {
            return Ok(*number);
        }
        let number = u32::try_from(self.writer.subjects.len());
        let number = number.map_err(|_| unreadable(prefix, "too many subjects"))?;
        self.list_bytes(&subjects_table(), position, prefix)?;
        let subject = subject();
        self.subjects.push(subject.clone());
        self.writer.subjects.push(subject);
        self.writer.numbers.insert(prefix.to_vec(), number);
        Ok(number)
    }

    /// The place of the series of `prefix`, which is begun at `position` if it is new.
    fn slot(&mut self, prefix: &[u8], position: u64) -> Result<usize, ViewsError> {
        if let Some(place) = self.writer.places.get(prefix) {
            return Ok(*place);
        }
        let key = SeriesKey::read(prefix).ok_or_else(|| unreadable(prefix, "names no series"))?;
        let number = self.number_of(prefix, position, || Subject::Series(key.clone()))?;
        let open = match self.writer.begins(position) {
            true => None,
            false => self.grown.read(|store| {
                let row = store.last_block(prefix, block::at(prefix, u64::MAX))?;
                row.map(|(key, value)| OpenSeries::resume(&key, &value)).transpose()
            })?,
        };
        let place = self.writer.slots.len();
        let prefix = prefix.to_vec();
        self.writer.slots.push(Slot {
            number,
            key,
            prefix: prefix.clone(),
            open,
            recent: VecDeque::new(),
            timeline: None,
            dirty: false,
        });
        self.writer.places.insert(prefix, place);
        Ok(place)
    }

    /// A series as it is now, with the entries of this batch.
    pub(crate) fn timeline(&mut self, series: &SeriesKey) -> Result<Arc<Timeline>, ViewsError> {
        let prefix = series.prefix().done();
        if !self.writer.numbers.contains_key(&prefix) {
            return Ok(Arc::default());
        }
        let place = self.slot(&prefix, 0)?;
        if let Some(timeline) = self.writer.slots.get(place).and_then(|slot| slot.timeline.clone()) {
            return Ok(timeline);
        }
        let mut blocks = std::collections::BTreeMap::new();
        self.each(&prefix, &mut |key, value| {
            blocks.insert(key.to_vec(), value.to_vec());
            Ok(())
        })?;
        let mut timeline = Timeline::default();
        for (key, block) in &blocks {
            for entry in entries_of(key, block) {
                timeline.push(&entry?.borrowed());
            }
        }
        self.writer.touched += blocks.len();
        let timeline = Arc::new(timeline);
        if let Some(slot) = self.writer.slots.get_mut(place) {
            slot.timeline = Some(Arc::clone(&timeline));
        }
        Ok(timeline)
    }

    /// Key and value of the list's last block, as this batch has it.
    fn open_block(&self, prefix: &[u8]) -> Option<(Vec<u8>, &[u8])> {
        if let Some(list) = self.writer.lists.get(prefix) {
            return Some((list.open.key(prefix), &list.open.bytes));
        }
        if let Some((&key::EVENTS, shard)) = prefix.split_first() {
            let shard = usize::from(u16::from_be_bytes(*shard.first_chunk::<2>()?));
            let open = self.writer.shards.get(shard)?.as_ref()?;
            return Some((open.key(), &open.bytes));
        }
        let place = self.writer.places.get(prefix)?;
        let open = &self.writer.slots.get(*place)?.open.as_ref()?.block;
        Some((open.key(prefix), &open.bytes))
    }
}

impl Seen for ViewBatch<'_> {
    fn each(&self, prefix: &[u8], visit: Visit<'_>) -> Result<(), ViewsError> {
        let open = self.open_block(prefix);
        if let Some(full) = self.full_events(prefix) {
            full.iter().try_for_each(|(key, value)| visit(key, value))?;
            return open.map_or(Ok(()), |(key, value)| visit(&key, value));
        }
        let is_open = |key: &[u8]| open.as_ref().is_some_and(|(open, _)| open.as_slice() == key);
        self.grown.read(|store| {
            for row in store.scan(prefix) {
                let (key, value) = row?;
                if !is_open(&key) && !self.rows.contains_key(&*key) {
                    visit(&key, &value)?;
                }
            }
            Ok(())
        })?;
        for (key, value) in self.rows.range(prefix.to_vec()..).take_while(|(key, _)| key.starts_with(prefix)) {
            visit(key, value)?;
        }
        open.as_ref().map_or(Ok(()), |(key, value)| visit(key, value))
    }

    fn block(&self, prefix: &[u8], position: u64, visit: Visit<'_>) -> Result<(), ViewsError> {
        let key = block::at(prefix, position);
        if let Some((open, value)) = self.open_block(prefix).filter(|(open, _)| *open <= key) {
            return visit(&open, value);
        }
        let slot = self.writer.places.get(prefix).and_then(|place| self.writer.slots.get(*place));
        if let Some((first, value)) = slot.and_then(|slot| slot.recent.iter().rfind(|(first, _)| *first <= position)) {
            return visit(&block::at(prefix, *first), value);
        }
        // What this batch has is behind all that was put before it.
        if let Some((own, value)) = self.rows.range(prefix.to_vec()..=key.clone()).next_back() {
            return visit(own, value);
        }
        self.grown.read(|store| match store.last_block(prefix, key)? {
            Some((stored, value)) => visit(&stored, &value),
            None => Ok(()),
        })
    }

    fn subject(&self, number: u32) -> Option<Subject> {
        self.writer.subjects.get(number as usize).cloned()
    }
}
