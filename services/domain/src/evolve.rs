//! The fold: what an event changes in the write side's memory.
//!
//! Place in the flow: after `decide`, on a copy of the state, for the next event of the submission; and over the whole
//! log at start. It must not know: rules. What is in the log was decided: folding never fails, never panics, and passes
//! over what it cannot place (an unknown name, an event that is not live), so that an old log survives a newer rule.

use std::sync::Arc;

use crate::event::{Event, Payload};
use crate::state::{Filed, PlanState};
use crate::vocabulary::MilestoneStatus as Status;

mod conduct;
mod definition;
mod delivery;
mod measurement;
mod revision;

impl PlanState {
    /// Folds one event of the log, in the log's order. `named` is where the event is filed whose place it
    /// [changes](crate::state::changed), if it can be found. Gives back where it is filed itself.
    pub fn evolve(&mut self, event: &Event, named: Option<&Filed>) -> Option<Filed> {
        self.head = event.position;
        self.last_recorded_time = Some(event.recorded_time);
        if self.published.is_none() && is_definition(&event.input.payload) {
            self.definition_count = self.definition_count.saturating_add(1);
        }
        let mut filed = Filed::of(event, named);
        self.fold(event, named, filed.as_mut());
        self.fill(filed.as_ref());
        filed
    }

    /// The effect of each event type; a new one does not compile before it has one here.
    fn fold(&mut self, event: &Event, named: Option<&Filed>, filed: Option<&mut Filed>) {
        use Payload as P;
        match &event.input.payload {
            P::LogCreated(genesis) => self.genesis = Some(Arc::new(genesis.clone())),
            P::HistoryForked(forked) => self.begin_epoch(forked.epoch),
            P::DayOpened(day) => self.last_day = Some(day.date),
            P::PlanDefined(plan) => self.define(plan),
            P::PlanPublished(published) => self.published = Some(published.clone()),
            P::PlanRevised(revised) => self.revise_plan(revised),
            P::PlanClosedOut(closed) => self.closed_out = Some(closed.clone()),
            P::CalculationAdopted(adopted) => self.calc_version = adopted.calc_version,
            P::AreaDesignated(area) => self.designate(area),
            P::AreaStageChanged(change) => self.change_stage(event, change),
            P::LightRuleAdopted(adopted) => self.adopt(adopted),
            P::IndicatorDefined(indicator) => self.define_indicator(indicator),
            P::IndicatorRedefined(redefined) => self.redefine(redefined),
            P::IndicatorRetired(retired) => self.retire(retired),
            P::TargetSet(target) => self.set_target(target),
            P::TargetRevised(revised) => self.revise_target(revised),
            P::TargetDecomposed(decomposed) => self.decompose(decomposed),
            P::BaselineSet(set) => self.start(&set.area, &set.indicator, set.baseline),
            P::BaselineRestated(restated) => self.start(&restated.area, &restated.indicator, restated.baseline),
            P::InterimTargetsSet(set) => self.set_interim(set),
            P::AgencyRegistered(agency) => self.register(agency),
            P::AgencyRenamed(renamed) => self.rename(renamed),
            P::AgencySucceeded(succeeded) => self.succeed(succeeded),
            P::AgencyAssigned(assigned) => self.assignments.add(assigned),
            P::AssignmentEnded(ended) => self.assignments.end(ended),
            P::ProjectRegistered(project) => self.register_project(project),
            P::ProjectMerged(merged) => self.merge(merged),
            P::ProjectStatusChanged(changed) => self.change_status(event, changed),
            P::MilestonePlanned(planned) => self.plan_milestone(planned),
            P::MilestoneRescheduled(moved) => self.reschedule(moved),
            P::MilestoneCancelled(ended) => self.cancel(ended),
            P::MilestoneReopened(reopened) => self.reopen(reopened),
            P::MilestoneReached(m) => self.report(event, (&m.project, &m.milestone), Status::Met),
            P::MilestonePartiallyReached(m) => self.report(event, (&m.project, &m.milestone), Status::PartiallyMet),
            P::MilestoneMissed(m) => self.report(event, (&m.project, &m.milestone), Status::NotMet),
            P::MeasurementReported(reported) => self.measure(reported, filed),
            P::MeasurementCorrected(corrected) => self.replace(&corrected.measurement, named, corrected.figure, filed),
            P::MeasurementRevised(revised) => self.replace(&revised.measurement, named, revised.figure, filed),
            P::MeasurementRetracted(retracted) => self.retract(&retracted.measurement, named),
            P::VerificationRequested(requested) => self.conduct.request(requested.event),
            P::VerificationAccepted(accepted) => self.verify(&accepted.event, named, Some(event.position)),
            P::VerificationReopened(reopened) => self.verify(&reopened.event, named, None),
            P::VerificationRejected(rejected) => self.reject(&rejected.event, named),
            P::EvidenceWithdrawn(withdrawn) => self.conduct.withdraw(withdrawn),
            P::ReportingPeriodOpened(opened) => self.conduct.open(opened),
            P::ReportingPeriodClosed(closed) => self.conduct.close(closed),
            P::SupervisionIssued(issued) => self.conduct.issue(issued),
            P::SupervisionAnswered(answered) => self.conduct.answer(&event.actor, answered),
            P::SupervisionClosed(closed) => self.conduct.settle(closed),
            // Until a checker decides on it, no decision asks for an assessment.
            P::QualitativeAssessmentRecorded(_) => {}
            // Words: no decision asks for them, views keep them.
            P::NothingToReport(_) | P::EvidenceAttached(_) | P::ReminderIssued(_) | P::ProgressNoteRecorded(_) => {}
        }
    }
}

/// Whether an event is one that `PlanPublished.event_count` counts: everything that may stand before it, but for
/// genesis and days.
pub(crate) const fn is_definition(payload: &Payload) -> bool {
    use Payload as P;
    matches!(
        payload,
        P::PlanDefined(_)
            | P::AreaDesignated(_)
            | P::AreaStageChanged(_)
            | P::IndicatorDefined(_)
            | P::TargetSet(_)
            | P::BaselineSet(_)
            | P::InterimTargetsSet(_)
            | P::LightRuleAdopted(_)
            | P::AgencyRegistered(_)
            | P::AgencyAssigned(_)
            | P::ProjectRegistered(_)
            | P::ProjectMerged(_)
            | P::MilestonePlanned(_)
    )
}
