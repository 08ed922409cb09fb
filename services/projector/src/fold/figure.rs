//! Figures: what is reported, assessed, corrected, revised and retracted goes to its series.
//!
//! Place in the flow: called by [`fold`](super::fold). It must not know what a figure is worth.

use jiff::civil::Date;
use songhua_domain::event::{
    Event, Figure, MeasurementReported, NothingToReport, Payload, QualitativeAssessmentRecorded, ReferencePeriod,
};
use songhua_domain::vocabulary::{Basis, ObsStatus};
use songhua_views::{Entry, EntryFigure, EntryKind, Named, SeriesKey, ViewBatch};
use uuid::Uuid;

use super::{FoldError, Touched, agency, dangling};

pub(super) fn fold(batch: &mut ViewBatch<'_>, event: &Event) -> Result<Touched, FoldError> {
    match &event.input.payload {
        Payload::MeasurementReported(it) => append(batch, reported(event, it)),
        Payload::QualitativeAssessmentRecorded(it) => append(batch, assessed(event, it)),
        Payload::NothingToReport(it) => {
            append(batch, nothing(event, it))?;
            // Silence is no figure: no score sees it.
            Ok(Touched::Nothing)
        }
        Payload::MeasurementCorrected(it) => {
            let by = Some((it.figure, it.obs_status));
            change(batch, event, it.measurement, |of| EntryKind::Corrected { of }, &it.reason, by)
        }
        Payload::MeasurementRevised(it) => {
            let by = Some((it.figure, it.obs_status));
            change(batch, event, it.measurement, |of| EntryKind::Revised { of }, &it.reason, by)
        }
        Payload::MeasurementRetracted(it) => {
            change(batch, event, it.measurement, |of| EntryKind::Retracted { of }, &it.reason, None)
        }
        // Nothing else is a figure.
        _ => Ok(Touched::Nothing),
    }
}

pub(super) fn append(batch: &mut ViewBatch<'_>, (series, entry): (SeriesKey, Entry)) -> Result<Touched, FoldError> {
    batch.append(&series, entry)?;
    Ok(Touched::Series(series))
}

/// An entry about the figure `spoken`, with its basis and period.
pub(super) fn speak(event: &Event, spoken: &Entry, kind: EntryKind, reason: &str) -> Entry {
    let mut entry = entry(event, kind, spoken.basis, period(spoken.start, spoken.end));
    entry.obs_status = spoken.obs_status;
    reason.clone_into(&mut entry.reason);
    entry
}

/// Says something of the figure of the event `named`, and gives another in its place, if there is one.
fn change(
    batch: &mut ViewBatch<'_>,
    event: &Event,
    named: Uuid,
    kind: impl FnOnce(u64) -> EntryKind,
    reason: &str,
    by: Option<(Figure, ObsStatus)>,
) -> Result<Touched, FoldError> {
    let Some(Named::Figure(series, spoken)) = batch.named(named)? else { return Err(dangling(event, named)) };
    let mut entry = speak(event, &spoken, kind(spoken.position), reason);
    if let Some((by, obs_status)) = by {
        entry.figure = figure(by);
        entry.obs_status = obs_status;
    }
    append(batch, (series, entry))
}

fn reported(event: &Event, reported: &MeasurementReported) -> (SeriesKey, Entry) {
    let (area, indicator, dimension) = (reported.area.clone(), reported.indicator.clone(), reported.dimension.clone());
    let mut entry = entry(event, EntryKind::Reported, reported.basis, reported.period);
    entry.figure = figure(reported.figure);
    entry.obs_status = reported.obs_status;
    (SeriesKey { area, indicator, dimension }, entry)
}

fn assessed(event: &Event, assessed: &QualitativeAssessmentRecorded) -> (SeriesKey, Entry) {
    let mut entry = entry(event, EntryKind::Assessed, Basis::StockAt, ReferencePeriod::AsOf(assessed.as_of));
    entry.figure = EntryFigure::Step(assessed.step.clone());
    entry.obs_status = assessed.obs_status;
    entry.reason.clone_from(&assessed.finding);
    (SeriesKey::total(&assessed.area, &assessed.indicator), entry)
}

fn nothing(event: &Event, nothing: &NothingToReport) -> (SeriesKey, Entry) {
    let entry = entry(event, EntryKind::Nothing, Basis::Period, nothing.period);
    (SeriesKey::total(&nothing.area, &nothing.indicator), entry)
}

/// An entry without a figure.
fn entry(event: &Event, kind: EntryKind, basis: Basis, period: ReferencePeriod) -> Entry {
    Entry {
        position: event.position,
        recorded_time_us: event.recorded_time.as_microsecond(),
        kind,
        basis,
        start: period.start(),
        end: period.reference_date(),
        figure: EntryFigure::None,
        obs_status: ObsStatus::Normal,
        back_dated: event.back_dated,
        agency: agency(event),
        event_id: event.input.event_id,
        reason: String::new(),
    }
}

fn period(start: Option<Date>, end: Date) -> ReferencePeriod {
    start.map_or(ReferencePeriod::AsOf(end), |start| ReferencePeriod::Period { start, end })
}

const fn figure(figure: Figure) -> EntryFigure {
    match figure {
        Figure::Value(value) => EntryFigure::Value(value),
        Figure::Fraction { numerator, denominator } => EntryFigure::Fraction { numerator, denominator },
    }
}
