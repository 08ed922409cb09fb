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
    AppendError, AppendOutcome, Batch, EventLog, HashAlgorithm, Identity, Position, Record, SegmentLog, SegmentOptions,
    Submission,
};
use songhua_wire::system::{decode_system_event, encode_system_event};
use tokio::sync::Mutex;
use uuid::Uuid;

/// Bytes read at once while folding.
const FOLD_BYTES: usize = 1 << 20;

/// A fault of the system log. The operator acts; the message says on what.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SystemLogError {
    /// The disk refuses for now; nothing was stored.
    #[error("system log: {0} / 系统日志所在磁盘没有空间")]
    NoRoom(String),
    /// Anything else.
    #[error("system log: {0} / 系统日志故障")]
    Fault(String),
}

fn fault(error: impl ToString) -> SystemLogError {
    SystemLogError::Fault(error.to_string())
}

fn from_append(error: AppendError) -> SystemLogError {
    match error {
        AppendError::NoRoom { reason } => SystemLogError::NoRoom(reason),
        other => fault(other),
    }
}

/// The system log, its grants and its plans. Cheap to clone.
#[derive(Clone)]
pub(crate) struct SystemLog(Arc<Inner>);

struct Inner {
    log: Arc<SegmentLog>,
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
        if let Some(reason) = report.read_only {
            // What stands behind the damage may revoke a token: without it nobody can be let in.
            return Err(fault(format!("{reason}; restore the directory from a backup")));
        }
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
        let inner =
            Inner { log: Arc::new(log), directory: Arc::new(Directory::new(access)), writer: Mutex::new(plans) };
        let opened = Self(Arc::new(inner));
        if next == Position::FIRST {
            opened.write_genesis().await?;
        }
        Ok(opened)
    }

    async fn write_genesis(&self) -> Result<(), SystemLogError> {
        let identity = self.0.log.identity();
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
    pub(crate) fn directory(&self) -> &Arc<Directory> {
        &self.0.directory
    }

    /// The plans of this deployment.
    pub(crate) async fn plans(&self) -> BTreeMap<PlanId, PlanCreated> {
        self.0.writer.lock().await.clone()
    }

    /// The log itself, for whoever reads it.
    pub(crate) fn log(&self) -> Arc<dyn EventLog> {
        Arc::clone(&self.0.log) as Arc<dyn EventLog>
    }

    /// The plans, which history the log is, and where it ends: all of one moment.
    pub(crate) async fn snapshot(&self) -> (BTreeMap<PlanId, PlanCreated>, Identity, Position) {
        let plans = self.0.writer.lock().await;
        (plans.clone(), self.0.log.identity(), self.0.log.heads().durable)
    }

    /// Appends an event and folds it once it is on disk.
    ///
    /// # Cancellation
    /// Dropping the future cancels nothing: what is stored is folded, so that a revocation holds at once even if its
    /// caller has gone away.
    ///
    /// # Errors
    /// [`SystemLogError`]; nothing was stored.
    pub(crate) async fn append(&self, principal: &str, payload: SystemPayload) -> Result<SystemEvent, SystemLogError> {
        let (inner, principal) = (Arc::clone(&self.0), principal.to_owned());
        let appended = tokio::spawn(async move { inner.append(principal, payload).await });
        appended.await.unwrap_or_else(|error| Err(fault(error)))
    }

    /// Ends in order.
    pub(crate) async fn close(&self) {
        self.0.log.close().await;
    }
}

impl Inner {
    async fn append(&self, principal: String, payload: SystemPayload) -> Result<SystemEvent, SystemLogError> {
        let mut plans = self.writer.lock().await;
        let event = SystemEvent { event_id: Uuid::now_v7(), recorded_time: Timestamp::now(), principal, payload };
        let record = Record { key: *event.event_id.as_bytes(), bytes: encode_system_event(&event) };
        let recorded_time_us = event.recorded_time.as_microsecond();
        let batch = Batch { submissions: vec![Submission { recorded_time_us, records: vec![record] }] };
        match self.log.append(self.log.heads().written, batch).await.map_err(from_append)? {
            AppendOutcome::Stored { .. } => {}
            other => return Err(fault(format!("append ended with {other:?}"))),
        }
        if let SystemPayload::PlanCreated(created) = &event.payload {
            plans.insert(created.plan.clone(), created.clone());
        }
        self.directory.evolve(&event);
        Ok(event)
    }
}

fn fold(access: &mut AccessState, plans: &mut BTreeMap<PlanId, PlanCreated>, event: &SystemEvent) {
    access.evolve(event);
    if let SystemPayload::PlanCreated(created) = &event.payload {
        plans.insert(created.plan.clone(), created.clone());
    }
}
