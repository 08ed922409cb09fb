//! Loads a plan's definitions through ingest: resumable, because definition ids are deterministic and ingest knows
//! duplicates; a no-op when everything is in.

use std::sync::Arc;

use songhua_domain::event::{Actor, EventInput, Payload, PlanPublished};
use songhua_domain::id::PlanId;
use songhua_domain::vocabulary::Reason;
use songhua_ingest::{PlanIngest, Refused, Submission};
use songhua_wire::record::Said;
use uuid::Uuid;

/// Definitions in one submission. Small enough for the byte limits of a request.
const CHUNK_EVENTS: usize = 100;

/// How a load ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Loaded {
    /// Events stored by this load.
    pub stored: u32,
    /// Events that were there.
    pub duplicates: u32,
    /// Position of the last of them.
    pub position: u64,
}

/// Why a plan was not loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// The plan is published with other content.
    #[error(
        "plan {plan} is loaded with other content (digest {there}, offered {offered}): a published plan is not rewritten; \
         load the same folder as before, or give the changed plan a new id / 方案已以其他内容发布：请使用原目录，或为修改后的方案使用新编号"
    )]
    OtherDigest {
        /// The plan.
        plan: PlanId,
        /// Digest in the log, or of the part that differs.
        there: String,
        /// Digest offered.
        offered: String,
    },
    /// The last event is not `PlanPublished`.
    #[error("the definitions do not end with PlanPublished / 定义事件未以 PlanPublished 结尾")]
    NotClosed,
    /// Ingest refused a definition.
    #[error("{}", .0.message)]
    Refused(Refused),
}

/// The event that publishes the plan: the last one.
///
/// # Errors
/// [`LoadError::NotClosed`].
pub(crate) fn published(definitions: &[EventInput]) -> Result<&PlanPublished, LoadError> {
    match definitions.last().map(|event| &event.payload) {
        Some(Payload::PlanPublished(published)) => Ok(published),
        _ => Err(LoadError::NotClosed),
    }
}

/// Loads `definitions`, the last of which publishes the plan.
///
/// # Errors
/// See [`LoadError`]. What was stored before stays; loading the same again goes on from there.
pub(crate) async fn load(
    plan: &PlanId,
    ingest: &PlanIngest,
    definitions: &[EventInput],
    actor: &Actor,
) -> Result<Loaded, LoadError> {
    let offered = published(definitions)?;
    let other = |there: String| LoadError::OtherDigest { plan: plan.clone(), there, offered: hex(&offered.digest) };
    if let Some(there) = ingest.durable_state().published()
        && there.digest != offered.digest
    {
        return Err(other(hex(&there.digest)));
    }
    let mut loaded = Loaded::default();
    for chunk in definitions.chunks(CHUNK_EVENTS) {
        let submission = Submission {
            id: Uuid::now_v7(),
            actor: Arc::new(actor.clone()),
            events: chunk.iter().cloned().map(Said::of).collect(),
            validate_only: false,
            bytes: 0,
            trace_parent: None,
        };
        let receipts = ingest.submit(submission).await.map_err(|refused| match refused.reason {
            Reason::EventIdReused => other("of an unfinished load".to_owned()),
            _ => LoadError::Refused(refused),
        })?;
        for receipt in receipts {
            *if receipt.duplicate { &mut loaded.duplicates } else { &mut loaded.stored } += 1;
            loaded.position = receipt.position;
        }
    }
    Ok(loaded)
}

/// A digest as people compare it.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
