//! The handle on a plan's history: what the binary wires.
//!
//! Place in the flow: the node registers the log of each plan here; every call takes its handle from here. It must not
//! know who writes the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use songhua_domain::id::PlanId;
use songhua_domain::state::PlanState;
use songhua_log::EventLog;
use songhua_views::Views;

/// Gives a plan's state at its durable head; none once the plan is closed. Must not keep the plan open.
pub type StateSource = Arc<dyn Fn() -> Option<Arc<PlanState>> + Send + Sync>;

/// What it takes to replay a plan. Cheap to clone.
#[derive(Clone)]
pub struct PlanHistory {
    log: Arc<dyn EventLog>,
    state: StateSource,
    views: Option<Views>,
}

impl PlanHistory {
    /// The history in `log`. `state` says whether the plan is published and who is assigned to what.
    pub fn new(log: Arc<dyn EventLog>, state: StateSource) -> Self {
        Self { log, state, views: None }
    }

    /// The same, with views in which to look up what a filter asks for; without, all records are read.
    #[must_use]
    pub fn with_postings(self, views: Views) -> Self {
        Self { views: Some(views), ..self }
    }

    /// The log.
    pub(crate) const fn log(&self) -> &Arc<dyn EventLog> {
        &self.log
    }

    /// The views.
    pub(crate) const fn views(&self) -> Option<&Views> {
        self.views.as_ref()
    }

    /// The state at the durable head, or a moment before it; none once the plan is closed.
    pub(crate) fn state(&self) -> Option<Arc<PlanState>> {
        (self.state)()
    }
}

/// The plans of a node that can be replayed, by id. Replaced whole when one is added.
#[derive(Default)]
pub struct HistoryRegistry(ArcSwap<BTreeMap<PlanId, PlanHistory>>);

impl HistoryRegistry {
    /// The plan's history, if the node has the plan.
    pub(crate) fn get(&self, plan: &PlanId) -> Option<PlanHistory> {
        self.0.load().get(plan).cloned()
    }

    /// Adds a plan, or replaces its history.
    pub fn insert(&self, plan: &PlanId, history: &PlanHistory) {
        self.0.rcu(|plans| {
            let mut plans = BTreeMap::clone(plans);
            plans.insert(plan.clone(), history.clone());
            plans
        });
    }
}
