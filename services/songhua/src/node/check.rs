//! `Check`: reads the logs while they are written, every frame and every key, and on request grows views to compare.
//!
//! ```text
//! durable head ─▶ frames (a thread of its own) ─▶ keys, each by the index ─▶ fresh views, at the position of those read
//! ```
//! Place in the flow: behind `AdminService`. A client that goes away ends it. Changes nothing but a directory of views of
//! its own, which it removes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use songhua_domain::id::PlanId;
use songhua_log::{
    CheckReport, Checkpoint, EventLog, Follower, Position, ReadError, StoredRecord, check_durable, leaf_hash,
};
use songhua_projector::PROJECTOR_VERSION;
use songhua_views::Options;
use songhua_wire::pb::{self, CheckStep, FindingKind};
use tokio::sync::mpsc;
use tonic::Status;

use super::Node;
use super::admin::digest_of;

/// How often a watcher hears of it.
const EVERY: Duration = Duration::from_millis(100);
/// Bytes of records that are read at once.
const READ_BYTES: usize = 1 << 20;
/// No more findings of a kind than this are sent for a log.
const FINDINGS_MAX: usize = 100;
/// Memory for the pages of the views that are grown for comparison.
const CACHE_BYTES: u64 = 16 << 20;

/// Where the answers go.
pub(super) type Answers = mpsc::Sender<Result<pb::CheckResponse, Status>>;

/// A log to check.
struct Checked {
    /// None = the system log.
    plan: Option<PlanId>,
    directory: PathBuf,
    log: Arc<dyn EventLog>,
}

/// Nobody listens any more.
struct Gone;

/// Checks what was asked for, and reports it.
pub(super) async fn run(node: Arc<Node>, plan: Option<PlanId>, views: bool, answers: Answers) {
    let mut logs = Vec::new();
    if plan.is_none() {
        let directory = node.data.join("system").join("log");
        logs.push(Checked { plan: None, directory, log: node.system.log() });
    }
    for open in node.hosted_plans().await {
        if plan.as_ref().is_none_or(|only| *only == open) {
            let log = node.with_hosted(&open, |hosted| Arc::clone(hosted.ingest.log())).await;
            let directory = node.plan_directory(&open).join("log");
            logs.extend(log.map(|log| Checked { plan: Some(open), directory, log }));
        }
    }
    for log in &logs {
        let Ok(found) = log.check(&node, views, &answers).await else { return };
        if answers.send(Ok(found)).await.is_err() {
            return;
        }
    }
    for (failed, reason) in node.failed_plans().await {
        if plan.as_ref().is_none_or(|only| *only == failed) {
            let findings = vec![finding(FindingKind::NotChecked, 0, reason)];
            let checked = pb::LogCheck { plan: failed.to_string(), findings, ..Default::default() };
            let answer = pb::CheckResponse { plan: failed.to_string(), checked: Some(checked), ..Default::default() };
            drop(answers.send(Ok(answer)).await);
        }
    }
}

impl Checked {
    fn name(&self) -> String {
        self.plan.as_ref().map(ToString::to_string).unwrap_or_default()
    }

    async fn check(&self, node: &Node, views: bool, answers: &Answers) -> Result<pb::CheckResponse, Gone> {
        let (identity, head) = (self.log.identity(), self.log.heads().durable);
        let mut found = pb::LogCheck { plan: self.name(), epoch: identity.epoch, ..Default::default() };
        self.frames(head, &mut found, answers).await?;
        self.keys(Position(found.position), &mut found, answers).await?;
        if let Some(plan) = self.plan.as_ref().filter(|_| views && found.findings.is_empty()) {
            self.views(node, plan, &mut found, answers).await?;
        }
        for finding in &found.findings {
            tracing::error!(
                plan = found.plan,
                kind = finding.kind().as_str_name(),
                finding.position,
                finding.detail,
                "check"
            );
        }
        Ok(pb::CheckResponse { plan: self.name(), checked: Some(found), ..Default::default() })
    }

    async fn frames(&self, head: Position, found: &mut pb::LogCheck, answers: &Answers) -> Result<(), Gone> {
        let (directory, mut voice) = (self.directory.clone(), Voice::new(self.name(), CheckStep::Frames, answers));
        let read = tokio::task::spawn_blocking(move || {
            check_durable(&directory, head, |done, total| drop(voice.say_blocking(done, total)))
        });
        match read.await {
            Ok(Ok(report)) => report_to(found, report),
            Ok(Err(error)) => found.findings.push(finding(FindingKind::Structure, 0, error.to_string())),
            Err(error) => found.findings.push(finding(FindingKind::NotChecked, 0, error.to_string())),
        }
        if answers.is_closed() { Err(Gone) } else { Ok(()) }
    }

    /// Looks every key up, as ingest does before it stores another one.
    async fn keys(&self, head: Position, found: &mut pb::LogCheck, answers: &Answers) -> Result<(), Gone> {
        let mut voice = Voice::new(self.name(), CheckStep::Keys, answers);
        let mut wrong = 0;
        let mut next = Position::FIRST;
        while next <= head {
            let records = match self.log.read(next, READ_BYTES).await {
                Ok(records) => records,
                Err(error) => {
                    found.findings.push(unread(&error, next));
                    break;
                }
            };
            let Some(last) = records.last() else { break };
            next = last.position.next();
            for record in records.iter().filter(|record| record.position <= head) {
                let Err(detail) = self.finds(record).await else { continue };
                wrong += 1;
                if wrong <= FINDINGS_MAX {
                    found.findings.push(finding(FindingKind::KeyNotFound, record.position.0, detail));
                }
            }
            voice.say(next.0 - 1, head.0).await?;
        }
        Ok(())
    }

    async fn finds(&self, record: &StoredRecord) -> Result<(), String> {
        match self.log.find(&record.key).await {
            Ok(Some(found)) if found.position == record.position => Ok(()),
            Ok(Some(found)) => Err(format!("its key leads to position {}", found.position)),
            Ok(None) => Err("its key is not found".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Folds the log into views of their own, up to where those that are read stand, and compares the two.
    async fn views(&self, node: &Node, plan: &PlanId, found: &mut pb::LogCheck, answers: &Answers) -> Result<(), Gone> {
        let (read, position) = match digest_of(node, plan).await {
            Ok(digest) => digest,
            Err(status) => {
                found.findings.push(finding(FindingKind::NotChecked, 0, status.message().to_owned()));
                return Ok(());
            }
        };
        let directory = node.plan_directory(plan).join("views.check");
        let (log, voice) = (Arc::clone(&self.log), Voice::new(self.name(), CheckStep::Views, answers));
        let runtime = tokio::runtime::Handle::current();
        let grown = tokio::task::spawn_blocking(move || {
            let grown = grow(&runtime, log.as_ref(), &directory, Position(position), voice);
            drop(std::fs::remove_dir_all(&directory));
            grown
        });
        match grown.await.unwrap_or_else(|error| Err(error.to_string())) {
            Ok(None) => return Err(Gone),
            Ok(Some(digest)) => {
                (found.views_digest, found.views_digest_position) = (digest.to_vec(), position);
                if found.views_digest != read {
                    let detail = "the views that are read are not what the log makes of them: songhua views rebuild";
                    found.findings.push(finding(FindingKind::ViewsDiffer, position, detail.to_owned()));
                }
            }
            Err(detail) => found.findings.push(finding(FindingKind::NotChecked, 0, detail)),
        }
        Ok(())
    }
}

/// The digest of views that were grown from `log` up to `head`; none = nobody listens any more.
fn grow(
    runtime: &tokio::runtime::Handle,
    log: &dyn EventLog,
    directory: &Path,
    head: Position,
    mut voice: Voice,
) -> Result<Option<[u8; 32]>, String> {
    let failed = |error: &dyn std::fmt::Display| error.to_string();
    // What a check that was cut off has left.
    if directory.exists() {
        std::fs::remove_dir_all(directory).map_err(|error| failed(&error))?;
    }
    let options = Options { cache_bytes: CACHE_BYTES, projector_version: PROJECTOR_VERSION };
    let mut projector = songhua_projector::open(directory, options).map_err(|error| failed(&error))?;
    let identity = log.identity();
    let mut next = Position::FIRST;
    while next <= head {
        let mut records = runtime.block_on(log.read(next, READ_BYTES)).map_err(|error| failed(&error))?;
        records.retain(|record| record.position <= head);
        let Some(last) = records.last() else { return Err(format!("the log has no position {next}")) };
        next = last.position.next();
        let (position, leaf_hash) = (last.position, leaf_hash(&last.bytes));
        let checkpoint = Checkpoint { log_id: identity.log_id, epoch: identity.epoch, position, leaf_hash };
        projector.apply(&records, checkpoint).map_err(|error| failed(&error))?;
        if voice.say_blocking(position.0, head.0).is_err() {
            return Ok(None);
        }
    }
    let (digest, _) = projector.views().digest_at().map_err(|error| failed(&error))?;
    Ok(Some(digest))
}

fn report_to(found: &mut pb::LogCheck, report: CheckReport) {
    found.position = report.head.0;
    found.submission_count = report.submissions;
    found.byte_count = report.bytes;
    found.findings.extend(report.damage.map(|damage| pb::CheckFinding {
        file: damage.file.display().to_string(),
        offset: damage.offset,
        ..finding(FindingKind::Damage, damage.position.0, damage.detail)
    }));
    found.findings.extend(report.duplicates.into_iter().map(|(key, position)| {
        let key = uuid::Uuid::from_bytes(key);
        finding(FindingKind::DuplicateKey, position.0, format!("{key} stands in the log before"))
    }));
}

fn unread(error: &ReadError, next: Position) -> pb::CheckFinding {
    match error {
        ReadError::Damaged { position, detail } => finding(FindingKind::Damage, position.0, detail.clone()),
        ReadError::Io(detail) => finding(FindingKind::NotChecked, next.0, detail.clone()),
    }
}

fn finding(kind: FindingKind, position: u64, detail: String) -> pb::CheckFinding {
    pb::CheckFinding { kind: kind.into(), position, file: String::new(), offset: 0, detail }
}

/// Says how far a step is, now and then.
struct Voice {
    plan: String,
    step: CheckStep,
    answers: Answers,
    said: Instant,
}

impl Voice {
    fn new(plan: String, step: CheckStep, answers: &Answers) -> Self {
        Self { plan, step, answers: answers.clone(), said: Instant::now() }
    }

    /// What there is to say, if it is time again.
    fn now(&mut self, done: u64, total: u64) -> Option<pb::CheckResponse> {
        if self.said.elapsed() < EVERY {
            return None;
        }
        self.said = Instant::now();
        Some(pb::CheckResponse { plan: self.plan.clone(), step: self.step.into(), done, total, checked: None })
    }

    async fn say(&mut self, done: u64, total: u64) -> Result<(), Gone> {
        match self.now(done, total) {
            Some(answer) => self.answers.send(Ok(answer)).await.map_err(|_| Gone),
            None if self.answers.is_closed() => Err(Gone),
            None => Ok(()),
        }
    }

    fn say_blocking(&mut self, done: u64, total: u64) -> Result<(), Gone> {
        match self.now(done, total) {
            Some(answer) => self.answers.blocking_send(Ok(answer)).map_err(|_| Gone),
            None if self.answers.is_closed() => Err(Gone),
            None => Ok(()),
        }
    }
}
