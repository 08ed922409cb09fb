//! GetPlan: what the plan says and how it is counted.
//!
//! Place in the flow: reading → `Plan`. It must not know figures.

use songhua_domain::vocabulary::Operator;
use songhua_wire::code::Code;
use songhua_wire::pb;

use crate::name;
use crate::reading::Reading;
use crate::refusal::Refused;

/// The plan as known.
pub(crate) fn get(reading: &Reading) -> Result<pb::GetPlanResponse, Refused> {
    let model = &reading.model;
    let defined = pb::PlanDefined::from(reading.plan_defined()?);
    let plan = pb::Plan {
        name: name::of_plan(&reading.plan),
        title: defined.title,
        city: defined.city,
        administrative_division_code: defined.administrative_division_code,
        start_date: defined.start_date,
        end_date: defined.end_date,
        time_zone: defined.time_zone,
        categories: defined.categories,
        documents: defined.documents,
        units: defined.units,
        remarks: defined.remarks,
        target_count: size(model.targets.len()),
        operators: operators(reading),
        area_count: size(model.areas.len()),
        indicator_count: size(model.indicators.len()),
        project_count: size(model.projects.len()),
        project_count_after_merges: size(model.projects.len().saturating_sub(model.merges.len())),
        digest: model.published.as_ref().map(|published| published.event.digest.to_vec()).unwrap_or_default(),
        light_rule: Some((&model.light_rule).into()),
    };
    Ok(pb::GetPlanResponse { plan: Some(plan), state: Some(reading.state()) })
}

/// How many targets have each operator that any has.
fn operators(reading: &Reading) -> Vec<pb::OperatorCount> {
    let count = |operator: Operator| {
        let same = reading.model.targets.values().filter(|target| target.definition.operator == operator);
        pb::OperatorCount { operator: operator.to_wire(), count: size(same.count()) }
    };
    Operator::ALL.iter().copied().map(count).filter(|count| count.count > 0).collect()
}

/// A number of things in an answer.
pub(crate) fn size(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
