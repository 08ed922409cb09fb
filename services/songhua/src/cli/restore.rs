//! `restore BACKUP`: makes a data directory of a backup, offline, and says what comes next.

use std::collections::BTreeSet;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;
use songhua_access::{AccessState, Grant};
use songhua_domain::id::PlanId;
use songhua_log::Position;
use songhua_log::backup::{CutAt, Manifest};
use uuid::Uuid;

use super::plan::bar;
use super::{Failure, output};
use crate::restore::{Compared, Done, Lost, Old, RestoreError, RestoredLog, Wanted, restore};

#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArgs {
    /// The backup; the new data directory is --data, which must be empty or missing / 备份目录；数据目录（--data）须为空
    backup: PathBuf,
    /// End with the last whole submission at or before this position; with --plan / 恢复到某一位置
    #[arg(long, value_name = "N", requires = "plan", conflicts_with = "to_time")]
    to_position: Option<u64>,
    /// End with what was recorded at or before this moment, for example 2026-11-01T00:00:00+08:00 / 恢复到某一时刻
    #[arg(long, value_name = "TIME")]
    to_time: Option<Timestamp>,
    /// The plan that is cut; the others are restored whole / 要截断的方案
    #[arg(long)]
    plan: Option<PlanId>,
    /// Why, for the record that everybody downstream will read / 恢复原因
    #[arg(long, default_value = "restored from a backup / 自备份恢复")]
    reason: String,
    /// The data directory that was in use, moved away: what it has and the restored one has not is listed / 原数据目录，用于比对
    #[arg(long, value_name = "DIR")]
    compare: Option<PathBuf>,
}

/// What was restored, as JSON.
#[derive(Serialize)]
struct Report {
    data: PathBuf,
    backup_time: Timestamp,
    logs: Vec<LogReport>,
    missing_plans: Vec<PlanId>,
    unknown_plans: Vec<String>,
    too_late_plans: Vec<PlanId>,
    grants: Vec<GrantReport>,
}

#[derive(Serialize)]
struct LogReport {
    plan: Option<PlanId>,
    epoch: u32,
    old_epoch: u32,
    backup_records: u64,
    records: u64,
    recorded_time: Timestamp,
    lost: Vec<Lost>,
    /// Of what it is not known whether it was lost, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_compared: Vec<String>,
}

/// Somebody who is let in.
#[derive(Serialize)]
struct GrantReport {
    grant_id: Uuid,
    principal: String,
    role: &'static str,
    agency: String,
    plan: String,
    grant_time: Timestamp,
    /// Whether the old directory says that it was revoked.
    revoked_since: bool,
}

pub(crate) async fn run(data: Option<PathBuf>, args: RestoreArgs, json: bool) -> Result<(), Failure> {
    if args.plan.is_some() && args.to_position.is_none() && args.to_time.is_none() {
        return Err(Failure::Usage(
            "--plan says which plan is cut: give --to-position or --to-time / 缺少截断位置".into(),
        ));
    }
    let cut = match (args.to_position, args.to_time) {
        (Some(position), _) => Some(CutAt::Position(Position(position))),
        (None, Some(time)) => Some(CutAt::Time(time.as_microsecond())),
        (None, None) => None,
    };
    let wanted = Wanted {
        backup: args.backup,
        data: data.unwrap_or_else(|| PathBuf::from("data")),
        cut,
        plan: args.plan,
        reason: args.reason,
        old: args.compare.map(Old),
    };
    let revoked = revoked(wanted.old.as_ref())?;
    // Every byte is read once, and copied once.
    let bytes =
        Manifest::read(&wanted.backup).ok().flatten().map_or(0, |it| it.logs.iter().map(|log| log.bytes()).sum());
    let bar = bar(2 * bytes, "恢复 bytes");
    let restored = restore(&wanted, &mut |bytes| {
        bar.inc(bytes);
        true
    })
    .await;
    bar.finish_and_clear();
    let done = restored.map_err(failed)?;
    let report = Report::of(&wanted, done, &revoked);
    if json {
        output::json(&report)?
    } else {
        report.print()?
    }
    let left_out = report.left_out();
    if left_out.is_empty() { Ok(()) } else { Err(Failure::Failed(left_out.join("\n"))) }
}

fn failed(error: RestoreError) -> Failure {
    match error {
        RestoreError::NoPlan(_) => Failure::Usage(error.to_string()),
        error if error.is_damage() => Failure::Damage(error.to_string()),
        error => Failure::failed(error),
    }
}

/// Grants that the old directory says were revoked.
fn revoked(old: Option<&Old>) -> Result<BTreeSet<Uuid>, Failure> {
    let Some(old) = old else { return Ok(BTreeSet::new()) };
    let access = old.access().map_err(Failure::failed)?;
    Ok(access.grants().filter(|grant| grant.revoke_time.is_some()).map(|grant| grant.granted.grant_id).collect())
}

impl Report {
    fn of(wanted: &Wanted, done: Done, revoked: &BTreeSet<Uuid>) -> Self {
        Self {
            data: wanted.data.clone(),
            backup_time: done.backup_time,
            grants: valid(&done.access).map(|grant| GrantReport::of(grant, revoked)).collect(),
            logs: done.logs.into_iter().map(LogReport::of).collect(),
            missing_plans: done.missing,
            unknown_plans: done.unknown,
            too_late_plans: done.too_late,
        }
    }

    /// Which plans were not restored, and why.
    fn left_out(&self) -> Vec<String> {
        let missing = self.missing_plans.iter().map(|plan| format!("{plan}: the backup has no log of it"));
        let unknown = self.unknown_plans.iter().map(|plan| format!("{plan}: the backup's system log does not know it"));
        let too_late = self.too_late_plans.iter().map(|plan| format!("{plan}: it began after --to-time"));
        missing.chain(unknown).chain(too_late).map(|it| format!("not restored 未恢复 {it}")).collect()
    }

    fn print(&self) -> Result<(), Failure> {
        output::text(&format!("backup of / 备份时间 {}", self.backup_time))?;
        for log in &self.logs {
            output::text(&log.line())?;
            for fault in &log.not_compared {
                output::text(&format!("  not compared 未能比对: {fault}"))?;
            }
            for lost in &log.lost {
                let agency = lost.agency.as_deref().unwrap_or("-");
                output::text(&format!("  lost 丢失 {} {} {} {agency}", lost.position, lost.event_id, lost.event_type))?;
            }
        }
        output::text(&"valid grants, also those that were revoked since the backup / 有效授权（含备份后已吊销的）:")?;
        for grant in &self.grants {
            output::text(&grant.line())?;
        }
        let data = self.data.display();
        output::text(&format!(
            "next / 下一步:\n\
             1. songhua check {data}\n\
             2. songhua admin token --data {data}    (a new administrator's token 新的管理员令牌)\n\
             3. start the server; revoke what should not be valid: songhua admin revoke GRANT --reason … / 启动后吊销不应有效的授权\n\
             4. every agency pushes again what it has sent since {}: what is there is answered as a duplicate / 各单位重新报送",
            self.backup_time
        ))
    }
}

fn valid(access: &AccessState) -> impl Iterator<Item = &Grant> {
    let now = Timestamp::now();
    let is_valid =
        move |grant: &&Grant| grant.revoke_time.is_none() && grant.granted.expires.is_none_or(|expires| expires > now);
    access.grants().filter(is_valid)
}

impl LogReport {
    fn of(log: RestoredLog) -> Self {
        let (lost, not_compared) = match log.compared {
            Ok(Compared { lost, damaged }) => (lost, damaged),
            Err(fault) => (Vec::new(), vec![fault]),
        };
        Self {
            plan: log.plan,
            epoch: log.epochs.1,
            old_epoch: log.epochs.0,
            backup_records: log.old_size,
            records: log.new_size,
            recorded_time: log.recorded_time,
            lost,
            not_compared,
        }
    }

    fn line(&self) -> String {
        let name = self.plan.as_ref().map_or("system", PlanId::as_str);
        let Self { epoch, old_epoch, records, backup_records, recorded_time, .. } = self;
        let cut = if records < backup_records {
            format!("; positions {} to {backup_records} of the backup are left out 已截去", records + 1)
        } else {
            String::new()
        };
        format!("{name}: {records} records up to {recorded_time}, epoch {old_epoch} → {epoch}{cut}")
    }
}

impl GrantReport {
    fn of(grant: &Grant, revoked: &BTreeSet<Uuid>) -> Self {
        let granted = &grant.granted;
        Self {
            grant_id: granted.grant_id,
            principal: granted.principal.clone(),
            role: granted.role.code(),
            agency: granted.agency.as_ref().map(ToString::to_string).unwrap_or_default(),
            plan: granted.plan.as_ref().map(ToString::to_string).unwrap_or_default(),
            grant_time: grant.grant_time,
            revoked_since: revoked.contains(&granted.grant_id),
        }
    }

    fn line(&self) -> String {
        let Self { grant_id, principal, role, agency, plan, .. } = self;
        let revoked = if self.revoked_since { "  REVOKED SINCE 备份后已吊销" } else { "" };
        let shown = |text: &str| if text.is_empty() { "*".to_owned() } else { text.to_owned() };
        format!("  {grant_id}  {principal}  {role}  {}  {}{revoked}", shown(agency), shown(plan))
    }
}
