//! What scoring is told: the target, the rule of its lights, and the observations.
//!
//! Place in the flow: filled by the folded plan state from events; read by every other part of scoring. It must not
//! know: agencies, wire formats, where a value was stored.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::quantity::Decimal;
use crate::vocabulary::{Accumulation, Basis, Frequency, ObsStatus, Operator, PathKind};

/// A value and the date it holds at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatedValue {
    /// The date.
    pub date: Date,
    /// The value.
    pub value: Decimal,
}

/// What a target asks for and how it is judged: all that scoring needs of indicator, target, baseline and interim
/// targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetSpec {
    /// First day of the plan.
    pub plan_start: Date,
    /// Last day of the plan.
    pub plan_end: Date,
    /// Day the target is to be reached; the reference year of a flow is its year.
    pub deadline: Date,
    /// How the actual is compared with the target.
    pub operator: Operator,
    /// How observations add up.
    pub accumulation: Accumulation,
    /// Whether there is a path before the deadline at all.
    pub path_kind: PathKind,
    /// `false` where lower is better.
    pub ascending: bool,
    /// N; none for FULL_COVERAGE (100 %), EXCEEDS_SERIES and QUALITATIVE.
    pub value: Option<Decimal>,
    /// Upper bound of BETWEEN.
    pub max: Option<Decimal>,
    /// Tolerance of APPROXIMATELY as a share of N (0.1 = 10 %); none counts as 0.
    pub tolerance: Option<Decimal>,
    /// Whether the unit is %: then numerator / denominator is taken × 100.
    pub percent: bool,
    /// Steps of a QUALITATIVE scale, lowest first.
    pub steps: Vec<String>,
    /// Step that a QUALITATIVE target asks for.
    pub required_step: Option<String>,
    /// Where the target started from.
    pub baseline: Option<DatedValue>,
    /// Interim targets (年度目标), in any order.
    pub interim: Vec<DatedValue>,
    /// How often the indicator is reported.
    pub frequency: Frequency,
    /// Days from a period's end to the release of its figure.
    pub release_lag_days: u32,
    /// Days after the release before a figure is overdue.
    pub grace_days: u32,
    /// First day on which the indicator is no longer scored.
    pub retired_from: Option<Date>,
}

/// The thresholds of the lights: data, versioned, marked INTERPRETED in the plan (SCORING §5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LightRule {
    /// Version of the rule; every version stays callable.
    pub version: u32,
    /// Below this deviation in points a target is behind.
    pub behind_below_points: Decimal,
    /// Below this deviation in points a target is far behind.
    pub far_behind_below_points: Decimal,
    /// With fewer days than this to the deadline the forecast decides.
    pub closing_window_days: u32,
    /// A forecast that falls short by at most this percentage of scale is behind, not far behind.
    pub closing_shortfall_percent: Decimal,
    /// A RATIO in % this close to the goal is at worst yellow; counted up to 5 % of N.
    pub gap_tolerance_points: Decimal,
    /// FULL_COVERAGE without a path is yellow from this share on.
    pub coverage_yellow_percent: Decimal,
}

impl Default for LightRule {
    /// The plan's first rule (SCORING §5).
    fn default() -> Self {
        Self {
            version: 1,
            behind_below_points: Decimal::from(-10),
            far_behind_below_points: Decimal::from(-30),
            closing_window_days: 180,
            closing_shortfall_percent: Decimal::TEN,
            gap_tolerance_points: Decimal::new(5, 1),
            coverage_yellow_percent: Decimal::from(90),
        }
    }
}

/// Which series an observation belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Series {
    /// The target's own indicator.
    #[serde(rename = "OWN")]
    Own,
    /// The indicator an EXCEEDS_SERIES target is compared with; ignored for any other operator.
    #[serde(rename = "OTHER")]
    Other,
}

/// One live observation of the total.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// Position of its event in the log; unique, and decides between figures of one date.
    pub position: u64,
    /// Own or compared series.
    pub series: Series,
    /// What the number covers.
    pub basis: Basis,
    /// First day of the period; none for a level at a date.
    pub start: Option<Date>,
    /// Reference date: the `as_of` date or the period's last day.
    pub end: Date,
    /// The number as reported.
    pub value: Option<Decimal>,
    /// Numerator of a RATIO.
    pub numerator: Option<Decimal>,
    /// Denominator of a RATIO; zero means not applicable.
    pub denominator: Option<Decimal>,
    /// The assessed step of a QUALITATIVE indicator.
    pub step: Option<String>,
    /// What the reporter says about its quality.
    pub obs_status: ObsStatus,
    /// Whether an auditor verified this very figure.
    pub verified: bool,
}

impl Observation {
    /// Whether the figure is final: status A, or verified (§5 row 2).
    pub fn is_final(&self) -> bool {
        self.verified || self.obs_status == ObsStatus::Normal
    }
}
