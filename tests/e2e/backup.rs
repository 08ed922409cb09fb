//! `backup` and `restore` on a real server: nothing that was acknowledged before the backup is lost, nothing of what is cut
//! comes back under its old name, and what is broken is found and refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use songhua_tests::{Client, Output, PLAN, PLAN_ID, Sandbox, binary, files_below, many, pb, reason, submit};
use tonic::Code;

/// Where the sandbox keeps its backup.
pub(crate) fn place(sandbox: &Sandbox) -> PathBuf {
    sandbox.path("backup")
}

/// Backs up; returns the summary.
pub(crate) fn backed_up(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    let place = place(sandbox);
    let output = sandbox.run(&[&["--json", "backup", place.to_str().unwrap()], arguments].concat());
    assert_eq!(output.code, 0, "{output:?}");
    serde_json::from_str(&output.stdout).unwrap()
}

/// What a summary says of the Harbin plan.
fn of_plan<'a>(summary: &'a Value, field: &str) -> &'a Value {
    let logs = summary["logs"].as_array().unwrap();
    &logs.iter().find(|log| log["plan"] == PLAN_ID).expect("the plan")[field]
}

fn number(value: &Value) -> u64 {
    value.as_str().map_or_else(|| value.as_u64().unwrap_or_default(), |text| text.parse().unwrap())
}

/// Stops the server, moves its data away, restores, and starts again with a token that it accepts.
pub(crate) async fn restored(sandbox: &mut Sandbox, arguments: &[&str]) -> Value {
    sandbox.terminate().await;
    let report = restore_only(sandbox, arguments);
    sandbox.serve().await;
    report
}

/// Moves the data away and restores. The next start has an administrator's token.
fn restore_only(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    let old = sandbox.path("before-restore");
    if old.exists() {
        fs::remove_dir_all(&old).unwrap();
    }
    fs::rename(sandbox.data(), &old).unwrap();
    let place = place(sandbox);
    let output = sandbox.run(&[&["--json", "restore", place.to_str().unwrap()], arguments].concat());
    assert_eq!(output.code, 0, "{output:?}");
    let checked = sandbox.run(&["check", sandbox.data().to_str().unwrap()]);
    assert_eq!(checked.code, 0, "{checked:?}");
    let token = sandbox.run(&["admin", "token", "--data", sandbox.data().to_str().unwrap()]);
    assert_eq!(token.code, 0, "{token:?}");
    serde_json::from_str(&output.stdout).unwrap()
}

/// The history as an auditor has it: epoch, and the stored bytes in order.
async fn replayed(sandbox: &Sandbox) -> (u32, Vec<Vec<u8>>) {
    let (_, token) = sandbox.grant(pb::Role::Auditor, "", "").await;
    let client = sandbox.client(Some(&token)).await.audit.max_decoding_message_size(16 << 20);
    let request = pb::ReplayRequest { parent: PLAN.to_owned(), ..Default::default() };
    let mut responses = { client }.replay(request).await.unwrap().into_inner();
    let (mut epoch, mut records) = (0, Vec::new());
    while let Some(response) = responses.message().await.unwrap() {
        epoch = response.epoch.max(epoch);
        records.extend(response.records.into_iter().map(|record| record.data.to_vec()));
    }
    (epoch, records)
}

fn decoded(bytes: &[u8]) -> pb::Event {
    prost::Message::decode(bytes).unwrap()
}

fn forked(bytes: &[u8]) -> pb::HistoryForked {
    match decoded(bytes).input.unwrap().payload {
        Some(pb::event_input::Payload::HistoryForked(forked)) => forked,
        other => panic!("{other:?} is no fork"),
    }
}

/// Figures as readers see them, once the views are up.
async fn figures(sandbox: &Sandbox) -> String {
    let durable = sandbox.durable().await;
    let up = async || {
        let status = sandbox.plan_status(PLAN_ID).await;
        status.followers.iter().all(|it| it.name != "projector" || it.applied_position >= durable).then_some(())
    };
    crate::relay_world::eventually("the views are up", up).await;
    let output = sandbox.run(&["progress", "indicator", "hnte-count", "--format", "csv"]);
    assert_eq!(output.code, 0, "{output:?}");
    output.stdout
}

async fn stored(client: &Client, events: Vec<pb::EventInput>) -> Vec<pb::Receipt> {
    client.clone().ingest.submit(submit(events)).await.unwrap().into_inner().receipts
}

#[tokio::test]
async fn a_full_and_an_incremental_backup_restore_to_the_same_history_in_a_new_epoch() {
    let mut sandbox = Sandbox::start().await;
    let clerk = sandbox.lead_of_all("drc").await;
    let (first, second, third) = (many(40), many(60).split_off(40), many(70).split_off(60));
    stored(&clerk, first.clone()).await;
    let full = backed_up(&sandbox, &[]);
    assert_eq!(number(of_plan(&full, "recordCount")), sandbox.durable().await);
    assert_eq!(number(of_plan(&full, "keptBytes")), 0);
    let bytes = number(of_plan(&full, "copiedBytes"));

    stored(&clerk, second.clone()).await;
    let more = backed_up(&sandbox, &[]);
    assert_eq!(number(of_plan(&more, "keptBytes")), bytes, "what was there is not copied again");
    assert!(number(of_plan(&more, "copiedBytes")) > 0);
    let nothing = backed_up(&sandbox, &["--verify-all"]);
    assert_eq!(number(of_plan(&nothing, "copiedBytes")), 0);

    let (epoch, before) = replayed(&sandbox).await;
    let figures_before = figures(&sandbox).await;
    let backed = before.len();
    stored(&clerk, third.clone()).await;
    let away = sandbox.path("before-restore");
    let arguments = ["--reason", "磁盘损坏", "--compare", away.to_str().unwrap()];
    let report = restored(&mut sandbox, &arguments).await;

    let status = sandbox.plan_status(PLAN_ID).await;
    assert_eq!((epoch, status.epoch, status.durable_position), (1, 2, backed as u64 + 1));
    let (epoch, after) = replayed(&sandbox).await;
    assert_eq!((epoch, &after[..backed]), (2, &before[..]), "the same bytes");
    let fork = forked(&after[backed]);
    assert_eq!((fork.old_epoch, fork.epoch, fork.old_size, fork.new_size), (1, 2, backed as u64, backed as u64));
    assert_eq!((fork.old_leaf_hash.len(), fork.old_root.len()), (32, 32));
    assert!(fork.reason.starts_with("磁盘损坏"), "{}", fork.reason);
    assert_eq!(figures(&sandbox).await, figures_before, "views of the same events are the same");
    let checked = sandbox.run(&["check", "--online", "--views"]);
    assert_eq!((checked.code, checked.stdout.matches(" ok").count()), (0, 2), "{checked:?}");
    let lost = report["logs"][1]["lost"].as_array().unwrap();
    let ids: Vec<_> = lost.iter().map(|lost| lost["event_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, third.iter().map(|event| event.event_id.clone()).collect::<Vec<_>>(), "named as lost");

    // Whoever pushes everything once more has everything.
    let (_, token) = sandbox.grant(pb::Role::Agency, "drc", "").await;
    let clerk = sandbox.client(Some(&token)).await;
    let again = stored(&clerk, [first, second, third].concat()).await;
    assert_eq!(
        again.iter().map(|receipt| receipt.duplicate).collect::<Vec<_>>(),
        [vec![true; 60], vec![false; 10]].concat()
    );
    // The restored log is another history: its backup gets a new directory.
    let refused = sandbox.run(&["backup", place(&sandbox).to_str().unwrap()]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("BACKUP_REFUSED") && refused.stderr.contains("epoch"), "{refused:?}");
}

#[tokio::test]
async fn a_restore_ends_with_the_last_whole_submission_before_a_position_or_a_moment() {
    let mut sandbox = Sandbox::start().await;
    let clerk = sandbox.lead_of_all("drc").await;
    let before = sandbox.durable().await;
    let events = many(9);
    for submission in events.chunks(3) {
        stored(&clerk, submission.to_vec()).await;
    }
    backed_up(&sandbox, &[]);
    let (_, whole) = replayed(&sandbox).await;
    // Inside the second submission.
    let position = (before + 5).to_string();
    let report = restored(&mut sandbox, &["--plan", PLAN_ID, "--to-position", &position]).await;
    assert_eq!(report["logs"][1]["records"], before + 3);
    assert_eq!(sandbox.durable().await, before + 4);
    let (epoch, after) = replayed(&sandbox).await;
    let kept = before as usize + 3;
    assert_eq!((epoch, &after[..kept]), (2, &whole[..kept]));
    let fork = forked(&after[kept]);
    assert_eq!((fork.old_size, fork.new_size), (whole.len() as u64, before + 3));

    let moment = decoded(&whole[before as usize + 3]).recorded_time.unwrap();
    let moment = jiff::Timestamp::new(moment.seconds, moment.nanos).unwrap();
    restored(&mut sandbox, &["--to-time", &moment.to_string()]).await;
    assert_eq!(sandbox.durable().await, before + 7);
    let (_, after) = replayed(&sandbox).await;
    assert_eq!(&after[..before as usize + 6], &whole[..before as usize + 6]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_is_a_prefix_of_whole_submissions() {
    let mut sandbox = Sandbox::start().await;
    let clerk = sandbox.lead_of_all("drc").await;
    let stop = std::sync::Arc::new(AtomicBool::new(false));
    let (writer, stopped) = (clerk.clone(), std::sync::Arc::clone(&stop));
    let writing = tokio::spawn(async move {
        let events = many(6_000);
        let mut sent = 0;
        for submission in events.chunks(3) {
            stored(&writer, submission.to_vec()).await;
            sent += 1;
            if stopped.load(Ordering::Relaxed) {
                break;
            }
        }
        sent
    });
    let first = tokio::task::block_in_place(|| backed_up(&sandbox, &[]));
    let mut grown = 0;
    for _ in 0..5 {
        let next = tokio::task::block_in_place(|| backed_up(&sandbox, &[]));
        grown += usize::from(number(of_plan(&next, "recordCount")) > number(of_plan(&first, "recordCount")));
    }
    stop.store(true, Ordering::Relaxed);
    assert!(writing.await.unwrap() > 0 && grown > 0, "it was written meanwhile");
    let (_, live) = replayed(&sandbox).await;
    restored(&mut sandbox, &[]).await;
    let (_, after) = replayed(&sandbox).await;
    let kept = after.len() - 1;
    assert_eq!(after[..kept], live[..kept]);
    let last = decoded(&after[kept - 1]);
    assert_eq!(last.submission_index + 1, last.submission_count, "no half of a submission");
}

#[tokio::test]
async fn a_token_that_was_revoked_since_the_backup_is_named_by_the_restore() {
    let mut sandbox = Sandbox::start().await;
    let (grant_id, token) = sandbox.grant(pb::Role::Auditor, "", "").await;
    backed_up(&sandbox, &[]);
    let revoke = pb::RevokeAccessRequest { grant_id: grant_id.clone(), reason: "离职".to_owned() };
    sandbox.admin().await.admin.revoke_access(revoke).await.unwrap();
    let old = sandbox.path("before-restore");
    let report = restored(&mut sandbox, &["--compare", old.to_str().unwrap()]).await;
    let grants = report["grants"].as_array().unwrap();
    let named = grants.iter().find(|grant| grant["grant_id"] == grant_id.as_str()).expect("it is valid again");
    assert_eq!(named["revoked_since"], true);
    assert_eq!(grants.iter().filter(|grant| grant["revoked_since"] == true).count(), 1);
    let status = sandbox.client(Some(&token)).await.admin.get_status(pb::GetStatusRequest::default()).await;
    assert!(status.is_ok(), "{status:?}");
}

#[tokio::test]
async fn a_damaged_backup_is_found_and_not_restored() {
    let mut sandbox = Sandbox::start().await;
    backed_up(&sandbox, &[]);
    sandbox.terminate().await;
    let segment = segments(&place(&sandbox)).pop().unwrap();
    let whole = fs::read(&segment).unwrap();
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    fs::write(&segment, damaged).unwrap();
    fs::rename(sandbox.data(), sandbox.path("away")).unwrap();
    let place = place(&sandbox);
    let place = place.to_str().unwrap();
    let said = |output: &Output| format!("{}{}", output.stdout, output.stderr);
    for command in ["check", "restore"] {
        let output = sandbox.run(&[command, place]);
        assert_eq!(output.code, 5, "{command}: {output:?}");
        assert!(said(&output).contains(segment.to_str().unwrap()), "{command}: {output:?}");
    }
    assert!(!sandbox.data().exists(), "nothing was written");
    fs::write(&segment, whole).unwrap();
    let manifest = Path::new(place).join("MANIFEST.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, &text[..text.len() / 2]).unwrap();
    for command in ["check", "restore"] {
        let output = sandbox.run(&[command, place]);
        assert_eq!(output.code, 5, "{command}: {output:?}");
        assert!(said(&output).contains("MANIFEST.json"), "{command}: {output:?}");
    }
    fs::write(&manifest, text).unwrap();
    let output = sandbox.run(&["check", place]);
    assert_eq!((output.code, output.stdout.matches(" ok").count()), (0, 2), "{output:?}");
    let early = ["--to-time", "2000-01-01T00:00:00Z"];
    let unknown = ["--plan", "atlantis", "--to-position", "3"];
    for (arguments, code, what) in [
        (&early[..], 1, "--to-time"),
        (&[&early[..], &["--plan", PLAN_ID]].concat(), 1, "begins with position"),
        (&["--plan", PLAN_ID], 2, "--to-position"),
        (&unknown[..], 2, "atlantis is not in the backup"),
    ] {
        let output = sandbox.run(&[&["restore", place], arguments].concat());
        assert!(output.code == code && output.stderr.contains(what), "{output:?}");
        assert!(!sandbox.data().exists(), "nothing was written");
    }
    // Nobody serves a backup: the next one would overwrite what was acknowledged there.
    for command in [&["serve"][..], &["admin", "token"]] {
        let output = sandbox.run(&[command, &["--data", place]].concat());
        assert!(output.code == 1 && output.stderr.contains("is a backup"), "{output:?}");
    }
    // What cannot be read is not called a leftover.
    fs::write(sandbox.data(), "a file").unwrap();
    let output = sandbox.run(&["restore", place]);
    assert!(output.code == 1 && output.stderr.contains("nothing was written"), "{output:?}");
    fs::remove_file(sandbox.data()).unwrap();
    // One log that is none hides no other, and what cannot be read is not called damaged.
    let away = sandbox.path("away");
    let first = segments(&away).remove(0);
    let whole = fs::read(&first).unwrap();
    fs::write(&first, b"no segment").unwrap();
    let output = sandbox.run(&["check", away.to_str().unwrap()]);
    assert_eq!((output.code, output.stdout.lines().count()), (5, 2), "{output:?}");
    assert_eq!(output.stdout.matches(" ok").count(), 1, "{output:?}");
    fs::remove_file(&first).unwrap();
    fs::create_dir(&first).unwrap();
    let output = sandbox.run(&["check", away.to_str().unwrap()]);
    assert!(output.code == 1 && output.stdout.contains("NOT CHECKED"), "{output:?}");
    fs::remove_dir(&first).unwrap();
    fs::write(&first, whole).unwrap();
    // A directory in use is not overwritten.
    fs::create_dir(sandbox.data()).unwrap();
    fs::write(sandbox.data().join("letter"), "").unwrap();
    let output = sandbox.run(&["restore", place]);
    assert!(output.code == 1 && output.stderr.contains("before-restore"), "{output:?}");
}

fn segments(directory: &Path) -> Vec<PathBuf> {
    files_below(directory).into_iter().filter(|path| path.extension().is_some_and(|it| it == "seg")).collect()
}

#[tokio::test]
async fn only_administrators_back_up_and_only_to_a_directory_outside_the_data() {
    let sandbox = Sandbox::start().await;
    let (_, token) = sandbox.grant(pb::Role::Auditor, "", "").await;
    let request =
        |directory: &Path| pb::BackupRequest { directory: directory.to_str().unwrap().to_owned(), verify_all: false };
    let outside = request(&place(&sandbox));
    let refused = sandbox.client(Some(&token)).await.admin.backup(outside.clone()).await.unwrap_err();
    assert_eq!(reason(&refused, Code::PermissionDenied), "ROLE_NOT_ALLOWED");
    let link = sandbox.path("link");
    std::os::unix::fs::symlink(sandbox.data(), &link).unwrap();
    let data = sandbox.data();
    for directory in
        [Path::new("backup"), &data, &data.join("backup"), &link.join("backup"), &data.join("../x"), Path::new("/")]
    {
        let refused = sandbox.admin().await.admin.backup(request(directory)).await.unwrap_err();
        assert_eq!(reason(&refused, Code::InvalidArgument), "INVALID_FIELD", "{}", directory.display());
    }
    // What is no backup is not made one.
    let other = sandbox.path("papers");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("letter"), "").unwrap();
    let output = sandbox.run(&["backup", other.to_str().unwrap()]);
    assert!(output.code == 1 && output.stderr.contains("letter"), "{output:?}");
    assert!(sandbox.run(&["backup", place(&sandbox).to_str().unwrap()]).code == 0);
    let help = Command::new(binary()).args(["restore", "--help"]).output().unwrap();
    assert!(String::from_utf8_lossy(&help.stdout).contains("--to-time"));
}
