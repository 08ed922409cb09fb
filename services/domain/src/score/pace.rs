//! The pace of the last year and the forecast it gives for the deadline (SCORING §3).
//!
//! Place in the flow: after `path`, whose course decides whether a forecast may be shown; the closing window of §5
//! judges by it. It must not know: lights, the day of the read.

use super::actual::{Actual, Origin, earliest};
use super::days;
use super::figures::{Family, Visible};
use super::path::APART_DAYS;
use super::spec::TargetSpec;
use crate::quantity::Decimal;

/// How far back figures speak for today's pace: a leap year.
const LOOK_BACK_DAYS: i64 = 366;

/// What the latest figures would come to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Projection {
    /// Change a day.
    pub(super) pace_per_day: Decimal,
    /// Value at the deadline.
    pub(super) forecast: Decimal,
}

/// Carries `actual` on to the deadline; none without enough data.
pub(super) fn project(spec: &TargetSpec, visible: &Visible<'_>, actual: &Actual) -> Option<Projection> {
    if actual.origin == Origin::YearToDate {
        return project_year(actual);
    }
    let from = days::plus(actual.date, -LOOK_BACK_DAYS);
    let first = earliest(spec, visible, from, days::plus(actual.date, -APART_DAYS))?;
    let change = actual.value.checked_sub(first.value)?;
    let over = Decimal::from(days::between(first.date, actual.date));
    let remaining = Decimal::from(days::between(actual.date, spec.deadline));
    let forecast = change.checked_mul(remaining)?.checked_div(over)?.checked_add(actual.value)?;
    // What was added stays added; a correction in between must not forecast a loss.
    let forecast = if visible.family == Family::Sum { forecast.max(actual.value) } else { forecast };
    Some(Projection { pace_per_day: change.checked_div(over)?, forecast })
}

/// The reference year to date over the share of the year that has passed.
fn project_year(actual: &Actual) -> Option<Projection> {
    let passed = Decimal::from(actual.date.day_of_year());
    let forecast = actual.value.checked_mul(Decimal::from(actual.date.days_in_year()))?.checked_div(passed)?;
    Some(Projection { pace_per_day: actual.value.checked_div(passed)?, forecast })
}
