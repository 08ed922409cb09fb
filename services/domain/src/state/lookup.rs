//! What others may ask of a [`PlanState`].
//!
//! Place in the flow: used by ingest (head, times, genesis), by deciding and authorising (everything else), and by
//! whoever wants the definitions as known at the head. It must not know: rules.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use super::assignment::scopes_of_project;
use super::{Area, Assignments, Milestone, Place, PlanState, Project, Series, Supervision, Target};
use crate::event::{
    AgencyRegistered, IndicatorDefined, LogCreated, Payload, PlanClosedOut, PlanDefined, PlanPublished,
};
use crate::id::{AgencyId, AreaId, IndicatorId, MilestoneId, ProjectId, SupervisionId};
use crate::score::LightRule;

impl PlanState {
    /// Position of the last event that was folded; 0 for an empty log.
    pub fn head(&self) -> u64 {
        self.head
    }

    /// When the last event was recorded: the next one may not be earlier.
    pub fn last_recorded_time(&self) -> Option<Timestamp> {
        self.last_recorded_time
    }

    /// The last day that was opened.
    pub fn last_day(&self) -> Option<Date> {
        self.last_day
    }

    /// Which history this is.
    pub fn genesis(&self) -> Option<&LogCreated> {
        self.genesis.as_deref()
    }

    /// Whether everything in it is simulated (模拟数据).
    pub fn is_simulated(&self) -> bool {
        self.genesis.as_ref().is_some_and(|genesis| genesis.simulated)
    }

    /// The plan, as revised.
    pub fn plan(&self) -> Option<&PlanDefined> {
        self.plan.as_deref()
    }

    /// Its publication; none while it is being loaded.
    pub fn published(&self) -> Option<&PlanPublished> {
        self.published.as_ref()
    }

    /// How it was closed out (收官), if it was.
    pub fn closed_out(&self) -> Option<&PlanClosedOut> {
        self.closed_out.as_ref()
    }

    /// Version of the arithmetic in force; 0 before the plan is defined.
    pub fn calc_version(&self) -> u32 {
        self.calc_version
    }

    /// Definition events folded before publication: what [`PlanPublished::event_count`] must say.
    pub fn definition_count(&self) -> u32 {
        self.definition_count
    }

    /// The rule of lights adopted last.
    pub fn light_rule(&self) -> Option<&LightRule> {
        self.light_rule.as_deref()
    }

    /// An area.
    pub fn area(&self, area: &AreaId) -> Option<&Area> {
        self.areas.get(area)
    }

    /// All areas, by id.
    pub fn areas(&self) -> impl Iterator<Item = (&AreaId, &Area)> {
        self.areas.iter()
    }

    /// An indicator.
    pub fn indicator(&self, indicator: &IndicatorId) -> Option<&Arc<IndicatorDefined>> {
        self.indicators.get(indicator)
    }

    /// All indicators, by id.
    pub fn indicators(&self) -> impl Iterator<Item = (&IndicatorId, &Arc<IndicatorDefined>)> {
        self.indicators.iter()
    }

    /// The target of an indicator in an area.
    pub fn target(&self, area: &AreaId, indicator: &IndicatorId) -> Option<&Target> {
        self.targets.get(&(area.clone(), indicator.clone()))
    }

    /// All targets, by area and indicator.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        self.targets.values()
    }

    /// An agency.
    pub fn agency(&self, agency: &AgencyId) -> Option<&Arc<AgencyRegistered>> {
        self.agencies.get(agency)
    }

    /// All agencies, by id.
    pub fn agencies(&self) -> impl Iterator<Item = (&AgencyId, &Arc<AgencyRegistered>)> {
        self.agencies.iter()
    }

    /// The agency that answers for one that ended: the last of its successors. None for one that did not end.
    pub fn successor_of(&self, agency: &AgencyId) -> Option<&AgencyId> {
        let mut successor = self.successors.get(agency)?;
        while let Some(next) = self.successors.get(successor) {
            successor = next;
        }
        Some(successor)
    }

    /// Whether both are the same agency once successions are followed: who took over stands for who ended.
    pub fn stands_for(&self, one: &AgencyId, other: &AgencyId) -> bool {
        self.successor_of(one).unwrap_or(one) == self.successor_of(other).unwrap_or(other)
    }

    /// Who answers for what.
    pub fn assignments(&self) -> &Assignments {
        &self.assignments
    }

    /// The agency that reports the headline of a target (牵头单位): the lead of the narrowest scope that has one, in
    /// the order target, indicator, area, plan.
    pub fn lead_of(&self, area: &AreaId, indicator: &IndicatorId) -> Option<&AgencyId> {
        self.assignments.lead_of_target(area, indicator)
    }

    /// The lead of a project, in the order project, area, plan.
    pub fn lead_of_project(&self, project: &ProjectId) -> Option<&AgencyId> {
        let area = &self.projects.get(project)?.definition.area;
        self.assignments.lead_of(&scopes_of_project(project, area))
    }

    /// A project.
    pub fn project(&self, project: &ProjectId) -> Option<&Project> {
        self.projects.get(project)
    }

    /// All projects, by id.
    pub fn projects(&self) -> impl Iterator<Item = (&ProjectId, &Project)> {
        self.projects.iter()
    }

    /// A milestone.
    pub fn milestone(&self, project: &ProjectId, milestone: &MilestoneId) -> Option<&Milestone> {
        self.milestones.get(&(project.clone(), milestone.clone()))
    }

    /// The milestones of a project, by id.
    pub fn milestones_of(&self, project: &ProjectId) -> impl Iterator<Item = (&MilestoneId, &Milestone)> {
        let all = self.milestones.iter().filter(move |((of, _), _)| of == project);
        all.map(|((_, id), milestone)| (id, milestone))
    }

    /// A matter under supervision.
    pub fn supervision(&self, supervision: &SupervisionId) -> Option<&Supervision> {
        self.conduct.supervisions.get(supervision)
    }

    /// Whether it says anew what was rejected after the plan was closed out.
    pub(crate) fn refills(&self, payload: &Payload) -> bool {
        !self.vacant.is_empty() && Place::of(payload).is_some_and(|place| self.vacant.contains(&place))
    }

    /// The live figures of a series; none before its first figure.
    pub fn series(&self, area: &AreaId, indicator: &IndicatorId, dimension: &str) -> Option<&Series> {
        self.series.get(area, indicator, dimension)
    }

    /// Every series that ever had a figure, by area, indicator and dimension.
    pub fn all_series(&self) -> impl Iterator<Item = &Series> {
        self.series.iter()
    }
}
