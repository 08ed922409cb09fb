//! The acknowledger of a plan: waits until a group is on disk, publishes the durable state, then sends the answers, and
//! now and then keeps a snapshot.
//!
//! It takes groups in the order of their appends, so what rests on an event that is still being synced, a duplicate's
//! receipt or a refusal, is answered after the event itself.

use std::sync::Arc;

use arc_swap::ArcSwap;
use songhua_domain::state::PlanState;
use songhua_log::{AppendError, AppendOutcome, EventLog};
use tokio::sync::{mpsc, oneshot};

use crate::decider::refuse_all;
use crate::handle::{Answer, Queued};
use crate::line::{Line, Outcome};
use crate::meter::Meter;
use crate::refusal::{self, Refused};
use crate::snapshot::SnapshotStore;

/// A submission that was decided, but perhaps on what is not durable yet.
pub(crate) struct Pending {
    pub(crate) queued: Queued,
    pub(crate) answer: Answer,
    /// The answer is true once the log is durable up to here.
    pub(crate) decided_at: u64,
}

/// A group on its way to the disk.
pub(crate) struct Work {
    /// How the append ends; none if nothing was appended, or if that is known already.
    pub(crate) outcome: Option<Outcome>,
    pub(crate) pending: Vec<Pending>,
    /// The state after the group.
    pub(crate) state: Option<PlanState>,
    /// Dropped when this and everything in front of it is settled.
    pub(crate) barrier: Option<oneshot::Sender<()>>,
}

impl Work {
    /// Only answers: what they say is on disk, or on its way there.
    pub(crate) const fn answers(pending: Vec<Pending>) -> Self {
        Self { outcome: None, pending, state: None, barrier: None }
    }

    pub(crate) const fn is_nothing(&self) -> bool {
        self.outcome.is_none() && self.pending.is_empty() && self.state.is_none() && self.barrier.is_none()
    }
}

/// Everything the acknowledger of a plan owns.
pub(crate) struct Acknowledger {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) work: mpsc::Receiver<Work>,
    pub(crate) line: Arc<Line>,
    /// A batch of an exclusive writer was lost: until the next barrier everything was decided on top of it.
    pub(crate) lost: bool,
    pub(crate) durable_state: Arc<ArcSwap<PlanState>>,
    pub(crate) snapshots: SnapshotStore,
    pub(crate) meter: Arc<Meter>,
}

impl Acknowledger {
    /// Runs until the decider has ended and everything is answered; keeps a last snapshot.
    pub(crate) async fn run(mut self) {
        while let Some(work) = self.work.recv().await {
            self.settle(work).await;
        }
        // A log that takes no writes may have lost what a later snapshot has seen: it is not put in that one's place.
        if self.log.read_only().is_none() {
            let last = self.durable_state.load_full();
            self.snapshots.keep_at_end(&self.log, last).await;
        }
    }

    async fn settle(&mut self, work: Work) {
        let Work { outcome, pending, state, barrier } = work;
        let outcome = match outcome {
            Some(outcome) => stored(self.line.take(outcome).await),
            None => Ok(()),
        };
        if let Err(refused) = outcome {
            self.lost = self.log.exclusive_writer();
            return refuse_all(pending.into_iter().map(|item| item.queued), &refused);
        }
        let state = state.map(Arc::new);
        if let Some(state) = &state {
            publish(&self.durable_state, state);
            self.meter.group(pending.iter().map(|item| &item.answer));
        }
        for item in pending {
            self.acknowledge(item);
        }
        if let Some(state) = state {
            self.snapshots.keep_when_due(&self.log, state);
        }
        if barrier.is_some() {
            self.lost = false;
        }
        drop(barrier);
    }

    /// Sends the answer. The groups in front have been settled: what it was decided on is durable or lost.
    fn acknowledge(&self, item: Pending) {
        let certain = !self.lost && item.decided_at <= self.log.heads().durable.0;
        let unknown = || Err(refusal::outcome_unknown("a group in front of it was not stored"));
        item.queued.answer(if certain { item.answer } else { unknown() });
    }
}

/// Makes `state` the durable one, unless a later one is: on a contended log the decider may have read on meanwhile.
pub(crate) fn publish(durable: &ArcSwap<PlanState>, state: &Arc<PlanState>) {
    durable.rcu(|now| if now.head() < state.head() { Arc::clone(state) } else { Arc::clone(now) });
}

fn stored(outcome: Result<AppendOutcome, AppendError>) -> Result<(), Refused> {
    match outcome {
        Ok(AppendOutcome::Stored { .. }) => Ok(()),
        Ok(AppendOutcome::Conflict { head }) => {
            Err(refusal::outcome_unknown(&format!("the log ended at {head}; a group in front was not stored")))
        }
        Ok(AppendOutcome::Unknown { reason }) => Err(refusal::outcome_unknown(&reason)),
        Err(error) => Err(refusal::from_append(&error)),
    }
}
