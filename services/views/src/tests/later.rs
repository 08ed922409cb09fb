//! Views that are opened when somebody has time for it.

use songhua_log::{Checkpoint, Position};
use uuid::Uuid;

use crate::{Options, Views, ViewsError};

fn checkpoint(position: u64) -> Checkpoint {
    Checkpoint { log_id: Uuid::from_u128(1), epoch: 1, position: Position(position), leaf_hash: [7; 32] }
}

/// Views up to position 9, closed again.
fn grown() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let views = Views::open(dir.path(), Options::default()).unwrap();
    views.put_rows([(vec![8, 1], vec![5; 500].into())].into());
    views.batch().unwrap().commit(checkpoint(9)).unwrap();
    dir
}

#[test]
fn large_views_are_closed_until_asked_and_say_before_how_far_they_have_come() {
    let dir = grown();
    let whole = Views::open(dir.path(), Options::default()).unwrap().digest().unwrap();
    let (views, seen) = Views::open_later(dir.path(), Options::default(), 1).unwrap();
    let reader = views.clone();
    assert_eq!(seen, checkpoint(9));
    assert!(!reader.is_open());
    assert!(matches!(reader.checkpoint(), Err(ViewsError::Closed { .. })));
    assert_eq!(views.make_room(), Ok(true));
    assert!(reader.is_open());
    assert_eq!((reader.checkpoint(), reader.digest()), (Ok(Some(checkpoint(9))), Ok(whole)));
    assert_eq!(views.make_room(), Ok(false));
}

#[test]
fn what_was_seen_is_said_anew_with_every_write_and_forgotten_with_a_reset() {
    let dir = grown();
    let views = Views::open(dir.path(), Options::default()).unwrap();
    views.batch().unwrap().commit(checkpoint(12)).unwrap();
    views.flush().unwrap();
    drop(views);
    let (views, seen) = Views::open_later(dir.path(), Options::default(), 1).unwrap();
    assert_eq!(seen, checkpoint(12));
    views.make_room().unwrap();
    views.reset().unwrap();
    drop(views);
    assert!(Views::open_later(dir.path(), Options::default(), 0).is_none());
}

#[test]
fn views_that_are_small_or_say_nothing_are_to_be_opened_now() {
    let dir = grown();
    assert!(Views::open_later(dir.path(), Options::default(), 1 << 40).is_none());
    std::fs::write(dir.path().join("sled").join("seen"), b"nothing of the kind").unwrap();
    assert!(Views::open_later(dir.path(), Options::default(), 1).is_none());
    assert!(Views::open_later(&dir.path().join("none"), Options::default(), 0).is_none());
}

#[test]
fn what_a_crash_left_of_a_successor_goes_also_where_views_are_opened_later() {
    let dir = grown();
    let left = dir.path().join("sled-2");
    std::fs::create_dir(&left).unwrap();
    std::fs::write(left.join("db"), [0; 100]).unwrap();
    assert!(Views::open_later(dir.path(), Options::default(), 1).is_some());
    assert!(!left.exists());
}

#[test]
fn views_that_cannot_be_opened_still_say_what_they_have_seen() {
    let dir = grown();
    std::fs::write(dir.path().join("sled").join("conf"), [0xff; 1 << 10]).unwrap();
    assert!(Views::open(dir.path(), Options::default()).is_err());
    assert_eq!(Views::seen(dir.path()), Some(checkpoint(9)));
    assert_eq!(Views::seen(&dir.path().join("none")), None);
}
