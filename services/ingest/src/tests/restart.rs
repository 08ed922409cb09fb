//! Restarts: the state comes from a snapshot that the log confirms and the records behind it, or from the log alone.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use songhua_domain::state::STATE_VERSION;
use songhua_log::memory::MemoryLog;
use songhua_log::{EventLog, Identity};
use uuid::Uuid;

use super::fixture::{LEAD, Plan, TestClock, again, agency, corrected, figure, log_identity, memory, numbers};
use crate::handle::Receipt;
use crate::options::IngestOptions;
use crate::snapshot::SnapshotStore;

const AT_NOON: &str = "2026-03-02T06:00:00Z";

/// Two figures, a correction of the first, and a clean end; the receipts.
async fn filled() -> (Plan, Vec<Receipt>) {
    let plan = Plan::published().await;
    let events = vec![figure(1, 10, "31"), figure(2, 11, "32"), corrected(3, 1, "30")];
    let receipts = plan.submit(&agency(LEAD), events).await.unwrap();
    (plan, receipts)
}

/// Everything that was acknowledged is acknowledged again, and the next event stands behind it.
async fn assert_goes_on(plan: &Plan, receipts: &[Receipt]) {
    plan.assert_state_is_the_fold().await;
    let events = vec![figure(1, 10, "31"), figure(2, 11, "32"), corrected(3, 1, "30")];
    let second = plan.submit(&agency(LEAD), events).await.unwrap();
    assert_eq!(second, receipts.iter().map(again).collect::<Vec<_>>());
    let head = plan.log.heads().durable.0;
    assert_eq!(plan.put(&agency(LEAD), figure(4, 12, "33")).await.position, head + 1);
    plan.assert_state_is_the_fold().await;
}

fn snapshots(plan: &std::path::Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(plan).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

async fn reopened_after(change: impl FnOnce(&mut Vec<u8>)) {
    let (plan, receipts) = filled().await;
    let (log, directory, clock) = plan.close().await;
    let files = snapshots(directory.path());
    assert_eq!(files.len(), 1);
    let mut bytes = fs::read(&files[0]).unwrap();
    change(&mut bytes);
    fs::write(&files[0], bytes).unwrap();
    let plan = Plan::open_in(log, directory, clock, IngestOptions::default()).await.unwrap();
    assert_eq!(plan.summary.snapshot_position, 0);
    assert_goes_on(&plan, &receipts).await;
}

/// Mends the checksum, so that only what was changed can be what is noticed.
fn sealed(bytes: &mut [u8]) {
    let end = bytes.len() - 4;
    let crc = crc32c::crc32c(&bytes[..end]);
    bytes[end..].copy_from_slice(&crc.to_le_bytes());
}

#[tokio::test]
async fn a_plan_goes_on_from_its_snapshot() {
    let (plan, receipts) = filled().await;
    let head = plan.log.heads().durable.0;
    let plan = plan.reopened().await;
    assert_eq!((plan.summary.snapshot_position, plan.summary.head), (head, head));
    assert_goes_on(&plan, &receipts).await;
}

#[tokio::test]
async fn a_plan_goes_on_from_an_older_snapshot_and_the_records_behind_it() {
    let (plan, receipts) = filled().await;
    let (log, directory, clock) = plan.close().await;
    let kept = snapshots(directory.path());
    let plan = Plan::open_in(Arc::clone(&log), Arc::clone(&directory), clock, IngestOptions::default()).await.unwrap();
    plan.put(&agency(LEAD), figure(5, 13, "34")).await;
    let (log, directory, clock) = plan.close().await;
    let newest = snapshots(directory.path()).pop().unwrap();
    assert_ne!(vec![newest.clone()], kept);
    fs::remove_file(newest).unwrap();
    let plan = Plan::open_in(log, directory, clock, IngestOptions::default()).await.unwrap();
    assert_eq!(plan.summary.snapshot_position + 1, plan.summary.head);
    assert_goes_on(&plan, &receipts).await;
}

#[tokio::test]
async fn a_plan_goes_on_without_a_snapshot() {
    let (plan, receipts) = filled().await;
    let (log, directory, clock) = plan.close().await;
    snapshots(directory.path()).into_iter().for_each(|file| fs::remove_file(file).unwrap());
    let plan = Plan::open_in(log, directory, clock, IngestOptions::default()).await.unwrap();
    assert_eq!(plan.summary.snapshot_position, 0);
    assert_goes_on(&plan, &receipts).await;
}

#[tokio::test]
async fn a_corrupted_snapshot_is_ignored() {
    for place in [0, 8, 20, 36, 50, 72, 200] {
        reopened_after(|bytes| bytes[place] ^= 0x10).await;
    }
    reopened_after(|bytes| bytes.truncate(100)).await;
    reopened_after(|bytes| bytes.truncate(3)).await;
    reopened_after(Vec::clear).await;
}

#[tokio::test]
async fn a_snapshot_whose_checksum_holds_but_not_its_state_is_ignored() {
    reopened_after(|bytes| {
        bytes.truncate(80);
        sealed(bytes);
    })
    .await;
}

#[tokio::test]
async fn a_snapshot_of_another_state_version_is_ignored() {
    reopened_after(|bytes| {
        bytes[8..12].copy_from_slice(&(STATE_VERSION + 1).to_le_bytes());
        sealed(bytes);
    })
    .await;
}

#[tokio::test]
async fn a_snapshot_of_another_log_epoch_or_history_is_ignored() {
    for place in [12, 16, 40] {
        reopened_after(|bytes| {
            bytes[place] ^= 1;
            sealed(bytes);
        })
        .await;
    }
}

#[tokio::test]
async fn the_snapshots_of_a_longer_history_do_not_crowd_out_those_of_this_one() {
    let (plan, _) = filled().await;
    for day in 20..24 {
        plan.put(&agency(LEAD), figure(day as u128, day, "31")).await;
    }
    let plan = plan.reopened().await;
    plan.put(&agency(LEAD), figure(5, 13, "34")).await;
    let (_, directory, clock) = plan.close().await;
    assert_eq!(snapshots(directory.path()).len(), 2);

    // A restore to an earlier point: the same directory, a shorter log of another epoch.
    let restored: Arc<dyn EventLog> = Arc::new(MemoryLog::new(Identity { epoch: 2, ..log_identity() }));
    let open = |clock| Plan::open_in(Arc::clone(&restored), Arc::clone(&directory), clock, IngestOptions::default());
    let plan = open(clock).await.unwrap();
    assert_eq!(plan.summary.snapshot_position, 0);
    plan.load().await;
    let (log, _, clock) = plan.close().await;
    let plan = open(clock).await.unwrap();
    assert_eq!(plan.summary.snapshot_position, log.heads().durable.0);
}

#[tokio::test]
async fn snapshots_are_kept_while_running_and_only_as_many_as_wanted() {
    let options = IngestOptions { snapshot_every_records: 1, snapshots_kept: 2, ..IngestOptions::default() };
    let plan = Plan::open(memory(), options).await;
    plan.load().await;
    for day in 1..=20 {
        plan.put(&agency(LEAD), figure(day as u128, day, "31")).await;
        // Time for a snapshot that is being written.
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    assert!(!snapshots(plan.directory.path()).is_empty());
    let (log, directory, clock) = plan.close().await;
    let files = snapshots(directory.path());
    assert_eq!(files.len(), 2, "{files:?}");
    let plan = Plan::open_in(log, directory, clock, IngestOptions::default()).await.unwrap();
    assert_eq!(plan.summary.snapshot_position, plan.summary.head);
    plan.assert_state_is_the_fold().await;
}

#[test]
fn snapshots_become_rarer_as_the_log_grows() {
    for (last, not_yet, due) in [(0, 49_999, 50_000), (800_000, 853_332, 853_334), (9_600_000, 10_239_998, 10_239_999)]
    {
        let store = SnapshotStore::new(PathBuf::new(), 50_000, 2, last);
        assert_eq!((store.is_due(not_yet), store.is_due(due)), (false, true), "after {last}");
    }
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_costs_snapshots_and_nothing_else() {
    let directory = Arc::new(tempfile::tempdir().unwrap());
    let log = memory();
    fs::write(directory.path().join("file"), b"in the way").unwrap();
    let snapshots = directory.path().join("file").join("snapshots");
    let clock = TestClock::at(AT_NOON);
    let options = IngestOptions { snapshot_every_records: 1, ..IngestOptions::default() };
    let identity = super::fixture::plan_identity();
    let opened = crate::open(Arc::clone(&log), &identity, snapshots, clock, options).await.unwrap();
    let (ingest, _, ended) = opened;
    let first = super::fixture::definitions().into_iter().take(3).collect();
    ingest.submit(super::fixture::submission(&super::fixture::admin(), first)).await.unwrap();
    drop(ingest);
    ended.await.unwrap();
    assert_eq!(log.heads().durable.0, 4);
}

#[tokio::test]
async fn receipts_survive_a_restart_on_files_also_without_a_clean_end() {
    use songhua_log::{SegmentLog, SegmentOptions};
    let folder = tempfile::tempdir().unwrap();
    let identity = Identity { log_id: Uuid::from_u128(77), ..log_identity() };
    let open = || SegmentLog::open_or_create(folder.path(), identity, SegmentOptions::default()).unwrap().0;
    let plan = Plan::published_on(Arc::new(open())).await;
    let events = vec![figure(1, 10, "31"), figure(2, 11, "32"), corrected(3, 1, "30")];
    let receipts = plan.submit(&agency(LEAD), events).await.unwrap();
    let (log, directory, clock) = plan.close().await;
    snapshots(directory.path()).into_iter().for_each(|file| fs::remove_file(file).unwrap());
    drop(log);
    let plan = Plan::open_in(Arc::new(open()), directory, clock, IngestOptions::default()).await.unwrap();
    assert_goes_on(&plan, &receipts).await;
    assert_eq!(numbers(plan.log.as_ref()).await, [1, 2, 3, 4]);
}
