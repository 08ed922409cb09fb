//! Snapshots of a plan's state: open = newest snapshot that the log confirms + the records after it.
//!
//! ```text
//! snapshot-<20-digit position>.state
//!   0  8  magic "SONGSNP\0"     8  4  STATE_VERSION      12  4  epoch
//!  16 16  log id               32  8  position           40 32  leaf hash of the record at that position
//!  72  …  PlanState, postcard       last 4 bytes: CRC32C of everything before
//! ```
//! A snapshot is a convenience: any that is missing, damaged, of another version or of another history is ignored. It is
//! written and read piece by piece, and taken when the log has grown by a sixteenth: what is written stays in proportion to
//! the log, and so does what is folded after a crash.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use songhua_domain::state::{PlanState, STATE_VERSION};
use songhua_log::{Checkpoint, EventLog, Position, leaf_hash};
use tokio::task::JoinHandle;
use uuid::Uuid;

pub(crate) const MAGIC: &[u8; 8] = b"SONGSNP\0";
pub(crate) const HEADER_BYTES: usize = 72;
pub(crate) const CRC_BYTES: usize = 4;
/// Of a log this many times as long as `every_records`, or longer, one part in as many lies between two snapshots.
const GROWTH: u64 = 16;
/// Bytes written, or checked, at once.
const PIECE_BYTES: usize = 64 << 10;

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

    /// Whether enough records came since the last snapshot for one at `head`.
    pub(crate) fn is_due(&self, head: u64) -> bool {
        head >= self.last_position.saturating_add(self.every_records.max(head / GROWTH))
    }

    /// Begins to keep `state` if one is due and none is being written.
    pub(crate) fn keep_when_due(&mut self, log: &Arc<dyn EventLog>, state: Arc<PlanState>) {
        if self.is_due(state.head()) && self.under_way.as_ref().is_none_or(JoinHandle::is_finished) {
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

/// A file, and the checksum of what was written to it.
struct Summed {
    file: File,
    crc: u32,
}

impl Write for Summed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.crc = crc32c::crc32c_append(self.crc, bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn write(directory: &Path, kept: usize, checkpoint: &Checkpoint, state: &PlanState) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let path = directory.join(format!("snapshot-{:020}.state", checkpoint.position));
    let temporary = path.with_extension("tmp");
    // On a full disk what was begun would take room from the log.
    write_whole(&temporary, checkpoint, state).inspect_err(|_| drop(fs::remove_file(&temporary)))?;
    fs::rename(&temporary, &path)?;
    File::open(directory)?.sync_all()?;
    // One of a later position is of a history that has been given up.
    let (later, others): (Vec<_>, Vec<_>) = newest_first(directory).into_iter().partition(|other| *other > path);
    for old in later.into_iter().chain(others.into_iter().skip(kept)) {
        fs::remove_file(old)?;
    }
    Ok(())
}

fn write_whole(path: &Path, checkpoint: &Checkpoint, state: &PlanState) -> io::Result<()> {
    let mut to = BufWriter::with_capacity(PIECE_BYTES, Summed { file: File::create(path)?, crc: 0 });
    to.write_all(MAGIC)?;
    to.write_all(&STATE_VERSION.to_le_bytes())?;
    to.write_all(&checkpoint.epoch.to_le_bytes())?;
    to.write_all(checkpoint.log_id.as_bytes())?;
    to.write_all(&checkpoint.position.0.to_le_bytes())?;
    to.write_all(&checkpoint.leaf_hash)?;
    let mut to = postcard::to_io(state, to).map_err(io::Error::other)?;
    to.flush()?;
    let Summed { mut file, crc } = to.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.write_all(&crc.to_le_bytes())?;
    file.sync_all()
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

pub(crate) fn newest_first(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut paths: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "state")).collect();
    paths.sort_unstable_by(|one, other| other.cmp(one));
    paths
}

fn read(path: &Path) -> Result<(Checkpoint, PlanState), String> {
    let failed = |error: io::Error| error.to_string();
    let mut file = File::open(path).map_err(failed)?;
    let length = usize::try_from(file.metadata().map_err(failed)?.len()).map_err(|error| error.to_string())?;
    let content = length.checked_sub(CRC_BYTES).filter(|content| *content >= HEADER_BYTES).ok_or("too short")?;
    if !is_whole(&mut file, content).map_err(failed)? {
        return Err("checksum does not match".to_owned());
    }
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    let mut from = BufReader::with_capacity(PIECE_BYTES, file.take(content as u64));
    let mut header = [0; HEADER_BYTES];
    from.read_exact(&mut header).map_err(failed)?;
    let number = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    if &header[..8] != MAGIC || number(8) != STATE_VERSION {
        return Err(format!("state version {}, this binary folds {STATE_VERSION}", number(8)));
    }
    let array = |from: usize| <[u8; 16]>::try_from(&header[from..from + 16]).map_err(|error| error.to_string());
    let position = u64::from_le_bytes(<[u8; 8]>::try_from(&header[32..40]).map_err(|error| error.to_string())?);
    let leaf = <[u8; 32]>::try_from(&header[40..]).map_err(|error| error.to_string())?;
    let checkpoint = Checkpoint {
        log_id: Uuid::from_bytes(array(16)?),
        epoch: number(12),
        position: Position(position),
        leaf_hash: leaf,
    };
    // Postcard lays dates and ids there, one behind the other; the system gives memory only for what is touched.
    let mut room = vec![0; content];
    let (state, _): (PlanState, _) = postcard::from_io((from, &mut room)).map_err(|error| error.to_string())?;
    if state.head() == position { Ok((checkpoint, state)) } else { Err("state is at another position".to_owned()) }
}

/// Whether the checksum behind the first `content` bytes is theirs.
pub(crate) fn is_whole(file: &mut File, content: usize) -> io::Result<bool> {
    let (mut left, mut piece, mut crc) = (content, vec![0; PIECE_BYTES], 0);
    while left > 0 {
        let next = &mut piece[..left.min(PIECE_BYTES)];
        file.read_exact(next)?;
        crc = crc32c::crc32c_append(crc, next);
        left -= next.len();
    }
    let mut kept = [0; CRC_BYTES];
    file.read_exact(&mut kept)?;
    Ok(crc == u32::from_le_bytes(kept))
}
