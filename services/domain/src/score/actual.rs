//! The actual: what the visible figures amount to (SCORING §2), on the scored day and on the days before it.
//!
//! Place in the flow: after `figures`, before `path` and `pace`, which ask it for the figure of an earlier date. It
//! must not know: thresholds, lights, the day of the read.

use jiff::civil::Date;

use super::figures::{Family, Reading, Visible};
use super::spec::{DatedValue, TargetSpec};
use super::{days, met};
use crate::quantity::Decimal;
use crate::vocabulary::{Accumulation, Basis, Operator};

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
#[derive(Debug, Clone, Copy)]
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
}

/// The actual of a target with numbers; none where §2 has nothing to score.
pub(super) fn actual(spec: &TargetSpec, visible: &Visible<'_>) -> Option<Actual> {
    match visible.family {
        Family::Level => one(spec, visible.newest()?, Origin::Level),
        Family::Sum => sum_until(spec, visible, spec.deadline),
        Family::Flow => flow(spec, visible),
        Family::Paired | Family::Steps | Family::Unscored => None,
    }
}

/// The earliest date from `from` to `to` that has a value §2 counts, with that value: one a date, the newest position
/// (§3 rule 3 and pace).
pub(super) fn earliest(spec: &TargetSpec, visible: &Visible<'_>, from: Date, to: Date) -> Option<DatedValue> {
    let counts = |reading: &&Reading<'_>| {
        reading.value.is_some() && (visible.family != Family::Flow || reading.observation.basis == Basis::FullYear)
    };
    let mut counted = visible.readings.iter().filter(counts).filter(|reading| (from..=to).contains(&reading.date()));
    if visible.family == Family::Sum {
        // A sum has a value at a date only if a figure of that date goes into it.
        return counted.find_map(|reading| {
            let sum = sum_until(spec, visible, reading.date())?;
            (sum.date == reading.date()).then_some(DatedValue { date: sum.date, value: sum.value })
        });
    }
    let date = counted.next()?.date();
    let newest = visible.readings.iter().filter(counts).rfind(|reading| reading.date() == date)?;
    Some(DatedValue { date, value: newest.value? })
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
    Some(Actual { value, date: reading.date(), settled: reading.observation.is_final(), met, origin })
}

/// The flow of the reference year, else its year to date, else the latest earlier year.
fn flow(spec: &TargetSpec, visible: &Visible<'_>) -> Option<Actual> {
    let reference = spec.deadline.year();
    let full_year = visible.with_basis(Basis::FullYear).next_back();
    let to_date = visible.with_basis(Basis::YearToDate).next_back();
    match (full_year, to_date) {
        (Some(year), _) if year.date().year() == reference => one(spec, year, Origin::FullYear),
        (_, Some(to_date)) if to_date.date().year() == reference => one(spec, to_date, Origin::YearToDate),
        (Some(year), _) => one(spec, year, Origin::Trend),
        (None, _) => None,
    }
}

/// What a sum starts from: (date, value, whether it is an observation, whether it is final).
fn base(spec: &TargetSpec, visible: &Visible<'_>, until: Date) -> Option<(DatedValue, bool, bool)> {
    if let Some(reading) = visible.with_basis(Basis::PlanToDate).rfind(|reading| reading.date() <= until) {
        let start = DatedValue { date: reading.date(), value: reading.value? };
        return Some((start, true, reading.observation.is_final()));
    }
    // Plan data is final: nobody will publish it again.
    let start = match spec.accumulation {
        Accumulation::RunningTotal => spec.baseline?,
        _ => DatedValue { date: days::eve(spec.plan_start), value: Decimal::ZERO },
    };
    Some((start, false, true))
}

/// The sum as the figures with a reference date up to `until` make it.
fn sum_until(spec: &TargetSpec, visible: &Visible<'_>, until: Date) -> Option<Actual> {
    let (start, observed, mut settled) = base(spec, visible, until)?;
    let mut date = observed.then_some(start.date);
    let mut value = start.value;
    for reading in periods_after(visible, start.date).filter(|reading| reading.date() <= until) {
        value = value.checked_add(reading.value?)?;
        settled &= reading.observation.is_final();
        date = date.max(Some(reading.date()));
    }
    Some(Actual { value, date: date?, settled, met: met::meets(spec, value), origin: Origin::Sum })
}

/// The `PERIOD` figures that start after `date`.
fn periods_after<'v, 'a>(visible: &'v Visible<'a>, date: Date) -> impl Iterator<Item = &'v Reading<'a>> {
    visible.with_basis(Basis::Period).filter(move |reading| reading.observation.start.is_some_and(|start| start > date))
}

/// Whether the figures summed up leave days out: between the sum's start and the first `PERIOD`, or between two (缺期).
pub(super) fn has_hole(spec: &TargetSpec, visible: &Visible<'_>) -> bool {
    if visible.family != Family::Sum {
        return false;
    }
    let Some((start, _, _)) = base(spec, visible, spec.deadline) else { return false };
    let mut spans: Vec<(Date, Date)> = periods_after(visible, start.date)
        .filter_map(|reading| Some((reading.observation.start?, reading.date())))
        .collect();
    spans.sort_unstable();
    let mut covered = start.date;
    spans.into_iter().any(|(first, last)| {
        let hole = days::between(covered, first) > 1;
        covered = covered.max(last);
        hole
    })
}
