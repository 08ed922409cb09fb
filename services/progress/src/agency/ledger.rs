//! Agencies' accounts, in numbers (责任单位台账).
//!
//! Place in the flow: targets, duties, milestones and what was recorded up to the day → a ledger for each agency that is
//! asked for. What an agency that ended had on its account is on that of the one that goes on for it. It must not know
//! what any of it means for a light.

use std::collections::BTreeMap;

use songhua_domain::id::AgencyId;
use songhua_domain::vocabulary::MilestoneStatus;
use songhua_views::{EntryKind, Fact, FactKind, Facts, Milestone, Said, Target, VerificationStep};
use songhua_wire::pb;
use uuid::Uuid;

use super::reports_figures;
use crate::duty::{self, Owed};
use crate::plan::size;
use crate::reading::Reading;
use crate::refusal::{self, Refused};
use crate::revision;
use crate::supervision::{self, Matter};
use crate::target::{Scored, count, scored};

/// The ledgers of the agencies asked for, and what else is read for them, once.
pub(super) struct Ledgers<'a> {
    reading: &'a Reading,
    /// Of those that did not end.
    by_agency: BTreeMap<&'a AgencyId, pb::AgencyLedger>,
    /// What they owe, by number of the target.
    pub(super) duties: Vec<Owed<'a>>,
    /// All milestones, by due date.
    pub(super) milestones: Vec<Milestone>,
    /// All matters, open ones first.
    pub(super) matters: Vec<Matter>,
}

impl<'a> Ledgers<'a> {
    /// Counts what is on the account of these agencies.
    pub(super) fn count(reading: &'a Reading, asked: impl IntoIterator<Item = &'a AgencyId>) -> Result<Self, Refused> {
        let standing = asked.into_iter().filter(|agency| reading.model.standing(agency) == *agency);
        let by_agency: BTreeMap<_, _> = standing.map(|agency| (agency, empty())).collect();
        let duties = duty::duties(reading, |target| is_led(reading, &by_agency, target))?;
        let (milestones, matters) = (reading.milestones(None)?, supervision::matters(reading)?);
        let mut ledgers = Self { reading, by_agency, duties, milestones, matters };
        ledgers.count_targets()?;
        ledgers.count_duties();
        ledgers.count_milestones();
        ledgers.count_changes()?;
        ledgers.count_rejected_reports()?;
        ledgers.count_conduct()?;
        Ok(ledgers)
    }

    /// The ledger of an agency.
    pub(super) fn of(&self, agency: &AgencyId) -> pb::AgencyLedger {
        self.by_agency.get(agency).cloned().unwrap_or_else(empty)
    }

    fn count_targets(&mut self) -> Result<(), Refused> {
        let reading = self.reading;
        let mut led: BTreeMap<&AgencyId, Vec<Scored<'_>>> = BTreeMap::new();
        let is_wanted =
            |target: &Target| reports_figures(reading, &target.definition) && is_led(reading, &self.by_agency, target);
        for one in scored(reading, is_wanted)? {
            let set = &one.target.definition;
            if let Some(lead) = reading.model.lead_of_target(&set.area, &set.indicator) {
                led.entry(lead).or_default().push(one);
            }
        }
        for (agency, own) in led {
            let Some(ledger) = on(reading, &mut self.by_agency, agency) else { continue };
            let is_unverified = |one: &&Scored<'_>| one.score.headline.as_ref().is_some_and(|figure| !figure.verified);
            ledger.target_count = size(own.len());
            ledger.unverified_count = size(own.iter().filter(is_unverified).count());
            ledger.statuses = count(&own);
        }
        Ok(())
    }

    fn count_duties(&mut self) {
        for owed in self.duties.iter().filter(|owed| !owed.nothing) {
            let lead = owed.agency.and_then(|agency| on(self.reading, &mut self.by_agency, agency));
            let Some(ledger) = lead else { continue };
            if owed.days_overdue(self.reading) > 0 {
                ledger.overdue_count += 1;
            } else {
                ledger.due_count += 1;
            }
        }
    }

    fn count_milestones(&mut self) {
        for milestone in &self.milestones {
            let closed = matches!(milestone.status, MilestoneStatus::Met | MilestoneStatus::Cancelled);
            let lead = self.reading.model.lead_of_project(&milestone.project).filter(|_| !closed);
            if let Some(ledger) = lead.and_then(|lead| on(self.reading, &mut self.by_agency, lead)) {
                ledger.milestone_count += 1;
                ledger.milestone_overdue_count += u32::from(milestone.overdue);
            }
        }
    }

    /// Figures and assessments that were corrected, retracted or rejected.
    fn count_changes(&mut self) -> Result<(), Refused> {
        for revision in revision::of_figures(self.reading)? {
            let (agency, rejected) = match revision.entry.kind {
                EntryKind::Rejected { .. } => (revision.of.agency, 1),
                EntryKind::Corrected { .. } | EntryKind::Retracted { .. } => (revision.entry.agency, 0),
                _ => continue,
            };
            if let Some(ledger) = agency.and_then(|agency| on(self.reading, &mut self.by_agency, &agency)) {
                ledger.rejected_count += rejected;
                ledger.correction_count += 1 - rejected;
            }
        }
        Ok(())
    }

    /// Reports on milestones that were rejected: steps of verification are read of milestones that know a rejection.
    fn count_rejected_reports(&mut self) -> Result<(), Refused> {
        let is_rejected = |one: &&Milestone| one.changes().any(|change| change.event_type == REJECTED);
        for milestone in self.milestones.iter().filter(is_rejected) {
            for report in milestone.changes() {
                let reporter = report.agency.as_ref();
                let ledger = reporter.and_then(|agency| on(self.reading, &mut self.by_agency, agency));
                if let Some(ledger) = ledger {
                    ledger.rejected_count += rejections(self.reading, report.event_id)?;
                }
            }
        }
        Ok(())
    }

    fn count_conduct(&mut self) -> Result<(), Refused> {
        for matter in self.matters.iter().filter(|matter| matter.is_open()) {
            if let Some(ledger) = on(self.reading, &mut self.by_agency, &matter.agency) {
                ledger.supervision_open_count += 1;
                ledger.supervision_overdue_count += u32::from(matter.days_overdue > 0);
            }
        }
        for (agency, ledger) in &mut self.by_agency {
            ledger.reminder_count = size(reminders(self.reading, agency)?.len());
        }
        Ok(())
    }
}

/// What a milestone says when a report on it was rejected.
const REJECTED: &str = "VerificationRejected";

/// The account on which what is `agency`'s is; none where that was not asked for.
fn on<'l>(
    reading: &Reading,
    by_agency: &'l mut BTreeMap<&AgencyId, pb::AgencyLedger>,
    agency: &AgencyId,
) -> Option<&'l mut pb::AgencyLedger> {
    by_agency.get_mut(reading.model.standing(agency))
}

/// Whether one of the agencies reports the target's headline.
fn is_led(reading: &Reading, by_agency: &BTreeMap<&AgencyId, pb::AgencyLedger>, target: &Target) -> bool {
    let set = &target.definition;
    let lead = reading.model.lead_of_target(&set.area, &set.indicator);
    lead.is_some_and(|lead| by_agency.contains_key(reading.model.standing(lead)))
}

/// How often an event was rejected by a checker.
fn rejections(reading: &Reading, event: Uuid) -> Result<u32, Refused> {
    let facts = recorded_of(reading, FactKind::Verifications, &event.to_string())?;
    let is_rejection =
        |fact: &&Fact| matches!(fact.row.said, Said::Verification { step: VerificationStep::Rejected, .. });
    Ok(size(facts.iter().filter(is_rejection).count()))
}

/// Reminders that an agency got, or one that it succeeded.
pub(super) fn reminders(reading: &Reading, agency: &AgencyId) -> Result<Vec<Fact>, Refused> {
    let model = &reading.model;
    let mut all = Vec::new();
    for one in model.agencies.keys().filter(|one| model.standing(one) == agency) {
        all.extend(recorded_of(reading, FactKind::Reminders, one.as_str())?.iter().cloned());
    }
    Ok(all)
}

/// Facts about one subject that were recorded by the end of the reading's day.
fn recorded_of(reading: &Reading, kind: FactKind, subject: &str) -> Result<Facts, Refused> {
    let facts = reading.views().facts_of(kind, subject, reading.recorded()?);
    facts.map_err(|error| refusal::from_views(&error))
}

fn empty() -> pb::AgencyLedger {
    pb::AgencyLedger { statuses: count([]), ..Default::default() }
}
