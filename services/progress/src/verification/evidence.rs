//! The files beside an event.
//!
//! Place in the flow: facts of evidence → `EvidenceState`. It must not know where the files are kept.

use songhua_views::{Fact, FactKind, Said};
use songhua_wire::pb;
use uuid::Uuid;

use crate::reading::Reading;
use crate::refusal::{self, Refused};

/// Files that came with the event or were attached to it up to position `recorded`, withdrawn ones too, oldest first.
pub(super) fn of_event(reading: &Reading, event: Uuid, recorded: u64) -> Result<Vec<pb::EvidenceState>, Refused> {
    let facts_of = |event: Uuid| {
        let facts = reading.views().facts_of(FactKind::Evidence, &event.to_string(), recorded);
        facts.map_err(|error| refusal::from_views(&error))
    };
    let mut all = Vec::new();
    let own = facts_of(event)?;
    for fact in own.iter() {
        let Said::Evidence { files, .. } = &fact.row.said else { continue };
        // A withdrawal names the event that carried the file.
        let carrier = fact.row.event_id;
        let withdrawals = if carrier == event { own.clone() } else { facts_of(carrier)? };
        all.extend(files.iter().map(|file| {
            let (withdrawn_by, reason) = withdrawal(&withdrawals, &file.sha256).unwrap_or_default();
            pb::EvidenceState { evidence: Some(file.into()), position: fact.position, withdrawn_by, reason }
        }));
    }
    Ok(all)
}

fn withdrawal(facts: &[Fact], file: &[u8; 32]) -> Option<(u64, String)> {
    facts.iter().find_map(|fact| match &fact.row.said {
        Said::EvidenceWithdrawn { sha256, reason, .. } if sha256 == file => Some((fact.position, reason.clone())),
        _ => None,
    })
}
