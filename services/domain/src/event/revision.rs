//! Events that change what was defined: another edition, another method, another value, another agency.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Document, IndicatorDefined, Name, PlanDefined, Schedule, Scope, SourceSpan, TargetSet};
use crate::id::{AgencyId, AreaId, IndicatorId};
use crate::quantity::Decimal;
use crate::score::DatedValue;
use crate::vocabulary::AssignmentRole;

/// A part of a target that one agency is to reach by a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskShare {
    /// The agency.
    pub agency: AgencyId,
    /// [`TOTAL`](super::TOTAL), or the dimension that is the agency's, such as `district=songbei`.
    pub dimension: String,
    /// By when, inclusive; not after the target's deadline.
    pub due_date: Date,
    /// What it is to reach, in the indicator's unit and multiplier.
    pub value: Decimal,
}

/// A new edition of the plan's text, or another last day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRevised {
    /// Editions that are added; their ids are new.
    pub documents: Vec<Document>,
    /// The new title; empty in both languages = unchanged.
    pub title: Name,
    /// The new last day, inclusive; none = unchanged.
    pub end: Option<Date>,
    /// What changed, for readers.
    pub changes: String,
    /// Why.
    pub reason: String,
}

impl PlanRevised {
    /// The plan from now on.
    pub fn applied_to(&self, plan: &PlanDefined) -> PlanDefined {
        let mut revised = plan.clone();
        revised.documents.extend(self.documents.iter().cloned());
        if self.title != Name::default() {
            revised.title = self.title.clone();
        }
        revised.end = self.end.unwrap_or(plan.end);
        revised
    }
}

/// The plan is assessed and closed (收官): no further figures or milestones, only mending of what is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanClosedOut {
    /// The day the assessment speaks of; after the plan's end.
    pub as_of: Date,
    /// What the assessment found (评估结论).
    pub finding: String,
}

/// Another version of the arithmetic, from the day of recording on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalculationAdopted {
    /// The version; one that this server can compute.
    pub calc_version: u32,
    /// Why.
    pub reason: String,
}

/// An indicator has another name, method or schedule. Its unit and the way its figures add up stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndicatorRedefined {
    /// The indicator.
    pub indicator: IndicatorId,
    /// Its name from now on.
    pub name: Name,
    /// Other names, all of them.
    pub aliases: Vec<String>,
    /// How it is measured from now on.
    pub method_note: String,
    /// When figures are due; none = unchanged.
    pub schedule: Option<Schedule>,
    /// Figures from this day on cannot be compared with earlier ones (series break); none = they can.
    pub break_from: Option<Date>,
    /// Why.
    pub reason: String,
}

impl IndicatorRedefined {
    /// The indicator from now on.
    pub fn applied_to(&self, indicator: &IndicatorDefined) -> IndicatorDefined {
        IndicatorDefined {
            name: self.name.clone(),
            aliases: self.aliases.clone(),
            method_note: self.method_note.clone(),
            schedule: self.schedule.unwrap_or(indicator.schedule),
            ..indicator.clone()
        }
    }
}

/// An indicator is no longer scored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndicatorRetired {
    /// The indicator.
    pub indicator: IndicatorId,
    /// First day on which it is not scored.
    pub retired_from: Date,
    /// Why.
    pub reason: String,
}

/// A target asks for something else. Its operator stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetRevised {
    /// The target's area.
    pub area: AreaId,
    /// The target's indicator.
    pub indicator: IndicatorId,
    /// N; as with TargetSet.
    pub value: Option<Decimal>,
    /// Upper bound of BETWEEN.
    pub max: Option<Decimal>,
    /// Tolerance of APPROXIMATELY, a share of N.
    pub tolerance: Option<Decimal>,
    /// The step that meets it.
    pub required_step: Option<String>,
    /// The words of the text.
    pub due_as_written: String,
    /// The last day that counts, inclusive.
    pub effective_deadline: Date,
    /// Where the authority for it says so.
    pub source: Option<SourceSpan>,
    /// Why.
    pub reason: String,
}

impl TargetRevised {
    /// The target from now on.
    pub fn applied_to(&self, target: &TargetSet) -> TargetSet {
        TargetSet {
            value: self.value,
            max: self.max,
            tolerance: self.tolerance,
            required_step: self.required_step.clone(),
            due_as_written: self.due_as_written.clone(),
            effective_deadline: self.effective_deadline,
            // The words of the plan stay where no others are given.
            source: self.source.clone().or_else(|| target.source.clone()),
            ..target.clone()
        }
    }
}

/// A target's baseline was wrong or is better known. Replaces the one that is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaselineRestated {
    /// The target's area.
    pub area: AreaId,
    /// The target's indicator.
    pub indicator: IndicatorId,
    /// Date and value; before the deadline.
    pub baseline: DatedValue,
    /// Why.
    pub reason: String,
}

/// A target is handed down to agencies and years (任务分解). Replaces an earlier decomposition of the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetDecomposed {
    /// The target's area.
    pub area: AreaId,
    /// The target's indicator.
    pub indicator: IndicatorId,
    /// At least one; no two of the same agency, dimension and due date.
    pub tasks: Vec<TaskShare>,
    /// For readers.
    pub note: String,
}

/// An agency has another name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgencyRenamed {
    /// The agency.
    pub agency: AgencyId,
    /// Its name from now on.
    pub name: Name,
    /// Its unified social credit code from now on; empty = unchanged.
    pub uscc: String,
    /// Why.
    pub reason: String,
}

/// An agency ends; another takes over all it answers for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgencySucceeded {
    /// The agency that ends.
    pub agency: AgencyId,
    /// The agency that takes over.
    pub successor: AgencyId,
    /// Why.
    pub reason: String,
}

/// An agency no longer answers for something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignmentEnded {
    /// The agency.
    pub agency: AgencyId,
    /// As what.
    pub role: AssignmentRole,
    /// For what.
    pub scope: Scope,
    /// Why.
    pub reason: String,
}
