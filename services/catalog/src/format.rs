//! The records of a plan folder, field by field as `seeds/README.md` lists them.
//!
//! Place in the flow: read from the folder's JSON; judged together by `rules`; turned into events by `definitions`. It
//! must not know: which records may stand beside each other.

use jiff::civil::Date;
use songhua_domain::event::{Name, Scope, SourceSpan};
use songhua_domain::id::{AgencyId, AreaId, CategoryId, DocumentId, IndicatorId, MilestoneId, PlanId, ProjectId};
use songhua_domain::quantity::Decimal;
use songhua_domain::vocabulary::{
    Accumulation, Aggregation, AreaKind, AreaStage, AssignmentRole, Basis, Frequency, MeasureKind, MilestoneType,
    Operator, OperatorSource, PathKind, ProjectKind, ResultType,
};

use crate::cursor::{At, Context, Noted, Read, Shape, record};
use crate::fault::Place;
use crate::folder::{AGENCIES, AREAS, Folder, INDICATORS, PLAN, PROJECTS, TARGETS};
use crate::shapes::{
    DerivedKind, FactKind, GoalKind, IndustryId, List, Omittable, OrganisationId, OrganisationKind, Ref, RemarkId,
    Sha256Hex, UnitCode,
};

record! {
    /// `plan.json`.
    PlanFile {
        format: u32,
        plan: PlanId,
        title: Name,
        city: Name,
        administrative_division_code: Option<String>,
        start: Date,
        end: Date,
        time_zone: String,
        calc_version: u32,
        late_after_days: u32,
        source: SourceSpan,
        documents: List<Document>,
        units: List<Unit>,
        categories: List<Category>,
        light_rule: Rule,
        goals: List<Goal>,
        facts: List<Fact>,
        notes: Vec<Name>,
        interpreted: Vec<String>,
    }
    /// An edition of the text.
    Document {
        id: DocumentId,
        title: Name,
        file: Option<String>,
        sha256: Option<Sha256Hex>,
        published: Option<Date>,
        published_note: Option<Name>,
        notes: Vec<Name>,
    }
    /// A unit of measure.
    Unit {
        code: UnitCode,
        name: Name,
        note: Option<Name>,
    }
    /// A group of indicators.
    Category {
        id: CategoryId,
        name: Name,
        order: u32,
        source: SourceSpan,
    }
    /// The light rule.
    Rule {
        version: u32,
        behind_below_points: Decimal,
        far_behind_below_points: Decimal,
        closing_window_days: u32,
        closing_shortfall_percent: Decimal,
        gap_tolerance_points: Decimal,
        gap_tolerance_target_percent: Decimal,
        coverage_yellow_percent: Decimal,
        interpreted: bool,
    }
    /// A goal that is not scored.
    Goal {
        id: RemarkId,
        kind: GoalKind,
        area: Ref<AreaId>,
        name: Name,
        source: SourceSpan,
        note: Option<Name>,
    }
    /// Something the text says beside its targets.
    Fact {
        id: RemarkId,
        kind: FactKind,
        area: Option<Ref<AreaId>>,
        name: Name,
        value: Option<Decimal>,
        unit: Option<Ref<UnitCode>>,
        value_as_written: Option<String>,
        as_of: Option<Date>,
        source: SourceSpan,
        note: Option<Name>,
    }
}

record! {
    /// `areas.json`.
    AreasFile {
        areas: List<Area>,
        organisations: List<Organisation>,
        industries: List<Industry>,
    }
    /// A city, zone or circle.
    Area {
        id: AreaId,
        kind: AreaKind,
        name: Name,
        short_name: Name,
        nickname: Option<Name>,
        aliases: Vec<String>,
        stage: Option<AreaStage>,
        batch: Option<u32>,
        hosts: Vec<Ref<OrganisationId>>,
        participants: Vec<Ref<OrganisationId>>,
        industries: Vec<Ref<IndustryId>>,
        sites: Vec<Site>,
        source_order: u32,
        source: SourceSpan,
        notes: Vec<Name>,
        interpreted: Vec<String>,
    }
    /// A place to be used.
    Site {
        name: Name,
        source: SourceSpan,
    }
    /// An organisation that the text names.
    Organisation {
        id: OrganisationId,
        kind: OrganisationKind,
        name: Name,
        aliases: Vec<String>,
        source: SourceSpan,
        notes: Vec<Name>,
        interpreted: Vec<String>,
    }
    /// An industry that the text names.
    Industry {
        id: IndustryId,
        name: Name,
        source: SourceSpan,
    }
}

record! {
    /// `indicators.json`.
    IndicatorsFile {
        indicators: List<Indicator>,
    }
    /// What is measured.
    Indicator {
        id: IndicatorId,
        number: Vec<u32>,
        category: Option<Ref<CategoryId>>,
        name: Name,
        aliases: Vec<String>,
        unit: Ref<UnitCode>,
        unit_multiplier: u32,
        unit_label: Name,
        measure_kind: MeasureKind,
        result_type: ResultType,
        accumulation: Accumulation,
        basis: Option<Basis>,
        ascending: bool,
        aggregation: Aggregation,
        scored: bool,
        frequency: Frequency,
        release_lag_days: u32,
        grace_days: u32,
        derived: Option<Derived>,
        compared_with: Option<Ref<IndicatorId>>,
        retired_from: Option<Date>,
        method_note: Option<Name>,
        notes: Vec<Name>,
        interpreted: Vec<String>,
    }
    /// How a figure follows from other events.
    Derived {
        kind: DerivedKind,
        area_kind: AreaKind,
        at_least: AreaStage,
    }
}

record! {
    /// `targets.json`.
    TargetsFile {
        targets: List<Target>,
    }
    /// What is to be reached.
    Target {
        number: u32,
        area: Ref<AreaId>,
        indicator: Ref<IndicatorId>,
        operator: Operator,
        operator_source: OperatorSource,
        value: Option<Decimal>,
        max: Option<Decimal>,
        tolerance: Option<Decimal>,
        other_series: Option<Ref<IndicatorId>>,
        steps: Option<Vec<String>>,
        required_step: Option<String>,
        path_kind: PathKind,
        due_as_written: String,
        due_inherited: bool,
        effective_deadline: Date,
        source: SourceSpan,
        notes: Vec<Name>,
        interpreted: Vec<String>,
    }
}

record! {
    /// `projects.json`.
    ProjectsFile {
        projects: List<Project>,
        merges: List<Merge>,
    }
    /// A named project or direction.
    Project {
        id: ProjectId,
        name: Name,
        area: Ref<AreaId>,
        kind: ProjectKind,
        industry: Option<Ref<IndustryId>>,
        aliases: Vec<String>,
        mentions: Vec<SourceSpan>,
        milestones: Omittable<Milestone>,
        notes: Vec<Name>,
        interpreted: Vec<String>,
    }
    /// A milestone of the project it stands in.
    Milestone {
        id: MilestoneId,
        r#type: MilestoneType,
        title: Name,
        due_date: Date,
        weight: Option<Decimal>,
    }
    /// Two names, one project.
    Merge {
        project: Ref<ProjectId>,
        into: Ref<ProjectId>,
        interpreted: bool,
        reason: Name,
    }
}

record! {
    /// `agencies.json`.
    AgenciesFile {
        agencies: List<Agency>,
        assignments: List<Assignment>,
    }
    /// An agency that answers for something.
    Agency {
        id: AgencyId,
        name: Name,
        uscc: Option<String>,
    }
    /// What it answers for.
    Assignment {
        agency: Ref<AgencyId>,
        role: AssignmentRole,
        scope: Scope,
    }
}

/// The records of a folder that may have faults.
pub(crate) struct Draft {
    pub(crate) plan: Read<PlanFile>,
    pub(crate) areas: Read<AreasFile>,
    pub(crate) indicators: Read<IndicatorsFile>,
    pub(crate) targets: Read<TargetsFile>,
    pub(crate) projects: Read<ProjectsFile>,
    pub(crate) agencies: Read<AgenciesFile>,
}

/// The records of a folder without faults.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) plan: PlanFile,
    pub(crate) areas: AreasFile,
    pub(crate) indicators: IndicatorsFile,
    pub(crate) targets: TargetsFile,
    pub(crate) projects: ProjectsFile,
    pub(crate) agencies: AgenciesFile,
}

impl Draft {
    /// Reads every file of `folder`.
    pub(crate) fn read(folder: &Folder, context: &Context) -> Self {
        let nobody = || Ok(AgenciesFile { agencies: List::default(), assignments: List::default() });
        Self {
            plan: file(PLAN, folder, context),
            areas: file(AREAS, folder, context),
            indicators: file(INDICATORS, folder, context),
            targets: file(TARGETS, folder, context),
            projects: file(PROJECTS, folder, context),
            // Absent, or a fault that is noted: the plan is refused for it, and nothing more need be said.
            agencies: if folder.file(AGENCIES).is_some() { file(AGENCIES, folder, context) } else { nobody() },
        }
    }

    /// The records, if every file could be read.
    pub(crate) fn complete(self) -> Option<Plan> {
        Some(Plan {
            plan: self.plan.ok()?,
            areas: self.areas.ok()?,
            indicators: self.indicators.ok()?,
            targets: self.targets.ok()?,
            projects: self.projects.ok()?,
            agencies: self.agencies.ok()?,
        })
    }
}

fn file<T: Shape>(name: &'static str, folder: &Folder, context: &Context) -> Read<T> {
    let value = folder.file(name).ok_or(Noted)?;
    T::read(value, &At { context, place: Place::root(name) })
}
