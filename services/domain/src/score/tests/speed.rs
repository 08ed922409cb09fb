//! How long a score takes: `cargo test --release -p songhua-domain speed -- --ignored --nocapture`.

use std::hint::black_box;
use std::io::Write as _;
use std::time::Instant;

use super::super::{CalcVersion, DatedValue, LightRule, Observation, TargetSpec, days, score_until};
use super::support::*;
use crate::quantity::Decimal;
use crate::vocabulary::Basis;

/// The best of so many batches counts: other work on the machine only adds.
const BATCHES: u32 = 200;
const ROUNDS: u32 = 10;
/// Days of the plan on which figures lie.
const DAYS: i64 = 1_780;

/// `count` figures spread over the plan, in order; several fall on one day.
fn many(count: i64, figure: impl Fn(i64, Observation) -> Observation) -> Vec<Observation> {
    let one = |n: i64| {
        let of = at("2022-01-01", "0");
        let end = days::plus(of.end, n * DAYS / count);
        let value = Some(Decimal::new(n * 100_000 / count, 2));
        figure(n, Observation { position: n.unsigned_abs() + 1, end, value, ..of })
    };
    (0..count).map(one).collect()
}

/// `count` periods that lie end to end, a day each; a plan as long as it takes.
fn periods(count: i64) -> Vec<Observation> {
    let first = day("2026-11-20");
    let one = |n: i64| {
        let end = days::plus(first, n + 1 - count);
        Observation {
            position: n.unsigned_abs() + 1,
            basis: Basis::Period,
            start: Some(end),
            end,
            ..at("2022-01-01", "0.25")
        }
    };
    (0..count).map(one).collect()
}

fn measure(name: &str, spec: &TargetSpec, observations: &[Observation]) {
    for version in [CalcVersion::V1, CalcVersion::V2] {
        let batch = |_| {
            let began = Instant::now();
            for _ in 0..ROUNDS {
                black_box(score_until(
                    version,
                    spec,
                    &LightRule::default(),
                    black_box(observations),
                    day("2026-11-23"),
                ));
            }
            began.elapsed() / ROUNDS
        };
        let each = (0..BATCHES).map(batch).min().unwrap();
        writeln!(std::io::stderr(), "{name}, {} figures, {version:?}: {each:?}", observations.len()).unwrap();
    }
}

#[test]
#[ignore = "prints times, asserts nothing"]
fn how_long_a_score_takes() {
    for count in [2_000, 14_000] {
        let verified = |n: i64, of: Observation| Observation { verified: n % 40 == 0, ..of };
        let share = |n: i64, of: Observation| {
            let denominator = Some(Decimal::from(700 + n));
            verified(n, Observation { numerator: of.value, denominator, value: None, ..of })
        };
        let levels = many(count, verified);
        measure("STOCK", &rising("0", "1000"), &levels);
        measure("STOCK, path interpreted", &stock("1000"), &levels);
        measure("STOCK, none verified", &rising("0", "1000"), &many(count, |_, of| of));
        let start = Some(DatedValue { value: dec("1"), date: day("2021-12-31") });
        measure("RATIO", &TargetSpec { baseline: start, ..ratio("90") }, &many(count, share));
        measure("RUNNING_TOTAL of totals", &TargetSpec { baseline: start, ..running_total("1000") }, &{
            many(count, |n, of| verified(n, Observation { basis: Basis::PlanToDate, ..of }))
        });
        let periods = periods(count);
        let plan_start = periods[0].end;
        let whole = TargetSpec { plan_start, ..cumulative("9000") };
        measure("CUMULATIVE of periods", &whole, &periods);
        let plan_start = days::plus(plan_start, -1);
        measure("CUMULATIVE of periods, one missing", &TargetSpec { plan_start, ..whole }, &periods);
    }
}
