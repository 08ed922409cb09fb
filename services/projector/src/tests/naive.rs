//! What the answers should be, computed from the events alone, in the plainest way.

use songhua_domain::event::{Event, Figure, Payload, TOTAL};
use songhua_domain::id::{AreaId, IndicatorId};
use songhua_domain::quantity::Decimal;
use songhua_domain::score::{Observation, Series};
use songhua_domain::vocabulary::{Basis, ObsStatus};
use uuid::Uuid;

/// Live figures of a total after `events`, by position.
pub(super) fn live(events: &[Event], area: &AreaId, indicator: &IndicatorId) -> Vec<Observation> {
    let mut live: Vec<(Uuid, Observation)> = Vec::new();
    for event in events {
        let id = event.input.event_id;
        let find = |live: &[(Uuid, Observation)], named: &Uuid| live.iter().position(|(id, _)| id == named);
        match &event.input.payload {
            Payload::MeasurementReported(it)
                if it.area == *area && it.indicator == *indicator && it.dimension == TOTAL =>
            {
                let value = value(it.figure);
                let (start, end) = (it.period.start(), it.period.reference_date());
                let basis = it.basis;
                let seen = Observation { basis, start, end, value, obs_status: it.obs_status, ..empty(event) };
                live.push((id, seen));
            }
            Payload::QualitativeAssessmentRecorded(it) if it.area == *area && it.indicator == *indicator => {
                let step = Some(it.step.clone());
                live.push((id, Observation { end: it.as_of, step, obs_status: it.obs_status, ..empty(event) }));
            }
            Payload::MeasurementCorrected(it) => {
                if let Some(at) = find(&live, &it.measurement) {
                    let (_, old) = live.remove(at);
                    let (value, position) = (value(it.figure), event.position);
                    let obs_status = it.obs_status;
                    let new = Observation { position, value, step: None, obs_status, verified: false, ..old };
                    live.push((id, new));
                }
            }
            Payload::MeasurementRevised(it) => {
                if let Some(at) = find(&live, &it.measurement) {
                    let (_, old) = live.remove(at);
                    let (value, obs_status) = (value(it.figure), it.obs_status);
                    let position = event.position;
                    let new = Observation { position, value, step: None, obs_status, verified: false, ..old };
                    live.push((id, new));
                }
            }
            Payload::MeasurementRetracted(it) => live.retain(|(id, _)| *id != it.measurement),
            Payload::VerificationRejected(it) => live.retain(|(id, _)| *id != it.event),
            Payload::VerificationAccepted(it) => {
                live.iter_mut().filter(|(id, _)| *id == it.event).for_each(|(_, seen)| seen.verified = true);
            }
            Payload::VerificationReopened(it) => {
                live.iter_mut().filter(|(id, _)| *id == it.event).for_each(|(_, seen)| seen.verified = false);
            }
            _ => {}
        }
    }
    live.into_iter().map(|(_, seen)| seen).collect()
}

fn value(figure: Figure) -> Option<Decimal> {
    match figure {
        Figure::Value(value) => Some(value),
        Figure::Fraction { .. } => None,
    }
}

fn empty(event: &Event) -> Observation {
    Observation {
        position: event.position,
        series: Series::Own,
        basis: Basis::StockAt,
        start: None,
        end: jiff::civil::date(2022, 1, 1),
        value: None,
        numerator: None,
        denominator: None,
        step: None,
        obs_status: ObsStatus::Normal,
        verified: false,
    }
}
