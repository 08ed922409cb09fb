//! The remarks beside a light: holes in a chain of periods, and the codes they are written with.

use std::collections::BTreeSet;

use super::support::*;
use crate::score::{Mark, Observation, TargetSpec};

fn has_hole(spec: &TargetSpec, figures: &[Observation]) -> bool {
    on(spec, figures, "2024-07-15").marks.contains(&Mark::MissingPeriod)
}

#[test]
fn a_missing_quarter_between_two_periods_is_a_hole() {
    let chain = [
        to_date("2023-06-30", "10"),
        period("2023-07-01", "2023-09-30", "1"),
        period("2023-10-01", "2023-12-31", "1"),
        period("2024-01-01", "2024-03-31", "1"),
    ];
    assert!(!has_hole(&cumulative("100"), &chain));
    let broken = [chain[0].clone(), chain[3].clone(), chain[1].clone()];
    assert!(has_hole(&cumulative("100"), &broken));
}

#[test]
fn days_between_the_sums_start_and_its_first_period_are_a_hole() {
    assert!(has_hole(&cumulative("100"), &[to_date("2023-12-31", "10"), period("2024-02-01", "2024-03-31", "1")]));
    assert!(has_hole(&cumulative("100"), &[period("2023-01-01", "2023-12-31", "1")]), "2022 is missing");
    assert!(!has_hole(&cumulative("100"), &[period("2022-01-01", "2023-12-31", "1")]));
    assert!(!has_hole(&cumulative("100"), &[to_date("2023-12-31", "10")]));
}

#[test]
fn a_statement_closes_the_holes_before_it() {
    let figures = [period("2023-01-01", "2023-03-31", "1"), to_date("2023-12-31", "10")];
    assert!(!has_hole(&cumulative("100"), &figures));
}

#[test]
fn overlapping_periods_hide_no_hole() {
    let figures = [
        period("2022-01-01", "2022-12-31", "1"),
        period("2022-02-01", "2022-03-31", "1"),
        period("2023-02-01", "2023-03-31", "1"),
    ];
    assert!(has_hole(&cumulative("100"), &figures));
}

#[test]
fn a_mark_is_serialized_as_its_code() {
    let marks = [
        Mark::Retired,
        Mark::NotApplicable,
        Mark::Provisional,
        Mark::Trend,
        Mark::ReachedEarlierYear,
        Mark::AboveMax,
        Mark::AboveTolerance,
        Mark::Reference,
        Mark::MissingPeriod,
        Mark::Maintain,
        Mark::ClosingWindow,
        Mark::WithinTolerance,
        Mark::LaterObserved,
    ];
    let codes: BTreeSet<_> = marks.iter().map(|mark| mark.code()).collect();
    assert_eq!(codes.len(), marks.len());
    for mark in marks {
        assert_eq!(serde_json::to_value(mark).unwrap(), mark.code());
    }
}

#[test]
fn one_missing_day_is_a_hole() {
    let figures = |start| [to_date("2023-12-31", "10"), period(start, "2024-03-31", "1")];
    assert!(!has_hole(&cumulative("100"), &figures("2024-01-01")));
    assert!(has_hole(&cumulative("100"), &figures("2024-01-02")));
}

#[test]
fn a_period_within_another_does_not_shorten_what_is_covered() {
    let figures = [
        period("2022-01-01", "2022-12-31", "1"),
        period("2022-02-01", "2022-03-31", "1"),
        period("2023-01-01", "2023-03-31", "1"),
    ];
    assert!(!has_hole(&cumulative("100"), &figures));
}
