//! Who may read, when an answer speaks of, and what it knows.

use std::time::Duration;

use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use songhua_access::Principal;
use songhua_domain::vocabulary::{Basis, Reason};
use songhua_wire::pb;
use songhua_wire::pb::progress_service_server::ProgressService;
use songhua_wire::time::{date_to_pb, timestamp_to_pb};
use tonic::{Request, Response, Status};

use super::fixture::{Figure, Fixture, ask, id, now, reason, recorded, refused};

async fn plan(fixture: &Fixture, name: &str, as_of: pb::AsOf) -> Result<Response<pb::GetPlanResponse>, Status> {
    fixture.server.get_plan(ask(pb::GetPlanRequest { name: name.to_owned(), as_of: Some(as_of) })).await
}

async fn state(fixture: &Fixture, as_of: pb::AsOf) -> pb::ReadState {
    plan(fixture, "plans/harbin", as_of).await.unwrap().into_inner().state.unwrap()
}

async fn fault(fixture: &Fixture, as_of: pb::AsOf) -> Reason {
    reason(plan(fixture, "plans/harbin", as_of).await)
}

fn at_position(position: u64) -> pb::AsOf {
    pb::AsOf { known: Some(pb::as_of::Known::KnownPosition(position)), ..Default::default() }
}

fn at_time(time: Timestamp) -> pb::AsOf {
    pb::AsOf { known: Some(pb::as_of::Known::KnownTime(timestamp_to_pb(time))), ..Default::default() }
}

#[tokio::test]
async fn without_a_caller_or_for_another_plan_nothing_is_read() {
    let fixture = Fixture::published();
    let message = || pb::GetPlanRequest { name: "plans/harbin".to_owned(), as_of: None };
    assert_eq!(reason(fixture.server.get_plan(Request::new(message())).await), Reason::TokenMissing);
    let mut request = ask(message());
    request.extensions_mut().get_mut::<Principal>().unwrap().plan = Some(id("other"));
    assert_eq!(reason(fixture.server.get_plan(request).await), Reason::PlanNotFound);
    assert_eq!(reason(plan(&fixture, "plans/nowhere", pb::AsOf::default()).await), Reason::PlanNotFound);
    assert_eq!(reason(plan(&fixture, "harbin", pb::AsOf::default()).await), Reason::InvalidField);
}

#[tokio::test]
async fn an_unpublished_plan_does_not_exist() {
    let fixture = Fixture::unpublished();
    for as_of in [pb::AsOf::default(), at_position(1), at_position(99)] {
        assert_eq!(fault(&fixture, as_of).await, Reason::PlanNotFound);
    }
}

#[tokio::test]
async fn without_a_moment_the_answer_is_of_today_knows_everything_and_may_change() {
    let fixture = Fixture::published();
    let expected = pb::ReadState {
        plan: "plans/harbin".to_owned(),
        valid_date: Some(date_to_pb(date(2026, 11, 23))),
        known_position: fixture.head(),
        applied_position: fixture.head(),
        r#final: false,
        calc_version: 1,
        light_rule_version: 1,
        simulated: true,
    };
    assert_eq!(state(&fixture, pb::AsOf::default()).await, expected);
}

#[tokio::test]
async fn a_position_is_known_for_ever_and_one_that_is_not_applied_lies_ahead() {
    let fixture = Fixture::published();
    let valid_date = Some(date_to_pb(date(2025, 6, 1)));
    let read = state(&fixture, pb::AsOf { valid_date, ..at_position(fixture.published) }).await;
    assert_eq!((read.known_position, read.valid_date, read.r#final), (fixture.published, valid_date, true));
    assert_eq!(read.applied_position, fixture.head());
    assert_eq!(fault(&fixture, at_position(0)).await, Reason::InvalidField);
    let ahead = refused(plan(&fixture, "plans/harbin", at_position(fixture.head() + 1)).await);
    assert_eq!(ahead.reason, Reason::PositionAhead);
    assert_eq!(ahead.metadata["applied_position"], fixture.head().to_string());
}

#[tokio::test]
async fn before_its_publication_a_plan_is_not_found_as_known_then() {
    let fixture = Fixture::published();
    let refusal = refused(plan(&fixture, "plans/harbin", at_position(fixture.published - 1)).await);
    assert_eq!(refusal.reason, Reason::ResourceNotFound);
    assert!(refusal.message.contains(&format!("published at position {}", fixture.published)), "{}", refusal.message);
    let before_all = recorded(1) - SignedDuration::from_secs(1);
    assert_eq!(fault(&fixture, at_time(before_all)).await, Reason::ResourceNotFound);
}

#[tokio::test]
async fn a_time_is_the_last_position_recorded_at_or_before_it() {
    let fixture = Fixture::published();
    let (earlier, head) = (fixture.head() - 3, fixture.head());
    for (time, position, r#final) in [
        (recorded(earlier), earlier, true),
        (recorded(earlier) + SignedDuration::from_secs(59), earlier, true),
        (recorded(head) - SignedDuration::from_secs(1), head - 1, true),
        // Another record may still come with the time of the last one.
        (recorded(head), head, false),
        (now(), head, false),
    ] {
        let read = state(&fixture, at_time(time)).await;
        assert_eq!((read.known_position, read.r#final), (position, r#final), "{time}");
    }
    assert_eq!(fault(&fixture, at_time(now() + SignedDuration::from_secs(1))).await, Reason::PositionAhead);
}

#[tokio::test]
async fn what_was_reported_later_is_not_known_earlier() {
    let mut fixture = Fixture::published();
    let before = fixture.head();
    fixture.figure("circle-b", "firms", Figure::value(Basis::StockAt, date(2026, 6, 30), "60"));
    let name = "plans/harbin/areas/circle-b".to_owned();
    for (as_of, status, actual) in [
        (at_position(before), pb::Status::NoData, ""),
        (pb::AsOf::default(), pb::Status::MetSoFar, "60"),
        (pb::AsOf { valid_date: Some(date_to_pb(date(2026, 6, 29))), ..Default::default() }, pb::Status::NoData, ""),
    ] {
        let request = pb::GetCircleRequest { name: name.clone(), as_of: Some(as_of) };
        let answer = fixture.server.get_circle(ask(request)).await.unwrap().into_inner();
        let target = &answer.circle.unwrap().targets[0];
        assert_eq!((target.status(), target.actual.as_str()), (status, actual));
    }
}

#[tokio::test]
async fn a_read_waits_until_its_position_is_applied() {
    let mut fixture = Fixture::published();
    let next = fixture.head() + 1;
    let message = pb::GetPlanRequest {
        name: "plans/harbin".to_owned(),
        as_of: Some(pb::AsOf { min_position: next, ..Default::default() }),
    };
    let server = std::sync::Arc::clone(&fixture.server);
    let waiting = tokio::spawn(async move { server.get_plan(ask(message)).await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!waiting.is_finished());
    fixture.apply(|batch, position| batch.open_day(position, date(2026, 11, 23)).unwrap());
    let read = waiting.await.unwrap().unwrap().into_inner().state.unwrap();
    assert_eq!(read.known_position, next);
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_a_position_ends_after_five_seconds() {
    let fixture = Fixture::published();
    let started = tokio::time::Instant::now();
    let as_of = pb::AsOf { min_position: fixture.head() + 1, ..Default::default() };
    let refusal = refused(plan(&fixture, "plans/harbin", as_of).await);
    assert_eq!(refusal.reason, Reason::PositionNotApplied);
    assert_eq!(refusal.metadata["applied_position"], fixture.head().to_string());
    assert_eq!(started.elapsed().as_secs(), 5);
}

#[tokio::test]
async fn while_views_are_rebuilt_readers_are_asked_to_come_back() {
    let fixture = Fixture::published();
    fixture.rebuild(Some("layout 0 is old"));
    let refusal = refused(plan(&fixture, "plans/harbin", pb::AsOf::default()).await);
    assert_eq!((refusal.reason, refusal.retry_after), (Reason::ViewsRebuilding, Some(Duration::from_secs(1))));
    assert!(refusal.message.contains("layout 0 is old"), "{}", refusal.message);
    fixture.rebuild(None);
    assert!(plan(&fixture, "plans/harbin", pb::AsOf::default()).await.is_ok());
}

#[tokio::test]
async fn a_read_that_names_a_position_waits_for_a_rebuild_to_end() {
    let fixture = Fixture::published();
    fixture.rebuild(Some("the views are catching up"));
    let message = pb::GetPlanRequest {
        name: "plans/harbin".to_owned(),
        as_of: Some(pb::AsOf { min_position: fixture.head(), ..Default::default() }),
    };
    let server = std::sync::Arc::clone(&fixture.server);
    let waiting = tokio::spawn(async move { server.get_plan(ask(message)).await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!waiting.is_finished());
    fixture.rebuild(None);
    assert!(waiting.await.unwrap().is_ok());
}
