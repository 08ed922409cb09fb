//! An error at the n-th call of every kind, for every n of a short run: nothing acknowledged is lost, nothing comes twice.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::disk::{Disk, RealDisk};
use super::*;
use crate::AppendError;
use crate::conformance::{of_batch, ours};

const IO_ERROR: i32 = 5;
const KINDS: [&str; 7] = ["write", "sync", "reserve", "create", "rename", "sync of the directory", "truncate"];

/// The n-th call of one kind fails, and only that one.
#[derive(Default)]
struct Faulty {
    kind: usize,
    nth: u64,
    calls: [AtomicU64; KINDS.len()],
}

impl Faulty {
    fn call(&self, kind: usize) -> io::Result<()> {
        let call = self.calls[kind].fetch_add(1, Ordering::SeqCst) + 1;
        if (kind, call) == (self.kind, self.nth) { Err(io::Error::from_raw_os_error(IO_ERROR)) } else { Ok(()) }
    }
}

impl Disk for Faulty {
    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        // A part of a write that fails may well be there.
        self.call(0).inspect_err(|_| drop(RealDisk.write_at(file, &bytes[..bytes.len() / 2], offset)))?;
        RealDisk.write_at(file, bytes, offset)
    }
    fn sync(&self, file: &File) -> io::Result<()> {
        self.call(1)?;
        RealDisk.sync(file)
    }
    fn reserve(&self, file: &File, from: u64, to: u64) -> io::Result<()> {
        self.call(2)?;
        RealDisk.reserve(file, from, to)
    }
    fn create(&self, path: &Path) -> io::Result<File> {
        self.call(3)?;
        RealDisk.create(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(4)?;
        RealDisk.rename(from, to)
    }
    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.call(5)?;
        RealDisk.sync_directory(path)
    }
    fn truncate(&self, file: &File, length: u64) -> io::Result<()> {
        self.call(6)?;
        RealDisk.truncate(file, length)
    }
}

/// Appends by twos, rolls, closes. True if the fault was met.
async fn short_run(kind: usize, nth: u64, ahead: u64) -> bool {
    let case = format!("error at {} {nth}, {ahead} zeros ahead", KINDS[kind]);
    let directory = created();
    let disk = Arc::new(Faulty { kind, nth, ..Faulty::default() });
    let options = SegmentOptions { disk: disk.clone(), ..without_marks().zeros_ahead(ahead).segment_bytes_max(900) };
    let (log, _) = SegmentLog::open(directory.path(), options).unwrap();
    let (mut acknowledged, mut lost) = (Vec::new(), Vec::new());
    for _ in 0..8 {
        let batches = [some_batch(&[1, 2]), some_batch(&[2])];
        let answers = [0, 1].map(|at: usize| log.append(log.heads().written, batches[at].clone()));
        for (answer, batch) in answers.into_iter().zip(&batches) {
            match answer.await {
                Ok(AppendOutcome::Stored { .. }) if lost.is_empty() => acknowledged.extend(of_batch(batch)),
                Err(AppendError::ReadOnly { reason }) => {
                    assert!(reason.contains("os error 5"), "{case}: {reason}");
                    lost.push(of_batch(batch));
                }
                other => panic!("{case}: {other:?} after {} losses", lost.len()),
            }
        }
    }
    assert_eq!(log.read_only().is_some(), !lost.is_empty(), "{case}");
    assert_eq!(ours(&all(&log).await), acknowledged, "{case}");
    log.close().await;
    drop(log);

    let (log, report) = open(directory.path());
    assert_eq!(report.read_only, None, "{case}");
    let after = ours(&all(&log).await);
    assert!(after.starts_with(&acknowledged), "{case}: something acknowledged is gone");
    let behind = &after[acknowledged.len()..];
    let whole = (0..=lost.len()).any(|batches| lost[..batches].concat() == behind);
    assert!(whole, "{case}: {} records behind are no whole batches", behind.len());
    append(&log, &[1]).await;
    disk.calls[kind].load(Ordering::SeqCst) >= nth
}

#[tokio::test]
async fn an_error_of_any_call_loses_nothing_acknowledged_and_leaves_whole_batches() {
    for ahead in [0, 400] {
        for (kind, name) in KINDS.iter().enumerate() {
            let mut met = 0;
            while short_run(kind, met + 1, ahead).await {
                met += 1;
            }
            assert!(met > 0, "{name} was never called");
        }
    }
}
