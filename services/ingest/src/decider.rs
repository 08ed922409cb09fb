//! The decider of a plan: takes what is queued, decides it at the written head, appends it, goes on.
//!
//! With an exclusive writer it decides the next group while the last one is being synced. Without one it waits for
//! each group, and decides again on the log's new head when another writer was faster.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use songhua_domain::id::PlanId;
use songhua_domain::state::PlanState;
use songhua_domain::vocabulary::Reason;
use songhua_log::{AppendOutcome, EventLog, Position, append_resolving};
use songhua_wire::record::Said;
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use crate::acknowledger::{Pending, Work, publish};
use crate::clock::{Clock, recorded_now};
use crate::day::{day_to_open, system_actor};
use crate::group::Group;
use crate::handle::{Queued, Submission};
use crate::line::Line;
use crate::open::fold_from;
use crate::places::Places;
use crate::refusal::{self, Refused};

/// Records at which a group is closed on a log that takes larger batches. The log makes what is queued durable together,
/// so smaller groups lose nothing there; and what is decided reaches the disk while the rest is still being decided.
const GROUP_RECORDS: usize = 512;
/// How often an idle plan looks whether a day has begun.
const DAY_CHECK: Duration = Duration::from_secs(5);
/// Ids that a day may have.
const DAY_ATTEMPTS: u32 = 8;
/// How often a group is decided again after another writer was faster.
const CONFLICTS_MAX: u32 = 16;

/// Everything the decider of a plan owns.
pub(crate) struct Decider {
    pub(crate) plan: PlanId,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) queue: mpsc::UnboundedReceiver<Queued>,
    /// Taken from the queue, but there was no room for it in the group.
    pub(crate) carried: VecDeque<Queued>,
    pub(crate) acknowledger: mpsc::Sender<Work>,
    /// What an exclusive writer has under way.
    pub(crate) line: Arc<Line>,
    /// The state after everything that was appended, durable or not.
    pub(crate) state: PlanState,
    pub(crate) places: Arc<Places>,
    pub(crate) durable_state: Arc<ArcSwap<PlanState>>,
}

impl Decider {
    /// Runs until every handle is gone and the queue is empty.
    pub(crate) async fn run(mut self) {
        let mut day_check = tokio::time::interval(DAY_CHECK);
        day_check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if self.carried.is_empty() {
                tokio::select! {
                    queued = self.queue.recv() => match queued {
                        Some(queued) => self.carried.push_back(queued),
                        None => break,
                    },
                    _ = day_check.tick() => {}
                }
            }
            let queued = self.drain();
            if !self.turn(queued).await {
                break;
            }
        }
    }

    /// Most records of a group.
    fn capacity(&self) -> usize {
        GROUP_RECORDS.min(self.log.max_batch())
    }

    /// Takes what is queued, about as much as fits one group; the group itself knows exactly.
    fn drain(&mut self) -> VecDeque<Queued> {
        let mut taken = std::mem::take(&mut self.carried);
        let mut records: usize = taken.iter().map(|queued| queued.submission.events.len()).sum();
        while records < self.capacity() {
            let Ok(next) = self.queue.try_recv() else { break };
            records += next.submission.events.len();
            taken.push_back(next);
        }
        taken
    }

    /// Decides and appends `queued`. False when the acknowledger is gone.
    async fn turn(&mut self, queued: VecDeque<Queued>) -> bool {
        if let Some(reason) = self.log.read_only() {
            refuse_all(queued, &refusal::read_only(&reason));
            return true;
        }
        if self.log.exclusive_writer() { self.append_ahead(queued).await } else { self.append_contended(queued).await }
    }

    /// Decides `queued` on the current state, as far as there is room in a group; a day that has begun comes first.
    async fn decide(&mut self, mut queued: VecDeque<Queued>) -> (Group, Vec<Pending>) {
        let now = recorded_now(self.clock.as_ref());
        let (plan, log, places) = (self.plan.clone(), Arc::clone(&self.log), Arc::clone(&self.places));
        let mut group = Group::new(plan, log, places, self.state.clone(), self.capacity());
        let mut pending = Vec::with_capacity(queued.len());
        self.open_day(&mut group, now).await;
        while let Some(item) = queued.pop_front() {
            if !group.has_room(item.submission.events.len()) {
                queued.push_front(item);
                break;
            }
            let was_published = group.state().published().is_some();
            let answer = group.add(&item.submission, now).await;
            pending.push(Pending { queued: item, answer, decided_at: group.state().head() });
            if !was_published {
                // The submission may have published the plan: what comes after it is of a day.
                self.open_day(&mut group, now).await;
            }
        }
        queued.append(&mut self.carried);
        self.carried = queued;
        (group, pending)
    }

    /// Ids are public, and clients draw theirs: one who took the day's id must not stop the calendar.
    async fn open_day(&self, group: &mut Group, now: Timestamp) {
        for attempt in 0..DAY_ATTEMPTS {
            let Some(day) = day_to_open(group.state(), self.log.identity().log_id, now, attempt) else { return };
            if !group.has_room(1) {
                return;
            }
            let submission = Submission {
                id: Uuid::new_v5(&day.event_id, b"submission"),
                actor: Arc::new(system_actor()),
                events: vec![Said::of(day)],
                validate_only: false,
                bytes: 0,
                trace_parent: None,
            };
            match group.add(&submission, now).await {
                Ok(_) => return,
                Err(refused) if refused.reason == Reason::EventIdReused => {}
                Err(refused) => {
                    tracing::error!(plan = %self.plan, reason = %refused.message, "the day could not be opened");
                    return;
                }
            }
        }
        tracing::error!(plan = %self.plan, "the day could not be opened: clients have taken all its ids");
    }

    /// Exclusive writer: appends and goes on; the acknowledger waits for the sync.
    async fn append_ahead(&mut self, mut queued: VecDeque<Queued>) -> bool {
        loop {
            if self.line.is_broken()
                && let Err(refused) = self.fall_back().await
            {
                refuse_all(queued, &refused);
                return true;
            }
            let (group, pending) = self.decide(queued).await;
            if group.is_empty() {
                return self.hand_over(Work::answers(pending)).await;
            }
            let (expected_head, batch, state) = group.into_parts();
            if let Some(outcome) = self.line.append(self.log.as_ref(), expected_head, batch) {
                self.state = state.clone();
                return self
                    .hand_over(Work { outcome: Some(outcome), state: Some(state), ..Work::answers(pending) })
                    .await;
            }
            // What it was decided on was lost in this moment.
            queued = again(pending);
        }
    }

    /// A batch was lost, and with it everything that was decided on top: the state falls back to what is stored.
    async fn fall_back(&mut self) -> Result<(), Refused> {
        // Why, the log has said: it found no room, or takes no more writes.
        tracing::debug!(plan = %self.plan, "a batch was not stored; deciding goes on from what is");
        let (sender, settled) = oneshot::channel();
        self.hand_over(Work { barrier: Some(sender), ..Work::answers(Vec::new()) }).await;
        // The sender is dropped, never used: everything in front of it is settled.
        drop(settled.await);
        if let Some(reason) = self.log.read_only() {
            return Err(refusal::read_only(&reason));
        }
        self.state = PlanState::clone(&self.durable_state.load());
        self.places.forget();
        self.catch_up().await?;
        self.line.mend();
        Ok(())
    }

    /// Contended log: waits for the outcome; on a conflict reads what the other writer stored and decides again.
    async fn append_contended(&mut self, mut queued: VecDeque<Queued>) -> bool {
        for _ in 0..CONFLICTS_MAX {
            if let Err(refused) = self.catch_up().await {
                refuse_all(queued, &refused);
                return true;
            }
            let (group, pending) = self.decide(queued).await;
            if group.is_empty() {
                return self.hand_over(Work::answers(pending)).await;
            }
            let (expected_head, batch, state) = group.into_parts();
            match append_resolving(self.log.as_ref(), expected_head, batch).await {
                Ok(AppendOutcome::Conflict { .. }) => queued = again(pending),
                Ok(AppendOutcome::Stored { last, .. }) => {
                    // Stored, but perhaps not to be seen yet; who has a receipt may read what it is for.
                    self.log.wait(last).await;
                    self.state = state.clone();
                    return self.hand_over(Work { state: Some(state), ..Work::answers(pending) }).await;
                }
                outcome => {
                    let outcome = Box::pin(std::future::ready(outcome));
                    return self.hand_over(Work { outcome: Some(outcome), ..Work::answers(pending) }).await;
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
        fold_from(self.log.as_ref(), &mut self.state, &self.places)
            .await
            .map_err(|error| refusal::from_open(&error))?;
        publish(&self.durable_state, &Arc::new(self.state.clone()));
        Ok(())
    }

    async fn hand_over(&self, work: Work) -> bool {
        work.is_nothing() || self.acknowledger.send(work).await.is_ok()
    }
}

/// What is to be decided again.
fn again(pending: Vec<Pending>) -> VecDeque<Queued> {
    pending.into_iter().map(|item| item.queued).collect()
}

/// Answers every submission with the same refusal.
pub(crate) fn refuse_all(queued: impl IntoIterator<Item = Queued>, refused: &Refused) {
    for item in queued {
        item.answer(Err(refused.clone()));
    }
}
