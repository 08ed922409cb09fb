//! What a relay is doing, and what keeps it from doing it.
//!
//! Place in the flow: the loop says it through a watch channel; the node shows it in `GetStatus` and health. It must not
//! know NATS.

/// What one of a plan's relays is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayState {
    /// Publishing what is durable as it comes.
    Running,
    /// The server cannot be reached or does not answer; goes on by itself.
    Waiting,
    /// Refuses to publish until somebody acts; looks again every few seconds.
    Stopped,
}

/// How a relay is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayStatus {
    /// What it is doing.
    pub state: RelayState,
    /// The last position that is known to be in its stream; 0 = none.
    pub position: u64,
    /// Where its source ended when this was said: the durable head, or for status changes what the views had applied.
    pub durable: u64,
    /// Why it waits or stopped, and what to do; empty while it runs.
    pub detail: String,
}

/// Why publishing was broken off. Whatever it was, the position is read from the stream again before the next message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Will pass: try again soon.
    Passing(String),
    /// Somebody must act: look again later.
    Lasting(String),
}

impl Trouble {
    pub(crate) fn passing(detail: impl Into<String>) -> Self {
        Self::Passing(detail.into())
    }

    pub(crate) fn lasting(detail: impl Into<String>) -> Self {
        Self::Lasting(detail.into())
    }
}
