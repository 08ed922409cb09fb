//! Milestones: what happened to each, and how it stands on a day as known.
//!
//! Place in the flow: the batch writes one row for each event, reads fold the rows up to the known position. It must
//! not know: projects' areas, completion, who may report.

use std::sync::Arc;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use songhua_domain::event::{
    MilestoneCancelled, MilestoneMissed, MilestonePartiallyReached, MilestonePlanned, MilestoneReached,
    MilestoneReopened, MilestoneRescheduled, Name,
};
use songhua_domain::id::{AgencyId, MilestoneId, ProjectId};
use songhua_domain::quantity::Decimal;
use songhua_domain::vocabulary::{MilestoneStatus, MilestoneType};
use uuid::Uuid;

use crate::block;
use crate::error::ViewsError;
use crate::grown::Grown;
use crate::kept::Weighed;
use crate::key::{self, Key};
use crate::row::decode;
use crate::views::Views;

/// What happened; `of` is the position of the report it speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MilestoneFact {
    /// It was planned.
    Planned(MilestonePlanned),
    /// Its due date moved.
    Rescheduled(MilestoneRescheduled),
    /// It was reached.
    Reached(MilestoneReached),
    /// It was reached in part.
    PartiallyReached(MilestonePartiallyReached),
    /// A review found it not met.
    Missed(MilestoneMissed),
    /// It is no longer wanted.
    Cancelled(MilestoneCancelled),
    /// A report was checked and agreed to.
    Verified {
        /// The report.
        of: u64,
        /// What was looked at.
        finding: String,
    },
    /// A report was checked and disagreed with.
    Rejected {
        /// The report.
        of: u64,
        /// Why.
        reason: String,
    },
    /// The verification of a report was taken back.
    VerificationReopened {
        /// The report.
        of: u64,
        /// Why.
        reason: String,
    },
    /// It is open again: reports and cancellations before no longer hold.
    Reopened(MilestoneReopened),
}

/// One row of a milestone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MilestoneRow {
    /// What happened.
    pub fact: MilestoneFact,
    /// When it was recorded, microseconds since 1970-01-01 UTC.
    pub recorded_time_us: i64,
    /// When it became true, if the event says so beside its payload.
    pub effective: Option<Date>,
    /// Who it is from.
    pub agency: Option<AgencyId>,
    /// Its event's id.
    pub event_id: Uuid,
}

/// A row as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DatedRow {
    /// The day on which it was recorded, in the plan's time zone.
    pub(crate) recorded_day: Date,
    /// The row.
    pub(crate) row: MilestoneRow,
}

impl DatedRow {
    /// From when it holds, where the payload does not say: the effective date, else the day of recording.
    fn effective(&self) -> Date {
        self.row.effective.unwrap_or(self.recorded_day)
    }
}

/// Something that happened to a milestone, for readers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MilestoneChange {
    /// Its position.
    pub position: u64,
    /// Its event's id.
    pub event_id: Uuid,
    /// The event's type, for example `MilestoneRescheduled`.
    pub event_type: &'static str,
    /// When it was recorded, microseconds since 1970-01-01 UTC.
    pub recorded_time_us: i64,
    /// The date the event names; else its effective date.
    pub date: Option<Date>,
    /// With a reschedule: the due date before.
    pub previous_due_date: Option<Date>,
    /// Reason, shortfall or finding.
    pub text: String,
    /// Who it is from.
    pub agency: Option<AgencyId>,
    /// With a report that it is reached in part: how much.
    pub percent: Option<Decimal>,
}

/// A milestone as known, as of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Milestone {
    /// Its project.
    pub project: ProjectId,
    /// Its id.
    pub milestone: MilestoneId,
    /// Its type.
    pub milestone_type: MilestoneType,
    /// Its title.
    pub title: Name,
    /// Its weight.
    pub weight: Decimal,
    /// Due date at first.
    pub original_due_date: Date,
    /// Due date as of the day.
    pub due_date: Date,
    /// How often it was moved, up to the day.
    pub reschedule_count: u32,
    /// As of the day.
    pub status: MilestoneStatus,
    /// Not met, not cancelled, and the due date has passed.
    pub overdue: bool,
    /// With `Met`: when.
    pub reach_date: Option<Date>,
    /// With `PartiallyMet`: how much.
    pub percent: Option<Decimal>,
    /// Whether the report behind the status is verified.
    pub verified: bool,
    happened: Happened,
}

/// What happened to a milestone, up to a known position; equal where that is.
#[derive(Debug, Clone)]
struct Happened {
    all: Arc<[(u64, DatedRow)]>,
    known: usize,
}

impl Happened {
    fn rows(&self) -> &[(u64, DatedRow)] {
        self.all.get(..self.known).unwrap_or_default()
    }
}

impl PartialEq for Happened {
    fn eq(&self, other: &Self) -> bool {
        self.rows() == other.rows()
    }
}

impl Eq for Happened {}

/// A report and what became of it.
struct Report<'a> {
    position: u64,
    /// From when it holds.
    date: Date,
    /// From when it no longer does: the first day of a reopening behind it.
    until: Option<Date>,
    fact: &'a MilestoneFact,
    verified: bool,
}

impl Milestone {
    /// Folds the rows of one milestone, oldest first; none where it was not planned.
    ///
    /// A day sees what holds from that day or an earlier one: reports by their date, reschedules, cancellations and
    /// reopenings by their effective date, else by the day they were recorded on. Of the reschedules it sees the last recorded one
    /// holds, since each was decided on the due date before it.
    fn fold(all: &Arc<[(u64, DatedRow)]>, valid_date: Date, known: u64) -> Option<Self> {
        let rows = up_to(all, known);
        let mut milestone = Self::planned(plan_of(rows)?, Happened { all: Arc::clone(all), known: rows.len() });
        for (_, dated) in rows {
            if let MilestoneFact::Rescheduled(moved) = &dated.row.fact
                && dated.effective() <= valid_date
            {
                milestone.due_date = moved.due_date;
                milestone.reschedule_count += 1;
            }
        }
        if let Some(report) = standing(&reports(rows), valid_date) {
            milestone.settle(report);
        }
        let closed = matches!(milestone.status, MilestoneStatus::Met | MilestoneStatus::Cancelled);
        milestone.overdue = !closed && milestone.due_date < valid_date;
        Some(milestone)
    }

    /// Everything that happened to it as known, oldest first, also what the day does not see yet.
    pub fn changes(&self) -> impl DoubleEndedIterator<Item = MilestoneChange> {
        self.happened.rows().iter().map(|(position, dated)| dated.row.change(*position))
    }

    fn planned(planned: &MilestonePlanned, happened: Happened) -> Self {
        Self {
            project: planned.project.clone(),
            milestone: planned.milestone.clone(),
            milestone_type: planned.milestone_type,
            title: planned.title.clone(),
            weight: planned.weight,
            original_due_date: planned.due_date,
            due_date: planned.due_date,
            reschedule_count: 0,
            status: MilestoneStatus::Scheduled,
            overdue: false,
            reach_date: None,
            percent: None,
            verified: false,
            happened,
        }
    }

    fn settle(&mut self, report: &Report<'_>) {
        self.verified = report.verified;
        match report.fact {
            MilestoneFact::Reached(reached) => {
                self.status = MilestoneStatus::Met;
                self.reach_date = Some(reached.reach_date);
            }
            MilestoneFact::PartiallyReached(part) => {
                self.status = MilestoneStatus::PartiallyMet;
                self.percent = Some(part.percent);
            }
            MilestoneFact::Missed(_) => self.status = MilestoneStatus::NotMet,
            MilestoneFact::Cancelled(_) => self.status = MilestoneStatus::Cancelled,
            MilestoneFact::Planned(_)
            | MilestoneFact::Rescheduled(_)
            | MilestoneFact::Verified { .. }
            | MilestoneFact::Rejected { .. }
            | MilestoneFact::VerificationReopened { .. }
            | MilestoneFact::Reopened(_) => {}
        }
    }
}

/// Milestones that readers keep, by id: everything that happened to each, oldest first.
#[derive(Debug)]
pub(crate) struct MilestoneList(Vec<Arc<[(u64, DatedRow)]>>);

impl Weighed for MilestoneList {
    fn weight(&self) -> usize {
        self.0.iter().map(|rows| rows.len() + 1).sum()
    }
}

impl Views {
    /// Milestones of one project, or of all, by project and id, as they stand on `valid_date`.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn milestones(
        &self,
        project: Option<&ProjectId>,
        valid_date: Date,
        known: u64,
    ) -> Result<Vec<Milestone>, ViewsError> {
        let of_project = |project: &ProjectId| self.with(|grown| grown.milestones(project));
        let lists = match project {
            Some(project) => vec![of_project(project)?],
            None => self.with(Grown::planned_projects).iter().map(of_project).collect::<Result<_, _>>()?,
        };
        let all = lists.iter().flat_map(|list| &list.0);
        Ok(all.filter_map(|rows| Milestone::fold(rows, valid_date, known)).collect())
    }

    /// A milestone as it stands on `valid_date`; none where it was not planned.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn milestone(
        &self,
        project: &ProjectId,
        milestone: &MilestoneId,
        valid_date: Date,
        known: u64,
    ) -> Result<Option<Milestone>, ViewsError> {
        let list = self.with(|grown| grown.milestones(project))?;
        let mut own = list.0.iter().filter(|rows| plan_of(rows).is_some_and(|plan| plan.milestone == *milestone));
        Ok(own.find_map(|rows| Milestone::fold(rows, valid_date, known)))
    }

    /// Whether a project has a milestone that is not cancelled on `valid_date`.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn is_planned(&self, project: &ProjectId, valid_date: Date, known: u64) -> Result<bool, ViewsError> {
        let list = self.with(|grown| grown.milestones(project))?;
        Ok(list.0.iter().map(|rows| up_to(rows, known)).any(|rows| {
            let reports = reports(rows);
            let cancelled =
                standing(&reports, valid_date).is_some_and(|last| matches!(last.fact, MilestoneFact::Cancelled(_)));
            plan_of(rows).is_some() && !cancelled
        }))
    }
}

impl Grown {
    /// Milestones of a project.
    fn milestones(&self, project: &ProjectId) -> Result<Arc<MilestoneList>, ViewsError> {
        if let Some(milestones) = self.recalled().milestones().get(project) {
            return Ok(milestones);
        }
        let prefix = Key::table(key::MILESTONES).text(project.as_str()).done();
        self.read(|store| {
            // The rows of a milestone follow each other, oldest first.
            let (mut all, mut of, mut rows) = (Vec::new(), Vec::new(), Vec::new());
            for row in store.scan(&prefix) {
                let (key, value) = row?;
                if block::prefix_of(&key) != of {
                    all.push(Arc::from(std::mem::take(&mut rows)));
                    of = block::prefix_of(&key).to_vec();
                }
                for entry in block::entries(&key, &value) {
                    let (position, payload) = entry?;
                    rows.push((position, decode(&key, payload)?));
                }
            }
            all.push(Arc::from(rows));
            let milestones = Arc::new(MilestoneList(all));
            self.recalled().milestones().keep(project.clone(), Arc::clone(&milestones));
            Ok(milestones)
        })
    }
}

/// What is known at `known`.
fn up_to(rows: &[(u64, DatedRow)], known: u64) -> &[(u64, DatedRow)] {
    rows.get(..rows.partition_point(|(position, _)| *position <= known)).unwrap_or_default()
}

/// How it was planned; none where it was not.
fn plan_of(rows: &[(u64, DatedRow)]) -> Option<&MilestonePlanned> {
    rows.iter().find_map(|(_, dated)| match &dated.row.fact {
        MilestoneFact::Planned(planned) => Some(planned),
        _ => None,
    })
}

/// Reports that were not rejected, oldest first.
fn reports(rows: &[(u64, DatedRow)]) -> Vec<Report<'_>> {
    let mut reports: Vec<Report<'_>> = Vec::new();
    for (position, dated) in rows {
        let (position, fact) = (*position, &dated.row.fact);
        let report = |date| Report { position, date, until: None, fact, verified: false };
        match fact {
            MilestoneFact::Reached(reached) => reports.push(report(reached.reach_date)),
            MilestoneFact::PartiallyReached(part) => reports.push(report(part.as_of)),
            MilestoneFact::Missed(missed) => reports.push(report(missed.as_of)),
            MilestoneFact::Cancelled(_) => reports.push(report(dated.effective())),
            MilestoneFact::Verified { of, .. } => mark(&mut reports, *of, true),
            MilestoneFact::VerificationReopened { of, .. } => mark(&mut reports, *of, false),
            MilestoneFact::Rejected { of, .. } => reports.retain(|report| report.position != *of),
            MilestoneFact::Reopened(_) => {
                let from = dated.effective();
                reports.iter_mut().for_each(|report| {
                    report.until = Some(report.until.map_or(from, |until| until.min(from)));
                });
            }
            MilestoneFact::Planned(_) | MilestoneFact::Rescheduled(_) => {}
        }
    }
    reports
}

fn mark(reports: &mut [Report<'_>], of: u64, verified: bool) {
    if let Some(report) = reports.iter_mut().find(|report| report.position == of) {
        report.verified = verified;
    }
}

/// The report that decides on a day: a cancellation, else the newest among those that speak of that day or an earlier
/// one. Newest as with figures (SCORING §1): by date, then by position, so that an older report that comes later does
/// not override a newer one.
fn standing<'r, 'a>(reports: &'r [Report<'a>], valid_date: Date) -> Option<&'r Report<'a>> {
    // A milestone that was reached stays reached, whatever an earlier review found; only a rejection or a reopening
    // undoes it.
    let rank = |report: &&Report<'_>| match report.fact {
        MilestoneFact::Cancelled(_) => 2,
        MilestoneFact::Reached(_) => 1,
        _ => 0,
    };
    let holds = |until: Option<Date>| until.is_none_or(|until| valid_date < until);
    let seen = reports.iter().filter(|report| report.date <= valid_date && holds(report.until));
    seen.max_by_key(|report| (rank(report), report.date, report.position))
}

impl MilestoneRow {
    fn change(&self, position: u64) -> MilestoneChange {
        let (event_type, date, previous_due_date, text) = match &self.fact {
            MilestoneFact::Planned(planned) => ("MilestonePlanned", Some(planned.due_date), None, ""),
            MilestoneFact::Rescheduled(moved) => {
                let (to, from) = (Some(moved.due_date), Some(moved.previous_due_date));
                ("MilestoneRescheduled", to, from, moved.reason.as_str())
            }
            MilestoneFact::Reached(reached) => ("MilestoneReached", Some(reached.reach_date), None, ""),
            MilestoneFact::PartiallyReached(part) => {
                ("MilestonePartiallyReached", Some(part.as_of), None, part.shortfall.as_str())
            }
            MilestoneFact::Missed(missed) => ("MilestoneMissed", Some(missed.as_of), None, missed.reason.as_str()),
            MilestoneFact::Cancelled(ended) => ("MilestoneCancelled", self.effective, None, ended.reason.as_str()),
            MilestoneFact::Verified { finding, .. } => ("VerificationAccepted", self.effective, None, finding.as_str()),
            MilestoneFact::Rejected { reason, .. } => ("VerificationRejected", self.effective, None, reason.as_str()),
            MilestoneFact::VerificationReopened { reason, .. } => {
                ("VerificationReopened", self.effective, None, reason.as_str())
            }
            MilestoneFact::Reopened(reopened) => ("MilestoneReopened", self.effective, None, reopened.reason.as_str()),
        };
        let percent = match &self.fact {
            MilestoneFact::PartiallyReached(part) => Some(part.percent),
            _ => None,
        };
        MilestoneChange {
            position,
            event_id: self.event_id,
            event_type,
            recorded_time_us: self.recorded_time_us,
            date,
            previous_due_date,
            text: text.to_owned(),
            agency: self.agency.clone(),
            percent,
        }
    }
}
