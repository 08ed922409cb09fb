//! What goes into the log and what comes out: records, submissions, batches.
//!
//! Place in the flow: ingest encodes a record once; these exact bytes are stored, hashed, replayed and proved.

use bytes::Bytes;

use crate::identity::Position;

/// Most bytes of one record (the leaf limit of C2SP tlog-tiles).
pub const RECORD_BYTES_MAX: usize = 65_535;
/// Most records of one submission.
pub const SUBMISSION_RECORDS_MAX: usize = 1_000;

/// The idempotency key of a record: the event id. Unique in its log, for ever.
pub type Key = [u8; 16];

/// A record to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Unique in the log; the caller has looked it up before.
    pub key: Key,
    /// 1 to [`RECORD_BYTES_MAX`] opaque bytes.
    pub bytes: Bytes,
}

/// Records that enter the log together or not at all, next to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// When ingest accepted it, in microseconds since 1970-01-01 UTC; never below that of the submission before.
    /// The log stores it to find a position by time and otherwise does not look at it.
    pub recorded_time_us: i64,
    /// 1 to [`SUBMISSION_RECORDS_MAX`] records.
    pub records: Vec<Record>,
}

/// Submissions handed to one [`append`](crate::EventLog::append), stored together or not at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// At least one submission; in total at most [`max_batch`](crate::EventLog::max_batch) records.
    pub submissions: Vec<Submission>,
}

impl Batch {
    /// Records in all submissions.
    pub fn record_count(&self) -> usize {
        self.submissions.iter().map(|submission| submission.records.len()).sum()
    }
}

/// A record as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its place.
    pub position: Position,
    /// First position of the submission it came with.
    pub submission_first: Position,
    /// Last position of the submission it came with (inclusive).
    pub submission_last: Position,
    /// Recorded time of that submission, microseconds since 1970-01-01 UTC.
    pub recorded_time_us: i64,
    /// Its key.
    pub key: Key,
    /// Its bytes, exactly as appended.
    pub bytes: Bytes,
}
