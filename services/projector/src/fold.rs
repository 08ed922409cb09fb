//! From an event to rows.
//!
//! Place in the flow: after an event was decoded, before the targets it touches are judged. It must not know batches:
//! the same events give the same rows wherever a batch ends.

use jiff::civil::Date;
use songhua_domain::event::{
    AreaStageChanged, Event, Figure, MeasurementReported, NothingToReport, Payload, QualitativeAssessmentRecorded,
    ReferencePeriod,
};
use songhua_domain::id::{AgencyId, AreaId, IndicatorId, MilestoneId, ProjectId};
use songhua_domain::vocabulary::{Basis, ObsStatus};
use songhua_views::{
    Entry, EntryFigure, EntryKind, MilestoneFact, MilestoneRow, SeriesKey, StageEffective, Subject, ViewBatch,
    ViewsError,
};
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
    /// Any.
    All,
}

/// Writes the rows of `event`.
pub(crate) fn fold(batch: &mut ViewBatch<'_>, event: &Event) -> Result<Touched, FoldError> {
    let position = event.position;
    match &event.input.payload {
        Payload::DayOpened(day) => batch.open_day(position, day.date)?,
        Payload::PlanDefined(plan) => batch.define(position, plan.clone())?,
        Payload::PlanPublished(published) => batch.define(position, published.clone())?,
        Payload::AreaDesignated(area) => batch.define(position, area.clone())?,
        Payload::AreaStageChanged(change) => stage(batch, event, change)?,
        Payload::IndicatorDefined(indicator) => batch.define(position, indicator.clone())?,
        Payload::LightRuleAdopted(adopted) => batch.define(position, adopted.clone())?,
        Payload::TargetSet(target) => {
            batch.define(position, target.clone())?;
            return Ok(Touched::Target(target.area.clone(), target.indicator.clone()));
        }
        Payload::BaselineSet(set) => {
            batch.define(position, set.clone())?;
            return Ok(Touched::Target(set.area.clone(), set.indicator.clone()));
        }
        Payload::InterimTargetsSet(set) => {
            batch.define(position, set.clone())?;
            return Ok(Touched::Target(set.area.clone(), set.indicator.clone()));
        }
        _ => return fold_unscored(batch, event),
    }
    Ok(Touched::All)
}

/// Definitions that no score depends on.
fn fold_unscored(batch: &mut ViewBatch<'_>, event: &Event) -> Result<Touched, FoldError> {
    let position = event.position;
    match &event.input.payload {
        Payload::LogCreated(log) => batch.define(position, log.clone())?,
        Payload::AgencyRegistered(agency) => batch.define(position, agency.clone())?,
        Payload::AgencyAssigned(assigned) => batch.define(position, assigned.clone())?,
        Payload::ProjectRegistered(project) => batch.define(position, project.clone())?,
        Payload::ProjectMerged(merged) => batch.define(position, merged.clone())?,
        // Evidence is read from the log, beside the event it supports.
        Payload::EvidenceAttached(_) => {}
        _ => return fold_report(batch, event),
    }
    Ok(Touched::Nothing)
}

/// Figures, milestones, and what is said about them.
fn fold_report(batch: &mut ViewBatch<'_>, event: &Event) -> Result<Touched, FoldError> {
    match &event.input.payload {
        Payload::MeasurementReported(reported) => append(batch, reported_entry(event, reported)),
        Payload::QualitativeAssessmentRecorded(assessed) => append(batch, assessed_entry(event, assessed)),
        Payload::NothingToReport(nothing) => {
            append(batch, nothing_entry(event, nothing))?;
            // Silence is no figure: no score sees it.
            Ok(Touched::Nothing)
        }
        Payload::MeasurementCorrected(corrected) => {
            let kind = |of| EntryKind::Corrected { of };
            let (series, mut entry) = speak(batch, event, corrected.measurement, kind)?;
            entry.figure = figure(corrected.figure);
            entry.obs_status = corrected.obs_status;
            append(batch, (series, entry))
        }
        Payload::MeasurementRetracted(retracted) => {
            let spoken = speak(batch, event, retracted.measurement, |of| EntryKind::Retracted { of })?;
            append(batch, spoken)
        }
        Payload::VerificationAccepted(accepted) => verify(batch, event, accepted.event, &accepted.finding),
        Payload::VerificationRejected(rejected) => reject(batch, event, rejected.event, &rejected.reason),
        _ => fold_milestone(batch, event),
    }
}

fn fold_milestone(batch: &mut ViewBatch<'_>, event: &Event) -> Result<Touched, FoldError> {
    let (project, milestone, fact) = match &event.input.payload {
        Payload::MilestonePlanned(it) => (&it.project, &it.milestone, MilestoneFact::Planned(it.clone())),
        Payload::MilestoneRescheduled(it) => (&it.project, &it.milestone, MilestoneFact::Rescheduled(it.clone())),
        Payload::MilestoneReached(it) => (&it.project, &it.milestone, MilestoneFact::Reached(it.clone())),
        Payload::MilestonePartiallyReached(it) => {
            (&it.project, &it.milestone, MilestoneFact::PartiallyReached(it.clone()))
        }
        Payload::MilestoneMissed(it) => (&it.project, &it.milestone, MilestoneFact::Missed(it.clone())),
        Payload::MilestoneCancelled(it) => (&it.project, &it.milestone, MilestoneFact::Cancelled(it.clone())),
        // Every other type was taken by the functions before this one.
        _ => return Ok(Touched::Nothing),
    };
    milestone_row(batch, event, project, milestone, fact)
}

fn verify(batch: &mut ViewBatch<'_>, event: &Event, named: Uuid, finding: &str) -> Result<Touched, FoldError> {
    if let Some((of, Subject::Milestone(project, milestone))) = batch.event(named)? {
        let fact = MilestoneFact::Verified { of, finding: finding.to_owned() };
        return milestone_row(batch, event, &project, &milestone, fact);
    }
    let spoken = speak(batch, event, named, |of| EntryKind::Verified { of })?;
    append(batch, spoken)
}

fn reject(batch: &mut ViewBatch<'_>, event: &Event, named: Uuid, reason: &str) -> Result<Touched, FoldError> {
    if let Some((of, Subject::Milestone(project, milestone))) = batch.event(named)? {
        let fact = MilestoneFact::Rejected { of, reason: reason.to_owned() };
        return milestone_row(batch, event, &project, &milestone, fact);
    }
    let spoken = speak(batch, event, named, |of| EntryKind::Rejected { of })?;
    append(batch, spoken)
}

fn stage(batch: &mut ViewBatch<'_>, event: &Event, change: &AreaStageChanged) -> Result<(), FoldError> {
    // Decided events always have the date; without one the day that was opened last is the closest thing to it.
    let effective = event.input.effective_date.or_else(|| batch.day()).ok_or(FoldError::Undated)?;
    Ok(batch.define(event.position, StageEffective { effective, change: change.clone() })?)
}

fn milestone_row(
    batch: &mut ViewBatch<'_>,
    event: &Event,
    project: &ProjectId,
    milestone: &MilestoneId,
    fact: MilestoneFact,
) -> Result<Touched, FoldError> {
    let row = MilestoneRow {
        fact,
        recorded_time_us: event.recorded_time.as_microsecond(),
        effective: event.input.effective_date,
        agency: agency(event),
        event_id: event.input.event_id,
    };
    batch.milestone(project, milestone, event.position, &row)?;
    Ok(Touched::Nothing)
}

fn append(batch: &mut ViewBatch<'_>, (series, entry): (SeriesKey, Entry)) -> Result<Touched, FoldError> {
    batch.append(&series, entry)?;
    Ok(Touched::Series(series))
}

fn reported_entry(event: &Event, reported: &MeasurementReported) -> (SeriesKey, Entry) {
    let (area, indicator, dimension) = (reported.area.clone(), reported.indicator.clone(), reported.dimension.clone());
    let mut entry = entry(event, EntryKind::Reported, reported.basis, reported.period);
    entry.figure = figure(reported.figure);
    entry.obs_status = reported.obs_status;
    (SeriesKey { area, indicator, dimension }, entry)
}

fn assessed_entry(event: &Event, assessed: &QualitativeAssessmentRecorded) -> (SeriesKey, Entry) {
    let mut entry = entry(event, EntryKind::Assessed, Basis::StockAt, ReferencePeriod::AsOf(assessed.as_of));
    entry.figure = EntryFigure::Step(assessed.step.clone());
    entry.obs_status = assessed.obs_status;
    (SeriesKey::total(&assessed.area, &assessed.indicator), entry)
}

fn nothing_entry(event: &Event, nothing: &NothingToReport) -> (SeriesKey, Entry) {
    let entry = entry(event, EntryKind::Nothing, Basis::Period, nothing.period);
    (SeriesKey::total(&nothing.area, &nothing.indicator), entry)
}

/// An entry about the figure of the event `named`, with that figure's basis and period.
fn speak(
    batch: &mut ViewBatch<'_>,
    event: &Event,
    named: Uuid,
    kind: impl FnOnce(u64) -> EntryKind,
) -> Result<(SeriesKey, Entry), FoldError> {
    let dangling = || FoldError::Dangling { event_type: event.input.payload.type_name(), named };
    let Some((of, Subject::Series(series))) = batch.event(named)? else { return Err(dangling()) };
    let spoken = &batch.series(&series)?.figure(of).ok_or_else(dangling)?.entry;
    let period = period(spoken.start, spoken.end);
    let mut entry = entry(event, kind(of), spoken.basis, period);
    entry.obs_status = spoken.obs_status;
    Ok((series, entry))
}

/// An entry without a figure.
fn entry(event: &Event, kind: EntryKind, basis: Basis, period: ReferencePeriod) -> Entry {
    Entry {
        position: event.position,
        recorded_time_us: event.recorded_time.as_microsecond(),
        kind,
        basis,
        start: period.start(),
        end: period.reference_date(),
        figure: EntryFigure::None,
        obs_status: ObsStatus::Normal,
        back_dated: event.back_dated,
        agency: agency(event),
        event_id: event.input.event_id,
        reason: String::new(),
    }
}

fn period(start: Option<Date>, end: Date) -> ReferencePeriod {
    start.map_or(ReferencePeriod::AsOf(end), |start| ReferencePeriod::Period { start, end })
}

const fn figure(figure: Figure) -> EntryFigure {
    match figure {
        Figure::Value(value) => EntryFigure::Value(value),
        Figure::Fraction { numerator, denominator } => EntryFigure::Fraction { numerator, denominator },
    }
}

/// Whose word it is: that of the agency an operator filed it for, else the actor's own.
fn agency(event: &Event) -> Option<AgencyId> {
    event.actor.on_behalf_of.clone().or_else(|| event.actor.agency.clone())
}
