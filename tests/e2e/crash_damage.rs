//! Damaged files: a torn tail is cut, damage to what was acknowledged is not, and `check` tells them apart.

use std::io::Write;
use std::path::PathBuf;

use songhua_tests::pb::{self, Role};
use songhua_tests::{Client, PLAN, PLAN_ID, Sandbox, many, push, reason, submit};
use tonic::Code;
use uuid::Uuid;

/// The active segment of the Harbin plan.
fn segment(sandbox: &Sandbox) -> PathBuf {
    let log = sandbox.data().join("plans").join(PLAN_ID).join("log");
    let mut files = songhua_tests::files_below(&log).into_iter();
    files.rfind(|file| file.extension().is_some_and(|end| end == "seg")).unwrap()
}

fn check(sandbox: &Sandbox) -> songhua_tests::Output {
    sandbox.run(&["check", sandbox.data().to_str().unwrap()])
}

async fn clerk(sandbox: &Sandbox) -> (String, Client) {
    sandbox.lead_of_all("drc").await;
    let (_, token) = sandbox.grant(Role::Agency, "drc", "").await;
    let client = sandbox.client(Some(&token)).await;
    (token, client)
}

#[tokio::test]
async fn a_torn_tail_is_cut_and_reported_and_takes_nothing_with_it() {
    let mut sandbox = Sandbox::start().await;
    let (token, clerk) = clerk(&sandbox).await;
    let events = many(100);
    let (before, _) = push(&clerk, &events, 10).await;
    let durable = sandbox.durable().await;
    sandbox.kill();
    let segment = segment(&sandbox);
    let mut file = std::fs::OpenOptions::new().append(true).open(&segment).unwrap();
    file.write_all(&[0xa5; 777]).unwrap();
    drop(file);
    let checked = check(&sandbox);
    assert_eq!(checked.code, 0, "a torn tail is no damage: {checked:?}");
    // From where the frames end: the garbage, and the room that was prepared before it.
    let (_, told) = checked.stdout.split_once("torn tail of ").unwrap_or_else(|| panic!("{checked:?}"));
    let torn: u64 = told.split(' ').next().unwrap().parse().unwrap();
    assert!(torn >= 777, "{checked:?}");
    sandbox.serve().await;
    let log = sandbox.server_log();
    let line = log.lines().find(|line| line.contains("torn tail was cut")).unwrap_or_else(|| panic!("{log}"));
    assert!(line.contains(segment.to_str().unwrap()) && line.contains(&format!("bytes={torn}")), "{line}");
    assert_eq!(sandbox.durable().await, durable);
    let clerk = sandbox.client(Some(&token)).await;
    let (after, complete) = push(&clerk, &events, 10).await;
    assert!(complete && after.iter().all(|receipt| receipt.duplicate));
    assert!(before.iter().zip(&after).all(|(once, again)| once.position == again.position));
    sandbox.terminate().await;
    assert!(!check(&sandbox).stdout.contains("torn tail"));
}

#[tokio::test]
async fn one_flipped_bit_in_what_was_acknowledged_makes_the_plan_read_only() {
    let mut sandbox = Sandbox::start().await;
    let (token, clerk) = clerk(&sandbox).await;
    let events = many(60);
    let (receipts, _) = push(&clerk, &events, 1).await;
    sandbox.terminate().await;
    let segment = segment(&sandbox);
    let mut bytes = std::fs::read(&segment).unwrap();
    let key = *Uuid::parse_str(&events[10].event_id).unwrap().as_bytes();
    let at = bytes.windows(16).position(|window| window == key).unwrap();
    bytes[at + 40] ^= 0x10;
    std::fs::write(&segment, &bytes).unwrap();

    let position = receipts[10].position;
    let names_it =
        |text: &str| text.contains(&format!("position {position}")) && text.contains(segment.to_str().unwrap());
    let checked = check(&sandbox);
    assert_eq!(checked.code, 5, "{checked:?}");
    assert!(names_it(&checked.stdout), "{checked:?}");
    let json = sandbox.run(&["--json", "check", sandbox.data().to_str().unwrap()]);
    assert_eq!(json.code, 5);
    assert!(json.stdout.contains(&format!("position {position}")), "{json:?}");

    sandbox.serve().await;
    assert!(names_it(&sandbox.server_log()), "{}", sandbox.server_log());
    let status = sandbox.plan_status(PLAN_ID).await;
    assert_eq!(status.durable_position, position - 1, "what stands before the damage is served");
    assert!(names_it(&status.read_only), "{status:?}");
    let mut clerk = sandbox.client(Some(&token)).await;
    // Waits for the views: they catch up behind the open door.
    let as_of = Some(pb::AsOf { min_position: position - 1, ..Default::default() });
    let request =
        pb::GetIndicatorRequest { name: format!("{PLAN}/indicators/hnte-count"), as_of, ..Default::default() };
    let seen = clerk.progress.get_indicator(request).await.unwrap().into_inner();
    assert_eq!(seen.history.len(), 10, "reads work, and show what is in the log");
    assert_eq!(seen.state.unwrap().applied_position, position - 1);
    let refused = clerk.ingest.submit(submit(many(1))).await.unwrap_err();
    assert_eq!(reason(&refused, Code::Unavailable), "LOG_READ_ONLY");
    assert!(names_it(refused.message()), "{refused:?}");
    let file = sandbox.ndjson("rows.ndjson", &many(5));
    let token = sandbox.write("drc.token", &token);
    let pushed = sandbox.run(&["push", &file, "--token-file", &token]);
    assert_eq!(pushed.code, 1, "{pushed:?}");
    assert!(pushed.stderr.contains("LOG_READ_ONLY"), "{pushed:?}");
    // The files are left as they are: a restore decides.
    sandbox.terminate().await;
    assert_eq!(std::fs::read(&segment).unwrap(), bytes);
    assert_eq!(check(&sandbox).code, 5);
}

#[tokio::test]
async fn damage_in_one_plan_leaves_the_others_alone() {
    let second = "tests/fixtures/plans/qingshui-2025-2027".to_owned();
    let plans = vec!["seeds/harbin-2022-2026".to_owned(), second];
    let options = songhua_tests::ServeOptions { plans, ..Default::default() };
    let mut sandbox = Sandbox::start_with(options).await;
    let (_, clerk) = clerk(&sandbox).await;
    let events = many(5);
    push(&clerk, &events, 1).await;
    sandbox.terminate().await;
    let segment = segment(&sandbox);
    let mut bytes = std::fs::read(&segment).unwrap();
    let key = *Uuid::parse_str(&events[2].event_id).unwrap().as_bytes();
    let at = bytes.windows(16).position(|window| window == key).unwrap();
    bytes[at + 40] ^= 1;
    std::fs::write(&segment, &bytes).unwrap();
    sandbox.serve().await;
    assert!(!sandbox.plan_status(PLAN_ID).await.read_only.is_empty());
    let mut admin = sandbox.admin().await;
    let agency = vec![songhua_tests::agency("drc", "发改局")];
    let request = pb::SubmitRequest { parent: "plans/qingshui-2025-2027".into(), ..submit(agency) };
    admin.ingest.submit(request).await.unwrap();
}

#[tokio::test]
async fn a_log_that_ends_before_what_views_and_snapshots_have_seen_takes_no_writes() {
    let mut sandbox = Sandbox::start().await;
    let (token, clerk) = clerk(&sandbox).await;
    let (receipts, _) = push(&clerk, &many(20), 1).await;
    sandbox.terminate().await;
    let copy = std::fs::read(segment(&sandbox)).unwrap();
    sandbox.serve().await;
    let clerk = sandbox.client(Some(&token)).await;
    push(&clerk, &many(50)[20..], 30).await;
    sandbox.terminate().await;
    // An operator who copies an old log back, without `songhua restore`: what was acknowledged is missing in it.
    let newer = std::fs::read(segment(&sandbox)).unwrap();
    std::fs::write(segment(&sandbox), &copy).unwrap();
    sandbox.serve().await;
    let last = receipts.last().unwrap().position;
    let status = sandbox.plan_status(PLAN_ID).await;
    assert_eq!(status.durable_position, last);
    let (position, file) = (format!("position {} ", last + 30), segment(&sandbox).display().to_string());
    let named = [position.as_str(), file.as_str(), "songhua restore"];
    assert!(named.iter().all(|named| status.read_only.contains(named)), "{status:?}");
    let mut clerk = sandbox.client(Some(&token)).await;
    let event = songhua_tests::stock("city", "hnte-count", songhua_tests::days_ago(1), "4400");
    let refused = clerk.ingest.submit(submit(vec![event])).await.unwrap_err();
    assert_eq!(reason(&refused, Code::Unavailable), "LOG_READ_ONLY");
    sandbox.terminate().await;
    assert_eq!(std::fs::read(segment(&sandbox)).unwrap(), copy, "nothing was cut or written");
    // Views have begun anew on the shorter log; that they had seen more is not forgotten.
    sandbox.serve().await;
    assert!(sandbox.plan_status(PLAN_ID).await.read_only.contains("songhua restore"));
    sandbox.terminate().await;

    // The newer one again.
    std::fs::write(segment(&sandbox), newer).unwrap();
    sandbox.serve().await;
    let last = last + 30;
    assert_eq!(sandbox.durable().await, last);
    let mut clerk = sandbox.client(Some(&token)).await;
    let event = songhua_tests::stock("city", "hnte-count", songhua_tests::days_ago(1), "4400");
    let receipt = clerk.ingest.submit(submit(vec![event])).await.unwrap().into_inner().receipts.remove(0);
    assert_eq!(receipt.position, last + 1);
    let as_of = Some(pb::AsOf { min_position: receipt.position, ..Default::default() });
    let request =
        pb::GetIndicatorRequest { name: format!("{PLAN}/indicators/hnte-count"), as_of, ..Default::default() };
    let seen = clerk.progress.get_indicator(request).await.unwrap().into_inner();
    assert_eq!(seen.history.len(), 51);
}
