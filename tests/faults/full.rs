//! A full disk: under load a ballast file takes all room but a random rest, and gives it back. Appends, rolls, backups, views and
//! snapshots meet it; the server goes on by itself, or is stopped or killed on it and starts on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use songhua_tests::{PLAN, PLAN_ID, Random, Sandbox, ServeOptions, SmallDisk, fill, free_port, pb};

use crate::clients::{BATCHES, LARGE_STREAM, Load, SINGLE, STREAM, Shape};
use crate::disk::Disk;
use crate::report::{Progress, Report, Settings};
use crate::site::{Reading, Site, with};

/// Cycles of one history; then another one begins on the same disk.
const HISTORY: u64 = 5;
/// What stays free at most: from nothing at all to some groups.
const REST_KIB: u64 = 4_096;
/// Everything that must happen happens within this.
const MOST: Duration = Duration::from_secs(120);
/// Clients of all cycles: the large events reach the end of what the log has prepared, and of segments.
const CLIENTS: [Shape; 5] = [
    Shape { most: 400, ..SINGLE },
    Shape { most: 400, ..BATCHES },
    Shape { most: 2_000, ..STREAM },
    Shape { most: 2_000, ..STREAM },
    Shape { most: 30, ..LARGE_STREAM },
];
/// Small events in large submissions: the views have much to write.
const VIEWS: Shape = Shape { stream: true, window: 8, events: 900, large: false, most: 330 };

/// What happens while the disk is full.
#[derive(Debug, Clone, Copy)]
enum Meanwhile {
    Nothing,
    Backup,
    Rebuild,
    Stop,
    Kill,
}

impl Meanwhile {
    const ALL: [Self; 5] = [Self::Nothing, Self::Backup, Self::Rebuild, Self::Stop, Self::Kill];
}

/// A disk of any kind.
enum Small {
    Memory(SmallDisk),
    Ext4(Disk),
}

impl Small {
    /// An ext4 where that can be had: it keeps room back for what is not on disk yet.
    fn new() -> Option<Self> {
        Disk::new("500M").map(Self::Ext4).ok().or_else(|| SmallDisk::new(500).map(Self::Memory))
    }

    fn path(&self) -> PathBuf {
        match self {
            Self::Memory(disk) => disk.path().to_owned(),
            Self::Ext4(disk) => disk.point(),
        }
    }
}

/// Runs it.
pub(crate) async fn run(settings: &Settings, report: &mut Report) {
    let Some(disk) = Small::new() else {
        println!("full disks are LEFT OUT, nothing can be mounted here");
        report.figure("disk_full_refusals", 0, "refusals");
        return report.expect(!settings.long, || "the long run needs a disk of its own".to_owned());
    };
    let cycles = settings.count(5, 120);
    let mut random = settings.random("full");
    let mut progress = Progress::new("full", cycles);
    let (mut refusals, mut site) = (0, None);
    for cycle in 0..cycles {
        let meanwhile = Meanwhile::ALL[cycle as usize % Meanwhile::ALL.len()];
        report.at(format_args!("--only full --seed {}: cycle {cycle}, {meanwhile:?}", settings.seed));
        let mut now = match site.take() {
            Some(site) if cycle % HISTORY != 0 => site,
            old => {
                refusals += ended(old, report).await;
                // The profile cannot be written anew by a start on a full disk.
                let grpc_address = format!("127.0.0.1:{}", free_port());
                let options = ServeOptions { grpc_address, ..ServeOptions::default() };
                let mut sandbox = Sandbox::stopped_in(&disk.path(), options);
                sandbox.serve().await;
                Site::begin(sandbox).await
            }
        };
        once(&mut now, &disk.path(), meanwhile, &mut random, report).await;
        progress.done(cycle + 1, format_args!("{} events acknowledged in this history", now.acknowledged()));
        site = Some(now);
    }
    refusals += ended(site, report).await;
    report.expect(refusals >= cycles, || format!("{refusals} submissions were refused for want of room"));
    report.figure("disk_full_refusals", refusals, "refusals");
    report.at(format_args!("--only full --seed {}: views on a disk of their own", settings.seed));
    if settings.long
        && let Some(disk) = SmallDisk::new(48)
    {
        views_alone(&disk, report).await;
    }
}

/// How often it was refused for want of room; the history is whole.
async fn ended(site: Option<Site>, report: &mut Report) -> u64 {
    let Some(mut site) = site else { return 0 };
    site.verify(Reading::Whole, report).await;
    site.check_views(report);
    site.sandbox.terminate().await;
    site.check(report);
    with(&site.model, |model| model.found_no_room())
}

/// Lets the ballast grow over a load, and shrink again.
async fn once(site: &mut Site, disk: &Path, meanwhile: Meanwhile, random: &mut Random, report: &mut Report) {
    let (ballast, rest) = (disk.join("ballast"), disk.join("rest"));
    let before = with(&site.model, |model| model.found_no_room());
    fs::write(&rest, vec![1; random.below(REST_KIB * 1_024) as usize]).expect("there is room");
    let mut load = site.load(&CLIENTS).await;
    tokio::time::sleep(Duration::from_millis(random.below(200))).await;
    fill(&ballast);
    fs::remove_file(&rest).expect("the rest is there");
    until("a submission finds no room", report, async || {
        with(&site.model, |model| model.found_no_room()) > before || load.is_over()
    })
    .await;
    reads(site, report).await;
    let load = on_a_full_disk(site, load, meanwhile, report).await;
    is_quiet(site, report);
    fs::remove_file(&ballast).expect("the ballast is there");
    goes_on(site, report).await;
    if let Some(load) = load {
        load.stop().await;
    }
    site.verify_and_ask_again(Reading::New, random, report).await;
    caught_up(site, report).await;
    is_quiet(site, report);
}

/// What happens while there is no room; the load that is left.
async fn on_a_full_disk(site: &mut Site, load: Load, meanwhile: Meanwhile, report: &mut Report) -> Option<Load> {
    match meanwhile {
        Meanwhile::Nothing => {}
        Meanwhile::Backup => {
            let backup = site.sandbox.path("backup");
            let backup = backup.to_string_lossy();
            let done = site.sandbox.run(&["backup", &backup]);
            // What was being written may have been given back meanwhile.
            let said = done.code == 0 || done.stderr.contains("No space left") && done.stderr.contains("make room");
            report.expect(said, || format!("a backup on a full disk: {done:?}"));
        }
        Meanwhile::Rebuild => {
            let done = site.sandbox.run(&["views", "rebuild"]);
            report.expect(done.code == 0 || done.stderr.contains("No space left"), || format!("a rebuild: {done:?}"));
        }
        Meanwhile::Stop | Meanwhile::Kill => {
            if let Meanwhile::Stop = meanwhile {
                site.sandbox.terminate().await
            } else {
                site.sandbox.kill()
            }
            load.ended().await;
            fill(&site.sandbox.data().join("more"));
            report.started(&mut site.sandbox).await;
            site.verify(Reading::New, report).await;
            fs::remove_file(site.sandbox.data().join("more")).expect("it is there");
            return None;
        }
    }
    Some(load)
}

/// The history and the views are read while nothing can be written.
async fn reads(site: &Site, report: &mut Report) {
    let mut client = site.sandbox.admin().await;
    let name = format!("{PLAN}/indicators/registered-incubators");
    let read = client.progress.get_indicator(pb::GetIndicatorRequest { name, ..Default::default() }).await;
    report.expect(read.is_ok(), || format!("the views are not read on a full disk: {read:?}"));
    let status = site.sandbox.plan_status(PLAN_ID).await;
    report.expect(status.read_only.is_empty(), || format!("a full disk made the plan read-only: {}", status.read_only));
    let mut seen = 0;
    let replayed = site.replay(1, status.durable_position.min(2_000), |_| seen += 1).await;
    report.expect(replayed.is_ok() && seen > 0, || format!("the history is not read on a full disk: {replayed:?}"));
}

/// Something new is stored, without a restart.
async fn goes_on(site: &mut Site, report: &mut Report) {
    let before = site.acknowledged();
    let begun = Instant::now();
    while site.acknowledged() == before && begun.elapsed() < MOST {
        site.load(&[Shape { most: 1, ..SINGLE }]).await.ended().await;
    }
    report.expect(site.acknowledged() > before, || format!("no write was taken {MOST:?} after there was room"));
}

/// The views have everything that is durable.
async fn caught_up(site: &Site, report: &mut Report) {
    let durable = site.sandbox.durable().await;
    until("the views catch up", report, async || {
        let status = site.sandbox.plan_status(PLAN_ID).await;
        let is_up = |it: &pb::FollowerStatus| it.state == "RUNNING" && it.applied_position >= durable;
        status.followers.iter().any(|it| it.name == "projector" && is_up(it))
    })
    .await;
}

async fn until(what: &str, report: &mut Report, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        if begun.elapsed() > MOST {
            return report.wrong(format!("{what}: not within {MOST:?}"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn is_quiet(site: &Site, report: &mut Report) {
    let log = site.sandbox.server_log();
    let panicked = log.lines().find(|line| line.contains("panicked"));
    report.expect(panicked.is_none(), || format!("the server panicked: {panicked:?}"));
}

/// Views on a full disk of their own: they wait, are read as far as they are, and hold up no write.
async fn views_alone(disk: &SmallDisk, report: &mut Report) {
    let mut site = Site::begin(Sandbox::start().await).await;
    site.sandbox.terminate().await;
    let (views, elsewhere) = (site.sandbox.data().join("plans").join(PLAN_ID).join("views"), disk.path().join("views"));
    fs::remove_dir_all(&views).expect("the views are there");
    fs::create_dir(&elsewhere).expect("the disk takes a directory");
    std::os::unix::fs::symlink(&elsewhere, &views).expect("a link can be made");
    report.started(&mut site.sandbox).await;
    caught_up(&site, report).await;
    fs::write(disk.path().join("rest"), vec![1; 12 << 20]).expect("there is room");
    fill(&disk.path().join("ballast"));
    fs::remove_file(disk.path().join("rest")).expect("the rest is there");
    let mut load = site.load(&[VIEWS]).await;
    until("the views wait", report, async || {
        let status = site.sandbox.plan_status(PLAN_ID).await;
        status.followers.iter().any(|it| it.state == "WAITING" && it.detail.contains("No space left"))
    })
    .await;
    let before = site.acknowledged();
    reads(&site, report).await;
    until("writes go on", report, async || site.acknowledged() > before || load.is_over()).await;
    load.ended().await;
    fs::remove_file(disk.path().join("ballast")).expect("the ballast is there");
    caught_up(&site, report).await;
    site.verify(Reading::Whole, report).await;
    is_quiet(&site, report);
    site.sandbox.terminate().await;
    report.started(&mut site.sandbox).await;
    caught_up(&site, report).await;
    site.check_views(report);
}
