//! What is published: every record of the log under its subject, with its headers and its content, and every change of
//! status.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;
use songhua_tests::{Nats, PLAN, PLAN_ID, Sandbox, ServeOptions, dimension, event, repository, stock, submit};
use songhua_wire::google::type_::Date;
use songhua_wire::pb;
use songhua_wire::pb::event_input::Payload;
use tonic::Request;

use crate::demo_world::DEMO;
use crate::progress_world::{World, accepted, baseline, corrected, rejected};
use crate::relay_world::{EVENTS, PROGRESS, Published, eventually, published, relay_is_up, relayed_to};

/// A project with milestones.
pub(crate) const PARK: &str = "aerospace-park";
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// Of the city, as the trace and the correlation id are: only one event has them.
const TRACED: &str = "new-rd-institutions";

/// A plan in which much has happened, and the server it is relayed to.
pub(crate) async fn a_plan_under_way(nats: &Nats, arguments: &[&str]) -> World {
    let world = World::of(relayed_to(nats, arguments), PLAN).await;
    let by_bureau = |event| Box::pin(world.stored(&world.bureau, event));
    let day = |month, day| songhua_tests::date(2026, month, day);

    world.stored(&world.office, baseline("circle-hit", "tech-firms", day(1, 1), "100")).await;
    let mut traced = stock("city", TRACED, day(9, 30), "31");
    (traced.correlation_id, traced.source_ref) = ("案件 7".to_owned(), "台账".to_owned());
    let mut request = Request::new(submit(vec![traced]));
    request.metadata_mut().insert("traceparent", TRACE.parse().unwrap());
    world.bureau.ingest.clone().submit(request).await.unwrap();

    let firms = by_bureau(stock("circle-hit", "tech-firms", day(9, 30), "3310")).await;
    let firms = by_bureau(corrected(&firms, "331")).await;
    world.stored(&world.auditor, accepted(&firms)).await;
    let district = by_bureau(dimension("city", "hnte-count", "district=d7", day(9, 30), "17")).await;
    let retracted = Payload::MeasurementRetracted(pb::MeasurementRetracted {
        measurement: district.event_id,
        reason: "重复报送".to_owned(),
    });
    by_bureau(event(retracted)).await;
    by_bureau(planned("groundbreaking", day(3, 31))).await;
    let project = PARK.to_owned();
    let reached = |on| {
        let milestone = "groundbreaking".to_owned();
        event(Payload::MilestoneReached(pb::MilestoneReached {
            project: project.clone(),
            milestone,
            reach_date: Some(on),
        }))
    };
    let once = by_bureau(reached(day(3, 1))).await;
    world.stored(&world.auditor, rejected(&once)).await;
    by_bureau(reached(day(3, 15))).await;
    world
}

/// A milestone of the park.
pub(crate) fn planned(milestone: &str, due: Date) -> pb::EventInput {
    event(Payload::MilestonePlanned(pb::MilestonePlanned {
        project: PARK.to_owned(),
        milestone: milestone.to_owned(),
        milestone_type: pb::MilestoneType::Groundbreaking.into(),
        title: Some(pb::Name { zh: "开工".to_owned(), en: String::new() }),
        due_date: Some(due),
        weight: String::new(),
    }))
}

/// The log as an auditor has it: stored bytes in order of position, and which log it is.
async fn log(world: &World) -> (String, Vec<Vec<u8>>) {
    let request = pb::ReplayRequest { parent: PLAN.to_owned(), ..Default::default() };
    let client = world.auditor.audit.clone().max_decoding_message_size(16 << 20);
    let mut responses = { client }.replay(request).await.unwrap().into_inner();
    let (mut of, mut records) = (String::new(), Vec::new());
    while let Some(response) = responses.message().await.unwrap() {
        if !response.log_id.is_empty() {
            of = format!("{}.{}", uuid::Uuid::from_slice(&response.log_id).unwrap(), response.epoch);
        }
        records.extend(response.records.into_iter().map(|record| record.data.to_vec()));
    }
    (of, records)
}

/// Holds one message to the record it is made of. `before` keeps the last position of each area.
fn holds(message: &Published, log: &str, record: &[u8], position: u64, before: &mut BTreeMap<String, u64>) {
    let event = pb::Event::decode(record).unwrap();
    let input = event.input.as_ref().unwrap();
    let area = if event.area.is_empty() { "city" } else { &event.area };
    let previous = before.insert(area.to_owned(), position).unwrap_or_default();
    let recorded: jiff::Timestamp = message.header("ce-recordedtime").parse().unwrap();
    let expected = event.recorded_time.unwrap();
    assert_eq!(recorded, jiff::Timestamp::new(expected.seconds, expected.nanos).unwrap());
    let _: jiff::Timestamp = message.header("ce-time").parse().unwrap();
    for (name, value) in [
        ("ce-specversion", "1.0"),
        ("ce-id", &input.event_id),
        ("ce-source", &format!("/plans/{PLAN_ID}")),
        ("ce-subject", &event.subject),
        ("ce-sequence", &format!("{position:020}")),
        ("ce-previoussequence", &format!("{previous:020}")),
        ("Nats-Msg-Id", &format!("{log}.{position}")),
    ] {
        assert_eq!(message.header(name), value, "{name} of {message:?}");
    }
    assert!(message.header("ce-dataschema").contains("songhua.v1.Event"), "{message:?}");
    assert_eq!(message.headers.get("traceparent").map_or("", String::as_str), event.trace_parent, "{message:?}");
    // The subject: `songhua.v1.<plan>.<area>.<kind>.<ids>.<event>`, of the same type as `ce-type`.
    let event_type = message.header("ce-type").strip_prefix("dev.songhua.v1.").unwrap();
    let (kind, what) = event_type.split_once('.').unwrap();
    let about = message.subject.strip_prefix(&format!("songhua.v1.{PLAN_ID}.{area}.{kind}.")).unwrap();
    assert!(about == what || about.ends_with(&format!(".{what}")), "{message:?}");
}

#[tokio::test]
async fn every_record_is_published_under_its_subject_with_its_headers_and_its_content() {
    let nats = Nats::start();
    let world = a_plan_under_way(&nats, &[]).await;
    let last = relay_is_up(&world.sandbox).await;
    let messages = published(&nats, EVENTS).await;
    let (log, records) = log(&world).await;
    assert_eq!((messages.len() as u64, records.len() as u64), (last, last));
    let mut before = BTreeMap::new();
    for (position, (message, record)) in (1..).zip(messages.iter().zip(&records)) {
        holds(message, &log, record, position, &mut before);
        assert_eq!(message.header("ce-datacontenttype"), "application/json");
        let content: pb::Event = serde_json::from_slice(&message.payload).unwrap();
        assert_eq!(content, pb::Event::decode(record.as_slice()).unwrap());
    }
    assert_eq!(before.len(), 11, "the city, two zones, eight circles: {before:?}");

    let of = |subject: &str| {
        let subject = format!("songhua.v1.{PLAN_ID}.{subject}");
        messages.iter().find(|message| message.subject == subject).unwrap_or_else(|| panic!("nothing on {subject}"))
    };
    for subject in [
        "city.log.created",
        "city.day.opened",
        "city.plan.defined",
        "city.plan.published",
        "city.area.designated",
        "circle-hit.area.designated",
        "city.indicator.tech-firms.defined",
        "circle-hit.target.tech-firms.set",
        "circle-hit.baseline.tech-firms.set",
        "city.agency.science-bureau.registered",
        "city.agency.science-bureau.assigned",
        "circle-hit.measurement.tech-firms.corrected",
        "circle-hit.verification.tech-firms.accepted",
        "city.measurement.hnte-count.retracted",
    ] {
        of(subject);
    }
    let traced = of(&format!("city.measurement.{TRACED}.reported"));
    assert_eq!(
        (traced.header("traceparent"), traced.header("ce-type")),
        (TRACE, "dev.songhua.v1.measurement.reported")
    );
    assert_eq!(traced.header("ce-subject"), format!("{PLAN}/areas/city/targets/{TRACED}"));
    let traces = messages.iter().filter(|message| message.headers.contains_key("traceparent"));
    assert_eq!(traces.count(), 1, "nobody else sent one");
    let park = messages.iter().filter(|message| message.subject.contains(&format!(".{PARK}.groundbreaking.")));
    let park: Vec<_> = park.map(|message| message.subject.rsplit('.').next().unwrap()).collect();
    assert_eq!(park, ["planned", "reached", "rejected", "reached"]);
}

#[tokio::test]
async fn by_setting_the_content_is_the_stored_bytes() {
    let nats = Nats::start();
    let world = a_plan_under_way(&nats, &["--relay-payload", "protobuf"]).await;
    relay_is_up(&world.sandbox).await;
    let messages = published(&nats, EVENTS).await;
    let (log, records) = log(&world).await;
    assert_eq!(messages.len(), records.len());
    let mut before = BTreeMap::new();
    for (position, (message, record)) in (1..).zip(messages.iter().zip(&records)) {
        holds(message, &log, record, position, &mut before);
        assert_eq!(message.header("ce-datacontenttype"), "application/protobuf");
        assert_eq!(&message.payload, record);
    }
}

/// All changes up to `position`, as `WatchProgress` tells them.
pub(crate) async fn changes(world: &World, position: u64) -> Vec<pb::StatusChange> {
    let request = pb::WatchProgressRequest { parent: PLAN.to_owned(), after_position: Some(0), ..Default::default() };
    let mut responses = world.office.progress.clone().watch_progress(request).await.unwrap().into_inner();
    let mut changes = Vec::new();
    loop {
        let response = responses.message().await.unwrap().expect("the stream goes on");
        changes.extend(response.changes);
        if response.applied_position >= position {
            return changes;
        }
    }
}

/// The progress stream once it holds `count` messages.
pub(crate) async fn published_changes(nats: &Nats, count: usize) -> Vec<Published> {
    let complete = async || Some(published(nats, PROGRESS).await).filter(|messages| messages.len() >= count);
    eventually(&format!("{count} changes are published"), complete).await
}

/// Holds what is published to what watchers see.
async fn changes_are_published(world: &World, nats: &Nats) -> Vec<Published> {
    let last = relay_is_up(&world.sandbox).await;
    let changes = changes(world, last).await;
    let messages = published_changes(nats, changes.len()).await;
    let log = log(world).await.0;
    assert_eq!(messages.len(), changes.len());
    for (message, change) in messages.iter().zip(&changes) {
        let content: pb::StatusChange = serde_json::from_slice(&message.payload).unwrap();
        assert_eq!(&content, change);
        let pb::StatusChange { position, index, area, indicator, .. } = change;
        assert_eq!(message.subject, format!("songhua.v1.{PLAN_ID}.{area}.progress.{indicator}"));
        for (name, value) in [
            ("ce-type", "dev.songhua.v1.progress.changed"),
            ("ce-id", &format!("{log}.{position}.{index}")),
            ("Nats-Msg-Id", &format!("{log}.{position}.{index}")),
            ("ce-source", &format!("/plans/{PLAN_ID}")),
            ("ce-subject", &change.target),
            ("ce-sequence", &format!("{position:020}")),
            ("ce-changeindex", &index.to_string()),
            ("ce-datacontenttype", "application/json"),
        ] {
            assert_eq!(message.header(name), value, "{name} of {message:?}");
        }
    }
    messages
}

#[tokio::test]
async fn changes_of_status_are_published_as_watchers_see_them() {
    let nats = Nats::start();
    let world = a_plan_under_way(&nats, &[]).await;
    let messages = changes_are_published(&world, &nats).await;
    let subjects: BTreeSet<_> = messages.iter().map(|message| message.subject.as_str()).collect();
    let expected = format!("songhua.v1.{PLAN_ID}.circle-hit.progress.tech-firms");
    assert!(subjects.contains(expected.as_str()), "{subjects:?}");
}

#[tokio::test]
async fn views_that_are_built_again_publish_no_change_again() {
    let nats = Nats::start();
    let world = a_plan_under_way(&nats, &[]).await;
    let before = changes_are_published(&world, &nats).await.len();
    let request = pb::RebuildViewsRequest { plan: PLAN_ID.to_owned() };
    let mut rebuilding = world.office.admin.clone().rebuild_views(request).await.unwrap().into_inner();
    while rebuilding.message().await.unwrap().is_some() {}
    world.stored(&world.bureau, stock("city", "new-rd-institutions", songhua_tests::date(2026, 11, 1), "60")).await;
    assert!(changes_are_published(&world, &nats).await.len() > before, "the last figure changed a status");
}

#[tokio::test]
async fn each_plan_has_streams_of_its_own_and_what_is_simulated_says_so_in_every_message() {
    let nats = Nats::start();
    let plans = vec![repository().join("seeds/harbin-2022-2026").display().to_string()];
    let arguments = relayed_to(&nats, &[]).arguments;
    let sandbox = Sandbox::start_with(ServeOptions { arguments, plans, demo: true, ..Default::default() }).await;
    relay_is_up(&sandbox).await;
    let real = [published(&nats, EVENTS).await, published(&nats, PROGRESS).await].concat();
    assert!(real.iter().all(|message| !message.headers.contains_key("ce-simulated")), "{real:?}");
    let demo = DEMO.trim_start_matches("plans/");
    let durable = sandbox.plan_status(demo).await.durable_position;
    let stream = format!("SONGHUA_EVENTS_{demo}");
    let complete = async || Some(published(&nats, &stream).await).filter(|there| there.len() as u64 == durable);
    let events = eventually("the demo's events are published", complete).await;
    let changes = published(&nats, &format!("SONGHUA_PROGRESS_{demo}")).await;
    assert!(!changes.is_empty());
    let in_its_own = |message: &Published| message.subject.starts_with(&format!("songhua.v1.{demo}."));
    for message in events.iter().chain(&changes) {
        assert!(message.header("ce-simulated") == "true" && in_its_own(message), "{message:?}");
    }
}
