//! Kills in a push: of nats-server, of the server with its relay. The stream is the log, event by event; nats-py counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use songhua_tests::pb::Role;
use songhua_tests::{Client, Nats, Sandbox, days_ago, dimension, many, pb, push_into};
use tokio::task::JoinHandle;

use crate::crash::{draw, seed};
use crate::relay_world::{counted_by_nats_py, relay_is_up, relayed_to, served};

/// Events of the push in which nats-server is killed.
const EVENTS: usize = 10_000;
/// Events of a round in which the server is killed.
const ROUND: usize = 1_000;
/// Events of a submission.
const BATCH: usize = 10;

/// A push under way.
struct Pushing {
    task: JoinHandle<(Vec<pb::Receipt>, bool)>,
    acknowledged: Arc<AtomicUsize>,
}

impl Pushing {
    fn start(clerk: Client, events: Vec<pb::EventInput>) -> Self {
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&acknowledged);
        let push =
            async move { push_into(&clerk, &events, BATCH, |so_far| count.store(so_far, Ordering::Relaxed)).await };
        Self { task: tokio::spawn(push), acknowledged }
    }

    async fn has(&self, count: usize) {
        while self.acknowledged.load(Ordering::Relaxed) < count {
            assert!(!self.task.is_finished(), "the push ended before {count} events");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_events_are_in_the_stream_once_though_nats_was_killed_three_times() {
    let mut nats = Nats::start();
    let (sandbox, clerk) = served(&nats, &[]).await;
    let before = sandbox.durable().await;
    let pushing = Pushing::start(clerk, many(EVENTS));
    for kill in 1..=3 {
        pushing.has(EVENTS * kill / 4).await;
        nats.kill();
        nats.serve();
    }
    let (receipts, complete) = pushing.task.await.unwrap();
    assert!(complete && receipts.len() == EVENTS, "NATS is none of the agency's business");
    let last = relay_is_up(&sandbox).await;
    assert_eq!(last, before + EVENTS as u64);
    counted_by_nats_py(&sandbox, &nats, last);
}

/// `SONGHUA_RELAY_KILLS`, or few enough for every run of the tests.
fn kills() -> u64 {
    std::env::var("SONGHUA_RELAY_KILLS").ok().map_or(8, |text| text.parse().expect("a number of kills"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_killed_again_and_again_publishes_everything_once() {
    let mut seed = seed();
    let nats = Nats::start();
    let mut sandbox = Sandbox::start_with(relayed_to(&nats, &[])).await;
    sandbox.lead_of_all("drc").await;
    let (_, token) = sandbox.grant(Role::Agency, "drc", "").await;
    for round in 0..kills() {
        let event = |index| dimension("city", "srdi-smes", &format!("district=r{round}-{index}"), days_ago(1), "3");
        let clerk = sandbox.client(Some(&token)).await;
        let pushing = Pushing::start(clerk, (0..ROUND).map(event).collect());
        // Also behind the last acknowledgement: then the relay is still at work.
        let until = usize::try_from(draw(&mut seed, ROUND as u64)).unwrap();
        pushing.has(until).await;
        tokio::time::sleep(Duration::from_micros(draw(&mut seed, 20_000))).await;
        sandbox.kill();
        let (before, _) = pushing.task.await.unwrap();
        assert!(before.len() >= until, "{} of {ROUND}", before.len());
        sandbox.serve().await;
    }
    let last = relay_is_up(&sandbox).await;
    counted_by_nats_py(&sandbox, &nats, last);
}
