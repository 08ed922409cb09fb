//! `push FILE`: events from NDJSON, or a ledger (台账) from CSV or a workbook; `push --template` writes a ledger to fill in.
//!
//! One batch is under way at a time, so no row can be stored ahead of an earlier one. Running the same file again
//! resumes: what is stored comes back as a duplicate, or is seen to be there.

mod agency;
mod events;
mod ledger;
mod rows;
mod sender;
mod template;

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};

use songhua_wire::pb;
use songhua_wire::pb::admin_service_client::AdminServiceClient;

use super::client::{self, Authorised};
use super::{Connect, Failure};
use ledger::LedgerEncoding;

const HELP: &str = "\
NDJSON: one EventInput as proto3-JSON a line.
  A line without eventId gets an id made of the agency (--agency, else the token's), what the line speaks of, and its \"revision\".
  To report the same thing anew, as after a retraction, give the line a revision that it has not had:
    {\"revision\": 1, \"measurementReported\": {…}}
  没有 eventId 的行，其编号由单位（--agency，缺省为令牌所属单位）、内容主题和 revision 生成；撤回后重新上报时，请给该行加 \"revision\": 1（再次则为 2，依此类推）

台账 ledger (.xlsx, .csv): the one sheet with a header; or UTF-8 or GB18030, comma or tab. Columns in any order, named in Chinese
or English.
  figure 数据行    区域 area*  指标 indicator*  维度 dimension  口径 basis  期间 period*  数值 value  单位 unit
                   分子 numerator  分母 denominator  状态 obs_status
  milestone 节点行 项目 project*  节点 milestone*  进展 progress*  日期 date  完成比例 percent  说明 shortfall
  both 两者        来源 source_ref  备注 comment
  changed 改数     更正原因 reason (it was wrong) or 修订原因 revision (better data came): a figure that is stored with another
                   value needs one of them
  口径 basis       期末数/时点 STOCK_AT, 本期数/当期 PERIOD, 本年累计/年初至今 YEAR_TO_DATE, 规划期累计/累计 PLAN_TO_DATE,
                   全年数 FULL_YEAR; empty where the indicator has one only
  期间 period      2026年  2026年10月  2026-10  2026年第3季度  2026Q3  2026年上半年  2026-09-30  2026年1-9月
                   2026-01-01..2026-09-30; a level (期末数) is of its last day; 2026.10 is refused,
                   since spreadsheets make 2026.1 of it 不接受 2026.10（电子表格会改写为 2026.1）
  单位 unit        the indicator's (empty), or 元, 万元, 亿元, 万家, ‰ …: converted exactly, never rounded
  状态 obs_status  正式 A, 初步 P, 估计 E, 未核实 V …; empty: V, and with a correction as it was; 无变化 nothing: nothing to
                   report, without a value
  进展 progress    已达成 reached, 部分达成 partially, 未达成 missed, 调整 rescheduled, 取消 cancelled
  Columns whose names begin with _ and rows that begin with # are passed over; rows left empty count as not filled in.
  Every row is checked before anything is sent; with a bad row nothing is sent, unless --partial.
  先全部校验再发送；有误时一行也不发送，除非加 --partial（仅发送无误的行，退出码 4）
  At most 1000 rows and 900 KiB are stored whole or not at all, a longer ledger in parts of that size: whether a part
  contradicts the parts before it is checked only when it is sent; if it is refused, those stay.
  超过 1000 行（或 900 KiB）时分批入库：与前面各批是否矛盾，到发送该批时才能校验；若某批被拒绝，此前各批已入库
  On a terminal you are asked before it is sent. Where stdin or stderr is none (cron, pipes) the preview is printed and the
  ledger sent unasked, as with --yes; --json sends unasked without a preview; --dry-run only looks.
  在终端上先询问再发送；不在终端上（定时任务、管道）打印预览后直接发送，--json 不预览直接发送；--dry-run 只看不发";

const ONLY_CSV: &str =
    "--encoding goes with CSV ledgers only: workbooks and NDJSON have one encoding / --encoding 仅用于 CSV 台账";

/// What `push` is told.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct PushArgs {
    /// NDJSON file, or a ledger as XLSX or CSV; '-' = standard input / NDJSON 文件，或 XLSX、CSV 台账
    #[arg(required_unless_present = "template", conflicts_with = "template")]
    file: Option<PathBuf>,
    /// The plan, if there is more than one / 方案
    #[arg(long)]
    plan: Option<String>,
    /// Your agency, where the token is not of one; event ids are made of it / 本单位（令牌不属于单位时须提供）
    #[arg(long)]
    agency: Option<String>,
    /// Events in one request, at most 1000; less where they are large [default: 500, ledgers 1000] / 每次请求的事件数
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1000))]
    batch: Option<u16>,
    /// Only check, store nothing: each request by itself, so rows that need earlier ones may be refused / 仅校验
    #[arg(long, visible_alias = "dry-run")]
    validate_only: bool,
    /// Ledgers: send the good rows although others are bad / 有误时仍发送无误的行
    #[arg(long)]
    partial: bool,
    /// Ledgers: do not ask before sending; only a terminal is asked / 发送前不再询问
    #[arg(long, short)]
    yes: bool,
    /// CSV ledgers: how characters are written; a template is UTF-8 unless gb18030 is said / 字符编码（CSV 台账）
    #[arg(long, value_enum, default_value_t = LedgerEncoding::Auto)]
    encoding: LedgerEncoding,
    /// Write a ledger to fill in: what --agency may report, for the last periods that are over / 生成待填台账
    #[arg(long, requires = "agency", conflicts_with_all = ["batch", "validate_only", "partial", "yes"])]
    template: bool,
    /// With --template: the file, .xlsx or .csv; else CSV on standard output / 模板文件
    #[arg(long, requires = "template", value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Pushes a file and says what became of its rows, or writes a template.
pub(crate) async fn run(connect: &Connect, args: PushArgs, json: bool) -> Result<(), Failure> {
    let Some(file) = &args.file else {
        template::fits(&args, json)?;
        return template::run(connect, &args).await;
    };
    let bytes = read(file).map_err(|error| Failure::Failed(format!("{}: {error}", file.display())))?;
    let is_ledger = is_ledger(file, &bytes);
    if args.encoding != LedgerEncoding::Auto && (!is_ledger || ledger::is_workbook(&bytes)) {
        return Err(Failure::Usage(ONLY_CSV.to_owned()));
    }
    if is_ledger {
        Box::pin(ledger::run(connect, &args, &bytes, json)).await
    } else {
        events::run(connect, &args, &bytes, json).await
    }
}

/// What the server says of who asks, and of a plan.
async fn status_of(channel: &Authorised, plan: &str) -> Result<(pb::Caller, pb::PlanStatus), Failure> {
    let request = pb::GetStatusRequest { plan: plan.to_owned(), views_digest: false };
    let status = AdminServiceClient::new(channel.clone()).get_status(request).await.map_err(client::failed)?;
    let pb::GetStatusResponse { caller, plans, .. } = status.into_inner();
    Ok((caller.unwrap_or_default(), plans.into_iter().next().unwrap_or_default()))
}

/// The line above what is said of a simulated plan.
const fn mark(simulated: bool) -> &'static str {
    if simulated { "模拟数据 SIMULATED DATA\n" } else { "" }
}

fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    if file != Path::new("-") {
        return std::fs::read(file);
    }
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// By the end of its name; where that says nothing, NDJSON begins with a brace.
fn is_ledger(file: &Path, bytes: &[u8]) -> bool {
    if ledger::is_workbook(bytes) {
        return true;
    }
    let end = file.extension().and_then(OsStr::to_str).unwrap_or_default().to_ascii_lowercase();
    match end.as_str() {
        "csv" | "tsv" | "xlsx" => true,
        "ndjson" | "jsonl" | "json" => false,
        _ => bytes.trim_ascii_start().first().is_some_and(|first| *first != b'{'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_is_told_by_its_name_or_by_what_it_holds() {
        let is = |file: &str, bytes: &[u8]| is_ledger(Path::new(file), bytes);
        assert!(is("a.CSV", b"{") && is("-", b"\xc7\xf8\xd3\xf2,") && is("a.txt", "\u{feff}区域".as_bytes()));
        assert!(!is("a.ndjson", b"x") && !is("-", b" \n{\"a\"") && !is("-", b"") && !is("rows", b"{}"));
    }
}
