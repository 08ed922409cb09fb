//! `serve --demo`: from nothing to five years of history, the same every time, and never mixed with what is real.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use songhua_tests::pb::event_input::Payload;
use songhua_tests::{Client, Sandbox, ServeOptions, date, files_below, refusal, repository, written};
use songhua_wire::pb;

use crate::demo_world::{DEMO, Reader, TODAY, demo, kind, plan_directory, replayed};
use crate::progress_world::{corrected, value};

/// Id of the demo's plan.
const ID: &str = "demo-harbin-2022-2026";

async fn tour(sandbox: &Sandbox, file: &str) -> Client {
    let token = fs::read_to_string(sandbox.data().join(file)).unwrap();
    sandbox.client(Some(token.trim())).await
}

fn submission(event: pb::EventInput) -> pb::SubmitRequest {
    pb::SubmitRequest { parent: DEMO.to_owned(), events: vec![event], ..Default::default() }
}

#[tokio::test]
async fn an_empty_directory_is_enough_and_everything_says_that_it_is_simulated() {
    let sandbox = Sandbox::start_with(demo()).await;
    let status = sandbox.admin().await.admin.get_status(pb::GetStatusRequest::default()).await.unwrap().into_inner();
    let plans: Vec<_> = status.plans.iter().map(|plan| (plan.plan.as_str(), plan.simulated, plan.published)).collect();
    assert_eq!(plans, [(ID, true, true)]);
    let overview = Reader::today(&sandbox.admin().await).overview().await;
    let (title, state) = (overview.title.unwrap(), overview.state.unwrap());
    assert!(title.zh.contains("模拟数据") && title.en.contains("Simulated"), "{title:?}");
    assert!(state.simulated && state.valid_date == Some(TODAY), "{state:?}");
    let progress = ["overview", "circles", "circle circle-hit", "indicators", "indicator rd-intensity", "projects"];
    for command in progress.iter().chain(&["project aerospace-park", "milestones"]) {
        let arguments: Vec<_> = std::iter::once("progress").chain(command.split(' ')).collect();
        let output = sandbox.run(&arguments);
        assert!(output.code == 0 && output.stdout.contains("模拟数据"), "{command}: {output:?}");
    }
    let output = sandbox.run(&["admin", "status"]);
    assert!(output.stdout.contains("模拟数据"), "{output:?}");
}

#[tokio::test]
async fn the_start_says_what_to_try_and_the_commands_work() {
    let sandbox = Sandbox::start_with(demo()).await;
    let said = |log: &str| log.lines().filter(|line| line.starts_with("  ")).map(str::to_owned).collect::<Vec<_>>();
    let started = Instant::now();
    while said(&sandbox.server_log()).len() < 6 {
        assert!(started.elapsed() < Duration::from_secs(60), "{}", sandbox.server_log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(sandbox.server_log().contains("模拟数据") && sandbox.server_log().contains("2026-11-20"));
    let lines = said(&sandbox.server_log());
    let commands: Vec<_> = lines.iter().filter_map(|line| line.trim().strip_prefix("songhua ")).collect();
    assert_eq!(commands.len(), 3, "{lines:?}");
    for command in commands {
        let output = sandbox.run(&command.split(' ').collect::<Vec<_>>());
        assert_eq!(output.code, 0, "{command}: {output:?}");
    }
    for name in ["demo-agency.token", "demo-auditor.token", "demo-reader.token"] {
        let path = sandbox.data().join(name);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        assert!(lines.iter().any(|line| line.contains(path.to_str().unwrap())), "{name} is not said: {lines:?}");
        assert_eq!(sandbox.run(&["progress", "overview", "--token-file", path.to_str().unwrap()]).code, 0, "{name}");
    }
    let grants = sandbox.run(&["admin", "grants"]);
    assert!(grants.stdout.contains("demo-agency") && grants.stdout.contains("circle-hit-office"), "{grants:?}");
}

#[tokio::test]
async fn a_restart_keeps_today_and_adds_nothing() {
    let mut sandbox = Sandbox::start_with(demo()).await;
    let (before, tokens) = (replayed(&sandbox).await, fs::read(sandbox.data().join("demo-reader.token")).unwrap());
    sandbox.terminate().await;
    sandbox.serve().await;
    assert_eq!(replayed(&sandbox).await, before);
    assert_eq!(fs::read(sandbox.data().join("demo-reader.token")).unwrap(), tokens, "a token is given out once");
    let overview = Reader::today(&sandbox.admin().await).overview().await;
    assert_eq!(overview.state.unwrap().valid_date, Some(TODAY));

    // Without the flag it is a plan like any other, on its own clock.
    sandbox.terminate().await;
    sandbox.serve_as(ServeOptions::default()).await;
    assert_eq!(sandbox.plan_status(ID).await.durable_position, before.len() as u64);
    let overview = Reader::today(&sandbox.admin().await).overview().await;
    assert_eq!(overview.state.unwrap().valid_date, Some(TODAY));
}

#[tokio::test]
async fn a_token_that_is_lost_or_revoked_is_given_out_again() {
    let mut sandbox = Sandbox::start_with(demo()).await;
    let path = |name: &str| sandbox.data().join(format!("{name}.token"));
    let (agency, auditor, reader) = (path("demo-agency"), path("demo-auditor"), path("demo-reader"));
    let before = [&agency, &auditor, &reader].map(|file| fs::read(file).unwrap());
    fs::remove_file(&agency).unwrap();
    let granted = sandbox.admin().await.admin.list_grants(pb::ListGrantsRequest::default()).await.unwrap().into_inner();
    let grant = granted.grants.iter().find(|grant| grant.principal == "demo-auditor").unwrap();
    assert_eq!(sandbox.run(&["admin", "revoke", &grant.grant_id, "--reason", "离岗"]).code, 0);
    sandbox.terminate().await;
    sandbox.serve().await;
    let after = [&agency, &auditor, &reader].map(|file| fs::read(file).unwrap());
    assert!(before[0] != after[0] && before[1] != after[1] && before[2] == after[2]);
    for file in [&agency, &auditor, &reader] {
        let read = sandbox.run(&["progress", "overview", "--token-file", file.to_str().unwrap()]);
        assert_eq!(read.code, 0, "{read:?}");
    }
    let log = sandbox.server_log();
    let said: Vec<_> = log.lines().filter(|line| line.contains("given out again")).collect();
    assert!(said.len() == 2 && said[0].contains("demo-agency") && said[1].contains("demo-auditor"), "{log}");
}

#[tokio::test]
async fn what_is_pushed_into_a_simulated_plan_is_marked_from_the_template_to_the_outcome() {
    const MARK: &str = "模拟数据 SIMULATED";
    let sandbox = Sandbox::start_with(demo()).await;
    let token = sandbox.data().join("demo-agency.token").to_str().unwrap().to_owned();
    let own = ["--agency", "circle-hit-office", "--token-file", &token];
    let run = |arguments: &[&str]| {
        let output = sandbox.run(&[arguments, &own].concat());
        assert_eq!(output.code, 0, "{output:?}");
        output.stdout
    };
    for (name, encoding) in [("utf8.csv", "auto"), ("gb.csv", "gb18030")] {
        let file = sandbox.path(name).to_str().unwrap().to_owned();
        run(&["push", "--template", "--encoding", encoding, "--out", &file]);
        let pushed = run(&["push", &file]);
        assert!(pushed.contains(MARK) && pushed.contains(" 0 bad"), "{pushed}");
    }
    let bytes = fs::read(sandbox.path("utf8.csv")).unwrap();
    assert!(bytes.starts_with(format!("\u{feff}# {MARK}\r\n区域,").as_bytes()));
    // As a spreadsheet saves it: every row as long as the header.
    let text = String::from_utf8(bytes).unwrap().replacen("\r\n", ",,,,,,,\r\n", 1);
    let resaved = run(&["push", &sandbox.write("resaved.csv", &text)]);
    assert!(resaved.contains(" 0 bad"), "{resaved}");
    let row = "区域,指标,口径,期间,数值\ncircle-hit,tech-firms,期末数,2026-11-19,351";
    let pushed = run(&["push", &sandbox.write("row.csv", row)]);
    assert_eq!(pushed.matches(MARK).count(), 2, "preview and outcome: {pushed}");
    let line = "{\"milestoneReached\":{\"project\":\"aerospace-park\",\"milestone\":\"delivery\",\"reachDate\":{\"year\":2026,\"month\":11,\"day\":18}}}";
    let file = sandbox.write("line.ndjson", line);
    assert!(run(&["push", &file]).starts_with(MARK));
    for file in [file, sandbox.write("row.csv", row)] {
        let outcome: serde_json::Value = serde_json::from_str(&run(&["--json", "push", &file])).unwrap();
        assert_eq!(outcome["simulated"], true, "{outcome}");
    }
}

#[tokio::test]
async fn a_visitor_reports_on_the_fixed_day() {
    let mut sandbox = Sandbox::start_with(demo()).await;
    let event = pb::EventInput {
        event_id: "5d9ac1f0-0000-4000-8000-000000000001".to_owned(),
        payload: Some(Payload::MeasurementReported(pb::MeasurementReported {
            area: "circle-hit".to_owned(),
            indicator: "tech-firms".to_owned(),
            basis: pb::Basis::StockAt.into(),
            period: Some(pb::ReferencePeriod { start: None, end: Some(TODAY) }),
            figure: value("352"),
            obs_status: pb::ObsStatus::Unvalidated.into(),
            ..Default::default()
        })),
        ..Default::default()
    };
    let mut future = event.clone();
    future.event_id = "5d9ac1f0-0000-4000-8000-000000000002".to_owned();
    if let Some(Payload::MeasurementReported(reported)) = &mut future.payload {
        reported.period = Some(pb::ReferencePeriod { start: None, end: Some(date(2026, 11, 21)) });
    }
    let mut agency = tour(&sandbox, "demo-agency.token").await;
    let refused = agency.ingest.submit(submission(future)).await.unwrap_err();
    assert_eq!(refusal(&refused).reason.code(), "FUTURE_DATE");
    let receipt = agency.ingest.submit(submission(event.clone())).await.unwrap().into_inner().receipts.remove(0);
    let recorded = jiff::Timestamp::from_second(receipt.recorded_time.unwrap().seconds).unwrap();
    assert_eq!(recorded.to_string(), "2026-11-20T09:30:00Z");
    let mut auditor = tour(&sandbox, "demo-auditor.token").await;
    auditor.ingest.submit(submission(crate::progress_world::accepted(&receipt))).await.unwrap();
    let fixed = agency.ingest.submit(submission(corrected(&receipt, "351"))).await.unwrap().into_inner();
    let as_of = pb::AsOf { min_position: fixed.receipts[0].position, ..Default::default() };
    let name = format!("{DEMO}/indicators/tech-firms");
    let read = agency
        .progress
        .get_indicator(pb::GetIndicatorRequest { name, as_of: Some(as_of), ..Default::default() })
        .await
        .unwrap();
    let targets = read.into_inner().indicator.unwrap().targets;
    assert!(targets.iter().any(|target| target.actual == "351" && target.status() == pb::Status::MetSoFar));
    let mut reader = tour(&sandbox, "demo-reader.token").await;
    let denied = reader.ingest.submit(submission(event)).await.unwrap_err();
    assert_eq!(denied.code(), tonic::Code::PermissionDenied);

    // What visitors add stays, and is no hindrance to the next start.
    let durable = sandbox.plan_status(ID).await.durable_position;
    sandbox.terminate().await;
    sandbox.serve().await;
    assert_eq!(sandbox.plan_status(ID).await.durable_position, durable);
}

/// Starts the demo and kills it when its log has so many bytes.
async fn killed_at(sandbox: &Sandbox, bytes: u64) {
    let mut child = sandbox.serve_command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let log = plan_directory(sandbox).join("log");
    let size = |path: &Path| {
        let files = if path.is_dir() { files_below(path) } else { Vec::new() };
        files
            .iter()
            .filter(|file| file.extension().is_some_and(|end| end == "seg"))
            .map(|file| written(file))
            .sum::<u64>()
    };
    let started = Instant::now();
    while size(&log) < bytes {
        assert!(started.elapsed() < Duration::from_secs(60) && child.try_wait().unwrap().is_none());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn a_start_that_was_killed_is_completed_once() {
    let whole = Sandbox::start_with(demo()).await;
    let whole = replayed(&whole).await;
    let mut sandbox = Sandbox::stopped(demo());
    killed_at(&sandbox, 250_000).await;
    killed_at(&sandbox, 700_000).await;
    let checked = sandbox.run(&["--json", "check", plan_directory(&sandbox).join("log").to_str().unwrap()]);
    assert_eq!(checked.code, 0, "{checked:?}");
    sandbox.serve().await;
    let told = replayed(&sandbox).await;
    let without_days = |events: &[pb::Event]| -> Vec<_> {
        let said = events.iter().filter(|event| !["LogCreated", "DayOpened"].contains(&kind(event).as_str()));
        said.map(|event| (event.input.clone(), event.recorded_time, event.actor.clone(), event.back_dated)).collect()
    };
    assert_eq!(told.len(), whole.len());
    // Definitions are recorded at one moment, which a kill in their middle does not change.
    assert!(without_days(&told) == without_days(&whole), "the histories differ");
}

/// A copy of Harbin's folder that takes the demo's id.
fn taken(sandbox: &Sandbox) -> String {
    let copy = sandbox.path("taken");
    fs::create_dir(&copy).unwrap();
    for file in fs::read_dir(repository().join("seeds/harbin-2022-2026")).unwrap() {
        let path = file.unwrap().path();
        fs::copy(&path, copy.join(path.file_name().unwrap())).unwrap();
    }
    let plan = fs::read_to_string(copy.join("plan.json")).unwrap();
    fs::write(copy.join("plan.json"), plan.replacen("\"harbin-2022-2026\"", &format!("\"{ID}\""), 1)).unwrap();
    copy.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_plan_that_is_real_or_somebody_elses_is_never_made_a_demo() {
    let mut sandbox = Sandbox::stopped(ServeOptions::default());
    let folder = taken(&sandbox);
    sandbox.serve_as(ServeOptions { plans: vec![folder.clone()], ..ServeOptions::default() }).await;
    let before = sandbox.plan_status(ID).await.durable_position;
    sandbox.terminate().await;
    let refused = sandbox.refuse_to_serve(&demo());
    assert!(refused.code == 1 && refused.stderr.contains("simulated = false"), "{refused:?}");
    sandbox.serve_as(ServeOptions { plans: vec![folder.clone()], ..ServeOptions::default() }).await;
    assert_eq!(sandbox.plan_status(ID).await.durable_position, before, "a refusal changes nothing");

    let mut other = Sandbox::start().await;
    let loaded = other.run(&["plan", "load", "--simulated", &folder]);
    assert_eq!(loaded.code, 0, "{loaded:?}");
    other.terminate().await;
    let refused = other.refuse_to_serve(&demo());
    assert!(refused.code == 1 && refused.stderr.contains("without a fixed"), "{refused:?}");
}

#[tokio::test]
async fn a_history_that_somebody_else_went_on_with_is_not_completed() {
    let mut sandbox = Sandbox::stopped(demo());
    killed_at(&sandbox, 700_000).await;
    sandbox.serve_as(ServeOptions::default()).await;
    assert!(sandbox.server_log().contains("is not complete"), "{}", sandbox.server_log());
    let mut admin = sandbox.admin().await;
    let registered = songhua_tests::agency("somebody-else", "另一个单位");
    let receipt = admin.ingest.submit(submission(registered)).await.unwrap().into_inner().receipts.remove(0);
    let now = receipt.recorded_time.unwrap().seconds;
    assert!(now < 1_795_167_000, "time stands still until the history is complete: {now}");
    sandbox.terminate().await;
    let refused = sandbox.refuse_to_serve(&demo());
    let named = format!("record {} (AgencyRegistered)", receipt.position);
    assert!(refused.code == 1 && refused.stderr.contains(&named), "{refused:?}");
}

#[tokio::test]
async fn two_fresh_starts_and_a_rebuild_tell_the_same() {
    let (one, mut other) = (Sandbox::start_with(demo()).await, Sandbox::start_with(demo()).await);
    let digest = |sandbox: &Sandbox| {
        let output = sandbox.run(&["views", "digest"]);
        assert_eq!(output.code, 0, "{output:?}");
        output.stdout
    };
    let before = digest(&other);
    let rebuilt = other.run(&["views", "rebuild"]);
    assert_eq!(rebuilt.code, 0, "{rebuilt:?}");
    assert_eq!(digest(&other), before);
    other.terminate().await;
    fs::remove_dir_all(plan_directory(&other).join("views")).unwrap();
    other.serve().await;
    let (mine, theirs) = (Reader::today(&one.admin().await), Reader::today(&other.admin().await));
    let started = Instant::now();
    while theirs.is_rebuilding().await {
        assert!(started.elapsed() < Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(mine.overview().await, theirs.overview().await);
    assert_eq!(mine.circles().await, theirs.circles().await);
    assert_eq!(mine.indicators().await, theirs.indicators().await);
    assert_eq!(digest(&other), before);
}

#[tokio::test]
async fn the_log_holds_every_type_of_event_from_many_hands() {
    let sandbox = Sandbox::start_with(demo()).await;
    let events = replayed(&sandbox).await;
    let types: std::collections::BTreeSet<_> = events.iter().map(kind).collect();
    // A plan is closed out (收官) after its last day, which is still ahead of the demo's today; nothing was restored.
    assert_eq!(types.len(), songhua_wire::event::TYPE_TOKENS.len() - 2, "{types:?}");
    assert!(!types.contains("PlanClosedOut"));
    let people: std::collections::BTreeSet<_> =
        events.iter().filter_map(|event| event.actor.as_ref()).map(|actor| actor.principal.clone()).collect();
    assert!(people.len() > 20, "{people:?}");
    let named = |event: &&pb::Event| matches!(event.input.as_ref().unwrap().payload, Some(Payload::DayOpened(_)));
    let days = events.iter().filter(named).count();
    assert!(days > 500, "{days} days were opened");
    assert!(events.is_sorted_by_key(|event| event.recorded_time.map(|time| (time.seconds, time.nanos))));
}
