//! `progress`: asks `ProgressService` and prints tables, or the answers as JSON.

use jiff::Timestamp;
use jiff::civil::Date;
use songhua_wire::pb;
use songhua_wire::pb::progress_service_client::ProgressServiceClient;
use songhua_wire::time::{date_to_pb, timestamp_to_pb};

use super::client::Authorised;
use super::{Connect, Failure, client, output, tables};

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
    /// Indicators with their targets / 指标
    Indicators,
    /// One indicator with its history / 单个指标
    Indicator {
        /// Id of the indicator / 指标编号
        indicator: String,
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
    /// Agencies: what they answer for and may report / 单位
    Agencies,
}

struct Asker {
    service: ProgressServiceClient<Authorised>,
    plan: String,
    as_of: pb::AsOf,
    filter: String,
    json: bool,
}

/// Asks for every page of a list and puts them together.
macro_rules! all_pages {
    ($asker:expr, $method:ident, $request:ident, $field:ident) => {{
        let mut whole: Option<_> = None;
        let mut page_token = String::new();
        loop {
            let request = pb::$request {
                parent: $asker.plan.clone(),
                page_size: 1_000,
                page_token,
                filter: $asker.filter.clone(),
                as_of: Some($asker.as_of),
            };
            let page = $asker.service.$method(request).await.map_err(client::failed)?.into_inner();
            page_token = page.next_page_token.clone();
            match &mut whole {
                None => whole = Some(page),
                Some(first) => first.$field.extend(page.$field),
            }
            if page_token.is_empty() {
                break;
            }
        }
        let mut whole = whole.unwrap_or_default();
        whole.next_page_token.clear();
        whole
    }};
}

pub(crate) async fn run(connect: &Connect, args: ProgressArgs, json: bool) -> Result<(), Failure> {
    let channel = client::connect(connect).await?;
    let plan = format!("plans/{}", client::plan_or_only(&channel, args.plan).await?);
    let known = match (args.known_time, args.known_position) {
        (Some(time), _) => Some(pb::as_of::Known::KnownTime(timestamp_to_pb(time))),
        (None, Some(position)) => Some(pb::as_of::Known::KnownPosition(position)),
        (None, None) => None,
    };
    let as_of = pb::AsOf { valid_date: args.valid_date.map(date_to_pb), min_position: args.min_position, known };
    let service = ProgressServiceClient::new(channel).max_decoding_message_size(64 << 20);
    Asker { service, plan, as_of, filter: args.filter, json }.ask(args.what).await
}

impl Asker {
    async fn ask(mut self, what: What) -> Result<(), Failure> {
        match what {
            What::Circles => {
                let page = all_pages!(self, list_circles, ListCirclesRequest, circles);
                self.show(&page, || tables::circles(&page))
            }
            What::Indicators => {
                let page = all_pages!(self, list_indicators, ListIndicatorsRequest, indicators);
                self.show(&page, || tables::indicators(&page))
            }
            What::Projects => {
                let page = all_pages!(self, list_projects, ListProjectsRequest, projects);
                self.show(&page, || tables::projects(&page))
            }
            What::Milestones => {
                let page = all_pages!(self, list_milestones, ListMilestonesRequest, milestones);
                self.show(&page, || tables::milestones(&page))
            }
            What::Agencies => {
                let page = all_pages!(self, list_agencies, ListAgenciesRequest, agencies);
                self.show(&page, || tables::agencies(&page))
            }
            one => self.ask_one(one).await,
        }
    }

    async fn ask_one(mut self, what: What) -> Result<(), Failure> {
        let as_of = Some(self.as_of);
        match what {
            What::Overview => {
                let request = pb::GetOverviewRequest { name: self.plan.clone(), as_of };
                let answer = self.service.get_overview(request).await.map_err(client::failed)?.into_inner();
                self.show(&answer, || tables::overview(&answer))
            }
            What::Circle { area } => {
                let request = pb::GetCircleRequest { name: format!("{}/areas/{area}", self.plan), as_of };
                let answer = self.service.get_circle(request).await.map_err(client::failed)?.into_inner();
                self.show(&answer, || tables::circle(&answer))
            }
            What::Indicator { indicator } => {
                let name = format!("{}/indicators/{indicator}", self.plan);
                let request = pb::GetIndicatorRequest { name, as_of, ..Default::default() };
                let answer = self.service.get_indicator(request).await.map_err(client::failed)?.into_inner();
                self.show(&answer, || tables::indicator(&answer))
            }
            What::Project { project } => {
                let request = pb::GetProjectRequest { name: format!("{}/projects/{project}", self.plan), as_of };
                let answer = self.service.get_project(request).await.map_err(client::failed)?.into_inner();
                self.show(&answer, || tables::project(&answer))
            }
            What::Plan | What::Circles | What::Indicators | What::Projects | What::Milestones | What::Agencies => {
                let request = pb::GetPlanRequest { name: self.plan.clone(), as_of };
                let answer = self.service.get_plan(request).await.map_err(client::failed)?.into_inner();
                self.show(&answer, || tables::plan(&answer))
            }
        }
    }

    fn show(&self, answer: &impl serde::Serialize, table: impl FnOnce() -> String) -> Result<(), Failure> {
        if self.json { output::json(answer) } else { output::text(&table()) }
    }
}
