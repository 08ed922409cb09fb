//! The data directory that was in use before: which epochs it served, and what it had that is not restored.
//!
//! Place in the flow: `restore --compare`. Reads as far as the old logs go, also past damage; changes nothing there.

use std::path::PathBuf;

use serde::Serialize;
use songhua_access::AccessState;
use songhua_log::backup::{LogEntry, directory_of};
use songhua_log::walk::{Walked, walk};
use songhua_log::{Epoch, OpenError, Position};
use songhua_wire::record::decode_header;
use songhua_wire::system::decode_system_event;
use uuid::Uuid;

/// A data directory that was in use.
#[derive(Debug)]
pub(crate) struct Old(pub(crate) PathBuf);

/// A record that was in the old log and is not in the restored one.
#[derive(Debug, Serialize)]
pub(crate) struct Lost {
    /// Its position there.
    pub(crate) position: u64,
    /// Its event.
    pub(crate) event_id: Uuid,
    /// Type of the event.
    pub(crate) event_type: String,
    /// Whose word it was.
    pub(crate) agency: Option<String>,
}

impl Old {
    /// The epoch of the log there, if it is the same log.
    pub(super) fn epoch(&self, entry: &LogEntry) -> Option<Epoch> {
        let mut found = None;
        let mut visit = |walked: Walked| {
            if let Walked::Frame(frame) = walked {
                found = Some(frame.identity);
            }
            found.is_none()
        };
        walk(&self.0.join(entry.directory()), Position::FIRST, true, &mut visit).ok()?;
        found.filter(|identity| identity.log_id == entry.log_id).map(|identity| identity.epoch)
    }

    /// What stands there behind `size` records.
    ///
    /// # Errors
    /// There is no log, or it cannot be read.
    pub(super) fn behind(&self, entry: &LogEntry, size: u64) -> Result<Vec<Lost>, OpenError> {
        let mut lost = Vec::new();
        self.records(entry.plan.as_deref(), Position(size + 1), &mut |record| {
            let header = decode_header(&record.bytes).ok();
            lost.push(Lost {
                position: record.position.0,
                event_id: Uuid::from_bytes(record.key),
                event_type: header.as_ref().map_or("", |header| header.event_type).to_owned(),
                agency: header
                    .and_then(|header| header.on_behalf_of.or(header.agency))
                    .map(|agency| agency.to_string()),
            });
        })?;
        Ok(lost)
    }

    /// The grants as they stood there.
    ///
    /// # Errors
    /// There is no system log, or it cannot be read.
    pub(crate) fn access(&self) -> Result<AccessState, OpenError> {
        let mut access = AccessState::default();
        self.records(None, Position::FIRST, &mut |record| {
            if let Ok(event) = decode_system_event(&record.bytes) {
                access.evolve(&event);
            }
        })?;
        Ok(access)
    }

    fn records(
        &self,
        plan: Option<&str>,
        from: Position,
        each: &mut dyn FnMut(&songhua_log::StoredRecord),
    ) -> Result<(), OpenError> {
        walk(&self.0.join(directory_of(plan)), from, true, &mut |walked| {
            if let Walked::Frame(frame) = walked {
                frame.records.iter().filter(|record| record.position >= from).for_each(&mut *each);
            }
            true
        })
    }
}
