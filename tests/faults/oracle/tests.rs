//! The oracle finds what it is there for: histories that differ in one way from what was acknowledged.

#![allow(clippy::unwrap_used, reason = "a panic is how a test says no")]

use prost::Message;
use songhua_tests::{many, submit};
use songhua_wire::pb;

use super::{Model, leaf_hash};
use crate::report::Report;

/// A model of three submissions of two events by one client, and the history that belongs to it; the first `acknowledged`
/// of them have receipts.
fn grown(acknowledged: usize) -> (Model, Vec<pb::ReplayRecord>) {
    let (mut model, mut records) = (Model::default(), Vec::new());
    for index in 0..3 {
        let request = submit(many(2));
        let number = model.sent(1, &request);
        let first = records.len() as u64 + 1;
        records.extend((first..).zip(0..).zip(&request.events).map(|((position, index), input)| {
            let event = pb::Event {
                submission_index: index,
                submission_count: 2,
                input: Some(input.clone()),
                ..Default::default()
            };
            pb::ReplayRecord { position, data: event.encode_to_vec().into() }
        }));
        if index < acknowledged {
            model.answered(number, Ok(&receipts(&request, &records[records.len() - 2..], false)));
        }
    }
    (model, records)
}

fn receipts(request: &pb::SubmitRequest, records: &[pb::ReplayRecord], duplicate: bool) -> Vec<pb::Receipt> {
    let receipt = |(event, record): (&pb::EventInput, &pb::ReplayRecord)| pb::Receipt {
        event_id: event.event_id.clone(),
        position: record.position,
        recorded_time: Some(Default::default()),
        leaf_hash: leaf_hash(&record.data).to_vec(),
        duplicate,
    };
    request.events.iter().zip(records).map(receipt).collect()
}

/// Lost, duplicated, served damaged, wrong.
fn found(model: &mut Model, records: &[pb::ReplayRecord]) -> [u64; 4] {
    let mut report = Report::default();
    model.begin_reading(true);
    for record in records {
        model.record(record, &mut report);
    }
    model.end_reading(records.last().map_or(0, |record| record.position), &mut report);
    [report.lost, report.duplicated, report.served_damaged, report.wrong]
}

fn placed(data: &pb::ReplayRecord, position: u64) -> pb::ReplayRecord {
    pb::ReplayRecord { position, ..data.clone() }
}

#[test]
fn a_right_history_has_no_fault_with_whatever_nobody_knows_of() {
    for acknowledged in 0..=3 {
        for there in acknowledged..=3 {
            let (mut model, records) = grown(acknowledged);
            assert_eq!(found(&mut model, &records[..2 * there]), [0; 4], "{acknowledged} {there}");
        }
    }
}

#[test]
fn acknowledged_events_that_are_missing_are_lost_once() {
    let (mut model, records) = grown(3);
    let [lost, _, _, wrong] = found(&mut model, &records[..4]);
    assert_eq!((lost, wrong), (2, 1), "and the log ends before the last receipt");
    assert_eq!(found(&mut model, &records[..4])[0], 0, "counted once");
}

#[test]
fn an_event_that_stands_twice_is_counted() {
    let (mut model, mut records) = grown(3);
    records.extend([placed(&records[4], 7), placed(&records[5], 8)]);
    assert_eq!(found(&mut model, &records)[1], 2);
}

#[test]
fn other_content_and_other_places_are_not_taken_for_the_event() {
    let (mut model, mut records) = grown(3);
    let mut event = pb::Event::decode(records[2].data.clone()).unwrap();
    event.input.as_mut().unwrap().comment = "changed".to_owned();
    records[2].data = event.encode_to_vec().into();
    let [lost, _, damaged, _] = found(&mut model, &records);
    assert_eq!((lost, damaged), (1, 1), "not under its leaf hash, not as sent");

    let (mut model, records) = grown(3);
    let swapped = [&records[2..4], &records[..2], &records[4..]].concat();
    let swapped: Vec<_> = (1..).zip(&swapped).map(|(position, record)| placed(record, position)).collect();
    let [lost, _, _, wrong] = found(&mut model, &swapped);
    assert_eq!((lost, wrong), (4, 1), "not at their positions, not in the client's order");
}

#[test]
fn torn_submissions_gaps_and_strangers_are_wrong() {
    let (mut model, records) = grown(2);
    assert_eq!(found(&mut model, &records[..5])[3], 1, "ends inside a submission");
    let (mut model, mut records) = grown(2);
    records[5].position = 7;
    assert_eq!(found(&mut model, &records)[3], 1, "a gap");
    let (mut model, mut records) = grown(2);
    let (_, strangers) = grown(0);
    records.push(placed(&strangers[0], 7));
    let mut event = pb::Event::decode(records[6].data.clone()).unwrap();
    event.actor = Some(pb::Actor { credential_digest: vec![1; 32], ..Default::default() });
    records[6].data = event.encode_to_vec().into();
    assert_eq!(found(&mut model, &records)[3], 1, "nobody sent it");
}

#[test]
fn what_is_there_behind_something_that_is_not_is_wrong() {
    let (mut model, records) = grown(1);
    let without: Vec<_> = (1..).zip(records[..2].iter().chain(&records[4..])).map(|(at, it)| placed(it, at)).collect();
    assert_eq!(found(&mut model, &without), [0, 0, 0, 1]);
}

#[test]
fn receipts_that_contradict_what_was_seen_are_wrong() {
    let (mut model, records) = grown(2);
    assert_eq!(found(&mut model, &records), [0; 4]);
    let again = model.to_ask_again(|| true);
    let (number, request) = again.last().unwrap();
    assert_eq!((again.len(), *number), (3, 2), "the unknown one, and those that were picked");
    model.sent_again(*number);
    // It is there, and the server says that it is new.
    model.answered(*number, Ok(&receipts(request, &records[4..], false)));
    assert_eq!(found(&mut model, &records)[3], 2);
    let (number, request) = &again[0];
    model.answered(*number, Ok(&receipts(request, &records[2..], true)));
    assert_eq!(found(&mut model, &records)[3], 4, "another position, another receipt, for two events");
}

#[test]
fn what_was_acknowledged_while_the_power_went_may_be_missing_and_what_came_before_or_behind_may_not() {
    let grown_in_the_dark = |sent_before: bool| {
        let (mut model, mut records) = grown(2);
        model.power_goes(true);
        let request = submit(many(2));
        let late = model.to_ask_again(|| false).remove(0);
        model.answered(late.0, Ok(&receipts(&late.1, &records[4..], false)));
        let early = sent_before.then(|| model.sent(2, &request));
        model.power_goes(false);
        let number = early.unwrap_or_else(|| model.sent(2, &request));
        let place = [placed(&records[4], 7), placed(&records[5], 8)];
        model.answered(number, Ok(&receipts(&request, &place, false)));
        records.truncate(4);
        found(&mut model, &records)
    };
    assert_eq!(grown_in_the_dark(true), [0; 4]);
    assert_eq!(grown_in_the_dark(false), [2, 0, 0, 1], "sent behind the cut, and acknowledged");
    let (mut model, records) = grown(3);
    model.power_goes(true);
    assert_eq!(found(&mut model, &records[..4])[0], 2, "acknowledged before the cut");
}
