//! GetAgency: one agency with all that is on its account.
//!
//! Place in the flow: reading → the boards' items of one agency. It must not know how boards are made.

use std::cmp::Reverse;

use songhua_domain::id::AgencyId;
use songhua_domain::vocabulary::MilestoneStatus;
use songhua_views::{Said, Target};
use songhua_wire::pb;
use songhua_wire::time::micros_to_pb;

use super::ledger::{self, Ledgers};
use crate::reading::Reading;
use crate::refusal::{self, Refused};
use crate::{calendar, name, note, task};

/// Most reminders, and most notes.
const SAID_MAX: usize = 100;

/// The agency, with its account or without. That of an agency that ended is empty: it is its successor's.
pub(crate) fn get(reading: &Reading, id: &AgencyId, with_account: bool) -> Result<pb::GetAgencyResponse, Refused> {
    let not_found = || refusal::resource_not_found(&name::of_agency(&reading.plan, id), reading.known());
    let agency = reading.model.agencies.get(id).ok_or_else(not_found)?;
    if !with_account {
        let (agency, state) = (Some(super::to_pb(reading, agency, None)), Some(reading.state()));
        return Ok(pb::GetAgencyResponse { agency, state, ..Default::default() });
    }
    let ledgers = Ledgers::count(reading, [id])?;
    let supervisions = ledgers.matters.iter().filter(|matter| matter.agency == *id);
    Ok(pb::GetAgencyResponse {
        agency: Some(super::to_pb(reading, agency, Some(ledgers.of(id)))),
        duties: duties(reading, &ledgers)?,
        tasks: task::of_targets(reading, targets(reading), |task| reading.model.standing(&task.agency) == id)?,
        milestones: milestones(reading, &ledgers, id),
        supervisions: supervisions.map(|matter| matter.to_pb(reading)).collect(),
        reminders: reminders(reading, id)?,
        notes: note::of_agency(reading, id, SAID_MAX)?,
        state: Some(reading.state()),
    })
}

/// Longest overdue first; those alike by number.
fn duties(reading: &Reading, ledgers: &Ledgers<'_>) -> Result<Vec<pb::Duty>, Refused> {
    let mut duties: Vec<_> = ledgers.duties.iter().collect();
    duties.sort_by_key(|owed| Reverse(owed.days_overdue(reading)));
    duties.iter().map(|owed| owed.to_pb(reading)).collect()
}

/// Targets by number.
fn targets(reading: &Reading) -> Vec<&Target> {
    let mut targets: Vec<&Target> = reading.model.targets.values().collect();
    targets.sort_by_key(|target| target.definition.number);
    targets
}

fn milestones(reading: &Reading, ledgers: &Ledgers<'_>, agency: &AgencyId) -> Vec<pb::CalendarItem> {
    let open = ledgers.milestones.iter().filter(|one| {
        let closed = matches!(one.status, MilestoneStatus::Met | MilestoneStatus::Cancelled);
        !closed && reading.model.lead_of_project(&one.project) == Some(agency)
    });
    open.map(|milestone| calendar::item(reading, milestone)).collect()
}

/// Reminders that it got, or an agency that it succeeded, newest first.
fn reminders(reading: &Reading, agency: &AgencyId) -> Result<Vec<pb::Reminder>, Refused> {
    let mut got = ledger::reminders(reading, agency)?;
    got.sort_by_key(|fact| Reverse(fact.position));
    let reminders = got.iter().filter_map(|fact| match &fact.row.said {
        Said::Reminder(reminder) => Some(pb::Reminder {
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
