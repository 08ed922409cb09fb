//! `check --online` and `log dump`: damage is found while the server works and shown as far as it goes; and whoever follows
//! hears of a restore.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;
use songhua_tests::{Output, PLAN_ID, Sandbox, ServeOptions, free_port, many, pb, reason, submit};
use tonic::Code;

use crate::backup::{backed_up, restored};
use crate::relay_world::eventually;

/// The plan's log on disk.
fn log(sandbox: &Sandbox) -> PathBuf {
    sandbox.data().join("plans").join(PLAN_ID).join("log")
}

fn lines(output: &Output) -> Vec<Value> {
    output.stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

fn positions(lines: &[Value]) -> Vec<u64> {
    lines.iter().filter_map(|line| line["position"].as_u64()).collect()
}

#[tokio::test]
async fn a_server_that_works_finds_what_is_damaged_on_its_disk() {
    let sandbox = Sandbox::start().await;
    let clerk = sandbox.lead_of_all("drc").await;
    for submission in many(12).chunks(3) {
        clerk.clone().ingest.submit(submit(submission.to_vec())).await.unwrap();
    }
    let head = sandbox.durable().await;
    let sound = sandbox.run(&["--json", "check", "--online", "--views"]);
    assert_eq!(sound.code, 0, "{sound:?}");
    let checked: Vec<pb::LogCheck> = serde_json::from_str(&sound.stdout).unwrap();
    assert_eq!(checked.iter().map(|log| log.plan.as_str()).collect::<Vec<_>>(), ["", PLAN_ID]);
    assert_eq!((checked[1].position, checked[1].views_digest.len(), checked[1].epoch), (head, 32, 1));
    assert!(!sandbox.data().join("plans").join(PLAN_ID).join("views.check").exists(), "nothing is left");

    // A byte of the third submission from the end.
    let dump =
        sandbox.run(&["log", "dump", log(&sandbox).to_str().unwrap(), "--frames", "--from", &(head - 8).to_string()]);
    assert_eq!(dump.code, 0, "{dump:?}");
    let frame = &lines(&dump)[0]["frame"];
    assert_eq!((frame["first"].as_u64(), frame["records"].as_u64()), (Some(head - 8), Some(3)));
    let segment = PathBuf::from(frame["file"].as_str().unwrap());
    let at = usize::try_from(frame["offset"].as_u64().unwrap() + 60).unwrap();
    let whole = fs::read(&segment).unwrap();
    let mut damaged = whole.clone();
    damaged[at] ^= 1;
    // In place: the server has the file open.
    fs::write(&segment, &damaged).unwrap();

    let found = sandbox.run(&["--json", "check", "--online", "--plan", PLAN_ID, "--views"]);
    assert_eq!(found.code, 5, "{found:?}");
    let checked: Vec<pb::LogCheck> = serde_json::from_str(&found.stdout).unwrap();
    let [pb::LogCheck { findings, position, .. }] = &checked[..] else { panic!("{checked:?}") };
    assert_eq!((findings.len(), findings[0].kind(), findings[0].position), (1, pb::FindingKind::Damage, head - 8));
    assert_eq!((findings[0].file.as_str(), *position), (segment.to_str().unwrap(), head - 9));
    let said = sandbox.run(&["check", "--online"]);
    assert!(said.code == 5 && said.stdout.contains("DAMAGE position"), "{said:?}");

    let directory = log(&sandbox);
    let directory = directory.to_str().unwrap();
    let dump = sandbox.run(&["log", "dump", directory]);
    assert_eq!((dump.code, positions(&lines(&dump))), (5, (1..head - 8).collect()));
    let dump = sandbox.run(&["log", "dump", directory, "--skip-damage"]);
    let shown = lines(&dump);
    assert_eq!((dump.code, positions(&shown)), (5, (1..head - 8).chain(head - 5..=head).collect()));
    let missing = shown.iter().find(|line| line["damage"].is_object()).expect("what is missing is said");
    assert_eq!(missing["damage"]["missingUpTo"], head - 6);
    fs::write(&segment, &whole).unwrap();

    let (_, token) = sandbox.grant(pb::Role::Auditor, "", "").await;
    let check = pb::CheckRequest::default();
    let refused = sandbox.client(Some(&token)).await.admin.check(check.clone()).await.unwrap_err();
    assert_eq!(reason(&refused, Code::PermissionDenied), "ROLE_NOT_ALLOWED");
    let unknown = pb::CheckRequest { plan: "atlantis".to_owned(), ..check };
    let refused = sandbox.admin().await.admin.check(unknown).await.unwrap_err();
    assert_eq!(reason(&refused, Code::NotFound), "PLAN_NOT_FOUND");
}

#[tokio::test]
async fn a_dump_shows_records_of_plans_and_of_the_system_as_they_were_stored() {
    let sandbox = Sandbox::start().await;
    let directory = log(&sandbox);
    let dump = sandbox.run(&["log", "dump", directory.to_str().unwrap(), "--to", "3"]);
    let shown = lines(&dump);
    assert_eq!((dump.code, positions(&shown)), (0, vec![1, 2, 3]));
    assert!(shown[0]["event"]["input"]["logCreated"].is_object(), "{}", shown[0]);
    assert_eq!((shown[0]["epoch"].as_u64(), shown[0]["submission"].clone()), (Some(1), serde_json::json!([1, 1])));
    assert_eq!(shown[0]["leaf_hash"].as_str().unwrap().len(), 64);
    let raw = lines(&sandbox.run(&["log", "dump", directory.to_str().unwrap(), "--to", "1", "--raw"]));
    assert!(raw[0]["event"].is_null() && raw[0]["bytes"].is_string(), "{}", raw[0]);
    let system = sandbox.data().join("system/log");
    let shown = lines(&sandbox.run(&["log", "dump", system.to_str().unwrap()]));
    assert!(shown[0]["systemEvent"]["logCreated"].is_object(), "{}", shown[0]);
    let nothing = sandbox.run(&["log", "dump", sandbox.path("").to_str().unwrap()]);
    assert_eq!(nothing.code, 1, "{nothing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_who_follows_hears_that_the_history_is_another_one() {
    let server = format!("127.0.0.1:{}", free_port());
    let options = ServeOptions { grpc_address: server.clone(), ..ServeOptions::default() };
    let mut sandbox = Sandbox::start_with(options).await;
    let (_, token) = sandbox.grant(pb::Role::Auditor, "", "").await;
    backed_up(&sandbox, &[]);
    let token = sandbox.write("auditor.token", &token);
    let url = format!("http://{server}");
    let mut command = sandbox.command(&["replay", "--follow", "--server", &url, "--token-file", &token]);
    let replayed = sandbox.path("replayed");
    let out = fs::File::create(&replayed).unwrap();
    let following = command.stdout(out).stderr(Stdio::piped()).spawn().unwrap();
    let begun = async || (fs::metadata(&replayed).unwrap().len() > 0).then_some(());
    eventually("the replay has begun", begun).await;
    restored(&mut sandbox, &[]).await;
    let ended = tokio::task::spawn_blocking(move || following.wait_with_output()).await.unwrap().unwrap();
    let ended = Output::from(ended);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.stderr.contains("epoch 2, before log") && ended.stderr.contains("epoch 1"), "{ended:?}");
}

#[tokio::test]
async fn a_plan_that_is_damaged_is_named_and_the_backup_of_the_others_is_made() {
    let sandbox = Sandbox::start().await;
    let clerk = sandbox.lead_of_all("drc").await;
    let first = backed_up(&sandbox, &[]);
    let bytes = first["logs"][1]["copiedBytes"].as_str().unwrap().parse::<usize>().unwrap();
    clerk.clone().ingest.submit(submit(many(3))).await.unwrap();
    let segment = log(&sandbox).join("00000000000000000001.seg");
    let backup = sandbox.path("backup");
    let backup = backup.to_str().unwrap();
    // What is in the backup already, and what is new.
    for at in [bytes / 2, bytes + 100] {
        let whole = fs::read(&segment).unwrap();
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs::write(&segment, &damaged).unwrap();
        // Something new for the system log.
        sandbox.grant(pb::Role::Auditor, "", "").await;
        let output = sandbox.run(&["--json", "backup", backup]);
        assert!(output.code == 1 && output.stderr.contains("1 of 2 logs"), "{output:?}");
        let summary: Value = serde_json::from_str(&output.stdout).unwrap();
        let (system, plan) = (&summary["logs"][0], &summary["logs"][1]);
        assert!(plan["fault"].as_str().unwrap().contains(segment.to_str().unwrap()), "{plan}");
        assert!(system["copiedBytes"].as_str().is_some_and(|copied| copied != "0"), "{system}");
        assert_eq!(sandbox.run(&["check", backup]).code, 0, "what the backup had is kept");
        fs::write(&segment, &whole).unwrap();
    }
    let again = backed_up(&sandbox, &[]);
    assert_ne!(again["logs"][1]["copiedBytes"], "0");
}

#[tokio::test]
async fn a_second_restore_of_a_backup_names_what_was_stored_since_the_first() {
    let mut sandbox = Sandbox::start().await;
    let clerk = sandbox.lead_of_all("drc").await;
    let events = many(8);
    let kept = sandbox.durable().await;
    clerk.clone().ingest.submit(submit(events[..1].to_vec())).await.unwrap();
    clerk.clone().ingest.submit(submit(events[1..6].to_vec())).await.unwrap();
    backed_up(&sandbox, &[]);
    restored(&mut sandbox, &["--plan", PLAN_ID, "--to-position", &(kept + 1).to_string()]).await;
    let (_, token) = sandbox.grant(pb::Role::Agency, "drc", "").await;
    let since = submit(events[6..].to_vec());
    sandbox.client(Some(&token)).await.ingest.submit(since).await.unwrap();
    let old = sandbox.path("before-restore");
    let report = restored(&mut sandbox, &["--compare", old.to_str().unwrap()]).await;
    let plan = &report["logs"][1];
    assert_eq!((plan["epoch"].as_u64(), plan["records"].as_u64()), (Some(3), Some(kept + 6)));
    // They stood where the backup has others.
    let lost: Vec<_> = plan["lost"].as_array().unwrap().iter().collect();
    let ids: Vec<_> = lost.iter().map(|lost| lost["event_id"].as_str().unwrap()).collect();
    assert_eq!(lost[0]["event_type"], "log.history-forked");
    assert!(events[6..].iter().all(|event| ids.contains(&event.event_id.as_str())), "{plan}");
    assert!(lost.iter().all(|lost| lost["position"].as_u64().unwrap() > kept + 1), "{plan}");
}
