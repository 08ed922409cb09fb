//! Growth: what one million events and ten million do to appends, memory, opening, and room on the disk.

use std::time::{Duration, Instant};

use songhua_tests::load::Figures;
use songhua_tests::{PLAN, ServeOptions};
use songhua_wire::pb;

use crate::Settings;
use crate::appends::{STREAMS, UNARY, rest};
use crate::bare::Bare;
use crate::drive::{Load, Run};
use crate::ours::Ours;
use crate::process;
use crate::reads::replay;
use crate::table::{Side, heading, print, shown};

const LOADS: [Load; 2] = [UNARY[3], STREAMS[1]];

/// Fills, measures, fills on, measures again.
pub(crate) async fn run(settings: &Settings, figures: &mut Figures) {
    let mut ours = Ours::start(ServeOptions::default()).await;
    heading();
    fill_to(&ours, settings.from).await;
    let small = appends(&ours, settings, settings.from).await;
    fill_to(&ours, settings.to).await;
    let large = appends(&ours, settings, settings.to).await;
    let ratios = small.iter().zip(&large).map(|(small, large)| {
        let ratio = large.median(Run::rate) * 1_000 / small.median(Run::rate).max(1);
        println!("{}: {} of what it was", small.name, shown(ratio));
        ratio
    });
    let worse = ratios.take(LOADS.len()).min().unwrap_or_default();
    figures.add_thousandths("growth_append_ratio", worse, "ratio");

    let asked = read(&ours, settings.reads).await;
    let (now, most) = process::memory_mb(ours.sandbox.pid());
    println!("memory after {asked} reads in {} s: {now} MB, at most {most} MB", settings.reads.as_secs());
    figures.add("rss_10m_mb", now, "MB");

    let events = ours.position().await;
    open(&mut ours, settings, figures).await;
    let [log, snapshots, views] =
        ["log", "snapshots", "views"].map(|part| process::on_disk(&ours.directory().join(part)));
    println!("on disk at {events} events, bytes each: log {}", log / events);
    println!("  beside it, made anew from the log if lost: snapshots {}, views {}", snapshots / events, views / events);
    figures.add("bytes_per_event", log.div_ceil(events), "bytes");
}

async fn fill_to(ours: &Ours, count: u64) {
    let (begun, there) = (Instant::now(), ours.position().await);
    let missing = count.saturating_sub(there);
    ours.fill(missing).await;
    let elapsed = begun.elapsed();
    println!("{missing} events more, {count} now: {} s with making them and waiting for the views", elapsed.as_secs());
}

/// Batches and a stream in turn; the disk beside them, so that one sees whether it was the disk that changed.
async fn appends(ours: &Ours, settings: &Settings, at: u64) -> Vec<Side> {
    let mut sides: Vec<Side> = LOADS.iter().map(|load| Side::new(load.name)).collect();
    let (bare, mut disk) = (Bare::new(true), Side::new("fdatasync, ahead"));
    for _ in 0..settings.pairs {
        for (side, load) in sides.iter_mut().zip(&LOADS) {
            rest().await;
            side.runs.push(ours.run(load, settings.duration).await);
        }
        rest().await;
        disk.runs.push(bare.run(&UNARY[0], settings.duration).await);
    }
    sides.push(disk);
    for (side, load) in sides.iter().zip(LOADS.iter().chain([&UNARY[0]])) {
        print(&format!("at {at} events: {}", load.shape()), std::slice::from_ref(side));
    }
    sides
}

/// Reads of every kind, one after the other.
async fn read(ours: &Ours, time: Duration) -> u64 {
    let begun = Instant::now();
    let mut asked = 0;
    while begun.elapsed() < time {
        let mut progress = ours.office().await.progress;
        let request = pb::GetOverviewRequest { name: PLAN.to_owned(), ..Default::default() };
        progress.get_overview(request).await.expect("an overview");
        let request = pb::ListIndicatorsRequest { parent: PLAN.to_owned(), page_size: 100, ..Default::default() };
        progress.list_indicators(request).await.expect("indicators");
        let indicators = vec![ours.selected().to_owned()];
        replay(ours, Some(pb::ReplayFilter { indicators, ..Default::default() })).await;
        asked += 3;
        if asked % 30 == 0 {
            replay(ours, None).await;
            asked += 1;
        }
    }
    asked
}

/// From the start of the process to its readiness, and to the first receipt: after a clean stop and after `kill -9`.
async fn open(ours: &mut Ours, settings: &Settings, figures: &mut Figures) {
    let mut worst = Duration::ZERO;
    for how in ["a clean stop", "kill -9 behind a load"] {
        if how == "a clean stop" {
            ours.sandbox.terminate().await;
        } else {
            ours.load(&LOADS[0], settings.duration).await;
            ours.sandbox.kill();
        }
        let begun = Instant::now();
        ours.sandbox.serve().await;
        let ready = begun.elapsed();
        ours.submit_one().await;
        let receipt = begun.elapsed();
        println!("opened after {how}: ready in {} ms, first receipt in {} ms", ready.as_millis(), receipt.as_millis());
        worst = worst.max(receipt);
    }
    ours.catch_up().await;
    ours.sandbox.terminate().await;
    figures.add_thousandths("open_10m_s", u64::try_from(worst.as_millis()).unwrap_or(u64::MAX), "s");
    println!("  with the files in the page cache");
}
