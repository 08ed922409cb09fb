//! A fault ends decider or acknowledger while the node goes on: nobody waits for ever, and the plan says so.

use std::sync::Arc;
use std::time::Duration;

use songhua_domain::vocabulary::Reason;
use songhua_log::EventLog;

use super::fixture::{LEAD, Plan, agency, figure, nothing, numbers};
use super::gated::GatedLog;

/// Waits until the plan says why it takes no submissions.
async fn reason(plan: &Plan) -> String {
    for _ in 0..20_000 {
        if let Some(reason) = plan.ingest.read_only() {
            return reason;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("the plan does not say that its ingest has ended");
}

async fn assert_takes_nothing(plan: &Plan) {
    assert!(reason(plan).await.contains("restart the server"));
    let refused = plan.submit(&agency(LEAD), vec![figure(9, 12, "33")]).await.unwrap_err();
    assert_eq!(refused.reason, Reason::LogReadOnly, "{}", refused.message);
    let piped = plan.ingest.submit_pipelined(super::fixture::submission(&agency(LEAD), vec![figure(9, 12, "33")]));
    assert_eq!(piped.await.unwrap_err().reason, Reason::LogReadOnly);
    assert_eq!(plan.ingest.waiting(), 0);
}

#[tokio::test]
async fn after_a_panic_of_the_decider_the_plan_takes_nothing_and_says_why() {
    let plan = Plan::published().await;
    plan.put(&agency(LEAD), figure(1, 10, "31")).await;
    assert_eq!(plan.ingest.read_only(), None);
    plan.clock.stop();
    let under_way = plan.submit(&agency(LEAD), vec![figure(2, 11, "32")]).await.unwrap_err();
    // It could have been on its way to the disk: that it was not stored is more than the caller can be told.
    assert_eq!(under_way.reason, Reason::OutcomeUnknown, "{}", under_way.message);
    assert_takes_nothing(&plan).await;
    assert_eq!(numbers(plan.log.as_ref()).await, [1]);
}

#[tokio::test]
async fn after_a_panic_of_the_acknowledger_too() {
    let log = GatedLog::new();
    let plan = Plan::published_on(Arc::clone(&log) as Arc<dyn EventLog>).await;
    log.stall();
    let lead = agency(LEAD);
    let (answer, ()) = tokio::join!(plan.submit(&lead, vec![nothing(1, 10, "")]), async {
        log.until_under_way(1).await;
        log.forget();
    });
    assert_eq!(answer.unwrap_err().reason, Reason::OutcomeUnknown);
    assert!(reason(&plan).await.contains("restart the server"));
    // The decider sees it when it has something to hand over; nobody waits for ever then either.
    let answer = plan.submit(&lead, vec![nothing(2, 11, "")]).await.unwrap_err();
    assert!(matches!(answer.reason, Reason::OutcomeUnknown | Reason::LogReadOnly), "{}", answer.message);
}
