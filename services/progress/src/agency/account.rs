//! GetAgency: one agency with all that is on its account.
//!
//! Place in the flow: reading → the boards' items of one agency. It must not know how boards are made.

use std::cmp::Reverse;

use songhua_domain::id::AgencyId;
use songhua_domain::vocabulary::MilestoneStatus;
use songhua_views::{FactKind, Said, Target};
use songhua_wire::pb;
use songhua_wire::time::micros_to_pb;

use super::ledger::Ledgers;
use crate::reading::Reading;
use crate::refusal::{self, Refused};
use crate::{calendar, duty, name, note, supervision, task};

/// Most reminders, and most notes.
const SAID_MAX: usize = 100;

/// The agency's account. That of an agency that ended is empty: it is its successor's.
pub(crate) fn get(reading: &Reading, id: &AgencyId) -> Result<pb::GetAgencyResponse, Refused> {
    let not_found = || refusal::resource_not_found(&name::of_agency(&reading.plan, id), reading.known());
    let agency = reading.model.agencies.get(id).ok_or_else(not_found)?;
    let supervisions = supervision::matters(reading)?;
    let supervisions = supervisions.iter().filter(|matter| matter.agency == *id);
    Ok(pb::GetAgencyResponse {
        agency: Some(super::to_pb(reading, &Ledgers::count(reading)?, agency)),
        duties: duties(reading, id)?,
        tasks: task::of_targets(reading, targets(reading), |task| reading.model.standing(&task.agency) == id)?,
        milestones: milestones(reading, id)?,
        supervisions: supervisions.map(|matter| matter.to_pb(reading)).collect(),
        reminders: reminders(reading, id)?,
        notes: note::of_agency(reading, id, SAID_MAX)?,
        state: Some(reading.state()),
    })
}

/// Longest overdue first; those alike by number.
fn duties(reading: &Reading, agency: &AgencyId) -> Result<Vec<pb::Duty>, Refused> {
    let mut duties = duty::duties(reading)?;
    duties.retain(|owed| owed.agency == Some(agency));
    duties.sort_by_key(|owed| Reverse(owed.days_overdue(reading)));
    duties.iter().map(|owed| owed.to_pb(reading)).collect()
}

/// Targets by number.
fn targets(reading: &Reading) -> Vec<&Target> {
    let mut targets: Vec<&Target> = reading.model.targets.values().collect();
    targets.sort_by_key(|target| target.definition.number);
    targets
}

fn milestones(reading: &Reading, agency: &AgencyId) -> Result<Vec<pb::CalendarItem>, Refused> {
    let mut open = reading.milestones(None)?;
    open.retain(|one| {
        let closed = matches!(one.status, MilestoneStatus::Met | MilestoneStatus::Cancelled);
        !closed && reading.model.lead_of_project(&one.project) == Some(agency)
    });
    Ok(open.iter().map(|milestone| calendar::item(reading, milestone)).collect())
}

/// Reminders that it got, or an agency that it succeeded, newest first.
fn reminders(reading: &Reading, agency: &AgencyId) -> Result<Vec<pb::Reminder>, Refused> {
    let recorded = reading.recorded()?;
    let facts = reading.facts(FactKind::Reminders)?;
    let seen = facts.iter().rev().filter(|fact| fact.position <= recorded);
    let reminders = seen.filter_map(|fact| match &fact.row.said {
        Said::Reminder(reminder) if reading.model.standing(&reminder.agency) == agency => Some(pb::Reminder {
            position: fact.position,
            recorded_time: micros_to_pb(fact.row.recorded_time_us),
            agency: reminder.agency.to_string(),
            scope: Some((&reminder.scope).into()),
            period: name::or_empty(reminder.period.as_ref()),
            message: reminder.message.clone(),
        }),
        _ => None,
    });
    Ok(reminders.take(SAID_MAX).collect())
}
