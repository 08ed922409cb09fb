//! The pace of the last year and the forecast it gives for the deadline (SCORING §3).
//!
//! Place in the flow: after `path`, whose course decides whether a forecast may be shown; the closing window of §5
//! judges by it. Here alone the versions of the arithmetic differ. It must not know: lights, the day of the read.

use std::borrow::Borrow;

use jiff::civil::Date;

use super::actual::{Actual, Origin, each, earliest};
use super::figures::{Family, Visible};
use super::path::APART_DAYS;
use super::spec::{DatedValue, Observation};
use super::{CalcVersion, days};
use crate::quantity::Decimal;

/// How far back figures speak for today's pace: a leap year.
pub(super) const LOOK_BACK_DAYS: i64 = 366;
/// Dates that a line is laid through at the least (version 2).
const LINE_DATES: usize = 3;

/// What the latest figures would come to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Projection {
    /// Change a day.
    pub(super) pace_per_day: Decimal,
    /// Value at the deadline.
    pub(super) forecast: Decimal,
}

/// A pace that is not yet divided, so that a forecast is divided once only.
#[derive(Debug, Clone, Copy)]
struct Pace {
    change: Decimal,
    over: Decimal,
}

/// Carries `actual` on to the deadline; none without enough data.
pub(super) fn project(
    version: CalcVersion,
    visible: &Visible<'_, impl Borrow<Observation>>,
    actual: &Actual,
) -> Option<Projection> {
    if actual.origin == Origin::YearToDate {
        return project_year(actual);
    }
    let Pace { change, over } = match version {
        CalcVersion::V1 => first_to_last(visible, actual)?,
        CalcVersion::V2 => line(visible, actual)?,
    };
    let remaining = Decimal::from(days::between(actual.date, visible.spec.deadline));
    let forecast = change.checked_mul(remaining)?.checked_div(over)?.checked_add(actual.value)?;
    // What was added stays added; a correction in between must not forecast a loss.
    let forecast = if visible.family == Family::Sum { forecast.max(actual.value) } else { forecast };
    Some(Projection { pace_per_day: change.checked_div(over)?, forecast })
}

/// Version 1: from the first value of the last year to the last one.
fn first_to_last(visible: &Visible<'_, impl Borrow<Observation>>, actual: &Actual) -> Option<Pace> {
    let from = days::plus(actual.date, -LOOK_BACK_DAYS);
    let first = earliest(visible, actual, from, days::plus(actual.date, -APART_DAYS))?;
    let change = actual.value.checked_sub(first.value)?;
    Some(Pace { change, over: Decimal::from(days::between(first.date, actual.date)) })
}

/// Version 2: the slope of the least-squares line through all values of the last year.
fn line(visible: &Visible<'_, impl Borrow<Observation>>, actual: &Actual) -> Option<Pace> {
    let values = each(visible, actual, days::plus(actual.date, -LOOK_BACK_DAYS));
    let first = values.first()?.date;
    if values.len() < LINE_DATES || days::between(first, actual.date) < APART_DAYS {
        return None;
    }
    slope(first, &values)
}

/// Σ(n·x − Σx)·y over n·Σx² − (Σx)², where x counts days from `first`: whole numbers times values, so that nothing is
/// rounded before the division.
fn slope(first: Date, values: &[DatedValue]) -> Option<Pace> {
    let n = i64::try_from(values.len()).ok()?;
    let x = |value: &DatedValue| days::between(first, value.date);
    let sum: i64 = values.iter().map(x).sum();
    let squares: i64 = values.iter().map(|value| x(value) * x(value)).sum();
    let change = values.iter().try_fold(Decimal::ZERO, |change, value| {
        change.checked_add(Decimal::from(n * x(value) - sum).checked_mul(value.value)?)
    })?;
    Some(Pace { change, over: Decimal::from(n * squares - sum * sum) })
}

/// The reference year to date over the share of the year that has passed.
fn project_year(actual: &Actual) -> Option<Projection> {
    let passed = Decimal::from(actual.date.day_of_year());
    let forecast = actual.value.checked_mul(Decimal::from(actual.date.days_in_year()))?.checked_div(passed)?;
    Some(Projection { pace_per_day: actual.value.checked_div(passed)?, forecast })
}
