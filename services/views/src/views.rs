//! The handle on the views of one plan: open, reset, grow a successor beside, checkpoint, digest.
//!
//! Place in the flow: shared by the projector (through [`Views::batch`]) and the readers. It must not know events.
//!
//! Views live in one of two folders. While a successor is grown in the other one, reads go on; then a file names the
//! folder that counts, and all handles turn to it. A crash in between finds the old one, and deletes the other.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use sha2::{Digest, Sha256};
use songhua_log::Checkpoint;

use crate::batch::ViewBatch;
use crate::error::ViewsError;
use crate::grown::Grown;
use crate::key;
use crate::row::unreadable;
use crate::seen;
use crate::store::Store;
use crate::writer::Writer;

/// The folders that views live in, by turns.
const FOLDERS: [&str; 2] = ["sled", "sled-2"];
/// The file that names the one that counts; the first where it is missing.
const CURRENT: &str = "current";
/// The same file, while it is written.
const NEXT: &str = "current.next";

/// How views are opened.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Most bytes of pages that are kept in memory.
    pub cache_bytes: u64,
    /// What rows mean: views that were begun by another version of the projector are [`outdated`](Views::outdated).
    pub projector_version: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { cache_bytes: 64 << 20, projector_version: 1 }
    }
}

/// The views of one plan. Clones are handles on the same views.
#[derive(Debug, Clone)]
pub struct Views {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    dir: PathBuf,
    options: Options,
    /// Held by the one batch under way; none = nothing is kept from the one before.
    writer: Mutex<Option<Writer>>,
    grown: RwLock<Arc<Grown>>,
    /// Why the last batch found no room.
    refusing: Mutex<Option<String>>,
}

impl Views {
    /// Opens the views in `dir`, or begins empty ones.
    ///
    /// # Errors
    /// `NoRoom`: take [`Views::closed`]. Any other [`ViewsError`] but `Locked`: [`Views::delete`] and open again; the
    /// projector rebuilds them.
    pub fn open(dir: &Path, options: Options) -> Result<Self, ViewsError> {
        let folder = current(dir)?;
        let views = Self::open_folder(dir, folder, options)?;
        // Nobody else has these views open: what a crash left of a successor may go.
        Store::delete(&dir.join(other(folder)))?;
        Ok(views)
    }

    fn open_folder(dir: &Path, folder: &str, options: Options) -> Result<Self, ViewsError> {
        let grown = Grown::open(&dir.join(folder), options)?;
        Ok(Self::of(dir, options, grown))
    }

    fn of(dir: &Path, options: Options, grown: Grown) -> Self {
        let grown = RwLock::new(Arc::new(grown));
        let (writer, refusing) = (Mutex::default(), Mutex::default());
        Self { shared: Arc::new(Shared { dir: dir.to_owned(), options, writer, grown, refusing }) }
    }

    /// Views in `dir` of at least `bytes`, which take their time to open: closed until [`make_room`](Self::make_room) is
    /// asked. With how far they have come. None where they are smaller or do not say how far: [`Views::open`] them.
    pub fn open_later(dir: &Path, options: Options, bytes: u64) -> Option<(Self, Checkpoint)> {
        let folder = current(dir).ok()?;
        let path = dir.join(folder);
        let seen = seen::read(&path).filter(|_| Store::bytes(&path) >= bytes)?;
        // As in `open`; if it stays, the next successor deletes it.
        drop(Store::delete(&dir.join(other(folder))));
        Some((Self::closed(dir, options), seen))
    }

    /// How far the views in `dir` have come, as they say themselves: known also where they cannot be opened.
    pub fn seen(dir: &Path) -> Option<Checkpoint> {
        seen::read(&dir.join(current(dir).ok()?))
    }

    /// Views in `dir` that the disk does not let be opened now: they are, before the next batch that it does.
    pub fn closed(dir: &Path, options: Options) -> Self {
        let folder = current(dir).unwrap_or(FOLDERS[0]);
        Self::of(dir, options, Grown::closed_in(&dir.join(folder), options))
    }

    /// Sees to it that there is room: writes what could not be written before, and opens views anew that the disk has
    /// refused something to, as soon as it grants it. They then go on where their last write left them: true.
    ///
    /// # Errors
    /// [`ViewsError::NoRoom`]: not yet; reads go on. Any other: reset them.
    pub fn make_room(&self) -> Result<bool, ViewsError> {
        let mut writer = self.writer();
        let made = if self.with(Grown::is_refused) {
            self.open_anew(&mut writer).map(|()| true)
        } else {
            self.with(Grown::write_held_up).map(|()| false)
        };
        self.note(&made);
        made
    }

    fn note<T>(&self, done: &Result<T, ViewsError>) {
        *self.refusing() = match done {
            Err(error @ (ViewsError::NoRoom { .. } | ViewsError::Locked { .. })) => Some(error.to_string()),
            _ => None,
        };
    }

    fn open_anew(&self, writer: &mut Option<Writer>) -> Result<(), ViewsError> {
        let grown = self.grown();
        let dir = grown.dir();
        // What can still be read is not closed for nothing.
        fs::create_dir_all(dir).map_err(|error| ViewsError::of_io(dir, &error))?;
        Store::probe(dir, 0)?;
        *writer = None;
        grown.close();
        // Whoever reads meanwhile finds them closed, and does not wait.
        let opened = Arc::new(Grown::open(dir, self.shared.options)?);
        *self.shared.grown.write().unwrap_or_else(PoisonError::into_inner) = opened;
        Ok(())
    }

    /// Whether they can be read at all: not while they are still to be opened, nor after a reset that failed.
    pub fn is_open(&self) -> bool {
        self.read(|_| Ok(())).is_ok()
    }

    /// Why nothing can be written now; none = it can, or nothing was to be.
    pub fn why_refusing(&self) -> Option<String> {
        self.refusing().clone()
    }

    fn refusing(&self) -> MutexGuard<'_, Option<String>> {
        self.shared.refusing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Deletes the views in `dir`, which nobody has open.
    ///
    /// # Errors
    /// [`ViewsError::Store`] if the directory cannot be removed.
    pub fn delete(dir: &Path) -> Result<(), ViewsError> {
        FOLDERS.iter().try_for_each(|folder| Store::delete(&dir.join(folder)))?;
        [CURRENT, NEXT].iter().try_for_each(|file| match fs::remove_file(dir.join(file)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(ViewsError::of_io(dir, &error)),
            _ => Ok(()),
        })
    }

    /// Throws everything away, under the handles of all readers, and begins empty views. Works on damaged ones too.
    ///
    /// # Errors
    /// [`ViewsError::NoRoom`]: not yet. Any other: they cannot be begun anew. Reads fail until a reset succeeds.
    pub fn reset(&self) -> Result<(), ViewsError> {
        let done = self.begin_anew();
        self.note(&done);
        done
    }

    fn begin_anew(&self) -> Result<(), ViewsError> {
        let mut writer = self.writer();
        *writer = None;
        let mut grown = self.shared.grown.write().unwrap_or_else(PoisonError::into_inner);
        grown.close();
        let dir = grown.dir().to_owned();
        Store::delete(&dir)?;
        *grown = Arc::new(Grown::open(&dir, self.shared.options)?);
        Ok(())
    }

    /// Whether they were begun by another version of the projector: they can be read, but are to be replaced.
    pub fn outdated(&self) -> bool {
        self.grown().version() != self.shared.options.projector_version
    }

    /// Empty views beside these, to be grown until they can [take over](Self::take_over).
    ///
    /// # Errors
    /// [`ViewsError::Store`], [`ViewsError::Locked`] if there is a successor already.
    pub fn successor(&self) -> Result<Self, ViewsError> {
        // What the writer keeps can be read anew; meanwhile there is room for another one.
        *self.writer() = None;
        let folder = other(self.folder());
        let Shared { dir, options, .. } = &*self.shared;
        // Not deleted before it is known that nobody has it open. What is left of an earlier one may be damaged.
        if let Err(locked @ ViewsError::Locked { .. }) = Self::open_folder(dir, folder, *options) {
            return Err(locked);
        }
        let path = dir.join(folder);
        Store::delete(&path)?;
        // What could not be begun takes no room.
        Self::open_folder(dir, folder, *options).inspect_err(|_| drop(Store::delete(&path)))
    }

    /// Closes and deletes them: a successor that does not take over gives its room back.
    ///
    /// # Errors
    /// [`ViewsError`]: what is left is deleted when the next successor is begun.
    pub fn discard(&self) -> Result<(), ViewsError> {
        *self.writer() = None;
        let grown = self.grown();
        grown.close();
        Store::delete(grown.dir())
    }

    /// Turns all handles of these views to what `successor` has grown, and deletes what they had. The successor has come
    /// at least as far.
    ///
    /// # Errors
    /// [`ViewsError`]; then nothing has changed.
    pub fn take_over(&self, successor: &Self) -> Result<(), ViewsError> {
        let (mut writer, mut next_writer) = (self.writer(), successor.writer());
        let next = successor.grown();
        next.flush()?;
        let Shared { dir, grown, .. } = &*self.shared;
        let folder = successor.folder();
        let named = fs::write(dir.join(NEXT), folder).and_then(|()| fs::rename(dir.join(NEXT), dir.join(CURRENT)));
        named.map_err(|error| ViewsError::of_io(dir, &error))?;
        *writer = next_writer.take();
        let old = std::mem::replace(&mut *grown.write().unwrap_or_else(PoisonError::into_inner), next);
        old.close();
        if let Err(error) = Store::delete(old.dir()) {
            // It is deleted when the views are opened next.
            drop(error);
        }
        Ok(())
    }

    /// The folder that these views are in.
    fn folder(&self) -> &'static str {
        let grown = self.grown();
        if grown.dir().ends_with(FOLDERS[1]) { FOLDERS[1] } else { FOLDERS[0] }
    }

    /// How far the views have come; none = empty.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn checkpoint(&self) -> Result<Option<Checkpoint>, ViewsError> {
        self.with(Grown::checkpoint)
    }

    /// Changes whenever the views are thrown away or replaced: what was read before may have been read otherwise.
    pub fn life(&self) -> u64 {
        self.with(Grown::life)
    }

    /// The last position that is in the views; 0 = none. Reads at or below it have their last answer.
    pub fn applied(&self) -> u64 {
        self.grown().applied()
    }

    /// Writes what waits in memory. Without it, a process that ends loses what the log has anyway.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn flush(&self) -> Result<(), ViewsError> {
        let _no_batch = self.writer();
        self.with(Grown::flush)
    }

    /// SHA-256 over all rows but the checkpoint, in key order (`LAYOUT.md`): equal for equal records, however they were
    /// applied. Waits for a batch under way.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn digest(&self) -> Result<[u8; 32], ViewsError> {
        self.digest_at().map(|(digest, _)| digest)
    }

    /// The digest, and the position it was taken at.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn digest_at(&self) -> Result<([u8; 32], u64), ViewsError> {
        let _no_batch = self.writer();
        let grown = self.grown();
        let digest = grown.read(|store| {
            let mut hasher = Sha256::new();
            for row in store.between(vec![key::CHECKPOINT + 1], Vec::new()) {
                let (key, value) = row?;
                for part in [&key, &value] {
                    let length = u32::try_from(part.len()).map_err(|_| unreadable(&key, "longer than 4 GiB"))?;
                    hasher.update(length.to_be_bytes());
                    hasher.update(&**part);
                }
            }
            Ok(hasher.finalize().into())
        })?;
        Ok((digest, grown.applied()))
    }

    /// Rows, put and written as they are.
    #[cfg(test)]
    pub(crate) fn put_rows(&self, rows: crate::store::Rows) {
        self.grown().put_rows(rows).unwrap();
    }

    /// Begins to collect rows. One batch at a time; a dropped one leaves nothing.
    ///
    /// # Errors
    /// [`ViewsError::NoRoom`]: ask for the checkpoint, and go on behind it. Any other: reset them.
    pub fn batch(&self) -> Result<ViewBatch<'_>, ViewsError> {
        if self.make_room()? {
            let (dir, detail) = (self.shared.dir.display().to_string(), "they were opened anew".to_owned());
            return Err(ViewsError::NoRoom { dir, detail });
        }
        ViewBatch::begin(self)
    }

    /// The one lock of writers.
    pub(crate) fn writer(&self) -> MutexGuard<'_, Option<Writer>> {
        self.shared.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What handles turn to now. A reader asks [`with`](Self::with), so that it is not closed meanwhile.
    pub(crate) fn grown(&self) -> Arc<Grown> {
        Arc::clone(&self.shared.grown.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads what handles turn to, which stays so meanwhile.
    pub(crate) fn with<T>(&self, read: impl FnOnce(&Grown) -> T) -> T {
        read(&self.shared.grown.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the store, which stays open meanwhile.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Store) -> Result<T, ViewsError>) -> Result<T, ViewsError> {
        self.with(|grown| grown.read(read))
    }
}

fn current(dir: &Path) -> Result<&'static str, ViewsError> {
    match fs::read_to_string(dir.join(CURRENT)) {
        Ok(name) if name == FOLDERS[1] => Ok(FOLDERS[1]),
        Ok(_) => Ok(FOLDERS[0]),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(FOLDERS[0]),
        Err(error) => Err(ViewsError::of_io(dir, &error)),
    }
}

fn other(folder: &str) -> &'static str {
    if folder == FOLDERS[0] { FOLDERS[1] } else { FOLDERS[0] }
}
