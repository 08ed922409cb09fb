//! The fold of figures, assessments and verifications.
//!
//! Place in the flow: called by [`PlanState::evolve`]. It must not know: rules.

use uuid::Uuid;

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
            Payload::MeasurementRevised(revised) => {
                self.series.correct(id, position, &revised.measurement, value(revised.figure));
            }
            Payload::MeasurementRetracted(retracted) => self.series.free(&retracted.measurement),
            Payload::QualitativeAssessmentRecorded(recorded) => {
                let (area, indicator) = (recorded.area.clone(), recorded.indicator.clone());
                self.assessments
                    .insert(id, Assessment { area, indicator, position, verified_by: None, rejected: false });
            }
            Payload::VerificationAccepted(accepted) => self.verify(&accepted.event, Some(position)),
            Payload::VerificationReopened(reopened) => self.verify(&reopened.event, None),
            Payload::VerificationRejected(rejected) => {
                self.series.free(&rejected.event);
                self.reject_report(&rejected.event);
                if let Some(assessment) = self.assessments.get_mut(&rejected.event) {
                    assessment.rejected = true;
                }
            }
            _ => {}
        }
    }

    /// Verified by the event at `by`, or no longer. An event id is in one of the three places at most: what it is not
    /// in passes it over.
    fn verify(&mut self, event: &Uuid, by: Option<u64>) {
        self.series.verify(event, by);
        self.verify_report(event, by);
        if let Some(assessment) = self.assessments.get_mut(event) {
            assessment.verified_by = by;
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
