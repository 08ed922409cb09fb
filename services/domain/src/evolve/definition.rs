//! The fold of events that define a plan.
//!
//! Place in the flow: called by [`PlanState::evolve`]. It must not know: rules.

use std::sync::Arc;

use crate::event::{
    AgencyRegistered, AreaDesignated, AreaStageChanged, Event, IndicatorDefined, InterimTargetsSet, LightRuleAdopted,
    PlanDefined, ProjectMerged, ProjectRegistered, TargetSet,
};
use crate::id::{AreaId, IndicatorId};
use crate::score::DatedValue;
use crate::state::{Area, PlanState, Project, Target};

impl PlanState {
    pub(super) fn begin_epoch(&mut self, epoch: u32) {
        if let Some(genesis) = &mut self.genesis {
            Arc::make_mut(genesis).epoch = epoch;
        }
    }

    pub(super) fn define(&mut self, plan: &PlanDefined) {
        self.light_rule = Some(Arc::new(plan.light_rule.clone()));
        self.calc_version = plan.calc_version;
        self.plan = Some(Arc::new(plan.clone()));
    }

    pub(super) fn designate(&mut self, area: &AreaDesignated) {
        let definition = Arc::new(area.clone());
        self.areas.insert(area.area.clone(), Area { definition, stages: Arc::new([]) });
    }

    pub(super) fn change_stage(&mut self, event: &Event, change: &AreaStageChanged) {
        // Decided events always have the date; without one the day that was opened last is the closest thing to it.
        let Some(from) = event.input.effective_date.or(self.last_day) else { return };
        if let Some(area) = self.areas.get_mut(&change.area) {
            area.stages = area.stages.iter().copied().chain([(from, change.stage)]).collect();
        }
    }

    pub(super) fn adopt(&mut self, adopted: &LightRuleAdopted) {
        self.light_rule = Some(Arc::new(adopted.rule.clone()));
        for change in &adopted.schedules {
            if let Some(indicator) = self.indicators.get_mut(&change.indicator) {
                Arc::make_mut(indicator).schedule = change.schedule;
            }
        }
    }

    pub(super) fn define_indicator(&mut self, indicator: &IndicatorDefined) {
        self.indicators.insert(indicator.indicator.clone(), Arc::new(indicator.clone()));
    }

    pub(super) fn set_target(&mut self, target: &TargetSet) {
        let key = (target.area.clone(), target.indicator.clone());
        let definition = Arc::new(target.clone());
        self.targets.insert(key, Target { definition, baseline: None, interim: Arc::new([]), tasks: Arc::new([]) });
    }

    /// Set first or restated: where a target starts from.
    pub(super) fn start(&mut self, area: &AreaId, indicator: &IndicatorId, baseline: DatedValue) {
        if let Some(target) = self.targets.get_mut(&(area.clone(), indicator.clone())) {
            target.baseline = Some(baseline);
        }
    }

    pub(super) fn set_interim(&mut self, set: &InterimTargetsSet) {
        if let Some(target) = self.targets.get_mut(&(set.area.clone(), set.indicator.clone())) {
            let mut interim = set.interim.clone();
            interim.sort_by_key(|point| point.date);
            target.interim = interim.into();
        }
    }

    pub(super) fn register(&mut self, agency: &AgencyRegistered) {
        self.agencies.insert(agency.agency.clone(), Arc::new(agency.clone()));
    }

    pub(super) fn register_project(&mut self, project: &ProjectRegistered) {
        let definition = Arc::new(project.clone());
        let project = Project { definition, merged_into: None, statuses: Arc::new([]) };
        self.projects.insert(project.definition.project.clone(), project);
    }

    pub(super) fn merge(&mut self, merged: &ProjectMerged) {
        if let Some(project) = self.projects.get_mut(&merged.project) {
            project.merged_into = Some(merged.into.clone());
        }
    }
}
