//! A second plan is loaded into the running server: once, resumed, refused when it differs, invisible until published.

use std::fs;
use std::path::Path;

use songhua_tests::pb::event_input::Payload;
use songhua_tests::pb::{self, Role};
use songhua_tests::{
    Output, PLAN_ID, Sandbox, ServeOptions, agency, event, introduce, many, reason, repository, submit, written,
};
use tonic::{Code, Status};

const SECOND: &str = "qingshui-2025-2027";
const HARBIN: &str = "seeds/harbin-2022-2026";
const FOLDER: &str = "tests/fixtures/plans/qingshui-2025-2027";

fn loaded(output: &Output) -> (u64, u64, u64) {
    let answer: serde_json::Value = serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let number = |name: &str| match &answer[name] {
        serde_json::Value::String(text) => text.parse().unwrap(),
        other => other.as_u64().unwrap_or(0),
    };
    (number("storedCount"), number("duplicateCount"), number("position"))
}

/// A copy of the plan's folder, with one text replaced in one of its files.
fn changed(sandbox: &Sandbox, folder: &str, name: &str, file: &str, from: &str, to: &str) -> String {
    let copy = sandbox.path(name);
    fs::create_dir(&copy).unwrap();
    for entry in fs::read_dir(repository().join(folder)).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, copy.join(path.file_name().unwrap())).unwrap();
    }
    let text = fs::read_to_string(copy.join(file)).unwrap();
    assert!(text.contains(from), "{file} does not hold {from}");
    fs::write(copy.join(file), text.replacen(from, to, 1)).unwrap();
    copy.to_str().unwrap().to_owned()
}

fn of_plan(request: pb::SubmitRequest) -> pb::SubmitRequest {
    pb::SubmitRequest { parent: format!("plans/{SECOND}"), ..request }
}

/// The plan, as soon as its publication is in the views.
async fn read(sandbox: &Sandbox, plan: &str, position: u64) -> Result<pb::Plan, Status> {
    let as_of = Some(pb::AsOf { min_position: position, ..Default::default() });
    let request = pb::GetPlanRequest { name: format!("plans/{plan}"), as_of };
    let answer = sandbox.admin().await.progress.get_plan(request).await?;
    Ok(answer.into_inner().plan.unwrap())
}

#[tokio::test]
async fn a_second_plan_is_loaded_beside_the_first_and_again_is_a_no_op() {
    let mut sandbox = Sandbox::start().await;
    let first = sandbox.run(&["--json", "plan", "load", FOLDER]);
    assert_eq!(first.code, 0, "{first:?}");
    let (stored, duplicates, position) = loaded(&first);
    assert!(stored > 10 && duplicates == 0 && position == stored + 1, "{first:?}");
    let mut admin = sandbox.admin().await;
    let plan = read(&sandbox, SECOND, position).await.unwrap();
    assert_eq!((plan.time_zone.as_str(), plan.digest.len()), ("Asia/Urumqi", 32));
    // An event of one plan is none of the other.
    admin.ingest.submit(of_plan(submit(vec![agency("drc", "发改局")]))).await.unwrap();
    let before = sandbox.durable().await;
    for round in 0..2 {
        let again = sandbox.run(&["--json", "plan", "load", FOLDER]);
        assert_eq!((again.code, loaded(&again)), (0, (0, stored, position)), "round {round}: {again:?}");
        sandbox.terminate().await;
        sandbox.serve().await;
    }
    assert_eq!(sandbox.durable().await, before);
    let said = sandbox.run(&["plan", "load", FOLDER]);
    assert!(said.stdout.contains(&format!("0 stored, {stored} were there, position {position}")), "{said:?}");
    let two = sandbox.run(&["progress", "circles"]);
    assert_eq!(two.code, 1, "{two:?}");
    assert!(two.stderr.contains("--plan") && two.stderr.contains(PLAN_ID) && two.stderr.contains(SECOND), "{two:?}");
}

#[tokio::test]
async fn a_changed_plan_under_the_same_id_is_refused_with_the_way_out() {
    let mut sandbox = Sandbox::start().await;
    assert_eq!(sandbox.run(&["plan", "load", FOLDER]).code, 0);
    let before = sandbox.plan_status(SECOND).await.durable_position;
    let other =
        changed(&sandbox, FOLDER, "changed", "plan.json", "\"late_after_days\": 180", "\"late_after_days\": 90");
    let refused = sandbox.run(&["plan", "load", &other]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("PLAN_DIGEST_MISMATCH") && refused.stderr.contains("new id"), "{refused:?}");
    assert!(refused.stderr.contains(SECOND), "{refused:?}");
    assert_eq!(sandbox.plan_status(SECOND).await.durable_position, before);
    // At start the same: the server does not run on a plan that is not the one it was given.
    sandbox.terminate().await;
    let options = ServeOptions { plans: vec![other], ..Default::default() };
    let refused = sandbox.refuse_to_serve(&options);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains(SECOND) && refused.stderr.contains("new id"), "{refused:?}");
    sandbox.serve().await;
}

#[tokio::test]
async fn an_interrupted_load_is_invisible_until_it_is_finished() {
    let options = ServeOptions { plans: vec![FOLDER.to_owned()], ..Default::default() };
    let mut sandbox = Sandbox::start_with(options).await;
    let (stored, _, _) = loaded(&sandbox.run(&["--json", "plan", "load", HARBIN]));
    sandbox.kill();
    // What a server that dies in the middle of a load leaves: the first submissions of it.
    let segment = sandbox.data().join("plans").join(PLAN_ID).join("log/00000000000000000001.seg");
    let length = written(&segment);
    fs::OpenOptions::new().write(true).open(&segment).unwrap().set_len(length * 9 / 10).unwrap();
    sandbox.serve().await;

    let status = sandbox.plan_status(PLAN_ID).await;
    let there = status.durable_position - 1;
    assert!(!status.published && there > 0 && there < stored, "{status:?}");
    let hidden = read(&sandbox, PLAN_ID, there + 1).await.unwrap_err();
    assert_eq!(reason(&hidden, Code::NotFound), "PLAN_NOT_FOUND");
    let (_, token) = sandbox.grant(Role::Agency, "drc", "").await;
    let mut clerk = sandbox.client(Some(&token)).await;
    let refused = clerk.ingest.submit(submit(many(1))).await.unwrap_err();
    assert_eq!(reason(&refused, Code::NotFound), "PLAN_NOT_FOUND");
    let seen = sandbox.run(&["progress", "circles"]);
    assert!(!seen.stdout.contains("circle-hit"), "{seen:?}");
    assert_eq!(sandbox.plan_status(PLAN_ID).await.durable_position, there + 1, "no day is opened for it either");

    let other =
        changed(&sandbox, HARBIN, "changed", "plan.json", "\"late_after_days\": 366", "\"late_after_days\": 90");
    let refused = sandbox.run(&["plan", "load", &other]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("PLAN_DIGEST_MISMATCH") && refused.stderr.contains("new id"), "{refused:?}");
    let finished = sandbox.run(&["--json", "plan", "load", HARBIN]);
    assert_eq!(finished.code, 0, "{finished:?}");
    assert_eq!(loaded(&finished), (stored - there, there, stored + 1));
    read(&sandbox, PLAN_ID, stored + 1).await.unwrap();
    let again = sandbox.run(&["--json", "plan", "load", HARBIN]);
    assert_eq!(loaded(&again), (0, stored, stored + 1));
}

#[tokio::test]
async fn a_published_plan_takes_no_more_definitions() {
    let sandbox = Sandbox::start().await;
    assert_eq!(sandbox.run(&["plan", "load", FOLDER]).code, 0);
    let mut admin = sandbox.admin().await;
    let before = sandbox.plan_status(SECOND).await.durable_position;
    let digest = read(&sandbox, SECOND, before).await.unwrap().digest.to_vec();
    for (digest, expected) in [(vec![7; 32], "PLAN_DIGEST_MISMATCH"), (digest, "PLAN_ALREADY_PUBLISHED")] {
        let late = event(Payload::PlanPublished(pb::PlanPublished { event_count: 21, digest }));
        let refused = admin.ingest.submit(of_plan(submit(vec![late]))).await.unwrap_err();
        assert_eq!(reason(&refused, Code::FailedPrecondition), expected);
    }
    // A load that does not end with PlanPublished is none, nor is one without a plan's name.
    for (plan, definitions) in [("another-plan", vec![agency("drc", "发改局")]), ("", vec![]), ("青水", vec![])] {
        let request = pb::LoadPlanRequest { plan: plan.into(), simulated: false, definitions };
        let refused = admin.admin.load_plan(tokio_stream::iter([request])).await.unwrap_err();
        assert_eq!(reason(&refused, Code::InvalidArgument), "INVALID_FIELD", "{plan:?}");
    }
    let status = sandbox.run(&["--json", "admin", "status"]);
    assert!(!status.stdout.contains("another-plan"), "nothing was created for it: {status:?}");
    assert_eq!(sandbox.plan_status(SECOND).await.durable_position, before);
    // What a published plan still takes.
    let events = introduce("drc", pb::AssignmentRole::Lead, &[pb::scope::Kind::Plan(true)]);
    admin.ingest.submit(of_plan(submit(events))).await.unwrap();
}

#[tokio::test]
async fn a_bad_plan_is_refused_with_file_path_and_reason() {
    let sandbox = Sandbox::stopped(ServeOptions::default());
    let good = sandbox.run(&["plan", "check", FOLDER]);
    assert_eq!(good.code, 0, "{good:?}");
    let harbin = sandbox.run(&["plan", "check", "seeds/harbin-2022-2026"]);
    for count in
        ["72", "62 AT_LEAST", "4 MORE_THAN", "2 BETWEEN", "1 APPROXIMATELY", "1 FULL_COVERAGE", "35 projects", "33"]
    {
        assert!(harbin.stdout.contains(count), "{count}: {}", harbin.stdout);
    }
    let cases = [
        ("plan.json", "\"late_after_days\": 180", "\"late_after_days\": \"soon\"", "late_after_days"),
        ("plan.json", "\"start\": \"2025-01-01\"", "\"start\": \"2025-02-30\"", "start"),
        ("plan.json", "\"plan\": \"qingshui-2025-2027\"", "\"plan\": \"青水\"", "plan"),
        ("indicators.json", "\"unit\": \"", "\"unit\": \"no-such-", "unit"),
        ("targets.json", "\"indicator\": \"", "\"indicator\": \"no-such-", "indicator"),
        ("areas.json", "\"id\": \"", "\"identity\": \"", "id"),
        ("projects.json", "{", "{{", "line 1"),
        ("source.txt", "青水", "清水", "sha256"),
    ];
    for (index, (file, from, to, named)) in cases.into_iter().enumerate() {
        let folder = changed(&sandbox, FOLDER, &format!("bad-{index}"), file, from, to);
        let checked = sandbox.run(&["plan", "check", &folder]);
        assert_eq!(checked.code, 1, "{file} {to}: {checked:?}");
        assert!(checked.stdout.is_empty() && !checked.stderr.contains("panicked"), "{checked:?}");
        let said = checked.stderr.contains(file) || file == "source.txt" && checked.stderr.contains("plan.json");
        assert!(said && checked.stderr.contains(named), "{file} {to}: {}", checked.stderr);
    }
    let missing = sandbox.run(&["plan", "check", sandbox.path("nowhere").to_str().unwrap()]);
    assert_eq!(missing.code, 1, "{missing:?}");
    assert!(missing.stderr.contains("nowhere") && missing.stderr.contains("plan.json"), "{missing:?}");
}

#[tokio::test]
async fn a_bad_plan_does_not_reach_the_server() {
    let sandbox = Sandbox::start().await;
    let folder = changed(&sandbox, FOLDER, "bad", "targets.json", "\"indicator\": \"", "\"indicator\": \"no-such-");
    let refused = sandbox.run(&["plan", "load", &folder]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("targets.json"), "{refused:?}");
    assert!(!Path::new(&sandbox.data().join("plans").join(SECOND)).exists());
    let at_start = Sandbox::stopped(ServeOptions::default());
    let refused = at_start.refuse_to_serve(&ServeOptions { plans: vec![folder], ..Default::default() });
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("targets.json"), "{refused:?}");
}
