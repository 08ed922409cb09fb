//! The bullet graph: one bar for the figure, a marker for the target, one for what is expected by now, ranges in shades of
//! one hue.
//!
//! Ranges are those of the light rule: far behind the path, behind it, on it. Without a path there is one range.

use maud::{Markup, html};
use songhua_domain::quantity::Decimal;
use songhua_wire::pb;

use super::{Scale, rect, text};
use crate::number::{decimal, goal};

/// Ranges: from here …
const TOP: i64 = 7;
/// … so high.
const BAND: i64 = 18;
/// The bar within.
const BAR_TOP: i64 = 12;
/// Its height.
const BAR: i64 = 8;

/// Draws the target; none if there is no figure or nothing to compare it with.
pub(super) fn draw(target: &pb::TargetProgress, rule: Option<&pb::LightRule>) -> Option<Markup> {
    let actual = decimal(&target.actual)?;
    let coverage = target.operator() == pb::Operator::FullCoverage;
    let wanted = if coverage { Decimal::ONE_HUNDRED } else { decimal(&target.value)? };
    let (max, expected) = (decimal(&target.max), decimal(&target.expected));
    let drawn = [Some(actual), Some(wanted), max, expected];
    let scale = if coverage {
        Scale { low: Decimal::ZERO, high: Decimal::ONE_HUNDRED }
    } else {
        Scale::over(&drawn.into_iter().flatten().collect::<Vec<_>>())?
    };
    let zero = scale.x(Decimal::ZERO);
    Some(html! {
        (ranges(&scale, target, rule))
        (band(&scale, target, wanted, max))
        (rect("measure", zero, scale.x(actual), BAR_TOP, BAR))
        @if let Some(expected) = expected { (expected_marker(scale.x(expected))) }
        (marker(scale.x(wanted), target.operator()))
        (text("tick", zero, 36, "0"))
        (text("tick goal", scale.x(wanted), 36, &goal(target)))
    })
}

/// The shades: behind them lies the light rule, measured from the path in parts of the scale of deviations.
fn ranges(scale: &Scale, target: &pb::TargetProgress, rule: Option<&pb::LightRule>) -> Markup {
    let below = |points: &str| {
        let (expected, whole) = (decimal(&target.expected)?, decimal(&target.scale)?);
        let part = whole.checked_mul(decimal(points)?)?.checked_div(Decimal::ONE_HUNDRED)?;
        if target.descending { expected.checked_sub(part) } else { expected.checked_add(part) }
    };
    let ends = rule.and_then(|rule| below(&rule.far_behind_below_points).zip(below(&rule.behind_below_points)));
    let (left, right) = (scale.x(scale.low), scale.x(scale.high));
    // What is worst lies where figures begin, or where they end.
    let (worst, best) = if target.descending { (right, left) } else { (left, right) };
    html! {
        @if let Some((far, behind)) = ends {
            (rect("range far-behind", worst, scale.x(far), TOP, BAND))
            (rect("range behind", scale.x(far), scale.x(behind), TOP, BAND))
            (rect("range on-track", scale.x(behind), best, TOP, BAND))
        } @else {
            (rect("range on-track", left, right, TOP, BAND))
        }
    }
}

/// What BETWEEN allows, and what APPROXIMATELY forgives.
fn band(scale: &Scale, target: &pb::TargetProgress, wanted: Decimal, max: Option<Decimal>) -> Markup {
    let forgiven = || {
        let part = wanted.checked_mul(decimal(&target.tolerance)?)?;
        if target.descending { wanted.checked_add(part) } else { wanted.checked_sub(part) }
    };
    match target.operator() {
        pb::Operator::Between => max.map(|max| rect("between", scale.x(wanted), scale.x(max), TOP, BAND)),
        pb::Operator::Approximately => {
            forgiven().map(|least| rect("fuzzy", scale.x(least), scale.x(wanted), TOP, BAND))
        }
        _ => None,
    }
    .unwrap_or_default()
}

/// Marker 1: the target. Open where it has to be exceeded, dashed where it is about right.
fn marker(x: Decimal, operator: pb::Operator) -> Markup {
    let class = match operator {
        pb::Operator::MoreThan => "goal-marker open",
        pb::Operator::Approximately => "goal-marker about",
        _ => "goal-marker",
    };
    html! { rect class=(class) x=(x - Decimal::TWO) y=(TOP - 2) width="4" height=(BAND + 4) {} }
}

/// Marker 2: what is expected by now.
fn expected_marker(x: Decimal) -> Markup {
    let (left, right) = (x - Decimal::from(4), x + Decimal::from(4));
    html! {
        path.expected-under d={ "M" (x) " " (TOP) "V" (TOP + BAND) } {}
        path.expected-line d={ "M" (x) " " (TOP) "V" (TOP + BAND) } {}
        path.expected-marker d={ "M" (left) " 0H" (right) "L" (x) " " (TOP) "Z" } {}
    }
}
