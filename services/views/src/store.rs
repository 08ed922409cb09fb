//! The sled tree, and what was applied since it was written last: the only file of the project that names sled.
//!
//! Place in the flow: below views and batches. Rows are visible as soon as they are put; they go to sled many batches
//! at a time, with the checkpoint among them, in one write. It must not know what a row means, only bytes under keys.
//!
//! sled's `flush` is no fsync and sled 0.34 panics on some kinds of damage: fine for what can be rebuilt, and here
//! both come out as an error that says so. A panic in one of sled's own threads cannot be caught here.

use std::any::Any;
use std::collections::BTreeMap;
use std::fs::File;
use std::iter::Peekable;
use std::ops::{Bound, Deref};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::retry_on_intr;

use crate::error::ViewsError;
use crate::waiting::{OpenRow, Waiting, WaitingRows};

/// How often rows are handed to the operating system, and a sync is asked for that costs the disk a flush whether there
/// is anything to write or not. What a crash loses is applied again.
const FLUSH_MS: u64 = 5_000;
/// How often opening is tried while another handle lets go of its lock.
const LOCK_TRIES: u32 = 100;
/// Time between these tries.
const LOCK_PAUSE: Duration = Duration::from_millis(20);
/// Room that sled is given for what it writes by itself, besides twice what it is told to.
const ROOM_BYTES: u64 = 8 << 20;

/// Bytes of rows after which a scan looks at a page once more. sled counts looks at pages, 64 of each of 256 shards at a
/// time, and evicts only then: a scan that looked at each page once would keep 16,384 pages beside the cache.
const LOOK_EVERY: usize = 2 << 10;

/// Bytes of rows that wait in one store until they are written together.
const WAITING_BYTES: usize = 24 << 20;
/// The same in all stores of this process: above it, whoever has [`WORTH_BYTES`] writes.
const WAITING_BYTES_ALL: usize = 48 << 20;
/// Bytes that are worth a write of their own.
const WORTH_BYTES: usize = 1 << 20;

/// Bytes of rows that wait in all stores of this process.
static WAITING: AtomicUsize = AtomicUsize::new(0);

/// What one store has of them.
#[derive(Debug, Default)]
struct Share(usize);

impl Share {
    fn set(&mut self, bytes: usize) {
        WAITING.fetch_add(bytes, Ordering::Relaxed);
        WAITING.fetch_sub(std::mem::replace(&mut self.0, bytes), Ordering::Relaxed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// A key or a value.
#[derive(Debug, Clone)]
pub(crate) enum Part<'s> {
    /// Not yet in sled.
    Put(&'s [u8]),
    /// From sled.
    Stored(sled::IVec),
}

impl Deref for Part<'_> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            Self::Put(bytes) => bytes,
            Self::Stored(bytes) => bytes,
        }
    }
}

/// Rows as they are kept.
pub(crate) type Row<'s> = (Part<'s>, Part<'s>);
/// Keys between two.
pub(crate) type Range = (Bound<Vec<u8>>, Bound<Vec<u8>>);
/// A value that is put: sled and whoever keeps it share its bytes.
pub(crate) type Value = sled::IVec;
/// Rows that are put.
pub(crate) type Rows = BTreeMap<Vec<u8>, Value>;

/// An open tree.
#[derive(Debug)]
pub(crate) struct Store {
    dir: PathBuf,
    /// Put since the last write to sled began.
    put: Waiting,
    /// On their way to sled.
    leaving: Waiting,
    /// Bytes of both.
    share: Share,
    /// Set once the disk has refused something to sled, which then never writes again.
    is_refused: AtomicBool,
    tree: sled::Tree,
    // Last, so that it outlives the tree.
    _db: sled::Db,
}

impl Store {
    /// Opens or creates the tree in `dir`.
    pub(crate) fn open(dir: &Path, cache_bytes: u64) -> Result<Self, ViewsError> {
        let config = sled::Config::new().path(dir).cache_capacity(cache_bytes).flush_every_ms(Some(FLUSH_MS));
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
                Err(error) => return Err(said_by(dir, &error)),
            }
        };
        let tree = guarded(dir, || db.open_tree("views"))?.map_err(|error| said_by(dir, &error))?;
        let (put, leaving) = (Waiting::default(), Waiting::default());
        let is_refused = AtomicBool::new(false);
        Ok(Self { dir: dir.to_owned(), put, leaving, share: Share::default(), is_refused, tree, _db: db })
    }

    /// Closes the tree before it is deleted: sled writes when it is dropped. How that ends no longer matters.
    pub(crate) fn close(self) {
        let dir = self.dir.clone();
        let _ = guarded(&dir, || drop(self));
    }

    /// Bytes of the tree in `dir`: the more, the longer it takes to open. sled reads again what was written since it was
    /// opened last.
    pub(crate) fn bytes(dir: &Path) -> u64 {
        dir.join("db").metadata().map_or(0, |metadata| metadata.len())
    }

    /// Deletes the tree in `dir`, whatever state it is in.
    pub(crate) fn delete(dir: &Path) -> Result<(), ViewsError> {
        match std::fs::remove_dir_all(dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(ViewsError::of_io(dir, &error)),
            _ => Ok(()),
        }
    }

    /// Whether the disk has room for `bytes` more below `dir`. Asked before sled is told to write: what it meets a full
    /// disk with, it never writes again. Whatever keeps this file from being made, rows are not damaged by it.
    pub(crate) fn probe(dir: &Path, bytes: u64) -> Result<(), ViewsError> {
        let path = dir.join("room");
        let taken = File::create(&path).and_then(|file| {
            match retry_on_intr(|| fallocate(&file, FallocateFlags::empty(), 0, ROOM_BYTES + 2 * bytes)) {
                // A file system that cannot set room aside is asked by writing.
                Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => Ok(()),
                taken => Ok(taken?),
            }
        });
        let given_back = std::fs::remove_file(&path);
        taken.and(given_back).map_err(|error| match error.kind() {
            // There is no such directory, and no rows in it.
            std::io::ErrorKind::NotFound => ViewsError::of_io(dir, &error),
            _ => ViewsError::NoRoom { dir: dir.display().to_string(), detail: error.to_string() },
        })
    }

    /// The value at `key`.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Part<'_>>, ViewsError> {
        if let Some(value) = self.put.get(key).or_else(|| self.leaving.get(key)) {
            return Ok(Some(Part::Put(value)));
        }
        Ok(self.run(|tree| tree.get(key))?.map(Part::Stored))
    }

    /// Rows whose key starts with `prefix`, in order.
    pub(crate) fn scan(&self, prefix: &[u8]) -> Merged<'_> {
        self.between(prefix.to_vec(), behind(prefix))
    }

    /// Rows from `from` on, up to but without `until`, in order; without an end where it is empty.
    pub(crate) fn between(&self, from: Vec<u8>, until: Vec<u8>) -> Merged<'_> {
        let end = if until.is_empty() { Bound::Unbounded } else { Bound::Excluded(until) };
        // An empty range is no error.
        let range = match &end {
            Bound::Excluded(until) if *until < from => (Bound::Included(from.clone()), Bound::Excluded(from)),
            _ => (Bound::Included(from), end),
        };
        self.rows(&range, self.tree.range(range.clone()))
    }

    /// What `stored` gives of a range, under what was put there.
    pub(crate) fn rows<I>(&self, range: &Range, stored: I) -> Merged<'_, I> {
        let range = || (range.0.as_ref().map(Vec::as_slice), range.1.as_ref().map(Vec::as_slice));
        Merged {
            dir: &self.dir,
            tree: &self.tree,
            unnoticed: 0,
            put: self.put.range(range()).peekable(),
            leaving: self.leaving.range(range()).peekable(),
            stored: Some(stored),
            next: None,
        }
    }

    /// The last row of the list of `prefix` at or before `key`.
    pub(crate) fn last(&self, prefix: &[u8], key: Vec<u8>) -> Result<Option<Row<'_>>, ViewsError> {
        let from = prefix.to_vec();
        if key < from {
            return Ok(None);
        }
        let range = (Bound::Included(prefix), Bound::Included(key.as_slice()));
        let put = self.put.range(range).next_back();
        let leaving = self.leaving.range(range).next_back();
        // On equal keys the last of `max_by` counts: what was put last.
        let kept = [leaving, put].into_iter().flatten().max_by(|one, other| one.0.cmp(other.0));
        let stored = self.run(|tree| tree.range(from..=key).next_back().transpose())?;
        Ok(match (stored, kept) {
            (Some((key, value)), kept) if kept.is_none_or(|(newer, _)| *newer < key[..]) => {
                Some((Part::Stored(key), Part::Stored(value)))
            }
            (_, kept) => kept.map(|(key, value)| (Part::Put(key), Part::Put(value))),
        })
    }

    /// The last block of the list of `prefix` at or before `key`. Blocks are put in the order of their keys, so one that
    /// was put is behind all that are in sled.
    pub(crate) fn last_block(&self, prefix: &[u8], key: Vec<u8>) -> Result<Option<Row<'_>>, ViewsError> {
        if key.as_slice() < prefix {
            return Ok(None);
        }
        let range = (Bound::Included(prefix), Bound::Included(key.as_slice()));
        let put = [&self.put, &self.leaving].into_iter().find_map(|rows| rows.range(range).next_back());
        match put {
            Some((key, value)) => Ok(Some((Part::Put(key), Part::Put(value)))),
            None => self.last(prefix, key),
        }
    }

    /// Puts rows: they are visible, and lost if the process ends before they are written.
    pub(crate) fn put(&mut self, rows: Rows, open: &[OpenRow<'_>]) {
        self.put.put(rows);
        open.iter().for_each(|row| self.put.put_open(row));
        self.shared();
    }

    /// Whether so much was put that it is to be written.
    pub(crate) fn is_due(&self) -> bool {
        let (put, all) = (self.put.bytes(), WAITING.load(Ordering::Relaxed));
        put >= WAITING_BYTES || put >= WORTH_BYTES && all >= WAITING_BYTES_ALL
    }

    fn shared(&mut self) {
        self.share.set(self.put.bytes() + self.leaving.bytes());
    }

    /// Everything that was put begins to leave. Rows stay visible; those that could not be written the last time leave
    /// with them, or the checkpoint would get ahead of them.
    pub(crate) fn leave(&mut self) {
        self.leaving.append(std::mem::take(&mut self.put));
        self.shared();
    }

    /// Whether what left before is still to be written.
    pub(crate) fn is_held_up(&self) -> bool {
        !self.leaving.is_empty()
    }

    /// Whether it can be read only, until it is opened anew.
    pub(crate) fn is_refused(&self) -> bool {
        self.is_refused.load(Ordering::Acquire)
    }

    /// Writes what leaves, all rows or none.
    pub(crate) fn write(&self) -> Result<(), ViewsError> {
        Self::probe(&self.dir, self.leaving.bytes() as u64)?;
        let mut batch = sled::Batch::default();
        for (key, value) in self.leaving.values() {
            batch.insert(key, value);
        }
        self.run(|tree| tree.apply_batch(batch))
    }

    /// What left is in sled.
    pub(crate) fn left(&mut self) {
        self.leaving = Waiting::default();
        self.shared();
    }

    /// Lets sled work; its errors and its panics come out as [`ViewsError::Store`].
    pub(crate) fn run<T>(&self, work: impl FnOnce(&sled::Tree) -> sled::Result<T>) -> Result<T, ViewsError> {
        guarded(&self.dir, || work(&self.tree))?.map_err(|error| {
            let error = said_by(&self.dir, &error);
            if let ViewsError::NoRoom { .. } = error {
                self.is_refused.store(true, Ordering::Release);
            }
            error
        })
    }
}

/// The first key behind all keys that start with `prefix`; empty = there is none.
fn behind(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            break;
        }
    }
    end
}

/// Rows of all layers in order, of each key the newest. Nothing follows an error: who knows what state sled's iterator
/// is in then.
pub(crate) struct Merged<'s, I = sled::Iter> {
    dir: &'s Path,
    tree: &'s sled::Tree,
    /// Bytes of sled's rows since it was made to notice.
    unnoticed: usize,
    put: Peekable<WaitingRows<'s>>,
    leaving: Peekable<WaitingRows<'s>>,
    stored: Option<I>,
    /// The next row of sled, once it was asked for.
    next: Option<(sled::IVec, sled::IVec)>,
}

impl<I: Iterator<Item = sled::Result<(sled::IVec, sled::IVec)>>> Merged<'_, I> {
    fn pull(&mut self) -> Result<(), ViewsError> {
        if self.next.is_none()
            && let Some(stored) = self.stored.as_mut()
        {
            let row = guarded(self.dir, || stored.next())?;
            self.next = row.transpose().map_err(|error| said_by(self.dir, &error))?;
            if self.next.is_none() {
                self.stored = None;
            }
            self.notice()?;
        }
        Ok(())
    }

    /// Makes sled notice what it keeps in memory for this scan.
    fn notice(&mut self) -> Result<(), ViewsError> {
        let Some((key, value)) = &self.next else { return Ok(()) };
        self.unnoticed += key.len() + value.len();
        let looks = self.unnoticed / LOOK_EVERY;
        self.unnoticed %= LOOK_EVERY;
        let look = |_| guarded(self.dir, || self.tree.contains_key(key))?.map_err(|error| said_by(self.dir, &error));
        (0..looks).try_for_each(|n| look(n).map(drop))
    }
}

impl<'s, I: Iterator<Item = sled::Result<(sled::IVec, sled::IVec)>>> Iterator for Merged<'s, I> {
    type Item = Result<Row<'s>, ViewsError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Err(error) = self.pull() {
            (self.stored, self.next) = (None, None);
            self.put = WaitingRows::default().peekable();
            self.leaving = WaitingRows::default().peekable();
            return Some(Err(error));
        }
        let heads = [self.put.peek().map(|row| row.0), self.leaving.peek().map(|row| row.0)];
        let stored = self.next.as_ref().map(|row| &row.0[..]);
        let first = heads.into_iter().chain([stored]).flatten().min()?.to_vec();
        let row = self.put.next_if(|row| row.0 == first);
        let older = self.leaving.next_if(|row| row.0 == first);
        let oldest = self.next.take_if(|row| row.0 == first);
        match (row.or(older), oldest) {
            (Some((key, value)), _) => Some(Ok((Part::Put(key), Part::Put(value)))),
            (None, stored) => stored.map(|(key, value)| Ok((Part::Stored(key), Part::Stored(value)))),
        }
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

fn said_by(dir: &Path, error: &sled::Error) -> ViewsError {
    match error {
        sled::Error::Io(error) => ViewsError::of_io(dir, error),
        other => failed(dir, other),
    }
}

pub(crate) fn failed(dir: &Path, detail: &dyn std::fmt::Display) -> ViewsError {
    ViewsError::Store { dir: dir.display().to_string(), detail: detail.to_string() }
}
