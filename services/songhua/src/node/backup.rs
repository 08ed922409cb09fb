//! `Backup`: copies the logs of the node while they are written, on a thread of its own, and says how far it is.
//!
//! ```text
//! durable heads, system log first ─▶ plan ─▶ copy each log ─▶ manifest ─▶ summary
//! ```
//! Place in the flow: behind `AdminService`. A client that goes away breaks the backup off; the one before stays whole.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use songhua_domain::vocabulary::Reason;
use songhua_log::backup::{Backup, BackupError, Copied, LogToCopy, Planned};
use songhua_log::{EventLog, OpenError};
use songhua_wire::pb;
use songhua_wire::status::Refusal;
use songhua_wire::time::timestamp_to_pb;
use tokio::sync::mpsc;
use tonic::Status;

use super::Node;

/// How often a watcher hears of it.
const EVERY: Duration = Duration::from_millis(100);

/// Where the answers go.
pub(super) type Answers = mpsc::Sender<Result<pb::BackupResponse, Status>>;

/// A backup that was asked for.
pub(super) struct Wanted {
    /// An absolute path outside the data directory.
    directory: PathBuf,
    verify_all: bool,
}

impl Wanted {
    /// Checks the request.
    ///
    /// # Errors
    /// `INVALID_FIELD`: the path is not absolute, or the data directory lies in it or it in the data directory.
    pub(super) fn new(request: &pb::BackupRequest, data: &Path) -> Result<Self, Status> {
        let directory = PathBuf::from(&request.directory);
        let is_plain = directory.is_absolute() && !directory.components().any(|part| part == Component::ParentDir);
        let (real, data) = (real_path(&directory), real_path(data));
        if !is_plain || real.starts_with(&data) || data.starts_with(&real) {
            let shown = directory.display();
            let message = format!(
                "directory: {shown} must be an absolute path on the server's machine, outside the data directory {}",
                data.display()
            );
            let zh = format!("备份目录 {shown} 须为服务器上的绝对路径，且不在数据目录之内");
            return Err(Status::from(Refusal::new(Reason::InvalidField, message, zh)));
        }
        Ok(Self { directory, verify_all: request.verify_all })
    }
}

/// The path without symbolic links, as far as it exists.
fn real_path(path: &Path) -> PathBuf {
    let there = path.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
    match there {
        Some((above, real)) => real.join(path.strip_prefix(above).unwrap_or_else(|_| Path::new(""))),
        None => path.to_owned(),
    }
}

/// Makes the backup, and reports it.
pub(super) async fn run(node: Arc<Node>, wanted: Wanted, answers: Answers) {
    let (time, logs) = (Timestamp::now(), logs(&node).await);
    let made = tokio::task::spawn_blocking(move || {
        let last = match make(&wanted, time, logs, &answers) {
            Ok(summary) => Ok(summary),
            Err(BackupError::BrokenOff) => return,
            Err(error) => {
                tracing::error!(%error, directory = %wanted.directory.display(), "no backup was made");
                Err(refused(&error))
            }
        };
        // Whoever asked may be gone: the backup counts all the same.
        drop(answers.blocking_send(last));
    });
    if let Err(error) = made.await {
        tracing::error!(%error, "a backup ended unexpectedly");
    }
}

/// A log to copy, or why it cannot be.
type Source = Result<LogToCopy, (String, String)>;

/// Every log as it is now. The system log first: a plan that comes later is in none of them.
async fn logs(node: &Node) -> Vec<Source> {
    let (plans, identity, head) = node.system.snapshot().await;
    let directory = node.data.join("system").join("log");
    let mut logs = vec![Ok(LogToCopy { plan: None, directory, identity, head })];
    let failed = node.failed_plans().await;
    for plan in plans.keys() {
        let heads = node.with_hosted(plan, |hosted| (hosted.log().identity(), hosted.log().heads().durable)).await;
        let why = || failed.get(plan).cloned().unwrap_or_else(|| "it is not open".to_owned());
        let directory = node.plan_directory(plan).join("log");
        let name = plan.to_string();
        let log = heads.map(|(identity, head)| LogToCopy { plan: Some(name.clone()), directory, identity, head });
        logs.push(log.ok_or_else(|| (name, why())));
    }
    logs
}

fn make(
    wanted: &Wanted,
    time: Timestamp,
    logs: Vec<Source>,
    answers: &Answers,
) -> Result<pb::BackupResponse, BackupError> {
    let mut backup = Backup::begin(&wanted.directory)?;
    let mut planned = Vec::new();
    for log in logs {
        planned.push(match log {
            Ok(log) => {
                let (plan, directory) = (log.plan.clone(), log.directory.clone());
                let plan_of_it = backup.plan(log, wanted.verify_all);
                or_fault(plan_of_it, &directory)?
                    .map_err(|fault| (plan.unwrap_or_default(), fault))
                    .map(|it| (it, directory))
            }
            Err(fault) => Err(fault),
        });
    }
    let total_bytes = planned.iter().flatten().map(|(planned, _)| planned.bytes()).sum();
    let mut voice = Voice { answers, done_bytes: 0, total_bytes, said: Instant::now() };
    let mut logs = Vec::new();
    for planned in planned {
        let done = match planned {
            Ok((planned, directory)) => copy(&mut backup, planned, &directory, &mut voice)?,
            Err(fault) => Err(fault),
        };
        logs.push(done.unwrap_or_else(|(plan, fault)| kept(&mut backup, plan, fault)));
    }
    backup.finish(env!("CARGO_PKG_VERSION"), &time.to_string())?;
    let summary = pb::BackupSummary { backup_time: Some(timestamp_to_pb(time)), logs };
    Ok(pb::BackupResponse { done_bytes: voice.done_bytes, total_bytes: voice.done_bytes, summary: Some(summary) })
}

fn copy(
    backup: &mut Backup,
    planned: Planned,
    directory: &Path,
    voice: &mut Voice<'_>,
) -> Result<Result<pb::LogBackup, (String, String)>, BackupError> {
    let (plan, epoch) = (planned.log().plan.clone().unwrap_or_default(), planned.log().identity.epoch);
    let copied = or_fault(backup.copy(planned, &mut |bytes| voice.done(bytes)), directory)?;
    Ok(copied.map_err(|fault| (plan.clone(), fault)).map(|copied| {
        let Copied { records, copied_bytes, kept_bytes, mended } = copied;
        tracing::info!(plan, records, copied_bytes, kept_bytes, mended, "log backed up");
        pb::LogBackup {
            plan,
            epoch,
            record_count: records,
            copied_bytes,
            kept_bytes,
            mended_count: mended,
            fault: String::new(),
        }
    }))
}

/// A fault of one log leaves the others; a fault of the backup ends it.
fn or_fault<T>(done: Result<T, BackupError>, source: &Path) -> Result<Result<T, String>, BackupError> {
    let of_source = |error: &BackupError| match error {
        BackupError::Damaged { file, .. } => file.starts_with(source),
        BackupError::Io { path, .. } => path.starts_with(source),
        BackupError::Log(OpenError::Io { path, .. }) => path.starts_with(source),
        BackupError::Log(_) => true,
        _ => false,
    };
    match done {
        Ok(done) => Ok(Ok(done)),
        Err(error) if of_source(&error) => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}

/// What the backup before has of a log that cannot be copied.
fn kept(backup: &mut Backup, plan: String, fault: String) -> pb::LogBackup {
    tracing::error!(plan, fault, "log not backed up; what the last backup has of it stays");
    let name = (!plan.is_empty()).then_some(plan.as_str());
    backup.keep(name);
    let (epoch, record_count, kept_bytes) =
        backup.last().log(name).map(|entry| (entry.epoch, entry.head, entry.bytes())).unwrap_or_default();
    pb::LogBackup { plan, epoch, record_count, kept_bytes, fault, ..Default::default() }
}

/// Says how far it is, now and then.
struct Voice<'a> {
    answers: &'a Answers,
    done_bytes: u64,
    total_bytes: u64,
    said: Instant,
}

impl Voice<'_> {
    /// So many more bytes are done. False = nobody listens any more.
    fn done(&mut self, bytes: u64) -> bool {
        self.done_bytes += bytes;
        if self.said.elapsed() < EVERY {
            return !self.answers.is_closed();
        }
        self.said = Instant::now();
        // Copying anew what was damaged adds to what was planned.
        let (done_bytes, total_bytes) = (self.done_bytes, self.total_bytes.max(self.done_bytes));
        self.answers.blocking_send(Ok(pb::BackupResponse { done_bytes, total_bytes, summary: None })).is_ok()
    }
}

fn refused(error: &BackupError) -> Status {
    let (way_out, zh) = match error {
        BackupError::Io { is_full: true, .. } => (
            ": make room there, or choose another directory; the server goes on",
            "备份目录空间不足：请清理或更换目录，服务不受影响",
        ),
        BackupError::OtherHistory { .. } => ("", "该目录中的备份属于另一历史（可能已恢复过）：请为备份选择新目录"),
        BackupError::Manifest { .. } | BackupError::Format { .. } => {
            ("", "该目录不是可用的备份目录：请选择空目录或原备份目录")
        }
        _ => ("; the backup before is as it was", "备份未完成，上一次备份保持不变"),
    };
    Status::from(Refusal::new(Reason::BackupRefused, format!("{error}{way_out}"), zh.to_owned()))
}
