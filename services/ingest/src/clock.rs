//! Where "now" comes from: the one seam between ingest and the wall clock.

use jiff::Timestamp;

/// Tells the time. Recorded time never runs backwards even if this does.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
