//! `--log-format json`: every line is JSON, every refused call is there once with who, what and why, and no token is.

use serde_json::Value;
use songhua_tests::pb::{self, Role};
use songhua_tests::{PLAN_ID, Sandbox, ServeOptions, call_raw, date, many, push, stock, submit};
use tonic::Request;

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// Every line of the server, read as JSON.
fn lines(sandbox: &Sandbox) -> Vec<Value> {
    let log = sandbox.server_log();
    let lines = log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")));
    lines.collect()
}

fn refused<'a>(lines: &'a [Value], reason: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["fields"]["reason"] == reason).collect()
}

#[tokio::test]
async fn every_line_is_json_and_a_refused_call_is_one_of_them() {
    let mut sandbox = Sandbox::start_with(ServeOptions::with(&["--log-format", "json"])).await;
    let mut clerk = sandbox.lead_of_all("drc").await;
    push(&clerk, &many(10), 5).await;
    let mut future = Request::new(submit(vec![stock("city", "hnte-count", date(2099, 1, 1), "1")]));
    let trace = format!("00-{TRACE_ID}-00f067aa0ba902b7-01").parse().unwrap();
    future.metadata_mut().insert("traceparent", trace);
    clerk.ingest.submit(future).await.unwrap_err();
    let made_up = format!("songhua_{}", "5".repeat(64));
    let stranger = sandbox.client(Some(&made_up)).await;
    call_raw(&stranger, "/made.up/Method", Vec::new()).await.unwrap_err();
    let (_, reader) = sandbox.grant(Role::Reader, "", "").await;
    let mut reader_client = sandbox.client(Some(&reader)).await;
    reader_client.admin.list_grants(pb::ListGrantsRequest::default()).await.unwrap_err();
    sandbox.terminate().await;

    let lines = lines(&sandbox);
    assert!(lines.len() > 5, "{lines:?}");
    for line in &lines {
        for key in ["timestamp", "level", "target"] {
            assert!(line[key].is_string(), "no {key}: {line}");
        }
        line["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        assert!(line["fields"]["message"].is_string(), "no message: {line}");
    }
    let [line] = refused(&lines, "FUTURE_DATE")[..] else { panic!("{lines:#?}") };
    assert_eq!((&line["level"], &line["fields"]["code"]), (&"INFO".into(), &"INVALID_ARGUMENT".into()));
    assert_eq!(line["fields"]["principal"], "clerk-drc");
    assert_eq!(line["fields"]["credential"].as_str().unwrap().len(), 8);
    let call = &line["span"];
    assert_eq!(call["method"], "/songhua.v1.IngestService/Submit");
    assert_eq!((&call["plan"], &call["trace_id"]), (&PLAN_ID.into(), &TRACE_ID.into()));

    let [line] = refused(&lines, "TOKEN_INVALID")[..] else { panic!("{lines:#?}") };
    assert_eq!((&line["fields"]["principal"], &line["span"]["method"]), (&"".into(), &"/made.up/Method".into()));
    assert_eq!(line["fields"]["credential"].as_str().unwrap().len(), 8, "whose, without the token");
    let [line] = refused(&lines, "ROLE_NOT_ALLOWED")[..] else { panic!("{lines:#?}") };
    assert_eq!(line["span"]["method"], "/songhua.v1.AdminService/ListGrants");
    // What went well is not worth a line.
    assert!(!lines.iter().any(|line| line["span"]["method"] == "/songhua.v1.AdminService/GrantAccess"));

    let log = sandbox.server_log();
    for token in [sandbox.admin_token(), made_up, reader] {
        assert!(!log.contains(token.trim_start_matches("songhua_")), "a token stands in the log");
    }
}

#[tokio::test]
async fn a_server_that_does_not_start_says_so_in_json_too() {
    let sandbox = Sandbox::start().await;
    let output = sandbox.refuse_to_serve(&ServeOptions::with(&["--log-format", "json"]));
    assert_eq!(output.code, 1, "{output:?}");
    let lines: Vec<Value> = output.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = lines.last().unwrap_or_else(|| panic!("{output:?}"));
    assert!(last["level"] == "ERROR" && last["fields"]["failure"].is_string(), "{last}");
}

#[tokio::test]
async fn a_log_filter_that_cannot_be_read_is_refused() {
    let sandbox = Sandbox::start().await;
    let output = sandbox.run_with(&["serve", "--grpc-address", "127.0.0.1:0"], &[("SONGHUA_LOG", "bad[[[")]);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stderr.contains("SONGHUA_LOG=bad[[[") && output.stderr.contains("日志过滤"), "{output:?}");
}
