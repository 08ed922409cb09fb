//! Facts: what was said beside figures, milestones and definitions; and the files that came with any event.
//!
//! Place in the flow: called by [`fold`](super::fold). It must not know what facts mean together.

use songhua_domain::event::{Event, Payload};
use songhua_views::{FactRow, Said, ViewBatch};

use super::{FoldError, Touched, agency};

pub(super) fn fold(batch: &mut ViewBatch<'_>, event: &Event) -> Result<Touched, FoldError> {
    let said = match &event.input.payload {
        Payload::ProjectStatusChanged(it) => Said::ProjectStatus(it.clone()),
        Payload::EvidenceWithdrawn(it) => {
            Said::EvidenceWithdrawn { event: it.event, sha256: it.sha256, reason: it.reason.clone() }
        }
        Payload::ReportingPeriodOpened(it) => Said::PeriodOpened(it.clone()),
        Payload::ReportingPeriodClosed(it) => Said::PeriodClosed(it.clone()),
        Payload::ReminderIssued(it) => Said::Reminder(it.clone()),
        Payload::ProgressNoteRecorded(it) => Said::Note(it.clone()),
        Payload::SupervisionIssued(it) => Said::SupervisionIssued(it.clone()),
        Payload::SupervisionAnswered(it) => Said::SupervisionAnswered(it.clone()),
        Payload::SupervisionClosed(it) => Said::SupervisionClosed(it.clone()),
        // Attached evidence is written as that of any event.
        _ => return Ok(Touched::Nothing),
    };
    write(batch, event, said)?;
    Ok(Touched::Nothing)
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
