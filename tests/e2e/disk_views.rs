//! Views that may not be touched: their plan is open all the same, what they have seen counts, and they come back.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use songhua_tests::{Client, PLAN_ID, Sandbox, many, pb, reason};
use tonic::Code;

use crate::disk_full::{caught_up, figures, held, projector, stored};
use crate::relay_world::eventually;

fn permit(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A stopped server with a plan of 200 figures; a token to report more, and the directory of the plan.
async fn stopped() -> (Sandbox, String, PathBuf) {
    let mut sandbox = Sandbox::start_with(held()).await;
    let clerk = sandbox.lead_of_all("drc").await;
    let (_, token) = sandbox.grant(pb::Role::Agency, "drc", "").await;
    stored(&clerk, &many(200)).await;
    caught_up(&sandbox).await;
    sandbox.terminate().await;
    let plan = sandbox.data().join("plans").join(PLAN_ID);
    (sandbox, token, plan)
}

async fn more(clerk: &Client) {
    stored(clerk, &many(300)[200..]).await;
}

#[tokio::test]
async fn a_log_that_ends_before_what_small_views_have_seen_is_read_only_also_where_they_may_not_be_opened() {
    let (mut sandbox, _, plan) = stopped().await;
    fs::remove_dir_all(plan.join("snapshots")).unwrap();
    let mut files = songhua_tests::files_below(&plan.join("log")).into_iter();
    let segment = files.rfind(|file| file.extension().is_some_and(|end| end == "seg")).unwrap();
    let end = fs::read(&segment).unwrap().iter().rposition(|byte| *byte != 0).unwrap();
    File::options().write(true).open(&segment).unwrap().set_len(end as u64 - 200).unwrap();
    permit(&plan.join("views").join("sled").join("db"), 0);
    sandbox.serve().await;
    let log = sandbox.server_log();
    assert!(log.contains("views are not open"), "{log}");
    assert!(log.contains("the plan is read-only until the operator acts") && log.contains("the views in "), "{log}");
}

#[tokio::test]
async fn a_plan_whose_views_are_damaged_and_may_not_be_deleted_is_open_and_they_are_rebuilt() {
    let (mut sandbox, token, plan) = stopped().await;
    let views = plan.join("views");
    fs::write(views.join("sled").join("conf"), [0xff; 1 << 10]).unwrap();
    permit(&views, 0o500);
    sandbox.serve().await;
    let mut clerk = sandbox.client(Some(&token)).await;
    more(&clerk).await;
    permit(&views, 0o700);
    caught_up(&sandbox).await;
    assert_eq!(figures(&mut clerk).await.unwrap(), 300);
    let log = sandbox.server_log();
    assert!(log.contains("views deleted; rebuilding from the log") && log.contains("views are not open"), "{log}");
    assert!(!log.contains("plan is not served"), "{log}");
}

#[tokio::test]
async fn a_rebuild_that_finds_nothing_to_read_and_no_room_waits_and_is_done_as_soon_as_it_can() {
    let (mut sandbox, token, plan) = stopped().await;
    let views = plan.join("views");
    permit(&views.join("sled"), 0);
    sandbox.serve().await;
    let mut clerk = sandbox.client(Some(&token)).await;
    let mut admin = sandbox.admin().await;
    let request = pb::RebuildViewsRequest { plan: PLAN_ID.to_owned() };
    let mut rebuilt = admin.admin.rebuild_views(request).await.unwrap().into_inner();
    let refused = async || sandbox.server_log().contains("projector stopped").then_some(());
    eventually("the rebuild finds no room", refused).await;
    more(&clerk).await;
    let follower = projector(&sandbox).await;
    assert!(follower.state == "WAITING" && follower.detail.contains("Permission denied"), "{follower:?}");
    assert_eq!(reason(&figures(&mut clerk).await.unwrap_err(), Code::Unavailable), "VIEWS_REBUILDING");

    permit(&views.join("sled"), 0o700);
    let mut digest = Vec::new();
    while let Some(response) = rebuilt.message().await.unwrap() {
        digest = response.digest;
    }
    assert_eq!(digest.len(), 32);
    caught_up(&sandbox).await;
    assert_eq!(figures(&mut clerk).await.unwrap(), 300);
}
