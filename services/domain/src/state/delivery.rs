//! Projects and milestones as the write side knows them.
//!
//! Place in the flow: folded from delivery events, asked when a milestone event is decided. It must not know:
//! completion, weights (read models compute those).

use std::sync::Arc;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::event::ProjectRegistered;
use crate::id::ProjectId;
use crate::vocabulary::{MilestoneStatus, ProjectStatus};

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// As registered.
    pub definition: Arc<ProjectRegistered>,
    /// The project that goes on, if this one was merged.
    pub merged_into: Option<ProjectId>,
    /// Statuses with the day each holds from, in log order.
    pub statuses: Arc<[(Date, ProjectStatus)]>,
}

impl Project {
    /// Its status on `day`: what holds from the latest day up to it, of those the one said last. None before the first.
    pub fn status_on(&self, day: Date) -> Option<ProjectStatus> {
        let said = self.statuses.iter().filter(|(from, _)| *from <= day);
        said.max_by_key(|(from, _)| *from).map(|(_, status)| *status)
    }
}

/// A milestone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Milestone {
    /// When it is due, as rescheduled.
    pub due_date: Date,
    /// Whether it is no longer wanted.
    pub cancelled: bool,
    /// Reports that were neither rejected nor set aside by a reopening, oldest first. All of them are kept: rejecting the
    /// last one brings back the one before it.
    pub reports: Vec<MilestoneReport>,
}

/// What was said about a milestone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MilestoneReport {
    /// The event that said it.
    pub event: Uuid,
    /// The event's place in the log.
    pub position: u64,
    /// What it said.
    pub status: MilestoneStatus,
    /// Place of the event that verified it.
    pub verified_by: Option<u64>,
}

impl Milestone {
    pub(crate) fn planned(due_date: Date) -> Self {
        Self { due_date, cancelled: false, reports: Vec::new() }
    }

    /// The report that holds.
    pub fn last_report(&self) -> Option<&MilestoneReport> {
        self.reports.last()
    }

    /// Its status as of the last event.
    pub fn status(&self) -> MilestoneStatus {
        if self.cancelled {
            return MilestoneStatus::Cancelled;
        }
        self.last_report().map_or(MilestoneStatus::Scheduled, |report| report.status)
    }
}
