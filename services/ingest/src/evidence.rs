//! What a snapshot says of its log before that is opened: a position that was durable when it was written.
//!
//! Place in the flow: asked by whoever opens a plan's log, so that the log cuts nothing which a snapshot has seen.
//!
//! It must not know the state in it: a snapshot of another version has seen the log all the same.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use songhua_log::{Evidence, Position};
use uuid::Uuid;

use crate::snapshot::{HEADER_BYTES, MAGIC, newest_first};

/// What the newest whole snapshot in `directory` has seen.
pub fn seen_by_snapshots(directory: &Path) -> Option<Evidence> {
    newest_first(directory).iter().find_map(|path| seen(path).ok().flatten())
}

/// `None` if the file is no snapshot, or damaged.
fn seen(path: &Path) -> io::Result<Option<Evidence>> {
    let file = File::open(path)?;
    let Some(content) = file.metadata()?.len().checked_sub(4).filter(|content| *content >= HEADER_BYTES as u64) else {
        return Ok(None);
    };
    let mut file = BufReader::with_capacity(1 << 20, file);
    let mut header = [0; HEADER_BYTES];
    file.read_exact(&mut header)?;
    let mut crc = crc32c::crc32c(&header);
    let mut rest = (&mut file).take(content - HEADER_BYTES as u64);
    let mut piece = vec![0; 1 << 16];
    loop {
        let read = rest.read(&mut piece)?;
        if read == 0 {
            break;
        }
        crc = crc32c::crc32c_append(crc, &piece[..read]);
    }
    let mut stored = [0; 4];
    file.read_exact(&mut stored)?;
    if !header.starts_with(MAGIC) || crc != u32::from_le_bytes(stored) {
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
