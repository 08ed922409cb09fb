//! Revisions: what an event changes of what stood before, in words.
//!
//! Place in the flow: called by [`fold`](super::fold) before the event itself is folded, so that the model still says
//! what stood. Changes of figures are in their series. It must not know who reads it.

use songhua_domain::event::{
    AgencyRenamed, AreaStageChanged, AssignmentEnded, BaselineRestated, BaselineSet, Event, IndicatorRedefined,
    IndicatorRetired, InterimTargetsSet, Name, Payload, PlanRevised, Schedule, Scope, TargetDecomposed, TargetRevised,
};
use songhua_domain::id::{AgencyId, AreaId, IndicatorId, MilestoneId, ProjectId};
use songhua_domain::score::DatedValue;
use songhua_domain::vocabulary::AreaStage;
use songhua_views::{Model, Revised, Said, ViewBatch};

use super::{FoldError, fact};

/// Writes what `event` revises, if it revises something by itself. Before the plan is visible nothing is revised: it is
/// still being defined.
pub(super) fn write(batch: &mut ViewBatch<'_>, event: &Event) -> Result<(), FoldError> {
    if batch.model().published.is_none() {
        return Ok(());
    }
    match revised(batch.model(), event) {
        Some(revised) => fact::write(batch, event, Said::Revision(Box::new(revised))),
        None => Ok(()),
    }
}

/// Writes that a report on a milestone no longer holds, or is no longer verified.
pub(super) fn of_report(
    batch: &mut ViewBatch<'_>,
    event: &Event,
    (project, milestone): (&ProjectId, &MilestoneId),
    reason: &str,
) -> Result<(), FoldError> {
    let revised = about_milestone(batch.model(), &event.input.payload, project, milestone, reason);
    fact::write(batch, event, Said::Revision(Box::new(revised)))
}

/// What `event` revises. Every type is named: a new one does not compile until it is decided what it revises.
fn revised(model: &Model, event: &Event) -> Option<Revised> {
    use Payload as P;
    let payload = &event.input.payload;
    let plan = |reason: &str| about(payload, String::new(), reason);
    let agency = |agency: &AgencyId, reason: &str| about(payload, format!("agencies/{agency}"), reason);
    let project = |project, reason| about_project(model, payload, project, reason);
    let milestone = |project, milestone, reason| about_milestone(model, payload, project, milestone, reason);
    Some(match payload {
        P::PlanRevised(it) => plan_revised(model, it, plan(&it.reason)),
        P::PlanClosedOut(it) => Revised { after: it.as_of.to_string(), ..plan(&it.finding) },
        P::CalculationAdopted(it) => changed(plan(&it.reason), model.calc_version, it.calc_version),
        P::LightRuleAdopted(it) => changed(plan(&it.reason), model.light_rule.version, it.rule.version),
        P::AreaStageChanged(it) => stage_changed(model, event, it),
        P::IndicatorRedefined(it) => redefined(model, payload, it),
        P::IndicatorRetired(it) => retired(model, payload, it),
        P::TargetRevised(it) => target_revised(model, payload, it),
        P::BaselineSet(it) => baseline_set(model, payload, it)?,
        P::BaselineRestated(it) => baseline_restated(model, payload, it),
        P::InterimTargetsSet(it) => interim_targets_set(model, payload, it)?,
        P::TargetDecomposed(it) => decomposed(model, payload, it)?,
        P::AgencyRenamed(it) => agency_renamed(model, it, agency(&it.agency, &it.reason)),
        P::AgencySucceeded(it) => changed(agency(&it.agency, &it.reason), &it.agency, &it.successor),
        P::AssignmentEnded(it) => assignment_ended(it, agency(&it.agency, &it.reason)),
        P::ProjectMerged(it) => changed(project(&it.project, &it.reason), &it.project, &it.into),
        // How a project or a milestone stood before is no matter of the model: whoever reads the revision finds it.
        P::ProjectStatusChanged(it) => Revised { after: it.status.to_string(), ..project(&it.project, &it.reason) },
        P::MilestoneRescheduled(it) => {
            changed(milestone(&it.project, &it.milestone, &it.reason), it.previous_due_date, it.due_date)
        }
        P::MilestoneCancelled(it) => milestone(&it.project, &it.milestone, &it.reason),
        P::MilestoneReopened(it) => milestone(&it.project, &it.milestone, &it.reason),
        // Revisions of figures are in their series; those of reports on milestones come with the verification.
        P::MeasurementReported(_)
        | P::MeasurementCorrected(_)
        | P::MeasurementRevised(_)
        | P::MeasurementRetracted(_)
        | P::NothingToReport(_)
        | P::QualitativeAssessmentRecorded(_)
        | P::VerificationRequested(_)
        | P::VerificationReopened(_)
        | P::VerificationAccepted(_)
        | P::VerificationRejected(_)
        // These put nothing in the place of something else.
        | P::LogCreated(_)
        | P::HistoryForked(_)
        | P::DayOpened(_)
        | P::PlanDefined(_)
        | P::PlanPublished(_)
        | P::AreaDesignated(_)
        | P::IndicatorDefined(_)
        | P::TargetSet(_)
        | P::AgencyRegistered(_)
        | P::AgencyAssigned(_)
        | P::ProjectRegistered(_)
        | P::MilestonePlanned(_)
        | P::MilestoneReached(_)
        | P::MilestonePartiallyReached(_)
        | P::MilestoneMissed(_)
        | P::EvidenceAttached(_)
        | P::EvidenceWithdrawn(_)
        | P::ReportingPeriodOpened(_)
        | P::ReportingPeriodClosed(_)
        | P::ReminderIssued(_)
        | P::ProgressNoteRecorded(_)
        | P::SupervisionIssued(_)
        | P::SupervisionAnswered(_)
        | P::SupervisionClosed(_) => return None,
    })
}

fn plan_revised(model: &Model, it: &PlanRevised, about: Revised) -> Revised {
    let Some(plan) = &model.plan else { return about };
    let title = if text(&it.title).is_empty() { &plan.title } else { &it.title };
    let revised = differing(
        about,
        [(text(&plan.title), text(title)), (plan.end.to_string(), it.end.unwrap_or(plan.end).to_string())],
    );
    // Editions are no single value: their words say what stands now.
    if revised.after.is_empty() { Revised { after: it.changes.clone(), ..revised } } else { revised }
}

fn stage_changed(model: &Model, event: &Event, it: &AreaStageChanged) -> Revised {
    let about = about(&event.input.payload, format!("areas/{}", it.area), &it.reason);
    let on = |day| model.areas.get(&it.area).and_then(|area| area.stage_at(day));
    let before = event.input.effective_date.and_then(on).map(AreaStage::code).unwrap_or_default();
    Revised { area: Some(it.area.clone()), ..changed(about, before, it.stage) }
}

fn retired(model: &Model, payload: &Payload, it: &IndicatorRetired) -> Revised {
    let about = about_indicator(payload, &it.indicator, &it.reason);
    let before = model.indicators.get(&it.indicator).and_then(|indicator| indicator.retired_from);
    changed(about, shown(before), it.retired_from)
}

/// The first baseline replaces nothing.
fn baseline_set(model: &Model, payload: &Payload, it: &BaselineSet) -> Option<Revised> {
    let before = model.target(&it.area, &it.indicator)?.baseline?;
    Some(changed(about_target(payload, &it.area, &it.indicator, ""), dated(&before), dated(&it.baseline)))
}

fn baseline_restated(model: &Model, payload: &Payload, it: &BaselineRestated) -> Revised {
    let about = about_target(payload, &it.area, &it.indicator, &it.reason);
    let before = model.target(&it.area, &it.indicator).and_then(|target| target.baseline);
    changed(about, before.as_ref().map(dated).unwrap_or_default(), dated(&it.baseline))
}

/// The first ones replace nothing.
fn interim_targets_set(model: &Model, payload: &Payload, it: &InterimTargetsSet) -> Option<Revised> {
    let before = &model.target(&it.area, &it.indicator)?.interim;
    let about = about_target(payload, &it.area, &it.indicator, &it.reason);
    (!before.is_empty()).then(|| changed(about, all_dated(before), all_dated(&it.interim)))
}

/// The first one replaces nothing.
fn decomposed(model: &Model, payload: &Payload, it: &TargetDecomposed) -> Option<Revised> {
    let stood = model.tasks.contains_key(&(it.area.clone(), it.indicator.clone()));
    stood.then(|| about_target(payload, &it.area, &it.indicator, &it.note))
}

fn redefined(model: &Model, payload: &Payload, it: &IndicatorRedefined) -> Revised {
    let about = about_indicator(payload, &it.indicator, &it.reason);
    let Some(indicator) = model.indicators.get(&it.indicator) else { return about };
    let schedule = model.schedule(&it.indicator).unwrap_or(indicator.schedule);
    differing(about, [(text(&indicator.name), text(&it.name)), (due(schedule), due(it.schedule.unwrap_or(schedule)))])
}

fn target_revised(model: &Model, payload: &Payload, it: &TargetRevised) -> Revised {
    let about = about_target(payload, &it.area, &it.indicator, &it.reason);
    let Some(target) = model.target(&it.area, &it.indicator) else { return about };
    let set = &target.definition;
    differing(
        about,
        [
            (shown(set.value), shown(it.value)),
            (shown(set.max), shown(it.max)),
            (shown(set.tolerance), shown(it.tolerance)),
            (shown(set.required_step.as_ref()), shown(it.required_step.as_ref())),
            (set.effective_deadline.to_string(), it.effective_deadline.to_string()),
        ],
    )
}

fn agency_renamed(model: &Model, it: &AgencyRenamed, about: Revised) -> Revised {
    let before = model.agencies.get(&it.agency).map(|agency| text(&agency.name));
    changed(about, before.unwrap_or_default(), text(&it.name))
}

fn assignment_ended(it: &AssignmentEnded, about: Revised) -> Revised {
    let (area, indicator, scope) = match &it.scope {
        Scope::Plan => (None, None, String::new()),
        Scope::Area(area) => (Some(area), None, format!(" areas/{area}")),
        Scope::Indicator(indicator) => (None, Some(indicator), format!(" indicators/{indicator}")),
        Scope::Target(area, indicator) => (Some(area), Some(indicator), format!(" areas/{area}/targets/{indicator}")),
        Scope::Project(project) => (None, None, format!(" projects/{project}")),
    };
    let before = format!("{}{scope}", it.role);
    Revised { area: area.cloned(), indicator: indicator.cloned(), before, ..about }
}

fn about(payload: &Payload, subject: String, reason: &str) -> Revised {
    Revised {
        event_type: payload.type_token().to_owned(),
        subject,
        area: None,
        indicator: None,
        before: String::new(),
        after: String::new(),
        reason: reason.to_owned(),
    }
}

fn about_indicator(payload: &Payload, indicator: &IndicatorId, reason: &str) -> Revised {
    let about = about(payload, format!("indicators/{indicator}"), reason);
    Revised { indicator: Some(indicator.clone()), ..about }
}

fn about_target(payload: &Payload, area: &AreaId, indicator: &IndicatorId, reason: &str) -> Revised {
    let about = about(payload, format!("areas/{area}/targets/{indicator}"), reason);
    Revised { area: Some(area.clone()), indicator: Some(indicator.clone()), ..about }
}

fn about_project(model: &Model, payload: &Payload, project: &ProjectId, reason: &str) -> Revised {
    let about = about(payload, format!("projects/{project}"), reason);
    Revised { area: model.projects.get(project).map(|project| project.area.clone()), ..about }
}

fn about_milestone(
    model: &Model,
    payload: &Payload,
    project: &ProjectId,
    milestone: &MilestoneId,
    reason: &str,
) -> Revised {
    let about = about_project(model, payload, project, reason);
    Revised { subject: format!("projects/{project}/milestones/{milestone}"), ..about }
}

fn changed(about: Revised, before: impl ToString, after: impl ToString) -> Revised {
    Revised { before: before.to_string(), after: after.to_string(), ..about }
}

/// Before and after of what differs.
fn differing<const N: usize>(about: Revised, parts: [(String, String); N]) -> Revised {
    let (before, after): (Vec<_>, Vec<_>) = parts.into_iter().filter(|(before, after)| before != after).unzip();
    changed(about, before.join(", "), after.join(", "))
}

fn shown(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn text(name: &Name) -> String {
    if name.zh.is_empty() { &name.en } else { &name.zh }.clone()
}

fn due(schedule: Schedule) -> String {
    format!("{} +{} +{}", schedule.frequency, schedule.release_lag_days, schedule.grace_days)
}

fn dated(value: &DatedValue) -> String {
    format!("{}: {}", value.date, value.value)
}

fn all_dated(values: &[DatedValue]) -> String {
    values.iter().map(dated).collect::<Vec<_>>().join(", ")
}
