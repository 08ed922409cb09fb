//! Options of a segment log.
//!
//! Place in the flow: chosen by whoever opens the log; the binary uses the defaults, tests use small segments. It must
//! not know the log's state.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::disk::{Disk, RealDisk};
use super::index::{Fingerprint, fingerprint};

/// How a log on disk behaves. None of it is stored; it may differ from one open to the next.
#[derive(Clone)]
pub struct SegmentOptions {
    pub(crate) segment_bytes_max: u64,
    pub(crate) group_bytes_max: u64,
    pub(crate) mark_after: Duration,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) fingerprint: Fingerprint,
}

impl Default for SegmentOptions {
    fn default() -> Self {
        Self {
            segment_bytes_max: 64 * 1024 * 1024,
            group_bytes_max: 8 * 1024 * 1024,
            mark_after: Duration::from_millis(100),
            disk: Arc::new(RealDisk),
            fingerprint,
        }
    }
}

impl SegmentOptions {
    /// A batch that would make the segment larger than this begins the next one. Default 64 MiB. A larger batch gets a
    /// segment of its own.
    #[must_use]
    pub fn segment_bytes_max(self, segment_bytes_max: u64) -> Self {
        Self { segment_bytes_max, ..self }
    }

    /// Most bytes that share one write and one sync, unless a single batch is larger. Default 8 MiB: it bounds how
    /// long the first waiter of a group waits for the last.
    #[must_use]
    pub fn group_bytes_max(self, group_bytes_max: u64) -> Self {
        Self { group_bytes_max, ..self }
    }

    /// How long after the last sync an idle log gets its durable mark. Default 100 ms, and FORMAT.md allows no more.
    #[must_use]
    pub fn mark_after(self, mark_after: Duration) -> Self {
        Self { mark_after, ..self }
    }
}

impl fmt::Debug for SegmentOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SegmentOptions")
            .field("segment_bytes_max", &self.segment_bytes_max)
            .field("group_bytes_max", &self.group_bytes_max)
            .field("mark_after", &self.mark_after)
            .finish_non_exhaustive()
    }
}
