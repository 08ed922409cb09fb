//! Facts by kind and by subject, events by id, and revisions of figures: each as known.

use jiff::civil::date;
use songhua_domain::event::{ProgressNoteRecorded, ReminderIssued, Scope};
use songhua_domain::vocabulary::{Basis, ObsStatus};
use songhua_log::{Checkpoint, Position};
use tempfile::TempDir;
use uuid::Uuid;

use super::id;
use crate::index::Place;
use crate::revision::revised;
use crate::{
    Entry, EntryFigure, EntryKind, Fact, FactKind, FactRow, Named, Newest, Options, Revised, Said, SeriesKey, Subject,
    ViewBatch, Views, subject_of_scope,
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
    let found = |until, limit| -> Vec<(u64, u64)> {
        let found = views.figure_revisions(Newest { until, limit, count: false }, |_| true, None).unwrap();
        assert!(found.newest.iter().all(|revision| revision.series == key));
        assert_eq!(found.count, found.newest.len());
        found.newest.iter().map(|revision| (revision.entry.position, revision.of.position)).collect()
    };
    assert_eq!(found(9, usize::MAX), [(9, 8), (7, 6), (6, 2), (4, 2), (2, 1)]);
    assert_eq!(found(9, 2), [(9, 8), (7, 6)]);
    assert_eq!(found(6, 2), [(6, 2), (4, 2)]);
    assert!(found(1, 2).is_empty());
    let counted = |until, wanted: Option<&dyn Fn(&Entry) -> bool>| {
        let found = views.figure_revisions(Newest { until, limit: 1, count: true }, |_| true, wanted).unwrap();
        (found.newest.first().map(|revision| revision.entry.position), found.count)
    };
    assert_eq!(counted(9, None), (Some(9), 5));
    assert_eq!(counted(6, None), (Some(6), 3));
    assert_eq!(counted(9, Some(&|entry| entry.position < 7)), (Some(6), 3));
    let none = views.figure_revisions(Newest { until: 9, limit: 1, count: true }, |_| false, None).unwrap();
    assert_eq!((none.newest.len(), none.count), (0, 0));
}

#[test]
fn revisions_of_many_series_are_read_over_blocks_and_speak_of_earlier_ones() {
    let (_dir, views) = opened();
    let keys = ["i", "j", "k"].map(|indicator| SeriesKey::total(&id("a"), &id(indicator)));
    let series = |position: u64| &keys[(position % 7 % 3) as usize];
    // Every third entry speaks of the first of its series, every ninth of the last one.
    let (mut first, mut last, mut expected) = ([0; 3], [0; 3], Vec::new());
    apply(&views, 900, |batch| {
        for position in 1..=900_u64 {
            let number = keys.iter().position(|key| key == series(position)).unwrap();
            let of = if position.is_multiple_of(9) { last[number] } else { first[number] };
            let kind = match of {
                0 => EntryKind::Reported,
                of if position.is_multiple_of(3) => EntryKind::Rejected { of },
                _ => EntryKind::Assessed,
            };
            if revised(kind).is_some() {
                expected.push((position, of));
            } else {
                last[number] = position;
                first[number] = if first[number] == 0 { position } else { first[number] };
            }
            batch.append(series(position), entry(position, kind)).unwrap();
        }
    });
    expected.reverse();
    let asked = Newest { until: 900, limit: usize::MAX, count: false };
    let found = views.figure_revisions(asked, |_| true, None).unwrap();
    assert!(found.newest.iter().all(|revision| revision.series == *series(revision.entry.position)));
    let shown = found.newest.iter().map(|revision| (revision.entry.position, revision.of.position));
    assert_eq!(shown.collect::<Vec<_>>(), expected);
    // Some of one series only, counted, by what the entry says.
    let late: &dyn Fn(&Entry) -> bool = &|entry| entry.position > 100;
    let asked = Newest { until: 800, limit: 3, count: true };
    let found = views.figure_revisions(asked, |series| *series == keys[1], Some(late)).unwrap();
    let of_one =
        || expected.iter().filter(|(position, _)| (101..=800).contains(position) && *series(*position) == keys[1]);
    assert_eq!(found.count, of_one().count());
    assert!(
        found.newest.iter().map(|revision| revision.entry.position).eq(of_one().take(3).map(|(position, _)| *position))
    );
}

#[test]
fn revisions_of_what_was_defined_are_read_from_the_last_one_back_over_blocks_and_subjects() {
    let (dir, mut views) = opened();
    let changed = |position: u64| Revised {
        event_type: "target.revised".to_owned(),
        subject: format!("areas/a/targets/{}", position % 7),
        area: None,
        indicator: None,
        before: String::new(),
        after: String::new(),
        // Some 40 blocks.
        reason: "why".repeat(100),
    };
    for position in 1..=500 {
        say(&views, position, Said::Revision(Box::new(changed(position))));
        if position == 250 {
            drop(views);
            views = Views::open(dir.path(), Options::default()).unwrap();
        }
    }
    let asked = |until, limit, count, wanted: Option<&dyn Fn(&Fact) -> bool>| {
        let found = views.revision_facts(Newest { until, limit, count }, wanted).unwrap();
        (found.newest.iter().map(|fact| fact.position).collect::<Vec<_>>(), found.count)
    };
    assert_eq!(asked(500, 3, false, None), (vec![500, 499, 498], 3));
    assert_eq!(asked(250, 2, true, None), (vec![250, 249], 250));
    let hundreds: &dyn Fn(&Fact) -> bool = &|fact| fact.position % 100 == 0;
    assert_eq!(asked(450, 2, true, Some(hundreds)), (vec![400, 300], 4));
    assert_eq!(asked(450, 2, false, Some(hundreds)), (vec![400, 300], 2));
    assert_eq!(asked(450, 9, false, Some(hundreds)), (vec![400, 300, 200, 100], 4));
    assert_eq!(asked(0, 9, true, None), (vec![], 0));
    // A page behind the other, as whoever reads them does.
    let (mut until, mut seen) = (u64::MAX, Vec::new());
    while let Some(last) = asked(until, 33, false, None).0.last() {
        seen.extend(asked(until, 33, false, None).0);
        until = last - 1;
    }
    assert_eq!(seen, (1..=500).rev().collect::<Vec<_>>());
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
