//! The path from a start to the goal, and how far the actual lies off it (SCORING §3).
//!
//! Place in the flow: after `actual`; `numeric` copies what it finds into the score. It must not know: the day of the
//! read (what was expected is asked at the figure's own date), thresholds, lights.

use std::borrow::Borrow;

use jiff::civil::Date;

use super::actual::{Actual, Origin, earliest};
use super::figures::Visible;
use super::outcome::Score;
use super::spec::{DatedValue, Observation, TargetSpec};
use super::{days, met};
use crate::quantity::Decimal;
use crate::vocabulary::{Accumulation, PathKind, PathSource};

/// Days that must lie between two figures before they say anything about a course (rule 3, pace).
pub(super) const APART_DAYS: i64 = 60;
/// Day of the reference year from which its path is used.
const YEAR_PATH_FIRST_DAY: i64 = 90;
/// |N − start| below this percentage of N gives no increment rate.
const INCREMENT_LEAST_PERCENT: i64 = 10;

/// A path and the actual's place on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course {
    /// Where the start comes from.
    pub(super) source: PathSource,
    /// The start.
    pub(super) start: DatedValue,
    /// Whether the path is flat at N (保持型).
    pub(super) maintain: bool,
    /// max(|N − start|, N / 3).
    pub(super) scale: Decimal,
    /// The path's value at the figure's date.
    pub(super) expected: Decimal,
    /// Points ahead.
    pub(super) deviation: Decimal,
    /// 增量完成率, percent.
    pub(super) increment_rate: Option<Decimal>,
}

/// One straight piece of a path.
struct Segment {
    from: DatedValue,
    to: DatedValue,
}

/// The course of `actual`; none where there is no path (rules 3, 5, before the start, before day 90), or where a
/// number on the way exceeds what a decimal holds.
pub(super) fn course(visible: &Visible<'_, impl Borrow<Observation>>, actual: &Actual) -> Option<Course> {
    let spec = visible.spec;
    let goal = met::goal(spec)?;
    if spec.path_kind == PathKind::EndOnly {
        return None;
    }
    let (source, start) = start(visible, actual)?;
    let whole_year = source == PathSource::ReferenceYear;
    let end = end(spec, source, goal);
    let least_days = if whole_year { YEAR_PATH_FIRST_DAY } else { 0 };
    if days::between(start.date, actual.date) < least_days || start.date >= end.date {
        return None;
    }
    let (segment, maintain) = piece(spec, source, start, end, actual.date);
    let spread = goal.checked_sub(start.value)?.abs();
    Some(Course {
        source,
        start,
        maintain,
        scale: spread.max(goal.checked_div(Decimal::from(3))?),
        expected: expected(&segment, actual.date)?,
        deviation: deviation(spec.ascending, &segment, actual, triple_scale(spread, goal)?)?,
        increment_rate: if maintain { None } else { increment_rate(actual.value, start.value, goal) },
    })
}

/// What the target's path asks for on `date`: the path that `score` was judged by, else the one that needs no figure (rules
/// 1, 2). N from its end on; none before its start.
pub fn expected_on(spec: &TargetSpec, score: &Score, date: Date) -> Option<Decimal> {
    if spec.path_kind == PathKind::EndOnly {
        return None;
    }
    let (source, start) = score.path_source.zip(score.path_start).or_else(|| planned_start(spec))?;
    let end = end(spec, source, met::goal(spec)?);
    let until = date.min(end.date);
    if until < start.date || start.date >= end.date {
        return None;
    }
    expected(&piece(spec, source, start, end, until).0, until)
}

/// Where a path ends: (deadline, N).
fn end(spec: &TargetSpec, source: PathSource, goal: Decimal) -> DatedValue {
    let whole_year = source == PathSource::ReferenceYear;
    DatedValue { date: if whole_year { spec.deadline.last_of_year() } else { spec.deadline }, value: goal }
}

/// The piece of the path that `date` lies on, and whether the path is flat at N.
fn piece(spec: &TargetSpec, source: PathSource, start: DatedValue, end: DatedValue, date: Date) -> (Segment, bool) {
    // Rule 6 replaces rules 1–4: the year's path is neither maintained nor bent by interim targets.
    if source == PathSource::ReferenceYear {
        return (Segment { from: start, to: end }, false);
    }
    if met::beyond(spec.ascending, start.value, end.value) {
        return (Segment { from: DatedValue { date: start.date, value: end.value }, to: end }, true);
    }
    (segment_at(spec, start, end, date), false)
}

/// Rules 6, 1, 2 and 3, in the order in which they win.
fn start(visible: &Visible<'_, impl Borrow<Observation>>, actual: &Actual) -> Option<(PathSource, DatedValue)> {
    let spec = visible.spec;
    if actual.origin == Origin::YearToDate {
        let date = days::eve(spec.deadline.first_of_year());
        return Some((PathSource::ReferenceYear, DatedValue { date, value: Decimal::ZERO }));
    }
    if let Some(start) = planned_start(spec) {
        return Some(start);
    }
    let first = earliest(visible, actual, spec.plan_start, days::plus(actual.date, -APART_DAYS))?;
    Some((PathSource::Interpreted, first))
}

/// Rules 1 and 2: a start that needs no figure.
fn planned_start(spec: &TargetSpec) -> Option<(PathSource, DatedValue)> {
    if let Some(baseline) = spec.baseline {
        return Some((PathSource::Baseline, baseline));
    }
    let start = DatedValue { date: days::eve(spec.plan_start), value: Decimal::ZERO };
    (spec.accumulation == Accumulation::Cumulative).then_some((PathSource::PlanStart, start))
}

/// The piece of the path that `date` lies on: between the nearest of start, interim targets and end. Interim targets
/// outside the path's dates (an interpreted start can come after one) are left out.
fn segment_at(spec: &TargetSpec, start: DatedValue, end: DatedValue, date: Date) -> Segment {
    let knots = || spec.interim.iter().copied().filter(|knot| start.date < knot.date && knot.date < end.date);
    let from = knots().filter(|knot| knot.date < date).max_by_key(|knot| knot.date);
    let to = knots().filter(|knot| knot.date >= date).min_by_key(|knot| knot.date);
    Segment { from: from.unwrap_or(start), to: to.unwrap_or(end) }
}

/// The segment's value at `date`: linear by days, multiplied before divided.
fn expected(segment: &Segment, date: Date) -> Option<Decimal> {
    let rise = segment.to.value.checked_sub(segment.from.value)?;
    let passed = Decimal::from(days::between(segment.from.date, date));
    let length = Decimal::from(days::between(segment.from.date, segment.to.date));
    rise.checked_mul(passed)?.checked_div(length)?.checked_add(segment.from.value)
}

/// 3 × scale, exactly: N / 3 itself often has no finite decimal.
fn triple_scale(spread: Decimal, goal: Decimal) -> Option<Decimal> {
    Some(spread.checked_mul(Decimal::from(3))?.max(goal))
}

/// 100 × (actual − expected) / scale, with one division at the end: a deviation of exactly −10 must not become
/// −10.000…1 and change the light.
fn deviation(ascending: bool, segment: &Segment, actual: &Actual, triple_scale: Decimal) -> Option<Decimal> {
    let rise = segment.to.value.checked_sub(segment.from.value)?;
    let passed = Decimal::from(days::between(segment.from.date, actual.date));
    let length = Decimal::from(days::between(segment.from.date, segment.to.date));
    let reached = actual.value.checked_sub(segment.from.value)?.checked_mul(length)?;
    let ahead = reached.checked_sub(rise.checked_mul(passed)?)?.checked_mul(Decimal::from(300))?;
    let points = ahead.checked_div(length.checked_mul(triple_scale)?)?;
    Some(if ascending { points } else { -points })
}

/// 100 × (actual − start) / (N − start); none where |N − start| < 10 % of N.
fn increment_rate(actual: Decimal, start: Decimal, goal: Decimal) -> Option<Decimal> {
    let span = goal.checked_sub(start)?;
    let least = goal.checked_mul(Decimal::from(INCREMENT_LEAST_PERCENT))?.checked_div(Decimal::ONE_HUNDRED)?;
    if span.abs() < least.abs() {
        return None;
    }
    actual.checked_sub(start)?.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(span)
}
