//! A restore and the topics: a stream that had not come so far goes on, one that had is told of the fork.

use songhua_tests::{Nats, PLAN_ID, Sandbox, ServeOptions, many, pb, submit};

use crate::backup::{backed_up, restored};
use crate::relay_world::{EVENTS, PROGRESS, Published, eventually, published, relay, relay_is_up, relayed_to, served};

fn epoch(message: &Published) -> &str {
    let id = message.header("Nats-Msg-Id");
    assert_eq!(id.split('.').nth(1).unwrap(), message.header("ce-epoch"), "{message:?}");
    message.header("ce-epoch")
}

async fn report(sandbox: &Sandbox, count: usize, from: usize) {
    let (_, token) = sandbox.grant(pb::Role::Agency, "drc", "").await;
    let clerk = sandbox.client(Some(&token)).await;
    clerk.clone().ingest.submit(submit(many(from + count).split_off(from))).await.unwrap();
}

/// Where each message stands: epoch and position.
async fn places(nats: &Nats) -> Vec<(u32, u64)> {
    let messages = published(nats, EVENTS).await;
    messages.iter().map(|message| (epoch(message).parse().unwrap(), message.position())).collect()
}

#[tokio::test]
async fn a_stream_that_had_come_beyond_the_restore_is_told_of_the_fork_and_goes_on_behind_it() {
    let nats = Nats::start();
    let (mut sandbox, _clerk) = served(&nats, &[]).await;
    report(&sandbox, 4, 0).await;
    backed_up(&sandbox, &[]);
    let kept = sandbox.durable().await;
    report(&sandbox, 5, 4).await;
    let old = relay_is_up(&sandbox).await;
    assert_eq!(old, kept + 5);

    for (restore, size) in [(2, kept), (3, kept - 1)] {
        // The second restore is of the same backup, with the directory of the first: an epoch of its own.
        let away = sandbox.path("before-restore");
        let position = (size).to_string();
        let cut = ["--compare", away.to_str().unwrap(), "--plan", PLAN_ID, "--to-position", &position];
        let told = restored(&mut sandbox, &cut).await;
        assert_eq!(told["logs"][1]["epoch"], restore);
        if restore == 2 {
            report(&sandbox, 3, 9).await;
            let last = relay_is_up(&sandbox).await;
            let expected =
                (1..=old).map(|position| (1, position)).chain((kept + 1..=last).map(|position| (2, position)));
            assert_eq!(places(&nats).await, expected.collect::<Vec<_>>());
            let messages = published(&nats, EVENTS).await;
            let fork = &messages[usize::try_from(old).unwrap()];
            assert_eq!(fork.subject, format!("songhua.v1.{PLAN_ID}.city.log.history-forked"));
            assert_eq!(fork.header("ce-type"), "dev.songhua.v1.log.history-forked");
            assert_eq!(fork.header("ce-previoussequence"), format!("{kept:020}"), "in the restored history");
            let event: pb::Event = serde_json::from_slice(&fork.payload).unwrap();
            let Some(pb::event_input::Payload::HistoryForked(said)) = event.input.unwrap().payload else {
                panic!("no fork")
            };
            assert_eq!((said.new_size, said.epoch), (kept, 2));
            // Started again, it finds its place and that nothing lacks.
            sandbox.terminate().await;
            sandbox.serve().await;
            report(&sandbox, 1, 12).await;
            let last = relay_is_up(&sandbox).await;
            assert_eq!(places(&nats).await.last(), Some(&(2, last)));
        } else {
            // The log never came through epoch 2: what the stream holds of it is not its own.
            let stopped = async || Some(relay(&sandbox).await).filter(|relay| relay.state == "STOPPED");
            let detail = eventually("the relay has stopped", stopped).await.detail;
            assert!(detail.contains("epoch 2") && detail.contains("epoch 3"), "{detail}");
            nats.jetstream().await.delete_stream(EVENTS).await.unwrap();
            let last = relay_is_up(&sandbox).await;
            assert_eq!(places(&nats).await, (1..=last).map(|position| (3, position)).collect::<Vec<_>>());
        }
    }
}

#[tokio::test]
async fn a_stream_that_had_not_come_so_far_goes_on_in_the_new_epoch() {
    let nats = Nats::start();
    let (mut sandbox, _clerk) = served(&nats, &[]).await;
    report(&sandbox, 4, 0).await;
    let old = relay_is_up(&sandbox).await;
    // Without topics, so that the stream stays behind.
    sandbox.terminate().await;
    sandbox.serve_as(ServeOptions::default()).await;
    report(&sandbox, 5, 4).await;
    backed_up(&sandbox, &[]);
    let kept = sandbox.durable().await;
    sandbox.set_options(relayed_to(&nats, &[]));
    restored(&mut sandbox, &[]).await;
    report(&sandbox, 2, 9).await;
    let last = relay_is_up(&sandbox).await;
    let expected = (1..=old).map(|position| (1, position)).chain((old + 1..=last).map(|position| (2, position)));
    assert_eq!(places(&nats).await, expected.collect::<Vec<_>>());
    let messages = published(&nats, EVENTS).await;
    let forks: Vec<_> = messages.iter().filter(|message| message.subject.ends_with("history-forked")).collect();
    assert_eq!(forks.iter().map(|fork| fork.position()).collect::<Vec<_>>(), [kept + 1]);
    for message in published(&nats, PROGRESS).await {
        epoch(&message);
    }
}
