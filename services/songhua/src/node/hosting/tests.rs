//! When a projector turns to a successor of its views.

use std::time::Duration;

use songhua_log::{Checkpoint, Position};
use songhua_views::{Options, Views};
use uuid::Uuid;

use super::until_outdated;

/// Views of version 1, closed, for a projector of `version`.
fn closed(dir: &std::path::Path, version: u32) -> Views {
    let checkpoint = Checkpoint { log_id: Uuid::from_u128(1), epoch: 1, position: Position(9), leaf_hash: [7; 32] };
    let views = Views::open(dir, Options::default()).unwrap();
    views.batch().unwrap().commit(checkpoint).unwrap();
    drop(views);
    Views::closed(dir, Options { projector_version: version, ..Options::default() })
}

#[tokio::test]
async fn views_of_another_version_that_are_opened_later_are_noticed_and_no_others() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (other, same) = (closed(dirs[0].path(), 2), closed(dirs[1].path(), 1));
    let noticed = tokio::spawn(until_outdated(other.clone(), true));
    let unnoticed = tokio::spawn(until_outdated(same.clone(), true));
    assert!(!other.outdated());
    same.make_room().unwrap();
    other.make_room().unwrap();
    tokio::time::timeout(Duration::from_secs(60), noticed).await.unwrap().unwrap();
    assert!(other.outdated() && !unnoticed.is_finished());
    unnoticed.abort();
}
