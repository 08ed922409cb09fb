//! The observations that count: their numbers, and which of them are visible on a day (SCORING §1).
//!
//! Place in the flow: first step of [`super::score`]; everything later works on [`Visible`]. It must not know: paths,
//! thresholds, statuses.
//!
//! An observation that says nothing about the target is passed over here as if it did not exist: a basis the
//! accumulation does not use, a missing or unholdable number, a step off the scale, a `PERIOD` without a start.
//! Ingest refuses all of them; scoring only has to be harmless.

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
    fn of(spec: &TargetSpec, family: Family, observation: &'a Observation) -> Option<Self> {
        let own = observation.series == Series::Own;
        let counts = match (family, observation.basis) {
            (Family::Level, Basis::StockAt) | (Family::Flow, Basis::YearToDate | Basis::FullYear) => own,
            (Family::Level, Basis::FullYear) => own && spec.accumulation != Accumulation::Stock,
            (Family::Sum, Basis::Period) => own && observation.start.is_some(),
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

    /// Reference date.
    pub(super) fn date(&self) -> Date {
        self.observation.end
    }

    /// What decides which of two figures is newer: (reference date, position), §1.
    pub(super) fn rank(&self) -> (Date, u64) {
        (self.observation.end, self.observation.position)
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

/// The observations that count on a day.
#[derive(Debug)]
pub(super) struct Visible<'a> {
    /// How they are read.
    pub(super) family: Family,
    /// Those with a reference date at or before the day and the deadline, oldest first by (date, position): whatever
    /// order the caller keeps, later steps see one.
    pub(super) readings: Vec<Reading<'a>>,
    /// Whether there are others after the deadline that the day already sees.
    pub(super) later: bool,
}

impl<'a> Visible<'a> {
    /// Picks from `observations` what counts on `valid_at` (§1).
    pub(super) fn of(spec: &TargetSpec, observations: &'a [Observation], valid_at: Date) -> Self {
        let family = Family::of(spec);
        let mut visible = Self { family, readings: Vec::with_capacity(observations.len()), later: false };
        for observation in observations.iter().filter(|observation| observation.end <= valid_at) {
            let Some(reading) = Reading::of(spec, family, observation) else { continue };
            if observation.end <= spec.deadline {
                visible.readings.push(reading);
            } else {
                visible.later = true;
            }
        }
        visible.readings.sort_by_key(Reading::rank);
        visible
    }

    /// The own series' newest figure: the headline (§1).
    pub(super) fn newest(&self) -> Option<&Reading<'a>> {
        self.own().next_back()
    }

    /// The own series' newest verified figure (§1).
    pub(super) fn newest_verified(&self) -> Option<&Reading<'a>> {
        self.own().rfind(|reading| reading.observation.verified)
    }

    /// The figures of one basis, oldest first.
    pub(super) fn with_basis(&self, basis: Basis) -> impl DoubleEndedIterator<Item = &Reading<'a>> {
        self.readings.iter().filter(move |reading| reading.observation.basis == basis)
    }

    fn own(&self) -> impl DoubleEndedIterator<Item = &Reading<'a>> {
        self.readings.iter().filter(|reading| reading.observation.series == Series::Own)
    }
}
