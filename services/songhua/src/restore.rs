//! Restore: a data directory made of a backup, in a new epoch of every log.
//!
//! ```text
//! verify every byte of the backup, find the cuts ─▶ copy plan logs ▸ HistoryForked ─▶ system log ▸ Restored, last
//! ```
//! A restore that is broken off leaves a directory without a system log: no server starts from one with plans, and the next
//! restore does not go into it.
//!
//! Place in the flow: the command `restore`, offline; the next start finds logs and makes views and snapshots anew. It must
//! not know how segments are copied.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use songhua_access::AccessState;
use songhua_domain::event::{PlanCreated, Restored, SystemPayload};
use songhua_domain::id::PlanId;
use songhua_log::backup::{
    BackupError, CutAt, LogEntry, MANIFEST, Manifest, Progress, Verified, directory_of, restore_log, verify_log,
};
use songhua_log::{Epoch, Position};
use songhua_wire::record::DecodeError;
use songhua_wire::system::decode_system_event;

use crate::node::SystemLog;

mod compare;
mod fork;

pub(crate) use compare::{Compared, Lost, Old};

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RestoreError {
    /// The backup is not whole, or cannot be read.
    #[error("{0}")]
    Backup(#[from] BackupError),
    /// There is no backup.
    #[error("{0} holds no {MANIFEST}: it is no backup / 该目录不是备份")]
    NoBackup(PathBuf),
    /// What is there would be mixed with what is restored.
    #[error(
        "{0} is not empty: move it away first (mv {0} {0}.before-restore) and keep it / 数据目录非空：请先移走并保留"
    )]
    NotEmpty(String),
    /// The backup does not fit together.
    #[error("{0}")]
    Unfit(String),
    /// A plan would end before it begins.
    #[error(
        "plan {plan} begins with position {position}, recorded at {recorded_time}: nothing of it would be left; choose a later \
         point, or cut another plan alone with --plan / 恢复点早于方案 {plan} 的起点"
    )]
    TooEarly {
        /// The plan.
        plan: PlanId,
        /// Where its first submission ends.
        position: Position,
        /// When that was recorded.
        recorded_time: Timestamp,
    },
    /// Every plan would end before it begins.
    #[error(
        "every plan begins after --to-time: nothing would be left; choose a later moment / 恢复点早于所有方案的起点"
    )]
    NothingLeft,
    /// The directory that was in use cannot be compared: then an epoch that it served might be given out again.
    #[error(
        "--compare: {0}; nothing was written: leave --compare out if that is lost / 原数据目录无法比对，未写入任何内容"
    )]
    Old(String),
    /// A record cannot be read.
    #[error("record {position} of the system log: {source}")]
    Record {
        /// The record.
        position: Position,
        /// What is wrong.
        source: DecodeError,
    },
    /// The plan that is to be cut is none of the backup's.
    #[error("plan {0} is not in the backup / 备份中没有该方案")]
    NoPlan(PlanId),
    /// It cannot be told what is in the data directory.
    #[error("{path}: {detail}; nothing was written / 无法读取数据目录，未写入任何内容")]
    Unreadable {
        /// The data directory.
        path: PathBuf,
        /// What the operating system said.
        detail: String,
    },
    /// A file or log of the new data directory, which was empty.
    #[error(
        "{path}: {detail}; what this restore has begun in {data} is not whole: remove that and begin anew / \
         恢复未完成：请删除此次写入的内容后重来"
    )]
    Failed {
        /// The new data directory.
        data: String,
        /// The path.
        path: PathBuf,
        /// What went wrong.
        detail: String,
    },
}

impl RestoreError {
    /// Whether the backup itself is damaged.
    pub(crate) const fn is_damage(&self) -> bool {
        match self {
            Self::Backup(error) => error.is_damage(),
            Self::Unfit(_) | Self::Record { .. } => true,
            _ => false,
        }
    }

    fn failed(wanted: &Wanted, path: &Path, error: impl ToString) -> Self {
        Self::Failed { data: wanted.data.display().to_string(), path: path.to_owned(), detail: error.to_string() }
    }
}

/// What is to be restored.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// The backup.
    pub(crate) backup: PathBuf,
    /// The new data directory.
    pub(crate) data: PathBuf,
    /// Where plans are to end; none = with the backup.
    pub(crate) cut: Option<CutAt>,
    /// The plan that the cut is for; none = all.
    pub(crate) plan: Option<PlanId>,
    /// Why it is restored.
    pub(crate) reason: String,
    /// The data directory that was in use, if it is still there.
    pub(crate) old: Option<Old>,
}

/// What was restored of a log.
#[derive(Debug)]
pub(crate) struct RestoredLog {
    /// The plan; none = the system log.
    pub(crate) plan: Option<PlanId>,
    /// The epoch that was backed up, and the one that begins.
    pub(crate) epochs: (Epoch, Epoch),
    /// Records in the backup.
    pub(crate) old_size: u64,
    /// Records that stay.
    pub(crate) new_size: u64,
    /// When the last of them was recorded.
    pub(crate) recorded_time: Timestamp,
    /// What the old directory had and they have not, or why that cannot be told.
    pub(crate) compared: Result<Compared, String>,
}

/// What was restored.
#[derive(Debug)]
pub(crate) struct Done {
    /// When the backup was made.
    pub(crate) backup_time: Timestamp,
    /// The system log, then each plan.
    pub(crate) logs: Vec<RestoredLog>,
    /// Plans of the system log that the backup has no log of.
    pub(crate) missing: Vec<PlanId>,
    /// Plans of the backup that the system log does not know.
    pub(crate) unknown: Vec<String>,
    /// Plans that began after the moment that was asked for.
    pub(crate) too_late: Vec<PlanId>,
    /// Who is let in from now on.
    pub(crate) access: AccessState,
}

/// A log of the backup that was read and found whole.
struct Whole<'a> {
    entry: &'a LogEntry,
    verified: Verified,
    /// The epoch that the old directory served.
    served: Option<Epoch>,
}

/// Restores. `progress` is told bytes that were read or copied.
///
/// # Errors
/// See [`RestoreError`]. Until every byte of the backup was verified nothing is written.
pub(crate) async fn restore(wanted: &Wanted, progress: Progress<'_>) -> Result<Done, RestoreError> {
    let manifest = Manifest::read(&wanted.backup)?.ok_or_else(|| RestoreError::NoBackup(wanted.backup.clone()))?;
    let unfit = |detail: String| RestoreError::Unfit(format!("{}: {detail}", wanted.backup.display()));
    let backup_time: Timestamp = manifest.time.parse().map_err(|_| unfit(format!("time {:?}", manifest.time)))?;
    must_be_empty(&wanted.data)?;
    let system = manifest.log(None).ok_or_else(|| unfit("it has no system log".to_owned()))?;
    let (system, deployment) = verify_system(wanted, system, progress)?;
    let (whole, too_late) = verify_plans(wanted, &manifest, &deployment, progress)?;
    let is_known = |name: &String| deployment.plans.keys().any(|plan| plan.as_str() == name);
    let unknown = manifest.logs.iter().filter_map(|log| log.plan.clone()).filter(|name| !is_known(name)).collect();
    let (mut logs, mut missing) = (Vec::new(), Vec::new());
    for (plan, created) in &deployment.plans {
        let Some(whole) = whole.get(plan) else {
            if !too_late.contains(plan) {
                missing.push(plan.clone());
            }
            continue;
        };
        logs.push(restore_plan(wanted, created, whole, backup_time, progress).await?);
    }
    logs.insert(0, restore_system(wanted, &system, backup_time, progress).await?);
    Ok(Done { backup_time, logs, missing, unknown, too_late, access: deployment.access })
}

fn must_be_empty(data: &Path) -> Result<(), RestoreError> {
    let is_empty = match std::fs::read_dir(data) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => return Err(RestoreError::Unreadable { path: data.to_owned(), detail: error.to_string() }),
    };
    if is_empty { Ok(()) } else { Err(RestoreError::NotEmpty(data.display().to_string())) }
}

/// What the system log says.
#[derive(Default)]
struct Deployment {
    access: AccessState,
    plans: BTreeMap<PlanId, PlanCreated>,
}

fn verify_system<'a>(
    wanted: &Wanted,
    entry: &'a LogEntry,
    progress: Progress<'_>,
) -> Result<(Whole<'a>, Deployment), RestoreError> {
    let (mut deployment, mut fault) = (Deployment::default(), None);
    let mut each = |records: &[songhua_log::StoredRecord]| {
        for record in records {
            match decode_system_event(&record.bytes) {
                Ok(event) => {
                    deployment.access.evolve(&event);
                    if let SystemPayload::PlanCreated(created) = event.payload {
                        deployment.plans.insert(created.plan.clone(), created);
                    }
                }
                Err(source) => drop(fault.get_or_insert(RestoreError::Record { position: record.position, source })),
            }
        }
    };
    let verified = verify_log(&wanted.backup, entry, CutAt::Head, &mut each, progress)?;
    let served = served(wanted, entry)?;
    fault.map_or(Ok((Whole { entry, verified, served }, deployment)), Err)
}

fn served(wanted: &Wanted, entry: &LogEntry) -> Result<Option<Epoch>, RestoreError> {
    wanted.old.as_ref().map_or(Ok(None), |old| old.epoch(entry)).map_err(RestoreError::Old)
}

/// Reads the logs of all plans, and finds where each is to end. Where all are cut at one moment, those that began after it
/// are left out, and named.
fn verify_plans<'a>(
    wanted: &Wanted,
    manifest: &'a Manifest,
    deployment: &Deployment,
    progress: Progress<'_>,
) -> Result<(BTreeMap<PlanId, Whole<'a>>, Vec<PlanId>), RestoreError> {
    let (mut whole, mut too_late) = (BTreeMap::new(), Vec::new());
    for (plan, created) in &deployment.plans {
        let Some(entry) = manifest.log(Some(plan.as_str())) else { continue };
        if entry.log_id != created.log_id {
            let (theirs, ours) = (entry.log_id, created.log_id);
            return Err(RestoreError::Unfit(format!("plan {plan}: log {theirs}, the system log says {ours}")));
        }
        let is_cut = wanted.plan.as_ref().is_none_or(|only| only == plan);
        let cut_at = wanted.cut.filter(|_| is_cut).unwrap_or(CutAt::Head);
        let verified = verify_log(&wanted.backup, entry, cut_at, &mut |_| {}, progress);
        if wanted.plan.is_none() && matches!(verified, Err(BackupError::NothingBefore { .. })) {
            too_late.push(plan.clone());
            continue;
        }
        let verified = verified.map_err(|error| too_early(plan, error))?;
        whole.insert(plan.clone(), Whole { entry, verified, served: served(wanted, entry)? });
    }
    match &wanted.plan {
        Some(plan) if !whole.contains_key(plan) => Err(RestoreError::NoPlan(plan.clone())),
        _ if whole.is_empty() && !too_late.is_empty() => Err(RestoreError::NothingLeft),
        _ => Ok((whole, too_late)),
    }
}

fn too_early(plan: &PlanId, error: BackupError) -> RestoreError {
    match error {
        BackupError::NothingBefore { position, recorded_time_us, .. } => {
            RestoreError::TooEarly { plan: plan.clone(), position, recorded_time: moment(recorded_time_us) }
        }
        error => error.into(),
    }
}

fn moment(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or_default()
}

async fn restore_plan(
    wanted: &Wanted,
    created: &PlanCreated,
    whole: &Whole<'_>,
    backup_time: Timestamp,
    progress: Progress<'_>,
) -> Result<RestoredLog, RestoreError> {
    let plan = &created.plan;
    let directory = wanted.data.join(directory_of(Some(plan.as_str())));
    let restored = copy(wanted, Some(plan), whole, &directory, progress)?;
    let fork = fork::Fork { created, whole: &whole.verified, entry: whole.entry, epoch: restored.epochs.1 };
    let reason = reason(wanted, backup_time);
    fork.write(&directory, reason).await.map_err(|error| RestoreError::failed(wanted, &directory, error))?;
    Ok(restored)
}

fn reason(wanted: &Wanted, backup_time: Timestamp) -> String {
    format!("{} (backup of {backup_time})", wanted.reason)
}

/// The system log comes last and takes its name at the very end: without it no server starts.
async fn restore_system(
    wanted: &Wanted,
    whole: &Whole<'_>,
    backup_time: Timestamp,
    progress: Progress<'_>,
) -> Result<RestoredLog, RestoreError> {
    let (begun, system) = (wanted.data.join("system.restoring"), wanted.data.join("system"));
    let failed = |error: &dyn std::fmt::Display| RestoreError::failed(wanted, &begun, error);
    let restored = copy(wanted, None, whole, &begun.join("log"), progress)?;
    let log = SystemLog::open(&begun.join("log")).await.map_err(|error| failed(&error))?;
    let payload = Restored {
        old_epoch: restored.epochs.0,
        epoch: restored.epochs.1,
        old_size: restored.old_size,
        old_root: whole.verified.root,
        backup_time,
        reason: wanted.reason.clone(),
    };
    let appended = log.append("system", SystemPayload::Restored(payload)).await;
    log.close().await;
    appended.map_err(|error| failed(&error))?;
    let renamed = std::fs::rename(&begun, &system).and_then(|()| std::fs::File::open(&wanted.data)?.sync_all());
    renamed.map_err(|error| failed(&error))?;
    Ok(restored)
}

fn copy(
    wanted: &Wanted,
    plan: Option<&PlanId>,
    whole: &Whole<'_>,
    directory: &Path,
    progress: Progress<'_>,
) -> Result<RestoredLog, RestoreError> {
    let Whole { entry, verified, served } = whole;
    let old = wanted.old.as_ref();
    // Above every epoch that is known to have been served.
    let epoch = served.unwrap_or(0).max(entry.epoch) + 1;
    restore_log(&wanted.backup, entry, &verified.cut, epoch, directory, progress)
        .map_err(|error| RestoreError::failed(wanted, directory, error))?;
    let new_size = verified.cut.position.0;
    let compared = match old {
        Some(old) if plan.is_some() => {
            // Of another epoch, the two may have parted before.
            let is_same = *served == Some(entry.epoch);
            let common = if is_same { Ok(new_size) } else { old.common(entry, directory) };
            common.and_then(|common| old.behind(entry, common)).map_err(|error| error.to_string())
        }
        _ => Ok(Compared::default()),
    };
    Ok(RestoredLog {
        plan: plan.cloned(),
        epochs: (entry.epoch, epoch),
        old_size: entry.head,
        new_size,
        recorded_time: moment(verified.cut.recorded_time_us),
        compared,
    })
}
