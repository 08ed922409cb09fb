//! A state folded from events that are at hand.
//!
//! Place in the flow: for who has the events and no log to look them up in: the demo, and whoever holds other folds
//! against this one. Ingest folds a log. It must not know: rules.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::decide::Refs;
use crate::event::{Event, EventInput};
use crate::state::{Filed, PlanState, changed};

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Folding {
    /// After the events so far.
    pub state: PlanState,
    events: BTreeMap<Uuid, Event>,
    filed: BTreeMap<Uuid, Filed>,
}

impl Folding {
    /// Folds the next event.
    pub fn fold(&mut self, event: &Event) {
        let id = event.input.event_id;
        let named = changed(&event.input.payload).and_then(|id| self.filed.get(&id));
        let filed = self.state.evolve(event, named);
        self.filed.extend(filed.map(|filed| (id, filed)));
        self.events.insert(id, event.clone());
    }

    /// What a decision about `input` asks for.
    pub fn refs(&self, input: &EventInput) -> Refs {
        Refs::of(input, |id| self.events.get(id).cloned())
    }

    /// The state after `events`.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> PlanState {
        let mut folding = Self::default();
        events.into_iter().for_each(|event| folding.fold(event));
        folding.state
    }
}
