//! Short ways to write a target and its observations.

use jiff::civil::Date;

use super::super::{CalcVersion, DatedValue, LightRule, Observation, Score, Series, TargetSpec, put_in_order, score};
use crate::quantity::{Decimal, parse_decimal, rounded};
use crate::vocabulary::{Accumulation, Basis, Frequency, ObsStatus, Operator, PathKind};

pub(super) fn day(text: &str) -> Date {
    text.parse().unwrap()
}

pub(super) fn dec(text: &str) -> Decimal {
    parse_decimal(text).unwrap()
}

pub(super) fn dated(date: &str, value: &str) -> DatedValue {
    DatedValue { date: day(date), value: dec(value) }
}

/// A quarterly AT_LEAST target for the end of 2026, without a baseline; release lag 0, grace 45 days.
pub(super) fn target(accumulation: Accumulation, value: &str) -> TargetSpec {
    TargetSpec {
        plan_start: day("2022-01-01"),
        plan_end: day("2026-12-31"),
        deadline: day("2026-12-31"),
        operator: Operator::AtLeast,
        accumulation,
        path_kind: PathKind::Linear,
        ascending: true,
        value: Some(dec(value)),
        max: None,
        tolerance: None,
        percent: false,
        steps: Vec::new(),
        required_step: None,
        baseline: None,
        interim: Vec::new(),
        frequency: Frequency::Quarter,
        release_lag_days: 0,
        grace_days: 45,
        retired_from: None,
    }
}

pub(super) fn stock(value: &str) -> TargetSpec {
    target(Accumulation::Stock, value)
}

/// A stock from `from` at the end of 2021 to `to`.
pub(super) fn rising(from: &str, to: &str) -> TargetSpec {
    TargetSpec { baseline: Some(dated("2021-12-31", from)), ..stock(to) }
}

pub(super) fn cumulative(value: &str) -> TargetSpec {
    target(Accumulation::Cumulative, value)
}

pub(super) fn running_total(value: &str) -> TargetSpec {
    target(Accumulation::RunningTotal, value)
}

pub(super) fn flow(value: &str) -> TargetSpec {
    target(Accumulation::AnnualFlow, value)
}

/// A ratio in %.
pub(super) fn ratio(value: &str) -> TargetSpec {
    TargetSpec { percent: true, ..target(Accumulation::Ratio, value) }
}

pub(super) fn coverage() -> TargetSpec {
    TargetSpec { operator: Operator::FullCoverage, value: None, ..ratio("100") }
}

pub(super) fn exceeds() -> TargetSpec {
    let operator = Operator::ExceedsSeries;
    TargetSpec { operator, value: None, frequency: Frequency::Year, ..target(Accumulation::Paired, "0") }
}

pub(super) fn qualitative() -> TargetSpec {
    TargetSpec {
        operator: Operator::Qualitative,
        value: None,
        steps: ["起步", "并跑", "领先"].map(str::to_owned).to_vec(),
        required_step: Some("领先".to_owned()),
        ..target(Accumulation::None, "0")
    }
}

fn observation(basis: Basis, end: &str, value: Option<&str>) -> Observation {
    Observation {
        position: 0,
        series: Series::Own,
        basis,
        start: None,
        end: day(end),
        value: value.map(dec),
        numerator: None,
        denominator: None,
        step: None,
        obs_status: ObsStatus::Provisional,
        verified: false,
    }
}

pub(super) fn at(date: &str, value: &str) -> Observation {
    observation(Basis::StockAt, date, Some(value))
}

pub(super) fn period(start: &str, end: &str, value: &str) -> Observation {
    Observation { start: Some(day(start)), ..observation(Basis::Period, end, Some(value)) }
}

pub(super) fn to_date(end: &str, value: &str) -> Observation {
    observation(Basis::PlanToDate, end, Some(value))
}

pub(super) fn year(year: i16, value: &str) -> Observation {
    observation(Basis::FullYear, &format!("{year}-12-31"), Some(value))
}

pub(super) fn year_to_date(end: &str, value: &str) -> Observation {
    observation(Basis::YearToDate, end, Some(value))
}

pub(super) fn share(date: &str, numerator: &str, denominator: &str) -> Observation {
    let (numerator, denominator) = (Some(dec(numerator)), Some(dec(denominator)));
    Observation { numerator, denominator, ..observation(Basis::StockAt, date, None) }
}

pub(super) fn assessed(date: &str, step: &str) -> Observation {
    Observation { step: Some(step.to_owned()), ..observation(Basis::StockAt, date, None) }
}

pub(super) fn other(of: Observation) -> Observation {
    Observation { series: Series::Other, ..of }
}

pub(super) fn with_status_a(of: Observation) -> Observation {
    Observation { obs_status: ObsStatus::Normal, ..of }
}

pub(super) fn verified(of: Observation) -> Observation {
    Observation { verified: true, ..of }
}

/// Scores under the default rule; positions follow the order of `observations`.
pub(super) fn on(spec: &TargetSpec, observations: &[Observation], valid_at: &str) -> Score {
    under(spec, &LightRule::default(), observations, valid_at)
}

pub(super) fn under(spec: &TargetSpec, rule: &LightRule, observations: &[Observation], valid_at: &str) -> Score {
    score(CalcVersion::V1, spec, rule, &numbered(observations), day(valid_at))
}

/// Scores by version 2 under the default rule.
pub(super) fn by_line(spec: &TargetSpec, observations: &[Observation], valid_at: &str) -> Score {
    score(CalcVersion::V2, spec, &LightRule::default(), &numbered(observations), day(valid_at))
}

/// `observations` with positions 1, 2, 3 …, in order.
pub(super) fn numbered(observations: &[Observation]) -> Vec<Observation> {
    let numbered = (1..).zip(observations).map(|(position, of)| Observation { position, ..of.clone() });
    in_order(numbered.collect())
}

pub(super) fn in_order(mut observations: Vec<Observation>) -> Vec<Observation> {
    put_in_order(&mut observations);
    observations
}

/// A component as it is shown: one decimal.
pub(super) fn shown(value: Option<Decimal>) -> Option<String> {
    value.map(|value| rounded(value, 1).to_string())
}
