//! One test that every follower passes: what `follower` says, run through `follow`.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::{put, some_identity};
use crate::contract::EventLog;
use crate::follow::{Applied, follow};
use crate::follower::{FollowError, Follower};
use crate::identity::{Checkpoint, Identity, Position, leaf_hash};
use crate::memory::MemoryLog;
use crate::record::{Batch, StoredRecord};

/// A kind of follower.
pub trait FollowerHarness {
    /// The follower.
    type Follower: Follower;
    /// What the log of the test holds: batches that this follower can decode, at least three.
    fn batches(&self) -> Vec<Batch>;
    /// Opens the follower on the state that the one before has left, as after a restart. At first there is none.
    fn open(&mut self) -> Self::Follower;
    /// Everything that the follower has made of the log, without its checkpoint.
    fn state(&self, follower: &Self::Follower) -> Vec<u8>;
}

/// Checks what every follower promises:
/// grown live = rebuilt from zero; a restart goes on where it was; state of another log or epoch, or from beyond the
/// log's end, is thrown away; records come without gap or repetition, by whole submissions.
///
/// # Panics
/// If the follower breaks its contract.
pub async fn follower_contract(mut harness: impl FollowerHarness) {
    let batches = harness.batches();
    assert!(batches.len() >= 3, "the harness gives {} batches, 3 are needed", batches.len());
    let identity = some_identity();
    let log = log_with(identity, &batches[..1]).await;

    let mut follower = Watched::new(harness.open());
    assert_eq!(follower.checkpoint().expect("checkpoint"), None, "a fresh follower has a checkpoint");
    grow_live(&log, &mut follower, &batches[1..]).await;
    let grown = harness.state(&follower.inner);
    let head = log.heads().durable;
    assert_eq!(follower.seen, head.0, "not every record came once");

    follower.reset("test").expect("reset");
    assert_eq!(follower.checkpoint().expect("checkpoint"), None, "reset leaves a checkpoint");
    catch_up(&log, &mut follower).await;
    assert_eq!(harness.state(&follower.inner), grown, "grown live and rebuilt from zero differ");

    drop(follower);
    let mut follower = Watched::new(harness.open());
    let kept = follower.checkpoint().expect("checkpoint").is_some();
    catch_up(&log, &mut follower).await;
    assert_eq!(follower.seen, if kept { 0 } else { head.0 }, "records came again after a restart");
    assert_eq!(harness.state(&follower.inner), grown, "a restart changed the state");

    let other_epoch = Identity { epoch: identity.epoch + 1, ..identity };
    for (other, batches) in
        [(some_identity(), &batches[..]), (other_epoch, &batches[..]), (other_epoch, &batches[..batches.len() - 1])]
    {
        let log = log_with(other, batches).await;
        let resets = follower.resets;
        catch_up(&log, &mut follower).await;
        assert_eq!(follower.resets, resets + 1, "state of another history was kept");
        let checkpoint = follower.checkpoint().expect("checkpoint").expect("one");
        assert_eq!((checkpoint.log_id, checkpoint.epoch), (other.log_id, other.epoch));
        assert_eq!(harness.state(&follower.inner) == grown, batches.len() == harness.batches().len());
    }
}

async fn log_with(identity: Identity, batches: &[Batch]) -> Arc<MemoryLog> {
    let log = Arc::new(MemoryLog::new(identity));
    for batch in batches {
        put(&*log, batch).await;
    }
    log
}

/// Follows until the follower is at the durable head.
async fn catch_up<F: Follower>(log: &Arc<MemoryLog>, follower: &mut Watched<F>) {
    grow_live(log, follower, &[]).await;
}

/// Follows while `batches` are appended one by one, each after the one before was applied.
async fn grow_live<F: Follower>(log: &Arc<MemoryLog>, follower: &mut Watched<F>, batches: &[Batch]) {
    let progress = watch::Sender::new(Applied::default());
    let mut applied = progress.subscribe();
    let grown = async {
        for batch in batches.iter().map(Some).chain([None]) {
            let head = log.heads().durable;
            let reached = applied.wait_for(|applied| applied.position >= head && applied.durable >= head);
            tokio::time::timeout(Duration::from_secs(60), reached).await.expect("in time").expect("sender lives");
            if let Some(batch) = batch {
                put(&**log, batch).await;
            }
        }
    };
    let log: Arc<dyn EventLog> = log.clone();
    follow(log, follower, &progress, grown).await.expect("follow");
}

/// A follower under watch: asserts that what it is given is in order, whole and named rightly.
struct Watched<F> {
    inner: F,
    /// Records since it was made or reset.
    seen: u64,
    resets: u32,
}

impl<F: Follower> Watched<F> {
    fn new(inner: F) -> Self {
        Self { inner, seen: 0, resets: 0 }
    }
}

impl<F: Follower> Follower for Watched<F> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn checkpoint(&self) -> Result<Option<Checkpoint>, FollowError> {
        self.inner.checkpoint()
    }

    fn apply(&mut self, records: &[StoredRecord], checkpoint: Checkpoint) -> Result<(), FollowError> {
        let before = self.inner.checkpoint()?.map_or(Position::NONE, |checkpoint| checkpoint.position);
        for (record, position) in records.iter().zip(before.0 + 1..) {
            assert_eq!(record.position, Position(position), "gap or repetition");
        }
        let (first, last) = (records.first().expect("not empty"), records.last().expect("not empty"));
        assert_eq!((first.position, last.position), (first.submission_first, last.submission_last), "cut submission");
        assert_eq!((checkpoint.position, checkpoint.leaf_hash), (last.position, leaf_hash(&last.bytes)));
        self.inner.apply(records, checkpoint)?;
        assert_eq!(self.inner.checkpoint()?, Some(checkpoint), "apply does not move the checkpoint");
        self.seen += records.len() as u64;
        Ok(())
    }

    fn reset(&mut self, reason: &str) -> Result<(), FollowError> {
        (self.seen, self.resets) = (0, self.resets + 1);
        self.inner.reset(reason)
    }
}

/// The simplest follower: keeps every record in memory.
#[derive(Debug, Default, Clone)]
pub struct MemoryFollower {
    /// What it has been given.
    pub records: Vec<StoredRecord>,
    /// Its checkpoint.
    pub checkpoint: Option<Checkpoint>,
}

impl Follower for MemoryFollower {
    fn name(&self) -> &str {
        "memory"
    }

    fn checkpoint(&self) -> Result<Option<Checkpoint>, FollowError> {
        Ok(self.checkpoint)
    }

    fn apply(&mut self, records: &[StoredRecord], checkpoint: Checkpoint) -> Result<(), FollowError> {
        self.records.extend_from_slice(records);
        self.checkpoint = Some(checkpoint);
        Ok(())
    }

    fn reset(&mut self, _reason: &str) -> Result<(), FollowError> {
        *self = Self::default();
        Ok(())
    }
}
