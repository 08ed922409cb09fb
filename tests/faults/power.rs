//! Power cuts: the server's disk is cut off at a random moment, and is mounted again with what had reached it.

use std::process::Stdio;
use std::sync::Mutex;
use std::time::Duration;

use songhua_tests::{Random, Sandbox, ServeOptions};

use crate::clients::{BATCHES, LARGE_STREAM, SINGLE, STREAM, Shape};
use crate::disk::{Cut, Disk};
use crate::kill::{rolled, segments, stopping};
use crate::oracle::Model;
use crate::report::{Progress, Report, Settings};
use crate::site::{Reading, Site, with};

/// A sparse file behind the disk: a few histories with their backups.
const BYTES: &str = "3G";
/// Clients of most cycles.
const CLIENTS: [Shape; 4] = [SINGLE, BATCHES, STREAM, STREAM];
/// Cuts of one history; then another one begins, with a first start.
const HISTORY: u64 = 10;

/// When the cord is pulled.
#[derive(Debug, Clone, Copy)]
enum Moment {
    FirstStart,
    Load,
    Start,
    Roll,
    Backup,
    Stop,
}

impl Moment {
    fn of(cycle: u64, random: &mut Random) -> Self {
        match (cycle % HISTORY, random.below(100)) {
            (0, _) => Self::FirstStart,
            (6, _) => Self::Roll,
            (_, 0..50) => Self::Load,
            (_, 50..70) => Self::Start,
            (_, 70..85) => Self::Backup,
            _ => Self::Stop,
        }
    }
}

/// Runs it.
pub(crate) async fn run(settings: &Settings, report: &mut Report) {
    let disk = match Disk::new(BYTES) {
        Ok(disk) => disk,
        Err(reason) => {
            println!("power cuts are LEFT OUT, no loop device can be mounted here (root can): {reason}");
            report.figure("power_cuts", 0, "cuts");
            return report.expect(!settings.long, || "the long run needs a loop device".to_owned());
        }
    };
    let cuts = settings.count(15, 210);
    let mut power = Power { disk, random: settings.random("power"), done: [0; 6] };
    let mut progress = Progress::new("power", cuts);
    let mut site = None;
    for cycle in 0..cuts {
        let moment = Moment::of(cycle, &mut power.random);
        report.at(format_args!("--only power --seed {}: cut {cycle}, {moment:?}", settings.seed));
        let mut now = match site.take() {
            Some(site) if !matches!(moment, Moment::FirstStart) => site,
            old => {
                end(old, report).await;
                power.first_start(report).await
            }
        };
        power.cycle(&mut now, moment, report).await;
        progress.done(cycle + 1, format_args!("{} events acknowledged in this history", now.acknowledged()));
        site = Some(now);
    }
    end(site, report).await;
    let [first, load, start, roll, backup, stop] = power.done;
    println!(
        "power: {first} in a first start, {load} under load, {start} in later starts, {roll} in a roll, {backup} in or behind a backup, {stop} while it stopped"
    );
    report.figure("power_cuts", power.done.iter().sum(), "cuts");
}

/// The end of a history.
async fn end(site: Option<Site>, report: &mut Report) {
    let Some(mut site) = site else { return };
    site.verify(Reading::Whole, report).await;
    site.check_views(report);
    site.sandbox.terminate().await;
    site.check(report);
}

struct Power {
    disk: Disk,
    random: Random,
    /// Cuts by [`Moment`].
    done: [u64; 6],
}

impl Power {
    fn millis(&mut self, most: u64) -> Duration {
        Duration::from_micros(self.random.below(most * 1_000))
    }

    /// In a start: it takes some 50 ms, with a long history or a debug build more.
    fn soon(&mut self) -> Duration {
        let most = 1 + self.random.below(500);
        self.millis(most)
    }

    /// Cuts, leaves the server a moment to notice, and ends it.
    async fn cut(&mut self, moment: Moment, sandbox: &mut Sandbox, model: &Mutex<Model>) {
        let cut = match self.random.below(10) {
            0 => Cut::Flushed,
            1 | 2 => Cut::Journalled,
            _ => Cut::Hard,
        };
        with(model, |model| model.power_goes(true));
        self.disk.cut(cut);
        with(model, |model| model.power_goes(false));
        self.done[moment as usize] += 1;
        if self.random.percent(50) {
            tokio::time::sleep(self.millis(100)).await;
        }
        sandbox.kill();
    }

    fn power_on(&mut self) {
        let check = self.random.percent(50);
        self.disk.power_on(check);
    }

    /// A new directory, and a cut while the server makes what it needs there.
    async fn first_start(&mut self, report: &mut Report) -> Site {
        let mut sandbox = Sandbox::stopped_in(&self.disk.point(), ServeOptions::default());
        self.disk.sync();
        sandbox.launch();
        tokio::time::sleep(self.soon()).await;
        self.cut(Moment::FirstStart, &mut sandbox, &Mutex::default()).await;
        self.power_on();
        report.started(&mut sandbox).await;
        Site::begin(sandbox).await
    }

    async fn cycle(&mut self, site: &mut Site, moment: Moment, report: &mut Report) {
        match moment {
            // It has been cut, and goes on with a load.
            Moment::FirstStart | Moment::Load => {
                let load = site.load(&CLIENTS).await;
                tokio::time::sleep(self.millis(400)).await;
                self.cut(Moment::Load, &mut site.sandbox, &site.model).await;
                load.ended().await;
            }
            Moment::Start => {
                let load = site.load(&CLIENTS).await;
                tokio::time::sleep(self.millis(200)).await;
                self.cut(moment, &mut site.sandbox, &site.model).await;
                load.ended().await;
                for _ in 0..=self.random.below(3) {
                    self.power_on();
                    site.sandbox.launch();
                    tokio::time::sleep(self.soon()).await;
                    self.cut(moment, &mut site.sandbox, &site.model).await;
                }
            }
            Moment::Roll => {
                let before = segments(site).len();
                let load = site.load(&[LARGE_STREAM, SINGLE]).await;
                let delay = self.millis(4);
                rolled(site, before, delay).await;
                self.cut(moment, &mut site.sandbox, &site.model).await;
                load.ended().await;
            }
            Moment::Stop => {
                let load = site.load(&CLIENTS).await;
                let (before, behind) = (self.millis(200), self.millis(60));
                stopping(site, before, behind).await;
                self.cut(moment, &mut site.sandbox, &site.model).await;
                load.ended().await;
            }
            Moment::Backup => return self.backup(site, report).await,
        }
        self.again(site, report).await;
    }

    /// Power is back, and so is everything that was acknowledged.
    async fn again(&mut self, site: &mut Site, report: &mut Report) {
        self.power_on();
        if self.random.percent(25) {
            site.check(report);
        }
        report.started(&mut site.sandbox).await;
        with(&site.model, Model::power_is_on);
        site.verify_and_ask_again(Reading::Whole, &mut self.random, report).await;
        if self.random.percent(10) {
            site.check_views(report);
        }
    }

    /// A cut in a backup: the next one completes it. A cut behind it: it is whole.
    async fn backup(&mut self, site: &mut Site, report: &mut Report) {
        let place = site.sandbox.path("backup").to_string_lossy().into_owned();
        let load = site.load(&CLIENTS).await;
        let mut command = site.sandbox.command(&["backup", &place]);
        let mut backup = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the command starts");
        let whole = self.random.percent(50);
        if whole {
            let ended = backup.wait().expect("the command ends");
            report.expect(ended.success(), || format!("the backup ended with {ended}"));
        } else {
            tokio::time::sleep(self.millis(150)).await;
        }
        self.cut(Moment::Backup, &mut site.sandbox, &site.model).await;
        load.ended().await;
        backup.wait().expect("the command ends");
        self.power_on();
        let check = |what: &str, site: &Site, report: &mut Report| {
            let checked = site.sandbox.run(&["check", &place]);
            report.expect(checked.code == 0, || format!("{what}: {checked:?}"));
        };
        if whole {
            check("a backup that was complete before the cut", site, report);
        }
        report.started(&mut site.sandbox).await;
        with(&site.model, Model::power_is_on);
        let again = site.sandbox.run(&["backup", &place]);
        report.expect(again.code == 0, || format!("a backup behind a cut: {again:?}"));
        check("a backup behind a cut", site, report);
        site.verify_and_ask_again(Reading::Whole, &mut self.random, report).await;
    }
}
