//! SCORING §5 rows 12 and 13 at their edges: the closing window, the tolerance of ratios, coverage without a path.

use super::support::*;
use crate::quantity::Decimal;
use crate::score::{LightRule, Mark, TargetSpec};
use crate::vocabulary::{Operator, PathKind, Status};

/// 860 at the end of March 2026, 160 of them in the 90 days before: behind the path to 1300, fast enough to arrive.
fn hurrying() -> [crate::score::Observation; 2] {
    [to_date("2025-12-31", "700"), to_date("2026-03-31", "860")]
}

#[test]
fn exactly_180_days_before_the_deadline_the_deviation_still_decides() {
    let spec = TargetSpec { grace_days: 400, ..cumulative("2000") };
    // 2026-07-04 is 180 days before 2026-12-31.
    let outside = on(&spec, &hurrying(), "2026-07-04");
    assert_eq!(outside.status, Status::FarBehind);
    assert!(!outside.marks.contains(&Mark::ClosingWindow));
    let spec = TargetSpec { grace_days: 400, ..cumulative("1300") };
    assert_eq!(on(&spec, &hurrying(), "2026-07-04").status, Status::Behind);
    let inside = on(&spec, &hurrying(), "2026-07-05");
    assert_eq!(inside.status, Status::OnTrack);
    assert!(inside.marks.contains(&Mark::ClosingWindow));
}

#[test]
fn in_the_closing_window_a_shortfall_of_exactly_ten_percent_of_scale_is_yellow() {
    // Ten a day in the 100 days to 23 September, 99 days left: the forecast is 900 + 990 = 1890.
    let figures = [at("2026-06-15", "-100"), at("2026-09-23", "900")];
    let status = |spec: TargetSpec| on(&spec, &figures, "2026-10-20").status;
    assert_eq!(status(rising("0", "1890")), Status::OnTrack);
    assert_eq!(status(rising("0", "2100")), Status::Behind, "2100 - 210 is reached");
    assert_eq!(status(rising("0", "2100.1")), Status::FarBehind);
    let more_than = TargetSpec { operator: Operator::MoreThan, ..rising("0", "1890") };
    assert_eq!(status(more_than), Status::Behind, "equal is not more, and falls short by nothing");
}

#[test]
fn in_the_closing_window_without_a_forecast_the_deviation_decides() {
    let score = on(&rising("0", "1000"), &[at("2026-09-30", "900")], "2026-10-20");
    assert_eq!((score.forecast, score.status), (None, Status::OnTrack));
    assert!(!score.marks.contains(&Mark::ClosingWindow));
}

#[test]
fn a_shortfall_of_about_is_counted_from_where_it_would_be_met() {
    // The forecast of 81 lies 9 below the 90 that would do, within 10 % of scale (100), and 19 below N.
    let spec = TargetSpec { operator: Operator::Approximately, tolerance: Some(dec("0.1")), ..rising("0", "100") };
    let figures = [at("2026-06-15", "61.1"), at("2026-09-23", "71.1")];
    let score = on(&spec, &figures, "2026-10-20");
    assert_eq!((shown(score.forecast).as_deref(), score.status), (Some("81.0"), Status::Behind));
}

#[test]
fn a_ratio_in_percent_within_half_a_point_is_at_worst_yellow() {
    let spec = |value| TargetSpec { baseline: Some(dated("2021-12-31", "30")), ..ratio(value) };
    let status =
        |spec: &TargetSpec, now| on(spec, &[at("2026-03-31", "44"), at("2026-09-30", now)], "2026-10-20").status;
    let per_capita = TargetSpec { percent: false, ..spec("40") };
    assert_eq!(status(&per_capita, "39.5"), Status::FarBehind, "it falls fast, and there are no points to tolerate");
    assert_eq!(status(&spec("40"), "39.5"), Status::Behind);
    assert_eq!(status(&spec("40"), "39.49"), Status::FarBehind);
}

#[test]
fn the_tolerance_of_a_ratio_is_at_most_five_percent_of_n() {
    // 5 % of 4 is 0.2 points: a gap of 0.3 is not within it, a gap of 0.2 is.
    let spec = TargetSpec { baseline: Some(dated("2021-12-31", "1")), ..ratio("4") };
    let status = |value: &str| on(&spec, &[at("2026-06-15", "6"), at("2026-09-23", value)], "2026-10-20");
    assert_eq!(status("3.7").status, Status::FarBehind);
    let held = status("3.8");
    assert_eq!(held.status, Status::Behind);
    assert!(held.marks.contains(&Mark::WithinTolerance));
}

#[test]
fn the_tolerance_of_a_ratio_never_makes_a_light_worse() {
    let spec = TargetSpec { baseline: Some(dated("2021-12-31", "30")), ..ratio("40") };
    assert_eq!(on(&spec, &[at("2024-06-30", "39.9")], "2024-07-15").status, Status::OnTrack);
}

#[test]
fn coverage_without_a_path_is_yellow_from_ninety_percent_and_red_below() {
    let score = |covered| on(&coverage(), &[share("2026-06-30", covered, "100")], "2026-07-20");
    assert_eq!((score("90").status, score("90").uncovered), (Status::Behind, Some(dec("10"))));
    assert_eq!(score("89").status, Status::FarBehind);
    let end_only = TargetSpec { path_kind: PathKind::EndOnly, ..coverage() };
    assert_eq!(on(&end_only, &[share("2026-06-30", "95", "100")], "2026-07-20").status, Status::Behind);
}

#[test]
fn coverage_with_a_path_is_judged_by_it() {
    let spec = TargetSpec { baseline: Some(dated("2021-12-31", "0")), ..coverage() };
    assert_eq!(on(&spec, &[share("2024-06-30", "50", "100")], "2024-07-15").status, Status::OnTrack);
}

#[test]
fn another_rule_version_moves_every_threshold() {
    let figures = [at("2024-06-30", "45")];
    let strict = LightRule { version: 2, behind_below_points: Decimal::from(-1), ..LightRule::default() };
    let score = under(&rising("0", "100"), &strict, &figures, "2024-07-15");
    assert_eq!((score.status, score.rule_version), (Status::Behind, 2));
    assert_eq!(on(&rising("0", "100"), &figures, "2024-07-15").status, Status::OnTrack);
}

#[test]
fn the_tolerance_belongs_to_ratios_only() {
    let figures = [at("2026-03-31", "44"), at("2026-09-30", "39.8")];
    let level = TargetSpec { percent: true, ..rising("30", "40") };
    assert_eq!(on(&level, &figures, "2026-10-20").status, Status::FarBehind);
}
