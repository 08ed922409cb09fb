//! The write side's memory: all that a decision needs to know of the log, folded from its events.
//!
//! Place in the flow: ingest keeps one [`PlanState`] for each plan, asks [`crate::authorise`] and [`crate::decide`]
//! with it, and folds what was decided into a copy ([`PlanState::evolve`]): a refused submission is a dropped copy.
//! Snapshots of it are written beside the log and refolded when [`STATE_VERSION`] changed.
//!
//! It must not know: clocks, the log's storage, how events are encoded, what the log itself can be asked for (events by
//! their ids), values that no decision asks for (views keep those). Everything lies in ordered, persistent maps: a clone
//! is O(1), and equal logs give equal states, byte by byte.

mod assignment;
mod conduct;
mod delivery;
mod figures;
mod lookup;
mod page;
mod pages;
mod place;
mod series;
mod slot;

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

pub use assignment::Assignments;
pub(crate) use assignment::{REPORTING, scopes_of_project, scopes_of_target};
pub use conduct::Supervision;
pub(crate) use conduct::{Conduct, ReportingPeriod};
pub use delivery::{Milestone, MilestoneReport, Project};
pub use place::{Filed, changed};
pub(crate) use place::{Place, replaced};
pub use series::{LiveFigure, Series, SeriesKey, Total};
pub use slot::Slot;

use crate::event::{
    AgencyRegistered, AreaDesignated, IndicatorDefined, LogCreated, PlanClosedOut, PlanDefined, PlanPublished,
    TargetSet, TaskShare,
};
use crate::id::{AgencyId, AreaId, DocumentId, IndicatorId, MilestoneId, ProjectId};
use crate::score::{DatedValue, LightRule};
use crate::vocabulary::AreaStage;

/// Version of the fold and of the layout: a snapshot of another version is thrown away and the log is folded again.
pub const STATE_VERSION: u32 = 4;

/// What is known at a head of the log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PlanState {
    pub(crate) head: u64,
    pub(crate) last_recorded_time: Option<Timestamp>,
    pub(crate) last_day: Option<Date>,
    pub(crate) genesis: Option<Arc<LogCreated>>,
    /// As revised.
    pub(crate) plan: Option<Arc<PlanDefined>>,
    pub(crate) published: Option<PlanPublished>,
    /// Editions that revisions added; none before the first revision.
    pub(crate) later_editions: Option<OrdSet<DocumentId>>,
    pub(crate) closed_out: Option<PlanClosedOut>,
    pub(crate) calc_version: u32,
    /// Definition events before publication.
    pub(crate) definition_count: u32,
    pub(crate) light_rule: Option<Arc<LightRule>>,
    pub(crate) areas: OrdMap<AreaId, Area>,
    /// As redefined, with the schedules of light rules.
    pub(crate) indicators: OrdMap<IndicatorId, Arc<IndicatorDefined>>,
    pub(crate) targets: OrdMap<(AreaId, IndicatorId), Target>,
    /// As renamed.
    pub(crate) agencies: OrdMap<AgencyId, Arc<AgencyRegistered>>,
    /// The agency that took over, for each that ended.
    pub(crate) successors: OrdMap<AgencyId, AgencyId>,
    pub(crate) assignments: Assignments,
    pub(crate) projects: OrdMap<ProjectId, Project>,
    pub(crate) milestones: OrdMap<(ProjectId, MilestoneId), Milestone>,
    pub(crate) series: series::AllSeries,
    /// Assessments that a checker decided on, by position.
    pub(crate) assessments: OrdMap<u64, Checked>,
    pub(crate) conduct: Conduct,
    /// What was rejected since the plan was closed out and not said anew.
    pub(crate) vacant: OrdSet<Place>,
}

/// An area and the stages it came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Area {
    /// As designated.
    pub definition: Arc<AreaDesignated>,
    /// Later stages with the day each holds from, in log order.
    pub stages: Arc<[(Date, AreaStage)]>,
}

/// A target with where it starts from and the points on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// As set, or as revised last.
    pub definition: Arc<TargetSet>,
    /// Where it starts from, if known.
    pub baseline: Option<DatedValue>,
    /// Points on the way, by date.
    pub interim: Arc<[DatedValue]>,
    /// Its shares, as handed down last.
    pub tasks: Arc<[TaskShare]>,
}

/// What a checker decided on an assessment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Checked {
    /// Verified by the event at this position.
    Verified(u64),
    /// It no longer counts.
    Rejected,
}
