//! What a snapshot says of its log before that is opened: a position that was durable when it was written.
//!
//! Place in the flow: asked by whoever opens a plan's log, so that the log cuts nothing which a snapshot has seen.
//!
//! It must not know the state in it: a snapshot of another version has seen the log all the same.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use songhua_log::{Evidence, Position};
use uuid::Uuid;

use crate::snapshot::{CRC_BYTES, HEADER_BYTES, MAGIC, is_whole, newest_first};

/// What the newest whole snapshot in `directory` has seen.
pub fn seen_by_snapshots(directory: &Path) -> Option<Evidence> {
    newest_first(directory).iter().find_map(|path| seen(path).ok().flatten())
}

/// `None` if the file is no snapshot, or damaged.
fn seen(path: &Path) -> io::Result<Option<Evidence>> {
    let mut file = File::open(path)?;
    let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
    let Some(content) = length.checked_sub(CRC_BYTES).filter(|content| *content >= HEADER_BYTES) else {
        return Ok(None);
    };
    if !is_whole(&mut file, content)? {
        return Ok(None);
    }
    let mut header = [0; HEADER_BYTES];
    file.read_exact_at(&mut header, 0)?;
    if !header.starts_with(MAGIC) {
        return Ok(None);
    }
    let (mut epoch, mut log_id, mut position) = ([0; 4], [0; 16], [0; 8]);
    epoch.copy_from_slice(&header[12..16]);
    log_id.copy_from_slice(&header[16..32]);
    position.copy_from_slice(&header[32..40]);
    Ok(Some(Evidence {
        source: format!("snapshot {}", path.display()),
        log_id: Uuid::from_bytes(log_id),
        epoch: u32::from_le_bytes(epoch),
        position: Position(u64::from_le_bytes(position)),
    }))
}
