//! How fast views are rebuilt, how soon a figure is visible, how soon readers are answered: over a history of a million
//! events.
//!
//! ```text
//! cargo run --release -p songhua-tests --bin songhua-load-views [-- --short]
//! ```
//! It writes the history beside a release server's own log, starts that server on it, says what it measures, and ends with
//! one line `figure NAME VALUE UNIT` for each number. `--short` takes a tenth of the history.

#![expect(clippy::print_stdout, reason = "figures on standard output are what it is for")]

mod events;
mod history;
mod reads;
mod server;
mod visible;

use std::time::Duration;

use songhua_tests::load::{Figures, load_average, machine};
use songhua_tests::{PLAN, Random, Sandbox, ServeOptions};

use reads::{Question, Timed, anywhere, paced};

/// The history's seed: printed, so that a run can be repeated.
const SEED: u64 = 20_261_123;

#[tokio::main]
async fn main() {
    let short = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--short") => true,
        Some(other) => panic!("unknown argument {other}: --short"),
    };
    let seconds = Duration::from_secs(if short { 10 } else { 30 });
    let mut figures = Figures::default();
    println!("{}", machine());
    println!("client and server share the machine; seed {SEED}");

    let mut sandbox = Sandbox::start_with(ServeOptions::default()).await;
    let history = server::with_history(&mut sandbox, short, SEED).await;
    let (records, (first_day, last_day)) = (history.records, history.days);
    println!("history: {records} records, {first_day} to {last_day}\n");

    println!(
        "rebuild: RebuildViews on a server that is held to one processor (taskset), from the call to the last record"
    );
    server::rebuild(&mut sandbox, records, &mut figures).await;

    let clients = server::clients(&sandbox, 4).await;
    println!(
        "visible: 2,000 events/s, a submission each on one stream, {} s; from a receipt's arrival to the answer of GetIndicator with min_position = its position and the figure's dimension, one receipt in 20",
        seconds.as_secs()
    );
    let timed = visible::measure(&sandbox, &clients, seconds).await;
    say("visible", &timed, &mut figures);

    let circles = server::circles(&sandbox).await;
    println!(
        "read: GetCircle and GetOverview in turn, 1,000 requests/s, {} s, today, all known, 4 connections",
        seconds.as_secs()
    );
    let name = |number: u64| {
        let which = usize::try_from(number / 2).unwrap_or(0) % circles.len();
        number.is_multiple_of(2).then(|| circles[which].clone())
    };
    let timed = paced(&clients, 1_000, seconds, |number| Question { name: name(number), as_of: None }).await;
    say("read", &timed, &mut figures);

    println!("read as of: the same, 200 requests/s, each at a random day of the history and a random known position");
    let mut random = Random::new(SEED);
    let ask = |number: u64| Question { name: name(number), as_of: Some(anywhere(&mut random, &history)) };
    let timed = paced(&clients, 200, seconds, ask).await;
    say("read_as_of", &timed, &mut figures);

    figures.add("views_disk_mb", server::views_mb(&sandbox), "MB");
    println!("left out: TLS, a network, several plans; the plan is {PLAN}");
    println!("load average at the end: {}\n", load_average());
    figures.print();
}

fn say(name: &str, timed: &Timed, figures: &mut Figures) {
    let [p50, p99, most] = [500, 990, 1_000].map(|per_mille| timed.per_mille(per_mille));
    println!("  {} answers: p50 {p50} µs, p99 {p99} µs, most {most} µs", timed.count());
    figures.add_thousandths(&format!("{name}_p50_ms"), p50, "ms");
    figures.add_thousandths(&format!("{name}_p99_ms"), p99, "ms");
}
