//! The model: everything that is defined, as known at one position.
//!
//! Place in the flow: folded from definition rows, loaded once for a read and kept until the next definition; the
//! projector folds the same way while it applies a batch. It must not know: figures, milestones, where rows are kept.

use std::collections::BTreeMap;

use jiff::civil::Date;
use songhua_domain::event::{
    AgencyAssigned, AgencyRegistered, AreaDesignated, IndicatorDefined, LogCreated, Name, PlanClosedOut, PlanDefined,
    PlanPublished, ProjectMerged, ProjectRegistered, Schedule, Scope, TargetDecomposed, TargetSet,
};
use songhua_domain::id::{AgencyId, AreaId, IndicatorId, ProjectId};
use songhua_domain::score::{DatedValue, LightRule, TargetSpec};
use songhua_domain::state::Assignments;
use songhua_domain::vocabulary::{AreaStage, AssignmentRole};

use crate::definition::{Definition, StageEffective};

mod revision;

/// The code of the unit whose ratios are shown × 100.
pub const PERCENT: &str = "%";

/// The plan's publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Its event.
    pub position: u64,
    /// What it says.
    pub event: PlanPublished,
}

/// A stage that an area came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageChange {
    /// Its event.
    pub position: u64,
    /// From this day on.
    pub effective: Date,
    /// The stage.
    pub stage: AreaStage,
    /// Why.
    pub reason: String,
}

/// An area and its stages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Area {
    /// Its event.
    pub position: u64,
    /// As designated.
    pub definition: AreaDesignated,
    /// By effective date, then position.
    pub stages: Vec<StageChange>,
}

impl Area {
    /// How far it is on `date`: the last change that is effective then, else its first stage, if it has one.
    pub fn stage_at(&self, date: Date) -> Option<AreaStage> {
        let change = self.stages.iter().rfind(|change| change.effective <= date);
        change.map_or(self.definition.stage, |change| Some(change.stage))
    }
}

/// A target and where it starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its event.
    pub position: u64,
    /// As set.
    pub definition: TargetSet,
    /// The last baseline.
    pub baseline: Option<DatedValue>,
    /// The last interim targets.
    pub interim: Vec<DatedValue>,
}

/// The plan's close-out (收官).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedOut {
    /// Its event.
    pub position: u64,
    /// What it says.
    pub event: PlanClosedOut,
}

/// From here on figures of an indicator cannot be compared with earlier ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// Its event.
    pub position: u64,
    /// First day after the break.
    pub from: Date,
    /// Why.
    pub reason: String,
}

/// Everything that is defined. Maps are by id, so that every walk over them has one order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Model {
    /// The last definition in it; 0 = none.
    pub position: u64,
    /// The log.
    pub log: Option<LogCreated>,
    /// The plan.
    pub plan: Option<PlanDefined>,
    /// When it became visible; none = not yet.
    pub published: Option<Published>,
    /// The last light rule.
    pub light_rule: LightRule,
    /// Schedules that came with light rules, in place of the indicators' own.
    pub schedules: BTreeMap<IndicatorId, Schedule>,
    /// Areas.
    pub areas: BTreeMap<AreaId, Area>,
    /// Indicators.
    pub indicators: BTreeMap<IndicatorId, IndicatorDefined>,
    /// Targets by area and indicator.
    pub targets: BTreeMap<(AreaId, IndicatorId), Target>,
    /// Agencies.
    pub agencies: BTreeMap<AgencyId, AgencyRegistered>,
    /// Assignments that stand, by position; those of an agency that ended are its successor's.
    pub assignments: BTreeMap<u64, AgencyAssigned>,
    /// The same, as rules ask for them.
    pub in_force: Assignments,
    /// Projects, merged ones too.
    pub projects: BTreeMap<ProjectId, ProjectRegistered>,
    /// Merges by the project that ended.
    pub merges: BTreeMap<ProjectId, ProjectMerged>,
    /// Version of the arithmetic in force.
    pub calc_version: u32,
    /// The close-out, once there is one.
    pub closed_out: Option<ClosedOut>,
    /// Series breaks by indicator, in log order.
    pub breaks: BTreeMap<IndicatorId, Vec<Break>>,
    /// The last decomposition (任务分解) of each target.
    pub tasks: BTreeMap<(AreaId, IndicatorId), TargetDecomposed>,
    /// Names that agencies had before, oldest first.
    pub former_names: BTreeMap<AgencyId, Vec<Name>>,
    /// Who took over from agencies that ended.
    pub successors: BTreeMap<AgencyId, AgencyId>,
}

impl Model {
    /// Folds the next definition.
    pub(crate) fn fold(&mut self, position: u64, definition: Definition) {
        self.position = position;
        match definition {
            Definition::Log(log) => self.log = Some(log),
            Definition::Plan(plan) => {
                self.light_rule = plan.light_rule.clone();
                self.calc_version = plan.calc_version;
                self.plan = Some(plan);
            }
            Definition::Published(event) => self.published = Some(Published { position, event }),
            Definition::Area(definition) => {
                let area = Area { position, definition, stages: Vec::new() };
                self.areas.insert(area.definition.area.clone(), area);
            }
            Definition::Stage(stage) => self.fold_stage(position, stage),
            Definition::Indicator(indicator) => {
                self.indicators.insert(indicator.indicator.clone(), indicator);
            }
            Definition::Target(definition) => self.fold_target(position, definition),
            Definition::Baseline(set) => self.start_from(set.area, set.indicator, set.baseline),
            Definition::Interim(set) => {
                if let Some(target) = self.targets.get_mut(&(set.area, set.indicator)) {
                    target.interim = set.interim;
                }
            }
            Definition::LightRule(adopted) => {
                self.light_rule = adopted.rule;
                self.schedules.extend(adopted.schedules.into_iter().map(|change| (change.indicator, change.schedule)));
            }
            Definition::Agency(agency) => {
                self.agencies.insert(agency.agency.clone(), agency);
            }
            Definition::Assignment(assigned) => {
                self.in_force.add(&assigned);
                self.assignments.insert(position, assigned);
            }
            Definition::Project(project) => {
                self.projects.insert(project.project.clone(), project);
            }
            Definition::Merge(merged) => {
                self.merges.insert(merged.project.clone(), merged);
            }
            Definition::PlanRevision(revised) => self.revise_plan(&revised),
            Definition::CloseOut(event) => self.closed_out = Some(ClosedOut { position, event }),
            Definition::Calculation(adopted) => self.calc_version = adopted.calc_version,
            Definition::Redefinition(redefined) => self.redefine(position, redefined),
            Definition::Retirement(retired) => self.retire(&retired),
            Definition::TargetRevision(revised) => self.revise_target(&revised),
            Definition::Restatement(restated) => self.start_from(restated.area, restated.indicator, restated.baseline),
            Definition::Decomposition(decomposed) => {
                self.tasks.insert((decomposed.area.clone(), decomposed.indicator.clone()), decomposed);
            }
            Definition::Renaming(renamed) => self.rename(renamed),
            Definition::Succession(succeeded) => self.succeed(succeeded),
            Definition::AssignmentEnd(ended) => self.end_assignment(&ended),
        }
    }

    fn start_from(&mut self, area: AreaId, indicator: IndicatorId, baseline: DatedValue) {
        if let Some(target) = self.targets.get_mut(&(area, indicator)) {
            target.baseline = Some(baseline);
        }
    }

    fn fold_stage(&mut self, position: u64, stage: StageEffective) {
        let StageEffective { effective, change } = stage;
        if let Some(area) = self.areas.get_mut(&change.area) {
            // A stage may become known after a later one: the timeline is by day, the last word on a day counts.
            let place = area.stages.partition_point(|known| known.effective <= effective);
            let change = StageChange { position, effective, stage: change.stage, reason: change.reason };
            area.stages.insert(place, change);
        }
    }

    fn fold_target(&mut self, position: u64, definition: TargetSet) {
        let key = (definition.area.clone(), definition.indicator.clone());
        self.targets.insert(key, Target { position, definition, baseline: None, interim: Vec::new() });
    }

    /// The target of `indicator` in `area`.
    pub fn target(&self, area: &AreaId, indicator: &IndicatorId) -> Option<&Target> {
        self.targets.get(&(area.clone(), indicator.clone()))
    }

    /// The schedule of `indicator`: the last one given, with a light rule or by itself.
    pub fn schedule(&self, indicator: &IndicatorId) -> Option<Schedule> {
        let own = || self.indicators.get(indicator).map(|definition| definition.schedule);
        self.schedules.get(indicator).copied().or_else(own)
    }

    /// What scoring is told of a target; none where plan, indicator or target is not defined.
    pub fn target_spec(&self, area: &AreaId, indicator: &IndicatorId) -> Option<TargetSpec> {
        let plan = self.plan.as_ref()?;
        let target = self.target(area, indicator)?;
        let defined = self.indicators.get(indicator)?;
        let schedule = self.schedule(indicator)?;
        let set = &target.definition;
        Some(TargetSpec {
            plan_start: plan.start,
            plan_end: plan.end,
            deadline: set.effective_deadline,
            operator: set.operator,
            accumulation: defined.accumulation,
            path_kind: set.path_kind,
            ascending: defined.ascending,
            value: set.value,
            max: set.max,
            tolerance: set.tolerance,
            percent: defined.unit == PERCENT,
            steps: set.steps.clone(),
            required_step: set.required_step.clone(),
            baseline: target.baseline,
            interim: target.interim.clone(),
            frequency: schedule.frequency,
            release_lag_days: schedule.release_lag_days,
            grace_days: schedule.grace_days,
            retired_from: defined.retired_from,
        })
    }

    /// The agency that reports a target's headline (牵头单位).
    pub fn lead_of_target(&self, area: &AreaId, indicator: &IndicatorId) -> Option<&AgencyId> {
        self.in_force.lead_of_target(area, indicator)
    }

    /// The agency that answers for a project: the narrowest scope, lead before responsible, the last assigned.
    pub fn lead_of_project(&self, project: &ProjectId) -> Option<&AgencyId> {
        let area = &self.projects.get(project)?.area;
        let width = |scope: &Scope| match scope {
            Scope::Project(of) => (of == project).then_some(2),
            Scope::Area(of) => (of == area).then_some(4),
            Scope::Plan => Some(6),
            Scope::Indicator(_) | Scope::Target(..) => None,
        };
        let ranked = self.assignments.values().rev().filter_map(|assigned| {
            let rank = match assigned.role {
                AssignmentRole::Lead => width(&assigned.scope)?,
                AssignmentRole::Responsible => width(&assigned.scope)? + 1,
                AssignmentRole::Supervising => return None,
            };
            Some((rank, &assigned.agency))
        });
        // The first of equals is the last assigned.
        ranked.min_by_key(|(rank, _)| *rank).map(|(_, agency)| agency)
    }

    /// The agency that stands for `agency`: itself, or the end of its chain of successors.
    pub fn standing<'a>(&'a self, agency: &'a AgencyId) -> &'a AgencyId {
        let mut last = agency;
        // As with merges: a chain is at most as long as there are successions.
        for _ in 0..self.successors.len() {
            let Some(successor) = self.successors.get(last) else { break };
            last = successor;
        }
        last
    }

    /// The project that goes on for `project`: itself, or the end of its chain of merges.
    pub fn merged_into<'a>(&'a self, project: &'a ProjectId) -> &'a ProjectId {
        let mut last = project;
        // A chain is at most as long as there are merges; a circle, which ingest refuses, ends there too.
        for _ in 0..self.merges.len() {
            let Some(merged) = self.merges.get(last) else { break };
            last = &merged.into;
        }
        last
    }
}
