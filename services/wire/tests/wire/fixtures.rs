//! Records for ever: one committed file for each event type and each schema version in which it changed.
//!
//! `SONGHUA_BLESS=1 cargo test -p songhua-wire` writes the files of the newest version; those of earlier versions are
//! never written again.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Once};

use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;
use songhua_domain::event::{Event, EventInput, Payload, StaffCodes, SubmissionRef};
use songhua_wire::pb;
use songhua_wire::record::{
    DecodeError, Envelope, READER_VERSION, RecordHeader, SCHEMA_VERSION, Said, decode_event, decode_header,
    decode_record, encode_event,
};
use songhua_wire::system::{decode_system_event, encode_system_event};

use crate::samples::{self, SUBMISSION, id};

const POSITION: u64 = 42;
const SUBJECT: &str = "plans/demo/areas/city";

fn path(version: u32, name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/v{version}/{name}"))
}

fn expected(input: EventInput) -> Event {
    Event {
        position: POSITION,
        recorded_time: "2026-11-23T04:05:06.789Z".parse().unwrap(),
        actor: Arc::new(samples::actor()),
        submission: SubmissionRef { id: SUBMISSION, index: 1, count: 3 },
        back_dated: true,
        input: Arc::new(input),
    }
}

fn encoded(event: &Event) -> Vec<u8> {
    traced(event, "")
}

fn traced(event: &Event, trace_parent: &str) -> Vec<u8> {
    let envelope = Envelope {
        plan: &id("demo"),
        area: Some(&id("city")),
        subject: SUBJECT,
        recorded_time: event.recorded_time,
        actor: &event.actor,
        submission: event.submission,
        back_dated: event.back_dated,
        trace_parent,
        said: &Said::of(Arc::clone(&event.input)),
    };
    encode_event(&envelope).to_vec()
}

/// A committed record: the version that it is written with, its name, its bytes, the same as JSON.
struct Fixture {
    version: u32,
    name: String,
    bytes: Vec<u8>,
    json: String,
}

impl Fixture {
    fn path(&self, extension: &str) -> PathBuf {
        path(self.version, &format!("{}.{extension}", self.name))
    }
}

/// Every fixture as today's code writes it.
fn written_today() -> Vec<Fixture> {
    let events = samples::inputs().into_iter().chain(samples::widened()).map(|input| {
        let (name, bytes) = (input.payload.type_token().to_owned(), encoded(&expected(input)));
        let version = pb::Event::decode(bytes.as_slice()).unwrap().schema_version;
        Fixture { version, name, json: readable::<pb::Event>(&bytes), bytes }
    });
    let system = samples::system_events().into_iter().map(|(token, event)| {
        let bytes = encode_system_event(&event).to_vec();
        let version = pb::SystemEvent::decode(bytes.as_slice()).unwrap().schema_version;
        Fixture { version, name: format!("system/{token}"), json: readable::<pb::SystemEvent>(&bytes), bytes }
    });
    events.chain(system).collect()
}

/// The record as JSON, after a check that it comes back from there.
fn readable<M: Message + Default + Serialize + DeserializeOwned + PartialEq>(bytes: &[u8]) -> String {
    let message = M::decode(bytes).unwrap();
    let json = serde_json::to_string_pretty(&message).unwrap() + "\n";
    assert!(serde_json::from_str::<M>(&json).unwrap() == message, "does not come back: {json}");
    json
}

/// Writes the fixtures of the newest version, if asked to; every test that reads them calls this first.
fn bless() {
    static BLESS: Once = Once::new();
    BLESS.call_once(|| {
        if std::env::var_os("SONGHUA_BLESS").is_some() {
            std::fs::create_dir_all(path(SCHEMA_VERSION, "system")).unwrap();
            for fixture in written_today().into_iter().filter(|fixture| fixture.version == SCHEMA_VERSION) {
                std::fs::write(fixture.path("bin"), &fixture.bytes).unwrap();
                std::fs::write(fixture.path("json"), &fixture.json).unwrap();
            }
        }
    });
}

#[test]
fn every_event_type_is_written_as_it_was_committed() {
    bless();
    for fixture in written_today() {
        let name = format!("{} v{}", fixture.name, fixture.version);
        assert!(std::fs::read(fixture.path("bin")).unwrap() == fixture.bytes, "{name} is no longer written as it was");
        let committed = std::fs::read_to_string(fixture.path("json")).unwrap();
        assert_eq!(committed, fixture.json, "{name} reads differently as JSON");
    }
}

#[test]
fn records_of_every_schema_version_are_read_to_the_same_event() {
    bless();
    let widened: BTreeSet<_> = samples::widened().iter().map(|input| input.payload.type_token()).collect();
    for input in samples::inputs() {
        let token = input.payload.type_token();
        // Once what it says was widened, the later files hold that.
        let versions = if widened.contains(token) { 1..=1 } else { 1..=SCHEMA_VERSION };
        let committed = versions.filter(|version| path(*version, &format!("{token}.bin")).exists());
        let mut read = 0;
        for version in committed {
            let bytes = std::fs::read(path(version, &format!("{token}.bin"))).unwrap();
            assert_eq!(decode_event(POSITION, &bytes), Ok(expected(input.clone())), "{token} v{version}");
            read += 1;
        }
        assert!(read > 0, "{token} was never committed");
    }
    for input in samples::widened() {
        let token = input.payload.type_token();
        let bytes = std::fs::read(path(2, &format!("{token}.bin"))).unwrap();
        assert_eq!(decode_event(POSITION, &bytes), Ok(expected(input)), "{token} v2");
    }
    for (token, event) in samples::system_events() {
        let version = if token == "restored" { 3 } else { 1 };
        let bytes = std::fs::read(path(version, &format!("system/{token}.bin"))).unwrap();
        assert_eq!(decode_system_event(&bytes), Ok(event), "{token}");
    }
}

#[test]
fn there_is_a_sample_and_a_fixture_for_every_event_type_and_for_nothing_else() {
    bless();
    let set: prost_types::FileDescriptorSet = Message::decode(songhua_wire::FILE_DESCRIPTOR_SET).unwrap();
    let messages = || set.file.iter().flat_map(|file| &file.message_type);
    let payloads = |name: &str| {
        let message = messages().find(|message| message.name() == name).unwrap();
        message.field.iter().filter(|field| field.oneof_index.is_some()).count()
    };
    let tokens: BTreeSet<_> = samples::inputs().iter().map(|input| input.payload.type_token().to_owned()).collect();
    assert_eq!(tokens.len(), payloads("EventInput"));
    assert_eq!(samples::system_events().len(), payloads("SystemEvent"));
    let files = (1..=SCHEMA_VERSION).flat_map(|version| std::fs::read_dir(path(version, "")).unwrap());
    let committed: BTreeSet<_> = files
        .map(|entry| entry.unwrap().path())
        .filter(|file| file.extension().is_some_and(|extension| extension == "bin"))
        .map(|file| file.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(committed, tokens);
}

#[test]
fn what_an_earlier_version_can_say_is_written_in_it_and_asks_for_no_newer_reader() {
    let versions = |input: &EventInput| {
        let wire = pb::Event::decode(encoded(&expected(input.clone())).as_slice()).unwrap();
        (wire.schema_version, wire.min_reader)
    };
    let mut first = 0;
    for input in samples::inputs() {
        let version = match (&input.payload, input.staff != StaffCodes::default()) {
            (Payload::HistoryForked(_), _) => 3,
            (_, true) => 2,
            (_, false) => 1,
        };
        assert_eq!(versions(&input), (version, version), "{}", input.payload.type_token());
        first += usize::from(version == 1);
        // The payload alone says it, whoever stands for it.
        let nobody = EventInput { staff: StaffCodes::default(), ..input.clone() };
        assert_eq!(versions(&nobody), versions(&input));
    }
    assert_eq!(first, 29);
    for input in samples::widened() {
        assert_eq!(versions(&input), (2, 2), "{}", input.payload.type_token());
    }
    // A reader of version 1 knows one way to calculate.
    let mut later = samples::input("plan.defined");
    if let Payload::PlanDefined(it) = &mut later.payload {
        it.calc_version = 2;
    }
    assert_eq!(versions(&later), (2, 2));
}

#[test]
fn a_header_says_what_filters_ask_without_the_payload() {
    for input in samples::inputs() {
        let event = expected(input);
        let bytes = encoded(&event);
        let event_type = event.input.payload.type_token();
        let (plan, area, subject) = (id("demo"), Some(id("city")), SUBJECT.to_owned());
        let (agency, on_behalf_of) = (event.actor.agency.clone(), event.actor.on_behalf_of.clone());
        let header = RecordHeader { plan, area, subject, event_type, agency, on_behalf_of };
        assert_eq!(decode_header(&bytes), Ok(header));
        let record = decode_record(POSITION, &bytes).unwrap();
        assert_eq!((record.plan, record.subject.as_str(), record.event), (id("demo"), SUBJECT, event));
    }
}

#[test]
fn a_trace_parent_adds_its_own_field_and_changes_nothing_else() {
    const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for input in samples::inputs() {
        let event = expected(input);
        let with = traced(&event, GIVEN);
        let field_13 = [&[0x6A, 55], GIVEN.as_bytes()].concat();
        assert_eq!(with, [encoded(&event), field_13].concat());
        assert_eq!(decode_record(POSITION, &with).unwrap().trace_parent, GIVEN);
        assert_eq!(decode_record(POSITION, &encoded(&event)).unwrap().trace_parent, "");
        assert_eq!(decode_header(&with), decode_header(&encoded(&event)));
        assert_eq!(decode_event(POSITION, &with), Ok(event));
    }
}

#[test]
fn a_record_of_a_newer_binary_asks_for_an_upgrade_whatever_else_it_holds() {
    // Only the two versions, then a field 3 that is a number where today a text stands.
    let needs = READER_VERSION + 1;
    let newer = [0x08, 0x02, 0x10, u8::try_from(needs).unwrap(), 0x18, 0x07];
    let upgrade = DecodeError::UpgradeNeeded { needs, reads: READER_VERSION };
    assert_eq!(decode_event(1, &newer), Err(upgrade.clone()));
    assert_eq!(decode_header(&newer), Err(upgrade.clone()));
    assert_eq!(decode_system_event(&newer), Err(upgrade));
}

#[test]
fn a_newer_schema_that_an_old_reader_may_read_is_read() {
    let event = expected(samples::input("milestone.reached"));
    let mut wire = pb::Event::decode(encoded(&event).as_slice()).unwrap();
    wire.schema_version = SCHEMA_VERSION + 1;
    let mut bytes = wire.encode_to_vec();
    // Field 2000, a text: something that this reader need not know.
    bytes.extend([0x82, 0x7D, 0x02, b'o', b'k']);
    assert_eq!(decode_event(POSITION, &bytes), Ok(event));
}

#[test]
fn what_is_no_record_is_malformed_and_says_where() {
    let malformed = |bytes: &[u8]| match decode_event(1, bytes) {
        Err(DecodeError::Malformed(why)) => why,
        other => panic!("{other:?}"),
    };
    assert!(malformed(b"").contains("schema_version"));
    assert!(malformed(b"not a record").contains("decode"));
    let mut wire = pb::Event::decode(encoded(&expected(samples::input("day.opened"))).as_slice()).unwrap();
    wire.recorded_time = None;
    wire.plan = "哈尔滨".to_owned();
    let why = malformed(&wire.encode_to_vec());
    assert!(why.contains("plan: ") && why.contains("recorded_time: is required"), "{why}");
    wire.input.as_mut().unwrap().payload = None;
    assert!(malformed(&wire.encode_to_vec()).contains("input.payload"));
    assert!(decode_header(&wire.encode_to_vec()).is_err());
}

#[test]
fn a_text_that_was_longer_than_today_is_allowed_stays_readable_in_the_log() {
    let mut event = expected(samples::input("milestone.missed"));
    let input = Arc::make_mut(&mut event.input);
    input.comment = "长".repeat(10_000);
    input.correlation_id = "x".repeat(500);
    assert_eq!(decode_event(POSITION, &encoded(&event)), Ok(event));
}
