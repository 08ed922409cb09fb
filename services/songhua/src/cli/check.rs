//! `check`: reads every frame of the logs below a directory or of a backup, offline, or has the running server check itself;
//! changes nothing.

use std::path::{Path, PathBuf};

use serde::Serialize;
use songhua_log::OpenError;
use songhua_log::backup::{BackupError, CutAt, LogEntry, MANIFEST, Manifest, verify_log};
use songhua_log::check::{CheckReport, check};
use songhua_wire::pb::admin_service_client::AdminServiceClient;
use songhua_wire::pb::{self, CheckStep, FindingKind};

use super::plan::bar;
use super::{Connect, Failure, client, output, serve};
use crate::node::hex;

#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// A log directory, a data directory with logs below it, or a backup / 日志目录、数据目录或备份目录
    #[arg(required_unless_present = "online")]
    dir: Option<PathBuf>,
    /// Have the running server check its logs: frames, and every key by the index / 在线检查
    #[arg(long, conflicts_with = "dir")]
    online: bool,
    /// With --online: only this plan / 仅检查该方案
    #[arg(long, requires = "online")]
    plan: Option<String>,
    /// With --online: also compare the views with what the logs make of them; offline nobody can / 同时比对视图
    #[arg(long, requires = "online")]
    views: bool,
}

#[derive(Debug, Default, Serialize)]
struct Found {
    directory: PathBuf,
    epoch: u32,
    records: u64,
    submissions: u64,
    bytes: u64,
    torn_tail_bytes: u64,
    damage: Option<String>,
    /// Why it could not be read to its end; nothing is known of its bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    unread: Option<String>,
    duplicate_keys: u64,
    /// Companions to be made again; the next start does.
    companions: Vec<PathBuf>,
}

pub(crate) fn run(connect: &Connect, args: CheckArgs, json: bool) -> Result<(), Failure> {
    let Some(dir) = args.dir else { return serve::block_on(online(connect, args, json)) };
    let found = if dir.join(MANIFEST).exists() { check_backup(&dir)? } else { check_logs(&dir)? };
    if json {
        output::json(&found)?;
    } else {
        for log in &found {
            output::text(&line(log))?;
        }
    }
    verdict(found.iter().filter(|log| log.damage.is_some() || log.duplicate_keys > 0).count(), found.len())?;
    not_checked(found.iter().filter(|log| log.unread.is_some()).count(), found.len())
}

fn not_checked(unchecked: usize, logs: usize) -> Result<(), Failure> {
    match unchecked {
        0 => Ok(()),
        unchecked => Err(Failure::Failed(format!("{unchecked} of {logs} logs could not be checked / 未能检查"))),
    }
}

fn verdict(damaged: usize, logs: usize) -> Result<(), Failure> {
    match damaged {
        0 => Ok(()),
        damaged => Err(Failure::Damage(format!("{damaged} of {logs} logs damaged / 发现损坏"))),
    }
}

fn check_logs(dir: &Path) -> Result<Vec<Found>, Failure> {
    let directories = logs_below(dir);
    if directories.is_empty() {
        return Err(Failure::Failed(format!("no log in {} or below it / 未找到日志", dir.display())));
    }
    directories.into_iter().map(check_one).collect()
}

/// One log that is no log hides none of the others; one that cannot be read says nothing about its bytes.
fn check_one(directory: PathBuf) -> Result<Found, Failure> {
    let bar = bar(0, "bytes");
    let checked = check(&directory, |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let report: CheckReport = match checked {
        Ok(report) => report,
        Err(OpenError::Io { path, detail }) => {
            return Ok(Found { unread: Some(format!("{}: {detail}", path.display())), directory, ..Found::default() });
        }
        Err(error) => return Ok(Found { damage: Some(error.to_string()), directory, ..Found::default() }),
    };
    Ok(Found {
        unread: None,
        epoch: report.identity.epoch,
        records: report.records,
        submissions: report.submissions,
        bytes: report.bytes,
        torn_tail_bytes: report.torn_tail.as_ref().map_or(0, |tail| tail.bytes),
        damage: report.damage.map(|damage| {
            let (position, file) = (damage.position, damage.file.display());
            format!("position {position}, {file} at byte {}: {}", damage.offset, damage.detail)
        }),
        duplicate_keys: report.duplicate_keys,
        companions: report.companions,
        directory,
    })
}

/// A backup is what its manifest says: every byte is compared with that.
fn check_backup(dir: &Path) -> Result<Vec<Found>, Failure> {
    let failed = |error: BackupError| {
        if error.is_damage() { Failure::Damage(error.to_string()) } else { Failure::failed(error) }
    };
    let manifest = Manifest::read(dir).map_err(failed)?;
    let logs = manifest.map(|manifest| manifest.logs).unwrap_or_default();
    let bar = bar(logs.iter().map(LogEntry::bytes).sum(), "bytes");
    let mut found = Vec::new();
    for entry in &logs {
        let verified = verify_log(dir, entry, CutAt::Head, &mut |_| {}, &mut |bytes| {
            bar.inc(bytes);
            true
        });
        found.push(Found {
            directory: dir.join(entry.directory()),
            epoch: entry.epoch,
            records: entry.head,
            submissions: verified.as_ref().map_or(0, |verified| verified.submissions),
            bytes: entry.bytes(),
            torn_tail_bytes: 0,
            damage: verified.as_ref().err().filter(|error| error.is_damage()).map(BackupError::to_string),
            unread: verified.as_ref().err().filter(|error| !error.is_damage()).map(BackupError::to_string),
            duplicate_keys: 0,
            companions: Vec::new(),
        });
    }
    bar.finish_and_clear();
    Ok(found)
}

fn line(log: &Found) -> String {
    let state = match log.damage.as_ref().or(log.unread.as_ref()) {
        Some(unread) if log.damage.is_none() => format!("未检查 NOT CHECKED: {unread}"),
        Some(damage) => format!("损坏 DAMAGED: {damage}"),
        None if log.duplicate_keys > 0 => format!("损坏 DAMAGED: {} keys stand more than once", log.duplicate_keys),
        None => "完好 ok".to_owned(),
    };
    let tail =
        if log.torn_tail_bytes == 0 { String::new() } else { format!("; torn tail of {} bytes", log.torn_tail_bytes) };
    let companions = match log.companions.len() {
        0 => String::new(),
        count => format!("; {count} companions (.idx) to be made again at the next start"),
    };
    format!(
        "{}: {} records in {} submissions, {} bytes: {state}{tail}{companions}",
        log.directory.display(),
        log.records,
        log.submissions,
        log.bytes
    )
}

/// The directory itself if it holds segments, else those below it, in order.
fn logs_below(dir: &Path) -> Vec<PathBuf> {
    let entries: Vec<_> = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    if entries.iter().any(|path| path.extension().is_some_and(|end| end == "seg")) {
        return vec![dir.to_owned()];
    }
    let mut below: Vec<_> =
        entries.into_iter().filter(|path| path.is_dir()).flat_map(|path| logs_below(&path)).collect();
    below.sort_unstable();
    below
}

async fn online(connect: &Connect, args: CheckArgs, json: bool) -> Result<(), Failure> {
    let request = pb::CheckRequest { plan: args.plan.unwrap_or_default(), views: args.views };
    let mut admin = AdminServiceClient::new(client::connect(connect).await?);
    let mut answers = admin.check(request).await.map_err(client::failed)?.into_inner();
    let bar = bar(0, "");
    let mut checked = Vec::new();
    while let Some(answer) = answers.message().await.map_err(client::failed)? {
        bar.set_message(format!("{} {}", name(&answer.plan), step(answer.step())));
        bar.set_length(answer.total);
        bar.set_position(answer.done);
        checked.extend(answer.checked);
    }
    bar.finish_and_clear();
    if checked.is_empty() {
        return Err(Failure::Unreachable("the server ended the check without an answer / 检查中断".into()));
    }
    if json {
        output::json(&checked)?;
    } else {
        for log in &checked {
            output::text(&checked_line(log))?;
        }
    }
    let has = |log: &&pb::LogCheck, kind: FindingKind| log.findings.iter().any(|finding| finding.kind() == kind);
    let unchecked = checked.iter().filter(|log| has(log, FindingKind::NotChecked)).count();
    verdict(checked.iter().filter(|log| !log.findings.is_empty()).count() - unchecked, checked.len())?;
    not_checked(unchecked, checked.len())
}

fn name(plan: &str) -> &str {
    if plan.is_empty() { "system" } else { plan }
}

const fn step(step: CheckStep) -> &'static str {
    match step {
        CheckStep::Frames => "字节 bytes",
        CheckStep::Keys => "键 keys",
        CheckStep::Views => "视图 views",
        CheckStep::Unspecified => "",
    }
}

fn checked_line(log: &pb::LogCheck) -> String {
    let pb::LogCheck { position, submission_count, byte_count, .. } = log;
    let state = if log.findings.is_empty() { "完好 ok" } else { "损坏 DAMAGED" };
    let views = match log.views_digest.as_slice() {
        [] => String::new(),
        digest => format!("; views 视图 {} @ {}", hex(digest), log.views_digest_position),
    };
    let mut text = format!(
        "{}: {position} records in {submission_count} submissions, {byte_count} bytes: {state}{views}",
        name(&log.plan)
    );
    for finding in &log.findings {
        let kind = finding.kind().as_str_name().trim_start_matches("FINDING_KIND_");
        text.push_str(&format!("\n  {kind} position {}: {}", finding.position, finding.detail));
        if !finding.file.is_empty() {
            text.push_str(&format!(" ({} at byte {})", finding.file, finding.offset));
        }
    }
    text
}
