//! The one decision point: whether an event may enter the log (services/README.md).
//!
//! Place in the flow: ingest authenticates, looks the event id up, asks [`crate::authorise::authorise`], then
//! [`decide`], builds the `Event` and folds it into a copy of the state before it asks about the next event of the
//! submission. A decision holds at the head it was taken at.
//!
//! It must not know: clocks (the moment is a parameter), IO, who may do what (`authorise`), idempotency (ingest looks
//! ids up before it asks), encodings.

mod agency;
mod case;
mod conduct;
mod definition;
mod delivery;
mod envelope;
mod figure;
mod indicator;
mod measurement;
mod period;
mod refs;
pub(crate) mod rejection;
mod revision;
mod subject;
mod target;
mod task;
#[cfg(test)]
pub(crate) mod tests;
mod verification;

use jiff::Timestamp;
use jiff::civil::Date;
use uuid::Uuid;

pub(crate) use case::path;
use case::{Case, Spoken};
pub use measurement::takes_figures;
pub use refs::Refs;
pub use rejection::Rejection;

use crate::event::{Actor, EventInput, Payload};
use crate::id::AreaId;
use crate::state::PlanState;

/// When a decision is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// What the events will be recorded at.
    pub recorded_time: Timestamp,
    /// The day that is in the plan's time zone, computed at the edge.
    pub today: Date,
}

/// What the decision adds to an accepted event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The area it is about; none where it is about the plan as a whole.
    pub area: Option<AreaId>,
    /// Resource name of what it is about, for example `plans/p/areas/a/targets/i`.
    pub subject: String,
    /// Whether it speaks of a day longer ago than the plan allows without a mark (补录).
    pub back_dated: bool,
}

/// The earlier event that the payload names: the first of [`Refs`].
pub const fn references(input: &EventInput) -> Option<Uuid> {
    match &input.payload {
        Payload::MeasurementCorrected(corrected) => Some(corrected.measurement),
        Payload::MeasurementRevised(revised) => Some(revised.measurement),
        Payload::MeasurementRetracted(retracted) => Some(retracted.measurement),
        Payload::EvidenceAttached(attached) => Some(attached.event),
        Payload::EvidenceWithdrawn(withdrawn) => Some(withdrawn.event),
        Payload::VerificationRequested(requested) => Some(requested.event),
        Payload::VerificationAccepted(accepted) => Some(accepted.event),
        Payload::VerificationRejected(rejected) => Some(rejected.event),
        Payload::VerificationReopened(reopened) => Some(reopened.event),
        _ => None,
    }
}

/// Decides whether `input` may enter the log. Pure: the same arguments give the same answer.
///
/// # Errors
/// A [`Rejection`] that names the reason, the field and the way out. Nothing changes.
pub fn decide(
    state: &PlanState,
    refs: &Refs,
    actor: &Actor,
    moment: &Moment,
    input: &EventInput,
) -> Result<Decision, Rejection> {
    let case = Case { state, refs, actor, moment, input };
    envelope::check(&case)?;
    envelope::phase(&case)?;
    let spoken = rules(&case)?;
    let back_dated = envelope::dates(&case, spoken)?;
    let (area, subject) = subject::about(&case);
    Ok(Decision { area, subject, back_dated })
}

/// The rules of the event's own type; gives back the day it speaks of, if its payload says one.
fn rules(case: &Case<'_>) -> Result<Option<Spoken>, Rejection> {
    use Payload as P;
    let done = match &case.input.payload {
        P::LogCreated(genesis) => definition::log_created(case, genesis),
        P::HistoryForked(forked) => definition::history_forked(case, forked),
        P::DayOpened(day) => definition::day_opened(case, day),
        P::PlanDefined(plan) => definition::plan(case, plan),
        P::PlanPublished(published) => definition::published(case, published),
        P::PlanRevised(revised) => revision::plan(case, revised),
        P::PlanClosedOut(closed) => revision::closed_out(case, closed),
        P::CalculationAdopted(adopted) => revision::calculation(case, adopted),
        P::AreaDesignated(area) => definition::area(case, area),
        P::AreaStageChanged(change) => definition::stage(case, change),
        P::LightRuleAdopted(adopted) => definition::light_rule_adopted(case, adopted),
        P::IndicatorDefined(indicator) => indicator::defined(case, indicator),
        P::IndicatorRedefined(redefined) => indicator::redefined(case, redefined),
        P::IndicatorRetired(retired) => indicator::retired(case, retired),
        P::TargetSet(set) => target::set(case, set),
        P::TargetRevised(revised) => target::revised(case, revised),
        P::TargetDecomposed(decomposed) => task::decomposed(case, decomposed),
        P::BaselineSet(set) => target::baseline(case, set),
        P::BaselineRestated(restated) => target::restated(case, restated),
        P::InterimTargetsSet(set) => target::interim(case, set),
        P::AgencyRegistered(agency) => agency::registered(case, agency),
        P::AgencyRenamed(renamed) => agency::renamed(case, renamed),
        P::AgencySucceeded(succeeded) => agency::succeeded(case, succeeded),
        P::AgencyAssigned(assigned) => agency::assigned(case, assigned),
        P::AssignmentEnded(ended) => agency::ended(case, ended),
        P::ProjectRegistered(project) => delivery::registered(case, project),
        P::ProjectMerged(merged) => delivery::merged(case, merged),
        P::MilestonePlanned(planned) => delivery::planned(case, planned),
        P::MilestoneRescheduled(moved) => delivery::rescheduled(case, moved),
        P::MilestoneCancelled(ended) => delivery::cancelled(case, ended),
        P::ProjectStatusChanged(changed) => delivery::status_changed(case, changed),
        P::MilestoneReopened(reopened) => delivery::reopened(case, reopened),
        P::MilestoneReached(report) => return delivery::reached(case, report).map(Some),
        P::MilestonePartiallyReached(report) => return delivery::partially_reached(case, report).map(Some),
        P::MilestoneMissed(report) => return delivery::missed(case, report).map(Some),
        P::MeasurementReported(reported) => return measurement::reported(case, reported).map(Some),
        P::MeasurementCorrected(corrected) => return measurement::corrected(case, corrected).map(Some),
        P::MeasurementRevised(revised) => return measurement::revised(case, revised).map(Some),
        P::MeasurementRetracted(retracted) => measurement::retracted(case, retracted),
        P::NothingToReport(nothing) => return measurement::nothing(case, nothing).map(Some),
        P::QualitativeAssessmentRecorded(recorded) => return verification::assessed(case, recorded).map(Some),
        P::EvidenceAttached(attached) => verification::evidence(case, attached),
        P::EvidenceWithdrawn(withdrawn) => verification::withdrawn(case, withdrawn),
        P::VerificationRequested(requested) => verification::requested(case, requested),
        P::VerificationReopened(reopened) => verification::reopened(case, reopened),
        P::VerificationAccepted(accepted) => verification::accepted(case, accepted),
        P::VerificationRejected(rejected) => verification::rejected(case, rejected),
        P::ReportingPeriodOpened(opened) => conduct::opened(case, opened),
        P::ReportingPeriodClosed(closed) => conduct::closed(case, closed),
        P::ReminderIssued(reminder) => conduct::reminded(case, reminder),
        P::ProgressNoteRecorded(note) => return conduct::noted(case, note).map(Some),
        P::SupervisionIssued(issued) => conduct::issued(case, issued),
        P::SupervisionAnswered(answered) => conduct::answered(case, answered),
        P::SupervisionClosed(closed) => conduct::settled(case, closed),
    };
    done.map(|()| None)
}
