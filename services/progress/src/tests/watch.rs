//! WatchProgress: which changes come, in which responses, from where on.

use std::time::Duration;

use futures::StreamExt;
use jiff::civil::date;
use songhua_domain::vocabulary::{Reason, Status};
use songhua_wire::pb;
use songhua_wire::pb::progress_service_server::ProgressService;
use songhua_wire::time::date_to_pb;

use super::fixture::{Fixture, ask, refused};
use crate::watch::Responses;

/// Everything from the beginning.
pub(super) fn all() -> pb::WatchProgressRequest {
    pb::WatchProgressRequest { parent: "plans/harbin".to_owned(), after_position: Some(0), ..Default::default() }
}

pub(super) async fn watch(fixture: &Fixture, request: pb::WatchProgressRequest) -> Responses {
    fixture.server.watch_progress(ask(request)).await.unwrap().into_inner()
}

pub(super) async fn next(stream: &mut Responses) -> pb::WatchProgressResponse {
    stream.next().await.expect("the stream goes on").unwrap()
}

/// Position and number of every change up to `last`, in responses that split no event.
async fn seen(stream: &mut Responses, last: u64) -> Vec<(u64, u32)> {
    let mut seen = Vec::new();
    loop {
        let response = next(stream).await;
        let behind = |one: &pb::StatusChange| one.position <= response.applied_position;
        assert!(response.changes.iter().all(behind), "{response:?}");
        assert_eq!(response.changes.first().map_or(0, |first| first.index), 0, "an event was split");
        seen.extend(response.changes.iter().map(|change| (change.position, change.index)));
        if response.applied_position >= last {
            return seen;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_response_comes_at_once_and_says_where_the_stream_is_and_in_which_log() {
    let fixture = Fixture::published();
    let head = fixture.head();
    for (after_position, applied_position) in [(None, head), (Some(0), head), (Some(head), head)] {
        let begun = tokio::time::Instant::now();
        let mut stream = watch(&fixture, pb::WatchProgressRequest { after_position, ..all() }).await;
        let beat = pb::WatchProgressResponse { applied_position, simulated: true, ..Default::default() };
        let log_id = uuid::Uuid::from_u128(1).as_bytes().to_vec();
        assert_eq!(next(&mut stream).await, pb::WatchProgressResponse { log_id, epoch: 1, ..beat.clone() });
        assert!(begun.elapsed() < Duration::from_secs(1), "no heartbeat was waited for");
        assert_eq!(next(&mut stream).await, beat, "log and epoch are said once");
    }
}

#[tokio::test]
async fn all_changes_of_an_event_come_in_one_response_with_names_and_words() {
    let mut fixture = Fixture::published();
    let mut stream = watch(&fixture, pb::WatchProgressRequest { after_position: None, ..all() }).await;
    next(&mut stream).await;
    let first = fixture.flip(&[("city", "output", Status::Behind)]);
    assert_eq!(next(&mut stream).await.changes.len(), 1);
    let position = fixture.flip(&[("circle-a", "firms", Status::NoPath), ("city", "output", Status::MetSoFar)]);
    let response = next(&mut stream).await;
    assert_eq!((first + 1, response.applied_position), (position, position));
    let expected = pb::StatusChange {
        position,
        index: 1,
        target: "plans/harbin/areas/city/targets/output".to_owned(),
        area: "city".to_owned(),
        area_name: Some(pb::Name { zh: "city名".to_owned(), en: "city".to_owned() }),
        indicator: "output".to_owned(),
        indicator_name: Some(pb::Name { zh: "output名".to_owned(), en: "output".to_owned() }),
        from: pb::Status::Behind.into(),
        to: pb::Status::MetSoFar.into(),
        to_label: Some(pb::Name { zh: "当前已达标".to_owned(), en: "met so far".to_owned() }),
        to_light: pb::Light::Met.into(),
        date: Some(date_to_pb(date(2026, 11, 23))),
    };
    assert_eq!(response.changes[1], expected);
    let first = &response.changes[0];
    assert_eq!((first.index, first.from(), first.to()), (0, pb::Status::Unspecified, pb::Status::NoPath));
    // Without its figures nobody can say why there is no path.
    assert_eq!(first.to_label.as_ref().unwrap().zh, "无路径");
}

#[tokio::test]
async fn a_watcher_that_comes_back_with_its_position_misses_nothing_and_hears_nothing_twice() {
    let mut fixture = Fixture::published();
    let statuses = [Status::Behind, Status::OnTrack];
    for turn in 0..1_500 {
        let to = statuses[turn % 2];
        match turn % 5 {
            0 => fixture.flip(&[("city", "output", to), ("city", "coverage", to), ("circle-a", "firms", to)]),
            1 | 2 => fixture.flip(&[("city", "intensity", to)]),
            _ => fixture.flip(&[]),
        };
    }
    let head = fixture.head();
    let whole = seen(&mut watch(&fixture, all()).await, head).await;
    assert!(whole.len() > 1_000 && whole.is_sorted(), "{}", whole.len());
    let mut resumed = Vec::new();
    let mut after_position = 0;
    // Every call breaks after one response.
    while after_position < head {
        let request = pb::WatchProgressRequest { after_position: Some(after_position), ..all() };
        let response = next(&mut watch(&fixture, request).await).await;
        assert!(response.applied_position > after_position);
        after_position = response.applied_position;
        resumed.extend(response.changes.iter().map(|change| (change.position, change.index)));
    }
    assert_eq!(resumed, whole);
    let middle = whole[whole.len() / 2].0;
    let request = pb::WatchProgressRequest { after_position: Some(middle), ..all() };
    let rest: Vec<_> = whole.iter().copied().filter(|(position, _)| *position > middle).collect();
    assert_eq!(seen(&mut watch(&fixture, request).await, head).await, rest);
}

#[tokio::test]
async fn an_event_with_more_changes_than_a_response_is_meant_to_hold_is_not_split() {
    let mut fixture = Fixture::published();
    let indicators: Vec<String> = (0..1_300).map(|index| format!("many-{index}")).collect();
    let changes: Vec<_> = indicators.iter().map(|indicator| ("city", indicator.as_str(), Status::NoData)).collect();
    fixture.flip(&[("city", "output", Status::Behind)]);
    let position = fixture.flip(&changes);
    let mut stream = watch(&fixture, all()).await;
    let response = next(&mut stream).await;
    assert_eq!((response.changes.len(), response.applied_position), (1_301, position));
}

#[tokio::test]
async fn a_filter_leaves_the_others_out_and_the_position_moves_on() {
    let mut fixture = Fixture::published();
    for to in [Status::Behind, Status::OnTrack, Status::FarBehind] {
        fixture.flip(&[("circle-a", "firms", to), ("circle-b", "firms", to), ("city", "output", to)]);
    }
    let head = fixture.head();
    let table: [(&[&str], &[&str], &[u32]); 6] = [
        (&[], &[], &[0, 1, 2]),
        (&["circle-a"], &[], &[0]),
        (&[], &["firms"], &[0, 1]),
        (&["circle-b", "city"], &["firms", "output"], &[1, 2]),
        (&["city"], &["firms"], &[]),
        (&["zone-x"], &[], &[]),
    ];
    for (areas, indicators, expected) in table {
        let owned = |ids: &[&str]| ids.iter().map(ToString::to_string).collect();
        let request = pb::WatchProgressRequest { areas: owned(areas), indicators: owned(indicators), ..all() };
        let response = next(&mut watch(&fixture, request).await).await;
        let found: Vec<u32> = response.changes.iter().map(|change| change.index).collect();
        assert_eq!((found, response.applied_position), (expected.repeat(3), head), "{areas:?} {indicators:?}");
    }
}

#[tokio::test]
async fn what_a_watch_cannot_do_is_refused_with_the_field() {
    let fixture = Fixture::published();
    let head = fixture.head();
    let names = |ids: &[&str]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    let beats = |duration: Duration| Some(duration.into());
    let backwards = pb::WatchProgressRequest { heartbeat_interval: beats(Duration::from_secs(5)), ..all() };
    let mut odd = [backwards.clone(), backwards.clone(), backwards];
    for (request, (seconds, nanos)) in odd.iter_mut().zip([(-5, 0), (5, -1), (5, 1_000_000_000)]) {
        let interval = request.heartbeat_interval.as_mut().unwrap();
        (interval.seconds, interval.nanos) = (seconds, nanos);
    }
    let [negative, before, beyond] = odd;
    let table = [
        (pb::WatchProgressRequest { parent: "harbin".into(), ..all() }, Reason::InvalidField, "parent"),
        (pb::WatchProgressRequest { parent: "plans/nowhere".into(), ..all() }, Reason::PlanNotFound, ""),
        (
            pb::WatchProgressRequest { areas: names(&["city", "atlantis"]), ..all() },
            Reason::UnknownResource,
            "areas[1]",
        ),
        (
            pb::WatchProgressRequest { indicators: names(&["No Slug"]), ..all() },
            Reason::UnknownResource,
            "indicators[0]",
        ),
        (
            pb::WatchProgressRequest { heartbeat_interval: beats(Duration::from_millis(999)), ..all() },
            Reason::InvalidField,
            "heartbeat_interval",
        ),
        (
            pb::WatchProgressRequest { heartbeat_interval: beats(Duration::from_millis(60_001)), ..all() },
            Reason::InvalidField,
            "heartbeat_interval",
        ),
        (negative, Reason::InvalidField, "heartbeat_interval"),
        (before, Reason::InvalidField, "heartbeat_interval"),
        (beyond, Reason::InvalidField, "heartbeat_interval"),
        (pb::WatchProgressRequest { after_position: Some(head + 1), ..all() }, Reason::PositionAhead, ""),
        (pb::WatchProgressRequest { after_position: Some(u64::MAX), ..all() }, Reason::PositionAhead, ""),
    ];
    for (request, reason, field) in table {
        let refusal = refused(fixture.server.watch_progress(ask(request.clone())).await);
        let named = refusal.violations.first().map_or("", |violation| violation.field.as_str());
        assert_eq!((refusal.reason, named), (reason, field), "{request:?}");
        assert!(!refusal.message_zh.is_ascii(), "{refusal:?}");
    }
    let unpublished = Fixture::unpublished();
    assert_eq!(refused(unpublished.server.watch_progress(ask(all())).await).reason, Reason::PlanNotFound);
}
