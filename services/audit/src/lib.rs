//! `AuditService`: replays the history of a plan as it stands on disk.
//!
//! Place in the flow: reads durable records straight from the log and passes their stored bytes on, to auditors all of
//! them, to an agency its own scope. What a filter asks for is found by the postings in the views, where there are any. It
//! holds no state that outlives a call.
//!
//! It must not know: how records are decided or encoded, the rules of progress, what views are made of.

mod filter;
mod history;
mod judge;
mod postings;
mod refusal;
mod request;
mod scope;
mod service;
mod stream;

pub use history::{HistoryRegistry, PlanHistory, StateSource};
pub use service::AuditServer;

#[cfg(test)]
mod tests;
