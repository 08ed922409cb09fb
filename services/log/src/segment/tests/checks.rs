//! `check`: finds what is wrong from outside, and changes nothing.

use std::fs;

use super::*;
use crate::{check, check_durable};

#[tokio::test]
async fn a_sound_log_is_counted_even_while_it_is_open() {
    let (directory, records) = four_segments().await;
    let (_log, _) = open(directory.path());
    let mut steps = Vec::new();
    let report = check(directory.path(), |done, total| steps.push((done, total))).unwrap();
    assert!(report.is_sound());
    assert_eq!((report.segments, report.records, report.head.0), (4, records.len() as u64, records.len() as u64));
    assert_eq!((report.submissions, report.marks), (records.len() as u64 / 3 * 2, 1));
    assert_eq!((report.torn_tail, report.companions.len(), report.duplicate_keys), (None, 0, 0));
    assert_eq!(steps.len(), 4);
    assert_eq!(steps[3].0, steps[3].1);
}

#[tokio::test]
async fn every_damaged_byte_is_found_and_placed() {
    let (directory, _) = four_segments().await;
    for first in firsts(directory.path()) {
        let path = segment(directory.path(), first);
        let bytes = fs::read(&path).unwrap();
        let offsets = frame_offsets(&bytes);
        let last = first == firsts(directory.path())[3];
        let end = if last { bytes.len() - 40 } else { bytes.len() };
        for at in (64..end).step_by(7) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 4;
            fs::write(&path, damaged).unwrap();
            let report = check(directory.path(), |_, _| {}).unwrap();
            let damage = report.damage.clone().unwrap_or_else(|| panic!("byte {at} of segment {first}"));
            let frame = offsets[offsets.partition_point(|offset| *offset <= at) - 1] as u64;
            assert_eq!(damage.file, path);
            assert!(damage.offset <= frame && damage.offset >= 64, "{damage:?}");
            assert!(!report.is_sound());
        }
        fs::write(&path, bytes).unwrap();
    }
}

#[tokio::test]
async fn a_torn_tail_is_measured_and_left_alone() {
    let directory = created();
    let (log, _) = open(directory.path());
    append(&log, &[1]).await;
    append(&log, &[1]).await;
    drop(log);
    let path = first_segment(directory.path());
    let mut bytes = frames_of(&path);
    bytes.pop();
    fs::write(&path, &bytes).unwrap();
    let report = check(directory.path(), |_, _| {}).unwrap();
    let torn = report.torn_tail.clone().unwrap();
    assert_eq!(torn.offset + torn.bytes, bytes.len() as u64);
    assert_eq!((report.records, report.is_sound()), (1, true));
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[tokio::test]
async fn duplicate_keys_are_listed() {
    let directory = created();
    let (log, _) = open(directory.path());
    let batch = append(&log, &[2]).await;
    log.append(Position(2), batch.clone()).await.unwrap();
    log.close().await;
    let report = check(directory.path(), |_, _| {}).unwrap();
    let keys: Vec<_> = batch.submissions[0].records.iter().map(|record| record.key).collect();
    assert_eq!(report.duplicates, [(keys[0], Position(3)), (keys[1], Position(4))]);
    assert_eq!((report.duplicate_keys, report.is_sound()), (2, false));
}

#[tokio::test]
async fn a_key_that_comes_again_in_another_segment_is_found_and_one_that_is_half_the_same_is_none() {
    let directory = created();
    let (log, _) = SegmentLog::open(directory.path(), without_marks().segment_bytes_max(200)).unwrap();
    let batch = append(&log, &[2]).await;
    let mut other = some_batch(&[2]);
    let first = batch.submissions[0].records[0].key;
    // The halves change places: what is compared first is equal.
    other.submissions[0].records[0].key = [&first[8..], &first[..8]].concat().try_into().unwrap();
    log.append(Position(2), other).await.unwrap();
    log.append(Position(4), batch.clone()).await.unwrap();
    log.close().await;
    assert_eq!(firsts(directory.path()).len(), 3);
    let report = check(directory.path(), |_, _| {}).unwrap();
    let keys: Vec<_> = batch.submissions[0].records.iter().map(|record| record.key).collect();
    assert_eq!(report.duplicates, [(keys[0], Position(5)), (keys[1], Position(6))]);
}

#[tokio::test]
async fn what_stands_behind_a_durable_head_is_no_finding() {
    let directory = created();
    let (log, _) = open(directory.path());
    append(&log, &[1]).await;
    append(&log, &[1, 1]).await;
    drop(log);
    let path = first_segment(directory.path());
    let mut bytes = fs::read(&path).unwrap();
    let offsets = frame_offsets(&bytes);
    bytes[offsets[1] + 50] ^= 1;
    fs::write(&path, bytes).unwrap();
    let sound = check_durable(directory.path(), Position(1), |_, _| {}).unwrap();
    assert!(sound.is_sound() && sound.torn_tail.is_none(), "{sound:?}");
    assert_eq!(sound.head, Position(1));
    let damaged = check_durable(directory.path(), Position(3), |_, _| {}).unwrap();
    assert_eq!((damaged.damage.unwrap().position, damaged.head), (Position(2), Position(1)));
}

#[tokio::test]
async fn companions_that_do_not_agree_are_listed() {
    let (directory, _) = four_segments().await;
    let path = companion(directory.path(), 1);
    fs::remove_file(&path).unwrap();
    let report = check(directory.path(), |_, _| {}).unwrap();
    assert_eq!(report.companions, [path]);
    assert!(report.is_sound());
}

#[tokio::test]
async fn room_that_is_given_back_while_a_log_is_checked_is_no_finding() {
    let (directory, records) = four_segments().await;
    let last = segment(directory.path(), firsts(directory.path())[3]);
    let file = fs::OpenOptions::new().write(true).open(&last).unwrap();
    let length = frames_of(&last).len() as u64;
    file.set_len(length + 5_000).unwrap();
    // The server closes the log when the first segment was read.
    let head = Position(records.len() as u64);
    let report = check_durable(directory.path(), head, |_, _| file.set_len(length).unwrap()).unwrap();
    assert_eq!((&report.damage, report.head, report.records), (&None, head, head.0));
    assert_eq!(report, check_durable(directory.path(), head, |_, _| {}).unwrap());
}
