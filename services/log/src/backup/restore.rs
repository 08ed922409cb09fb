//! Makes a log of what a backup has of it: the same frames up to a submission, in a new epoch.
//!
//! Place in the flow: behind `verify_log`, offline. The record that says so is appended by whoever knows records.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use super::copy::each_chunk;
use super::manifest::LogEntry;
use super::verify::Cut;
use super::{BackupError, Progress, create_directory};
use crate::identity::{Epoch, Identity};
use crate::segment::OpenError;
use crate::segment::disk::{SegmentFile, sync_directory};
use crate::segment::frame::FrameHeader;
use crate::segment::header::{HEADER_BYTES, SegmentHeader};
use crate::segment::recovery::{header_of, segments_in};

/// Copies the log that `entry` names in the backup in `backup` into `directory`, which must hold no log: its frames up to
/// `cut`, under headers of `epoch`. Frames say nothing of the epoch, so that records keep their bytes.
///
/// # Errors
/// [`BackupError`]; what was written is no whole log and is to be deleted.
pub fn restore_log(
    backup: &Path,
    entry: &LogEntry,
    cut: &Cut,
    epoch: Epoch,
    directory: &Path,
    progress: Progress<'_>,
) -> Result<(), BackupError> {
    create_directory(directory)?;
    if !segments_in(directory)?.is_empty() {
        return Err(OpenError::Exists { directory: directory.to_owned() }.into());
    }
    for (index, segment) in entry.segments.iter().enumerate().take(cut.segment + 1) {
        let path = backup.join(entry.directory()).join(&segment.name);
        let file = File::open(&path).map_err(|error| BackupError::io(&path, &error))?;
        let source = SegmentFile { first: segment.first(), path, file };
        let ends = (index == cut.segment).then_some(cut.last).flatten();
        let bytes = ends.map_or(segment.bytes, |(offset, header)| offset + header.frame_bytes());
        let target = directory.join(&segment.name);
        let failed = |error: std::io::Error| BackupError::io(&target, &error);
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&target);
        let to = opened.map_err(failed)?;
        let identity = Identity { epoch, ..header_of(&source)?.identity };
        to.write_all_at(&SegmentHeader { identity, first: source.first }.encode(), 0).map_err(failed)?;
        each_chunk(&source, HEADER_BYTES, bytes, &mut |chunk, at| {
            to.write_all_at(chunk, at).map_err(failed)?;
            if progress(chunk.len() as u64) { Ok(()) } else { Err(BackupError::BrokenOff) }
        })?;
        if let Some((offset, header)) = ends {
            // The rest of its batch is cut off: now it ends here.
            let header = FrameHeader { batch_goes_on: false, ..header };
            to.write_all_at(&header.encode(), offset).map_err(failed)?;
        }
        to.sync_all().map_err(failed)?;
    }
    sync_directory(directory).map_err(|error| BackupError::io(directory, &error))
}
