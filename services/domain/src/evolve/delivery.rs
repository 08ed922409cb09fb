//! The fold of milestone events.
//!
//! Place in the flow: called by [`PlanState::evolve`]. It must not know: rules.

use uuid::Uuid;

use crate::event::{
    Event, MilestoneCancelled, MilestonePlanned, MilestoneReopened, MilestoneRescheduled, ProjectStatusChanged,
};
use crate::id::{MilestoneId, ProjectId};
use crate::state::{Milestone, MilestoneReport, PlanState};
use crate::vocabulary::MilestoneStatus;

impl PlanState {
    pub(super) fn plan_milestone(&mut self, planned: &MilestonePlanned) {
        let key = (planned.project.clone(), planned.milestone.clone());
        self.milestones.insert(key, Milestone::planned(planned.due_date));
    }

    pub(super) fn reschedule(&mut self, moved: &MilestoneRescheduled) {
        if let Some(milestone) = self.named(&moved.project, &moved.milestone) {
            milestone.due_date = moved.due_date;
        }
    }

    pub(super) fn cancel(&mut self, ended: &MilestoneCancelled) {
        if let Some(milestone) = self.named(&ended.project, &ended.milestone) {
            milestone.cancelled = true;
        }
    }

    pub(super) fn reopen(&mut self, reopened: &MilestoneReopened) {
        if let Some(milestone) = self.named(&reopened.project, &reopened.milestone) {
            *milestone = Milestone::planned(milestone.due_date);
        }
    }

    fn named(&mut self, project: &ProjectId, milestone: &MilestoneId) -> Option<&mut Milestone> {
        self.milestones.get_mut(&(project.clone(), milestone.clone()))
    }

    pub(super) fn change_status(&mut self, event: &Event, changed: &ProjectStatusChanged) {
        // Decided events always have the date; without one the day that was opened last is the closest thing to it.
        let Some(from) = event.input.effective_date.or(self.last_day) else { return };
        if let Some(project) = self.projects.get_mut(&changed.project) {
            project.statuses = project.statuses.iter().copied().chain([(from, changed.status)]).collect();
        }
    }

    pub(super) fn report(
        &mut self,
        event: &Event,
        (project, milestone): (&ProjectId, &MilestoneId),
        status: MilestoneStatus,
    ) {
        let (id, position) = (event.input.event_id, event.position);
        let Some(known) = self.named(project, milestone) else { return };
        known.reports.push(MilestoneReport { event: id, position, status, verified_by: None });
    }

    /// Verified by the event at `by`, or no longer. Nothing happens if `event` is no report that holds.
    pub(super) fn verify_report(
        &mut self,
        (project, milestone): (&ProjectId, &MilestoneId),
        event: &Uuid,
        by: Option<u64>,
    ) {
        let Some(milestone) = self.named(project, milestone) else { return };
        if let Some(report) = milestone.reports.iter_mut().find(|report| report.event == *event) {
            report.verified_by = by;
        }
    }

    /// Rejected: what held before the report holds again. Nothing happens if `event` is no report that holds.
    pub(super) fn reject_report(&mut self, (project, milestone): (&ProjectId, &MilestoneId), event: &Uuid) {
        let Some(milestone) = self.named(project, milestone) else { return };
        milestone.reports.retain(|report| report.event != *event);
    }
}
