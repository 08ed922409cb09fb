//! Targets with a number: puts actual, path, forecast and comparison together (SCORING §2–§4).
//!
//! Place in the flow: called by [`super::score`] for every operator but EXCEEDS_SERIES and QUALITATIVE; answers the
//! [`Case`] that `status` decides on. It must not know: the order of §5's rows.

use std::borrow::Borrow;

use jiff::civil::Date;

use super::actual::{Actual, Origin, actual};
use super::figures::{Family, Visible};
use super::outcome::{Mark, Score};
use super::spec::{DatedValue, LightRule, Observation, TargetSpec};
use super::status::{self, Case, Verdict};
use super::{CalcVersion, days, met, pace, path};
use crate::quantity::Decimal;
use crate::vocabulary::{Basis, Operator, PathSource, Status};

/// Judges the figures of a target with a number.
pub(super) fn judge(
    version: CalcVersion,
    rule: &LightRule,
    visible: &Visible<'_, impl Borrow<Observation>>,
    valid_at: Date,
    score: &mut Score,
) -> Case {
    let spec = visible.spec;
    let Some(newest) = visible.newest() else { return Case::unseen() };
    let case = Case { visible: true, newest: Some(newest.date()), ..Case::unseen() };
    if spec.operator == Operator::FullCoverage {
        let counts = newest.observation.denominator.zip(newest.observation.numerator);
        score.uncovered = counts.and_then(|(all, covered)| all.checked_sub(covered));
    }
    if visible.family == Family::Level && newest.value.is_none() {
        score.marks.insert(Mark::NotApplicable);
        return Case { not_applicable: true, ..case };
    }
    let scored = actual(visible);
    score.year_to_date = shown_year_to_date(visible, scored.as_ref());
    let Some(actual) = scored else { return case };
    fill_actual(spec, &actual, valid_at, score);
    fill_path(version, visible, &actual, score);
    fill_marks(spec, &actual, score);
    let course = status::of_course(spec, rule, score, status::is_closing(spec, rule, valid_at));
    let closing = status::of_course(spec, rule, score, true);
    score.marks.extend(course.marks());
    Case {
        verdict: verdict(spec, &actual),
        held: held(&actual),
        course: course.status,
        closing: closing.status,
        ..case
    }
}

/// The newest year to date, where it is newer than what is scored (§2: only shown).
fn shown_year_to_date(visible: &Visible<'_, impl Borrow<Observation>>, actual: Option<&Actual>) -> Option<DatedValue> {
    if visible.family != Family::Flow {
        return None;
    }
    let newest = visible.with_basis(Basis::YearToDate).next_back()?;
    let newer = actual.is_none_or(|actual| actual.date < newest.date());
    newest.value.filter(|_| newer).map(|value| DatedValue { date: newest.date(), value })
}

/// Actual, target rate, gap and required pace.
fn fill_actual(spec: &TargetSpec, actual: &Actual, valid_at: Date, score: &mut Score) {
    score.actual = Some(actual.value);
    score.scored_date = Some(actual.date);
    let Some(goal) = met::goal(spec) else { return };
    if spec.ascending {
        let hundredfold = actual.value.checked_mul(Decimal::ONE_HUNDRED);
        score.target_rate = hundredfold.and_then(|value| value.checked_div(goal));
    }
    score.gap = met::distance(spec.ascending, actual.value, goal);
    let remaining = days::between(valid_at, spec.deadline);
    if remaining > 0 {
        score.required_pace = score.gap.and_then(|gap| gap.checked_div(Decimal::from(remaining)));
    }
}

/// Path, deviation, pace and forecast.
fn fill_path(
    version: CalcVersion,
    visible: &Visible<'_, impl Borrow<Observation>>,
    actual: &Actual,
    score: &mut Score,
) {
    let projection = pace::project(version, visible, actual);
    score.pace_per_day = projection.map(|projection| projection.pace_per_day);
    let Some(course) = path::course(visible, actual) else { return };
    score.path_source = Some(course.source);
    score.path_start = Some(course.start);
    score.maintain = course.maintain;
    score.scale = Some(course.scale);
    score.expected = Some(course.expected);
    score.deviation = Some(course.deviation);
    score.increment_rate = course.increment_rate;
    // Neither without a path nor when the scored date is the deadline (§3).
    if actual.date < visible.spec.deadline {
        score.forecast = projection.map(|projection| projection.forecast);
    }
}

fn fill_marks(spec: &TargetSpec, actual: &Actual, score: &mut Score) {
    let trend = actual.origin == Origin::Trend;
    let reached = || met::goal(spec).is_some_and(|goal| met::beyond(spec.ascending, actual.value, goal));
    let holding = [
        (Mark::Provisional, !actual.settled),
        (Mark::Trend, trend),
        (Mark::ReachedEarlierYear, trend && reached()),
        (Mark::AboveMax, met::above_max(spec, actual.value)),
        (Mark::AboveTolerance, met::above_tolerance(spec, actual.value)),
        (Mark::Reference, score.path_source == Some(PathSource::Interpreted)),
        (Mark::MissingPeriod, actual.hole),
        (Mark::Maintain, score.maintain),
    ];
    score.marks.extend(holding.into_iter().filter_map(|(mark, holds)| holds.then_some(mark)));
}

/// Rows 2 and 3: what decides after the deadline, if anything does.
fn verdict(spec: &TargetSpec, actual: &Actual) -> Option<Verdict> {
    let said = Verdict { met: actual.met, settled: actual.settled };
    match actual.origin {
        Origin::FullYear => Some(said),
        Origin::Level => (actual.date == spec.deadline).then_some(said),
        // A sum that is met needs no figure of the deadline: it does not fall.
        Origin::Sum => (actual.met || actual.date == spec.deadline).then_some(said),
        // A year to date can only say that the year will be enough, never finally.
        Origin::YearToDate => actual.met.then_some(Verdict { met: true, settled: false }),
        Origin::Trend => None,
    }
}

/// Rows 8 and 9: whether the target is met before the deadline, and whether it can still fall.
fn held(actual: &Actual) -> Option<Status> {
    match actual.origin {
        _ if !actual.met => None,
        Origin::Sum | Origin::FullYear | Origin::YearToDate => Some(Status::Met),
        Origin::Level => Some(Status::MetSoFar),
        Origin::Trend => None,
    }
}
