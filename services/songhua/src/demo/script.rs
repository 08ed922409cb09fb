//! The script: every event of the history with the moment and the actor it comes from, in order.
//!
//! Place in the flow: filled by `office`, `figures`, `milestones` and `conduct`, played by `player`. It must not know: what the
//! events mean.

use std::collections::BTreeSet;

use jiff::Timestamp;
use prost::Message;
use songhua_domain::event::{Actor, EventInput, Evidence, Payload};
use songhua_domain::id::{AgencyId, PlanId};
use songhua_domain::vocabulary::Role;
use songhua_wire::event::input_to_pb;
use uuid::Uuid;

use super::scenario::Fault;

/// Most events that go out together.
const SUBMISSION_EVENTS: usize = 100;

/// What one actor sends at one moment.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) at: Timestamp,
    pub(super) actor: Actor,
    pub(super) events: Vec<EventInput>,
}

/// The events so far, in the order in which they were thought of.
pub(super) struct Script {
    namespace: Uuid,
    lines: Vec<Step>,
}

impl Script {
    /// An empty script; ids of its events follow from `plan`, `version` and their keys.
    pub(super) fn new(plan: &PlanId, version: Uuid) -> Self {
        let name = format!("songhua:demo:{plan}:{version}");
        Self { namespace: Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()), lines: Vec::new() }
    }

    /// Id of the event that speaks of `key`.
    pub(super) fn id(&self, key: &str) -> Uuid {
        Uuid::new_v5(&self.namespace, key.as_bytes())
    }

    /// `actor` says `payload` at `at`; `key` names what it speaks of, once in the script.
    pub(super) fn say(&mut self, at: Timestamp, actor: &Actor, key: &str, payload: impl Into<Payload>) -> Uuid {
        self.say_with(at, actor, key, payload, |_| {})
    }

    /// As [`Script::say`]; `with` adds source, comment or evidence.
    pub(super) fn say_with(
        &mut self,
        at: Timestamp,
        actor: &Actor,
        key: &str,
        payload: impl Into<Payload>,
        with: impl FnOnce(&mut EventInput),
    ) -> Uuid {
        let event_id = self.id(key);
        let mut event = EventInput {
            event_id,
            effective_date: None,
            payload: payload.into(),
            comment: String::new(),
            source_ref: String::new(),
            evidence: Vec::new(),
            correlation_id: String::new(),
            causation_id: None,
            staff: songhua_domain::event::StaffCodes::default(),
        };
        with(&mut event);
        self.lines.push(Step { at, actor: actor.clone(), events: vec![event] });
        event_id
    }

    /// The digest of a file that nobody has: everything here is simulated.
    pub(super) fn evidence(&self, key: &str, title: &str) -> Evidence {
        let half = |side: &str| Uuid::new_v5(&self.namespace, format!("file/{key}/{side}").as_bytes()).into_bytes();
        let mut sha256 = [0; 32];
        let (left, right) = sha256.split_at_mut(16);
        left.copy_from_slice(&half("left"));
        right.copy_from_slice(&half("right"));
        Evidence {
            sha256,
            media_type: "application/pdf".to_owned(),
            title: title.to_owned(),
            locator: format!("demo/{key}.pdf"),
        }
    }

    /// What is said until `now`, by time; what one actor says at one moment goes out together.
    pub(super) fn until(mut self, now: Timestamp) -> Result<Vec<Step>, Fault> {
        self.lines.retain(|line| line.at <= now);
        self.lines.sort_by_key(|line| line.at);
        let mut seen = BTreeSet::new();
        let mut steps: Vec<Step> = Vec::new();
        for line in self.lines {
            let twice = line.events.iter().find(|event| !seen.insert(event.event_id));
            if let Some(event) = twice {
                return Err(Fault(format!("{} at {} is said twice", event.payload.type_name(), line.at)));
            }
            match steps.last_mut() {
                Some(last)
                    if last.at == line.at && last.actor == line.actor && last.events.len() < SUBMISSION_EVENTS =>
                {
                    last.events.extend(line.events);
                }
                _ => steps.push(line),
            }
        }
        Ok(steps)
    }
}

/// Names everything that is told, and when and by whom: a demo that tells anything else has another version.
pub(super) fn version(definitions: &[EventInput], steps: &[Step]) -> Uuid {
    let mut told = Vec::new();
    let encoded = |event: &EventInput| input_to_pb(event).encode_length_delimited_to_vec();
    told.extend(definitions.iter().flat_map(encoded));
    for Step { at, actor, events } in steps {
        told.extend(format!("{} {} {}\n", at.as_microsecond(), actor.principal, actor.role).into_bytes());
        told.extend(events.iter().flat_map(encoded));
    }
    Uuid::new_v5(&Uuid::NAMESPACE_URL, &told)
}

/// The plan office.
pub(super) fn office() -> Actor {
    actor("demo-plan-office".to_owned(), None, Role::Admin)
}

/// Who reports, or verifies, for `agency`.
pub(super) fn clerk(agency: &AgencyId) -> Actor {
    actor(format!("demo-clerk-{agency}"), Some(agency.clone()), Role::Agency)
}

/// Who assesses what has no number.
pub(super) fn assessor() -> Actor {
    actor("demo-assessor".to_owned(), None, Role::Auditor)
}

/// The player has no token: the server itself plays everybody.
fn actor(principal: String, agency: Option<AgencyId>, role: Role) -> Actor {
    Actor { principal, agency, role, credential_digest: [0; 32], on_behalf_of: None }
}
