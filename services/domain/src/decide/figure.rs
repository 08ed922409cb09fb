//! What a number must be for its indicator (SCORING §1).
//!
//! Place in the flow: called for reports and corrections. It must not know: periods, other figures.

use super::Rejection;
use super::case::Case;
use super::rejection::refuse_if;
use crate::event::{Figure, IndicatorDefined};
use crate::quantity::Decimal;
use crate::vocabulary::{Accumulation, MeasureKind};

/// Checks the figure of the event against `indicator`.
pub(super) fn check(case: &Case<'_>, indicator: &IndicatorDefined, figure: Figure) -> Result<(), Rejection> {
    match figure {
        Figure::Value(value) => single(case, indicator, value),
        Figure::Fraction { numerator, denominator } => fraction(case, indicator, numerator, denominator),
    }
}

fn single(case: &Case<'_>, indicator: &IndicatorDefined, value: Decimal) -> Result<(), Rejection> {
    let (field, kind) = (|| case.path("figure.value"), indicator.measure_kind);
    refuse_if!(
        kind == MeasureKind::Coverage,
        FigureNotAllowed,
        field(),
        "is one number; a COVERAGE is sent as numerator and denominator, so that the uncovered count shows",
        "为单一数值；COVERAGE 须上报分子和分母，以显示未覆盖数",
    );
    not_negative(case, indicator, "figure.value", value)?;
    // 1.25 with multiplier 4 (万) is 12,500 things; 1.00005 is no number of things.
    let whole = value.normalize().scale() <= indicator.unit_multiplier;
    let multiplier = indicator.unit_multiplier;
    refuse_if!(
        kind == MeasureKind::Count && !whole,
        FigureNotAllowed,
        field(),
        "{value} × 10^{multiplier} is not a whole number; a COUNT counts things",
        "{value} × 10^{multiplier} 不是整数；COUNT 须为整数",
    );
    Ok(())
}

fn fraction(
    case: &Case<'_>,
    indicator: &IndicatorDefined,
    numerator: Decimal,
    denominator: Decimal,
) -> Result<(), Rejection> {
    let (accumulation, coverage) = (indicator.accumulation, indicator.measure_kind == MeasureKind::Coverage);
    refuse_if!(
        accumulation != Accumulation::Ratio,
        FigureNotAllowed,
        case.path("figure.fraction"),
        "is a fraction; {accumulation} takes one number, only a RATIO takes two",
        "为分数；{accumulation} 只接受单一数值，仅 RATIO 可用分子和分母",
    );
    not_negative(case, indicator, "figure.fraction.numerator", numerator)?;
    let field = || case.path("figure.fraction.denominator");
    refuse_if!(
        denominator < Decimal::ZERO,
        FigureNotAllowed,
        field(),
        "is {denominator}; a whole is not negative",
        "为 {denominator}；分母不能为负",
    );
    // Nothing to cover is not applicable (SCORING §4); for any other ratio 0 gives no number.
    refuse_if!(
        denominator.is_zero() && !coverage,
        FigureNotAllowed,
        field(),
        "is 0; only a COVERAGE may have nothing to cover",
        "为 0；仅 COVERAGE 的分母可为 0",
    );
    refuse_if!(
        coverage && numerator > denominator,
        FigureNotAllowed,
        case.path("figure.fraction.numerator"),
        "{numerator} is more than the whole, {denominator}",
        "{numerator} 大于分母 {denominator}",
    );
    Ok(())
}

/// Only growth falls below zero: a PAIRED series, a COMPARISON, or a series kept for comparison.
fn not_negative(case: &Case<'_>, indicator: &IndicatorDefined, field: &str, value: Decimal) -> Result<(), Rejection> {
    let growth = indicator.accumulation == Accumulation::Paired
        || indicator.measure_kind == MeasureKind::Comparison
        || !indicator.scored;
    refuse_if!(
        value < Decimal::ZERO && !growth,
        FigureNotAllowed,
        case.path(field),
        "is {value}; this indicator cannot be negative, correct the earlier figure instead",
        "为 {value}；该指标不能为负，请改为更正先前的数值",
    );
    Ok(())
}
