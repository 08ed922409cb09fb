//! Rules of indicators: what kinds of figures one may have (SCORING §1, §2), and what may change of it.
//!
//! Place in the flow: called by `decide`. It must not know: targets, figures.

use jiff::civil::Date;

use super::Rejection;
use super::case::{Case, bounded};
use super::definition::notes;
use super::rejection::{refuse_if, reject};
use crate::event::{IndicatorDefined, IndicatorRedefined, IndicatorRetired, PlanDefined, TEXT_LENGTH_MAX, TargetSet};
use crate::vocabulary::{Accumulation, Aggregation, Basis, MeasureKind};

/// Largest power of ten of SDMX CL_UNIT_MULT.
const UNIT_MULTIPLIER_MAX: u32 = 15;

/// An indicator.
pub(super) fn defined(case: &Case<'_>, indicator: &IndicatorDefined) -> Result<(), Rejection> {
    if case.state.indicator(&indicator.indicator).is_some() {
        return Err(case.already("indicator", "indicator", "指标", indicator.indicator.as_str()));
    }
    let plan = case.plan()?;
    case.name("display_name", &indicator.name)?;
    case.name("unit_label", &indicator.unit_label)?;
    names(case, plan, indicator)?;
    notes(case, "notes", &indicator.notes)?;
    bounded(&case.path("method_note"), &indicator.method_note, TEXT_LENGTH_MAX)?;
    basis(case, indicator)?;
    shape(case, indicator)
}

/// What it names is in the plan.
fn names(case: &Case<'_>, plan: &PlanDefined, indicator: &IndicatorDefined) -> Result<(), Rejection> {
    let category = indicator.category.as_ref().filter(|id| !plan.categories.iter().any(|known| known.id == **id));
    if let Some(category) = category {
        return Err(case.unknown("category", "category", "类别", category.as_str()));
    }
    if !plan.units.iter().any(|unit| unit.code == indicator.unit) {
        return Err(case.unknown("unit", "unit", "计量单位", &indicator.unit));
    }
    let multiplier = indicator.unit_multiplier;
    refuse_if!(
        multiplier > UNIT_MULTIPLIER_MAX,
        InvalidField,
        case.path("unit_multiplier"),
        "is {multiplier}; a power of ten of at most {UNIT_MULTIPLIER_MAX}",
        "为 {multiplier}；应为不超过 {UNIT_MULTIPLIER_MAX} 的 10 的幂",
    );
    Ok(())
}

/// A STOCK or RATIO names its one basis, PAIRED may name the only one it has, the others name none (§1).
fn basis(case: &Case<'_>, indicator: &IndicatorDefined) -> Result<(), Rejection> {
    let accumulation = indicator.accumulation;
    let allowed: &[Option<Basis>] = match accumulation {
        Accumulation::Stock => &[Some(Basis::StockAt)],
        Accumulation::Ratio => &[Some(Basis::StockAt), Some(Basis::FullYear)],
        Accumulation::Paired => &[Some(Basis::FullYear), None],
        _ => &[None],
    };
    let text = |basis: &Option<Basis>| basis.map_or("none", Basis::code).to_owned();
    let listed = allowed.iter().map(text).collect::<Vec<_>>().join(", ");
    let named = text(&indicator.basis);
    refuse_if!(
        !allowed.contains(&indicator.basis),
        TargetRule,
        case.path("basis"),
        "is {named}; {accumulation} takes {listed}",
        "为 {named}；{accumulation} 可用：{listed}",
    );
    Ok(())
}

/// Accumulation, kind of measure and direction fit each other.
fn shape(case: &Case<'_>, indicator: &IndicatorDefined) -> Result<(), Rejection> {
    let (accumulation, kind) = (indicator.accumulation, indicator.measure_kind);
    let level = matches!(accumulation, Accumulation::Stock | Accumulation::Ratio);
    let words = accumulation == Accumulation::None;
    refuse_if!(
        words != (kind == MeasureKind::Qualitative),
        TargetRule,
        case.path("measure_kind"),
        "{kind} does not go with {accumulation}: QUALITATIVE and NONE belong together",
        "{kind} 与 {accumulation} 不相配：QUALITATIVE 只与 NONE 同用",
    );
    refuse_if!(
        kind == MeasureKind::Coverage && accumulation != Accumulation::Ratio,
        TargetRule,
        case.path("accumulation"),
        "is {accumulation}; a COVERAGE is a RATIO",
        "为 {accumulation}；COVERAGE 应为 RATIO",
    );
    refuse_if!(
        !indicator.ascending && !level,
        TargetRule,
        case.path("ascending"),
        "is false with {accumulation}; lower can be better for STOCK and RATIO only",
        "{accumulation} 不能取 false；仅 STOCK 和 RATIO 可以越低越好",
    );
    parts(case, indicator)
}

/// Only what adds up is a sum of dimensions, and a derived number of areas is a level.
fn parts(case: &Case<'_>, indicator: &IndicatorDefined) -> Result<(), Rejection> {
    let accumulation = indicator.accumulation;
    let adds_up = !matches!(accumulation, Accumulation::Ratio | Accumulation::Paired | Accumulation::None);
    refuse_if!(
        indicator.aggregation == Aggregation::Sum && !adds_up,
        InvalidField,
        case.path("aggregation"),
        "is SUM; the parts of {accumulation} do not add up",
        "为 SUM；{accumulation} 的分项不能相加",
    );
    refuse_if!(
        indicator.derived.is_some() && accumulation != Accumulation::Stock,
        InvalidField,
        case.path("derived"),
        "a number of areas at a stage is a STOCK, not {accumulation}",
        "处于某阶段的区域数应为 STOCK，而非 {accumulation}",
    );
    Ok(())
}

/// Another name, method or schedule.
pub(super) fn redefined(case: &Case<'_>, redefined: &IndicatorRedefined) -> Result<(), Rejection> {
    case.indicator("indicator", &redefined.indicator)?;
    case.name("display_name", &redefined.name)?;
    notes(case, "aliases", &redefined.aliases)?;
    bounded(&case.path("method_note"), &redefined.method_note, TEXT_LENGTH_MAX)?;
    case.required("reason", &redefined.reason)
}

/// No longer scored, once, from today on at the earliest: what was shown stays. A target that is judged before that day
/// would lose its judgement.
pub(super) fn retired(case: &Case<'_>, retired: &IndicatorRetired) -> Result<(), Rejection> {
    let (id, day, today) = (&retired.indicator, retired.retired_from, case.moment.today);
    if let Some(from) = case.indicator("indicator", id)?.retired_from {
        return Err(reject!(
            AlreadyDefined,
            case.path("indicator"),
            "indicator {id} is retired already, from {from} on",
            "指标 {id} 已自 {from} 起停用",
        ));
    }
    refuse_if!(
        day < today,
        InvalidField,
        case.path("retired_from"),
        "{day} lies before today, {today}: what was shown since would change; retire it from today or later",
        "{day} 早于今天（{today}）：已展示的状态将被改变；停用日期不得早于今天",
    );
    let targets = case.state.targets().map(|target| target.definition.as_ref());
    let judged = targets.filter(|target| target.indicator == *id).find(|target| target.effective_deadline < day);
    if let Some(TargetSet { area, effective_deadline: deadline, .. }) = judged {
        return Err(reject!(
            TargetRule,
            case.path("retired_from"),
            "{day} lies after {deadline}, the deadline of areas/{area}/targets/{id}, whose result would no longer show",
            "{day} 晚于 areas/{area}/targets/{id} 的截止日期 {deadline}，其结果将不再显示",
        ));
    }
    case.required("reason", &retired.reason)
}

/// Figures and assessments of a retired indicator end on the day before.
pub(super) fn in_use(case: &Case<'_>, indicator: &IndicatorDefined, reference: Date) -> Result<(), Rejection> {
    let Some(from) = indicator.retired_from.filter(|from| reference >= *from) else { return Ok(()) };
    let id = &indicator.indicator;
    Err(reject!(
        IndicatorRetired,
        case.path("indicator"),
        "indicator {id} is retired from {from} on and takes nothing of {reference}",
        "指标 {id} 自 {from} 起停用，不再接受 {reference} 的数据",
    ))
}
