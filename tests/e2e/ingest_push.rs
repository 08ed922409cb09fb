//! `songhua push FILE`: counts, resuming, rows that are refused, ids that are made.

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};
use songhua_tests::pb::Role;
use songhua_tests::{Output, Sandbox, days_ago, dimension, many, stock};

use crate::metrics::Page;

/// The clerk's token in a file, for `--token-file`.
async fn clerk(sandbox: &Sandbox) -> String {
    sandbox.lead_of_all("drc").await;
    let (_, token) = sandbox.grant(Role::Agency, "drc", "").await;
    sandbox.write("drc.token", &token)
}

fn outcome(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

/// rows, stored, duplicates, refused
fn counts(output: &Output) -> [u64; 4] {
    let outcome = outcome(output);
    let count = |name: &str| outcome[name].as_u64().unwrap();
    [count("rows"), count("stored"), count("duplicates"), outcome["refused"].as_array().unwrap().len() as u64]
}

#[tokio::test]
async fn a_file_of_ten_thousand_rows_is_stored_once_however_often_it_is_pushed() {
    let sandbox = Sandbox::start().await;
    let token = clerk(&sandbox).await;
    let before = sandbox.durable().await;
    let file = sandbox.ndjson("rows.ndjson", &many(10_000));
    let push = || sandbox.run(&["push", &file, "--token-file", &token]);
    let first = push();
    assert_eq!(first.code, 0, "{first:?}");
    let last = before + 10_000;
    let expected = format!("10000 rows: 10000 stored, 0 duplicate, 0 refused; last position {last}");
    assert!(first.stdout.contains(&expected), "{first:?}");
    let second = push();
    assert_eq!(second.code, 0, "{second:?}");
    let expected = format!("10000 rows: 0 stored, 10000 duplicate, 0 refused; last position {last}");
    assert!(second.stdout.contains(&expected), "{second:?}");
    assert_eq!(sandbox.durable().await, last);
}

#[tokio::test]
async fn a_bad_row_is_named_with_its_line_and_the_good_ones_are_stored() {
    let sandbox = Sandbox::start().await;
    let token = clerk(&sandbox).await;
    let before = sandbox.durable().await;
    let mut lines: Vec<String> = many(300).iter().map(|event| serde_json::to_string(event).unwrap()).collect();
    let future = stock("city", "hnte-count", days_ago(-2), "17");
    lines[6] = serde_json::to_string(&future).unwrap();
    lines[41] = "{\"eventId\": 7".to_owned();
    lines[122] = "{}".to_owned();
    let mut actor: Value = serde_json::from_str(&lines[299]).unwrap();
    actor["actor"] = json!({"principal": "mayor", "role": "ROLE_ADMIN"});
    lines[299] = actor.to_string();
    lines.insert(10, "  ".to_owned());
    let file = sandbox.write("rows.ndjson", &lines.join("\r\n"));
    let pushed = sandbox.run(&["push", &file, "--token-file", &token]);
    assert_eq!(pushed.code, 4, "{pushed:?}");
    let numbers: Vec<_> = pushed.stderr.lines().filter_map(|line| line.split(" line ").nth(1)).collect();
    let numbers: Vec<_> = numbers.iter().filter_map(|rest| rest.split(' ').next()).collect();
    assert_eq!(numbers, ["7", "43", "124", "301"], "{}", pushed.stderr);
    assert!(pushed.stderr.contains("FUTURE_DATE") && pushed.stderr.contains(&future.event_id), "{}", pushed.stderr);
    assert!(pushed.stderr.contains("no event_id, and none can be made"), "{}", pushed.stderr);
    assert!(pushed.stderr.contains("actor"), "the actor is not the client's to write: {}", pushed.stderr);
    assert!(pushed.stdout.contains("300 rows: 296 stored, 0 duplicate, 4 refused"), "{}", pushed.stdout);
    assert_eq!(sandbox.durable().await, before + 296);
    let again = sandbox.run(&["--json", "push", &file, "--token-file", &token]);
    assert_eq!((again.code, counts(&again)), (4, [300, 0, 296, 4]), "{again:?}");
    assert_eq!(outcome(&again)["refused"][0]["line"], 7);
}

#[tokio::test]
async fn rows_without_an_id_get_one_that_stays_when_rows_move() {
    let sandbox = Sandbox::start().await;
    let token = clerk(&sandbox).await;
    let without_id = |event: &songhua_tests::pb::EventInput| {
        let mut line = serde_json::to_value(event).unwrap();
        line.as_object_mut().unwrap().remove("eventId");
        line.to_string() + "\n"
    };
    let mut lines: Vec<String> = many(50).iter().map(without_id).collect();
    let file = sandbox.write("rows.ndjson", &lines.concat());
    let push = |agency: &[&str]| sandbox.run(&[&["--json", "push", &file, "--token-file", &token], agency].concat());
    let refused = sandbox.run(&["--json", "push", &file]);
    assert_eq!((refused.code, counts(&refused)), (4, [50, 0, 0, 50]), "{refused:?}");
    let reason = outcome(&refused)["refused"][0]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("--agency"), "the administrator's token is of no agency: {reason}");
    let first = push(&["--agency", "drc"]);
    assert_eq!((first.code, counts(&first)), (0, [50, 50, 0, 0]), "{first:?}");
    let unnamed = push(&[]);
    assert_eq!((unnamed.code, counts(&unnamed)), (0, [50, 0, 50, 0]), "the token's agency is the same: {unnamed:?}");
    lines.reverse();
    lines.insert(3, without_id(&dimension("city", "hnte-count", "district=new", days_ago(1), "4")));
    sandbox.write("rows.ndjson", &lines.concat());
    let moved = push(&["--agency", "drc"]);
    assert_eq!((moved.code, counts(&moved)), (0, [51, 1, 50, 0]), "{moved:?}");
    // The same key with another number is no new event: it must be sent as a correction.
    let changed = without_id(&dimension("city", "hnte-count", "district=new", days_ago(1), "5"));
    sandbox.write("rows.ndjson", &changed);
    let changed = push(&["--agency", "drc"]);
    assert_eq!(changed.code, 4, "{changed:?}");
    assert!(outcome(&changed)["refused"][0]["reason"].as_str().unwrap().contains("EVENT_ID_REUSED"), "{changed:?}");
}

#[tokio::test]
async fn a_batch_with_a_bad_row_does_not_take_its_neighbours_with_it() {
    let sandbox = Sandbox::start().await;
    let token = clerk(&sandbox).await;
    let mut events = many(20);
    events[13].event_id = events[2].event_id.clone();
    let file = sandbox.ndjson("rows.ndjson", &events);
    let pushed = sandbox.run(&["--json", "push", &file, "--token-file", &token, "--batch", "20"]);
    assert_eq!((pushed.code, counts(&pushed)), (4, [20, 19, 0, 1]), "{pushed:?}");
    assert_eq!(outcome(&pushed)["refused"][0]["line"], 14);
}

#[tokio::test]
async fn rows_come_from_standard_input_too_and_can_be_checked_only() {
    let sandbox = Sandbox::start().await;
    let token = clerk(&sandbox).await;
    let before = sandbox.durable().await;
    let lines: String = many(5).iter().map(|event| serde_json::to_string(event).unwrap() + "\n").collect();
    let push = |arguments: &[&str]| {
        let mut command = sandbox.command(&[&["--json", "push", "-", "--token-file", &token], arguments].concat());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        Output::from(child.wait_with_output().unwrap())
    };
    let checked = push(&["--validate-only"]);
    assert_eq!((checked.code, counts(&checked)), (0, [5, 0, 0, 0]), "{checked:?}");
    assert_eq!(outcome(&checked)["valid"], 5);
    assert_eq!(sandbox.durable().await, before, "only checked");
    let pushed = push(&[]);
    assert_eq!((pushed.code, counts(&pushed)), (0, [5, 5, 0, 0]), "{pushed:?}");
}

#[tokio::test]
async fn a_push_that_cannot_be_sent_says_why_and_how_it_ended() {
    let mut sandbox = Sandbox::start().await;
    let token = clerk(&sandbox).await;
    let file = sandbox.ndjson("rows.ndjson", &many(3));
    let missing = sandbox.run(&["push", "no-such-file.ndjson", "--token-file", &token]);
    assert_eq!(missing.code, 1, "{missing:?}");
    assert!(missing.stderr.contains("no-such-file.ndjson"), "{missing:?}");
    let garbage = sandbox.write("garbage.token", "songhua_not-a-token");
    let refused = sandbox.run(&["push", &file, "--token-file", &garbage]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("TOKEN_INVALID"), "{refused:?}");
    let other = sandbox.run(&["push", &file, "--token-file", &token, "--plan", "no-such-plan"]);
    assert_eq!(other.code, 1, "a plan that does not exist is not a fault of each row: {other:?}");
    assert!(other.stderr.contains("PLAN_NOT_FOUND"), "{other:?}");
    let usage = sandbox.run(&["push", &file, "--batch", "1001"]);
    assert_eq!(usage.code, 2, "{usage:?}");
    sandbox.terminate().await;
    let gone = sandbox.run(&["push", &file, "--token-file", &token]);
    assert_eq!(gone.code, 3, "{gone:?}");
}

#[tokio::test]
async fn a_push_ends_its_streams_and_the_server_counts_none_as_cut_off() {
    let sandbox = Sandbox::start().await;
    let token = clerk(&sandbox).await;
    let file =
        sandbox.ndjson("rows.ndjson", &[many(3), vec![stock("city", "hnte-count", days_ago(-2), "17")]].concat());
    assert_eq!(sandbox.run(&["push", &file, "--token-file", &token]).code, 4);
    let row = "区域,指标,期间,数值\ncity,hnte-count,2026-09-30,17";
    let ledger = sandbox.write("ledger.csv", row);
    assert_eq!(sandbox.run(&["push", &ledger, "--agency", "drc", "--token-file", &token]).code, 0);
    let page = Page::of(&sandbox).await;
    let calls = |code| {
        let method = ("method", "songhua.v1.IngestService/SubmitStream");
        page.value("songhua_grpc_calls_total", &[method, ("code", code)])
    };
    assert_eq!((calls("OK"), calls("CANCELLED")), (3, 0), "rows; a ledger's check and its rows");
}
