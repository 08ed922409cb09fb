//! `kill -9` in the middle of a push: nothing acknowledged is missing, nothing stands twice.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use songhua_tests::pb::Role;
use songhua_tests::{Output, Sandbox, days_ago, dimension, many, push, push_into};

/// Events of a round.
const EVENTS: usize = 4_000;
/// Events of a submission.
const BATCH: usize = 10;
/// Rounds, each with its own events and its own moment.
const ROUNDS: u64 = 4;

/// Where to kill: `SONGHUA_TEST_SEED`, or the clock. Printed, so that a failure can be had again.
pub(crate) fn seed() -> u64 {
    let given = std::env::var("SONGHUA_TEST_SEED").ok().and_then(|text| text.parse().ok());
    let seed = given.unwrap_or_else(|| jiff::Timestamp::now().as_microsecond() as u64);
    eprintln!("SONGHUA_TEST_SEED={seed}");
    seed
}

/// The next number below `most`.
pub(crate) fn draw(seed: &mut u64, most: u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) % most
}

fn check(sandbox: &Sandbox) -> Output {
    sandbox.run(&["check", sandbox.data().to_str().unwrap()])
}

#[tokio::test]
async fn a_server_killed_in_a_push_has_everything_it_acknowledged_and_nothing_twice() {
    let mut seed = seed();
    let mut sandbox = Sandbox::start().await;
    sandbox.lead_of_all("drc").await;
    let (_, token) = sandbox.grant(Role::Agency, "drc", "").await;
    let mut expected = sandbox.durable().await;
    for round in 0..ROUNDS {
        let events: Vec<_> = (0..EVENTS)
            .map(|index| dimension("city", "srdi-smes", &format!("district=r{round}-{index}"), days_ago(1), "3"))
            .collect();
        let clerk = sandbox.client(Some(&token)).await;
        let (acknowledged, until) = (Arc::new(AtomicUsize::new(0)), draw(&mut seed, EVENTS as u64 / 2) as usize);
        let pushing = tokio::spawn({
            let (events, acknowledged) = (events.clone(), Arc::clone(&acknowledged));
            async move { push_into(&clerk, &events, BATCH, |count| acknowledged.store(count, Ordering::Relaxed)).await }
        });
        while acknowledged.load(Ordering::Relaxed) < until {
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(Duration::from_micros(draw(&mut seed, 5_000))).await;
        sandbox.kill();
        let (before, complete) = pushing.await.unwrap();
        assert!(!complete && before.len() >= until, "killed in the middle: {} of {EVENTS}", before.len());
        let checked = check(&sandbox);
        assert_eq!(checked.code, 0, "the logs are sound at once: {checked:?}");

        sandbox.serve().await;
        let found = sandbox.durable().await - expected;
        assert!(found >= before.len() as u64, "{found} in the log, {} acknowledged", before.len());
        assert_eq!(found % BATCH as u64, 0, "submissions are whole or absent");
        let clerk = sandbox.client(Some(&token)).await;
        let (after, complete) = push(&clerk, &events, BATCH).await;
        assert!(complete);
        for (once, again) in before.iter().zip(&after) {
            let same = (once.position, &once.leaf_hash, &once.recorded_time, &once.event_id)
                == (again.position, &again.leaf_hash, &again.recorded_time, &again.event_id);
            assert!(same && again.duplicate, "acknowledged {once:?}, then {again:?}");
        }
        let there = after.iter().filter(|receipt| receipt.duplicate).count();
        assert_eq!(there as u64, found, "what was in the log comes back as duplicates");
        let positions: BTreeSet<_> = after.iter().map(|receipt| receipt.position).collect();
        assert_eq!(positions, (expected + 1..=expected + EVENTS as u64).collect(), "no gap, nothing twice");
        expected += EVENTS as u64;
        assert_eq!(sandbox.durable().await, expected);
    }
    sandbox.terminate().await;
    let checked = check(&sandbox);
    assert_eq!(checked.code, 0, "{checked:?}");
    assert!(checked.stdout.contains("ok") && checked.stdout.contains("plans"), "{checked:?}");
}

#[tokio::test]
async fn a_push_from_a_file_says_that_it_was_cut_off_and_resumes() {
    let mut seed = seed();
    let mut sandbox = Sandbox::start().await;
    sandbox.lead_of_all("drc").await;
    let (_, token) = sandbox.grant(Role::Agency, "drc", "").await;
    let token = sandbox.write("drc.token", &token);
    let before = sandbox.durable().await;
    let file = sandbox.ndjson("rows.ndjson", &many(20_000));
    let arguments = ["--json", "push", &file, "--token-file", &token, "--batch", "10"];
    let pushing = sandbox.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let until = before + 1 + draw(&mut seed, 3_000);
    while sandbox.durable().await < until {}
    sandbox.kill();
    let cut = Output::from(pushing.wait_with_output().unwrap());
    assert_eq!(cut.code, 3, "{}", cut.stderr);
    assert!(cut.stderr.contains("run the same command again"), "{}", cut.stderr);
    let count = |output: &Output, name: &str| {
        let outcome: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
        outcome[name].as_u64().unwrap()
    };
    sandbox.serve().await;
    let found = sandbox.durable().await - before;
    assert!(found >= count(&cut, "stored"), "{found} found, {} acknowledged", count(&cut, "stored"));
    let resumed = sandbox.run(&arguments);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert_eq!((count(&resumed, "duplicates"), count(&resumed, "stored")), (found, 20_000 - found));
    assert_eq!(sandbox.durable().await, before + 20_000);
}

#[tokio::test]
async fn a_server_that_is_stopped_in_a_push_answers_what_it_took() {
    let mut sandbox = Sandbox::start().await;
    sandbox.lead_of_all("drc").await;
    let (_, token) = sandbox.grant(Role::Agency, "drc", "").await;
    let start = sandbox.durable().await;
    let clerk = sandbox.client(Some(&token)).await;
    let events = many(20_000);
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let pushing = tokio::spawn({
        let (events, acknowledged) = (events.clone(), Arc::clone(&acknowledged));
        async move { push_into(&clerk, &events, BATCH, |count| acknowledged.store(count, Ordering::Relaxed)).await }
    });
    while acknowledged.load(Ordering::Relaxed) < 500 {
        tokio::task::yield_now().await;
    }
    let began = std::time::Instant::now();
    sandbox.terminate().await;
    let took = began.elapsed();
    let (before, complete) = pushing.await.unwrap();
    assert!(!complete, "20,000 events were pushed before a SIGTERM was heard");
    assert!(took < Duration::from_secs(20), "the server took {took:?} to stop");
    sandbox.serve().await;
    assert!(!sandbox.server_log().contains("torn tail"), "{}", sandbox.server_log());
    assert!(sandbox.durable().await - start >= before.len() as u64);
    let clerk = sandbox.client(Some(&token)).await;
    let (after, complete) = push(&clerk, &events, 100).await;
    assert!(complete);
    assert!(before.iter().zip(&after).all(|(once, again)| once.position == again.position && again.duplicate));
}
