//! Trace context: `traceparent` of a call is in the records that it brought, and nothing else ever is.

use songhua_tests::pb;
use songhua_tests::{Client, PLAN, PushStream, Sandbox, days_ago, many, stock, submit};
use tonic::Request;

const ONE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const OTHER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

fn traced<T>(message: T, trace: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("traceparent", trace.parse().unwrap());
    request
}

/// `trace_parent` of every record from a position on, as an auditor sees it.
async fn traces(sandbox: &Sandbox, from_position: u64) -> Vec<String> {
    let request = pb::ReplayRequest { parent: PLAN.to_owned(), from_position, ..Default::default() };
    let mut answers = sandbox.admin().await.audit.replay(request).await.unwrap().into_inner();
    let mut found = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        let events = answer.records.iter().map(|record| prost::Message::decode(&record.data[..]).unwrap());
        found.extend(events.map(|event: pb::Event| event.trace_parent));
    }
    found
}

async fn world() -> (Sandbox, Client, u64) {
    let sandbox = Sandbox::start().await;
    let clerk = sandbox.lead_of_all("drc").await;
    let next = sandbox.durable().await + 1;
    (sandbox, clerk, next)
}

#[tokio::test]
async fn a_calls_trace_is_in_its_records_and_a_retry_in_another_one_is_a_duplicate() {
    let (sandbox, mut clerk, next) = world().await;
    let events = many(3);
    clerk.ingest.submit(traced(submit(events[..2].to_vec()), ONE)).await.unwrap();
    clerk.ingest.submit(submit(events[2..].to_vec())).await.unwrap();
    assert_eq!(traces(&sandbox, next).await, [ONE, ONE, ""]);
    let again = clerk.ingest.submit(traced(submit(events), OTHER)).await.unwrap().into_inner();
    assert!(again.receipts.iter().all(|receipt| receipt.duplicate));
    assert_eq!(traces(&sandbox, next).await, [ONE, ONE, ""]);
}

#[tokio::test]
async fn a_streams_trace_is_that_of_all_its_submissions() {
    let (sandbox, clerk, next) = world().await;
    let events = many(3);
    let requests = events
        .into_iter()
        .zip(1..)
        .map(|(event, tag)| pb::SubmitStreamRequest { tag, request: Some(submit(vec![event])) });
    let requests = tokio_stream::iter(requests.collect::<Vec<_>>());
    let mut answers = clerk.ingest.clone().submit_stream(traced(requests, ONE)).await.unwrap().into_inner();
    while answers.message().await.unwrap().is_some() {}
    let mut stream = PushStream::open(&clerk).await.unwrap();
    stream.send(submit(vec![stock("city", "hnte-count", days_ago(3), "16")])).await;
    stream.answer().await.unwrap().unwrap().1.unwrap();
    assert_eq!(traces(&sandbox, next).await, [ONE, ONE, ONE, ""]);
}

#[tokio::test]
async fn what_is_not_exactly_a_trace_parent_is_not_stored() {
    let (sandbox, mut clerk, next) = world().await;
    let odd = [
        ONE.to_uppercase(),
        ONE.replace("00-4b", "01-4b"),
        ONE.replace("00f067aa0ba902b7", "0000000000000000"),
        format!("{ONE}-extra"),
        ONE.repeat(200),
        "'; DROP TABLE".to_owned(),
    ];
    let events = many(odd.len() + 1);
    for (event, trace) in events.iter().zip(&odd) {
        clerk.ingest.submit(traced(submit(vec![event.clone()]), trace)).await.unwrap();
    }
    let mut twice = traced(submit(events[odd.len()..].to_vec()), ONE);
    twice.metadata_mut().append("traceparent", OTHER.parse().unwrap());
    clerk.ingest.submit(twice).await.unwrap();
    assert_eq!(traces(&sandbox, next).await, vec![""; odd.len() + 1]);
}

#[tokio::test]
async fn push_passes_the_trace_of_its_environment_on() {
    let (sandbox, _, next) = world().await;
    let (_, token) = sandbox.grant(pb::Role::Agency, "drc", "").await;
    let token = sandbox.write("clerk.token", &token);
    let events = many(2);
    for (index, (event, trace)) in events.into_iter().zip([ONE, "not a trace"]).enumerate() {
        let file = sandbox.ndjson(&format!("{index}.ndjson"), &[event]);
        let push = ["push", file.as_str(), "--agency", "drc", "--token-file", token.as_str()];
        let pushed = sandbox.run_with(&push, &[("TRACEPARENT", trace)]);
        assert_eq!(pushed.code, 0, "{pushed:?}");
    }
    assert_eq!(traces(&sandbox, next).await, [ONE, ""]);
}
