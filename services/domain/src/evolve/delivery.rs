//! The fold of milestone events.
//!
//! Place in the flow: called by [`PlanState::evolve`]. It must not know: rules.

use uuid::Uuid;

use crate::event::{Event, Payload, ProjectStatusChanged};
use crate::id::{MilestoneId, ProjectId};
use crate::state::{Milestone, MilestoneReport, PlanState};
use crate::vocabulary::MilestoneStatus;

impl PlanState {
    pub(super) fn evolve_delivery(&mut self, event: &Event) {
        match &event.input.payload {
            Payload::MilestonePlanned(planned) => {
                let key = (planned.project.clone(), planned.milestone.clone());
                self.milestones.insert(key, Milestone::planned(planned.due_date));
            }
            Payload::MilestoneRescheduled(moved) => {
                if let Some(milestone) = self.milestones.get_mut(&(moved.project.clone(), moved.milestone.clone())) {
                    milestone.due_date = moved.due_date;
                }
            }
            Payload::MilestoneCancelled(ended) => {
                if let Some(milestone) = self.milestones.get_mut(&(ended.project.clone(), ended.milestone.clone())) {
                    milestone.cancelled = true;
                }
            }
            Payload::MilestoneReached(report) => {
                self.report(event, (&report.project, &report.milestone), MilestoneStatus::Met);
            }
            Payload::MilestonePartiallyReached(report) => {
                self.report(event, (&report.project, &report.milestone), MilestoneStatus::PartiallyMet);
            }
            Payload::MilestoneMissed(report) => {
                self.report(event, (&report.project, &report.milestone), MilestoneStatus::NotMet);
            }
            Payload::MilestoneReopened(reopened) => {
                let key = (reopened.project.clone(), reopened.milestone.clone());
                if let Some(milestone) = self.milestones.get_mut(&key) {
                    *milestone = Milestone::planned(milestone.due_date);
                }
            }
            Payload::ProjectStatusChanged(changed) => self.change_status(event, changed),
            _ => {}
        }
    }

    fn change_status(&mut self, event: &Event, changed: &ProjectStatusChanged) {
        // Decided events always have the date; without one the day that was opened last is the closest thing to it.
        let Some(from) = event.input.effective_date.or(self.last_day) else { return };
        if let Some(project) = self.projects.get_mut(&changed.project) {
            project.statuses = project.statuses.iter().copied().chain([(from, changed.status)]).collect();
        }
    }

    fn report(&mut self, event: &Event, (project, milestone): (&ProjectId, &MilestoneId), status: MilestoneStatus) {
        let key = (project.clone(), milestone.clone());
        let Some(milestone) = self.milestones.get_mut(&key) else { return };
        let id = event.input.event_id;
        milestone.reports.push(MilestoneReport { event: id, position: event.position, status, verified_by: None });
        self.reports.insert(id, key);
    }

    /// Verified by the event at `by`, or no longer. Nothing happens if `event` is no report that holds.
    pub(super) fn verify_report(&mut self, event: &Uuid, by: Option<u64>) {
        let Some(milestone) = self.reports.get(event).and_then(|key| self.milestones.get_mut(key)) else { return };
        if let Some(report) = milestone.reports.iter_mut().find(|report| report.event == *event) {
            report.verified_by = by;
        }
    }

    /// Rejected: what held before the report holds again. Nothing happens if `event` is no report.
    pub(super) fn reject_report(&mut self, event: &Uuid) {
        let Some(milestone) = self.reports.get(event).and_then(|key| self.milestones.get_mut(key)) else { return };
        milestone.reports.retain(|report| report.event != *event);
    }
}
