//! Selected reads, which are made in two halves at once: what lies around, and damage in either half.

use std::os::unix::fs::FileExt;

use bytes::Bytes;

use super::*;
use crate::{ReadError, Record, Submission};

#[tokio::test]
async fn records_are_found_in_submissions_of_any_size() {
    let directory = created();
    let (log, _) = SegmentLog::open(directory.path(), without_marks().segment_bytes_max(5 << 20)).unwrap();
    let mut key = 0_u128;
    for (records, bytes) in [(1, 10), (30, 60_000), (1, 60_000), (200, 90), (2, 16_000), (1, 1), (70, 30_000)].repeat(3)
    {
        let mut record = |_| {
            key += 1;
            Record { key: key.to_be_bytes(), bytes: Bytes::from(vec![key as u8; bytes]) }
        };
        let submission = Submission { recorded_time_us: 0, records: (0..records).map(&mut record).collect() };
        let stored = log.append(log.heads().written, Batch { submissions: vec![submission] }).await;
        assert!(matches!(stored, Ok(AppendOutcome::Stored { .. })), "{stored:?}");
    }
    assert!(firsts(directory.path()).len() > 1);
    let whole = all(&log).await;
    for step in [1, 2, 9, 60, 250] {
        let positions: Vec<_> = whole.iter().step_by(step).map(|record| record.position).collect();
        let read = log.read_selected(positions, usize::MAX).await.unwrap();
        assert!(read.iter().eq(whole.iter().step_by(step)), "one in {step}");
    }
}

#[tokio::test]
async fn what_stands_before_damage_is_served_and_then_the_damage_wherever_it_is() {
    let directory = created();
    let (log, _) = open(directory.path());
    for _ in 0..200 {
        append(&log, &[1]).await;
    }
    let whole = all(&log).await;
    let offsets = frame_offsets(&std::fs::read(first_segment(directory.path())).unwrap());
    let file = fs::OpenOptions::new().read(true).write(true).open(first_segment(directory.path())).unwrap();
    let wanted: Vec<_> = (1..=200).step_by(2).map(Position).collect();
    for damaged in [1, 2, 33, 99, 101, 102, 151, 199] {
        let at = offsets[damaged] as u64 - 1;
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        file.write_all_at(&[!byte[0]], at).unwrap();
        let damaged = Position(damaged as u64);
        let mut rest = &wanted[..];
        let mut served = Vec::new();
        let error = loop {
            match log.read_selected(rest.to_vec(), usize::MAX).await {
                Ok(records) if records.is_empty() => break None,
                Ok(records) => {
                    rest = &rest[records.len()..];
                    served.extend(records);
                }
                Err(error) => break Some(error),
            }
        };
        // Nobody asked for an even one.
        let behind = if damaged.0.is_multiple_of(2) { 201 } else { damaged.0 };
        let before = whole.iter().step_by(2).filter(|record| record.position.0 < behind);
        assert!(served.iter().eq(before), "damage at {damaged}");
        match error {
            Some(ReadError::Damaged { position, .. }) => assert_eq!(position, damaged),
            other => assert!(other.is_none() && behind == 201, "{other:?}"),
        }
        file.write_all_at(&byte, at).unwrap();
    }
}
