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
use songhua_views::VerificationStep::{Accepted, Rejected, Reopened, Requested};
use songhua_views::{MilestoneFact, Said, SeriesKey, ViewBatch, ViewsError};
use uuid::Uuid;

use self::definition::define;
use self::fact::say;
use self::milestone::happened;
use self::verification::Step;

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

/// Writes the rows of `event`. Every type is named: a new one does not compile until its place is decided.
pub(crate) fn fold(batch: &mut ViewBatch<'_>, event: &Event) -> Result<Touched, FoldError> {
    use MilestoneFact as M;
    use Payload as P;
    use Touched::{All, Nothing};
    fact::evidence(batch, event)?;
    // Before the definition itself: it says what stood until now.
    revision::write(batch, event)?;
    match &event.input.payload {
        P::DayOpened(it) => definition::day(batch, event, it),
        P::LogCreated(it) => define(batch, event, it, Nothing),
        // The views were grown anew for its epoch; what stays stands before it.
        P::HistoryForked(_) => Ok(Nothing),
        P::PlanDefined(it) => define(batch, event, it, All),
        P::PlanPublished(it) => define(batch, event, it, All),
        P::PlanRevised(it) => define(batch, event, it, if it.end.is_some() { All } else { Nothing }),
        P::PlanClosedOut(it) => define(batch, event, it, Nothing),
        P::CalculationAdopted(it) => define(batch, event, it, All),
        P::LightRuleAdopted(it) => define(batch, event, it, All),
        P::AreaDesignated(it) => define(batch, event, it, All),
        P::AreaStageChanged(it) => definition::stage(batch, event, it),
        P::IndicatorDefined(it) => define(batch, event, it, All),
        P::IndicatorRedefined(it) => define(batch, event, it, if it.schedule.is_some() { All } else { Nothing }),
        P::IndicatorRetired(it) => define(batch, event, it, All),
        P::TargetSet(it) => define(batch, event, it, target(&it.area, &it.indicator)),
        P::TargetRevised(it) => define(batch, event, it, target(&it.area, &it.indicator)),
        P::BaselineSet(it) => define(batch, event, it, target(&it.area, &it.indicator)),
        P::BaselineRestated(it) => define(batch, event, it, target(&it.area, &it.indicator)),
        P::InterimTargetsSet(it) => define(batch, event, it, target(&it.area, &it.indicator)),
        P::TargetDecomposed(it) => define(batch, event, it, Nothing),
        P::AgencyRegistered(it) => define(batch, event, it, Nothing),
        P::AgencyRenamed(it) => define(batch, event, it, Nothing),
        P::AgencySucceeded(it) => define(batch, event, it, Nothing),
        P::AgencyAssigned(it) => define(batch, event, it, Nothing),
        P::AssignmentEnded(it) => define(batch, event, it, Nothing),
        P::ProjectRegistered(it) => define(batch, event, it, Nothing),
        P::ProjectMerged(it) => define(batch, event, it, Nothing),
        P::MeasurementReported(_)
        | P::MeasurementCorrected(_)
        | P::MeasurementRevised(_)
        | P::MeasurementRetracted(_) => figure::measured(batch, event),
        P::NothingToReport(it) => figure::nothing(batch, event, it),
        P::QualitativeAssessmentRecorded(it) => figure::assessed(batch, event, it),
        P::VerificationRequested(it) => verification::fold(batch, event, Step::new(it.event, Requested, &it.note)),
        P::VerificationReopened(it) => verification::fold(batch, event, Step::new(it.event, Reopened, &it.reason)),
        P::VerificationAccepted(it) => verification::fold(batch, event, Step::new(it.event, Accepted, &it.finding)),
        P::VerificationRejected(it) => verification::fold(batch, event, Step::new(it.event, Rejected, &it.reason)),
        P::MilestonePlanned(it) => happened(batch, event, (&it.project, &it.milestone), M::Planned(it.clone())),
        P::MilestoneRescheduled(it) => happened(batch, event, (&it.project, &it.milestone), M::Rescheduled(it.clone())),
        P::MilestoneReached(it) => happened(batch, event, (&it.project, &it.milestone), M::Reached(it.clone())),
        P::MilestonePartiallyReached(it) => {
            happened(batch, event, (&it.project, &it.milestone), M::PartiallyReached(it.clone()))
        }
        P::MilestoneMissed(it) => happened(batch, event, (&it.project, &it.milestone), M::Missed(it.clone())),
        P::MilestoneCancelled(it) => happened(batch, event, (&it.project, &it.milestone), M::Cancelled(it.clone())),
        P::MilestoneReopened(it) => happened(batch, event, (&it.project, &it.milestone), M::Reopened(it.clone())),
        P::ProjectStatusChanged(it) => say(batch, event, Said::ProjectStatus(it.clone())),
        // The files were written above.
        P::EvidenceAttached(_) => Ok(Nothing),
        P::EvidenceWithdrawn(it) => fact::withdrawn(batch, event, it),
        P::ReportingPeriodOpened(it) => say(batch, event, Said::PeriodOpened(it.clone())),
        P::ReportingPeriodClosed(it) => say(batch, event, Said::PeriodClosed(it.clone())),
        P::ReminderIssued(it) => say(batch, event, Said::Reminder(it.clone())),
        P::ProgressNoteRecorded(it) => say(batch, event, Said::Note(it.clone())),
        P::SupervisionIssued(it) => say(batch, event, Said::SupervisionIssued(it.clone())),
        P::SupervisionAnswered(it) => say(batch, event, Said::SupervisionAnswered(it.clone())),
        P::SupervisionClosed(it) => say(batch, event, Said::SupervisionClosed(it.clone())),
    }
}

fn target(area: &AreaId, indicator: &IndicatorId) -> Touched {
    Touched::Target(area.clone(), indicator.clone())
}

/// Whose word it is: that of the agency an operator filed it for, else the actor's own.
fn agency(event: &Event) -> Option<AgencyId> {
    event.actor.on_behalf_of.clone().or_else(|| event.actor.agency.clone())
}

fn dangling(event: &Event, named: Uuid) -> FoldError {
    FoldError::Dangling { event_type: event.input.payload.type_name(), named }
}
