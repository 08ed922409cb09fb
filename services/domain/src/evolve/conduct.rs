//! The fold of reporting periods, supervision, requested verifications and withdrawn evidence.
//!
//! Place in the flow: called by [`PlanState::evolve`]. It must not know: rules.

use crate::event::{Event, Payload};
use crate::state::{PlanState, ReportingPeriod, Supervision};
use crate::vocabulary::SupervisionStatus;

impl PlanState {
    pub(super) fn evolve_conduct(&mut self, event: &Event) {
        let conduct = &mut self.conduct;
        match &event.input.payload {
            Payload::ReportingPeriodOpened(opened) => {
                let (frequency, start, end) = (opened.frequency, opened.start, opened.end);
                let period = ReportingPeriod { frequency, start, end, closed: false };
                conduct.periods.insert(opened.period.clone(), period);
            }
            Payload::ReportingPeriodClosed(closed) => {
                if let Some(period) = conduct.periods.get_mut(&closed.period) {
                    period.closed = true;
                }
            }
            Payload::SupervisionIssued(issued) => {
                let (agency, scope) = (issued.agency.clone(), issued.scope.clone());
                let supervision = Supervision { agency, scope, status: SupervisionStatus::Issued };
                conduct.supervisions.insert(issued.supervision.clone(), supervision);
            }
            Payload::SupervisionAnswered(answered) => {
                if let Some(supervision) = conduct.supervisions.get_mut(&answered.supervision) {
                    supervision.status = SupervisionStatus::Answered;
                }
            }
            Payload::SupervisionClosed(closed) => {
                if let Some(supervision) = conduct.supervisions.get_mut(&closed.supervision) {
                    supervision.status = SupervisionStatus::Closed;
                }
            }
            Payload::EvidenceWithdrawn(withdrawn) => {
                conduct.withdrawn.insert((withdrawn.event, withdrawn.sha256));
            }
            payload => self.evolve_request(payload),
        }
    }

    /// A request is pending until the event is verified, rejected or replaced.
    fn evolve_request(&mut self, payload: &Payload) {
        let requested = &mut self.conduct.requested;
        match payload {
            Payload::VerificationRequested(asked) => requested.insert(asked.event),
            Payload::VerificationAccepted(accepted) => requested.remove(&accepted.event),
            Payload::VerificationRejected(rejected) => requested.remove(&rejected.event),
            Payload::MeasurementCorrected(corrected) => requested.remove(&corrected.measurement),
            Payload::MeasurementRevised(revised) => requested.remove(&revised.measurement),
            Payload::MeasurementRetracted(retracted) => requested.remove(&retracted.measurement),
            _ => None,
        };
    }
}
