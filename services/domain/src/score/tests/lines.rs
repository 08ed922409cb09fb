//! Version 2: the pace is the slope of a least-squares line (README, "Versions of the arithmetic").

use super::support::*;
use crate::score::{CALC_VERSION, CALC_VERSIONS, CalcVersion, TargetSpec};
use crate::vocabulary::{Frequency, Status};

#[test]
fn every_version_that_can_be_computed_has_its_number() {
    for number in CALC_VERSIONS {
        assert_eq!(CalcVersion::from_u32(*number).map(CalcVersion::number), Some(*number));
    }
    assert_eq!((CalcVersion::from_u32(0), CalcVersion::from_u32(3)), (None, None));
    assert!(CALC_VERSIONS.contains(&CALC_VERSION));
    let figures = [at("2024-06-30", "60")];
    assert_eq!(on(&stock("100"), &figures, "2024-07-15").calc_version, 1);
    assert_eq!(by_line(&stock("100"), &figures, "2024-07-15").calc_version, 2);
}

#[test]
fn the_pace_is_the_slope_through_all_values_and_not_from_first_to_last() {
    // Days 0, 20, 100: n = 3, Σx = 120, Σx² = 10,400; (-120·0 - 60·60 + 180·100) / (3·10,400 - 120²) = 14,400 / 16,800.
    let figures = [at("2024-03-22", "0"), at("2024-04-11", "60"), at("2024-06-30", "100")];
    let score = by_line(&rising("0", "1000"), &figures, "2024-07-15");
    assert_eq!(score.pace_per_day, Some(dec("6") / dec("7")));
    // 100 + 914 days × 6 / 7.
    assert_eq!(shown(score.forecast).as_deref(), Some("883.4"));
    assert_eq!(on(&rising("0", "1000"), &figures, "2024-07-15").forecast, Some(dec("1014")), "version 1");
}

#[test]
fn a_line_needs_three_dates_sixty_days_apart() {
    let pace = |dates: &[&str]| {
        let figures: Vec<_> = dates.iter().zip(["1", "2", "3"]).map(|(date, value)| at(date, value)).collect();
        by_line(&rising("0", "1000"), &figures, "2024-07-15").pace_per_day
    };
    assert_eq!(pace(&["2024-01-01", "2024-06-30"]), None, "two dates");
    assert_eq!(pace(&["2024-05-02", "2024-06-01", "2024-06-30"]), None, "59 days");
    assert!(pace(&["2024-05-01", "2024-06-01", "2024-06-30"]).is_some(), "60 days");
    assert_eq!(pace(&["2023-06-29", "2024-05-02", "2024-06-30"]), None, "367 days back is too far");
    assert!(pace(&["2023-06-30", "2024-05-02", "2024-06-30"]).is_some(), "366 days back");
}

#[test]
fn a_line_takes_one_value_a_date_the_newest_position() {
    let figures = [at("2024-03-22", "100"), at("2024-05-11", "777"), at("2024-06-30", "200"), at("2024-05-11", "150")];
    let score = by_line(&rising("0", "1000"), &figures, "2024-07-15");
    assert_eq!((score.pace_per_day, score.forecast), (Some(dec("1")), Some(dec("1114"))));
}

#[test]
fn a_line_goes_through_sums_as_they_stood() {
    // 10 at the end of 2023, 40 after the first quarter, 50 after the second; days 0, 91, 182.
    let figures = [
        to_date("2023-12-31", "10"),
        period("2024-01-01", "2024-03-31", "30"),
        period("2024-04-01", "2024-06-30", "10"),
    ];
    let score = by_line(&cumulative("1000"), &figures, "2024-07-15");
    // Days as far apart as these: the middle does not turn the line, 40 in 182 days.
    assert_eq!(score.pace_per_day, Some(dec("40") / dec("182")));
    let uneven =
        [figures[0].clone(), period("2024-01-01", "2024-01-31", "30"), period("2024-02-01", "2024-06-30", "10")];
    // Days 0, 31, 182: n = 3, Σx = 213, Σx² = 34,085; (-213·10 - 120·40 + 333·50) / (3·34,085 - 213²) = 9,720 / 56,886.
    let score = by_line(&cumulative("1000"), &uneven, "2024-07-15");
    assert_eq!(score.pace_per_day, Some(dec("9720") / dec("56886")));
}

#[test]
fn a_line_does_not_forecast_less_than_a_sum_has() {
    let figures = [
        to_date("2023-12-31", "60"),
        period("2024-01-01", "2024-03-31", "1"),
        period("2024-04-01", "2024-06-30", "-5"),
    ];
    let score = by_line(&cumulative("100"), &figures, "2024-07-15");
    assert!(score.pace_per_day.unwrap().is_sign_negative());
    assert_eq!((score.actual, score.forecast), (Some(dec("56")), Some(dec("56"))));
}

#[test]
fn a_forecast_by_line_is_divided_once_so_that_a_tie_stays_a_tie() {
    // A third a day, 120 days left: 120 + 40 is exactly N.
    let figures = [at("2026-07-04", "100"), at("2026-08-03", "110"), at("2026-09-02", "120")];
    let score = by_line(&rising("0", "160"), &figures, "2026-10-10");
    assert_eq!((score.forecast, score.status), (Some(dec("160")), Status::OnTrack));
}

#[test]
fn the_reference_year_is_carried_on_as_in_version_1() {
    let figures = [year_to_date("2026-03-31", "10"), year_to_date("2026-05-26", "40")];
    let score = by_line(&flow("100"), &figures, "2026-06-10");
    assert_eq!((score.forecast, score.status), (Some(dec("100")), on(&flow("100"), &figures, "2026-06-10").status));
}

#[test]
fn two_full_years_are_too_few_for_a_line() {
    let spec = TargetSpec { frequency: Frequency::Year, ..flow("100") };
    let figures = [year(2022, "10"), year(2023, "20"), year(2024, "56.6")];
    assert_eq!(by_line(&spec, &figures, "2025-01-10").pace_per_day, None);
    assert!(on(&spec, &figures, "2025-01-10").pace_per_day.is_some(), "version 1");
}
