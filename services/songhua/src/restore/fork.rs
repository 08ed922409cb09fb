//! The first record of a new epoch: from where the log was forked, and why.
//!
//! Place in the flow: behind the copy of a plan's log, before anybody opens it. Written as genesis is, by the server itself.

use std::path::Path;

use jiff::Timestamp;
use songhua_domain::event::{Actor, EventInput, HistoryForked, Payload, PlanCreated, StaffCodes, SubmissionRef};
use songhua_domain::vocabulary::Role;
use songhua_log::backup::{LogEntry, Verified};
use songhua_log::{AppendOutcome, Batch, Epoch, EventLog, Record, SegmentLog, SegmentOptions, Submission};
use songhua_wire::record::{Envelope, Said, encode_event};
use uuid::Uuid;

/// A plan's log that goes on in another epoch.
pub(super) struct Fork<'a> {
    pub(super) created: &'a PlanCreated,
    pub(super) entry: &'a LogEntry,
    pub(super) whole: &'a Verified,
    pub(super) epoch: Epoch,
}

impl Fork<'_> {
    /// Appends the record to the log in `directory`. A log without records needs none: its genesis will say the epoch.
    pub(super) async fn write(&self, directory: &Path, reason: String) -> Result<(), String> {
        let new_size = self.whole.cut.position;
        let Some(old_leaf_hash) = self.whole.leaf_hash else { return Ok(()) };
        let (log, report) =
            SegmentLog::open(directory, SegmentOptions::default()).map_err(|error| error.to_string())?;
        if log.heads().durable != new_size || report.read_only.is_some() {
            return Err(format!("the log ends at {}, not at {new_size}", log.heads().durable));
        }
        let forked = HistoryForked {
            old_epoch: self.entry.epoch,
            epoch: self.epoch,
            old_size: self.entry.head,
            old_leaf_hash,
            old_root: self.whole.root,
            new_size: new_size.0,
            reason,
        };
        let appended = log.append(new_size, self.batch(forked)).await;
        log.close().await;
        match appended.map_err(|error| error.to_string())? {
            AppendOutcome::Stored { .. } => Ok(()),
            other => Err(format!("the append ended with {other:?}")),
        }
    }

    fn batch(&self, forked: HistoryForked) -> Batch {
        let recorded_time = self.recorded_time();
        // Another restore of the same backup writes another event.
        let name = format!("history-forked/{}/{recorded_time}", self.epoch);
        let event_id = Uuid::new_v5(&self.created.log_id, name.as_bytes());
        let input = EventInput {
            event_id,
            effective_date: None,
            payload: Payload::HistoryForked(forked),
            comment: String::new(),
            source_ref: String::new(),
            evidence: Vec::new(),
            correlation_id: String::new(),
            causation_id: None,
            staff: StaffCodes::default(),
        };
        let actor = Actor {
            principal: "system".to_owned(),
            agency: None,
            role: Role::Admin,
            credential_digest: [0; 32],
            on_behalf_of: None,
        };
        let bytes = encode_event(&Envelope {
            plan: &self.created.plan,
            area: None,
            subject: &format!("plans/{}", self.created.plan),
            recorded_time,
            actor: &actor,
            submission: SubmissionRef { id: Uuid::new_v5(&event_id, b"submission"), index: 0, count: 1 },
            back_dated: false,
            trace_parent: "",
            said: &Said::of(input),
        });
        let records = vec![Record { key: *event_id.as_bytes(), bytes }];
        Batch { submissions: vec![Submission { recorded_time_us: recorded_time.as_microsecond(), records }] }
    }

    /// Now, but never before the record in front of it; of a plan whose "now" is fixed, that record's time.
    fn recorded_time(&self) -> Timestamp {
        let last = Timestamp::from_microsecond(self.whole.cut.recorded_time_us).unwrap_or_default();
        if self.created.fixed_now.is_some() { last } else { now().max(last) }
    }
}

/// In microseconds, as the log keeps it.
fn now() -> Timestamp {
    Timestamp::from_microsecond(Timestamp::now().as_microsecond()).unwrap_or_default()
}
