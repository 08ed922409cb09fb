//! Crashes and damage: views come back at a checkpoint they had, or are begun anew.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use songhua_domain::vocabulary::Basis;
use songhua_log::Follower;
use songhua_views::Options;

use super::history::{day, decided, histories};
use super::plan::{CITY, History, INTENSITY, apply, open};
use crate::follower::grow;

fn some_history() -> History {
    let mut history = History::published();
    for n in 0..200 {
        history.report(CITY, INTENSITY, Basis::StockAt, day(n), i64::from(n));
    }
    history
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else if let Err(error) = fs::copy(entry.path(), &to) {
            // Files come and go while the store runs.
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
        }
    }
}

#[test]
fn after_a_crash_between_batches_views_are_whole_at_a_checkpoint_and_go_on() {
    let history = some_history();
    let running = tempfile::tempdir().unwrap();
    let views = open(running.path());
    for end in (20..history.events.len()).step_by(45) {
        apply(&views, &history.events[..end], 9);
        // What is on disk while the handle is open is what a crash leaves.
        let crashed = tempfile::tempdir().unwrap();
        copy(running.path(), crashed.path());
        let projector = crate::open(crashed.path(), Options { cache_bytes: 1 << 20, ..Options::default() }).unwrap();
        let applied = projector.checkpoint().unwrap().map_or(0, |checkpoint| checkpoint.position.0 as usize);
        assert!(applied <= end);
        let fresh = tempfile::tempdir().unwrap();
        let expected = open(fresh.path());
        apply(&expected, &history.events[..applied], 1_000);
        assert_eq!(projector.views().digest().unwrap(), expected.digest().unwrap());
        apply(projector.views(), &history.events, 30);
        apply(&expected, &history.events, 30);
        assert_eq!(projector.views().digest().unwrap(), expected.digest().unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn rebuilt_live_and_crashed_views_are_the_same_at_every_prefix(
        history in prop_oneof![histories(40), decided(80)],
    ) {
        let (live_dir, crashed_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let live = open(live_dir.path());
        let mut crashed = open(crashed_dir.path());
        for end in 1..=history.events.len() {
            apply(&live, &history.events[..end], 1);
            // A batch that reached one event further is lost, and so is the process.
            let mut batch = crashed.batch().unwrap();
            history.events[end - 1..].iter().take(2).for_each(|event| grow(&mut batch, event).unwrap());
            drop(batch);
            drop(crashed);
            crashed = open(crashed_dir.path());
            apply(&crashed, &history.events[..end], 1);
            let rebuilt_dir = tempfile::tempdir().unwrap();
            let rebuilt = open(rebuilt_dir.path());
            apply(&rebuilt, &history.events[..end], 1_000);
            let digest = rebuilt.digest().unwrap();
            prop_assert_eq!(live.digest().unwrap(), digest, "live at {}", end);
            prop_assert_eq!(crashed.digest().unwrap(), digest, "crashed at {}", end);
        }
    }
}

#[test]
fn a_batch_that_is_dropped_leaves_nothing() {
    let history = some_history();
    let dir = tempfile::tempdir().unwrap();
    let views = open(dir.path());
    apply(&views, &history.events[..100], 50);
    let before = views.digest().unwrap();
    let mut batch = views.batch().unwrap();
    for event in &history.events[100..150] {
        grow(&mut batch, event).unwrap();
    }
    drop(batch);
    assert_eq!((views.digest().unwrap(), views.applied()), (before, 100));
    apply(&views, &history.events, 50);
    let fresh = tempfile::tempdir().unwrap();
    let expected = open(fresh.path());
    apply(&expected, &history.events, 1_000);
    assert_eq!(views.digest().unwrap(), expected.digest().unwrap());
}

#[test]
fn views_that_are_garbage_are_begun_anew() {
    let history = some_history();
    for garbage in [&b"garbage"[..], &[0xff; 4_096]] {
        let dir = tempfile::tempdir().unwrap();
        let views = open(dir.path());
        apply(&views, &history.events, 50);
        let digest = views.digest().unwrap();
        drop(views);
        let store = fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
        for file in fs::read_dir(store).unwrap().map(|file| file.unwrap().path()).filter(|path| path.is_file()) {
            fs::write(file, garbage).unwrap();
        }
        let projector = crate::open(dir.path(), Options::default()).unwrap();
        assert_eq!(projector.checkpoint().unwrap(), None);
        apply(projector.views(), &history.events, 50);
        assert_eq!(projector.views().digest().unwrap(), digest);
    }
}

#[test]
fn a_reset_under_open_handles_begins_anew_and_a_rebuild_gives_the_same_rows() {
    let history = some_history();
    let dir = tempfile::tempdir().unwrap();
    let views = open(dir.path());
    apply(&views, &history.events, 50);
    let (reader, digest) = (views.clone(), views.digest().unwrap());
    views.reset().unwrap();
    assert_eq!((reader.applied(), reader.checkpoint().unwrap()), (0, None));
    assert_eq!(reader.model(u64::MAX).unwrap().targets.len(), 0);
    apply(&views, &history.events, 11);
    assert_eq!(reader.digest().unwrap(), digest);
}
