//! Figures become lights: reported, corrected, retracted, verified, rejected; and every answer as of another day or as
//! known earlier.

use std::time::{Duration, Instant};

use songhua_tests::{date, event, stock};
use songhua_wire::pb;
use songhua_wire::pb::event_input::Payload;
use songhua_wire::time::timestamp_to_pb;
use tonic::Code;

use crate::progress_world::{LOOK, World, accepted, baseline, corrected, known, only, period, reason, rejected, seen};

/// STOCK, at least 50, by quarter.
const LABS: &str = "new-rd-institutions";

/// 10 at the end of 2022, 30 at the end of 2025, 40 in September 2026.
async fn three_reports(world: &World) -> [pb::Receipt; 3] {
    let report = |on, value| world.stored(&world.bureau, stock("city", LABS, on, value));
    [
        report(date(2022, 12, 31), "10").await,
        report(date(2025, 12, 31), "30").await,
        report(date(2026, 9, 30), "40").await,
    ]
}

fn time_of(receipt: &pb::Receipt) -> pb::AsOf {
    let known = receipt.recorded_time.map(pb::as_of::Known::KnownTime);
    pb::AsOf { valid_date: Some(LOOK), known, min_position: receipt.position }
}

#[tokio::test]
async fn a_stock_figure_becomes_a_light_with_every_component_to_redo_it_by_hand() {
    let world = World::harbin().await;
    let [.., last] = three_reports(&world).await;
    let target = world.target(LABS, &last).await;
    // The path starts at the first figure, 2022-12-31, and has 1,461 days; September 2026 is day 1,369 of it.
    assert_eq!(target.path_source(), pb::PathSource::Interpreted);
    let start = target.path_start.clone().unwrap();
    assert_eq!((start.date, start.value.as_str()), (Some(date(2022, 12, 31)), "10"));
    assert!(target.expected.starts_with("47.48117"), "{}", target.expected);
    assert_eq!((target.scale.as_str(), target.deviation.as_str()), ("40", "-18.7"));
    // 10 more in 273 days: 43.4 at the end, and the last 38 days are decided by the forecast.
    assert!(target.forecast.starts_with("43.36996"), "{}", target.forecast);
    assert!(target.pace_per_day.starts_with("0.0366300"), "{}", target.pace_per_day);
    assert_eq!((target.status(), target.light()), (pb::Status::FarBehind, pb::Light::Red));
    assert_eq!(target.status_label.clone().unwrap().zh, "严重滞后（参考，自报）");
    assert_eq!(target.marks, ["PROVISIONAL", "REFERENCE", "CLOSING_WINDOW"]);
    assert_eq!((target.actual.as_str(), target.value.as_str(), target.gap.as_str()), ("40", "50", "10"));
    assert_eq!((target.target_rate.as_str(), target.increment_rate.as_str()), ("80.0", "75.0"));
    assert!(target.required_pace.starts_with("0.2631578"), "{}", target.required_pace);
    assert_eq!((target.age_days, target.time_progress.as_str()), (54, "97.9"));
    assert_eq!(target.scored_date, Some(date(2026, 9, 30)));
    let headline = target.headline.clone().unwrap();
    assert_eq!((headline.position, headline.value.as_str(), headline.verified), (last.position, "40", false));
    assert_eq!(target.newest_verified, None);
}

#[tokio::test]
async fn a_correction_shows_the_new_value_and_keeps_the_old_one_in_the_history_and_in_earlier_knowledge() {
    let world = World::harbin().await;
    let [first, second, wrong] = three_reports(&world).await;
    let right = world.stored(&world.bureau, corrected(&wrong, "46")).await;

    let answer = world.indicator(LABS, &right).await;
    assert_eq!(only(&answer).actual, "46");
    let history: Vec<_> = answer.history.iter().map(|one| (one.position, one.live, one.superseded_by)).collect();
    let expected = [
        (first.position, true, 0),
        (second.position, true, 0),
        (wrong.position, false, right.position),
        (right.position, true, 0),
    ];
    assert_eq!(history, expected);
    let last = answer.history.last().unwrap();
    assert_eq!((last.corrects, last.agency.as_str()), (wrong.position, "science-bureau"));
    assert_eq!(last.period.unwrap().end, Some(date(2026, 9, 30)));
    assert!(answer.history.first().unwrap().back_dated && !last.back_dated);

    // As known before: the old value, and the entry was live then.
    let before = world.indicator_at(LABS, known(LOOK, wrong.position)).await.unwrap();
    assert_eq!(only(&before).actual, "40");
    assert_eq!(before.history.len(), 3);
    assert!(before.history.iter().all(|one| one.live && one.superseded_by == 0));
    let state = before.state.unwrap();
    assert_eq!((state.known_position, state.r#final), (wrong.position, true));
    assert!(state.applied_position >= right.position);
    let by_time = world.indicator_at(LABS, time_of(&wrong)).await.unwrap();
    assert_eq!((only(&by_time).actual.as_str(), by_time.state.unwrap().known_position), ("40", wrong.position));
    let after = world.indicator_at(LABS, time_of(&right)).await.unwrap();
    assert_eq!(only(&after).actual, "46");

    // Once corrected, only the correction can be spoken of; and what is there is not reported again.
    assert_eq!(world.refused(&world.bureau, corrected(&wrong, "47")).await, "SUPERSEDED");
    let again = stock("city", LABS, date(2026, 9, 30), "48");
    assert_eq!(world.refused(&world.bureau, again).await, "MEASUREMENT_EXISTS");
}

#[tokio::test]
async fn a_day_in_the_past_does_not_know_later_figures_of_the_world() {
    let world = World::harbin().await;
    let [.., last] = three_reports(&world).await;
    let at = |day| world.indicator_at(LABS, seen(day, last.position));
    let summer = only(&at(date(2026, 8, 1)).await.unwrap());
    assert_eq!((summer.actual.as_str(), summer.scored_date), ("30", Some(date(2025, 12, 31))));
    // The end of March 2026 was due by mid June; on 1 August the last known light is stale, the light itself stands beside.
    assert_eq!((summer.status(), summer.light()), (pb::Status::Stale, pb::Light::Grey));
    assert_eq!(summer.last_known_status(), pb::Status::Behind);
    let on_the_day = only(&at(date(2026, 9, 30)).await.unwrap());
    assert_eq!((on_the_day.actual.as_str(), on_the_day.age_days), ("40", 0));
    let before_all = only(&at(date(2022, 12, 30)).await.unwrap());
    assert_eq!((before_all.status(), before_all.actual.as_str()), (pb::Status::NoData, ""));
    // After the plan: the figure of the deadline is still to be published, then overdue.
    assert_eq!(only(&at(date(2027, 1, 31)).await.unwrap()).status(), pb::Status::AwaitingData);
    assert_eq!(only(&at(date(2027, 6, 1)).await.unwrap()).status(), pb::Status::Overdue);
}

#[tokio::test]
async fn a_retracted_figure_frees_its_period_and_a_rejected_one_no_longer_counts() {
    let world = World::harbin().await;
    let [_, second, third] = three_reports(&world).await;
    let retraction = event(Payload::MeasurementRetracted(pb::MeasurementRetracted {
        measurement: third.event_id.clone(),
        reason: "报错了指标".to_owned(),
    }));
    let retracted = world.stored(&world.bureau, retraction).await;
    let answer = world.indicator(LABS, &retracted).await;
    assert_eq!(only(&answer).actual, "30");
    let gone = answer.history.iter().find(|one| one.position == third.position).unwrap();
    assert_eq!((gone.live, gone.superseded_by), (false, retracted.position));
    let anew = world.stored(&world.bureau, stock("city", LABS, date(2026, 9, 30), "41")).await;
    assert_eq!(world.target(LABS, &anew).await.actual, "41");

    let rejection = world.stored(&world.auditor, rejected(&anew)).await;
    let answer = world.indicator(LABS, &rejection).await;
    assert_eq!(only(&answer).actual, "30");
    assert_eq!(only(&answer).headline.unwrap().position, second.position);
    let gone = answer.history.iter().find(|one| one.position == anew.position).unwrap();
    assert_eq!((gone.live, gone.superseded_by), (false, rejection.position));
    let before = world.indicator_at(LABS, known(LOOK, anew.position)).await.unwrap();
    assert_eq!(only(&before).actual, "41");
}

#[tokio::test]
async fn an_auditor_verifies_a_figure_its_reporter_cannot_and_a_correction_voids_it() {
    let world = World::harbin().await;
    let [_, second, third] = three_reports(&world).await;
    assert_eq!(world.refused(&world.bureau, accepted(&third)).await, "SELF_VERIFICATION");
    world.stored(&world.auditor, accepted(&second)).await;
    let verified = world.stored(&world.auditor, accepted(&third)).await;
    let target = world.target(LABS, &verified).await;
    assert!(target.headline.clone().unwrap().verified);
    assert_eq!(target.newest_verified, target.headline);
    assert_eq!(target.status_label.clone().unwrap().en, "far behind (for reference, verified)");

    let right = world.stored(&world.bureau, corrected(&third, "50")).await;
    let target = world.target(LABS, &right).await;
    assert_eq!((target.status(), target.light()), (pb::Status::MetSoFar, pb::Light::Met));
    assert!(!target.headline.clone().unwrap().verified);
    assert_eq!(target.newest_verified.unwrap().position, second.position);
    assert_eq!(world.refused(&world.auditor, accepted(&third)).await, "SUPERSEDED");
    // Twice is once too many.
    assert_eq!(world.refused(&world.auditor, accepted(&second)).await, "SUPERSEDED");
}

#[tokio::test]
async fn a_baseline_and_interim_targets_change_the_path_from_the_moment_they_are_known() {
    let world = World::harbin().await;
    let [.., last] = three_reports(&world).await;
    let from_baseline = world.stored(&world.office, baseline("city", LABS, date(2021, 12, 31), "5")).await;
    let target = world.target(LABS, &from_baseline).await;
    assert_eq!((target.path_source(), target.scale.as_str()), (pb::PathSource::Baseline, "45"));
    let set = target.baseline.clone().unwrap();
    assert_eq!((set.date, set.value.as_str()), (Some(date(2021, 12, 31)), "5"));
    // 5 + 45 × 1,734 / 1,826 days.
    assert!(target.expected.starts_with("47.7327"), "{}", target.expected);
    assert_eq!(target.increment_rate, "77.8");

    let interim = event(Payload::InterimTargetsSet(pb::InterimTargetsSet {
        area: "city".to_owned(),
        indicator: LABS.to_owned(),
        interim: vec![
            pb::DatedValue { date: Some(date(2024, 12, 31)), value: "20".to_owned() },
            pb::DatedValue { date: Some(date(2025, 12, 31)), value: "25".to_owned() },
        ],
        reason: String::new(),
    }));
    let steeper = world.stored(&world.office, interim).await;
    let target = world.target(LABS, &steeper).await;
    // 25 + 25 × 273 / 365 days.
    assert!(target.expected.starts_with("43.6986"), "{}", target.expected);
    assert_eq!(target.deviation, "-8.2");
    let before = only(&world.indicator_at(LABS, known(LOOK, last.position)).await.unwrap());
    assert_eq!((before.path_source(), before.baseline), (pb::PathSource::Interpreted, None));
    let above = baseline("city", "st-infrastructure-investment", date(2021, 12, 31), "5");
    assert_eq!(world.refused(&world.office, above).await, "TARGET_RULE");
    let not_the_office = baseline("city", "hnte-count", date(2021, 12, 31), "5");
    assert_eq!(world.refused(&world.bureau, not_the_office).await, "ROLE_NOT_ALLOWED");
}

#[tokio::test]
async fn additions_are_summed_along_a_path_from_zero_at_the_plans_start() {
    let world = World::harbin().await;
    let add = |days, value| period("city", "technology-brokers", pb::Basis::Period, days, value);
    world.stored(&world.bureau, add((date(2022, 1, 1), date(2024, 12, 31)), "280")).await;
    let last = world.stored(&world.bureau, add((date(2025, 1, 1), date(2026, 9, 30)), "190")).await;
    let target = world.target("technology-brokers", &last).await;
    assert_eq!((target.actual.as_str(), target.path_source()), ("470", pb::PathSource::PlanStart));
    // 500 × 1,734 / 1,826 days. Two dates more than a year apart make no forecast: the deviation decides.
    assert!(target.expected.starts_with("474.8083"), "{}", target.expected);
    assert_eq!((target.target_rate.as_str(), target.increment_rate.as_str()), ("94.0", "94.0"));
    assert_eq!((target.status(), target.deviation.as_str()), (pb::Status::OnTrack, "-1.0"));
    let overlapping = add((date(2026, 9, 1), date(2026, 10, 31)), "9");
    assert_eq!(world.refused(&world.bureau, overlapping).await, "PERIOD_OVERLAP");
}

#[tokio::test]
async fn a_position_ahead_is_refused_and_min_position_waits_for_what_is_coming() {
    let world = World::harbin().await;
    let [.., last] = three_reports(&world).await;
    let mut ahead = known(LOOK, last.position + 1_000);
    ahead.min_position = 0;
    let status = world.indicator_at(LABS, ahead).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::OutOfRange, "POSITION_AHEAD"));
    let future = pb::AsOf { known: Some(at("2999-01-01T00:00:00Z")), ..Default::default() };
    assert_eq!(reason(&world.indicator_at(LABS, future).await.unwrap_err()), "POSITION_AHEAD");
    let zero = pb::AsOf { known: Some(pb::as_of::Known::KnownPosition(0)), ..Default::default() };
    assert_eq!(reason(&world.indicator_at(LABS, zero).await.unwrap_err()), "INVALID_FIELD");

    // The read is asked first, the figure comes while it waits.
    let waiting = world.indicator_at(LABS, seen(LOOK, last.position + 1));
    let report = async {
        // Long enough for the read to have begun, far below the 5 s it may wait.
        tokio::time::sleep(Duration::from_millis(200)).await;
        world.stored(&world.bureau, stock("city", LABS, date(2026, 10, 31), "44")).await
    };
    let (answer, receipt) = tokio::join!(waiting, report);
    let answer = answer.unwrap();
    assert_eq!((only(&answer).actual.as_str(), answer.state.unwrap().known_position), ("44", receipt.position));

    // What does not come within five seconds is said to be missing, and may be asked for again.
    let begun = Instant::now();
    let status = world.indicator_at(LABS, seen(LOOK, receipt.position + 1)).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "POSITION_NOT_APPLIED"));
    assert!((4..9).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn an_answer_is_final_only_where_the_same_question_cannot_get_another() {
    let world = World::harbin().await;
    let [first, _, last] = three_reports(&world).await;
    let is_final = async |as_of| world.indicator_at(LABS, as_of).await.unwrap().state.unwrap().r#final;
    assert!(!is_final(seen(LOOK, last.position)).await, "new figures may come");
    assert!(is_final(known(LOOK, last.position)).await, "a position is for ever");
    assert!(is_final(time_of(&first)).await, "something later is recorded");
    assert!(!is_final(time_of(&last)).await, "more may be recorded at this very time");
    let early = pb::AsOf { known: Some(at("2001-01-01T00:00:00Z")), ..Default::default() };
    assert_eq!(reason(&world.indicator_at(LABS, early).await.unwrap_err()), "RESOURCE_NOT_FOUND");
}

fn at(time: &str) -> pb::as_of::Known {
    pb::as_of::Known::KnownTime(timestamp_to_pb(time.parse().expect("a time")))
}
