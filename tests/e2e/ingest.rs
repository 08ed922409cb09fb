//! An agency's event becomes progress: assigned by the office, pushed by the agency, seen by a reader.

use songhua_tests::pb::{self, AssignmentRole, Light, Role, Status, scope};
use songhua_tests::{
    PLAN, PLAN_ID, PushStream, Sandbox, assigned, days_ago, introduce, many, push, reason, stock, submit,
};
use tonic::Code;

#[tokio::test]
async fn an_agencys_measurement_becomes_the_actual_and_the_light_of_its_circle() {
    let sandbox = Sandbox::start().await;
    let mut admin = sandbox.admin().await;
    let area = scope::Kind::Area("circle-hit".into());
    admin.ingest.submit(submit(introduce("hit", AssignmentRole::Lead, &[area]))).await.unwrap();
    let token_file = sandbox.path("hit.token");
    let arguments = ["admin", "grant", "--principal", "clerk-7", "--role", "agency", "--agency", "hit", "--out"];
    let granted = sandbox.run(&[&arguments[..], &[token_file.to_str().unwrap()]].concat());
    assert_eq!(granted.code, 0, "{}", granted.stderr);
    let token = std::fs::read_to_string(&token_file).unwrap();
    assert!(!granted.stdout.contains(token.trim()), "with --out the token is not shown");
    let mut clerk = sandbox.client(Some(token.trim())).await;

    let before = sandbox.durable().await;
    let reported = stock("circle-hit", "tech-firms", days_ago(2), "331");
    let receipt = clerk.ingest.submit(submit(vec![reported.clone()])).await.unwrap().into_inner().receipts.remove(0);
    assert_eq!(receipt.event_id, reported.event_id);
    assert_eq!(receipt.position, before + 1);
    assert_eq!(receipt.leaf_hash.len(), 32);
    assert!(!receipt.duplicate && receipt.recorded_time.is_some());

    let as_of = pb::AsOf { min_position: receipt.position, ..Default::default() };
    let name = format!("{PLAN}/areas/circle-hit");
    let got = clerk.progress.get_circle(pb::GetCircleRequest { name, as_of: Some(as_of) }).await.unwrap().into_inner();
    assert!(got.state.unwrap().applied_position >= receipt.position);
    let targets = got.circle.unwrap().targets;
    assert_eq!(targets.len(), 7);
    let target = targets.iter().find(|target| target.indicator == "tech-firms").unwrap();
    assert_eq!(target.actual, "331");
    assert_eq!(target.lead_agency, "hit");
    let headline = target.headline.as_ref().unwrap();
    assert_eq!((headline.position, headline.verified), (receipt.position, false));
    assert_ne!(target.status(), Status::NoData, "a figure was reported");
    assert_ne!(target.light(), Light::Unspecified);
    let silent = targets.iter().find(|target| target.indicator == "carriers").unwrap();
    assert_eq!((silent.status(), silent.actual.as_str()), (Status::NoData, ""));
}

#[tokio::test]
async fn the_day_is_opened_behind_the_published_plan_and_only_once() {
    let mut sandbox = Sandbox::start().await;
    let loaded = sandbox.run(&["--json", "plan", "load", "seeds/harbin-2022-2026"]);
    let loaded: serde_json::Value = serde_json::from_str(&loaded.stdout).unwrap();
    let published = &loaded["position"];
    let published = published.as_u64().or_else(|| published.as_str()?.parse().ok()).unwrap();
    assert_eq!(loaded["duplicateCount"].as_u64().unwrap() + 1, published, "genesis, then the definitions: {loaded}");
    let expected = published + 1;
    let mut status = sandbox.plan_status(PLAN_ID).await;
    // The server looks for a new day every few seconds; the first look comes with the first submission or before it.
    while status.durable_position < expected {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        status = sandbox.plan_status(PLAN_ID).await;
    }
    assert_eq!(status.durable_position, expected);
    assert!(status.published && !status.simulated && status.read_only.is_empty());
    sandbox.terminate().await;
    sandbox.serve().await;
    let event = introduce("drc", AssignmentRole::Lead, &[]);
    let mut admin = sandbox.admin().await;
    let receipt = admin.ingest.submit(submit(event)).await.unwrap().into_inner().receipts.remove(0);
    assert_eq!(receipt.position, expected + 1, "the same day is not opened twice");
    let as_of = |known| pb::AsOf { known: Some(known), min_position: receipt.position, ..Default::default() };
    let ask = |known| {
        let request = pb::GetPlanRequest { name: PLAN.to_owned(), as_of: Some(as_of(known)) };
        let mut progress = admin.progress.clone();
        async move { progress.get_plan(request).await.map(tonic::Response::into_inner) }
    };
    let known = ask(pb::as_of::Known::KnownPosition(expected)).await.unwrap();
    assert_eq!(known.state.unwrap().known_position, expected);
    let ahead = ask(pb::as_of::Known::KnownPosition(expected + 100)).await.unwrap_err();
    assert_eq!(reason(&ahead, Code::OutOfRange), "POSITION_AHEAD");
}

#[tokio::test]
async fn a_submission_is_stored_whole_or_not_at_all() {
    let sandbox = Sandbox::start().await;
    let mut clerk = sandbox.lead_of_all("drc").await;
    let before = sandbox.durable().await;
    let mut events = many(3);
    events.push(stock("city", "no-such-indicator", days_ago(1), "1"));
    let refused = clerk.ingest.submit(submit(events.clone())).await.unwrap_err();
    assert_eq!(reason(&refused, Code::InvalidArgument), "UNKNOWN_RESOURCE");
    assert_eq!(sandbox.durable().await, before);
    events.pop();
    let receipts = clerk.ingest.submit(submit(events)).await.unwrap().into_inner().receipts;
    assert!(receipts.iter().all(|receipt| !receipt.duplicate), "a refused event does not consume its id");
    assert_eq!(sandbox.durable().await, before + 3);
}

#[tokio::test]
async fn validate_only_checks_and_stores_nothing() {
    let sandbox = Sandbox::start().await;
    let mut clerk = sandbox.lead_of_all("drc").await;
    let before = sandbox.durable().await;
    let request = pb::SubmitRequest { validate_only: true, ..submit(many(2)) };
    let receipts = clerk.ingest.submit(request).await.unwrap().into_inner().receipts;
    assert!(receipts.iter().all(|receipt| receipt.position == 0 && !receipt.duplicate));
    let bad = vec![stock("city", "hnte-count", days_ago(-1), "1")];
    let refused = clerk.ingest.submit(pb::SubmitRequest { validate_only: true, ..submit(bad) }).await.unwrap_err();
    assert_eq!(reason(&refused, Code::InvalidArgument), "FUTURE_DATE");
    assert_eq!(sandbox.durable().await, before);
}

#[tokio::test]
async fn the_same_event_gets_its_first_receipt_again_in_any_company() {
    let sandbox = Sandbox::start().await;
    let mut clerk = sandbox.lead_of_all("drc").await;
    let events = many(4);
    let first = clerk.ingest.submit(submit(events[..2].to_vec())).await.unwrap().into_inner().receipts;
    let mixed = clerk.ingest.submit(submit(events.clone())).await.unwrap().into_inner().receipts;
    for (again, once) in mixed.iter().zip(&first) {
        assert_eq!(*again, pb::Receipt { duplicate: true, ..once.clone() });
    }
    assert!(!mixed[2].duplicate && mixed[3].position == first[1].position + 2);
    // Another token of the same agency is the same agency; another agency is not, and learns nothing of the event.
    let (_, token) = sandbox.grant(Role::Agency, "drc", "").await;
    let mut colleague = sandbox.client(Some(&token)).await;
    let same = colleague.ingest.submit(submit(events.clone())).await.unwrap().into_inner().receipts;
    assert!(same.iter().all(|receipt| receipt.duplicate));
    let mut stranger = sandbox.lead("hit", "circle-hit").await;
    let refused = stranger.ingest.submit(submit(events)).await.unwrap_err();
    assert_eq!(reason(&refused, Code::AlreadyExists), "EVENT_ID_REUSED");
}

#[tokio::test]
async fn a_stream_takes_what_needs_what_came_before_it() {
    let sandbox = Sandbox::start().await;
    let admin = sandbox.admin().await;
    let mut stream = PushStream::open(&admin).await.unwrap();
    // Not waited for: the assignment is decided on the agency that is under way.
    let [agency] = <[_; 1]>::try_from(introduce("drc", AssignmentRole::Lead, &[])).unwrap();
    stream.send(submit(vec![agency])).await;
    stream.send(submit(vec![assigned("drc", AssignmentRole::Lead, scope::Kind::Plan(true))])).await;
    stream.finish();
    let mut positions = Vec::new();
    while let Some((tag, answer)) = stream.answer().await.unwrap() {
        positions.push((tag, answer.unwrap()[0].position));
    }
    let first = positions[0].1;
    assert_eq!(positions, [(1, first), (2, first + 1)]);
}

#[tokio::test]
async fn what_is_reported_is_there_after_an_orderly_restart() {
    let mut sandbox = Sandbox::start().await;
    let clerk = sandbox.lead_of_all("drc").await;
    let events = many(200);
    let (first, _) = push(&clerk, &events, 50).await;
    let (_, token) = sandbox.grant(Role::Agency, "drc", "").await;
    sandbox.terminate().await;
    sandbox.serve().await;
    let clerk = sandbox.client(Some(&token)).await;
    let (again, complete) = push(&clerk, &events, 50).await;
    assert!(complete && again.iter().all(|receipt| receipt.duplicate));
    let positions = |receipts: &[pb::Receipt]| receipts.iter().map(|receipt| receipt.position).collect::<Vec<_>>();
    assert_eq!(positions(&again), positions(&first));
}
