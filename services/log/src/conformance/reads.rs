//! Cases about reading and finding.

use super::{Harness, fresh_key, of_batch, ours, put, read_all, some_batch};
use crate::identity::Position;

/// Whatever `max_bytes` is, a read ends with a submission, and gives at least one.
pub async fn reads_stop_at_the_end_of_a_submission(harness: impl Harness) {
    let log = harness.log();
    let batches = [some_batch(&[4, 1]), some_batch(&[2]), some_batch(&[1, 9, 1])];
    for batch in &batches {
        put(&*log, batch).await;
    }
    let expected: Vec<_> = batches.iter().flat_map(of_batch).collect();
    for max_bytes in [0, 1, 20, 21, 100, usize::MAX] {
        assert_eq!(ours(&read_all(&*log, max_bytes).await), expected, "max_bytes {max_bytes}");
    }
    let one = log.read(Position::FIRST, 0).await.expect("read");
    assert_eq!(one.last().expect("one submission").position, one[0].submission_last);
    assert_eq!(one[0].submission_first, Position::FIRST);
    let whole = one.iter().map(|record| record.bytes.len()).sum::<usize>();
    let exactly = log.read(Position::FIRST, whole).await.expect("read");
    assert!(exactly.len() > one.len(), "max_bytes were reached but not exceeded, and the read stopped");
}

/// A follower that kept half a submission can still go on.
pub async fn reads_start_inside_a_submission(harness: impl Harness) {
    let log = harness.log();
    let (first, last) = put(&*log, &some_batch(&[5])).await;
    for position in first.0..=last.0 {
        let read = log.read(Position(position), 0).await.expect("read");
        assert_eq!(read[0].position, Position(position));
        assert_eq!((read[0].submission_first, read[0].submission_last), (first, last));
        assert_eq!(read.last().expect("not empty").position, last);
    }
}

/// What is asked for, and nothing else, whatever `max_bytes` cuts it into.
pub async fn selected_reads_give_what_is_asked_for(harness: impl Harness) {
    let log = harness.log();
    for sizes in [&[4, 1][..], &[1, 9, 1], &[1; 40], &[100, 3]] {
        put(&*log, &some_batch(sizes)).await;
    }
    let all = read_all(&*log, usize::MAX).await;
    let head = all.len() as u64;
    for step in [1, 2, 3, 7, 50, 1_000] {
        for from in [1, 2, 6, head] {
            let positions: Vec<_> = (from..=head).step_by(step).map(Position).collect();
            let expected: Vec<_> = positions.iter().map(|position| all[position.0 as usize - 1].clone()).collect();
            for max_bytes in [0, 20, 100, usize::MAX] {
                let (mut read, mut rest) = (Vec::new(), &positions[..]);
                while !rest.is_empty() {
                    let beyond = [rest, &[Position(head + 1_000_000)]].concat();
                    let some = log.read_selected(beyond, max_bytes).await.expect("read");
                    let last = some.last().unwrap_or_else(|| panic!("nothing at {}, which is durable", rest[0]));
                    let before = some.iter().filter(|record| record.position < last.submission_first);
                    let bytes: usize = before.map(|record| record.bytes.len()).sum();
                    assert!(bytes <= max_bytes, "read on to {} although {max_bytes} were exceeded", last.position);
                    rest = &rest[some.len()..];
                    read.extend(some);
                }
                assert_eq!(read, expected, "every {step} from {from}, max_bytes {max_bytes}");
            }
        }
    }
    assert!(log.read_selected(Vec::new(), usize::MAX).await.expect("read").is_empty());
    assert!(log.read_selected(vec![Position(u64::MAX)], usize::MAX).await.expect("read").is_empty());
}

/// Beyond the head is no error; `NONE` reads as 1.
pub async fn reads_beyond_the_head_are_empty(harness: impl Harness) {
    let log = harness.log();
    if log.exclusive_writer() {
        assert!(log.read(Position::FIRST, usize::MAX).await.expect("read").is_empty());
    }
    let (_, last) = put(&*log, &some_batch(&[2])).await;
    assert!(log.read(last.plus(1_000), usize::MAX).await.expect("read").is_empty());
    assert!(log.read(Position(u64::MAX), usize::MAX).await.expect("read").is_empty());
    let from_none = log.read(Position::NONE, 0).await.expect("read");
    assert_eq!(from_none, log.read(Position::FIRST, 0).await.expect("read"));
    assert_eq!(from_none[0].position, Position::FIRST);
}

/// `Ok(None)` is certain, and a hit is the record itself.
pub async fn find_knows_every_durable_key_and_no_other(harness: impl Harness) {
    let log = harness.log();
    for sizes in [&[1][..], &[100, 3], &[1; 50]] {
        put(&*log, &some_batch(sizes)).await;
    }
    for record in read_all(&*log, usize::MAX).await {
        assert_eq!(log.find(&record.key).await.expect("find"), Some(record));
    }
    for _ in 0..1_000 {
        assert_eq!(log.find(&fresh_key()).await.expect("find"), None);
    }
}

/// So that a retry that arrives before the sync is seen as one.
pub async fn find_sees_what_an_exclusive_writer_has_accepted(harness: impl Harness) {
    let log = harness.log();
    if !log.exclusive_writer() {
        return;
    }
    let batch = some_batch(&[2, 2]);
    let answer = log.append(Position::NONE, batch.clone());
    for ((key, bytes), position) in of_batch(&batch).into_iter().zip(1..) {
        let found = log.find(&key).await.expect("find").expect("accepted");
        assert_eq!((found.position, found.bytes), (Position(position), bytes));
        assert_eq!(found.submission_last, Position(if position <= 2 { 2 } else { 4 }));
    }
    answer.await.expect("append");
    for record in read_all(&*log, usize::MAX).await {
        assert_eq!(log.find(&record.key).await.expect("find"), Some(record));
    }
}
