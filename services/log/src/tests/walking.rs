//! Walking over a log on disk, whole or damaged.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::conformance::{some_batch, some_identity};
use crate::walk::{Walked, walk};
use crate::{EventLog, Position, SegmentLog, SegmentOptions, StoredRecord};

/// Segments of a few submissions each, and what they hold.
async fn a_log() -> (TempDir, Vec<StoredRecord>) {
    let directory = tempfile::tempdir().unwrap();
    SegmentLog::create(directory.path(), some_identity()).unwrap();
    let (log, _) = SegmentLog::open(directory.path(), SegmentOptions::default().segment_bytes_max(700)).unwrap();
    for _ in 0..10 {
        log.append(log.heads().written, some_batch(&[2, 1])).await.unwrap();
    }
    let records = log.read(Position::FIRST, usize::MAX).await.unwrap();
    log.close().await;
    (directory, records)
}

fn segments(directory: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut segments: Vec<_> = paths.filter(|path| path.extension().is_some_and(|end| end == "seg")).collect();
    segments.sort();
    segments
}

/// The records from `from` on, and where there is damage: its position and where it goes on.
fn walked(directory: &Path, from: u64, past_damage: bool) -> (Vec<StoredRecord>, Vec<(u64, Option<u64>)>) {
    let (mut records, mut damage) = (Vec::new(), Vec::new());
    walk(directory, Position(from), past_damage, &mut |walked| {
        match walked {
            Walked::Frame(frame) => records.extend(frame.records),
            Walked::Damage { position, resumes, .. } => damage.push((position.0, resumes.map(|(_, next)| next.0))),
        }
        true
    })
    .unwrap();
    records.retain(|record| record.position.0 >= from);
    (records, damage)
}

#[tokio::test]
async fn every_record_is_shown_from_anywhere() {
    let (directory, records) = a_log().await;
    assert!(segments(directory.path()).len() > 3);
    for from in 1..=30 {
        assert_eq!(walked(directory.path(), from, false), (records[from as usize - 1..].to_vec(), Vec::new()));
    }
    assert!(walk(&directory.path().join("none"), Position::FIRST, false, &mut |_| true).is_err());
}

#[tokio::test]
async fn behind_damage_it_goes_on_only_if_told_to_and_says_what_is_missing() {
    let (directory, records) = a_log().await;
    let first = segments(directory.path()).remove(0);
    let whole = fs::read(&first).unwrap();
    for at in (64..400).step_by(5) {
        let mut bytes = whole.clone();
        bytes[at] ^= 32;
        fs::write(&first, bytes).unwrap();
        let (shown, damage) = walked(directory.path(), 1, true);
        let [(position, Some(resumes))] = damage[..] else { panic!("byte {at}: {damage:?}") };
        let expected = records.iter().filter(|record| !(position..resumes).contains(&record.position.0));
        assert!(shown.iter().eq(expected) && resumes - position <= 3, "byte {at}: {position} to {resumes}");
        let (shown, damage) = walked(directory.path(), 1, false);
        assert_eq!((shown.len() as u64, damage.len()), (position - 1, 1), "byte {at}");
    }
}

#[tokio::test]
async fn a_segment_that_is_gone_or_has_no_header_is_passed_over() {
    let (directory, records) = a_log().await;
    let second = segments(directory.path()).remove(1);
    let whole = fs::read(&second).unwrap();
    let firsts = [1, 2].map(|index: usize| {
        let name = segments(directory.path())[index].file_stem().unwrap().to_string_lossy().into_owned();
        name.parse::<u64>().unwrap()
    });
    let expected: Vec<_> =
        records.iter().filter(|record| !(firsts[0]..firsts[1]).contains(&record.position.0)).cloned().collect();
    fs::remove_file(&second).unwrap();
    assert_eq!(walked(directory.path(), 1, true), (expected.clone(), vec![(firsts[0], Some(firsts[1]))]));
    fs::write(&second, &whole[1..]).unwrap();
    let (shown, damage) = walked(directory.path(), 1, true);
    assert_eq!((shown, damage), (expected, vec![(firsts[0], None), (firsts[0], Some(firsts[1]))]));
}
