//! ProgressService: how far the plan is, for each circle and indicator, on any day, as known on any day.
//!
//! ```text
//! service ──who, which plan──▶ reader ──wait for a position──▶ as_of ──(day, position)──▶ reading ──▶ answer
//! ```
//! Every answer is made from one reading: the views of a plan, on one day, as known at one position; only a watch
//! follows the changes that the projector wrote. Nothing here changes anything.
//!
//! It must not know: how the log keeps records, how views keep rows, the arithmetic of scores.

mod agency;
mod as_of;
mod calendar;
mod circle;
mod closeout;
mod duty;
mod filter;
mod indicator;
mod kept;
mod label;
mod league;
mod matrix;
mod milestone;
mod name;
mod note;
mod opened;
mod overview;
mod page;
mod period;
mod plan;
mod project;
mod reader;
mod reading;
mod refusal;
mod revision;
mod scope;
mod service;
mod staleness;
mod supervision;
mod target;
mod task;
mod verification;
mod watch;

pub use reader::{Clock, PlanReader, ReaderRegistry};
pub use service::ProgressServer;

#[cfg(test)]
mod tests;
