//! A stream that goes on: new records, heartbeats, and every way it ends.

use std::time::Duration;

use futures::StreamExt;
use songhua_domain::event::{AccessRevoked, SystemPayload};
use songhua_domain::vocabulary::Reason;
use songhua_log::EventLog;
use songhua_log::memory::MemoryLog;
use songhua_wire::pb;
use songhua_wire::time::timestamp_to_pb;
use tokio::time::Instant;

use super::fixture::{WATER, World, clerk, end, firms, follow, identity, next};

#[tokio::test(start_paused = true)]
async fn records_come_as_they_become_durable() {
    let world = World::published().await;
    let mut stream = world.begin(&world.auditor(), follow(world.head() + 1)).await.unwrap();
    for number in 0..10 {
        let position = world.put(&clerk(WATER), vec![firms(number)]).await;
        let response = next(&mut stream).await;
        assert_eq!(response.records.len(), 1);
        assert_eq!((response.records[0].position, response.scanned_position), (position, position));
        assert_eq!(response.durable_position, position);
    }
}

#[tokio::test(start_paused = true)]
async fn silence_is_broken_by_heartbeats_with_the_durable_head() {
    let world = World::published().await;
    for (asked, seconds) in [(None, 5), (Some(1), 1), (Some(60), 60)] {
        let heartbeat_interval = asked.map(|seconds| pbjson_types::Duration { seconds, nanos: 0 });
        let request = pb::ReplayRequest { heartbeat_interval, ..follow(world.head() + 1) };
        let mut stream = world.begin(&world.auditor(), request).await.unwrap();
        for _ in 0..3 {
            let begun = Instant::now();
            let beat = next(&mut stream).await;
            assert_eq!((beat.records.len(), beat.scanned_position), (0, world.head()));
            assert_eq!(beat.durable_position, world.head());
            assert_eq!(begun.elapsed().as_secs(), seconds);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_scan_that_finds_nothing_says_how_far_it_is() {
    let world = World::published().await;
    let filter = pb::ReplayFilter { areas: vec!["county".to_owned()], ..Default::default() };
    let request = pb::ReplayRequest { filter: Some(filter), ..follow(world.head() + 1) };
    let mut stream = world.begin(&world.auditor(), request).await.unwrap();
    for number in 0..5 {
        let position = world.put(&clerk(WATER), vec![firms(number)]).await;
        let beat = next(&mut stream).await;
        assert_eq!((beat.records.len(), beat.scanned_position), (0, position));
    }
}

#[tokio::test(start_paused = true)]
async fn it_ends_by_itself_at_the_position_that_was_asked_for() {
    let world = World::published().await;
    let head = world.head();
    let request = pb::ReplayRequest { to_position: head + 3, ..follow(head) };
    let stream = world.begin(&world.auditor(), request).await.unwrap();
    for number in 0..5 {
        world.put(&clerk(WATER), vec![firms(number)]).await;
    }
    let responses: Vec<_> = stream.map(Result::unwrap).collect().await;
    let positions: Vec<_> =
        responses.iter().flat_map(|response| &response.records).map(|record| record.position).collect();
    assert_eq!(positions, (head..=head + 3).collect::<Vec<_>>());
    assert_eq!(responses.last().unwrap().scanned_position, head + 3);
}

#[tokio::test(start_paused = true)]
async fn times_that_have_not_come_are_waited_for_and_the_end_of_the_time_ends_it() {
    let world = World::published().await;
    let auditor = world.auditor();
    let last = world.state.lock().unwrap().last_recorded_time().unwrap();
    let after = |seconds| Some(songhua_wire::time::timestamp_to_pb(last + jiff::SignedDuration::from_secs(seconds)));
    let filter = pb::ReplayFilter { recorded_from: after(2), recorded_until: after(4), ..Default::default() };
    let request = pb::ReplayRequest { filter: Some(filter), ..follow(1) };
    let mut stream = world.begin(&auditor, request).await.unwrap();
    let mut put = Vec::new();
    for number in 0..6 {
        put.push(world.put(&clerk(WATER), vec![firms(number)]).await);
    }
    let mut seen = Vec::new();
    // The first record behind the bound ends it.
    while let Some(response) = stream.next().await {
        seen.extend(response.unwrap().records.iter().map(|record| record.position));
    }
    assert_eq!(seen, put[1..3]);
}

#[tokio::test(start_paused = true)]
async fn a_revoked_token_ends_it_with_the_next_response() {
    let world = World::published().await;
    let auditor = world.auditor();
    let mut idle = world.begin(&auditor, follow(world.head() + 1)).await.unwrap();
    let mut busy = world.begin(&auditor, follow(1)).await.unwrap();
    next(&mut busy).await;
    next(&mut idle).await;
    let revoked = AccessRevoked { grant_id: auditor.grant_id, reason: "left".to_owned() };
    world.system(SystemPayload::AccessRevoked(revoked));
    let hidden = world.put(&clerk(WATER), vec![firms(1)]).await;
    for mut stream in [idle, busy] {
        while let Some(Ok(response)) = stream.next().await {
            assert!(response.records.iter().all(|record| record.position < hidden));
        }
    }
    assert_eq!(world.refused_after(&auditor).await, Reason::TokenInvalid);
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_the_time_asked_for_is_over() {
    let world = World::published().await;
    let now = world.state.lock().unwrap().last_recorded_time().unwrap();
    let until = now.checked_add(jiff::SignedDuration::from_micros(1)).unwrap();
    let filter = pb::ReplayFilter { recorded_until: Some(timestamp_to_pb(until)), ..Default::default() };
    let request = pb::ReplayRequest { filter: Some(filter), ..follow(world.head()) };
    let mut stream = world.begin(&world.auditor(), request).await.unwrap();
    assert_eq!(next(&mut stream).await.records.len(), 1);
    let later = world.put(&clerk(WATER), vec![firms(1)]).await;
    let over = next(&mut stream).await;
    assert_eq!((over.records.len(), over.scanned_position), (0, later));
    assert!(stream.next().await.is_none());
}

impl World {
    /// How a stream of somebody whose token is gone ends, if it begins.
    async fn refused_after(&self, caller: &songhua_access::Principal) -> Reason {
        end(self.begin(caller, follow(1)).await.unwrap()).await.reason
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_every_stream_at_once_and_says_so() {
    let world = World::published().await;
    let auditor = world.auditor();
    let streams = [
        world.begin(&auditor, follow(world.head() + 1)).await.unwrap(),
        world.begin(&auditor, follow(1)).await.unwrap(),
    ];
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begun = Instant::now();
    world.stop.send_replace(true);
    for stream in streams {
        assert_eq!(end(stream).await.reason, Reason::ShuttingDown);
    }
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(world.refused(&auditor, follow(1)).await.reason, Reason::ShuttingDown);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_is_closed_ends_it() {
    let log = std::sync::Arc::new(MemoryLog::new(identity()));
    let world = World::on(std::sync::Arc::clone(&log) as std::sync::Arc<dyn EventLog>).await;
    world.publish().await;
    let stream = world.begin(&world.auditor(), follow(1)).await.unwrap();
    log.close();
    assert_eq!(end(stream).await.reason, Reason::ShuttingDown);
}
