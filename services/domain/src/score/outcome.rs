//! What scoring answers: the status, and every component a reader needs to redo it by hand.
//!
//! Place in the flow: filled part by part while a target is scored; stored by views, rounded only when shown
//! ([`crate::quantity::rounded`]). It must not know: prose, colours on a screen, how it was computed.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::CalcVersion;
use super::spec::DatedValue;
use crate::quantity::Decimal;
use crate::vocabulary::{Light, ObsStatus, PathSource, Status};

/// A remark that stands beside a light.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Mark {
    /// The indicator is retired on this day.
    Retired,
    /// The newest figure has a zero denominator: nothing to cover.
    NotApplicable,
    /// 初步: a figure that counts is not final.
    Provisional,
    /// The actual is an earlier year's flow, a trend.
    Trend,
    /// 上年已达目标值: that earlier year reached N.
    ReachedEarlierYear,
    /// 超出区间: above the upper bound of BETWEEN; not a failure.
    AboveMax,
    /// 超出: above N × (1 + tolerance); not a failure.
    AboveTolerance,
    /// 参考: judged by an interpreted path, or before the year that decides.
    Reference,
    /// 缺期: a period is missing among those summed up.
    MissingPeriod,
    /// 保持型: the start is at or beyond N.
    Maintain,
    /// The forecast decided, not the deviation (closing window).
    ClosingWindow,
    /// Raised to yellow, since the gap is within tolerance.
    WithinTolerance,
    /// Observations after the deadline exist; shown, never scored.
    LaterObserved,
}

impl Mark {
    /// The code as it is written in messages and exports.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Retired => "RETIRED",
            Self::NotApplicable => "NOT_APPLICABLE",
            Self::Provisional => "PROVISIONAL",
            Self::Trend => "TREND",
            Self::ReachedEarlierYear => "REACHED_EARLIER_YEAR",
            Self::AboveMax => "ABOVE_MAX",
            Self::AboveTolerance => "ABOVE_TOLERANCE",
            Self::Reference => "REFERENCE",
            Self::MissingPeriod => "MISSING_PERIOD",
            Self::Maintain => "MAINTAIN",
            Self::ClosingWindow => "CLOSING_WINDOW",
            Self::WithinTolerance => "WITHIN_TOLERANCE",
            Self::LaterObserved => "LATER_OBSERVED",
        }
    }
}

/// One observation as it stands beside the score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figure {
    /// Position of its event in the log.
    pub position: u64,
    /// Its reference date.
    pub date: Date,
    /// Its own number (not the sum it goes into); none for a step or a zero denominator.
    pub value: Option<Decimal>,
    /// Its assessed step.
    pub step: Option<String>,
    /// What the reporter says about its quality.
    pub obs_status: ObsStatus,
    /// 已核 where true, 自报 where false.
    pub verified: bool,
}

/// One year of two compared series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct YearPair {
    /// The year.
    pub year: i16,
    /// The own series' figure of the whole year.
    pub own: Option<Decimal>,
    /// The other series' figure of the whole year.
    pub other: Option<Decimal>,
    /// Lead of the own series in points, positive = ahead (where lower is better: other − own).
    pub gap: Option<Decimal>,
}

/// The answer: one status and everything it was made of. Numbers are unrounded; rates and points are in hundredths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Version of the arithmetic.
    pub calc_version: u32,
    /// Version of the light rule.
    pub rule_version: u32,
    /// The status (§5).
    pub status: Status,
    /// Its light (§5).
    pub light: Light,
    /// The light that would hold were the target not STALE; none otherwise.
    pub last_known: Option<Light>,
    /// The status of [`Score::last_known`].
    pub last_known_status: Option<Status>,
    /// The actual (§2).
    pub actual: Option<Decimal>,
    /// 目标完成率, percent: actual / N; none where lower is better.
    pub target_rate: Option<Decimal>,
    /// 增量完成率, percent: (actual − start) / (N − start).
    pub increment_rate: Option<Decimal>,
    /// The path's value at [`Score::scored_date`].
    pub expected: Option<Decimal>,
    /// Where the path's start comes from; none without a path.
    pub path_source: Option<PathSource>,
    /// The path's start.
    pub path_start: Option<DatedValue>,
    /// 保持型: the path is flat at N.
    pub maintain: bool,
    /// What a deviation of 100 points is measured by.
    pub scale: Option<Decimal>,
    /// Points ahead of the path (negative = behind).
    pub deviation: Option<Decimal>,
    /// Change a day over the last year; none = not enough data.
    pub pace_per_day: Option<Decimal>,
    /// The actual carried on to the deadline at that pace; see [`Score::forecast_shown`].
    pub forecast: Option<Decimal>,
    /// Distance still to go, negative = beyond the goal; of two series, the lead.
    pub gap: Option<Decimal>,
    /// Gap a day until the deadline; none from the deadline on.
    pub required_pace: Option<Decimal>,
    /// 序时进度 at the valid date, 0…1.
    pub time_progress: Decimal,
    /// The visible observation with the greatest date and position.
    pub headline: Option<Figure>,
    /// The newest verified one.
    pub newest_verified: Option<Figure>,
    /// Reference date of the figure that is scored.
    pub scored_date: Option<Date>,
    /// Days from then to the valid date.
    pub age_days: Option<i64>,
    /// Whether the status is STALE.
    pub stale: bool,
    /// Last day before the next report counts as overdue (§5 row 7; after the deadline row 4).
    pub next_due: Option<Date>,
    /// The assessed step of a QUALITATIVE target.
    pub step: Option<String>,
    /// FULL_COVERAGE: how much of the denominator is not covered.
    pub uncovered: Option<Decimal>,
    /// ANNUAL_FLOW: a year to date newer than what is scored; shown, not scored.
    pub year_to_date: Option<DatedValue>,
    /// EXCEEDS_SERIES: year by year, oldest first.
    pub years: Vec<YearPair>,
    /// Remarks beside the light.
    pub marks: BTreeSet<Mark>,
}

impl Score {
    /// A score of nothing by `version` under rule version `rule_version`.
    pub(super) fn empty(version: CalcVersion, rule_version: u32) -> Self {
        Self {
            calc_version: version.number(),
            rule_version,
            status: Status::NoData,
            light: Light::Grey,
            last_known: None,
            last_known_status: None,
            actual: None,
            target_rate: None,
            increment_rate: None,
            expected: None,
            path_source: None,
            path_start: None,
            maintain: false,
            scale: None,
            deviation: None,
            pace_per_day: None,
            forecast: None,
            gap: None,
            required_pace: None,
            time_progress: Decimal::ZERO,
            headline: None,
            newest_verified: None,
            scored_date: None,
            age_days: None,
            stale: false,
            next_due: None,
            step: None,
            uncovered: None,
            year_to_date: None,
            years: Vec::new(),
            marks: BTreeSet::new(),
        }
    }

    /// The forecast as people see it: a negative one is shown as 0 (§3), though it is judged as computed.
    pub fn forecast_shown(&self) -> Option<Decimal> {
        self.forecast.map(|forecast| forecast.max(Decimal::ZERO))
    }
}
