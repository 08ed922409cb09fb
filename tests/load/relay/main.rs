//! How soon and how fast events leave the log: to NATS topics and to auditors; and what ingest notices of a NATS outage.
//!
//! ```text
//! cargo run --release -p songhua-tests --bin songhua-load-relay [-- --short]
//! ```
//! It starts the release binary and nats-server on directories of their own, says what it measures, and ends with one
//! line `figure NAME VALUE UNIT` for each number.

#![expect(clippy::print_stdout, reason = "figures on standard output are what it is for")]

mod lag;
mod outage;
mod rates;

use std::sync::Arc;
use std::time::Duration;

use songhua_tests::load::{Events, Figures, Target, load_average, machine};
use songhua_tests::{Nats, PLAN_ID, ServeOptions};

/// How much is measured.
struct Size {
    lag: Duration,
    events: u64,
    replays: usize,
    outages: usize,
    outage: Duration,
}

const FULL: Size =
    Size { lag: Duration::from_secs(30), events: 300_000, replays: 7, outages: 2, outage: Duration::from_secs(60) };
const SHORT: Size =
    Size { lag: Duration::from_secs(10), events: 100_000, replays: 3, outages: 1, outage: Duration::from_secs(10) };

/// Name of the plan's stream of events.
fn stream() -> String {
    format!("SONGHUA_EVENTS_{PLAN_ID}")
}

/// A server that relays to `nats`.
async fn relayed_to(nats: &Nats, arguments: &[&str]) -> Target {
    Target::start(ServeOptions::with(&[&["--nats-url", &nats.url()], arguments].concat())).await
}

#[tokio::main]
async fn main() {
    let size = match std::env::args().nth(1).as_deref() {
        None => FULL,
        Some("--short") => SHORT,
        Some(other) => panic!("unknown argument {other}: --short"),
    };
    let events = Arc::new(Events::of_new_run());
    let mut figures = Figures::default();
    println!("{}", machine());
    println!("nats-server, songhua and the clients share the machine; one nats-server, file storage, one replica");
    println!("event: {} bytes as EventInput, one plan, payload proto3-JSON\n", events.bytes());

    let nats = Nats::start();
    let mut target = relayed_to(&nats, &[]).await;
    println!(
        "lag: {} events/s, a submission each on one stream, {} s; from a receipt's arrival to the message's at a \
         JetStream consumer in the same process; a message that came before its receipt counts as 0",
        lag::RATE,
        size.lag.as_secs()
    );
    lag::measure(&target, &nats, &events, size.lag, &mut figures).await;

    rates::fill(&target, &events, size.events).await;
    let (behind, caught_up) = target.catch_up().await;
    println!("filled to {} events; followers were {behind} behind, caught up in {caught_up:?}", size.events);
    println!(
        "replay: AuditService.Replay of the whole log, no filter, one call on one connection with windows of 16 MiB, each \
         record decoded as an Event by the client; median of {} runs, nothing else going on",
        size.replays
    );
    rates::replay(&target, size.replays, &mut figures).await;
    println!("relay: the stream is deleted, and the relay fills it again; from the first message in it to the last");
    rates::relay(&target, &nats, &mut figures).await;
    target.stop().await;
    drop(nats);

    println!(
        "outage: 8 streams × 100 submissions of 1 event, as fast as they are taken; {} s with NATS, then {} × {} s with \
         nats-server killed (-9), each on the same server and log; the stream keeps 256 MiB",
        size.outage.as_secs(),
        size.outages,
        size.outage.as_secs()
    );
    outage::measure(size.outages, size.outage, &events, &mut figures).await;

    println!("left out: TLS, a network, a cluster, several plans, warm-up of 0.5 s before each load");
    println!(
        "without NATS the processors that the relay and nats-server use are ingest's: a ratio above 1 is no error"
    );
    println!("load average at the end: {}\n", load_average());
    figures.print();
}
