//! Until when a status holds, against every single day.

use proptest::prelude::*;

use super::super::{CalcVersion, LightRule, Observation, TargetSpec, days, score, score_until, status_holds_until};
use super::properties::*;
use super::support::*;
use crate::vocabulary::Status;

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, ..ProptestConfig::default() })]

    #[test]
    fn a_status_holds_on_every_day_until_it_is_to_be_judged_again(
        (spec, seen, valid_at) in legal_cases(), back in 0i64..600,
    ) {
        let (rule, seen) = (LightRule::default(), in_order(seen));
        let until = |day| score_until(CalcVersion::V1, &spec, &rule, &seen, day);
        let mut day = days::plus(valid_at, -back);
        let end = days::plus(spec.deadline, 366);
        while day < end {
            let (judged, until) = until(day);
            let next = until.unwrap_or(end);
            prop_assert!(next > day, "{} is not after {}", next, day);
            let mut other = days::plus(day, 1);
            while other < next.min(end) {
                let status = score(CalcVersion::V1, &spec, &rule, &seen, other).status;
                prop_assert_eq!(status, judged.status, "on {}, judged on {} until {:?}", other, day, until);
                other = days::plus(other, 1);
            }
            // As late as can be: on that day something has changed, or another figure is seen.
            if until.is_some() && !seen.iter().any(|of: &Observation| of.end == next) {
                prop_assert_ne!(score(CalcVersion::V1, &spec, &rule, &seen, next).status, judged.status, "on {}", next);
            }
            day = next;
        }
    }
}

/// The days on which the status turns from `from` on, and what it turns to.
fn turns(spec: &TargetSpec, observations: &[Observation], from: &str) -> Vec<(String, Status)> {
    let (rule, seen, mut day) = (LightRule::default(), numbered(observations), Some(day(from)));
    let mut turns = Vec::new();
    while let Some(date) = day {
        turns.push((date.to_string(), score(CalcVersion::V1, spec, &rule, &seen, date).status));
        day = status_holds_until(CalcVersion::V1, spec, &rule, &seen, date);
    }
    turns
}

fn expected<const N: usize>(of: [(&str, Status); N]) -> Vec<(String, Status)> {
    of.map(|(date, status)| (date.to_owned(), status)).to_vec()
}

#[test]
fn a_level_turns_stale_then_awaited_then_overdue_for_ever() {
    let spec = rising("0", "100");
    let figures = [at("2026-03-31", "50"), at("2026-09-30", "90")];
    let wanted = expected([
        ("2026-10-10", Status::OnTrack),
        ("2027-01-01", Status::AwaitingData),
        ("2027-02-15", Status::Overdue),
    ]);
    assert_eq!(turns(&spec, &figures, "2026-10-10"), wanted);
    let monthly = TargetSpec { frequency: crate::vocabulary::Frequency::Month, ..spec };
    assert_eq!(turns(&monthly, &figures, "2026-10-10")[1], ("2026-12-16".to_owned(), Status::Stale));
}

#[test]
fn the_closing_window_turns_a_status_on_its_first_day_only_if_the_forecast_says_otherwise() {
    let spec = TargetSpec { grace_days: 400, ..cumulative("1300") };
    let figures = [to_date("2025-12-31", "700"), to_date("2026-03-31", "860")];
    assert_eq!(turns(&spec, &figures, "2026-06-01")[1], ("2026-07-05".to_owned(), Status::OnTrack));
    let further = TargetSpec { grace_days: 400, ..cumulative("2000") };
    assert_eq!(turns(&further, &figures, "2026-06-01")[1].0, "2027-01-01", "far behind either way");
}

#[test]
fn what_is_met_for_good_holds_for_ever_unless_it_is_retired() {
    let met = [with_status_a(to_date("2026-03-31", "1300"))];
    assert_eq!(turns(&cumulative("1300"), &met, "2026-06-01"), expected([("2026-06-01", Status::Met)]));
    let retired = TargetSpec { retired_from: Some(day("2029-05-01")), ..cumulative("1300") };
    let wanted = expected([("2026-06-01", Status::Met), ("2029-05-01", Status::NotScored)]);
    assert_eq!(turns(&retired, &met, "2026-06-01"), wanted);
}

#[test]
fn a_figure_of_a_later_day_ends_what_can_be_said_now() {
    let figures = [at("2026-03-31", "50"), at("2026-04-20", "51"), at("2028-01-01", "99")];
    assert_eq!(turns(&rising("0", "60"), &figures, "2026-04-02")[1].0, "2026-04-20");
}
