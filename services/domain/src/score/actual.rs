//! The actual: what the visible figures amount to (SCORING §2), on the scored day and on the days before it.
//!
//! Place in the flow: after `figures`, before `path` and `pace`, which ask it for the figure of an earlier date. It
//! must not know: thresholds, lights, the day of the read.

use std::borrow::Borrow;

use jiff::civil::Date;

use super::figures::{Family, Reading, Visible};
use super::spec::{DatedValue, Observation, TargetSpec};
use super::{met, sum};
use crate::quantity::Decimal;
use crate::vocabulary::{Basis, Operator};

/// What kind of figure the actual is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The headline of a STOCK or RATIO.
    Level,
    /// A sum, CUMULATIVE or RUNNING_TOTAL.
    Sum,
    /// The flow of the whole reference year.
    FullYear,
    /// The reference year to date.
    YearToDate,
    /// The flow of an earlier year: never "met".
    Trend,
}

/// The figure that is scored.
#[derive(Debug, Clone)]
pub(super) struct Actual {
    /// Its value.
    pub(super) value: Decimal,
    /// Its reference date: where the path is asked for what was expected.
    pub(super) date: Date,
    /// Whether every summand is final (§5 row 2).
    pub(super) settled: bool,
    /// Whether the comparison of §4 holds.
    pub(super) met: bool,
    /// What kind of figure it is.
    pub(super) origin: Origin,
    /// Of a sum: its value on each day on which a figure went into it, as far back as path and pace look.
    pub(super) days: Vec<DatedValue>,
    /// Of a sum: whether the figures leave days out (缺期).
    pub(super) hole: bool,
}

/// The actual of a target with numbers; none where §2 has nothing to score.
pub(super) fn actual(visible: &Visible<'_, impl Borrow<Observation>>) -> Option<Actual> {
    match visible.family {
        Family::Level => one(visible.spec, &visible.newest()?, Origin::Level),
        Family::Sum => sum::sum(visible),
        Family::Flow => flow(visible),
        Family::Paired | Family::Steps | Family::Unscored => None,
    }
}

/// The earliest date from `from` to `to` that has a value §2 counts, with that value: one a date, the newest position
/// (§3 rule 3 and pace).
pub(super) fn earliest(
    visible: &Visible<'_, impl Borrow<Observation>>,
    actual: &Actual,
    from: Date,
    to: Date,
) -> Option<DatedValue> {
    if visible.family == Family::Sum {
        return actual.days.iter().find(|day| (from..=to).contains(&day.date)).copied();
    }
    let counts = |reading: &Reading<'_>| counted(visible.family, reading);
    let date = visible.between(from, to).find(counts)?.date();
    let newest = visible.between(date, date).rfind(counts)?;
    Some(DatedValue { date, value: newest.value? })
}

/// Every date from `from` to that of `actual` that has a value §2 counts, with that value: one a date, the newest
/// position (§3 pace).
pub(super) fn each(visible: &Visible<'_, impl Borrow<Observation>>, actual: &Actual, from: Date) -> Vec<DatedValue> {
    if visible.family == Family::Sum {
        return actual.days.iter().filter(|day| day.date >= from).copied().collect();
    }
    let mut days: Vec<DatedValue> = Vec::new();
    for reading in visible.between(from, actual.date).filter(|reading| counted(visible.family, reading)) {
        days.pop_if(|day| day.date == reading.date());
        days.extend(reading.value.map(|value| DatedValue { date: reading.date(), value }));
    }
    days
}

/// Whether a figure of a level or flow is a value that §2 counts.
fn counted(family: Family, reading: &Reading<'_>) -> bool {
    reading.value.is_some() && (family != Family::Flow || reading.observation.basis == Basis::FullYear)
}

/// The actual made of one figure.
fn one(spec: &TargetSpec, reading: &Reading<'_>, origin: Origin) -> Option<Actual> {
    let value = reading.value?;
    // A share may be rounded by its division; whether all is covered is asked of the two numbers themselves (§4).
    let met = match (spec.operator, reading.observation.numerator, reading.observation.denominator) {
        (Operator::FullCoverage, Some(numerator), Some(denominator)) => {
            numerator == denominator && denominator > Decimal::ZERO
        }
        _ => met::meets(spec, value),
    };
    let settled = reading.observation.is_final();
    Some(Actual { value, date: reading.date(), settled, met, origin, days: Vec::new(), hole: false })
}

/// The flow of the reference year, else its year to date, else the latest earlier year.
fn flow(visible: &Visible<'_, impl Borrow<Observation>>) -> Option<Actual> {
    let spec = visible.spec;
    let reference = spec.deadline.year();
    let full_year = visible.with_basis(Basis::FullYear).next_back();
    let to_date = visible.with_basis(Basis::YearToDate).next_back();
    match (full_year, to_date) {
        (Some(year), _) if year.date().year() == reference => one(spec, &year, Origin::FullYear),
        (_, Some(to_date)) if to_date.date().year() == reference => one(spec, &to_date, Origin::YearToDate),
        (Some(year), _) => one(spec, &year, Origin::Trend),
        (None, _) => None,
    }
}
