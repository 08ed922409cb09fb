//! The fold of definitions that change earlier ones.
//!
//! Place in the flow: called by [`Model::fold`]. It must not know: rules. What it cannot place it passes over.

use songhua_domain::event::{
    AgencyRenamed, AgencySucceeded, AssignmentEnded, IndicatorRedefined, IndicatorRetired, PlanRevised, TargetRevised,
};

use super::{Break, Model};

impl Model {
    pub(super) fn revise_plan(&mut self, revised: &PlanRevised) {
        self.plan = self.plan.as_ref().map(|plan| revised.applied_to(plan));
    }

    pub(super) fn redefine(&mut self, position: u64, redefined: IndicatorRedefined) {
        let Some(indicator) = self.indicators.get_mut(&redefined.indicator) else { return };
        *indicator = redefined.applied_to(indicator);
        if redefined.schedule.is_some() {
            // The last word counts: an earlier one of a light rule no longer does.
            self.schedules.remove(&redefined.indicator);
        }
        if let Some(from) = redefined.break_from {
            let broken = Break { position, from, reason: redefined.reason };
            self.breaks.entry(redefined.indicator).or_default().push(broken);
        }
    }

    pub(super) fn retire(&mut self, retired: &IndicatorRetired) {
        if let Some(indicator) = self.indicators.get_mut(&retired.indicator) {
            indicator.retired_from = Some(retired.retired_from);
        }
    }

    pub(super) fn revise_target(&mut self, revised: &TargetRevised) {
        let Some(target) = self.targets.get_mut(&(revised.area.clone(), revised.indicator.clone())) else { return };
        target.definition = revised.applied_to(&target.definition);
    }

    pub(super) fn rename(&mut self, renamed: AgencyRenamed) {
        let Some(agency) = self.agencies.get_mut(&renamed.agency) else { return };
        let former = std::mem::replace(&mut agency.name, renamed.name);
        if !renamed.uscc.is_empty() {
            agency.uscc = renamed.uscc;
        }
        self.former_names.entry(renamed.agency).or_default().push(former);
    }

    /// Every assignment passes to the successor, but those that it has already.
    pub(super) fn succeed(&mut self, succeeded: AgencySucceeded) {
        let AgencySucceeded { agency, successor, reason: _ } = succeeded;
        let held: Vec<_> = self.assignments.values().filter(|assigned| assigned.agency == successor).cloned().collect();
        self.assignments.retain(|_, assigned| {
            let passes = assigned.agency == agency;
            if passes {
                assigned.agency = successor.clone();
            }
            !(passes && held.contains(assigned))
        });
        self.in_force.pass(&agency, &successor);
        self.successors.insert(agency, successor);
    }

    pub(super) fn end_assignment(&mut self, ended: &AssignmentEnded) {
        self.in_force.end(ended);
        self.assignments.retain(|_, assigned| {
            let ends = (&assigned.agency, assigned.role, &assigned.scope) == (&ended.agency, ended.role, &ended.scope);
            !ends
        });
    }
}
