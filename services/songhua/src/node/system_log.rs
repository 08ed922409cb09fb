//! The system log of a deployment: plans, grants, refused attempts. One writer, the same log code as a plan's.
//!
//! Place in the flow: opened first; the directory of grants and the list of plans are folded from it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use songhua_access::{AccessState, Directory};
use songhua_domain::event::{LogCreated, PlanCreated, SystemEvent, SystemPayload};
use songhua_domain::id::PlanId;
use songhua_log::{
    AppendOutcome, Batch, EventLog, HashAlgorithm, Identity, Position, Record, SegmentLog, SegmentOptions, Submission,
};
use songhua_wire::system::{decode_system_event, encode_system_event};
use tokio::sync::Mutex;
use uuid::Uuid;

/// Bytes read at once while folding.
const FOLD_BYTES: usize = 1 << 20;

/// A fault of the system log. The operator acts; the message says on what.
#[derive(Debug, thiserror::Error)]
#[error("system log: {0} / 系统日志故障")]
pub(crate) struct SystemLogError(String);

fn fault(error: impl ToString) -> SystemLogError {
    SystemLogError(error.to_string())
}

/// The system log, its grants and its plans.
pub(crate) struct SystemLog {
    log: SegmentLog,
    directory: Arc<Directory>,
    /// Held while appending: events take turns, and the fold follows the log's order.
    writer: Mutex<BTreeMap<PlanId, PlanCreated>>,
}

impl SystemLog {
    /// Opens the log in `path`, and creates it first if there is none.
    ///
    /// # Errors
    /// [`SystemLogError`] when another process has it, it is damaged, or the disk fails.
    pub(crate) async fn open(path: &Path) -> Result<Self, SystemLogError> {
        let identity = Identity { log_id: Uuid::new_v4(), epoch: 1, hash: HashAlgorithm::Sha256 };
        let (log, report) = SegmentLog::open_or_create(path, identity, SegmentOptions::default()).map_err(fault)?;
        if let Some(cut) = report.cut {
            tracing::warn!(file = %cut.file.display(), offset = cut.offset, bytes = cut.bytes, "torn tail of the system log was cut");
        }
        let mut access = AccessState::default();
        let mut plans = BTreeMap::new();
        let mut next = Position::FIRST;
        loop {
            let records = log.read(next, FOLD_BYTES).await.map_err(fault)?;
            let Some(last) = records.last() else { break };
            next = last.position.next();
            for record in &records {
                let event = decode_system_event(&record.bytes)
                    .map_err(|error| fault(format!("record {}: {error}", record.position)))?;
                fold(&mut access, &mut plans, &event);
            }
        }
        let opened = Self { log, directory: Arc::new(Directory::new(access)), writer: Mutex::new(plans) };
        if next == Position::FIRST {
            opened.write_genesis().await?;
        }
        Ok(opened)
    }

    async fn write_genesis(&self) -> Result<(), SystemLogError> {
        let identity = self.log.identity();
        let created = LogCreated {
            log_id: identity.log_id,
            plan: None,
            epoch: identity.epoch,
            simulated: false,
            hash_algorithm: u32::from(identity.hash.byte()),
        };
        self.append("system", SystemPayload::LogCreated(created)).await.map(drop)
    }

    /// The grants, kept up to date.
    pub(crate) const fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// The plans of this deployment.
    pub(crate) async fn plans(&self) -> BTreeMap<PlanId, PlanCreated> {
        self.writer.lock().await.clone()
    }

    /// Appends an event and folds it once it is on disk.
    ///
    /// # Errors
    /// [`SystemLogError`]; nothing was stored.
    pub(crate) async fn append(&self, principal: &str, payload: SystemPayload) -> Result<SystemEvent, SystemLogError> {
        let mut plans = self.writer.lock().await;
        let event = SystemEvent {
            event_id: Uuid::now_v7(),
            recorded_time: Timestamp::now(),
            principal: principal.to_owned(),
            payload,
        };
        let record = Record { key: *event.event_id.as_bytes(), bytes: encode_system_event(&event) };
        let recorded_time_us = event.recorded_time.as_microsecond();
        let batch = Batch { submissions: vec![Submission { recorded_time_us, records: vec![record] }] };
        match self.log.append(self.log.heads().written, batch).await.map_err(fault)? {
            AppendOutcome::Stored { .. } => {}
            other => return Err(fault(format!("append ended with {other:?}"))),
        }
        if let SystemPayload::PlanCreated(created) = &event.payload {
            plans.insert(created.plan.clone(), created.clone());
        }
        self.directory.evolve(&event);
        Ok(event)
    }

    /// Ends in order.
    pub(crate) async fn close(&self) {
        self.log.close().await;
    }
}

fn fold(access: &mut AccessState, plans: &mut BTreeMap<PlanId, PlanCreated>, event: &SystemEvent) {
    access.evolve(event);
    if let SystemPayload::PlanCreated(created) = &event.payload {
        plans.insert(created.plan.clone(), created.clone());
    }
}
