//! WatchProgress over time: silence, views that are thrown away in the middle, and what ends a stream.

use std::time::Duration;

use futures::StreamExt;
use songhua_domain::vocabulary::{Reason, Status};
use songhua_wire::pb;
use songhua_wire::pb::progress_service_server::ProgressService;
use songhua_wire::status::refusal_from;
use tokio::time::Instant;

use super::fixture::{Fixture, ask, refused};
use super::watch::{all, next, watch};
use crate::watch::Responses;

/// The reason that ends the stream, as its next and last item.
async fn ended(stream: &mut Responses) -> Reason {
    let status = stream.next().await.expect("a last word").unwrap_err();
    assert!(stream.next().await.is_none(), "nothing follows an error");
    refusal_from(&status).expect("a refusal has a reason").reason
}

#[tokio::test(start_paused = true)]
async fn silence_lasts_as_long_as_was_asked_for() {
    let fixture = Fixture::published();
    for (asked, seconds) in [(None, 5), (Some(1), 1), (Some(60), 60)] {
        let heartbeat_interval = asked.map(|seconds| Duration::from_secs(seconds).into());
        let mut stream = watch(&fixture, pb::WatchProgressRequest { heartbeat_interval, ..all() }).await;
        next(&mut stream).await;
        let begun = Instant::now();
        for beat in 1..=3 {
            let response = next(&mut stream).await;
            assert_eq!((response.changes.len(), response.applied_position), (0, fixture.head()));
            assert_eq!(begun.elapsed().as_secs(), beat * seconds);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_filter_leaves_out_does_not_end_the_silence_early() {
    let mut fixture = Fixture::published();
    let request = pb::WatchProgressRequest { areas: vec!["zone-x".to_owned()], ..all() };
    let mut stream = watch(&fixture, request).await;
    next(&mut stream).await;
    let begun = Instant::now();
    let position = fixture.flip(&[("city", "output", Status::Behind)]);
    let response = next(&mut stream).await;
    assert_eq!((response.changes.len(), response.applied_position), (0, position));
    assert_eq!(begun.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn views_that_are_rebuilt_in_the_middle_cost_no_change_and_repeat_none() {
    let mut fixture = Fixture::published();
    let flips = [Status::Behind, Status::OnTrack, Status::FarBehind];
    let first = fixture.flip(&[("city", "output", flips[0])]);
    let mut stream = watch(&fixture, all()).await;
    assert_eq!(next(&mut stream).await.applied_position, first);
    let second = fixture.flip(&[("city", "output", flips[1])]);
    assert_eq!(next(&mut stream).await.applied_position, second);

    fixture.rebuild(Some("asked for"));
    fixture.reset();
    let refusal = refused(fixture.server.watch_progress(ask(all())).await);
    assert_eq!(refusal.reason, Reason::ViewsRebuilding);
    // Its heartbeats keep to the position that it had reached, and what was told before is not told again.
    let mut heartbeat = async || {
        let response = next(&mut stream).await;
        assert_eq!((response.changes.len(), response.applied_position), (0, second));
    };
    heartbeat().await;
    while fixture.head() < first - 1 {
        fixture.flip(&[]);
    }
    for to in &flips[..2] {
        heartbeat().await;
        fixture.flip(&[("city", "output", *to)]);
    }
    heartbeat().await;
    assert_eq!(fixture.head(), second);
    let third = fixture.flip(&[("city", "output", flips[2])]);
    fixture.rebuild(None);
    let response = next(&mut stream).await;
    let told: Vec<_> = response.changes.iter().map(|change| (change.position, change.from(), change.to())).collect();
    assert_eq!(told, [(third, pb::Status::OnTrack, pb::Status::FarBehind)]);
    assert_eq!(response.applied_position, third);
}

#[tokio::test(start_paused = true)]
async fn a_position_that_was_durable_is_waited_for_where_the_views_fell_behind() {
    let mut fixture = Fixture::published();
    fixture.durable_ahead(2);
    let durable = fixture.head() + 2;
    let ahead = pb::WatchProgressRequest { after_position: Some(durable + 1), ..all() };
    assert_eq!(refused(fixture.server.watch_progress(ask(ahead)).await).reason, Reason::PositionAhead);
    let mut stream = watch(&fixture, pb::WatchProgressRequest { after_position: Some(durable), ..all() }).await;
    assert_eq!(next(&mut stream).await.applied_position, durable);
    fixture.flip(&[("city", "output", Status::OnTrack)]);
    fixture.flip(&[("city", "output", Status::Behind)]);
    let behind = fixture.flip(&[("city", "output", Status::FarBehind)]);
    let response = next(&mut stream).await;
    assert_eq!((response.changes.len(), response.changes[0].position, behind), (1, durable + 1, durable + 1));
}

#[tokio::test]
async fn a_grant_that_is_revoked_ends_the_stream_before_its_next_response() {
    let mut fixture = Fixture::published();
    let mut stream = watch(&fixture, all()).await;
    next(&mut stream).await;
    fixture.revoke();
    fixture.flip(&[("city", "output", Status::Behind)]);
    assert_eq!(ended(&mut stream).await, Reason::TokenInvalid);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_ends_every_stream_at_once() {
    let mut fixture = Fixture::published();
    let mut silent = watch(&fixture, all()).await;
    next(&mut silent).await;
    let mut busy = watch(&fixture, all()).await;
    fixture.flip(&[("city", "output", Status::Behind)]);
    next(&mut silent).await;
    let begun = Instant::now();
    let waiting = tokio::spawn(async move { ended(&mut silent).await });
    tokio::task::yield_now().await;
    fixture.stop();
    assert_eq!(waiting.await.unwrap(), Reason::ShuttingDown);
    assert_eq!(ended(&mut busy).await, Reason::ShuttingDown);
    assert!(begun.elapsed() < Duration::from_secs(1), "no heartbeat was waited for");
}
