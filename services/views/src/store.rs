//! The sled tree: the only file of the project that names sled.
//!
//! Place in the flow: below views and batches. It must not know what a row means, only bytes under keys.
//!
//! sled's `flush` is no fsync and sled 0.34 panics on some kinds of damage: fine for what can be rebuilt, and here
//! both come out as an error that says so.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::ViewsError;

/// The directory of sled below that of the views: only this one is ever deleted.
const DIRECTORY: &str = "sled";
/// How often rows are handed to the operating system; what a crash loses is applied again.
const FLUSH_MS: u64 = 1_000;
/// How often opening is tried while another handle lets go of its lock.
const LOCK_TRIES: u32 = 100;
/// Time between these tries.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// Rows as they are kept.
pub(crate) type Row = (sled::IVec, sled::IVec);

/// An open tree.
#[derive(Debug)]
pub(crate) struct Store {
    dir: PathBuf,
    tree: sled::Tree,
    // Last, so that it outlives the tree.
    _db: sled::Db,
}

impl Store {
    /// Opens or creates the tree below `dir`.
    pub(crate) fn open(dir: &Path, cache_bytes: u64) -> Result<Self, ViewsError> {
        let config =
            sled::Config::new().path(dir.join(DIRECTORY)).cache_capacity(cache_bytes).flush_every_ms(Some(FLUSH_MS));
        let mut tries = 0;
        let db = loop {
            tries += 1;
            match catch_unwind(AssertUnwindSafe(|| config.open())) {
                Ok(Ok(db)) => break db,
                // A handle that was just dropped keeps its lock until its last write is done.
                Ok(Err(error)) if is_locked(&error) && tries < LOCK_TRIES => std::thread::sleep(LOCK_PAUSE),
                Ok(Err(error)) if is_locked(&error) => {
                    return Err(ViewsError::Locked { dir: dir.display().to_string() });
                }
                Ok(Err(error)) => return Err(failed(dir, &error)),
                Err(_) => return Err(failed(dir, &"sled panicked while opening")),
            }
        };
        let tree = db.open_tree("views").map_err(|error| failed(dir, &error))?;
        Ok(Self { dir: dir.to_owned(), tree, _db: db })
    }

    /// Deletes the tree below `dir`, whatever state it is in.
    pub(crate) fn delete(dir: &Path) -> Result<(), ViewsError> {
        match std::fs::remove_dir_all(dir.join(DIRECTORY)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(dir, &error)),
            _ => Ok(()),
        }
    }

    /// The value at `key`.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<sled::IVec>, ViewsError> {
        self.tree.get(key).map_err(|error| self.failed(&error))
    }

    /// Rows whose key starts with `prefix`, in order.
    pub(crate) fn scan(&self, prefix: &[u8]) -> impl Iterator<Item = Result<Row, ViewsError>> {
        self.tree.scan_prefix(prefix).map(|row| row.map_err(|error| self.failed(&error)))
    }

    /// Rows of `table` from `from` on, in order.
    pub(crate) fn from(&self, table: u8, from: Vec<u8>) -> impl Iterator<Item = Result<Row, ViewsError>> {
        self.tree.range(from..vec![table + 1]).map(|row| row.map_err(|error| self.failed(&error)))
    }

    /// The last row of `table` at or before `key`.
    pub(crate) fn last(&self, table: u8, key: Vec<u8>) -> Result<Option<Row>, ViewsError> {
        let row = self.tree.range(vec![table]..=key).next_back();
        row.transpose().map_err(|error| self.failed(&error))
    }

    /// Every row of the tables behind `table`, in order.
    pub(crate) fn behind(&self, table: u8) -> impl Iterator<Item = Result<Row, ViewsError>> {
        self.tree.range(vec![table + 1]..).map(|row| row.map_err(|error| self.failed(&error)))
    }

    /// Writes all rows or none.
    pub(crate) fn write(&self, rows: BTreeMap<Vec<u8>, Vec<u8>>) -> Result<(), ViewsError> {
        let mut batch = sled::Batch::default();
        for (key, value) in rows {
            batch.insert(key, value);
        }
        self.tree.apply_batch(batch).map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &sled::Error) -> ViewsError {
        failed(&self.dir, error)
    }
}

/// sled has no error of its own for this one.
fn is_locked(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(io) if io.to_string().contains("could not acquire lock"))
}

fn failed(dir: &Path, detail: &dyn std::fmt::Display) -> ViewsError {
    ViewsError::Store { dir: dir.display().to_string(), detail: detail.to_string() }
}
