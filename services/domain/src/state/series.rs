//! Live figures: which periods of a series are taken, by which event, and the totals that must not fall.
//!
//! Place in the flow: folded from measurement events, asked when a figure is decided. It must not know: values that no
//! rule compares (only `PLAN_TO_DATE` totals are kept), earlier vintages (views keep those).
//!
//! Figures are the largest part of a plan's state, so a series has a number, and entries lie in [`Pages`].

use std::num::NonZeroU64;
use std::ops::Bound;

use imbl::OrdMap;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::pages::Pages;
use crate::event::{MeasurementReported, ReferencePeriod};
use crate::id::{AreaId, IndicatorId};
use crate::quantity::Decimal;
use crate::vocabulary::Basis;

/// (area, indicator, dimension).
pub(crate) type SeriesKey = (AreaId, IndicatorId, String);

/// A basis and period: at most one live figure of a series is in it. Ordered by basis, then by last day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Slot {
    /// What the figure covers.
    pub basis: Basis,
    /// Reference date.
    pub end: Date,
    /// First day. None for a level, and for `PLAN_TO_DATE`, of which there is one a date whatever it is counted from.
    pub start: Option<Date>,
}

impl Slot {
    /// The slot of a figure.
    pub fn of(basis: Basis, period: ReferencePeriod) -> Self {
        let start = if basis == Basis::PlanToDate { None } else { period.start() };
        Self { basis, end: period.reference_date(), start }
    }

    /// The first slot of a basis that could end on `end`.
    fn first_on(basis: Basis, end: Date) -> Self {
        Self { basis, end, start: None }
    }
}

/// The live figure of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The area.
    pub area: AreaId,
    /// The indicator.
    pub indicator: IndicatorId,
    /// The dimension, `_T` for the headline.
    pub dimension: String,
    pub(crate) figures: Pages<Slot, LiveFigure>,
    /// Values of live `PLAN_TO_DATE`s.
    totals: Pages<Date, Decimal>,
}

impl Series {
    /// The live figure of a slot.
    pub fn live(&self, slot: &Slot) -> Option<&LiveFigure> {
        self.figures.get(slot)
    }

    /// Live figures, by basis and last day.
    pub fn figures(&self) -> impl Iterator<Item = (&Slot, &LiveFigure)> {
        self.figures.iter()
    }

    /// The live `PERIOD` that shares a day with `start`…`end`. Live periods never overlap, so the first one that ends
    /// on or after `start` decides.
    pub fn overlapping(&self, start: Date, end: Date) -> Option<(&Slot, &LiveFigure)> {
        let first = self.from(Slot::first_on(Basis::Period, start)).next();
        first.filter(|(slot, _)| slot.start.is_none_or(|other| other <= end))
    }

    /// The live `PERIOD` that begins on or before `date` and ends after it.
    pub fn straddling(&self, date: Date) -> Option<(&Slot, &LiveFigure)> {
        let after = self.from(Slot::first_on(Basis::Period, date)).find(|(slot, _)| slot.end > date);
        after.filter(|(slot, _)| slot.start.is_none_or(|other| other <= date))
    }

    /// The first live `PLAN_TO_DATE` from `start` on that lies before `end`.
    pub fn total_within(&self, start: Date, end: Date) -> Option<(&Slot, &LiveFigure)> {
        self.from(Slot::first_on(Basis::PlanToDate, start)).next().filter(|(slot, _)| slot.end < end)
    }

    /// The value of the live `PLAN_TO_DATE` of a slot.
    #[cfg(test)]
    pub(crate) fn total_of(&self, slot: &Slot) -> Option<Decimal> {
        (slot.basis == Basis::PlanToDate).then(|| self.totals.get(&slot.end).copied()).flatten()
    }

    /// The greatest live `PLAN_TO_DATE` of the days before `date`: not always the last one, for a correction may fall.
    pub fn total_before(&self, date: Date) -> Option<Total> {
        self.total(self.totals.range(..date).max_by_key(|(_, value)| **value))
    }

    /// The least live `PLAN_TO_DATE` of the days after `date`.
    pub fn total_after(&self, date: Date) -> Option<Total> {
        self.total(self.totals.range((Bound::Excluded(date), Bound::Unbounded)).min_by_key(|(_, value)| **value))
    }

    fn total(&self, found: Option<(&Date, &Decimal)>) -> Option<Total> {
        let (day, value) = found?;
        let position = self.figures.get(&Slot::first_on(Basis::PlanToDate, *day))?.position;
        Some(Total { day: *day, position, value: *value })
    }

    /// Live figures of `first`'s basis, from `first` on.
    fn from(&self, first: Slot) -> impl Iterator<Item = (&Slot, &LiveFigure)> {
        self.figures.range(first..).take_while(move |(slot, _)| slot.basis == first.basis)
    }
}

/// Where a figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    series: u32,
    slot: Slot,
    /// Position of the event.
    position: u64,
}

/// Every series, and where the figure of an event is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct AllSeries {
    numbers: OrdMap<SeriesKey, u32>,
    series: OrdMap<u32, Series>,
    /// Every report, correction and revision, also superseded ones: only the first says which period it is of, and what
    /// is said later of any of them is filed under its target.
    events: Pages<Uuid, Place>,
}

impl AllSeries {
    pub(crate) fn get(&self, area: &AreaId, indicator: &IndicatorId, dimension: &str) -> Option<&Series> {
        let number = self.numbers.get(&(area.clone(), indicator.clone(), dimension.to_owned()))?;
        self.series.get(number)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Series> {
        self.series.values()
    }

    /// The series and slot that a report, correction or revision speaks of, live or not.
    pub(crate) fn place_of(&self, event: &Uuid) -> Option<(&Series, Slot)> {
        let place = self.events.get(event)?;
        Some((self.series.get(&place.series)?, place.slot))
    }

    /// The slot's figure, if `event` is the live one.
    pub(crate) fn live(&self, event: &Uuid) -> Option<&LiveFigure> {
        let place = self.events.get(event)?;
        let figure = self.series.get(&place.series)?.figures.get(&place.slot)?;
        (figure.position == place.position).then_some(figure)
    }

    pub(crate) fn report(
        &mut self,
        event: Uuid,
        position: u64,
        reported: &MeasurementReported,
        total: Option<Decimal>,
    ) {
        let key = (reported.area.clone(), reported.indicator.clone(), reported.dimension.clone());
        let slot = Slot::of(reported.basis, reported.period);
        let series = self.number(key);
        self.put(series, slot, position, total);
        self.events.insert(event, Place { series, slot, position });
    }

    /// Nothing happens if `earlier` is not the live one.
    pub(crate) fn correct(&mut self, event: Uuid, position: u64, earlier: &Uuid, total: Option<Decimal>) {
        let Some(place) = self.events.get(earlier).copied().filter(|_| self.live(earlier).is_some()) else { return };
        self.put(place.series, place.slot, position, total);
        self.events.insert(event, Place { position, ..place });
    }

    /// Retracted or rejected: the slot is free again. Nothing happens if `event` is not the live one.
    pub(crate) fn free(&mut self, event: &Uuid) {
        let Some(place) = self.events.get(event).copied().filter(|_| self.live(event).is_some()) else { return };
        if let Some(series) = self.series.get_mut(&place.series) {
            series.figures.remove(&place.slot);
            if place.slot.basis == Basis::PlanToDate {
                series.totals.remove(&place.slot.end);
            }
        }
    }

    /// Verified by the event at `by`, or no longer. Nothing happens if `event` is not the live one.
    pub(crate) fn verify(&mut self, event: &Uuid, by: Option<u64>) {
        let Some(place) = self.events.get(event).copied() else { return };
        let Some(series) = self.series.get_mut(&place.series) else { return };
        if series.figures.get(&place.slot).is_some_and(|figure| figure.position == place.position) {
            let verified_by = by.and_then(NonZeroU64::new);
            series.figures.insert(place.slot, LiveFigure { position: place.position, verified_by });
        }
    }

    fn number(&mut self, key: SeriesKey) -> u32 {
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        // Numbers follow the log's order: equal logs give equal states. A plan has far fewer series than 2^32.
        let number = u32::try_from(self.series.len()).unwrap_or(u32::MAX);
        let (area, indicator, dimension) = key.clone();
        self.series
            .insert(number, Series { area, indicator, dimension, figures: Pages::default(), totals: Pages::default() });
        self.numbers.insert(key, number);
        number
    }

    fn put(&mut self, series: u32, slot: Slot, position: u64, total: Option<Decimal>) {
        if let Some(series) = self.series.get_mut(&series) {
            series.figures.insert(slot, LiveFigure { position, verified_by: None });
            match total {
                _ if slot.basis != Basis::PlanToDate => {}
                Some(total) => series.totals.insert(slot.end, total),
                None => series.totals.remove(&slot.end),
            }
        }
    }
}
