//! What events name by id: found in the log along corrections of corrections, with what is remembered and without.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::BoxFuture;
use songhua_domain::event::{
    Actor, EventInput, MeasurementRetracted, Payload, VerificationAccepted, VerificationRejected, VerificationReopened,
};
use songhua_domain::folding::Folding;
use songhua_domain::state::PlanState;
use songhua_domain::vocabulary::{Reason, Role};
use songhua_log::hostile::XorShift;
use songhua_log::{
    AppendError, AppendOutcome, Batch, EventLog, Heads, Identity, Key, Position, ReadError, StoredRecord,
};

use super::fixture::{LEAD, Plan, agency, corrected, events, figure, id, memory};
use crate::day::server_event;
use crate::handle::Receipt;
use crate::open::fold_from;
use crate::places::{Places, REMEMBERED};

/// Numbers of events that the plan's definitions do not have.
const FIRST: u128 = 10_000;
const CORRECTIONS: u128 = 2_000;

/// A log that counts what is looked up by key.
struct Counted {
    log: Arc<dyn EventLog>,
    finds: AtomicUsize,
}

impl Counted {
    /// Look-ups since the last call.
    fn finds(&self) -> usize {
        self.finds.swap(0, Ordering::Relaxed)
    }
}

impl EventLog for Counted {
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
        self.log.read(from, max_bytes)
    }
    fn find(&self, key: &Key) -> BoxFuture<'_, Result<Option<StoredRecord>, ReadError>> {
        self.finds.fetch_add(1, Ordering::Relaxed);
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

#[tokio::test]
async fn a_figure_is_corrected_2_000_times_and_after_a_restart_the_way_is_walked_once() {
    let log = Arc::new(Counted { log: memory(), finds: AtomicUsize::new(0) });
    let plan = Plan::published_on(Arc::clone(&log) as Arc<dyn EventLog>).await;
    let lead = agency(LEAD);
    plan.put(&lead, figure(FIRST, 10, "31")).await;
    log.finds();
    let next = FIRST + CORRECTIONS + 1;
    for number in FIRST + 1..next {
        plan.put(&lead, corrected(number, number - 1, "30")).await;
        let finds = log.finds();
        assert!(finds <= 3, "correction {number}: {finds} look-ups");
    }
    let plan = plan.reopened().await;
    log.finds();
    plan.put(&lead, corrected(next, next - 1, "29")).await;
    let walked = log.finds() as u128;
    assert!((CORRECTIONS..CORRECTIONS + 4).contains(&walked), "{walked} look-ups");
    plan.put(&lead, corrected(next + 1, next, "28")).await;
    let superseded = plan.submit(&lead, vec![corrected(next + 2, FIRST + 1_000, "27")]).await;
    assert_eq!(superseded.unwrap_err().reason, Reason::Superseded);
    let finds = log.finds();
    assert!(finds <= 6, "{finds} look-ups");
    plan.assert_state_is_the_fold().await;
}

#[tokio::test]
async fn a_chain_within_one_submission_is_followed() {
    let plan = Plan::published().await;
    let chain = (2..100).map(|number| corrected(number, number - 1, "30"));
    plan.submit(&agency(LEAD), [figure(1, 10, "31")].into_iter().chain(chain).collect()).await.unwrap();
    plan.put(&auditor(), accepted(1_000, 99)).await;
    plan.assert_state_is_the_fold().await;
}

fn auditor() -> Actor {
    Actor { principal: "auditor".to_owned(), agency: None, role: Role::Auditor, ..agency(LEAD) }
}

fn accepted(number: u128, event: u128) -> EventInput {
    let finding = "seen".to_owned();
    server_event(id(number), VerificationAccepted { event: id(event), finding }.into())
}

/// One or two events of a random sender, of even number and the next: figures of some days, and what is said of any of
/// the last ones, live or not.
fn some_events(random: &mut XorShift, number: u128) -> (Actor, Vec<EventInput>) {
    let reason = || "wrong".to_owned();
    let named = number - 2 * u128::from(1 + random.below(9)) + u128::from(random.one_in(4));
    let one: Payload = match random.below(14) {
        0..=4 => figure(number, 1 + random.below(60) as i16, "30").payload,
        5..=8 => corrected(number, named, "29").payload,
        9 => MeasurementRetracted { measurement: id(named), reason: reason() }.into(),
        10 | 11 => return (auditor(), vec![accepted(number, named)]),
        12 => {
            let payload = VerificationReopened { event: id(named), reason: reason() }.into();
            return (auditor(), vec![server_event(id(number), payload)]);
        }
        _ => {
            let payload = VerificationRejected { event: id(named), reason: reason() }.into();
            return (auditor(), vec![server_event(id(number), payload)]);
        }
    };
    let mut events = vec![server_event(id(number), one)];
    if random.one_in(3) {
        events.push(corrected(number + 1, number, "28"));
    }
    (agency(LEAD), events)
}

fn said(answer: Result<Vec<Receipt>, crate::Refused>) -> Result<Vec<u64>, Reason> {
    let positions = |receipts: Vec<Receipt>| receipts.iter().map(|receipt| receipt.position).collect();
    answer.map(positions).map_err(|refused| refused.reason)
}

fn bytes(state: &PlanState) -> Vec<u8> {
    postcard::to_stdvec(state).unwrap()
}

#[tokio::test]
async fn a_plan_that_is_restarted_all_the_time_decides_as_one_that_remembers() {
    for seed in 0..12 {
        let mut random = XorShift::new(seed);
        let (remembering, mut restarted) = (Plan::published().await, Plan::published().await);
        let mut accepted = 0;
        for number in (FIRST..FIRST + 600).step_by(2) {
            let (actor, events) = some_events(&mut random, number);
            let answer = said(remembering.submit(&actor, events.clone()).await);
            accepted += usize::from(answer.is_ok());
            assert_eq!(said(restarted.submit(&actor, events).await), answer, "seed {seed}, {number}");
            if random.one_in(5) {
                restarted = restarted.reopened().await;
            }
        }
        assert!((40..280).contains(&accepted), "seed {seed}: {accepted} accepted");
        let (live, log) = (remembering.ingest.durable_state(), remembering.log.as_ref());
        assert_eq!(bytes(&live), bytes(&Folding::of(&events(log).await)), "seed {seed}");
        for most in [2, REMEMBERED] {
            let mut folded = PlanState::default();
            fold_from(log, &mut folded, &Places::new(most)).await.unwrap();
            assert_eq!(bytes(&folded), bytes(&live), "seed {seed}, {most} remembered");
        }
    }
}
