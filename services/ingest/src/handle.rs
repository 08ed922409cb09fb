//! The handle of a plan's ingest: what services and the loader call. The queue behind it is never exposed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use songhua_domain::event::Actor;
use songhua_domain::id::PlanId;
use songhua_domain::state::PlanState;
use songhua_log::{EventLog, LeafHash};
use songhua_wire::record::Said;
use songhua_wire::trace::TraceParent;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use uuid::Uuid;

use crate::acknowledger::Work;
use crate::meter::Meter;
use crate::options::IngestOptions;
use crate::refusal::{self, Refused};

/// Events to store together or not at all.
#[derive(Debug, Clone)]
pub struct Submission {
    /// Drawn by the client or the service.
    pub id: Uuid,
    /// Who sends it, as the server established it.
    pub actor: Arc<Actor>,
    /// 1 to [`EVENTS_MAX`](crate::EVENTS_MAX) events.
    pub events: Vec<Said>,
    /// Only check: nothing is stored.
    pub validate_only: bool,
    /// Encoded size, for the bound on waiting bytes.
    pub bytes: usize,
    /// The trace that the call belongs to. Kept in the records, no part of what makes two events the same.
    pub trace_parent: Option<TraceParent>,
}

/// Proof that an event is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The event.
    pub event_id: Uuid,
    /// Its place; 0 with `validate_only`.
    pub position: u64,
    /// When it was recorded.
    pub recorded_time: Timestamp,
    /// Leaf hash of its record; zeros with `validate_only`.
    pub leaf_hash: LeafHash,
    /// Stored before; this is the first receipt again.
    pub duplicate: bool,
}

/// One receipt for each event, or why there is none.
pub(crate) type Answer = Result<Vec<Receipt>, Refused>;

/// A submission in the queue, with the way back. The permits bound what waits and what is under way.
pub(crate) struct Queued {
    pub(crate) submission: Submission,
    pub(crate) answer: oneshot::Sender<Answer>,
    pub(crate) permits: Permits,
    pub(crate) meter: Arc<Meter>,
    /// When it was taken.
    pub(crate) since: Instant,
}

impl Queued {
    /// Gives the room back, then answers: whoever has an answer has room for the next.
    pub(crate) fn answer(self, answer: Answer) {
        let Self { submission, answer: caller, permits, meter, since } = self;
        meter.answered(&answer, submission.validate_only, since);
        drop((submission, permits));
        // A caller that has gone away needs no answer.
        drop(caller.send(answer));
    }
}

/// Room in the queue, given back when the submission has been answered.
pub(crate) struct Permits {
    _submission: OwnedSemaphorePermit,
    _kibibytes: OwnedSemaphorePermit,
}

/// Ingest of one plan. Cheap to clone; ingest ends when the node is closed.
#[derive(Clone)]
pub struct PlanIngest {
    pub(crate) queue: mpsc::UnboundedSender<Queued>,
    pub(crate) submissions: Arc<Semaphore>,
    pub(crate) kibibytes: Arc<Semaphore>,
    pub(crate) options: Arc<IngestOptions>,
    pub(crate) durable_state: Arc<ArcSwap<PlanState>>,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) meter: Arc<Meter>,
    /// Only to see whether decider and acknowledger live.
    pub(crate) work: mpsc::WeakSender<Work>,
}

impl PlanIngest {
    /// Stores a submission. Full queue: refused at once with `QUEUE_FULL`.
    ///
    /// # Cancellation
    /// Dropping the future does not take the submission back.
    ///
    /// # Errors
    /// Any reason of `error.proto` that ingest gives.
    pub async fn submit(&self, submission: Submission) -> Result<Vec<Receipt>, Refused> {
        let full = |_| {
            self.meter.turned_away();
            refusal::queue_full(&self.options)
        };
        let kibibytes = self.kibibytes_of(&submission);
        let permits = Permits {
            _submission: Arc::clone(&self.submissions).try_acquire_owned().map_err(full)?,
            _kibibytes: Arc::clone(&self.kibibytes).try_acquire_many_owned(kibibytes).map_err(full)?,
        };
        self.enqueue(submission, permits)?.await.unwrap_or_else(|_| Err(refusal::unanswered()))
    }

    /// Stores a submission of a stream: waits for room instead of refusing, so that the stream's flow control slows
    /// its sender. Resolves to the answer still to come, so that submissions stay in order while they are pipelined.
    ///
    /// # Errors
    /// `LOG_READ_ONLY` when ingest has ended by a fault.
    pub(crate) async fn submit_pipelined(&self, submission: Submission) -> Result<oneshot::Receiver<Answer>, Refused> {
        let closed = |_| refusal::shutting_down();
        let kibibytes = self.kibibytes_of(&submission);
        let permits = Permits {
            _submission: Arc::clone(&self.submissions).acquire_owned().await.map_err(closed)?,
            _kibibytes: Arc::clone(&self.kibibytes).acquire_many_owned(kibibytes).await.map_err(closed)?,
        };
        self.enqueue(submission, permits)
    }

    fn enqueue(&self, submission: Submission, permits: Permits) -> Result<oneshot::Receiver<Answer>, Refused> {
        let (answer, receiver) = oneshot::channel();
        let (meter, since) = (Arc::clone(&self.meter), Instant::now());
        let queued = Queued { submission, answer, permits, meter, since };
        self.queue.send(queued).map_err(|_| refusal::read_only(refusal::ENDED))?;
        Ok(receiver)
    }

    /// What a submission takes of the bound on bytes: all of it, if it is larger than that.
    fn kibibytes_of(&self, submission: &Submission) -> u32 {
        let most = kibibytes_max(&self.options);
        u32::try_from(submission.bytes.div_ceil(1024).clamp(1, most)).unwrap_or(u32::MAX)
    }

    /// Why the plan takes no submissions, if it does not: its log is read-only, or ingest has ended. As long as there
    /// is a handle only a fault ends it.
    pub fn read_only(&self) -> Option<String> {
        self.log.read_only().or_else(|| self.fault())
    }

    /// Why ingest has ended, if it has.
    pub fn fault(&self) -> Option<String> {
        self.work.upgrade().is_none_or(|work| work.is_closed()).then(|| refusal::ENDED.to_owned())
    }

    /// Submissions that wait or are under way.
    pub fn waiting(&self) -> usize {
        self.options.queue_submissions_max.saturating_sub(self.submissions.available_permits())
    }

    /// The plan's state at the durable head.
    pub fn durable_state(&self) -> Arc<PlanState> {
        self.durable_state.load_full()
    }

    /// The log behind it.
    pub fn log(&self) -> &Arc<dyn EventLog> {
        &self.log
    }
}

/// The bound on waiting bytes in KiB; at least 1, so that something can ever be sent.
pub(crate) fn kibibytes_max(options: &IngestOptions) -> usize {
    (options.queue_bytes_max / 1024).max(1)
}

/// The plans of a node, by id. Replaced whole when one is added.
#[derive(Default)]
pub struct PlanRegistry {
    plans: ArcSwap<BTreeMap<PlanId, PlanIngest>>,
    stopping: AtomicBool,
}

impl PlanRegistry {
    /// The plan's ingest, if the node has the plan.
    pub fn get(&self, plan: &PlanId) -> Option<PlanIngest> {
        self.plans.load().get(plan).cloned()
    }

    /// Every plan, in order of its id.
    pub fn all(&self) -> Arc<BTreeMap<PlanId, PlanIngest>> {
        self.plans.load_full()
    }

    /// Adds a plan.
    pub fn insert(&self, plan: PlanId, ingest: PlanIngest) {
        self.plans.rcu(|plans| {
            let mut plans = BTreeMap::clone(plans);
            plans.insert(plan.clone(), ingest.clone());
            plans
        });
    }

    /// From here on clients are refused with `SHUTTING_DOWN`, also in streams that are open; what was taken before is
    /// answered.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Whether the node is stopping.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Removes every plan: their ingest ends when the last handle is gone.
    pub fn clear(&self) {
        self.stop();
        self.plans.store(Arc::default());
    }
}
