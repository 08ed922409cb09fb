//! The scenario: `seeds/demo/*.json`, embedded (`seeds/README.md` says what its fields mean).
//!
//! It must not know: how a story becomes events.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use songhua_domain::event::{Name, ScheduleOverride};
use songhua_domain::id::{AgencyId, AreaId, IndicatorId, MilestoneId, ProjectId};
use songhua_domain::quantity::Decimal;
use songhua_domain::score::LightRule;
use songhua_domain::vocabulary::{AreaStage, Frequency, MilestoneType, ObsStatus};
use songhua_wire::pb;

/// The scenario contradicts itself or the plan. Only a developer can mend it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Fault(pub(super) String);

/// The whole scenario.
pub(super) struct Scenario {
    pub(super) office: Office,
    pub(super) figures: Vec<Story>,
    pub(super) projects: Vec<ProjectStory>,
    pub(super) conduct: Conduct,
}

impl Scenario {
    /// Reads the embedded files.
    pub(super) fn read() -> Result<Self, Fault> {
        Ok(Self {
            office: parse("office.json", include_str!("../../../../seeds/demo/office.json"))?,
            figures: parse("figures.json", include_str!("../../../../seeds/demo/figures.json"))?,
            projects: parse("milestones.json", include_str!("../../../../seeds/demo/milestones.json"))?,
            conduct: parse("conduct.json", include_str!("../../../../seeds/demo/conduct.json"))?,
        })
    }
}

fn parse<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|error| Fault(format!("seeds/demo/{file}: {error}")))
}

/// `office.json`: what the plan office, the checkers and the districts do.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Office {
    /// The agency that verifies.
    pub(super) inspector: AgencyId,
    pub(super) baselines_on: Date,
    pub(super) interim_on: Date,
    /// Days that an agency takes longer than others.
    pub(super) slow: BTreeMap<AgencyId, u32>,
    /// Share of each district in the city's figures, percent; its agency is `district-<id>`.
    pub(super) districts: BTreeMap<String, u32>,
    pub(super) stages: Vec<Stage>,
    pub(super) rules: Vec<Rule>,
    pub(super) merges: Vec<Merge>,
    pub(super) assessments: Vec<Assessment>,
}

/// An area comes to another stage.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stage {
    pub(super) on: Date,
    pub(super) effective: Date,
    pub(super) area: AreaId,
    pub(super) stage: AreaStage,
    pub(super) why: String,
}

/// A rule of lights is adopted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    pub(super) on: Date,
    pub(super) rule: LightRule,
    pub(super) schedules: Vec<ScheduleOverride>,
    pub(super) why: String,
}

/// Two projects become one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Merge {
    pub(super) on: Date,
    pub(super) project: ProjectId,
    pub(super) into: ProjectId,
    pub(super) why: String,
}

/// A step on a scale, and what became of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Assessment {
    pub(super) area: AreaId,
    pub(super) indicator: IndicatorId,
    pub(super) on: Date,
    pub(super) as_of: Date,
    pub(super) step: String,
    pub(super) finding: String,
    pub(super) obs_status: ObsStatus,
    pub(super) verified_on: Option<Date>,
    pub(super) rejected_on: Option<Date>,
}

/// `figures.json`: how one target's figures went.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Story {
    pub(super) area: AreaId,
    pub(super) indicator: IndicatorId,
    /// Value at the eve of the plan; becomes the baseline unless `baseline` is false.
    pub(super) base: Option<Decimal>,
    #[serde(default = "yes")]
    pub(super) baseline: bool,
    /// Values at the ends of 2022, 2023 …; the one of the last year is that of its last report.
    #[serde(default)]
    pub(super) ends: Vec<Decimal>,
    /// Numerator and denominator by day, instead of `ends`.
    #[serde(default)]
    pub(super) fractions: BTreeMap<Date, [Decimal; 2]>,
    /// Interim targets for the ends of 2022, 2023 ….
    #[serde(default)]
    pub(super) interim: Vec<Decimal>,
    /// How often it is reported, if not as the indicator says.
    pub(super) every: Option<Frequency>,
    /// Totals since the plan's start instead of periods.
    #[serde(default)]
    pub(super) totals: bool,
    #[serde(default)]
    pub(super) districts: bool,
    /// No report after this period: the agency falls silent.
    pub(super) until: Option<Date>,
    /// Periods with nothing to report.
    #[serde(default)]
    pub(super) quiet: Vec<Date>,
    /// Periods that were never reported.
    #[serde(default)]
    pub(super) missing: Vec<Date>,
    /// Periods that came late, and when.
    #[serde(default)]
    pub(super) late: BTreeMap<Date, Date>,
    pub(super) obs_status: Option<ObsStatus>,
    #[serde(default = "yes")]
    pub(super) verified: bool,
    /// What became of single figures, in order.
    #[serde(default)]
    pub(super) turns: Vec<Turn>,
}

const fn yes() -> bool {
    true
}

/// Something happens to the figure of the period that ends on `of`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Turn {
    pub(super) of: Date,
    pub(super) on: Date,
    pub(super) what: What,
    pub(super) value: Option<Decimal>,
    #[serde(default)]
    pub(super) why: String,
}

/// What can happen to a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum What {
    Corrected,
    Revised,
    Retracted,
    Reported,
    Requested,
    Verified,
    Rejected,
    Reopened,
    Withdrawn,
}

/// `milestones.json`: a project's milestones.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProjectStory {
    pub(super) project: ProjectId,
    pub(super) planned: Date,
    pub(super) milestones: Vec<MilestoneStory>,
}

/// A milestone, and how it went.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MilestoneStory {
    pub(super) id: MilestoneId,
    pub(super) r#type: MilestoneType,
    pub(super) title: Name,
    pub(super) due: Date,
    pub(super) weight: Option<Decimal>,
    pub(super) story: Vec<Deed>,
}

/// What was said about a milestone on a day.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Deed {
    pub(super) on: Date,
    /// The day that is spoken of, if it is another.
    pub(super) as_of: Option<Date>,
    pub(super) what: DeedKind,
    /// New due date.
    pub(super) to: Option<Date>,
    pub(super) percent: Option<Decimal>,
    #[serde(default)]
    pub(super) why: String,
}

/// What can happen to a milestone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum DeedKind {
    Rescheduled,
    Partial,
    Missed,
    Reached,
    Cancelled,
    Reopened,
    Verified,
    Rejected,
}

/// `conduct.json`: how the plan is conducted, and what of it changes on the way.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Conduct {
    /// Days after a quarter's end until its figures are due.
    pub(super) due_after_days: u32,
    /// Days after a quarter's end until its reporting period is closed.
    pub(super) closed_after_days: u32,
    pub(super) lines: Vec<Line>,
}

/// What somebody says on a day.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    pub(super) on: Date,
    /// The agency; absent = the plan office.
    pub(super) by: Option<AgencyId>,
    /// As `songhua push` reads it from NDJSON; the script draws its id.
    pub(super) say: pb::EventInput,
}
