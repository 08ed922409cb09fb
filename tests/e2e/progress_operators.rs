//! Every kind of target of the Harbin plan meets its figures: coverage, pairs of series, assessments, flows, totals.

use songhua_tests::{date, event, stock};
use songhua_wire::google::type_::Date;
use songhua_wire::pb;
use songhua_wire::pb::event_input::Payload;

use crate::progress_world::{LOOK, World, accepted, corrected, period, seen};

fn covered(on: Date, numerator: &str, denominator: &str) -> pb::EventInput {
    let mut report = stock("city", "hnte-rd-coverage", on, "");
    if let Some(Payload::MeasurementReported(reported)) = &mut report.payload {
        let (numerator, denominator) = (numerator.to_owned(), denominator.to_owned());
        let kind = pb::figure::Kind::Fraction(pb::Fraction { numerator, denominator });
        reported.figure = Some(pb::Figure { kind: Some(kind) });
    }
    report
}

fn year(indicator: &str, year: i32, value: &str) -> pb::EventInput {
    period("city", indicator, pb::Basis::FullYear, (date(year, 1, 1), date(year, 12, 31)), value)
}

#[tokio::test]
async fn coverage_counts_what_is_uncovered_and_takes_a_fraction_only() {
    let world = World::harbin().await;
    let most = world.stored(&world.bureau, covered(date(2025, 12, 31), "900", "1000")).await;
    let target = world.target("hnte-rd-coverage", &most).await;
    assert_eq!((target.uncovered.as_str(), target.target_rate.as_str()), ("100", "90.0"));
    assert_eq!((target.status(), target.light()), (pb::Status::Behind, pb::Light::Yellow));
    let all = world.stored(&world.bureau, covered(date(2026, 6, 30), "1010", "1010")).await;
    let target = world.target("hnte-rd-coverage", &all).await;
    assert_eq!((target.status(), target.uncovered.as_str()), (pb::Status::MetSoFar, "0"));
    let refused = async |event| world.refused(&world.bureau, event).await;
    assert_eq!(refused(covered(date(2026, 9, 30), "11", "10")).await, "FIGURE_NOT_ALLOWED");
    assert_eq!(refused(stock("city", "hnte-rd-coverage", date(2026, 9, 30), "90")).await, "FIGURE_NOT_ALLOWED");
}

#[tokio::test]
async fn two_series_are_compared_year_by_year() {
    let world = World::harbin().await;
    let alone = world.stored(&world.bureau, year("rd-expenditure-growth", 2025, "8.1")).await;
    assert_eq!(world.target("rd-expenditure-growth", &alone).await.status(), pb::Status::NoPath);
    world.stored(&world.bureau, year("gdp-growth", 2024, "4.3")).await;
    world.stored(&world.bureau, year("rd-expenditure-growth", 2024, "4.1")).await;
    let both = world.stored(&world.bureau, year("gdp-growth", 2025, "5.25")).await;
    let target = world.target("rd-expenditure-growth", &both).await;
    assert_eq!((target.status(), target.light()), (pb::Status::OnTrack, pb::Light::Green));
    let years: Vec<_> = target.years.iter().map(|one| (one.year, one.gap.as_str())).collect();
    assert_eq!(years, [(2024, "-0.2"), (2025, "2.85")]);
    assert_eq!((target.actual.as_str(), target.target_rate.as_str()), ("", ""));
}

#[tokio::test]
async fn a_step_is_assessed_by_somebody_who_does_not_report_it() {
    let world = World::harbin().await;
    let assessed = |step: &str, obs_status: pb::ObsStatus| {
        event(Payload::QualitativeAssessmentRecorded(pb::QualitativeAssessmentRecorded {
            area: "zone-ai".to_owned(),
            indicator: "ai-core-technology-level".to_owned(),
            as_of_date: Some(date(2026, 6, 30)),
            step: step.to_owned(),
            finding: "专家组评估".to_owned(),
            obs_status: obs_status.into(),
        }))
    };
    let unvalidated = pb::ObsStatus::Unvalidated;
    assert_eq!(world.refused(&world.bureau, assessed("国内领先", unvalidated)).await, "SELF_VERIFICATION");
    assert_eq!(world.refused(&world.auditor, assessed("世界第一", unvalidated)).await, "INVALID_FIELD");
    let below = world.stored(&world.auditor, assessed("并跑", unvalidated)).await;
    let target = world.target("ai-core-technology-level", &below).await;
    assert_eq!((target.step.as_str(), target.required_step.as_str()), ("并跑", "国内领先"));
    assert_ne!(target.light(), pb::Light::Met);
    let leading = world.stored(&world.auditor, assessed("国内领先", pb::ObsStatus::Normal)).await;
    let target = world.target("ai-core-technology-level", &leading).await;
    assert_eq!((target.status(), target.step.as_str()), (pb::Status::Met, "国内领先"));
    assert_eq!(target.actual, "");
}

#[tokio::test]
async fn a_flow_is_judged_in_its_reference_year_and_only_shown_before() {
    let world = World::harbin().await;
    let trend = world.stored(&world.bureau, year("tech-smes", 2025, "5200")).await;
    let target = world.target("tech-smes", &trend).await;
    // Quarters of 2026 are missing; without that it would have no path yet, although 2025 was above the goal.
    assert_eq!((target.status(), target.last_known_status()), (pb::Status::Stale, pb::Status::NoPath));
    assert!(target.marks.iter().any(|mark| mark == "REACHED_EARLIER_YEAR"), "{:?}", target.marks);

    let days = (date(2026, 1, 1), date(2026, 9, 30));
    let to_date = period("city", "tech-smes", pb::Basis::YearToDate, days, "4000");
    let receipt = world.stored(&world.bureau, to_date).await;
    let target = world.target("tech-smes", &receipt).await;
    // 5,000 × 273 / 365 days of the year; at this pace 5,348 by its end.
    assert_eq!(target.path_source(), pb::PathSource::ReferenceYear);
    assert!(target.expected.starts_with("3739.72"), "{}", target.expected);
    assert!(target.forecast.starts_with("5347.98"), "{}", target.forecast);
    assert_eq!((target.deviation.as_str(), target.status()), ("5.2", pb::Status::OnTrack));
    let ends_the_year = (date(2025, 1, 1), date(2025, 12, 31));
    let whole = period("city", "tech-smes", pb::Basis::YearToDate, ends_the_year, "1");
    assert_eq!(world.refused(&world.bureau, whole).await, "BASIS_NOT_ALLOWED");
}

#[tokio::test]
async fn a_running_total_goes_on_from_its_last_total_and_does_not_fall() {
    let world = World::harbin().await;
    let fund = "municipal-fund-contribution";
    let part = |basis, from, to, value| {
        let mut report = period("city", fund, basis, (from, to), value);
        if let Some(Payload::MeasurementReported(reported)) = &mut report.payload {
            // 亿元
            reported.unit_multiplier = 8;
        }
        report
    };
    let total = part(pb::Basis::PlanToDate, date(2016, 1, 1), date(2024, 12, 31), "40");
    world.stored(&world.bureau, total).await;
    world.stored(&world.bureau, part(pb::Basis::Period, date(2025, 1, 1), date(2025, 12, 31), "15.5")).await;
    let last = part(pb::Basis::Period, date(2026, 1, 1), date(2026, 9, 30), "11.5");
    let last = world.stored(&world.bureau, last).await;
    let target = world.target(fund, &last).await;
    assert_eq!((target.actual.as_str(), target.path_source()), ("67.0", pb::PathSource::Interpreted));
    assert!(target.expected.starts_with("74.958"), "{}", target.expected);
    assert_eq!((target.status(), target.target_rate.as_str()), (pb::Status::FarBehind, "83.8"));
    let overlapping = part(pb::Basis::Period, date(2025, 12, 1), date(2025, 12, 31), "1");
    assert_eq!(world.refused(&world.bureau, overlapping).await, "PERIOD_OVERLAP");
    let fallen = part(pb::Basis::PlanToDate, date(2016, 1, 1), date(2025, 12, 31), "39");
    assert_eq!(world.refused(&world.bureau, fallen).await, "TOTAL_DECREASED");
}

#[tokio::test]
async fn ranges_round_numbers_and_strict_bounds_are_met_where_the_words_say() {
    let world = World::harbin().await;
    let day = date(2026, 9, 30);
    // 3–5: met at the lower bound, above it is said and no failure.
    let clusters = world.stored(&world.bureau, stock("city", "ten-billion-clusters", day, "3")).await;
    assert_eq!(world.target("ten-billion-clusters", &clusters).await.status(), pb::Status::MetSoFar);
    let more = world.stored(&world.bureau, corrected(&clusters, "6")).await;
    let target = world.target("ten-billion-clusters", &more).await;
    assert_eq!(target.status(), pb::Status::MetSoFar);
    assert!(target.marks.iter().any(|mark| mark == "ABOVE_MAX"), "{:?}", target.marks);
    // 突破 1,300: 1,300 is not enough.
    let equal = world.stored(&world.bureau, stock("zone-hnd", "zone-hnte-count", date(2025, 12, 31), "1300")).await;
    assert_ne!(world.target("zone-hnte-count", &equal).await.status(), pb::Status::MetSoFar);
    let above = world.stored(&world.bureau, corrected(&equal, "1301")).await;
    assert_eq!(world.target("zone-hnte-count", &above).await.status(), pb::Status::MetSoFar);
    // 100 左右: 90 is enough. After the deadline it is provisional until it is verified.
    let days = (date(2022, 1, 1), day);
    let results = period("circle-hvri", "results-commercialised", pb::Basis::PlanToDate, days, "90");
    let results = world.stored(&world.bureau, results).await;
    let hvri = async |on, receipt: &pb::Receipt| {
        let answer = world.indicator_at("results-commercialised", seen(on, receipt.position)).await.unwrap();
        answer.indicator.unwrap().targets.into_iter().find(|one| one.area == "circle-hvri").unwrap().status()
    };
    let after = date(2027, 1, 15);
    assert_eq!(hvri(LOOK, &results).await, pb::Status::Met);
    assert_eq!(hvri(after, &results).await, pb::Status::MetProvisional);
    let verified = world.stored(&world.auditor, accepted(&results)).await;
    assert_eq!(hvri(after, &verified).await, pb::Status::Met);
}
