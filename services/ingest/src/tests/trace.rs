//! The trace of a call is kept with what it brought, and is no part of what makes two events the same.

use songhua_log::Position;
use songhua_wire::record::decode_record;
use songhua_wire::trace::TraceParent;

use super::fixture::{LEAD, Plan, again, agency, figure, id, nothing, submission};
use crate::handle::Submission;

const ONE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const OTHER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

async fn stored_trace(plan: &Plan, number: u128) -> String {
    let record = plan.log.find(id(number).as_bytes()).await.unwrap().unwrap();
    decode_record(record.position.0, &record.bytes).unwrap().trace_parent
}

fn traced(trace: &str, submission: Submission) -> Submission {
    Submission { trace_parent: TraceParent::parse(trace), ..submission }
}

#[tokio::test]
async fn every_record_of_a_submission_keeps_its_trace() {
    let plan = Plan::published().await;
    let events = vec![figure(1, 10, "31"), nothing(2, 11, "")];
    plan.ingest.submit(traced(ONE, submission(&agency(LEAD), events))).await.unwrap();
    plan.ingest.submit(submission(&agency(LEAD), vec![nothing(3, 12, "")])).await.unwrap();
    assert_eq!(stored_trace(&plan, 1).await, ONE);
    assert_eq!(stored_trace(&plan, 2).await, ONE);
    assert_eq!(stored_trace(&plan, 3).await, "");
    plan.assert_state_is_the_fold().await;
}

#[tokio::test]
async fn a_retry_in_another_trace_is_a_duplicate_and_the_first_trace_stays() {
    let plan = Plan::published().await;
    let send = |trace| plan.ingest.submit(traced(trace, submission(&agency(LEAD), vec![figure(1, 10, "31")])));
    let first = send(ONE).await.unwrap().remove(0);
    let head = plan.log.heads().durable;
    for trace in [OTHER, "", ONE] {
        assert_eq!(send(trace).await.unwrap(), [again(&first)]);
    }
    assert_eq!(stored_trace(&plan, 1).await, ONE);
    assert_eq!(plan.log.heads().durable, head);
    assert!(head > Position::FIRST);
}
