//! SCORING §3: where a path starts, how it runs, and when there is none.

use super::support::*;
use crate::score::{Mark, TargetSpec, expected_on};
use crate::vocabulary::{Operator, PathKind, PathSource, Status};

#[test]
fn rule_1_a_baseline_starts_the_path_even_of_a_sum() {
    let spec = TargetSpec { baseline: Some(dated("2022-06-30", "0")), ..cumulative("100") };
    let score = on(&spec, &[to_date("2024-06-30", "50")], "2024-07-15");
    assert_eq!((score.path_source, score.path_start), (Some(PathSource::Baseline), Some(dated("2022-06-30", "0"))));
}

#[test]
fn rule_2_a_sum_starts_at_zero_on_the_day_before_the_plan() {
    let score = on(&cumulative("1826"), &[to_date("2024-06-30", "900")], "2024-07-15");
    assert_eq!((score.path_source, score.path_start), (Some(PathSource::PlanStart), Some(dated("2021-12-31", "0"))));
    assert_eq!(score.expected, Some(dec("912")), "912 of 1,826 days");
}

#[test]
fn rule_3_the_first_figure_starts_an_interpreted_path_sixty_days_later() {
    let score = |second: &str| on(&stock("100"), &[at("2024-01-01", "10"), at(second, "20")], "2024-03-20");
    let near = score("2024-02-29");
    assert_eq!((near.status, near.path_source), (Status::NoPath, None), "59 days");
    let far = score("2024-03-01");
    assert_eq!((far.path_source, far.path_start), (Some(PathSource::Interpreted), Some(dated("2024-01-01", "10"))));
    assert!(far.marks.contains(&Mark::Reference));
}

#[test]
fn rule_3_figures_before_the_plan_start_no_path() {
    let score = on(&stock("100"), &[at("2021-12-31", "10"), at("2022-06-30", "20")], "2022-07-20");
    assert_eq!((score.status, score.path_source), (Status::NoPath, None));
    let score = on(&stock("100"), &[at("2022-01-01", "10"), at("2022-06-30", "20")], "2022-07-20");
    assert_eq!(score.path_start, Some(dated("2022-01-01", "10")));
}

#[test]
fn rule_3_takes_the_newest_position_of_the_first_date() {
    let figures = [at("2022-03-31", "10"), at("2024-06-30", "20"), at("2022-03-31", "12")];
    assert_eq!(on(&stock("100"), &figures, "2024-07-15").path_start, Some(dated("2022-03-31", "12")));
}

#[test]
fn rule_3_a_flow_starts_at_its_first_full_year_and_never_at_a_year_to_date() {
    let figures = [year_to_date("2022-06-30", "4"), year(2022, "10"), year(2023, "12")];
    let score = on(&flow("20"), &figures, "2024-01-20");
    assert_eq!((score.path_source, score.path_start), (Some(PathSource::Interpreted), Some(dated("2022-12-31", "10"))));
}

#[test]
fn rule_3_a_running_total_starts_at_its_sum_on_the_first_date_that_counts() {
    // The period before the first statement has nothing to stand on: it starts no path.
    let figures =
        [period("2022-01-01", "2022-12-31", "7"), to_date("2023-03-31", "40"), period("2023-04-01", "2023-06-30", "5")];
    let score = on(&running_total("100"), &figures, "2023-07-10");
    assert_eq!((score.actual, score.path_start), (Some(dec("45")), Some(dated("2023-03-31", "40"))));
}

#[test]
fn rule_4_a_start_at_or_beyond_n_is_maintained_whatever_the_operator() {
    for (operator, start) in [(Operator::AtLeast, "90"), (Operator::MoreThan, "90"), (Operator::AtLeast, "120")] {
        let spec = TargetSpec { operator, interim: vec![dated("2023-12-31", "95")], ..rising(start, "90") };
        let score = on(&spec, &[at("2024-06-30", "87")], "2024-07-15");
        assert!(score.maintain && score.marks.contains(&Mark::Maintain));
        assert_eq!((score.expected, score.increment_rate), (Some(dec("90")), None));
        assert_eq!(shown(score.deviation).as_deref(), Some("-10.0"), "3 of a third of 90");
        assert_eq!(score.status, Status::OnTrack);
    }
}

#[test]
fn rule_4_turns_round_where_lower_is_better() {
    let spec = TargetSpec { ascending: false, baseline: Some(dated("2021-12-31", "10")), ..ratio("10") };
    let score = on(&spec, &[at("2024-06-30", "12")], "2024-07-15");
    assert!(score.maintain);
    assert_eq!(score.deviation, Some(dec("-60")));
}

#[test]
fn rule_5_a_small_count_never_has_a_path() {
    let spec = TargetSpec { path_kind: PathKind::EndOnly, ..cumulative("3") };
    assert_eq!(on(&spec, &[to_date("2024-06-30", "1")], "2024-07-15").path_source, None);
    let spec = TargetSpec { path_kind: PathKind::EndOnly, ..flow("3") };
    let score = on(&spec, &[year_to_date("2026-09-30", "1")], "2026-10-15");
    assert_eq!((score.status, score.path_source, score.forecast), (Status::NoPath, None, None), "5 wins over 6");
}

#[test]
fn rule_6_the_reference_year_has_a_path_of_its_own_instead_of_the_plans() {
    let spec = TargetSpec {
        baseline: Some(dated("2021-12-31", "400")),
        interim: vec![dated("2026-06-30", "300")],
        ..flow("365")
    };
    let score = on(&spec, &[year(2025, "350"), year_to_date("2026-09-30", "270")], "2026-10-15");
    assert_eq!(
        (score.path_source, score.path_start),
        (Some(PathSource::ReferenceYear), Some(dated("2025-12-31", "0")))
    );
    assert_eq!((score.expected, score.scale), (Some(dec("273")), Some(dec("365"))));
    assert!(!score.maintain, "rule 4 belongs to the plan's path");
}

#[test]
fn rule_6_before_the_ninetieth_day_there_is_no_path() {
    let score = |end, valid_at| on(&flow("365"), &[year(2024, "300"), year_to_date(end, "60")], valid_at);
    let early = score("2026-03-30", "2026-04-10");
    assert_eq!((early.status, early.deviation, early.forecast), (Status::NoPath, None, None), "day 89");
    assert_eq!(early.actual, Some(dec("60")));
    let ninetieth = score("2026-03-31", "2026-04-10");
    assert_eq!((ninetieth.expected, ninetieth.status), (Some(dec("90")), Status::OnTrack));
}

#[test]
fn a_full_reference_year_returns_to_the_plans_path() {
    let spec = TargetSpec { baseline: Some(dated("2021-12-31", "200")), ..flow("400") };
    let score = on(&spec, &[year_to_date("2026-09-30", "270"), year(2026, "300")], "2027-01-10");
    assert_eq!((score.path_source, score.increment_rate), (Some(PathSource::Baseline), Some(dec("50"))));
}

#[test]
fn interim_targets_bend_the_path_in_any_order() {
    let spec = TargetSpec { interim: vec![dated("2024-12-31", "30"), dated("2022-12-31", "5")], ..rising("0", "100") };
    let expected = |date| on(&spec, &[at(date, "1")], "2026-12-31").expected;
    assert_eq!(shown(expected("2022-07-02")).as_deref(), Some("2.5"));
    assert_eq!(expected("2022-12-31"), Some(dec("5")));
    assert_eq!(shown(expected("2023-12-31")).as_deref(), Some("17.5"), "365 of 731 days from 5 to 30");
    assert_eq!(expected("2024-12-31"), Some(dec("30")));
    assert_eq!(expected("2025-12-31"), Some(dec("65")));
    assert_eq!(expected("2026-12-31"), Some(dec("100")));
}

#[test]
fn interim_targets_before_an_interpreted_start_are_left_out() {
    let spec = TargetSpec { interim: vec![dated("2022-12-31", "90")], ..stock("100") };
    let score = on(&spec, &[at("2023-12-31", "40"), at("2024-12-31", "60")], "2025-01-20");
    assert_eq!(shown(score.expected).as_deref(), Some("60.0"), "40 + 60 × 366 / 1096, not from 90");
}

#[test]
fn a_figure_before_the_paths_start_has_no_path() {
    let spec = TargetSpec { baseline: Some(dated("2023-12-31", "10")), ..stock("100") };
    assert_eq!(on(&spec, &[at("2023-12-30", "20")], "2024-01-10").status, Status::NoPath);
    let score = on(&spec, &[at("2023-12-31", "20")], "2024-01-10");
    assert_eq!((score.status, score.expected), (Status::OnTrack, Some(dec("10"))));
}

#[test]
fn what_was_expected_is_asked_at_the_figures_date_and_not_at_the_reads() {
    let figures = [at("2024-06-30", "912")];
    let early = on(&rising("0", "1826"), &figures, "2024-07-01");
    let late = on(&rising("0", "1826"), &figures, "2024-11-14");
    assert_eq!((early.expected, early.deviation), (late.expected, late.deviation));
    assert_eq!((early.age_days, late.age_days), (Some(1), Some(137)));
}

#[test]
fn a_deviation_of_exactly_minus_ten_stays_so_where_nothing_has_a_finite_decimal() {
    // Start 9, N 10, a third of the days gone: expected 9 + 1/3, scale 10/3, actual 9: −10 exactly.
    let spec = TargetSpec { baseline: Some(dated("2026-01-29", "9")), ..stock("10") };
    let score = on(&spec, &[at("2026-05-21", "9")], "2026-05-30");
    assert_eq!((score.deviation, score.status), (Some(dec("-10")), Status::OnTrack));
}

#[test]
fn the_increment_rate_needs_a_tenth_of_n_between_start_and_n() {
    let rate = |start| on(&rising(start, "100"), &[at("2024-06-30", "95")], "2024-07-15").increment_rate;
    assert_eq!(rate("90"), Some(dec("50")));
    assert_eq!(rate("90.1"), None);
}

#[test]
fn time_progress_counts_both_ends_and_is_clamped() {
    let progress = |valid_at| on(&stock("100"), &[], valid_at).time_progress;
    assert_eq!(progress("2021-12-31"), dec("0"));
    assert_eq!(progress("2026-12-31"), dec("1"));
    assert_eq!(progress("2027-06-01"), dec("1"));
    let day_1788 = progress("2026-11-23") * dec("1826");
    assert_eq!(shown(Some(day_1788)).as_deref(), Some("1788.0"));
}

#[test]
fn interim_targets_after_the_deadline_are_left_out() {
    let spec = TargetSpec { interim: vec![dated("2027-12-31", "900")], ..rising("0", "1826") };
    assert_eq!(on(&spec, &[at("2024-06-30", "900")], "2024-07-15").expected, Some(dec("912")));
}

#[test]
fn a_reference_years_path_is_never_maintained() {
    let spec = TargetSpec { ascending: false, ..flow("365") };
    let score = on(&spec, &[year_to_date("2026-09-30", "400")], "2026-10-15");
    assert_eq!((score.maintain, score.expected), (false, Some(dec("273"))));
}

#[test]
fn a_path_is_known_on_every_day_also_without_a_figure() {
    let baseline = || TargetSpec { baseline: Some(dated("2021-12-31", "0")), ..stock("1826") };
    let knot = TargetSpec { interim: vec![dated("2022-12-31", "730")], ..baseline() };
    let end_only = TargetSpec { path_kind: PathKind::EndOnly, ..cumulative("1826") };
    let turned = TargetSpec { baseline: Some(dated("2021-12-31", "2000")), ..stock("1826") };
    for (spec, date, expected) in [
        (baseline(), "2022-12-31", Some("365")),
        (baseline(), "2021-12-31", Some("0")),
        (baseline(), "2021-12-30", None),
        // N from the deadline on.
        (baseline(), "2030-01-01", Some("1826")),
        (knot, "2022-12-31", Some("730")),
        (cumulative("1826"), "2022-12-31", Some("365")),
        // At the goal from the start: maintained.
        (turned, "2022-12-31", Some("1826")),
        (stock("1826"), "2022-12-31", None),
        (end_only, "2022-12-31", None),
    ] {
        let score = on(&spec, &[], "2023-01-01");
        assert_eq!(expected_on(&spec, &score, day(date)), expected.map(dec), "{date}");
    }
    // The path that the figures started, and that of the year they speak of.
    let interpreted = on(&stock("100"), &[at("2024-01-01", "10"), at("2024-03-01", "20")], "2024-03-20");
    assert_eq!(expected_on(&stock("100"), &interpreted, day("2024-01-01")), Some(dec("10")));
    let flow_score = on(&flow("365"), &[year_to_date("2026-06-30", "200")], "2026-07-20");
    assert_eq!(expected_on(&flow("365"), &flow_score, day("2026-07-20")), Some(dec("201")));
}
