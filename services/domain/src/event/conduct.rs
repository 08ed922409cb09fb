//! Events of conducting the plan: reporting periods, reminders, notes in words, supervision (督办).

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::Scope;
use crate::id::{AgencyId, ReportingPeriodId, SupervisionId};
use crate::vocabulary::{Frequency, SupervisionOutcome};

/// Agencies report for a period from now on; opens a closed one again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportingPeriodOpened {
    /// Its id, for example `q3-2026`.
    pub period: ReportingPeriodId,
    /// Indicators of this frequency.
    pub frequency: Frequency,
    /// First day, inclusive.
    pub start: Date,
    /// Last day, inclusive.
    pub end: Date,
    /// When figures are due, inclusive.
    pub due_date: Date,
    /// For agencies.
    pub note: String,
}

/// No new figures for the period: only corrections and retractions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportingPeriodClosed {
    /// The period.
    pub period: ReportingPeriodId,
    /// Why.
    pub reason: String,
}

/// An agency is reminded (催报).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReminderIssued {
    /// The agency.
    pub agency: AgencyId,
    /// Of what.
    pub scope: Scope,
    /// For which period; none = in general.
    pub period: Option<ReportingPeriodId>,
    /// The words.
    pub message: String,
}

/// How it goes, in words (进展, 存在问题, 下一步措施).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgressNoteRecorded {
    /// What it speaks of.
    pub scope: Scope,
    /// As of this day.
    pub as_of: Date,
    /// 进展. At least one of the three texts.
    pub progress: String,
    /// 存在问题.
    pub problems: String,
    /// 下一步措施.
    pub next_steps: String,
}

/// An agency is told to put something right (督办).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupervisionIssued {
    /// Its id.
    pub supervision: SupervisionId,
    /// Who has to.
    pub agency: AgencyId,
    /// What it is about.
    pub scope: Scope,
    /// What has to be done.
    pub demand: String,
    /// By when, inclusive.
    pub due_date: Date,
    /// Number of the letter (督办函); may be empty.
    pub document: String,
}

/// The agency says what it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupervisionAnswered {
    /// Which.
    pub supervision: SupervisionId,
    /// What was done.
    pub answer: String,
}

/// The matter is closed (销号).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupervisionClosed {
    /// Which.
    pub supervision: SupervisionId,
    /// How it ended.
    pub outcome: SupervisionOutcome,
    /// What was checked.
    pub finding: String,
}
