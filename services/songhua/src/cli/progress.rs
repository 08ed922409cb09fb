//! `progress`: asks `ProgressService` and shows the answers: tables, JSON, CSV or a workbook.
//!
//! Place in the flow: command line → one RPC → a board (`board`) → standard output or a file. It must not know what a
//! board's columns are.

use std::path::PathBuf;

use jiff::Timestamp;
use jiff::civil::Date;
use songhua_wire::pb;
use songhua_wire::pb::progress_service_client::ProgressServiceClient;
use songhua_wire::time::{date_to_pb, timestamp_to_pb};

use super::board::{self, Board};
use super::client::Authorised;
use super::{Connect, Failure, client, output};

#[derive(Debug, clap::Args)]
pub(crate) struct ProgressArgs {
    #[command(subcommand)]
    what: What,
    /// The plan, if there is more than one / 方案
    #[arg(long, global = true)]
    plan: Option<String>,
    /// What was true on this day, for example 2026-06-30 / 截至日期
    #[arg(long, global = true)]
    valid_date: Option<Date>,
    /// As known at this time, for example 2026-07-01T00:00:00+08:00 / 当时所知
    #[arg(long, global = true, conflicts_with = "known_position")]
    known_time: Option<Timestamp>,
    /// As known at this position / 当时位置
    #[arg(long, global = true)]
    known_position: Option<u64>,
    /// Wait until this position is applied, at most 5 s / 等待位置
    #[arg(long, global = true, default_value_t = 0)]
    min_position: u64,
    /// Filter of a list, for example 'area = "circle-hit" AND status = BEHIND' / 筛选
    #[arg(long, global = true, default_value = "")]
    filter: String,
    /// How to show it [default: table, or what --out ends with] / 输出格式
    #[arg(long, global = true, value_enum)]
    format: Option<Format>,
    /// Write it to this file instead of standard output / 输出文件
    #[arg(long, global = true, value_name = "FILE")]
    out: Option<PathBuf>,
    /// With csv: which table of the answer, for example vintages / CSV 中的表
    #[arg(long, global = true, value_name = "NAME")]
    sheet: Option<String>,
}

/// How an answer is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For a terminal / 终端表格
    Table,
    /// The answer's proto3-JSON / JSON
    Json,
    /// One table, for Excel and statistics tools / 一张表
    Csv,
    /// A workbook with every table / 工作簿
    Xlsx,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// The plan / 方案
    Plan,
    /// All targets at a glance / 总览
    Overview,
    /// Circles with their targets and lights / 生态圈
    Circles,
    /// One area, for example circle-hit / 单个区域
    Circle {
        /// Id of the area / 区域编号
        area: String,
    },
    /// Areas across, indicators down / 区域 × 指标
    Matrix {
        #[command(flatten)]
        areas: Areas,
    },
    /// Areas ranked by attainment, with the change of rank / 位次
    League {
        #[command(flatten)]
        areas: Areas,
        /// Only this indicator / 仅此指标
        #[arg(long, default_value = "")]
        indicator: String,
        /// Ranks are compared with those on this day [default: 90 days before] / 对比日期
        #[arg(long)]
        compare_date: Option<Date>,
    },
    /// Indicators with their targets / 指标
    Indicators,
    /// One indicator: figures, vintages, years, contributions, tasks, revisions, notes / 单个指标
    Indicator {
        /// Id of the indicator / 指标编号
        indicator: String,
        /// Only this area / 仅此区域
        #[arg(long, default_value = "")]
        area: String,
        /// Only figures of this dimension, for example district=songbei; _T = the headline / 仅此维度
        #[arg(long, default_value = "")]
        dimension: String,
        /// At most this many of the newest figures [default: 1000] / 最近多少条数值
        #[arg(long, default_value_t = 0)]
        history: i32,
    },
    /// Projects / 项目
    Projects,
    /// One project with its milestones / 单个项目
    Project {
        /// Id of the project / 项目编号
        project: String,
    },
    /// Milestones by due date / 节点
    Milestones,
    /// Milestones that are overdue, due in 30 and 90 days, slipped; projects by completion / 项目与节点日历
    Calendar {
        /// Only projects of this area / 仅此区域
        #[arg(long, default_value = "")]
        area: String,
    },
    /// Agencies: what they answer for, owe, may report / 单位
    Agencies,
    /// One agency's ledger / 责任单位台账
    Agency {
        /// Id of the agency / 单位编号
        agency: String,
    },
    /// Who has not reported / 未报数据
    Staleness {
        /// For the period that ends on this day [default: the first one without a figure] / 报告期末
        #[arg(long)]
        period_end: Option<Date>,
    },
    /// What was changed afterwards / 修订记录
    Revisions,
    /// What waits to be verified, with its evidence / 核验队列
    Verifications,
    /// Matters under supervision / 督办
    Supervisions,
    /// Reporting periods and who has reported for them / 报告期
    Periods,
    /// Progress in words / 进展说明
    Notes,
    /// The close-out statement / 收官评估
    CloseOut,
}

#[derive(Debug, clap::Args)]
struct Areas {
    /// Areas of this kind / 区域类型
    #[arg(long, value_enum, default_value = "circle")]
    areas: Kind,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Kind {
    City,
    Zone,
    Circle,
}

impl Areas {
    const fn kind(&self) -> i32 {
        (match self.areas {
            Kind::City => pb::AreaKind::City,
            Kind::Zone => pb::AreaKind::Zone,
            Kind::Circle => pb::AreaKind::Circle,
        }) as i32
    }
}

struct Asker {
    service: ProgressServiceClient<Authorised>,
    plan: String,
    as_of: pb::AsOf,
    filter: String,
    show: Show,
}

/// How and where an answer is shown.
struct Show {
    format: Format,
    out: Option<PathBuf>,
    sheet: Option<String>,
}

impl Show {
    fn of(args: &ProgressArgs, json: bool) -> Result<Self, Failure> {
        let ending = args.out.as_ref().and_then(|out| out.extension()?.to_str()).map(str::to_ascii_lowercase);
        let format = match (args.format, json, ending.as_deref()) {
            (Some(format), _, _) => format,
            (None, true, _) | (None, _, Some("json")) => Format::Json,
            (None, _, Some("csv")) => Format::Csv,
            (None, _, Some("xlsx")) => Format::Xlsx,
            (None, _, _) => Format::Table,
        };
        if format == Format::Xlsx && args.out.is_none() {
            return Err(Failure::Failed("a workbook needs --out FILE.xlsx / 工作簿须用 --out 指定文件".to_owned()));
        }
        Ok(Self { format, out: args.out.clone(), sheet: args.sheet.clone() })
    }

    /// The answer as bytes, or printed where there is no file.
    fn answer(&self, answer: &impl serde::Serialize, board: impl FnOnce() -> Board) -> Result<(), Failure> {
        let Some(out) = &self.out else {
            return match self.format {
                Format::Json => output::json(answer),
                Format::Csv => output::bytes(&board().csv(self.sheet.as_deref())?),
                Format::Table | Format::Xlsx => output::text(&board().text()),
            };
        };
        let bytes = match self.format {
            Format::Table => board().text().into_bytes(),
            Format::Json => serde_json::to_vec_pretty(answer).map_err(Failure::failed)?,
            Format::Csv => board().csv(self.sheet.as_deref())?,
            Format::Xlsx => board().xlsx()?,
        };
        let failed = |error| Failure::Failed(format!("{}: {error} / 无法写入文件", out.display()));
        std::fs::write(out, &bytes).map_err(failed)?;
        eprintln!("{} ({} bytes) / 已写入", out.display(), bytes.len());
        Ok(())
    }
}

/// Asks for one answer and shows it.
macro_rules! one {
    ($asker:expr, $method:ident($request:expr), $board:ident) => {{
        let answer = $asker.service.$method($request).await.map_err(client::failed)?.into_inner();
        $asker.show.answer(&answer, || board::$board(&answer))
    }};
}

/// Asks for every page of a list, puts them together, and shows the whole.
macro_rules! all {
    ($asker:expr, $method:ident($request:ident { $($field:ident: $value:expr),* }), $items:ident, $board:ident) => {{
        let mut whole: Option<_> = None;
        let mut page_token = String::new();
        loop {
            let request = pb::$request {
                parent: $asker.plan.clone(),
                page_size: 1_000,
                page_token,
                filter: $asker.filter.clone(),
                as_of: Some($asker.as_of),
                $($field: $value,)*
            };
            let page = $asker.service.$method(request).await.map_err(client::failed)?.into_inner();
            page_token = page.next_page_token.clone();
            match &mut whole {
                None => whole = Some(page),
                Some(first) => first.$items.extend(page.$items),
            }
            if page_token.is_empty() {
                break;
            }
        }
        let mut whole = whole.unwrap_or_default();
        whole.next_page_token.clear();
        $asker.show.answer(&whole, || board::$board(&whole))
    }};
}

pub(crate) async fn run(connect: &Connect, args: ProgressArgs, json: bool) -> Result<(), Failure> {
    let show = Show::of(&args, json)?;
    let channel = client::connect(connect).await?;
    let plan = format!("plans/{}", client::plan_or_only(&channel, args.plan).await?);
    let known = match (args.known_time, args.known_position) {
        (Some(time), _) => Some(pb::as_of::Known::KnownTime(timestamp_to_pb(time))),
        (None, Some(position)) => Some(pb::as_of::Known::KnownPosition(position)),
        (None, None) => None,
    };
    let as_of = pb::AsOf { valid_date: args.valid_date.map(date_to_pb), min_position: args.min_position, known };
    let service = ProgressServiceClient::new(channel).max_decoding_message_size(64 << 20);
    Asker { service, plan, as_of, filter: args.filter, show }.ask(args.what).await
}

impl Asker {
    async fn ask(mut self, what: What) -> Result<(), Failure> {
        match what {
            What::Circles => all!(self, list_circles(ListCirclesRequest {}), circles, circles),
            What::Indicators => all!(self, list_indicators(ListIndicatorsRequest {}), indicators, indicators),
            What::Projects => all!(self, list_projects(ListProjectsRequest {}), projects, projects),
            What::Milestones => all!(self, list_milestones(ListMilestonesRequest {}), milestones, milestones),
            What::Agencies => all!(self, list_agencies(ListAgenciesRequest {}), agencies, agencies),
            What::Staleness { period_end } => {
                let period_end = period_end.map(date_to_pb);
                all!(self, list_staleness(ListStalenessRequest { period_end: period_end }), duties, staleness)
            }
            What::Revisions => all!(self, list_revisions(ListRevisionsRequest {}), revisions, revisions),
            What::Verifications => all!(self, list_verifications(ListVerificationsRequest {}), items, verifications),
            What::Supervisions => all!(self, list_supervisions(ListSupervisionsRequest {}), supervisions, supervisions),
            What::Periods => all!(self, list_reporting_periods(ListReportingPeriodsRequest {}), periods, periods),
            What::Notes => all!(self, list_progress_notes(ListProgressNotesRequest {}), notes, notes),
            one => self.ask_one(one).await,
        }
    }

    async fn ask_one(mut self, what: What) -> Result<(), Failure> {
        let (plan, as_of) = (self.plan.clone(), Some(self.as_of));
        match what {
            What::Overview => one!(self, get_overview(pb::GetOverviewRequest { name: plan, as_of }), overview),
            What::Circle { area } => {
                one!(self, get_circle(pb::GetCircleRequest { name: format!("{plan}/areas/{area}"), as_of }), circle)
            }
            What::Matrix { areas } => {
                one!(self, get_matrix(pb::GetMatrixRequest { name: plan, kind: areas.kind(), as_of }), matrix)
            }
            What::League { areas, indicator, compare_date } => {
                let compare_date = compare_date.map(date_to_pb);
                let request = pb::GetLeagueRequest { name: plan, kind: areas.kind(), indicator, compare_date, as_of };
                one!(self, get_league(request), league)
            }
            What::Indicator { indicator, area, dimension, history } => {
                let name = format!("{plan}/indicators/{indicator}");
                one!(
                    self,
                    get_indicator(pb::GetIndicatorRequest { name, as_of, history_size: history, area, dimension }),
                    indicator
                )
            }
            What::Project { project } => {
                let name = format!("{plan}/projects/{project}");
                one!(self, get_project(pb::GetProjectRequest { name, as_of }), project)
            }
            What::Calendar { area } => {
                one!(self, get_calendar(pb::GetCalendarRequest { name: plan, area, as_of }), calendar)
            }
            What::Agency { agency } => {
                let name = format!("{plan}/agencies/{agency}");
                one!(self, get_agency(pb::GetAgencyRequest { name, as_of }), agency)
            }
            What::CloseOut => one!(self, get_close_out(pb::GetCloseOutRequest { name: plan, as_of }), close_out),
            // Every list was taken before.
            _ => one!(self, get_plan(pb::GetPlanRequest { name: plan, as_of }), plan),
        }
    }
}
