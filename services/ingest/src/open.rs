//! Opening a plan: genesis if the log is empty, else snapshot + tail; then the decider and the acknowledger start.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use songhua_domain::event::{Event, LogCreated, Payload, SubmissionRef};
use songhua_domain::id::PlanId;
use songhua_domain::state::PlanState;
use songhua_log::{AppendError, AppendOutcome, Batch, EventLog, Position, ReadError, Record, append_resolving};
use songhua_wire::record::{DecodeError, Envelope, Said, decode_event, encode_event};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::acknowledger::Acknowledger;
use crate::clock::{Clock, recorded_now};
use crate::day::{is_known_zone, server_event, system_actor};
use crate::decider::Decider;
use crate::group::key_of;
use crate::handle::{PlanIngest, kibibytes_max};
use crate::line::Line;
use crate::meter::Meter;
use crate::options::IngestOptions;
use crate::places::{Places, REMEMBERED};
use crate::snapshot::{self, SnapshotStore};

/// Groups that may be on their way to the disk at once. Two keep the disk busy; more only add latency.
const GROUPS_UNDER_WAY: usize = 4;
/// Bytes read from the log at once while folding.
const FOLD_BYTES: usize = 4 << 20;

/// Which plan a log is to be of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanIdentity {
    /// The plan.
    pub plan: PlanId,
    /// Whether everything in it is simulated; counts when the log is created.
    pub simulated: bool,
}

/// Why a plan does not open for writing.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The genesis record cannot be written.
    #[error("genesis cannot be written: {0}")]
    Genesis(String),
    /// A record needs a newer binary, or cannot be decoded.
    #[error("record {position}: {source}")]
    Record {
        /// The record.
        position: u64,
        /// What is wrong.
        source: DecodeError,
    },
    /// The log is of another plan.
    #[error("the log is of plan {found:?}, not {wanted}: each plan has its own directory")]
    OtherPlan {
        /// The plan in the genesis record.
        found: String,
        /// The plan asked for.
        wanted: PlanId,
    },
    /// Days cannot be told in the plan's time zone.
    #[error("the plan's time zone {0:?} is not known to this binary: upgrade it, or install tzdata")]
    TimeZone(String),
}

impl From<AppendError> for OpenError {
    fn from(error: AppendError) -> Self {
        Self::Genesis(error.to_string())
    }
}

/// What opening found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenSummary {
    /// The snapshot's position; 0 = none was used.
    pub snapshot_position: u64,
    /// Where the state stands now.
    pub head: u64,
}

/// Opens a plan's ingest on `log`. Ends (and keeps a snapshot) when every [`PlanIngest`] is gone; the join handle
/// resolves then.
///
/// # Errors
/// See [`OpenError`]. A log that is read-only opens; its submissions are refused with the reason.
pub async fn open(
    log: Arc<dyn EventLog>,
    identity: &PlanIdentity,
    snapshots: PathBuf,
    clock: Arc<dyn Clock>,
    options: IngestOptions,
) -> Result<(PlanIngest, OpenSummary, JoinHandle<()>), OpenError> {
    if log.heads().written == Position::NONE && log.read_only().is_none() {
        write_genesis(log.as_ref(), identity, clock.as_ref()).await?;
    }
    let mut state = snapshot::load(&snapshots, log.as_ref()).await;
    let snapshot_position = state.head();
    let places = Arc::new(Places::new(REMEMBERED));
    match fold_from(log.as_ref(), &mut state, &places).await {
        // What can be read is enough for a log that takes no writes: submissions are refused with its reason.
        Err(OpenError::Read(error)) if log.read_only().is_some() => {
            tracing::error!(plan = %identity.plan, %error, head = state.head(), "read as far as it goes");
        }
        folded => folded?,
    }
    check_plan(&state, identity, log.as_ref())?;
    let summary = OpenSummary { snapshot_position, head: state.head() };

    let durable_state = Arc::new(ArcSwap::from_pointee(state.clone()));
    let (queue_sender, queue) = mpsc::unbounded_channel();
    let (work_sender, work) = mpsc::channel(GROUPS_UNDER_WAY);
    let store =
        SnapshotStore::new(snapshots, options.snapshot_every_records, options.snapshots_kept, snapshot_position);
    let line = Arc::new(Line::default());
    let meter = Arc::new(Meter::new(&identity.plan));
    let alive = work_sender.downgrade();
    let acknowledger = Acknowledger {
        log: Arc::clone(&log),
        work,
        line: Arc::clone(&line),
        lost: false,
        durable_state: Arc::clone(&durable_state),
        snapshots: store,
        meter: Arc::clone(&meter),
    };
    let decider = Decider {
        plan: identity.plan.clone(),
        log: Arc::clone(&log),
        clock,
        queue,
        carried: VecDeque::new(),
        acknowledger: work_sender,
        line,
        state,
        places,
        durable_state: Arc::clone(&durable_state),
    };
    tokio::spawn(decider.run());
    let ended = tokio::spawn(acknowledger.run());
    let handle = PlanIngest {
        queue: queue_sender,
        submissions: Arc::new(Semaphore::new(options.queue_submissions_max)),
        kibibytes: Arc::new(Semaphore::new(kibibytes_max(&options))),
        options: Arc::new(options),
        durable_state,
        log,
        meter,
        work: alive,
    };
    Ok((handle, summary, ended))
}

/// Folds the durable records after the state's head into it.
pub(crate) async fn fold_from(log: &dyn EventLog, state: &mut PlanState, places: &Places) -> Result<(), OpenError> {
    loop {
        let records = log.read(Position(state.head()).next(), FOLD_BYTES).await?;
        if records.is_empty() {
            return Ok(());
        }
        for record in records {
            let position = record.position.0;
            let event =
                decode_event(position, &record.bytes).map_err(|source| OpenError::Record { position, source })?;
            let named = places.changed_by(log, &event).await?;
            let filed = state.evolve(&event, named.as_ref());
            places.learn(filed.map(|filed| (event.input.event_id, filed)));
        }
    }
}

fn check_plan(state: &PlanState, identity: &PlanIdentity, log: &dyn EventLog) -> Result<(), OpenError> {
    if let Some(plan) = state.plan().filter(|plan| !is_known_zone(&plan.time_zone)) {
        return Err(OpenError::TimeZone(plan.time_zone.clone()));
    }
    let found = state.genesis().and_then(|genesis| genesis.plan.clone());
    match found {
        Some(plan) if plan == identity.plan => Ok(()),
        // Its genesis cannot be read, or was never written; nothing will be.
        None if state.head() == 0 && log.read_only().is_some() => Ok(()),
        other => Err(OpenError::OtherPlan {
            found: other.map_or_else(String::new, |plan| plan.to_string()),
            wanted: identity.plan.clone(),
        }),
    }
}

/// Record 1: which history this log is. On a contended log another node may write it first; both write the same.
async fn write_genesis(log: &dyn EventLog, identity: &PlanIdentity, clock: &dyn Clock) -> Result<(), OpenError> {
    let history = log.identity();
    let event_id = Uuid::new_v5(&history.log_id, b"genesis");
    let created = LogCreated {
        log_id: history.log_id,
        plan: Some(identity.plan.clone()),
        epoch: history.epoch,
        simulated: identity.simulated,
        hash_algorithm: u32::from(history.hash.byte()),
    };
    let event = Event {
        position: Position::FIRST.0,
        recorded_time: recorded_now(clock),
        actor: Arc::new(system_actor()),
        submission: SubmissionRef { id: Uuid::new_v5(&event_id, b"submission"), index: 0, count: 1 },
        back_dated: false,
        input: Arc::new(server_event(event_id, Payload::LogCreated(created))),
    };
    let bytes = encode_event(&Envelope {
        plan: &identity.plan,
        area: None,
        subject: &format!("plans/{}", identity.plan),
        recorded_time: event.recorded_time,
        actor: &event.actor,
        submission: event.submission,
        back_dated: false,
        trace_parent: "",
        said: &Said::of(event.input),
    });
    let submission = songhua_log::Submission {
        recorded_time_us: event.recorded_time.as_microsecond(),
        records: vec![Record { key: key_of(event_id), bytes }],
    };
    match append_resolving(log, Position::NONE, Batch { submissions: vec![submission] }).await? {
        AppendOutcome::Stored { .. } | AppendOutcome::Conflict { .. } => {
            // A contended log may show it later.
            log.wait(Position::FIRST).await;
            Ok(())
        }
        AppendOutcome::Unknown { reason } => Err(OpenError::Genesis(reason)),
    }
}
