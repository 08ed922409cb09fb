//! What a figure's basis and period must be, and whether the period is free (SCORING §1).
//!
//! Place in the flow: called by `measurement`. It must not know: what a number must be, who sends.

use jiff::civil::Date;

use super::Rejection;
use super::case::Case;
use super::rejection::{refuse_if, reject};
use crate::event::{Figure, IndicatorDefined, MeasurementReported, ReferencePeriod};
use crate::quantity::Decimal;
use crate::state::{LiveFigure, Series, Slot, Total};
use crate::vocabulary::{Accumulation, Basis};

/// The bases of an indicator: the table of §1, and the one basis that a STOCK or RATIO names.
const fn bases(indicator: &IndicatorDefined) -> [Option<Basis>; 2] {
    match indicator.accumulation {
        Accumulation::Stock | Accumulation::Ratio => [indicator.basis, None],
        Accumulation::Cumulative | Accumulation::RunningTotal => [Some(Basis::Period), Some(Basis::PlanToDate)],
        Accumulation::AnnualFlow => [Some(Basis::YearToDate), Some(Basis::FullYear)],
        Accumulation::Paired => [Some(Basis::FullYear), None],
        Accumulation::None => [None, None],
    }
}

fn other_basis(case: &Case<'_>, indicator: &IndicatorDefined, basis: Basis) -> Rejection {
    let (id, accumulation) = (&indicator.indicator, indicator.accumulation);
    let listed = bases(indicator).into_iter().flatten().map(Basis::code).collect::<Vec<_>>().join(", ");
    reject!(
        BasisNotAllowed,
        case.path("basis"),
        "is {basis}; {id} ({accumulation}) takes {listed}",
        "为 {basis}；指标 {id}（{accumulation}）可用：{listed}",
    )
}

/// The basis is one of the indicator's, and the period has its shape.
pub(super) fn shape(
    case: &Case<'_>,
    indicator: &IndicatorDefined,
    basis: Basis,
    period: ReferencePeriod,
) -> Result<(), Rejection> {
    if !bases(indicator).contains(&Some(basis)) {
        return Err(other_basis(case, indicator, basis));
    }
    let accumulation = indicator.accumulation;
    let since_inception = basis == Basis::PlanToDate && accumulation == Accumulation::RunningTotal;
    let ReferencePeriod::Period { start, end } = period else {
        let level = basis == Basis::StockAt || since_inception;
        refuse_if!(
            !level,
            BasisNotAllowed,
            case.path("period.start"),
            "is missing; {basis} covers a period",
            "缺失；{basis} 须有起止日期",
        );
        return Ok(());
    };
    refuse_if!(
        basis == Basis::StockAt,
        BasisNotAllowed,
        case.path("period.start"),
        "is set; STOCK_AT is a level at one day, leave the start out",
        "不应填写；STOCK_AT 为某日的期末数，请删去开始日期",
    );
    ordered(case, start, end)?;
    match basis {
        Basis::YearToDate => year_to_date(case, start, end),
        Basis::FullYear => full_year(case, start, end),
        Basis::PlanToDate | Basis::Period if accumulation == Accumulation::Cumulative => {
            within_plan(case, basis, start)
        }
        _ => Ok(()),
    }
}

/// The days that must be open: of additions every one, of anything else the reference date.
pub(super) fn days(basis: Basis, period: ReferencePeriod) -> (Date, Date) {
    let last = period.reference_date();
    (period.start().filter(|_| basis == Basis::Period).unwrap_or(last), last)
}

/// The plan office has closed no reporting period that shares a day with `first`…`last`.
pub(super) fn open(
    case: &Case<'_>,
    indicator: &IndicatorDefined,
    (first, last): (Date, Date),
) -> Result<(), Rejection> {
    // What a plan that is closed out still takes fills the place of what was rejected: no period is opened for it.
    if case.state.closed_out().is_some() {
        return Ok(());
    }
    let frequency = indicator.schedule.frequency;
    let Some((id, closed)) = case.state.conduct.closed(frequency, first, last) else { return Ok(()) };
    let (start, end) = (closed.start, closed.end);
    let days = if first == last { first.to_string() } else { format!("{first}…{last}") };
    Err(reject!(
        PeriodClosed,
        case.path(""),
        "{days} lies, at least in part, in reporting period {id}, {frequency} from {start} to {end}, \
         which is closed; the plan office (ADMIN) can open it again, and figures that are there can be corrected",
        "{days} 全部或部分属于已关闭的报告期 {id}（{frequency}，{start} 至 {end}）；规划管理方（ADMIN）\
         可重新开放，已有数值仍可更正",
    ))
}

/// A period does not end before it starts.
pub(super) fn ordered(case: &Case<'_>, start: Date, end: Date) -> Result<(), Rejection> {
    refuse_if!(
        start > end,
        InvalidField,
        case.path("period.end"),
        "{end} lies before the start, {start}",
        "{end} 早于开始日期 {start}",
    );
    Ok(())
}

fn year_to_date(case: &Case<'_>, start: Date, end: Date) -> Result<(), Rejection> {
    let first = end.first_of_year();
    refuse_if!(
        start != first,
        BasisNotAllowed,
        case.path("period.start"),
        "is {start}; YEAR_TO_DATE up to {end} starts on {first}",
        "为 {start}；截至 {end} 的本年累计应从 {first} 开始",
    );
    refuse_if!(
        end == end.last_of_year(),
        BasisNotAllowed,
        case.path("basis"),
        "is YEAR_TO_DATE up to {end}; a whole year is FULL_YEAR",
        "为截至 {end} 的本年累计；整年请用 FULL_YEAR",
    );
    Ok(())
}

fn full_year(case: &Case<'_>, start: Date, end: Date) -> Result<(), Rejection> {
    let (first, last) = (end.first_of_year(), end.last_of_year());
    refuse_if!(
        start != first || end != last,
        BasisNotAllowed,
        case.path("period"),
        "is {start} to {end}; FULL_YEAR is {first} to {last}",
        "为 {start} 至 {end}；全年数应为 {first} 至 {last}",
    );
    Ok(())
}

/// Additions count from the plan's start.
fn within_plan(case: &Case<'_>, basis: Basis, start: Date) -> Result<(), Rejection> {
    let first = case.plan()?.start;
    refuse_if!(
        basis == Basis::PlanToDate && start != first,
        BasisNotAllowed,
        case.path("period.start"),
        "is {start}; PLAN_TO_DATE starts with the plan, on {first}",
        "为 {start}；规划期累计应从规划开始日 {first} 起",
    );
    refuse_if!(
        start < first,
        BasisNotAllowed,
        case.path("period.start"),
        "{start} lies before the plan, which starts on {first}; additions before it do not count",
        "{start} 早于规划开始日 {first}；此前的新增不计入",
    );
    Ok(())
}

/// No live figure holds the period, or days of it, and a total does not fall.
pub(super) fn free(case: &Case<'_>, reported: &MeasurementReported) -> Result<(), Rejection> {
    let series = case.state.series(&reported.area, &reported.indicator, &reported.dimension);
    let Some(series) = series else { return Ok(()) };
    let slot = Slot::of(reported.basis, reported.period);
    if let Some(LiveFigure { position, .. }) = series.live(&slot) {
        return Err(reject!(
            MeasurementExists,
            case.path("period"),
            "position {position} is the live figure of this period; send MeasurementCorrected for it, with \
             the reason",
            "第 {position} 条是该期间的有效数值；请对其提交 MeasurementCorrected 并说明原因",
        ));
    }
    match (reported.basis, slot.start) {
        (Basis::Period, Some(start)) => period_free(case, series, start, slot.end),
        (Basis::PlanToDate, _) => {
            straddled(case, series, slot.end)?;
            match reported.figure {
                Figure::Value(value) => rising(case, series, slot.end, value),
                Figure::Fraction { .. } => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

fn period_free(case: &Case<'_>, series: &Series, start: Date, end: Date) -> Result<(), Rejection> {
    if let Some((other, LiveFigure { position, .. })) = series.overlapping(start, end) {
        let (first, last) = (other.start.unwrap_or(other.end), other.end);
        return Err(reject!(
            PeriodOverlap,
            case.path("period"),
            "{start} to {end} overlaps {first} to {last}, position {position}; periods follow each other",
            "{start} 至 {end} 与第 {position} 条的 {first} 至 {last} 重叠；各期间须首尾相接",
        ));
    }
    if let Some((total, LiveFigure { position, .. })) = series.total_within(start, end) {
        let date = total.end;
        return Err(reject!(
            PeriodOverlap,
            case.path("period"),
            "{start} to {end} straddles {date}, the day of the total at position {position}; end on that \
             day or start after it",
            "{start} 至 {end} 跨越第 {position} 条累计数的日期 {date}；请止于该日或在其后开始",
        ));
    }
    Ok(())
}

fn straddled(case: &Case<'_>, series: &Series, date: Date) -> Result<(), Rejection> {
    let Some((other, LiveFigure { position, .. })) = series.straddling(date) else { return Ok(()) };
    let (first, last) = (other.start.unwrap_or(other.end), other.end);
    Err(reject!(
        PeriodOverlap,
        case.path("period.end"),
        "{date} lies within {first} to {last}, the period at position {position}; give the total of the day \
         before it or of its end",
        "{date} 处于第 {position} 条的期间 {first} 至 {last} 之内；请上报该期间开始前一日或结束日的累计数",
    ))
}

/// A total neither falls below an earlier one nor lies above a later one; only a correction may (§1).
fn rising(case: &Case<'_>, series: &Series, date: Date, value: Decimal) -> Result<(), Rejection> {
    if let Some(Total { day, position, value: before }) =
        series.total_before(date).filter(|before| value < before.value)
    {
        return Err(reject!(
            TotalDecreased,
            case.path("figure.value"),
            "{value} on {date} is below {before} on {day}, position {position}; if that one was wrong, \
             correct it first",
            "{date} 的 {value} 低于第 {position} 条 {day} 的 {before}；若该条有误，请先更正",
        ));
    }
    if let Some(Total { day, position, value: after }) = series.total_after(date).filter(|after| value > after.value) {
        return Err(reject!(
            TotalDecreased,
            case.path("figure.value"),
            "{value} on {date} is above {after} on {day}, position {position}; if that one was wrong, \
             correct it first",
            "{date} 的 {value} 高于第 {position} 条 {day} 的 {after}；若该条有误，请先更正",
        ));
    }
    Ok(())
}
