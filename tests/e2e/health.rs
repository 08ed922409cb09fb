//! `grpc.health.v1` and `/readyz`: each service and each follower for itself.

use std::io::{Read, Seek, SeekFrom, Write};
use std::time::Duration;

use songhua_tests::pb;
use songhua_tests::{Client, Nats, PLAN_ID, Sandbox, call_raw, many, push};
use tonic::{Code, Status};

use crate::metrics::{Page, get};
use crate::relay_world::relayed_to;

const SERVING: [u8; 2] = [0x08, 1];
const NOT_SERVING: [u8; 2] = [0x08, 2];

/// The bytes of a `HealthCheckResponse`.
async fn health(client: &Client, service: &str) -> Result<Vec<u8>, Status> {
    let request = [&[0x0a, service.len() as u8], service.as_bytes()].concat();
    call_raw(client, "/grpc.health.v1.Health/Check", request).await
}

/// Waits until a service answers `wanted`.
async fn until(client: &Client, service: &str, wanted: [u8; 2]) {
    let mut last = None;
    for _ in 0..600 {
        let answer = health(client, service).await;
        if matches!(&answer, Ok(answer) if *answer == wanted) {
            return;
        }
        last = Some(answer);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{service} never answers {wanted:?}, but {last:?}");
}

fn flip_a_bit_in(sandbox: &Sandbox, plan: &str) {
    let directory = sandbox.data().join("plans").join(plan).join("log");
    let segment = songhua_tests::files_below(&directory)
        .into_iter()
        .find(|file| file.extension().is_some_and(|extension| extension == "seg"))
        .unwrap();
    let middle = SeekFrom::Start(songhua_tests::written(&segment) / 2);
    let mut file = std::fs::OpenOptions::new().read(true).write(true).open(segment).unwrap();
    let mut byte = [0];
    file.seek(middle).unwrap();
    file.read_exact(&mut byte).unwrap();
    file.seek(middle).unwrap();
    file.write_all(&[byte[0] ^ 1]).unwrap();
}

#[tokio::test]
async fn every_service_and_follower_answers_for_itself() {
    let sandbox = Sandbox::start().await;
    let admin = sandbox.admin().await;
    for service in ["Ingest", "Progress", "Admin", "Audit"] {
        until(&admin, &format!("songhua.v1.{service}Service"), SERVING).await;
    }
    until(&admin, &format!("projector/{PLAN_ID}"), SERVING).await;
    // No relay is configured, and nobody has such a plan.
    for nobody in [format!("relay/{PLAN_ID}"), "projector/elsewhere".to_owned(), "songhua.v1.NoService".to_owned()] {
        assert_eq!(health(&admin, &nobody).await.unwrap_err().code(), Code::NotFound, "{nobody}");
    }
}

#[tokio::test]
async fn a_relay_without_its_server_is_told_and_takes_nothing_else_down() {
    let mut nats = Nats::start();
    let sandbox = Sandbox::start_with(relayed_to(&nats, &[])).await;
    let admin = sandbox.admin().await;
    let relay = format!("relay/{PLAN_ID}");
    until(&admin, &relay, SERVING).await;
    nats.kill();
    until(&admin, &relay, NOT_SERVING).await;
    let labels = [("plan", PLAN_ID), ("follower", "relay"), ("state", "WAITING")];
    assert_eq!(Page::of(&sandbox).await.value("songhua_follower_state", &labels), 1);
    until(&admin, "songhua.v1.IngestService", SERVING).await;
    assert_eq!(get(&sandbox, "/readyz", None).await.0, 200);
    nats.serve();
    until(&admin, &relay, SERVING).await;
    assert_eq!(Page::of(&sandbox).await.value("songhua_follower_state", &labels), 0);
}

#[tokio::test]
async fn damage_stops_ingest_and_is_told_everywhere_with_its_plan() {
    let mut sandbox = Sandbox::start().await;
    let clerk = sandbox.lead_of_all("drc").await;
    push(&clerk, &many(200), 10).await;
    sandbox.kill();
    flip_a_bit_in(&sandbox, PLAN_ID);
    sandbox.serve().await;
    let mut admin = sandbox.admin().await;
    until(&admin, "songhua.v1.IngestService", NOT_SERVING).await;
    until(&admin, "songhua.v1.AdminService", SERVING).await;
    assert_eq!(Page::of(&sandbox).await.value("songhua_plan_read_only", &[("plan", PLAN_ID)]), 1);
    let status = admin.admin.get_status(pb::GetStatusRequest::default()).await.unwrap().into_inner();
    assert!(status.plans[0].read_only.contains("damage"), "{:?}", status.plans[0]);
    let said = sandbox.server_log();
    let lines: Vec<_> =
        said.lines().filter(|line| line.contains("node::health") && line.contains("takes no writes")).collect();
    assert!(lines.len() == 1 && lines[0].contains(PLAN_ID), "{lines:?}");
}

#[tokio::test]
async fn why_the_node_is_not_ready_is_for_those_who_may_know_it() {
    let mut sandbox = Sandbox::start().await;
    sandbox.terminate().await;
    let plan = sandbox.data().join("plans").join(PLAN_ID);
    std::fs::remove_dir_all(plan.join("log")).unwrap();
    let address = songhua_tests::ServeOptions { plans: vec![OTHER_PLAN.to_owned()], ..Default::default() };
    sandbox.set_options(address);
    sandbox.serve().await;
    let (code, _, body) = get(&sandbox, "/readyz", None).await;
    assert_eq!((code, body.as_str()), (503, "not ready\n"));
    let (code, _, body) = get(&sandbox, "/readyz", Some(&sandbox.admin_token())).await;
    assert_eq!(code, 503);
    assert!(body.starts_with("not ready\n") && body.contains(PLAN_ID), "{body}");
    let page = Page::of(&sandbox).await;
    assert_eq!(page.value("songhua_ready", &[]), 0);
    assert_eq!(page.value("songhua_plan_open", &[("plan", PLAN_ID)]), 0);
    let admin = sandbox.admin().await;
    until(&admin, "songhua.v1.IngestService", NOT_SERVING).await;
    until(&admin, "songhua.v1.ProgressService", NOT_SERVING).await;
}

/// A plan that is there while the other one is lost.
const OTHER_PLAN: &str = "tests/fixtures/plans/qingshui-2025-2027";
