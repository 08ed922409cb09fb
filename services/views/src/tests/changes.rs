//! Changes of status: read on from a position, whole events at a time.

use jiff::civil::date;
use songhua_domain::vocabulary::Status;
use songhua_log::{Checkpoint, Position};
use uuid::Uuid;

use super::id;
use crate::{Options, Views};

/// Changes of the event at each position, from 1 on.
const EVENTS: [u32; 9] = [0, 3, 1, 0, 0, 5, 1, 2, 0];

/// Applies the next events up to `last`.
fn grow(views: &Views, last: u64) {
    for (position, count) in (1..=last).zip(EVENTS).skip(usize::try_from(views.applied()).unwrap()) {
        let mut batch = views.batch().unwrap();
        for index in 0..count {
            let to = if position % 2 == 0 { Status::Behind } else { Status::OnTrack };
            // Each event speaks of indicators of its own: all are changes.
            let indicator = id(&format!("i{position}-{index}"));
            batch.status(position, &id("city"), &indicator, to, date(2026, 11, 23)).unwrap();
        }
        let position = Position(position);
        batch.commit(Checkpoint { log_id: Uuid::from_u128(1), epoch: 1, position, leaf_hash: [0; 32] }).unwrap();
    }
}

#[test]
fn changes_are_read_on_in_whole_events_whatever_is_enough() {
    let dir = tempfile::tempdir().unwrap();
    let views = Views::open(dir.path(), Options::default()).unwrap();
    grow(&views, 9);
    let whole = views.changes(0, 9, usize::MAX).unwrap();
    assert_eq!(whole.len(), 12);
    for enough in 1..=13 {
        let (mut after, mut read) = (0, Vec::new());
        while after < 9 {
            let (changes, reached) = views.changes_behind(after, enough).unwrap();
            assert!(reached > after && changes.iter().all(|change| (after + 1..=reached).contains(&change.position)));
            let ends = changes.last().map_or(0, |last| EVENTS[usize::try_from(last.position).unwrap() - 1] - 1);
            assert_eq!(changes.last().map_or(0, |last| last.n), ends, "an event was split");
            read.extend(changes);
            after = reached;
        }
        assert_eq!(read, whole, "{enough}");
    }
}

#[test]
fn views_that_grow_anew_say_how_far_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let views = Views::open(dir.path(), Options::default()).unwrap();
    grow(&views, 7);
    assert_eq!(views.changes_behind(7, 100).unwrap(), (Vec::new(), 7));
    views.reset().unwrap();
    for last in 0..=7 {
        grow(&views, last);
        assert_eq!(views.changes_behind(7, 100).unwrap(), (Vec::new(), last));
    }
    grow(&views, 9);
    let (changes, reached) = views.changes_behind(7, 100).unwrap();
    assert_eq!((changes.len(), reached), (2, 9));
}
