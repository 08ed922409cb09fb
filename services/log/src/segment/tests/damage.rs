//! Damage on disk: what was acknowledged is never cut and never served wrong; what was not is cut.

use std::fs;

use super::*;
use crate::{AppendError, ReadError};

/// Cuts a log behind `acknowledged` records at every byte of what follows, with so many zeros of prepared room behind,
/// and opens each.
async fn cut_at_every_byte(directory: &Path, whole: &[StoredRecord], acknowledged: usize, room: usize) {
    let bytes = frames_of(&first_segment(directory));
    let offsets = frame_offsets(&bytes);
    let keep = offsets[acknowledged];
    for length in keep..bytes.len() {
        let copy = copy_of(directory);
        let torn = [&bytes[..length], &vec![0; room]].concat();
        fs::write(first_segment(copy.path()), &torn).unwrap();
        let (log, report) = open(copy.path());
        let cut = report.cut.map_or(0, |cut| cut.bytes as usize);
        assert_eq!(report.read_only, None, "cut at byte {length}");
        assert_eq!(fs::metadata(first_segment(copy.path())).unwrap().len() as usize, torn.len() - cut);
        assert_eq!(cut > 0, length > keep, "cut at byte {length}");
        let kept = all(&log).await;
        assert!(kept.len() >= acknowledged, "cut at byte {length}: acknowledged records are gone");
        assert_eq!(kept[..], whole[..kept.len()], "cut at byte {length}");
        append(&log, &[1]).await;
    }
}

#[tokio::test]
async fn a_tail_torn_at_any_byte_is_cut_and_the_rest_kept() {
    let directory = created();
    let (log, _) = open(directory.path());
    for _ in 0..6 {
        append(&log, &[1]).await;
    }
    let whole = all(&log).await;
    drop(log);
    for room in [0, 1, 39, 40, 10_000] {
        cut_at_every_byte(directory.path(), &whole, 5, room).await;
    }
}

#[tokio::test]
async fn a_batch_whose_end_was_torn_off_is_cut_as_a_whole() {
    let directory = created();
    let (log, _) = open(directory.path());
    append(&log, &[1]).await;
    append(&log, &[1, 2, 1]).await;
    drop(log);
    let bytes = frames_of(&first_segment(directory.path()));
    let start = frame_offsets(&bytes)[1];
    for length in start..bytes.len() {
        for room in [0, 5_000] {
            let copy = copy_of(directory.path());
            fs::write(first_segment(copy.path()), [&bytes[..length], &vec![0; room]].concat()).unwrap();
            let (log, report) = open(copy.path());
            assert_eq!((report.head, report.read_only), (Position(1), None), "cut at byte {length}");
            assert_eq!(report.cut.map(|cut| cut.offset), (length > start).then_some(start as u64));
            append(&log, &[1]).await;
        }
    }
    assert_eq!(open(directory.path()).1.head, Position(5));
}

#[tokio::test]
async fn a_torn_tail_of_noise_is_cut_and_one_of_zeros_is_room() {
    let directory = created();
    let (log, _) = open(directory.path());
    append(&log, &[3]).await;
    let whole = all(&log).await;
    log.close().await;
    let bytes = fs::read(first_segment(directory.path())).unwrap();
    let end = bytes.len() as u64;
    let noise: Vec<u8> = (0..200_000_u32).map(|at| (at * 31 % 251) as u8).collect();
    let far = [vec![0; 3 << 20], vec![1]].concat();
    for tail in [vec![0xff; 39], noise.clone(), [vec![0; 70_000], noise].concat(), far] {
        let copy = copy_of(directory.path());
        let mut bytes = bytes.clone();
        bytes.extend_from_slice(&tail);
        fs::write(first_segment(copy.path()), bytes).unwrap();
        let (log, report) = open(copy.path());
        let cut = report.cut.unwrap();
        assert_eq!((cut.offset, cut.bytes), (end, tail.len() as u64));
        assert_eq!(all(&log).await, whole);
    }
    for zeros in [1, 39, 40, 41, 4_096, 3 << 20] {
        let copy = copy_of(directory.path());
        let file = fs::OpenOptions::new().write(true).open(first_segment(copy.path())).unwrap();
        file.set_len(end + zeros).unwrap();
        let (log, report) = open(copy.path());
        assert_eq!((report.cut, report.read_only, file.metadata().unwrap().len()), (None, None, end + zeros));
        assert_eq!(all(&log).await, whole);
        append(&log, &[1]).await;
        log.close().await;
        assert_eq!(fs::read(first_segment(copy.path())).unwrap(), frames_of(&first_segment(copy.path())));
    }
}

/// Far behind the damage, and across the edges of what is searched at once.
#[tokio::test]
async fn a_proof_behind_any_number_of_zeros_is_found() {
    let directory = created();
    let (log, _) = open(directory.path());
    append(&log, &[1]).await;
    log.close().await;
    let path = first_segment(directory.path());
    let bytes = fs::read(&path).unwrap();
    let offsets = frame_offsets(&bytes);
    let mark = &bytes[offsets[1]..];
    for zeros in (0..9_000).step_by(97).chain([1 << 20, (1 << 20) - 40, (1 << 20) - 1, (2 << 20) + 4_095]) {
        let gap = vec![0; bytes.len() + zeros - 64 - mark.len()];
        fs::write(&path, [&bytes[..64], &gap, mark, &vec![0; zeros % 5_000]].concat()).unwrap();
        let (_, report) = open(directory.path());
        assert_eq!((report.head, report.cut), (Position::NONE, None), "{zeros} zeros");
        assert!(report.read_only.is_some_and(|reason| reason.contains("positions up to 1 may have been acknowledged")));
    }
}

/// Flips every bit of every acknowledged frame, one at a time.
#[tokio::test]
async fn no_flipped_bit_of_an_acknowledged_frame_is_served_or_cut() {
    let directory = created();
    let (log, _) = open(directory.path());
    for sizes in [&[1][..], &[2, 1], &[1]] {
        append(&log, sizes).await;
    }
    let whole = all(&log).await;
    log.close().await;
    let path = first_segment(directory.path());
    let bytes = fs::read(&path).unwrap();
    let offsets = frame_offsets(&bytes);
    let mark = offsets[offsets.len() - 2];
    for bit in 64 * 8..mark * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &damaged).unwrap();
        let (log, report) = open(directory.path());
        let frame = offsets.partition_point(|offset| *offset <= bit / 8) - 1;
        let intact = [0, 1, 3, 4][frame];
        let reason = report.read_only.unwrap_or_else(|| panic!("bit {bit} was not found"));
        assert!(reason.contains(&format!("damage at position {} in ", intact + 1)), "{reason}");
        assert!(reason.contains(&format!("at byte {}:", offsets[frame])), "{reason}");
        assert_eq!(report.cut, None);
        assert_eq!(all(&log).await, whole[..intact], "bit {bit}");
        let refused = log.append(report.head, some_batch(&[1])).await;
        assert_eq!(refused, Err(AppendError::ReadOnly { reason }));
        drop(log);
        assert_eq!(fs::read(&path).unwrap(), damaged, "bit {bit}: the file was changed");
    }
}

/// Every frame is valid by itself, but one is gone, or stands there twice.
#[tokio::test]
async fn a_frame_that_is_missing_or_repeated_is_damage() {
    let directory = created();
    let (log, _) = open(directory.path());
    for _ in 0..3 {
        append(&log, &[1]).await;
    }
    log.close().await;
    let path = first_segment(directory.path());
    let bytes = fs::read(&path).unwrap();
    let offsets = frame_offsets(&bytes);
    let (second, third) = (offsets[1], offsets[2]);
    for damaged in [[&bytes[..second], &bytes[third..]].concat(), [&bytes[..third], &bytes[second..]].concat()] {
        fs::write(&path, &damaged).unwrap();
        let (log, report) = open(directory.path());
        let intact = if damaged.len() < bytes.len() { 1 } else { 2 };
        assert_eq!((report.head, report.cut), (Position(intact), None));
        assert!(report.read_only.is_some_and(|reason| reason.contains("the frame starts at position")));
        assert_eq!(all(&log).await.len() as u64, intact);
        drop(log);
        assert_eq!(fs::read(&path).unwrap(), damaged);
    }
}

#[tokio::test]
async fn a_flipped_bit_of_a_mark_costs_only_the_mark() {
    let directory = created();
    let (log, _) = open(directory.path());
    append(&log, &[2]).await;
    let whole = all(&log).await;
    log.close().await;
    let path = first_segment(directory.path());
    let bytes = fs::read(&path).unwrap();
    for bit in (bytes.len() - 40) * 8..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &damaged).unwrap();
        let (log, report) = open(directory.path());
        assert_eq!((report.cut.map(|cut| cut.bytes), report.read_only), (Some(40), None));
        assert_eq!(all(&log).await, whole);
    }
}

#[tokio::test]
async fn damage_in_a_sealed_segment_is_found_by_read_and_find() {
    let (directory, whole) = four_segments().await;
    let path = first_segment(directory.path());
    let mut bytes = fs::read(&path).unwrap();
    let second = frame_offsets(&bytes)[1];
    bytes[second + 60] ^= 1;
    fs::write(&path, &bytes).unwrap();

    // The companion is whole: nobody has looked into the segment yet.
    let (log, report) = open(directory.path());
    assert_eq!((report.read_only, report.rebuilt.len()), (None, 0));
    assert_eq!(all(&log).await, whole[..2], "records before the damage are served");
    let expected = |position: u64| move |error: ReadError| matches!(error, ReadError::Damaged { position: at, .. } if at == Position(position));
    assert!(log.read(Position(3), usize::MAX).await.is_err_and(expected(3)));
    assert!(log.find(&whole[2].key).await.is_err_and(expected(3)));
    assert_eq!(log.find(&whole[3].key).await, Ok(Some(whole[3].clone())));
    assert_eq!(log.read(Position(4), usize::MAX).await.unwrap(), whole[3..]);
    drop(log);

    // Without it the segment is scanned, and the log ends before the damage.
    fs::remove_file(companion(directory.path(), 1)).unwrap();
    let (log, report) = open(directory.path());
    assert_eq!(report.head, Position(2));
    assert!(report.read_only.is_some_and(|reason| reason.contains("damage at position 3")));
    assert_eq!(all(&log).await, whole[..2]);
    assert_eq!(log.find(&whole[5].key).await, Ok(None));
}

#[tokio::test]
async fn damage_that_comes_while_the_log_is_open_is_never_served() {
    let directory = created();
    // What is in memory does not rot with the disk.
    let (log, _) = SegmentLog::open(directory.path(), without_marks().recent_bytes_max(0)).unwrap();
    append(&log, &[1]).await;
    append(&log, &[1]).await;
    let path = first_segment(directory.path());
    let bytes = frames_of(&path);
    for at in frame_offsets(&bytes)[1]..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        // In place: the log holds the file open.
        fs::write(&path, &damaged).unwrap();
        assert_eq!(all(&log).await.len(), 1, "byte {at}");
        assert!(matches!(log.read(Position(2), 0).await, Err(ReadError::Damaged { position: Position(2), .. })));
    }
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    assert!(matches!(log.read(Position(2), 0).await, Err(ReadError::Damaged { .. })));
}
