//! Positions that somebody outside the log has seen in it as durable. A log that ends before one of them has lost
//! something, or is an older copy.
//!
//! Place in the flow: gathered by whoever opens the log (checkpoints of followers, snapshots), judged by recovery before
//! anything is cut. It must not know who keeps them: what a log was found to lack, it keeps itself in `SEEN`, since
//! followers of a log that is shorter than they know begin anew.

use std::io;
use std::path::Path;

use uuid::Uuid;

use super::disk::{Disk, put_file};
use crate::identity::{Epoch, Identity, Position};

const SEEN: &str = "SEEN";

/// What somebody has seen of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Who, and where it is kept; for the operator.
    pub source: String,
    /// The log that was seen.
    pub log_id: Uuid,
    /// Its epoch.
    pub epoch: Epoch,
    /// A position that was durable.
    pub position: Position,
}

/// What the log in `directory` was found to lack before. A file that cannot be read says nothing.
pub(crate) fn load(directory: &Path) -> Option<Evidence> {
    let text = std::fs::read_to_string(directory.join(SEEN)).ok()?;
    let mut parts = text.trim_end().splitn(4, ' ');
    let mut next = || parts.next();
    let (log_id, epoch, position, source) = (next()?, next()?, next()?, next()?);
    let (log_id, epoch) = (Uuid::parse_str(log_id).ok()?, epoch.parse().ok()?);
    Some(Evidence { source: source.to_owned(), log_id, epoch, position: Position(position.parse().ok()?) })
}

/// Keeps what the log in `directory` lacks, for the next open.
pub(crate) fn keep(disk: &dyn Disk, directory: &Path, seen: &Evidence) -> io::Result<()> {
    let Evidence { source, log_id, epoch, position } = seen;
    put_file(
        disk,
        &directory.join(SEEN),
        format!("{log_id} {epoch} {position} {}\n", source.replace('\n', " ")).as_bytes(),
    )
}

/// The log in `directory` lacks nothing any more.
pub(crate) fn forget(directory: &Path) {
    // Left behind it says nothing wrong: it is compared anew at every open.
    let _ = std::fs::remove_file(directory.join(SEEN));
}

/// The furthest position beyond `head` that was seen of the log `identity`.
pub(crate) fn beyond(evidence: &[Evidence], identity: Identity, head: Position) -> Option<&Evidence> {
    let seen = evidence.iter().filter(|seen| (seen.log_id, seen.epoch) == (identity.log_id, identity.epoch));
    seen.filter(|seen| seen.position > head).max_by_key(|seen| seen.position)
}
