//! Our public gRPC beside UmaDB, NATS JetStream, PostgreSQL and the bare disk: the same events, on the same machine, in the
//! same run. `./run` builds and starts it; README.md says what is compared and how.
//!
//! Servers are processes of their own, this one is the clients. Ours runs the whole product.
//!
//! It must not know anything inside the product but the public contract and where its files are.

mod appends;
mod bare;
mod costs;
mod drive;
mod events;
mod flush;
mod growth;
mod jetstream;
mod ours;
mod plans;
mod postgres;
mod process;
mod readers;
mod reads;
mod table;
mod umadb;

use std::time::Duration;

use songhua_tests::load::{Figures, load_average, machine};

/// As the server has it: the same for all clients.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "run [compare | growth | plans | flush | readers] [--short] [--seconds N] [--pairs N] [--only WORD]
  compare: [--records N] [--ours-and-umadb]    growth: [--from N] [--to N] [--reads SECONDS]    plans: [--plans N]
  readers: [--records N]";

/// What was asked for.
struct Settings {
    what: String,
    /// Of a run.
    duration: Duration,
    /// Runs of each side.
    pairs: usize,
    /// Parts of the names of loads to run; all if empty.
    only: String,
    /// NATS and PostgreSQL too.
    others: bool,
    /// Events that are read.
    records: u64,
    from: u64,
    to: u64,
    reads: Duration,
    plans: usize,
}

impl Settings {
    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.split(',').any(|word| name.contains(word))
    }

    fn read() -> Self {
        let mut settings = Self {
            what: "compare".to_owned(),
            duration: Duration::from_secs(3),
            pairs: 7,
            only: String::new(),
            others: true,
            records: 1_000_000,
            from: 1_000_000,
            to: 10_000_000,
            reads: Duration::from_secs(60),
            plans: 50,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().unwrap_or_else(|| panic!("{argument} needs a value\n{USAGE}"));
            let number = |text: String| text.parse::<u64>().unwrap_or_else(|_| panic!("a number: {text}\n{USAGE}"));
            match argument.as_str() {
                "compare" | "growth" | "plans" | "flush" | "readers" => settings.what = argument,
                "--short" => {
                    (settings.duration, settings.pairs) = (Duration::from_secs(1), 3);
                    settings.records = 300_000;
                }
                "--seconds" => settings.duration = Duration::from_secs(number(value())),
                "--pairs" => settings.pairs = usize::try_from(number(value())).unwrap_or(1).max(1),
                "--only" => settings.only = value(),
                "--ours-and-umadb" => settings.others = false,
                "--records" => settings.records = number(value()),
                "--from" => settings.from = number(value()),
                "--to" => settings.to = number(value()),
                "--reads" => settings.reads = Duration::from_secs(number(value())),
                "--plans" => settings.plans = usize::try_from(number(value())).unwrap_or(1).max(1),
                other => panic!("unknown argument {other}\n{USAGE}"),
            }
        }
        settings
    }
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let settings = Settings::read();
    // On one of the two threads, not on a third.
    tokio::spawn(measure(settings)).await.expect("the measurement ends");
}

async fn measure(settings: Settings) {
    // Else the sandbox would build one, in whatever profile this is.
    assert!(std::env::var_os("SONGHUA_BIN").is_some(), "SONGHUA_BIN names the server; ./run does so");
    println!("{}", machine());
    println!(
        "{} runs of {} s a side, in turn (flush: one); events of {} bytes; clients: one process, 2 threads",
        settings.pairs,
        settings.duration.as_secs(),
        events::BYTES
    );
    let mut figures = Figures::default();
    match settings.what.as_str() {
        "growth" => growth::run(&settings, &mut figures).await,
        "plans" => plans::run(&settings, &mut figures).await,
        "flush" => flush::run(&settings, &mut figures).await,
        "readers" => readers::run(&settings, &mut figures).await,
        _ => {
            table::heading();
            appends::compare(&settings, &mut figures).await;
            appends::streams(&settings, &mut figures).await;
            reads::compare(&settings, &mut figures).await;
            costs::compare(&settings).await;
        }
    }
    println!("load average at the end: {}\n", load_average());
    figures.print();
}
