//! A full disk, and one that may not be written: writes say why, reads go on, and everything goes on by itself.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use songhua_tests::{Client, PLAN, PLAN_ID, Sandbox, ServeOptions, SmallDisk, fill, many, pb, reason, refusal, submit};
use tonic::Code;

use crate::relay_world::eventually;

/// Enough for the Harbin plan, its views, and a backup of it.
const MIB: u32 = 64;
/// Most entries of a history in one answer.
const PAGE: usize = 1_000;

/// A server on a disk of its own, with a token of an agency that may report everything.
async fn started(disk: &SmallDisk) -> (Sandbox, String) {
    let mut sandbox = Sandbox::stopped_in(disk.path(), ServeOptions::default());
    sandbox.serve().await;
    sandbox.lead_of_all("drc").await;
    let (_, token) = sandbox.grant(pb::Role::Agency, "drc", "").await;
    (sandbox, token)
}

pub(crate) async fn stored(client: &Client, events: &[pb::EventInput]) -> Vec<pb::Receipt> {
    client.clone().ingest.submit(submit(events.to_vec())).await.unwrap().into_inner().receipts
}

/// Sends one event after the other until there is no room: what was acknowledged, and the refusal.
async fn until_full(client: &mut Client, events: &[pb::EventInput]) -> (usize, tonic::Status) {
    for (index, event) in events.iter().enumerate() {
        if let Err(status) = client.ingest.submit(submit(vec![event.clone()])).await {
            return (index, status);
        }
    }
    panic!("{} events found room", events.len());
}

/// Ids of all events of the history.
async fn history(sandbox: &Sandbox) -> Vec<String> {
    let mut client = sandbox.admin().await.audit.max_decoding_message_size(16 << 20);
    let request = pb::ReplayRequest { parent: PLAN.to_owned(), ..Default::default() };
    let mut responses = client.replay(request).await.unwrap().into_inner();
    let mut ids = Vec::new();
    while let Some(response) = responses.message().await.unwrap() {
        for record in response.records {
            let event: pb::Event = prost::Message::decode(record.data.as_ref()).unwrap();
            ids.push(event.input.unwrap().event_id);
        }
    }
    ids
}

/// Grants access until the system log finds no room.
async fn grants_until_full(sandbox: &Sandbox) -> tonic::Status {
    let mut admin = sandbox.admin().await.admin;
    let request = pb::GrantAccessRequest { principal: "auditor".to_owned(), ..Default::default() };
    let request = pb::GrantAccessRequest { role: pb::Role::Auditor.into(), ..request };
    for _ in 0..1_000 {
        if let Err(status) = admin.grant_access(request.clone()).await {
            return status;
        }
    }
    panic!("a thousand grants found room");
}

/// How many figures the indicator has that [`many`] reports, as far as a page goes.
pub(crate) async fn figures(client: &mut Client) -> Result<usize, tonic::Status> {
    let name = format!("{PLAN}/indicators/hnte-count");
    let request = pb::GetIndicatorRequest { name, ..Default::default() };
    let seen = client.progress.get_indicator(request).await?.into_inner();
    Ok(seen.history.len())
}

pub(crate) async fn projector(sandbox: &Sandbox) -> pb::FollowerStatus {
    let status = sandbox.plan_status(PLAN_ID).await;
    status.followers.into_iter().find(|it| it.name == "projector").expect("the projector follows")
}

/// Waits until the views have everything.
pub(crate) async fn caught_up(sandbox: &Sandbox) {
    let durable = sandbox.durable().await;
    let up = async || {
        let follower = projector(sandbox).await;
        (follower.state == "RUNNING" && follower.applied_position >= durable).then_some(())
    };
    eventually("the views have everything", up).await;
}

/// Sends again until it is stored.
async fn stored_at_last(client: &Client, event: &pb::EventInput) {
    let stored = async || client.clone().ingest.submit(submit(vec![event.clone()])).await.ok();
    eventually("the log takes writes again", stored).await;
}

fn is_quiet(sandbox: &Sandbox) {
    let log = sandbox.server_log();
    assert!(!log.contains("panicked"), "{log}");
}

#[tokio::test]
async fn a_full_disk_says_so_reads_go_on_and_writes_come_back_with_the_room() {
    let Some(disk) = SmallDisk::new(MIB) else { return };
    let (mut sandbox, token) = started(&disk).await;
    let mut clerk = sandbox.client(Some(&token)).await;
    let events = many(6_000);
    stored(&clerk, &events[..500]).await;
    let backup = sandbox.path("backup");
    let backup = backup.to_str().unwrap();
    assert_eq!(sandbox.run(&["backup", backup]).code, 0);

    stored(&clerk, &events[500..600]).await;
    disk.fill();
    let (more, status) = until_full(&mut clerk, &events[600..]).await;
    let refused = refusal(&status);
    assert_eq!((reason(&status, Code::Unavailable), refused.retry_after.is_some()), ("DISK_FULL".to_owned(), true));
    assert!(refused.message.contains("No space left") && refused.message_zh.contains("磁盘没有空间"), "{refused:?}");
    let acknowledged = 600 + more;
    assert!(sandbox.plan_status(PLAN_ID).await.refusing.contains("No space left"));

    // Reads go on, with everything that was acknowledged and nothing else.
    caught_up(&sandbox).await;
    assert_eq!(figures(&mut clerk).await.unwrap(), acknowledged.min(PAGE));
    let ids = history(&sandbox).await;
    let ours: Vec<_> = ids.iter().filter(|id| events.iter().any(|event| event.event_id == **id)).collect();
    assert!(ours.into_iter().eq(events[..acknowledged].iter().map(|event| &event.event_id)));
    assert_eq!(sandbox.run(&["progress", "overview"]).code, 0);
    assert_eq!(sandbox.run(&["check", "--online"]).code, 0);
    let checked = sandbox.run(&["check", "--online", "--views"]);
    assert!(checked.code == 1 && format!("{checked:?}").contains("No space left"), "{checked:?}");
    let status = sandbox.run(&["admin", "status"]);
    assert!(status.stdout.contains("No space left"), "{status:?}");

    // A backup finds no room: the one before is whole.
    let refused = sandbox.run(&["backup", backup]);
    assert!(
        refused.code == 1 && refused.stderr.contains("No space left") && refused.stderr.contains("备份"),
        "{refused:?}"
    );
    assert!(refused.stderr.contains("make room"), "{refused:?}");
    assert_eq!(sandbox.run(&["check", backup]).code, 0);
    // Views beside the others find none: those are read on, and followed.
    let rebuilt = sandbox.run(&["views", "rebuild"]);
    assert!(rebuilt.code != 0 && rebuilt.stderr.contains("No space left"), "{rebuilt:?}");
    assert_eq!(figures(&mut clerk).await.unwrap(), acknowledged.min(PAGE));

    disk.free();
    stored_at_last(&clerk, &events[acknowledged]).await;
    stored(&clerk, &events[acknowledged..acknowledged + 100]).await;
    assert_eq!(sandbox.plan_status(PLAN_ID).await.refusing, "");
    caught_up(&sandbox).await;
    assert_eq!(figures(&mut clerk).await.unwrap(), (acknowledged + 100).min(PAGE));
    assert_eq!(sandbox.run(&["views", "rebuild"]).code, 0);
    assert_eq!(sandbox.run(&["backup", backup]).code, 0);
    is_quiet(&sandbox);
    sandbox.terminate().await;
    assert_eq!(sandbox.run(&["check", sandbox.data().to_str().unwrap()]).code, 0);
}

#[tokio::test]
async fn a_server_that_is_stopped_on_a_full_disk_starts_on_it_and_goes_on_with_the_room() {
    let Some(disk) = SmallDisk::new(MIB) else { return };
    let (mut sandbox, token) = started(&disk).await;
    let mut clerk = sandbox.client(Some(&token)).await;
    let events = many(6_000);
    stored(&clerk, &events[..300]).await;
    for in_order in [true, false] {
        disk.fill();
        let (_, status) = until_full(&mut clerk, &events[300..]).await;
        assert_eq!(reason(&status, Code::Unavailable), "DISK_FULL");
        let before = history(&sandbox).await;
        if in_order {
            sandbox.terminate().await
        } else {
            sandbox.kill()
        }
        // What the end has given back.
        fill(&disk.path().join("more"));
        sandbox.serve().await;
        clerk = sandbox.client(Some(&token)).await;
        assert_eq!(history(&sandbox).await, before);
        assert_eq!(reason(&grants_until_full(&sandbox).await, Code::Unavailable), "DISK_FULL");
        assert_eq!(reason(&until_full(&mut clerk, &events[300..]).await.1, Code::Unavailable), "DISK_FULL");
        fs::remove_file(disk.path().join("more")).unwrap();
        disk.free();
        stored_at_last(&clerk, &events[5_000 + usize::from(in_order)]).await;
        caught_up(&sandbox).await;
        assert_eq!(figures(&mut clerk).await.unwrap(), ours(&history(&sandbox).await, &events).min(PAGE));
        is_quiet(&sandbox);
    }
    sandbox.grant(pb::Role::Auditor, "", "").await;
    // The profile could not be written: it names the port of the first start.
    let token = sandbox.data().join("admin.token");
    let named = ["--server", sandbox.grpc(), "--token-file", token.to_str().unwrap()];
    let checked = sandbox.run(&[&named[..], &["check", "--online", "--views"]].concat());
    assert_eq!(checked.code, 0, "{checked:?}");
}

/// How many of `events` are in a history.
fn ours(ids: &[String], events: &[pb::EventInput]) -> usize {
    let ours: std::collections::HashSet<_> = events.iter().map(|event| event.event_id.as_str()).collect();
    ids.iter().filter(|id| ours.contains(id.as_str())).count()
}

#[tokio::test]
async fn views_on_a_full_disk_of_their_own_hold_up_no_write_and_catch_up_with_the_room() {
    let Some(disk) = SmallDisk::new(16) else { return };
    let mut sandbox = Sandbox::start().await;
    let clerk = sandbox.lead_of_all("drc").await;
    let (_, token) = sandbox.grant(pb::Role::Agency, "drc", "").await;
    let events = many(400);
    stored(&clerk, &events[..200]).await;
    sandbox.terminate().await;
    let views = sandbox.data().join("plans").join(PLAN_ID).join("views");
    fs::remove_dir_all(&views).unwrap();
    let elsewhere = disk.path().join("views");
    fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &views).unwrap();
    disk.fill();

    sandbox.serve().await;
    let mut clerk = sandbox.client(Some(&token)).await;
    stored(&clerk, &events[200..]).await;
    let follower = projector(&sandbox).await;
    assert!(follower.state == "WAITING" && follower.detail.contains("No space left"), "{follower:?}");
    assert_eq!(reason(&figures(&mut clerk).await.unwrap_err(), Code::Unavailable), "VIEWS_REBUILDING");
    assert_eq!(ours(&history(&sandbox).await, &events), 400);
    assert!(sandbox.run(&["admin", "status"]).stdout.contains("WAITING"));

    disk.free();
    caught_up(&sandbox).await;
    assert_eq!(figures(&mut clerk).await.unwrap(), 400);
    assert_eq!(sandbox.run(&["check", "--online", "--views"]).code, 0);
    is_quiet(&sandbox);
}

/// Takes or gives back all permissions of every directory below `path`, which is first where they are given.
fn permit(path: &Path, mode: u32) {
    let directories = |path: &Path| -> Vec<_> {
        let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|entry| entry.is_dir()).collect()
    };
    let set = || fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    if mode == 0 {
        directories(path).iter().for_each(|inside| permit(inside, mode));
        set();
    } else {
        set();
        directories(path).iter().for_each(|inside| permit(inside, mode));
    }
}

/// A server that needs permissions, also where root runs it.
pub(crate) fn held() -> ServeOptions {
    let held = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"].map(str::to_owned);
    let is_root = || fs::metadata("/proc/self").unwrap().uid() == 0;
    let under = if is_root() { held.to_vec() } else { Vec::new() };
    ServeOptions { under, ..ServeOptions::default() }
}

#[tokio::test]
async fn directories_whose_permissions_are_lost_are_said_and_used_again_once_they_are_back() {
    let mut sandbox = Sandbox::start_with(held()).await;
    let clerk = sandbox.lead_of_all("drc").await;
    let events = many(300);
    stored(&clerk, &events[..100]).await;
    caught_up(&sandbox).await;
    let (mut clerk, backup) = (clerk, sandbox.path("backup"));
    let mut admin = sandbox.admin().await;
    permit(&sandbox.data(), 0);
    // What is open stays open.
    stored(&clerk, &events[100..200]).await;
    let seen = async || (figures(&mut clerk.clone()).await.unwrap() == 200).then_some(());
    eventually("what is written is seen", seen).await;
    let request = pb::BackupRequest { directory: backup.to_str().unwrap().to_owned(), ..Default::default() };
    let mut backed_up = admin.admin.backup(request).await.unwrap().into_inner();
    let refused = loop {
        match backed_up.message().await {
            Ok(Some(response)) if response.summary.is_some() => break format!("{response:?}"),
            Ok(Some(_)) => {}
            other => break format!("{other:?}"),
        }
    };
    assert!(refused.contains("Permission denied"), "{refused}");
    let request = pb::RebuildViewsRequest { plan: PLAN_ID.to_owned() };
    let mut rebuilt = admin.admin.rebuild_views(request).await.unwrap().into_inner();
    let refused = loop {
        match rebuilt.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the views were rebuilt"),
            Err(status) => break status,
        }
    };
    assert!(refused.message().contains("Permission denied"), "{refused:?}");
    permit(&sandbox.data(), 0o700);

    stored(&clerk, &events[200..]).await;
    caught_up(&sandbox).await;
    assert_eq!(figures(&mut clerk).await.unwrap(), 300);
    assert_eq!(sandbox.run(&["views", "rebuild"]).code, 0);
    is_quiet(&sandbox);
    sandbox.terminate().await;
    tokio::time::timeout(Duration::from_secs(60), sandbox.serve()).await.unwrap();
    assert_eq!(ours(&history(&sandbox).await, &events), 300);
}
