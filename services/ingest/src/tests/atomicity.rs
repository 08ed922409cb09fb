//! All or nothing, and checks that store nothing.

use songhua_domain::event::{Evidence, EvidenceAttached, EvidenceWithdrawn, VerificationAccepted};
use songhua_domain::vocabulary::{Reason, Role};
use songhua_wire::record::decode_record;

use super::fixture::{FUTURE, LEAD, OTHER, Plan, again, agency, corrected, figure, id, nothing, numbers};
use super::idempotency::{planned, reached};
use crate::day::server_event;

#[tokio::test]
async fn one_bad_event_of_ten_stores_nothing_and_is_named() {
    let plan = Plan::published().await;
    let head = plan.log.heads();
    for bad in 0..10 {
        let mut ten: Vec<_> = (1..=10).map(|day| figure(day as u128, day, "31")).collect();
        ten[bad] = figure(bad as u128 + 1, FUTURE, "31");
        let refused = plan.submit(&agency(LEAD), ten).await.unwrap_err();
        assert_eq!(refused.reason, Reason::FutureDate);
        let field = format!("events[{bad}].measurement_reported.period.end");
        assert_eq!(refused.violations.iter().map(|found| &found.field).collect::<Vec<_>>(), [&field]);
        assert_eq!(plan.log.heads(), head);
    }
    let ten = (1..=10).map(|day| figure(day as u128, day, "31")).collect();
    assert_eq!(plan.submit(&agency(LEAD), ten).await.unwrap().len(), 10);
}

#[tokio::test]
async fn a_refused_submission_leaves_no_trace_for_the_next_one() {
    let plan = Plan::published().await;
    let bad = vec![figure(1, 10, "31"), figure(2, FUTURE, "31")];
    plan.submit(&agency(LEAD), bad).await.unwrap_err();
    // The slot of the first one is free, and so is its id.
    plan.put(&agency(LEAD), figure(3, 10, "35")).await;
    plan.put(&agency(LEAD), nothing(1, 10, "")).await;
    plan.assert_state_is_the_fold().await;
}

fn ledger() -> Evidence {
    Evidence {
        sha256: [1; 32],
        media_type: "application/pdf".to_owned(),
        title: "ledger".to_owned(),
        locator: "archive 7".to_owned(),
    }
}

#[tokio::test]
async fn later_events_of_a_submission_may_name_earlier_ones() {
    let plan = Plan::published().await;
    let attached = EvidenceAttached { event: id(3), evidence: vec![ledger()] };
    let chain = vec![
        planned(1, "groundbreaking"),
        reached(2, "groundbreaking"),
        figure(3, 10, "31"),
        corrected(4, 3, "30"),
        corrected(5, 4, "29"),
        server_event(id(6), attached.into()),
    ];
    let receipts = plan.submit(&agency(LEAD), chain.clone()).await.unwrap();
    assert_eq!(numbers(plan.log.as_ref()).await, [1, 2, 3, 4, 5, 6]);
    let second = plan.submit(&agency(LEAD), chain).await.unwrap();
    assert_eq!(second, receipts.iter().map(again).collect::<Vec<_>>());
    plan.assert_state_is_the_fold().await;
}

#[tokio::test]
async fn a_withdrawal_of_evidence_is_filed_with_what_the_evidence_supports() {
    let plan = Plan::published().await;
    plan.put(&agency(LEAD), nothing(1, 10, "")).await;
    let attached = EvidenceAttached { event: id(1), evidence: vec![ledger()] };
    plan.put(&agency(LEAD), server_event(id(2), attached.into())).await;
    let withdrawn = EvidenceWithdrawn { event: id(2), sha256: [1; 32], reason: "wrong file".to_owned() };
    let receipt = plan.put(&agency(LEAD), server_event(id(3), withdrawn.into())).await;
    let stored = plan.log.read(songhua_log::Position(receipt.position), usize::MAX).await.unwrap();
    let record = decode_record(receipt.position, &stored[0].bytes).unwrap();
    assert!(record.subject.ends_with("areas/lakeside/targets/tech-firms"), "{}", record.subject);
}

#[tokio::test]
async fn an_event_may_not_name_a_later_one() {
    let plan = Plan::published().await;
    let refused = plan.submit(&agency(LEAD), vec![corrected(2, 1, "30"), figure(1, 10, "31")]).await.unwrap_err();
    assert_eq!(refused.reason, Reason::UnknownResource);
    assert_eq!(refused.violations[0].field, "events[0].measurement_corrected.measurement");
}

#[tokio::test]
async fn an_event_names_one_of_another_submission_and_agency() {
    let plan = Plan::published().await;
    let first = plan.put(&agency(LEAD), figure(1, 10, "31")).await;
    let verified = VerificationAccepted { event: id(1), finding: "seen".to_owned() };
    let mut auditor = agency(OTHER);
    auditor.role = Role::Auditor;
    auditor.agency = None;
    let second = plan.put(&auditor, server_event(id(2), verified.into())).await;
    assert_eq!(second.position, first.position + 1);
}

#[tokio::test]
async fn a_check_stores_nothing_and_gives_no_place() {
    let plan = Plan::published().await;
    let head = plan.log.heads();
    let both = vec![figure(1, 10, "31"), corrected(2, 1, "30")];
    let checked = plan.check(&agency(LEAD), both.clone()).await.unwrap();
    for (receipt, event) in checked.iter().zip(&both) {
        assert_eq!((receipt.event_id, receipt.position, receipt.duplicate), (event.event_id, 0, false));
        assert_eq!(receipt.leaf_hash, [0; 32]);
    }
    assert_eq!(plan.log.heads(), head);
    plan.assert_state_is_the_fold().await;
    let stored = plan.submit(&agency(LEAD), both).await.unwrap();
    assert!(stored.iter().all(|receipt| !receipt.duplicate && receipt.position > head.durable.0));
}

#[tokio::test]
async fn a_check_reports_duplicates_truly() {
    let plan = Plan::published().await;
    let first = plan.put(&agency(LEAD), figure(1, 10, "31")).await;
    let events = vec![figure(1, 10, "31"), figure(2, 11, "31"), figure(2, 11, "31")];
    let checked = plan.check(&agency(LEAD), events).await.unwrap();
    assert_eq!(checked[0], again(&first));
    assert_eq!((checked[1].position, checked[1].duplicate), (0, false));
    assert_eq!((checked[2].position, checked[2].duplicate, checked[2].leaf_hash), (0, true, [0; 32]));
}

#[tokio::test]
async fn a_check_refuses_what_a_submission_would() {
    let plan = Plan::published().await;
    plan.put(&agency(LEAD), figure(1, 10, "31")).await;
    let cases = [
        (agency(LEAD), figure(2, FUTURE, "31"), Reason::FutureDate),
        (agency(LEAD), figure(2, 10, "31"), Reason::MeasurementExists),
        (agency(LEAD), figure(1, 11, "31"), Reason::EventIdReused),
        (agency(OTHER), figure(2, 11, "31"), Reason::OutOfScope),
    ];
    for (actor, event, reason) in cases {
        assert_eq!(plan.check(&actor, vec![event.clone()]).await.unwrap_err().reason, reason);
        assert_eq!(plan.submit(&actor, vec![event]).await.unwrap_err().reason, reason);
    }
}
