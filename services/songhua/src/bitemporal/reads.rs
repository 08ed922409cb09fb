//! The property: what is answered for a day as known at a position is what a replay from zero, cut there, answers.

use std::time::Instant;

use futures::StreamExt;
use jiff::Timestamp;
use jiff::civil::{Date, date};
use songhua_domain::event::Payload;
use songhua_domain::folding::Folding;
use songhua_domain::vocabulary::Status;
use songhua_progress::ProgressServer;
use songhua_wire::code::Code;
use songhua_wire::pb;
use songhua_wire::pb::as_of::Known;
use songhua_wire::pb::progress_service_server::ProgressService;
use songhua_wire::record::decode_event;
use songhua_wire::time::{date_to_pb, timestamp_to_pb};

use super::asked::{self, Answer, Choice, Names};
use super::boards;
use super::dice::Dice;
use super::draw;
use super::grown::{Grown, request};
use super::plain::Plain;
use super::plan::PLAN;
use super::seeds;
use super::tally::Tally;
use super::world::World;

/// Histories of a run, least events of one, and reads of one.
const HISTORIES: u64 = 40;
const EVENTS: usize = 400;
const READS: usize = 6;

/// Histories that are held against their replays at the same time.
const THREADS: u64 = 2;
/// Every RPC that answers a question; WatchProgress is compared by itself.
const METHODS: [&str; 21] = [
    "get_agency",
    "get_calendar",
    "get_circle",
    "get_close_out",
    "get_indicator",
    "get_league",
    "get_matrix",
    "get_overview",
    "get_plan",
    "get_project",
    "list_agencies",
    "list_circles",
    "list_indicators",
    "list_milestones",
    "list_progress_notes",
    "list_projects",
    "list_reporting_periods",
    "list_revisions",
    "list_staleness",
    "list_supervisions",
    "list_verifications",
];

/// Names the seed of a history that failed.
pub(super) struct Seed(pub(super) u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the history of SONGHUA_SEED={} failed", self.0);
        }
    }
}

pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

#[test]
fn every_read_is_that_of_a_replay_from_zero_cut_there() {
    let (begun, tally) = (Instant::now(), Tally::default());
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (tally, mine) = (&tally, seeds(HISTORIES).skip(thread as usize).step_by(THREADS as usize));
            scope.spawn(move || {
                for seed in mine {
                    let _named = Seed(seed);
                    runtime().block_on(one_history(seed, tally));
                }
            });
        }
    });
    tally.tell();
    eprintln!("from seed {}, in {} s", seeds(1).start, begun.elapsed().as_secs());
    tally.assert_has("accepted", Payload::TYPE_NAMES);
    tally.assert_has("status shown", Status::ALL);
    tally.assert_has("calc_version", [1, 2]);
    tally.assert_has("would differ if known otherwise", METHODS);
    // What a plan says is the same on every day.
    tally.assert_has("would differ on another day", METHODS.iter().filter(|method| **method != "get_plan"));
}

async fn one_history(seed: u64, tally: &Tally) {
    let world = draw::history(seed, EVENTS);
    count_events(&world, tally);
    let mut dice = Dice::of(seed ^ u64::MAX);
    let whole = Grown::over(&world.records, &mut dice);
    let (server, names) = (whole.server(), Names::of(&world));
    for read in 0..READS {
        let (known, day) = (known_position(&world, &mut dice), valid_date(&world, &mut dice));
        let (asked, position) = as_known(&world, known, day, &mut dice);
        let cut = Grown::over(&world.records[..position], &mut dice);
        let cut_server = cut.server();
        let choice = Choice::any(&names, day, &mut dice);
        let answers = asked::all(&server, &names, &choice, asked).await;
        let replayed = asked::all(&cut_server, &names, &choice, on(day, None)).await;
        let when = format!("seed {seed}, {day} as known at {position} ({:?})", asked.known);
        answers.iter().zip(&replayed).for_each(|(answer, replayed)| answer.assert_is(replayed, &when));
        assert_eq!(answers.len(), replayed.len(), "{when}");
        let changed = changes(&server, position).await;
        assert_eq!(changed, changes(&cut_server, position).await, "{when}");
        let plain = Plain::after(&world.events[..position]);
        let targets = targets(&server, asked).await;
        plain.check(&targets, day, false, &when);
        plain.check(&verified(&server, asked).await, day, true, &when);
        boards::check(&server, &world.events[..position], &when).await;
        count_read(&answers, &targets, changed.len(), tally);
        if read == 0 {
            let otherwise = asked::all(&server, &names, &choice, on(day, None)).await;
            count_moved("would differ if known otherwise", &answers, &otherwise, tally);
            let another = pb::AsOf { valid_date: Some(date_to_pb(valid_date(&world, &mut dice))), ..asked };
            let otherwise = asked::all(&server, &names, &choice, another).await;
            count_moved("would differ on another day", &answers, &otherwise, tally);
        }
    }
}

fn count_events(world: &World, tally: &Tally) {
    tally.add("total", "histories", 1);
    tally.add("total", "events", world.events.len());
    tally.add("total", "duplicates dropped", world.duplicates);
    world.events.iter().for_each(|event| tally.add("accepted", event.input.payload.type_name(), 1));
    world.refused.iter().for_each(|(reason, count)| tally.add("refused", reason, *count));
    let stored = world.records.iter().map(|record| decode_event(record.position.0, &record.bytes).unwrap());
    assert!(Folding::of(&stored.collect::<Vec<_>>()) == world.state, "the records fold to another state");
}

/// What readers saw, so that a run cannot be one of refusals and grey lights only.
fn count_read(answers: &[Answer], targets: &[pb::TargetProgress], changes: usize, tally: &Tally) {
    tally.add("total", "reads", 1);
    tally.add("total", "answers compared", answers.len());
    tally.add("total", "answers compared that refuse", answers.iter().filter(|answer| answer.refused).count());
    tally.add("total", "changes of status compared", changes);
    tally.add("total", "targets held against the events alone", targets.len());
    for target in targets {
        let status = Status::ALL.iter().find(|status| status.to_wire() == target.status);
        tally.add("status shown", status.unwrap(), 1);
        tally.add("calc_version", target.calc_version, 1);
    }
}

/// By method, answers that are not the same as others. Lists may have fewer pages.
fn count_moved(group: &'static str, answers: &[Answer], others: &[Answer], tally: &Tally) {
    for answer in answers.iter().filter(|answer| !others.iter().any(|other| answer.says_as(other))) {
        tally.add(group, answer.method, 1);
    }
}

/// A position at which the plan is published, in the middle of a submission as well as at its end.
fn known_position(world: &World, dice: &mut Dice) -> usize {
    let published = world.events.iter().position(|event| matches!(event.input.payload, Payload::PlanPublished(_)));
    let first = published.unwrap() + 1;
    first + dice.below(world.events.len() - first + 1)
}

/// Mostly about a day of the log, else any day from before the plan until after its last figures.
fn valid_date(world: &World, dice: &mut Dice) -> Date {
    if dice.one_in(3) {
        return dice.day(date(2021, 6, 1), 0, 2_800);
    }
    let event = dice.of_all(&world.events);
    let day = match &event.input.payload {
        Payload::MeasurementReported(reported) => reported.period.reference_date(),
        _ => event.recorded_time.to_zoned(jiff::tz::TimeZone::UTC).date(),
    };
    dice.day(day, -1, 1)
}

fn on(day: Date, known: Option<Known>) -> pb::AsOf {
    pb::AsOf { valid_date: Some(date_to_pb(day)), known, min_position: 0 }
}

/// The question, by position or by time, and the position it comes to.
fn as_known(world: &World, known: usize, day: Date, dice: &mut Dice) -> (pb::AsOf, usize) {
    if dice.one_in(2) {
        return (on(day, Some(Known::KnownPosition(known as u64))), known);
    }
    let recorded = world.records[known - 1].recorded_time_us;
    let behind = world.records.partition_point(|record| record.recorded_time_us <= recorded);
    // Any moment until the next record, which may be the same microsecond as the last.
    let next = world.records.get(behind).map_or(recorded + 1_000_000, |next| next.recorded_time_us);
    let time = Timestamp::from_microsecond(dice.number(recorded, next - 1)).unwrap();
    (on(day, Some(Known::KnownTime(timestamp_to_pb(time)))), behind)
}

/// Every target.
async fn targets(server: &ProgressServer, as_of: pb::AsOf) -> Vec<pb::TargetProgress> {
    let (parent, as_of) = (format!("plans/{PLAN}"), Some(as_of));
    let asked = pb::ListIndicatorsRequest { parent, page_size: 1_000, as_of, ..Default::default() };
    let indicators = server.list_indicators(request(asked)).await.unwrap().into_inner().indicators;
    indicators.into_iter().flat_map(|indicator| indicator.targets).collect()
}

/// Every target, by verified figures alone.
async fn verified(server: &ProgressServer, as_of: pb::AsOf) -> Vec<pb::TargetProgress> {
    let asked = pb::GetCloseOutRequest { name: format!("plans/{PLAN}"), as_of: Some(as_of) };
    let targets = server.get_close_out(request(asked)).await.unwrap().into_inner().targets;
    targets.into_iter().filter_map(|target| target.verified).collect()
}

/// Every change of status up to `position`, without the names, which are those of today.
async fn changes(server: &ProgressServer, position: usize) -> Vec<pb::StatusChange> {
    let asked =
        pb::WatchProgressRequest { parent: format!("plans/{PLAN}"), after_position: Some(0), ..Default::default() };
    let mut responses = server.watch_progress(request(asked)).await.unwrap().into_inner();
    let mut changes = Vec::new();
    loop {
        let response = responses.next().await.unwrap().unwrap();
        changes.extend(response.changes);
        if response.applied_position >= position as u64 {
            break;
        }
    }
    changes.retain(|change| change.position <= position as u64);
    for change in &mut changes {
        (change.area_name, change.indicator_name) = (None, None);
    }
    changes
}
