//! The projector as a follower of the log: effect and checkpoint in one write.
//!
//! Place in the flow: driven by `songhua_log::follow`, which resets it where its state does not belong to the log. It
//! must not know what an event does.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use songhua_domain::event::Event;
use songhua_log::{Checkpoint, FollowError, Follower, StoredRecord};
use songhua_views::{Options, ViewBatch, Views, ViewsError};
use songhua_wire::lean::{FigureEvent, Names};
use songhua_wire::record::{DecodeError, decode_event};

use crate::fold::{FoldError, fold};
use crate::hot::tell;
use crate::judge::judge;
use crate::posting::{Lists, PostError, post};

/// The follower's name, in health, logs and metrics.
const NAME: &str = "projector";

/// Most bytes of records that become rows at once: what a batch costs by itself is then little for each.
const BYTES_MAX: usize = 8 << 20;

/// What this code makes of events. Raised with every change that gives the same records other rows: views that another
/// version has grown are read on until a successor has been grown beside them.
pub const PROJECTOR_VERSION: u32 = 3;

/// Grows the views of one plan.
#[derive(Debug)]
pub struct Projector {
    views: Views,
}

/// Opens the views in `dir` and the projector that grows them. Views that are damaged or of another layout are deleted:
/// the log has everything. Those that the disk refuses for now stay, closed.
///
/// # Errors
/// [`ViewsError`] if they cannot even be begun anew, or if another process has them open.
pub fn open(dir: &Path, options: Options) -> Result<Projector, ViewsError> {
    let opened = match Views::open(dir, options) {
        Err(reason) if !matches!(reason, ViewsError::Locked { .. } | ViewsError::NoRoom { .. }) => {
            tracing::warn!(follower = NAME, %reason, "views deleted; rebuilding from the log");
            Views::delete(dir).and_then(|()| Views::open(dir, options))
        }
        opened => opened,
    };
    let views = match opened {
        Err(reason @ ViewsError::NoRoom { .. }) => {
            tracing::error!(follower = NAME, %reason, "views are not open");
            Views::closed(dir, options)
        }
        opened => opened?,
    };
    Ok(Projector { views })
}

/// The projector of views of at least `bytes`, which take their time to open: they are closed until it follows, or is told
/// to [open](Projector::open_views) them. With how far they have come. None: [`open`] them now.
pub fn open_later(dir: &Path, options: Options, bytes: u64) -> Option<(Projector, Checkpoint)> {
    Views::open_later(dir, options, bytes).map(|(views, seen)| (Projector { views }, seen))
}

impl Projector {
    /// Opens views that were to be opened later. What keeps them closed, following meets again and deals with.
    pub fn open_views(&self) {
        if let Err(error) = self.views.make_room() {
            tracing::warn!(follower = NAME, %error, "views are not open");
        }
    }

    /// The views, for readers: clones are handles on the same ones.
    pub const fn views(&self) -> &Views {
        &self.views
    }

    /// A projector that grows empty views beside these, to [take over](Self::take_over) from them.
    ///
    /// # Errors
    /// [`ViewsError`]: they cannot be begun.
    pub fn successor(&self) -> Result<Self, ViewsError> {
        self.views.successor().map(|views| Self { views })
    }

    /// Turns all handles of the views to those of `successor`, which has come at least as far. Reads never stop.
    ///
    /// # Errors
    /// [`ViewsError`]; then nothing has changed.
    pub fn take_over(&self, successor: &Self) -> Result<(), ViewsError> {
        self.views.take_over(&successor.views)
    }
}

impl Follower for Projector {
    fn name(&self) -> &str {
        NAME
    }

    fn bytes_max(&self) -> usize {
        BYTES_MAX
    }

    fn checkpoint(&self) -> Result<Option<Checkpoint>, FollowError> {
        self.views.make_room().map_err(failed)?;
        self.views.checkpoint().map_err(failed)
    }

    fn apply(&mut self, records: &[StoredRecord], checkpoint: Checkpoint) -> Result<(), FollowError> {
        caught(|| apply_all(&self.views, records, checkpoint))
    }

    fn reset(&mut self, _reason: &str) -> Result<(), FollowError> {
        self.views.reset().map_err(failed)
    }
}

/// Runs `apply`; a panic in it is a failed state, so that `follow` begins anew, and stops where that does not help.
/// Unwinding leaves nothing behind: the batch is dropped, and what was written goes with the reset.
pub(crate) fn caught(apply: impl FnOnce() -> Result<(), FollowError>) -> Result<(), FollowError> {
    catch_unwind(AssertUnwindSafe(apply)).unwrap_or_else(|panic| {
        let detail = format!("panicked while applying records: {}", words_of(&*panic));
        Err(FollowError::State { follower: NAME.to_owned(), detail })
    })
}

/// What a panic said.
fn words_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("nothing")
}

fn apply_all(views: &Views, records: &[StoredRecord], checkpoint: Checkpoint) -> Result<(), FollowError> {
    let mut batch = views.batch().map_err(failed)?;
    let mut lists = Lists::default();
    for record in records {
        apply_record(&mut batch, record, &mut lists)?;
    }
    batch.commit(checkpoint).map_err(failed)
}

fn apply_record<'r>(
    batch: &mut ViewBatch<'_>,
    record: &'r StoredRecord,
    lists: &mut Lists<'r>,
) -> Result<(), FollowError> {
    let position = record.position.0;
    let grown = match FigureEvent::read(&record.bytes).zip(Names::read(&record.bytes)) {
        Some((figure, names)) => grow_figure(batch, position, &figure)
            .and_then(|()| Ok(lists.post_figure(batch, position, &figure, &names)?)),
        None => {
            let event = decode_event(position, &record.bytes).map_err(|error| undecodable(position, error))?;
            match grow(batch, &event).map(|()| post(batch, &record.bytes, &event)) {
                Ok(Err(PostError::Record(error))) => return Err(undecodable(position, error)),
                Ok(Err(PostError::Views(error))) => Err(error.into()),
                Ok(Ok(())) => Ok(()),
                Err(error) => Err(error),
            }
        }
    };
    grown.map_err(|error| match error {
        FoldError::Views(error) => failed(error),
        wrong @ (FoldError::Dangling { .. } | FoldError::Undated) => malformed(position, wrong.to_string()),
    })?;
    if record.position == record.submission_last {
        batch.submission_ends(record.recorded_time_us, position).map_err(failed)?;
    }
    Ok(())
}

fn grow_figure(batch: &mut ViewBatch<'_>, position: u64, figure: &FigureEvent<'_>) -> Result<(), FoldError> {
    let touched = tell(batch, position, figure)?;
    Ok(judge(batch, position, &touched)?)
}

/// Everything that one event does to the views.
pub(crate) fn grow(batch: &mut ViewBatch<'_>, event: &Event) -> Result<(), FoldError> {
    let touched = fold(batch, event)?;
    Ok(judge(batch, event.position, &touched)?)
}

fn undecodable(position: u64, error: DecodeError) -> FollowError {
    match error {
        DecodeError::UpgradeNeeded { needs, reads } => {
            FollowError::UpgradeNeeded { follower: NAME.to_owned(), position, needs, reads }
        }
        DecodeError::Malformed(detail) => malformed(position, detail),
    }
}

fn malformed(position: u64, detail: String) -> FollowError {
    FollowError::Undecodable { follower: NAME.to_owned(), position, detail }
}

fn failed(error: ViewsError) -> FollowError {
    let (follower, detail) = (NAME.to_owned(), error.to_string());
    match error {
        // Views that others have open are not damaged: those are waited for.
        ViewsError::NoRoom { .. } | ViewsError::Locked { .. } => FollowError::NoRoom { follower, detail },
        _ => FollowError::State { follower, detail },
    }
}
