//! Idempotency for ever (services/README.md), sentence by sentence.

use jiff::civil::date;
use songhua_domain::event::{EventInput, MilestonePlanned, MilestoneReached, Name, Payload, Scope};
use songhua_domain::vocabulary::{AssignmentRole, MilestoneType, Reason};
use songhua_log::leaf_hash;
use songhua_wire::event::input_from_pb;
use songhua_wire::pb;
use uuid::Uuid;

use super::fixture::{
    LEAD, OTHER, Plan, TODAY, admin, again, agency, assigned, corrected, dimension, figure, id, nothing, numbers, time,
};
use crate::day::server_event;
use crate::handle::Submission;
use crate::refusal::Refused;

fn assert_reused(refused: &Refused, field: &str) {
    assert_eq!(refused.reason, Reason::EventIdReused);
    assert_eq!(refused.violations.len(), 1);
    assert_eq!(refused.violations[0].field, field);
}

#[tokio::test]
async fn the_same_event_of_the_same_agency_gets_its_first_receipt() {
    let plan = Plan::published().await;
    let first = plan.put(&agency(LEAD), figure(1, 10, "31")).await;
    plan.clock.set("2026-03-02T05:00:00Z");
    plan.put(&agency(LEAD), figure(2, 11, "32")).await;
    let second = plan.put(&agency(LEAD), figure(1, 10, "31")).await;
    assert_eq!(second, again(&first));
    assert_eq!(numbers(plan.log.as_ref()).await, [1, 2]);

    let record = plan.log.find(id(1).as_bytes()).await.unwrap().unwrap();
    assert_eq!((first.position, first.leaf_hash), (record.position.0, leaf_hash(&record.bytes)));
    assert_eq!(first.recorded_time, time(super::fixture::MORNING));
}

#[tokio::test]
async fn another_person_of_the_same_agency_gets_the_first_receipt_too() {
    let plan = Plan::published().await;
    let first = plan.put(&agency(LEAD), figure(1, 10, "31")).await;
    let mut colleague = agency(LEAD);
    colleague.principal = "night-shift".to_owned();
    colleague.credential_digest = [7; 32];
    assert_eq!(plan.put(&colleague, figure(1, 10, "31")).await, again(&first));
}

#[tokio::test]
async fn a_duplicate_succeeds_when_the_period_is_taken_by_a_correction_since() {
    let plan = Plan::published().await;
    let first = plan.put(&agency(LEAD), figure(1, 10, "31")).await;
    let correction = plan.put(&agency(LEAD), corrected(2, 1, "30")).await;
    let anew = plan.submit(&agency(LEAD), vec![figure(3, 10, "31")]).await.unwrap_err();
    assert_eq!(anew.reason, Reason::MeasurementExists);
    assert_eq!(plan.put(&agency(LEAD), figure(1, 10, "31")).await, again(&first));
    plan.put(&agency(LEAD), corrected(4, 2, "29")).await;
    assert_eq!(plan.put(&agency(LEAD), corrected(2, 1, "30")).await, again(&correction));
}

pub(super) fn planned(number: u128, milestone: &str) -> EventInput {
    let planned = MilestonePlanned {
        project: "pilot-base".parse().unwrap(),
        milestone: milestone.parse().unwrap(),
        milestone_type: MilestoneType::Groundbreaking,
        title: Name { zh: "开工".to_owned(), en: String::new() },
        due_date: date(2026, 6, 30),
        weight: 1.into(),
    };
    server_event(id(number), planned.into())
}

pub(super) fn reached(number: u128, milestone: &str) -> EventInput {
    let reached = MilestoneReached {
        project: "pilot-base".parse().unwrap(),
        milestone: milestone.parse().unwrap(),
        reach_date: TODAY,
    };
    server_event(id(number), reached.into())
}

#[tokio::test]
async fn a_duplicate_succeeds_when_the_milestone_is_closed_since() {
    let plan = Plan::published().await;
    let lead = agency(LEAD);
    plan.put(&lead, planned(1, "groundbreaking")).await;
    let first = plan.put(&lead, reached(2, "groundbreaking")).await;
    let anew = plan.submit(&lead, vec![reached(3, "groundbreaking")]).await.unwrap_err();
    assert_eq!(anew.reason, Reason::MilestoneState);
    assert_eq!(plan.put(&lead, reached(2, "groundbreaking")).await, again(&first));
}

#[tokio::test]
async fn other_content_under_a_known_id_is_refused_without_saying_where_the_first_stands() {
    let plan = Plan::published().await;
    let first = plan.put(&agency(LEAD), figure(1, 10, "31")).await;
    let before = plan.log.heads();
    let others = [
        figure(1, 10, "32"),
        figure(1, 11, "31"),
        EventInput { comment: "seen".to_owned(), ..figure(1, 10, "31") },
        EventInput { source_ref: "p. 3".to_owned(), ..figure(1, 10, "31") },
        EventInput { correlation_id: "case 7".to_owned(), ..figure(1, 10, "31") },
        EventInput { causation_id: Some(id(77)), ..figure(1, 10, "31") },
        EventInput { effective_date: Some(TODAY), ..figure(1, 10, "31") },
        nothing(1, 10, ""),
    ];
    for other in others {
        let refused = plan.submit(&agency(LEAD), vec![other]).await.unwrap_err();
        assert_reused(&refused, "events[0].event_id");
        assert!(refused.metadata.is_empty() && refused.retry_after.is_none());
        let hash: String = first.leaf_hash.iter().map(|byte| format!("{byte:02x}")).collect();
        // The id itself is the client's own; nothing else of the message has digits.
        let said = format!("{} {} {:?}", refused.message, refused.message_zh, refused.violations);
        let said = said.replace(&id(1).to_string(), "").replace("events[0]", "");
        assert!(!said.contains(&hash) && !said.bytes().any(|byte| byte.is_ascii_digit()), "{said}");
        assert!(!said.contains(LEAD));
    }
    assert_eq!(plan.log.heads(), before);
}

#[tokio::test]
async fn another_agency_with_equal_content_is_refused_in_the_same_words() {
    let plan = Plan::published().await;
    plan.put(&agency(OTHER), nothing(1, 10, "quiet")).await;
    let content = plan.submit(&agency(OTHER), vec![nothing(1, 10, "loud")]).await.unwrap_err();
    let agency_ = plan.submit(&agency(LEAD), vec![nothing(1, 10, "quiet")]).await.unwrap_err();
    let office = plan.submit(&admin(), vec![nothing(1, 10, "quiet")]).await.unwrap_err();
    assert_reused(&agency_, "events[0].event_id");
    assert_eq!((&content, &content), (&agency_, &office));
}

#[tokio::test]
async fn in_a_mixed_batch_duplicates_succeed_and_the_rest_is_stored() {
    let plan = Plan::published().await;
    let lead = agency(LEAD);
    let first = plan.submit(&lead, vec![figure(1, 10, "31"), figure(2, 11, "31")]).await.unwrap();
    let mixed = vec![figure(3, 12, "33"), figure(2, 11, "31"), figure(4, 13, "34"), figure(1, 10, "31")];
    let receipts = plan.submit(&lead, mixed).await.unwrap();
    assert_eq!(receipts[1], again(&first[1]));
    assert_eq!(receipts[3], again(&first[0]));
    let head = first[1].position;
    assert_eq!((receipts[0].position, receipts[2].position), (head + 1, head + 2));
    assert_eq!(numbers(plan.log.as_ref()).await, [1, 2, 3, 4]);

    let stored = super::fixture::events(plan.log.as_ref()).await;
    let places: Vec<_> = stored.iter().rev().take(2).map(|event| event.submission).collect();
    assert_eq!((places[1].index, places[0].index), (0, 1));
    assert_eq!((places[1].count, places[0].count), (2, 2));
}

#[tokio::test]
async fn a_submission_of_duplicates_only_stores_nothing() {
    let plan = Plan::published().await;
    let both = vec![figure(1, 10, "31"), figure(2, 11, "31")];
    let first = plan.submit(&agency(LEAD), both.clone()).await.unwrap();
    let head = plan.log.heads();
    let second = plan.submit(&agency(LEAD), both).await.unwrap();
    assert_eq!(second, first.iter().map(again).collect::<Vec<_>>());
    assert_eq!(plan.log.heads(), head);
}

#[tokio::test]
async fn a_refused_event_does_not_consume_its_id() {
    let plan = Plan::published().await;
    let lead = agency(LEAD);
    let refused = plan.submit(&lead, vec![figure(1, super::fixture::FUTURE, "31")]).await.unwrap_err();
    assert_eq!(refused.reason, Reason::FutureDate);
    assert!(!plan.put(&lead, figure(1, 10, "31")).await.duplicate);

    let refused = plan.submit(&agency(OTHER), vec![figure(2, 11, "31")]).await.unwrap_err();
    assert_eq!(refused.reason, Reason::OutOfScope);
    assert!(!plan.put(&lead, figure(2, 11, "31")).await.duplicate);
}

#[tokio::test]
async fn an_event_twice_in_one_request_is_stored_once() {
    let plan = Plan::published().await;
    let twice = vec![figure(1, 10, "31"), figure(2, 11, "31"), figure(1, 10, "31")];
    let receipts = plan.submit(&agency(LEAD), twice).await.unwrap();
    assert_eq!(receipts[2], again(&receipts[0]));
    assert_eq!(receipts[1].position, receipts[0].position + 1);
    assert_eq!(numbers(plan.log.as_ref()).await, [1, 2]);
    let last = super::fixture::events(plan.log.as_ref()).await.pop().unwrap();
    assert_eq!((last.submission.index, last.submission.count), (1, 2));
}

#[tokio::test]
async fn an_id_twice_in_one_request_with_other_content_is_refused_and_nothing_is_stored() {
    let plan = Plan::published().await;
    let clash = vec![figure(1, 10, "31"), figure(2, 11, "31"), figure(1, 12, "31")];
    let refused = plan.submit(&agency(LEAD), clash).await.unwrap_err();
    assert_reused(&refused, "events[2].event_id");
    assert_eq!(numbers(plan.log.as_ref()).await, [0; 0]);
    assert!(!plan.put(&agency(LEAD), figure(1, 12, "31")).await.duplicate);
}

#[tokio::test]
async fn ids_are_looked_up_before_scopes_so_that_a_lost_assignment_keeps_old_receipts() {
    let plan = Plan::published().await;
    let lead = agency(LEAD);
    let first = plan.put(&lead, figure(1, 10, "31")).await;
    let target = Scope::Target("lakeside".parse().unwrap(), "tech-firms".parse().unwrap());
    plan.put(&admin(), assigned(950, OTHER, AssignmentRole::Lead, target)).await;
    let anew = plan.submit(&lead, vec![figure(2, 11, "31")]).await.unwrap_err();
    assert_eq!(anew.reason, Reason::OutOfScope);
    assert_eq!(plan.put(&lead, figure(1, 10, "31")).await, again(&first));
    // The id also comes before the rules: what could never be stored is refused for its id first.
    let clash = plan.submit(&lead, vec![figure(1, super::fixture::FUTURE, "31")]).await.unwrap_err();
    assert_reused(&clash, "events[0].event_id");
}

#[tokio::test]
async fn scopes_are_judged_before_rules() {
    let plan = Plan::published().await;
    let refused = plan.submit(&agency(OTHER), vec![figure(1, super::fixture::FUTURE, "31")]).await.unwrap_err();
    assert_eq!(refused.reason, Reason::OutOfScope);
    plan.put(&agency(OTHER), dimension(2, "district=east", 10, "3")).await;
}

#[tokio::test]
async fn sameness_is_of_decoded_content_and_not_of_bytes() {
    let plan = Plan::published().await;
    let wire = |event_id: String, value: &str, dimension: &str| {
        let event = figure(1, 10, "31");
        let mut event = songhua_wire::event::input_to_pb(&event);
        event.event_id = event_id;
        if let Some(pb::event_input::Payload::MeasurementReported(reported)) = &mut event.payload {
            let kind = Some(pb::figure::Kind::Value(value.to_owned()));
            reported.figure = Some(pb::Figure { kind });
            reported.dimension = dimension.to_owned();
        }
        input_from_pb(&event).unwrap()
    };
    let lower = id(0xabc).to_string();
    let first = plan.put(&agency(LEAD), wire(lower.clone(), "31.0", "_T")).await;
    let same = [(lower.to_uppercase(), "31.00", "_T"), (lower.clone(), "31", "_T"), (lower, "031.0", "")];
    for (event_id, value, dimension) in same {
        assert_eq!(plan.put(&agency(LEAD), wire(event_id, value, dimension)).await, again(&first));
    }
}

#[tokio::test]
async fn fields_in_another_order_are_the_same_event() {
    use prost::Message;
    let plan = Plan::published().await;
    let wire =
        songhua_wire::event::input_to_pb(&EventInput { comment: "as counted".to_owned(), ..figure(1, 10, "31") });
    let (head, tail) = (
        pb::EventInput { comment: String::new(), ..wire.clone() }.encode_to_vec(),
        pb::EventInput { comment: wire.comment, ..Default::default() }.encode_to_vec(),
    );
    let read = |bytes: Vec<u8>| input_from_pb(&pb::EventInput::decode(&*bytes).unwrap()).unwrap();
    let (one, other) = ([head.clone(), tail.clone()].concat(), [tail, head].concat());
    assert_ne!(one, other);
    let first = plan.put(&agency(LEAD), read(one)).await;
    assert_eq!(plan.put(&agency(LEAD), read(other)).await, again(&first));
}

#[tokio::test]
async fn the_submission_id_plays_no_part() {
    let plan = Plan::published().await;
    let drawn = Uuid::now_v7();
    let under = |event| Submission { id: drawn, ..super::fixture::submission(&agency(LEAD), vec![event]) };
    let first = plan.ingest.submit(under(figure(1, 10, "31"))).await.unwrap();
    let second = plan.ingest.submit(under(figure(2, 11, "32"))).await.unwrap();
    assert_eq!(second[0].position, first[0].position + 1);
    let stored = super::fixture::events(plan.log.as_ref()).await.pop().unwrap();
    assert_eq!(stored.submission.id, drawn);
    assert!(matches!(stored.input.payload, Payload::MeasurementReported(_)));
}
