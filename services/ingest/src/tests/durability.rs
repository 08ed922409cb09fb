//! Receipts follow the disk, and never precede it.

use std::sync::Arc;
use std::time::Duration;

use songhua_domain::event::{Actor, EventInput};
use songhua_domain::vocabulary::Reason;
use songhua_log::{EventLog, Position};
use tokio::task::JoinHandle;

use super::fixture::{LEAD, OTHER, Plan, again, agency, corrected, figure, fold, nothing, numbers, submission};
use super::gated::GatedLog;
use crate::handle::{Answer, Submission};
use crate::options::IngestOptions;

async fn published() -> (Plan, Arc<GatedLog>) {
    let log = GatedLog::new();
    let plan = Plan::published_on(Arc::clone(&log) as Arc<dyn EventLog>).await;
    // The day is open, so that nothing is written behind the test's back.
    plan.put(&agency(LEAD), figure(800, 60, "30")).await;
    (plan, log)
}

fn send(plan: &Plan, submission: Submission) -> JoinHandle<Answer> {
    let ingest = plan.ingest.clone();
    tokio::spawn(async move { ingest.submit(submission).await })
}

fn begin(plan: &Plan, actor: &Actor, event: EventInput) -> JoinHandle<Answer> {
    send(plan, submission(actor, vec![event]))
}

/// Long enough for whatever could wrongly be answered.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(40)).await;
}

#[tokio::test]
async fn no_receipt_goes_out_before_the_disk_has_it() {
    let (plan, log) = published().await;
    log.stall();
    let first = begin(&plan, &agency(LEAD), figure(1, 10, "31"));
    log.until_under_way(1).await;
    settle().await;
    assert!(!first.is_finished());
    assert!(plan.ingest.durable_state().head() < log.heads().written.0);
    log.sync_one();
    let receipts = first.await.unwrap().unwrap();
    assert_eq!(receipts[0].position, log.heads().durable.0);
    assert_eq!(plan.ingest.durable_state().head(), log.heads().durable.0);
}

#[tokio::test]
async fn the_next_group_is_decided_while_the_last_one_is_synced() {
    let (plan, log) = published().await;
    log.stall();
    let first = begin(&plan, &agency(LEAD), figure(1, 10, "31"));
    log.until_under_way(1).await;
    // It can only be decided on top of the first one.
    let second = begin(&plan, &agency(LEAD), corrected(2, 1, "30"));
    log.until_under_way(2).await;
    settle().await;
    assert!(!first.is_finished() && !second.is_finished());
    log.sync_one();
    first.await.unwrap().unwrap();
    settle().await;
    assert!(!second.is_finished());
    log.sync_one();
    second.await.unwrap().unwrap();
    plan.assert_state_is_the_fold().await;
}

#[tokio::test]
async fn a_duplicate_of_an_event_that_is_being_synced_waits_for_it() {
    let (plan, log) = published().await;
    log.stall();
    let first = begin(&plan, &agency(LEAD), figure(1, 10, "31"));
    log.until_under_way(1).await;
    let duplicate = begin(&plan, &agency(LEAD), figure(1, 10, "31"));
    settle().await;
    assert!(!first.is_finished() && !duplicate.is_finished());
    log.sync_one();
    let first = first.await.unwrap().unwrap();
    assert_eq!(duplicate.await.unwrap().unwrap()[0], again(&first[0]));
}

#[tokio::test]
async fn a_check_of_an_event_that_is_being_synced_waits_for_it_too() {
    let (plan, log) = published().await;
    log.stall();
    let first = begin(&plan, &agency(LEAD), figure(1, 10, "31"));
    log.until_under_way(1).await;
    let check = Submission { validate_only: true, ..submission(&agency(LEAD), vec![figure(1, 10, "31")]) };
    let check = send(&plan, check);
    settle().await;
    assert!(!check.is_finished(), "a duplicate was confirmed that is not on disk");
    log.sync_one();
    let first = first.await.unwrap().unwrap();
    assert_eq!(check.await.unwrap().unwrap()[0], again(&first[0]));
}

#[tokio::test]
async fn a_refusal_that_rests_on_an_event_being_synced_waits_for_it() {
    for lost in [false, true] {
        let (plan, log) = published().await;
        log.stall();
        let first = begin(&plan, &agency(LEAD), figure(1, 10, "31"));
        log.until_under_way(1).await;
        let taken = begin(&plan, &agency(LEAD), figure(2, 10, "32"));
        let reused = begin(&plan, &agency(LEAD), figure(1, 11, "32"));
        settle().await;
        assert!(!taken.is_finished() && !reused.is_finished(), "refused for an event that is not on disk");
        if lost {
            log.fail("disk 7 is dead")
        } else {
            log.flow()
        }
        assert_eq!(first.await.unwrap().is_err(), lost);
        let reasons = [taken.await.unwrap().unwrap_err().reason, reused.await.unwrap().unwrap_err().reason];
        let certain = [Reason::MeasurementExists, Reason::EventIdReused];
        assert_eq!(reasons, if lost { [Reason::OutcomeUnknown; 2] } else { certain });
    }
}

#[tokio::test]
async fn when_a_write_fails_nobody_behind_it_is_acknowledged() {
    let (plan, log) = published().await;
    let durable = log.heads().durable;
    log.stall();
    let first = begin(&plan, &agency(LEAD), figure(1, 10, "31"));
    log.until_under_way(1).await;
    let second = begin(&plan, &agency(LEAD), corrected(2, 1, "30"));
    log.until_under_way(2).await;
    let duplicate = begin(&plan, &agency(LEAD), figure(1, 10, "31"));
    let check = Submission { validate_only: true, ..submission(&agency(LEAD), vec![figure(1, 10, "31")]) };
    let check = send(&plan, check);
    settle().await;
    log.fail("sync failed: disk 7 is dead");

    // What was under way may be there after a restart: nobody can say now that it is not.
    for answer in [first, second] {
        assert_eq!(answer.await.unwrap().unwrap_err().reason, Reason::OutcomeUnknown);
    }
    for answer in [duplicate, check] {
        let reason = answer.await.unwrap().unwrap_err().reason;
        assert!(matches!(reason, Reason::OutcomeUnknown | Reason::LogReadOnly), "{reason}");
    }
    assert_eq!(plan.ingest.durable_state().head(), durable.0);
    assert_eq!(log.heads().durable, durable);
}

#[tokio::test]
async fn a_plan_that_became_read_only_says_why() {
    let (plan, log) = published().await;
    log.fail("sync failed: disk 7 is dead");
    for event in [figure(1, 10, "31"), figure(800, 60, "30")] {
        let refused = plan.submit(&agency(LEAD), vec![event]).await.unwrap_err();
        assert_eq!(refused.reason, Reason::LogReadOnly);
        assert!(refused.message.contains("disk 7 is dead") && refused.message_zh.contains("disk 7 is dead"));
    }
}

#[tokio::test]
async fn a_read_only_log_opens_and_refuses() {
    let (plan, log) = published().await;
    log.fail("damage was found at open");
    let plan = plan.reopened().await;
    plan.assert_state_is_the_fold().await;
    let refused = plan.submit(&agency(LEAD), vec![figure(1, 10, "31")]).await.unwrap_err();
    assert_eq!(refused.reason, Reason::LogReadOnly);
    assert!(refused.message.contains("damage was found at open"));
}

#[tokio::test]
async fn a_read_only_log_with_damaged_records_opens_and_refuses() {
    let (plan, log) = published().await;
    let (_, directory, clock) = plan.close().await;
    std::fs::remove_dir_all(directory.path()).unwrap();
    log.fail("frame at byte 4711 does not match its checksum");
    for damaged in [10, 1] {
        log.damage_from(Position(damaged));
        let (log, directory, clock) = (Arc::clone(&log), Arc::clone(&directory), Arc::clone(&clock));
        let plan = Plan::open_in(log, directory, clock, IngestOptions::default()).await.unwrap();
        assert_eq!(plan.summary.head, damaged - 1);
        let refused = plan.submit(&agency(LEAD), vec![figure(1, 10, "31")]).await.unwrap_err();
        assert_eq!(refused.reason, Reason::LogReadOnly);
        assert!(refused.message.contains("byte 4711"));
    }
}

#[tokio::test]
async fn receipts_do_not_wait_for_a_snapshot() {
    let log = GatedLog::new();
    let options = IngestOptions { snapshot_every_records: 1, ..IngestOptions::default() };
    let plan = Plan::open(Arc::clone(&log) as Arc<dyn EventLog>, options).await;
    log.stall_reads(true);
    // Were it to wait, this would never come back.
    tokio::time::timeout(Duration::from_secs(10), plan.load()).await.unwrap();
    plan.put(&agency(LEAD), figure(1, 10, "31")).await;
    log.stall_reads(false);
    let (log, ..) = plan.close().await;
    assert_eq!(numbers(log.as_ref()).await, [1]);
}

#[tokio::test]
async fn the_durable_state_only_grows() {
    let plan = Plan::published().await;
    let earlier = plan.ingest.durable_state();
    plan.put(&agency(LEAD), figure(1, 10, "31")).await;
    let later = plan.ingest.durable_state();
    // As when the decider has read on before the acknowledger came to an earlier group.
    crate::acknowledger::publish(&plan.ingest.durable_state, &earlier);
    assert_eq!(plan.ingest.durable_state().head(), later.head());
}

#[tokio::test]
async fn many_at_once_share_groups_and_keep_their_order() {
    let (plan, log) = published().await;
    log.stall();
    let first = begin(&plan, &agency(OTHER), nothing(1, 10, "first"));
    log.until_under_way(1).await;
    let mut more = Vec::new();
    for number in 2..=200 {
        more.push(begin(&plan, &agency(OTHER), nothing(number, 10, "more")));
        tokio::task::yield_now().await;
    }
    settle().await;
    let groups = log.under_way();
    log.flow();
    let mut positions = vec![first.await.unwrap().unwrap()[0].position];
    for answer in more {
        positions.push(answer.await.unwrap().unwrap()[0].position);
    }
    assert!(positions.is_sorted(), "{positions:?}");
    assert!(groups < 200, "{groups} groups");
    assert_eq!(numbers(log.as_ref()).await.len(), 201);
    assert!(*plan.ingest.durable_state() == fold(log.as_ref()).await);
}
