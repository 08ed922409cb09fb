//! The scrub: finds rot in a log that is in use, names it, and disturbs nobody.

use std::os::unix::fs::FileExt;

use super::super::scrub::Scrub;
use super::*;
use crate::check::Damage;
use crate::{ReadError, ScrubReport};

fn flip(path: &Path, at: usize) {
    let bytes = fs::read(path).unwrap();
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(&[bytes[at] ^ 4], at as u64).unwrap();
}

/// What the scrub reports once it is as it should be.
fn reported(scrub: &Scrub, is_so: impl Fn(&ScrubReport) -> bool) -> ScrubReport {
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    loop {
        let report = scrub.report();
        if is_so(&report) {
            return report;
        }
        assert!(std::time::Instant::now() < deadline, "{report:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// One that makes pass after pass.
fn eager(log: &SegmentLog) -> Scrub {
    Scrub::start(&log.shared, u64::MAX, Duration::from_millis(1)).unwrap()
}

#[tokio::test]
async fn a_flipped_bit_in_a_running_log_is_found_and_named_and_everything_else_is_served() {
    let (directory, records) = four_segments().await;
    let (log, _) = open(directory.path());
    let scrub = eager(&log);
    assert_eq!(reported(&scrub, |report| report.passes > 0).damage, []);
    let sealed = &firsts(directory.path())[..3];
    for (number, first) in sealed.iter().enumerate() {
        let path = segment(directory.path(), *first);
        let bytes = fs::read(&path).unwrap();
        // The body of the first frame, and the header of the second.
        for (frame, within) in [(0, 50), (1, 20)] {
            let at = frame_offsets(&bytes)[frame];
            flip(&path, at + within);
            let passes = scrub.report().passes;
            let report = reported(&scrub, |report| !report.damage.is_empty() && report.passes > passes + 1);
            let [Damage { position, file, offset, .. }] = &report.damage[..] else { panic!("{report:?}") };
            assert_eq!((file, *offset), (&path, at as u64), "segment {number}");
            assert!(log.read_only().is_none());
            assert!(matches!(log.read(*position, 0).await, Err(ReadError::Damaged { .. })));
            for record in records.iter().filter(|record| record.position < *position) {
                assert_eq!(log.read(record.position, 0).await.unwrap()[0], *record);
            }
            // Behind a body that is damaged, all are served; behind a header, those from the next known place on.
            let next = if frame == 0 { frame_end(&records, *position) } else { number + 1 };
            let from = if frame == 0 { next as u64 } else { firsts(directory.path())[next] };
            for record in records.iter().filter(|record| record.position.0 >= from) {
                assert_eq!(log.read(record.position, 0).await.unwrap()[0], *record);
            }
            append(&log, &[1]).await;
            fs::write(&path, &bytes).unwrap();
            reported(&scrub, |report| report.damage.is_empty());
        }
    }
    drop(scrub);
    log.close().await;
}

/// The position behind the submission of a record.
fn frame_end(records: &[StoredRecord], position: Position) -> usize {
    records[position.0 as usize - 1].submission_last.0 as usize + 1
}

#[tokio::test]
async fn a_companion_that_does_not_agree_is_made_again() {
    let (directory, records) = four_segments().await;
    let (log, _) = open(directory.path());
    let path = companion(directory.path(), 1);
    let bytes = fs::read(&path).unwrap();
    let scrub = eager(&log);
    for at in (0..bytes.len()).step_by(5) {
        flip(&path, at);
        let _ = reported(&scrub, |_| fs::read(&path).is_ok_and(|now| now == bytes));
    }
    fs::remove_file(&path).unwrap();
    let report = reported(&scrub, |_| fs::read(&path).is_ok_and(|now| now == bytes));
    assert_eq!(report.damage, []);
    for record in &records {
        assert_eq!(log.find(&record.key).await.unwrap().as_ref(), Some(record));
    }
}

/// A log with ten sealed segments of more than a piece each.
async fn large() -> (TempDir, SegmentLog) {
    let directory = created();
    let (log, _) = SegmentLog::open(directory.path(), without_marks().segment_bytes_max(600_000)).unwrap();
    while firsts(directory.path()).len() < 11 {
        append(&log, &[1_000; 4]).await;
    }
    (directory, log)
}

#[tokio::test]
async fn it_reads_all_that_is_sealed() {
    let (_directory, log) = large().await;
    let sealed: u64 = log.shared.state().sealed.iter().map(|sealed| sealed.bytes - HEADER_BYTES).sum();
    let scrub = Scrub::start(&log.shared, u64::MAX, Duration::from_secs(3_600)).unwrap();
    let report = reported(&scrub, |report| report.passes == 1);
    assert_eq!((report.bytes, report.damage), (sealed, Vec::new()));
}

#[tokio::test]
async fn it_ends_with_the_log_while_it_waits() {
    let (_directory, log) = large().await;
    log.scrub(1).unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    // It waits three days for the next piece.
    while log.scrub_report().bytes < 256 * 1024 {
        assert!(std::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    log.close().await;
    assert_eq!((log.scrub_report(), std::sync::Arc::strong_count(&log.shared)), (ScrubReport::default(), 1));
}
