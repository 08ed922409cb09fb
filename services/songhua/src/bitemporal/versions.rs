//! Two versions of the arithmetic, switched by an event: each stays callable for what was known under it.

use jiff::SignedDuration;
use jiff::civil::{Date, date};
use songhua_domain::event::{
    BaselineRestated, CalculationAdopted, Figure, MeasurementReported, ReferencePeriod, TOTAL, TargetRevised,
};
use songhua_domain::quantity::{Decimal, rounded};
use songhua_domain::vocabulary::{Basis, ObsStatus};
use songhua_progress::ProgressServer;
use songhua_wire::pb;
use songhua_wire::pb::as_of::Known;
use songhua_wire::pb::progress_service_server::ProgressService;
use songhua_wire::time::date_to_pb;

use super::dice::Dice;
use super::grown::{Grown, request};
use super::plan::{END, PLAN, id, point};
use super::reads::runtime;
use super::world::{World, agency, office};

/// The day of the worked example AT_LEAST of services/domain/README.md.
const DAY: Date = date(2026, 11, 23);

fn figure(end: Date, value: i64) -> MeasurementReported {
    MeasurementReported {
        area: id("city"),
        indicator: id("labs"),
        dimension: TOTAL.to_owned(),
        basis: Basis::StockAt,
        period: ReferencePeriod::AsOf(end),
        figure: Figure::Value(Decimal::from(value)),
        unit_multiplier: 0,
        obs_status: ObsStatus::Provisional,
    }
}

fn adopt(world: &mut World, calc_version: u32) -> u64 {
    world.must(&office(), CalculationAdopted { calc_version, reason: "试行".to_owned() });
    world.close();
    world.records.len() as u64
}

/// From 60 to 100, with the figures of the worked example.
fn worked() -> World {
    let mut world = World::published();
    let (area, indicator, reason) = (id("city"), id("labs"), "按示例".to_owned());
    let restated = BaselineRestated { area, indicator, baseline: point(date(2021, 12, 31), 60), reason };
    world.must(&office(), restated);
    world.must(
        &office(),
        TargetRevised {
            area: id("city"),
            indicator: id("labs"),
            value: Some(Decimal::ONE_HUNDRED),
            max: None,
            tolerance: None,
            required_step: None,
            due_as_written: "到2026年末".to_owned(),
            effective_deadline: END,
            source: None,
            reason: "按示例".to_owned(),
        },
    );
    world.pass(SignedDuration::from_hours(24 * 1_787));
    let ends = [(date(2025, 9, 30), 79), (date(2026, 3, 31), 82), (date(2026, 6, 30), 85), (date(2026, 9, 30), 90)];
    for (end, value) in ends {
        world.must(&agency("bureau"), figure(end, value));
    }
    world.close();
    world
}

/// Version, forecast and pace, to the decimals of the worked example.
async fn forecast(server: &ProgressServer, known: u64) -> (u32, u32, String, String) {
    let known = Some(Known::KnownPosition(known));
    let as_of = Some(pb::AsOf { valid_date: Some(date_to_pb(DAY)), known, min_position: 0 });
    let name = format!("plans/{PLAN}/areas/city");
    let circle = server.get_circle(request(pb::GetCircleRequest { name, as_of })).await.unwrap().into_inner();
    let targets = circle.circle.unwrap().targets;
    let target = targets.into_iter().find(|target| target.indicator == "labs").unwrap();
    let to = |text: &str, decimals| rounded(text.parse().unwrap(), decimals).to_string();
    let version = circle.state.unwrap().calc_version;
    (version, target.calc_version, to(&target.forecast, 3), to(&target.pace_per_day, 5))
}

#[test]
fn an_adopted_version_computes_what_is_known_since_and_the_one_before_what_was_known_until_then() {
    let mut world = worked();
    let first = world.records.len() as u64;
    let second = adopt(&mut world, 2);
    world.pass(SignedDuration::from_hours(48));
    let opened = world.records.len() as u64;
    let third = adopt(&mut world, 1);
    let grown = Grown::over(&world.records, &mut Dice::of(1));
    let server = grown.server();
    runtime().block_on(async {
        // 90 + (90 − 79) × 92 / 365, and the least-squares line through all four: 90 + 8,396 × 92 / 291,112.
        let (one, two) = (("92.773", "0.03014"), ("92.653", "0.02884"));
        for (known, version, (value, pace)) in
            [(first, 1, one), (second, 2, two), (opened, 2, two), (third, 1, one), (first, 1, one)]
        {
            let expected = (version, version, value.to_owned(), pace.to_owned());
            assert_eq!(forecast(&server, known).await, expected, "as known at {known}");
        }
    });
}
