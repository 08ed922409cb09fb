//! The player: sends the script through ingest like any other submission, and moves the plan's clock along with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use indicatif::ProgressBar;
use songhua_domain::event::{EventInput, Payload};
use songhua_ingest::{PlanIngest, Refused, Submission};
use songhua_log::Position;
use songhua_wire::record::{Said, decode_event};
use uuid::Uuid;

use super::DemoError;
use super::clock::SimulatedClock;
use super::script::Step;

/// Bytes read from the log at once.
const READ_BYTES: usize = 4 << 20;

/// Whether the whole history is in the plan's log. Ids name the version, so another version's end is not found.
///
/// # Errors
/// The log cannot be read.
pub(super) async fn is_complete(ingest: &PlanIngest, script: &[Step]) -> Result<bool, DemoError> {
    let Some(last) = script.last().and_then(|step| step.events.last()) else { return Ok(true) };
    let found = ingest.log().find(last.event_id.as_bytes()).await.map_err(|error| DemoError::Log(error.to_string()))?;
    Ok(found.is_some())
}

/// Refuses a log that holds what neither the server nor this version of the demo wrote.
///
/// # Errors
/// [`DemoError::OtherVersion`], [`DemoError::Foreign`] with the first such record.
pub(super) async fn check_own(
    ingest: &PlanIngest,
    definitions: &[EventInput],
    script: &[Step],
) -> Result<(), DemoError> {
    let said = script.iter().flat_map(|step| &step.events);
    let own: BTreeMap<Uuid, &EventInput> =
        definitions.iter().chain(said).map(|event| (event.event_id, event)).collect();
    let mut next = Position::FIRST;
    loop {
        let log = ingest.log();
        let records = log.read(next, READ_BYTES).await.map_err(|error| DemoError::Log(error.to_string()))?;
        let Some(last) = records.last() else { return Ok(()) };
        next = last.position.next();
        for record in &records {
            let position = record.position.0;
            let event = decode_event(position, &record.bytes).map_err(|error| DemoError::Log(error.to_string()))?;
            let server = matches!(
                event.input.payload,
                Payload::LogCreated(_) | Payload::HistoryForked(_) | Payload::DayOpened(_)
            );
            if server || own.get(&event.input.event_id).is_some_and(|own| **own == *event.input) {
                continue;
            }
            // Whoever comes from outside has a credential; a player has none.
            if event.actor.credential_digest == [0; 32] {
                return Err(DemoError::OtherVersion { position });
            }
            return Err(DemoError::Foreign { position, kind: event.input.payload.type_name() });
        }
    }
}

/// Plays the script. What is stored already comes back as a duplicate, so that an interrupted play goes on where it
/// ended.
///
/// # Errors
/// [`DemoError::Refused`]: a demo that cannot tell its story is broken.
pub(super) async fn play(
    ingest: &PlanIngest,
    clock: &SimulatedClock,
    script: &[Step],
    shown: &ProgressBar,
) -> Result<(), DemoError> {
    for step in script {
        clock.set(step.at);
        let first = step.events.first().map_or_else(Uuid::nil, |event| event.event_id);
        let submission = Submission {
            id: Uuid::new_v5(&first, b"submission"),
            actor: Arc::new(step.actor.clone()),
            events: step.events.iter().cloned().map(Said::of).collect(),
            validate_only: false,
            bytes: 0,
            trace_parent: None,
        };
        ingest.submit(submission).await.map_err(|refused| refusal(step, &refused))?;
        shown.inc(step.events.len() as u64);
    }
    Ok(())
}

fn refusal(step: &Step, refused: &Refused) -> DemoError {
    let field = refused.violations.first().map(|violation| violation.field.clone()).unwrap_or_default();
    let index = field.strip_prefix("events[").and_then(|rest| rest.split(']').next()?.parse::<usize>().ok());
    let event = step.events.get(index.unwrap_or(0));
    DemoError::Refused {
        at: step.at,
        principal: step.actor.principal.clone(),
        event: event.map_or_else(String::new, |event| format!("{:?}", event.payload)),
        field,
        reason: refused.reason.code(),
        message: refused.message.clone(),
    }
}
