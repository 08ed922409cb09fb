//! Tests of what only the segment backend does: crashes, damage, rolling, locking, failing disks.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::frame::FRAME_HEADER_BYTES;
use super::header::{HEADER_BYTES, companion_name, segment_name};
use super::{OpenReport, SegmentLog, SegmentOptions};
use crate::conformance::{some_batch, some_identity};
use crate::record::{Batch, StoredRecord};
use crate::{AppendOutcome, EventLog, Position};

mod checks;
mod companions;
mod damage;
mod every_call;
mod evidence;
mod faults;
mod formats;
mod opening;
mod power_cuts;
mod room;
mod scrubbing;
mod selected;

/// A directory with an empty log.
fn created() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    SegmentLog::create(directory.path(), some_identity()).unwrap();
    directory
}

/// No mark comes on its own, and no more room is taken than the next group needs.
fn without_marks() -> SegmentOptions {
    SegmentOptions::default().mark_after(Duration::from_secs(3_600)).zeros_ahead(0)
}

fn open(directory: &Path) -> (SegmentLog, OpenReport) {
    SegmentLog::open(directory, without_marks()).unwrap()
}

/// Appends one batch and waits for it.
async fn append(log: &SegmentLog, sizes: &[usize]) -> Batch {
    let batch = some_batch(sizes);
    let outcome = log.append(log.heads().written, batch.clone()).await;
    assert!(matches!(outcome, Ok(AppendOutcome::Stored { .. })), "{outcome:?}");
    batch
}

/// All records that the log serves.
async fn all(log: &SegmentLog) -> Vec<StoredRecord> {
    log.read(Position::FIRST, usize::MAX).await.unwrap()
}

fn first_segment(directory: &Path) -> PathBuf {
    segment(directory, 1)
}

fn segment(directory: &Path, first: u64) -> PathBuf {
    directory.join(segment_name(Position(first)))
}

fn companion(directory: &Path, first: u64) -> PathBuf {
    directory.join(companion_name(Position(first)))
}

/// A segment without the room behind its frames.
fn frames_of(path: &Path) -> Vec<u8> {
    let mut bytes = fs::read(path).unwrap();
    let end = *frame_offsets(&bytes).last().unwrap();
    assert!(bytes[end..].iter().all(|byte| *byte == 0));
    bytes.truncate(end);
    bytes
}

/// Where each frame of a segment starts, and where the last ends.
fn frame_offsets(bytes: &[u8]) -> Vec<usize> {
    let mut offsets = vec![HEADER_BYTES as usize];
    loop {
        let at = offsets[offsets.len() - 1];
        if bytes[at..].iter().take(FRAME_HEADER_BYTES).all(|byte| *byte == 0) {
            return offsets;
        }
        let body = u32::from_le_bytes(bytes[at + 8..at + 12].try_into().unwrap()) as usize;
        offsets.push(at + FRAME_HEADER_BYTES + body);
    }
}

/// First positions of all segments of a log.
fn firsts(directory: &Path) -> Vec<u64> {
    super::recovery::segments_in(directory).unwrap().into_iter().map(|first| first.0).collect()
}

/// Three sealed segments and an active one, closed in order.
async fn four_segments() -> (TempDir, Vec<StoredRecord>) {
    let directory = created();
    let (log, _) = SegmentLog::open(directory.path(), without_marks().segment_bytes_max(500)).unwrap();
    while firsts(directory.path()).len() < 4 {
        append(&log, &[2, 1]).await;
    }
    let records = all(&log).await;
    log.close().await;
    (directory, records)
}

/// A copy of a log's directory, without its lock.
fn copy_of(directory: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}
