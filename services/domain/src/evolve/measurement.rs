//! The fold of figures, assessments and verifications.
//!
//! Place in the flow: called by [`PlanState::evolve`]. It must not know: rules.

use crate::event::{Event, Figure, MeasurementReported, Payload};
use crate::quantity::Decimal;
use crate::state::{Assessment, PlanState};
use crate::vocabulary::Basis;

impl PlanState {
    pub(super) fn evolve_measurement(&mut self, event: &Event) {
        let (id, position) = (event.input.event_id, event.position);
        match &event.input.payload {
            Payload::MeasurementReported(reported) => self.series.report(id, position, reported, total(reported)),
            Payload::MeasurementCorrected(corrected) => {
                self.series.correct(id, position, &corrected.measurement, value(corrected.figure));
            }
            Payload::MeasurementRetracted(retracted) => self.series.free(&retracted.measurement),
            Payload::QualitativeAssessmentRecorded(recorded) => {
                let (area, indicator) = (recorded.area.clone(), recorded.indicator.clone());
                self.assessments.insert(id, Assessment { area, indicator, position, verified_by: None });
            }
            Payload::VerificationAccepted(accepted) => {
                // An event id is in one of the three places at most: what it is not in passes it over.
                self.series.verify(&accepted.event, position);
                self.verify_report(&accepted.event, position);
                if let Some(assessment) = self.assessments.get_mut(&accepted.event) {
                    assessment.verified_by = Some(position);
                }
            }
            Payload::VerificationRejected(rejected) => {
                self.series.free(&rejected.event);
                self.reject_report(&rejected.event);
                self.assessments.remove(&rejected.event);
            }
            _ => {}
        }
    }
}

/// The value that later totals are compared with.
fn total(reported: &MeasurementReported) -> Option<Decimal> {
    if reported.basis == Basis::PlanToDate { value(reported.figure) } else { None }
}

fn value(figure: Figure) -> Option<Decimal> {
    match figure {
        Figure::Value(value) => Some(value),
        Figure::Fraction { .. } => None,
    }
}
