//! A replay that follows: heartbeats, resuming without a gap, and everything that ends it.
//!
//! Two threads: a reader must hear on while a test waits for the server to end.

use std::time::Duration;

use songhua_tests::pb::{self, Role};
use songhua_tests::{Client, Sandbox, days_ago, dimension, many, push, reason};
use tokio::time::timeout;
use tonic::{Code, Status, Streaming};

use crate::replay::{all, leaf_hash, positions};

/// How long anything may take that comes at all.
const PATIENCE: Duration = Duration::from_secs(60);

fn follow(from_position: u64) -> pb::ReplayRequest {
    let heartbeat_interval = Some(Duration::from_secs(1).into());
    pb::ReplayRequest { from_position, follow: true, heartbeat_interval, ..all() }
}

async fn begin(client: &Client, request: pb::ReplayRequest) -> Streaming<pb::ReplayResponse> {
    client.audit.clone().replay(request).await.unwrap().into_inner()
}

async fn next(stream: &mut Streaming<pb::ReplayResponse>) -> Result<pb::ReplayResponse, Status> {
    let response = timeout(PATIENCE, stream.message()).await.expect("a heartbeat at least")?;
    Ok(response.expect("the stream goes on"))
}

/// How a stream ends.
async fn end(mut stream: Streaming<pb::ReplayResponse>) -> Status {
    loop {
        match next(&mut stream).await {
            Ok(_) => {}
            Err(status) => return status,
        }
    }
}

async fn auditor(sandbox: &Sandbox) -> Client {
    let (_, token) = sandbox.grant(Role::Auditor, "", "").await;
    sandbox.client(Some(&token)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heartbeats_show_the_log_grow_although_nothing_passes() {
    let sandbox = Sandbox::start().await;
    let clerk = sandbox.lead_of_all("drc").await;
    let head = sandbox.durable().await;
    let filter = Some(pb::ReplayFilter { areas: vec!["circle-hit".to_owned()], ..Default::default() });
    let mut stream = begin(&auditor(&sandbox).await, pb::ReplayRequest { filter, ..follow(head + 1) }).await;
    let mut grown = head;
    for event in many(3) {
        let (receipts, _) = push(&clerk, &[event], 1).await;
        while grown < receipts[0].position {
            let beat = next(&mut stream).await.unwrap();
            assert!(beat.records.is_empty());
            assert!(beat.scanned_position >= grown && beat.durable_position >= beat.scanned_position);
            grown = beat.scanned_position;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_token_ends_a_stream_that_follows() {
    let sandbox = Sandbox::start().await;
    let (grant_id, token) = sandbox.grant(Role::Auditor, "", "").await;
    let mut stream = begin(&sandbox.client(Some(&token)).await, follow(1)).await;
    next(&mut stream).await.unwrap();
    let revoke = pb::RevokeAccessRequest { grant_id, reason: "离岗".into() };
    sandbox.admin().await.admin.revoke_access(revoke).await.unwrap();
    assert_eq!(reason(&end(stream).await, Code::Unauthenticated), "TOKEN_INVALID");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_breaks_is_resumed_without_gap_or_duplicate_while_a_writer_pushes() {
    let sandbox = Sandbox::start().await;
    let clerk = sandbox.lead_of_all("drc").await;
    let auditor = auditor(&sandbox).await;
    let (before, events) = (sandbox.durable().await, many(6_000));
    let writing = tokio::spawn(async move { push(&clerk, &events, 10).await });
    let (mut seen, mut from, mut calls) = (Vec::new(), 1, 0_u64);
    while from <= before + 6_000 {
        let mut stream = begin(&auditor, follow(from)).await;
        // Dropped after one to three responses, whatever is on its way.
        for _ in 0..=calls % 3 {
            let response = next(&mut stream).await.unwrap();
            seen.extend(positions(&response.records));
            from = response.scanned_position + 1;
        }
        calls += 1;
    }
    assert!(writing.await.unwrap().1);
    assert!(calls > 3, "{calls} calls");
    assert!(seen.iter().copied().eq(1..from), "a gap or a duplicate in {calls} calls");
}

/// Leaf hashes of the records up to `last`, none of which is skipped.
async fn read_to(stream: &mut Streaming<pb::ReplayResponse>, last: u64) -> Vec<Vec<u8>> {
    let mut hashes = Vec::new();
    while (hashes.len() as u64) < last {
        for record in next(stream).await.unwrap().records {
            assert_eq!(record.position, hashes.len() as u64 + 1);
            hashes.push(leaf_hash(&record.data));
        }
    }
    hashes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_readers_that_stand_still_slow_nobody_and_then_get_everything() {
    let sandbox = Sandbox::start().await;
    let clerk = sandbox.lead_of_all("drc").await;
    let mut stalled = Vec::new();
    for _ in 0..8 {
        stalled.push(begin(&auditor(&sandbox).await, follow(1)).await);
    }
    let events: Vec<_> = (0..20_000)
        .map(|index| {
            let event = dimension("city", "hnte-count", &format!("district=d{index}"), days_ago(1), "17");
            pb::EventInput { comment: "x".repeat(500), ..event }
        })
        .collect();
    let (receipts, complete) = push(&clerk, &events, 200).await;
    assert!(complete, "the writer is not held up");
    let last = receipts.last().unwrap().position;
    let everything = read_to(&mut begin(&auditor(&sandbox).await, follow(1)).await, last).await;
    let pushed = &everything[receipts[0].position as usize - 1..];
    assert!(pushed.iter().eq(receipts.iter().map(|receipt| &receipt.leaf_hash)), "a ninth reader gets what was pushed");
    for stalled in &mut stalled {
        assert_eq!(read_to(stalled, last).await, everything);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orderly_stop_ends_those_who_follow_at_once() {
    let mut sandbox = Sandbox::start().await;
    let auditor = auditor(&sandbox).await;
    let head = sandbox.durable().await;
    let mut busy = begin(&auditor, follow(1)).await;
    next(&mut busy).await.unwrap();
    let ended = [tokio::spawn(end(busy)), tokio::spawn(end(begin(&auditor, follow(head + 1)).await))];
    drop(auditor);
    sandbox.terminate().await;
    for ended in ended {
        assert_eq!(reason(&ended.await.unwrap(), Code::Unavailable), "SHUTTING_DOWN");
    }
    assert!(!sandbox.server_log().contains("cut off"), "{}", sandbox.server_log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_kill_the_history_goes_on_where_the_reader_was() {
    let mut sandbox = Sandbox::start().await;
    sandbox.lead_of_all("drc").await;
    let (_, clerk_token) = sandbox.grant(Role::Agency, "drc", "").await;
    let (_, token) = sandbox.grant(Role::Auditor, "", "").await;
    let (mut seen, mut acknowledged) = (Vec::new(), Vec::new());
    for round in 0..2 {
        let clerk = sandbox.client(Some(&clerk_token)).await;
        let from = seen.len() as u64 + 1;
        let mut stream = begin(&sandbox.client(Some(&token)).await, follow(from)).await;
        let events: Vec<_> = (0..4_000)
            .map(|index| dimension("city", "hnte-count", &format!("district=r{round}-{index}"), days_ago(1), "1"))
            .collect();
        let until = from + 1_500;
        let writing = tokio::spawn(async move { push(&clerk, &events, 10).await.0 });
        while (seen.len() as u64) < until {
            seen.extend(next(&mut stream).await.unwrap().records);
        }
        sandbox.kill();
        // What was on its way still counts: it was durable.
        while let Ok(response) = next(&mut stream).await {
            seen.extend(response.records);
        }
        acknowledged.extend(writing.await.unwrap());
        sandbox.serve().await;
    }
    let mut stream = begin(&sandbox.client(Some(&token)).await, follow(seen.len() as u64 + 1)).await;
    let durable = sandbox.durable().await;
    while (seen.len() as u64) < durable {
        seen.extend(next(&mut stream).await.unwrap().records);
    }
    assert!(seen.iter().map(|record| record.position).eq(1..=durable), "no gap, nothing twice");
    for receipt in &acknowledged {
        let record = &seen[receipt.position as usize - 1];
        assert_eq!(leaf_hash(&record.data), receipt.leaf_hash, "{receipt:?}");
    }
}
