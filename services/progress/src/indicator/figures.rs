//! The figures of an indicator as they came: its history, and the vintages of each period.
//!
//! Place in the flow: series → `Observation`, `PeriodVintages`. Figures of every day are shown, also of those behind the
//! reading's: a score does not see them, a history does. It must not know how a figure is scored.

use std::collections::BTreeMap;

use jiff::civil::Date;
use songhua_domain::event::{Figure, ReferencePeriod};
use songhua_domain::id::{AreaId, IndicatorId};
use songhua_domain::vocabulary::Basis;
use songhua_views::{Entry, EntryFigure, EntryKind, Recorded, Series, SeriesKey};
use songhua_wire::code::Code;
use songhua_wire::pb;
use songhua_wire::time::micros_to_pb;

use crate::name;
use crate::plan::size;
use crate::reading::Reading;
use crate::refusal::{self, Refused};

/// A series with everything that was ever reported in it, as known.
pub(super) struct Figures<'a> {
    /// Its area.
    pub(super) area: &'a AreaId,
    /// Its dimension.
    pub(super) dimension: String,
    series: Series,
}

impl Figures<'_> {
    /// Which series it is of the indicator.
    pub(super) fn series_of(&self, indicator: &IndicatorId) -> SeriesKey {
        SeriesKey { area: self.area.clone(), indicator: indicator.clone(), dimension: self.dimension.clone() }
    }

    /// Oldest first, those that no longer count too.
    pub(super) fn figures(&self) -> &[Recorded] {
        self.series.figures()
    }
}

/// Every series of an indicator, in one area or in all, areas in the order of the source.
pub(super) fn read<'a>(
    reading: &'a Reading,
    indicator: &IndicatorId,
    only: Option<&AreaId>,
    dimension: Option<&str>,
) -> Result<Vec<Figures<'a>>, Refused> {
    let mut all = Vec::new();
    let areas = reading.areas().into_iter().map(|area| &area.definition.area);
    for area in areas.filter(|area| only.is_none_or(|only| only == *area)) {
        if let Some(dimension) = dimension {
            let key = SeriesKey { area: area.clone(), indicator: indicator.clone(), dimension: dimension.to_owned() };
            let series = reading.views().series(&key, reading.known());
            let series = series.map_err(|error| refusal::from_views(&error))?;
            all.extend((!series.figures().is_empty()).then_some(Figures { area, dimension: key.dimension, series }));
            continue;
        }
        let dimensions = reading.views().dimensions(area, indicator, reading.known());
        for (dimension, series) in dimensions.map_err(|error| refusal::from_views(&error))? {
            all.push(Figures { area, dimension, series });
        }
    }
    Ok(all)
}

/// The newest figures, oldest first.
pub(super) fn history(all: &[Figures<'_>], limit: usize) -> Vec<pb::Observation> {
    let mut newest: Vec<(&Figures<'_>, &Recorded)> =
        all.iter().flat_map(|series| series.figures().iter().map(move |figure| (series, figure))).collect();
    newest.sort_unstable_by_key(|(_, figure)| figure.entry.position);
    let cut = newest.len().saturating_sub(limit);
    newest.into_iter().skip(cut).map(|(series, figure)| observation(series, figure)).collect()
}

fn observation(series: &Figures<'_>, recorded: &Recorded) -> pb::Observation {
    let entry = &recorded.entry;
    let (figure, step) = figure(&entry.figure);
    pb::Observation {
        event_id: entry.event_id.to_string(),
        position: entry.position,
        recorded_time: micros_to_pb(entry.recorded_time_us),
        area: series.area.to_string(),
        dimension: series.dimension.clone(),
        basis: entry.basis.to_wire(),
        period: Some((&period(entry)).into()),
        figure: figure.as_ref().map(Into::into),
        step,
        obs_status: entry.obs_status.to_wire(),
        agency: name::or_empty(entry.agency.as_ref()),
        live: recorded.live(),
        superseded_by: recorded.superseded_by.unwrap_or_default(),
        verified: recorded.verified,
        corrects: recorded.corrects().unwrap_or_default(),
        back_dated: entry.back_dated,
    }
}

/// What figures of one period share within a series: last and first day, basis.
type Period = (Date, Option<Date>, Basis);

/// The newest periods with all that was ever said of them, oldest first; those of one day in the order of the series.
pub(super) fn vintages(all: &[Figures<'_>], limit: usize) -> Vec<pb::PeriodVintages> {
    let mut periods: BTreeMap<(Period, usize), Vec<&Recorded>> = BTreeMap::new();
    for (index, series) in all.iter().enumerate() {
        for figure in series.figures() {
            let Entry { end, start, basis, .. } = figure.entry;
            let place = ((end, start, basis), index);
            // Older than all that fit.
            if periods.len() >= limit && periods.first_key_value().is_none_or(|(oldest, _)| place < *oldest) {
                continue;
            }
            periods.entry(place).or_default().push(figure);
            if periods.len() > limit {
                periods.pop_first();
            }
        }
    }
    periods
        .into_iter()
        .filter_map(|((_, index), said)| all.get(index).and_then(|series| of_period(series, &said)))
        .collect()
}

fn of_period(series: &Figures<'_>, said: &[&Recorded]) -> Option<pb::PeriodVintages> {
    let first = &said.first()?.entry;
    Some(pb::PeriodVintages {
        area: series.area.to_string(),
        dimension: series.dimension.clone(),
        basis: first.basis.to_wire(),
        period: Some((&period(first)).into()),
        vintages: said.iter().enumerate().map(|(index, figure)| vintage(index, figure)).collect(),
    })
}

fn vintage(index: usize, recorded: &Recorded) -> pb::Vintage {
    let entry = &recorded.entry;
    let (figure, step) = figure(&entry.figure);
    pb::Vintage {
        number: size(index + 1),
        event_id: entry.event_id.to_string(),
        position: entry.position,
        recorded_time: micros_to_pb(entry.recorded_time_us),
        kind: kind(entry.kind).to_owned(),
        figure: figure.as_ref().map(Into::into),
        step,
        obs_status: entry.obs_status.to_wire(),
        reason: entry.reason.clone(),
        ended: recorded.ended.map(ended).unwrap_or_default().to_owned(),
        ended_by: recorded.superseded_by.unwrap_or_default(),
        verified: recorded.verified,
        agency: name::or_empty(entry.agency.as_ref()),
    }
}

/// What brought a figure.
const fn kind(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Corrected { .. } => "CORRECTED",
        EntryKind::Revised { .. } => "REVISED",
        EntryKind::Assessed => "ASSESSED",
        // The others bring none.
        _ => "REPORTED",
    }
}

/// What ended it.
const fn ended(by: EntryKind) -> &'static str {
    match by {
        EntryKind::Retracted { .. } => "RETRACTED",
        EntryKind::Rejected { .. } => "REJECTED",
        // A correction or a revision.
        _ => "SUPERSEDED",
    }
}

/// The number of an entry, or its step.
pub(crate) fn figure(figure: &EntryFigure) -> (Option<Figure>, String) {
    match figure {
        EntryFigure::None => (None, String::new()),
        EntryFigure::Value(value) => (Some(Figure::Value(*value)), String::new()),
        EntryFigure::Fraction { numerator, denominator } => {
            (Some(Figure::Fraction { numerator: *numerator, denominator: *denominator }), String::new())
        }
        EntryFigure::Step(step) => (None, step.clone()),
    }
}

/// What time an entry is of.
pub(crate) fn period(entry: &Entry) -> ReferencePeriod {
    match entry.start {
        Some(start) => ReferencePeriod::Period { start, end: entry.end },
        None => ReferencePeriod::AsOf(entry.end),
    }
}
