//! `proto/asyncapi.yaml` against what is really published: every subject is one of its addresses, every header is declared.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;
use songhua_tests::{Nats, PLAN_ID, Sandbox, ServeOptions, python, repository};

use crate::demo_world::DEMO;
use crate::relay::{a_plan_under_way, changes, published_changes};
use crate::relay_rare::rare_events;
use crate::relay_world::{Published, eventually, published, relay_is_up, relayed_to};

/// `proto/asyncapi.yaml` as JSON.
fn asyncapi() -> Value {
    let script = "import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1], encoding='utf-8')), sys.stdout)";
    let path = repository().join("proto/asyncapi.yaml");
    let read = Command::new(python()).args(["-c", script]).arg(path).output().unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    serde_json::from_slice(&read.stdout).unwrap()
}

/// What a `$ref` stands for, as often as there is one.
fn resolved<'a>(document: &'a Value, mut part: &'a Value) -> &'a Value {
    while let Some(reference) = part["$ref"].as_str() {
        part = document.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("no {reference}"));
    }
    part
}

/// Whether a channel's address is that of a subject: each `{parameter}` stands for one token, one of its list if it has
/// one.
fn is_of(document: &Value, channel: &Value, subject: &str) -> bool {
    let address = channel["address"].as_str().expect("an address");
    let (address, subject): (Vec<_>, Vec<_>) = (address.split('.').collect(), subject.split('.').collect());
    let same = |(wanted, given): (&&str, &&str)| match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}'))
    {
        None => wanted == given,
        Some(parameter) => {
            let parameter = resolved(document, &channel["parameters"][parameter]);
            assert!(parameter.is_object(), "{wanted} is declared");
            parameter["enum"].as_array().is_none_or(|values| values.iter().any(|value| value == given))
        }
    };
    address.len() == subject.len() && address.iter().zip(&subject).all(same)
}

/// Headers that the messages of a channel declare, and those that they require.
fn headers(document: &Value, channel: &Value) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut schemas = Vec::new();
    for message in channel["messages"].as_object().expect("a channel has messages").values() {
        collect(document, &resolved(document, message)["headers"], &mut schemas);
    }
    let declared = schemas.iter().flat_map(|schema| schema["properties"].as_object()).flat_map(|names| names.keys());
    let required = schemas.iter().flat_map(|schema| schema["required"].as_array()).flatten();
    (declared.cloned().collect(), required.map(|name| name.as_str().unwrap().to_owned()).collect())
}

/// A schema and the parts that it is made of.
fn collect<'a>(document: &'a Value, schema: &'a Value, into: &mut Vec<&'a Value>) {
    let schema = resolved(document, schema);
    into.push(schema);
    for part in schema["allOf"].as_array().into_iter().flatten() {
        collect(document, part, into);
    }
}

/// The name of the one channel that a message of `stream` is of; it declares every header of it.
fn channel_of<'a>(document: &'a Value, stream: &str, plan: &str, message: &Published) -> &'a str {
    let channels = document["channels"].as_object().expect("channels");
    let of = channels.iter().filter(|(_, channel)| is_of(document, channel, &message.subject));
    let of: Vec<_> = of.collect();
    let [(name, channel)] = of.as_slice() else {
        panic!("{} is of {:?}", message.subject, of.iter().map(|(name, _)| name).collect::<Vec<_>>())
    };
    assert_eq!(channel["x-stream"].as_str().unwrap().replace("{plan}", plan), stream, "{name}");
    let types = channel["x-event-types"].as_array().unwrap();
    assert!(types.iter().any(|one| one == message.header("ce-type")), "{name}: {message:?}");
    let (declared, required) = headers(document, channel);
    let given: BTreeSet<String> = message.headers.keys().cloned().collect();
    assert_eq!(given.difference(&declared).collect::<Vec<_>>(), Vec::<&String>::new(), "undeclared in {name}");
    assert_eq!(required.difference(&given).collect::<Vec<_>>(), Vec::<&String>::new(), "missing: {message:?}");
    assert!(required.contains("ce-id") && required.contains("ce-sequence"), "{name} requires {required:?}");
    name
}

/// Subjects, settings and metadata of a stream are those that the document gives it.
async fn holds_streams(document: &Value, nats: &Nats, plan: &str) {
    for declared in document["x-streams"].as_array().expect("streams") {
        let name = declared["name"].as_str().unwrap().replace("{plan}", plan);
        let subjects = declared["subjects"].as_array().unwrap().iter().map(|one| one.as_str().unwrap());
        let there = nats.stream(&name).await.cached_info().config.clone();
        assert_eq!(there.subjects, subjects.map(|one| one.replace("{plan}", plan)).collect::<Vec<_>>(), "{name}");
        // What the server adds begins with an underscore.
        let keys: BTreeSet<&str> =
            there.metadata.keys().map(String::as_str).filter(|key| !key.starts_with('_')).collect();
        let declared_keys = declared["metadata"].as_array().unwrap().iter().map(|key| key.as_str().unwrap());
        assert_eq!(keys, declared_keys.collect(), "{name}");
        let window = format!("{}s", there.duplicate_window.as_secs());
        assert_eq!(declared["duplicate_window"], window, "{name}");
        let settings = serde_json::to_value(&there).unwrap();
        for (setting, of_server) in [
            ("storage", "storage"),
            ("retention", "retention"),
            ("allow_atomic", "allow_atomic"),
            ("allow_direct", "allow_direct"),
        ] {
            assert_eq!(declared[setting], settings[of_server], "{name}: {setting}");
        }
        for (setting, default) in [("num_replicas", "1 "), ("max_bytes", "unlimited ")] {
            assert!(declared[setting].as_str().unwrap().starts_with(default), "{name}: {setting}");
        }
        assert_eq!((there.num_replicas, there.max_bytes), (1, -1), "{name}");
    }
}

#[tokio::test]
async fn the_asyncapi_document_names_every_stream_every_subject_and_every_header() {
    let document = asyncapi();
    let nats = Nats::start();
    let world = a_plan_under_way(&nats, &[]).await;
    rare_events(&world).await;
    let last = relay_is_up(&world.sandbox).await;
    let count = changes(&world, last).await.len();
    published_changes(&nats, count).await;
    // The demo has nearly every other kind of event.
    let demo = DEMO.trim_start_matches("plans/");
    let arguments = relayed_to(&nats, &[]).arguments;
    let sandbox = Sandbox::start_with(ServeOptions { arguments, demo: true, ..Default::default() }).await;
    let up = async || {
        let status = sandbox.plan_status(demo).await;
        let applied = status.followers.iter().map(|follower| follower.applied_position);
        (applied.min() == Some(status.durable_position)).then_some(())
    };
    eventually("everything of the demo is published", up).await;

    let (mut seen, mut types) = (BTreeSet::new(), BTreeSet::new());
    for plan in [PLAN_ID, demo] {
        holds_streams(&document, &nats, plan).await;
        for stream in ["EVENTS", "PROGRESS"].map(|kind| format!("SONGHUA_{kind}_{plan}")) {
            for message in published(&nats, &stream).await {
                seen.insert(channel_of(&document, &stream, plan, &message));
                types.insert(message.header("ce-type").to_owned());
            }
        }
    }
    let all: BTreeSet<_> = document["channels"].as_object().unwrap().keys().map(String::as_str).collect();
    // Nothing was restored: `backup_relay` sees that one.
    assert_eq!(all.difference(&seen).collect::<Vec<_>>(), [&"fork"], "never published");
    let channels = document["channels"].as_object().unwrap().values();
    let declared = channels.flat_map(|channel| channel["x-event-types"].as_array().unwrap());
    let declared: BTreeSet<_> = declared.map(|one| one.as_str().unwrap().to_owned()).collect();
    let never: Vec<_> = declared.difference(&types).map(String::as_str).collect();
    // A plan under way is not closed out.
    assert_eq!(never, ["dev.songhua.v1.log.history-forked", "dev.songhua.v1.plan.closed-out"]);
}
