//! Where blocks end: by their entries and their stretch of positions, never by the batches they came in.

use std::path::Path;

use jiff::civil::date;
use songhua_domain::quantity::Decimal;
use songhua_domain::vocabulary::{Basis, ObsStatus};
use songhua_log::{Checkpoint, Position};
use uuid::Uuid;

use super::id;
use crate::series::entries_of;
use crate::{Entry, EntryFigure, EntryKind, Named, Options, SeriesKey, Views, block, key};

/// The end of a stretch.
const EDGE: u64 = 1 << 18;
/// Positions around each of two edges.
const AROUND: u64 = 300;

fn positions() -> impl Iterator<Item = u64> {
    [EDGE, 2 * EDGE].into_iter().flat_map(|edge| edge - AROUND..edge + AROUND)
}

fn event_id(position: u64) -> Uuid {
    Uuid::from_u128(position.into())
}

fn series(position: u64) -> SeriesKey {
    SeriesKey::total(&id(["north", "south", "west"][(position % 3) as usize]), &id("output"))
}

/// Every seventh corrects the figure 3 × 40 positions before it, often in a block of the stretch before.
fn corrects(position: u64) -> Option<u64> {
    let of = position - 120;
    (position.is_multiple_of(7) && positions().any(|one| one == of)).then_some(of)
}

fn entry(position: u64, kind: EntryKind) -> Entry {
    Entry {
        position,
        recorded_time_us: 1_700_000_000_000_000 + i64::try_from(position).unwrap(),
        kind,
        basis: Basis::StockAt,
        start: None,
        end: date(2024, 6, 30),
        figure: EntryFigure::Value(Decimal::from(position)),
        obs_status: ObsStatus::Normal,
        back_dated: false,
        agency: Some(id(["bureau", "office"][(position % 2) as usize])),
        event_id: event_id(position),
        reason: "更正".repeat((position % 9) as usize),
    }
}

/// Views in `dir` after batches that end where `cut` says so, opened anew after so many.
fn grow(dir: &Path, life: usize, mut cut: impl FnMut(u64) -> bool) -> Views {
    let open = || Views::open(dir, Options { cache_bytes: 1 << 20, projector_version: 1 }).unwrap();
    let mut views = open();
    let mut batches = 0;
    let mut all = positions().peekable();
    while all.peek().is_some() {
        let mut batch = views.batch().unwrap();
        let mut last = 0;
        for position in all.by_ref() {
            let kind = match corrects(position) {
                Some(of) => {
                    let named = batch.named(event_id(of)).unwrap();
                    assert!(
                        matches!(named, Some(Named::Figure(found, entry)) if found == series(of) && entry.position == of)
                    );
                    EntryKind::Corrected { of }
                }
                None => EntryKind::Reported,
            };
            batch.append(&series(position), entry(position, kind)).unwrap();
            // As if it were scored: one that is stays with the writer when its stretch is over.
            if !position.is_multiple_of(3) {
                batch.timeline(&series(position)).unwrap();
            }
            last = position;
            if cut(position) {
                break;
            }
        }
        let position = Position(last);
        batch.commit(Checkpoint { log_id: Uuid::nil(), epoch: 0, position, leaf_hash: [0; 32] }).unwrap();
        batches += 1;
        if batches % life == 0 {
            drop(views);
            views = open();
        }
    }
    views
}

#[test]
fn blocks_end_with_their_stretch_wherever_batches_end() {
    let dirs = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let whole = grow(dirs[0].path(), 5, |_| false);
    let mut spans = Vec::new();
    whole
        .grown()
        .read(|store| {
            for row in store.scan(&[key::SERIES]) {
                let (key, value) = row?;
                let held: Vec<u64> =
                    entries_of(&key, &value).map(|entry| entry.map(|it| it.position)).collect::<Result<_, _>>()?;
                spans.push((held[0], held[held.len() - 1]));
            }
            Ok(())
        })
        .unwrap();
    assert!(spans.iter().all(|(first, last)| block::stretch_of(*first) == block::stretch_of(*last)), "{spans:?}");
    assert!(spans.len() > 9, "three series in three stretches, and full blocks: {spans:?}");

    let singles = grow(dirs[1].path(), usize::MAX, |_| true);
    let mut state = 7_u64;
    let uneven = grow(dirs[2].path(), 5, |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 60 == 0
    });
    for views in [&singles, &uneven] {
        assert_eq!(views.digest().unwrap(), whole.digest().unwrap());
        for position in positions() {
            let found = views.entry(&series(position), position).unwrap().map(|entry| entry.event_id);
            assert_eq!(found, Some(event_id(position)));
        }
    }
    let all = whole.series(&series(0), u64::MAX).unwrap();
    assert_eq!(all.entries(), positions().filter(|position| position.is_multiple_of(3)).count());
}
