//! What an event is about: its area and its resource name.
//!
//! Place in the flow: last step of `decide`, for accepted events only. It must not know: rules.

use uuid::Uuid;

use super::case::Case;
use crate::event::{Payload, Scope};
use crate::id::{AreaId, IndicatorId, MilestoneId, ProjectId};
use crate::state::PlanState;

/// (area, resource name).
pub(super) type About = (Option<AreaId>, String);

/// What the event of `case` is about.
pub(super) fn about(case: &Case<'_>) -> About {
    let plan = plan_name(case);
    of_payload(case, &plan, &case.input.payload).unwrap_or((None, plan))
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
        Payload::IndicatorDefined(indicator) => Some((None, format!("{plan}/indicators/{}", indicator.indicator))),
        Payload::TargetSet(target) => Some(of_target(plan, &target.area, &target.indicator)),
        Payload::BaselineSet(set) => Some(of_target(plan, &set.area, &set.indicator)),
        Payload::InterimTargetsSet(set) => Some(of_target(plan, &set.area, &set.indicator)),
        Payload::AgencyRegistered(agency) => Some((None, format!("{plan}/agencies/{}", agency.agency))),
        Payload::AgencyAssigned(assigned) => {
            Some((area_of_scope(state, &assigned.scope), format!("{plan}/agencies/{}", assigned.agency)))
        }
        Payload::ProjectRegistered(project) => {
            Some((Some(project.area.clone()), format!("{plan}/projects/{}", project.project)))
        }
        Payload::ProjectMerged(merged) => {
            Some((area_of_project(state, &merged.project), format!("{plan}/projects/{}", merged.project)))
        }
        payload => of_report(case, plan, payload),
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
        Payload::MeasurementReported(m) => Some(of_series(state, plan, &m.area, &m.indicator)),
        Payload::NothingToReport(m) => Some(of_series(state, plan, &m.area, &m.indicator)),
        Payload::QualitativeAssessmentRecorded(a) => Some(of_target(plan, &a.area, &a.indicator)),
        Payload::MeasurementCorrected(m) => of_event(case, plan, &m.measurement),
        Payload::MeasurementRetracted(m) => of_event(case, plan, &m.measurement),
        Payload::EvidenceAttached(attached) => of_event(case, plan, &attached.event),
        Payload::VerificationAccepted(verified) => of_event(case, plan, &verified.event),
        Payload::VerificationRejected(rejected) => of_event(case, plan, &rejected.event),
        _ => None,
    }
}

/// What an earlier event is about: by the state's indices, else by its own payload. Evidence for an event that itself
/// names a superseded one is two steps away from a payload that says its area; it is filed under the plan.
fn of_event(case: &Case<'_>, plan: &str, event: &Uuid) -> Option<About> {
    let state = case.state;
    if let Some((series, _)) = state.series.place_of(event) {
        return Some(of_series(state, plan, &series.area, &series.indicator));
    }
    let named = case.refs.get(event).filter(|named| named.input.event_id != case.input.event_id)?;
    match &named.input.payload {
        Payload::EvidenceAttached(_) => None,
        Payload::MeasurementCorrected(m) => of_place(state, plan, &m.measurement),
        Payload::MeasurementRetracted(m) => of_place(state, plan, &m.measurement),
        Payload::VerificationAccepted(v) => of_place(state, plan, &v.event),
        Payload::VerificationRejected(v) => of_place(state, plan, &v.event),
        payload => of_payload(case, plan, payload),
    }
}

fn of_place(state: &PlanState, plan: &str, event: &Uuid) -> Option<About> {
    if let Some((series, _)) = state.series.place_of(event) {
        return Some(of_series(state, plan, &series.area, &series.indicator));
    }
    if let Some((project, milestone)) = state.reports.get(event) {
        return Some(of_milestone(state, plan, project, milestone));
    }
    let assessment = state.assessments.get(event)?;
    Some(of_target(plan, &assessment.area, &assessment.indicator))
}

fn of_area(plan: &str, area: &AreaId) -> About {
    (Some(area.clone()), format!("{plan}/areas/{area}"))
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
