//! The acknowledger of a plan: waits until a group is on disk, then sends the receipts, publishes the durable state
//! and now and then keeps a snapshot of it.
//!
//! It takes groups in the order of their appends, so a duplicate of an event that is still being synced is
//! acknowledged after the event itself.

use std::sync::Arc;

use arc_swap::ArcSwap;
use futures::future::BoxFuture;
use songhua_domain::state::PlanState;
use songhua_log::{AppendError, AppendOutcome, EventLog};
use tokio::sync::mpsc;

use crate::decider::refuse_all;
use crate::handle::{Queued, Receipt};
use crate::refusal::{self, Refused};
use crate::snapshot::SnapshotStore;

/// A submission whose receipts are true once they are durable.
pub(crate) struct Pending {
    pub(crate) queued: Queued,
    pub(crate) receipts: Vec<Receipt>,
}

/// A group on its way to the disk.
pub(crate) struct Work {
    /// How the append ends; none for a group of duplicates only.
    pub(crate) outcome: Option<BoxFuture<'static, Result<AppendOutcome, AppendError>>>,
    pub(crate) pending: Vec<Pending>,
    /// The state after the group.
    pub(crate) state: Option<PlanState>,
}

/// Everything the acknowledger of a plan owns.
pub(crate) struct Acknowledger {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) work: mpsc::Receiver<Work>,
    pub(crate) durable_state: Arc<ArcSwap<PlanState>>,
    pub(crate) snapshots: SnapshotStore,
}

impl Acknowledger {
    /// Runs until the decider has ended and everything is answered; keeps a last snapshot.
    pub(crate) async fn run(mut self) {
        while let Some(work) = self.work.recv().await {
            self.settle(work).await;
        }
        let last = self.durable_state.load_full();
        self.snapshots.keep_at_end(self.log.as_ref(), last).await;
    }

    async fn settle(&mut self, work: Work) {
        let outcome = match work.outcome {
            Some(outcome) => stored(outcome.await),
            None => Ok(()),
        };
        if let Err(refused) = outcome {
            return refuse_all(work.pending.into_iter().map(|item| item.queued).collect(), &refused);
        }
        if let Some(state) = work.state {
            let state = Arc::new(state);
            self.durable_state.store(Arc::clone(&state));
            self.snapshots.keep_when_due(self.log.as_ref(), state).await;
        }
        for item in work.pending {
            self.acknowledge(item);
        }
    }

    /// Sends the receipts, all of which must be durable by now: the groups in front have been settled.
    fn acknowledge(&self, item: Pending) {
        let durable = self.log.heads().durable.0;
        let answer = if item.receipts.iter().all(|receipt| receipt.position <= durable) {
            Ok(item.receipts)
        } else {
            Err(refusal::outcome_unknown("a group in front of it was not stored"))
        };
        // A caller that has gone away needs no answer.
        drop(item.queued.answer.send(answer));
        drop(item.queued.permits);
    }
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
