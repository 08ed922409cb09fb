//! Scoring: what a target's observations mean on a day, by the arithmetic of SCORING.md.
//!
//! Place in the flow: the projector calls [`score_until`] for every target an event or a new day touches, reads call
//! [`score`] for other dates, and the auditor calls it again to check published figures. The path of a call: the
//! observations that count (`figures`, §1), the actual (`actual` and `sum`, §2), the path and deviation (`path`, §3),
//! the forecast (`pace`, §3), the comparison with the target (`met`, §4; `paired` and `steps` for targets without a
//! number), then the one status that holds (`status`, §5).
//!
//! It must not know: clocks (the day is a parameter), events and plans (a caller picks the observations that are live
//! as known), prose (codes only), floats, hash order. It never panics: an amount that no decimal can hold is no value,
//! and what is computed from it is absent.

mod actual;
mod days;
mod figures;
mod met;
mod numeric;
mod outcome;
mod pace;
mod paired;
mod path;
mod spec;
mod status;
mod steps;
mod sum;
#[cfg(test)]
mod tests;

use std::borrow::Borrow;

use jiff::civil::Date;

pub use days::{due, period_end_after};
pub use figures::{put_in_order, verified_only};
pub use outcome::{Figure, Mark, Score, YearPair};
pub use path::expected_on;
pub use spec::{DatedValue, LightRule, Observation, Series, TargetSpec};
pub use status::light_of;

use crate::quantity::Decimal;
use figures::{Family, Visible};
use status::Case;

/// Version of the arithmetic that a new plan starts with, stored beside every published figure (SCORING.md, head).
pub const CALC_VERSION: u32 = 1;
/// Versions of the arithmetic that can be computed.
pub const CALC_VERSIONS: &[u32] = &[1, 2];

/// A version of the arithmetic; every one stays callable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CalcVersion {
    /// SCORING.md.
    V1,
    /// Its pace is the slope of a least-squares line; all else is version 1 (README, "Versions of the arithmetic").
    V2,
}

impl CalcVersion {
    /// The version of that number; none where it is not computed here.
    pub const fn from_u32(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::V1),
            2 => Some(Self::V2),
            _ => None,
        }
    }

    /// Its number, one of [`CALC_VERSIONS`].
    pub const fn number(self) -> u32 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }
}

/// Computes what `observations` say about the target on `valid_at`.
///
/// `observations` are those live as known (nothing superseded, retracted or rejected), of the total `_T`, each with its
/// own position, **in order** ([`put_in_order`]): oldest first by (reference date, position). Those that lie after
/// `valid_at` or the deadline are left out here (§1).
pub fn score<O: Borrow<Observation>>(
    version: CalcVersion,
    spec: &TargetSpec,
    rule: &LightRule,
    observations: &[O],
    valid_at: Date,
) -> Score {
    judged(version, spec, rule, &Visible::of(spec, observations, valid_at), valid_at).0
}

/// [`score`] with [`status_holds_until`], for little more than the price of the former.
pub fn score_until<O: Borrow<Observation>>(
    version: CalcVersion,
    spec: &TargetSpec,
    rule: &LightRule,
    observations: &[O],
    valid_at: Date,
) -> (Score, Option<Date>) {
    let visible = Visible::of(spec, observations, valid_at);
    let (score, case) = judged(version, spec, rule, &visible, valid_at);
    let until = status::holds_until(spec, rule, &case, visible.next(), valid_at);
    (score, until)
}

/// The day on which the status is to be judged again: it is the same on every day from `valid_at` to the one before, as
/// long as target, rule and observations are. None = for ever. Figures that follow the day, as derived ones do, are
/// other observations every day.
pub fn status_holds_until<O: Borrow<Observation>>(
    version: CalcVersion,
    spec: &TargetSpec,
    rule: &LightRule,
    observations: &[O],
    valid_at: Date,
) -> Option<Date> {
    score_until(version, spec, rule, observations, valid_at).1
}

/// The score, and what the rows of §5 were told of the figures.
fn judged(
    version: CalcVersion,
    spec: &TargetSpec,
    rule: &LightRule,
    visible: &Visible<'_, impl Borrow<Observation>>,
    valid_at: Date,
) -> (Score, Case) {
    let mut score = Score::empty(version, rule.version);
    score.time_progress = time_progress(spec, valid_at);
    score.headline = visible.newest().map(|reading| reading.figure());
    score.newest_verified = visible.newest_verified().map(|reading| reading.figure());
    if visible.later(valid_at) {
        score.marks.insert(Mark::LaterObserved);
    }
    let case = match visible.family {
        Family::Paired => paired::judge(visible, valid_at, &mut score),
        Family::Steps => steps::judge(visible, &mut score),
        _ => numeric::judge(version, rule, visible, valid_at, &mut score),
    };
    if let Some(date) = score.scored_date {
        score.age_days = Some(days::between(date, valid_at));
    }
    status::settle(spec, &case, valid_at, &mut score);
    (score, case)
}

/// Share of the plan's days that have passed at `date`, both ends counted, clamped to 0…1 (序时进度, §3).
fn time_progress(spec: &TargetSpec, date: Date) -> Decimal {
    let total = days::between(spec.plan_start, spec.plan_end).saturating_add(1).max(1);
    let passed = days::between(spec.plan_start, date).saturating_add(1).clamp(0, total);
    Decimal::from(passed).checked_div(Decimal::from(total)).unwrap_or_default()
}
