//! How the plan is conducted, as the write side knows it: reporting periods, matters under supervision, verifications
//! that were asked for, evidence that was withdrawn.
//!
//! Place in the flow: folded from conduct events, asked when one of them, or a figure, is decided. It must not know:
//! words, reminders, notes (views keep those).

use imbl::{OrdMap, OrdSet};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::event::{Actor, Scope};
use crate::id::{AgencyId, ReportingPeriodId, SupervisionId};
use crate::vocabulary::{Frequency, SupervisionStatus};

/// Everything of this kind.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Conduct {
    pub(crate) periods: OrdMap<ReportingPeriodId, ReportingPeriod>,
    pub(crate) supervisions: OrdMap<SupervisionId, Supervision>,
    /// Events whose verification was asked for and is not decided.
    pub(crate) requested: OrdSet<Uuid>,
    /// (event that carried it, digest).
    pub(crate) withdrawn: OrdSet<(Uuid, [u8; 32])>,
}

/// A reporting period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReportingPeriod {
    /// Indicators of this frequency.
    pub(crate) frequency: Frequency,
    /// First day, inclusive.
    pub(crate) start: Date,
    /// Last day, inclusive.
    pub(crate) end: Date,
    /// Whether new figures are refused.
    pub(crate) closed: bool,
}

impl ReportingPeriod {
    /// Whether it is of `frequency` and shares a day with `start`…`end`.
    pub(crate) fn overlaps(&self, frequency: Frequency, start: Date, end: Date) -> bool {
        self.frequency == frequency && self.start <= end && start <= self.end
    }
}

/// A matter under supervision (督办).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supervision {
    /// The agency addressed.
    pub agency: AgencyId,
    /// What it is about.
    pub scope: Scope,
    /// Where it is.
    pub status: SupervisionStatus,
    /// Who answered, each once.
    pub answered_by: Vec<Actor>,
}

impl Conduct {
    /// A closed period of that frequency that shares a day with `first`…`last`.
    pub(crate) fn closed(
        &self,
        frequency: Frequency,
        first: Date,
        last: Date,
    ) -> Option<(&ReportingPeriodId, &ReportingPeriod)> {
        self.periods.iter().find(|(_, period)| period.closed && period.overlaps(frequency, first, last))
    }
}
