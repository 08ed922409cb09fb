//! Rules of agencies and what they answer for.
//!
//! Place in the flow: called by `decide`. It must not know: who may report what (`authorise`).

use super::Rejection;
use super::case::Case;
use super::rejection::{refuse_if, reject};
use crate::event::{AgencyAssigned, AgencyRegistered, AgencyRenamed, AgencySucceeded, AssignmentEnded, Scope};
use crate::id::{AgencyId, is_uscc};
use crate::vocabulary::AssignmentRole;

/// An agency, with a code that is its own.
pub(super) fn registered(case: &Case<'_>, agency: &AgencyRegistered) -> Result<(), Rejection> {
    if case.state.agency(&agency.agency).is_some() {
        return Err(case.already("agency", "agency", "单位", agency.agency.as_str()));
    }
    case.name("display_name", &agency.name)?;
    code(case, &agency.agency, &agency.uscc)
}

/// Another name, maybe another code.
pub(super) fn renamed(case: &Case<'_>, renamed: &AgencyRenamed) -> Result<(), Rejection> {
    acting(case, "agency", &renamed.agency)?;
    case.name("display_name", &renamed.name)?;
    code(case, &renamed.agency, &renamed.uscc)?;
    case.required("reason", &renamed.reason)
}

/// A unified social credit code, or none; no two agencies have the same.
fn code(case: &Case<'_>, agency: &AgencyId, code: &str) -> Result<(), Rejection> {
    if code.is_empty() {
        return Ok(());
    }
    refuse_if!(
        !is_uscc(code),
        InvalidField,
        case.path("uscc"),
        "{code:?} is not a unified social credit code: 18 characters of 0-9 and A-Z without I, O, S, V, Z, \
         the last one a check character (GB 32100-2015)",
        "{code:?} 不是统一社会信用代码：18 位，由 0-9 和 A-Z（不含 I、O、S、V、Z）组成，末位为校验码（GB \
         32100-2015）",
    );
    let holder = case.state.agencies().find(|(id, known)| *id != agency && known.uscc == code);
    if let Some((holder, _)) = holder {
        return Err(reject!(
            AlreadyDefined,
            case.path("uscc"),
            "{code} is the code of agency {holder}",
            "{code} 是单位 {holder} 的代码",
        ));
    }
    Ok(())
}

/// An assignment: what it names exists, and each exact scope has one lead.
pub(super) fn assigned(case: &Case<'_>, assigned: &AgencyAssigned) -> Result<(), Rejection> {
    let (agency, role, scope) = (&assigned.agency, assigned.role, &assigned.scope);
    acting(case, "agency", agency)?;
    known(case, scope)?;
    let assignments = case.state.assignments();
    refuse_if!(
        assignments.contains(agency, role, scope),
        AlreadyDefined,
        case.path("agency"),
        "agency {agency} has this assignment as {role} already",
        "单位 {agency} 已有此项 {role} 分工",
    );
    if let (AssignmentRole::Lead, Some(lead)) = (role, assignments.lead_of_scope(scope)) {
        return Err(reject!(
            AlreadyDefined,
            case.path("role"),
            "agency {lead} leads this scope already; assign {agency} as RESPONSIBLE, or for a narrower scope",
            "此范围已由 {lead} 牵头；请将 {agency} 设为 RESPONSIBLE，或缩小范围",
        ));
    }
    Ok(())
}

/// An assignment that stands ends.
pub(super) fn ended(case: &Case<'_>, ended: &AssignmentEnded) -> Result<(), Rejection> {
    let (agency, role, scope) = (&ended.agency, ended.role, &ended.scope);
    acting(case, "agency", agency)?;
    known(case, scope)?;
    refuse_if!(
        !case.state.assignments().contains(agency, role, scope),
        UnknownResource,
        case.path("agency"),
        "agency {agency} has no such assignment as {role}; ListAgencies names those that stand",
        "单位 {agency} 没有此项 {role} 分工；现有分工见 ListAgencies",
    );
    case.required("reason", &ended.reason)
}

/// An agency ends, another one that has not ended takes over: chains of successions have an end.
pub(super) fn succeeded(case: &Case<'_>, succeeded: &AgencySucceeded) -> Result<(), Rejection> {
    let (agency, successor) = (&succeeded.agency, &succeeded.successor);
    acting(case, "agency", agency)?;
    acting(case, "successor", successor)?;
    refuse_if!(
        agency == successor,
        InvalidField,
        case.path("successor"),
        "{successor} is the agency itself; name the one that takes over",
        "{successor} 就是该单位；请指明承接单位",
    );
    case.required("reason", &succeeded.reason)
}

/// What a scope names is in the plan.
pub(super) fn known(case: &Case<'_>, scope: &Scope) -> Result<(), Rejection> {
    match scope {
        Scope::Plan => Ok(()),
        Scope::Area(area) => case.area("scope.area", area).map(|_| ()),
        Scope::Indicator(indicator) => case.indicator("scope.indicator", indicator).map(|_| ()),
        Scope::Project(project) => case.project("scope.project", project).map(|_| ()),
        Scope::Target(area, indicator) => match case.state.target(area, indicator) {
            Some(_) => Ok(()),
            None => Err(case.unknown("scope.target", "target", "目标", &format!("{area}/{indicator}"))),
        },
    }
}

/// An agency of the plan that has not ended.
pub(super) fn acting(case: &Case<'_>, field: &str, agency: &AgencyId) -> Result<(), Rejection> {
    if case.state.agency(agency).is_none() {
        return Err(case.unknown(field, "agency", "单位", agency.as_str()));
    }
    let Some(successor) = case.state.successor_of(agency) else { return Ok(()) };
    Err(reject!(
        AgencySucceeded,
        case.path(field),
        "agency {agency} has ended and {successor} answers for it; name that one",
        "单位 {agency} 已撤并，由 {successor} 承接；请改用后者",
    ))
}
