//! A published plan on a log in memory, and what it takes to ask for its history.

use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};

use futures::StreamExt;
use jiff::Timestamp;
use jiff::civil::{Date, date};
use songhua_access::{Directory, Principal, Token};
use songhua_domain::decide::{Moment, Refs, decide};
use songhua_domain::event::{
    AccessGranted, Actor, AgencyAssigned, AgencyRegistered, Event, EventInput, Figure, LogCreated, MeasurementReported,
    MilestonePlanned, Name, Payload, ReferencePeriod, Scope, SubmissionRef, SystemEvent, SystemPayload,
};
use songhua_domain::id::PlanId;
use songhua_domain::state::PlanState;
use songhua_domain::vocabulary::{AssignmentRole, Basis, MilestoneType, ObsStatus, Role};
use songhua_log::memory::MemoryLog;
use songhua_log::{AppendOutcome, Batch, EventLog, HashAlgorithm, Identity, Position, Record, Submission};
use songhua_views::Views;
use songhua_wire::pb;
use songhua_wire::pb::audit_service_server::AuditService;
use songhua_wire::record::{Envelope, Said, encode_event};
use songhua_wire::status::{Refusal, refusal_from};
use tokio::sync::watch;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Status};
use uuid::Uuid;

use crate::{AuditServer, HistoryRegistry, PlanHistory};

/// The plan.
pub(super) const PLAN: &str = "plans/qingshui-2025-2027";
/// Is assigned to the lakeside.
pub(super) const WATER: &str = "water-bureau";
/// Is assigned to the college's talents.
pub(super) const COLLEGE: &str = "college";
/// When the first record was made; every submission is a second later.
pub(super) const BEGIN: &str = "2026-03-02T04:00:00Z";

/// What a stream gives.
pub(super) type Answer = Result<pb::ReplayResponse, Status>;

/// A plan whose history can be asked for.
pub(super) struct World {
    pub(super) log: Arc<dyn EventLog>,
    pub(super) state: Arc<Mutex<Arc<PlanState>>>,
    pub(super) directory: Arc<Directory>,
    pub(super) stop: watch::Sender<bool>,
    histories: Arc<HistoryRegistry>,
    history: PlanHistory,
    server: AuditServer,
}

pub(super) fn identity() -> Identity {
    Identity { log_id: Uuid::from_u128(0x5047), epoch: 3, hash: HashAlgorithm::Sha256 }
}

impl World {
    /// The plan, loaded, but not published.
    pub(super) async fn loaded() -> Self {
        Self::on(Arc::new(MemoryLog::new(identity()))).await
    }

    /// The same, on a log of a test's own, which is empty.
    pub(super) async fn on(log: Arc<dyn EventLog>) -> Self {
        let (stop, stopping) = watch::channel(false);
        let (directory, histories) = (Arc::new(Directory::default()), Arc::new(HistoryRegistry::default()));
        let state = Arc::new(Mutex::new(Arc::new(PlanState::default())));
        let source = Arc::clone(&state);
        let history = PlanHistory::new(Arc::clone(&log), Arc::new(move || Some(Arc::clone(&source.lock().unwrap()))));
        histories.insert(&plan(), &history);
        let server = AuditServer::new(Arc::clone(&histories), Arc::clone(&directory), stopping);
        let world = Self { log, state, directory, stop, histories, history, server };
        world.put(&office(), vec![event(genesis())]).await;
        let definitions = definitions().into_iter().filter(|input| !is_publication(input)).collect();
        world.put(&office(), definitions).await;
        world
    }

    /// The plan, published, with two agencies and what they answer for.
    pub(super) async fn published() -> Self {
        let world = Self::loaded().await;
        world.publish().await;
        world
    }

    pub(super) async fn publish(&self) {
        self.put(&office(), definitions().into_iter().filter(is_publication).collect()).await;
        for agency in [WATER, COLLEGE] {
            let name = Name { zh: agency.to_owned(), en: String::new() };
            let registered = AgencyRegistered { agency: agency.parse().unwrap(), name, uscc: String::new() };
            self.put(&office(), vec![event(registered)]).await;
        }
        self.put(&office(), vec![assigned(WATER, Scope::Area("lakeside".parse().unwrap()))]).await;
        let talents = Scope::Target("agri-college".parse().unwrap(), "agri-talent".parse().unwrap());
        self.put(&office(), vec![assigned(COLLEGE, talents)]).await;
    }

    /// Stores a submission as ingest would, a second after the one before. Returns its first position.
    pub(super) async fn put(&self, actor: &Actor, inputs: Vec<EventInput>) -> u64 {
        let mut state = PlanState::clone(&self.state.lock().unwrap());
        let (first, count) = (state.head() + 1, u32::try_from(inputs.len()).unwrap());
        let begin: Timestamp = BEGIN.parse().unwrap();
        let recorded_time = state.last_recorded_time().map_or(begin, |last| last + jiff::SignedDuration::from_secs(1));
        let today = recorded_time.to_zoned(jiff::tz::TimeZone::UTC).date();
        let mut records = Vec::new();
        for (index, input) in (0..).zip(inputs) {
            let moment = Moment { recorded_time, today };
            let decision = decide(&state, &Refs::default(), actor, &moment, &input).unwrap();
            let submission = SubmissionRef { id: Uuid::from_u128(first.into()), index, count };
            let said = Said::of(input);
            let bytes = encode_event(&Envelope {
                plan: &plan(),
                area: decision.area.as_ref(),
                subject: &decision.subject,
                recorded_time,
                actor,
                submission,
                back_dated: decision.back_dated,
                trace_parent: "",
                said: &said,
            });
            records.push(Record { key: *said.input().event_id.as_bytes(), bytes });
            let (position, actor, back_dated) = (state.head() + 1, Arc::new(actor.clone()), decision.back_dated);
            let input = Arc::clone(said.input());
            state.evolve(&Event { position, recorded_time, actor, submission, back_dated, input }, None);
        }
        self.append(recorded_time.as_microsecond(), records).await;
        *self.state.lock().unwrap() = Arc::new(state);
        first
    }

    /// Stores records as they are, without a state that knows of them.
    pub(super) async fn append(&self, recorded_time_us: i64, records: Vec<Record>) {
        let batch = Batch { submissions: vec![Submission { recorded_time_us, records }] };
        let outcome = self.log.append(self.log.heads().written, batch).await.unwrap();
        assert!(matches!(outcome, AppendOutcome::Stored { .. }), "{outcome:?}");
    }

    /// From now on filters are looked up in these views.
    pub(super) fn index(&self, views: &Views) {
        self.histories.insert(&plan(), &self.history.clone().with_postings(views.clone()));
    }

    /// From now on they are looked up nowhere.
    pub(super) fn index_none(&self) {
        self.histories.insert(&plan(), &self.history);
    }

    /// The durable head.
    pub(super) fn head(&self) -> u64 {
        self.log.heads().durable.0
    }

    /// Somebody with a token; the grant's id.
    pub(super) fn caller(&self, role: Role, agency: Option<&str>) -> Principal {
        let token = Token::generate().unwrap();
        let granted = AccessGranted {
            grant_id: Uuid::new_v4(),
            principal: "reader-1".to_owned(),
            role,
            agency: agency.map(|agency| agency.parse().unwrap()),
            plan: None,
            token_sha256: token.digest(),
            expires: None,
        };
        self.system(SystemPayload::AccessGranted(granted));
        self.directory.authenticate(token.reveal(), Timestamp::now()).unwrap()
    }

    pub(super) fn system(&self, payload: SystemPayload) {
        let recorded_time = Timestamp::now();
        let principal = "system".to_owned();
        self.directory.evolve(&SystemEvent { event_id: Uuid::new_v4(), recorded_time, principal, payload });
    }

    pub(super) fn auditor(&self) -> Principal {
        self.caller(Role::Auditor, None)
    }

    /// Begins a replay.
    pub(super) async fn begin(
        &self,
        caller: &Principal,
        request: pb::ReplayRequest,
    ) -> Result<ReceiverStream<Answer>, Status> {
        let mut request = Request::new(request);
        request.extensions_mut().insert(caller.clone());
        self.server.replay(request).await.map(tonic::Response::into_inner)
    }

    /// Why a replay does not begin.
    pub(super) async fn refused(&self, caller: &Principal, request: pb::ReplayRequest) -> Refusal {
        let status = self.begin(caller, request).await.map(drop).unwrap_err();
        refusal_from(&status).unwrap_or_else(|| panic!("{status:?}"))
    }

    /// A replay to its end, held to what every replay promises.
    pub(super) async fn replay(&self, caller: &Principal, request: pb::ReplayRequest) -> Vec<pb::ReplayRecord> {
        let to = if request.to_position == 0 { self.head() } else { request.to_position };
        let from = request.from_position.max(1);
        let answers: Vec<_> = self.begin(caller, request).await.unwrap().collect().await;
        let responses: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
        assert_eq!(responses[0].log_id, identity().log_id.as_bytes());
        assert_eq!((responses[0].epoch, responses[0].simulated), (3, true));
        assert!(responses[1..].iter().all(|response| response.log_id.is_empty()));
        assert_eq!(responses.last().unwrap().scanned_position, to);
        let mut before = from - 1;
        for response in &responses {
            let positions = response.records.iter().map(|record| record.position);
            assert!(positions.clone().all(|position| position > before && position <= response.scanned_position));
            assert!(positions.collect::<Vec<_>>().is_sorted());
            before = response.scanned_position;
        }
        let records: Vec<_> = responses.into_iter().flat_map(|response| response.records).collect();
        for record in &records {
            let stored = self.log.read(Position(record.position), 0).await.unwrap().remove(0);
            assert_eq!(record.data, stored.bytes, "record {} is not as stored", record.position);
        }
        records
    }

    /// Positions that a filter lets pass.
    pub(super) async fn positions(&self, caller: &Principal, filter: pb::ReplayFilter) -> Vec<u64> {
        let request = pb::ReplayRequest { filter: Some(filter), ..all() };
        self.replay(caller, request).await.iter().map(|record| record.position).collect()
    }
}

/// The next answer of a stream, which must be one.
pub(super) async fn next(stream: &mut ReceiverStream<Answer>) -> pb::ReplayResponse {
    stream.next().await.expect("the stream goes on").expect("no refusal")
}

/// How a stream ends, after what it still gives.
pub(super) async fn end(mut stream: ReceiverStream<Answer>) -> Refusal {
    while let Some(answer) = stream.next().await {
        if let Err(status) = answer {
            assert!(stream.next().await.is_none(), "nothing follows a status");
            return refusal_from(&status).unwrap_or_else(|| panic!("{status:?}"));
        }
    }
    panic!("ended without a reason");
}

/// Everything there is.
pub(super) fn all() -> pb::ReplayRequest {
    pb::ReplayRequest { parent: PLAN.to_owned(), ..Default::default() }
}

/// What comes from `from` on.
pub(super) fn follow(from: u64) -> pb::ReplayRequest {
    pb::ReplayRequest { from_position: from, follow: true, ..all() }
}

pub(super) fn plan() -> PlanId {
    PLAN.strip_prefix("plans/").unwrap().parse().unwrap()
}

pub(super) fn office() -> Actor {
    let principal = "planner".to_owned();
    Actor { principal, agency: None, role: Role::Admin, credential_digest: [9; 32], on_behalf_of: None }
}

pub(super) fn clerk(agency: &str) -> Actor {
    let (principal, agency) = (format!("{agency}-clerk"), Some(agency.parse().unwrap()));
    Actor { principal, agency, role: Role::Agency, credential_digest: [7; 32], on_behalf_of: None }
}

pub(super) fn event(payload: impl Into<Payload>) -> EventInput {
    EventInput {
        event_id: Uuid::new_v4(),
        effective_date: None,
        payload: payload.into(),
        comment: String::new(),
        source_ref: "ledger".to_owned(),
        evidence: Vec::new(),
        correlation_id: String::new(),
        causation_id: None,
        staff: songhua_domain::event::StaffCodes::default(),
    }
}

fn genesis() -> LogCreated {
    let Identity { log_id, epoch, .. } = identity();
    LogCreated { log_id, plan: Some(plan()), epoch, simulated: true, hash_algorithm: 1 }
}

fn is_publication(input: &EventInput) -> bool {
    matches!(input.payload, Payload::PlanPublished(_))
}

fn definitions() -> Vec<EventInput> {
    static DEFINITIONS: LazyLock<Vec<EventInput>> = LazyLock::new(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/plans/qingshui-2025-2027");
        songhua_catalog::read(&folder).unwrap().definitions()
    });
    DEFINITIONS.clone()
}

pub(super) fn assigned(agency: &str, scope: Scope) -> EventInput {
    event(AgencyAssigned { agency: agency.parse().unwrap(), role: AssignmentRole::Supervising, scope })
}

/// A level of a dimension at a day of 2026.
pub(super) fn figure(area: &str, indicator: &str, dimension: &str, day: Date) -> EventInput {
    event(MeasurementReported {
        area: area.parse().unwrap(),
        indicator: indicator.parse().unwrap(),
        dimension: dimension.to_owned(),
        basis: Basis::StockAt,
        period: ReferencePeriod::AsOf(day),
        figure: Figure::Value("31".parse().unwrap()),
        unit_multiplier: 0,
        obs_status: ObsStatus::Normal,
    })
}

/// A figure of the lakeside that differs from every other by its `number`.
pub(super) fn firms(number: usize) -> EventInput {
    figure("lakeside", "tech-firms", &format!("district=d{number}"), date(2026, 2, 1))
}

/// `count` figures from `number` on, filled up to `bytes` each.
pub(super) fn heavy(number: usize, count: usize, bytes: usize) -> Vec<EventInput> {
    let heavy = |number| {
        let firms = firms(number);
        let source_ref = "x".repeat(bytes.min(3_900));
        let comment = "y".repeat(bytes.saturating_sub(3_900).min(3_900));
        EventInput { source_ref, comment, ..firms }
    };
    (number..number + count).map(heavy).collect()
}

/// A milestone of a project.
pub(super) fn planned(project: &str, milestone: &str) -> EventInput {
    event(MilestonePlanned {
        project: project.parse().unwrap(),
        milestone: milestone.parse().unwrap(),
        milestone_type: MilestoneType::Operation,
        title: Name { zh: "运行".to_owned(), en: String::new() },
        due_date: date(2027, 6, 30),
        weight: "1".parse().unwrap(),
    })
}
