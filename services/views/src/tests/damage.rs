//! Damage under an open store: an error that says so, never a panic, and a way out.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Bound;
use std::path::Path;

use songhua_log::{Checkpoint, Position};
use uuid::Uuid;

use crate::store::Store;
use crate::{Options, Views, ViewsError};

/// Overwrites every file below `dir`, under the handle that has it open.
fn spoil(dir: &Path, with: &[u8]) {
    for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() { spoil(&path, with) } else { fs::write(path, with).unwrap() }
    }
}

fn open(dir: &Path) -> Views {
    Views::open(dir, Options { cache_bytes: 1 << 16, ..Options::default() }).unwrap()
}

/// Far more rows than the cache holds.
fn fill(views: &Views) {
    for n in 0..100_u8 {
        let rows: BTreeMap<_, _> = (0..100_u8).map(|i| (vec![8, n, i], vec![i % 7; 500].into())).collect();
        views.put_rows(rows);
    }
    let checkpoint = Checkpoint { log_id: Uuid::from_u128(1), epoch: 2, position: Position(9), leaf_hash: [7; 32] };
    views.batch().unwrap().commit(checkpoint).unwrap();
}

#[test]
fn a_file_that_is_spoiled_under_an_open_store_is_an_error_and_a_reset_begins_anew() {
    for garbage in [&[][..], &[0xff; 1 << 16], &[0; 1 << 22]] {
        let dir = tempfile::tempdir().unwrap();
        let views = open(dir.path());
        fill(&views);
        spoil(dir.path(), garbage);
        let error = views.digest().unwrap_err();
        assert!(matches!(error, ViewsError::Store { .. }), "{error}");
        views.reset().unwrap();
        assert_eq!((views.checkpoint(), views.applied()), (Ok(None), 0));
    }
}

/// The error of a panic of sled, which says what sled said.
fn said(error: &ViewsError) {
    assert!(matches!(error, ViewsError::Store { detail, .. } if detail == "sled panicked: bad page"), "{error}");
}

#[test]
fn a_panic_of_sled_comes_out_as_an_error_of_the_store_from_reads_and_writes() {
    let dir = tempfile::tempdir().unwrap();
    let views = open(dir.path());
    said(&views.read(|store| store.run::<()>(|_| panic!("bad page"))).unwrap_err());
    said(&views.read(|store| store.run::<()>(|_| panic!("bad {}", "page"))).unwrap_err());
    // Nothing is locked or left half done.
    fill(&views);
    assert_eq!(views.applied(), 9);
}

#[test]
fn a_panic_between_two_rows_is_an_error_and_ends_the_rows() {
    let dir = tempfile::tempdir().unwrap();
    let views = open(dir.path());
    let mut left = 2;
    let panics = std::iter::from_fn(|| {
        left -= 1;
        assert!(left > 0, "bad page");
        Some(Ok((sled::IVec::from(&[1]), sled::IVec::from(&[2]))))
    });
    views
        .read(|store| {
            let mut rows = store.rows(&(Bound::Unbounded, Bound::Unbounded), panics);
            assert!(matches!(rows.next(), Some(Ok(_))));
            said(&rows.next().unwrap().unwrap_err());
            assert!(rows.next().is_none());
            Ok(())
        })
        .unwrap();
}

#[test]
fn rows_that_could_not_be_written_leave_with_the_next_ones() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), 1 << 16).unwrap();
    let row = |key: u8| BTreeMap::from([(vec![8, key], vec![key].into())]);
    store.put(row(1), &[]);
    store.leave();
    // The disk was full.
    store.put(row(2), &[]);
    store.leave();
    store.write().unwrap();
    store.left();
    for key in [1, 2] {
        assert!(store.get(&[8, key]).unwrap().is_some(), "row {key} is lost");
    }
}

fn a_batch(views: &Views, position: u64) -> Result<(), ViewsError> {
    let checkpoint =
        Checkpoint { log_id: Uuid::from_u128(1), epoch: 2, position: Position(position), leaf_hash: [7; 32] };
    views.batch()?.commit(checkpoint)
}

#[test]
fn views_that_the_disk_refuses_are_read_on_and_go_on_where_they_were_written_last() {
    let dir = tempfile::tempdir().unwrap();
    let views = open(dir.path());
    fill(&views);
    views.flush().unwrap();
    a_batch(&views, 12).unwrap();
    let full = || sled::Error::Io(std::io::ErrorKind::StorageFull.into());
    let error = views.read(|store| store.run::<()>(|_| Err(full()))).unwrap_err();
    assert!(matches!(error, ViewsError::NoRoom { .. }), "{error}");
    assert!(views.digest().is_ok() && views.applied() == 12);
    // There is room again. Which records come next, the checkpoint says.
    assert!(matches!(a_batch(&views, 15), Err(ViewsError::NoRoom { .. })));
    assert_eq!(views.applied(), 9);
    a_batch(&views, 15).unwrap();
    assert_eq!((views.applied(), views.why_refusing()), (15, None));
}

#[test]
fn views_that_could_not_be_opened_are_opened_by_the_next_batch() {
    let dir = tempfile::tempdir().unwrap();
    fill(&open(dir.path()));
    let views = Views::closed(dir.path(), Options::default());
    assert!(views.digest().is_err());
    assert!(matches!(a_batch(&views, 12), Err(ViewsError::NoRoom { .. })));
    assert_eq!(views.applied(), 9);
    a_batch(&views, 12).unwrap();
}

#[test]
fn rows_that_find_no_room_are_held_and_written_before_the_next_batch() {
    let dir = tempfile::tempdir().unwrap();
    let views = open(dir.path());
    fill(&views);
    views.flush().unwrap();
    a_batch(&views, 12).unwrap();
    // Nobody may make a file there, not even root. Looked for room at once, it is gone.
    let refuse = || std::os::unix::fs::symlink("/sys/room", dir.path().join("sled").join("room")).unwrap();
    refuse();
    assert!(matches!(views.flush(), Err(ViewsError::NoRoom { .. })));
    assert_eq!(views.applied(), 12);
    refuse();
    let held = a_batch(&views, 15).unwrap_err();
    assert_eq!((views.applied(), views.why_refusing()), (12, Some(held.to_string())));
    a_batch(&views, 15).unwrap();
    views.flush().unwrap();
    assert_eq!((views.applied(), views.why_refusing()), (15, None));
    drop(views);
    assert_eq!(open(dir.path()).applied(), 15);
}

#[test]
fn a_helper_file_that_cannot_be_made_is_no_damage() {
    let dir = tempfile::tempdir().unwrap();
    let views = open(dir.path());
    fill(&views);
    a_batch(&views, 12).unwrap();
    // No error of a full or forbidden disk.
    let room = dir.path().join("sled").join("room");
    fs::create_dir(&room).unwrap();
    let error = views.flush().unwrap_err();
    assert!(matches!(&error, ViewsError::NoRoom { detail, .. } if detail.contains("directory")), "{error}");
    assert!(views.digest().is_ok() && views.applied() == 12);
    fs::remove_dir(&room).unwrap();
    views.flush().unwrap();
    assert_eq!(views.why_refusing(), None);
}

#[test]
fn a_reset_that_finds_no_room_says_so_until_it_is_done() {
    let root = tempfile::tempdir().unwrap();
    let (dir, elsewhere) = (root.path().join("views"), root.path().join("elsewhere"));
    let views = open(&dir);
    fill(&views);
    fs::rename(&dir, &elsewhere).unwrap();
    // Nobody may make a directory there, not even root.
    std::os::unix::fs::symlink("/sys", &dir).unwrap();
    assert!(matches!(views.reset(), Err(ViewsError::NoRoom { .. })));
    assert!(views.why_refusing().is_some() && !views.is_open());
    fs::remove_file(&dir).unwrap();
    fs::rename(&elsewhere, &dir).unwrap();
    views.reset().unwrap();
    assert_eq!((views.applied(), views.why_refusing()), (0, None));
}
