//! Events of projects and their milestones.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Name, SourceSpan};
use crate::id::{AreaId, MilestoneId, ProjectId};
use crate::quantity::Decimal;
use crate::vocabulary::{MilestoneType, ProjectKind, ProjectStatus};

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectRegistered {
    /// Its id.
    pub project: ProjectId,
    /// Its area.
    pub area: AreaId,
    /// Project or direction.
    pub kind: ProjectKind,
    /// Its name.
    pub name: Name,
    /// Its industry; may be empty.
    pub industry: String,
    /// Other names.
    pub aliases: Vec<String>,
    /// Where the source names it.
    pub mentions: Vec<SourceSpan>,
    /// Editor's notes.
    pub notes: Vec<String>,
}

/// Two names, one project. The merged one keeps its id and points to the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectMerged {
    /// The project that ends.
    pub project: ProjectId,
    /// The project that goes on.
    pub into: ProjectId,
    /// Whether an editor read it so.
    pub interpreted: bool,
    /// Why.
    pub reason: String,
}

/// A milestone of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MilestonePlanned {
    /// The project.
    pub project: ProjectId,
    /// The milestone, unique in the project.
    pub milestone: MilestoneId,
    /// Its type.
    pub milestone_type: MilestoneType,
    /// Its title.
    pub title: Name,
    /// When it is due, inclusive.
    pub due_date: Date,
    /// Its share in the project's completion; 1 unless set, above 0.
    pub weight: Decimal,
}

/// Another due date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MilestoneRescheduled {
    /// The project.
    pub project: ProjectId,
    /// The milestone.
    pub milestone: MilestoneId,
    /// The due date so far; must be the current one.
    pub previous_due_date: Date,
    /// The new due date.
    pub due_date: Date,
    /// Why.
    pub reason: String,
}

/// Met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MilestoneReached {
    /// The project.
    pub project: ProjectId,
    /// The milestone.
    pub milestone: MilestoneId,
    /// The day it was reached; not after the recorded day.
    pub reach_date: Date,
}

/// Partially met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MilestonePartiallyReached {
    /// The project.
    pub project: ProjectId,
    /// The milestone.
    pub milestone: MilestoneId,
    /// As of this day; not after the recorded day.
    pub as_of: Date,
    /// Above 0, below 100.
    pub percent: Decimal,
    /// What is missing.
    pub shortfall: String,
}

/// Not met, as of a review. Not the end: it can still be reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MilestoneMissed {
    /// The project.
    pub project: ProjectId,
    /// The milestone.
    pub milestone: MilestoneId,
    /// As of this day; not before the due date.
    pub as_of: Date,
    /// Why.
    pub reason: String,
}

/// No longer wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MilestoneCancelled {
    /// The project.
    pub project: ProjectId,
    /// The milestone.
    pub milestone: MilestoneId,
    /// Why.
    pub reason: String,
}

/// A project is at another status, from the effective date on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectStatusChanged {
    /// The project.
    pub project: ProjectId,
    /// Its new status.
    pub status: ProjectStatus,
    /// Why.
    pub reason: String,
}

/// A milestone that was met or cancelled is open again: what was reported on it no longer holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MilestoneReopened {
    /// The project.
    pub project: ProjectId,
    /// The milestone.
    pub milestone: MilestoneId,
    /// Why.
    pub reason: String,
}
