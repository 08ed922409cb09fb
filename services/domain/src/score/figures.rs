//! The observations that count: their numbers, and which of them are visible on a day (SCORING §1).
//!
//! Place in the flow: first step of [`super::score`]; everything later works on [`Visible`], which copies nothing: days
//! are found by bisection, and a number is made only of an observation that a step looks at. It must not know: paths,
//! thresholds, statuses.
//!
//! An observation that says nothing about the target is passed over here as if it did not exist: a basis the
//! accumulation does not use, a missing or unholdable number, a step off the scale, a `PERIOD` without days.
//! Ingest refuses all of them; scoring only has to be harmless.

use std::borrow::Borrow;

use jiff::civil::Date;

use super::outcome::Figure;
use super::spec::{Observation, Series, TargetSpec};
use crate::quantity::Decimal;
use crate::vocabulary::{Accumulation, Basis, Operator};

/// How a target's figures are read; the operator decides before the accumulation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// STOCK, RATIO, FULL_COVERAGE: the newest figure.
    Level,
    /// CUMULATIVE, RUNNING_TOTAL: a sum of figures.
    Sum,
    /// ANNUAL_FLOW: the figure of a year.
    Flow,
    /// EXCEEDS_SERIES: two figures of a year.
    Paired,
    /// QUALITATIVE: an assessed step.
    Steps,
    /// An accumulation without numbers under an operator that needs them: nothing is ever visible.
    Unscored,
}

impl Family {
    fn of(spec: &TargetSpec) -> Self {
        match (spec.operator, spec.accumulation) {
            (Operator::ExceedsSeries, _) => Self::Paired,
            (Operator::Qualitative, _) => Self::Steps,
            (Operator::FullCoverage, _) | (_, Accumulation::Stock | Accumulation::Ratio) => Self::Level,
            (_, Accumulation::Cumulative | Accumulation::RunningTotal) => Self::Sum,
            (_, Accumulation::AnnualFlow) => Self::Flow,
            (_, Accumulation::Paired | Accumulation::None) => Self::Unscored,
        }
    }
}

/// An observation with the number it stands for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading<'a> {
    /// The observation.
    pub(super) observation: &'a Observation,
    /// Its number; none for a step, and for a zero denominator (not applicable, §4).
    pub(super) value: Option<Decimal>,
}

impl<'a> Reading<'a> {
    /// Reads `observation` for a target of `family`; none where it is to be passed over.
    #[inline]
    fn of(spec: &TargetSpec, family: Family, observation: &'a Observation) -> Option<Self> {
        let own = observation.series == Series::Own;
        let counts = match (family, observation.basis) {
            (Family::Level, Basis::StockAt) | (Family::Flow, Basis::YearToDate | Basis::FullYear) => own,
            (Family::Level, Basis::FullYear) => own && spec.accumulation != Accumulation::Stock,
            (Family::Sum, Basis::Period) => own && observation.start.is_some_and(|start| start <= observation.end),
            (Family::Sum, Basis::PlanToDate) | (Family::Steps, _) => own,
            (Family::Paired, Basis::FullYear) => true,
            _ => false,
        };
        if !counts {
            return None;
        }
        let value = match family {
            Family::Level => level(spec, observation)?,
            Family::Steps => {
                step_rank(spec, observation.step.as_deref()?)?;
                None
            }
            _ => Some(observation.value?),
        };
        Some(Self { observation, value })
    }

    /// Whether it is of the target's own series.
    fn own(&self) -> bool {
        self.observation.series == Series::Own
    }

    /// Reference date.
    pub(super) fn date(&self) -> Date {
        self.observation.end
    }

    /// The observation as it stands beside the score.
    pub(super) fn figure(&self) -> Figure {
        Figure {
            position: self.observation.position,
            date: self.observation.end,
            value: self.value,
            step: self.observation.step.clone(),
            obs_status: self.observation.obs_status,
            verified: self.observation.verified,
        }
    }
}

/// The number of a level: outer none = passed over, inner none = not applicable (a zero denominator, §4).
fn level(spec: &TargetSpec, observation: &Observation) -> Option<Option<Decimal>> {
    let coverage = spec.operator == Operator::FullCoverage;
    if spec.accumulation != Accumulation::Ratio && !coverage {
        return observation.value.map(Some);
    }
    let (Some(numerator), Some(denominator)) = (observation.numerator, observation.denominator) else {
        return if coverage { None } else { observation.value.map(Some) };
    };
    if denominator.is_zero() {
        return Some(None);
    }
    // Multiplied before the one division, so that a share that has an exact decimal keeps it.
    let factor = if spec.percent || coverage { Decimal::ONE_HUNDRED } else { Decimal::ONE };
    numerator.checked_mul(factor)?.checked_div(denominator).map(Some)
}

/// Place of `step` on the target's scale.
pub(super) fn step_rank(spec: &TargetSpec, step: &str) -> Option<usize> {
    spec.steps.iter().position(|known| known == step)
}

/// What decides which of two figures is newer: (reference date, position), §1.
fn rank(observation: &Observation) -> (Date, u64) {
    (observation.end, observation.position)
}

/// Puts observations in the order that scoring asks for: oldest first by (reference date, position).
pub fn put_in_order<O: Borrow<Observation>>(observations: &mut [O]) {
    observations.sort_unstable_by_key(|of| rank(of.borrow()));
}

/// The observations that an auditor verified, in the same order: the close-out counts no others (§1).
pub fn verified_only<O: Borrow<Observation>>(observations: &[O]) -> Vec<&Observation> {
    observations.iter().map(Borrow::borrow).filter(|of: &&Observation| of.verified).collect()
}

/// The observations that count on a day.
#[derive(Debug)]
pub(super) struct Visible<'a, O> {
    /// What is asked.
    pub(super) spec: &'a TargetSpec,
    /// How they are read.
    pub(super) family: Family,
    /// Those with a reference date at or before the day and the deadline, oldest first by (date, position).
    seen: &'a [O],
    /// The others.
    unseen: &'a [O],
}

impl<'a, O: Borrow<Observation>> Visible<'a, O> {
    /// Splits `observations`, which are in order, by what counts on `valid_at` (§1).
    pub(super) fn of(spec: &'a TargetSpec, observations: &'a [O], valid_at: Date) -> Self {
        debug_assert!(observations.is_sorted_by_key(|of| rank(of.borrow())), "observations are not in order");
        let limit = valid_at.min(spec.deadline);
        let (seen, unseen) = observations.split_at(observations.partition_point(|of| of.borrow().end <= limit));
        Self { spec, family: Family::of(spec), seen, unseen }
    }

    /// Whether there are others after the deadline that `valid_at` already sees.
    pub(super) fn later(&self, valid_at: Date) -> bool {
        self.read(self.unseen).take_while(|reading| reading.date() <= valid_at).next().is_some()
    }

    /// The reference date of the first that a day up to the deadline is still to see.
    pub(super) fn next(&self) -> Option<Date> {
        self.read(self.unseen).next().map(|reading| reading.date()).filter(|date| *date <= self.spec.deadline)
    }

    /// All figures, oldest first.
    pub(super) fn readings(&self) -> impl DoubleEndedIterator<Item = Reading<'a>> {
        self.read(self.seen)
    }

    /// The figures with a reference date from `from` to `to`, oldest first.
    pub(super) fn between(&self, from: Date, to: Date) -> impl DoubleEndedIterator<Item = Reading<'a>> {
        let first = self.seen.partition_point(|of| of.borrow().end < from);
        let last = self.seen.partition_point(|of| of.borrow().end <= to);
        self.read(self.seen.get(first..last).unwrap_or_default())
    }

    /// The own series' newest figure: the headline (§1).
    pub(super) fn newest(&self) -> Option<Reading<'a>> {
        self.readings().rfind(Reading::own)
    }

    /// The own series' newest verified figure (§1).
    pub(super) fn newest_verified(&self) -> Option<Reading<'a>> {
        let verified = self.seen.iter().rev().map(Borrow::borrow).filter(|of: &&Observation| of.verified);
        verified.filter_map(|of| self.reading(of)).find(Reading::own)
    }

    /// The figures of one basis, oldest first.
    pub(super) fn with_basis(&self, basis: Basis) -> impl DoubleEndedIterator<Item = Reading<'a>> {
        let seen = self.seen.iter().map(Borrow::borrow).filter(move |of: &&Observation| of.basis == basis);
        seen.filter_map(|of| self.reading(of))
    }

    fn read(&self, part: &'a [O]) -> impl DoubleEndedIterator<Item = Reading<'a>> {
        part.iter().filter_map(|of| self.reading(of.borrow()))
    }

    fn reading(&self, observation: &'a Observation) -> Option<Reading<'a>> {
        Reading::of(self.spec, self.family, observation)
    }
}
