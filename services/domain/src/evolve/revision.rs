//! The fold of events that change what was defined.
//!
//! Place in the flow: called by [`PlanState::evolve`]. It must not know: rules. Shares of a target are not kept: no
//! decision asks for them.

use std::sync::Arc;

use crate::event::{AgencyRenamed, AgencySucceeded, BaselineRestated, Payload, PlanRevised, TargetRevised};
use crate::state::PlanState;

impl PlanState {
    pub(super) fn evolve_revision(&mut self, payload: &Payload) {
        match payload {
            Payload::PlanRevised(revised) => self.revise_plan(revised),
            Payload::PlanClosedOut(closed) => self.closed_out = Some(closed.clone()),
            Payload::CalculationAdopted(adopted) => self.calc_version = adopted.calc_version,
            Payload::IndicatorRedefined(redefined) => {
                if let Some(indicator) = self.indicators.get_mut(&redefined.indicator) {
                    *indicator = Arc::new(redefined.applied_to(indicator));
                }
            }
            Payload::IndicatorRetired(retired) => {
                if let Some(indicator) = self.indicators.get_mut(&retired.indicator) {
                    Arc::make_mut(indicator).retired_from = Some(retired.retired_from);
                }
            }
            Payload::TargetRevised(revised) => self.revise_target(revised),
            Payload::BaselineRestated(restated) => self.restate(restated),
            Payload::AgencyRenamed(renamed) => self.rename(renamed),
            Payload::AgencySucceeded(succeeded) => self.succeed(succeeded),
            Payload::AssignmentEnded(ended) => self.assignments.end(ended),
            _ => {}
        }
    }

    fn revise_plan(&mut self, revised: &PlanRevised) {
        let Some(plan) = &mut self.plan else { return };
        *plan = Arc::new(revised.applied_to(plan));
        let later = self.later_editions.get_or_insert_default();
        later.extend(revised.documents.iter().map(|document| document.id.clone()));
    }

    fn revise_target(&mut self, revised: &TargetRevised) {
        if let Some(target) = self.targets.get_mut(&(revised.area.clone(), revised.indicator.clone())) {
            target.definition = Arc::new(revised.applied_to(&target.definition));
        }
    }

    fn restate(&mut self, restated: &BaselineRestated) {
        if let Some(target) = self.targets.get_mut(&(restated.area.clone(), restated.indicator.clone())) {
            target.baseline = Some(restated.baseline);
        }
    }

    fn rename(&mut self, renamed: &AgencyRenamed) {
        let Some(agency) = self.agencies.get_mut(&renamed.agency) else { return };
        let agency = Arc::make_mut(agency);
        agency.name = renamed.name.clone();
        if !renamed.uscc.is_empty() {
            agency.uscc = renamed.uscc.clone();
        }
    }

    /// A succession that would close a circle is passed over: who answers could no longer be said.
    fn succeed(&mut self, succeeded: &AgencySucceeded) {
        let AgencySucceeded { agency, successor, .. } = succeeded;
        if self.stands_for(agency, successor) {
            return;
        }
        self.successors.insert(agency.clone(), successor.clone());
        self.assignments.pass(agency, successor);
    }
}
