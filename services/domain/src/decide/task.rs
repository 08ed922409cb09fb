//! Rules of handing a target down to agencies and years (任务分解).
//!
//! Place in the flow: called by `decide`. It must not know: figures, what agencies have reached.

use std::collections::BTreeSet;

use super::Rejection;
use super::agency::acting;
use super::case::{Case, bounded};
use super::measurement::dimension;
use super::rejection::refuse_if;
use crate::event::{TEXT_LENGTH_MAX, TargetDecomposed, TargetSet, TaskShare};
use crate::quantity::Decimal;

/// Shares of agencies, by years: only what is a number can be handed down.
pub(super) fn decomposed(case: &Case<'_>, decomposed: &TargetDecomposed) -> Result<(), Rejection> {
    let target = &case.target(&decomposed.area, &decomposed.indicator)?.definition;
    let operator = target.operator;
    refuse_if!(
        target.value.is_none(),
        TargetRule,
        case.path("indicator"),
        "a target with {operator} has no number that agencies could share",
        "{operator} 类目标没有可分解的数值",
    );
    refuse_if!(
        decomposed.tasks.is_empty(),
        InvalidField,
        case.path("tasks"),
        "is empty; give at least one",
        "为空；至少填写一项",
    );
    let mut seen = BTreeSet::new();
    for (index, share) in decomposed.tasks.iter().enumerate() {
        let field = |name: &str| format!("tasks[{index}].{name}");
        one(case, target, share, &field)?;
        let (agency, part, due) = (&share.agency, &share.dimension, share.due_date);
        refuse_if!(
            !seen.insert((agency, part, due)),
            AlreadyDefined,
            case.path(&field("due_date")),
            "agency {agency} has a share of {part} by {due} already",
            "单位 {agency} 已有 {due} 的 {part} 任务",
        );
    }
    bounded(&case.path("note"), &decomposed.note, TEXT_LENGTH_MAX)
}

fn one(
    case: &Case<'_>,
    target: &TargetSet,
    share: &TaskShare,
    field: &dyn Fn(&str) -> String,
) -> Result<(), Rejection> {
    acting(case, &field("agency"), &share.agency)?;
    dimension(case, &field("dimension"), &share.dimension)?;
    let (due, value, deadline, start) = (share.due_date, share.value, target.effective_deadline, case.plan()?.start);
    refuse_if!(
        due < start || due > deadline,
        TargetRule,
        case.path(&field("due_date")),
        "{due} is not from the plan's start, {start}, to the target's deadline, {deadline}",
        "{due} 不在规划开始（{start}）至目标截止（{deadline}）之间",
    );
    refuse_if!(
        value < Decimal::ZERO,
        TargetRule,
        case.path(&field("value")),
        "is {value}; a share is 0 or more",
        "为 {value}；分解值不能为负",
    );
    Ok(())
}
