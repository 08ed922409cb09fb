//! Time passes without events: one `DayOpened` for each plan and day.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use songhua_domain::event::{Actor, DayOpened, EventInput};
use songhua_domain::state::PlanState;
use songhua_domain::vocabulary::Role;
use uuid::Uuid;

/// The server itself, as an actor.
pub(crate) fn system_actor() -> Actor {
    Actor {
        principal: "system".to_owned(),
        agency: None,
        role: Role::Admin,
        credential_digest: [0; 32],
        on_behalf_of: None,
    }
}

/// The plan's time zone; UTC while the plan is not defined. A plan is neither begun nor opened with a zone that is not
/// known here.
pub(crate) fn zone_of(state: &PlanState) -> TimeZone {
    state.plan().and_then(|plan| TimeZone::get(&plan.time_zone).ok()).unwrap_or(TimeZone::UTC)
}

/// Whether days can be told in the time zone `name`.
pub(crate) fn is_known_zone(name: &str) -> bool {
    TimeZone::get(name).is_ok()
}

/// When what is decided at `now` is recorded: never before what is recorded already.
pub(crate) fn recorded_time(state: &PlanState, now: Timestamp) -> Timestamp {
    state.last_recorded_time().map_or(now, |last| last.max(now))
}

/// The event that opens the day of what is recorded now, if the plan is published and that day is not open yet. Its id
/// follows from the log, the date and the attempt, so that several nodes write it once; a further attempt is made where
/// a client has taken the id.
pub(crate) fn day_to_open(state: &PlanState, log_id: Uuid, now: Timestamp, attempt: u32) -> Option<EventInput> {
    state.published()?;
    let today = recorded_time(state, now).to_zoned(zone_of(state)).date();
    if state.last_day().is_some_and(|last| last >= today) {
        return None;
    }
    let name = if attempt == 0 { format!("day/{today}") } else { format!("day/{today}/{attempt}") };
    let event_id = Uuid::new_v5(&log_id, name.as_bytes());
    Some(server_event(event_id, DayOpened { date: today }.into()))
}

/// An event that the server itself writes.
pub(crate) fn server_event(event_id: Uuid, payload: songhua_domain::event::Payload) -> EventInput {
    EventInput {
        event_id,
        effective_date: None,
        payload,
        comment: String::new(),
        source_ref: String::new(),
        evidence: Vec::new(),
        correlation_id: String::new(),
        causation_id: None,
        staff: songhua_domain::event::StaffCodes::default(),
    }
}
