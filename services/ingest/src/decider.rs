//! The decider of a plan: takes what is queued, decides it at the written head, appends it, goes on.
//!
//! With an exclusive writer it decides the next group while the last one is being synced. Without one it waits for
//! each group, and decides again on the log's new head when another writer was faster.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use songhua_domain::id::PlanId;
use songhua_domain::state::PlanState;
use songhua_log::{AppendOutcome, EventLog, Position, append_resolving};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use crate::acknowledger::{Pending, Work};
use crate::clock::Clock;
use crate::day::{day_to_open, system_actor};
use crate::group::{Decided, Group};
use crate::handle::{Queued, Submission};
use crate::open::fold_from;
use crate::refusal::{self, Refused};

/// Records at which a group is closed on a log that takes larger batches.
const GROUP_RECORDS: usize = 4_096;
/// How often an idle plan looks whether a day has begun.
const DAY_CHECK: Duration = Duration::from_secs(5);
/// How often a group is decided again after another writer was faster.
const CONFLICTS_MAX: u32 = 16;

/// Everything the decider of a plan owns.
pub(crate) struct Decider {
    pub(crate) plan: PlanId,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) queue: mpsc::UnboundedReceiver<Queued>,
    /// Taken from the queue, but too large for the group it would have joined.
    pub(crate) carried: Option<Queued>,
    pub(crate) acknowledger: mpsc::Sender<Work>,
    /// The state after everything that was appended, durable or not.
    pub(crate) state: PlanState,
    pub(crate) durable_state: Arc<ArcSwap<PlanState>>,
}

impl Decider {
    /// Runs until every handle is gone and the queue is empty.
    pub(crate) async fn run(mut self) {
        let mut day_check = tokio::time::interval(DAY_CHECK);
        day_check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let first = match self.carried.take() {
                Some(carried) => Some(carried),
                None => tokio::select! {
                    queued = self.queue.recv() => match queued {
                        Some(queued) => Some(queued),
                        None => break,
                    },
                    _ = day_check.tick() => None,
                },
            };
            let queued = self.drain(first);
            if !self.turn(queued).await {
                break;
            }
        }
    }

    /// Takes what is queued, as far as one batch of the log holds it beside a `DayOpened`.
    fn drain(&mut self, first: Option<Queued>) -> Vec<Queued> {
        let most = GROUP_RECORDS.min(self.log.max_batch()) - 1;
        let mut records = first.as_ref().map_or(0, |queued| queued.submission.events.len());
        let mut taken = Vec::from_iter(first);
        while records < most {
            let Ok(next) = self.queue.try_recv() else { break };
            records += next.submission.events.len();
            if records > most && !taken.is_empty() {
                self.carried = Some(next);
                break;
            }
            taken.push(next);
        }
        taken
    }

    /// Decides and appends `queued`. False when the acknowledger is gone.
    async fn turn(&mut self, queued: Vec<Queued>) -> bool {
        if let Some(reason) = self.log.read_only() {
            refuse_all(queued, &refusal::read_only(&reason));
            return true;
        }
        if self.log.exclusive_writer() {
            let (group, pending) = self.decide(queued).await;
            self.append_ahead(group, pending).await
        } else {
            self.append_contended(queued).await
        }
    }

    /// Decides `queued` on the current state; a day that has begun comes first.
    async fn decide(&self, queued: Vec<Queued>) -> (Group, Vec<Pending>) {
        let now = self.clock.now();
        let mut group = Group::new(self.plan.clone(), Arc::clone(&self.log), self.state.clone());
        self.open_day(&mut group, now).await;
        let mut pending = Vec::with_capacity(queued.len());
        for item in queued {
            match group.add(&item.submission, now).await {
                // A caller that has gone away needs no answer.
                Decided::Now(answer) => drop(item.answer.send(answer)),
                Decided::WhenDurable(receipts) => pending.push(Pending { queued: item, receipts }),
            }
        }
        (group, pending)
    }

    async fn open_day(&self, group: &mut Group, now: jiff::Timestamp) {
        let Some(day) = day_to_open(group.state(), self.log.identity().log_id, now) else { return };
        let submission = Submission {
            id: Uuid::new_v5(&day.event_id, b"submission"),
            actor: system_actor(),
            events: vec![day],
            validate_only: false,
            bytes: 0,
        };
        if let Decided::Now(Err(refused)) = group.add(&submission, now).await {
            tracing::error!(plan = %self.plan, reason = %refused.message, "the day could not be opened");
        }
    }

    /// Exclusive writer: appends and goes on; the acknowledger waits for the sync.
    async fn append_ahead(&mut self, group: Group, pending: Vec<Pending>) -> bool {
        if group.is_empty() {
            return self.hand_over(Work { outcome: None, pending, state: None }).await;
        }
        let (expected_head, batch, state) = group.into_parts();
        self.state = state.clone();
        let outcome = self.log.append(expected_head, batch);
        self.hand_over(Work { outcome: Some(outcome), pending, state: Some(state) }).await
    }

    /// Contended log: waits for the outcome; on a conflict reads what the other writer stored and decides again.
    async fn append_contended(&mut self, mut queued: Vec<Queued>) -> bool {
        for _ in 0..CONFLICTS_MAX {
            if let Err(refused) = self.catch_up().await {
                refuse_all(queued, &refused);
                return true;
            }
            let (group, pending) = self.decide(queued).await;
            if group.is_empty() {
                return self.hand_over(Work { outcome: None, pending, state: None }).await;
            }
            let (expected_head, batch, state) = group.into_parts();
            match append_resolving(self.log.as_ref(), expected_head, batch).await {
                Ok(AppendOutcome::Conflict { .. }) => queued = pending.into_iter().map(|item| item.queued).collect(),
                outcome => {
                    if matches!(outcome, Ok(AppendOutcome::Stored { .. })) {
                        self.state = state.clone();
                    }
                    let outcome = Box::pin(std::future::ready(outcome));
                    return self.hand_over(Work { outcome: Some(outcome), pending, state: Some(state) }).await;
                }
            }
        }
        refuse_all(queued, &refusal::outcome_unknown("too many writers at once, nothing was stored"));
        true
    }

    /// Folds what is in the log and not in the state. Waits until our own last group is visible: a look-up must not
    /// miss it.
    async fn catch_up(&mut self) -> Result<(), Refused> {
        self.log.wait(Position(self.state.head())).await;
        fold_from(self.log.as_ref(), &mut self.state).await.map_err(|error| refusal::internal(&error.to_string()))?;
        self.durable_state.store(Arc::new(self.state.clone()));
        Ok(())
    }

    async fn hand_over(&self, work: Work) -> bool {
        (work.outcome.is_none() && work.pending.is_empty()) || self.acknowledger.send(work).await.is_ok()
    }
}

/// Answers every submission with the same refusal.
pub(crate) fn refuse_all(queued: Vec<Queued>, refused: &Refused) {
    for item in queued {
        // A caller that has gone away needs no answer.
        drop(item.answer.send(Err(refused.clone())));
    }
}
