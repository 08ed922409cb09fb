//! Resource names: `plans/{plan}`, and what lies below it.
//!
//! Place in the flow: read at the edge of every method, written into every answer. It must not know whether what is
//! named exists.

use std::fmt::Display;
use std::str::FromStr;

use songhua_domain::id::{
    AgencyId, AreaId, IdError, IndicatorId, MilestoneId, PlanId, ProjectId, ReportingPeriodId, SupervisionId,
};

use crate::refusal::{self, Refused};

/// Reads `plans/{plan}` from request field `field`.
pub(crate) fn plan(field: &str, name: &str) -> Result<PlanId, Refused> {
    let id = name.strip_prefix("plans/").and_then(|id| id.parse().ok());
    id.ok_or_else(|| malformed(field, name, "plans/{plan}"))
}

/// Reads `plans/{plan}/areas/{area}`.
pub(crate) fn area(name: &str) -> Result<(PlanId, AreaId), Refused> {
    below(name, "areas").ok_or_else(|| malformed("name", name, "plans/{plan}/areas/{area}"))
}

/// Reads `plans/{plan}/indicators/{indicator}`.
pub(crate) fn indicator(name: &str) -> Result<(PlanId, IndicatorId), Refused> {
    below(name, "indicators").ok_or_else(|| malformed("name", name, "plans/{plan}/indicators/{indicator}"))
}

/// Reads `plans/{plan}/projects/{project}`.
pub(crate) fn project(name: &str) -> Result<(PlanId, ProjectId), Refused> {
    below(name, "projects").ok_or_else(|| malformed("name", name, "plans/{plan}/projects/{project}"))
}

/// Reads `plans/{plan}/agencies/{agency}`.
pub(crate) fn agency(name: &str) -> Result<(PlanId, AgencyId), Refused> {
    below(name, "agencies").ok_or_else(|| malformed("name", name, "plans/{plan}/agencies/{agency}"))
}

/// Reads `plans/{plan}` or `plans/{plan}/projects/{project}` from request field `field`.
pub(crate) fn plan_or_project(field: &str, name: &str) -> Result<(PlanId, Option<ProjectId>), Refused> {
    if let Some((plan, project)) = below(name, "projects") {
        return Ok((plan, Some(project)));
    }
    let plan = plan(field, name);
    let plan = plan.map_err(|_| malformed(field, name, "plans/{plan} or plans/{plan}/projects/{project}"))?;
    Ok((plan, None))
}

/// Reads an id from request field `field`; none where it is empty.
pub(crate) fn optional<T: FromStr<Err = IdError>>(field: &str, id: &str) -> Result<Option<T>, Refused> {
    if id.is_empty() {
        return Ok(None);
    }
    id.parse().map(Some).map_err(|error: IdError| refusal::invalid_field(field, &error.to_string()))
}

fn below<T: FromStr<Err = IdError>>(name: &str, collection: &str) -> Option<(PlanId, T)> {
    let (plan, rest) = name.strip_prefix("plans/")?.split_once('/')?;
    let id = rest.strip_prefix(collection)?.strip_prefix('/')?;
    Some((plan.parse().ok()?, id.parse().ok()?))
}

fn malformed(field: &str, name: &str, form: &str) -> Refused {
    let shown: String = name.chars().take(200).collect();
    refusal::invalid_field(field, &format!("{shown:?} is not of the form {form}"))
}

/// The name of a plan.
pub(crate) fn of_plan(plan: &PlanId) -> String {
    format!("plans/{plan}")
}

/// The name of an area.
pub(crate) fn of_area(plan: &PlanId, area: &AreaId) -> String {
    format!("plans/{plan}/areas/{area}")
}

/// The name of a target.
pub(crate) fn of_target(plan: &PlanId, area: &AreaId, indicator: &IndicatorId) -> String {
    format!("plans/{plan}/areas/{area}/targets/{indicator}")
}

/// The name of an indicator.
pub(crate) fn of_indicator(plan: &PlanId, indicator: &IndicatorId) -> String {
    format!("plans/{plan}/indicators/{indicator}")
}

/// The name of an agency.
pub(crate) fn of_agency(plan: &PlanId, agency: &AgencyId) -> String {
    format!("plans/{plan}/agencies/{agency}")
}

/// The name of a project.
pub(crate) fn of_project(plan: &PlanId, project: &ProjectId) -> String {
    format!("plans/{plan}/projects/{project}")
}

/// The name of a milestone.
pub(crate) fn of_milestone(plan: &PlanId, project: &ProjectId, milestone: &MilestoneId) -> String {
    format!("plans/{plan}/projects/{project}/milestones/{milestone}")
}

/// The name of a matter under supervision.
pub(crate) fn of_supervision(plan: &PlanId, supervision: &SupervisionId) -> String {
    format!("plans/{plan}/supervisions/{supervision}")
}

/// The name of a reporting period.
pub(crate) fn of_reporting_period(plan: &PlanId, period: &ReportingPeriodId) -> String {
    format!("plans/{plan}/reportingPeriods/{period}")
}

/// An id that may be absent, as an answer shows it.
pub(crate) fn or_empty(id: Option<&impl Display>) -> String {
    id.map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use songhua_domain::vocabulary::Reason;

    use super::*;

    #[test]
    fn names_are_read_and_written_alike() {
        let plan_id = plan("name", "plans/harbin").unwrap();
        assert_eq!(of_plan(&plan_id), "plans/harbin");
        let (of, id) = area("plans/harbin/areas/hit-circle").unwrap();
        assert_eq!(of_area(&of, &id), "plans/harbin/areas/hit-circle");
        let (of, id) = indicator("plans/harbin/indicators/rd-intensity").unwrap();
        assert_eq!(of_indicator(&of, &id), "plans/harbin/indicators/rd-intensity");
        let (of, id) = agency("plans/harbin/agencies/science-bureau").unwrap();
        assert_eq!(of_agency(&of, &id), "plans/harbin/agencies/science-bureau");
        let (of, id) = project("plans/harbin/projects/park").unwrap();
        assert_eq!(of_project(&of, &id), "plans/harbin/projects/park");
        assert_eq!(plan_or_project("parent", "plans/harbin").unwrap(), (plan_id.clone(), None));
        assert_eq!(plan_or_project("parent", "plans/harbin/projects/park").unwrap(), (plan_id, Some(id)));
    }

    #[test]
    fn a_malformed_name_is_refused_with_the_form_that_is_expected() {
        let faults = [
            plan("parent", "plans/Harbin").map(drop),
            plan("parent", "plans/harbin/areas/a").map(drop),
            area("plans/harbin/areas/").map(drop),
            area("plans/harbin/areas/a/b").map(drop),
            area("plans/harbin/projects/a").map(drop),
            indicator("indicators/a").map(drop),
            agency("plans/harbin/agencies/").map(drop),
            project("").map(drop),
            plan_or_project("parent", "plans/harbin/areas/a").map(drop),
        ];
        for fault in faults {
            let refused = fault.unwrap_err();
            assert_eq!(refused.reason, Reason::InvalidField);
            assert!(refused.message.contains("is not of the form plans/{plan}"), "{}", refused.message);
        }
    }
}
