//! Rules of targets, baselines and interim targets: what SCORING §1 refuses in a plan.
//!
//! Place in the flow: called by `decide`. It must not know: figures, lights.

use super::Rejection;
use super::case::Case;
use super::definition::notes;
use super::rejection::{refuse_if, reject};
use crate::event::{BaselineSet, IndicatorDefined, InterimTargetsSet, TargetSet};
use crate::quantity::Decimal;
use crate::score::DatedValue;
use crate::state::Target;
use crate::vocabulary::{Accumulation, Basis, MeasureKind, Operator};

/// A target of an indicator in an area, once for each pair.
pub(super) fn set(case: &Case<'_>, target: &TargetSet) -> Result<(), Rejection> {
    let (area, id, number) = (&target.area, &target.indicator, target.number);
    case.area("area", area)?;
    let indicator = case.indicator("indicator", id)?;
    if case.state.target(area, id).is_some() {
        return Err(case.already("indicator", "target", "目标", &format!("{area}/{id}")));
    }
    refuse_if!(number == 0, InvalidField, case.path("number"), "is 0; numbers count from 1", "为 0；编号从 1 起");
    let taken = case.state.targets().any(|known| known.definition.number == number);
    refuse_if!(
        taken,
        AlreadyDefined,
        case.path("number"),
        "{number} is the number of another target",
        "编号 {number} 已被其他目标使用",
    );
    refuse_if!(
        !indicator.scored,
        TargetRule,
        case.path("indicator"),
        "indicator {id} is kept for comparison and not scored; it can have no target",
        "指标 {id} 仅供比较、不计分，不能设目标",
    );
    case.required("due_as_written", &target.due_as_written)?;
    case.span("source", case.plan()?, target.source.as_ref())?;
    notes(case, "notes", &target.notes)?;
    deadline(case, target, indicator)?;
    fields(case, target)?;
    values(case, target)?;
    operator(case, target, indicator)
}

fn deadline(case: &Case<'_>, target: &TargetSet, indicator: &IndicatorDefined) -> Result<(), Rejection> {
    let plan = case.plan()?;
    let (day, start, end) = (target.effective_deadline, plan.start, plan.end);
    let field = || case.path("effective_deadline");
    refuse_if!(
        day <= start || day > end,
        TargetRule,
        field(),
        "{day} is not after the plan's start, {start}, and at or before its end, {end}",
        "{day} 不在规划开始（{start}）之后、结束（{end}）之前",
    );
    let flow = indicator.accumulation == Accumulation::AnnualFlow;
    refuse_if!(
        flow && day != day.last_of_year(),
        TargetRule,
        field(),
        "{day} is not a 31 December; an ANNUAL_FLOW is judged by whole years",
        "{day} 不是 12 月 31 日；ANNUAL_FLOW 按整年评判",
    );
    Ok(())
}

/// Each operator has its fields, and no others.
fn fields(case: &Case<'_>, target: &TargetSet) -> Result<(), Rejection> {
    let operator = target.operator;
    let numeric =
        matches!(operator, Operator::AtLeast | Operator::MoreThan | Operator::Between | Operator::Approximately);
    let steps = operator == Operator::Qualitative;
    for (field, set, wanted) in [
        ("value", target.value.is_some(), numeric),
        ("max", target.max.is_some(), operator == Operator::Between),
        ("tolerance", target.tolerance.is_some(), operator == Operator::Approximately),
        ("other_series", target.other_series.is_some(), operator == Operator::ExceedsSeries),
        ("steps", !target.steps.is_empty(), steps),
        ("required_step", target.required_step.is_some(), steps),
    ] {
        refuse_if!(
            set && !wanted,
            TargetRule,
            case.path(field),
            "is set, but {operator} does not use it; leave it out",
            "{operator} 不使用此项；请删去",
        );
        refuse_if!(
            !set && wanted,
            TargetRule,
            case.path(field),
            "is missing; {operator} needs it",
            "缺失；{operator} 需要此项",
        );
    }
    Ok(())
}

fn values(case: &Case<'_>, target: &TargetSet) -> Result<(), Rejection> {
    if let Some(value) = target.value {
        refuse_if!(
            value <= Decimal::ZERO,
            TargetRule,
            case.path("value"),
            "is {value}; a goal is above 0",
            "为 {value}；目标值须大于 0",
        );
        let max = target.max.filter(|max| *max <= value);
        if let Some(max) = max {
            return Err(reject!(
                TargetRule,
                case.path("max"),
                "{max} is not above the lower bound, {value}",
                "{max} 不大于下限 {value}",
            ));
        }
    }
    if let Some(tolerance) = target.tolerance {
        let inside = tolerance > Decimal::ZERO && tolerance < Decimal::ONE;
        refuse_if!(
            !inside,
            TargetRule,
            case.path("tolerance"),
            "{tolerance} is not between 0 and 1; 0.1 is 10 %",
            "{tolerance} 不在 0 与 1 之间；10% 写作 0.1",
        );
    }
    scale(case, target)
}

/// Steps differ, and the required one is among them.
fn scale(case: &Case<'_>, target: &TargetSet) -> Result<(), Rejection> {
    if let Some(required) = &target.required_step {
        let known = target.steps.contains(required);
        refuse_if!(
            !known,
            TargetRule,
            case.path("required_step"),
            "{required} is not one of the steps",
            "{required} 不在各级之中",
        );
    }
    let twice =
        target.steps.iter().enumerate().find(|(index, step)| target.steps.iter().take(*index).any(|s| s == *step));
    if let Some((index, step)) = twice {
        return Err(reject!(
            TargetRule,
            case.path(&format!("steps[{index}]")),
            "{step} stands twice on the scale",
            "{step} 在等级中重复",
        ));
    }
    Ok(())
}

/// The operator fits how the indicator's figures add up (§4).
fn operator(case: &Case<'_>, target: &TargetSet, indicator: &IndicatorDefined) -> Result<(), Rejection> {
    let (operator, accumulation) = (target.operator, indicator.accumulation);
    let turns = matches!(operator, Operator::AtLeast | Operator::MoreThan | Operator::ExceedsSeries);
    let field = || case.path("operator");
    refuse_if!(
        !indicator.ascending && !turns,
        TargetRule,
        field(),
        "is {operator}; where lower is better it is AT_LEAST, MORE_THAN or EXCEEDS_SERIES",
        "为 {operator}；越低越好的指标只能用 AT_LEAST、MORE_THAN 或 EXCEEDS_SERIES",
    );
    let fits = match (operator, accumulation) {
        (Operator::Qualitative, _) | (_, Accumulation::None) => {
            (operator, accumulation) == (Operator::Qualitative, Accumulation::None)
        }
        (Operator::ExceedsSeries, _) => yearly(indicator),
        (_, Accumulation::Paired) => false,
        (Operator::FullCoverage, _) => {
            accumulation == Accumulation::Ratio && indicator.measure_kind == MeasureKind::Coverage
        }
        _ => true,
    };
    refuse_if!(
        !fits,
        TargetRule,
        field(),
        "is {operator}, which does not go with {accumulation}: QUALITATIVE is for NONE, EXCEEDS_SERIES for \
         PAIRED or a RATIO by FULL_YEAR, FULL_COVERAGE for a RATIO of kind COVERAGE",
        "为 {operator}，与 {accumulation} 不相配：QUALITATIVE 用于 NONE，EXCEEDS_SERIES 用于 PAIRED \
         或全年数的 RATIO，FULL_COVERAGE 用于 COVERAGE 类的 RATIO",
    );
    other_series(case, target, indicator)
}

/// Both series have a FULL_YEAR figure of each year, in one unit: else no year could ever be compared.
fn other_series(case: &Case<'_>, target: &TargetSet, indicator: &IndicatorDefined) -> Result<(), Rejection> {
    let Some(id) = &target.other_series else { return Ok(()) };
    let other = case.indicator("other_series", id)?;
    let field = || case.path("other_series");
    refuse_if!(*id == target.indicator, TargetRule, field(), "{id} is the indicator itself", "{id} 就是本指标");
    refuse_if!(
        !yearly(other),
        TargetRule,
        field(),
        "{id} has no FULL_YEAR figures; compare with PAIRED or a RATIO by FULL_YEAR",
        "{id} 没有全年数；请与 PAIRED 或全年数的 RATIO 比较",
    );
    let same = other.unit == indicator.unit && other.unit_multiplier == indicator.unit_multiplier;
    refuse_if!(
        !same,
        TargetRule,
        field(),
        "{id} is in another unit; a difference needs one unit",
        "{id} 的计量单位不同；相减须用同一单位",
    );
    Ok(())
}

fn yearly(indicator: &IndicatorDefined) -> bool {
    match indicator.accumulation {
        Accumulation::Paired => true,
        Accumulation::Ratio => indicator.basis == Some(Basis::FullYear),
        _ => false,
    }
}

/// Where a target starts from. A later one replaces it, as long as the interim targets still lie on the way.
pub(super) fn baseline(case: &Case<'_>, set: &BaselineSet) -> Result<(), Rejection> {
    let target = case.target(&set.area, &set.indicator)?;
    let indicator = case.indicator("indicator", &set.indicator)?;
    goal(case, target)?;
    let (date, value, deadline) = (set.baseline.date, set.baseline.value, target.definition.effective_deadline);
    refuse_if!(
        date >= deadline,
        TargetRule,
        case.path("baseline.date"),
        "{date} is not before the deadline, {deadline}",
        "{date} 不早于截止日期 {deadline}",
    );
    let cumulative = indicator.accumulation == Accumulation::Cumulative;
    refuse_if!(
        cumulative && !value.is_zero(),
        TargetRule,
        case.path("baseline.value"),
        "is {value}; additions count from 0",
        "为 {value}；新增量从 0 起算",
    );
    on_the_way(case, "baseline", target, indicator, Some(set.baseline), &target.interim)
}

/// Points on the way. They replace earlier ones.
pub(super) fn interim(case: &Case<'_>, set: &InterimTargetsSet) -> Result<(), Rejection> {
    let target = case.target(&set.area, &set.indicator)?;
    let indicator = case.indicator("indicator", &set.indicator)?;
    refuse_if!(
        set.interim.is_empty(),
        InvalidField,
        case.path("interim"),
        "is empty; give at least one",
        "为空；至少填写一项",
    );
    let mut points = set.interim.clone();
    points.sort_by_key(|point| point.date);
    on_the_way(case, "interim", target, indicator, target.baseline, &points)
}

/// N of a target that has a path; FULL_COVERAGE asks for 100 %.
fn goal(case: &Case<'_>, target: &Target) -> Result<Decimal, Rejection> {
    let operator = target.definition.operator;
    let goal = match operator {
        Operator::FullCoverage => Some(Decimal::ONE_HUNDRED),
        _ => target.definition.value,
    };
    goal.ok_or_else(|| {
        reject!(
            TargetRule,
            case.path("indicator"),
            "a target with {operator} has no path: neither baseline nor interim targets",
            "{operator} 类目标没有路径，不设基期值和年度目标",
        )
    })
}

/// Interim targets have dates of their own between the path's start and deadline, and values between start and N, in
/// order (§1). `points` come by date.
fn on_the_way(
    case: &Case<'_>,
    field: &str,
    target: &Target,
    indicator: &IndicatorDefined,
    baseline: Option<DatedValue>,
    points: &[DatedValue],
) -> Result<(), Rejection> {
    let goal = goal(case, target)?;
    let deadline = target.definition.effective_deadline;
    let eve = case.plan()?.start.yesterday().unwrap_or(case.plan()?.start);
    let cumulative = indicator.accumulation == Accumulation::Cumulative;
    let from_zero = cumulative.then_some(DatedValue { date: eve, value: Decimal::ZERO });
    let start = baseline.or(from_zero);
    // Without a start the path begins at the first figure, which may be of the plan's first day (§3 rule 3).
    let (mut date, mut value) = (start.map_or(eve, |start| start.date), start.map(|start| start.value));
    for DatedValue { date: day, value: next } in points.iter().copied() {
        refuse_if!(
            day <= date || day >= deadline,
            TargetRule,
            case.path(field),
            "an interim target of {day} is not after {date} and before the deadline, {deadline}",
            "{day} 的年度目标不在 {date} 之后、截止日期 {deadline} 之前",
        );
        let falls = value.is_some_and(|value| if indicator.ascending { next < value } else { next > value });
        let beyond = if indicator.ascending { next > goal } else { next < goal };
        refuse_if!(
            falls || beyond,
            TargetRule,
            case.path(field),
            "an interim target of {next} on {day} does not lie in order between the start and the goal, {goal}",
            "{day} 的年度目标 {next} 不在起点与目标值 {goal} 之间依次排列",
        );
        (date, value) = (day, Some(next));
    }
    Ok(())
}
