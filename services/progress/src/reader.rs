//! The handle on a plan's views: what the binary wires, and where a reader waits for a position.
//!
//! Place in the flow: the projector changes the views and tells how far it is; readers hold this. It must not know who
//! the projector is, nor what the views hold.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use songhua_domain::id::PlanId;
use songhua_log::Applied;
use songhua_views::Views;
use tokio::sync::watch;

use crate::kept::Answers;
use crate::refusal::{self, Refused};

/// Longest wait for `min_position`.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// Tells the time that is "now" for a plan: the machine's, or that of a simulation.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What it takes to read a plan. Cheap to clone.
#[derive(Clone)]
pub struct PlanReader {
    views: Views,
    applied: watch::Receiver<Applied>,
    rebuilding: watch::Receiver<Option<String>>,
    clock: Clock,
    answers: Arc<Answers>,
}

impl PlanReader {
    /// A reader of `views`. `applied` is what the projector's loop publishes; `rebuilding` holds a reason as long as
    /// the views are not fit to be read.
    pub fn new(
        views: Views,
        applied: watch::Receiver<Applied>,
        rebuilding: watch::Receiver<Option<String>>,
        clock: Clock,
    ) -> Self {
        Self { views, applied, rebuilding, clock, answers: Arc::default() }
    }

    /// The views.
    pub(crate) const fn views(&self) -> &Views {
        &self.views
    }

    /// Answers of now.
    pub(crate) fn answers(&self) -> &Answers {
        &self.answers
    }

    /// How far the projector is, as it goes on.
    pub(crate) fn applied(&self) -> watch::Receiver<Applied> {
        self.applied.clone()
    }

    /// Now.
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Refuses while the views are being rebuilt.
    pub(crate) fn check(&self) -> Result<(), Refused> {
        self.rebuilding.borrow().as_ref().map_or(Ok(()), |reason| Err(refusal::rebuilding(reason)))
    }

    /// Waits until `position` is applied and the views are fit to be read, at most [`WAIT_MAX`]. Position 0 = as they
    /// are.
    pub(crate) async fn wait_for(&self, position: u64) -> Result<(), Refused> {
        if position == 0 || self.views.applied() >= position && self.rebuilding.borrow().is_none() {
            return self.check();
        }
        let (mut applied, mut rebuilding) = (self.applied.clone(), self.rebuilding.clone());
        let reached = async {
            applied.wait_for(|applied| applied.position.0 >= position).await.is_ok()
                && rebuilding.wait_for(Option::is_none).await.is_ok()
        };
        // A projector that has ended is like one that does not come so far.
        if matches!(tokio::time::timeout(WAIT_MAX, reached).await, Ok(true)) {
            return Ok(());
        }
        self.check()?;
        Err(refusal::position_not_applied(position, self.views.applied(), WAIT_MAX))
    }
}

/// The plans of a node that can be read, by id. Replaced whole when one is added.
#[derive(Default)]
pub struct ReaderRegistry(ArcSwap<BTreeMap<PlanId, PlanReader>>);

impl ReaderRegistry {
    /// The plan's reader, if the node has the plan.
    pub fn get(&self, plan: &PlanId) -> Option<PlanReader> {
        self.0.load().get(plan).cloned()
    }

    /// Adds a plan, or replaces its reader.
    pub fn insert(&self, plan: &PlanId, reader: &PlanReader) {
        self.0.rcu(|plans| {
            let mut plans = BTreeMap::clone(plans);
            plans.insert(plan.clone(), reader.clone());
            plans
        });
    }
}
