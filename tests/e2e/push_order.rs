//! `songhua push FILE`: the order of the file is the order of the log, whatever is refused, however large the rows are;
//! rows that come again after a retraction; a server that stops in between.

use std::process::Stdio;

use serde_json::{Value, json};
use songhua_tests::pb::Role;
use songhua_tests::{Client, Output, Sandbox, days_ago, dimension, event, many, pb, stock, submit};

/// A clerk who may report on the whole plan, with the token in a file for `--token-file`.
async fn clerk(sandbox: &Sandbox) -> (Client, String) {
    sandbox.lead_of_all("drc").await;
    let (_, token) = sandbox.grant(Role::Agency, "drc", "").await;
    (sandbox.client(Some(&token)).await, sandbox.write("drc.token", &token))
}

fn outcome(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

/// rows, stored, duplicates, refused
fn counts(output: &Output) -> [u64; 4] {
    let outcome = outcome(output);
    let count = |name: &str| outcome[name].as_u64().expect("a count");
    let refused = outcome["refused"].as_array().expect("a list").len();
    [count("rows"), count("stored"), count("duplicates"), refused as u64]
}

/// Where events lie that are stored, as their duplicates say.
async fn positions(clerk: &mut Client, events: &[pb::EventInput]) -> Vec<u64> {
    let answer = clerk.ingest.submit(submit(events.to_vec())).await.expect("all were stored");
    let receipts = answer.into_inner().receipts;
    assert!(receipts.iter().all(|receipt| receipt.duplicate), "all were stored");
    receipts.iter().map(|receipt| receipt.position).collect()
}

#[tokio::test]
async fn rows_are_stored_in_the_order_of_the_file_also_around_refused_ones() {
    let sandbox = Sandbox::start().await;
    let (mut clerk, token) = clerk(&sandbox).await;
    let before = sandbox.durable().await;
    let mut events = many(200);
    let bad = [0, 57, 58, 103, 199];
    for index in bad {
        events[index] = stock("city", "hnte-count", days_ago(-2), "17");
    }
    let file = sandbox.ndjson("rows.ndjson", &events);
    let pushed = sandbox.run(&["--json", "push", &file, "--token-file", &token, "--batch", "20"]);
    assert_eq!((pushed.code, counts(&pushed)), (4, [200, 195, 0, 5]), "{pushed:?}");
    let refused = outcome(&pushed)["refused"].as_array().unwrap().clone();
    let lines: Vec<_> = refused.iter().map(|row| row["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [1, 58, 59, 104, 200]);
    let good: Vec<_> = (0..200).filter(|index| !bad.contains(index)).map(|index| events[index].clone()).collect();
    assert_eq!(positions(&mut clerk, &good).await, (before + 1..=before + 195).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_refused_row_does_not_let_a_later_row_take_the_place_of_its_neighbour() {
    let sandbox = Sandbox::start().await;
    let (mut clerk, token) = clerk(&sandbox).await;
    let first = stock("city", "hnte-count", days_ago(1), "17");
    let second = stock("city", "hnte-count", days_ago(1), "18");
    let future = stock("city", "hnte-count", days_ago(-2), "19");
    let file = sandbox.ndjson("rows.ndjson", &[future, first.clone(), second]);
    let pushed = sandbox.run(&["--json", "push", &file, "--token-file", &token, "--batch", "2"]);
    assert_eq!((pushed.code, counts(&pushed)), (4, [3, 1, 0, 2]), "{pushed:?}");
    assert_eq!(outcome(&pushed)["refused"][1]["line"], 3, "the first report of the day stands: {pushed:?}");
    positions(&mut clerk, &[first]).await;
}

/// A row of some 45 KiB.
fn large(index: usize) -> pb::EventInput {
    let evidence = pb::Evidence {
        sha256: vec![1; 32],
        media_type: "application/pdf".to_owned(),
        title: "证据".to_owned(),
        locator: "y".repeat(1_350),
    };
    let event = dimension("city", "hnte-count", &format!("district=d{index}"), days_ago(1), "17");
    pb::EventInput { evidence: vec![evidence; 32], ..event }
}

#[tokio::test]
async fn large_rows_are_sent_in_requests_that_the_server_takes() {
    let sandbox = Sandbox::start().await;
    let (mut clerk, token) = clerk(&sandbox).await;
    let mut events: Vec<_> = (0..120).map(large).collect();
    let mut too_large = large(120);
    too_large.evidence.iter_mut().for_each(|evidence| evidence.locator = "y".repeat(1_950));
    events.insert(60, too_large);
    let file = sandbox.ndjson("rows.ndjson", &events);
    let pushed = sandbox.run(&["--json", "push", &file, "--token-file", &token, "--batch", "1000"]);
    assert_eq!((pushed.code, counts(&pushed)), (4, [121, 120, 0, 1]), "{}", pushed.stderr);
    let refused = &outcome(&pushed)["refused"][0];
    assert_eq!(refused["line"], 61);
    let reason = refused["reason"].as_str().unwrap();
    assert!(reason.contains("[EVENT_TOO_LARGE]") && reason.contains("61440"), "{reason}");
    positions(&mut clerk, &events[..3]).await;
}

#[tokio::test]
async fn a_figure_that_was_retracted_is_reported_anew_with_a_revision() {
    let sandbox = Sandbox::start().await;
    let (_, token) = clerk(&sandbox).await;
    let push = |row: &Value| {
        let file = sandbox.write("rows.ndjson", &row.to_string());
        sandbox.run(&["--json", "push", &file, "--token-file", &token, "--agency", "drc"])
    };
    let row = |figure: &str, revision: Value| {
        let mut row = serde_json::to_value(stock("city", "hnte-count", days_ago(1), figure)).unwrap();
        row.as_object_mut().unwrap().remove("eventId");
        if !revision.is_null() {
            row["revision"] = revision;
        }
        row
    };
    let first = push(&row("100", Value::Null));
    assert_eq!((first.code, counts(&first)), (0, [1, 1, 0, 0]), "{first:?}");
    assert!(!first.stderr.contains("revision"), "{}", first.stderr);
    let other = push(&row("120", Value::Null));
    assert_eq!((other.code, counts(&other)), (4, [1, 0, 0, 1]), "{other:?}");
    assert!(other.stderr.contains("\"revision\""), "says how to report anew: {}", other.stderr);
    let id = outcome(&other)["refused"][0]["event_id"].as_str().unwrap().to_owned();
    let retraction = pb::MeasurementRetracted { measurement: id, reason: "wrong district".to_owned() };
    let retraction = event(pb::event_input::Payload::MeasurementRetracted(retraction));
    assert_eq!(counts(&push(&serde_json::to_value(retraction).unwrap())), [1, 1, 0, 0]);

    let swallowed = push(&row("100", json!(0)));
    assert_eq!((swallowed.code, counts(&swallowed)), (0, [1, 0, 1, 0]), "no revision is revision 0: {swallowed:?}");
    assert!(swallowed.stderr.contains("\"revision\""), "{}", swallowed.stderr);
    let anew = push(&row("100", json!(1)));
    assert_eq!((anew.code, counts(&anew)), (0, [1, 1, 0, 0]), "{anew:?}");
    assert_eq!(counts(&push(&row("100", json!(1)))), [1, 0, 1, 0]);
}

#[tokio::test]
async fn a_push_into_a_server_that_stops_can_be_run_again() {
    let mut sandbox = Sandbox::start().await;
    let (_, token) = clerk(&sandbox).await;
    let before = sandbox.durable().await;
    let file = sandbox.ndjson("rows.ndjson", &many(10_000));
    let arguments = ["--json", "push", &file, "--token-file", &token, "--batch", "1"];
    let pushing = sandbox.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while sandbox.durable().await < before + 50 {}
    sandbox.terminate().await;
    let cut = Output::from(pushing.wait_with_output().unwrap());
    assert_eq!(cut.code, 3, "{}", cut.stderr);
    assert!(cut.stderr.contains("run the same command again"), "{}", cut.stderr);
    sandbox.serve().await;
    let found = sandbox.durable().await - before;
    let arguments = ["--json", "push", &file, "--token-file", &token];
    let resumed = sandbox.run(&arguments);
    assert_eq!((resumed.code, counts(&resumed)), (0, [10_000, 10_000 - found, found, 0]), "{}", resumed.stderr);
}

#[tokio::test]
async fn a_token_file_named_beats_the_environment_and_a_profiles_token_stays_at_home() {
    let sandbox = Sandbox::start().await;
    let (_, token) = clerk(&sandbox).await;
    let file = sandbox.ndjson("rows.ndjson", &many(3));
    let made_up = [("SONGHUA_TOKEN", "songhua_not-a-token")];
    let named = sandbox.run_with(&["push", &file, "--token-file", &token], &made_up);
    assert_eq!(named.code, 0, "{named:?}");
    let environment = sandbox.run_with(&["push", &file], &made_up);
    assert!(environment.code == 1 && environment.stderr.contains("TOKEN_INVALID"), "{environment:?}");
    let elsewhere = sandbox.run(&["push", &file, "--server", "http://127.0.0.1:1"]);
    assert_eq!(elsewhere.code, 1, "nothing was sent to a server that is not the profile's: {elsewhere:?}");
    assert!(elsewhere.stderr.contains("--token-file"), "{}", elsewhere.stderr);
    let same = sandbox.run(&["push", &file, "--server", &format!("{}/", sandbox.grpc())]);
    assert!(!same.stderr.contains("--token-file"), "the profile's server, named: {}", same.stderr);
}
