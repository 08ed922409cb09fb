//! Ingest at full load, with NATS and without.

use std::sync::Arc;
use std::time::{Duration, Instant};

use songhua_tests::Nats;
use songhua_tests::load::{Events, Figures, Load, measure as run};

/// As many as the server takes.
const FULL_LOAD: Load = Load { name: "full", clients: 8, connections: 8, window: 100, batch: 1, stream: true };
/// How long NATS is back before it is killed again.
const BETWEEN: Duration = Duration::from_secs(10);

/// Ingest undisturbed, then in `outages` of NATS; at the end the relay must have published everything.
pub(crate) async fn measure(outages: usize, duration: Duration, events: &Arc<Events>, figures: &mut Figures) {
    let mut nats = Nats::start();
    let mut target = crate::relayed_to(&nats, &["--nats-max-bytes", "268435456"]).await;
    let undisturbed = run(&target, events, &FULL_LOAD, duration).await;
    let (mut rates, mut refused) = (Vec::new(), undisturbed.refused);
    let mut latency = 0;
    for _ in 0..outages {
        nats.kill();
        let disturbed = run(&target, events, &FULL_LOAD, duration).await;
        nats.serve();
        rates.push(disturbed.rate());
        refused += disturbed.refused;
        latency = latency.max(disturbed.latencies.quantile(990));
        refused += run(&target, events, &FULL_LOAD, BETWEEN).await.refused;
    }
    assert_eq!(refused, 0, "submissions were refused");
    let last = target.durable_position().await;
    let begun = Instant::now();
    while applied(&target.status().await) < last {
        assert!(begun.elapsed() < Duration::from_secs(1_800), "the relay does not catch up");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let rate = rates.iter().sum::<u64>() / rates.len() as u64;
    figures.add("ingest_undisturbed_rate", undisturbed.rate(), "events/s");
    figures.add("ingest_undisturbed_p99_us", u64::from(undisturbed.latencies.quantile(990)), "us");
    figures.add("ingest_outage_rate", rate, "events/s");
    figures.add("ingest_outage_p99_us", u64::from(latency), "us");
    figures.add_ratio("ingest_outage_ratio", rate, undisturbed.rate());
    figures.add("relay_catch_up_after_outages", begun.elapsed().as_secs(), "s");
    figures.add("relay_caught_up_to", last, "position");
    target.stop().await;
}

/// How far the relay is.
fn applied(status: &songhua_wire::pb::PlanStatus) -> u64 {
    let relay = status.followers.iter().find(|follower| follower.name == "relay");
    relay.map_or(0, |relay| relay.applied_position)
}
