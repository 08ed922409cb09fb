//! The demo: Harbin's plan with five simulated years of history, on a clock of its own (`serve --demo`).
//!
//! ```text
//! seeds/demo/*.json ─scenario─▶ office, milestones, figures, conduct ─▶ script ─player─▶ ingest, like anybody's events
//! ```
//! Place in the flow: `serve` calls [`start`] before it serves. Everything is deterministic: an interrupted play goes
//! on at the next start, and two fresh starts tell the same. Every id names the version of the script, so that no
//! binary takes another one's history for its own. It must not know: how lights are computed.

mod calendar;
mod clock;
mod conduct;
mod figures;
mod milestones;
mod office;
mod plan;
mod player;
mod scenario;
mod script;
mod stage;
#[cfg(test)]
mod tests;
mod tokens;

use std::path::PathBuf;
use std::sync::Arc;

use indicatif::ProgressBar;
use jiff::Timestamp;
use jiff::civil::Date;
use songhua_domain::event::EventInput;
use songhua_domain::id::PlanId;
use uuid::Uuid;

pub(crate) use self::clock::SimulatedClock;
pub(crate) use self::scenario::Fault;
use self::script::Step;
use crate::node::{Node, NodeError};

/// When the history begins: 2022-01-04 09:00 in Harbin.
const BEGIN: Timestamp = Timestamp::constant(1_641_258_000, 0);
/// The plan's "now", for ever: 2026-11-20 17:30 in Harbin.
const NOW: Timestamp = Timestamp::constant(1_795_167_000, 0);

/// What to try first, after `songhua`: all at a glance, a light before a correction took it away, a project's history.
pub(crate) const COMMANDS: [&str; 3] = [
    "progress overview",
    "progress indicator registered-incubators --known-time 2026-11-01T00:00:00+08:00",
    "replay --project aerospace-park",
];

/// Why the demo does not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    /// The scenario is at odds with itself.
    #[error("demo: {0}")]
    Scenario(#[from] Fault),
    /// The plan cannot be opened or loaded.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// Its log cannot be read.
    #[error("demo: the log cannot be read: {0}")]
    Log(String),
    /// Somebody else's events are in the plan, and the history is not complete.
    #[error(
        "plan {}: record {position} ({kind}) is not the demo's: real events and a simulated history do not mix; \
         start without --demo, or give --data another directory / 方案中有非演示事件，模拟数据不能混入：请去掉 --demo 或换一个数据目录",
        plan::PLAN
    )]
    Foreign {
        /// The first such record.
        position: u64,
        /// Its event type.
        kind: &'static str,
    },
    /// The plan's history is, at least in part, not the one that this binary tells.
    #[error(
        "plan {}: record {position} was made by another version of the demo: start without --demo to look at it, \
         or give --data another directory / 方案由另一版本的演示生成：去掉 --demo 即可查看，或用 --data 换一个数据目录",
        plan::PLAN
    )]
    OtherVersion {
        /// The first record that differs.
        position: u64,
    },
    /// Ingest refused an event of the history.
    #[error("demo: {principal} at {at}: {reason} {field}: {message}\n{event}")]
    Refused {
        /// When it is sent.
        at: Timestamp,
        /// By whom.
        principal: String,
        /// The field.
        field: String,
        /// The reason's code.
        reason: &'static str,
        /// What ingest says.
        message: String,
        /// The event.
        event: String,
    },
}

/// The demo as it stands after a start.
#[derive(Debug)]
pub(crate) struct Started {
    /// Its plan.
    pub plan: PlanId,
    /// Its last record.
    pub position: u64,
    /// Its last day.
    pub today: Date,
    /// Files with the tokens of a tour, and what they are for.
    pub tokens: Vec<(PathBuf, &'static str)>,
}

/// Definitions and history.
struct Demo {
    plan: PlanId,
    definitions: Vec<EventInput>,
    script: Vec<Step>,
}

impl Demo {
    fn read() -> Result<Self, Fault> {
        let catalog = plan::read()?;
        let (plan, definitions) = (catalog.plan_id().clone(), catalog.definitions());
        let draft = stage::script(&plan, &definitions, Uuid::nil())?;
        let script = stage::script(&plan, &definitions, script::version(&definitions, &draft))?;
        Ok(Self { plan, definitions, script })
    }
}

/// Makes sure that the node holds the whole demo, and sets its clock to its "now". `bar` makes the bar that shows how
/// far the history is.
///
/// # Errors
/// See [`DemoError`].
pub(crate) async fn start(node: &Node, bar: impl FnOnce(u64) -> ProgressBar) -> Result<Started, DemoError> {
    tell(node, Demo::read()?, bar).await
}

async fn tell(node: &Node, demo: Demo, bar: impl FnOnce(u64) -> ProgressBar) -> Result<Started, DemoError> {
    let Demo { plan, definitions, script } = demo;
    node.ensure_plan(&plan, true, Some(NOW), "system").await?;
    let clock = clock_of(node, &plan).await.ok_or_else(|| Fault(format!("plan {plan} has no simulated clock")))?;
    let ingest = node.plans.get(&plan).ok_or_else(|| Fault(format!("plan {plan} is not open")))?;
    if !player::is_complete(&ingest, &script).await? {
        player::check_own(&ingest, &definitions, &script).await?;
        node.load(&plan, &definitions, Some(NOW)).await?;
        let shown = bar(script.iter().map(|step| step.events.len() as u64).sum());
        player::play(&ingest, &clock, &script, &shown).await?;
        shown.finish_and_clear();
    }
    clock.set(clock.end());
    let position = ingest.durable_state().head();
    tracing::info!(%plan, position, "模拟数据 the demo's history is complete");
    let tokens = tokens::give_out(node, &plan).await?;
    Ok(Started { plan, position, today: calendar::day_of(NOW), tokens })
}

/// Without `--demo` a plan that the demo left is served like any other, on its own clock. An unfinished one stands
/// still at its last record, so that `--demo` can still finish it; another version's is nobody's to finish.
///
/// # Errors
/// See [`DemoError`].
pub(crate) async fn settle(node: &Node) -> Result<(), DemoError> {
    let Ok(plan) = plan::PLAN.parse() else { return Ok(()) };
    let (Some(clock), Some(ingest)) = (clock_of(node, &plan).await, node.plans.get(&plan)) else { return Ok(()) };
    let Demo { definitions, script, .. } = Demo::read()?;
    if player::is_complete(&ingest, &script).await? {
        clock.set(clock.end());
        return Ok(());
    }
    match player::check_own(&ingest, &definitions, &script).await {
        Err(DemoError::OtherVersion { .. }) => {
            clock.set(clock.end());
            tracing::info!(%plan, "模拟数据 the demo was made by another version");
        }
        Err(DemoError::Log(why)) => return Err(DemoError::Log(why)),
        _ => tracing::warn!(%plan, "模拟数据 the demo's history is not complete: start once with --demo"),
    }
    Ok(())
}

async fn clock_of(node: &Node, plan: &PlanId) -> Option<Arc<SimulatedClock>> {
    node.with_hosted(plan, |hosted| hosted.simulated_clock.clone()).await.flatten()
}
