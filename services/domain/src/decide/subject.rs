//! What an event is about: its area and its resource name.
//!
//! Place in the flow: last step of `decide`, for accepted events only. It must not know: rules.

use uuid::Uuid;

use super::case::Case;
use super::references;
use crate::event::{Payload, Scope};
use crate::id::{AgencyId, AreaId, IndicatorId, MilestoneId, ProjectId, SupervisionId};
use crate::state::{Place, PlanState};

/// (area, resource name).
pub(super) type About = (Option<AreaId>, String);

/// What the event of `case` is about.
pub(super) fn about(case: &Case<'_>) -> About {
    let plan = plan_name(case);
    let about = match references(case.input) {
        Some(named) => of_event(case, &plan, &named),
        None => of_payload(case, &plan, &case.input.payload),
    };
    about.unwrap_or((None, plan))
}

fn plan_name(case: &Case<'_>) -> String {
    let genesis = || case.state.genesis().and_then(|genesis| genesis.plan.clone());
    let plan = match &case.input.payload {
        Payload::PlanDefined(plan) => Some(plan.plan.clone()),
        Payload::LogCreated(genesis) => genesis.plan.clone(),
        _ => case.state.plan().map(|plan| plan.plan.clone()).or_else(genesis),
    };
    plan.map(|plan| format!("plans/{plan}")).unwrap_or_default()
}

/// None for what is about the plan as a whole.
fn of_payload(case: &Case<'_>, plan: &str, payload: &Payload) -> Option<About> {
    let state = case.state;
    match payload {
        Payload::AreaDesignated(area) => Some(of_area(plan, &area.area)),
        Payload::AreaStageChanged(change) => Some(of_area(plan, &change.area)),
        Payload::IndicatorDefined(indicator) => Some(of_indicator(plan, &indicator.indicator)),
        Payload::IndicatorRedefined(redefined) => Some(of_indicator(plan, &redefined.indicator)),
        Payload::IndicatorRetired(retired) => Some(of_indicator(plan, &retired.indicator)),
        Payload::TargetSet(target) => Some(of_target(plan, &target.area, &target.indicator)),
        Payload::BaselineSet(set) => Some(of_target(plan, &set.area, &set.indicator)),
        Payload::InterimTargetsSet(set) => Some(of_target(plan, &set.area, &set.indicator)),
        Payload::TargetRevised(revised) => Some(of_target(plan, &revised.area, &revised.indicator)),
        Payload::BaselineRestated(restated) => Some(of_target(plan, &restated.area, &restated.indicator)),
        Payload::TargetDecomposed(target) => Some(of_target(plan, &target.area, &target.indicator)),
        Payload::AgencyRegistered(agency) => Some(of_agency(plan, None, &agency.agency)),
        Payload::AgencyRenamed(renamed) => Some(of_agency(plan, None, &renamed.agency)),
        Payload::AgencySucceeded(succeeded) => Some(of_agency(plan, None, &succeeded.agency)),
        Payload::AgencyAssigned(assigned) => {
            Some(of_agency(plan, area_of_scope(state, &assigned.scope), &assigned.agency))
        }
        Payload::AssignmentEnded(ended) => Some(of_agency(plan, area_of_scope(state, &ended.scope), &ended.agency)),
        Payload::ProjectRegistered(project) => {
            Some((Some(project.area.clone()), format!("{plan}/projects/{}", project.project)))
        }
        Payload::ProjectMerged(merged) => {
            Some((area_of_project(state, &merged.project), format!("{plan}/projects/{}", merged.project)))
        }
        Payload::ProjectStatusChanged(changed) => {
            Some((area_of_project(state, &changed.project), format!("{plan}/projects/{}", changed.project)))
        }
        payload => of_report(case, plan, payload),
    }
}

/// What is conducted by name; a reminder is about the agency, a note about what it speaks of.
fn of_conduct(case: &Case<'_>, plan: &str, payload: &Payload) -> Option<About> {
    let state = case.state;
    match payload {
        Payload::ReportingPeriodOpened(opened) => Some((None, format!("{plan}/reportingPeriods/{}", opened.period))),
        Payload::ReportingPeriodClosed(closed) => Some((None, format!("{plan}/reportingPeriods/{}", closed.period))),
        Payload::ReminderIssued(reminder) => {
            Some(of_agency(plan, area_of_scope(state, &reminder.scope), &reminder.agency))
        }
        Payload::ProgressNoteRecorded(note) => Some(of_scope(state, plan, &note.scope)),
        Payload::SupervisionIssued(issued) => Some(of_supervision(state, plan, &issued.supervision, &issued.scope)),
        Payload::SupervisionAnswered(answered) => of_matter(state, plan, &answered.supervision),
        Payload::SupervisionClosed(closed) => of_matter(state, plan, &closed.supervision),
        _ => None,
    }
}

fn of_report(case: &Case<'_>, plan: &str, payload: &Payload) -> Option<About> {
    let state = case.state;
    match payload {
        Payload::MilestonePlanned(m) => Some(of_milestone(state, plan, &m.project, &m.milestone)),
        Payload::MilestoneRescheduled(m) => Some(of_milestone(state, plan, &m.project, &m.milestone)),
        Payload::MilestoneReached(m) => Some(of_milestone(state, plan, &m.project, &m.milestone)),
        Payload::MilestonePartiallyReached(m) => Some(of_milestone(state, plan, &m.project, &m.milestone)),
        Payload::MilestoneMissed(m) => Some(of_milestone(state, plan, &m.project, &m.milestone)),
        Payload::MilestoneCancelled(m) => Some(of_milestone(state, plan, &m.project, &m.milestone)),
        Payload::MilestoneReopened(m) => Some(of_milestone(state, plan, &m.project, &m.milestone)),
        Payload::MeasurementReported(m) => Some(of_series(state, plan, &m.area, &m.indicator)),
        Payload::NothingToReport(m) => Some(of_series(state, plan, &m.area, &m.indicator)),
        Payload::QualitativeAssessmentRecorded(a) => Some(of_target(plan, &a.area, &a.indicator)),
        payload => of_conduct(case, plan, payload),
    }
}

/// What an earlier event is about: by the place that it fills; else what the event that it names is about, in turn; else
/// what it says itself. Each step leads to an earlier event.
fn of_event(case: &Case<'_>, plan: &str, event: &Uuid) -> Option<About> {
    let (mut id, mut before) = (*event, u64::MAX);
    loop {
        if let Some(filed) = case.refs.filed(&id) {
            return Some(of_place(case.state, plan, &filed.place));
        }
        let named = case.refs.get(&id).filter(|named| named.position < before)?;
        match references(&named.input) {
            Some(next) => (id, before) = (next, named.position),
            None => return of_payload(case, plan, &named.input.payload),
        }
    }
}

fn of_place(state: &PlanState, plan: &str, place: &Place) -> About {
    match place {
        Place::Figure(series, _) => of_series(state, plan, &series.area, &series.indicator),
        Place::Assessment(area, indicator) => of_target(plan, area, indicator),
        Place::Report(project, milestone) => of_milestone(state, plan, project, milestone),
    }
}

fn of_area(plan: &str, area: &AreaId) -> About {
    (Some(area.clone()), format!("{plan}/areas/{area}"))
}

fn of_indicator(plan: &str, indicator: &IndicatorId) -> About {
    (None, format!("{plan}/indicators/{indicator}"))
}

fn of_agency(plan: &str, area: Option<AreaId>, agency: &AgencyId) -> About {
    (area, format!("{plan}/agencies/{agency}"))
}

fn of_target(plan: &str, area: &AreaId, indicator: &IndicatorId) -> About {
    (Some(area.clone()), format!("{plan}/areas/{area}/targets/{indicator}"))
}

/// A series for comparison has no target: it is filed under its indicator.
fn of_series(state: &PlanState, plan: &str, area: &AreaId, indicator: &IndicatorId) -> About {
    match state.target(area, indicator) {
        Some(_) => of_target(plan, area, indicator),
        None => (Some(area.clone()), format!("{plan}/indicators/{indicator}")),
    }
}

/// A matter carries the area of its scope.
fn of_supervision(state: &PlanState, plan: &str, supervision: &SupervisionId, scope: &Scope) -> About {
    (area_of_scope(state, scope), format!("{plan}/supervisions/{supervision}"))
}

fn of_matter(state: &PlanState, plan: &str, supervision: &SupervisionId) -> Option<About> {
    let matter = state.supervision(supervision)?;
    Some(of_supervision(state, plan, supervision, &matter.scope))
}

fn of_scope(state: &PlanState, plan: &str, scope: &Scope) -> About {
    match scope {
        Scope::Plan => (None, plan.to_owned()),
        Scope::Area(area) => of_area(plan, area),
        Scope::Indicator(indicator) => of_indicator(plan, indicator),
        Scope::Target(area, indicator) => of_target(plan, area, indicator),
        Scope::Project(project) => (area_of_project(state, project), format!("{plan}/projects/{project}")),
    }
}

fn of_milestone(state: &PlanState, plan: &str, project: &ProjectId, milestone: &MilestoneId) -> About {
    (area_of_project(state, project), format!("{plan}/projects/{project}/milestones/{milestone}"))
}

fn area_of_project(state: &PlanState, project: &ProjectId) -> Option<AreaId> {
    state.project(project).map(|project| project.definition.area.clone())
}

fn area_of_scope(state: &PlanState, scope: &Scope) -> Option<AreaId> {
    match scope {
        Scope::Area(area) | Scope::Target(area, _) => Some(area.clone()),
        Scope::Project(project) => area_of_project(state, project),
        Scope::Plan | Scope::Indicator(_) => None,
    }
}
