//! What the server knows that a ledger speaks of: areas, indicators, projects by name, and what was reported so far.
//!
//! Place in the flow: read once before the rows are; `figure` and `milestone` look things up here. It must not know:
//! what a row says. All reads know at least what was durable when the first one was made.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use songhua_domain::vocabulary::{Accumulation, Basis, Frequency};
use songhua_wire::code::Code;
use songhua_wire::google::type_::Date as PbDate;
use songhua_wire::pb;
use songhua_wire::pb::progress_service_client::ProgressServiceClient;
use songhua_wire::time::date_from_pb;

use super::fault::{Words, words};
use super::period::{bases, last_completed};
use super::text::fold;
use super::unit::Unit;
use super::word::basis_word;
use crate::cli::client::Authorised;
use crate::cli::{Failure, client};

/// Items of a page of a list: the most that the server gives.
const PAGE: i32 = 1_000;
/// Most bytes of an answer: the history of an indicator can be long.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// Reads of one plan that know all that was durable at the start.
pub(in crate::cli::push) struct Reader {
    progress: ProgressServiceClient<Authorised>,
    parent: String,
    as_of: pb::AsOf,
    simulated: bool,
}

impl Reader {
    /// Reads of `plan`.
    pub(in crate::cli::push) fn new(channel: &Authorised, plan: &str, status: &pb::PlanStatus) -> Self {
        Self {
            progress: ProgressServiceClient::new(channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX),
            parent: format!("plans/{plan}"),
            as_of: pb::AsOf { min_position: status.durable_position, ..Default::default() },
            simulated: status.simulated,
        }
    }

    /// `plans/{plan}`.
    pub(in crate::cli::push) fn parent(&self) -> &str {
        &self.parent
    }

    /// 模拟数据: everything in the plan is made up.
    pub(in crate::cli::push) fn simulated(&self) -> bool {
        self.simulated
    }

    fn as_of(&self) -> Option<pb::AsOf> {
        Some(self.as_of)
    }

    async fn plan(&self) -> Result<pb::GetPlanResponse, Failure> {
        let request = pb::GetPlanRequest { name: self.parent.clone(), as_of: self.as_of() };
        Ok(self.progress.clone().get_plan(request).await.map_err(client::failed)?.into_inner())
    }

    async fn areas(&self) -> Result<Vec<pb::Circle>, Failure> {
        let mut areas = Vec::new();
        for kind in ["CITY", "ZONE", "CIRCLE"] {
            let mut request = pb::ListCirclesRequest {
                parent: self.parent.clone(),
                page_size: PAGE,
                filter: format!("kind = {kind}"),
                as_of: self.as_of(),
                ..Default::default()
            };
            loop {
                let answer = self.progress.clone().list_circles(request.clone()).await.map_err(client::failed)?;
                let page = answer.into_inner();
                areas.extend(page.circles);
                if page.next_page_token.is_empty() {
                    break;
                }
                request.page_token = page.next_page_token;
            }
        }
        Ok(areas)
    }

    async fn indicators(&self) -> Result<Vec<pb::Indicator>, Failure> {
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = pb::ListIndicatorsRequest {
                parent: self.parent.clone(),
                page_size: PAGE,
                page_token,
                as_of: self.as_of(),
                ..Default::default()
            };
            let page = self.progress.clone().list_indicators(request).await.map_err(client::failed)?.into_inner();
            all.extend(page.indicators);
            if page.next_page_token.is_empty() {
                return Ok(all);
            }
            page_token = page.next_page_token;
        }
    }

    async fn projects(&self) -> Result<Vec<pb::Project>, Failure> {
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = pb::ListProjectsRequest {
                parent: self.parent.clone(),
                page_size: PAGE,
                page_token,
                as_of: self.as_of(),
                ..Default::default()
            };
            let page = self.progress.clone().list_projects(request).await.map_err(client::failed)?.into_inner();
            all.extend(page.projects);
            if page.next_page_token.is_empty() {
                return Ok(all);
            }
            page_token = page.next_page_token;
        }
    }

    /// An agency of the plan, with what it may report.
    pub(in crate::cli::push) async fn agency(&self, id: &str) -> Result<pb::Agency, Failure> {
        let request = pb::ListAgenciesRequest {
            parent: self.parent.clone(),
            filter: format!("agency = \"{id}\""),
            as_of: self.as_of(),
            view: pb::AgencyView::Basic.into(),
            ..Default::default()
        };
        let page = self.progress.clone().list_agencies(request).await.map_err(client::failed)?.into_inner();
        page.agencies.into_iter().next().ok_or_else(|| {
            let parent = &self.parent;
            Failure::Failed(format!(
                "{parent} has no agency {id:?}: check --agency / 方案中没有单位“{id}”，请核对 --agency"
            ))
        })
    }

    /// The milestones of a project, with their history.
    pub(in crate::cli::push) async fn milestones(&self, project: &str) -> Result<Vec<pb::Milestone>, Failure> {
        let name = format!("{}/projects/{project}", self.parent);
        let request = pb::GetProjectRequest { name, as_of: self.as_of() };
        let answer = self.progress.clone().get_project(request).await.map_err(client::failed)?.into_inner();
        Ok(answer.project.unwrap_or_default().milestones)
    }

    async fn history(&self, indicator: &str) -> Result<Vec<pb::Observation>, Failure> {
        let name = format!("{}/indicators/{indicator}", self.parent);
        let request = pb::GetIndicatorRequest { name, as_of: self.as_of(), history_size: 10_000, ..Default::default() };
        Ok(self.progress.clone().get_indicator(request).await.map_err(client::failed)?.into_inner().history)
    }
}

/// An indicator, and where it has targets.
pub(in crate::cli::push) struct Indicator {
    pub(in crate::cli::push) id: String,
    pub(in crate::cli::push) definition: pb::IndicatorDefined,
    pub(in crate::cli::push) targets: Vec<pb::TargetProgress>,
    pub(super) accumulation: Accumulation,
    /// Name of its base unit in the plan.
    unit_name: String,
}

impl Indicator {
    /// Its display name.
    pub(in crate::cli::push) fn zh(&self) -> &str {
        zh(self.definition.display_name.as_ref())
    }

    pub(super) fn unit(&self) -> Unit<'_> {
        let definition = &self.definition;
        Unit {
            code: &definition.unit,
            name: &self.unit_name,
            multiplier: definition.unit_multiplier,
            label: zh(definition.unit_label.as_ref()),
        }
    }

    /// What the row of a template says of it: basis, period and unit, for the last period that was over before `today`.
    /// None where it takes no figures. A total is asked for where an addition could be given too.
    pub(in crate::cli::push) fn due(&self, today: Date) -> Option<[String; 3]> {
        let definition = &self.definition;
        if definition.derived.is_some() || definition.retired_from.is_some() {
            return None;
        }
        let frequency = Frequency::from_wire(definition.schedule.map_or(0, |schedule| schedule.frequency)).ok()?;
        let (mut period, end) = last_completed(frequency, today);
        let basis = match self.bases()[..] {
            [only] => only,
            [_, Basis::FullYear] if end != end.last_of_year() => Basis::YearToDate,
            [_, second] => second,
            _ => return None,
        };
        if basis == Basis::FullYear {
            (period, _) = last_completed(Frequency::Year, today);
        }
        Some([basis_word(basis).to_owned(), period, zh(definition.unit_label.as_ref()).to_owned()])
    }

    /// The bases it takes.
    pub(super) fn bases(&self) -> Vec<Basis> {
        bases(self.accumulation, Basis::from_wire(self.definition.basis).ok())
    }
}

/// Which figure: at most one is live.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot {
    area: String,
    indicator: String,
    dimension: String,
    basis: i32,
    start: Option<(i32, i32, i32)>,
    end: Option<(i32, i32, i32)>,
}

impl Slot {
    /// A total of the plan is one a date, whatever it is counted from.
    pub(super) fn new(
        area: &str,
        indicator: &str,
        dimension: &str,
        basis: i32,
        period: Option<&pb::ReferencePeriod>,
    ) -> Self {
        let day = |day: PbDate| (day.year, day.month, day.day);
        let period = period.copied().unwrap_or_default();
        let since = period.start.filter(|_| basis != i32::from(pb::Basis::PlanToDate));
        Self {
            area: area.to_owned(),
            indicator: indicator.to_owned(),
            dimension: dimension.to_owned(),
            basis,
            start: since.map(day),
            end: period.end.map(day),
        }
    }
}

/// What the plan says.
pub(in crate::cli::push) struct Book {
    /// First day of the plan.
    pub(super) start: Date,
    /// Today where the plan is.
    pub(in crate::cli::push) today: Date,
    areas: Vec<pb::Circle>,
    indicators: Vec<Indicator>,
    projects: Vec<pb::Project>,
}

/// What was reported so far on what a ledger names.
#[derive(Default)]
pub(super) struct Known {
    figures: BTreeMap<Slot, Vec<pb::Observation>>,
    milestones: BTreeMap<String, Vec<pb::Milestone>>,
}

impl Known {
    pub(super) async fn read(
        reader: &Reader,
        indicators: BTreeSet<String>,
        projects: BTreeSet<String>,
    ) -> Result<Self, Failure> {
        let mut known = Self::default();
        for indicator in indicators {
            for one in reader.history(&indicator).await?.into_iter().filter(|one| one.figure.is_some()) {
                let slot = Slot::new(&one.area, &indicator, &one.dimension, one.basis, one.period.as_ref());
                known.figures.entry(slot).or_default().push(one);
            }
        }
        for project in projects {
            let milestones = reader.milestones(&project).await?;
            known.milestones.insert(project, milestones);
        }
        Ok(known)
    }

    /// All figures that are or were in a slot, oldest first.
    pub(super) fn figures(&self, slot: &Slot) -> &[pb::Observation] {
        self.figures.get(slot).map_or(&[], Vec::as_slice)
    }

    /// A milestone of a project by id or title.
    pub(super) fn milestone(&self, project: &str, text: &str) -> Result<&pb::Milestone, Words> {
        let all = self.milestones.get(project).map_or(&[][..], Vec::as_slice);
        only(find(all, |one| names(&one.name, one.title.as_ref(), &[]), text), "节点", "milestone", text)
    }
}

impl Book {
    /// Reads the plan.
    pub(in crate::cli::push) async fn read(reader: &Reader) -> Result<Self, Failure> {
        let answer = reader.plan().await?;
        let plan = answer.plan.unwrap_or_default();
        let date = |date: Option<PbDate>| date_from_pb(&date.unwrap_or_default()).map_err(Failure::failed);
        let unit =
            |code: &str| plan.units.iter().find(|unit| unit.code == code).and_then(|unit| unit.display_name.as_ref());
        let mut indicators = Vec::new();
        for listed in reader.indicators().await? {
            let definition = listed.definition.unwrap_or_default();
            indicators.push(Indicator {
                id: definition.indicator.clone(),
                accumulation: Accumulation::from_wire(definition.accumulation).map_err(Failure::failed)?,
                unit_name: zh(unit(&definition.unit)).to_owned(),
                definition,
                targets: listed.targets,
            });
        }
        Ok(Self {
            start: date(plan.start_date)?,
            today: date(answer.state.and_then(|state| state.valid_date))?,
            areas: reader.areas().await?,
            indicators,
            projects: reader.projects().await?,
        })
    }

    /// An area by id, name or alias.
    pub(super) fn area(&self, text: &str) -> Result<&pb::Circle, Words> {
        only(
            find(&self.areas, |area| names(&area.name, area.display_name.as_ref(), &area.aliases), text),
            "区域",
            "area",
            text,
        )
    }

    /// An indicator by id, name or alias. Where a name is that of several, the one that has a target in the area is meant.
    pub(super) fn indicator(&self, text: &str, area: Option<&str>) -> Result<&Indicator, Words> {
        let mut found = find(
            &self.indicators,
            |one| names(&one.id, one.definition.display_name.as_ref(), &one.definition.aliases),
            text,
        );
        if found.len() > 1 {
            let here = |one: &&Indicator| one.targets.iter().any(|target| Some(target.area.as_str()) == area);
            found.retain(here);
        }
        only(found, "指标", "indicator", text)
    }

    /// The indicator of this id.
    pub(in crate::cli::push) fn indicator_of(&self, id: &str) -> Option<&Indicator> {
        self.indicators.iter().find(|indicator| indicator.id == id)
    }

    /// A project by id, name or alias. A name that was merged stands for the project that goes on.
    pub(super) fn project(&self, text: &str) -> Result<&pb::Project, Words> {
        let mut found = find(&self.projects, |one| names(&one.name, one.display_name.as_ref(), &one.aliases), text);
        if found.len() > 1 {
            found.retain(|project| project.merged_into.is_empty());
        }
        only(found, "项目", "project", text)
    }

    /// The project of this id.
    pub(in crate::cli::push) fn project_of(&self, id: &str) -> Option<&pb::Project> {
        self.projects.iter().find(|project| last(&project.name) == id)
    }
}

/// The Chinese name; empty where there is none.
pub(in crate::cli::push) fn zh(name: Option<&pb::Name>) -> &str {
    name.map_or("", |name| name.zh.as_str())
}

/// The last part of a resource name: the id.
pub(in crate::cli::push) fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}

/// Id first, then the names.
fn names<'a>(name: &'a str, display: Option<&'a pb::Name>, aliases: &'a [String]) -> Vec<&'a str> {
    let display = display.into_iter().flat_map(|display| [display.zh.as_str(), display.en.as_str()]);
    std::iter::once(last(name)).chain(display).chain(aliases.iter().map(String::as_str)).collect()
}

/// What has that id; else all that have that name.
fn find<'a, T>(all: &'a [T], names: impl Fn(&'a T) -> Vec<&'a str>, text: &str) -> Vec<&'a T> {
    let text = fold(text);
    if let Some(one) = all.iter().find(|one| names(one).first() == Some(&text.as_str())) {
        return vec![one];
    }
    all.iter().filter(|one| names(one).iter().any(|name| !name.is_empty() && fold(name) == text)).collect()
}

fn only<'a, T>(found: Vec<&'a T>, kind_zh: &str, kind: &str, text: &str) -> Result<&'a T, Words> {
    match found[..] {
        [one] => Ok(one),
        [] if text.is_empty() => Err(words(format!("缺少{kind_zh}"), format!("the {kind} is missing"))),
        [] => Err(words(
            format!("方案中没有{kind_zh}“{text}”；请填编号或全称"),
            format!("the plan has no {kind} {text:?}; give its id or its full name"),
        )),
        _ => Err(words(
            format!("{kind_zh}“{text}”不唯一；请填编号"),
            format!("{text:?} is the name of several {kind}s; give the id"),
        )),
    }
}
