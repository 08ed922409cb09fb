//! Who may send what (README.md, Roles).
//!
//! Place in the flow: ingest asks after the event id was looked up and before `decide`. It must not know: tokens and
//! grants (`access` turned those into an [`Actor`]), whether the event's content holds (`decide`).
//!
//! What the event names may not exist: then the scope cannot be judged, the answer is yes, and `decide` refuses with
//! `UNKNOWN_RESOURCE`. Before publication agencies have no scope at all; `decide` refuses with `PLAN_NOT_PUBLISHED`.

use std::sync::Arc;

use uuid::Uuid;

use crate::decide::rejection::{refuse_if, reject};
use crate::decide::{Refs, Rejection, path};
use crate::event::{Actor, Event, EventInput, Payload, Scope, SupervisionIssued, TOTAL};
use crate::id::{AgencyId, AreaId, IndicatorId, ProjectId, SupervisionId};
use crate::state::{Assignments, Place, PlanState, REPORTING, SeriesKey, scopes_of_project, scopes_of_target};
use crate::vocabulary::{AssignmentRole, Role};

#[cfg(test)]
mod tests;

/// Roles that verify and assess in a scope.
const CHECKING: &[AssignmentRole] = &[AssignmentRole::Supervising];
/// Name of the server's own principal.
const SERVER: &str = "system";

/// Whether `actor` may send `input`.
///
/// # Errors
/// `SERVER_ONLY`, `ROLE_NOT_ALLOWED`, `AGENCY_SUCCEEDED`, `OUT_OF_SCOPE` or `SELF_VERIFICATION`. A refusal may name the
/// assignment that is missing, never what other agencies reported.
pub fn authorise(state: &PlanState, refs: &Refs, actor: &Actor, input: &EventInput) -> Result<(), Rejection> {
    use Payload as P;
    let ask = Ask { state, refs, actor, input };
    ask.not_succeeded()?;
    match &input.payload {
        P::LogCreated(_) | P::HistoryForked(_) | P::DayOpened(_) => ask.server_only(),
        P::MilestonePlanned(m) => ask.planner(&m.project),
        P::MilestoneRescheduled(m) => ask.planner(&m.project),
        P::MilestoneCancelled(m) => ask.planner(&m.project),
        P::MilestoneReopened(m) => ask.planner(&m.project),
        P::ProjectStatusChanged(p) => ask.planner(&p.project),
        P::MilestoneReached(m) => ask.project_reporter(&m.project),
        P::MilestonePartiallyReached(m) => ask.project_reporter(&m.project),
        P::MilestoneMissed(m) => ask.project_reporter(&m.project),
        P::MeasurementReported(m) => ask.reporter(&m.area, &m.indicator, &m.dimension),
        P::MeasurementCorrected(m) => ask.reporter_of(&m.measurement),
        P::MeasurementRevised(m) => ask.reporter_of(&m.measurement),
        P::MeasurementRetracted(m) => ask.reporter_of(&m.measurement),
        P::NothingToReport(m) => ask.silent_reporter(&m.area, &m.indicator),
        P::QualitativeAssessmentRecorded(a) => ask.assessor(&a.area, &a.indicator),
        P::EvidenceAttached(attached) => ask.same_agency(&attached.event),
        P::EvidenceWithdrawn(withdrawn) => ask.same_agency(&withdrawn.event),
        P::VerificationRequested(requested) => ask.requester(&requested.event),
        P::VerificationReopened(reopened) => ask.verifier(&reopened.event),
        P::VerificationAccepted(verified) => ask.verifier(&verified.event),
        P::VerificationRejected(rejected) => ask.verifier(&rejected.event),
        P::ReminderIssued(reminder) => ask.overseer(&reminder.scope),
        P::ProgressNoteRecorded(note) => ask.narrator(&note.scope),
        P::SupervisionIssued(issued) => ask.issuer(issued),
        P::SupervisionAnswered(answered) => ask.addressed(&answered.supervision),
        P::SupervisionClosed(closed) => ask.closer(&closed.supervision),
        P::PlanDefined(_)
        | P::PlanPublished(_)
        | P::AreaDesignated(_)
        | P::AreaStageChanged(_)
        | P::IndicatorDefined(_)
        | P::TargetSet(_)
        | P::BaselineSet(_)
        | P::InterimTargetsSet(_)
        | P::LightRuleAdopted(_)
        | P::AgencyRegistered(_)
        | P::AgencyAssigned(_)
        | P::ProjectRegistered(_)
        | P::ProjectMerged(_)
        | P::PlanRevised(_)
        | P::PlanClosedOut(_)
        | P::CalculationAdopted(_)
        | P::IndicatorRedefined(_)
        | P::IndicatorRetired(_)
        | P::TargetRevised(_)
        | P::BaselineRestated(_)
        | P::TargetDecomposed(_)
        | P::AgencyRenamed(_)
        | P::AgencySucceeded(_)
        | P::AssignmentEnded(_)
        | P::ReportingPeriodOpened(_)
        | P::ReportingPeriodClosed(_) => ask.role(&[Role::Admin]),
    }
}

/// The question: may this actor send this event?
struct Ask<'a> {
    state: &'a PlanState,
    refs: &'a Refs,
    actor: &'a Actor,
    input: &'a EventInput,
}

impl Ask<'_> {
    fn server_only(&self) -> Result<(), Rejection> {
        let actor = self.actor;
        let server = actor.principal == SERVER && actor.role == Role::Admin && actor.credential_digest == [0; 32];
        let name = self.input.payload.type_name();
        refuse_if!(
            !server,
            ServerOnly,
            path(self.input, ""),
            "{name} is written by the server; leave it out",
            "{name} 由服务器写入；请删去",
        );
        Ok(())
    }

    /// An agency that ended sends nothing any more.
    fn not_succeeded(&self) -> Result<(), Rejection> {
        let ended = self.agencies().find_map(|agency| Some((agency, self.state.successor_of(agency)?)));
        let Some((agency, successor)) = ended else { return Ok(()) };
        Err(reject!(
            AgencySucceeded,
            path(self.input, ""),
            "agency {agency} has ended and {successor} answers for it; use a token of that one",
            "单位 {agency} 已撤并，由 {successor} 承接；请使用后者的令牌",
        ))
    }

    fn role(&self, allowed: &[Role]) -> Result<(), Rejection> {
        let (role, name) = (self.actor.role, self.input.payload.type_name());
        if allowed.contains(&role) {
            return Ok(());
        }
        let listed = allowed.iter().map(|role| role.code()).collect::<Vec<_>>().join(", ");
        Err(reject!(
            RoleNotAllowed,
            path(self.input, ""),
            "{role} may not send {name}; use a token of role {listed}",
            "{role} 不能提交 {name}；请使用角色为 {listed} 的令牌",
        ))
    }

    /// The agency that acts; a token of role AGENCY without one can do nothing.
    fn agency(&self) -> Result<&AgencyId, Rejection> {
        self.actor.agency.as_ref().ok_or_else(|| {
            reject!(
                OutOfScope,
                path(self.input, ""),
                "the token names no agency; have one granted that does",
                "令牌未指明单位；请申请指明单位的令牌",
            )
        })
    }

    /// The acting agency `is_assigned` to `what` in one of `roles`.
    fn assigned(
        &self,
        roles: &[AssignmentRole],
        what: &str,
        is_assigned: impl FnOnce(&Assignments, &AgencyId) -> bool,
    ) -> Result<(), Rejection> {
        let agency = self.agency()?;
        if is_assigned(self.state.assignments(), agency) {
            return Ok(());
        }
        let listed = roles.iter().map(|role| role.code()).collect::<Vec<_>>().join(" or ");
        Err(reject!(
            OutOfScope,
            path(self.input, ""),
            "agency {agency} is not assigned to {what} as {listed}; have the plan office assign it",
            "单位 {agency} 没有 {what} 的 {listed} 分工；请规划管理方指派",
        ))
    }

    /// The acting agency verifies and assesses in one of `scopes`; `what` names what they cover.
    fn checks(&self, scopes: &[Scope], what: &str) -> Result<(), Rejection> {
        self.assigned(CHECKING, what, |all, agency| all.covers(agency, CHECKING, scopes))
    }

    fn unpublished(&self) -> bool {
        self.state.published().is_none()
    }

    fn planner(&self, project: &ProjectId) -> Result<(), Rejection> {
        self.role(&[Role::Admin, Role::Agency])?;
        if self.actor.role == Role::Admin { Ok(()) } else { self.project_reporter(project) }
    }

    fn project_reporter(&self, project: &ProjectId) -> Result<(), Rejection> {
        self.role(&[Role::Agency])?;
        let Some(known) = self.state.project(project).filter(|_| !self.unpublished()) else { return Ok(()) };
        let area = &known.definition.area;
        let reports = |all: &Assignments, agency: &AgencyId| all.reports_on_project(agency, project, area);
        self.assigned(REPORTING, &format!("projects/{project}"), reports)
    }

    /// The headline comes from the one lead of the target, other dimensions from any agency that reports on it.
    fn reporter(&self, area: &AreaId, indicator: &IndicatorId, dimension: &str) -> Result<(), Rejection> {
        self.role(&[Role::Agency])?;
        if self.unpublished() || !self.is_known(area, indicator) {
            return Ok(());
        }
        if dimension != TOTAL {
            return self.silent_reporter(area, indicator);
        }
        let agency = self.agency()?;
        let leads = self.state.lead_of(area, indicator) == Some(agency);
        refuse_if!(
            !leads,
            OutOfScope,
            path(self.input, ""),
            "agency {agency} is not the lead (LEAD) of areas/{area}/targets/{indicator}, which alone \
             reports the headline {TOTAL}; report a dimension, or have the plan office assign it",
            "单位 {agency} 不是 areas/{area}/targets/{indicator} 的牵头单位（LEAD），总数 {TOTAL} \
             仅由牵头单位上报；请上报分项，或请规划管理方指派",
        );
        Ok(())
    }

    /// Whoever reports on the target, in any dimension.
    fn silent_reporter(&self, area: &AreaId, indicator: &IndicatorId) -> Result<(), Rejection> {
        self.role(&[Role::Agency])?;
        if self.unpublished() || !self.is_known(area, indicator) {
            return Ok(());
        }
        let reports = |all: &Assignments, agency: &AgencyId| all.reports_on_target(agency, area, indicator);
        self.assigned(REPORTING, &format!("areas/{area}/targets/{indicator}"), reports)
    }

    /// Who could report the figure anew may correct or retract it, also after another agency took the scope over.
    fn reporter_of(&self, measurement: &Uuid) -> Result<(), Rejection> {
        self.role(&[Role::Agency])?;
        match self.series_of(measurement) {
            Some(series) => self.reporter(&series.area, &series.indicator, &series.dimension),
            None => Ok(()),
        }
    }

    fn assessor(&self, area: &AreaId, indicator: &IndicatorId) -> Result<(), Rejection> {
        self.role(&[Role::Auditor, Role::Agency])?;
        if self.unpublished() || self.state.target(area, indicator).is_none() {
            return Ok(());
        }
        self.does_not_report(area, indicator, "")?;
        if self.actor.role == Role::Auditor {
            return Ok(());
        }
        self.checks(&scopes_of_target(area, indicator), &format!("areas/{area}/targets/{indicator}"))
    }

    /// Who answers for a target's progress neither assesses it nor checks its assessments.
    fn does_not_report(&self, area: &AreaId, indicator: &IndicatorId, field: &str) -> Result<(), Rejection> {
        let assignments = self.state.assignments();
        let reports = self.agencies().find(|agency| assignments.reports_on_target(agency, area, indicator));
        let Some(agency) = reports else { return Ok(()) };
        Err(reject!(
            SelfVerification,
            path(self.input, field),
            "agency {agency} reports on areas/{area}/targets/{indicator} and neither assesses it nor checks its \
             assessments; let another one",
            "单位 {agency} 负责上报 areas/{area}/targets/{indicator}，不能自行评估或核验其评估；请由其他单位办理",
        ))
    }

    fn verifier(&self, event: &Uuid) -> Result<(), Rejection> {
        self.role(&[Role::Auditor, Role::Agency])?;
        let Some(named) = self.refs.get(event) else { return Ok(()) };
        let own = self.is_own(&named.actor);
        refuse_if!(
            own,
            SelfVerification,
            path(self.input, "event"),
            "who reported an event cannot verify it; let another agency or the auditor",
            "上报者不能核验自己的事件；请由其他单位或审计核验",
        );
        if let Payload::QualitativeAssessmentRecorded(assessed) = &named.input.payload {
            self.does_not_report(&assessed.area, &assessed.indicator, "event")?;
        }
        if self.actor.role == Role::Auditor {
            return Ok(());
        }
        match self.scopes_of(named) {
            Some((scopes, what)) => self.checks(&scopes, &what),
            None => Ok(()),
        }
    }

    /// The plan office, or whoever reported.
    fn requester(&self, event: &Uuid) -> Result<(), Rejection> {
        self.role(&[Role::Admin, Role::Agency])?;
        if self.actor.role == Role::Admin { Ok(()) } else { self.same_agency(event) }
    }

    /// The plan office, the auditor, or an agency that supervises the scope.
    fn overseer(&self, scope: &Scope) -> Result<(), Rejection> {
        self.role(&[Role::Admin, Role::Auditor, Role::Agency])?;
        match self.covering(scope) {
            Some((scopes, what)) if self.actor.role == Role::Agency => self.checks(&scopes, &what),
            _ => Ok(()),
        }
    }

    /// Whoever reports on the scope, or on a wider one.
    fn narrator(&self, scope: &Scope) -> Result<(), Rejection> {
        self.role(&[Role::Agency])?;
        let Some((scopes, what)) = self.covering(scope) else { return Ok(()) };
        self.assigned(REPORTING, &what, |all, agency| all.covers(agency, REPORTING, &scopes))
    }

    /// Nobody supervises itself.
    fn issuer(&self, issued: &SupervisionIssued) -> Result<(), Rejection> {
        self.overseer(&issued.scope)?;
        self.is_not(&issued.agency, "agency")
    }

    /// Neither the agency addressed nor whoever answered.
    fn closer(&self, supervision: &SupervisionId) -> Result<(), Rejection> {
        self.role(&[Role::Admin, Role::Auditor, Role::Agency])?;
        let Some(matter) = self.state.supervision(supervision) else { return Ok(()) };
        self.is_not(&matter.agency, "supervision")?;
        refuse_if!(
            matter.answered_by.iter().any(|answerer| self.is_own(answerer)),
            SelfVerification,
            path(self.input, "supervision"),
            "who answered {supervision} does not close it, under no other grant either; let another one",
            "回复 {supervision} 者不得以任何身份自行销号；请由他人办理",
        );
        self.overseer(&matter.scope)
    }

    /// The agency that has to put it right, or the one that took over from it.
    fn addressed(&self, supervision: &SupervisionId) -> Result<(), Rejection> {
        self.role(&[Role::Agency])?;
        let Some(matter) = self.state.supervision(supervision) else { return Ok(()) };
        let (own, agency) = (self.agency()?, &matter.agency);
        refuse_if!(
            !self.state.stands_for(own, agency),
            OutOfScope,
            path(self.input, "supervision"),
            "{supervision} is addressed to agency {agency}, which alone answers",
            "{supervision} 的督办对象为单位 {agency}，由其回复",
        );
        Ok(())
    }

    /// The actor stands for another agency than `agency`.
    fn is_not(&self, agency: &AgencyId, field: &str) -> Result<(), Rejection> {
        let own = self.agencies().any(|own| self.state.stands_for(own, agency));
        refuse_if!(
            own,
            SelfVerification,
            path(self.input, field),
            "agency {agency} is the one addressed and does not supervise itself; let another agency or the plan office",
            "单位 {agency} 是督办对象，不能自行督办或销号；请由其他单位或规划管理方办理",
        );
        Ok(())
    }

    /// The scopes that cover `scope`, and its name; none before publication and for what is not in the plan.
    fn covering(&self, scope: &Scope) -> Option<(Vec<Scope>, String)> {
        if self.unpublished() {
            return None;
        }
        Some(match scope {
            Scope::Plan => (vec![Scope::Plan], "the plan".to_owned()),
            Scope::Area(area) => (vec![scope.clone(), Scope::Plan], format!("areas/{area}")),
            Scope::Indicator(indicator) => (vec![scope.clone(), Scope::Plan], format!("indicators/{indicator}")),
            Scope::Target(area, indicator) => {
                (scopes_of_target(area, indicator).to_vec(), format!("areas/{area}/targets/{indicator}"))
            }
            Scope::Project(project) => {
                let area = &self.state.project(project)?.definition.area;
                (scopes_of_project(project, area).to_vec(), format!("projects/{project}"))
            }
        })
    }

    /// Evidence comes from whoever sent the event, or took over from them.
    fn same_agency(&self, event: &Uuid) -> Result<(), Rejection> {
        self.role(&[Role::Agency, Role::Auditor, Role::Admin])?;
        let Some(named) = self.refs.get(event) else { return Ok(()) };
        let same = match (&self.actor.agency, &named.actor.agency) {
            (None, None) => self.actor.principal == named.actor.principal,
            (Some(own), Some(sender)) => self.state.stands_for(own, sender),
            _ => false,
        };
        refuse_if!(
            !same,
            OutOfScope,
            path(self.input, "event"),
            "the event came from another agency, which alone attaches evidence to it",
            "该事件由其他单位提交，只有提交单位可补充佐证",
        );
        Ok(())
    }

    /// The agencies the actor stands for.
    fn agencies(&self) -> impl Iterator<Item = &AgencyId> {
        self.actor.agency.iter().chain(&self.actor.on_behalf_of)
    }

    /// Same agency, also through successions, or same person under two tokens.
    fn is_own(&self, sender: &Actor) -> bool {
        let stands_for =
            |own| sender.agency.iter().chain(&sender.on_behalf_of).any(|other| self.state.stands_for(own, other));
        self.agencies().any(stands_for) || sender.principal == self.actor.principal
    }

    fn is_known(&self, area: &AreaId, indicator: &IndicatorId) -> bool {
        self.state.area(area).is_some() && self.state.indicator(indicator).is_some()
    }

    /// The series that a report, correction or revision is of.
    fn series_of(&self, measurement: &Uuid) -> Option<Arc<SeriesKey>> {
        match self.refs.filed(measurement)?.place {
            Place::Figure(series, _) => Some(series),
            _ => None,
        }
    }

    /// The scopes that cover what `named` is about, and its name; none for what cannot be verified.
    fn scopes_of(&self, named: &Event) -> Option<(Vec<Scope>, String)> {
        let scope = match &named.input.payload {
            Payload::MilestoneReached(m) => Scope::Project(m.project.clone()),
            Payload::MilestonePartiallyReached(m) => Scope::Project(m.project.clone()),
            Payload::MilestoneMissed(m) => Scope::Project(m.project.clone()),
            Payload::QualitativeAssessmentRecorded(a) => Scope::Target(a.area.clone(), a.indicator.clone()),
            _ => {
                let series = self.series_of(&named.input.event_id)?;
                Scope::Target(series.area.clone(), series.indicator.clone())
            }
        };
        self.covering(&scope)
    }
}
