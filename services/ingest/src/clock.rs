//! Where "now" comes from: the one seam between ingest and the wall clock.

use jiff::Timestamp;

/// Tells the time. Recorded time never runs backwards even if this does.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Now as a record says it: in whole microseconds, as the log around the record does.
pub(crate) fn recorded_now(clock: &dyn Clock) -> Timestamp {
    let now = clock.now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
