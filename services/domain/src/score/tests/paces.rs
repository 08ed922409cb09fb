//! SCORING §3: pace, forecast, gap and required pace.

use super::support::*;
use crate::score::TargetSpec;
use crate::vocabulary::Frequency;

#[test]
fn a_pace_needs_sixty_days_between_first_and_last() {
    let pace =
        |first: &str| on(&rising("0", "1000"), &[at(first, "100"), at("2024-06-30", "160")], "2024-07-15").pace_per_day;
    assert_eq!(pace("2024-05-02"), None, "59 days");
    assert_eq!(pace("2024-05-01"), Some(dec("1")), "60 days");
}

#[test]
fn a_pace_looks_back_366_days_and_no_further() {
    let pace =
        |first: &str| on(&rising("0", "1000"), &[at(first, "0"), at("2024-06-30", "366")], "2024-07-15").pace_per_day;
    assert_eq!(pace("2023-06-30"), Some(dec("1")), "366 days");
    assert_eq!(pace("2023-06-29"), None, "367 days");
}

#[test]
fn a_pace_takes_one_value_a_date_the_newest_position() {
    let figures = [at("2024-03-22", "10"), at("2024-06-30", "210"), at("2024-03-22", "110")];
    let score = on(&rising("0", "1000"), &figures, "2024-07-15");
    assert_eq!(score.pace_per_day, Some(dec("1")));
    assert_eq!(score.forecast, Some(dec("1124")), "914 days left");
}

#[test]
fn a_zero_denominator_is_left_out_of_path_and_pace() {
    let figures = [share("2024-01-31", "0", "0"), share("2024-03-22", "10", "100"), share("2024-06-30", "30", "100")];
    let score = on(&coverage(), &figures, "2024-07-15");
    assert_eq!(score.path_start, Some(dated("2024-03-22", "10")));
    assert_eq!(score.pace_per_day, Some(dec("0.2")));
}

#[test]
fn a_flows_pace_is_that_of_full_years() {
    let spec = TargetSpec { frequency: Frequency::Year, ..flow("100") };
    let figures = [year(2023, "20"), year_to_date("2024-06-30", "1"), year(2024, "56.6")];
    let score = on(&spec, &figures, "2025-01-10");
    assert_eq!(score.pace_per_day, Some(dec("0.1")));
    assert_eq!(score.forecast, Some(dec("129.6")), "730 days on");
}

#[test]
fn a_reference_years_forecast_divides_by_the_share_of_the_year() {
    let score = on(&flow("100"), &[year_to_date("2026-05-26", "40")], "2026-06-10");
    assert_eq!(score.forecast, Some(dec("100")), "day 146 is two fifths of the year");
    assert_eq!(shown(score.pace_per_day).as_deref(), Some("0.3"));
}

#[test]
fn a_sums_forecast_never_falls_below_the_actual() {
    let figures = [to_date("2023-12-31", "60"), period("2024-01-01", "2024-06-30", "-5")];
    let score = on(&cumulative("100"), &figures, "2024-07-15");
    assert!(score.pace_per_day.unwrap().is_sign_negative());
    assert_eq!((score.actual, score.forecast), (Some(dec("55")), Some(dec("55"))));
}

#[test]
fn a_levels_forecast_may_fall_and_is_shown_as_zero_below_it() {
    let score = on(&rising("50", "100"), &[at("2024-03-22", "60"), at("2024-06-30", "10")], "2024-07-15");
    assert_eq!(score.forecast, Some(dec("-447")));
    assert_eq!(score.forecast_shown(), Some(dec("0")));
}

#[test]
fn there_is_no_forecast_when_the_scored_date_is_the_deadline() {
    let score = on(&rising("0", "100"), &[at("2026-06-30", "80"), at("2026-12-31", "90")], "2026-12-31");
    assert!(score.deviation.is_some() && score.pace_per_day.is_some());
    assert_eq!(score.forecast, None);
}

#[test]
fn the_required_pace_counts_from_the_read_and_ends_at_the_deadline() {
    let pace = |valid_at| on(&rising("0", "100"), &[at("2026-09-30", "80")], valid_at).required_pace;
    assert_eq!(pace("2026-12-11"), Some(dec("1")), "20 in 20 days");
    assert_eq!(pace("2026-12-30"), Some(dec("20")));
    assert_eq!(pace("2026-12-31"), None);
    assert_eq!(pace("2027-01-05"), None);
}

#[test]
fn the_gap_is_negative_beyond_the_goal_on_either_side() {
    assert_eq!(on(&stock("100"), &[at("2026-06-30", "105")], "2026-07-20").gap, Some(dec("-5")));
    let falling = TargetSpec { ascending: false, ..ratio("10") };
    let score = on(&falling, &[at("2026-06-30", "9")], "2026-07-20");
    assert_eq!((score.gap, score.target_rate), (Some(dec("-1")), None));
}

#[test]
fn a_date_whose_figure_goes_into_no_sum_has_no_value_to_count_a_pace_from() {
    let straddling = period("2023-01-15", "2024-01-31", "7");
    let figures = [to_date("2023-01-31", "10"), straddling, to_date("2024-06-30", "30")];
    assert_eq!(on(&cumulative("100"), &figures, "2024-07-15").pace_per_day, None);
}
