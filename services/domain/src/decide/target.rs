//! Rules of targets, baselines and interim targets: what SCORING §1 refuses in a plan, and in what changes it.
//!
//! Place in the flow: called by `decide`. It must not know: figures, lights.

use std::sync::Arc;

use super::Rejection;
use super::case::{Case, bounded};
use super::definition::notes;
use super::rejection::{refuse_if, reject};
use crate::event::{
    BaselineRestated, BaselineSet, IndicatorDefined, InterimTargetsSet, SourceSpan, TEXT_LENGTH_MAX, TargetRevised,
    TargetSet, TaskShare,
};
use crate::id::IndicatorId;
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
    late(case, target.source.as_ref())?;
    notes(case, "notes", &target.notes)?;
    deadline(case, target, indicator)?;
    fields(case, target)?;
    values(case, target)?;
    operator(case, target, indicator)
}

/// What enters a published plan, or changes in it after a revision, stands in an edition that a revision added.
fn late(case: &Case<'_>, source: Option<&SourceSpan>) -> Result<(), Rejection> {
    let Some(later) = case.state.later_editions.as_ref().filter(|_| case.state.published().is_some()) else {
        return Ok(());
    };
    let cited = source.is_some_and(|source| later.contains(&source.document));
    let known = later.iter().map(|edition| edition.as_str()).collect::<Vec<_>>().join(", ");
    refuse_if!(
        !cited,
        TargetRule,
        case.path("source.document"),
        "is none of the editions that revised the plan ({known}; PlanRevised adds them); a target that comes or \
         changes later stands in one",
        "不是修订规划的文件版本（{known}；由 PlanRevised 增加）；修订后新增或调整的目标须出自其中之一",
    );
    Ok(())
}

/// A target does not go back to an edition before the one that it cites.
fn not_older(case: &Case<'_>, target: &TargetSet, source: Option<&SourceSpan>) -> Result<(), Rejection> {
    let editions = &case.plan()?.documents;
    let place = |span: &SourceSpan| editions.iter().position(|edition| edition.id == span.document);
    let (Some(said), Some(current)) = (source, target.source.as_ref()) else { return Ok(()) };
    let (old, new) = (&current.document, &said.document);
    refuse_if!(
        place(said) < place(current),
        TargetRule,
        case.path("source.document"),
        "{new} is an edition before {old}, which the target cites; cite that one or a later one",
        "{new} 早于该目标现引的文件版本 {old}；请引用该版本或更新的版本",
    );
    Ok(())
}

/// Other numbers, another deadline; baseline, interim targets and shares must still lie on the way.
pub(super) fn revised(case: &Case<'_>, revised: &TargetRevised) -> Result<(), Rejection> {
    let known = case.target(&revised.area, &revised.indicator)?;
    let indicator = case.indicator("indicator", &revised.indicator)?;
    let target = Target { definition: Arc::new(revised.applied_to(&known.definition)), ..known.clone() };
    case.required("due_as_written", &revised.due_as_written)?;
    case.span("source", case.plan()?, revised.source.as_ref())?;
    if case.state.later_editions.as_ref().is_some_and(|later| !later.is_empty()) {
        late(case, revised.source.as_ref())?;
    }
    not_older(case, &known.definition, revised.source.as_ref())?;
    case.required("reason", &revised.reason)?;
    deadline(case, &target.definition, indicator)?;
    fields(case, &target.definition)?;
    values(case, &target.definition)?;
    let day = revised.effective_deadline;
    let last = target.baseline.iter().chain(target.interim.iter()).map(|point| point.date).max();
    if let Some(last) = last.filter(|last| *last >= day) {
        return Err(reject!(
            TargetRule,
            case.path("effective_deadline"),
            "{day} is not after {last}, the last day that the baseline or an interim target is of",
            "{day} 不晚于基期或年度目标的最后日期 {last}",
        ));
    }
    if let Some(TaskShare { agency, due_date, .. }) = target.tasks.iter().find(|share| share.due_date > day) {
        return Err(reject!(
            TargetRule,
            case.path("effective_deadline"),
            "{day} lies before {due_date}, when a share of agency {agency} is due; send TargetDecomposed first",
            "{day} 早于单位 {agency} 分解任务的到期日 {due_date}；请先重新提交 TargetDecomposed",
        ));
    }
    if target.interim.is_empty() {
        return Ok(());
    }
    on_the_way(case, "value", &target, indicator, target.baseline, &target.interim)
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
    let retired = indicator.retired_from.filter(|from| day < *from);
    if let Some(from) = retired {
        return Err(reject!(
            TargetRule,
            field(),
            "{day} lies before {from}, from when the indicator is retired and the result would no longer show",
            "{day} 早于指标的停用日期 {from}，其后结果将不再显示",
        ));
    }
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

/// Where a target starts from, once.
pub(super) fn baseline(case: &Case<'_>, set: &BaselineSet) -> Result<(), Rejection> {
    let target = case.target(&set.area, &set.indicator)?;
    if let Some(DatedValue { date, value }) = target.baseline {
        return Err(reject!(
            AlreadyDefined,
            case.path("baseline"),
            "the baseline is {value} of {date} already; send BaselineRestated with the reason",
            "基期值已设为 {value}（{date}）；请用 BaselineRestated 并注明原因",
        ));
    }
    start(case, &set.indicator, target, set.baseline)
}

/// Another start instead of the one that is set.
pub(super) fn restated(case: &Case<'_>, restated: &BaselineRestated) -> Result<(), Rejection> {
    let target = case.target(&restated.area, &restated.indicator)?;
    refuse_if!(
        target.baseline.is_none(),
        UnknownResource,
        case.path("baseline"),
        "the target has no baseline to restate; send BaselineSet",
        "该目标尚无基期值可重述；请提交 BaselineSet",
    );
    case.required("reason", &restated.reason)?;
    start(case, &restated.indicator, target, restated.baseline)
}

/// A start lies before the deadline, is 0 for additions, and leaves the interim targets on the way.
fn start(case: &Case<'_>, id: &IndicatorId, target: &Target, baseline: DatedValue) -> Result<(), Rejection> {
    let indicator = case.indicator("indicator", id)?;
    goal(case, target)?;
    let (date, value, deadline) = (baseline.date, baseline.value, target.definition.effective_deadline);
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
    on_the_way(case, "baseline", target, indicator, Some(baseline), &target.interim)
}

/// Points on the way. They replace earlier ones, for a reason.
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
    bounded(&case.path("reason"), &set.reason, TEXT_LENGTH_MAX)?;
    if let Some(DatedValue { date, value }) = target.interim.first() {
        refuse_if!(
            set.reason.trim().is_empty(),
            AlreadyDefined,
            case.path("reason"),
            "is empty, and there are interim targets already, from {value} of {date} on; say why others replace them",
            "为空，而年度目标已设（自 {date} 的 {value} 起）；替换须说明原因",
        );
    }
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
