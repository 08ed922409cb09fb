//! `kill -9` at a random moment: under load, while the server starts, in a roll to the next segment, while it stops.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use songhua_tests::{PLAN_ID, Random, Sandbox};

use crate::clients::{BATCHES, LARGE_STREAM, SINGLE, STREAM, Shape};
use crate::report::{Progress, Report, Settings};
use crate::site::{Reading, Site};

/// Clients of most cycles.
const CLIENTS: [Shape; 4] = [SINGLE, BATCHES, STREAM, STREAM];
/// The whole history is read in each of so many cycles.
const WHOLE: u64 = 20;
/// The roll is awaited so long.
const ROLL_MAX: Duration = Duration::from_secs(120);

/// When the server is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    Load,
    Start,
    Roll,
    Stop,
}

impl Moment {
    fn of(cycle: u64, cycles: u64, random: &mut Random) -> Self {
        // Rolls cost 64 MiB each: one in thirty.
        if cycle % 30 == 15.min(cycles - 1) {
            return Self::Roll;
        }
        match random.below(100) {
            0..=59 => Self::Load,
            60..=79 => Self::Start,
            _ => Self::Stop,
        }
    }
}

/// Runs it.
pub(crate) async fn run(settings: &Settings, report: &mut Report) {
    let cycles = settings.count(30, 320);
    let mut random = settings.random("kill");
    let mut progress = Progress::new("kill", cycles);
    report.at("kill, first start");
    let mut site = Site::begin(Sandbox::start().await).await;
    let mut counts = [0_u64; 4];
    for cycle in 0..cycles {
        let moment = Moment::of(cycle, cycles, &mut random);
        counts[moment as usize] += 1;
        report.at(format_args!("--only kill --seed {}: cycle {cycle}, {moment:?}", settings.seed));
        kill_once(&mut site, moment, &mut random).await;
        if random.percent(20) {
            site.check(report);
        }
        report.started(&mut site.sandbox).await;
        let reading = if cycle % WHOLE == WHOLE - 1 { Reading::Whole } else { Reading::New };
        site.verify_and_ask_again(reading, &mut random, report).await;
        if random.percent(5) {
            site.check_views(report);
        }
        progress.done(cycle + 1, format_args!("{} events acknowledged", site.acknowledged()));
    }
    site.verify(Reading::Whole, report).await;
    site.check_views(report);
    site.sandbox.terminate().await;
    site.check(report);
    let [load, start, roll, stop] = counts;
    println!("kill: {load} under load, {start} at the start, {roll} in a roll, {stop} while it stopped");
    report.figure("kill_cycles", cycles, "cycles");
}

/// Leaves a dead server.
async fn kill_once(site: &mut Site, moment: Moment, random: &mut Random) {
    let millis = |random: &mut Random, most: u64| Duration::from_micros(random.below(most * 1_000));
    match moment {
        Moment::Load => {
            let load = site.load(&CLIENTS).await;
            tokio::time::sleep(millis(random, 400)).await;
            site.sandbox.kill();
            load.ended().await;
        }
        Moment::Start => {
            let load = site.load(&CLIENTS).await;
            tokio::time::sleep(millis(random, 100)).await;
            site.sandbox.kill();
            load.ended().await;
            for _ in 0..=random.below(3) {
                site.sandbox.launch();
                // A start takes some 50 ms, with a long history or a debug build more.
                let most = 1 + random.below(500);
                tokio::time::sleep(millis(random, most)).await;
                site.sandbox.kill();
            }
        }
        Moment::Roll => {
            let before = segments(site).len();
            let load = site.load(&[LARGE_STREAM, SINGLE]).await;
            rolled(site, before, millis(random, 4)).await;
            site.sandbox.kill();
            load.ended().await;
        }
        Moment::Stop => {
            let load = site.load(&CLIENTS).await;
            let (before, behind) = (millis(random, 200), millis(random, 60));
            stopping(site, before, behind).await;
            site.sandbox.kill();
            load.ended().await;
        }
    }
}

/// Waits until there are more segments than `before`, and then `delay`.
pub(crate) async fn rolled(site: &Site, before: usize, delay: Duration) {
    let begun = Instant::now();
    while segments(site).len() <= before && begun.elapsed() < ROLL_MAX {
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    tokio::time::sleep(delay).await;
}

/// SIGTERM in the middle of a load, and a moment for the server to stop in.
pub(crate) async fn stopping(site: &Site, before: Duration, behind: Duration) {
    tokio::time::sleep(before).await;
    let told = Command::new("kill").arg(site.sandbox.pid().to_string()).status();
    assert!(told.is_ok_and(|status| status.success()), "SIGTERM was not sent");
    tokio::time::sleep(behind).await;
}

/// The plan's segments, and what is to become one.
pub(crate) fn segments(site: &Site) -> Vec<PathBuf> {
    let log = site.sandbox.data().join("plans").join(PLAN_ID).join("log");
    let entries = fs::read_dir(log).expect("the log is a directory");
    let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let mut found: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "seg" || end == "tmp")).collect();
    found.sort_unstable();
    found
}
