//! SCORING §5, row by row: each status where its row is the first to match.

use super::support::*;
use crate::score::{Mark, TargetSpec, light_of};
use crate::vocabulary::{Frequency, Light, PathKind, Status};

#[test]
fn row_1_a_retired_indicator_is_not_scored_from_its_effective_date_on() {
    let spec = TargetSpec { retired_from: Some(day("2024-07-15")), ..rising("0", "100") };
    let figures = [at("2024-06-30", "50")];
    assert_eq!(on(&spec, &figures, "2024-07-14").status, Status::OnTrack);
    let retired = on(&spec, &figures, "2024-07-15");
    assert_eq!((retired.status, retired.light), (Status::NotScored, Light::None));
    assert!(retired.marks.contains(&Mark::Retired));
    assert_eq!(retired.actual, Some(dec("50")), "components stay visible");
}

#[test]
fn row_1_a_zero_denominator_is_not_scored_even_after_the_deadline() {
    for valid_at in ["2026-10-20", "2027-06-01"] {
        let score = on(&coverage(), &[share("2026-09-30", "0", "0")], valid_at);
        assert_eq!(score.status, Status::NotScored);
        assert!(score.marks.contains(&Mark::NotApplicable));
        assert_eq!((score.actual, score.gap), (None, None));
    }
}

#[test]
fn row_2_a_final_figure_of_the_deadline_decides_after_it() {
    let met = with_status_a(at("2026-12-31", "100"));
    let missed = verified(at("2026-12-31", "99.99"));
    assert_eq!(on(&stock("100"), &[met], "2027-01-01").status, Status::Met);
    assert_eq!(on(&stock("100"), &[missed], "2027-01-01").status, Status::Missed);
}

#[test]
fn row_2_a_final_full_year_of_the_reference_year_decides_a_flow() {
    let score = on(&flow("100"), &[with_status_a(year(2026, "99"))], "2027-02-01");
    assert_eq!((score.status, score.light), (Status::Missed, Light::Missed));
    let score = on(&flow("100"), &[with_status_a(year(2025, "120")), verified(year(2026, "100"))], "2027-02-01");
    assert_eq!(score.status, Status::Met);
}

#[test]
fn row_2_a_sum_met_by_final_figures_needs_no_figure_of_the_deadline() {
    let figures = [verified(to_date("2025-12-31", "90")), with_status_a(period("2026-01-01", "2026-03-31", "10"))];
    assert_eq!(on(&cumulative("100"), &figures, "2028-01-01").status, Status::Met);
}

#[test]
fn row_2_a_sum_is_missed_only_by_a_final_figure_that_reaches_the_deadline() {
    let to_september = verified(to_date("2026-09-30", "90"));
    let rest = verified(period("2026-10-01", "2026-12-31", "9"));
    let early = on(&cumulative("100"), std::slice::from_ref(&to_september), "2027-01-10");
    assert_eq!(early.status, Status::AwaitingData);
    assert_eq!(on(&cumulative("100"), &[to_september, rest], "2027-01-10").status, Status::Missed);
}

#[test]
fn row_2_a_final_assessment_decides_a_qualitative_target() {
    assert_eq!(on(&qualitative(), &[verified(assessed("2024-11-30", "领先"))], "2027-01-01").status, Status::Met);
    assert_eq!(
        on(&qualitative(), &[with_status_a(assessed("2026-12-31", "起步"))], "2027-01-01").status,
        Status::Missed
    );
}

#[test]
fn row_2_both_series_must_be_final() {
    let own = verified(year(2026, "5"));
    let others = other(year(2026, "4"));
    assert_eq!(on(&exceeds(), &[own.clone(), others.clone()], "2027-03-01").status, Status::MetProvisional);
    assert_eq!(on(&exceeds(), &[own, verified(others)], "2027-03-01").status, Status::Met);
}

#[test]
fn row_3_a_figure_of_the_deadline_that_is_not_final_is_provisional() {
    let score = on(&stock("100"), &[at("2026-12-31", "100")], "2027-01-01");
    assert_eq!((score.status, score.light), (Status::MetProvisional, Light::Provisional));
    assert!(score.marks.contains(&Mark::Provisional));
    let score = on(&stock("100"), &[at("2026-12-31", "99")], "2027-01-01");
    assert_eq!((score.status, score.light), (Status::MissedProvisional, Light::Provisional));
}

#[test]
fn row_3_one_summand_that_is_not_final_makes_a_sum_provisional() {
    let figures = [verified(to_date("2026-09-30", "90")), period("2026-10-01", "2026-12-31", "9")];
    assert_eq!(on(&cumulative("100"), &figures, "2027-01-10").status, Status::MissedProvisional);
    assert_eq!(on(&cumulative("99"), &figures, "2027-01-10").status, Status::MetProvisional);
}

#[test]
fn row_3_a_year_to_date_can_be_enough_but_never_too_little() {
    let figures = |value| [verified(year_to_date("2026-11-30", value))];
    assert_eq!(on(&flow("100"), &figures("100"), "2027-01-10").status, Status::MetProvisional);
    assert_eq!(on(&flow("100"), &figures("99"), "2027-01-10").status, Status::AwaitingData);
}

#[test]
fn row_3_an_assessment_that_is_not_final_is_provisional() {
    assert_eq!(on(&qualitative(), &[assessed("2026-06-30", "领先")], "2027-01-01").status, Status::MetProvisional);
    assert_eq!(on(&qualitative(), &[assessed("2026-06-30", "并跑")], "2027-01-01").status, Status::MissedProvisional);
}

#[test]
fn rows_4_and_5_turn_on_the_day_after_release_lag_and_grace() {
    let spec = TargetSpec { release_lag_days: 20, ..stock("100") };
    let waiting = on(&spec, &[at("2026-09-30", "120")], "2027-03-06");
    assert_eq!((waiting.status, waiting.light), (Status::AwaitingData, Light::Grey));
    assert_eq!(waiting.next_due, Some(day("2027-03-06")));
    assert_eq!(on(&spec, &[at("2026-09-30", "120")], "2027-03-07").status, Status::Overdue);
    assert_eq!(on(&spec, &[], "2027-03-06").status, Status::AwaitingData);
    assert_eq!(on(&spec, &[], "2027-03-07").status, Status::Overdue);
}

#[test]
fn rows_4_and_5_a_trend_that_reached_n_does_not_meet_a_flow() {
    let score = on(&flow("100"), &[verified(year(2025, "130"))], "2027-02-01");
    assert_eq!(score.status, Status::AwaitingData);
    assert!(score.marks.contains(&Mark::ReachedEarlierYear));
}

#[test]
fn row_6_without_a_visible_figure_there_is_no_data() {
    assert_eq!(on(&stock("100"), &[], "2026-06-01").status, Status::NoData);
    assert_eq!(on(&stock("100"), &[at("2026-06-30", "50")], "2026-06-01").status, Status::NoData);
    assert_eq!(on(&qualitative(), &[], "2026-06-01").status, Status::AwaitingAssessment);
    assert_eq!(on(&exceeds(), &[], "2026-06-01").status, Status::NoData);
}

#[test]
fn row_7_a_quarter_is_stale_on_the_day_after_its_grace() {
    let figures = [at("2024-06-30", "50")];
    let fresh = on(&rising("0", "100"), &figures, "2024-11-14");
    assert_eq!((fresh.status, fresh.next_due), (Status::OnTrack, Some(day("2024-11-14"))));
    let stale = on(&rising("0", "100"), &figures, "2024-11-15");
    assert_eq!((stale.status, stale.light, stale.stale), (Status::Stale, Light::Grey, true));
    assert_eq!((stale.last_known, stale.last_known_status), (Some(Light::Green), Some(Status::OnTrack)));
    assert_eq!(stale.age_days, Some(138));
}

#[test]
fn row_7_counts_from_the_first_period_end_strictly_after_the_figure() {
    let due = |frequency, date| {
        let spec = TargetSpec { frequency, grace_days: 0, ..stock("100") };
        on(&spec, &[at(date, "50")], "2026-12-31").next_due.unwrap().to_string()
    };
    assert_eq!(due(Frequency::Month, "2024-01-30"), "2024-01-31");
    assert_eq!(due(Frequency::Month, "2024-01-31"), "2024-02-29");
    assert_eq!(due(Frequency::Month, "2024-12-31"), "2025-01-31");
    assert_eq!(due(Frequency::Quarter, "2024-03-30"), "2024-03-31");
    assert_eq!(due(Frequency::Quarter, "2024-03-31"), "2024-06-30");
    assert_eq!(due(Frequency::Quarter, "2024-11-02"), "2024-12-31");
    assert_eq!(due(Frequency::Quarter, "2024-12-31"), "2025-03-31");
    assert_eq!(due(Frequency::Year, "2024-12-30"), "2024-12-31");
    assert_eq!(due(Frequency::Year, "2024-12-31"), "2025-12-31");
}

#[test]
fn row_7_months_and_years_turn_stale_on_their_own_day() {
    let status = |frequency, valid_at| {
        let spec = TargetSpec { frequency, grace_days: 10, release_lag_days: 5, ..rising("0", "100") };
        on(&spec, &[at("2023-12-31", "50")], valid_at).status
    };
    assert_eq!(status(Frequency::Month, "2024-02-15"), Status::OnTrack);
    assert_eq!(status(Frequency::Month, "2024-02-16"), Status::Stale);
    assert_eq!(status(Frequency::Year, "2025-01-15"), Status::OnTrack);
    assert_eq!(status(Frequency::Year, "2025-01-16"), Status::Stale);
}

#[test]
fn row_7_of_two_series_counts_from_the_newest_year_with_both() {
    let figures = [year(2023, "5"), other(year(2023, "4")), year(2024, "6")];
    assert_eq!(on(&exceeds(), &figures, "2025-02-14").status, Status::OnTrack);
    assert_eq!(on(&exceeds(), &figures, "2025-02-15").status, Status::Stale);
}

#[test]
fn row_7_spares_what_row_8_holds_met_but_not_what_can_fall() {
    let sum = on(&cumulative("100"), &[to_date("2023-12-31", "100")], "2026-01-01");
    assert_eq!((sum.status, sum.stale), (Status::Met, false));
    let level = on(&stock("100"), &[at("2023-12-31", "100")], "2026-01-01");
    assert_eq!((level.status, level.last_known_status), (Status::Stale, Some(Status::MetSoFar)));
    assert_eq!(level.last_known, Some(Light::Met));
}

#[test]
fn row_7_comes_before_no_path() {
    let score = on(&running_total("100"), &[period("2023-01-01", "2023-12-31", "5")], "2026-01-01");
    assert_eq!((score.status, score.last_known_status), (Status::Stale, Some(Status::NoPath)));
}

#[test]
fn row_8_sums_assessments_and_the_reference_year_are_met_before_the_deadline() {
    assert_eq!(on(&cumulative("100"), &[to_date("2024-12-31", "100")], "2025-01-10").status, Status::Met);
    let since_inception = on(&running_total("100"), &[to_date("2024-12-31", "100")], "2025-01-10");
    assert_eq!((since_inception.status, since_inception.light), (Status::Met, Light::Met));
    assert_eq!(on(&qualitative(), &[assessed("2023-06-30", "领先")], "2026-06-01").status, Status::Met);
    assert_eq!(on(&flow("100"), &[year_to_date("2026-09-30", "100")], "2026-10-20").status, Status::Met);
    assert_eq!(on(&flow("100"), &[year(2026, "100")], "2026-12-31").status, Status::Met);
}

#[test]
fn row_9_a_level_is_met_so_far() {
    let score = on(&stock("100"), &[at("2026-06-30", "100")], "2026-07-20");
    assert_eq!((score.status, score.light), (Status::MetSoFar, Light::Met));
    assert_eq!(on(&ratio("40"), &[at("2026-06-30", "40")], "2026-07-20").status, Status::MetSoFar);
    assert_eq!(on(&coverage(), &[share("2026-06-30", "7", "7")], "2026-07-20").status, Status::MetSoFar);
    // On the deadline itself a level can still fall: rows 2 and 3 begin the day after.
    assert_eq!(on(&stock("100"), &[verified(at("2026-12-31", "100"))], "2026-12-31").status, Status::MetSoFar);
}

#[test]
fn row_10_the_latest_year_with_both_series_gives_a_reference_light() {
    let ahead = on(&exceeds(), &[year(2025, "8.1"), other(year(2025, "4.6"))], "2026-06-01");
    assert_eq!((ahead.status, ahead.light), (Status::OnTrack, Light::Green));
    assert!(ahead.marks.contains(&Mark::Reference));
    let behind = on(&exceeds(), &[year(2025, "4.6"), other(year(2025, "4.6"))], "2026-06-01");
    assert_eq!((behind.status, behind.light), (Status::Behind, Light::Yellow));
    let single = on(&exceeds(), &[year(2025, "4.6")], "2026-06-01");
    assert_eq!((single.status, single.light), (Status::NoPath, Light::Grey));
}

#[test]
fn row_11_without_a_path_only_rate_and_gap_are_shown() {
    let spec = TargetSpec { path_kind: PathKind::EndOnly, ..rising("0", "4") };
    let score = on(&spec, &[at("2024-06-30", "1")], "2024-07-15");
    assert_eq!((score.status, score.light), (Status::NoPath, Light::Grey));
    assert_eq!((shown(score.target_rate).as_deref(), shown(score.gap).as_deref()), (Some("25.0"), Some("3.0")));
    assert_eq!((score.expected, score.deviation, score.forecast, score.scale), (None, None, None, None));
}

#[test]
fn row_13_the_thresholds_themselves_belong_to_the_better_light() {
    // 1,826 days from 0 to 1826: one unit a day; 10 points are 182.6 units.
    let status = |value| on(&rising("0", "1826"), &[at("2024-06-30", value)], "2024-07-15").status;
    assert_eq!(status("729.4"), Status::OnTrack);
    assert_eq!(status("729.39"), Status::Behind);
    assert_eq!(status("364.2"), Status::Behind);
    assert_eq!(status("364.19"), Status::FarBehind);
}

#[test]
fn every_status_has_the_light_of_its_row() {
    let grey: Vec<_> = Status::ALL.iter().filter(|status| light_of(**status) == Light::Grey).collect();
    assert_eq!(grey.len(), 6);
    assert_eq!(light_of(Status::FarBehind), Light::Red);
    assert_eq!(light_of(Status::NotScored), Light::None);
}
