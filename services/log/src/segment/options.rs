//! Options of a segment log.
//!
//! Place in the flow: chosen by whoever opens the log; the binary uses the defaults, tests use small segments. It must
//! not know the log's state.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::disk::{Disk, RealDisk};
use super::evidence::Evidence;
use super::index::{Fingerprint, fingerprint};

/// How a log on disk behaves. None of it is stored; it may differ from one open to the next.
#[derive(Clone)]
pub struct SegmentOptions {
    pub(crate) segment_bytes_max: u64,
    pub(crate) group_bytes_max: u64,
    pub(crate) mark_after: Duration,
    pub(crate) zeros_ahead: u64,
    pub(crate) recent_bytes_max: usize,
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) fingerprint: Fingerprint,
}

impl Default for SegmentOptions {
    fn default() -> Self {
        Self {
            segment_bytes_max: 64 * 1024 * 1024,
            group_bytes_max: 8 * 1024 * 1024,
            mark_after: Duration::from_millis(100),
            zeros_ahead: 256 * 1024,
            recent_bytes_max: 1024 * 1024,
            evidence: Vec::new(),
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

    /// So many zeros a small group writes behind itself when it has used up those before it, so that the next ones are
    /// written over zeros: their sync then has only data to flush. Default 256 KiB, at most 16 MiB; 0 = no zeros, and
    /// no room taken beyond the next group.
    #[must_use]
    pub fn zeros_ahead(self, zeros_ahead: u64) -> Self {
        Self { zeros_ahead: zeros_ahead.min(16 * 1024 * 1024), ..self }
    }

    /// Bytes of the last records that are kept in memory for followers. Default 1 MiB: a dozen milliseconds of the fastest
    /// stream.
    #[must_use]
    pub fn recent_bytes_max(self, recent_bytes_max: usize) -> Self {
        Self { recent_bytes_max, ..self }
    }

    /// A disk that is full while `full` is set, and no room is taken ahead. For tests of who must live with that.
    #[cfg(any(test, feature = "test-util"))]
    #[must_use]
    pub fn full_while(self, full: Arc<std::sync::atomic::AtomicBool>) -> Self {
        Self { disk: Arc::new(super::disk::FullDisk(full)), zeros_ahead: 0, ..self }
    }

    /// Positions that were seen as durable outside the log. If the log ends before one of them, nothing is cut, and it
    /// opens read-only. Default none.
    #[must_use]
    pub fn evidence(self, evidence: Vec<Evidence>) -> Self {
        Self { evidence, ..self }
    }
}

impl fmt::Debug for SegmentOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SegmentOptions")
            .field("segment_bytes_max", &self.segment_bytes_max)
            .field("group_bytes_max", &self.group_bytes_max)
            .field("mark_after", &self.mark_after)
            .field("zeros_ahead", &self.zeros_ahead)
            .field("recent_bytes_max", &self.recent_bytes_max)
            .field("evidence", &self.evidence)
            .finish_non_exhaustive()
    }
}
