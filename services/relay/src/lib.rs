//! Follows the log of each plan and publishes it to NATS JetStream.
//!
//! ```text
//! log ──▶ events ──┐                        ┌──▶ SONGHUA_EVENTS_<plan>
//!                  ├─ relay ▸ fenced batch ─┤
//! views ▶ changes ─┘                        └──▶ SONGHUA_PROGRESS_<plan>
//! ```
//! Place in the flow: a follower whose state is the stream itself. The relay is the only writer of its streams and keeps
//! one atomic batch in flight, so the events stream is always a contiguous part of the log, and the position of its last
//! message *is* how far the relay has come. That is read from the stream's leader at every start and after every error;
//! a stream of another history is refused, one of an earlier epoch of this log goes on
//! from where the log was forked. A slow or missing server never holds up who writes the log. What subscribers
//! may rely on: `proto/asyncapi.yaml`.
//!
//! It must not know: gRPC, the rules of progress, who may do what.

mod batch;
mod changes;
mod connection;
mod events;
mod extent;
mod fork;
mod message;
mod relay;
mod source;
mod status;
mod stream;
mod subject;

/// What a node logs unless it is told otherwise: the NATS client says each attempt to connect, the relay says it once.
pub const LOG_FILTER: &str = "info,async_nats=off";

pub use connection::{Connection, ConnectionError, ConnectionOptions, Servers};
pub use message::RelayPayload;
pub use relay::{Options, PlanRelay, PlanSource, RelayHandle};
pub use source::RelayFrom;
pub use status::{RelayState, RelayStatus};
