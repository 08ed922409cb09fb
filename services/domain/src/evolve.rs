//! The fold: what an event changes in the write side's memory.
//!
//! Place in the flow: after `decide`, on a copy of the state, for the next event of the submission; and over the whole
//! log at start. It must not know: rules. What is in the log was decided: folding never fails, never panics, and passes
//! over what it cannot place (an unknown name, an event that is not live), so that an old log survives a newer rule.

use crate::event::{Event, Payload};
use crate::state::PlanState;

mod conduct;
mod definition;
mod delivery;
mod measurement;
mod revision;

impl PlanState {
    /// Folds one event of the log, in the log's order.
    pub fn evolve(&mut self, event: &Event) {
        self.head = event.position;
        self.last_recorded_time = Some(event.recorded_time);
        if self.published.is_none() && is_definition(&event.input.payload) {
            self.definition_count = self.definition_count.saturating_add(1);
        }
        self.evolve_definition(event);
        self.evolve_revision(&event.input.payload);
        self.evolve_delivery(event);
        self.evolve_measurement(event);
        self.evolve_conduct(event);
    }
}

/// Whether an event is one that `PlanPublished.event_count` counts: everything that may stand before it, but for
/// genesis and days.
pub(crate) const fn is_definition(payload: &Payload) -> bool {
    use Payload as P;
    matches!(
        payload,
        P::PlanDefined(_)
            | P::AreaDesignated(_)
            | P::AreaStageChanged(_)
            | P::IndicatorDefined(_)
            | P::TargetSet(_)
            | P::BaselineSet(_)
            | P::InterimTargetsSet(_)
            | P::LightRuleAdopted(_)
            | P::AgencyRegistered(_)
            | P::AgencyAssigned(_)
            | P::ProjectRegistered(_)
            | P::ProjectMerged(_)
            | P::MilestonePlanned(_)
    )
}
