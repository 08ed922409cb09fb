//! `backup DIR`: has the running server back itself up.

use std::path::PathBuf;

use songhua_wire::pb;
use songhua_wire::pb::admin_service_client::AdminServiceClient;

use super::plan::bar;
use super::{Connect, Failure, client, output};

#[derive(Debug, clap::Args)]
pub(crate) struct BackupArgs {
    /// Directory on the server's machine, best on another disk; a second backup into it copies only what is new / 备份目录
    dir: PathBuf,
    /// Read again what is there already, and copy anew what is damaged / 重新校验已有备份
    #[arg(long)]
    verify_all: bool,
}

pub(crate) async fn run(connect: &Connect, args: BackupArgs, json: bool) -> Result<(), Failure> {
    let directory = std::path::absolute(&args.dir).map_err(Failure::failed)?;
    let request =
        pb::BackupRequest { directory: directory.to_string_lossy().into_owned(), verify_all: args.verify_all };
    let mut admin = AdminServiceClient::new(client::connect(connect).await?);
    let mut answers = admin.backup(request).await.map_err(client::failed)?.into_inner();
    let bar = bar(0, "备份 bytes");
    let mut summary = None;
    while let Some(answer) = answers.message().await.map_err(client::failed)? {
        bar.set_length(answer.total_bytes);
        bar.set_position(answer.done_bytes);
        summary = answer.summary;
    }
    bar.finish_and_clear();
    let summary = summary.ok_or_else(|| {
        Failure::Unreachable("the server ended before the backup was whole; the one before counts / 备份未完成".into())
    })?;
    if json {
        output::json(&summary)?;
    } else {
        for log in &summary.logs {
            output::text(&line(log))?;
        }
    }
    match summary.logs.iter().filter(|log| !log.fault.is_empty()).count() {
        0 => Ok(()),
        faults => Err(Failure::Failed(format!(
            "{faults} of {} logs could not be copied; the backup has of them what it had before / 部分日志未能备份",
            summary.logs.len()
        ))),
    }
}

fn line(log: &pb::LogBackup) -> String {
    let pb::LogBackup { epoch, record_count, copied_bytes, kept_bytes, .. } = log;
    let name = if log.plan.is_empty() { "system" } else { &log.plan };
    let mut line =
        format!("{name}: {record_count} records, epoch {epoch}: {copied_bytes} bytes copied, {kept_bytes} were there");
    if log.mended_count > 0 {
        line.push_str(&format!("; {} damaged segments mended 已修复", log.mended_count));
    }
    let state =
        if log.fault.is_empty() { "完好 ok".to_owned() } else { format!("未备份 NOT COPIED: {}", log.fault) };
    format!("{line}: {state}")
}
