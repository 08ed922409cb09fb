//! NATS comes late, goes and comes back, loses its stream: the relay waits, says so, and goes on where the stream is.

use std::path::Path;
use std::process::Command;

use songhua_tests::pb::Role;
use songhua_tests::{Nats, Sandbox, many, push};

use crate::relay_world::{
    EVENTS, PROGRESS, eventually, relay, relay_is, relay_is_up, relayed_to, served, stream_holds,
};

/// Events of a push; enough for several batches.
const PUSHED: usize = 2_500;

#[tokio::test]
async fn a_server_that_finds_no_nats_waits_for_it() {
    let mut nats = Nats::start();
    nats.terminate();
    let sandbox = Sandbox::start_with(relayed_to(&nats, &[])).await;
    let waiting = relay_is(&sandbox, "WAITING").await;
    assert!(!waiting.detail.is_empty() && waiting.applied_position == 0, "{waiting:?}");
    let clerk = sandbox.lead_of_all("drc").await;
    assert!(push(&clerk, &many(100), 10).await.1, "ingest does not wait");
    nats.serve();
    let last = relay_is_up(&sandbox).await;
    stream_holds(&nats, 1..=last).await;
    assert_eq!(relay(&sandbox).await.detail, "");
}

#[tokio::test]
async fn a_push_goes_on_while_nats_is_away_and_is_published_when_it_is_back() {
    let mut nats = Nats::start();
    let (sandbox, clerk) = served(&nats, &[]).await;
    let events = many(2 * PUSHED);
    assert!(push(&clerk, &events[..PUSHED], 10).await.1);
    let before = relay_is_up(&sandbox).await;
    nats.kill();
    assert!(push(&clerk, &events[PUSHED..], 10).await.1, "nothing is refused, nothing is cut off");
    let waiting = relay_is(&sandbox, "WAITING").await;
    assert_eq!(waiting.applied_position, before, "{waiting:?}");
    nats.serve();
    let last = relay_is_up(&sandbox).await;
    assert_eq!(last, before + PUSHED as u64);
    stream_holds(&nats, 1..=last).await;
}

#[tokio::test]
async fn a_stream_that_is_deleted_is_built_again_from_the_log() {
    let nats = Nats::start();
    let (sandbox, clerk) = served(&nats, &[]).await;
    let last = relay_is_up(&sandbox).await;
    let operator = nats.jetstream().await;
    let changes = nats.stream(PROGRESS).await.cached_info().state.messages;
    for stream in [EVENTS, PROGRESS] {
        assert!(operator.delete_stream(stream).await.unwrap().success);
    }
    // Nothing new happens in the plan: the relay looks of its own accord.
    stream_holds(&nats, 1..=last).await;
    let all = async || {
        let stream = operator.get_stream(PROGRESS).await.ok()?;
        (stream.cached_info().state.messages >= changes).then_some(())
    };
    eventually("the changes are published again", all).await;

    // While the relay is at work.
    assert!(push(&clerk, &many(PUSHED), 10).await.1);
    assert!(operator.delete_stream(EVENTS).await.unwrap().success);
    let last = sandbox.durable().await;
    stream_holds(&nats, 1..=last).await;
    assert_eq!(relay_is_up(&sandbox).await, last);
}

#[tokio::test]
async fn a_stream_that_is_purged_is_filled_again_from_the_log() {
    let nats = Nats::start();
    let (sandbox, clerk) = served(&nats, &[]).await;
    let last = relay_is_up(&sandbox).await;
    assert!(nats.stream(EVENTS).await.purge().await.unwrap().success);
    // Nothing new happens in the plan: the relay looks of its own accord.
    stream_holds(&nats, 1..=last).await;
    assert!(push(&clerk, &many(10), 10).await.1);
    assert_eq!(relay_is_up(&sandbox).await, last + 10);
    stream_holds(&nats, 1..=last + 10).await;
}

#[tokio::test]
async fn a_nats_server_that_comes_back_with_an_older_store_is_given_the_rest_again() {
    let mut nats = Nats::start();
    let (sandbox, clerk) = served(&nats, &[]).await;
    let events = many(2 * PUSHED);
    assert!(push(&clerk, &events[..PUSHED], 10).await.1);
    let saved = relay_is_up(&sandbox).await;
    nats.terminate();
    let (store, copy) = (nats.store(), sandbox.path("store"));
    copied(&store, &copy);
    nats.serve();
    assert!(push(&clerk, &events[PUSHED..], 10).await.1);
    let last = relay_is_up(&sandbox).await;
    nats.kill();
    std::fs::remove_dir_all(&store).unwrap();
    copied(&copy, &store);
    nats.serve();
    stream_holds(&nats, 1..=last).await;
    assert_eq!((relay_is_up(&sandbox).await, last), (last, saved + PUSHED as u64));
}

fn copied(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-r").args([from, to]).status().unwrap().success());
}

#[tokio::test]
async fn by_setting_an_empty_stream_begins_where_the_log_ends_or_where_it_is_told() {
    let mut sandbox = Sandbox::start().await;
    sandbox.lead_of_all("drc").await;
    let (_, token) = sandbox.grant(Role::Agency, "drc", "").await;
    let events = many(30);
    let starts = [("head", sandbox.durable().await + 1), ("100", 100), ("beginning", 1)];
    for ((from, first), events) in starts.into_iter().zip(events.chunks(10)) {
        let nats = Nats::start();
        sandbox.terminate().await;
        sandbox.set_options(relayed_to(&nats, &["--relay-from", from]));
        sandbox.serve().await;
        relay_is(&sandbox, "RUNNING").await;
        assert!(push(&sandbox.client(Some(&token)).await, events, 10).await.1);
        let last = relay_is_up(&sandbox).await;
        stream_holds(&nats, first..=last).await;
    }
}
