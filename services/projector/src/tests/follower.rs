//! The projector as a follower: the contract of all followers, and records that stop it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use proptest::prelude::*;
use songhua_domain::event::{DayOpened, Event, MeasurementRetracted, VerificationAccepted};
use songhua_domain::vocabulary::Basis;
use songhua_log::conformance::{FollowerHarness, follower_contract};
use songhua_log::{Batch, FollowError, Follower, Position, Record, StoredRecord, Submission};
use songhua_views::Options;
use songhua_wire::record::{Envelope, READER_VERSION, Said, encode_event};
use uuid::Uuid;

use super::history::{day, decided, histories, of_everything};
use super::plan::{CITY, History, INTENSITY, OUTPUT, apply, checkpoint, id, open};
use crate::Projector;
use crate::follower::{caught, grow};
use crate::posting::post;

fn encoded(event: &Event) -> Bytes {
    encode_event(&Envelope {
        plan: &id("plan"),
        area: None,
        subject: "plans/plan",
        recorded_time: event.recorded_time,
        actor: &event.actor,
        submission: event.submission,
        back_dated: event.back_dated,
        trace_parent: "",
        said: &Said::of(Arc::clone(&event.input)),
    })
}

/// Whole submissions of three events.
fn some_history() -> History {
    let mut history = History::published();
    for n in 0..40 {
        let figure = history.report(CITY, INTENSITY, Basis::StockAt, day(n), i64::from(n));
        history.push(VerificationAccepted { event: figure, finding: "seen".to_owned() });
        history.report(CITY, OUTPUT, Basis::Period, day(n * 31).last_of_month(), 20);
    }
    whole(history)
}

/// The history, up to the end of its last submission.
fn whole(mut history: History) -> History {
    while !history.head().is_multiple_of(3) {
        history.push(DayOpened { date: day(900) });
    }
    history
}

fn stored(events: &[Event]) -> Vec<StoredRecord> {
    let stored = |event: &Event| {
        let first = event.position - u64::from(event.submission.index);
        StoredRecord {
            position: Position(event.position),
            submission_first: Position(first),
            submission_last: Position(first + 2),
            recorded_time_us: event.recorded_time.as_microsecond(),
            key: event.input.event_id.into_bytes(),
            bytes: encoded(event),
        }
    };
    events.iter().map(stored).collect()
}

fn projector(dir: &Path) -> Projector {
    crate::open(dir, Options { cache_bytes: 1 << 20, ..Options::default() }).unwrap()
}

struct Harness {
    dir: tempfile::TempDir,
}

impl FollowerHarness for Harness {
    type Follower = Projector;

    fn batches(&self) -> Vec<Batch> {
        let records = |events: &[Event]| {
            events
                .iter()
                .map(|event| Record { key: event.input.event_id.into_bytes(), bytes: encoded(event) })
                .collect()
        };
        let submission = |events: &[Event]| Submission {
            recorded_time_us: events[0].recorded_time.as_microsecond(),
            records: records(events),
        };
        let history = some_history();
        let batch = |events: &[Event]| Batch { submissions: events.chunks(3).map(submission).collect() };
        history.events.chunks(12).map(batch).collect()
    }

    fn open(&mut self) -> Projector {
        projector(self.dir.path())
    }

    fn state(&self, follower: &Projector) -> Vec<u8> {
        follower.views().digest().unwrap().to_vec()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_projector_keeps_the_contract_of_followers() {
    follower_contract(Harness { dir: tempfile::tempdir().unwrap() }).await;
}

/// Applies the records of `history` in batches of `size`, and its events, each built whole; both must give the same rows.
fn compare(history: &History, size: usize) {
    let (dir, fresh) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut projector = projector(dir.path());
    for records in stored(&history.events).chunks(size) {
        projector.apply(records, checkpoint(records.last().unwrap().position.0)).unwrap();
    }
    let expected = open(fresh.path());
    for events in history.events.chunks(10) {
        let mut batch = expected.batch().unwrap();
        for event in events {
            grow(&mut batch, event).unwrap();
            assert!(post(&mut batch, &encoded(event), event).is_ok());
            if event.submission.index + 1 == event.submission.count {
                batch.submission_ends(event.recorded_time.as_microsecond(), event.position).unwrap();
            }
        }
        batch.commit(checkpoint(events.last().unwrap().position)).unwrap();
    }
    assert_eq!(projector.views().digest().unwrap(), expected.digest().unwrap());
    assert_eq!(projector.checkpoint().unwrap(), Some(checkpoint(history.head())));
}

#[test]
fn records_give_the_rows_of_their_events() {
    compare(&some_history(), 1_000);
    compare(&whole(of_everything()), 30);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn records_of_any_history_give_the_rows_of_their_events(any in histories(90), valid in decided(120)) {
        compare(&whole(any), 9);
        compare(&whole(valid), 12);
    }
}

/// Applies a history whose last record has other bytes; gives the error and what is left.
fn stop(bytes: Vec<u8>) -> (FollowError, u64) {
    let mut records = stored(&some_history().events[..6]);
    records[5].bytes = bytes.into();
    let dir = tempfile::tempdir().unwrap();
    let mut projector = projector(dir.path());
    projector.apply(&records[..3], checkpoint(3)).unwrap();
    let error = projector.apply(&records[3..], checkpoint(6)).unwrap_err();
    (error, projector.views().applied())
}

#[test]
fn a_record_that_cannot_be_decoded_stops_the_projector_and_leaves_nothing() {
    let (error, applied) = stop(b"\xff\xff not a record".to_vec());
    assert!(matches!(error, FollowError::Undecodable { position: 6, .. }), "{error}");
    assert_eq!(applied, 3);
}

#[test]
fn a_record_for_newer_readers_stops_the_projector() {
    let mut bytes = encoded(&some_history().events[5]).to_vec();
    // Field 2, varint: of two values the last one holds.
    bytes.extend([0x10, READER_VERSION as u8 + 1]);
    let (error, applied) = stop(bytes);
    assert!(matches!(error, FollowError::UpgradeNeeded { position: 6, .. }), "{error}");
    assert_eq!(applied, 3);
}

#[test]
fn a_panic_while_records_are_applied_is_state_that_failed_and_leaves_nothing() {
    let records = stored(&some_history().events[..6]);
    let dir = tempfile::tempdir().unwrap();
    let mut projector = projector(dir.path());
    projector.apply(&records[..3], checkpoint(3)).unwrap();
    let before = projector.views().digest().unwrap();
    let views = projector.views().clone();
    let panics = || {
        let mut batch = views.batch().unwrap();
        batch.open_day(4, day(4)).unwrap();
        panic!("bad page");
    };
    let error = caught(panics).unwrap_err();
    assert!(matches!(&error, FollowError::State { detail, .. } if detail.ends_with("bad page")), "{error}");
    assert_eq!((projector.views().digest().unwrap(), projector.views().applied()), (before, 3));
    // The lock of writers is free again.
    projector.apply(&records[3..], checkpoint(6)).unwrap();
    projector.reset("panicked").unwrap();
    assert_eq!(projector.checkpoint(), Ok(None));
}

#[test]
fn an_event_that_speaks_of_no_figure_stops_the_projector() {
    let mut history = some_history();
    let last = history.events.last_mut().unwrap();
    Arc::make_mut(&mut last.input).payload =
        MeasurementRetracted { measurement: Uuid::from_u128(5), reason: String::new() }.into();
    let dir = tempfile::tempdir().unwrap();
    let error = projector(dir.path()).apply(&stored(&history.events), checkpoint(history.head())).unwrap_err();
    assert!(
        matches!(&error, FollowError::Undecodable { detail, .. } if detail.contains("no earlier figure")),
        "{error}"
    );
}

#[test]
fn readers_see_the_same_at_a_position_while_the_projector_goes_on() {
    let history = some_history();
    let dir = tempfile::tempdir().unwrap();
    let views = open(dir.path());
    apply(&views, &history.events[..60], 60);
    let read = || {
        let model = views.model(60).unwrap();
        let (area, indicator) = (id(CITY), id(INTENSITY));
        views.score_target(&model, &area, &indicator, day(800), 60).unwrap()
    };
    let (before, done) = (read(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                assert_eq!(read(), before);
            }
        });
        apply(&views, &history.events, 1);
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
}
