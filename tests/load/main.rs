//! Load on one plan: how many events a second, and how soon each is acknowledged, beside the disk under it.
//!
//! ```text
//! cargo run --release -p songhua-tests --bin songhua-load [-- --seconds N] [--only WORD]
//! cargo run --release -p songhua-tests --bin songhua-load -- --server URL --disk DIR    (SONGHUA_TOKEN = administrator)
//! ```
//! Without `--server` it starts the release binary on a directory of its own. It prints a table, then one line
//! `figure NAME VALUE UNIT` for each number. Client and server share the machine; nothing is left out but a warm-up of
//! half a second before each measurement.

#![expect(clippy::print_stdout, reason = "a table on standard output is what it is for")]

mod disk;

use std::sync::Arc;
use std::time::Duration;

use disk::Disk;
use songhua_tests::ServeOptions;
use songhua_tests::load::{Events, Figures, Load, Row, Target, load_average, machine, measure, print};

/// What was asked for.
struct Options {
    seconds: u64,
    only: String,
    server: Option<String>,
    disk: Option<String>,
}

fn options() -> Options {
    let mut options = Options { seconds: 5, only: String::new(), server: None, disk: None };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_else(|| panic!("{argument} needs a value"));
        match argument.as_str() {
            "--seconds" => options.seconds = value().parse().expect("--seconds is a whole number"),
            "--only" => options.only = value(),
            "--server" => options.server = Some(value()),
            "--disk" => options.disk = Some(value()),
            other => panic!("unknown argument {other}: --seconds N, --only WORD, --server URL, --disk DIR"),
        }
    }
    options
}

const fn unary(name: &'static str, clients: usize, connections: usize) -> Load {
    Load { name, clients, connections, window: 1, batch: 1, stream: false }
}

const fn stream(name: &'static str, clients: usize, window: usize, batch: usize) -> Load {
    Load { name, clients, connections: clients, window, batch, stream: true }
}

/// Windows stay below the server's bounds (256 submissions a stream, 1,024 a plan), so that nothing is refused.
const LOADS: [Load; 8] = [
    unary("unary_1", 1, 1),
    unary("unary_8", 8, 4),
    unary("unary_64", 64, 4),
    stream("stream_1", 1, 200, 1),
    stream("stream_8", 8, 100, 1),
    stream("stream_64", 64, 16, 1),
    stream("stream_1_batch_100", 1, 16, 100),
    stream("stream_8_batch_100", 8, 4, 100),
];

#[tokio::main]
async fn main() {
    let options = options();
    let duration = Duration::from_secs(options.seconds);
    let mut target = match options.server.as_deref() {
        Some(url) => Target::at(url).await,
        None => Target::start(ServeOptions::default()).await,
    };
    let disk = Disk::at(options.disk.as_deref().map_or_else(|| target.directory(), Into::into));
    println!("{}", machine());
    println!("disk: {}, one writer, 300 bytes a write", disk.file_system());
    let events = Arc::new(Events::of_new_run());
    println!(
        "event: {} bytes as EventInput (protobuf, measured), distinct series, dates and ids; {} s each\n",
        events.bytes(),
        options.seconds
    );

    let mut figures = Figures::default();
    let mut rows = vec![Row::of_disk("fdatasync, before", &disk.measure(duration))];
    let begun = target.durable_position().await;
    let mut acknowledged = 0;
    for load in LOADS.iter().filter(|load| load.name.contains(&options.only)) {
        let measured = measure(&target, &events, load, duration).await;
        acknowledged += measured.acknowledged_events;
        figures.add_load(load, &measured);
        rows.push(Row::of_load(load, &measured));
    }
    // Every acknowledged event is in the log, and nothing else but a day that may have begun.
    let stored = target.durable_position().await - begun;
    assert!((acknowledged..=acknowledged + 1).contains(&stored), "{acknowledged} acknowledged, {stored} stored");
    let (behind, catch_up) = target.catch_up().await;
    target.stop().await;
    rows.push(Row::of_disk("fdatasync, after", &disk.measure(duration)));
    print(&rows);
    println!(
        "\nacknowledged {acknowledged} events, stored {stored}; views {behind} behind at the end, caught up in {catch_up:?}"
    );
    println!("left out: TLS, a network, reads, other plans, agencies with narrow scopes, warm-up of 0.5 s a row");
    println!("ratios: to the better of the two fdatasync loops; where they differ much, somebody else used the disk");
    println!("window: submissions under way on a stream; latency includes the wait in it");
    println!("load average at the end: {}\n", load_average());
    figures.add("views_behind", behind, "events");
    figures.add("views_catch_up", u64::try_from(catch_up.as_millis()).unwrap_or(u64::MAX), "ms");
    figures.add_disk(&rows);
    figures.print();
}
