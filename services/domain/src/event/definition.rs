//! Events that define a plan: who, where, what is measured, what is wanted.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::{AgencyId, AreaId, CategoryId, DocumentId, IndicatorId, PlanId, ProjectId};
use crate::quantity::Decimal;
use crate::score::{DatedValue, LightRule};
use crate::vocabulary::{
    Accumulation, Aggregation, AreaKind, AreaStage, AssignmentRole, Basis, Frequency, MeasureKind, Operator,
    OperatorSource, PathKind, ResultType,
};

/// A display name, Chinese first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Name {
    /// Chinese, as in the source.
    pub zh: String,
    /// English; may be empty.
    pub en: String,
}

/// Verbatim words of the plan's text and where they stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceSpan {
    /// The edition.
    pub document: DocumentId,
    /// First line, from 1.
    pub line_first: u32,
    /// Last line, inclusive.
    pub line_last: u32,
    /// The words, unchanged.
    pub text: String,
}

/// Genesis: which history this log is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogCreated {
    /// Drawn once.
    pub log_id: Uuid,
    /// The plan this log is of; `None` for the system log.
    pub plan: Option<PlanId>,
    /// 1 at first.
    pub epoch: u32,
    /// Whether everything in it is simulated (模拟数据).
    pub simulated: bool,
    /// Leaf hash algorithm: 1 = SHA-256.
    pub hash_algorithm: u32,
}

/// The log was restored to an earlier point; a new epoch begins with this record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryForked {
    /// The epoch that was restored.
    pub old_epoch: u32,
    /// The epoch that begins.
    pub epoch: u32,
    /// Records in the backup.
    pub old_size: u64,
    /// Leaf hash of the last of them.
    pub old_leaf_hash: [u8; 32],
    /// Merkle tree hash over their leaves (RFC 6962).
    pub old_root: [u8; 32],
    /// Records that stay; this one comes next.
    pub new_size: u64,
    /// Why, in the operator's words.
    pub reason: String,
}

/// A day began in the plan's time zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayOpened {
    /// The day.
    pub date: Date,
}

/// An edition of the plan's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Its id.
    pub id: DocumentId,
    /// Its title.
    pub title: String,
    /// SHA-256 of its bytes, if the plan folder holds them.
    pub sha256: Option<[u8; 32]>,
    /// How it differs, where it comes from.
    pub notes: Vec<String>,
}

/// A unit of measure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// Its code, as ledgers write it (家, %, 元).
    pub code: String,
    /// Its name.
    pub name: Name,
}

/// A group of indicators (类).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    /// Its id.
    pub id: CategoryId,
    /// Its name.
    pub name: Name,
    /// Its place in the source, from 1.
    pub order: u32,
}

/// Something the source says that is not scored: a goal without a number, a brand, a fact, a fault of the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// What kind of thing: `GOAL`, `BRAND`, `SCENARIO`, `TASK`, `FACT`, `DATA_QUALITY` ….
    pub kind: String,
    /// In both languages.
    pub text: Name,
    /// Where the source says it.
    pub source: Option<SourceSpan>,
    /// What the editor has to say.
    pub note: String,
}

/// The plan itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanDefined {
    /// Its id.
    pub plan: PlanId,
    /// Its title.
    pub title: Name,
    /// The city.
    pub city: Name,
    /// GB/T 2260 code of the city.
    pub administrative_division_code: String,
    /// First day, inclusive.
    pub start: Date,
    /// Last day, inclusive.
    pub end: Date,
    /// IANA name; days begin and end there.
    pub time_zone: String,
    /// Version of the arithmetic.
    pub calc_version: u32,
    /// More days than this between effective and recorded make an event back-dated (补录).
    pub late_after_days: u32,
    /// Editions of the text.
    pub documents: Vec<Document>,
    /// Units that indicators may use.
    pub units: Vec<Unit>,
    /// Categories in source order.
    pub categories: Vec<Category>,
    /// What is quoted but not scored.
    pub remarks: Vec<Remark>,
    /// The first light rule.
    pub light_rule: LightRule,
}

/// All definitions are in: the plan becomes visible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanPublished {
    /// Definition events before this one, genesis and days not counted.
    pub event_count: u32,
    /// SHA-256 over the definition events as the catalog orders them.
    pub digest: [u8; 32],
}

/// A city, zone or circle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AreaDesignated {
    /// Its id.
    pub area: AreaId,
    /// What it is.
    pub kind: AreaKind,
    /// Its name.
    pub name: Name,
    /// Short and nick names.
    pub aliases: Vec<String>,
    /// How far it is at first, from the plan's start on; none where the source names no stage.
    pub stage: Option<AreaStage>,
    /// Which batch (首期 = 1); 0 = none.
    pub batch: u32,
    /// University or institute around which it forms.
    pub hosts: Vec<String>,
    /// Other organisations that take part.
    pub participants: Vec<String>,
    /// Industries the source names.
    pub industries: Vec<String>,
    /// Sites to be used.
    pub sites: Vec<String>,
    /// Its place in the source, from 1.
    pub order: u32,
    /// Where the source says it.
    pub source: Option<SourceSpan>,
    /// Editor's notes.
    pub notes: Vec<String>,
}

/// An area moved to another stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AreaStageChanged {
    /// The area.
    pub area: AreaId,
    /// Its stage from the effective date on.
    pub stage: AreaStage,
    /// Why.
    pub reason: String,
}

/// How often an indicator is reported and how long its figures take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// How often.
    pub frequency: Frequency,
    /// Days from a period's end until its figure is published.
    pub release_lag_days: u32,
    /// Days after that before silence counts.
    pub grace_days: u32,
}

/// An indicator whose figure follows from other events: areas of a kind that have come to a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AreasAtStage {
    /// Areas of this kind.
    pub area_kind: AreaKind,
    /// At this stage or a later one.
    pub at_least: AreaStage,
}

/// An indicator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndicatorDefined {
    /// Its id.
    pub indicator: IndicatorId,
    /// Its category; none for area indicators.
    pub category: Option<CategoryId>,
    /// Its name.
    pub name: Name,
    /// Other names.
    pub aliases: Vec<String>,
    /// Code of a unit of the plan.
    pub unit: String,
    /// Power of ten: 4 = 万, 8 = 亿 (SDMX UNIT_MULT).
    pub unit_multiplier: u32,
    /// Unit and multiplier in words (亿元).
    pub unit_label: Name,
    /// What kind of measure.
    pub measure_kind: MeasureKind,
    /// Output, outcome, impact.
    pub result_type: ResultType,
    /// How its figures add up.
    pub accumulation: Accumulation,
    /// The one basis of a STOCK or RATIO.
    pub basis: Option<Basis>,
    /// Whether more is better.
    pub ascending: bool,
    /// Whether dimensions add up to the headline.
    pub aggregation: Aggregation,
    /// False for a series that is only compared with.
    pub scored: bool,
    /// When figures are due.
    pub schedule: Schedule,
    /// Set when measurements are refused because the figure is derived.
    pub derived: Option<AreasAtStage>,
    /// No longer scored from this day on.
    pub retired_from: Option<Date>,
    /// How it is measured.
    pub method_note: String,
    /// Editor's notes.
    pub notes: Vec<String>,
    /// Fields that the source does not decide and an editor read.
    pub interpreted: Vec<String>,
}

/// A target of an indicator in an area.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetSet {
    /// Its number in the plan, from 1.
    pub number: u32,
    /// The area.
    pub area: AreaId,
    /// The indicator.
    pub indicator: IndicatorId,
    /// How it is compared.
    pub operator: Operator,
    /// Whether the text says so.
    pub operator_source: OperatorSource,
    /// N; none for FULL_COVERAGE, EXCEEDS_SERIES and QUALITATIVE.
    pub value: Option<Decimal>,
    /// Upper bound of BETWEEN.
    pub max: Option<Decimal>,
    /// Tolerance of APPROXIMATELY, a share of N.
    pub tolerance: Option<Decimal>,
    /// The other series of EXCEEDS_SERIES.
    pub other_series: Option<IndicatorId>,
    /// The scale of QUALITATIVE, lowest first.
    pub steps: Vec<String>,
    /// The step that meets it.
    pub required_step: Option<String>,
    /// Whether there is a path before the end.
    pub path_kind: PathKind,
    /// The words of the text (到2026年末).
    pub due_as_written: String,
    /// The last day that counts, inclusive.
    pub effective_deadline: Date,
    /// Where the source says it.
    pub source: Option<SourceSpan>,
    /// Editor's notes.
    pub notes: Vec<String>,
    /// Fields that the source does not decide and an editor read.
    pub interpreted: Vec<String>,
}

/// Where a target starts from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaselineSet {
    /// The target's area.
    pub area: AreaId,
    /// The target's indicator.
    pub indicator: IndicatorId,
    /// Date and value.
    pub baseline: DatedValue,
}

/// Points on the way (年度目标).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterimTargetsSet {
    /// The target's area.
    pub area: AreaId,
    /// The target's indicator.
    pub indicator: IndicatorId,
    /// At least one; by date.
    pub interim: Vec<DatedValue>,
    /// Why, where they replace others; may be empty where there are none.
    pub reason: String,
}

/// A schedule for one indicator, from a light rule on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleOverride {
    /// The indicator.
    pub indicator: IndicatorId,
    /// Its schedule.
    pub schedule: Schedule,
}

/// The rule that turns deviations into lights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LightRuleAdopted {
    /// The rule; its version is one more than the last.
    pub rule: LightRule,
    /// Schedules that change with it.
    pub schedules: Vec<ScheduleOverride>,
    /// Why.
    pub reason: String,
}

/// An agency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgencyRegistered {
    /// Its id.
    pub agency: AgencyId,
    /// Its name.
    pub name: Name,
    /// Unified social credit code (GB 32100-2015); may be empty.
    pub uscc: String,
}

/// What an assignment covers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Scope {
    /// Everything in the plan.
    Plan,
    /// One area: its targets and projects.
    Area(AreaId),
    /// One indicator in every area.
    Indicator(IndicatorId),
    /// One target.
    Target(AreaId, IndicatorId),
    /// One project.
    Project(ProjectId),
}

/// An agency answers for something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgencyAssigned {
    /// The agency.
    pub agency: AgencyId,
    /// As what.
    pub role: AssignmentRole,
    /// For what.
    pub scope: Scope,
}
