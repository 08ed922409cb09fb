//! A new version of the projector grows its views beside the old ones, which are read meanwhile.

use std::path::Path;

use songhua_domain::vocabulary::Basis;
use songhua_log::Follower;
use songhua_views::{Options, Views, ViewsError};

use super::history::day;
use super::plan::{CITY, History, INTENSITY, apply, key};
use crate::Projector;

fn some_history() -> History {
    let mut history = History::published();
    for n in 0..100 {
        history.report(CITY, INTENSITY, Basis::StockAt, day(n), i64::from(n));
    }
    history
}

fn open(dir: &Path, projector_version: u32) -> Projector {
    crate::open(dir, Options { cache_bytes: 1 << 20, projector_version }).unwrap()
}

fn folders(dir: &Path) -> usize {
    std::fs::read_dir(dir).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_dir()).count()
}

/// What a reader sees of a figure.
fn read(views: &Views, known: u64) -> usize {
    let (area, indicator) = key(CITY, INTENSITY);
    let model = views.model(known).unwrap();
    views.live_observations(&model, &area, &indicator, known).unwrap().len()
}

#[test]
fn another_version_grows_beside_while_the_old_views_are_read_and_follow_and_then_takes_over() {
    let history = some_history();
    let dir = tempfile::tempdir().unwrap();
    apply(open(dir.path(), 1).views(), &history.events[..60], 9);
    let projector = open(dir.path(), 2);
    let (views, reader) = (projector.views(), projector.views().clone());
    assert!(views.outdated());
    let successor = projector.successor().unwrap();
    assert!(!successor.views().outdated());
    let seen = 60 - History::published().head() as usize;
    for end in (10..=60).step_by(10) {
        apply(successor.views(), &history.events[..end], 3);
        apply(views, &history.events[..50 + end], 1);
        assert_eq!((reader.applied(), read(&reader, 60)), (50 + end as u64, seen));
    }
    apply(successor.views(), &history.events[..110], 100);
    projector.take_over(&successor).unwrap();
    drop(successor);
    assert_eq!((reader.applied(), read(&reader, 60), reader.outdated()), (110, seen, false));
    assert_eq!(folders(dir.path()), 1);
    // The writer goes on where the successor was, and a restart finds it.
    apply(views, &history.events, 7);
    let fresh = tempfile::tempdir().unwrap();
    apply(open(fresh.path(), 2).views(), &history.events, 1_000);
    let digest = open(fresh.path(), 2).views().digest().unwrap();
    assert_eq!(reader.digest().unwrap(), digest);
    drop((projector, reader));
    let again = open(dir.path(), 2);
    assert_eq!((again.views().outdated(), again.views().digest().unwrap()), (false, digest));
    // And by turns.
    let successor = again.successor().unwrap();
    apply(successor.views(), &history.events, 50);
    again.take_over(&successor).unwrap();
    assert_eq!((again.views().digest().unwrap(), folders(dir.path())), (digest, 1));
}

#[test]
fn a_crash_before_the_take_over_finds_the_old_views_and_starts_over() {
    let history = some_history();
    let dir = tempfile::tempdir().unwrap();
    apply(open(dir.path(), 1).views(), &history.events, 9);
    let projector = open(dir.path(), 2);
    let successor = projector.successor().unwrap();
    assert!(matches!(projector.successor(), Err(ViewsError::Locked { .. })));
    apply(successor.views(), &history.events[..80], 9);
    drop((projector, successor));
    assert_eq!(folders(dir.path()), 2);
    let projector = open(dir.path(), 2);
    assert_eq!((projector.views().outdated(), projector.views().applied()), (true, history.head()));
    assert_eq!(folders(dir.path()), 1);
    assert_eq!(projector.successor().unwrap().checkpoint().unwrap(), None);
}

#[test]
fn readers_never_see_less_while_successors_take_over() {
    let history = some_history();
    let dir = tempfile::tempdir().unwrap();
    let projector = open(dir.path(), 1);
    apply(projector.views(), &history.events, 50);
    let (reader, done) = (projector.views().clone(), std::sync::atomic::AtomicBool::new(false));
    let expected = read(&reader, history.head());
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                assert_eq!(read(&reader, history.head()), expected);
                assert_eq!(reader.applied(), history.head());
            }
        });
        for size in [1_000, 7, 50] {
            let successor = projector.successor().unwrap();
            apply(successor.views(), &history.events, size);
            projector.take_over(&successor).unwrap();
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        reading.join().unwrap();
    });
}

#[test]
fn a_successor_that_is_given_up_gives_its_room_back_and_another_one_can_be_grown() {
    let history = some_history();
    let dir = tempfile::tempdir().unwrap();
    apply(open(dir.path(), 1).views(), &history.events, 9);
    let projector = open(dir.path(), 2);
    let successor = projector.successor().unwrap();
    apply(successor.views(), &history.events[..80], 9);
    successor.views().discard().unwrap();
    drop(successor);
    assert_eq!((folders(dir.path()), projector.views().applied()), (1, history.head()));
    let successor = projector.successor().unwrap();
    apply(successor.views(), &history.events, 9);
    projector.take_over(&successor).unwrap();
    assert_eq!((projector.views().applied(), projector.views().outdated()), (history.head(), false));
}

#[test]
fn views_that_are_closed_say_that_they_are_outdated_once_they_are_open() {
    let history = some_history();
    let dir = tempfile::tempdir().unwrap();
    apply(open(dir.path(), 1).views(), &history.events, 9);
    let views = Views::closed(dir.path(), Options { cache_bytes: 1 << 20, projector_version: 2 });
    assert_eq!((views.is_open(), views.outdated()), (false, false));
    views.make_room().unwrap();
    assert_eq!((views.is_open(), views.outdated()), (true, true));
}
