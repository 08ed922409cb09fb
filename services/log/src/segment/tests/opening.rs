//! Opening: locks, kills, rolls that were cut short, files that are missing or do not belong.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::OpenError;

#[tokio::test]
async fn a_second_open_is_refused_and_names_the_process() {
    let directory = created();
    let (log, _) = open(directory.path());
    let refused = SegmentLog::open(directory.path(), SegmentOptions::default()).unwrap_err();
    let expected = OpenError::Locked { directory: directory.path().to_owned(), pid: Some(std::process::id()) };
    assert_eq!(refused, expected);
    log.close().await;
    open(directory.path());
}

#[tokio::test]
async fn an_empty_directory_is_no_log_and_a_log_is_not_created_twice() {
    let directory = tempfile::tempdir().unwrap();
    for path in [directory.path().to_owned(), directory.path().join("nowhere")] {
        let refused = SegmentLog::open(&path, SegmentOptions::default()).unwrap_err();
        assert_eq!(refused, OpenError::NoLog { directory: path });
    }
    let path = directory.path().join("plans/harbin");
    let identity = some_identity();
    let (log, _) = SegmentLog::open_or_create(&path, identity, SegmentOptions::default()).unwrap();
    drop(log);
    let refused = SegmentLog::create(&path, some_identity()).unwrap_err();
    assert_eq!(refused, OpenError::Exists { directory: path.clone() });
    let (log, _) = SegmentLog::open_or_create(&path, some_identity(), SegmentOptions::default()).unwrap();
    assert_eq!(log.identity(), identity);
}

#[tokio::test]
async fn files_are_for_their_owner_only() {
    let (directory, _) = four_segments().await;
    for entry in fs::read_dir(directory.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
    }
    let nested = directory.path().join("nested/log");
    SegmentLog::create(&nested, some_identity()).unwrap();
    assert_eq!(fs::metadata(&nested).unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn a_kill_loses_nothing_that_was_acknowledged() {
    let directory = created();
    let mut expected = Vec::new();
    for _ in 0..5 {
        let (log, report) = open(directory.path());
        assert_eq!((report.cut, report.read_only), (None, None));
        assert_eq!(all(&log).await, expected);
        append(&log, &[1, 2]).await;
        expected = all(&log).await;
        // Dropped, not closed: no mark is left.
    }
    assert_eq!(expected.len(), 15);
}

#[tokio::test]
async fn an_idle_log_and_a_closed_log_have_a_mark() {
    let directory = created();
    let (log, _) = SegmentLog::open(directory.path(), without_marks().mark_after(Duration::from_millis(5))).unwrap();
    append(&log, &[1]).await;
    let frames = || frame_offsets(&fs::read(first_segment(directory.path())).unwrap());
    let before = frames()[1] as u64;
    let marked = async {
        while frames().len() < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), marked).await.unwrap();
    tokio::time::sleep(Duration::from_millis(30)).await;
    log.close().await;
    log.close().await;
    let bytes = fs::read(first_segment(directory.path())).unwrap();
    assert_eq!(bytes.len() as u64, before + 40, "one mark is enough");

    let (log, _) = open(directory.path());
    append(&log, &[1]).await;
    log.close().await;
    let report = crate::check(directory.path(), |_, _| {}).unwrap();
    assert_eq!((report.marks, report.records, report.damage), (2, 2, None));
}

#[tokio::test]
async fn segments_roll_and_everything_is_still_read_and_found() {
    let (directory, records) = four_segments().await;
    let (log, report) = open(directory.path());
    assert_eq!((report.segments, report.rebuilt.len(), report.cut), (4, 0, None));
    assert_eq!(all(&log).await, records);
    for record in records {
        assert_eq!(log.find(&record.key).await, Ok(Some(record)));
    }
    for first in firsts(directory.path()) {
        assert!(fs::metadata(segment(directory.path(), first)).unwrap().len() <= 500);
    }
}

#[tokio::test]
async fn missing_and_damaged_companions_are_rebuilt() {
    let (directory, records) = four_segments().await;
    let firsts = firsts(directory.path());
    fs::remove_file(companion(directory.path(), firsts[0])).unwrap();
    let mut bytes = fs::read(companion(directory.path(), firsts[1])).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(companion(directory.path(), firsts[1]), bytes).unwrap();
    // A companion of another segment, as an interrupted restore may leave it.
    fs::copy(companion(directory.path(), firsts[0] + 3), companion(directory.path(), firsts[2])).ok();
    fs::write(companion(directory.path(), firsts[2]), b"").unwrap();

    let (log, report) = open(directory.path());
    let expected: Vec<_> = firsts[..3].iter().map(|first| companion(directory.path(), *first)).collect();
    assert_eq!(report.rebuilt, expected);
    for record in records {
        assert_eq!(log.find(&record.key).await, Ok(Some(record)));
    }
    drop(log);
    assert!(open(directory.path()).1.rebuilt.is_empty());
}

#[tokio::test]
async fn a_roll_that_was_cut_short_is_finished() {
    let (whole, records) = four_segments().await;
    let next = records.len() as u64 + 1;
    let header = {
        let bytes = fs::read(first_segment(whole.path())).unwrap();
        let mut header = super::super::header::SegmentHeader::decode(&bytes).unwrap();
        header.first = Position(next);
        header.encode()
    };
    for left in [0, 1, 63, 64] {
        let directory = copy_of(whole.path());
        fs::write(segment(directory.path(), next), &header[..left]).unwrap();
        let (log, report) = open(directory.path());
        assert_eq!(report.head, Position(next - 1), "{left} bytes of the header");
        assert_eq!(report.read_only, None);
        // The companion of the segment before was not written yet.
        assert!(report.rebuilt.contains(&companion(directory.path(), firsts(whole.path())[3])));
        append(&log, &[1]).await;
        assert_eq!(all(&log).await[..records.len()], records);
    }
    let zeros = copy_of(whole.path());
    fs::write(segment(zeros.path(), next), [0; 64]).unwrap();
    assert_eq!(open(zeros.path()).1.head, Position(next - 1));
}

#[tokio::test]
async fn a_missing_segment_is_named() {
    let (whole, _) = four_segments().await;
    let firsts = firsts(whole.path());
    for missing in 0..3 {
        let directory = copy_of(whole.path());
        let path = segment(directory.path(), firsts[missing]);
        fs::remove_file(&path).unwrap();
        let refused = SegmentLog::open(directory.path(), without_marks()).unwrap_err();
        let (expected, found) = (Position(firsts[missing]), Position(firsts[missing + 1]));
        let file = segment(directory.path(), found.0);
        assert_eq!(refused, OpenError::Gap { file, missing: path, expected, found });
    }
}

#[tokio::test]
async fn a_sealed_segment_that_was_cut_is_named() {
    let (directory, _) = four_segments().await;
    let path = first_segment(directory.path());
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..64]).unwrap();
    let refused = SegmentLog::open(directory.path(), without_marks()).unwrap_err();
    assert!(matches!(refused, OpenError::Gap { missing, .. } if missing == path));
}

#[tokio::test]
async fn foreign_and_swapped_segments_are_refused() {
    let (whole, _) = four_segments().await;
    let (other, _) = four_segments().await;
    let firsts = firsts(whole.path());

    let foreign = copy_of(whole.path());
    fs::copy(segment(other.path(), firsts[1]), segment(foreign.path(), firsts[1])).unwrap();
    let refused = SegmentLog::open(foreign.path(), without_marks()).unwrap_err();
    assert!(matches!(refused, OpenError::Foreign { .. }), "{refused}");

    let swapped = copy_of(whole.path());
    fs::copy(segment(whole.path(), firsts[1]), segment(swapped.path(), firsts[2])).unwrap();
    let refused = SegmentLog::open(swapped.path(), without_marks()).unwrap_err();
    assert!(matches!(refused, OpenError::Header { .. }), "{refused}");

    let damaged = copy_of(whole.path());
    let mut bytes = fs::read(first_segment(damaged.path())).unwrap();
    bytes[20] ^= 1;
    fs::write(first_segment(damaged.path()), bytes).unwrap();
    let refused = SegmentLog::open(damaged.path(), without_marks()).unwrap_err();
    assert!(matches!(refused, OpenError::Header { .. }), "{refused}");
}

#[tokio::test]
async fn keys_with_one_fingerprint_are_told_apart() {
    let directory = created();
    let options = SegmentOptions { fingerprint: |key| u64::from(key[15] % 2), ..without_marks() };
    let (log, _) = SegmentLog::open(directory.path(), options.clone().segment_bytes_max(40_000)).unwrap();
    for _ in 0..12 {
        append(&log, &[100]).await;
    }
    let records = all(&log).await;
    log.close().await;
    assert!(firsts(directory.path()).len() > 1);
    let (log, _) = SegmentLog::open(directory.path(), options).unwrap();
    for record in records {
        assert_eq!(log.find(&record.key).await, Ok(Some(record)));
    }
    assert_eq!(log.find(&crate::conformance::fresh_key()).await, Ok(None));
}
