//! What every teller of a story sees: the scenario, the plan as defined, the script so far.

use std::sync::Arc;

use jiff::civil::Date;
use songhua_domain::event::{Actor, Event, EventInput, SubmissionRef};
use songhua_domain::id::{AgencyId, PlanId};
use songhua_domain::state::PlanState;
use songhua_wire::pb::event_input::Payload;
use uuid::Uuid;

use super::calendar::day_of;
use super::scenario::{Fault, Scenario};
use super::script::{Script, Step, clerk, office};
use super::{BEGIN, NOW, conduct, figures, milestones, office as plan_office};

/// See the module.
pub(super) struct Stage<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) state: PlanState,
    pub(super) script: Script,
    /// The last day of the history.
    pub(super) today: Date,
}

impl Stage<'_> {
    /// Who verifies.
    pub(super) fn inspector(&self) -> Actor {
        clerk(&self.scenario.office.inspector)
    }

    /// Who speaks for `agency` on `day`: its successor once it has one.
    pub(super) fn clerk(&self, agency: &AgencyId, day: Date) -> Actor {
        let successor = self.scenario.conduct.lines.iter().find_map(|line| match &line.say.payload {
            Some(Payload::AgencySucceeded(said)) if said.agency == agency.as_str() && line.on <= day => {
                said.successor.parse().ok()
            }
            _ => None,
        });
        clerk(successor.as_ref().unwrap_or(agency))
    }
}

/// The whole history of `plan` after `definitions`, in order. `version` is in the id of every event.
pub(super) fn script(plan: &PlanId, definitions: &[EventInput], version: Uuid) -> Result<Vec<Step>, Fault> {
    let scenario = Scenario::read()?;
    let today = day_of(NOW);
    let mut stage =
        Stage { scenario: &scenario, state: defined(definitions), script: Script::new(plan, version), today };
    plan_office::tell(&mut stage)?;
    milestones::tell(&mut stage)?;
    figures::tell(&mut stage)?;
    conduct::tell(&mut stage)?;
    stage.script.until(NOW)
}

/// The plan as its definitions leave it.
fn defined(definitions: &[EventInput]) -> PlanState {
    let mut state = PlanState::default();
    for (position, input) in (1..).zip(definitions) {
        let event = Event {
            position,
            recorded_time: BEGIN,
            actor: Arc::new(office()),
            submission: SubmissionRef { id: Uuid::nil(), index: 0, count: 1 },
            back_dated: false,
            input: Arc::new(input.clone()),
        };
        state.evolve(&event, None);
    }
    state
}
