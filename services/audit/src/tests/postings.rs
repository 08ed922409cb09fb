//! Filters with postings: the same records as without, however far the views are and whatever becomes of them.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use jiff::civil::date;
use proptest::prelude::*;
use songhua_domain::event::{
    Actor, EventInput, MilestoneReached, ReminderIssued, Scope, SupervisionClosed, SupervisionIssued,
};
use songhua_domain::vocabulary::{Role, SupervisionOutcome};
use songhua_log::memory::MemoryLog;
use songhua_log::record::{Key, StoredRecord};
use songhua_log::{
    AppendError, AppendOutcome, Batch, Checkpoint, EventLog, Follower, Heads, Identity, Position, ReadError, leaf_hash,
};
use songhua_projector::Projector;
use songhua_views::Options;
use songhua_wire::pb;
use songhua_wire::time::timestamp_to_pb;

use super::fixture::{
    COLLEGE, WATER, World, all, assigned, clerk, event, figure, firms, follow, identity, next, office, planned,
};

/// Views that are grown when a test says so.
struct Grown {
    dir: tempfile::TempDir,
    projector: Projector,
}

fn projector(dir: &Path, version: u32) -> Projector {
    songhua_projector::open(dir, Options { cache_bytes: 1 << 20, projector_version: version }).unwrap()
}

impl Grown {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let projector = projector(dir.path(), 1);
        Self { dir, projector }
    }

    /// Applies what the log has up to `to`, a submission at a time.
    async fn grow(&mut self, log: &dyn EventLog, to: u64) {
        apply(&mut self.projector, log, to).await;
    }
}

async fn apply(projector: &mut Projector, log: &dyn EventLog, to: u64) {
    loop {
        let applied = projector.views().applied();
        let records = log.read(Position(applied + 1), 0).await.unwrap();
        let Some(last) = records.last().filter(|last| last.position.0 <= to) else { return };
        let Identity { log_id, epoch, .. } = log.identity();
        let checkpoint = Checkpoint { log_id, epoch, position: last.position, leaf_hash: leaf_hash(&last.bytes) };
        projector.apply(&records, checkpoint).unwrap();
    }
}

fn supervised(number: u16, scope: Scope) -> EventInput {
    event(SupervisionIssued {
        supervision: format!("matter-{number}").parse().unwrap(),
        agency: COLLEGE.parse().unwrap(),
        scope,
        demand: "report".to_owned(),
        due_date: date(2027, 1, 31),
        document: String::new(),
    })
}

const AREAS: [&str; 3] = ["lakeside", "county", "agri-college"];
const INDICATORS: [&str; 4] = ["tech-firms", "new-forest", "eco-output", "agri-talent"];
const TARGETS: [(&str, &str); 3] = [("lakeside", "tech-firms"), ("county", "tech-firms"), ("county", "new-forest")];
const PROJECTS: [&str; 2] = ["pilot-base", "germplasm-garden"];
const TYPES: [&str; 6] =
    ["measurement.reported", "measurement.*", "supervision.*", "reminder.issued", "milestone.planned", "plan.*"];

fn scope(number: u16) -> Scope {
    let area = || AREAS[usize::from(number / 5) % 3].parse().unwrap();
    let indicator = || INDICATORS[usize::from(number / 3) % 4].parse().unwrap();
    match number % 5 {
        0 => Scope::Plan,
        1 => Scope::Area(area()),
        2 => Scope::Indicator(indicator()),
        3 => {
            let (area, indicator) = TARGETS[usize::from(number / 3) % 3];
            Scope::Target(area.parse().unwrap(), indicator.parse().unwrap())
        }
        _ => Scope::Project(PROJECTS[usize::from(number / 7) % 2].parse().unwrap()),
    }
}

/// A world with random submissions of everything that names something.
async fn busy(steps: &[(u8, u16)]) -> World {
    let world = World::published().await;
    let mut issued = Vec::new();
    for (index, (what, number)) in (0_u16..).zip(steps) {
        let number = *number;
        let (area, indicator) = TARGETS[usize::from(number) % 2];
        let filed = Actor { on_behalf_of: Some(COLLEGE.parse().unwrap()), ..office() };
        match what {
            0..=3 => {
                let count = 1 + number % 4;
                let dimension = |n| format!("district=s{index}n{n}");
                let figures = (0..count).map(|n| figure(area, indicator, &dimension(n), date(2026, 1, 31)));
                let actor = if number.is_multiple_of(2) { clerk(WATER) } else { clerk(COLLEGE) };
                world.put(&actor, figures.collect()).await;
            }
            4 => drop(world.put(&filed, vec![planned(PROJECTS[usize::from(number) % 2], &format!("m{index}"))]).await),
            5 => {
                let milestone = format!("r{index}");
                world.put(&office(), vec![planned("pilot-base", &milestone)]).await;
                let (project, milestone) = ("pilot-base".parse().unwrap(), milestone.parse().unwrap());
                let reached = MilestoneReached { project, milestone, reach_date: date(2026, 3, 1) };
                world.put(&clerk(WATER), vec![event(reached)]).await;
            }
            6 => {
                world.put(&office(), vec![supervised(index, scope(number))]).await;
                issued.push(index);
            }
            7 => {
                let Some(matter) = issued.pop() else { continue };
                let supervision = format!("matter-{matter}").parse().unwrap();
                let outcome = SupervisionOutcome::Withdrawn;
                let closed = SupervisionClosed { supervision, outcome, finding: "by mistake".to_owned() };
                world.put(&office(), vec![event(closed)]).await;
            }
            _ => {
                let (agency, message) = (WATER.parse().unwrap(), "please report".to_owned());
                let reminder = ReminderIssued { agency, scope: scope(number), period: None, message };
                world.put(&office(), vec![event(reminder)]).await;
            }
        }
    }
    world
}

/// Some of a list, by the bits of `which`; mostly none.
fn some(list: &[&str], which: u8) -> Vec<String> {
    list.iter().enumerate().filter(|(n, _)| which >> n & 1 == 1).map(|(_, id)| (*id).to_owned()).collect()
}

prop_compose! {
    fn filters()(
        which in prop::array::uniform5(prop_oneof![Just(0_u8), any::<u8>()]),
        seconds in prop_oneof![Just(None), (0_i64..60, 1_i64..60).prop_map(Some)],
        effective in any::<bool>(),
        range in (1_u64..30, 0_u64..40),
    ) -> pb::ReplayRequest {
        let begin: jiff::Timestamp = super::fixture::BEGIN.parse().unwrap();
        let at = |seconds| Some(timestamp_to_pb(begin + jiff::SignedDuration::from_secs(seconds)));
        let january = |day| songhua_wire::google::type_::Date { year: 2026, month: 1, day };
        let filter = pb::ReplayFilter {
            areas: some(&AREAS, which[0]),
            indicators: some(&INDICATORS, which[1]),
            projects: some(&PROJECTS, which[2]),
            agencies: some(&[WATER, COLLEGE], which[3]),
            event_types: some(&TYPES, which[4]),
            recorded_from: seconds.and_then(|(from, _)| at(from)),
            recorded_until: seconds.and_then(|(from, more)| at(from + more)),
            effective_from: effective.then(|| january(1)),
            effective_to: None,
        };
        pb::ReplayRequest { from_position: range.0, filter: Some(filter), ..all() }
    }
}

static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());

fn places(records: &[pb::ReplayRecord]) -> Vec<u64> {
    records.iter().map(|record| record.position).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_filter_gives_the_same_with_postings_as_without(
        steps in proptest::collection::vec((0_u8..9, any::<u16>()), 20..80),
        requests in proptest::collection::vec(filters(), 12),
        behind in 0_u64..30,
    ) {
        RUNTIME.block_on(async {
            let world = busy(&steps).await;
            let callers = [world.auditor(), world.caller(Role::Agency, Some(WATER))];
            let mut expected = Vec::new();
            for request in &requests {
                for caller in &callers {
                    expected.push(world.replay(caller, request.clone()).await);
                }
            }
            let mut grown = Grown::new();
            world.index(grown.projector.views());
            // Empty, behind, whole, begun anew, and of another version.
            for stage in 0..5 {
                match stage {
                    0 => {}
                    1 => grown.grow(&*world.log, world.head().saturating_sub(behind)).await,
                    2 => grown.grow(&*world.log, world.head()).await,
                    3 => {
                        grown.projector.views().reset().unwrap();
                        grown.grow(&*world.log, behind + 10).await;
                    }
                    _ => {
                        grown.projector.views().flush().unwrap();
                        world.index_none();
                        drop(std::mem::replace(&mut grown, Grown::new()));
                        grown.grow(&*world.log, world.head()).await;
                        let Grown { dir, projector: old } = grown;
                        drop(old);
                        grown = Grown { projector: projector(dir.path(), 2), dir };
                        world.index(grown.projector.views());
                    }
                }
                let mut expected = expected.iter();
                for request in &requests {
                    for caller in &callers {
                        let found = world.replay(caller, request.clone()).await;
                        let without = expected.next().unwrap();
                        assert_eq!(places(&found), places(without), "stage {stage}: {request:?}");
                        assert_eq!(&found, without);
                    }
                }
            }
        });
    }
}

/// Counts records that are read.
struct Counting {
    log: MemoryLog,
    read: AtomicUsize,
}

impl EventLog for Counting {
    fn identity(&self) -> Identity {
        self.log.identity()
    }
    fn max_batch(&self) -> usize {
        self.log.max_batch()
    }
    fn exclusive_writer(&self) -> bool {
        self.log.exclusive_writer()
    }
    fn append(&self, head: Position, batch: Batch) -> BoxFuture<'static, Result<AppendOutcome, AppendError>> {
        self.log.append(head, batch)
    }
    fn read(&self, from: Position, max_bytes: usize) -> BoxFuture<'_, Result<Vec<StoredRecord>, ReadError>> {
        Box::pin(async move {
            let records = self.log.read(from, max_bytes).await;
            self.read.fetch_add(records.as_ref().map_or(0, Vec::len), Ordering::Relaxed);
            records
        })
    }
    fn find(&self, key: &Key) -> BoxFuture<'_, Result<Option<StoredRecord>, ReadError>> {
        self.log.find(key)
    }
    fn heads(&self) -> Heads {
        self.log.heads()
    }
    fn wait(&self, position: Position) -> BoxFuture<'_, Heads> {
        self.log.wait(position)
    }
    fn read_only(&self) -> Option<String> {
        self.log.read_only()
    }
}

fn of_county() -> pb::ReplayRequest {
    let filter = pb::ReplayFilter { areas: vec!["county".to_owned()], ..Default::default() };
    pb::ReplayRequest { filter: Some(filter), ..all() }
}

#[tokio::test]
async fn few_records_of_many_are_found_without_reading_the_others() {
    let log = Arc::new(Counting { log: MemoryLog::new(identity()), read: AtomicUsize::new(0) });
    let world = World::on(Arc::clone(&log) as Arc<dyn EventLog>).await;
    world.publish().await;
    let mut expected = Vec::new();
    for number in 0..400 {
        world.put(&clerk(WATER), vec![firms(number)]).await;
        if number % 100 == 0 {
            let dimension = format!("district=c{number}");
            let figure = figure("county", "tech-firms", &dimension, date(2026, 1, 31));
            expected.push(world.put(&clerk(WATER), vec![figure]).await);
        }
    }
    let auditor = world.auditor();
    let without = places(&world.replay(&auditor, of_county()).await);
    let mut grown = Grown::new();
    grown.grow(&*world.log, world.head()).await;
    world.index(grown.projector.views());
    log.read.store(0, Ordering::Relaxed);
    let mut stream = world.begin(&auditor, of_county()).await.unwrap();
    let mut found = Vec::new();
    while let Some(response) = stream.next().await {
        found.extend(places(&response.unwrap().records));
    }
    let read = log.read.load(Ordering::Relaxed);
    assert_eq!(found, without);
    assert!(found.ends_with(&expected));
    // This log reads whole submissions, of which that of the definitions is one.
    assert!(read < 50, "{read} records were read for {}", found.len());
}

#[tokio::test]
async fn views_of_another_history_are_not_asked() {
    let other = World::published().await;
    for number in 0..100 {
        other.put(&clerk(WATER), vec![firms(number)]).await;
    }
    let mut grown = Grown::new();
    grown.grow(&*other.log, other.head()).await;
    let world = World::published().await;
    for number in 0..100 {
        let figure = figure("county", "tech-firms", &format!("district=c{number}"), date(2026, 1, 31));
        world.put(&clerk(WATER), vec![figure]).await;
    }
    let auditor = world.auditor();
    let without = world.replay(&auditor, of_county()).await;
    world.index(grown.projector.views());
    assert_eq!(world.replay(&auditor, of_county()).await, without);
}

/// Gapless while records come in, and while views are killed and grown anew under it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_that_follows_skips_nothing_while_views_are_killed() {
    let world = World::published().await;
    let (from, auditor) = (world.head() + 1, world.auditor());
    let mut grown = Grown::new();
    world.index(grown.projector.views());
    let filter = pb::ReplayFilter { areas: vec!["lakeside".to_owned()], ..Default::default() };
    let request = pb::ReplayRequest { filter: Some(filter), to_position: from + 599, ..follow(from) };
    let streams = [
        world.begin(&auditor, request.clone()).await.unwrap(),
        world.begin(&auditor, pb::ReplayRequest { filter: None, ..request }).await.unwrap(),
    ];
    let reading = streams.map(|stream| {
        tokio::spawn(async move {
            let responses: Vec<_> = stream.map(Result::unwrap).collect().await;
            responses.iter().flat_map(|response| places(&response.records)).collect::<Vec<_>>()
        })
    });
    let mut of_lake = Vec::new();
    for number in 0..600 {
        let area = if number % 3 == 0 { "lakeside" } else { "county" };
        let figure = figure(area, "tech-firms", &format!("district=n{number}"), date(2026, 1, 31));
        let position = world.put(&clerk(WATER), vec![figure]).await;
        if number % 3 == 0 {
            of_lake.push(position);
        }
        match number % 50 {
            7 => grown.projector.views().reset().unwrap(),
            23 => {
                let mut successor = grown.projector.successor().unwrap();
                apply(&mut successor, &*world.log, world.head()).await;
                grown.projector.take_over(&successor).unwrap();
            }
            n if n % 3 == 0 => grown.grow(&*world.log, world.head()).await,
            _ => {}
        }
    }
    let [filtered, whole] = reading;
    assert_eq!(filtered.await.unwrap(), of_lake);
    assert_eq!(whole.await.unwrap(), (from..from + 600).collect::<Vec<_>>());
}

/// A record whose matter the state does not know yet is waited for: without the state it would not pass.
#[tokio::test(start_paused = true)]
async fn a_record_that_only_the_state_can_place_waits_for_it() {
    let world = World::published().await;
    let head = world.head();
    let filter = pb::ReplayFilter { indicators: vec!["new-forest".to_owned()], ..Default::default() };
    let request = pb::ReplayRequest { filter: Some(filter), ..follow(head + 1) };
    let mut stream = world.begin(&world.auditor(), request).await.unwrap();
    let before = world.state.lock().unwrap().clone();
    let forest = Scope::Indicator("new-forest".parse().unwrap());
    world.put(&office(), vec![assigned(COLLEGE, Scope::Plan), supervised(1, forest)]).await;
    let after = std::mem::replace(&mut *world.state.lock().unwrap(), before);
    let beat = next(&mut stream).await;
    assert_eq!((beat.records.len(), beat.scanned_position, beat.durable_position), (0, head, head + 2));
    *world.state.lock().unwrap() = after;
    assert_eq!(places(&next(&mut stream).await.records), [head + 2]);
}

/// A log whose reads take their time.
struct Slow(MemoryLog);

impl EventLog for Slow {
    fn identity(&self) -> Identity {
        self.0.identity()
    }
    fn max_batch(&self) -> usize {
        self.0.max_batch()
    }
    fn exclusive_writer(&self) -> bool {
        self.0.exclusive_writer()
    }
    fn append(&self, head: Position, batch: Batch) -> BoxFuture<'static, Result<AppendOutcome, AppendError>> {
        self.0.append(head, batch)
    }
    fn read(&self, from: Position, max_bytes: usize) -> BoxFuture<'_, Result<Vec<StoredRecord>, ReadError>> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_secs(17)).await;
            self.0.read(from, max_bytes).await
        })
    }
    fn find(&self, key: &Key) -> BoxFuture<'_, Result<Option<StoredRecord>, ReadError>> {
        self.0.find(key)
    }
    fn heads(&self) -> Heads {
        self.0.heads()
    }
    fn wait(&self, position: Position) -> BoxFuture<'_, Heads> {
        self.0.wait(position)
    }
    fn read_only(&self) -> Option<String> {
        self.0.read_only()
    }
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_takes_its_time_does_not_silence_the_stream() {
    let world = World::on(Arc::new(Slow(MemoryLog::new(identity())))).await;
    world.publish().await;
    let mut stream = world.begin(&world.auditor(), follow(1)).await.unwrap();
    for _ in 0..3 {
        let begun = tokio::time::Instant::now();
        let beat = next(&mut stream).await;
        assert_eq!((beat.records.len(), beat.scanned_position, begun.elapsed().as_secs()), (0, 0, 5));
    }
    assert!(!next(&mut stream).await.records.is_empty());
}
