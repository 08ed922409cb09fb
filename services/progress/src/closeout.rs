//! GetCloseOut: the close-out statement (收官评估): what each target comes to by verified figures only.
//!
//! Place in the flow: reading → every target scored twice, by verified figures and by all → outcomes, counted. It must
//! not know how a target is judged.

use std::collections::BTreeMap;
use std::sync::Arc;

use songhua_domain::event::Name;
use songhua_domain::id::{CategoryId, ProjectId};
use songhua_domain::score;
use songhua_domain::score::Score;
use songhua_domain::vocabulary::{Accumulation, MilestoneStatus, Operator, ProjectKind, Status};
use songhua_views::Target;
use songhua_wire::code::Code;
use songhua_wire::pb;
use songhua_wire::pb::CloseOutOutcome as Outcome;
use songhua_wire::time::date_to_pb;

use crate::label;
use crate::name;
use crate::plan::size;
use crate::reading::Reading;
use crate::refusal::{self, Refused};
use crate::supervision;
use crate::target::{Scored, as_reported};

/// Every outcome, in the order in which they are counted.
const OUTCOMES: [Outcome; 6] =
    [Outcome::Met, Outcome::Missed, Outcome::Unverified, Outcome::Pending, Outcome::NoData, Outcome::NotScored];

/// A target by verified figures, by all figures, and what it comes to.
struct Closing<'a> {
    verified: Scored<'a>,
    reported: Scored<'a>,
    category: Option<&'a CategoryId>,
    outcome: Outcome,
}

/// The statement.
pub(crate) fn get(reading: &Reading) -> Result<pb::GetCloseOutResponse, Refused> {
    let plan = reading.plan_defined()?;
    let closed = reading.closed_out();
    let targets = closings(reading)?;
    let categories = plan.categories.iter().map(|category| {
        let own = targets.iter().filter(|one| one.category == Some(&category.id));
        group(category.id.as_str(), &category.name, own)
    });
    let areas = reading.areas().into_iter().map(|area| {
        let own = targets.iter().filter(|one| one.verified.target.definition.area == area.definition.area);
        group(area.definition.area.as_str(), &area.definition.name, own)
    });
    let answer = pb::GetCloseOutResponse {
        title: Some((&plan.title).into()),
        end_date: Some(date_to_pb(plan.end)),
        closed: closed.is_some(),
        as_of_date: closed.map(|closed| date_to_pb(closed.event.as_of)),
        finding: closed.map(|closed| closed.event.finding.clone()).unwrap_or_default(),
        position: closed.map_or(0, |closed| closed.position),
        outcomes: count(&targets),
        categories: categories.flatten().collect(),
        areas: areas.flatten().collect(),
        targets: targets.iter().map(|one| one.to_pb(reading)).collect(),
        supervision_open_count: size(supervision::matters(reading)?.iter().filter(|matter| matter.is_open()).count()),
        state: Some(reading.state()),
        ..Default::default()
    };
    with_projects(reading, answer)
}

/// Every target, by number.
fn closings(reading: &Reading) -> Result<Vec<Closing<'_>>, Refused> {
    let mut targets: Vec<&Target> = reading.model.targets.values().collect();
    targets.sort_by_key(|target| target.definition.number);
    let closing = |target| {
        let verified = Scored { target, score: score_verified(reading, target)? };
        let reported = Scored { target, score: reading.score(target)? };
        let indicator = reading.model.indicators.get(&target.definition.indicator);
        let outcome = outcome(reading, target, &verified.score, &reported.score)?;
        Ok(Closing { verified, reported, category: indicator.and_then(|one| one.category.as_ref()), outcome })
    };
    targets.into_iter().map(closing).collect()
}

fn score_verified(reading: &Reading, target: &Target) -> Result<Arc<Score>, Refused> {
    let (area, indicator) = (&target.definition.area, &target.definition.indicator);
    let views = reading.views();
    let score = views.score_target_verified(&reading.model, area, indicator, reading.valid_date, reading.known());
    let score = score.map_err(|error| refusal::from_views(&error))?;
    score.ok_or_else(|| refusal::internal(&format!("target of {indicator} in {area} is not wholly defined")))
}

fn outcome(reading: &Reading, target: &Target, verified: &Score, reported: &Score) -> Result<Outcome, Refused> {
    let some = |score: &Score| score.headline.is_some();
    let outcome = match verified.status {
        Status::NotScored => Outcome::NotScored,
        _ if reported.status == Status::NotScored => Outcome::NotScored,
        Status::Met if decides(reading, target, verified) => Outcome::Met,
        Status::Missed => Outcome::Missed,
        _ if some(verified) => Outcome::Pending,
        _ if some(reported) => Outcome::Unverified,
        _ if is_due(reading, target)? => Outcome::NoData,
        _ => Outcome::Pending,
    };
    Ok(outcome)
}

/// Whether the figure that meets the target is one of the deadline: before that, a year to date is not.
fn decides(reading: &Reading, target: &Target, score: &Score) -> bool {
    let set = &target.definition;
    let indicator = reading.model.indicators.get(&set.indicator);
    let is_flow = indicator.is_some_and(|indicator| indicator.accumulation == Accumulation::AnnualFlow);
    !is_flow || score.scored_date == Some(set.effective_deadline)
}

/// Whether a figure that was never reported should be there: that of the first period, or the assessment of the deadline.
fn is_due(reading: &Reading, target: &Target) -> Result<bool, Refused> {
    let set = &target.definition;
    let Some(schedule) = reading.model.schedule(&set.indicator) else { return Ok(false) };
    let first = score::period_end_after(reading.plan_defined()?.start, schedule.frequency);
    let first = first.filter(|_| set.operator != Operator::Qualitative);
    let end = first.map_or(set.effective_deadline, |first| first.min(set.effective_deadline));
    Ok(score::due(end, schedule.release_lag_days, schedule.grace_days) < reading.valid_date)
}

impl Closing<'_> {
    fn to_pb(&self, reading: &Reading) -> pb::CloseOutTarget {
        let reported = &self.reported;
        pb::CloseOutTarget {
            verified: Some(self.verified.without_note(reading)),
            outcome: self.outcome.into(),
            outcome_label: Some(word(self.outcome)),
            reported_status: reported.score.status.to_wire(),
            reported_status_label: Some(label::of(&reported.score, reported.lacks_baseline(reading))),
            reported_actual: as_reported(reported.score.actual),
            category: name::or_empty(self.category),
        }
    }
}

fn word(outcome: Outcome) -> pb::Name {
    let (zh, en) = match outcome {
        Outcome::Unspecified => ("", ""),
        Outcome::Met => ("已达标（已核）", "met (verified)"),
        Outcome::Missed => ("未达标（已核）", "missed (verified)"),
        Outcome::Unverified => ("待核验", "not verified"),
        Outcome::Pending => ("待定", "pending"),
        Outcome::NoData => ("无数据", "no data"),
        Outcome::NotScored => ("不计分", "not scored"),
    };
    pb::Name { zh: zh.to_owned(), en: en.to_owned() }
}

fn count<'s, 'a: 's>(targets: impl IntoIterator<Item = &'s Closing<'a>>) -> Vec<pb::OutcomeCount> {
    let mut counts: BTreeMap<i32, u32> = BTreeMap::new();
    for one in targets {
        *counts.entry(one.outcome.into()).or_default() += 1;
    }
    let count = |outcome: Outcome| counts.get(&outcome.into()).copied().unwrap_or_default();
    OUTCOMES.into_iter().map(|one| pb::OutcomeCount { outcome: one.into(), count: count(one) }).collect()
}

/// A part of the statement; none where it has no target.
fn group<'s, 'a: 's>(id: &str, name: &Name, own: impl Iterator<Item = &'s Closing<'a>>) -> Option<pb::CloseOutGroup> {
    let mut own = own.peekable();
    own.peek()?;
    Some(pb::CloseOutGroup { group: id.to_owned(), display_name: Some(name.into()), outcomes: count(own) })
}

/// Counts projects after merges. Directions never have a milestone and lack none.
fn with_projects(reading: &Reading, answer: pb::GetCloseOutResponse) -> Result<pb::GetCloseOutResponse, Refused> {
    let model = &reading.model;
    let mut open: BTreeMap<ProjectId, usize> = BTreeMap::new();
    for milestone in reading.milestones(None)? {
        if milestone.status != MilestoneStatus::Cancelled {
            *open.entry(milestone.project).or_default() += usize::from(milestone.status != MilestoneStatus::Met);
        }
    }
    let going_on = || model.projects.values().filter(|one| !model.merges.contains_key(&one.project));
    let is_completed = |id: &ProjectId| open.get(id) == Some(&0);
    let is_unplanned = |id: &ProjectId| !open.contains_key(id);
    Ok(pb::GetCloseOutResponse {
        project_count: size(going_on().count()),
        project_completed_count: size(going_on().filter(|one| is_completed(&one.project)).count()),
        project_unplanned_count: size(
            going_on().filter(|one| one.kind == ProjectKind::Project && is_unplanned(&one.project)).count(),
        ),
        ..answer
    })
}
