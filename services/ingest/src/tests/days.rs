//! Recorded time and days: what the log says of time, whatever the clock says.

use jiff::civil::date;
use songhua_domain::event::Payload;
use songhua_domain::vocabulary::Reason;
use uuid::Uuid;

use super::fixture::{
    LEAD, OTHER, Plan, TODAY, admin, agency, days, definitions, dimension, events, figure, log_identity, memory,
    nothing, time,
};
use crate::options::IngestOptions;

#[tokio::test]
async fn recorded_time_never_runs_backwards() {
    let plan = Plan::published().await;
    let clocks = [
        "2026-03-02T05:00:00Z",
        "2026-03-02T04:59:59.999999Z",
        "2026-03-01T00:00:00Z",
        "1999-12-31T00:00:00Z",
        "2026-03-02T05:00:00.000001Z",
    ];
    let mut recorded = Vec::new();
    for (number, clock) in clocks.into_iter().enumerate() {
        plan.clock.set(clock);
        recorded.push(plan.put(&agency(LEAD), figure(number as u128, number as i16 + 1, "31")).await.recorded_time);
    }
    let five = time("2026-03-02T05:00:00Z");
    assert_eq!(recorded, [five, five, five, five, time("2026-03-02T05:00:00.000001Z")]);

    // Nor after a restart.
    plan.clock.set("2026-03-02T04:00:00Z");
    let plan = plan.reopened().await;
    let receipt = plan.put(&agency(LEAD), figure(9, 9, "31")).await;
    assert_eq!(receipt.recorded_time, time("2026-03-02T05:00:00.000001Z"));
    let stored = events(plan.log.as_ref()).await;
    assert!(stored.is_sorted_by_key(|event| event.recorded_time));
}

#[tokio::test]
async fn a_record_and_the_log_around_it_say_the_same_moment() {
    let plan = Plan::published().await;
    plan.clock.set("2026-03-02T05:00:00.123456789Z");
    let receipt = plan.put(&agency(LEAD), figure(1, 10, "31")).await;
    let record = plan.log.find(receipt.event_id.as_bytes()).await.unwrap().unwrap();
    let of_log = jiff::Timestamp::from_microsecond(record.recorded_time_us).unwrap();
    assert_eq!(receipt.recorded_time, of_log);
    assert_eq!(receipt.recorded_time, time("2026-03-02T05:00:00.123456Z"));
}

#[tokio::test]
async fn the_day_is_that_of_recorded_time_when_the_clock_is_behind() {
    let plan = Plan::published().await;
    plan.clock.set("2026-03-02T19:00:00Z");
    plan.put(&agency(LEAD), figure(1, 10, "31")).await;
    plan.clock.set("2026-03-02T04:00:00Z");
    // Recorded on 3 March, so it may speak of 3 March.
    plan.put(&agency(OTHER), dimension(2, "district=east", 62, "3")).await;
    let opened: Vec<_> = days(plan.log.as_ref()).await.into_iter().map(|(day, _)| day).collect();
    assert_eq!(opened, [TODAY, date(2026, 3, 3)]);
}

#[tokio::test]
async fn a_day_is_opened_once_in_the_time_zone_of_the_plan() {
    let plan = Plan::published().await;
    let mut number = 0;
    for clock in [
        "2026-03-02T16:30:00Z", // 22:30
        "2026-03-02T17:59:59Z", // 23:59:59
        "2026-03-02T18:00:00Z", // midnight
        "2026-03-02T18:30:00Z", // 00:30
        "2026-03-03T17:00:00Z", // 23:00
        "2026-03-07T00:00:00Z", // some days nothing happened
    ] {
        plan.clock.set(clock);
        for _ in 0..2 {
            number += 1;
            plan.put(&agency(LEAD), figure(number, number as i16, "31")).await;
        }
    }
    let opened: Vec<_> = days(plan.log.as_ref()).await.into_iter().map(|(day, _)| day).collect();
    assert_eq!(opened, [TODAY, date(2026, 3, 3), date(2026, 3, 7)]);
}

#[tokio::test]
async fn a_day_is_opened_before_the_first_event_of_the_day() {
    let plan = Plan::published().await;
    plan.put(&agency(LEAD), figure(1, 1, "31")).await;
    plan.clock.set("2026-03-02T18:00:00Z");
    let first = plan.put(&agency(LEAD), figure(2, 2, "31")).await;
    assert_eq!(days(plan.log.as_ref()).await.last(), Some(&(date(2026, 3, 3), first.position - 1)));
    assert_day_precedes_its_events(&plan).await;
}

/// Every event after publication was recorded on the day that was opened last.
async fn assert_day_precedes_its_events(plan: &Plan) {
    let zone = jiff::tz::TimeZone::get("Asia/Urumqi").unwrap();
    let mut published = false;
    let mut today = None;
    for event in events(plan.log.as_ref()).await {
        match &event.input.payload {
            Payload::DayOpened(day) => {
                assert!(published, "a day before publication");
                today = Some(day.date);
            }
            Payload::PlanPublished(_) => published = true,
            _ if published => {
                let recorded = event.recorded_time.to_zoned(zone.clone()).date();
                assert_eq!(today, Some(recorded), "position {}", event.position);
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn no_day_is_opened_before_the_plan_is_published_and_one_right_after() {
    let plan = Plan::open(memory(), IngestOptions::default()).await;
    let all = definitions();
    let published = all.iter().position(|event| matches!(event.payload, Payload::PlanPublished(_))).unwrap();
    plan.persist(&admin(), all[..published].to_vec()).await;
    plan.clock.set("2026-03-03T04:00:00Z");
    assert_eq!(days(plan.log.as_ref()).await, []);
    // All of it waits at once, so that it is decided in one group.
    let actor = admin();
    let rest = all[published..].iter().map(|event| plan.submit(&actor, vec![event.clone()]));
    for answer in futures::future::join_all(rest).await {
        answer.unwrap();
    }
    assert_eq!(days(plan.log.as_ref()).await.len(), 1);
    assert_day_precedes_its_events(&plan).await;
}

#[tokio::test]
async fn the_id_of_a_day_follows_from_the_log_and_the_date() {
    let plan = Plan::published().await;
    plan.put(&agency(LEAD), figure(1, 1, "31")).await;
    let id = Uuid::new_v5(&log_identity().log_id, b"day/2026-03-02");
    let record = plan.log.find(id.as_bytes()).await.unwrap().expect("the day");
    let event = songhua_wire::record::decode_event(record.position.0, &record.bytes).unwrap();
    assert_eq!(*event.actor, crate::day::system_actor());
    assert!(matches!(&event.input.payload, Payload::DayOpened(day) if day.date == TODAY));
}

#[tokio::test]
async fn an_idle_plan_opens_its_day_when_it_is_opened() {
    let plan = Plan::published().await;
    plan.clock.set("2026-03-05T04:00:00Z");
    let plan = plan.reopened().await;
    for _ in 0..200 {
        if days(plan.log.as_ref()).await.last().is_some_and(|(day, _)| *day == date(2026, 3, 5)) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("the day stays closed");
}

#[tokio::test]
async fn nobody_opens_a_day_but_the_server() {
    let plan = Plan::published().await;
    let day =
        crate::day::day_to_open(&plan.ingest.durable_state(), log_identity().log_id, time("2026-03-09T04:00:00Z"), 0);
    for actor in [admin(), agency(LEAD)] {
        let refused = plan.submit(&actor, vec![day.clone().unwrap()]).await.unwrap_err();
        assert_eq!(refused.reason, Reason::ServerOnly);
    }
}

#[tokio::test]
async fn a_plan_in_a_time_zone_that_is_not_known_here_is_not_begun() {
    let plan = Plan::open(memory(), IngestOptions::default()).await;
    let mut first = definitions().remove(0);
    if let Payload::PlanDefined(defined) = &mut first.payload {
        defined.time_zone = "Asia/Songhua".to_owned();
    }
    let refused = plan.submit(&admin(), vec![first]).await.unwrap_err();
    assert_eq!(refused.reason, Reason::InvalidField);
    assert_eq!(refused.violations[0].field, "events[0].plan_defined.time_zone");
    plan.load().await;
    plan.put(&agency(OTHER), nothing(1, 10, "")).await;
}

#[tokio::test]
async fn a_client_who_took_the_id_of_a_day_does_not_stop_the_calendar() {
    let plan = Plan::published().await;
    let mut squatter = figure(1, 10, "31");
    squatter.event_id = Uuid::new_v5(&log_identity().log_id, b"day/2026-03-03");
    plan.put(&agency(LEAD), squatter).await;
    plan.clock.set("2026-03-03T04:00:00Z");
    plan.put(&agency(LEAD), figure(2, 11, "31")).await;
    let opened: Vec<_> = days(plan.log.as_ref()).await.into_iter().map(|(day, _)| day).collect();
    assert_eq!(opened, [TODAY, date(2026, 3, 3)]);
}
