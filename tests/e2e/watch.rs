//! WatchProgress: what reaches a watcher, and what it survives.
//!
//! Two threads: a watcher must hear on while a test waits for a command or for the server to end.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use songhua_tests::{Client, Sandbox, date, stock};
use songhua_wire::pb;
use tokio::time::timeout;
use tonic::{Code, Status, Streaming};

use crate::progress_world::{World, known, reason};

/// How long anything may take that comes at all.
const PATIENCE: Duration = Duration::from_secs(60);

/// Everything that was told, up to a position.
pub(crate) type Told = Vec<pb::StatusChange>;

/// A plan whose views have come as far as its log.
pub(crate) async fn world() -> World {
    let world = World::harbin().await;
    applied(&world, world.set_up).await;
    world
}

/// Waits until a position can be read.
async fn applied(world: &World, position: u64) {
    let as_of = Some(pb::AsOf { min_position: position, ..Default::default() });
    let request = pb::GetPlanRequest { name: world.name(""), as_of };
    let begun = Instant::now();
    while let Err(status) = world.office.progress.clone().get_plan(request.clone()).await {
        assert!(begun.elapsed() < PATIENCE, "{status:?}");
    }
}

/// From the beginning, with frequent heartbeats.
fn all(world: &World) -> pb::WatchProgressRequest {
    pb::WatchProgressRequest {
        parent: world.name(""),
        after_position: Some(0),
        heartbeat_interval: Some(Duration::from_secs(1).into()),
        ..Default::default()
    }
}

async fn watch(by: &Client, request: pb::WatchProgressRequest) -> Streaming<pb::WatchProgressResponse> {
    by.progress.clone().watch_progress(request).await.unwrap().into_inner()
}

async fn next(stream: &mut Streaming<pb::WatchProgressResponse>) -> Result<pb::WatchProgressResponse, Status> {
    let response = timeout(PATIENCE, stream.message()).await.expect("a heartbeat at least")?;
    Ok(response.expect("the stream goes on"))
}

/// Reads on until everything up to `position` was looked at. No response splits an event.
async fn until(stream: &mut Streaming<pb::WatchProgressResponse>, position: u64) -> Told {
    let mut told = Told::new();
    loop {
        let response = next(stream).await.unwrap();
        let split =
            told.last().zip(response.changes.first()).is_some_and(|(last, first)| last.position == first.position);
        assert!(!split, "{:?}", response.changes);
        told.extend(response.changes);
        if response.applied_position >= position {
            return told;
        }
    }
}

/// All that a new watcher is told, up to a position.
pub(crate) async fn told(world: &World, position: u64) -> Told {
    until(&mut watch(&world.auditor, all(world)).await, position).await
}

/// A figure of a circle's platforms, of a day in October; tells its position. 61 are enough for any circle, 1 for none.
pub(crate) async fn report(world: &World, circle: &str, day: i32, value: &str) -> u64 {
    world.stored(&world.bureau, stock(circle, "platforms", date(2026, 10, day), value)).await.position
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_flips_a_light_reaches_the_watcher() {
    let world = world().await;
    let request = pb::WatchProgressRequest { after_position: None, ..all(&world) };
    let mut stream = watch(&world.auditor, request).await;
    let begun = next(&mut stream).await.unwrap();
    assert!(begun.changes.is_empty() && begun.applied_position > 0 && !begun.simulated, "{begun:?}");
    assert_eq!((begun.log_id.len(), begun.epoch), (16, 1));
    let position = report(&world, "circle-hit", 9, "61").await;
    let told = until(&mut stream, position).await;
    let [change] = told.as_slice() else { panic!("one change: {told:?}") };
    assert_eq!((change.position, change.index), (position, 0));
    assert_eq!(change.target, world.name("areas/circle-hit/targets/platforms"));
    let (day, mut read) = (change.date.unwrap(), Vec::new());
    for known_position in [position - 1, position] {
        let answer = world.indicator_at("platforms", known(day, known_position)).await.unwrap();
        let targets = answer.indicator.unwrap().targets;
        read.push(targets.into_iter().find(|target| target.name == change.target).unwrap());
    }
    let [before, now] = read.as_slice() else { panic!("two reads") };
    assert_eq!((change.from(), change.to()), (before.status(), now.status()));
    assert_eq!((change.to_light(), &change.area_name), (now.light(), &now.area_name));
    assert_eq!(change.indicator_name, now.indicator_name);
    let words = |name: &Option<pb::Name>| name.clone().unwrap().zh;
    assert!(words(&now.status_label).starts_with(&words(&change.to_label)), "{change:?} {now:?}");
    // The same light again is no change: a heartbeat says that it was looked at.
    let position = report(&world, "circle-hit", 10, "62").await;
    assert_eq!(until(&mut stream, position).await, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_or_a_publication_changes_many_targets_in_one_response_and_the_sum_is_what_reads_say() {
    let world = world().await;
    let first = next(&mut watch(&world.auditor, all(&world)).await).await.unwrap();
    let event = first.changes[0].position;
    let of_event: Vec<_> = first.changes.iter().filter(|change| change.position == event).collect();
    assert_eq!(of_event.len(), 72, "every target gets its first status");
    assert!(of_event.iter().zip(0..).all(|(change, index)| change.index == index && change.from == 0));
    report(&world, "circle-hit", 9, "61").await;
    let last = report(&world, "circle-heu", 9, "61").await;
    let told = told(&world, last).await;
    let statuses: BTreeMap<_, _> = told.iter().map(|change| (change.target.clone(), change.to())).collect();
    let request = pb::ListIndicatorsRequest {
        parent: world.name(""),
        page_size: 1_000,
        as_of: Some(pb::AsOf { valid_date: told.last().unwrap().date, known: None, min_position: last }),
        ..Default::default()
    };
    let read = world.auditor.progress.clone().list_indicators(request).await.unwrap().into_inner().indicators;
    let read: BTreeMap<_, _> = read
        .iter()
        .flat_map(|indicator| &indicator.targets)
        .map(|target| (target.name.clone(), target.status()))
        .collect();
    assert_eq!(statuses, read);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_kill_9_a_watcher_goes_on_from_any_position_without_a_gap_or_a_duplicate() {
    let mut world = world().await;
    for (day, value) in (1..=6).zip(["61", "1", "62", "1", "63", "1"]) {
        report(&world, "circle-hit", day, value).await;
    }
    let last = report(&world, "circle-heu", 6, "61").await;
    let before = told(&world, last).await;
    assert_eq!(before.len(), 72 + 7, "every report was a change");
    let mut stream = watch(&world.auditor, all(&world)).await;
    until(&mut stream, last).await;
    world.sandbox.kill();
    assert!(timeout(PATIENCE, stream.message()).await.expect("a dead server is noticed").is_err());
    world.sandbox.serve().await;
    world.reconnect().await;
    let after = report(&world, "circle-hvri", 6, "61").await;
    applied(&world, after).await;
    for position in 0..=after {
        let request = pb::WatchProgressRequest { after_position: Some(position), ..all(&world) };
        let rest = until(&mut watch(&world.auditor, request).await, after).await;
        let expected = before.iter().filter(|change| change.position > position);
        let (old, new): (Vec<_>, Vec<_>) = rest.into_iter().partition(|change| change.position <= last);
        assert!(old.iter().eq(expected), "from {position}");
        let new: Vec<_> = new.iter().filter(|change| change.position == after).map(|change| &change.area).collect();
        assert_eq!(new.len(), usize::from(position < after), "from {position}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_of_the_views_in_the_middle_costs_no_change_and_repeats_none() {
    let world = world().await;
    let (circles, mut last) = (["circle-hit", "circle-heu", "circle-usth", "circle-hvri"], 0);
    let request = pb::WatchProgressRequest { after_position: Some(0), ..all(&world) };
    let mut stream = watch(&world.auditor, request).await;
    let reading = tokio::spawn(async move {
        let mut told = Vec::new();
        let mut reached = 0;
        // Ends with the server.
        while let Ok(response) = next(&mut stream).await {
            assert!(response.applied_position >= reached, "a position never falls");
            reached = response.applied_position;
            told.extend(response.changes);
        }
        (told, reached)
    });
    for day in 1..=5 {
        for circle in circles {
            last = report(&world, circle, day, if day % 2 == 0 { "1" } else { "61" }).await;
        }
        let rebuilt = world.sandbox.command(&["views", "rebuild"]).output().unwrap();
        assert!(rebuilt.status.success(), "{rebuilt:?}");
    }
    let whole = told(&world, last).await;
    assert_eq!(whole.len(), 72 + 20, "every report was a change");
    // Whatever was told to the watcher by the time the position was reached is what a new one is told.
    let mut sandbox = world.sandbox;
    wait_for_heartbeats(&sandbox).await;
    sandbox.terminate().await;
    let (heard, reached) = timeout(PATIENCE, reading).await.unwrap().unwrap();
    assert!(reached >= last, "{reached} of {last}");
    assert_eq!(heard, whole);
}

/// Waits until a new watcher with the same interval has been silent twice: the older one has spoken meanwhile.
async fn wait_for_heartbeats(sandbox: &Sandbox) {
    let request = pb::WatchProgressRequest {
        parent: songhua_tests::PLAN.to_owned(),
        heartbeat_interval: Some(Duration::from_secs(1).into()),
        ..Default::default()
    };
    let mut stream = watch(&sandbox.admin().await, request).await;
    for _ in 0..3 {
        next(&mut stream).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_lets_through_what_it_names_and_unknown_names_are_refused() {
    let world = world().await;
    report(&world, "circle-hit", 9, "61").await;
    let last = report(&world, "circle-heu", 9, "61").await;
    let whole = told(&world, last).await;
    for (areas, indicators) in
        [(vec!["circle-heu"], vec![]), (vec![], vec!["platforms"]), (vec!["city"], vec!["platforms"])]
    {
        let fits = |change: &&pb::StatusChange| {
            (areas.is_empty() || areas.contains(&change.area.as_str()))
                && (indicators.is_empty() || indicators.contains(&change.indicator.as_str()))
        };
        let expected: Vec<_> = whole.iter().filter(fits).cloned().collect();
        let owned = |ids: &[&str]| ids.iter().map(ToString::to_string).collect();
        let request = pb::WatchProgressRequest { areas: owned(&areas), indicators: owned(&indicators), ..all(&world) };
        assert_eq!(until(&mut watch(&world.auditor, request).await, last).await, expected, "{areas:?} {indicators:?}");
    }
    let refused = async |request| world.auditor.progress.clone().watch_progress(request).await.unwrap_err();
    let unknown = pb::WatchProgressRequest { indicators: vec!["happiness".into()], ..all(&world) };
    let status = refused(unknown).await;
    assert_eq!(songhua_tests::reason(&status, Code::InvalidArgument), "UNKNOWN_RESOURCE");
    assert_eq!(songhua_tests::refusal(&status).violations[0].field, "indicators[0]");
    let ahead = pb::WatchProgressRequest { after_position: Some(last + 1_000_000), ..all(&world) };
    assert_eq!(reason(&refused(ahead).await), "POSITION_AHEAD");
    let slow = pb::WatchProgressRequest { heartbeat_interval: Some(Duration::from_secs(61).into()), ..all(&world) };
    assert_eq!(reason(&refused(slow).await), "INVALID_FIELD");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_that_is_revoked_ends_the_stream() {
    let world = world().await;
    let (grant_id, token) = world.sandbox.grant(pb::Role::Reader, "", "").await;
    let reader = world.sandbox.client(Some(&token)).await;
    let mut stream = watch(&reader, pb::WatchProgressRequest { after_position: None, ..all(&world) }).await;
    next(&mut stream).await.unwrap();
    let revoked = world.sandbox.run(&["admin", "revoke", &grant_id, "--reason", "离岗"]);
    assert_eq!(revoked.code, 0, "{revoked:?}");
    let ended = loop {
        if let Err(ended) = next(&mut stream).await {
            break ended;
        }
    };
    assert_eq!(songhua_tests::reason(&ended, Code::Unauthenticated), "TOKEN_INVALID");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_orderly_stop_ends_silent_watchers_and_waits_for_none() {
    let world = world().await;
    let heartbeat_interval = Some(Duration::from_secs(60).into());
    let request = pb::WatchProgressRequest { after_position: None, heartbeat_interval, ..all(&world) };
    let mut streams = Vec::new();
    for _ in 0..8 {
        let mut stream = watch(&world.auditor, request.clone()).await;
        next(&mut stream).await.unwrap();
        streams.push(stream);
    }
    let mut sandbox = world.sandbox;
    sandbox.terminate().await;
    for mut stream in streams {
        assert_eq!(reason(&next(&mut stream).await.unwrap_err()), "SHUTTING_DOWN");
    }
    assert!(!sandbox.server_log().contains("were cut off"), "{}", sandbox.server_log());
}
