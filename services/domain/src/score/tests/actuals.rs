//! SCORING §1 and §2: which observations count, and what they amount to.

use super::support::*;
use crate::score::{CALC_VERSION, DatedValue, Mark, Observation, TargetSpec};
use crate::vocabulary::{Basis, Status};

#[test]
fn the_headline_is_the_greatest_date_and_then_position() {
    let figures = [at("2024-06-30", "3"), at("2024-06-30", "4"), at("2024-03-31", "9")];
    let headline = on(&stock("100"), &figures, "2024-07-15").headline.unwrap();
    assert_eq!((headline.position, headline.value, headline.verified), (2, Some(dec("4")), false));
}

#[test]
fn the_newest_verified_figure_stands_beside_the_headline() {
    let figures = [verified(at("2024-03-31", "9")), at("2024-06-30", "4")];
    let score = on(&stock("100"), &figures, "2024-07-15");
    assert_eq!(score.actual, Some(dec("4")));
    let newest_verified = score.newest_verified.unwrap();
    assert_eq!((newest_verified.date, newest_verified.value), (day("2024-03-31"), Some(dec("9"))));
}

#[test]
fn figures_after_the_read_are_not_visible() {
    let score = on(&stock("100"), &[at("2024-06-30", "4"), at("2024-07-15", "5"), at("2024-07-16", "6")], "2024-07-15");
    assert_eq!(score.actual, Some(dec("5")));
    assert!(!score.marks.contains(&Mark::LaterObserved));
}

#[test]
fn figures_after_the_deadline_are_marked_once_the_read_sees_them() {
    let figures = [with_status_a(at("2026-12-31", "99")), at("2027-03-31", "120")];
    assert!(!on(&stock("100"), &figures, "2027-03-30").marks.contains(&Mark::LaterObserved));
    let score = on(&stock("100"), &figures, "2027-03-31");
    assert_eq!((score.status, score.actual), (Status::Missed, Some(dec("99"))));
    assert!(score.marks.contains(&Mark::LaterObserved));
}

#[test]
fn a_ratio_is_multiplied_by_a_hundred_only_in_percent() {
    let figures = [share("2024-06-30", "1", "8")];
    assert_eq!(on(&ratio("40"), &figures, "2024-07-15").actual, Some(dec("12.5")));
    let per_capita = TargetSpec { percent: false, ..ratio("40") };
    assert_eq!(on(&per_capita, &figures, "2024-07-15").actual, Some(dec("0.125")));
}

#[test]
fn a_sum_takes_the_latest_statement_and_the_periods_that_start_after_it() {
    let figures = [
        to_date("2023-12-31", "180"),
        period("2023-10-01", "2023-12-31", "50"),
        period("2023-12-31", "2024-03-30", "70"),
        period("2024-01-01", "2024-03-31", "30"),
        to_date("2022-12-31", "90"),
    ];
    let score = on(&cumulative("500"), &figures, "2024-07-15");
    assert_eq!((score.actual, score.scored_date), (Some(dec("210")), Some(day("2024-03-31"))));
}

#[test]
fn a_sum_without_a_statement_starts_from_zero_before_the_plan() {
    let figures = [period("2022-01-01", "2022-06-30", "10"), period("2021-07-01", "2021-12-31", "99")];
    assert_eq!(on(&cumulative("500"), &figures, "2022-07-15").actual, Some(dec("10")));
}

#[test]
fn a_running_total_starts_from_its_baseline_and_without_one_from_nothing() {
    let figures = [period("2022-01-01", "2022-06-30", "10")];
    let spec = TargetSpec { baseline: Some(dated("2021-12-31", "20")), ..running_total("80") };
    assert_eq!(on(&spec, &figures, "2022-07-15").actual, Some(dec("30")));
    let score = on(&running_total("80"), &figures, "2022-07-15");
    assert_eq!((score.status, score.actual, score.gap), (Status::NoPath, None, None));
}

#[test]
fn a_running_totals_statement_counts_since_inception() {
    let spec = TargetSpec { baseline: Some(dated("2021-12-31", "20")), ..running_total("80") };
    assert_eq!(on(&spec, &[to_date("2022-12-31", "33")], "2023-01-15").actual, Some(dec("33")));
}

#[test]
fn a_flow_is_the_full_reference_year_else_its_year_to_date_else_a_trend() {
    let trend = year(2025, "90");
    let half = year_to_date("2026-06-30", "50");
    let full = year(2026, "95");
    let score = on(&flow("100"), std::slice::from_ref(&trend), "2026-07-20");
    assert_eq!(score.actual, Some(dec("90")));
    assert!(score.marks.contains(&Mark::Trend) && !score.marks.contains(&Mark::ReachedEarlierYear));
    let score = on(&flow("100"), &[trend.clone(), half.clone()], "2026-07-20");
    assert_eq!((score.actual, score.year_to_date), (Some(dec("50")), None));
    assert_eq!(on(&flow("100"), &[trend, half, full], "2027-01-20").actual, Some(dec("95")));
}

#[test]
fn a_year_to_date_of_another_year_is_shown_and_not_scored() {
    let shown = Some(DatedValue { date: day("2025-06-30"), value: dec("70") });
    let score = on(&flow("100"), &[year(2024, "90"), year_to_date("2025-06-30", "70")], "2025-07-20");
    assert_eq!((score.actual, score.year_to_date), (Some(dec("90")), shown));
    let score = on(&flow("100"), &[year_to_date("2025-06-30", "170")], "2025-07-20");
    assert_eq!((score.status, score.actual, score.year_to_date.is_some()), (Status::NoPath, None, true));
}

#[test]
fn what_says_nothing_about_the_target_is_passed_over() {
    let no_number = Observation { value: None, ..at("2024-06-30", "1") };
    let no_start = Observation { start: None, ..period("2024-01-01", "2024-06-30", "1") };
    let only_value = Observation { numerator: None, value: Some(dec("50")), ..share("2024-06-30", "1", "2") };
    assert_eq!(on(&stock("100"), &[no_number], "2024-07-15").status, Status::NoData);
    assert_eq!(on(&stock("100"), &[year(2023, "1")], "2024-01-15").status, Status::NoData);
    assert_eq!(on(&stock("100"), &[other(at("2024-06-30", "1"))], "2024-07-15").status, Status::NoData);
    assert_eq!(on(&cumulative("100"), &[no_start], "2024-07-15").status, Status::NoData);
    assert_eq!(on(&cumulative("100"), &[at("2024-06-30", "1")], "2024-07-15").status, Status::NoData);
    assert_eq!(on(&coverage(), &[only_value], "2024-07-15").status, Status::NoData);
}

#[test]
fn every_basis_of_a_ratio_is_a_level() {
    for basis in [Basis::StockAt, Basis::FullYear] {
        let figure = Observation { basis, ..at("2024-12-31", "30") };
        assert_eq!(on(&ratio("40"), &[figure], "2025-01-15").actual, Some(dec("30")));
    }
}

#[test]
fn a_score_names_the_versions_it_was_made_by() {
    let score = on(&stock("100"), &[], "2024-07-15");
    assert_eq!((score.calc_version, score.rule_version), (CALC_VERSION, 1));
}
