//! Agencies' accounts, in numbers (责任单位台账).
//!
//! Place in the flow: one walk over targets, duties, milestones and what was recorded up to the day → a ledger for each
//! agency. What an agency that ended had on its account is on that of the one that goes on for it. It must not know what
//! any of it means for a light.

use std::collections::BTreeMap;

use songhua_domain::id::AgencyId;
use songhua_domain::vocabulary::MilestoneStatus;
use songhua_views::{EntryKind, FactKind, Said, VerificationStep};
use songhua_wire::pb;
use uuid::Uuid;

use super::reports_figures;
use crate::duty;
use crate::plan::size;
use crate::reading::Reading;
use crate::refusal::Refused;
use crate::revision;
use crate::supervision;
use crate::target::{Scored, count, scored};

/// The ledgers of all agencies that have something on their account.
pub(super) struct Ledgers<'a> {
    reading: &'a Reading,
    by_agency: BTreeMap<&'a AgencyId, pb::AgencyLedger>,
}

impl<'a> Ledgers<'a> {
    /// Counts everything once.
    pub(super) fn count(reading: &'a Reading) -> Result<Self, Refused> {
        let mut ledgers = Self { reading, by_agency: BTreeMap::new() };
        ledgers.count_targets()?;
        ledgers.count_duties()?;
        ledgers.count_milestones()?;
        ledgers.count_changes()?;
        ledgers.count_conduct()?;
        Ok(ledgers)
    }

    /// The ledger of an agency.
    pub(super) fn of(&self, agency: &AgencyId) -> pb::AgencyLedger {
        self.by_agency.get(agency).cloned().unwrap_or_else(empty)
    }

    /// The account on which what is `agency`'s is; none where the agency is not known.
    fn on(&mut self, agency: &AgencyId) -> Option<&mut pb::AgencyLedger> {
        let (agency, _) = self.reading.model.agencies.get_key_value(self.reading.model.standing(agency))?;
        Some(self.by_agency.entry(agency).or_insert_with(empty))
    }

    fn count_targets(&mut self) -> Result<(), Refused> {
        let reading = self.reading;
        let mut led: BTreeMap<&AgencyId, Vec<Scored<'_>>> = BTreeMap::new();
        for one in scored(reading, |target| reports_figures(reading, &target.definition))? {
            let set = &one.target.definition;
            if let Some(lead) = reading.model.lead_of_target(&set.area, &set.indicator) {
                led.entry(lead).or_default().push(one);
            }
        }
        for (agency, own) in led {
            let Some(ledger) = self.on(agency) else { continue };
            let is_unverified = |one: &&Scored<'_>| one.score.headline.as_ref().is_some_and(|figure| !figure.verified);
            ledger.target_count = size(own.len());
            ledger.unverified_count = size(own.iter().filter(is_unverified).count());
            ledger.statuses = count(&own);
        }
        Ok(())
    }

    fn count_duties(&mut self) -> Result<(), Refused> {
        let reading = self.reading;
        for owed in duty::duties(reading)?.iter().filter(|owed| !owed.nothing) {
            let Some(ledger) = owed.agency.and_then(|agency| self.on(agency)) else { continue };
            if owed.days_overdue(reading) > 0 {
                ledger.overdue_count += 1;
            } else {
                ledger.due_count += 1;
            }
        }
        Ok(())
    }

    fn count_milestones(&mut self) -> Result<(), Refused> {
        let reading = self.reading;
        for milestone in reading.milestones(None)? {
            let closed = matches!(milestone.status, MilestoneStatus::Met | MilestoneStatus::Cancelled);
            let lead = reading.model.lead_of_project(&milestone.project).filter(|_| !closed);
            if let Some(ledger) = lead.and_then(|lead| self.on(lead)) {
                ledger.milestone_count += 1;
                ledger.milestone_overdue_count += u32::from(milestone.overdue);
            }
        }
        Ok(())
    }

    /// What was corrected, retracted or rejected: figures and assessments by their series, reports on milestones by the
    /// steps of their verification.
    fn count_changes(&mut self) -> Result<(), Refused> {
        for revision in revision::of_figures(self.reading)? {
            let (agency, rejected) = match revision.entry.kind {
                EntryKind::Rejected { .. } => (revision.of.agency, 1),
                EntryKind::Corrected { .. } | EntryKind::Retracted { .. } => (revision.entry.agency, 0),
                _ => continue,
            };
            if let Some(ledger) = agency.and_then(|agency| self.on(&agency)) {
                ledger.rejected_count += rejected;
                ledger.correction_count += 1 - rejected;
            }
        }
        let reporters = reporters(self.reading)?;
        let recorded = self.reading.recorded()?;
        let facts = self.reading.facts(FactKind::Verifications)?;
        for fact in facts.iter().take_while(|fact| fact.position <= recorded) {
            let Said::Verification { event, step: VerificationStep::Rejected, .. } = &fact.row.said else { continue };
            if let Some(ledger) = reporters.get(event).and_then(|agency| self.on(agency)) {
                ledger.rejected_count += 1;
            }
        }
        Ok(())
    }

    fn count_conduct(&mut self) -> Result<(), Refused> {
        for matter in supervision::matters(self.reading)?.iter().filter(|matter| matter.is_open()) {
            if let Some(ledger) = self.on(&matter.agency) {
                ledger.supervision_open_count += 1;
                ledger.supervision_overdue_count += u32::from(matter.days_overdue > 0);
            }
        }
        let recorded = self.reading.recorded()?;
        let facts = self.reading.facts(FactKind::Reminders)?;
        for fact in facts.iter().take_while(|fact| fact.position <= recorded) {
            if let Said::Reminder(reminder) = &fact.row.said
                && let Some(ledger) = self.on(&reminder.agency)
            {
                ledger.reminder_count += 1;
            }
        }
        Ok(())
    }
}

fn empty() -> pb::AgencyLedger {
    pb::AgencyLedger { statuses: count([]), ..Default::default() }
}

/// Who sent what was ever said of milestones, by event.
fn reporters(reading: &Reading) -> Result<BTreeMap<Uuid, AgencyId>, Refused> {
    let changes = reading.milestones(None)?.into_iter().flat_map(|milestone| milestone.changes);
    Ok(changes.filter_map(|change| Some((change.event_id, change.agency?))).collect())
}
