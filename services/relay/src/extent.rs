//! Which sequences a stream holds: what shows that messages were removed from it.
//!
//! Place in the flow: read with the stream, compared at every look. It must not know what messages mean.

use async_nats::jetstream::stream::State;

/// From where to where a stream reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Extent {
    /// Of its first message; of the next one if it is empty.
    pub(crate) first: u64,
    /// Of the last message that it ever took.
    pub(crate) last: u64,
    pub(crate) messages: u64,
}

impl Extent {
    pub(crate) const fn of(state: &State) -> Self {
        let (last, messages) = (state.last_sequence, state.messages);
        Self { first: if messages == 0 { last + 1 } else { state.first_sequence }, last, messages }
    }

    /// How many were removed behind its first message.
    pub(crate) const fn removed(&self) -> u64 {
        (self.last + 1).saturating_sub(self.first).saturating_sub(self.messages)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.messages == 0
    }
}
