//! From an event to rows.
//!
//! Place in the flow: after an event was decoded, before the targets it touches are judged. It must not know batches:
//! the same events give the same rows wherever a batch ends.

mod definition;
mod fact;
mod figure;
mod milestone;
mod revision;
mod verification;

use songhua_domain::event::{Event, Payload};
use songhua_domain::id::{AgencyId, AreaId, IndicatorId};
use songhua_views::{SeriesKey, ViewBatch, ViewsError};
use uuid::Uuid;

/// Why an event cannot become rows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FoldError {
    /// The views failed.
    #[error(transparent)]
    Views(#[from] ViewsError),
    /// An event speaks of another one that does not exist. Ingest lets none through: the log or this code is wrong.
    #[error("{event_type} speaks of event {named}, which is no earlier figure, assessment or milestone report")]
    Dangling {
        /// Type of the event.
        event_type: &'static str,
        /// The event it names.
        named: Uuid,
    },
    /// Nothing says from when a stage holds. Ingest lets none through either.
    #[error("AreaStageChanged has no effective date, and no day was opened before it")]
    Undated,
}

/// Which targets an event may have given another status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Touched {
    /// None.
    Nothing,
    /// This one.
    Target(AreaId, IndicatorId),
    /// Those that are scored by this series.
    Series(SeriesKey),
    /// Those for which a status ended with the day before.
    Day,
    /// Any.
    All,
}

/// Writes the rows of `event`.
pub(crate) fn fold(batch: &mut ViewBatch<'_>, event: &Event) -> Result<Touched, FoldError> {
    use Payload as P;
    fact::evidence(batch, event)?;
    // Before the definition itself: it says what stood until now.
    revision::write(batch, event)?;
    match &event.input.payload {
        P::MeasurementReported(_)
        | P::MeasurementCorrected(_)
        | P::MeasurementRevised(_)
        | P::MeasurementRetracted(_)
        | P::NothingToReport(_)
        | P::QualitativeAssessmentRecorded(_) => figure::fold(batch, event),
        P::VerificationRequested(_)
        | P::VerificationReopened(_)
        | P::VerificationAccepted(_)
        | P::VerificationRejected(_) => verification::fold(batch, event),
        P::MilestonePlanned(_)
        | P::MilestoneRescheduled(_)
        | P::MilestoneReached(_)
        | P::MilestonePartiallyReached(_)
        | P::MilestoneMissed(_)
        | P::MilestoneCancelled(_)
        | P::MilestoneReopened(_) => milestone::fold(batch, event),
        P::ProjectStatusChanged(_)
        | P::EvidenceAttached(_)
        | P::EvidenceWithdrawn(_)
        | P::ReportingPeriodOpened(_)
        | P::ReportingPeriodClosed(_)
        | P::ReminderIssued(_)
        | P::ProgressNoteRecorded(_)
        | P::SupervisionIssued(_)
        | P::SupervisionAnswered(_)
        | P::SupervisionClosed(_) => fact::fold(batch, event),
        _ => definition::fold(batch, event),
    }
}

/// Whose word it is: that of the agency an operator filed it for, else the actor's own.
fn agency(event: &Event) -> Option<AgencyId> {
    event.actor.on_behalf_of.clone().or_else(|| event.actor.agency.clone())
}

fn dangling(event: &Event, named: Uuid) -> FoldError {
    FoldError::Dangling { event_type: event.input.payload.type_name(), named }
}
