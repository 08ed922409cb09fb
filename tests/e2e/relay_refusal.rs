//! What the relay refuses to publish into, how it says so, and what it does without atomic batches or without NATS.

use std::process::Command;
use std::time::Duration;

use async_nats::jetstream::stream;
use futures::StreamExt;
use songhua_tests::pb::Role;
use songhua_tests::{Nats, PLAN_ID, Sandbox, days_ago, dimension, many, nats_server_version, pb, push};

use crate::relay_world::{EVENTS, PROGRESS, published, relay, relay_is, relay_is_up, relayed_to, served, stream_holds};

/// The last version that knows no atomic batches.
const WITHOUT_BATCHES: &str = "2.11.11";

/// Events that [`many`] does not make.
fn others(count: usize) -> Vec<pb::EventInput> {
    (0..count).map(|index| dimension("city", "srdi-smes", &format!("district=o{index}"), days_ago(1), "3")).collect()
}

#[tokio::test]
async fn the_stream_of_another_log_is_refused_until_the_operator_deletes_it() {
    let nats = Nats::start();
    let mut first = Sandbox::start_with(relayed_to(&nats, &[])).await;
    let before = relay_is_up(&first).await;
    first.terminate().await;
    let second = Sandbox::start_with(relayed_to(&nats, &[])).await;
    let refused = relay_is(&second, "STOPPED").await;
    let log = uuid::Uuid::from_slice(&first_log(&nats).await).unwrap();
    assert!(refused.detail.contains(&log.to_string()), "names the log whose stream it is: {refused:?}");
    assert!(!refused.detail.is_ascii(), "also in Chinese: {refused:?}");
    let clerk = second.lead_of_all("drc").await;
    assert!(push(&clerk, &many(100), 10).await.1, "ingest works on");
    assert_eq!(relay(&second).await.state, "STOPPED");
    stream_holds(&nats, 1..=before).await;

    let operator = nats.jetstream().await;
    for stream in [EVENTS, PROGRESS] {
        assert!(operator.delete_stream(stream).await.unwrap().success);
    }
    let last = relay_is_up(&second).await;
    stream_holds(&nats, 1..=last).await;
}

/// The id of the log that the stream of events is of.
async fn first_log(nats: &Nats) -> Vec<u8> {
    let genesis: pb::Event = serde_json::from_slice(&published(nats, EVENTS).await[0].payload).unwrap();
    let Some(pb::event_input::Payload::LogCreated(log)) = genesis.input.unwrap().payload else { panic!("no genesis") };
    log.log_id.to_vec()
}

#[tokio::test]
async fn a_strangers_message_in_the_stream_is_left_alone_and_stops_the_relay() {
    let nats = Nats::start();
    let (sandbox, clerk) = served(&nats, &[]).await;
    let before = relay_is_up(&sandbox).await;
    let stranger = nats.jetstream().await;
    let subject = format!("songhua.v1.{PLAN_ID}.city.measurement.srdi-smes.reported");
    let stored = stranger.publish(subject.clone(), "{}".into()).await.unwrap().await.unwrap();
    assert!(push(&clerk, &many(100), 10).await.1, "ingest works on");
    let refused = relay_is(&sandbox, "STOPPED").await;
    assert!(refused.detail.contains(&subject) && !refused.detail.is_ascii(), "{refused:?}");
    let mut stream = nats.stream(EVENTS).await;
    let state = stream.info().await.unwrap().state.clone();
    assert_eq!((state.messages, state.last_sequence), (before + 1, stored.sequence), "nothing was published behind it");

    assert!(stream.delete_message(stored.sequence).await.unwrap());
    let last = relay_is_up(&sandbox).await;
    stream_holds(&nats, 1..=last).await;
}

#[tokio::test]
async fn a_copy_of_the_log_that_goes_its_own_way_does_not_write_over_what_was_published() {
    let nats = Nats::start();
    let mut sandbox = Sandbox::start_with(relayed_to(&nats, &[])).await;
    sandbox.lead_of_all("drc").await;
    let (_, token) = sandbox.grant(Role::Agency, "drc", "").await;
    relay_is_up(&sandbox).await;
    sandbox.terminate().await;
    let mut copy = Sandbox::stopped(relayed_to(&nats, &[]));
    let copied = Command::new("cp").arg("-r").args([sandbox.data(), copy.data()]).status().unwrap();
    assert!(copied.success());

    sandbox.serve().await;
    assert!(push(&sandbox.client(Some(&token)).await, &many(10), 10).await.1);
    let last = relay_is_up(&sandbox).await;
    let ids =
        async || published(&nats, EVENTS).await.iter().map(|one| one.header("ce-id").to_owned()).collect::<Vec<_>>();
    let before = ids().await;
    copy.serve().await;
    assert!(push(&copy.client(Some(&token)).await, &others(20), 10).await.1);
    let refused = relay_is(&copy, "STOPPED").await;
    assert!(!refused.detail.is_ascii(), "{refused:?}");
    assert_eq!(ids().await, before);

    // The one whose stream it is goes on.
    assert!(push(&sandbox.client(Some(&token)).await, &others(10), 10).await.1);
    assert_eq!(relay_is_up(&sandbox).await, last + 10);
    stream_holds(&nats, 1..=last + 10).await;
    assert_eq!(relay(&copy).await.state, "STOPPED");
}

#[tokio::test]
async fn a_server_without_atomic_batches_gets_one_message_after_the_other_and_the_operator_one_warning_a_stream() {
    let mut nats = Nats::start_version(nats_server_version(WITHOUT_BATCHES));
    let (sandbox, clerk) = served(&nats, &[]).await;
    let events = many(2_000);
    assert!(push(&clerk, &events[..1_000], 10).await.1);
    nats.kill();
    nats.serve();
    assert!(push(&clerk, &events[1_000..], 10).await.1);
    let last = relay_is_up(&sandbox).await;
    stream_holds(&nats, 1..=last).await;
    let log = sandbox.server_log();
    for stream in [EVENTS, PROGRESS] {
        let warns = |line: &&str| line.contains("WARN") && line.contains("atomic") && line.contains(stream);
        assert_eq!(log.lines().filter(warns).count(), 1, "{log}");
    }
}

/// A setting that an operator may have changed.
type Change = fn(&mut stream::Config);

#[tokio::test]
async fn a_stream_with_settings_that_lose_or_double_messages_stops_the_relay_until_they_are_taken_back() {
    let nats = Nats::start();
    let operator = nats.jetstream().await;
    let changes: [(&str, Change); 7] = [
        ("retention", |config| config.retention = stream::RetentionPolicy::Interest),
        ("no_ack", |config| config.no_ack = true),
        ("discard_new_per_subject", |config| {
            (config.discard, config.max_messages_per_subject) = (stream::DiscardPolicy::New, 9);
            config.discard_new_per_subject = true;
        }),
        ("max_msgs_per_subject", |config| config.max_messages_per_subject = 9),
        ("max_age", |config| config.max_age = Duration::from_secs(3_600)),
        ("mirror", |config| {
            config.subjects = Vec::new();
            config.mirror = Some(stream::Source { name: "OTHER".to_owned(), ..Default::default() });
        }),
        ("sealed", |config| config.sealed = true),
    ];
    operator.create_stream(stream::Config { name: "OTHER".to_owned(), ..Default::default() }).await.unwrap();
    let mut sandbox = Sandbox::start().await;
    for (setting, change) in changes {
        sandbox.terminate().await;
        let is_sealed = setting == "sealed";
        let subjects = vec![format!("songhua.v1.{PLAN_ID}.>")];
        let plain = stream::Config { name: EVENTS.to_owned(), subjects, ..Default::default() };
        let mut config = plain.clone();
        change(&mut config);
        if is_sealed {
            operator.create_stream(plain).await.unwrap();
            operator.update_stream(config).await.unwrap();
        } else {
            operator.create_stream(config).await.unwrap();
        }
        sandbox.set_options(relayed_to(&nats, &[]));
        sandbox.serve().await;
        let refused = relay_is(&sandbox, "STOPPED").await;
        assert!(refused.detail.contains(setting) && !refused.detail.is_ascii(), "{setting}: {refused:?}");
        assert_eq!(nats.stream(EVENTS).await.cached_info().state.messages, 0, "{setting}");
        for stream in operator.stream_names().map(Result::unwrap).collect::<Vec<_>>().await {
            if stream != "OTHER" {
                operator.delete_stream(stream).await.unwrap();
            }
        }
    }
    let last = relay_is_up(&sandbox).await;
    stream_holds(&nats, 1..=last).await;
    // While it runs.
    let mut config = nats.stream(EVENTS).await.cached_info().config.clone();
    config.max_age = Duration::from_secs(3_600);
    operator.update_stream(&config).await.unwrap();
    assert!(relay_is(&sandbox, "STOPPED").await.detail.contains("max_age"));
    config.max_age = Duration::ZERO;
    operator.update_stream(&config).await.unwrap();
    relay_is_up(&sandbox).await;
}

#[tokio::test]
async fn a_stream_that_lacks_atomic_batches_and_its_metadata_is_given_both() {
    let nats = Nats::start();
    let subjects = vec![format!("songhua.v1.{PLAN_ID}.*.log.>")];
    let config = stream::Config { name: EVENTS.to_owned(), subjects, ..Default::default() };
    nats.jetstream().await.create_stream(config).await.unwrap();
    let sandbox = Sandbox::start_with(relayed_to(&nats, &[])).await;
    let last = relay_is_up(&sandbox).await;
    stream_holds(&nats, 1..=last).await;
    let config = nats.stream(EVENTS).await.cached_info().config.clone();
    assert!(config.allow_atomic_publish);
    assert_eq!(config.metadata["songhua_from"], "1");
    assert_eq!(config.subjects.len(), 21, "{config:?}");
    let log = sandbox.server_log();
    assert!(!log.contains("one by one"), "{log}");
}

#[tokio::test]
async fn without_a_nats_server_in_the_settings_the_relay_is_off_and_that_is_said_once() {
    let sandbox = Sandbox::start().await;
    let off = relay(&sandbox).await;
    assert_eq!((off.state.as_str(), off.applied_position), ("OFF", 0));
    let said = "no NATS server configured";
    assert!(off.detail.contains(said) && !off.detail.is_ascii(), "{off:?}");
    let log = sandbox.server_log();
    assert_eq!(log.lines().filter(|line| line.contains(said)).count(), 1, "{log}");
}
