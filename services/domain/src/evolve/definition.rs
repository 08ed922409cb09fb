//! The fold of events that define a plan.
//!
//! Place in the flow: called by [`PlanState::evolve`]. It must not know: rules.

use std::sync::Arc;

use crate::event::{AreaStageChanged, Event, LightRuleAdopted, Payload};
use crate::state::{Area, PlanState, Project, Target};

impl PlanState {
    pub(super) fn evolve_definition(&mut self, event: &Event) {
        match &event.input.payload {
            Payload::LogCreated(genesis) => self.genesis = Some(Arc::new(genesis.clone())),
            Payload::DayOpened(day) => self.last_day = Some(day.date),
            Payload::PlanDefined(plan) => {
                self.light_rule = Some(Arc::new(plan.light_rule.clone()));
                self.calc_version = plan.calc_version;
                self.plan = Some(Arc::new(plan.clone()));
            }
            Payload::PlanPublished(published) => self.published = Some(published.clone()),
            Payload::AreaDesignated(area) => {
                let definition = Arc::new(area.clone());
                self.areas.insert(area.area.clone(), Area { definition, stages: Arc::new([]) });
            }
            Payload::AreaStageChanged(change) => self.change_stage(event, change),
            Payload::IndicatorDefined(indicator) => {
                self.indicators.insert(indicator.indicator.clone(), Arc::new(indicator.clone()));
            }
            Payload::LightRuleAdopted(adopted) => self.adopt(adopted),
            Payload::AgencyRegistered(agency) => {
                self.agencies.insert(agency.agency.clone(), Arc::new(agency.clone()));
            }
            Payload::AgencyAssigned(assigned) => {
                self.assignments.add(assigned);
            }
            Payload::ProjectRegistered(project) => {
                let definition = Arc::new(project.clone());
                self.projects
                    .insert(project.project.clone(), Project { definition, merged_into: None, statuses: Arc::new([]) });
            }
            Payload::ProjectMerged(merged) => {
                if let Some(project) = self.projects.get_mut(&merged.project) {
                    project.merged_into = Some(merged.into.clone());
                }
            }
            payload => self.evolve_target(payload),
        }
    }

    fn evolve_target(&mut self, payload: &Payload) {
        match payload {
            Payload::TargetSet(target) => {
                let key = (target.area.clone(), target.indicator.clone());
                let definition = Arc::new(target.clone());
                self.targets.insert(key, Target { definition, baseline: None, interim: Arc::new([]) });
            }
            Payload::BaselineSet(set) => {
                if let Some(target) = self.targets.get_mut(&(set.area.clone(), set.indicator.clone())) {
                    target.baseline = Some(set.baseline);
                }
            }
            Payload::InterimTargetsSet(set) => {
                if let Some(target) = self.targets.get_mut(&(set.area.clone(), set.indicator.clone())) {
                    let mut interim = set.interim.clone();
                    interim.sort_by_key(|point| point.date);
                    target.interim = interim.into();
                }
            }
            _ => {}
        }
    }

    fn adopt(&mut self, adopted: &LightRuleAdopted) {
        self.light_rule = Some(Arc::new(adopted.rule.clone()));
        for change in &adopted.schedules {
            if let Some(indicator) = self.indicators.get_mut(&change.indicator) {
                Arc::make_mut(indicator).schedule = change.schedule;
            }
        }
    }

    fn change_stage(&mut self, event: &Event, change: &AreaStageChanged) {
        // Decided events always have the date; without one the day that was opened last is the closest thing to it.
        let Some(from) = event.input.effective_date.or(self.last_day) else { return };
        if let Some(area) = self.areas.get_mut(&change.area) {
            area.stages = area.stages.iter().copied().chain([(from, change.stage)]).collect();
        }
    }
}
