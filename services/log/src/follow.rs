//! The loop that every follower runs in: find out whether its state belongs to this log, then read, apply, publish,
//! wait.
//!
//! ```text
//! checkpoint ─ matches? ─no─▶ reset ─▶ from 1
//!      └─yes─▶ [ read a chunk ▸ apply whole submissions ▸ publish ] ─▶ wait for the durable head ─▶ …
//!                 └─ storage error: again, after a pause that grows; damage: stop
//!                    no room for the state: again from its checkpoint, after such a pause
//! ```
//!
//! Place in the flow: one task per follower. It must not know what a follower does with records.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use tokio::sync::watch;

use crate::contract::{EventLog, ReadError};
use crate::follower::{FollowError, Follower};
use crate::identity::{Checkpoint, Position, leaf_hash};
use crate::record::StoredRecord;

/// Most bytes of records that a follower applies at once where it does not say otherwise.
pub const CHUNK_BYTES: usize = 1024 * 1024;
/// Pause after the first read that the storage refused; doubled after each further one.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
/// The longest pause.
const PAUSE_MOST: Duration = Duration::from_secs(5);
/// How long a follower that has come up rests: one that took every group by itself would take the processor from those
/// who write them.
const REST: Duration = Duration::from_millis(1);

/// How far a follower is. Published after every step; readers that asked for a position wait on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Applied {
    /// The last record in the follower's state.
    pub position: Position,
    /// The log's durable head at that time; never below `position`.
    pub durable: Position,
}

impl Applied {
    /// How many records the follower is behind.
    pub const fn lag(&self) -> u64 {
        self.durable.0.saturating_sub(self.position.0)
    }
}

/// Keeps `follower` up with `log` until `shutdown` resolves. [`Follower::apply`] is called on this task: run it where
/// that may block.
///
/// State that belongs to another log, epoch or history is reset. State that fails is reset once and rebuilt; if it
/// fails again before it has come further than the first time, the error is returned. A log that cannot be read for
/// now ([`ReadError::Io`]) is read again until it can, or until shutdown; damage is returned. State that finds no room
/// for now ([`FollowError::NoRoom`]) is tried again as well, from its checkpoint.
///
/// # Errors
/// [`FollowError`]: the follower has stopped. `UpgradeNeeded` and `Undecodable` are never skipped.
///
/// # Cancellation
/// Between two steps; `apply` is never left half done.
pub async fn follow(
    log: Arc<dyn EventLog>,
    follower: &mut dyn Follower,
    progress: &watch::Sender<Applied>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), FollowError> {
    let mut shutdown = pin!(shutdown);
    let mut failed_at = None;
    let name = follower.name().to_owned();
    let mut position = {
        let start = pin!(start_when_possible(&*log, follower, progress));
        match select(shutdown.as_mut(), start).await {
            Either::Left(_) => return Ok(()),
            Either::Right((position, _)) => position?,
        }
    };
    let mut rest = Duration::ZERO;
    loop {
        let durable = log.heads().durable.max(position);
        progress.send_replace(Applied { position, durable });
        let step = pin!(next(&*log, position, follower.bytes_max(), &name, rest));
        let records = match select(shutdown.as_mut(), step).await {
            Either::Left(_) => return Ok(()),
            Either::Right((records, _)) => records?,
        };
        let Some(last) = records.last() else {
            // The log was closed, and nothing will come.
            shutdown.await;
            return Ok(());
        };
        let bytes: usize = records.iter().map(|record| record.bytes.len()).sum();
        rest = if bytes < follower.bytes_max() / 2 { REST } else { Duration::ZERO };
        match follower.apply(&records, checkpoint_at(&*log, last)) {
            Ok(()) => position = last.position,
            Err(error @ FollowError::State { .. }) => {
                if failed_at.is_some_and(|failed| position <= failed) {
                    return Err(error);
                }
                failed_at = Some(position);
                reset(follower, &error.to_string())?;
                position = Position::NONE;
            }
            Err(error @ FollowError::NoRoom { .. }) => {
                let again = pin!(start_again(&*log, follower, progress, error));
                position = match select(shutdown.as_mut(), again).await {
                    Either::Left(_) => return Ok(()),
                    Either::Right((position, _)) => position?,
                };
            }
            Err(error) => return Err(error),
        }
    }
}

/// Where to go on, as soon as the follower's state says.
async fn start_when_possible(
    log: &dyn EventLog,
    follower: &mut dyn Follower,
    progress: &watch::Sender<Applied>,
) -> Result<Position, FollowError> {
    match start(log, follower).await {
        Err(error @ FollowError::NoRoom { .. }) => start_again(log, follower, progress, error).await,
        started => started,
    }
}

/// The same for a follower that has just found no room. Said once, not for each try.
async fn start_again(
    log: &dyn EventLog,
    follower: &mut dyn Follower,
    progress: &watch::Sender<Applied>,
    error: FollowError,
) -> Result<Position, FollowError> {
    let mut pause = PAUSE_FIRST;
    tracing::warn!(follower = follower.name(), %error, "waits for room; trying again until there is");
    loop {
        progress.send_modify(|now| now.durable = log.heads().durable.max(now.durable));
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MOST);
        match start(log, follower).await {
            Err(FollowError::NoRoom { .. }) => {}
            started => {
                if let Ok(position) = &started {
                    tracing::info!(follower = follower.name(), %position, "goes on");
                }
                return started;
            }
        }
    }
}

/// The next records behind `position`, as soon as there are some; none if the log is closed.
async fn next(
    log: &dyn EventLog,
    position: Position,
    bytes_max: usize,
    name: &str,
    rest: Duration,
) -> Result<Vec<StoredRecord>, FollowError> {
    if !rest.is_zero() {
        tokio::time::sleep(rest).await;
    }
    log.wait(position.next()).await;
    read(log, position.next(), bytes_max, name).await
}

/// Reads, as often as it takes while the storage answers with errors. Said once for each error, not for each try.
async fn read(
    log: &dyn EventLog,
    from: Position,
    max_bytes: usize,
    follower: &str,
) -> Result<Vec<StoredRecord>, FollowError> {
    let mut pause = PAUSE_FIRST;
    let mut said = None;
    loop {
        match log.read(from, max_bytes).await {
            Err(ReadError::Io(error)) => {
                if said.as_ref() != Some(&error) {
                    tracing::warn!(follower, %from, error, "the log cannot be read; trying again until it can");
                    said = Some(error);
                }
            }
            read => {
                if read.is_ok() && said.is_some() {
                    tracing::info!(follower, %from, "the log can be read again");
                }
                return Ok(read?);
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MOST);
    }
}

/// Where to go on: behind the follower's checkpoint if that is of this log, and from the start otherwise.
async fn start(log: &dyn EventLog, follower: &mut dyn Follower) -> Result<Position, FollowError> {
    let mismatch = match follower.checkpoint() {
        Ok(None) => return Ok(Position::NONE),
        Ok(Some(checkpoint)) => match mismatch(log, &checkpoint, follower.name()).await? {
            None => return Ok(checkpoint.position),
            Some(mismatch) => mismatch,
        },
        Err(error @ FollowError::State { .. }) => error.to_string(),
        Err(error) => return Err(error),
    };
    reset(follower, &mismatch)?;
    Ok(Position::NONE)
}

/// Why `checkpoint` is not of this log; `None` if it is.
async fn mismatch(log: &dyn EventLog, checkpoint: &Checkpoint, follower: &str) -> Result<Option<String>, FollowError> {
    let Checkpoint { log_id, epoch, position, leaf_hash: expected } = *checkpoint;
    let identity = log.identity();
    if (log_id, epoch) != (identity.log_id, identity.epoch) {
        let (ours, ours_epoch) = (identity.log_id, identity.epoch);
        return Ok(Some(format!("state follows log {log_id} epoch {epoch}, this is {ours} epoch {ours_epoch}")));
    }
    let durable = log.heads().durable;
    if position > durable {
        return Ok(Some(format!("state is at position {position}, the log ends at {durable}")));
    }
    if position == Position::NONE {
        return Ok(Some("state has a checkpoint before the first record".to_owned()));
    }
    let read = read(log, position, 0, follower).await?;
    let same = read.first().is_some_and(|record| record.position == position && leaf_hash(&record.bytes) == expected);
    Ok((!same).then(|| format!("the log holds another record at position {position} than the state has seen")))
}

fn reset(follower: &mut dyn Follower, reason: &str) -> Result<(), FollowError> {
    tracing::warn!(follower = follower.name(), reason, "reset; rebuilding from the log");
    follower.reset(reason)
}

fn checkpoint_at(log: &dyn EventLog, last: &StoredRecord) -> Checkpoint {
    let identity = log.identity();
    let leaf_hash = leaf_hash(&last.bytes);
    Checkpoint { log_id: identity.log_id, epoch: identity.epoch, position: last.position, leaf_hash }
}
