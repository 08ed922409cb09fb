//! The sum of a CUMULATIVE or RUNNING_TOTAL (SCORING §2), in one walk over its figures.
//!
//! Place in the flow: asked by `actual`. The walk begins at the last total before the days that path and pace look
//! back to, so that a series of totals costs next to nothing. It must not know: paths, thresholds, lights.

use std::borrow::Borrow;

use jiff::civil::Date;

use super::actual::{Actual, Origin};
use super::figures::{Reading, Visible};
use super::spec::{DatedValue, Observation, TargetSpec};
use super::{days, met, pace};
use crate::quantity::Decimal;
use crate::vocabulary::{Accumulation, Basis};

/// Where a sum starts.
struct Start {
    /// The day after which `PERIOD`s are added.
    base: Date,
    /// What they are added to; none where only a total can begin the sum.
    value: Option<Decimal>,
    /// Whether that is final.
    settled: bool,
}

impl Start {
    /// Before the first figure.
    fn of(spec: &TargetSpec) -> Self {
        let start = match spec.accumulation {
            Accumulation::RunningTotal => spec.baseline,
            _ => Some(DatedValue { date: days::eve(spec.plan_start), value: Decimal::ZERO }),
        };
        // Plan data is final: nobody will publish it again.
        Self { base: start.map_or(Date::MAX, |start| start.date), value: start.map(|start| start.value), settled: true }
    }

    /// Anew, at a total.
    fn total(total: &Reading<'_>) -> Self {
        Self { base: total.date(), value: total.value, settled: total.observation.is_final() }
    }
}

/// Whether `reading` is a `PERIOD` that starts after `base`.
fn is_after(reading: &Reading<'_>, base: Date) -> bool {
    reading.observation.basis == Basis::Period && reading.observation.start.is_some_and(|start| start > base)
}

/// The sum that the visible figures make.
pub(super) fn sum(visible: &Visible<'_, impl Borrow<Observation>>) -> Option<Actual> {
    let first = Start::of(visible.spec);
    let last_total = visible.with_basis(Basis::PlanToDate).next_back();
    let base = last_total.map_or(first.base, |total| total.date());
    let goes_in = |reading: &Reading<'_>| reading.observation.basis == Basis::PlanToDate || is_after(reading, base);
    let date = visible.readings().rfind(goes_in)?.date();
    let from = looked_back_to(visible.spec, date);
    let begin = match last_total {
        Some(total) if total.date() > from => {
            visible.between(Date::MIN, from).rfind(|reading| reading.observation.basis == Basis::PlanToDate)
        }
        last_total => last_total,
    };
    let Start { base: mut after, mut value, mut settled } = first;
    let (mut covered, mut whole) = (after, true);
    let mut days: Vec<DatedValue> = Vec::new();
    for reading in visible.between(begin.map_or(Date::MIN, |total| total.date()), date) {
        if is_after(&reading, after) {
            value = value.zip(reading.value).and_then(|(sum, value)| sum.checked_add(value));
            settled &= reading.observation.is_final();
            whole &= reading.observation.start.is_none_or(|start| days::eve(start) <= covered);
        } else if reading.observation.basis == Basis::PlanToDate {
            Start { base: after, value, settled } = Start::total(&reading);
            whole = true;
        } else {
            continue;
        }
        covered = reading.date();
        if covered >= from {
            // One value a date: what the date's last figure leaves.
            days.pop_if(|day| day.date == covered);
            days.extend(value.map(|value| DatedValue { date: covered, value }));
        }
    }
    let value = value?;
    // Only figures that overlap, which ingest refuses, can cover later what one before left out.
    let hole = !whole && has_hole(visible, base, date);
    let met = met::meets(visible.spec, value);
    Some(Actual { value, date, settled, met, origin: Origin::Sum, days, hole })
}

/// The first day whose sum path or pace may ask for.
fn looked_back_to(spec: &TargetSpec, date: Date) -> Date {
    let pace = days::plus(date, -pace::LOOK_BACK_DAYS);
    let interpreted = spec.accumulation == Accumulation::RunningTotal && spec.baseline.is_none();
    if interpreted { pace.min(spec.plan_start) } else { pace }
}

/// Whether the figures summed up leave days out: between the sum's start and the first `PERIOD`, or between two (缺期).
/// Backwards, since then all that is still to come ends earlier.
fn has_hole(visible: &Visible<'_, impl Borrow<Observation>>, base: Date, date: Date) -> bool {
    let mut periods = visible.between(base, date).rev().filter(|reading| is_after(reading, base));
    let start = |reading: &Reading<'_>| reading.observation.start.unwrap_or(base);
    let Some(last) = periods.next() else { return false };
    let mut covered_from = start(&last);
    for reading in periods {
        if reading.date() < days::eve(covered_from) {
            return true;
        }
        covered_from = covered_from.min(start(&reading));
    }
    base < days::eve(covered_from)
}
