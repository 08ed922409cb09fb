//! Appends: every store in turn, again and again, each load on fresh servers.

use std::path::Path;
use std::time::Duration;

use songhua_tests::ServeOptions;
use songhua_tests::load::Figures;

use crate::Settings;
use crate::bare::Bare;
use crate::drive::{Load, Run};
use crate::jetstream::JetStream;
use crate::ours::Ours;
use crate::postgres::Postgres;
use crate::process;
use crate::table::{Side, add, print, ratios};
use crate::umadb::Uma;

const fn unary(name: &'static str, clients: usize, connections: usize, batch: usize, most: u64) -> Load {
    Load { name, clients, connections, batch, stream: false, most }
}

const fn stream(name: &'static str, clients: usize, batch: usize, most: u64) -> Load {
    Load { name, clients, connections: 1, batch, stream: true, most }
}

/// Requests that every store has.
pub(crate) const UNARY: [Load; 4] = [
    unary("unary_1", 1, 1, 1, 20_000),
    unary("unary_8", 8, 8, 1, 60_000),
    unary("unary_64", 64, 4, 1, 120_000),
    unary("batch_100x8", 8, 8, 100, 800_000),
];

/// One `SubmitStream`; windows stay below the server's bound of 256 submissions a stream.
pub(crate) const STREAMS: [Load; 2] =
    [stream("stream_singles", 200, 1, 500_000), stream("stream_hundreds", 8, 100, 800_000)];

/// Disk room is only told of so many events: below, what is taken ahead is the most of it.
pub(crate) const DISK_FROM: u64 = 200_000;

/// One of those that are compared.
#[expect(clippy::large_enum_variant, reason = "there are five of them")]
enum Store {
    Ours(Ours),
    Uma(Uma),
    JetStream(JetStream),
    Postgres(Postgres),
    Bare(Bare),
}

impl Store {
    async fn run(&self, load: &Load, duration: Duration) -> Run {
        match self {
            Self::Ours(ours) => ours.run(load, duration).await,
            Self::Uma(uma) => uma.run(load, duration).await,
            Self::JetStream(nats) => nats.run(load, duration).await,
            Self::Postgres(postgres) => postgres.run(load, duration).await,
            Self::Bare(bare) => bare.run(load, duration).await,
        }
    }

    fn on_disk(&self) -> Option<u64> {
        match self {
            Self::Ours(ours) => Some(process::on_disk(&ours.directory().join("log"))),
            Self::Uma(uma) => Some(process::on_disk(&uma.file())),
            Self::JetStream(nats) => Some(process::on_disk(&nats.store())),
            Self::Postgres(postgres) => Some(process::on_disk(&postgres.data())),
            Self::Bare(_) => None,
        }
    }
}

/// Runs all loads that every store has, and says what is left out.
pub(crate) async fn compare(settings: &Settings, figures: &mut Figures) {
    for load in UNARY.iter().filter(|load| settings.wants(load.name)) {
        let mut stores = vec![("songhua", Store::Ours(Ours::start(ServeOptions::default()).await))];
        stores.push(("umadb", Store::Uma(Uma::start().await)));
        if settings.others {
            stores.push(("nats, sync always", Store::JetStream(JetStream::start().await)));
            match Postgres::start().await {
                Ok(postgres) => stores.push(("postgresql", Store::Postgres(postgres))),
                Err(reason) => println!("postgresql is left out: {reason}"),
            }
        }
        stores.push(("fdatasync, ahead", Store::Bare(Bare::new(true))));
        stores.push(("fdatasync, grows", Store::Bare(Bare::new(false))));
        let sides = turns(&stores, load, settings).await;
        print(&format!("{}: {}", load.name, load.shape()), &sides);
        add(figures, &format!("{}_ratio", load.name), ratios(&sides[0], &sides[1], Run::rate));
        if load.name == "unary_64" {
            add(figures, "unary_64_p99_ratio", ratios(&sides[0], &sides[1], |run| run.quantile(990)));
        }
    }
}

async fn turns(stores: &[(&'static str, Store)], load: &Load, settings: &Settings) -> Vec<Side> {
    let mut sides: Vec<Side> = stores.iter().map(|(name, _)| Side::new(name)).collect();
    let before: Vec<Option<u64>> = stores.iter().map(|(_, store)| store.on_disk()).collect();
    for _ in 0..settings.pairs {
        for (side, (_, store)) in sides.iter_mut().zip(stores) {
            rest().await;
            side.runs.push(store.run(load, settings.duration).await);
        }
    }
    for ((side, (_, store)), before) in sides.iter_mut().zip(stores).zip(before) {
        let taken = store.on_disk().zip(before).map(|(after, before)| after.saturating_sub(before));
        // None taken: it is still in the room that was taken at the start.
        side.disk = taken.filter(|taken| *taken > 0 && side.stored() >= DISK_FROM).map(|taken| taken / side.stored());
    }
    sides
}

/// Between two runs: what one left to the disk is not the next one's.
pub(crate) async fn rest() {
    process::settle(Path::new(&std::env::temp_dir()));
    tokio::time::sleep(Duration::from_millis(100)).await;
}

/// One stream into ours, in two shapes.
pub(crate) async fn streams(settings: &Settings, figures: &mut Figures) {
    let loads = STREAMS.iter().filter(|load| settings.wants(load.name));
    let mut sides: Vec<(&Load, Side)> = loads.map(|load| (load, Side::new(load.name))).collect();
    if sides.is_empty() {
        return;
    }
    let ours = Ours::start(ServeOptions::default()).await;
    for _ in 0..settings.pairs {
        for (load, side) in &mut sides {
            rest().await;
            side.runs.push(ours.run(load, settings.duration).await);
        }
    }
    let Some((better, _)) = sides.iter().max_by_key(|(_, side)| side.median(Run::rate)) else { return };
    let (name, shape) = (better.name, better.shape());
    for (load, side) in sides {
        let (rate, p99) = (side.median(Run::rate), side.median(|run| run.quantile(990)));
        if load.name == name {
            figures.add("stream_rate", rate, "events/s");
            figures.add_thousandths("stream_p99_ms", p99, "ms");
        }
        print(&format!("{}: {}", load.name, load.shape()), &[side]);
    }
    println!("stream_rate and stream_p99_ms are of {name}: {shape}; a latency includes the wait behind its window");
}
