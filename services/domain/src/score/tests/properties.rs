//! What holds for every target and every set of observations.

use jiff::civil::Date;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::{
    CalcVersion, DatedValue, LightRule, Mark, Observation, Score, Series, TargetSpec, days, met, score, score_until,
};
use super::support::{day, in_order};
use crate::quantity::Decimal;
use crate::vocabulary::{Accumulation, Basis, Frequency, ObsStatus, Operator, PathKind, Status};

/// Dates around the plan, before it and after it.
pub(super) fn dates() -> impl Strategy<Value = Date> {
    (-400i64..2400).prop_map(|offset| days::plus(day("2022-01-01"), offset))
}

/// Dates where figures really lie: quarter ends, often the deadline.
pub(super) fn period_ends() -> impl Strategy<Value = Date> {
    let ends = (2021i16..=2027).flat_map(|year| [(3, 31), (6, 30), (9, 30), (12, 31)].map(|(m, d)| (year, m, d)));
    let ends: Vec<Date> = ends.map(|(year, month, day)| Date::new(year, month, day).unwrap()).collect();
    prop_oneof![3 => select(ends), 1 => Just(day("2026-12-31")), 1 => dates()]
}

fn any_date() -> impl Strategy<Value = Date> {
    prop_oneof![8 => dates(), 1 => Just(Date::MIN), 1 => Just(Date::MAX)]
}

/// Amounts as they may enter: up to two decimals.
fn amounts() -> impl Strategy<Value = Decimal> {
    (0i64..20_000).prop_map(|cents| Decimal::new(cents, 2))
}

/// Any decimal at all.
fn extremes() -> impl Strategy<Value = Decimal> {
    let parts = (any::<u32>(), any::<u32>(), any::<u32>(), any::<bool>(), 0u32..=28);
    prop_oneof![
        3 => parts.prop_map(|(lo, mid, hi, negative, scale)| Decimal::from_parts(lo, mid, hi, negative, scale)),
        1 => select(vec![Decimal::MAX, Decimal::MIN, Decimal::ZERO, Decimal::new(1, 28), Decimal::ONE]),
        2 => amounts(),
    ]
}

fn steps() -> impl Strategy<Value = Option<String>> {
    option::of(select(vec!["起步".to_owned(), "并跑".to_owned(), "领先".to_owned(), "飞跃".to_owned()]))
}

/// A target, with numbers from `numbers` and dates from `dates`.
fn targets<N, D>(numbers: fn() -> N, dates: fn() -> D) -> impl Strategy<Value = TargetSpec>
where
    N: Strategy<Value = Decimal>,
    D: Strategy<Value = Date> + 'static,
{
    let kinds = (
        select(Operator::ALL),
        select(Accumulation::ALL),
        prop_oneof![4 => Just(PathKind::Linear), 1 => Just(PathKind::EndOnly)],
        any::<bool>(),
        any::<bool>(),
        select(Frequency::ALL),
    );
    let dated = move || (dates(), numbers()).prop_map(|(date, value)| DatedValue { date, value });
    let amounts = (option::of(numbers()), option::of(numbers()), option::of(numbers()));
    let deadlines = prop_oneof![4 => Just(day("2026-12-31")).boxed(), 1 => dates().boxed()];
    let times = (deadlines, 0u32..400, 0u32..90, option::weighted(0.1, dates()));
    (kinds, amounts, option::of(dated()), vec(dated(), 0..4), times, steps()).prop_map(
        |(kinds, (value, max, tolerance), baseline, interim, times, required_step)| TargetSpec {
            plan_start: day("2022-01-01"),
            plan_end: day("2026-12-31"),
            deadline: times.0,
            operator: kinds.0,
            accumulation: kinds.1,
            path_kind: kinds.2,
            ascending: kinds.3,
            value,
            max,
            tolerance,
            percent: kinds.4,
            steps: ["起步", "并跑", "领先"].map(str::to_owned).to_vec(),
            required_step,
            baseline,
            interim,
            frequency: kinds.5,
            release_lag_days: times.1,
            grace_days: times.2,
            retired_from: times.3,
        },
    )
}

/// Observations with positions 1, 2, 3 …
fn observations<N, D>(numbers: fn() -> N, dates: fn() -> D) -> impl Strategy<Value = Vec<Observation>>
where
    N: Strategy<Value = Decimal>,
    D: Strategy<Value = Date> + 'static,
{
    let kinds = (select(Basis::ALL), any::<bool>(), select(ObsStatus::ALL), any::<bool>());
    let amounts = (option::weighted(0.9, numbers()), option::of((numbers(), numbers())));
    let one = (kinds, dates(), option::of(0i64..400), amounts, steps()).prop_map(
        |((basis, own, obs_status, verified), end, length, (value, counts), step)| Observation {
            position: 0,
            series: if own { Series::Own } else { Series::Other },
            basis,
            start: length.map(|length| days::plus(end, -length)),
            end,
            value,
            numerator: counts.map(|counts| counts.0),
            denominator: counts.map(|counts| counts.1),
            step,
            obs_status,
            verified,
        },
    );
    vec(one, 0..14)
        .prop_map(|all| (1..).zip(all).map(|(position, of)| Observation { position, ..of }).collect::<Vec<_>>())
}

/// A target as ingest lets it through: operator and accumulation fit, the baseline lies before the plan.
pub(super) fn legal_targets() -> impl Strategy<Value = TargetSpec> {
    let numeric = select(vec![
        Accumulation::Stock,
        Accumulation::Cumulative,
        Accumulation::AnnualFlow,
        Accumulation::RunningTotal,
        Accumulation::Ratio,
    ]);
    let rarely_retired = option::weighted(0.02, dates());
    (targets(amounts, period_ends), numeric, amounts(), rarely_retired).prop_map(
        |(spec, numeric, value, retired_from)| TargetSpec {
            accumulation: match spec.operator {
                Operator::FullCoverage => Accumulation::Ratio,
                Operator::ExceedsSeries => Accumulation::Paired,
                Operator::Qualitative => Accumulation::None,
                _ => numeric,
            },
            ascending: spec.ascending || !matches!(numeric, Accumulation::Stock | Accumulation::Ratio),
            value: Some(value + Decimal::ONE),
            baseline: spec.baseline.map(|of| DatedValue { date: day("2021-12-31"), ..of }),
            retired_from,
            ..spec
        },
    )
}

pub(super) fn legal_observations() -> impl Strategy<Value = Vec<Observation>> {
    observations(amounts, period_ends)
}

/// `observation` as a reporter of `spec` would send it.
pub(super) fn fitted(spec: &TargetSpec, observation: &Observation) -> Observation {
    let mut of = observation.clone();
    let quarter = days::plus(of.end, -89).first_of_month();
    let odd = of.position % 2 == 1;
    (of.basis, of.start, of.end) = match (spec.operator, spec.accumulation) {
        (Operator::ExceedsSeries, _) => (Basis::FullYear, None, of.end.last_of_year()),
        (_, Accumulation::Cumulative | Accumulation::RunningTotal) if odd => (Basis::PlanToDate, None, of.end),
        (_, Accumulation::Cumulative | Accumulation::RunningTotal) => (Basis::Period, Some(quarter), of.end),
        (_, Accumulation::AnnualFlow) if odd => (Basis::FullYear, None, of.end.last_of_year()),
        (_, Accumulation::AnnualFlow) => (Basis::YearToDate, None, of.end),
        _ => (Basis::StockAt, None, of.end),
    };
    if spec.operator != Operator::ExceedsSeries {
        of.series = Series::Own;
    }
    let (numerator, denominator) = (of.numerator.min(of.denominator), of.numerator.max(of.denominator));
    Observation { numerator, denominator, ..of }
}

/// A target, its observations, and a day: what the projector meets.
pub(super) fn legal_cases() -> impl Strategy<Value = (TargetSpec, Vec<Observation>, Date)> {
    let valid_at = prop_oneof![2 => dates(), 1 => (0i64..250).prop_map(|back| days::plus(day("2026-12-31"), -back))];
    (legal_targets(), legal_observations(), valid_at).prop_map(|(spec, seen, valid_at)| {
        let seen = seen.iter().map(|of| fitted(&spec, of)).collect();
        (spec, seen, valid_at)
    })
}

/// A level that rises from a baseline, so that one figure cannot move its own path.
fn levels() -> impl Strategy<Value = TargetSpec> {
    let operators = select(vec![Operator::AtLeast, Operator::MoreThan]);
    (legal_targets(), operators, amounts(), amounts()).prop_map(|(spec, operator, start, value)| TargetSpec {
        operator,
        accumulation: Accumulation::Stock,
        path_kind: PathKind::Linear,
        ascending: true,
        value: Some(value + Decimal::ONE),
        baseline: Some(DatedValue { date: day("2021-12-31"), value: start }),
        ..spec
    })
}

fn of(spec: &TargetSpec, observations: &[Observation], valid_at: Date) -> Score {
    score(CalcVersion::V1, spec, &LightRule::default(), &in_order(observations.to_vec()), valid_at)
}

fn is_met(status: Status) -> bool {
    matches!(status, Status::Met | Status::MetProvisional | Status::MetSoFar)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn nothing_makes_scoring_panic(
        spec in targets(extremes, any_date),
        seen in observations(extremes, any_date),
        valid_at in any_date(),
        thresholds in (extremes(), extremes(), extremes(), any::<u32>()),
        lags in (any::<u32>(), any::<u32>()),
    ) {
        let rule = LightRule {
            behind_below_points: thresholds.0,
            closing_shortfall_percent: thresholds.1,
            gap_tolerance_points: thresholds.2,
            closing_window_days: thresholds.3,
            ..LightRule::default()
        };
        let seen = in_order(seen);
        let late = TargetSpec { release_lag_days: lags.0, grace_days: lags.1, ..spec.clone() };
        for version in [CalcVersion::V1, CalcVersion::V2] {
            score_until(version, &spec, &rule, &seen, valid_at);
            score_until(version, &late, &rule, &seen, valid_at);
        }
    }

    #[test]
    fn the_order_of_observations_does_not_matter(
        spec in targets(extremes, period_ends),
        (seen, shuffled) in observations(extremes, period_ends).prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        valid_at in dates(),
    ) {
        prop_assert_eq!(of(&spec, &seen, valid_at), of(&spec, &shuffled, valid_at));
    }

    #[test]
    fn what_is_met_fulfils_its_comparison(
        (spec, seen, valid_at) in legal_cases(),
    ) {
        let score = of(&spec, &seen, valid_at);
        if is_met(score.status) {
            match spec.operator {
                Operator::ExceedsSeries => prop_assert!(score.gap.unwrap() > Decimal::ZERO),
                Operator::Qualitative => prop_assert!(score.step.is_some() && spec.required_step.is_some()),
                Operator::FullCoverage => prop_assert_eq!(score.uncovered, Some(Decimal::ZERO)),
                _ => prop_assert!(met::meets(&spec, score.actual.unwrap())),
            }
        }
    }

    #[test]
    fn an_observation_out_of_sight_changes_nothing_but_the_later_mark(
        (spec, seen, valid_at) in legal_cases(), late in legal_observations(),
    ) {
        let limit = valid_at.min(spec.deadline);
        let late = late.iter().map(|of| fitted(&spec, of)).filter(|late| late.end > limit);
        let late = late.map(|late| Observation { position: late.position + 99, ..late });
        let more: Vec<_> = seen.iter().cloned().chain(late).collect();
        let without_mark = |mut score: Score| {
            score.marks.remove(&Mark::LaterObserved);
            score
        };
        prop_assert_eq!(without_mark(of(&spec, &seen, valid_at)), without_mark(of(&spec, &more, valid_at)));
    }

    #[test]
    fn a_rising_actual_never_worsens_the_deviation(
        spec in levels(), before in amounts(), now in amounts(), more in amounts(), at in period_ends(),
    ) {
        let figures = |now| [
            Observation { position: 1, ..super::support::at("2022-03-31", &before.to_string()) },
            Observation { position: 2, end: at, value: Some(now), ..super::support::at("2022-03-31", "0") },
        ];
        let valid_at = at.min(spec.deadline);
        let lower = of(&spec, &figures(now), valid_at);
        let higher = of(&spec, &figures(now + more), valid_at);
        prop_assert!(higher.deviation >= lower.deviation, "{:?} < {:?}", higher.deviation, lower.deviation);
        prop_assert!(higher.forecast >= lower.forecast);
        prop_assert!(!is_met(lower.status) || is_met(higher.status) || higher.status == Status::Stale);
    }

    #[test]
    fn being_final_never_turns_met_into_missed(
        (spec, seen, valid_at) in legal_cases(),
    ) {
        let before = of(&spec, &seen, valid_at);
        let finals: Vec<_> = seen.iter().map(|of| Observation { verified: true, ..of.clone() }).collect();
        let after = of(&spec, &finals, valid_at);
        let pair = (before.status, after.status);
        let allowed = before.status == after.status
            || pair == (Status::MetProvisional, Status::Met)
            || pair == (Status::MissedProvisional, Status::Missed);
        prop_assert!(allowed, "{:?}", pair);
        prop_assert_eq!(before.actual, after.actual);
    }

    #[test]
    fn a_descending_target_is_the_mirror_of_a_rising_one(
        spec in levels(), seen in legal_observations(), valid_at in dates(),
    ) {
        let seen: Vec<_> = seen.iter().map(|of| fitted(&spec, of)).collect();
        let goal = spec.value.unwrap();
        let turned = |value: Decimal| goal + goal - value;
        let mirror = TargetSpec {
            ascending: false,
            baseline: spec.baseline.map(|of| DatedValue { value: turned(of.value), ..of }),
            interim: spec.interim.iter().map(|of| DatedValue { value: turned(of.value), ..*of }).collect(),
            ..spec.clone()
        };
        let mirrored: Vec<_> =
            seen.iter().map(|of| Observation { value: of.value.map(turned), ..of.clone() }).collect();
        let rising = of(&spec, &seen, valid_at);
        let falling = of(&mirror, &mirrored, valid_at);
        prop_assert_eq!(rising.status, falling.status);
        prop_assert_eq!(rising.deviation, falling.deviation);
        prop_assert_eq!(rising.gap, falling.gap);
        prop_assert_eq!(rising.scale, falling.scale);
        prop_assert_eq!(rising.maintain, falling.maintain);
    }

    #[test]
    fn a_forecast_has_a_path_and_a_light_has_its_status(
        (spec, seen, valid_at) in legal_cases(),
    ) {
        let score = of(&spec, &seen, valid_at);
        prop_assert!(score.forecast.is_none() || score.path_source.is_some());
        prop_assert_eq!(score.deviation.is_some(), score.path_source.is_some());
        prop_assert_eq!(score.light, crate::score::light_of(score.status));
        prop_assert_eq!(score.stale, score.last_known.is_some());
        prop_assert!(score.time_progress >= Decimal::ZERO && score.time_progress <= Decimal::ONE);
        if let (Some(date), true) = (score.scored_date, spec.deadline >= valid_at) {
            prop_assert!(date <= valid_at);
        }
    }
}
