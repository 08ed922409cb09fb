//! A small plan in rows of views: a city, a zone, two circles, a target of each kind that answers treat differently.

mod plan;

use std::sync::Arc;

use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};
use songhua_access::{Directory, Principal};
use songhua_domain::event::{
    AccessGranted, AccessRevoked, IndicatorDefined, MilestoneCancelled, MilestonePartiallyReached, MilestonePlanned,
    MilestoneReached, MilestoneRescheduled, PlanPublished, SystemEvent, SystemPayload,
};
use songhua_domain::id::{MilestoneId, ProjectId};
use songhua_domain::quantity::{Decimal, parse_decimal};
use songhua_domain::vocabulary::{Accumulation, Basis, MilestoneType, ObsStatus, Reason, Role, Status as TargetStatus};
use songhua_log::{Applied, Checkpoint, Position};
use songhua_views::{
    Definition, Entry, EntryFigure, EntryKind, FactRow, MilestoneFact, MilestoneRow, Options, Said, SeriesKey,
    ViewBatch, Views,
};
use songhua_wire::pb;
use songhua_wire::status::{Refusal, refusal_from};
use songhua_wire::time::date_to_pb;
use tempfile::TempDir;
use tokio::sync::watch;
use tonic::{Request, Response, Status};
use uuid::Uuid;

pub(super) use self::plan::{area, indicator_defined, name, plan, target};
use self::plan::{definitions, log};
use crate::{PlanReader, ProgressServer, ReaderRegistry};

/// Now, for every test: 23 November in Harbin.
pub(super) const NOW: &str = "2026-11-22T16:30:00Z";

/// A plan's views, how far they are, and a server for them.
pub(super) struct Fixture {
    views: Views,
    applied: watch::Sender<Applied>,
    rebuilding: watch::Sender<Option<String>>,
    /// Where the plan was published.
    pub(super) published: u64,
    /// The server under test.
    pub(super) server: Arc<ProgressServer>,
    directory: Arc<Directory>,
    stop: watch::Sender<bool>,
    _dir: TempDir,
}

pub(super) fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

pub(super) fn decimal(text: &str) -> Decimal {
    parse_decimal(text).unwrap()
}

pub(super) fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// When the record at `position` was recorded: a minute after the one before.
pub(super) fn recorded(position: u64) -> Timestamp {
    let first: Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
    first + SignedDuration::from_mins(position.cast_signed())
}

/// The grant of the reader of every plan.
fn grant() -> AccessGranted {
    AccessGranted {
        grant_id: Uuid::from_u128(1),
        principal: "reader-1".to_owned(),
        role: Role::Reader,
        agency: None,
        plan: None,
        token_sha256: [0; 32],
        expires: None,
    }
}

/// A request from a reader of every plan.
pub(super) fn ask<T>(message: T) -> Request<T> {
    let AccessGranted { grant_id, principal: name, role, agency, plan, token_sha256: credential_digest, .. } = grant();
    let principal = Principal { grant_id, name, role, agency, plan, credential_digest };
    let mut request = Request::new(message);
    request.extensions_mut().insert(principal);
    request
}

/// The last part of a resource name.
pub(super) fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap()
}

/// A day, by all that is known.
pub(super) fn on(day: Date) -> Option<pb::AsOf> {
    Some(pb::AsOf { valid_date: Some(date_to_pb(day)), ..Default::default() })
}

/// A day, by what was known at a position.
pub(super) fn known(day: Date, position: u64) -> Option<pb::AsOf> {
    let known = Some(pb::as_of::Known::KnownPosition(position));
    on(day).map(|as_of| pb::AsOf { known, ..as_of })
}

pub(super) fn refused<T>(answer: Result<Response<T>, Status>) -> Refusal {
    let status = answer.err().expect("it was answered");
    refusal_from(&status).expect("a refusal has a reason")
}

pub(super) fn reason<T>(answer: Result<Response<T>, Status>) -> Reason {
    refused(answer).reason
}

impl Fixture {
    /// Views that hold a log and a plan, not yet published.
    pub(super) fn unpublished() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let views = Views::open(dir.path(), Options { cache_bytes: 1 << 20, ..Options::default() }).unwrap();
        let (applied, applied_receiver) = watch::channel(Applied::default());
        let (rebuilding, rebuilding_receiver) = watch::channel(None);
        let reader = PlanReader::new(views.clone(), applied_receiver, rebuilding_receiver, Arc::new(now));
        let readers = Arc::new(ReaderRegistry::default());
        readers.insert(&id("harbin"), &reader);
        let directory = Arc::new(Directory::default());
        directory.evolve(&system(SystemPayload::AccessGranted(grant())));
        let (stop, stopping) = watch::channel(false);
        let server = Arc::new(ProgressServer::new(readers, Arc::clone(&directory), stopping));
        let mut fixture = Self { views, applied, rebuilding, published: 0, server, directory, stop, _dir: dir };
        fixture.define(log());
        fixture.define(plan());
        fixture
    }

    /// The whole plan, published, with figures and milestones.
    pub(super) fn published() -> Self {
        let mut fixture = Self::unpublished();
        definitions().into_iter().for_each(|definition| {
            fixture.define(definition);
        });
        fixture.published = fixture.define(PlanPublished { event_count: 1, digest: [3; 32] });
        figures(&mut fixture);
        milestones(&mut fixture);
        fixture
    }

    /// A published plan without anything in it.
    pub(super) fn empty() -> Self {
        let mut fixture = Self::unpublished();
        fixture.published = fixture.define(PlanPublished { event_count: 1, digest: [3; 32] });
        fixture
    }

    /// The last position.
    pub(super) fn head(&self) -> u64 {
        self.views.applied()
    }

    /// Applies one more record; tells its position.
    pub(super) fn apply(&mut self, rows: impl FnOnce(&mut ViewBatch<'_>, u64)) -> u64 {
        let position = self.head() + 1;
        let mut batch = self.views.batch().unwrap();
        rows(&mut batch, position);
        batch.submission_ends(recorded(position).as_microsecond(), position).unwrap();
        let checkpoint =
            Checkpoint { log_id: Uuid::from_u128(1), epoch: 1, position: Position(position), leaf_hash: [0; 32] };
        batch.commit(checkpoint).unwrap();
        self.say(position);
        position
    }

    pub(super) fn define(&mut self, definition: impl Into<Definition>) -> u64 {
        self.apply(|batch, position| batch.define(position, definition).unwrap())
    }

    /// Ends the scoring of a stock indicator on a day.
    pub(super) fn retire(&mut self, indicator: &str, from: Date) {
        let retired_from = Some(from);
        self.define(IndicatorDefined { retired_from, ..indicator_defined(indicator, Accumulation::Stock) });
    }

    /// Appends to the total of `indicator` in `area`.
    pub(super) fn figure(&mut self, area: &str, indicator: &str, what: Figure) -> u64 {
        self.append(&SeriesKey::total(&id(area), &id(indicator)), what)
    }

    /// Appends to a series.
    pub(super) fn append(&mut self, series: &SeriesKey, what: Figure) -> u64 {
        self.apply(|batch, position| {
            let entry = Entry {
                position,
                recorded_time_us: recorded(position).as_microsecond(),
                kind: what.kind,
                basis: what.basis,
                start: what.start,
                end: what.end,
                figure: what.figure,
                obs_status: ObsStatus::Provisional,
                back_dated: false,
                agency: Some(id("bureau")),
                event_id: Uuid::from_u128(u128::from(position)),
                reason: String::new(),
            };
            batch.append(series, entry).unwrap();
        })
    }

    /// Adds a fact, recorded on a day.
    pub(super) fn fact(&mut self, day: Date, agency: Option<&str>, said: Said) -> u64 {
        self.apply(|batch, position| {
            let row = FactRow {
                recorded_time_us: recorded(position).as_microsecond(),
                recorded_day: Some(day),
                effective: None,
                agency: agency.map(id),
                event_id: Uuid::from_u128(u128::from(position)),
                said,
            };
            batch.fact(position, &row).unwrap();
        })
    }

    /// Opens a day.
    pub(super) fn open_day(&mut self, day: Date) -> u64 {
        self.apply(|batch, position| batch.open_day(position, day).unwrap())
    }

    /// Adds what happened to a milestone of project `park`.
    pub(super) fn milestone(&mut self, milestone: &str, fact: MilestoneFact) -> u64 {
        self.apply(|batch, position| {
            let row = MilestoneRow {
                fact,
                recorded_time_us: recorded(position).as_microsecond(),
                effective: None,
                agency: Some(id("bureau")),
                event_id: Uuid::from_u128(u128::from(position)),
            };
            let milestone: MilestoneId = id(milestone);
            batch.milestone(&park(), &milestone, position, &row).unwrap();
        })
    }

    /// One record that gives targets new statuses; tells its position.
    pub(super) fn flip(&mut self, changes: &[(&str, &str, TargetStatus)]) -> u64 {
        self.apply(|batch, position| {
            for (area, indicator, to) in changes {
                batch.status(position, &id(area), &id(indicator), *to, date(2026, 11, 23)).unwrap();
            }
        })
    }

    /// Throws the views away, as the projector does.
    pub(super) fn reset(&self) {
        self.views.reset().unwrap();
        self.say(0);
    }

    /// What the projector publishes: what was durable once is durable for ever.
    fn say(&self, position: u64) {
        let durable = self.applied.borrow().durable.max(Position(position));
        self.applied.send_replace(Applied { position: Position(position), durable });
    }

    /// The log has `count` records more than the views.
    pub(super) fn durable_ahead(&self, count: u64) {
        let position = Position(self.head());
        self.applied.send_replace(Applied { position, durable: Position(position.0 + count) });
    }

    /// Takes the reader's access away.
    pub(super) fn revoke(&self) {
        let revoked = AccessRevoked { grant_id: grant().grant_id, reason: "left".to_owned() };
        self.directory.evolve(&system(SystemPayload::AccessRevoked(revoked)));
    }

    /// Stops the server.
    pub(super) fn stop(&self) {
        self.stop.send_replace(true);
    }

    pub(super) fn rebuild(&self, why: Option<&str>) {
        self.rebuilding.send_replace(why.map(ToOwned::to_owned));
    }
}

/// An entry of a series, without what follows from its place.
pub(super) struct Figure {
    kind: EntryKind,
    basis: Basis,
    start: Option<Date>,
    end: Date,
    figure: EntryFigure,
}

impl Figure {
    pub(super) fn value(basis: Basis, end: Date, value: &str) -> Self {
        let start = (basis == Basis::FullYear).then(|| end.first_of_year());
        Self { kind: EntryKind::Reported, basis, start, end, figure: EntryFigure::Value(decimal(value)) }
    }
    pub(super) fn period(start: Date, end: Date, value: &str) -> Self {
        Self { start: Some(start), ..Self::value(Basis::Period, end, value) }
    }
    pub(super) fn saying(self, kind: EntryKind, figure: EntryFigure) -> Self {
        Self { kind, figure, ..self }
    }
}

fn system(payload: SystemPayload) -> SystemEvent {
    SystemEvent { event_id: Uuid::nil(), recorded_time: now(), principal: "office".to_owned(), payload }
}

/// The figures: of intensity verified, of output corrected, of coverage a fraction.
fn figures(fixture: &mut Fixture) {
    let end = date(2025, 12, 31);
    let intensity = || Figure::value(Basis::StockAt, end, "2.97");
    let of = fixture.figure("city", "intensity", intensity());
    fixture.figure("city", "intensity", intensity().saying(EntryKind::Verified { of }, EntryFigure::None));
    let output = || Figure::period(date(2022, 1, 1), end, "60");
    let of = fixture.figure("city", "output", output());
    let corrected = output().saying(EntryKind::Corrected { of }, EntryFigure::Value(decimal("62.0")));
    fixture.figure("city", "output", corrected);
    fixture.figure("circle-a", "firms", Figure::value(Basis::StockAt, end, "100"));
    fixture.figure("circle-a", "growth", Figure::value(Basis::FullYear, end, "9.0"));
    fixture.figure("city", "rival", Figure::value(Basis::FullYear, end, "6.5"));
    let covered = EntryFigure::Fraction { numerator: decimal("95"), denominator: decimal("100") };
    let coverage = Figure::value(Basis::StockAt, end, "0").saying(EntryKind::Reported, covered);
    fixture.figure("city", "coverage", coverage);
}

pub(super) fn park() -> ProjectId {
    id("park")
}

fn milestones(fixture: &mut Fixture) {
    use MilestoneFact::{Cancelled, PartiallyReached, Planned, Reached, Rescheduled};
    let milestone = |text: &str| id::<MilestoneId>(text);
    let planned = |text: &str, due_date, weight: &str| {
        Planned(MilestonePlanned {
            project: park(),
            milestone: id(text),
            milestone_type: MilestoneType::Delivery,
            title: name(text),
            due_date,
            weight: decimal(weight),
        })
    };
    fixture.milestone("ground", planned("ground", date(2023, 6, 30), "1"));
    fixture.milestone("hall", planned("hall", date(2026, 6, 30), "2"));
    fixture.milestone("canteen", planned("canteen", date(2026, 7, 1), "7"));
    fixture.milestone("opening", planned("opening", date(2026, 12, 20), "1"));
    let (project, reach_date) = (park(), date(2023, 6, 15));
    fixture.milestone("ground", Reached(MilestoneReached { project, milestone: milestone("ground"), reach_date }));
    fixture.milestone(
        "hall",
        Rescheduled(MilestoneRescheduled {
            project: park(),
            milestone: milestone("hall"),
            previous_due_date: date(2026, 6, 30),
            due_date: date(2026, 9, 30),
            reason: "late permits".to_owned(),
        }),
    );
    fixture.milestone(
        "hall",
        PartiallyReached(MilestonePartiallyReached {
            project: park(),
            milestone: milestone("hall"),
            as_of: date(2026, 10, 1),
            percent: decimal("50"),
            shortfall: "no roof".to_owned(),
        }),
    );
    let reason = "not wanted".to_owned();
    let ended = MilestoneCancelled { project: park(), milestone: milestone("canteen"), reason };
    fixture.milestone("canteen", Cancelled(ended));
}
