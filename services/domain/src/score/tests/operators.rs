//! SCORING §4: each comparison at its edge, and two series.

use super::support::*;
use crate::score::{Mark, Score, TargetSpec};
use crate::vocabulary::{Operator, Status};

fn holds(spec: &TargetSpec, value: &str) -> bool {
    on(spec, &[at("2026-06-30", value)], "2026-07-20").status == Status::MetSoFar
}

#[test]
fn at_least_is_met_at_n() {
    assert!(holds(&stock("3.0"), "3"));
    assert!(!holds(&stock("3.0"), "2.97"), "a miss by 0.03 is a miss");
}

#[test]
fn more_than_is_met_above_n_only() {
    let spec = TargetSpec { operator: Operator::MoreThan, ..stock("3") };
    assert!(!holds(&spec, "3.00"));
    assert!(holds(&spec, "3.01"));
}

#[test]
fn between_is_met_at_its_lower_bound_and_not_failed_above_its_upper() {
    let spec = TargetSpec { operator: Operator::Between, max: Some(dec("5")), ..stock("3") };
    assert!(!holds(&spec, "2.9"));
    assert!(holds(&spec, "3") && holds(&spec, "5") && holds(&spec, "6"));
    let marks = |value| on(&spec, &[at("2026-06-30", value)], "2026-07-20").marks;
    assert!(!marks("5").contains(&Mark::AboveMax));
    assert!(marks("5.1").contains(&Mark::AboveMax));
}

#[test]
fn about_is_met_at_its_stored_tolerance_below_and_marked_above_it() {
    let spec = TargetSpec { operator: Operator::Approximately, tolerance: Some(dec("0.1")), ..stock("100") };
    assert!(!holds(&spec, "89.99"));
    assert!(holds(&spec, "90") && holds(&spec, "111"));
    let marks = |value| on(&spec, &[at("2026-06-30", value)], "2026-07-20").marks;
    assert!(!marks("110").contains(&Mark::AboveTolerance));
    assert!(marks("110.1").contains(&Mark::AboveTolerance));
}

#[test]
fn full_coverage_is_met_when_nothing_is_left() {
    let score = |covered, all| on(&coverage(), &[share("2026-06-30", covered, all)], "2026-07-20");
    assert_eq!(score("3", "3").status, Status::MetSoFar);
    assert_eq!((score("3", "3").actual, score("3", "3").uncovered), (Some(dec("100")), Some(dec("0"))));
    let nearly = score("999999999999999999.99999998", "999999999999999999.99999999");
    assert_eq!(nearly.status, Status::Behind, "a share that rounds to 100 % is not 100 %");
}

#[test]
fn where_lower_is_better_every_comparison_turns_round() {
    let at_most = TargetSpec { ascending: false, ..ratio("10") };
    assert!(holds(&at_most, "10") && holds(&at_most, "9.9") && !holds(&at_most, "10.1"));
    let below = TargetSpec { ascending: false, operator: Operator::MoreThan, ..ratio("10") };
    assert!(!holds(&below, "10") && holds(&below, "9.9"));
}

fn pairs(spec: &TargetSpec, valid_at: &str) -> Score {
    let figures =
        [year(2024, "5"), other(year(2024, "6")), year(2025, "7"), other(year(2025, "6")), other(year(2023, "1"))];
    on(spec, &figures, valid_at)
}

#[test]
fn two_series_show_a_strip_of_years_and_no_actual() {
    let score = pairs(&exceeds(), "2026-01-20");
    let strip: Vec<_> = score.years.iter().map(|pair| (pair.year, pair.gap)).collect();
    assert_eq!(strip, [(2023, None), (2024, Some(dec("-1"))), (2025, Some(dec("1")))]);
    assert_eq!((score.actual, score.target_rate, score.deviation, score.required_pace), (None, None, None, None));
    assert_eq!((score.gap, score.status), (Some(dec("1")), Status::OnTrack));
}

#[test]
fn two_series_where_lower_is_better_are_ahead_below() {
    let score = pairs(&TargetSpec { ascending: false, ..exceeds() }, "2026-01-20");
    assert_eq!((score.gap, score.status), (Some(dec("-1")), Status::Behind));
}

#[test]
fn two_series_are_not_decided_by_an_earlier_year() {
    assert_eq!(pairs(&exceeds(), "2027-01-20").status, Status::AwaitingData);
    assert_eq!(pairs(&exceeds(), "2027-06-20").status, Status::Overdue);
}

#[test]
fn two_series_take_the_newest_position_of_a_year() {
    let figures = [year(2025, "7"), other(year(2025, "6")), year(2025, "5")];
    assert_eq!(on(&exceeds(), &figures, "2026-01-20").gap, Some(dec("-1")));
}

#[test]
fn equal_series_do_not_exceed_each_other() {
    let figures = [verified(year(2026, "4.60")), verified(other(year(2026, "4.6")))];
    assert_eq!(on(&exceeds(), &figures, "2027-03-01").status, Status::Missed);
}

#[test]
fn a_higher_step_than_asked_for_meets_a_qualitative_target() {
    let spec = TargetSpec { required_step: Some("并跑".to_owned()), ..qualitative() };
    let score = on(&spec, &[assessed("2026-06-30", "领先")], "2026-07-20");
    assert_eq!((score.status, score.step.as_deref()), (Status::Met, Some("领先")));
    assert_eq!(on(&spec, &[assessed("2026-06-30", "起步")], "2026-07-20").status, Status::NoPath);
}

#[test]
fn a_step_that_the_scale_does_not_know_meets_nothing() {
    assert_eq!(on(&qualitative(), &[assessed("2026-06-30", "飞跃")], "2026-07-20").status, Status::AwaitingAssessment);
    let unknown = TargetSpec { required_step: None, ..qualitative() };
    assert_eq!(on(&unknown, &[assessed("2026-06-30", "领先")], "2026-07-20").status, Status::NoPath);
}

#[test]
fn two_series_of_the_reference_year_decide_only_after_the_deadline() {
    let figures = [verified(year(2026, "5")), verified(other(year(2026, "4")))];
    let score = on(&exceeds(), &figures, "2026-12-31");
    assert_eq!((score.status, score.marks.contains(&Mark::Reference)), (Status::OnTrack, true));
    let score = on(&exceeds(), &figures, "2027-01-01");
    assert_eq!((score.status, score.marks.contains(&Mark::Reference)), (Status::Met, false));
}
