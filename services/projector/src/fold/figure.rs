//! Figures: what is reported, assessed, corrected, revised and retracted goes to its series.
//!
//! Place in the flow: called by [`fold`](super::fold). It must not know what a figure is worth.

use jiff::civil::Date;
use songhua_domain::event::{Event, NothingToReport, QualitativeAssessmentRecorded, ReferencePeriod};
use songhua_domain::vocabulary::{Basis, ObsStatus};
use songhua_views::{Entry, EntryFigure, EntryKind, SeriesKey, ViewBatch};
use songhua_wire::lean::FigureEvent;

use super::{FoldError, Touched, agency};
use crate::hot;

/// A measurement, or what was said of an earlier one.
pub(super) fn measured(batch: &mut ViewBatch<'_>, event: &Event) -> Result<Touched, FoldError> {
    FigureEvent::of(event).map_or(Ok(Touched::Nothing), |figure| hot::tell(batch, event.position, &figure))
}

pub(super) fn assessed(
    batch: &mut ViewBatch<'_>,
    event: &Event,
    assessed: &QualitativeAssessmentRecorded,
) -> Result<Touched, FoldError> {
    let mut entry = entry(event, EntryKind::Assessed, Basis::StockAt, ReferencePeriod::AsOf(assessed.as_of));
    entry.figure = EntryFigure::Step(assessed.step.clone());
    entry.obs_status = assessed.obs_status;
    entry.reason.clone_from(&assessed.finding);
    append(batch, (SeriesKey::total(&assessed.area, &assessed.indicator), entry))
}

pub(super) fn nothing(
    batch: &mut ViewBatch<'_>,
    event: &Event,
    nothing: &NothingToReport,
) -> Result<Touched, FoldError> {
    let entry = entry(event, EntryKind::Nothing, Basis::Period, nothing.period);
    append(batch, (SeriesKey::total(&nothing.area, &nothing.indicator), entry))?;
    // Silence is no figure: no score sees it.
    Ok(Touched::Nothing)
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
