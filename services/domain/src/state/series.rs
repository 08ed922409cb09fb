//! Live figures: which periods of a series are taken, by which event, and the totals that must not fall.
//!
//! Place in the flow: folded from measurement events, asked when a figure is decided. It must not know: values that no
//! rule compares (only `PLAN_TO_DATE` totals are kept), earlier vintages (views keep those), ids of events: where an
//! event is filed the log says ([`Filed`]).

use std::hash::{DefaultHasher, Hasher};
use std::num::NonZeroU64;
use std::sync::Arc;

use imbl::OrdMap;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::figures::Figures;
use super::page::Entry;
use super::place::{Filed, Place};
use super::slot::Slot;
use crate::id::{AreaId, IndicatorId};
use crate::quantity::Decimal;
use crate::vocabulary::Basis;

/// What a series is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SeriesKey {
    /// The area.
    pub area: AreaId,
    /// The indicator.
    pub indicator: IndicatorId,
    /// The dimension, `_T` for the headline.
    pub dimension: String,
}

impl SeriesKey {
    fn texts(&self) -> [&str; 3] {
        [self.area.as_str(), self.indicator.as_str(), &self.dimension]
    }
}

/// The live figure of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveFigure {
    /// Place of the live event in the log: reported, or the last correction or revision.
    pub position: u64,
    /// Place of the event that verified it.
    pub verified_by: Option<NonZeroU64>,
}

/// A live `PLAN_TO_DATE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// Reference date.
    pub day: Date,
    /// Place of the live event in the log.
    pub position: u64,
    /// The total.
    pub value: Decimal,
}

/// The live figures of one (area, indicator, dimension).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    /// What it is of.
    pub key: Arc<SeriesKey>,
    figures: Figures,
}

impl Series {
    /// The live figure of a slot.
    pub fn live(&self, slot: &Slot) -> Option<LiveFigure> {
        self.figures.get((*slot).into()).map(LiveFigure::from)
    }

    /// Live figures, by basis and last day.
    pub fn figures(&self) -> impl Iterator<Item = (Slot, LiveFigure)> {
        self.figures.iter().filter_map(of_slot)
    }

    /// The live `PERIOD` that shares a day with `start`…`end`. Live periods never overlap, so the first one that ends
    /// on or after `start` decides.
    pub fn overlapping(&self, start: Date, end: Date) -> Option<(Slot, LiveFigure)> {
        let first = self.from(Slot::first_on(Basis::Period, start)).next();
        first.filter(|(slot, _)| slot.start.is_none_or(|other| other <= end))
    }

    /// The live `PERIOD` that begins on or before `date` and ends after it.
    pub fn straddling(&self, date: Date) -> Option<(Slot, LiveFigure)> {
        let after = self.from(Slot::first_on(Basis::Period, date)).find(|(slot, _)| slot.end > date);
        after.filter(|(slot, _)| slot.start.is_none_or(|other| other <= date))
    }

    /// The first live `PLAN_TO_DATE` from `start` on that lies before `end`.
    pub fn total_within(&self, start: Date, end: Date) -> Option<(Slot, LiveFigure)> {
        self.from(Slot::first_on(Basis::PlanToDate, start)).next().filter(|(slot, _)| slot.end < end)
    }

    /// The value of the live `PLAN_TO_DATE` of a slot.
    #[cfg(test)]
    pub(crate) fn total_of(&self, slot: &Slot) -> Option<Decimal> {
        self.figures.get((*slot).into())?.total
    }

    /// The greatest live `PLAN_TO_DATE` of the days before `date`: not always the last one, for a correction may fall.
    pub fn total_before(&self, date: Date) -> Option<Total> {
        self.figures.greatest_before(Slot::first_on(Basis::PlanToDate, date).into()).and_then(total)
    }

    /// The least live `PLAN_TO_DATE` of the days after `date`.
    pub fn total_after(&self, date: Date) -> Option<Total> {
        self.figures.least_after(Slot::first_on(Basis::PlanToDate, date).into()).and_then(total)
    }

    /// Live figures of `first`'s basis, from `first` on.
    fn from(&self, first: Slot) -> impl Iterator<Item = (Slot, LiveFigure)> {
        self.figures.from(first.into()).filter_map(of_slot)
    }
}

impl From<Entry> for LiveFigure {
    fn from(entry: Entry) -> Self {
        Self { position: entry.position, verified_by: entry.verified_by }
    }
}

fn of_slot(entry: Entry) -> Option<(Slot, LiveFigure)> {
    Some((entry.key.slot()?, entry.into()))
}

fn total(entry: Entry) -> Option<Total> {
    Some(Total { day: entry.key.slot()?.end, position: entry.position, value: entry.total? })
}

/// A series in the map: the digest of its key, and which one of those with the same digest, from 0, in the order in which
/// they came. Of many thousand series one is found without following the texts of a dozen others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Number(u64, u32);

/// Every series. None ever goes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Arc<Series>>", into = "Vec<Arc<Series>>")]
pub(crate) struct AllSeries {
    series: OrdMap<Number, Arc<Series>>,
}

impl From<Vec<Arc<Series>>> for AllSeries {
    fn from(series: Vec<Arc<Series>>) -> Self {
        let mut all = Self::default();
        for one in series {
            let (Ok(number) | Err(number)) = all.find(one.key.texts());
            all.series.insert(number, one);
        }
        all
    }
}

impl From<AllSeries> for Vec<Arc<Series>> {
    fn from(all: AllSeries) -> Self {
        all.sorted().cloned().collect()
    }
}

impl AllSeries {
    pub(crate) fn get(&self, area: &AreaId, indicator: &IndicatorId, dimension: &str) -> Option<&Series> {
        self.named([area.as_str(), indicator.as_str(), dimension])
    }

    /// By area, indicator and dimension.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Series> {
        self.sorted().map(Arc::as_ref)
    }

    fn sorted(&self) -> impl Iterator<Item = &Arc<Series>> {
        let mut all: Vec<_> = self.series.values().collect();
        all.sort_unstable_by_key(|series| &series.key);
        all.into_iter()
    }

    fn named(&self, texts: [&str; 3]) -> Option<&Series> {
        self.series.get(&self.find(texts).ok()?).map(Arc::as_ref)
    }

    /// The number of the series with these texts, or the one it would get.
    fn find(&self, texts: [&str; 3]) -> Result<Number, Number> {
        let mut number = Number(digest(texts), 0);
        while let Some(series) = self.series.get(&number) {
            if series.key.texts() == texts {
                return Ok(number);
            }
            number.1 += 1;
        }
        Err(number)
    }

    /// The live figure of the slot that a report, correction or revision speaks of.
    pub(crate) fn now(&self, filed: &Filed) -> Option<LiveFigure> {
        self.entry(filed).map(LiveFigure::from)
    }

    /// The same, if it is that report, correction or revision.
    pub(crate) fn live(&self, filed: &Filed) -> Option<LiveFigure> {
        self.now(filed).filter(|figure| figure.position == filed.position)
    }

    fn entry(&self, filed: &Filed) -> Option<Entry> {
        let Place::Figure(key, slot) = &filed.place else { return None };
        self.named(key.texts())?.figures.get((*slot).into())
    }

    /// The figure of a slot, whatever was there. `filed` is to share the key of its series from now on.
    pub(crate) fn put(&mut self, filed: &mut Filed, total: Option<Decimal>) {
        let Place::Figure(key, slot) = &mut filed.place else { return };
        let total = total.filter(|_| slot.basis == Basis::PlanToDate);
        let entry = Entry { key: (*slot).into(), position: filed.position, verified_by: None, total };
        match self.find(key.texts()) {
            Ok(number) => {
                let Some(series) = self.series.get_mut(&number).map(Arc::make_mut) else { return };
                series.figures.insert(entry);
                *key = Arc::clone(&series.key);
            }
            Err(number) => {
                let mut series = Series { key: Arc::clone(key), figures: Figures::default() };
                series.figures.insert(entry);
                self.series.insert(number, Arc::new(series));
            }
        }
    }

    /// Retracted or rejected: the slot is free again. Nothing happens if it is not the live one.
    pub(crate) fn free(&mut self, filed: &Filed) {
        if let Some((entry, figures)) = self.of_live(filed) {
            figures.remove(entry.key);
        }
    }

    /// Verified by the event at `by`, or no longer. Nothing happens if it is not the live one.
    pub(crate) fn verify(&mut self, filed: &Filed, by: Option<u64>) {
        if let Some((entry, figures)) = self.of_live(filed) {
            figures.insert(Entry { verified_by: by.and_then(NonZeroU64::new), ..entry });
        }
    }

    fn of_live(&mut self, filed: &Filed) -> Option<(Entry, &mut Figures)> {
        let entry = self.entry(filed).filter(|entry| entry.position == filed.position)?;
        let Place::Figure(key, _) = &filed.place else { return None };
        let number = self.find(key.texts()).ok()?;
        Some((entry, &mut Arc::make_mut(self.series.get_mut(&number)?).figures))
    }
}

/// The same in every process of this binary; nothing that leaves the process depends on it.
fn digest(texts: [&str; 3]) -> u64 {
    let mut digest = DefaultHasher::new();
    for text in texts {
        digest.write(text.as_bytes());
        digest.write_u8(0);
    }
    digest.finish()
}
