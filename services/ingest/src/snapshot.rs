//! Snapshots of a plan's state: open = newest snapshot that the log confirms + the records after it.
//!
//! ```text
//! snapshot-<20-digit position>.state
//!   0  8  magic "SONGSNP\0"     8  4  STATE_VERSION      12  4  epoch
//!  16 16  log id               32  8  position           40 32  leaf hash of the record at that position
//!  72  …  PlanState, postcard       last 4 bytes: CRC32C of everything before
//! ```
//! A snapshot is a convenience: any that is missing, damaged, of another version or of another history is ignored.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use songhua_domain::state::{PlanState, STATE_VERSION};
use songhua_log::{Checkpoint, EventLog, Position, leaf_hash};
use tokio::task::JoinHandle;
use uuid::Uuid;

const MAGIC: &[u8; 8] = b"SONGSNP\0";
const HEADER_BYTES: usize = 72;

/// Keeps the snapshots of one plan in one directory.
pub(crate) struct SnapshotStore {
    directory: PathBuf,
    every_records: u64,
    kept: usize,
    last_position: u64,
    /// The one that is being written: receipts do not wait for it.
    under_way: Option<JoinHandle<()>>,
}

impl SnapshotStore {
    pub(crate) fn new(directory: PathBuf, every_records: u64, kept: usize, last_position: u64) -> Self {
        Self { directory, every_records, kept, last_position, under_way: None }
    }

    /// Begins to keep `state` if enough records came since the last snapshot and none is being written.
    pub(crate) fn keep_when_due(&mut self, log: &Arc<dyn EventLog>, state: Arc<PlanState>) {
        let due = self.last_position.saturating_add(self.every_records);
        if state.head() >= due && self.under_way.as_ref().is_none_or(JoinHandle::is_finished) {
            self.begin(log, state);
        }
    }

    /// Keeps `state` at the end of a run, if anything came since the last snapshot.
    pub(crate) async fn keep_at_end(&mut self, log: &Arc<dyn EventLog>, state: Arc<PlanState>) {
        self.finish().await;
        if state.head() > self.last_position {
            self.begin(log, state);
            self.finish().await;
        }
    }

    fn begin(&mut self, log: &Arc<dyn EventLog>, state: Arc<PlanState>) {
        self.last_position = state.head();
        let (log, directory, kept) = (Arc::clone(log), self.directory.clone(), self.kept);
        self.under_way = Some(tokio::spawn(keep(log, directory, kept, state)));
    }

    async fn finish(&mut self) {
        if let Some(under_way) = self.under_way.take()
            && let Err(error) = under_way.await
        {
            tracing::warn!(%error, "snapshot was not finished");
        }
    }
}

/// A snapshot that cannot be written costs time at the next open, nothing else; so it is only said.
async fn keep(log: Arc<dyn EventLog>, directory: PathBuf, kept: usize, state: Arc<PlanState>) {
    let position = state.head();
    let Some(checkpoint) = checkpoint_at(log.as_ref(), Position(position)).await else { return };
    let written = tokio::task::spawn_blocking(move || write(&directory, kept, &checkpoint, &state)).await;
    match written {
        Ok(Ok(())) => tracing::debug!(position, "snapshot kept"),
        Ok(Err(error)) => tracing::warn!(%error, "snapshot could not be written"),
        Err(error) => tracing::warn!(%error, "snapshot was not finished"),
    }
}

/// The checkpoint of the record at `position`.
async fn checkpoint_at(log: &dyn EventLog, position: Position) -> Option<Checkpoint> {
    let identity = log.identity();
    let record = log.read(position, 1).await.ok()?.into_iter().next()?;
    let (log_id, epoch) = (identity.log_id, identity.epoch);
    Some(Checkpoint { log_id, epoch, position, leaf_hash: leaf_hash(&record.bytes) })
}

fn write(directory: &Path, kept: usize, checkpoint: &Checkpoint, state: &PlanState) -> std::io::Result<()> {
    fs::create_dir_all(directory)?;
    let body = postcard::to_stdvec(state).map_err(std::io::Error::other)?;
    let mut bytes = Vec::with_capacity(HEADER_BYTES + body.len() + 4);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&STATE_VERSION.to_le_bytes());
    bytes.extend_from_slice(&checkpoint.epoch.to_le_bytes());
    bytes.extend_from_slice(checkpoint.log_id.as_bytes());
    bytes.extend_from_slice(&checkpoint.position.0.to_le_bytes());
    bytes.extend_from_slice(&checkpoint.leaf_hash);
    bytes.extend_from_slice(&body);
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    let path = directory.join(format!("snapshot-{:020}.state", checkpoint.position));
    let temporary = path.with_extension("tmp");
    let mut file = File::create(&temporary)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, &path)?;
    File::open(directory)?.sync_all()?;
    // One of a later position is of a history that has been given up.
    let (later, others): (Vec<_>, Vec<_>) = newest_first(directory).into_iter().partition(|other| *other > path);
    for old in later.into_iter().chain(others.into_iter().skip(kept)) {
        fs::remove_file(old)?;
    }
    Ok(())
}

/// The newest state that the log confirms, and the position it stands at; an empty one if there is none.
pub(crate) async fn load(directory: &Path, log: &dyn EventLog) -> PlanState {
    for path in newest_first(directory) {
        match read(&path) {
            Ok((checkpoint, state)) if checkpoint_at(log, checkpoint.position).await == Some(checkpoint) => {
                return state;
            }
            Ok(_) => tracing::warn!(path = %path.display(), "snapshot of another history is ignored"),
            Err(reason) => tracing::warn!(path = %path.display(), reason, "snapshot is ignored"),
        }
    }
    PlanState::default()
}

fn newest_first(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut paths: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "state")).collect();
    paths.sort_unstable_by(|one, other| other.cmp(one));
    paths
}

fn read(path: &Path) -> Result<(Checkpoint, PlanState), String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let (content, crc) = bytes.split_last_chunk::<4>().ok_or("too short")?;
    if content.len() < HEADER_BYTES || crc32c::crc32c(content) != u32::from_le_bytes(*crc) {
        return Err("checksum does not match".to_owned());
    }
    let number = |at: usize| u32::from_le_bytes([content[at], content[at + 1], content[at + 2], content[at + 3]]);
    if &content[..8] != MAGIC || number(8) != STATE_VERSION {
        return Err(format!("state version {}, this binary folds {STATE_VERSION}", number(8)));
    }
    let array = |from: usize| <[u8; 16]>::try_from(&content[from..from + 16]).map_err(|error| error.to_string());
    let position = u64::from_le_bytes(<[u8; 8]>::try_from(&content[32..40]).map_err(|error| error.to_string())?);
    let leaf = <[u8; 32]>::try_from(&content[40..HEADER_BYTES]).map_err(|error| error.to_string())?;
    let checkpoint = Checkpoint {
        log_id: Uuid::from_bytes(array(16)?),
        epoch: number(12),
        position: Position(position),
        leaf_hash: leaf,
    };
    let state: PlanState = postcard::from_bytes(&content[HEADER_BYTES..]).map_err(|error| error.to_string())?;
    if state.head() == position { Ok((checkpoint, state)) } else { Err("state is at another position".to_owned()) }
}
