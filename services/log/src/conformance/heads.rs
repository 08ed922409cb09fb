//! Cases about heads, waiting, closing and opening again.

use std::sync::Arc;
use std::time::Duration;

use super::{Harness, put, read_all, some_batch};
use crate::contract::{AppendError, Heads};
use crate::identity::Position;

/// At once for what is durable, later for what comes, and giving up waiting costs nothing.
pub async fn waiting_ends_when_the_position_is_durable(harness: impl Harness) {
    let log = harness.log();
    assert_eq!(log.wait(Position::NONE).await.durable.0, log.heads().durable.0);
    let early = tokio::time::timeout(Duration::from_millis(20), log.wait(Position(1_000_000))).await;
    assert!(early.is_err(), "waiting ended for a position that nobody wrote");
    let waiting = {
        let log = Arc::clone(&log);
        tokio::spawn(async move { log.wait(Position(5)).await })
    };
    let (_, last) = put(&*log, &some_batch(&[2, 3])).await;
    let heads = tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("in time").expect("no panic");
    assert!(heads.durable >= Position(5) && heads.durable <= heads.written);
    assert!(log.wait(last).await.durable >= last);
}

/// Nobody waits for ever for what will not come.
pub async fn waiting_ends_when_the_log_is_closed(harness: impl Harness) {
    let log = harness.log();
    let waiting = {
        let log = Arc::clone(&log);
        tokio::spawn(async move { log.wait(Position(1_000_000)).await })
    };
    put(&*log, &some_batch(&[1])).await;
    harness.close().await;
    let heads: Heads =
        tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("in time").expect("no panic");
    assert!(heads.durable < Position(1_000_000));
}

/// Closing ends writing, not reading.
pub async fn a_closed_log_refuses_appends_and_still_reads(harness: impl Harness) {
    let log = harness.log();
    let (_, last) = put(&*log, &some_batch(&[3])).await;
    harness.close().await;
    assert_eq!(log.append(last, some_batch(&[1])).await, Err(AppendError::Closed));
    assert!(read_all(&*log, 0).await.len() as u64 >= last.0);
}

/// Identity, records, keys and heads survive.
pub async fn reopening_keeps_everything(mut harness: impl Harness) {
    let log = harness.log();
    for sizes in [&[3, 1][..], &[1], &[20]] {
        put(&*log, &some_batch(sizes)).await;
    }
    let (identity, heads, before) = (log.identity(), log.heads(), read_all(&*log, usize::MAX).await);
    drop(log);
    if !harness.reopen().await {
        return;
    }
    let log = harness.log();
    assert_eq!((log.identity(), log.heads(), log.read_only()), (identity, heads, None));
    assert_eq!(read_all(&*log, usize::MAX).await, before);
    for record in before {
        assert_eq!(log.find(&record.key).await.expect("find"), Some(record));
    }
    put(&*log, &some_batch(&[2])).await;
}
