//! `progress`: asks `ProgressService` and shows the answers: tables, JSON, CSV or a workbook.
//!
//! Place in the flow: command line → one RPC → a board (`board`) → standard output or a file. It must not know what a
//! board's columns are.

mod show;

use std::path::PathBuf;

use jiff::Timestamp;
use jiff::civil::Date;
use songhua_wire::pb;
use songhua_wire::pb::progress_service_client::ProgressServiceClient;
use songhua_wire::time::{date_to_pb, timestamp_to_pb};

use super::board;
use super::client::Authorised;
use super::{Connect, Failure, client};
use show::{Format, Show};

/// Lists are filtered by their fields, which each list's help names.
const HELP: &str = "\
Examples 示例:
  songhua progress overview --valid-date 2025-12-31            another day / 换一天看
  songhua progress circle circle-hit --known-time 2026-07-01T00:00:00+08:00    as was known then / 当时所知
  songhua progress indicators --filter 'area = circle-hit AND status = BEHIND' --out behind.xlsx
  songhua progress indicator platforms --sheet vintages --out vintages.csv    one table of the answer / 其中一张表
Units 单位: rates (完成率) and completion are percent; deviation (偏差) is in points, 100 = the way from start to target (or
a third of the target, if that is more), below 0 = behind; figures are in the unit of their target. Files have more columns
than a terminal. 文件中的列比终端更全。
Filters 筛选: 'field = value', joined by AND; also != and, for dates and numbers, < <= > >=. Each list's help names its fields.";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct ProgressArgs {
    #[command(subcommand)]
    what: What,
    /// The plan, if there is more than one / 方案
    #[arg(long, global = true)]
    plan: Option<String>,
    /// What was true on this day, for example 2026-06-30 [default: today] / 截至日期
    #[arg(long, global = true, value_name = "DATE")]
    valid_date: Option<Date>,
    /// As known at this time, for example 2026-07-01T00:00:00+08:00 [default: now] / 当时所知
    #[arg(long, global = true, value_name = "TIME", conflicts_with = "known_position")]
    known_time: Option<Timestamp>,
    /// As known at this position of the log, from 1 / 当时位置
    #[arg(long, global = true, value_name = "POSITION")]
    known_position: Option<u64>,
    /// Wait until this position is applied, at most 5 s / 等待位置
    #[arg(long, global = true, value_name = "POSITION")]
    min_position: Option<u64>,
    /// Lists only: what to show, for example 'area = circle-hit AND status = BEHIND' / 筛选（仅列表）
    #[arg(long, global = true)]
    filter: Option<String>,
    /// How to show it [default: table, or what --out ends with] / 输出格式
    #[arg(long, global = true, value_enum)]
    format: Option<Format>,
    /// Write it to this file: .csv, .xlsx, .json, .txt, or another with --format / 输出文件
    #[arg(long, global = true, value_name = "FILE")]
    out: Option<PathBuf>,
    /// With csv: which table of the answer, where it has several / CSV 中的表
    #[arg(long, global = true, value_name = "NAME")]
    sheet: Option<String>,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// What the plan says: title, days, counts of targets by operator / 方案
    Plan,
    /// All targets at a glance / 总览
    ///
    /// Tables for --sheet: areas (unless said), todo, attention.
    ///   songhua progress overview --sheet attention --out attention.csv
    #[command(verbatim_doc_comment)]
    Overview,
    /// Circles with their targets and lights / 生态圈
    ///
    /// Filter fields: kind (CIRCLE unless said; ZONE, CITY), batch, stage.
    ///   songhua progress circles --filter 'kind = ZONE'
    #[command(verbatim_doc_comment)]
    Circles,
    /// One area, any, with its targets and projects / 单个区域
    ///
    /// Tables for --sheet: targets (unless said), projects.
    ///   songhua progress circle circle-hit --valid-date 2025-12-31
    #[command(verbatim_doc_comment)]
    Circle {
        /// Id of the area, for example circle-hit, city / 区域编号
        area: String,
    },
    /// Areas across, indicators down / 区域 × 指标
    ///
    ///   songhua progress matrix --areas zone --out zones.xlsx
    #[command(verbatim_doc_comment)]
    Matrix {
        #[command(flatten)]
        areas: Areas,
    },
    /// Areas ranked by attainment, with the change of rank / 位次
    ///
    ///   songhua progress league --indicator platforms --compare-date 2025-12-31
    #[command(verbatim_doc_comment)]
    League {
        #[command(flatten)]
        areas: Areas,
        /// Only this indicator / 仅此指标
        #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
        indicator: String,
        /// Ranks are compared with those on this day [default: 90 days before] / 对比日期
        #[arg(long, value_name = "DATE")]
        compare_date: Option<Date>,
    },
    /// Indicators with their targets / 指标
    ///
    /// Filter fields: category, area, operator, accumulation, status, scored (true, false).
    ///   songhua progress indicators --filter 'area = city AND status = FAR_BEHIND'
    #[command(verbatim_doc_comment)]
    Indicators,
    /// One indicator: figures, vintages, years, contributions, tasks, revisions, notes / 单个指标
    ///
    /// Tables for --sheet: targets, figures (unless said), years, vintages, contributions, tasks, breaks, revisions, notes.
    ///   songhua progress indicator platforms --area circle-hit
    ///   songhua progress indicator platforms --sheet vintages --out vintages.csv
    #[command(verbatim_doc_comment)]
    Indicator {
        /// Id of the indicator, for example rd-intensity / 指标编号
        indicator: String,
        /// Only this area / 仅此区域
        #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
        area: String,
        /// Only figures of this dimension, for example district=songbei; _T = the headline / 仅此维度
        #[arg(long, value_name = "KEY=VALUE", default_value = "", hide_default_value = true)]
        dimension: String,
        /// At most this many of the newest figures, at most 10000 / 最近多少条数值
        #[arg(long, value_name = "COUNT", default_value_t = 1_000, value_parser = clap::value_parser!(i32).range(1..=10_000))]
        history: i32,
    },
    /// Projects with their completion / 项目
    ///
    /// Filter fields: area, kind (PROJECT, DIRECTION), merged (true, false).
    ///   songhua progress projects --filter 'area = circle-hit AND merged = false'
    #[command(verbatim_doc_comment)]
    Projects,
    /// One project with its milestones / 单个项目
    ///
    /// Tables for --sheet: projects (unless said), milestones.
    ///   songhua progress project aerospace-park --sheet milestones --format csv
    #[command(verbatim_doc_comment)]
    Project {
        /// Id of the project, for example aerospace-park / 项目编号
        project: String,
    },
    /// Milestones by due date / 节点
    ///
    /// Filter fields: area, project, status, type, due_date, slipped (true, false).
    ///   songhua progress milestones --filter 'status = SCHEDULED AND due_date <= 2026-12-31'
    #[command(verbatim_doc_comment)]
    Milestones,
    /// Milestones that are overdue, due in 30 and 90 days, slipped; projects by completion / 项目与节点日历
    ///
    /// Tables for --sheet: calendar (unless said), projects. Days are counted from --valid-date.
    ///   songhua progress calendar --area circle-hit --out calendar.xlsx
    #[command(verbatim_doc_comment)]
    Calendar {
        /// Only projects of this area / 仅此区域
        #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
        area: String,
    },
    /// Agencies: what they answer for, owe, may report / 单位
    ///
    /// Filter field: agency.
    ///   songhua progress agencies --filter 'agency = circle-hit-office'
    #[command(verbatim_doc_comment)]
    Agencies,
    /// One agency's account: what it owes, its tasks, milestones, matters under supervision, reminders / 责任单位台账
    ///
    /// Tables for --sheet: agency, duties (unless said), tasks, calendar, supervisions, reminders, notes.
    ///   songhua progress agency circle-hit-office --out circle-hit-office.xlsx
    #[command(verbatim_doc_comment)]
    Agency {
        /// Id of the agency, as `agencies` lists it / 单位编号
        agency: String,
    },
    /// Who has not reported, longest overdue first / 未报数据
    ///
    /// Filter fields: area, indicator, agency, frequency (MONTH, QUARTER, YEAR), overdue (true, false).
    ///   songhua progress staleness --filter 'overdue = true'
    ///   songhua progress staleness --period-end 2026-09-30
    #[command(verbatim_doc_comment)]
    Staleness {
        /// For the period that ends on this day: the last of a month, quarter or year, or a deadline [default: the first
        /// period without a figure] / 报告期末
        #[arg(long, value_name = "DATE")]
        period_end: Option<Date>,
    },
    /// What was corrected, revised, retracted, rejected or moved afterwards, newest first / 修订记录
    ///
    /// Filter fields: area, indicator, agency, type (as measurement.corrected, measurement.revised, milestone.rescheduled).
    ///   songhua progress revisions --filter 'type = measurement.corrected'
    #[command(verbatim_doc_comment)]
    Revisions,
    /// What waits to be verified, with its evidence / 核验队列
    ///
    /// Filter fields: state (UNVERIFIED, REQUESTED, REOPENED, VERIFIED, REJECTED), kind (MEASUREMENT, ASSESSMENT, MILESTONE),
    /// area, indicator, agency (who reported). Without state: what waits, and headlines that nobody verified.
    ///   songhua progress verifications --filter 'state = REJECTED'
    #[command(verbatim_doc_comment)]
    Verifications,
    /// Matters under supervision, open ones first / 督办
    ///
    /// Filter fields: agency, status (ISSUED, ANSWERED, CLOSED), area, overdue (true, false).
    ///   songhua progress supervisions --filter 'overdue = true'
    #[command(verbatim_doc_comment)]
    Supervisions,
    /// Reporting periods and who has reported for them, the last first / 报告期
    ///
    /// Filter fields: frequency (MONTH, QUARTER, YEAR), open (true, false).
    ///   songhua progress periods --filter 'open = true'
    #[command(verbatim_doc_comment)]
    Periods,
    /// Progress in words, newest first / 进展说明
    ///
    /// Filter fields: area, indicator, project, agency, as_of_date.
    ///   songhua progress notes --filter 'project = aerospace-park AND as_of_date >= 2026-01-01'
    #[command(verbatim_doc_comment)]
    Notes,
    /// The close-out statement: each target by verified figures only / 收官评估
    ///
    /// Tables for --sheet: targets (unless said), categories, areas.
    ///   songhua progress close-out --out close-out.xlsx
    #[command(verbatim_doc_comment)]
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
    /// 全市
    City,
    /// 片区
    Zone,
    /// 生态圈
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

const ONLY_LISTS: &str = "--filter goes with lists only: circles, indicators, projects, milestones, agencies, staleness, \
     revisions, verifications, supervisions, periods, notes / --filter 仅用于上述列表";

impl What {
    /// Whether it is a list, which a filter shortens.
    const fn is_list(&self) -> bool {
        use What::{
            Agencies, Circles, Indicators, Milestones, Notes, Periods, Projects, Revisions, Staleness, Supervisions,
            Verifications,
        };
        matches!(
            self,
            Circles
                | Indicators
                | Projects
                | Milestones
                | Agencies
                | Staleness { .. }
                | Revisions
                | Verifications
                | Supervisions
                | Periods
                | Notes
        )
    }
}

struct Asker {
    service: ProgressServiceClient<Authorised>,
    plan: String,
    as_of: pb::AsOf,
    filter: String,
    show: Show,
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
    if args.filter.is_some() && !args.what.is_list() {
        return Err(Failure::Usage(ONLY_LISTS.to_owned()));
    }
    let show = Show::of(args.format, json, args.out, args.sheet)?;
    let channel = client::connect(connect).await?;
    let plan = format!("plans/{}", client::plan_or_only(&channel, args.plan).await?);
    let known = match (args.known_time, args.known_position) {
        (Some(time), _) => Some(pb::as_of::Known::KnownTime(timestamp_to_pb(time))),
        (None, Some(position)) => Some(pb::as_of::Known::KnownPosition(position)),
        (None, None) => None,
    };
    let as_of = pb::AsOf {
        valid_date: args.valid_date.map(date_to_pb),
        min_position: args.min_position.unwrap_or_default(),
        known,
    };
    let service = ProgressServiceClient::new(channel).max_decoding_message_size(64 << 20);
    Asker { service, plan, as_of, filter: args.filter.unwrap_or_default(), show }.ask(args.what).await
}

impl Asker {
    async fn ask(mut self, what: What) -> Result<(), Failure> {
        match what {
            What::Circles => all!(self, list_circles(ListCirclesRequest {}), circles, circles),
            What::Indicators => all!(self, list_indicators(ListIndicatorsRequest {}), indicators, indicators),
            What::Projects => all!(self, list_projects(ListProjectsRequest {}), projects, projects),
            What::Milestones => all!(self, list_milestones(ListMilestonesRequest {}), milestones, milestones),
            What::Agencies => all!(self, list_agencies(ListAgenciesRequest { view: 0 }), agencies, agencies),
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
                one!(self, get_agency(pb::GetAgencyRequest { name, as_of, ..Default::default() }), agency)
            }
            What::CloseOut => one!(self, get_close_out(pb::GetCloseOutRequest { name: plan, as_of }), close_out),
            // Every list was taken before.
            _ => one!(self, get_plan(pb::GetPlanRequest { name: plan, as_of }), plan),
        }
    }
}
