//! Facts by kind and by subject, events by id, and revisions of figures: each as known.

use jiff::civil::date;
use songhua_domain::event::{ProgressNoteRecorded, ReminderIssued, Scope};
use songhua_domain::vocabulary::{Basis, ObsStatus};
use songhua_log::{Checkpoint, Position};
use tempfile::TempDir;
use uuid::Uuid;

use super::id;
use crate::index::Place;
use crate::{
    Entry, EntryFigure, EntryKind, FactKind, FactRow, Named, Options, Said, SeriesKey, Subject, ViewBatch, Views,
    subject_of_scope,
};

fn opened() -> (TempDir, Views) {
    let dir = tempfile::tempdir().unwrap();
    let views = Views::open(dir.path(), Options::default()).unwrap();
    (dir, views)
}

fn apply(views: &Views, position: u64, rows: impl FnOnce(&mut ViewBatch<'_>)) {
    let mut batch = views.batch().unwrap();
    rows(&mut batch);
    let checkpoint = Checkpoint { log_id: Uuid::nil(), epoch: 1, position: Position(position), leaf_hash: [0; 32] };
    batch.commit(checkpoint).unwrap();
}

fn say(views: &Views, position: u64, said: Said) {
    let event_id = Uuid::from_u128(u128::from(position));
    let row = FactRow { recorded_time_us: 0, recorded_day: None, effective: None, agency: None, event_id, said };
    apply(views, position, |batch| batch.fact(position, &row).unwrap());
}

fn note(scope: Scope) -> Said {
    let (progress, problems, next_steps) = (String::new(), String::new(), String::new());
    Said::Note(ProgressNoteRecorded { scope, as_of: date(2026, 1, 1), progress, problems, next_steps })
}

#[test]
fn facts_come_in_log_order_by_kind_and_by_subject_up_to_what_is_known() {
    let (_dir, views) = opened();
    let target = || Scope::Target(id("a"), id("i"));
    let scopes = [target(), Scope::Area(id("a")), Scope::Plan, target(), Scope::Area(id("a-b"))];
    for (position, scope) in (1..).zip(scopes) {
        say(&views, position, note(scope));
    }
    let (agency, scope, message) = (id("a"), Scope::Plan, String::new());
    say(&views, 6, Said::Reminder(ReminderIssued { agency, scope, period: None, message }));
    let of_kind =
        |kind, known| -> Vec<u64> { views.facts(kind, known).unwrap().iter().map(|fact| fact.position).collect() };
    assert_eq!(of_kind(FactKind::Notes, 9), [1, 2, 3, 4, 5]);
    assert_eq!(of_kind(FactKind::Notes, 3), [1, 2, 3]);
    assert_eq!(of_kind(FactKind::Reminders, 9), [6]);
    assert!(of_kind(FactKind::Evidence, 9).is_empty());
    let of_subject = |scope: &Scope, known| -> Vec<u64> {
        let facts = views.facts_of(FactKind::Notes, &subject_of_scope(scope), known).unwrap();
        facts.iter().map(|fact| fact.position).collect()
    };
    assert_eq!(of_subject(&target(), 9), [1, 4]);
    assert_eq!(of_subject(&target(), 3), [1]);
    assert_eq!(of_subject(&Scope::Area(id("a")), 9), [2], "nothing of its targets, nor of a longer name");
    assert_eq!(of_subject(&Scope::Plan, 9), [3]);
}

fn entry(position: u64, kind: EntryKind) -> Entry {
    Entry {
        position,
        recorded_time_us: 0,
        kind,
        basis: Basis::StockAt,
        start: None,
        end: date(2026, 1, 1),
        figure: EntryFigure::Step(format!("step {position}")),
        obs_status: ObsStatus::Normal,
        back_dated: false,
        agency: None,
        event_id: Uuid::from_u128(u128::from(position)),
        reason: String::new(),
    }
}

#[test]
fn revisions_of_figures_stand_beside_the_figure_they_speak_of() {
    let (_dir, views) = opened();
    let key = SeriesKey::total(&id("a"), &id("i"));
    let kinds = [
        EntryKind::Reported,
        EntryKind::Corrected { of: 1 },
        EntryKind::Verified { of: 2 },
        EntryKind::Reopened { of: 2 },
        EntryKind::Nothing,
        EntryKind::Revised { of: 2 },
        EntryKind::Rejected { of: 6 },
        EntryKind::Assessed,
        EntryKind::Retracted { of: 8 },
    ];
    for (position, kind) in (1..).zip(kinds) {
        apply(&views, position, |batch| batch.append(&key, entry(position, kind)).unwrap());
    }
    let found = |known, limit| -> Vec<(u64, u64)> {
        let revisions = views.figure_revisions(known, limit, |_| true).unwrap();
        assert!(revisions.iter().all(|revision| revision.series == key));
        revisions.iter().map(|revision| (revision.entry.position, revision.of.position)).collect()
    };
    assert_eq!(found(9, usize::MAX), [(9, 8), (7, 6), (6, 2), (4, 2), (2, 1)]);
    assert_eq!(found(9, 2), [(9, 8), (7, 6)]);
    assert_eq!(found(6, 2), [(6, 2), (4, 2)]);
    assert!(found(1, 2).is_empty());
}

#[test]
fn an_event_is_found_by_its_id_once_it_is_known() {
    let (_dir, views) = opened();
    let key = SeriesKey::total(&id("a"), &id("i"));
    apply(&views, 1, |batch| batch.append(&key, entry(1, EntryKind::Reported)).unwrap());
    apply(&views, 2, |batch| batch.append(&key, entry(2, EntryKind::Corrected { of: 1 })).unwrap());
    let second = Uuid::from_u128(2);
    assert_eq!(views.event(second, 2).unwrap(), Some((2, Subject::Series(key))));
    assert_eq!(views.event(second, 1).unwrap(), None);
    assert_eq!(views.event(Uuid::from_u128(3), 9).unwrap(), None);
}

#[test]
fn an_event_is_named_by_its_id_wherever_the_block_of_its_list_is() {
    let (dir, mut views) = opened();
    let key = SeriesKey::total(&id("a"), &id("i"));
    // Ids of one list, more than two blocks take.
    let ids: Vec<Uuid> = (1..).map(Uuid::from_u128).filter(|id| Place::of(*id).shard == 7).take(1_000).collect();
    let event = |at: usize| Entry { event_id: ids[at], ..entry(at as u64 + 1, EntryKind::Reported) };
    let mut filed = 0;
    for until in [10, 11, 500, 800, 1_000] {
        apply(&views, until as u64, |batch| {
            for at in filed..until {
                batch.append(&key, event(at)).unwrap();
                // The first and the last: in every block, full or not, from this batch or before.
                for known in [0, at] {
                    let Some(Named::Figure(_, found)) = batch.named(ids[known]).unwrap() else { panic!("{known}") };
                    assert_eq!(*found, event(known));
                }
                assert_eq!(batch.named(*ids.get(at + 1).unwrap_or(&Uuid::nil())).unwrap(), None);
            }
        });
        filed = until;
        if until == 500 {
            drop(views);
            views = Views::open(dir.path(), Options::default()).unwrap();
        }
    }
}
