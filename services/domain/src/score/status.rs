//! The one status that holds, first match wins (SCORING §5), and its light.
//!
//! Place in the flow: last step of [`super::score`]. The judges (`numeric`, `paired`, `steps`) say in a [`Case`] what
//! their rows would answer; here the rows are put in order. It must not know: how a figure or a path was computed.

use jiff::civil::Date;

use super::outcome::{Mark, Score};
use super::spec::{LightRule, TargetSpec};
use super::{days, met};
use crate::quantity::Decimal;
use crate::vocabulary::{Accumulation, Light, Operator, Status};

/// Largest tolerance of a gap, as a percentage of N.
const GAP_TOLERANCE_MOST_PERCENT: i64 = 5;

/// What a figure of the deadline says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Whether the target is met.
    pub(super) met: bool,
    /// Whether every figure in it is final.
    pub(super) settled: bool,
}

/// What the rows of §5 need to know of a target's figures.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case {
    /// Row 1: the headline has a zero denominator.
    pub(super) not_applicable: bool,
    /// Row 6: whether any figure is visible.
    pub(super) visible: bool,
    /// Row 7: the date from which the next report is awaited.
    pub(super) newest: Option<Date>,
    /// Rows 2 and 3: the figure that decides after the deadline.
    pub(super) verdict: Option<Verdict>,
    /// Rows 8 and 9.
    pub(super) held: Option<Status>,
    /// Rows 10 to 13, on the day of the read.
    pub(super) course: Status,
    /// Rows 10 to 13, on a day in the closing window.
    pub(super) closing: Status,
}

impl Case {
    /// A target without a visible figure.
    pub(super) fn unseen() -> Self {
        Self {
            not_applicable: false,
            visible: false,
            newest: None,
            verdict: None,
            held: None,
            course: Status::NoPath,
            closing: Status::NoPath,
        }
    }
}

/// What rows 11 to 13 answer, and why.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course {
    /// The answer.
    pub(super) status: Status,
    /// Whether the forecast decided.
    by_forecast: bool,
    /// Whether the gap was within tolerance.
    tolerated: bool,
}

impl Course {
    /// The remarks beside it.
    pub(super) fn marks(self) -> impl Iterator<Item = Mark> {
        let forecast = self.by_forecast.then_some(Mark::ClosingWindow);
        forecast.into_iter().chain(self.tolerated.then_some(Mark::WithinTolerance))
    }
}

/// The light of a status (§5, last column).
pub const fn light_of(status: Status) -> Light {
    match status {
        Status::NotScored => Light::None,
        Status::Met | Status::MetSoFar => Light::Met,
        Status::Missed => Light::Missed,
        Status::MetProvisional | Status::MissedProvisional => Light::Provisional,
        Status::OnTrack => Light::Green,
        Status::Behind => Light::Yellow,
        Status::FarBehind => Light::Red,
        Status::AwaitingData
        | Status::Overdue
        | Status::NoData
        | Status::AwaitingAssessment
        | Status::Stale
        | Status::NoPath => Light::Grey,
    }
}

/// Writes the status that holds on `valid_at` into `score`.
pub(super) fn settle(spec: &TargetSpec, case: &Case, valid_at: Date, score: &mut Score) {
    score.next_due = next_due(spec, case, valid_at);
    if is_retired(spec, valid_at) {
        score.marks.insert(Mark::Retired);
    }
    score.status = status(spec, case, case.course, valid_at);
    score.light = light_of(score.status);
    score.stale = score.status == Status::Stale;
    score.last_known_status = score.stale.then(|| case.held.unwrap_or(case.course));
    score.last_known = score.last_known_status.map(light_of);
}

/// The first day after `valid_at` whose status may be another than on `valid_at`, while the figures stay the same;
/// none where there is no such day. `next` is the day that sees a further figure: what it says is not asked here.
pub(super) fn holds_until(
    spec: &TargetSpec,
    rule: &LightRule,
    case: &Case,
    next: Option<Date>,
    valid_at: Date,
) -> Option<Date> {
    let now = status(spec, case, case.course, valid_at);
    let overdue = |day| Some(days::plus(next_due(spec, case, day)?, 1));
    let closed = days::plus(spec.deadline, 1);
    let window = days::plus(spec.deadline, 1 - i64::from(rule.closing_window_days));
    // Between two of these days nothing in §5 compares with the day.
    let turns = [next, spec.retired_from, Some(closed), Some(window), overdue(valid_at), overdue(closed)];
    let other = |day: &Date| {
        let course = if is_closing(spec, rule, *day) { case.closing } else { case.course };
        Some(*day) == next || status(spec, case, course, *day) != now
    };
    turns.into_iter().flatten().filter(|day| *day > valid_at).filter(other).min()
}

/// The status that holds on `day` (§5), of which `course` is what rows 10 to 13 answer then.
fn status(spec: &TargetSpec, case: &Case, course: Status, day: Date) -> Status {
    let overdue = next_due(spec, case, day).is_some_and(|due| due < day);
    if is_retired(spec, day) || case.not_applicable {
        Status::NotScored
    } else if day > spec.deadline {
        closed(case.verdict, overdue)
    } else {
        open(spec, case, course, overdue)
    }
}

/// The last day on which what is awaited on `day` is not overdue.
fn next_due(spec: &TargetSpec, case: &Case, day: Date) -> Option<Date> {
    // Row 4 waits for the deadline's figure, row 7 for the next period's.
    let awaited = if day > spec.deadline {
        Some(spec.deadline)
    } else {
        case.newest.and_then(|newest| days::period_end_after(newest, spec.frequency))
    };
    awaited.map(|end| days::due(end, spec.release_lag_days, spec.grace_days))
}

fn is_retired(spec: &TargetSpec, day: Date) -> bool {
    spec.retired_from.is_some_and(|from| from <= day)
}

/// Whether `day` lies so close to the deadline that the forecast decides (row 12).
pub(super) fn is_closing(spec: &TargetSpec, rule: &LightRule, day: Date) -> bool {
    days::between(day, spec.deadline) < i64::from(rule.closing_window_days)
}

/// Rows 2 to 5: after the deadline.
fn closed(verdict: Option<Verdict>, overdue: bool) -> Status {
    match verdict {
        Some(Verdict { met: true, settled: true }) => Status::Met,
        Some(Verdict { met: false, settled: true }) => Status::Missed,
        Some(Verdict { met: true, settled: false }) => Status::MetProvisional,
        Some(Verdict { met: false, settled: false }) => Status::MissedProvisional,
        None if overdue => Status::Overdue,
        None => Status::AwaitingData,
    }
}

/// Rows 6 to 13: up to the deadline.
fn open(spec: &TargetSpec, case: &Case, course: Status, overdue: bool) -> Status {
    if !case.visible {
        let assessed = spec.operator == Operator::Qualitative;
        return if assessed { Status::AwaitingAssessment } else { Status::NoData };
    }
    let status = case.held.unwrap_or(course);
    // What row 8 holds met cannot be unmade by silence; all else is only the last known light.
    if overdue && status != Status::Met { Status::Stale } else { status }
}

/// Rows 11 to 13 for a target with an actual, from the components in `score`, in the closing window or before it.
pub(super) fn of_course(spec: &TargetSpec, rule: &LightRule, score: &Score, closing: bool) -> Course {
    let (status, by_forecast) = match (score.deviation, score.forecast) {
        (None, _) => (without_path(spec, rule, score.actual), false),
        (Some(_), Some(forecast)) if closing => (by_forecast(spec, rule, forecast, score.scale), true),
        (Some(deviation), _) => (by_deviation(rule, deviation), false),
    };
    let tolerated = status == Status::FarBehind && within_tolerance(spec, rule, score.gap);
    Course { status: if tolerated { Status::Behind } else { status }, by_forecast, tolerated }
}

/// Row 11; FULL_COVERAGE is judged by its share instead.
fn without_path(spec: &TargetSpec, rule: &LightRule, actual: Option<Decimal>) -> Status {
    match actual {
        Some(share) if spec.operator == Operator::FullCoverage => {
            if share >= rule.coverage_yellow_percent {
                Status::Behind
            } else {
                Status::FarBehind
            }
        }
        _ => Status::NoPath,
    }
}

/// Row 12. A shortfall is counted from the number at which the comparison turns, which for APPROXIMATELY is not N.
fn by_forecast(spec: &TargetSpec, rule: &LightRule, forecast: Decimal, scale: Option<Decimal>) -> Status {
    if met::meets(spec, forecast) {
        return Status::OnTrack;
    }
    let shortfall = met::bound(spec).and_then(|bound| met::distance(spec.ascending, forecast, bound));
    let allowed = scale
        .and_then(|scale| scale.checked_mul(rule.closing_shortfall_percent))
        .and_then(|product| product.checked_div(Decimal::ONE_HUNDRED));
    // A shortfall too large for a decimal has no value, and none is not "at most".
    match shortfall.zip(allowed) {
        Some((shortfall, allowed)) if shortfall <= allowed => Status::Behind,
        _ => Status::FarBehind,
    }
}

/// Row 13.
fn by_deviation(rule: &LightRule, deviation: Decimal) -> Status {
    if deviation >= rule.behind_below_points {
        Status::OnTrack
    } else if deviation >= rule.far_behind_below_points {
        Status::Behind
    } else {
        Status::FarBehind
    }
}

/// Whether a RATIO in % is so close to its goal that it is at worst yellow (§5, below the table).
fn within_tolerance(spec: &TargetSpec, rule: &LightRule, gap: Option<Decimal>) -> bool {
    let in_percent = spec.operator == Operator::FullCoverage || spec.percent;
    let most = || {
        let share = met::goal(spec)?.checked_mul(Decimal::from(GAP_TOLERANCE_MOST_PERCENT))?;
        share.checked_div(Decimal::ONE_HUNDRED)
    };
    let holds = |gap: Decimal| most().is_some_and(|most| gap.abs() <= rule.gap_tolerance_points.min(most));
    spec.accumulation == Accumulation::Ratio && in_percent && gap.is_some_and(holds)
}
