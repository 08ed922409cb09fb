//! Large views take their time to open: submissions do not wait for them, and what they have seen of the log counts before.

use std::fs::{self, File};
use std::time::{Duration, Instant};

use songhua_tests::{PLAN_ID, date, reason, stock};
use songhua_wire::pb;
use tonic::Code;

use crate::progress_world::World;

const LABS: &str = "new-rd-institutions";
/// More than is opened at once.
const LARGE: u64 = 100 << 20;

/// A stopped world whose views are large, all of it a hole that sled looks into; and their digest.
async fn large() -> (World, String) {
    let mut world = World::harbin().await;
    let receipt = world.stored(&world.bureau, stock("city", LABS, date(2026, 9, 30), "40")).await;
    world.indicator(LABS, &receipt).await;
    let digest = digest(&world).expect("the views are there");
    world.sandbox.terminate().await;
    db(&world).set_len(LARGE).unwrap();
    (world, digest)
}

fn digest(world: &World) -> Option<String> {
    let output = world.sandbox.run(&["views", "digest"]);
    (output.code == 0).then(|| output.stdout.split(' ').next().unwrap().to_owned())
}

/// sled's file.
fn db(world: &World) -> File {
    let path = world.sandbox.data().join("plans").join(PLAN_ID).join("views").join("sled").join("db");
    File::options().read(true).write(true).open(path).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn submissions_are_stored_while_large_views_cannot_be_opened_and_readers_are_told_to_wait() {
    let (mut world, _) = large().await;
    let held = db(&world);
    held.lock().unwrap();
    world.sandbox.serve().await;
    world.reconnect().await;
    let receipt = world.stored(&world.bureau, stock("city", LABS, date(2026, 10, 31), "41")).await;
    let request = pb::GetOverviewRequest { name: world.name(""), ..Default::default() };
    let refused = world.office.progress.clone().get_overview(request).await.unwrap_err();
    assert_eq!(reason(&refused, Code::Unavailable), "VIEWS_REBUILDING");

    held.unlock().unwrap();
    let begun = Instant::now();
    while digest(&world).is_none() || world.sandbox.durable().await < receipt.position {
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", world.sandbox.server_log());
    }
    world.indicator(LABS, &receipt).await;
    assert!(!world.sandbox.server_log().contains("rebuilding from the log"), "{}", world.sandbox.server_log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_views_are_opened_as_they_were_and_a_log_that_ends_before_them_is_read_only() {
    let (mut world, before) = large().await;
    world.sandbox.serve().await;
    let begun = Instant::now();
    while digest(&world).as_ref() != Some(&before) {
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", world.sandbox.server_log());
    }
    world.sandbox.terminate().await;
    db(&world).set_len(LARGE).unwrap();

    // Only the views have seen the end of the log.
    let plan = world.sandbox.data().join("plans").join(PLAN_ID);
    fs::remove_dir_all(plan.join("snapshots")).unwrap();
    let mut files = songhua_tests::files_below(&plan.join("log")).into_iter();
    let segment = files.rfind(|file| file.extension().is_some_and(|end| end == "seg")).unwrap();
    let bytes = fs::read(&segment).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    File::options().write(true).open(&segment).unwrap().set_len(end as u64 - 200).unwrap();
    world.sandbox.serve().await;
    let log = world.sandbox.server_log();
    assert!(log.contains("the plan is read-only until the operator acts") && log.contains("the views in "), "{log}");
}
