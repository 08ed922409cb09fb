//! Several nodes, one log.

use std::sync::Arc;

use songhua_domain::event::{Event, SubmissionRef};
use songhua_domain::vocabulary::Reason;
use songhua_log::{AppendOutcome, Batch, EventLog, Position};
use uuid::Uuid;

use super::fixture::{
    LEAD, OTHER, Plan, TODAY, TestClock, again, agency, days, events, figure, id, log_identity, nothing, numbers, time,
};
use super::shared::{SharedLog, foreign, no_answer};
use crate::day::{day_to_open, system_actor};
use crate::options::IngestOptions;

async fn shared() -> (Plan, Arc<SharedLog>) {
    let log = Arc::new(SharedLog::new());
    let plan = Plan::published_on(Arc::clone(&log) as Arc<dyn EventLog>).await;
    (plan, log)
}

async fn another_node(log: &Arc<SharedLog>, clock: &str) -> Plan {
    let directory = Arc::new(tempfile::tempdir().unwrap());
    let log = Arc::clone(log) as Arc<dyn EventLog>;
    Plan::open_in(log, directory, TestClock::at(clock), IngestOptions::default()).await.unwrap()
}

fn event_of(input: songhua_domain::event::EventInput, actor: &songhua_domain::event::Actor, at: &str) -> Event {
    Event {
        position: 0,
        recorded_time: time(at),
        actor: Arc::new(actor.clone()),
        submission: SubmissionRef { id: Uuid::from_u128(99), index: 0, count: 1 },
        back_dated: false,
        input: Arc::new(input),
    }
}

#[tokio::test]
async fn two_nodes_take_turns_and_each_event_is_stored_once() {
    let (one, log) = shared().await;
    let two = another_node(&log, "2026-03-02T04:00:01Z").await;
    for number in 0..20 {
        let (first, second) = if number % 2 == 0 { (&one, &two) } else { (&two, &one) };
        let receipt = first.put(&agency(LEAD), figure(number, number as i16 + 1, "31")).await;
        // A client that lost the answer asks the other node.
        assert_eq!(second.put(&agency(LEAD), figure(number, number as i16 + 1, "31")).await, again(&receipt));
    }
    let (racing, raced): (Vec<_>, Vec<_>) = (0..20)
        .map(|number| {
            let event = || vec![nothing(100 + number, 10, "race")];
            (one.submit(&agency(OTHER), event()), two.submit(&agency(OTHER), event()))
        })
        .unzip();
    let (here, there) = futures::join!(futures::future::join_all(racing), futures::future::join_all(raced));
    for (here, there) in here.into_iter().zip(there) {
        let (here, there) = (here.unwrap().remove(0), there.unwrap().remove(0));
        assert_ne!(here.duplicate, there.duplicate);
        assert_eq!((here.position, here.leaf_hash), (there.position, there.leaf_hash));
    }
    let stored = numbers(log.as_ref()).await;
    assert_eq!(stored.len(), 40);
    assert!(events(log.as_ref()).await.is_sorted_by_key(|event| event.recorded_time));
}

#[tokio::test]
async fn two_nodes_open_a_day_once() {
    let (one, log) = shared().await;
    let two = another_node(&log, "2026-03-02T04:00:01Z").await;
    for (clock, day) in [("2026-03-02T17:59:59Z", 2), ("2026-03-02T18:00:00Z", 3), ("2026-03-03T18:00:00Z", 4)] {
        one.clock.set(clock);
        two.clock.set(clock);
        let (here, there) = futures::join!(
            one.submit(&agency(OTHER), vec![nothing(day * 2, 10, "here")]),
            two.submit(&agency(OTHER), vec![nothing(day * 2 + 1, 10, "there")])
        );
        here.unwrap();
        there.unwrap();
    }
    let opened: Vec<_> = days(log.as_ref()).await.into_iter().map(|(day, _)| day.day()).collect();
    assert_eq!(opened, [2, 3, 4]);
}

/// The other node's batch begins with the same record key, and the answer to our own is lost: the key alone says
/// "stored" of events that nobody has.
async fn assert_nothing_is_acknowledged_for_another_nodes_batch(theirs: Batch) {
    let (plan, log) = shared().await;
    plan.clock.set("2026-03-03T04:00:00Z");
    log.befall(move |log, head, _| {
        let stored = log.append(head, theirs);
        assert!(matches!(futures::executor::block_on(stored), Ok(AppendOutcome::Stored { .. })));
        no_answer()
    });
    let mine = vec![nothing(1, 10, "mine"), nothing(2, 10, "mine")];
    let receipts = plan.submit(&agency(OTHER), mine).await.unwrap();
    for receipt in &receipts {
        let stored = log.find(receipt.event_id.as_bytes()).await.unwrap().expect("acknowledged, but not stored");
        assert_eq!(receipt.position, stored.position.0);
        assert_eq!(receipt.leaf_hash, songhua_log::leaf_hash(&stored.bytes));
    }
    let mut stored = numbers(log.as_ref()).await;
    stored.sort_unstable();
    assert_eq!(stored, [1, 2]);
    // The state follows what the other node wrote, down to its recorded times.
    plan.put(&agency(OTHER), nothing(3, 10, "next")).await;
    plan.assert_state_is_the_fold().await;
    assert!(events(log.as_ref()).await.is_sorted_by_key(|event| event.recorded_time));
}

#[tokio::test]
async fn another_nodes_day_is_not_taken_for_ones_own_batch() {
    let state = {
        let (plan, _) = shared().await;
        plan.put(&agency(OTHER), nothing(1, 10, "opens the day")).await;
        songhua_domain::state::PlanState::clone(&plan.ingest.durable_state())
    };
    let day = day_to_open(&state, log_identity().log_id, time("2026-03-03T04:00:00Z"), 0).unwrap();
    let day = event_of(day, &system_actor(), "2026-03-03T04:00:07Z");
    assert_nothing_is_acknowledged_for_another_nodes_batch(foreign(&day, "plans/qingshui-2025-2027")).await;
}

#[tokio::test]
async fn the_same_event_from_another_node_is_not_taken_for_ones_own_batch() {
    let (plan, log) = shared().await;
    plan.put(&agency(OTHER), nothing(5, 10, "opens the day")).await;
    let theirs = event_of(nothing(1, 10, "mine"), &agency(OTHER), "2026-03-02T04:00:09Z");
    let theirs = foreign(&theirs, "plans/qingshui-2025-2027");
    log.befall(move |log, head, _| {
        assert!(futures::executor::block_on(log.append(head, theirs)).is_ok());
        no_answer()
    });
    let both = vec![nothing(1, 10, "mine"), nothing(2, 10, "mine")];
    let receipts = plan.submit(&agency(OTHER), both).await.unwrap();
    assert!(receipts[0].duplicate && !receipts[1].duplicate);
    assert_eq!(receipts[0].recorded_time, time("2026-03-02T04:00:09Z"));
    assert_eq!(numbers(log.as_ref()).await, [5, 1, 2]);
    plan.put(&agency(OTHER), nothing(3, 10, "next")).await;
    plan.assert_state_is_the_fold().await;
}

#[tokio::test]
async fn a_batch_that_lands_unseen_is_acknowledged_once_it_is_seen() {
    let (plan, log) = shared().await;
    log.befall(|log, head, batch| {
        drop(log.append(head, batch));
        no_answer()
    });
    let receipt = plan.put(&agency(LEAD), figure(1, 10, "31")).await;
    assert!(!receipt.duplicate);
    assert_eq!(plan.put(&agency(LEAD), figure(1, 10, "31")).await, again(&receipt));
    assert_eq!(numbers(log.as_ref()).await, [1]);
}

#[tokio::test]
async fn a_full_submission_and_the_day_before_it_fit_a_log_of_small_batches() {
    let (plan, log) = shared().await;
    plan.put(&agency(OTHER), nothing(1, 10, "opens the day")).await;
    plan.clock.set("2026-03-03T04:00:00Z");
    let thousand: Vec<_> = (2_000..3_000).map(|number| nothing(number, 10, "many")).collect();
    let receipts = plan.submit(&agency(OTHER), thousand).await.unwrap();
    let opened = days(log.as_ref()).await;
    assert_eq!(opened.last(), Some(&(TODAY.tomorrow().unwrap(), receipts[0].position - 1)));
    assert!(receipts.is_sorted_by_key(|receipt| receipt.position));
    assert_eq!(receipts.last().unwrap().position, log.heads().durable.0);
}

#[tokio::test]
async fn submissions_that_do_not_fit_one_batch_keep_their_order() {
    let (plan, log) = shared().await;
    plan.put(&agency(OTHER), nothing(1, 10, "opens the day")).await;
    let sizes = [600_u128, 600, 1_000, 1, 399, 1_000];
    let mut next = 10_000;
    let submissions: Vec<_> = sizes
        .iter()
        .map(|size| {
            let events = (next..next + size).map(|number| nothing(number, 10, "many")).collect();
            next += size;
            events
        })
        .collect();
    let actor = agency(OTHER);
    let answers = futures::future::join_all(submissions.into_iter().map(|events| plan.submit(&actor, events))).await;
    let receipts: Vec<_> = answers.into_iter().flat_map(Result::unwrap).collect();
    let head = Position(receipts[0].position - 1);
    assert!(receipts.iter().zip(1..).all(|(receipt, place)| receipt.position == head.0 + place));
    assert_eq!(numbers(log.as_ref()).await.len(), 3_601);
}

#[tokio::test]
async fn more_than_the_log_takes_at_once_is_refused_alone() {
    let (plan, log) = shared().await;
    let head = log.heads();
    let actor = agency(OTHER);
    let too_many = (2_000..3_001).map(|number| nothing(number, 10, "many")).collect();
    let (first, refused, last) = futures::join!(
        plan.submit(&actor, vec![nothing(1, 10, "in front")]),
        plan.submit(&actor, too_many),
        plan.submit(&actor, vec![nothing(2, 10, "behind")])
    );
    assert_eq!(refused.unwrap_err().reason, Reason::TooManyEvents);
    assert!(first.unwrap()[0].position > head.durable.0 && last.unwrap()[0].position > head.durable.0);
    assert_eq!(id(1), events(log.as_ref()).await[log.heads().durable.0 as usize - 2].input.event_id);
}
