//! Whatever arrives: nothing panics, and what is accepted means the same wherever it goes.

use proptest::prelude::*;
use proptest::sample::Index;
use prost::Message;
use serde_json::{Value, json};
use songhua_domain::event::{EventInput, Figure, Payload, SubmissionRef};
use songhua_domain::quantity::parse_decimal;
use songhua_wire::event::{input_from_pb, input_to_pb};
use songhua_wire::lean::FigureEvent;
use songhua_wire::pb;
use songhua_wire::record::{Envelope, Said, decode_event, decode_header, encode_event};
use songhua_wire::status::{Refusal, refusal_from};
use songhua_wire::system::{decode_system_event, encode_system_event};

use crate::samples::{self, SUBMISSION, id};

/// Values that once broke somebody's parser.
fn odd_value() -> impl Strategy<Value = Value> {
    let fixed = prop::sample::select(vec![
        Value::Null,
        json!(""),
        json!("_T"),
        json!("NaN"),
        json!("1e5"),
        json!("-"),
        json!("99999999999999999999999999999999"),
        json!("环".repeat(300)),
        json!("\u{0}\u{202e}"),
        json!("00000000-0000-0000-0000-000000000000"),
        json!("a".repeat(64)),
        json!(0),
        json!(-1),
        json!(i32::MIN),
        json!(u32::MAX),
        json!(true),
        json!([]),
        json!({}),
    ]);
    prop_oneof![3 => fixed, 1 => any::<String>().prop_map(Value::from), 1 => any::<i32>().prop_map(Value::from)]
}

/// JSON pointers of everything within `value`.
fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
    let mut visit = |key: &str, child: &Value| {
        let pointer = format!("{at}/{key}");
        pointers(child, &pointer, all);
        all.push(pointer);
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, child)| visit(key, child)),
        Value::Array(list) => list.iter().enumerate().for_each(|(index, child)| visit(&index.to_string(), child)),
        _ => {}
    }
}

/// Replaces the value that `choice` picks.
fn replace(json: &mut Value, choice: Index, odd: Value) {
    let mut all = Vec::new();
    pointers(json, "", &mut all);
    if let Some(place) = (!all.is_empty()).then(|| choice.get(&all)).and_then(|pointer| json.pointer_mut(pointer)) {
        *place = odd;
    }
}

/// What is accepted comes back equal from a message and from a record; what is not has violations that a status carries.
fn judge(wire: &pb::EventInput) -> Result<(), TestCaseError> {
    match input_from_pb(wire) {
        Ok(input) => {
            prop_assert_eq!(input_from_pb(&input_to_pb(&input)), Ok(input.clone()));
            prop_assert_eq!(&*decode_event(7, &record(&input)).unwrap().input, &input);
            prop_assert_eq!(decode_header(&record(&input)).unwrap().event_type, input.payload.type_token());
            prop_assert_eq!(Said::sent(input.clone(), wire.clone()), Said::of(input));
        }
        Err(violations) => {
            prop_assert!(violations.iter().all(|violation| !violation.field.is_empty()), "{}", violations);
            prop_assert!(refusal_from(&tonic::Status::from(Refusal::from(violations))).is_some());
        }
    }
    Ok(())
}

fn record(input: &EventInput) -> Vec<u8> {
    let envelope = Envelope {
        plan: &id("demo"),
        area: None,
        subject: "plans/demo",
        recorded_time: "2026-11-23T04:05:06Z".parse().unwrap(),
        actor: &samples::actor(),
        submission: SubmissionRef { id: SUBMISSION, index: 0, count: 1 },
        back_dated: false,
        trace_parent: "",
        said: &Said::of(input.clone()),
    };
    let bytes = encode_event(&envelope).to_vec();
    // What is written by hand is what protobuf writes.
    assert_eq!(pb::Event::decode(&bytes[..]).unwrap().encode_to_vec(), bytes);
    bytes
}

/// The bytes with some of them overwritten, then cut.
fn spoiled(mut bytes: Vec<u8>, changes: &[(Index, u8)], keep: Index) -> Vec<u8> {
    for (place, byte) in changes {
        let place = place.index(bytes.len());
        bytes[place] = *byte;
    }
    let keep = keep.index(bytes.len() * 2);
    bytes.truncate(keep);
    bytes
}

/// What is read of a figure without building it is what the built event says.
fn lean(record: &[u8]) -> Result<(), TestCaseError> {
    if let Some(read) = FigureEvent::read(record) {
        let event = decode_event(1, record);
        prop_assert_eq!(event.as_ref().ok().and_then(FigureEvent::of), Some(read), "{:?}", event);
    }
    Ok(())
}

#[test]
fn records_of_figures_are_read_without_building_them() {
    let is_plain = |input: &EventInput| input.evidence.is_empty() && input.effective_date.is_none();
    let mut read = 0;
    for mut input in samples::inputs() {
        for evidence in [true, false] {
            if !evidence {
                input.evidence.clear();
                input.effective_date = None;
            }
            let bytes = record(&input);
            let event = decode_event(1, &bytes).unwrap();
            let expected = FigureEvent::of(&event).filter(|_| is_plain(&input));
            assert_eq!(FigureEvent::read(&bytes), expected);
            read += usize::from(expected.is_some());
        }
    }
    assert!(read >= 4, "{read}");
}

proptest! {
    #[test]
    fn numbers_of_figures_keep_every_digit(text in "-?[0-9]{1,19}(\\.[0-9]{1,9})?|[0-9.-]{0,6}") {
        let Ok(value) = parse_decimal(&text) else { return Ok(()) };
        let mut input = samples::input("measurement.reported");
        input.evidence.clear();
        input.effective_date = None;
        let Payload::MeasurementReported(reported) = &mut input.payload else { panic!("another type") };
        reported.figure = Figure::Value(value);
        let bytes = record(&input);
        let event = decode_event(1, &bytes).unwrap();
        let read = FigureEvent::read(&bytes);
        prop_assert_eq!(read, FigureEvent::of(&event));
        // Equal numbers may differ in their digits.
        prop_assert_eq!(format!("{read:?}"), format!("{:?}", FigureEvent::of(&event)));
    }
}

fn changes() -> impl Strategy<Value = Vec<(Index, u8)>> {
    prop::collection::vec((any::<Index>(), any::<u8>()), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(wire) = pb::EventInput::decode(bytes.as_slice()) {
            judge(&wire)?;
        }
        lean(&bytes)?;
        let _ = decode_header(&bytes);
        let _ = decode_system_event(&bytes);
    }

    #[test]
    fn spoiled_messages_are_read_refused_or_do_not_decode(
        sample in any::<Index>(), changes in changes(), keep in any::<Index>(),
    ) {
        let inputs = samples::inputs();
        let input = sample.get(&inputs);
        if let Ok(wire) = pb::EventInput::decode(spoiled(input_to_pb(input).encode_to_vec(), &changes, keep).as_slice()) {
            judge(&wire)?;
        }
        let spoiled_record = spoiled(record(input), &changes, keep);
        lean(&spoiled_record)?;
        if let Ok(event) = decode_event(9, &spoiled_record) {
            prop_assert_eq!(decode_header(&spoiled_record).unwrap().event_type, event.input.payload.type_token());
        }
        let system = samples::system_events();
        let _ = decode_system_event(&spoiled(encode_system_event(&sample.get(&system).1).to_vec(), &changes, keep));
    }

    #[test]
    fn odd_values_in_any_field_are_read_or_refused(
        sample in any::<Index>(), changes in prop::collection::vec((any::<Index>(), odd_value()), 1..3),
    ) {
        let inputs = samples::inputs();
        let mut json = serde_json::to_value(input_to_pb(sample.get(&inputs))).unwrap();
        for (choice, odd) in changes {
            replace(&mut json, choice, odd);
        }
        if let Ok(wire) = serde_json::from_value::<pb::EventInput>(json) {
            judge(&wire)?;
        }
    }
}
