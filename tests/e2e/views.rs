//! Views are a follower of the log: whatever becomes of their files, they come back to an equal digest.
//!
//! Two threads: a client must be able to let go of its connection while a test waits for the server to end.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use songhua_tests::{PLAN_ID, date, event, http_get, stock};
use songhua_wire::pb;
use songhua_wire::pb::event_input::Payload;

use crate::progress_world::{LOOK, World, accepted, baseline, corrected, only, seen};

const PLAN_DIRECTORY: &str = "plans/harbin-2022-2026";
const LABS: &str = "new-rd-institutions";

/// A world with figures, a correction, a verification, a baseline and a milestone.
async fn busy() -> World {
    let world = World::harbin().await;
    world.stored(&world.office, baseline("city", LABS, date(2021, 12, 31), "5")).await;
    let wrong = world.stored(&world.bureau, stock("city", LABS, date(2026, 9, 30), "40")).await;
    let right = world.stored(&world.bureau, corrected(&wrong, "44")).await;
    world.stored(&world.auditor, accepted(&right)).await;
    for area in ["circle-hit", "circle-heu", "circle-usth", "circle-hvri"] {
        world.stored(&world.bureau, stock(area, "platforms", date(2026, 6, 30), "17")).await;
    }
    let milestone = event(Payload::MilestonePlanned(pb::MilestonePlanned {
        project: "aerospace-park".to_owned(),
        milestone: "approval".to_owned(),
        milestone_type: pb::MilestoneType::Approval.into(),
        title: Some(pb::Name { zh: "审批".to_owned(), en: String::new() }),
        due_date: Some(date(2026, 1, 31)),
        weight: String::new(),
    }));
    let last = world.stored(&world.bureau, milestone).await;
    world.indicator(LABS, &last).await;
    world
}

/// `DIGEST  PLAN @ POSITION`, as the command prints it.
fn digest(world: &World) -> String {
    let output = world.sandbox.run(&["views", "digest"]);
    assert_eq!(output.code, 0, "{output:?}");
    let line = output.stdout.trim().to_owned();
    let (hex, rest) = line.split_once("  ").expect("digest and plan");
    assert!(hex.len() == 64 && rest.starts_with("harbin-2022-2026 @ "), "{line}");
    line
}

fn in_plan(world: &World, name: &str) -> PathBuf {
    world.sandbox.data().join(PLAN_DIRECTORY).join(name)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// Ends the server in order, lets `meddle` at its files, and starts it again.
async fn restart(world: &mut World, meddle: impl FnOnce(&World)) {
    world.sandbox.terminate().await;
    meddle(world);
    serve(world).await;
}

/// Starts the server and waits until its views have caught up: it serves before.
async fn serve(world: &mut World) {
    world.sandbox.serve().await;
    let begun = Instant::now();
    while http_get(world.sandbox.http(), "/readyz").0 != 200 {
        assert!(begun.elapsed() < Duration::from_secs(10), "not ready:\n{}", world.sandbox.server_log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    world.reconnect().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleted_views_are_rebuilt_to_an_equal_digest() {
    let mut world = busy().await;
    let before = digest(&world);
    restart(&mut world, |world| fs::remove_dir_all(in_plan(world, "views")).unwrap()).await;
    assert_eq!(digest(&world), before);
    let target = only(&world.indicator_at(LABS, seen(LOOK, 0)).await.unwrap());
    assert_eq!((target.actual.as_str(), target.headline.unwrap().verified), ("44", true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_changes_neither_digest_nor_position() {
    let mut world = busy().await;
    let before = digest(&world);
    restart(&mut world, |_| {}).await;
    assert_eq!(digest(&world), before);
    world.sandbox.kill();
    serve(&mut world).await;
    assert_eq!(digest(&world), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_digest_changes_with_every_event_and_says_its_position() {
    let world = busy().await;
    let before = digest(&world);
    let receipt = world.stored(&world.bureau, stock("city", LABS, date(2026, 10, 31), "45")).await;
    world.indicator(LABS, &receipt).await;
    let after = digest(&world);
    assert_ne!(after.split_once(' ').unwrap().0, before.split_once(' ').unwrap().0);
    assert!(after.ends_with(&format!("@ {}", receipt.position)), "{after}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_on_a_running_server_ends_with_an_equal_digest_and_readers_read_on() {
    let world = busy().await;
    let before = digest(&world);
    // A reader asks without a pause while views are rebuilt, three times over, and is never told to wait.
    let done = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn({
        let (done, mut progress) = (Arc::clone(&done), world.bureau.progress.clone());
        let name = world.name(&format!("indicators/{LABS}"));
        let request = pb::GetIndicatorRequest { name, as_of: Some(seen(LOOK, 0)), ..Default::default() };
        async move {
            let mut readings = 0;
            while !done.load(Ordering::Relaxed) {
                let answer = progress.get_indicator(request.clone()).await.expect("an answer").into_inner();
                assert_eq!(only(&answer).actual, "44");
                readings += 1;
            }
            readings
        }
    });
    let outputs = [(); 3].map(|()| world.sandbox.run(&["views", "rebuild"]));
    done.store(true, Ordering::Relaxed);
    assert!(reader.await.unwrap() > 0);
    assert!(outputs.iter().all(|output| output.code == 0), "{outputs:?}");
    let [_, _, output] = outputs;
    let (hex, position) = output.stdout.trim().split_once(" @ ").unwrap();
    assert!(before.starts_with(hex) && before.ends_with(position), "{before} after {}", output.stdout);
    assert_eq!(digest(&world), before);
    assert_eq!(only(&world.indicator_at(LABS, seen(LOOK, 0)).await.unwrap()).actual, "44");
    let unknown = world.sandbox.run(&["views", "rebuild", "--plan", "atlantis"]);
    assert_eq!(unknown.code, 1);
    assert!(unknown.stderr.contains("PLAN_NOT_FOUND"), "{}", unknown.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn views_of_another_log_are_thrown_away_and_rebuilt() {
    let mut other = World::harbin().await;
    other.stored(&other.bureau, stock("city", LABS, date(2026, 9, 30), "999")).await;
    other.sandbox.terminate().await;
    let mut world = busy().await;
    let before = digest(&world);
    restart(&mut world, |world| {
        fs::remove_dir_all(in_plan(world, "views")).unwrap();
        copy(&in_plan(&other, "views"), &in_plan(world, "views"));
    })
    .await;
    assert_eq!(digest(&world), before);
    assert_eq!(only(&world.indicator_at(LABS, seen(LOOK, 0)).await.unwrap()).actual, "44");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn older_views_of_the_same_log_catch_up() {
    let mut world = busy().await;
    let aside = world.sandbox.path("older-views");
    restart(&mut world, |world| copy(&in_plan(world, "views"), &aside)).await;
    let receipt = world.stored(&world.bureau, stock("city", LABS, date(2026, 10, 31), "45")).await;
    world.indicator(LABS, &receipt).await;
    let before = digest(&world);
    restart(&mut world, |world| {
        fs::remove_dir_all(in_plan(world, "views")).unwrap();
        copy(&aside, &in_plan(world, "views"));
    })
    .await;
    assert_eq!(digest(&world), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_in_any_file_of_the_views_is_noticed_and_they_are_rebuilt() {
    let mut world = busy().await;
    let before = digest(&world);
    world.sandbox.terminate().await;
    let whole = world.sandbox.path("whole-views");
    copy(&in_plan(&world, "views"), &whole);
    let names: Vec<PathBuf> = files(&whole).iter().map(|path| path.strip_prefix(&whole).unwrap().to_owned()).collect();
    assert!(!names.is_empty());
    let views = in_plan(&world, "views");
    for name in names {
        for damage in [Damage::Garbage, Damage::Flipped, Damage::Truncated, Damage::Missing] {
            fs::remove_dir_all(&views).unwrap();
            copy(&whole, &views);
            damage.inflict(&views.join(&name));
            serve(&mut world).await;
            assert_eq!(digest(&world), before, "{damage:?} {}", name.display());
            world.sandbox.terminate().await;
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Damage {
    Garbage,
    /// One byte of the first half is another.
    Flipped,
    Truncated,
    Missing,
}

impl Damage {
    fn inflict(self, path: &Path) {
        let length = fs::metadata(path).unwrap().len();
        match self {
            Self::Garbage => fs::write(path, vec![0xa5; usize::try_from(length).unwrap()]).unwrap(),
            Self::Flipped => {
                let mut bytes = fs::read(path).unwrap();
                let at = bytes.len() / 4;
                bytes[at] ^= 0xff;
                fs::write(path, bytes).unwrap();
            }
            Self::Truncated => fs::OpenOptions::new().write(true).open(path).unwrap().set_len(length / 2).unwrap(),
            Self::Missing => fs::remove_file(path).unwrap(),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_is_gone_or_damaged_changes_nothing_but_the_time_to_open() {
    let mut world = busy().await;
    let before = digest(&world);
    let taken = stock("city", LABS, date(2026, 9, 30), "46");
    world.sandbox.terminate().await;
    let snapshots = in_plan(&world, "snapshots");
    assert!(!files(&snapshots).is_empty(), "an orderly end leaves a snapshot");
    for damage in [Damage::Garbage, Damage::Flipped, Damage::Truncated, Damage::Missing] {
        for file in files(&snapshots) {
            damage.inflict(&file);
        }
        serve(&mut world).await;
        assert_eq!(digest(&world), before, "{damage:?}");
        // What was decided before still holds: the period is taken.
        assert_eq!(world.refused(&world.bureau, taken.clone()).await, "MEASUREMENT_EXISTS", "{damage:?}");
        world.sandbox.terminate().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn views_ahead_of_the_log_are_thrown_away_and_it_takes_no_writes() {
    let mut world = World::harbin().await;
    let aside = world.sandbox.path("older-log");
    // Settle at a known end, keep that log, go on, and put the older log back: what was derived since is of no log.
    let before = digest(&world);
    restart(&mut world, |world| copy(&in_plan(world, "log"), &aside)).await;
    let receipt = world.stored(&world.bureau, stock("city", LABS, date(2026, 9, 30), "40")).await;
    world.indicator(LABS, &receipt).await;
    restart(&mut world, |world| {
        fs::remove_dir_all(in_plan(world, "log")).unwrap();
        copy(&aside, &in_plan(world, "log"));
    })
    .await;
    assert_eq!(digest(&world), before);
    let status = world.sandbox.plan_status(PLAN_ID).await;
    assert!(status.read_only.contains(&format!("position {}", receipt.position)), "{status:?}");
}
