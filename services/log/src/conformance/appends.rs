//! Cases about appending: order, fence, outcomes, refusals.

use bytes::Bytes;
use futures::future::join_all;
use tokio::sync::Mutex;

use super::{Harness, of_batch, ours, put, read_all, some_batch, some_record};
use crate::contract::{AppendError, AppendOutcome};
use crate::identity::Position;
use crate::record::{Batch, RECORD_BYTES_MAX, SUBMISSION_RECORDS_MAX, Submission};
use crate::resolve::append_resolving;

/// The first record is 1, and every batch goes on where the one before ended.
pub async fn positions_are_gapless_from_1(harness: impl Harness) {
    let log = harness.log();
    let mut head = Position::NONE;
    for sizes in [&[1][..], &[3, 1], &[7], &[1, 1, 1]] {
        let batch = some_batch(sizes);
        let (first, last) = put(&*log, &batch).await;
        assert_eq!(last.0 - first.0 + 1, batch.record_count() as u64);
        assert!(first > head);
        if log.exclusive_writer() {
            assert_eq!(first, head.next());
        }
        head = last;
    }
    let all = read_all(&*log, usize::MAX).await;
    assert_eq!(all[0].position, Position::FIRST);
    assert_eq!(ours(&all).len(), 1 + 4 + 7 + 3);
}

/// Keys, bytes, times and submission boundaries come back as they were given.
pub async fn a_batch_is_stored_in_its_order(harness: impl Harness) {
    let log = harness.log();
    let batch = some_batch(&[2, 1, 5]);
    let (first, last) = put(&*log, &batch).await;
    let read = log.read(first, usize::MAX).await.expect("read");
    let read: Vec<_> = read.into_iter().filter(|record| record.position <= last).collect();
    assert_eq!(ours(&read), of_batch(&batch));
    let mut at = first;
    let mut records = read.iter();
    for submission in &batch.submissions {
        let end = Position(at.0 + submission.records.len() as u64 - 1);
        for _ in &submission.records {
            let record = records.next().expect("as many as stored");
            assert_eq!((record.submission_first, record.submission_last), (at, end));
            assert_eq!(record.recorded_time_us, submission.recorded_time_us);
        }
        at = end.next();
    }
}

/// Nothing is promised before it is kept.
pub async fn stored_means_durable_readable_and_found(harness: impl Harness) {
    let log = harness.log();
    for _ in 0..10 {
        let batch = some_batch(&[1, 2]);
        let outcome = append_resolving(&*log, log.heads().written, batch.clone()).await.expect("append");
        let AppendOutcome::Stored { first, last } = outcome else { continue };
        if log.exclusive_writer() {
            assert!(log.heads().durable >= last, "answered before it was durable");
        }
        log.wait(last).await;
        assert_eq!(log.read(first, 0).await.expect("read")[0].key, batch.submissions[0].records[0].key);
        for (key, _) in of_batch(&batch) {
            let found = log.find(&key).await.expect("find").expect("a stored key is found");
            assert!(first <= found.position && found.position <= last);
        }
    }
}

/// Too low, too high: nothing is stored, now or later.
pub async fn a_wrong_head_conflicts_and_stores_nothing(harness: impl Harness) {
    let log = harness.log();
    let stored = some_batch(&[3]);
    let (_, last) = put(&*log, &stored).await;
    let mut lost = Vec::new();
    for wrong in [Position::NONE, Position(last.0 - 1), Position(last.0 + 1_000_000)] {
        let batch = some_batch(&[2]);
        match log.append(wrong, batch.clone()).await.expect("append") {
            AppendOutcome::Conflict { head } => assert!(head >= last),
            AppendOutcome::Unknown { .. } => assert!(!log.exclusive_writer()),
            AppendOutcome::Stored { .. } => panic!("stored behind {wrong}"),
        }
        lost.extend(of_batch(&batch));
    }
    let after = some_batch(&[1]);
    put(&*log, &after).await;
    let all = ours(&read_all(&*log, usize::MAX).await);
    assert_eq!(all, [of_batch(&stored), of_batch(&after)].concat());
    for (key, _) in lost {
        assert_eq!(log.find(&key).await.expect("find"), None);
    }
}

/// Two batches of five records decided on the same head, sent at the same time.
pub async fn of_two_writers_on_one_head_exactly_one_wins(harness: impl Harness) {
    let log = harness.log();
    for _ in 0..20 {
        let head = put(&*log, &some_batch(&[1])).await.1;
        let batches = [some_batch(&[5]), some_batch(&[5])];
        let outcomes = join_all(batches.iter().map(|batch| append_resolving(&*log, head, batch.clone()))).await;
        let mut won = Vec::new();
        for (outcome, batch) in outcomes.into_iter().zip(&batches) {
            if let AppendOutcome::Stored { first, last } = outcome.expect("append") {
                assert_eq!((first, last), (head.next(), head.plus(5)));
                won.push(of_batch(batch));
            }
        }
        assert!(won.len() <= 1, "both won");
        assert!(won.len() == 1 || !log.exclusive_writer(), "none won");
        let all = ours(&read_all(&*log, usize::MAX).await);
        for batch in &batches {
            let here = of_batch(batch).iter().filter(|record| all.contains(record)).count();
            assert_eq!(here, if won.contains(&of_batch(batch)) { 5 } else { 0 });
        }
    }
}

/// A and B of five records expect one head, and C was decided on B: when A wins, the log ends where C expects it, and
/// C must not pass. Once the conflict was taken, deciding again succeeds.
pub async fn a_batch_decided_ahead_of_a_lost_one_is_lost(harness: impl Harness) {
    let log = harness.log();
    if !log.exclusive_writer() {
        return; // Nobody may decide ahead there.
    }
    let (a, b, c, d) = (some_batch(&[5]), some_batch(&[5]), some_batch(&[5]), some_batch(&[1]));
    let first = log.append(Position::NONE, a.clone());
    let second = log.append(Position::NONE, b);
    let ahead = log.append(Position(5), c);
    assert_eq!(first.await, Ok(AppendOutcome::Stored { first: Position(1), last: Position(5) }));
    assert!(matches!(second.await, Ok(AppendOutcome::Conflict { head: Position(5) })));
    assert!(matches!(ahead.await, Ok(AppendOutcome::Conflict { head: Position(5) })));
    let again = log.append(Position(5), d.clone()).await;
    assert_eq!(again, Ok(AppendOutcome::Stored { first: Position(6), last: Position(6) }));
    assert_eq!(ours(&read_all(&*log, usize::MAX).await), [of_batch(&a), of_batch(&d)].concat());
}

/// Whatever gets lost on the way, a batch stands in the log once if it was stored, and never otherwise.
pub async fn an_unknown_outcome_is_resolved(harness: impl Harness) {
    let log = harness.log();
    let mut expected = Vec::new();
    for round in 0..60 {
        let batch = some_batch(&[1 + round % 3]);
        match append_resolving(&*log, log.heads().written, batch.clone()).await.expect("append") {
            AppendOutcome::Stored { .. } => expected.extend(of_batch(&batch)),
            AppendOutcome::Conflict { head } => {
                log.wait(head).await;
            }
            AppendOutcome::Unknown { reason } => panic!("unresolved: {reason}"),
        }
    }
    assert_eq!(ours(&read_all(&*log, usize::MAX).await), expected);
}

/// Two nodes begin with an event that has one id everywhere, the second with other bytes or another rest: at most one
/// of their batches is stored, and only its sender is told so.
pub async fn a_batch_that_begins_with_the_key_of_another_is_not_that_one(harness: impl Harness) {
    let log = harness.log();
    for round in 0..30 {
        let head = put(&*log, &some_batch(&[1])).await.1;
        let (one, mut other) = (some_batch(&[2, 1]), some_batch(&[2, 1]));
        let shared = &mut other.submissions[0].records[0];
        *shared = one.submissions[0].records[0].clone();
        if round % 2 == 0 {
            shared.bytes = Bytes::from_static(b"of another node");
        }
        let mut stored = Vec::new();
        for batch in [one, other] {
            let outcome = append_resolving(&*log, head, batch.clone()).await.expect("append");
            if let AppendOutcome::Stored { first, last } = outcome {
                assert_eq!((first, last), (head.next(), head.plus(3)));
                stored.push(of_batch(&batch));
            }
        }
        assert!(stored.len() <= 1, "both were told that they are stored");
        assert!(stored.len() == 1 || !log.exclusive_writer(), "none was stored");
        if let [stored] = stored.as_slice() {
            log.wait(head.plus(3)).await;
            let read = log.read(head.next(), usize::MAX).await.expect("read");
            assert_eq!(ours(&read[..3]), *stored);
        }
    }
}

/// Not polling, or letting go, cancels nothing.
pub async fn a_dropped_append_still_lands(harness: impl Harness) {
    let log = harness.log();
    if !log.exclusive_writer() {
        return; // May land; nothing can be asserted.
    }
    let (first, second) = (some_batch(&[2]), some_batch(&[3]));
    drop(log.append(Position::NONE, first.clone()));
    drop(log.append(Position(2), second.clone()));
    log.wait(Position(5)).await;
    assert_eq!(ours(&read_all(&*log, 0).await), [of_batch(&first), of_batch(&second)].concat());
}

/// Every limit, one above.
pub async fn refused_batches_store_nothing(harness: impl Harness) {
    let log = harness.log();
    let sized = |bytes: usize| {
        let mut record = some_record();
        record.bytes = Bytes::from(vec![7; bytes]);
        Batch { submissions: vec![Submission { recorded_time_us: 1, records: vec![some_record(), record] }] }
    };
    let too_many = vec![1; log.max_batch() + 1];
    let refused = [
        (Batch::default(), AppendError::Empty),
        (some_batch(&[1, 0]), AppendError::Empty),
        (
            some_batch(&[SUBMISSION_RECORDS_MAX + 1]),
            AppendError::TooManyRecords {
                records: SUBMISSION_RECORDS_MAX + 1,
                limit: SUBMISSION_RECORDS_MAX,
                unit: "a submission",
            },
        ),
        (
            some_batch(&too_many),
            AppendError::TooManyRecords { records: too_many.len(), limit: log.max_batch(), unit: "a batch" },
        ),
        (sized(0), AppendError::RecordSize { index: 1, bytes: 0, limit: RECORD_BYTES_MAX }),
        (
            sized(RECORD_BYTES_MAX + 1),
            AppendError::RecordSize { index: 1, bytes: RECORD_BYTES_MAX + 1, limit: RECORD_BYTES_MAX },
        ),
    ];
    for (batch, error) in refused {
        assert_eq!(log.append(log.heads().written, batch).await, Err(error));
    }
    assert!(ours(&read_all(&*log, 0).await).is_empty());
    put(&*log, &some_batch(&[1])).await;
}

/// Every limit, exactly.
pub async fn the_largest_batch_and_record_are_stored(harness: impl Harness) {
    let log = harness.log();
    let full = log.max_batch() / SUBMISSION_RECORDS_MAX;
    let mut sizes = vec![SUBMISSION_RECORDS_MAX; full];
    sizes.extend(Some(log.max_batch() % SUBMISSION_RECORDS_MAX).filter(|rest| *rest > 0));
    let mut batch = some_batch(&sizes);
    batch.submissions[0].records[0].bytes = Bytes::from(vec![9; RECORD_BYTES_MAX]);
    assert_eq!(batch.record_count(), log.max_batch());
    put(&*log, &batch).await;
    assert_eq!(ours(&read_all(&*log, 1).await), of_batch(&batch));
}

/// 64 tasks at once; the place is taken when `append` is called, not when it is polled.
pub async fn the_order_of_calls_is_the_order_of_positions(harness: impl Harness) {
    let log = harness.log();
    if !log.exclusive_writer() {
        return; // Deciding ahead is not allowed there, so there is one call at a time.
    }
    let calls = Mutex::new(Vec::new());
    let submitter = |index: usize| {
        let (log, calls) = (&log, &calls);
        async move {
            for round in 0..10 {
                let batch = some_batch(&[1 + (index + round) % 3]);
                let mut calls = calls.lock().await;
                let expected = log.heads().written;
                let answer = log.append(expected, batch.clone());
                calls.extend(of_batch(&batch));
                drop(calls);
                let stored =
                    AppendOutcome::Stored { first: expected.next(), last: expected.plus(batch.record_count() as u64) };
                assert_eq!(answer.await, Ok(stored));
            }
        }
    };
    join_all((0..64).map(submitter)).await;
    assert_eq!(ours(&read_all(&*log, 1_000).await), calls.into_inner());
}
