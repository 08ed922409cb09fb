//! The sled tree: the only file of the project that names sled.
//!
//! Place in the flow: below views and batches. It must not know what a row means, only bytes under keys.
//!
//! sled's `flush` is no fsync and sled 0.34 panics on some kinds of damage: fine for what can be rebuilt, and here
//! both come out as an error that says so. A panic in one of sled's own threads cannot be caught here.

use std::any::Any;
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
            match guarded(dir, || config.open())? {
                Ok(db) => break db,
                // A handle that was just dropped keeps its lock until its last write is done.
                Err(error) if is_locked(&error) && tries < LOCK_TRIES => std::thread::sleep(LOCK_PAUSE),
                Err(error) if is_locked(&error) => {
                    return Err(ViewsError::Locked { dir: dir.display().to_string() });
                }
                Err(error) => return Err(failed(dir, &error)),
            }
        };
        let tree = guarded(dir, || db.open_tree("views"))?.map_err(|error| failed(dir, &error))?;
        Ok(Self { dir: dir.to_owned(), tree, _db: db })
    }

    /// Closes the tree before it is deleted: sled writes when it is dropped. How that ends no longer matters.
    pub(crate) fn close(self) {
        let dir = self.dir.clone();
        let _ = guarded(&dir, || drop(self));
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
        self.run(|tree| tree.get(key))
    }

    /// Rows whose key starts with `prefix`, in order.
    pub(crate) fn scan(&self, prefix: &[u8]) -> Rows<'_, sled::Iter> {
        self.rows(self.tree.scan_prefix(prefix))
    }

    /// Rows of `table` from `from` on, in order.
    pub(crate) fn from(&self, table: u8, from: Vec<u8>) -> Rows<'_, sled::Iter> {
        self.rows(self.tree.range(from..vec![table + 1]))
    }

    /// The last row of `table` at or before `key`.
    pub(crate) fn last(&self, table: u8, key: Vec<u8>) -> Result<Option<Row>, ViewsError> {
        self.run(|tree| tree.range(vec![table]..=key).next_back().transpose())
    }

    /// Every row of the tables behind `table`, in order.
    pub(crate) fn behind(&self, table: u8) -> Rows<'_, sled::Iter> {
        self.rows(self.tree.range(vec![table + 1]..))
    }

    /// Writes all rows or none.
    pub(crate) fn write(&self, rows: BTreeMap<Vec<u8>, Vec<u8>>) -> Result<(), ViewsError> {
        let mut batch = sled::Batch::default();
        for (key, value) in rows {
            batch.insert(key, value);
        }
        self.run(|tree| tree.apply_batch(batch))
    }

    /// Lets sled work; its errors and its panics come out as [`ViewsError::Store`].
    pub(crate) fn run<T>(&self, work: impl FnOnce(&sled::Tree) -> sled::Result<T>) -> Result<T, ViewsError> {
        guarded(&self.dir, || work(&self.tree))?.map_err(|error| failed(&self.dir, &error))
    }

    /// The same for rows that come one by one.
    pub(crate) fn rows<I>(&self, rows: I) -> Rows<'_, I> {
        Rows { dir: &self.dir, rows: Some(rows) }
    }
}

/// Rows in order. Nothing follows an error: who knows what state sled's iterator is in then.
#[derive(Debug)]
pub(crate) struct Rows<'s, I> {
    dir: &'s Path,
    rows: Option<I>,
}

impl<I: Iterator<Item = sled::Result<Row>>> Iterator for Rows<'_, I> {
    type Item = Result<Row, ViewsError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rows = self.rows.as_mut()?;
        let row = guarded(self.dir, || rows.next());
        let row = row.and_then(|row| row.transpose().map_err(|error| failed(self.dir, &error)));
        if row.is_err() {
            self.rows = None;
        }
        row.transpose()
    }
}

/// Every call of sled goes through here. Unwinding leaves nothing of ours half done: rows are collected before they
/// are written, and after the error the whole store is thrown away.
fn guarded<T>(dir: &Path, sled: impl FnOnce() -> T) -> Result<T, ViewsError> {
    let done = catch_unwind(AssertUnwindSafe(sled));
    done.map_err(|panic| failed(dir, &format!("sled panicked: {}", words_of(&*panic))))
}

/// What a panic said.
fn words_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("nothing")
}

/// sled has no error of its own for this one.
fn is_locked(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(io) if io.to_string().contains("could not acquire lock"))
}

fn failed(dir: &Path, detail: &dyn std::fmt::Display) -> ViewsError {
    ViewsError::Store { dir: dir.display().to_string(), detail: detail.to_string() }
}
