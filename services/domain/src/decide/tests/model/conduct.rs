//! Periods, matters, one project and its one milestone, written the slow and plain way: lists of what was said.

use jiff::civil::Date;
use uuid::Uuid;

use crate::event::*;
use crate::id::{ReportingPeriodId, SupervisionId};
use crate::vocabulary::*;

/// What was said that is no figure.
#[derive(Clone, Default, Debug)]
pub(crate) struct Conduct {
    /// Last opening of each period, and whether it was closed since.
    pub(crate) periods: Vec<(ReportingPeriodOpened, bool)>,
    pub(crate) matters: Vec<(SupervisionId, SupervisionStatus)>,
    pub(crate) withdrawn: Vec<(Uuid, [u8; 32])>,
    pub(crate) milestone: Option<Milestone>,
    /// Whether the milestone's project is merged.
    merged: bool,
    /// Its status; all are from the same day on.
    pub(crate) project: Option<ProjectStatus>,
}

#[derive(Clone, Debug)]
pub(crate) struct Milestone {
    pub(crate) due: Date,
    pub(crate) cancelled: bool,
    pub(crate) reports: Vec<(Uuid, MilestoneStatus)>,
}

impl Milestone {
    pub(crate) fn status(&self) -> MilestoneStatus {
        match (self.cancelled, self.reports.last()) {
            (true, _) => MilestoneStatus::Cancelled,
            (false, Some((_, status))) => *status,
            (false, None) => MilestoneStatus::Scheduled,
        }
    }

    fn is_open(&self) -> bool {
        !matches!(self.status(), MilestoneStatus::Met | MilestoneStatus::Cancelled)
    }
}

impl Conduct {
    fn matter(&self, id: &SupervisionId) -> Option<SupervisionStatus> {
        self.matters.iter().find(|(known, _)| known == id).map(|(_, status)| *status)
    }

    fn period(&self, id: &ReportingPeriodId) -> Option<&(ReportingPeriodOpened, bool)> {
        self.periods.iter().find(|(opened, _)| opened.period == *id)
    }

    /// Whether one of the days lies in a closed quarter: every indicator of the test's plan is reported quarterly.
    pub(crate) fn is_closed(&self, first: Date, last: Date) -> bool {
        let quarters = self.periods.iter().filter(|(opened, closed)| *closed && opened.frequency == Frequency::Quarter);
        quarters.into_iter().any(|(opened, _)| opened.start <= last && first <= opened.end)
    }

    fn is_ended(&self) -> bool {
        [Some(ProjectStatus::Completed), Some(ProjectStatus::Cancelled)].contains(&self.project)
    }

    /// The report on the milestone that can be checked.
    pub(crate) fn last_report(&self) -> Option<Uuid> {
        let milestone = self.milestone.as_ref().filter(|milestone| !milestone.cancelled)?;
        milestone.reports.last().map(|(event, _)| *event)
    }

    /// Whether it is a report on the milestone that was neither rejected nor set aside.
    pub(crate) fn holds_report(&self, event: Uuid) -> bool {
        self.milestone.iter().flat_map(|milestone| &milestone.reports).any(|(report, _)| *report == event)
    }

    /// Whether what was said before leaves room for it.
    pub(crate) fn allows(&self, payload: &Payload) -> bool {
        let open = self.milestone.as_ref().is_some_and(Milestone::is_open);
        match payload {
            Payload::ReportingPeriodOpened(new) => {
                let meets = |old: &ReportingPeriodOpened| {
                    old.frequency == new.frequency && old.start <= new.end && new.start <= old.end
                };
                !self.periods.iter().any(|(old, closed)| if old.period == new.period { !closed } else { meets(old) })
            }
            Payload::ReportingPeriodClosed(closed) => self.period(&closed.period).is_some_and(|(_, closed)| !closed),
            Payload::SupervisionIssued(issued) => self.matter(&issued.supervision).is_none(),
            Payload::SupervisionAnswered(answered) => {
                self.matter(&answered.supervision).is_some_and(|status| status != SupervisionStatus::Closed)
            }
            Payload::SupervisionClosed(closed) => match self.matter(&closed.supervision) {
                Some(SupervisionStatus::Issued) => closed.outcome == SupervisionOutcome::Withdrawn,
                status => status == Some(SupervisionStatus::Answered),
            },
            Payload::EvidenceWithdrawn(gone) => !self.withdrawn.contains(&(gone.event, gone.sha256)),
            Payload::MilestonePlanned(_) => self.milestone.is_none() && !self.merged && !self.is_ended(),
            Payload::MilestoneRescheduled(moved) => {
                open && self.milestone.as_ref().is_some_and(|milestone| milestone.due == moved.previous_due_date)
            }
            Payload::MilestoneReached(_)
            | Payload::MilestonePartiallyReached(_)
            | Payload::MilestoneMissed(_)
            | Payload::MilestoneCancelled(_) => open,
            Payload::MilestoneReopened(_) => self.milestone.is_some() && !open && !self.merged && !self.is_ended(),
            Payload::ProjectMerged(_) => !self.merged && !open,
            _ => true,
        }
    }

    pub(crate) fn apply(&mut self, event: Uuid, payload: &Payload) {
        match payload {
            Payload::ReportingPeriodOpened(opened) => {
                self.periods.retain(|(old, _)| old.period != opened.period);
                self.periods.push((opened.clone(), false));
            }
            Payload::ReportingPeriodClosed(closed) => {
                self.periods.iter_mut().filter(|(old, _)| old.period == closed.period).for_each(|(_, is)| *is = true);
            }
            Payload::SupervisionIssued(issued) => self.set(&issued.supervision, SupervisionStatus::Issued),
            Payload::SupervisionAnswered(answered) => self.set(&answered.supervision, SupervisionStatus::Answered),
            Payload::SupervisionClosed(closed) => self.set(&closed.supervision, SupervisionStatus::Closed),
            Payload::EvidenceWithdrawn(gone) => self.withdrawn.push((gone.event, gone.sha256)),
            Payload::ProjectMerged(_) => self.merged = true,
            Payload::ProjectStatusChanged(changed) => self.project = Some(changed.status),
            Payload::MilestonePlanned(planned) => {
                self.milestone = Some(Milestone { due: planned.due_date, cancelled: false, reports: Vec::new() });
            }
            payload => self.apply_to_milestone(event, payload),
        }
    }

    fn set(&mut self, id: &SupervisionId, status: SupervisionStatus) {
        self.matters.retain(|(known, _)| known != id);
        self.matters.push((id.clone(), status));
    }

    fn apply_to_milestone(&mut self, event: Uuid, payload: &Payload) {
        let Some(milestone) = &mut self.milestone else { return };
        match payload {
            Payload::MilestoneRescheduled(moved) => milestone.due = moved.due_date,
            Payload::MilestoneCancelled(_) => milestone.cancelled = true,
            Payload::MilestoneReached(_) => milestone.reports.push((event, MilestoneStatus::Met)),
            Payload::MilestonePartiallyReached(_) => milestone.reports.push((event, MilestoneStatus::PartiallyMet)),
            Payload::MilestoneMissed(_) => milestone.reports.push((event, MilestoneStatus::NotMet)),
            Payload::MilestoneReopened(_) => (milestone.cancelled, milestone.reports) = (false, Vec::new()),
            Payload::VerificationRejected(rejected) => milestone.reports.retain(|(of, _)| *of != rejected.event),
            _ => {}
        }
    }
}
