//! A slow reader is waited for, and a long scan lets others have their turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use songhua_domain::event::{AccessRevoked, SystemPayload};
use songhua_domain::vocabulary::Reason;
use songhua_log::memory::MemoryLog;
use songhua_log::record::{Key, StoredRecord};
use songhua_log::{AppendError, AppendOutcome, Batch, EventLog, Heads, Identity, Position, ReadError};
use songhua_wire::pb;

use super::fixture::{WATER, World, all, clerk, end, follow, heavy, identity, next};

/// Counts reads.
struct Counting {
    log: MemoryLog,
    reads: AtomicUsize,
}

impl EventLog for Counting {
    fn identity(&self) -> Identity {
        self.log.identity()
    }
    fn max_batch(&self) -> usize {
        self.log.max_batch()
    }
    fn exclusive_writer(&self) -> bool {
        self.log.exclusive_writer()
    }
    fn append(&self, head: Position, batch: Batch) -> BoxFuture<'static, Result<AppendOutcome, AppendError>> {
        self.log.append(head, batch)
    }
    fn read(&self, from: Position, max_bytes: usize) -> BoxFuture<'_, Result<Vec<StoredRecord>, ReadError>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.log.read(from, max_bytes)
    }
    fn find(&self, key: &Key) -> BoxFuture<'_, Result<Option<StoredRecord>, ReadError>> {
        self.log.find(key)
    }
    fn heads(&self) -> Heads {
        self.log.heads()
    }
    fn wait(&self, position: Position) -> BoxFuture<'_, Heads> {
        self.log.wait(position)
    }
    fn read_only(&self) -> Option<String> {
        self.log.read_only()
    }
}

/// A world with some 20 MiB of figures, and the log under it.
async fn large() -> (World, Arc<Counting>) {
    let log = Arc::new(Counting { log: MemoryLog::new(identity()), reads: AtomicUsize::new(0) });
    let world = World::on(Arc::clone(&log) as Arc<dyn EventLog>).await;
    world.publish().await;
    for round in 0..25 {
        world.put(&clerk(WATER), heavy(round * 1_000, 100, 7_800)).await;
    }
    (world, log)
}

#[tokio::test(start_paused = true)]
async fn nothing_is_read_ahead_of_a_reader_that_does_not_take() {
    let (world, log) = large().await;
    let mut stream = world.begin(&world.auditor(), follow(1)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    let ahead = log.reads.load(Ordering::Relaxed);
    assert!((1..=3).contains(&ahead), "{ahead} reads with nobody taking");
    // Writing goes on meanwhile, and then the reader gets everything.
    world.put(&clerk(WATER), heavy(90_000, 100, 7_800)).await;
    let mut last = 0;
    while last < world.head() {
        for record in next(&mut stream).await.records {
            assert_eq!(record.position, last + 1);
            last = record.position;
        }
    }
}

#[tokio::test]
async fn a_reader_that_has_gone_ends_the_reading() {
    let (world, log) = large().await;
    let mut stream = world.begin(&world.auditor(), follow(1)).await.unwrap();
    next(&mut stream).await;
    drop(stream);
    while Arc::strong_count(&log) > 4 {
        tokio::task::yield_now().await;
    }
    let reads = log.reads.load(Ordering::Relaxed);
    assert!(reads < 10, "{reads} reads for one response");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_revoked_ends_the_reading_for_a_reader_that_does_not_take_too() {
    let (world, log) = large().await;
    let before = Arc::strong_count(&log);
    let auditor = world.auditor();
    let stream = world.begin(&auditor, follow(1)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(Arc::strong_count(&log) > before, "it waits with what it has read");
    let revoked = AccessRevoked { grant_id: auditor.grant_id, reason: "left".to_owned() };
    world.system(SystemPayload::AccessRevoked(revoked));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(Arc::strong_count(&log), before);
    assert_eq!(end(stream).await.reason, Reason::TokenInvalid);
}

#[tokio::test]
async fn a_scan_yields_to_other_tasks() {
    let (world, _) = large().await;
    // Nothing of the county: every record is looked at, and one response comes, the last.
    let filter = pb::ReplayFilter { areas: vec!["county".to_owned()], ..Default::default() };
    let turns = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&turns);
    let other = tokio::spawn(async move {
        loop {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    let request = pb::ReplayRequest { from_position: 100, filter: Some(filter), ..all() };
    assert_eq!(world.replay(&world.auditor(), request).await, []);
    other.abort();
    let turns = turns.load(Ordering::Relaxed);
    assert!(turns >= 10, "{turns} turns during a scan of {} records", world.head());
}
