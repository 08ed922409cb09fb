//! `check DIR`: reads every frame of the logs below a directory, offline; changes nothing.

use std::path::{Path, PathBuf};

use serde::Serialize;
use songhua_log::check::{CheckReport, check};

use super::plan::bar;
use super::{Failure, output};

#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// A log directory, or a data directory with logs below it / 日志目录或数据目录
    dir: PathBuf,
}

#[derive(Debug, Serialize)]
struct Found {
    directory: PathBuf,
    records: u64,
    submissions: u64,
    bytes: u64,
    torn_tail_bytes: u64,
    damage: Option<String>,
    duplicate_keys: u64,
}

pub(crate) fn run(args: &CheckArgs, json: bool) -> Result<(), Failure> {
    let directories = logs_below(&args.dir);
    if directories.is_empty() {
        return Err(Failure::Failed(format!("no log in {} or below it / 未找到日志", args.dir.display())));
    }
    let mut found = Vec::new();
    for directory in directories {
        found.push(check_one(directory)?);
    }
    if json {
        output::json(&found)?;
    } else {
        for log in &found {
            output::text(&line(log))?;
        }
    }
    let damaged = found.iter().filter(|log| log.damage.is_some() || log.duplicate_keys > 0).count();
    if damaged == 0 {
        Ok(())
    } else {
        Err(Failure::Damage(format!("{damaged} of {} logs damaged / 发现损坏", found.len())))
    }
}

fn check_one(directory: PathBuf) -> Result<Found, Failure> {
    let bar = bar(0, "bytes");
    let checked = check(&directory, |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let report: CheckReport = checked.map_err(|error| Failure::Damage(error.to_string()))?;
    Ok(Found {
        records: report.records,
        submissions: report.submissions,
        bytes: report.bytes,
        torn_tail_bytes: report.torn_tail.as_ref().map_or(0, |tail| tail.bytes),
        damage: report.damage.map(|damage| {
            let (position, file) = (damage.position, damage.file.display());
            format!("position {position}, {file} at byte {}: {}", damage.offset, damage.detail)
        }),
        duplicate_keys: report.duplicate_keys,
        directory,
    })
}

fn line(log: &Found) -> String {
    let state = match &log.damage {
        Some(damage) => format!("损坏 DAMAGED: {damage}"),
        None if log.duplicate_keys > 0 => format!("损坏 DAMAGED: {} keys stand more than once", log.duplicate_keys),
        None => "完好 ok".to_owned(),
    };
    let tail =
        if log.torn_tail_bytes == 0 { String::new() } else { format!("; torn tail of {} bytes", log.torn_tail_bytes) };
    format!(
        "{}: {} records in {} submissions, {} bytes: {state}{tail}",
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
