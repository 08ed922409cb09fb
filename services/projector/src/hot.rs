//! From what an event says of a figure to its entry.
//!
//! Place in the flow: nearly every record comes this way, read without being built; an event that was built comes here
//! from `fold`. It must not know: days, definitions, what a figure is worth.

use songhua_domain::event::{Figure, TOTAL};
use songhua_domain::vocabulary::ObsStatus;
use songhua_views::{EntryKind, EntryRef, FigureRef, Named, SeriesKey, ViewBatch};
use songhua_wire::lean::{Change, FigureEvent, Said};
use uuid::Uuid;

use crate::fold::{FoldError, Touched};

/// Writes the entry of the event at `position`.
pub(crate) fn tell(batch: &mut ViewBatch<'_>, position: u64, event: &FigureEvent<'_>) -> Result<Touched, FoldError> {
    match event.said {
        Said::Reported { series, basis, period, figure, obs_status } => {
            let entry = EntryRef {
                position,
                recorded_time_us: event.recorded_time_us,
                kind: EntryKind::Reported,
                basis,
                start: period.start(),
                end: period.reference_date(),
                figure: number(figure),
                obs_status,
                back_dated: event.back_dated,
                agency: event.agency,
                event_id: event.event_id,
                reason: "",
            };
            batch.append_to(series, &entry)?;
            let [area, indicator, dimension] = series;
            // Only totals are scored.
            if dimension != TOTAL {
                return Ok(Touched::Nothing);
            }
            let series = area.parse().ok().zip(indicator.parse().ok());
            Ok(series
                .map_or(Touched::Nothing, |(area, indicator)| Touched::Series(SeriesKey::total(&area, &indicator))))
        }
        Said::Corrected(by) => {
            Speech::of(by, "MeasurementCorrected").tell(batch, (position, event), |of| EntryKind::Corrected { of })
        }
        Said::Revised(by) => {
            Speech::of(by, "MeasurementRevised").tell(batch, (position, event), |of| EntryKind::Revised { of })
        }
        Said::Retracted { measurement, reason } => {
            let speech = Speech { event_type: "MeasurementRetracted", named: measurement, by: None, reason };
            speech.tell(batch, (position, event), |of| EntryKind::Retracted { of })
        }
    }
}

/// What is said of an earlier figure.
struct Speech<'a> {
    event_type: &'static str,
    named: Uuid,
    /// What takes its place.
    by: Option<(Figure, ObsStatus)>,
    reason: &'a str,
}

impl<'a> Speech<'a> {
    const fn of(change: Change<'a>, event_type: &'static str) -> Self {
        let by = Some((change.figure, change.obs_status));
        Self { event_type, named: change.measurement, by, reason: change.reason }
    }

    fn tell(
        &self,
        batch: &mut ViewBatch<'_>,
        (position, event): (u64, &FigureEvent<'_>),
        kind: impl FnOnce(u64) -> EntryKind,
    ) -> Result<Touched, FoldError> {
        let Some(Named::Figure(series, spoken)) = batch.named(self.named)? else {
            return Err(FoldError::Dangling { event_type: self.event_type, named: self.named });
        };
        let (figure, obs_status) = match self.by {
            Some((figure, obs_status)) => (number(figure), obs_status),
            None => (FigureRef::None, spoken.obs_status),
        };
        let entry = EntryRef {
            position,
            recorded_time_us: event.recorded_time_us,
            kind: kind(spoken.position),
            basis: spoken.basis,
            start: spoken.start,
            end: spoken.end,
            figure,
            obs_status,
            back_dated: event.back_dated,
            agency: event.agency,
            event_id: event.event_id,
            reason: self.reason,
        };
        batch.append_to([series.area.as_str(), series.indicator.as_str(), &series.dimension], &entry)?;
        Ok(Touched::Series(series))
    }
}

const fn number(figure: Figure) -> FigureRef<'static> {
    match figure {
        Figure::Value(value) => FigureRef::Value(value),
        Figure::Fraction { numerator, denominator } => FigureRef::Fraction(numerator, denominator),
    }
}
