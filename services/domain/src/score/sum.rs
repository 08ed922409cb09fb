//! The sum of a CUMULATIVE or RUNNING_TOTAL (SCORING §2), in one walk over its figures.
//!
//! Place in the flow: asked by `actual`. The walk begins at the last total before the days that path and pace look
//! back to, so that a series of totals costs next to nothing. It must not know: paths, thresholds, lights.

use std::borrow::Borrow;

use jiff::civil::Date;

use super::actual::{Actual, Origin};
use super::figures::{Reading, Visible};
use super::spec::{DatedValue, Observation};
use super::{days, met, pace};
use crate::quantity::Decimal;
use crate::vocabulary::{Accumulation, Basis};

/// What a sum is while its figures are added up, oldest first.
#[derive(Debug, Clone, Copy)]
struct Running {
    /// The day after which `PERIOD`s are added.
    base: Date,
    /// So far; none where no decimal holds it.
    value: Option<Decimal>,
    /// Whether every summand so far is final.
    settled: bool,
}

impl Running {
    /// What a sum is before its first figure; none where only a total can begin it.
    fn first(visible: &Visible<'_, impl Borrow<Observation>>) -> Option<Self> {
        let start = match visible.spec.accumulation {
            Accumulation::RunningTotal => visible.spec.baseline?,
            _ => DatedValue { date: days::eve(visible.spec.plan_start), value: Decimal::ZERO },
        };
        // Plan data is final: nobody will publish it again.
        Some(Self { base: start.date, value: Some(start.value), settled: true })
    }

    /// The sum that a total begins anew.
    fn from_total(total: &Reading<'_>) -> Self {
        Self { base: total.date(), value: total.value, settled: total.observation.is_final() }
    }

    fn add(&mut self, period: &Reading<'_>) {
        self.value = self.value.zip(period.value).and_then(|(sum, value)| sum.checked_add(value));
        self.settled &= period.observation.is_final();
    }
}

/// Whether `reading` is a `PERIOD` that starts after `base`.
fn is_after(reading: &Reading<'_>, base: Date) -> bool {
    reading.observation.basis == Basis::Period && reading.observation.start.is_some_and(|start| start > base)
}

/// The sum that the visible figures make.
pub(super) fn sum(visible: &Visible<'_, impl Borrow<Observation>>) -> Option<Actual> {
    let last_total = visible.with_basis(Basis::PlanToDate).next_back();
    let base = last_total.map(|total| total.date()).or_else(|| Some(Running::first(visible)?.base))?;
    let goes_in = |reading: &Reading<'_>| reading.observation.basis == Basis::PlanToDate || is_after(reading, base);
    let date = visible.readings().rfind(goes_in)?.date();
    let from = looked_back_to(visible, date);
    let begin = match last_total {
        Some(total) if total.date() > from => {
            visible.between(Date::MIN, from).rfind(|reading| reading.observation.basis == Basis::PlanToDate)
        }
        last_total => last_total,
    };
    let mut running = Running::first(visible);
    let mut days: Vec<DatedValue> = Vec::new();
    for reading in visible.between(begin.map_or(Date::MIN, |total| total.date()), date) {
        match running.as_mut().filter(|running| is_after(&reading, running.base)) {
            Some(running) => running.add(&reading),
            None if reading.observation.basis == Basis::PlanToDate => running = Some(Running::from_total(&reading)),
            None => continue,
        }
        if reading.date() >= from {
            // One value a date: what the date's last figure leaves.
            days.pop_if(|day| day.date == reading.date());
            let value = running.and_then(|running| running.value);
            days.extend(value.map(|value| DatedValue { date: reading.date(), value }));
        }
    }
    let Running { value, settled, .. } = running?;
    let value = value?;
    let met = met::meets(visible.spec, value);
    Some(Actual { value, date, settled, met, origin: Origin::Sum, days, hole: has_hole(visible, base, date) })
}

/// The first day whose sum path or pace may ask for.
fn looked_back_to(visible: &Visible<'_, impl Borrow<Observation>>, date: Date) -> Date {
    let spec = visible.spec;
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
