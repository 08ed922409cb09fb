//! A disk that fails: the log is poisoned, says so, and goes on reading.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::disk::{Disk, RealDisk};
use super::*;
use crate::AppendError;

/// Fails from the n-th call on.
#[derive(Default)]
struct Failing {
    writes_left: AtomicU64,
    syncs_left: AtomicU64,
    /// Syncs that failed.
    syncs_failed: AtomicU64,
}

impl Failing {
    fn after(writes: u64, syncs: u64) -> Arc<Self> {
        let (writes_left, syncs_left) = (AtomicU64::new(writes), AtomicU64::new(syncs));
        Arc::new(Self { writes_left, syncs_left, ..Self::default() })
    }
}

fn fails(left: &AtomicU64) -> io::Result<()> {
    let enough = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
    enough.map(drop).map_err(|_| io::Error::from_raw_os_error(5))
}

impl Disk for Failing {
    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        fails(&self.writes_left)?;
        RealDisk.write_at(file, bytes, offset)
    }
    fn sync(&self, file: &File) -> io::Result<()> {
        let failed = fails(&self.syncs_left);
        self.syncs_failed.fetch_add(failed.is_err().into(), Ordering::SeqCst);
        failed.and_then(|()| RealDisk.sync(file))
    }
}

/// Appends until the disk fails, and looks at what is left.
async fn poisoned(disk: Arc<Failing>, stored: usize, segment_bytes_max: u64) {
    let directory = created();
    let options = SegmentOptions { disk, ..without_marks().segment_bytes_max(segment_bytes_max) };
    let (log, _) = SegmentLog::open(directory.path(), options).unwrap();
    for _ in 0..stored {
        append(&log, &[1]).await;
    }
    let (failed, behind) = (some_batch(&[1]), some_batch(&[1]));
    let answers = [log.append(log.heads().written, failed.clone()), log.append(log.heads().written, behind.clone())];
    for answer in answers {
        assert!(matches!(answer.await, Err(AppendError::ReadOnly { reason }) if reason.contains("os error 5")));
    }
    let reason = log.read_only().unwrap();
    assert!(reason.contains(&format!("durable head {stored}")), "{reason}");
    let refused = log.append(Position(stored as u64), some_batch(&[1])).await;
    assert_eq!(refused, Err(AppendError::ReadOnly { reason }));

    assert_eq!(log.heads().durable, Position(stored as u64));
    let served = all(&log).await;
    assert_eq!(served.len(), stored);
    assert_eq!(log.find(&failed.submissions[0].records[0].key).await, Ok(None));
    log.close().await;

    let (log, report) = open(directory.path());
    assert_eq!(report.read_only, None, "a restart takes writes again");
    assert_eq!(all(&log).await[..stored], served);
    append(&log, &[1]).await;
}

#[tokio::test]
async fn a_failed_write_poisons_the_log() {
    poisoned(Failing::after(3, u64::MAX), 3, u64::MAX).await;
    poisoned(Failing::after(0, u64::MAX), 0, u64::MAX).await;
}

#[tokio::test]
async fn a_failed_sync_poisons_the_log_and_is_never_retried() {
    let disk = Failing::after(u64::MAX, 2);
    poisoned(disk.clone(), 2, u64::MAX).await;
    assert_eq!(disk.syncs_failed.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_roll_that_fails_anywhere_poisons_the_log_and_loses_nothing() {
    // Two appends fill a segment; the third rolls: the header of the next one is written and synced.
    poisoned(Failing::after(2, u64::MAX), 2, 300).await;
    poisoned(Failing::after(u64::MAX, 2), 2, 300).await;
}

#[tokio::test]
async fn a_companion_that_cannot_be_written_costs_nothing_but_memory() {
    struct NoCompanions;
    impl Disk for NoCompanions {
        fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
            if bytes.starts_with(b"SONGIDX") {
                Err(io::Error::from_raw_os_error(28))
            } else {
                RealDisk.write_at(file, bytes, offset)
            }
        }
        fn sync(&self, file: &File) -> io::Result<()> {
            RealDisk.sync(file)
        }
    }
    let directory = created();
    let options = SegmentOptions { disk: Arc::new(NoCompanions), ..without_marks().segment_bytes_max(300) };
    let (log, _) = SegmentLog::open(directory.path(), options).unwrap();
    for _ in 0..10 {
        append(&log, &[1]).await;
    }
    let records = all(&log).await;
    for record in &records {
        assert_eq!(log.find(&record.key).await, Ok(Some(record.clone())));
    }
    log.close().await;
    let (log, report) = open(directory.path());
    assert_eq!(report.rebuilt.len(), report.segments - 1);
    assert_eq!(all(&log).await, records);
}

#[tokio::test]
async fn a_failed_mark_poisons_an_idle_log() {
    let directory = created();
    let options = SegmentOptions { disk: Failing::after(1, 1), ..SegmentOptions::default() };
    let (log, _) = SegmentLog::open(directory.path(), options.mark_after(Duration::from_millis(1))).unwrap();
    append(&log, &[1]).await;
    let poisoned = async {
        while log.read_only().is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), poisoned).await.unwrap();
    assert_eq!(all(&log).await.len(), 1);
}

#[tokio::test]
async fn a_panic_of_the_writer_makes_the_log_read_only() {
    struct Panicking;
    impl Disk for Panicking {
        fn write_at(&self, _: &File, _: &[u8], _: u64) -> io::Result<()> {
            panic!("a bug");
        }
        fn sync(&self, _: &File) -> io::Result<()> {
            Ok(())
        }
    }
    let directory = created();
    let options = SegmentOptions { disk: Arc::new(Panicking), ..without_marks() };
    let (log, _) = SegmentLog::open(directory.path(), options).unwrap();
    let answer = log.append(Position::NONE, some_batch(&[1])).await;
    assert!(matches!(answer, Err(AppendError::ReadOnly { .. })));
    while log.read_only().is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(all(&log).await.is_empty());
}
