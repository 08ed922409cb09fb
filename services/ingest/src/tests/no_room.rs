//! A disk that is full, and then is not: nothing is lost, everybody is told what to do, nobody restarts anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;
use songhua_domain::vocabulary::Reason;
use songhua_log::{EventLog, Position, SegmentLog, SegmentOptions};

use super::fixture::{LEAD, Plan, agency, figure, id, log_identity, numbers};
use crate::evidence::seen_by_snapshots;

#[tokio::test]
async fn a_plan_on_a_full_disk_says_so_and_takes_events_again_as_soon_as_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let full = Arc::new(AtomicBool::new(false));
    let options = SegmentOptions::default().full_while(Arc::clone(&full));
    let log = Arc::new(SegmentLog::open_or_create(folder.path(), log_identity(), options).unwrap().0);
    let plan = Plan::published_on(Arc::clone(&log) as Arc<dyn EventLog>).await;
    let lead = agency(LEAD);
    plan.put(&lead, figure(800, 60, "30")).await;
    let mut stored = vec![800];
    for round in 0..4 {
        full.store(true, Ordering::SeqCst);
        let sent: Vec<(u128, i16)> = (1..=6).map(|at| round * 6 + at).map(|at: u8| (at.into(), at.into())).collect();
        let offer = |(number, day): (u128, i16)| plan.submit(&lead, vec![figure(number, day, "31")]);
        for (at, answer) in join_all(sent.iter().copied().map(offer)).await.into_iter().enumerate() {
            let refused = answer.unwrap_err();
            // Who was decided on top of what was refused is not told why.
            let expected =
                if at == 0 { vec![Reason::DiskFull] } else { vec![Reason::DiskFull, Reason::OutcomeUnknown] };
            assert!(expected.contains(&refused.reason), "{}: {}", refused.reason, refused.message);
            if refused.reason == Reason::DiskFull {
                assert!(
                    refused.retry_after.is_some() && refused.message.contains("os error 28"),
                    "{}",
                    refused.message
                );
            }
        }
        // Those sent one by one, too: the state must not keep what was refused.
        for (number, day) in &sent {
            let refused = plan.submit(&lead, vec![figure(*number, *day, "31")]).await.unwrap_err();
            assert_eq!(refused.reason, Reason::DiskFull, "{}", refused.message);
        }
        assert!(plan.ingest.read_only().is_none() && log.refusing().is_some());
        assert_eq!(numbers(log.as_ref()).await, stored);
        assert!(log.find(id(800).as_bytes()).await.unwrap().is_some(), "reads go on");
        full.store(false, Ordering::SeqCst);
        for (number, day) in sent {
            assert!(!plan.put(&lead, figure(number, day, "31")).await.duplicate);
            stored.push(number);
        }
        assert_eq!(log.refusing(), None);
        plan.assert_state_is_the_fold().await;
    }
    assert_eq!(numbers(log.as_ref()).await, stored);
    plan.reopened().await.assert_state_is_the_fold().await;
}

#[tokio::test]
async fn a_snapshot_says_what_it_has_seen_of_the_log_unless_it_is_damaged() {
    let plan = Plan::published().await;
    plan.put(&agency(LEAD), figure(1, 10, "31")).await;
    let head = plan.log.heads().durable;
    let (log, snapshots, _) = plan.close().await;
    let seen = seen_by_snapshots(snapshots.path()).unwrap();
    let identity = log.identity();
    assert_eq!((seen.log_id, seen.epoch, seen.position), (identity.log_id, identity.epoch, head));
    let newest = std::fs::read_dir(snapshots.path()).unwrap().map(|entry| entry.unwrap().path()).max().unwrap();
    assert!(seen.source.contains(newest.to_str().unwrap()), "{}", seen.source);
    let whole = std::fs::read(&newest).unwrap();
    for at in [0, 14, 20, 33, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        std::fs::write(&newest, damaged).unwrap();
        assert!(seen_by_snapshots(snapshots.path()).is_none_or(|older| older.position < head), "byte {at}");
    }
    std::fs::write(&newest, &whole[..50]).unwrap();
    assert!(seen_by_snapshots(snapshots.path()).is_none_or(|older| older.position < head));
    assert!(head > Position::NONE && seen_by_snapshots(&snapshots.path().join("nowhere")).is_none());
}
