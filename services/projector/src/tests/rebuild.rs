//! The same records give the same rows, and a read at an earlier position is the read of that moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::date;
use proptest::prelude::*;
use songhua_domain::event::{AreaStageChanged, DayOpened, VerificationAccepted};
use songhua_domain::id::{AreaId, IndicatorId};
use songhua_domain::score::{Observation, Score};
use songhua_domain::vocabulary::{AreaStage, Basis, Status};
use songhua_views::{Change, Fact, FactKind, Milestone, Model, Series, Views};

use songhua_wire::event::TYPE_TOKENS;

use super::history::{histories, of_everything};
use super::naive;
use super::plan::{CIRCLE, CIRCLES, CITY, GROWTH, History, INTENSITY, OUTPUT, RIVAL, apply, id, key, open};

fn grown(history: &History, size: usize) -> (tempfile::TempDir, Views) {
    let dir = tempfile::tempdir().unwrap();
    let views = open(dir.path());
    apply(&views, &history.events, size);
    (dir, views)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn rows_are_the_same_in_batches_of_1_7_and_1000(history in histories(120)) {
        let digest = |size| grown(&history, size).1.digest().unwrap();
        let whole = digest(1_000);
        prop_assert_eq!(digest(1), whole);
        prop_assert_eq!(digest(7), whole);
    }

    #[test]
    fn a_read_at_any_position_is_the_read_of_views_that_end_there(history in histories(60)) {
        let (_dir, whole) = grown(&history, 1_000);
        let (_growing_dir, growing) = grown(&History::default(), 1);
        for known in 1..=history.head() {
            apply(&growing, &history.events[..known as usize], 1);
            prop_assert_eq!(Answers::of(&whole, known), Answers::of(&growing, known));
        }
    }

    #[test]
    fn figures_that_count_are_those_that_the_events_leave(history in histories(80)) {
        let (_dir, views) = grown(&history, 1_000);
        for known in (1..=history.head()).step_by(3) {
            let model = views.model(known).unwrap();
            for ((area, indicator), _) in model.targets.iter().filter(|(key, _)| key.1.as_str() != CIRCLES) {
                let mut expected = naive::live(&history.events[..known as usize], area, indicator);
                expected.sort_by_key(|seen| (seen.end, seen.position));
                prop_assert_eq!(views.live_observations(&model, area, indicator, known).unwrap(), expected);
            }
        }
    }

    #[test]
    fn the_last_change_of_every_target_is_its_status_at_every_position(history in histories(60)) {
        let (_dir, views) = grown(&history, 7);
        let changes = views.changes(0, u64::MAX, usize::MAX).unwrap();
        let published = History::published().head();
        prop_assert!(changes.iter().all(|change| change.position >= published && change.from != Some(change.to)));
        for known in published..=history.head() {
            let mut last: BTreeMap<(AreaId, IndicatorId), Status> = BTreeMap::new();
            for change in changes.iter().filter(|change| change.position <= known) {
                let before = last.insert((change.area.clone(), change.indicator.clone()), change.to);
                prop_assert_eq!(before, change.from);
            }
            let (model, day) = (views.model(known).unwrap(), views.last_day(known).unwrap().unwrap());
            for ((area, indicator), status) in last {
                let score = views.score_target(&model, &area, &indicator, day, known).unwrap().unwrap();
                prop_assert_eq!(score.status, status, "{} {} at {}", area, indicator, known);
            }
        }
    }
}

/// Everything that views answer at a position.
#[derive(Debug, PartialEq)]
struct Answers {
    model: Arc<Model>,
    day: Option<jiff::civil::Date>,
    scores: Vec<Option<Arc<Score>>>,
    live: Vec<Vec<Observation>>,
    series: Vec<BTreeMap<String, Series>>,
    milestones: Vec<Milestone>,
    planned: Vec<bool>,
    changes: Vec<Change>,
    facts: Vec<Vec<Fact>>,
}

/// Every kind of facts.
pub(super) const FACTS: [FactKind; 8] = [
    FactKind::Notes,
    FactKind::Supervisions,
    FactKind::Reminders,
    FactKind::Periods,
    FactKind::Verifications,
    FactKind::Evidence,
    FactKind::ProjectStatuses,
    FactKind::Revisions,
];

impl Answers {
    fn of(views: &Views, known: u64) -> Self {
        let model = views.model(known).unwrap();
        let days = [date(2023, 6, 15), date(2024, 12, 31), date(2027, 3, 1)];
        let pairs = model.areas.keys().flat_map(|area| model.indicators.keys().map(move |indicator| (area, indicator)));
        let pairs: Vec<_> = pairs.collect();
        let targets = model.targets.keys().flat_map(|key| days.map(|day| (key, day)));
        Self {
            day: views.last_day(known).unwrap(),
            scores: targets
                .map(|((area, indicator), day)| views.score_target(&model, area, indicator, day, known).unwrap())
                .collect(),
            live: pairs.iter().map(|(area, of)| views.live_observations(&model, area, of, known).unwrap()).collect(),
            series: pairs.iter().map(|(area, indicator)| views.dimensions(area, indicator, known).unwrap()).collect(),
            milestones: days.iter().flat_map(|day| views.milestones(None, *day, known).unwrap()).collect(),
            planned: model.projects.keys().map(|one| views.is_planned(one, days[1], known).unwrap()).collect(),
            changes: views.changes(0, known, usize::MAX).unwrap(),
            facts: FACTS.map(|kind| views.facts(kind, known).unwrap().to_vec()).to_vec(),
            model: Arc::clone(&model),
        }
    }
}

#[test]
fn histories_have_every_event_type_and_each_leaves_something() {
    let history = of_everything();
    let seen: BTreeSet<_> = history.events.iter().map(|event| event.input.payload.type_token()).collect();
    let missing = TYPE_TOKENS.iter().copied().filter(|token| !seen.contains(token));
    // A fork leaves nothing: the views are grown anew for its epoch.
    assert_eq!(missing.collect::<Vec<_>>(), ["log.history-forked"]);
    let dir = tempfile::tempdir().unwrap();
    let views = open(dir.path());
    for known in 1..=history.head() {
        let before = views.digest().unwrap();
        let batch = &history.events[..known as usize];
        apply(&views, batch, 1);
        let token = batch.last().unwrap().input.payload.type_token();
        assert_ne!(views.digest().unwrap(), before, "{token} at {known}");
    }
}

#[test]
fn nothing_changes_before_the_plan_is_published_and_then_every_target_has_a_status() {
    let history = History::published();
    let (_dir, views) = grown(&history, 4);
    let changes = views.changes(0, u64::MAX, usize::MAX).unwrap();
    assert_eq!(views.changes(0, history.head() - 1, usize::MAX).unwrap(), []);
    assert_eq!(changes.len(), views.model(history.head()).unwrap().targets.len());
    assert!(changes.iter().enumerate().all(|(n, change)| change.n == n as u32 && change.from.is_none()));
    assert!(changes.iter().any(|change| change.to == Status::AwaitingAssessment));
}

#[test]
fn a_night_without_reports_makes_a_target_stale() {
    let mut history = History::published();
    history.report(CITY, OUTPUT, Basis::PlanToDate, date(2022, 12, 31), 500);
    history.push(DayOpened { date: date(2023, 12, 1) });
    let (_dir, views) = grown(&history, 1_000);
    let changes = views.changes(history.head() - 1, u64::MAX, usize::MAX).unwrap();
    let (area, indicator) = key(CITY, OUTPUT);
    let change = changes.iter().find(|change| (&change.area, &change.indicator) == (&area, &indicator)).unwrap();
    assert_eq!((change.to, change.date), (Status::Stale, date(2023, 12, 1)));
}

#[test]
fn a_verification_after_the_deadline_settles_a_provisional_figure() {
    let mut history = History::published();
    history.push(DayOpened { date: date(2027, 2, 1) });
    let figure = history.report(CITY, INTENSITY, Basis::StockAt, date(2026, 12, 31), 2_000);
    history.push(VerificationAccepted { event: figure, finding: "seen".to_owned() });
    let (_dir, views) = grown(&history, 1_000);
    let changes = views.changes(history.head() - 2, u64::MAX, usize::MAX).unwrap();
    let changes: Vec<_> = changes.iter().map(|change| (change.position, change.to)).collect();
    let head = history.head();
    assert_eq!(changes, [(head - 1, Status::MetProvisional), (head, Status::Met)]);
}

#[test]
fn a_compared_series_is_that_of_the_city_until_the_area_has_its_own() {
    let mut history = History::published();
    history.push(DayOpened { date: date(2024, 3, 1) });
    history.report(CIRCLE, GROWTH, Basis::FullYear, date(2023, 12, 31), 500);
    history.report(CITY, RIVAL, Basis::FullYear, date(2023, 12, 31), 400);
    let with_city = history.head();
    history.report(CIRCLE, RIVAL, Basis::FullYear, date(2023, 12, 31), 600);
    let (_dir, views) = grown(&history, 1_000);
    let changed = |known| {
        let changes = views.changes(known - 1, known, usize::MAX).unwrap();
        changes.iter().find(|change| change.indicator == id(GROWTH)).map(|change| change.to)
    };
    assert_eq!(changed(with_city), Some(Status::OnTrack));
    assert_eq!(changed(with_city + 1), Some(Status::Behind));
}

#[test]
fn a_time_is_the_last_position_recorded_at_or_before_it() {
    let mut history = History::published();
    while !history.head().is_multiple_of(3) {
        history.push(DayOpened { date: date(2023, 1, 3) });
    }
    let (_dir, views) = grown(&history, 1_000);
    let first = history.events[0].recorded_time;
    let second = history.events[3].recorded_time;
    assert_eq!(views.position_at(first - jiff::SignedDuration::from_secs(1)).unwrap(), None);
    assert_eq!(views.position_at(first).unwrap(), Some(3));
    assert_eq!(views.position_at(second - jiff::SignedDuration::from_micros(1)).unwrap(), Some(3));
    assert_eq!(views.position_at(second).unwrap(), Some(6));
    let last = history.events.last().unwrap();
    assert_eq!(views.recorded_time_of_last().unwrap(), Some(last.recorded_time));
    assert_eq!(views.position_at(last.recorded_time).unwrap(), Some(history.head()));
}

#[test]
fn stages_of_circles_are_figures_of_the_derived_indicator() {
    let mut history = History::published();
    let stage = |area, stage| AreaStageChanged { area: id(area), stage, reason: String::new() };
    history.push_effective(stage(CIRCLE, AreaStage::Building), Some(date(2023, 5, 1)));
    // Known later, true earlier.
    history.push_effective(stage("circle-b", AreaStage::Operating), Some(date(2023, 4, 1)));
    // And so is this one, of a day before the change that is known already.
    history.push_effective(stage(CIRCLE, AreaStage::Designated), Some(date(2023, 4, 1)));
    let (_dir, views) = grown(&history, 1_000);
    let count = |known: u64| -> Vec<_> {
        let model = views.model(known).unwrap();
        let (area, indicator) = key(CITY, CIRCLES);
        let seen = views.live_observations(&model, &area, &indicator, known).unwrap();
        seen.iter().map(|seen| (seen.end, seen.value.unwrap().to_string(), seen.position)).collect()
    };
    let head = history.head();
    let start = (date(2022, 1, 1), "0".to_owned(), 4);
    assert_eq!(count(head - 2), [start.clone(), (date(2023, 5, 1), "1".to_owned(), head - 2)]);
    let later = |position| [(date(2023, 4, 1), "1".to_owned(), position), (date(2023, 5, 1), "2".to_owned(), head - 2)];
    assert_eq!(count(head - 1), [&[start.clone()][..], &later(head - 1)].concat());
    assert_eq!(count(head), [&[start][..], &later(head)].concat());
}

#[test]
fn a_derived_figure_holds_without_reports_and_is_never_stale() {
    let mut history = History::published();
    history.push(DayOpened { date: date(2026, 6, 1) });
    history.push(DayOpened { date: date(2027, 1, 1) });
    let (_dir, views) = grown(&history, 1_000);
    let (area, indicator) = key(CITY, CIRCLES);
    let model = views.model(history.head()).unwrap();
    let on = |day| views.score_target(&model, &area, &indicator, day, history.head()).unwrap().unwrap();
    assert_eq!((on(date(2026, 6, 1)).stale, on(date(2026, 6, 1)).scored_date), (false, Some(date(2026, 6, 1))));
    assert_eq!(on(date(2027, 1, 1)).status, Status::Missed);
}
