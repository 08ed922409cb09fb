//! Where recent figures are filed: what an event names only by its id, without the way along all corrections before it.
//!
//! Place in the flow: asked while deciding and while folding. A memory of what the log says and nothing else: answers are
//! the same without it, and the state keeps no event's id.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use songhua_domain::decide::Refs;
use songhua_domain::event::Event;
use songhua_domain::state::{Filed, changed};
use songhua_log::EventLog;
use songhua_wire::record::decode_event;
use uuid::Uuid;

use crate::group::key_of;
use crate::open::OpenError;

/// Events that are remembered: two tables of 32,768, each filled to the seven eighths at which it would grow; 4 MB.
pub(crate) const REMEMBERED: usize = 57_344;

/// See the module.
#[derive(Debug)]
pub(crate) struct Places {
    most: usize,
    kept: Mutex<Kept>,
}

/// When the young ones are half of what may be kept, they become the old ones, and those are forgotten.
#[derive(Debug, Default)]
struct Kept {
    young: HashMap<Uuid, Filed>,
    old: HashMap<Uuid, Filed>,
}

impl Places {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, kept: Mutex::default() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, id: &Uuid) -> Option<Filed> {
        let kept = self.kept();
        kept.young.get(id).or_else(|| kept.old.get(id)).cloned()
    }

    /// Remembers what the log says of events.
    pub(crate) fn learn(&self, filed: impl IntoIterator<Item = (Uuid, Filed)>) {
        let mut kept = self.kept();
        for (id, filed) in filed {
            if kept.young.len() >= self.most / 2 {
                kept.old = std::mem::take(&mut kept.young);
            }
            kept.young.insert(id, filed);
        }
    }

    /// What the log said may have been lost since.
    pub(crate) fn forget(&self) {
        *self.kept() = Kept::default();
    }

    /// Where the event is filed whose place `event`, a record of the log, changes. None for one that changes none, and
    /// for what the log does not have in front of it.
    pub(crate) async fn changed_by(&self, log: &dyn EventLog, event: &Event) -> Result<Option<Filed>, OpenError> {
        let Some(id) = changed(&event.input.payload) else { return Ok(None) };
        let remembered = self.get(&id);
        if remembered.is_some() {
            return Ok(remembered);
        }
        let (mut refs, mut next) = (Refs::default(), Some(id));
        while let Some(wanted) = next {
            let Some(record) = log.find(&key_of(wanted)).await? else { break };
            let position = record.position.0;
            if position >= event.position {
                break;
            }
            let found =
                decode_event(position, &record.bytes).map_err(|source| OpenError::Record { position, source })?;
            next = refs.add(found, self.get(&wanted));
        }
        self.learn(refs.replacements());
        Ok(refs.filed(&id))
    }
}
