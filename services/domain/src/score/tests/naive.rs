//! §2 and §3 read the slow and plain way: everything filtered anew for every day, nothing carried over.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use proptest::prelude::*;

use super::super::{CalcVersion, LightRule, Mark, Observation, Score, TargetSpec, days, score, verified_only};
use super::properties::*;
use super::support::{day, in_order};
use crate::quantity::{Decimal, rounded};
use crate::vocabulary::{Accumulation, Basis, Operator, PathKind};

/// What a sum adds up.
struct Summands<'a> {
    /// The day after which its periods start.
    base: Date,
    /// All of it; what is no figure has the first date there is.
    values: Vec<(Date, Decimal)>,
    periods: Vec<&'a Observation>,
}

fn summands<'a>(spec: &TargetSpec, seen: &'a [Observation], on: Date) -> Option<Summands<'a>> {
    let told: Vec<&Observation> = seen.iter().filter(|of| of.end <= on && of.value.is_some()).collect();
    let total = told.iter().filter(|of| of.basis == Basis::PlanToDate).max_by_key(|of| (of.end, of.position));
    let (base, mut values) = match (total, spec.accumulation) {
        (Some(total), _) => (total.end, vec![(total.end, total.value?)]),
        (None, Accumulation::RunningTotal) => (spec.baseline?.date, vec![(Date::MIN, spec.baseline?.value)]),
        (None, _) => (day("2021-12-31"), Vec::new()),
    };
    let periods = told.into_iter().filter(|of| of.basis == Basis::Period && of.start > Some(base)).collect::<Vec<_>>();
    values.extend(periods.iter().filter_map(|of| Some((of.end, of.value?))));
    Some(Summands { base, values, periods })
}

/// The value that §2 counts on exactly this day.
fn value_on(spec: &TargetSpec, seen: &[Observation], on: Date) -> Option<Decimal> {
    if spec.accumulation == Accumulation::Stock {
        let figures = seen.iter().filter(|of| of.end == on && of.basis == Basis::StockAt && of.value.is_some());
        return figures.max_by_key(|of| of.position)?.value;
    }
    let values = summands(spec, seen, on)?.values;
    values.iter().any(|(date, _)| *date == on).then(|| values.iter().map(|(_, value)| value).sum())
}

/// Whether a day between the sum's base and its last period is in no period.
fn has_hole(spec: &TargetSpec, seen: &[Observation], on: Date) -> bool {
    let Some(Summands { base, periods, .. }) = summands(spec, seen, on) else { return false };
    let Some(last) = periods.iter().map(|of| of.end).max() else { return false };
    let covered = |date: Date| periods.iter().any(|of| of.start <= Some(date) && date <= of.end);
    (1..=days::between(base, last)).any(|n| !covered(days::plus(base, n)))
}

/// Change a day by each version, from the values of the last 366 days.
fn paces(values: &BTreeMap<Date, Decimal>, last: Date) -> [Option<Decimal>; 2] {
    let window: Vec<_> = values.range(days::plus(last, -366)..=last).collect();
    let (Some((first, start)), Some((_, end))) = (window.first(), window.last()) else { return [None; 2] };
    let apart = days::between(**first, last);
    if apart < 60 {
        return [None; 2];
    }
    let n = Decimal::from(window.len());
    let x = |date: &Date| Decimal::from(days::between(**first, *date)) * n;
    let middle = window.iter().map(|(date, _)| x(date)).sum::<Decimal>() / n;
    let change: Decimal = window.iter().map(|(date, value)| (x(date) - middle) * **value).sum();
    let over: Decimal = window.iter().map(|(date, _)| (x(date) - middle) * (x(date) - middle)).sum();
    [Some((*end - *start) / Decimal::from(apart)), (window.len() >= 3).then(|| change * n / over)]
}

fn shown(value: Option<Decimal>) -> Option<Decimal> {
    value.map(|value| rounded(value, 12))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

    #[test]
    fn sums_and_levels_are_what_a_plain_reading_finds(
        spec in legal_targets(),
        accumulation in prop::sample::select(vec![Accumulation::Stock, Accumulation::Cumulative, Accumulation::RunningTotal]),
        seen in prop::collection::vec(legal_observations(), 1..6),
        valid_at in dates(),
    ) {
        let (operator, path_kind) = (Operator::AtLeast, PathKind::Linear);
        let spec = TargetSpec { operator, path_kind, accumulation, ..spec };
        let seen = (1..).zip(seen.concat()).map(|(position, of)| fitted(&spec, &Observation { position, ..of }));
        let seen = in_order(seen.collect());
        let limit = valid_at.min(spec.deadline);
        let dates: BTreeSet<Date> = seen.iter().map(|of| of.end).filter(|date| *date <= limit).collect();
        let values: BTreeMap<Date, Decimal> =
            dates.iter().filter_map(|date| Some((*date, value_on(&spec, &seen, *date)?))).collect();
        let of = |version| score(version, &spec, &LightRule::default(), &seen, valid_at);
        let Score { actual, scored_date, marks, path_start, pace_per_day, .. } = of(CalcVersion::V1);
        // A figure that a later total covers has a value of its own day, but is not what the sum ends with.
        let last = match accumulation {
            Accumulation::Stock => values.keys().next_back().copied(),
            _ => summands(&spec, &seen, limit).and_then(|sum| sum.values.into_iter().map(|(date, _)| date).max()),
        };
        let last = last.filter(|date| values.contains_key(date));
        prop_assert_eq!((scored_date, actual), (last, last.and_then(|date| values.get(&date).copied())));
        let Some(last) = last else { return Ok(()) };
        let hole = accumulation != Accumulation::Stock && has_hole(&spec, &seen, limit);
        prop_assert_eq!(marks.contains(&Mark::MissingPeriod), hole);
        let [first_to_last, line] = paces(&values, last);
        prop_assert_eq!(shown(pace_per_day), shown(first_to_last));
        prop_assert_eq!(shown(of(CalcVersion::V2).pace_per_day), shown(line));
        if spec.baseline.is_none() && accumulation != Accumulation::Cumulative && path_start.is_some() {
            let first = values.range(spec.plan_start..=days::plus(last, -60)).next();
            prop_assert_eq!(path_start.map(|start| (start.date, start.value)), first.map(|(date, value)| (*date, *value)));
        }
    }

    #[test]
    fn figures_may_be_told_by_reference_and_filtered_before(
        (spec, seen, valid_at) in legal_cases(),
    ) {
        let seen = in_order(seen);
        let of = |observations: &[&Observation]| score(CalcVersion::V1, &spec, &LightRule::default(), observations, valid_at);
        let all: Vec<&Observation> = seen.iter().collect();
        prop_assert_eq!(of(&all), score(CalcVersion::V1, &spec, &LightRule::default(), &seen, valid_at));
        let checked = of(&verified_only(&seen));
        prop_assert_eq!(&checked.headline, &checked.newest_verified);
        prop_assert_eq!(checked.newest_verified, of(&all).newest_verified);
    }
}
