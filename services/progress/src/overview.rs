//! GetOverview: all targets at a glance, what needs attention, and what is missing to judge the plan.
//!
//! Place in the flow: reading → every target scored once → counts, lists and todos. It must not know rules of lights:
//! it sorts by status.

use jiff::civil::Date;
use songhua_domain::event::PlanDefined;
use songhua_domain::quantity::Decimal;
use songhua_domain::vocabulary::{ProjectKind, Status};
use songhua_views::Area;
use songhua_wire::code::Code;
use songhua_wire::pb;

use crate::name;
use crate::plan::size;
use crate::reading::Reading;
use crate::refusal::Refused;
use crate::target::{Scored, count, one_decimal, scored};

/// Most names of a todo.
const TODO_NAMES_MAX: usize = 100;

/// The overview.
pub(crate) fn get(reading: &Reading) -> Result<pb::GetOverviewResponse, Refused> {
    let plan = reading.plan_defined()?;
    let targets = scored(reading, |_| true)?;
    Ok(pb::GetOverviewResponse {
        title: Some((&plan.title).into()),
        time_progress: one_decimal(time_progress(plan, reading.valid_date)),
        days_left: days(reading.valid_date, plan.end),
        target_count: size(targets.len()),
        statuses: count(&targets),
        areas: reading.areas().into_iter().map(|area| summary(reading, area, &targets)).collect(),
        attention: attention(&targets).into_iter().map(|one| one.to_pb(reading)).collect::<Result<_, _>>()?,
        todos: todos(reading, &targets)?,
        state: Some(reading.state()),
    })
}

/// Share of the plan's days that have passed, both ends counted, percent (序时进度).
fn time_progress(plan: &PlanDefined, date: Date) -> Option<Decimal> {
    let total = days(plan.start, plan.end).saturating_add(1).max(1);
    let passed = days(plan.start, date).saturating_add(1).clamp(0, total);
    Decimal::from(passed).checked_mul(Decimal::ONE_HUNDRED)?.checked_div(Decimal::from(total))
}

/// Days from `from` to `to`; below 0 if `to` lies before.
pub(crate) fn days(from: Date, to: Date) -> i32 {
    (to - from).get_days()
}

/// An area's targets, of those that were scored, by status.
pub(crate) fn summary(reading: &Reading, area: &Area, targets: &[Scored<'_>]) -> pb::AreaSummary {
    let defined = &area.definition;
    let own = || targets.iter().filter(|one| one.target.definition.area == defined.area);
    pb::AreaSummary {
        name: name::of_area(&reading.plan, &defined.area),
        display_name: Some((&defined.name).into()),
        kind: defined.kind.to_wire(),
        target_count: size(own().count()),
        statuses: count(own()),
    }
}

/// Targets that somebody must look at, worst first: by status, then by deviation, then by number.
fn attention<'s, 'a>(targets: &'s [Scored<'a>]) -> Vec<&'s Scored<'a>> {
    let rank = |one: &Scored<'_>| {
        let deviation = one.score.deviation.unwrap_or(Decimal::MAX);
        severity(one.score.status).map(|severity| (severity, deviation, one.target.definition.number))
    };
    let mut found: Vec<_> = targets.iter().filter_map(|one| Some((rank(one)?, one))).collect();
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, one)| one).collect()
}

/// How bad a status is, 0 the worst; none where nobody need act.
const fn severity(status: Status) -> Option<u8> {
    match status {
        Status::Missed => Some(0),
        Status::MissedProvisional => Some(1),
        Status::Overdue => Some(2),
        Status::FarBehind => Some(3),
        Status::Behind => Some(4),
        Status::Stale => Some(5),
        Status::NotScored
        | Status::Met
        | Status::MetProvisional
        | Status::AwaitingData
        | Status::NoData
        | Status::AwaitingAssessment
        | Status::MetSoFar
        | Status::OnTrack
        | Status::NoPath => None,
    }
}

/// What is missing, every kind, also where nothing is.
fn todos(reading: &Reading, targets: &[Scored<'_>]) -> Result<Vec<pb::Todo>, Refused> {
    let of_targets = |kind: &str, is_missing: &dyn Fn(&Scored<'_>) -> bool| {
        let missing = targets.iter().filter(|one| is_missing(one)).map(|one| &one.target.definition);
        todo(kind, missing.map(|set| name::of_target(&reading.plan, &set.area, &set.indicator)))
    };
    let is_unassigned = |one: &Scored<'_>| {
        let set = &one.target.definition;
        reading.model.lead_of_target(&set.area, &set.indicator).is_none()
    };
    Ok(vec![
        of_targets("UNASSIGNED", &is_unassigned),
        of_targets("NO_BASELINE", &|one| one.lacks_baseline(reading)),
        todo("NO_MILESTONE", projects_without_milestone(reading)?.into_iter()),
        of_targets("NOT_REPORTED", &|one| one.score.status == Status::NoData),
    ])
}

fn todo(kind: &str, names: impl Iterator<Item = String>) -> pb::Todo {
    let mut names: Vec<String> = names.collect();
    let count = size(names.len());
    names.truncate(TODO_NAMES_MAX);
    pb::Todo { kind: kind.to_owned(), count, names }
}

/// Names of projects that go on and have nothing to be completed by. Directions never have.
fn projects_without_milestone(reading: &Reading) -> Result<Vec<String>, Refused> {
    let model = &reading.model;
    let mut missing = Vec::new();
    for project in model.projects.values() {
        let is_open = project.kind == ProjectKind::Project && !model.merges.contains_key(&project.project);
        if is_open && !reading.is_planned(&project.project)? {
            missing.push(name::of_project(&reading.plan, &project.project));
        }
    }
    Ok(missing)
}
