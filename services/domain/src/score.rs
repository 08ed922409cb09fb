//! Scoring: what a target's observations mean on a day, by the arithmetic of SCORING.md.
//!
//! Place in the flow: the projector calls [`score`] for every target an event or a new day touches, reads call it for
//! other dates, and the auditor calls it again to check published figures. The path of a call: the observations that
//! count (`figures`, §1), the actual (`actual`, §2), the path and deviation (`path`, §3), the forecast (`pace`, §3),
//! the comparison with the target (`met`, §4; `paired` and `steps` for targets without a number), then the one status
//! that holds (`status`, §5).
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
#[cfg(test)]
mod tests;

use jiff::civil::Date;

pub use outcome::{Figure, Mark, Score, YearPair};
pub use spec::{DatedValue, LightRule, Observation, Series, TargetSpec};
pub use status::light_of;

use crate::quantity::Decimal;
use figures::{Family, Visible};

/// Version of this arithmetic, stored beside every published figure (SCORING.md, head).
pub const CALC_VERSION: u32 = 1;

/// Computes what `observations` say about the target on `valid_at`.
///
/// `observations` are those live as known (nothing superseded, retracted or rejected), of the total `_T`, in any
/// order, each with its own position. Those that lie after `valid_at` or the deadline are left out here (§1).
pub fn score(spec: &TargetSpec, rule: &LightRule, observations: &[Observation], valid_at: Date) -> Score {
    let visible = Visible::of(spec, observations, valid_at);
    let mut score = opened(spec, rule, &visible, valid_at);
    let case = match visible.family {
        Family::Paired => paired::judge(spec, &visible, valid_at, &mut score),
        Family::Steps => steps::judge(spec, &visible, &mut score),
        _ => numeric::judge(spec, rule, &visible, valid_at, &mut score),
    };
    if let Some(date) = score.scored_date {
        score.age_days = Some(days::between(date, valid_at));
    }
    status::settle(spec, &case, valid_at, &mut score);
    score
}

/// The parts of a score that every kind of target has, before any figure is judged.
fn opened(spec: &TargetSpec, rule: &LightRule, visible: &Visible<'_>, valid_at: Date) -> Score {
    let mut score = Score::empty(rule.version);
    score.time_progress = time_progress(spec, valid_at);
    score.headline = visible.newest().map(figures::Reading::figure);
    score.newest_verified = visible.newest_verified().map(figures::Reading::figure);
    if visible.later {
        score.marks.insert(Mark::LaterObserved);
    }
    score
}

/// Share of the plan's days that have passed at `date`, both ends counted, clamped to 0…1 (序时进度, §3).
fn time_progress(spec: &TargetSpec, date: Date) -> Decimal {
    let total = days::between(spec.plan_start, spec.plan_end).saturating_add(1).max(1);
    let passed = days::between(spec.plan_start, date).saturating_add(1).clamp(0, total);
    Decimal::from(passed).checked_div(Decimal::from(total)).unwrap_or_default()
}
