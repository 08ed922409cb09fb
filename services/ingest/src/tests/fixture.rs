//! The plan that the tests push to: Qingshui from `tests/fixtures`, two agencies, and a clock that obeys.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};

use jiff::Timestamp;
use jiff::civil::{Date, date};
use songhua_domain::event::{
    Actor, AgencyAssigned, AgencyRegistered, Event, EventInput, Figure, MeasurementCorrected, MeasurementReported,
    Name, NothingToReport, Payload, ReferencePeriod, Scope, TOTAL,
};
use songhua_domain::folding::Folding;
use songhua_domain::state::PlanState;
use songhua_domain::vocabulary::{AssignmentRole, Basis, ObsStatus, Role};
use songhua_log::memory::MemoryLog;
use songhua_log::{EventLog, HashAlgorithm, Identity, Position};
use songhua_wire::record::{Said, decode_event};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::Clock;
use crate::day::server_event;
use crate::handle::{PlanIngest, Receipt, Submission};
use crate::open::{OpenError, OpenSummary, PlanIdentity, open};
use crate::options::IngestOptions;
use crate::refusal::Refused;

/// Leads everything in the plan.
pub(super) const LEAD: &str = "water-bureau";
/// Responsible for everything in the plan, leads nothing.
pub(super) const OTHER: &str = "zone-office";
/// 10:00 in Urumqi (UTC+6).
pub(super) const MORNING: &str = "2026-03-02T04:00:00Z";
/// The day of [`MORNING`] there.
pub(super) const TODAY: Date = date(2026, 3, 2);

/// A clock that shows what it was told; once stopped, whoever asks it panics.
pub(super) struct TestClock(Mutex<Option<Timestamp>>);

impl TestClock {
    pub(super) fn at(text: &str) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Some(time(text)))))
    }
    pub(super) fn set(&self, text: &str) {
        *self.0.lock().unwrap() = Some(time(text));
    }
    pub(super) fn stop(&self) {
        *self.0.lock().unwrap() = None;
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let now = *self.0.lock().unwrap();
        now.expect("the clock was stopped")
    }
}

pub(super) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// An opened plan.
pub(super) struct Plan {
    pub(super) ingest: PlanIngest,
    pub(super) log: Arc<dyn EventLog>,
    pub(super) clock: Arc<TestClock>,
    pub(super) summary: OpenSummary,
    pub(super) directory: Arc<TempDir>,
    ended: JoinHandle<()>,
}

impl Plan {
    /// Published, on a log in memory.
    pub(super) async fn published() -> Self {
        Self::published_on(memory()).await
    }

    pub(super) async fn published_on(log: Arc<dyn EventLog>) -> Self {
        let plan = Self::open(log, IngestOptions::default()).await;
        plan.load().await;
        plan
    }

    pub(super) async fn open(log: Arc<dyn EventLog>, options: IngestOptions) -> Self {
        let directory = Arc::new(tempfile::tempdir().unwrap());
        Self::open_in(log, directory, TestClock::at(MORNING), options).await.unwrap()
    }

    pub(super) async fn open_in(
        log: Arc<dyn EventLog>,
        directory: Arc<TempDir>,
        clock: Arc<TestClock>,
        options: IngestOptions,
    ) -> Result<Self, OpenError> {
        let snapshots = directory.path().to_owned();
        let (identity, told) = (plan_identity(), Arc::clone(&clock) as Arc<dyn Clock>);
        let (ingest, summary, ended) = open(Arc::clone(&log), &identity, snapshots, told, options).await?;
        Ok(Self { ingest, log, clock, summary, directory, ended })
    }

    /// Sends the definitions and the assignments.
    pub(super) async fn load(&self) {
        for part in definitions().split_inclusive(|event| matches!(event.payload, Payload::PlanPublished(_))) {
            for chunk in part.chunks(10) {
                self.persist(&admin(), chunk.to_vec()).await;
            }
        }
    }

    pub(super) fn submit<'a>(
        &'a self,
        actor: &Actor,
        events: Vec<EventInput>,
    ) -> impl Future<Output = Result<Vec<Receipt>, Refused>> + use<'a> {
        self.ingest.submit(submission(actor, events))
    }

    /// As a client does: sends the same events again for as long as their outcome is not known.
    pub(super) async fn persist(&self, actor: &Actor, events: Vec<EventInput>) -> Vec<Receipt> {
        for _ in 0..100 {
            match self.submit(actor, events.clone()).await {
                Err(refused) if refused.reason == songhua_domain::vocabulary::Reason::OutcomeUnknown => {}
                answer => return answer.unwrap(),
            }
        }
        panic!("the outcome stays unknown");
    }

    pub(super) async fn check(&self, actor: &Actor, events: Vec<EventInput>) -> Result<Vec<Receipt>, Refused> {
        self.ingest.submit(Submission { validate_only: true, ..submission(actor, events) }).await
    }

    /// One event that must be stored.
    pub(super) async fn put(&self, actor: &Actor, event: EventInput) -> Receipt {
        let mut receipts = self.submit(actor, vec![event]).await.unwrap();
        assert_eq!(receipts.len(), 1);
        receipts.remove(0)
    }

    /// Ends in order; the log and the snapshots stay.
    pub(super) async fn close(self) -> (Arc<dyn EventLog>, Arc<TempDir>, Arc<TestClock>) {
        drop(self.ingest);
        self.ended.await.unwrap();
        (self.log, self.directory, self.clock)
    }

    pub(super) async fn reopened(self) -> Self {
        let (log, directory, clock) = self.close().await;
        Self::open_in(log, directory, clock, IngestOptions::default()).await.unwrap()
    }

    /// The state in memory is what the log says.
    pub(super) async fn assert_state_is_the_fold(&self) {
        let folded = fold(self.log.as_ref()).await;
        assert_eq!(self.ingest.durable_state().head(), folded.head());
        assert!(*self.ingest.durable_state() == folded, "the state is not the fold of the log");
    }
}

pub(super) fn memory() -> Arc<dyn EventLog> {
    Arc::new(MemoryLog::new(log_identity()))
}

pub(super) fn log_identity() -> Identity {
    Identity { log_id: Uuid::from_u128(0x5047), epoch: 1, hash: HashAlgorithm::Sha256 }
}

pub(super) fn plan_identity() -> PlanIdentity {
    PlanIdentity { plan: "qingshui-2025-2027".parse().unwrap(), simulated: true }
}

pub(super) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// The plan's definitions, then its agencies and what they answer for.
pub(super) fn definitions() -> Vec<EventInput> {
    static DEFINITIONS: LazyLock<Vec<EventInput>> = LazyLock::new(|| {
        let folder = repository("tests/fixtures/plans/qingshui-2025-2027");
        let mut all = songhua_catalog::read(&folder).unwrap().definitions();
        all.extend([LEAD, OTHER].into_iter().enumerate().map(|(index, agency)| {
            let name = Name { zh: agency.to_owned(), en: String::new() };
            let registered = AgencyRegistered { agency: agency.parse().unwrap(), name, uscc: String::new() };
            server_event(id(900 + index as u128), registered.into())
        }));
        all.push(assigned(910, LEAD, AssignmentRole::Lead, Scope::Plan));
        all.push(assigned(911, OTHER, AssignmentRole::Responsible, Scope::Plan));
        all
    });
    DEFINITIONS.clone()
}

pub(super) fn assigned(number: u128, agency: &str, role: AssignmentRole, scope: Scope) -> EventInput {
    server_event(id(number), AgencyAssigned { agency: agency.parse().unwrap(), role, scope }.into())
}

/// Event ids by number.
pub(super) fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x0197_0000 << 96 | number)
}

pub(super) fn agency(name: &str) -> Actor {
    let mut credential_digest = [0; 32];
    credential_digest[..name.len()].copy_from_slice(name.as_bytes());
    Actor {
        principal: format!("{name}-clerk"),
        agency: Some(name.parse().unwrap()),
        role: Role::Agency,
        credential_digest,
        on_behalf_of: None,
    }
}

pub(super) fn admin() -> Actor {
    Actor {
        principal: "planner".to_owned(),
        agency: None,
        role: Role::Admin,
        credential_digest: [9; 32],
        on_behalf_of: None,
    }
}

pub(super) fn submission(actor: &Actor, events: Vec<EventInput>) -> Submission {
    Submission {
        id: Uuid::now_v7(),
        actor: Arc::new(actor.clone()),
        events: events.into_iter().map(Said::of).collect(),
        validate_only: false,
        bytes: 300,
        trace_parent: None,
    }
}

/// The number of firms in the new area on the `day`th of 2026, the headline.
pub(super) fn figure(number: u128, day: i16, value: &str) -> EventInput {
    dimension(number, TOTAL, day, value)
}

pub(super) fn dimension(number: u128, dimension: &str, day: i16, value: &str) -> EventInput {
    let reported = MeasurementReported {
        area: "lakeside".parse().unwrap(),
        indicator: "tech-firms".parse().unwrap(),
        dimension: dimension.to_owned(),
        basis: Basis::StockAt,
        period: ReferencePeriod::AsOf(day_of_2026(day)),
        figure: Figure::Value(value.parse().unwrap()),
        unit_multiplier: 0,
        obs_status: ObsStatus::Normal,
    };
    server_event(id(number), reported.into())
}

pub(super) fn corrected(number: u128, measurement: u128, value: &str) -> EventInput {
    let corrected = MeasurementCorrected {
        measurement: id(measurement),
        figure: Figure::Value(value.parse().unwrap()),
        obs_status: ObsStatus::Normal,
        reason: "counted twice".to_owned(),
    };
    server_event(id(number), corrected.into())
}

/// An event that any agency may send at any time: no change up to the `day`th of 2026.
pub(super) fn nothing(number: u128, day: i16, comment: &str) -> EventInput {
    let nothing = NothingToReport {
        area: "lakeside".parse().unwrap(),
        indicator: "tech-firms".parse().unwrap(),
        period: ReferencePeriod::AsOf(day_of_2026(day)),
    };
    EventInput { comment: comment.to_owned(), ..server_event(id(number), nothing.into()) }
}

fn day_of_2026(day: i16) -> Date {
    date(2026, 1, 1).saturating_add(jiff::Span::new().days(day - 1))
}

/// A day that has not come.
pub(super) const FUTURE: i16 = 200;

/// Every durable event of a log, positions checked.
pub(super) async fn events(log: &dyn EventLog) -> Vec<Event> {
    let records = log.read(Position::FIRST, usize::MAX).await.unwrap();
    let decoded = records.iter().enumerate().map(|(index, record)| {
        assert_eq!(record.position.0, index as u64 + 1, "a gap");
        let event = decode_event(record.position.0, &record.bytes).unwrap();
        assert_eq!(record.key, *event.input.event_id.as_bytes());
        assert_eq!(record.recorded_time_us, event.recorded_time.as_microsecond());
        event
    });
    decoded.collect()
}

/// Numbers of the test's own events in a log, in its order.
pub(super) async fn numbers(log: &dyn EventLog) -> Vec<u128> {
    let own = |event: Event| event.input.event_id.as_u128().checked_sub(id(0).as_u128());
    events(log)
        .await
        .into_iter()
        .filter_map(own)
        .filter(|number| *number < 900 || (1_000..1 << 64).contains(number))
        .collect()
}

pub(super) async fn fold(log: &dyn EventLog) -> PlanState {
    Folding::of(&events(log).await)
}

/// The days that were opened, with their positions.
pub(super) async fn days(log: &dyn EventLog) -> Vec<(Date, u64)> {
    let opened = |event: &Event| match &event.input.payload {
        Payload::DayOpened(day) => Some((day.date, event.position)),
        _ => None,
    };
    events(log).await.iter().filter_map(opened).collect()
}

/// The receipt of a duplicate of what `first` acknowledged.
pub(super) fn again(first: &Receipt) -> Receipt {
    assert!(!first.duplicate);
    Receipt { duplicate: true, ..first.clone() }
}
