//! Rules of agencies and what they answer for.
//!
//! Place in the flow: called by `decide`. It must not know: who may report what (`authorise`).

use super::Rejection;
use super::case::Case;
use super::rejection::{refuse_if, reject};
use crate::event::{AgencyAssigned, AgencyRegistered, Scope};
use crate::id::is_uscc;
use crate::vocabulary::AssignmentRole;

/// An agency, with a code that is its own.
pub(super) fn registered(case: &Case<'_>, agency: &AgencyRegistered) -> Result<(), Rejection> {
    if case.state.agency(&agency.agency).is_some() {
        return Err(case.already("agency", "agency", "单位", agency.agency.as_str()));
    }
    case.name("display_name", &agency.name)?;
    let code = &agency.uscc;
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
    let holder = case.state.agencies().find(|(_, known)| known.uscc == *code);
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
    if case.state.agency(agency).is_none() {
        return Err(case.unknown("agency", "agency", "单位", agency.as_str()));
    }
    match scope {
        Scope::Plan => Ok(()),
        Scope::Area(area) => case.area("scope.area", area).map(|_| ()),
        Scope::Indicator(indicator) => case.indicator("scope.indicator", indicator).map(|_| ()),
        Scope::Project(project) => case.project("scope.project", project).map(|_| ()),
        Scope::Target(area, indicator) => match case.state.target(area, indicator) {
            Some(_) => Ok(()),
            None => Err(case.unknown("scope.target", "target", "目标", &format!("{area}/{indicator}"))),
        },
    }?;
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
