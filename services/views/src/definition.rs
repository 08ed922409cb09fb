//! Definitions: the events that say what is tracked, kept as they came.
//!
//! Place in the flow: the projector hands them to the batch; [`Model`](crate::Model) folds their rows. It must not
//! know what they mean together.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use songhua_domain::event::{
    AgencyAssigned, AgencyRegistered, AgencyRenamed, AgencySucceeded, AreaDesignated, AreaStageChanged,
    AssignmentEnded, BaselineRestated, BaselineSet, CalculationAdopted, IndicatorDefined, IndicatorRedefined,
    IndicatorRetired, InterimTargetsSet, LightRuleAdopted, LogCreated, PlanClosedOut, PlanDefined, PlanPublished,
    PlanRevised, ProjectMerged, ProjectRegistered, TargetDecomposed, TargetRevised, TargetSet,
};

use crate::error::ViewsError;
use crate::key::{DEFINITIONS, Key};
use crate::row::{decode, encode, unreadable};

/// A stage and the day it began, which the event carries beside its payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageEffective {
    /// From this day on.
    pub effective: Date,
    /// The change.
    pub change: AreaStageChanged,
}

macro_rules! definitions {
    ($($(#[$doc:meta])* $variant:ident($payload:ty) = $kind:literal,)*) => {
        /// One definition, as its event stated it.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Definition {
            $($(#[$doc])* $variant($payload),)*
        }
        impl Definition {
            const fn kind(&self) -> u8 {
                match self { $(Self::$variant(_) => $kind,)* }
            }
            pub(crate) fn encode(&self, key: &[u8]) -> Result<Vec<u8>, ViewsError> {
                match self { $(Self::$variant(payload) => encode(key, payload),)* }
            }
            /// Reads the row at `key`.
            pub(crate) fn read(key: &[u8], bytes: &[u8]) -> Result<Self, ViewsError> {
                match key.get(1) {
                    $(Some(&$kind) => decode(key, bytes).map(Self::$variant),)*
                    _ => Err(unreadable(key, "unknown kind of definition")),
                }
            }
        }
        $(impl From<$payload> for Definition {
            fn from(payload: $payload) -> Self {
                Self::$variant(payload)
            }
        })*
    };
}

definitions! {
    /// The log itself.
    Log(LogCreated) = 1,
    /// The plan.
    Plan(PlanDefined) = 2,
    /// The plan became visible.
    Published(PlanPublished) = 3,
    /// An area.
    Area(AreaDesignated) = 4,
    /// A stage of an area.
    Stage(StageEffective) = 5,
    /// An indicator.
    Indicator(IndicatorDefined) = 6,
    /// A target.
    Target(TargetSet) = 7,
    /// Where a target starts from.
    Baseline(BaselineSet) = 8,
    /// Points on a target's way.
    Interim(InterimTargetsSet) = 9,
    /// A light rule and schedules.
    LightRule(LightRuleAdopted) = 10,
    /// An agency.
    Agency(AgencyRegistered) = 11,
    /// What an agency answers for.
    Assignment(AgencyAssigned) = 12,
    /// A project.
    Project(ProjectRegistered) = 13,
    /// Two projects became one.
    Merge(ProjectMerged) = 14,
    /// Another edition, title or last day of the plan.
    PlanRevision(PlanRevised) = 15,
    /// The plan's close-out.
    CloseOut(PlanClosedOut) = 16,
    /// Another version of the arithmetic.
    Calculation(CalculationAdopted) = 17,
    /// Another name, method or schedule of an indicator.
    Redefinition(IndicatorRedefined) = 18,
    /// The end of an indicator.
    Retirement(IndicatorRetired) = 19,
    /// A target asks for something else.
    TargetRevision(TargetRevised) = 20,
    /// Another baseline.
    Restatement(BaselineRestated) = 21,
    /// Who is to reach which part of a target.
    Decomposition(TargetDecomposed) = 22,
    /// Another name of an agency.
    Renaming(AgencyRenamed) = 23,
    /// An agency took over from another.
    Succession(AgencySucceeded) = 24,
    /// The end of an assignment.
    AssignmentEnd(AssignmentEnded) = 25,
}

impl Definition {
    /// The key of its row.
    pub(crate) fn key(&self, position: u64) -> Vec<u8> {
        let key = Key::table(DEFINITIONS).bytes(&[self.kind()]);
        let key = match self {
            Self::Log(_) | Self::Plan(_) | Self::Published(_) | Self::LightRule(_) | Self::Assignment(_) => key,
            Self::PlanRevision(_) | Self::CloseOut(_) | Self::Calculation(_) | Self::AssignmentEnd(_) => key,
            Self::Area(area) => key.text(area.area.as_str()),
            Self::Stage(stage) => key.text(stage.change.area.as_str()),
            Self::Indicator(indicator) => key.text(indicator.indicator.as_str()),
            Self::Target(target) => key.text(target.area.as_str()).text(target.indicator.as_str()),
            Self::Baseline(set) => key.text(set.area.as_str()).text(set.indicator.as_str()),
            Self::Interim(set) => key.text(set.area.as_str()).text(set.indicator.as_str()),
            Self::Agency(agency) => key.text(agency.agency.as_str()),
            Self::Project(project) => key.text(project.project.as_str()),
            Self::Merge(merge) => key.text(merge.project.as_str()),
            Self::Redefinition(it) => key.text(it.indicator.as_str()),
            Self::Retirement(it) => key.text(it.indicator.as_str()),
            Self::TargetRevision(it) => key.text(it.area.as_str()).text(it.indicator.as_str()),
            Self::Restatement(it) => key.text(it.area.as_str()).text(it.indicator.as_str()),
            Self::Decomposition(it) => key.text(it.area.as_str()).text(it.indicator.as_str()),
            Self::Renaming(it) => key.text(it.agency.as_str()),
            Self::Succession(it) => key.text(it.agency.as_str()),
        };
        key.position(position).done()
    }
}
