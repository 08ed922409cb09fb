//! The fold of events that change what was defined.
//!
//! Place in the flow: called by [`PlanState::evolve`]. It must not know: rules.

use std::sync::Arc;

use crate::event::{
    AgencyRenamed, AgencySucceeded, IndicatorRedefined, IndicatorRetired, PlanRevised, TargetDecomposed, TargetRevised,
};
use crate::state::PlanState;

impl PlanState {
    pub(super) fn revise_plan(&mut self, revised: &PlanRevised) {
        let Some(plan) = &mut self.plan else { return };
        *plan = Arc::new(revised.applied_to(plan));
        let later = self.later_editions.get_or_insert_default();
        later.extend(revised.documents.iter().map(|document| document.id.clone()));
    }

    pub(super) fn redefine(&mut self, redefined: &IndicatorRedefined) {
        if let Some(indicator) = self.indicators.get_mut(&redefined.indicator) {
            *indicator = Arc::new(redefined.applied_to(indicator));
        }
    }

    pub(super) fn retire(&mut self, retired: &IndicatorRetired) {
        if let Some(indicator) = self.indicators.get_mut(&retired.indicator) {
            Arc::make_mut(indicator).retired_from = Some(retired.retired_from);
        }
    }

    pub(super) fn revise_target(&mut self, revised: &TargetRevised) {
        if let Some(target) = self.targets.get_mut(&(revised.area.clone(), revised.indicator.clone())) {
            target.definition = Arc::new(revised.applied_to(&target.definition));
        }
    }

    pub(super) fn decompose(&mut self, decomposed: &TargetDecomposed) {
        if let Some(target) = self.targets.get_mut(&(decomposed.area.clone(), decomposed.indicator.clone())) {
            target.tasks = decomposed.tasks.as_slice().into();
        }
    }

    pub(super) fn rename(&mut self, renamed: &AgencyRenamed) {
        let Some(agency) = self.agencies.get_mut(&renamed.agency) else { return };
        let agency = Arc::make_mut(agency);
        agency.name = renamed.name.clone();
        if !renamed.uscc.is_empty() {
            agency.uscc = renamed.uscc.clone();
        }
    }

    /// A succession that would close a circle is passed over: who answers could no longer be said.
    pub(super) fn succeed(&mut self, succeeded: &AgencySucceeded) {
        let AgencySucceeded { agency, successor, .. } = succeeded;
        if self.stands_for(agency, successor) {
            return;
        }
        self.successors.insert(agency.clone(), successor.clone());
        self.assignments.pass(agency, successor);
    }
}
