//! The clock of a simulated plan: it moves only when the player moves it, and ends at the plan's fixed "now".

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use songhua_ingest::Clock;

/// A clock that stands still until it is set. It starts before anything that is simulated, so that ingest records at
/// the time of the last record until the player, or the end of the history, says otherwise.
#[derive(Debug)]
pub(crate) struct SimulatedClock {
    microseconds: AtomicI64,
    end: Timestamp,
}

impl SimulatedClock {
    /// A clock that will end at `end`.
    pub(crate) fn new(end: Timestamp) -> Self {
        Self { microseconds: AtomicI64::new(super::BEGIN.as_microsecond()), end }
    }

    /// The plan's "now", for ever.
    pub(crate) const fn end(&self) -> Timestamp {
        self.end
    }

    /// It is `now`.
    pub(super) fn set(&self, now: Timestamp) {
        self.microseconds.store(now.as_microsecond(), Ordering::Release);
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.microseconds.load(Ordering::Acquire)).unwrap_or(self.end)
    }
}
