//! The earlier events that an event names, as far as a decision asks for them.
//!
//! Place in the flow: whoever decides looks them up in the log, one after the other, until [`Refs::add`] wants no more.
//! It must not know: how events are found, rules.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::references;
use crate::event::{Event, EventInput};
use crate::state::{Filed, Place, replaced};

/// The event that an input names, and those that follow: what evidence supports, what a verification is about, and of a
/// correction the figures before it, up to the report that says the place of all of them.
#[derive(Debug, Clone, Default)]
pub struct Refs {
    events: BTreeMap<Uuid, Event>,
    /// Events that fill a place, the latest first. Of figures behind the first one nothing else is asked.
    filed: Vec<(Uuid, u64)>,
    /// The place of all of them.
    place: Option<Place>,
    /// Position of the event added last: the next one is an earlier one.
    last: Option<u64>,
}

impl Refs {
    /// Those of `input`, each looked up by `find`.
    pub fn of(input: &EventInput, find: impl Fn(&Uuid) -> Option<Event>) -> Self {
        let mut refs = Self::default();
        let mut next = references(input);
        while let Some(event) = next.and_then(|id| find(&id)) {
            next = refs.add(event, None);
        }
        refs
    }

    /// Adds the event that was wanted, first the one that the input [names](references); gives back the next one. Who
    /// knows where the event is filed says so, which spares the way to there.
    pub fn add(&mut self, event: Event, known: Option<Filed>) -> Option<Uuid> {
        let (id, position) = (event.input.event_id, event.position);
        if self.last.is_some_and(|last| last <= position) {
            return None;
        }
        self.last = Some(position);
        let follows = !self.filed.is_empty();
        let is_replacement = replaced(&event.input.payload).is_some();
        self.place = known.map(|filed| filed.place).or_else(|| Place::of(&event.input.payload));
        let next = if self.place.is_none() { references(&event.input) } else { None };
        if self.place.is_some() || is_replacement {
            self.filed.push((id, position));
        }
        if !follows {
            self.events.insert(id, event);
        }
        next
    }

    /// An event that the input names, or one that follows.
    pub fn get(&self, id: &Uuid) -> Option<&Event> {
        self.events.get(id)
    }

    /// Where an event is filed. None for what fills no place, or if the event that says the place was not found.
    pub fn filed(&self, id: &Uuid) -> Option<Filed> {
        self.filed.iter().position(|(of, _)| of == id).and_then(|index| self.at(index))
    }

    /// The corrections and revisions on the way, with where they are filed.
    pub fn replacements(&self) -> impl Iterator<Item = (Uuid, Filed)> {
        let before_last = self.filed.iter().take(self.filed.len().saturating_sub(1));
        before_last.enumerate().filter_map(|(index, (id, _))| Some((*id, self.at(index)?)))
    }

    fn at(&self, index: usize) -> Option<Filed> {
        let (_, position) = self.filed.get(index)?;
        // Only figures replace each other.
        let is_last = index + 1 == self.filed.len();
        let place = self.place.clone().filter(|place| is_last || matches!(place, Place::Figure(..)))?;
        Some(Filed { place, position: *position })
    }
}
