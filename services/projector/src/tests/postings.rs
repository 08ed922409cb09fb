//! Postings: whatever a filter on them would let pass is found by them, however the records came into batches.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use songhua_domain::decide::{Moment, decide};
use songhua_domain::event::{Event, Payload};
use songhua_domain::folding::Folding;
use songhua_domain::state::PlanState;
use songhua_log::{Follower, Position, StoredRecord};
use songhua_views::PostingKind::{self, Agency, Area, EventType, Indicator, Project};
use songhua_views::{Options, Views};
use songhua_wire::about::About;
use songhua_wire::record::{Envelope, Said, decode_header, encode_event};

use super::history::{decided, taken};
use super::plan::{History, checkpoint, id};

/// The records that ingest would store, and the state behind the last of them. Definitions are of a fixture that ingest
/// need not take: they are about what they say.
fn stored(history: &History) -> (Vec<StoredRecord>, PlanState) {
    let mut folding = Folding::default();
    let record = |event: &Event| {
        let today = folding.state.last_day().unwrap_or_default();
        let moment = Moment { recorded_time: event.recorded_time, today };
        let decision = decide(&folding.state, &folding.refs(&event.input), &event.actor, &moment, &event.input).ok();
        let (area, subject) = decision.map_or_else(|| (None, String::new()), |it| (it.area, it.subject));
        folding.fold(event);
        let bytes = encode_event(&Envelope {
            plan: &id("plan"),
            area: area.as_ref(),
            subject: &subject,
            recorded_time: event.recorded_time,
            actor: &event.actor,
            submission: event.submission,
            back_dated: event.back_dated,
            trace_parent: "",
            said: &Said::of(std::sync::Arc::clone(&event.input)),
        });
        let position = Position(event.position);
        StoredRecord {
            position,
            submission_first: position,
            submission_last: position,
            recorded_time_us: event.recorded_time.as_microsecond(),
            key: event.input.event_id.into_bytes(),
            bytes,
        }
    };
    (history.events.iter().map(record).collect(), folding.state)
}

type Lists = BTreeMap<(PostingKind, String), BTreeSet<u64>>;

/// What audit's judge finds each record to be about, with the state behind all of them.
fn judged(records: &[StoredRecord], events: &[Event], state: &PlanState) -> Lists {
    let mut lists = Lists::new();
    for (record, event) in records.iter().zip(events) {
        let header = decode_header(&record.bytes).unwrap();
        let mut about = About::of(&header);
        if let Some(matter) = about.supervision.as_ref().and_then(|supervision| state.supervision(supervision)) {
            about = about.with_matter(&matter.agency, &matter.scope);
        }
        if About::asks_payload(header.event_type) {
            about = about.with_named(&event.input.payload);
        }
        let mut note = |kind, id: &str| {
            lists.entry((kind, id.to_owned())).or_default().insert(event.position);
        };
        about.area.iter().for_each(|area| note(Area, area.as_str()));
        about.indicator.iter().for_each(|indicator| note(Indicator, indicator.as_str()));
        about.projects.iter().for_each(|project| note(Project, project.as_str()));
        header.agency.iter().chain(&header.on_behalf_of).for_each(|agency| note(Agency, agency.as_str()));
        note(EventType, header.event_type);
    }
    lists
}

fn grown(records: &[StoredRecord], size: usize) -> (tempfile::TempDir, Views) {
    let dir = tempfile::tempdir().unwrap();
    let mut projector = crate::open(dir.path(), Options { cache_bytes: 1 << 20, projector_version: 1 }).unwrap();
    for batch in records.chunks(size) {
        projector.apply(batch, checkpoint(batch.last().unwrap().position.0)).unwrap();
    }
    (dir, projector.views().clone())
}

fn selected(views: &Views, unions: &[Vec<(PostingKind, &str)>], limit: usize) -> Vec<u64> {
    let (mut found, mut next) = (Vec::new(), 1);
    while next <= views.applied() {
        let selected = views.select(unions, next, limit).unwrap();
        assert!(selected.until >= next && selected.positions.iter().all(|at| (next..=selected.until).contains(at)));
        found.extend(selected.positions);
        next = selected.until + 1;
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_record_is_found_by_what_it_is_about(history in decided(150), size in 1_usize..40, limit in 1_usize..50) {
        let (records, state) = stored(&history);
        let (_dir, views) = grown(&records, size);
        let lists = judged(&records, &history.events, &state);
        for ((kind, id), expected) in &lists {
            let found = selected(&views, &[vec![(*kind, id)]], limit);
            prop_assert_eq!(&found, &expected.iter().copied().collect::<Vec<_>>(), "{:?} {}", kind, id);
        }
        // Unions meet.
        let by = |wanted: PostingKind| lists.iter().filter(move |((kind, _), _)| *kind == wanted).take(3);
        let union = |kind| by(kind).map(|((kind, id), _)| (*kind, id.as_str())).collect::<Vec<_>>();
        let of = |kind| by(kind).flat_map(|(_, positions)| positions).copied().collect::<BTreeSet<_>>();
        for kinds in [&[Area, Indicator][..], &[Indicator, EventType], &[Agency, Area, EventType], &[Project, Agency]] {
            let unions: Vec<_> = kinds.iter().map(|kind| union(*kind)).collect();
            let met = kinds.iter().map(|kind| of(*kind)).reduce(|one, other| &one & &other).unwrap();
            prop_assert_eq!(selected(&views, &unions, limit), met.into_iter().collect::<Vec<_>>(), "{:?}", kinds);
        }
    }

    #[test]
    fn postings_do_not_depend_on_batches(history in decided(80)) {
        let (records, _) = stored(&history);
        let digest = |size| grown(&records, size).1.digest().unwrap();
        let whole = digest(1_000);
        prop_assert_eq!(digest(1), whole);
        prop_assert_eq!(digest(7), whole);
    }
}

#[test]
fn a_matter_is_found_by_what_it_is_about_also_after_a_restart() {
    let steps = (0..3_000_u32).map(|n| {
        let mixed = n.wrapping_mul(2_654_435_761);
        ((mixed >> 24) as u8 % 28, (mixed >> 3) as u16, (mixed >> 13) as u16)
    });
    let mut of_matters = 0;
    for steps in steps.collect::<Vec<_>>().chunks(150) {
        let history = taken(steps);
        let (records, state) = stored(&history);
        let dir = tempfile::tempdir().unwrap();
        let reopened = || crate::open(dir.path(), Options { cache_bytes: 1 << 20, projector_version: 1 }).unwrap();
        for batch in records.chunks(40) {
            let mut projector = reopened();
            projector.apply(batch, checkpoint(batch.last().unwrap().position.0)).unwrap();
            projector.views().flush().unwrap();
        }
        let views = reopened();
        for ((kind, id), expected) in judged(&records, &history.events, &state) {
            let found = selected(views.views(), &[vec![(kind, &id)]], 64);
            assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{kind:?} {id}");
        }
        let spoken = |event: &&Event| {
            matches!(event.input.payload, Payload::SupervisionAnswered(_) | Payload::SupervisionClosed(_))
        };
        of_matters += history.events.iter().filter(spoken).count();
    }
    assert!(of_matters > 5, "{of_matters}");
}
