//! ListProjects, GetProject: projects with their completion.
//!
//! Place in the flow: reading → `Project`. It must not know how milestones are folded.

use jiff::civil::Date;
use songhua_domain::event::ProjectRegistered;
use songhua_domain::id::ProjectId;
use songhua_domain::quantity::Decimal;
use songhua_domain::vocabulary::{MilestoneStatus, ProjectKind, ProjectStatus};
use songhua_views::{FactKind, Milestone, Said};
use songhua_wire::code::Code;
use songhua_wire::pb;
use songhua_wire::time::date_to_pb;

use crate::filter::{Field, Filter, Kind, Value, field};
use crate::milestone;
use crate::name;
use crate::note;
use crate::page::Page;
use crate::plan::size;
use crate::reading::Reading;
use crate::refusal::{self, Refused};
use crate::target::one_decimal;

/// What projects can be filtered by.
pub(crate) const FIELDS: &[Field] = &[
    field("area", Kind::Id),
    field("kind", Kind::Code(|text| ProjectKind::from_code(text).map(drop))),
    field("merged", Kind::Bool),
];

/// A page of projects, by area, then by id.
pub(crate) fn list(reading: &Reading, filter: &Filter, page: &Page) -> Result<pb::ListProjectsResponse, Refused> {
    let projects = reading.model.projects.values();
    let mut all: Vec<_> =
        projects.filter(|project| filter.matches(|field| value_of(reading, project, field))).collect();
    all.sort_by_key(|project| reading.order_of(&project.area));
    let cut = page.cut(&all, reading);
    Ok(pb::ListProjectsResponse {
        projects: cut.items.iter().map(|project| to_pb(reading, project)).collect::<Result<_, _>>()?,
        next_page_token: cut.next_page_token,
        total_size: cut.total_size,
        state: Some(reading.state()),
    })
}

fn value_of(reading: &Reading, project: &ProjectRegistered, field: &str) -> Option<Value> {
    match field {
        "area" => Some(project.area.as_str().into()),
        "kind" => Some(project.kind.code().into()),
        "merged" => Some(Value::Bool(reading.model.merges.contains_key(&project.project))),
        _ => None,
    }
}

/// One project with its milestones and their history.
pub(crate) fn get(reading: &Reading, id: &ProjectId) -> Result<pb::GetProjectResponse, Refused> {
    let not_found = || refusal::resource_not_found(&name::of_project(&reading.plan, id), reading.known());
    let project = reading.model.projects.get(id).ok_or_else(not_found)?;
    let milestones = reading.milestones(Some(id))?;
    let project = pb::Project {
        milestones: milestones.iter().map(|one| milestone::with_history(reading, one)).collect(),
        ..summary(reading, project, &milestones)?
    };
    Ok(pb::GetProjectResponse { project: Some(project), state: Some(reading.state()) })
}

/// The project without its milestones.
pub(crate) fn to_pb(reading: &Reading, project: &ProjectRegistered) -> Result<pb::Project, Refused> {
    summary(reading, project, &reading.milestones(Some(&project.project))?)
}

/// The project by its milestones, which are not shown.
pub(crate) fn summary(
    reading: &Reading,
    project: &ProjectRegistered,
    milestones: &[Milestone],
) -> Result<pb::Project, Refused> {
    let defined = pb::ProjectRegistered::from(project);
    let id = &project.project;
    let goes_on = reading.model.merged_into(id);
    let counted = || milestones.iter().filter(|one| one.status != MilestoneStatus::Cancelled);
    let open = || counted().filter(|one| one.status != MilestoneStatus::Met);
    Ok(pb::Project {
        name: name::of_project(&reading.plan, id),
        area: defined.area,
        kind: defined.kind,
        display_name: defined.display_name,
        industry: defined.industry,
        aliases: aliases(reading, project),
        merged_into: if goes_on == id { String::new() } else { name::of_project(&reading.plan, goes_on) },
        completion: one_decimal(completion(milestones)),
        milestone_count: size(counted().count()),
        met_count: size(counted().count() - open().count()),
        overdue_count: size(open().filter(|one| one.overdue).count()),
        next_due_date: open().map(|one| one.due_date).min().map(date_to_pb),
        milestones: Vec::new(),
        mentions: defined.mentions,
        notes: defined.notes,
        lead_agency: name::or_empty(reading.model.lead_of_project(id)),
        status: status(reading, id, reading.valid_date, reading.known())?.map_or(0, Code::to_wire),
        slipped_count: size(counted().filter(|one| milestone::is_slipped(one)).count()),
        last_note: note::last_of_project(reading, id)?,
    })
}

/// What was said last, up to `known`, of those statuses that hold from `day` or an earlier one; of two that hold from one
/// day, the one recorded later.
pub(crate) fn status(
    reading: &Reading,
    project: &ProjectId,
    day: Date,
    known: u64,
) -> Result<Option<ProjectStatus>, Refused> {
    let facts = reading.views().facts_of(FactKind::ProjectStatuses, project.as_str(), known);
    let facts = facts.map_err(|error| refusal::from_views(&error))?;
    let said = facts.iter().filter_map(|fact| match &fact.row.said {
        Said::ProjectStatus(changed) => Some((fact.row.effective.or(fact.row.recorded_day)?, fact.position, changed)),
        _ => None,
    });
    let holding = said.filter(|(from, ..)| *from <= day);
    Ok(holding.max_by_key(|(from, position, _)| (*from, *position)).map(|(.., changed)| changed.status))
}

/// Σ weight × share / Σ weight in percent, of milestones that are not cancelled; none without any.
pub(crate) fn completion(milestones: &[Milestone]) -> Option<Decimal> {
    let (mut done, mut whole) = (Decimal::ZERO, Decimal::ZERO);
    for milestone in milestones.iter().filter(|one| one.status != MilestoneStatus::Cancelled) {
        let percent = match milestone.status {
            MilestoneStatus::Met => Decimal::ONE_HUNDRED,
            MilestoneStatus::PartiallyMet => milestone.percent.unwrap_or_default(),
            MilestoneStatus::Scheduled | MilestoneStatus::NotMet | MilestoneStatus::Cancelled => Decimal::ZERO,
        };
        done = done.checked_add(milestone.weight.checked_mul(percent)?)?;
        whole = whole.checked_add(milestone.weight)?;
    }
    done.checked_div(whole)
}

/// Its other names, then the names of projects that were merged into it.
fn aliases(reading: &Reading, project: &ProjectRegistered) -> Vec<String> {
    let model = &reading.model;
    let mut aliases = project.aliases.clone();
    let merged = model.merges.keys().filter(|id| model.merged_into(id) == &project.project);
    for merged in merged.filter_map(|id| model.projects.get(id)) {
        for alias in std::iter::once(&merged.name.zh).chain(&merged.aliases) {
            if !aliases.contains(alias) {
                aliases.push(alias.clone());
            }
        }
    }
    aliases
}
