//! Limits of ingest. Each has a typed refusal that names it.

use std::time::Duration;

/// Most events of a request.
pub const EVENTS_MAX: usize = 1_000;
/// Most bytes of a request, encoded.
pub const REQUEST_BYTES_MAX: usize = 1 << 20;
/// Most bytes of an event, encoded. With its envelope it stays below the 65,535 bytes of a record.
pub const EVENT_BYTES_MAX: usize = 60 << 10;

/// What an operator can set.
#[derive(Debug, Clone)]
pub struct IngestOptions {
    /// Submissions that may wait or be under way for one plan. Default 1,024.
    pub queue_submissions_max: usize,
    /// Bytes of submissions that may wait or be under way for one plan. Default 64 MiB.
    pub queue_bytes_max: usize,
    /// Answered with `QUEUE_FULL`: when to try again. Default 50 ms.
    pub retry_delay: Duration,
    /// Fewest records between two snapshots of the state; of a longer log a sixteenth. Default 50,000.
    pub snapshot_every_records: u64,
    /// Snapshots kept on disk. Default 2.
    pub snapshots_kept: usize,
}

impl Default for IngestOptions {
    fn default() -> Self {
        Self {
            queue_submissions_max: 1_024,
            queue_bytes_max: 64 << 20,
            retry_delay: Duration::from_millis(50),
            snapshot_every_records: 50_000,
            snapshots_kept: 2,
        }
    }
}
