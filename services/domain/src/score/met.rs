//! The comparison with the target (SCORING §4), for an actual and for a forecast.
//!
//! Place in the flow: asked by `numeric`, `path` and `status`. It must not know: dates, observations, lights.

use super::spec::TargetSpec;
use crate::quantity::Decimal;
use crate::vocabulary::Operator;

/// N: the number the target asks for; 100 % for FULL_COVERAGE, none for targets without a number.
pub(super) fn goal(spec: &TargetSpec) -> Option<Decimal> {
    match spec.operator {
        Operator::FullCoverage => Some(Decimal::ONE_HUNDRED),
        Operator::ExceedsSeries | Operator::Qualitative => None,
        Operator::AtLeast | Operator::MoreThan | Operator::Between | Operator::Approximately => spec.value,
    }
}

/// The number at which the comparison turns: N, or N × (1 − tolerance) for APPROXIMATELY (× (1 + tolerance) where
/// lower is better).
pub(super) fn bound(spec: &TargetSpec) -> Option<Decimal> {
    let goal = goal(spec)?;
    match (spec.operator, spec.tolerance) {
        (Operator::Approximately, Some(tolerance)) if spec.ascending => widened(goal, -tolerance),
        (Operator::Approximately, Some(tolerance)) => widened(goal, tolerance),
        _ => Some(goal),
    }
}

/// `goal` × (1 + `share`).
fn widened(goal: Decimal, share: Decimal) -> Option<Decimal> {
    Decimal::ONE.checked_add(share)?.checked_mul(goal)
}

/// Whether `value` meets the target. FULL_COVERAGE asks the numbers behind the share first, see `actual`.
pub(super) fn meets(spec: &TargetSpec, value: Decimal) -> bool {
    bound(spec).is_some_and(|bound| match (spec.operator, spec.ascending) {
        (Operator::MoreThan, true) => value > bound,
        (Operator::MoreThan, false) => value < bound,
        (_, ascending) => beyond(ascending, value, bound),
    })
}

/// Whether `value` is at `goal` or on its good side, whatever the operator (§3 rule 4).
pub(super) fn beyond(ascending: bool, value: Decimal, goal: Decimal) -> bool {
    if ascending { value >= goal } else { value <= goal }
}

/// How far `value` is on the wrong side of `goal`: negative = beyond it (§3, gap).
pub(super) fn distance(ascending: bool, value: Decimal, goal: Decimal) -> Option<Decimal> {
    if ascending { goal.checked_sub(value) } else { value.checked_sub(goal) }
}

/// Whether `value` is above the upper bound of BETWEEN (超出区间).
pub(super) fn above_max(spec: &TargetSpec, value: Decimal) -> bool {
    spec.operator == Operator::Between && spec.max.is_some_and(|max| value > max)
}

/// Whether `value` is above N × (1 + tolerance) of APPROXIMATELY (超出).
pub(super) fn above_tolerance(spec: &TargetSpec, value: Decimal) -> bool {
    let above = || widened(goal(spec)?, spec.tolerance.unwrap_or_default());
    spec.operator == Operator::Approximately && spec.ascending && above().is_some_and(|bound| value > bound)
}
