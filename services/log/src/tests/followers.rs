//! The follower contract, and what `follow` does when state or log fail.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::watch;

use crate::conformance::{FollowerHarness, MemoryFollower, follower_contract, some_batch, some_identity};
use crate::hostile::{HostileLog, Hostility};
use crate::memory::MemoryLog;
use crate::record::{Batch, Key, StoredRecord};
use crate::{
    AppendError, AppendOutcome, Applied, Checkpoint, EventLog, FollowError, Follower, Heads, Identity, Position,
    ReadError, append_resolving, follow,
};

/// Keeps the state over "restarts", as a store would.
#[derive(Default)]
struct Kept {
    batches: Vec<Batch>,
    store: Arc<Mutex<MemoryFollower>>,
}

struct Stored(Arc<Mutex<MemoryFollower>>);

impl Follower for Stored {
    fn name(&self) -> &str {
        "stored"
    }
    fn checkpoint(&self) -> Result<Option<Checkpoint>, FollowError> {
        self.0.lock().unwrap().checkpoint()
    }
    fn apply(&mut self, records: &[StoredRecord], checkpoint: Checkpoint) -> Result<(), FollowError> {
        self.0.lock().unwrap().apply(records, checkpoint)
    }
    fn reset(&mut self, reason: &str) -> Result<(), FollowError> {
        self.0.lock().unwrap().reset(reason)
    }
}

impl FollowerHarness for Kept {
    type Follower = Stored;
    fn batches(&self) -> Vec<Batch> {
        self.batches.clone()
    }
    fn open(&mut self) -> Stored {
        Stored(Arc::clone(&self.store))
    }
    fn state(&self, follower: &Stored) -> Vec<u8> {
        format!("{:?}", follower.0.lock().unwrap().records).into_bytes()
    }
}

/// Forgets everything when it is dropped.
struct Forgetful(Vec<Batch>);

impl FollowerHarness for Forgetful {
    type Follower = MemoryFollower;
    fn batches(&self) -> Vec<Batch> {
        self.0.clone()
    }
    fn open(&mut self) -> MemoryFollower {
        MemoryFollower::default()
    }
    fn state(&self, follower: &MemoryFollower) -> Vec<u8> {
        format!("{:?}", follower.records).into_bytes()
    }
}

fn batches() -> Vec<Batch> {
    [&[1][..], &[3, 2], &[1], &[4]].into_iter().map(some_batch).collect()
}

#[tokio::test]
async fn a_follower_that_keeps_its_state_passes_the_contract() {
    follower_contract(Kept { batches: batches(), ..Kept::default() }).await;
}

#[tokio::test]
async fn a_follower_that_forgets_its_state_passes_the_contract() {
    follower_contract(Forgetful(batches())).await;
}

/// Fails with the given error whenever it is about to apply the position.
struct Failing {
    inner: MemoryFollower,
    at: Position,
    failures: Vec<FollowError>,
    resets: Vec<String>,
}

impl Failing {
    fn new(at: Position, failures: Vec<FollowError>) -> Self {
        Self { inner: MemoryFollower::default(), at, failures, resets: Vec::new() }
    }
}

impl Follower for Failing {
    fn name(&self) -> &str {
        "failing"
    }
    fn checkpoint(&self) -> Result<Option<Checkpoint>, FollowError> {
        self.inner.checkpoint()
    }
    fn apply(&mut self, records: &[StoredRecord], checkpoint: Checkpoint) -> Result<(), FollowError> {
        if checkpoint.position >= self.at
            && let Some(error) = self.failures.pop()
        {
            return Err(error);
        }
        self.inner.apply(records, checkpoint)
    }
    fn reset(&mut self, reason: &str) -> Result<(), FollowError> {
        self.resets.push(reason.to_owned());
        self.inner.reset(reason)
    }
}

fn state_error() -> FollowError {
    FollowError::State { follower: "failing".to_owned(), detail: "disk on fire".to_owned() }
}

async fn log_of(batches: &[Batch]) -> Arc<MemoryLog> {
    let log = Arc::new(MemoryLog::new(some_identity()));
    for batch in batches {
        log.append(log.heads().written, batch.clone()).await.unwrap();
    }
    log
}

/// Follows until everything is applied.
async fn follow_all(log: Arc<dyn EventLog>, follower: &mut dyn Follower) -> Result<(), FollowError> {
    let progress = watch::Sender::new(Applied::default());
    let mut applied = progress.subscribe();
    let head = log.heads().durable;
    let done = async move {
        applied.wait_for(|applied| applied.position >= head).await.unwrap();
    };
    follow(log, follower, &progress, done).await
}

#[tokio::test]
async fn state_that_fails_once_is_rebuilt() {
    let log = log_of(&batches()).await;
    let mut follower = Failing::new(Position(5), vec![state_error()]);
    follow_all(log.clone(), &mut follower).await.unwrap();
    assert_eq!(follower.resets, ["failing: state failed: disk on fire"]);
    assert_eq!(follower.inner.records, log.read(Position::FIRST, usize::MAX).await.unwrap());
}

#[tokio::test]
async fn state_that_fails_twice_at_one_place_stops_the_follower() {
    let mut follower = Failing::new(Position(5), vec![state_error(); 2]);
    let stopped = follow_all(log_of(&batches()).await, &mut follower).await;
    assert_eq!(stopped, Err(state_error()));
    assert_eq!(follower.resets.len(), 1);
}

#[tokio::test]
async fn state_that_finds_no_room_is_tried_again_until_there_is_and_never_reset() {
    let no_room = FollowError::NoRoom { follower: "failing".to_owned(), detail: "disk is full".to_owned() };
    let log = log_of(&batches()).await;
    let mut follower = Failing::new(Position(5), vec![no_room; 3]);
    follow_all(log.clone(), &mut follower).await.unwrap();
    assert!(follower.failures.is_empty() && follower.resets.is_empty());
    assert_eq!(follower.inner.records, log.read(Position::FIRST, usize::MAX).await.unwrap());
}

/// Forgets the end of its state while it finds no room, as one that is opened anew where it was written last.
struct FallsBack {
    inner: Failing,
    /// How often it is asked in vain.
    closed: Mutex<u32>,
}

impl Follower for FallsBack {
    fn name(&self) -> &str {
        "falls back"
    }
    fn checkpoint(&self) -> Result<Option<Checkpoint>, FollowError> {
        let mut closed = self.closed.lock().unwrap();
        if *closed > 0 {
            *closed -= 1;
            return Err(FollowError::NoRoom { follower: "falls back".to_owned(), detail: "disk is full".to_owned() });
        }
        self.inner.checkpoint()
    }
    fn apply(&mut self, records: &[StoredRecord], checkpoint: Checkpoint) -> Result<(), FollowError> {
        let applied = self.inner.apply(records, checkpoint);
        if applied.is_err() {
            self.inner.inner = MemoryFollower::default();
            *self.closed.lock().unwrap() = 1;
        }
        applied
    }
    fn reset(&mut self, reason: &str) -> Result<(), FollowError> {
        self.inner.reset(reason)
    }
}

#[tokio::test]
async fn state_that_fell_back_while_it_found_no_room_is_followed_from_its_checkpoint() {
    let no_room = FollowError::NoRoom { follower: "failing".to_owned(), detail: "disk is full".to_owned() };
    let log = log_of(&batches()).await;
    let mut follower = FallsBack { inner: Failing::new(Position(5), vec![no_room; 2]), closed: Mutex::new(1) };
    follow_all(log.clone(), &mut follower).await.unwrap();
    assert!(follower.inner.failures.is_empty() && follower.inner.resets.is_empty());
    assert_eq!(follower.inner.inner.records, log.read(Position::FIRST, usize::MAX).await.unwrap());
}

#[tokio::test]
async fn a_record_of_a_newer_version_stops_the_follower_and_resets_nothing() {
    let error = FollowError::UpgradeNeeded { follower: "failing".to_owned(), position: 5, needs: 2, reads: 1 };
    let mut follower = Failing::new(Position(5), vec![error.clone()]);
    assert_eq!(follow_all(log_of(&batches()).await, &mut follower).await, Err(error));
    assert!(follower.resets.is_empty());
}

#[tokio::test]
async fn a_checkpoint_beyond_the_head_or_of_another_record_is_reset() {
    let (long, short) = (batches(), some_batch(&[2]));
    let log = log_of(&long).await;
    let mut follower = Failing::new(Position(u64::MAX), Vec::new());
    follow_all(log.clone(), &mut follower).await.unwrap();

    // The same identity, as after a restore that forgot to open a new epoch.
    let restored = Arc::new(MemoryLog::new(log.identity()));
    restored.append(Position::NONE, short).await.unwrap();
    follow_all(restored.clone(), &mut follower).await.unwrap();
    assert!(follower.resets[0].contains("the log ends at 2"), "{:?}", follower.resets);

    let changed = Arc::new(MemoryLog::new(log.identity()));
    changed.append(Position::NONE, some_batch(&[2])).await.unwrap();
    follow_all(changed.clone(), &mut follower).await.unwrap();
    assert!(follower.resets[1].contains("another record at position 2"), "{:?}", follower.resets);
    assert_eq!(follower.inner.records, changed.read(Position::FIRST, usize::MAX).await.unwrap());
}

#[tokio::test]
async fn a_closed_log_lets_the_follower_wait_for_shutdown() {
    let log = log_of(&batches()).await;
    log.close();
    let mut follower = MemoryFollower::default();
    follow_all(log.clone(), &mut follower).await.unwrap();
    assert_eq!(follower.records.len() as u64, log.heads().durable.0);
}

#[tokio::test]
async fn a_follower_of_a_hostile_log_sees_every_record_once() {
    let log = Arc::new(HostileLog::new(some_identity(), Hostility::harsh(7)));
    for _ in 0..50 {
        append_resolving(&*log, log.heads().written, some_batch(&[2, 1])).await.unwrap();
    }
    log.wait(log.heads().written).await;
    let mut follower = MemoryFollower::default();
    follow_all(log.clone(), &mut follower).await.unwrap();
    for (record, position) in follower.records.iter().zip(1..) {
        assert_eq!(record.position, Position(position));
    }
    assert!(follower.records.len() as u64 >= log.heads().durable.0 - 3);
}

/// A log whose next reads fail.
struct Unreadable {
    log: Arc<MemoryLog>,
    failures: Mutex<Vec<ReadError>>,
}

impl Unreadable {
    fn new(log: Arc<MemoryLog>, failures: Vec<ReadError>) -> Arc<Self> {
        Arc::new(Self { log, failures: Mutex::new(failures) })
    }
    fn fail(&self, failures: Vec<ReadError>) {
        *self.failures.lock().unwrap() = failures;
    }
    fn failures_left(&self) -> usize {
        self.failures.lock().unwrap().len()
    }
}

impl EventLog for Unreadable {
    fn identity(&self) -> Identity {
        self.log.identity()
    }
    fn max_batch(&self) -> usize {
        self.log.max_batch()
    }
    fn exclusive_writer(&self) -> bool {
        self.log.exclusive_writer()
    }
    fn append(&self, expected_head: Position, batch: Batch) -> BoxFuture<'static, Result<AppendOutcome, AppendError>> {
        self.log.append(expected_head, batch)
    }
    fn read(&self, from: Position, max_bytes: usize) -> BoxFuture<'_, Result<Vec<StoredRecord>, ReadError>> {
        match self.failures.lock().unwrap().pop() {
            Some(failure) => Box::pin(std::future::ready(Err(failure))),
            None => self.log.read(from, max_bytes),
        }
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

fn io() -> ReadError {
    ReadError::Io("input/output error (os error 5)".to_owned())
}

#[tokio::test]
async fn reads_that_fail_for_now_are_tried_again_and_nothing_is_lost_or_reset() {
    let stored = log_of(&batches()).await;
    let log = Unreadable::new(stored.clone(), vec![io(), ReadError::Io("timed out".to_owned()), io()]);
    let mut follower = Failing::new(Position(u64::MAX), Vec::new());
    follow_all(log.clone(), &mut follower).await.unwrap();
    let all = stored.read(Position::FIRST, usize::MAX).await.unwrap();
    assert_eq!((log.failures_left(), &follower.inner.records), (0, &all));

    // The read that compares its checkpoint with the log, too.
    log.fail(vec![io()]);
    follow_all(log.clone(), &mut follower).await.unwrap();
    assert_eq!((log.failures_left(), &follower.inner.records), (0, &all));
    assert!(follower.resets.is_empty());
}

#[tokio::test]
async fn a_follower_that_waits_for_a_log_to_become_readable_can_be_shut_down() {
    let log = Unreadable::new(log_of(&batches()).await, Vec::new());
    let mut with_checkpoint = MemoryFollower::default();
    follow_all(log.clone(), &mut with_checkpoint).await.unwrap();
    for mut follower in [MemoryFollower::default(), with_checkpoint] {
        log.fail(vec![io(); 1_000]);
        let progress = watch::Sender::new(Applied::default());
        let shutdown = tokio::time::sleep(Duration::from_millis(250));
        assert_eq!(follow(log.clone(), &mut follower, &progress, shutdown).await, Ok(()));
        assert!((990..1_000).contains(&log.failures_left()), "{} left", log.failures_left());
    }
}

#[tokio::test]
async fn a_damaged_log_stops_the_follower_at_once() {
    let damaged = ReadError::Damaged { position: Position(3), detail: "checksum".to_owned() };
    let log = Unreadable::new(log_of(&batches()).await, vec![damaged.clone(), io()]);
    let stopped = follow_all(log, &mut MemoryFollower::default()).await;
    assert_eq!(stopped, Err(FollowError::Read(damaged)));
}
