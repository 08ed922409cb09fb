//! The fold of reporting periods, supervision, requested verifications and withdrawn evidence.
//!
//! Place in the flow: called by [`PlanState::evolve`](crate::state::PlanState::evolve). It must not know: rules.

use uuid::Uuid;

use crate::event::{
    Actor, EvidenceWithdrawn, ReportingPeriodClosed, ReportingPeriodOpened, SupervisionAnswered, SupervisionClosed,
    SupervisionIssued,
};
use crate::state::{Conduct, ReportingPeriod, Supervision};
use crate::vocabulary::SupervisionStatus;

impl Conduct {
    /// Opened again, a period is what it is said to be now.
    pub(super) fn open(&mut self, opened: &ReportingPeriodOpened) {
        let (frequency, start, end) = (opened.frequency, opened.start, opened.end);
        self.periods.insert(opened.period.clone(), ReportingPeriod { frequency, start, end, closed: false });
    }

    pub(super) fn close(&mut self, closed: &ReportingPeriodClosed) {
        if let Some(period) = self.periods.get_mut(&closed.period) {
            period.closed = true;
        }
    }

    pub(super) fn issue(&mut self, issued: &SupervisionIssued) {
        let (agency, scope) = (issued.agency.clone(), issued.scope.clone());
        let matter = Supervision { agency, scope, status: SupervisionStatus::Issued, answered_by: Vec::new() };
        self.supervisions.insert(issued.supervision.clone(), matter);
    }

    pub(super) fn answer(&mut self, actor: &Actor, answered: &SupervisionAnswered) {
        let Some(matter) = self.supervisions.get_mut(&answered.supervision) else { return };
        matter.status = SupervisionStatus::Answered;
        if !matter.answered_by.contains(actor) {
            matter.answered_by.push(actor.clone());
        }
    }

    pub(super) fn settle(&mut self, closed: &SupervisionClosed) {
        if let Some(matter) = self.supervisions.get_mut(&closed.supervision) {
            matter.status = SupervisionStatus::Closed;
        }
    }

    pub(super) fn withdraw(&mut self, withdrawn: &EvidenceWithdrawn) {
        self.withdrawn.insert((withdrawn.event, withdrawn.sha256));
    }

    /// A request waits until the event is verified, rejected, replaced or retracted.
    pub(super) fn request(&mut self, event: Uuid) {
        self.requested.insert(event);
    }
}
