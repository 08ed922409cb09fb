//! Ingest: takes submissions, decides them at the head of the log, appends them, and acknowledges what is on disk.
//!
//! ```text
//! service ──limits, decode──▶ queue (bounded) ──▶ decider ──look up, authorise, decide──▶ log.append ──▶ acknowledger ──▶ receipts
//! ```
//! One decider for each plan: it is the single place where the plan's state and the log's head meet.
//!
//! It must not know: how reads work, what a rule of progress says (that is `songhua_domain`), how a log keeps bytes.

mod acknowledger;
mod clock;
mod day;
mod decider;
mod evidence;
mod group;
mod handle;
mod line;
mod meter;
mod open;
mod options;
mod places;
mod refusal;
mod service;
mod snapshot;

pub use clock::{Clock, SystemClock};
pub use evidence::seen_by_snapshots;
pub use handle::{PlanIngest, PlanRegistry, Receipt, Submission};
pub use open::{OpenError, OpenSummary, PlanIdentity, open};
pub use options::{EVENT_BYTES_MAX, EVENTS_MAX, IngestOptions, REQUEST_BYTES_MAX};
pub use refusal::{Refused, disk_full, from_access, plan_not_found};
pub use service::IngestServer;

#[cfg(test)]
mod tests;
