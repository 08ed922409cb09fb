//! Messages are removed from a stream, or the stream is lost: what can be filled again is, what cannot stops the relay.

use songhua_tests::pb::Role;
use songhua_tests::{Nats, PLAN_ID, Sandbox, ServeOptions, days_ago, many, push, stock};

use crate::relay_world::{
    EVENTS, PROGRESS, eventually, published, relay, relay_is, relay_is_up, relayed_to, served, stream_holds,
};

/// What the relay of status changes says.
async fn relay_of_changes_is(sandbox: &Sandbox, state: &str) -> String {
    let ask = async || {
        let followers = sandbox.plan_status(PLAN_ID).await.followers;
        followers.into_iter().find(|one| one.name == "relay-progress" && one.state == state).map(|one| one.detail)
    };
    eventually(&format!("the relay of changes is {state}"), ask).await
}

/// A purge that leaves something is a purge of everything with an event behind it: the last sequence is the same, and
/// the stream is not empty.
#[tokio::test]
async fn a_stream_that_lost_its_beginning_stops_the_relay_until_the_rest_is_purged() {
    let nats = Nats::start();
    let (mut sandbox, clerk) = served(&nats, &[]).await;
    let events = many(30);
    assert!(push(&clerk, &events[..10], 10).await.1);
    relay_is_up(&sandbox).await;
    nats.stream(EVENTS).await.purge().keep(1).await.unwrap();
    let stopped = relay_is(&sandbox, "STOPPED").await;
    assert!(stopped.detail.contains("purge") && !stopped.detail.is_ascii(), "{stopped:?}");
    assert!(push(&clerk, &events[10..20], 10).await.1, "ingest works on");
    assert_eq!(nats.stream(EVENTS).await.cached_info().state.messages, 1, "nothing is published behind the gap");

    // Nor after a start.
    sandbox.terminate().await;
    sandbox.serve().await;
    assert_eq!(relay_is(&sandbox, "STOPPED").await.detail, stopped.detail);

    nats.stream(EVENTS).await.purge().await.unwrap();
    let last = sandbox.durable().await;
    stream_holds(&nats, 1..=last).await;
    assert_eq!(relay_is_up(&sandbox).await, last);
}

/// Whoever is first, the event or the look at the stream: nobody is shown a stream with a hole as complete.
#[tokio::test]
async fn a_purge_with_an_event_right_behind_it_is_noticed() {
    let nats = Nats::start();
    let (sandbox, clerk) = served(&nats, &[]).await;
    let before = relay_is_up(&sandbox).await;
    nats.stream(EVENTS).await.purge().await.unwrap();
    assert!(push(&clerk, &many(1), 1).await.1);
    let noticed = async || {
        let has_refilled = nats.stream(EVENTS).await.cached_info().state.messages > before;
        (has_refilled || relay(&sandbox).await.state == "STOPPED").then_some(())
    };
    eventually("the purge is noticed", noticed).await;
    if relay(&sandbox).await.state == "STOPPED" {
        nats.stream(EVENTS).await.purge().await.unwrap();
    }
    stream_holds(&nats, 1..=before + 1).await;
}

#[tokio::test]
async fn a_message_taken_from_the_middle_stops_the_relay_and_hides_no_gap() {
    let nats = Nats::start();
    let (mut sandbox, _) = served(&nats, &[]).await;
    let (_, token) = sandbox.grant(Role::Agency, "drc", "").await;
    let clerk = sandbox.client(Some(&token)).await;
    let firms = |day| stock("circle-hit", "tech-firms", days_ago(day), "30");
    assert!(push(&clerk, &[vec![firms(3), firms(2)], many(5)].concat(), 10).await.1);
    let last = relay_is_up(&sandbox).await;
    // What it knows of areas, a relay asks the stream for after a start.
    sandbox.terminate().await;
    sandbox.serve().await;
    relay_is_up(&sandbox).await;
    let of_area = last - 5;
    assert!(nats.stream(EVENTS).await.delete_message(of_area).await.unwrap());
    assert!(push(&sandbox.client(Some(&token)).await, &[firms(1)], 10).await.1);
    let stopped = relay_is(&sandbox, "STOPPED").await;
    assert!(!stopped.detail.is_ascii(), "{stopped:?}");
    let published_next = published(&nats, EVENTS).await.into_iter().find(|message| message.position() == last + 1);
    if let Some(next) = published_next {
        assert_eq!(next.header("ce-previoussequence"), format!("{of_area:020}"), "the gap is told");
    }
    nats.stream(EVENTS).await.purge().await.unwrap();
    stream_holds(&nats, 1..=last + 1).await;
    let messages = published(&nats, EVENTS).await;
    assert_eq!(messages.last().unwrap().header("ce-previoussequence"), format!("{of_area:020}"));
}

#[tokio::test]
async fn the_stream_of_changes_is_held_to_the_same() {
    let nats = Nats::start();
    let (sandbox, clerk) = served(&nats, &[]).await;
    let firms = |day, value| stock("city", "new-rd-institutions", days_ago(day), value);
    assert!(push(&clerk, &[firms(3, "1"), firms(2, "9000"), firms(1, "1")], 1).await.1);
    relay_is_up(&sandbox).await;
    relay_of_changes_is(&sandbox, "RUNNING").await;
    let complete = async || Some(published(&nats, PROGRESS).await).filter(|changes| changes.len() > 2);
    eventually("changes are published", complete).await;
    nats.stream(PROGRESS).await.purge().keep(1).await.unwrap();
    let detail = relay_of_changes_is(&sandbox, "STOPPED").await;
    assert!(detail.contains(PROGRESS), "{detail}");
    nats.stream(PROGRESS).await.purge().await.unwrap();
    eventually("the changes are published again", complete).await;
    relay_of_changes_is(&sandbox, "RUNNING").await;

    let second = published(&nats, PROGRESS).await.len() as u64 - 1;
    let mut stream = nats.stream(PROGRESS).await;
    let before_last = stream.info().await.unwrap().state.last_sequence - second + 1;
    assert!(stream.delete_message(before_last).await.unwrap());
    let detail = relay_of_changes_is(&sandbox, "STOPPED").await;
    assert!(detail.contains("between"), "{detail}");
}

#[tokio::test]
async fn many_messages_removed_at_the_end_are_published_again_with_few_questions() {
    let nats = Nats::start();
    let (mut sandbox, clerk) = served(&nats, &[]).await;
    assert!(push(&clerk, &many(600), 10).await.1);
    let last = relay_is_up(&sandbox).await;
    sandbox.terminate().await;
    let stream = nats.stream(EVENTS).await;
    for sequence in last - 499..=last {
        assert!(stream.delete_message(sequence).await.unwrap());
    }
    let jetstream = nats.jetstream().await;
    let before = jetstream.query_account().await.unwrap().requests.total;
    sandbox.serve().await;
    let is_back = async || (nats.stream(EVENTS).await.cached_info().state.messages == last).then_some(());
    let asked = async || {
        let asked = jetstream.query_account().await.unwrap().requests.total - before;
        (relay(&sandbox).await.applied_position >= last - 500).then_some(asked)
    };
    let asked = eventually("the relay knows where the stream ends", asked).await;
    assert!(asked < 250, "{asked} questions for 500 messages");
    eventually("the messages are back", is_back).await;
    stream_holds(&nats, 1..=last).await;
}

#[tokio::test]
async fn from_head_on_nothing_is_left_out_that_came_behind_the_first_look_at_the_log() {
    let nats = Nats::start();
    let mut sandbox = Sandbox::start().await;
    sandbox.lead_of_all("drc").await;
    let (_, token) = sandbox.grant(Role::Agency, "drc", "").await;
    let (events, first) = (many(20), sandbox.durable().await + 1);
    sandbox.terminate().await;
    let options = relayed_to(&nats, &["--relay-from", "head"]);
    sandbox.serve_as(options).await;
    relay_is(&sandbox, "RUNNING").await;
    relay_of_changes_is(&sandbox, "RUNNING").await;
    // A start while the stream is still empty.
    sandbox.terminate().await;
    sandbox.serve_as(ServeOptions::default()).await;
    assert!(push(&sandbox.client(Some(&token)).await, &events[..10], 10).await.1);
    sandbox.terminate().await;
    sandbox.serve_as(relayed_to(&nats, &["--relay-from", "head"])).await;
    let last = relay_is_up(&sandbox).await;
    stream_holds(&nats, first..=last).await;
    // A purge: from the same position on.
    nats.stream(EVENTS).await.purge().await.unwrap();
    stream_holds(&nats, first..=last).await;
    assert_eq!(nats.stream(EVENTS).await.cached_info().config.metadata["songhua_from"], first.to_string());
}

#[tokio::test]
async fn from_head_on_a_disk_that_is_lost_leaves_nothing_out_of_the_next_stream() {
    let mut nats = Nats::start();
    let (sandbox, clerk) = served(&nats, &["--relay-from", "head"]).await;
    relay_is(&sandbox, "RUNNING").await;
    let events = many(30);
    assert!(push(&clerk, &events[..10], 10).await.1);
    let known = relay_is_up(&sandbox).await;
    nats.kill();
    assert!(push(&clerk, &events[10..20], 10).await.1, "in the outage");
    std::fs::remove_dir_all(nats.store()).unwrap();
    nats.serve();
    let last = relay_is_up(&sandbox).await;
    assert_eq!(last, known + 10);
    stream_holds(&nats, known + 1..=last).await;
}
