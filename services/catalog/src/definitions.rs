//! The events that define a plan.
//!
//! Place in the flow: from a plan folder without a fault to what `songhua plan load` submits. Every event comes after
//! those that define what it names: an assignment can name a project, so agencies come last. It must not know: the log,
//! protobuf, who loads the plan.

mod plan;
mod texts;

use std::collections::BTreeMap;

use songhua_domain::event::{
    AgencyAssigned, AgencyRegistered, AreaDesignated, AreasAtStage, EventInput, IndicatorDefined, MilestonePlanned,
    Payload, PlanPublished, ProjectMerged, ProjectRegistered, Schedule, Scope, TargetSet,
};
use songhua_domain::id::PlanId;
use songhua_domain::quantity::Decimal;
use uuid::Uuid;

use self::texts::{bilingual, bilinguals, marked};
use crate::format::{Area, AreasFile, Indicator, Plan, Project, Target};
use crate::shapes::{IndustryId, OrganisationId, Ref};

pub(crate) use self::plan::check_size;

/// The definitions of `plan` and the event that publishes them.
pub(crate) fn of(plan: &Plan, digest: [u8; 32]) -> Vec<EventInput> {
    let names = AreaNames::of(&plan.areas);
    let mut events = Definitions::new(&plan.plan.plan);
    events.add("plan", plan::defined(plan));
    for area in plan.areas.areas.iter() {
        events.add(format!("area/{}", area.id), designated(area, &names));
    }
    for indicator in compared_first(plan) {
        events.add(format!("indicator/{}", indicator.id), indicator_defined(indicator));
    }
    for target in plan.targets.targets.iter() {
        events.add(format!("target/{}/{}", target.area.0, target.indicator.0), target_set(target));
    }
    for project in plan.projects.projects.iter() {
        events.add(format!("project/{}", project.id), registered(project, &names));
        add_milestones(&mut events, project);
    }
    for merge in plan.projects.merges.iter() {
        let (project, into) = (merge.project.0.clone(), merge.into.0.clone());
        let payload = ProjectMerged { project, into, interpreted: merge.interpreted, reason: bilingual(&merge.reason) };
        events.add(format!("merge/{}", merge.project.0), payload);
    }
    add_agencies(&mut events, plan);
    events.publish(digest)
}

/// The events so far.
struct Definitions {
    namespace: Uuid,
    events: Vec<EventInput>,
}

impl Definitions {
    fn new(plan: &PlanId) -> Self {
        let name = format!("songhua:plan:{plan}");
        Self { namespace: Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()), events: Vec::new() }
    }

    /// Adds `payload`, the definition of the resource `name`.
    fn add(&mut self, name: impl AsRef<str>, payload: impl Into<Payload>) {
        self.events.push(EventInput {
            event_id: Uuid::new_v5(&self.namespace, name.as_ref().as_bytes()),
            effective_date: None,
            payload: payload.into(),
            comment: String::new(),
            source_ref: String::new(),
            evidence: Vec::new(),
            correlation_id: String::new(),
            causation_id: None,
            staff: songhua_domain::event::StaffCodes::default(),
        });
    }

    fn publish(mut self, digest: [u8; 32]) -> Vec<EventInput> {
        let event_count = u32::try_from(self.events.len()).unwrap_or(u32::MAX);
        self.add("published", PlanPublished { event_count, digest });
        self.events
    }
}

/// The names behind the ids in `areas.json`.
struct AreaNames<'a> {
    organisations: BTreeMap<&'a OrganisationId, &'a str>,
    industries: BTreeMap<&'a IndustryId, &'a str>,
}

impl<'a> AreaNames<'a> {
    fn of(file: &'a AreasFile) -> Self {
        Self {
            organisations: file.organisations.iter().map(|item| (&item.id, item.name.zh.as_str())).collect(),
            industries: file.industries.iter().map(|item| (&item.id, item.name.zh.as_str())).collect(),
        }
    }

    fn organisations(&self, ids: &[Ref<OrganisationId>]) -> Vec<String> {
        ids.iter().filter_map(|id| self.organisations.get(&id.0)).map(|name| (*name).to_owned()).collect()
    }

    fn industries<'i>(&self, ids: impl IntoIterator<Item = &'i Ref<IndustryId>>) -> Vec<String> {
        ids.into_iter().filter_map(|id| self.industries.get(&id.0)).map(|name| (*name).to_owned()).collect()
    }
}

fn designated(area: &Area, names: &AreaNames<'_>) -> AreaDesignated {
    AreaDesignated {
        area: area.id.clone(),
        kind: area.kind,
        name: area.name.clone(),
        aliases: texts::area_aliases(area),
        stage: area.stage,
        batch: area.batch.unwrap_or(0),
        hosts: names.organisations(&area.hosts),
        participants: names.organisations(&area.participants),
        industries: names.industries(&area.industries),
        sites: area.sites.iter().map(|site| site.name.zh.clone()).collect(),
        order: area.source_order,
        source: Some(area.source.clone()),
        notes: marked(&area.notes, &area.interpreted),
    }
}

/// Series for comparison before those that are compared with them; otherwise in the order of the file.
fn compared_first(plan: &Plan) -> impl Iterator<Item = &Indicator> {
    let all = || plan.indicators.indicators.iter();
    let compares = |indicator: &&Indicator| indicator.compared_with.is_some();
    all().filter(move |indicator| !compares(indicator)).chain(all().filter(compares))
}

fn indicator_defined(indicator: &Indicator) -> IndicatorDefined {
    let derived = indicator.derived.as_ref();
    IndicatorDefined {
        indicator: indicator.id.clone(),
        category: indicator.category.as_ref().map(|category| category.0.clone()),
        name: indicator.name.clone(),
        aliases: indicator.aliases.clone(),
        unit: indicator.unit.0.0.clone(),
        unit_multiplier: indicator.unit_multiplier,
        unit_label: indicator.unit_label.clone(),
        measure_kind: indicator.measure_kind,
        result_type: indicator.result_type,
        accumulation: indicator.accumulation,
        basis: indicator.basis,
        ascending: indicator.ascending,
        aggregation: indicator.aggregation,
        scored: indicator.scored,
        schedule: Schedule {
            frequency: indicator.frequency,
            release_lag_days: indicator.release_lag_days,
            grace_days: indicator.grace_days,
        },
        derived: derived.map(|derived| AreasAtStage { area_kind: derived.area_kind, at_least: derived.at_least }),
        retired_from: indicator.retired_from,
        method_note: indicator.method_note.as_ref().map(bilingual).unwrap_or_default(),
        notes: bilinguals(&indicator.notes),
        interpreted: indicator.interpreted.clone(),
    }
}

fn target_set(target: &Target) -> TargetSet {
    TargetSet {
        number: target.number,
        area: target.area.0.clone(),
        indicator: target.indicator.0.clone(),
        operator: target.operator,
        operator_source: target.operator_source,
        value: target.value,
        max: target.max,
        tolerance: target.tolerance,
        other_series: target.other_series.as_ref().map(|other| other.0.clone()),
        steps: target.steps.clone().unwrap_or_default(),
        required_step: target.required_step.clone(),
        path_kind: target.path_kind,
        due_as_written: target.due_as_written.clone(),
        effective_deadline: target.effective_deadline,
        source: Some(target.source.clone()),
        notes: bilinguals(&target.notes),
        interpreted: target.interpreted.clone(),
    }
}

fn registered(project: &Project, names: &AreaNames<'_>) -> ProjectRegistered {
    ProjectRegistered {
        project: project.id.clone(),
        area: project.area.0.clone(),
        kind: project.kind,
        name: project.name.clone(),
        industry: names.industries(&project.industry).concat(),
        aliases: project.aliases.clone(),
        mentions: project.mentions.clone(),
        notes: marked(&project.notes, &project.interpreted),
    }
}

fn add_milestones(events: &mut Definitions, project: &Project) {
    for milestone in project.milestones.0.iter() {
        let payload = MilestonePlanned {
            project: project.id.clone(),
            milestone: milestone.id.clone(),
            milestone_type: milestone.r#type,
            title: milestone.title.clone(),
            due_date: milestone.due_date,
            weight: milestone.weight.unwrap_or(Decimal::ONE),
        };
        events.add(format!("milestone/{}/{}", project.id, milestone.id), payload);
    }
}

fn add_agencies(events: &mut Definitions, plan: &Plan) {
    for agency in plan.agencies.agencies.iter() {
        let uscc = agency.uscc.clone().unwrap_or_default();
        let payload = AgencyRegistered { agency: agency.id.clone(), name: agency.name.clone(), uscc };
        events.add(format!("agency/{}", agency.id), payload);
    }
    for assignment in plan.agencies.assignments.iter() {
        let (agency, role, scope) = (assignment.agency.0.clone(), assignment.role, assignment.scope.clone());
        let name = format!("assignment/{agency}/{role}/{}", scope_name(&scope));
        events.add(name, AgencyAssigned { agency, role, scope });
    }
}

fn scope_name(scope: &Scope) -> String {
    match scope {
        Scope::Plan => "plan".to_owned(),
        Scope::Area(area) => format!("area/{area}"),
        Scope::Indicator(indicator) => format!("indicator/{indicator}"),
        Scope::Target(area, indicator) => format!("target/{area}/{indicator}"),
        Scope::Project(project) => format!("project/{project}"),
    }
}
