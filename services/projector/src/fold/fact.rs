//! Facts: what was said beside figures, milestones and definitions; and the files that came with any event.
//!
//! Place in the flow: called by [`fold`](super::fold). It must not know what facts mean together.

use songhua_domain::event::{Event, EvidenceWithdrawn, Payload};
use songhua_views::{FactRow, Said, ViewBatch};

use super::{FoldError, Touched, agency};

pub(super) fn say(batch: &mut ViewBatch<'_>, event: &Event, said: Said) -> Result<Touched, FoldError> {
    write(batch, event, said)?;
    // No score sees what is only said.
    Ok(Touched::Nothing)
}

pub(super) fn withdrawn(
    batch: &mut ViewBatch<'_>,
    event: &Event,
    EvidenceWithdrawn { event: carrier, sha256, reason }: &EvidenceWithdrawn,
) -> Result<Touched, FoldError> {
    let said = Said::EvidenceWithdrawn { event: *carrier, sha256: *sha256, reason: reason.clone() };
    say(batch, event, said)
}

/// Files that came with `event`: for what it says, or for the event that they are attached to.
pub(super) fn evidence(batch: &mut ViewBatch<'_>, event: &Event) -> Result<(), FoldError> {
    let mut files = event.input.evidence.clone();
    let mut supported = event.input.event_id;
    if let Payload::EvidenceAttached(attached) = &event.input.payload {
        supported = attached.event;
        files.extend_from_slice(&attached.evidence);
    }
    if files.is_empty() {
        return Ok(());
    }
    write(batch, event, Said::Evidence { event: supported, files })
}

pub(super) fn write(batch: &mut ViewBatch<'_>, event: &Event, said: Said) -> Result<(), FoldError> {
    let row = FactRow {
        recorded_time_us: event.recorded_time.as_microsecond(),
        recorded_day: batch.day(),
        effective: event.input.effective_date,
        agency: agency(event),
        event_id: event.input.event_id,
        said,
    };
    Ok(batch.fact(event.position, &row)?)
}
