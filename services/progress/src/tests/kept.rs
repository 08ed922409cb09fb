//! Answers of now: kept as long as nothing is recorded, on that day only, by these views only.

use jiff::SignedDuration;
use jiff::civil::date;
use songhua_domain::vocabulary::Basis;
use songhua_views::{Options, Views};
use songhua_wire::pb;
use songhua_wire::pb::progress_service_server::ProgressService;

use super::fixture::{Figure, Fixture, ask, id, now, refused};
use crate::kept::{Answers, Kept, Moment};

async fn overview(fixture: &Fixture, as_of: Option<pb::AsOf>) -> pb::GetOverviewResponse {
    let request = pb::GetOverviewRequest { name: "plans/harbin".to_owned(), as_of };
    fixture.server.get_overview(ask(request)).await.unwrap().into_inner()
}

async fn circle(fixture: &Fixture, area: &str) -> pb::GetCircleResponse {
    let request = pb::GetCircleRequest { name: format!("plans/harbin/areas/{area}"), as_of: None };
    fixture.server.get_circle(ask(request)).await.unwrap().into_inner()
}

fn actual(answer: &pb::GetCircleResponse) -> &str {
    &answer.circle.as_ref().unwrap().targets[0].actual
}

#[tokio::test]
async fn what_is_asked_again_is_answered_as_before_until_something_is_recorded() {
    let mut fixture = Fixture::published();
    let (before, other) = (circle(&fixture, "circle-a").await, circle(&fixture, "circle-b").await);
    let seen = overview(&fixture, None).await;
    assert_eq!((circle(&fixture, "circle-a").await, overview(&fixture, None).await), (before.clone(), seen.clone()));
    let position = fixture.figure("circle-a", "firms", Figure::value(Basis::StockAt, date(2026, 6, 30), "117"));
    let after = circle(&fixture, "circle-a").await;
    assert_ne!(actual(&before), "117");
    assert_eq!((actual(&after), after.state.as_ref().unwrap().known_position), ("117", position));
    assert_eq!(overview(&fixture, None).await.state.unwrap().known_position, position);
    // What another day or position is asked for is not what was kept.
    let then = pb::AsOf { known: Some(pb::as_of::Known::KnownPosition(position - 1)), ..Default::default() };
    assert_eq!(overview(&fixture, Some(then)).await.statuses, seen.statuses);
    assert_eq!(other.circle, circle(&fixture, "circle-b").await.circle);
}

#[tokio::test]
async fn nothing_kept_is_answered_while_views_are_rebuilt_or_to_whom_may_not_read() {
    let fixture = Fixture::published();
    overview(&fixture, None).await;
    fixture.rebuild(Some("asked for"));
    let request = || ask(pb::GetOverviewRequest { name: "plans/harbin".to_owned(), as_of: None });
    assert_eq!(refused(fixture.server.get_overview(request()).await).reason.to_string(), "VIEWS_REBUILDING");
    fixture.rebuild(None);
    let mut stranger = request();
    stranger.extensions_mut().clear();
    assert!(fixture.server.get_overview(stranger).await.is_err());
}

#[test]
fn an_answer_is_that_of_one_day_and_of_one_life_of_the_views() {
    let dir = tempfile::tempdir().unwrap();
    let views = Views::open(dir.path(), Options::default()).unwrap();
    let (answers, zone) = (Answers::default(), "Asia/Shanghai".to_owned());
    let moment = Moment { life: views.life(), applied: 0, valid_date: date(2026, 11, 23), time_zone: zone };
    let answer = |kept: &Kept| kept.overview.clone();
    assert!(answers.get(&views, now(), answer).is_none());
    answers.keep(moment.clone(), |kept| kept.overview = Some(pb::GetOverviewResponse::default().into()));
    answers.keep(moment.clone(), |kept| drop(kept.circles.insert(id("a"), pb::GetCircleResponse::default().into())));
    assert!(answers.get(&views, now(), answer).is_some(), "two answers of one moment are kept");
    assert!(answers.get(&views, now() + SignedDuration::from_hours(24), answer).is_none());
    views.reset().unwrap();
    assert!(answers.get(&views, now(), answer).is_none());
    answers.keep(Moment { life: views.life(), ..moment }, |_| {});
    assert!(answers.get(&views, now(), answer).is_none(), "what another moment left is gone");
}
