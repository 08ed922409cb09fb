//! A log as ingest grows it: looked up, authorised, decided, folded, encoded, by whole submissions.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use songhua_domain::authorise::authorise;
use songhua_domain::decide::{Decision, Moment, Refs, decide};
use songhua_domain::event::{Actor, DayOpened, Event, EventInput, Payload, PlanPublished, StaffCodes, SubmissionRef};
use songhua_domain::state::{PlanState, changed};
use songhua_domain::vocabulary::{Reason, Role};
use songhua_log::{Position, StoredRecord};
use songhua_wire::record::{Envelope, Said, decode_event, encode_event};
use uuid::Uuid;

use super::plan;

/// Why a proposal is not in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// It is already.
    Duplicate,
    /// Its id is taken, or a rule refuses it.
    Refused(Reason),
}

/// A log that grows.
#[derive(Default)]
pub(super) struct World {
    pub(super) state: PlanState,
    /// Every event in order, those of the open submission too.
    pub(super) events: Vec<Event>,
    /// Every record of a whole submission.
    pub(super) records: Vec<StoredRecord>,
    decisions: Vec<Decision>,
    places: BTreeMap<Uuid, usize>,
    now: Timestamp,
    /// Most events of the open submission.
    room: usize,
    ids: u128,
    /// Events that were sent again and dropped.
    pub(super) duplicates: usize,
    /// Proposals that were refused, by reason.
    pub(super) refused: BTreeMap<Reason, usize>,
}

fn actor(principal: &str, role: Role, agency: Option<&str>) -> Actor {
    let agency = agency.map(plan::id);
    Actor { principal: principal.to_owned(), agency, role, credential_digest: [1; 32], on_behalf_of: None }
}

pub(super) fn office() -> Actor {
    actor("office-1", Role::Admin, None)
}

pub(super) fn auditor() -> Actor {
    actor("auditor-1", Role::Auditor, None)
}

/// An agency's service.
pub(super) fn agency(agency: &str) -> Actor {
    actor(&format!("{agency}-1"), Role::Agency, Some(agency))
}

fn server() -> Actor {
    Actor { credential_digest: [0; 32], ..actor("system", Role::Admin, None) }
}

impl World {
    /// A published plan on its first day.
    pub(super) fn published() -> Self {
        let mut world = Self { now: "2022-01-01T01:00:00Z".parse().unwrap(), room: 100, ..Self::default() };
        world.must(&server(), plan::genesis());
        world.must(&office(), plan::plan());
        plan::definitions().into_iter().for_each(|payload| world.must(&office(), payload));
        let event_count = world.state.definition_count();
        world.must(&office(), PlanPublished { event_count, digest: [7; 32] });
        world.close();
        world.open_day();
        // It was restored once: nothing that is read shows it.
        world.must(&server(), plan::forked(world.state.head()));
        world.close();
        world
    }

    /// The day in the plan's time zone.
    pub(super) fn today(&self) -> Date {
        self.now.to_zoned(TimeZone::get("Asia/Shanghai").unwrap()).date()
    }

    /// Time passes; the submission under way ends.
    pub(super) fn pass(&mut self, time: SignedDuration) {
        self.close();
        self.now += time;
        self.open_day();
    }

    fn open_day(&mut self) {
        let today = self.today();
        if self.state.last_day().is_none_or(|last| last < today) {
            self.must(&server(), DayOpened { date: today });
            self.close();
        }
    }

    /// What a client sends, with an id of its own.
    pub(super) fn input(&mut self, payload: impl Into<Payload>) -> EventInput {
        self.ids += 1;
        EventInput {
            event_id: Uuid::from_u128(self.ids << 64 | 0x8000_0000_0000_0000),
            effective_date: None,
            payload: payload.into(),
            comment: String::new(),
            source_ref: "《统计公报》第3页".to_owned(),
            evidence: Vec::new(),
            correlation_id: String::new(),
            causation_id: None,
            staff: StaffCodes::default(),
        }
    }

    /// Sends what must be accepted.
    #[track_caller]
    pub(super) fn must(&mut self, actor: &Actor, payload: impl Into<Payload>) {
        let input = self.input(payload);
        let kind = input.payload.type_name();
        self.send(actor, input, 100).unwrap_or_else(|left| panic!("{kind}: {left:?}"));
    }

    /// Sends an event, in the submission under way if that is the actor's and has room, else in one of `room` events.
    pub(super) fn send(&mut self, actor: &Actor, input: EventInput, room: usize) -> Result<(), Left> {
        if let Some(known) = self.event(&input.event_id) {
            let same = known.actor.agency == actor.agency && *known.input == input;
            self.duplicates += usize::from(same);
            return Err(if same { Left::Duplicate } else { Left::Refused(Reason::EventIdReused) });
        }
        if self.events.len() - self.records.len() >= self.room
            || self.open().first().is_some_and(|first| *first.actor != *actor)
        {
            self.close();
        }
        if self.open().is_empty() {
            self.room = room;
        }
        let recorded_time = self.now;
        let moment = Moment { recorded_time, today: self.today() };
        let refs = Refs::of(&input, |id| self.event(id).cloned());
        let decided = authorise(&self.state, &refs, actor, &input)
            .and_then(|()| decide(&self.state, &refs, actor, &moment, &input));
        let decision = decided.map_err(|rejection| {
            *self.refused.entry(rejection.reason).or_default() += 1;
            Left::Refused(rejection.reason)
        })?;
        let position = self.state.head() + 1;
        let index = u32::try_from(self.events.len() - self.records.len()).unwrap();
        let submission =
            SubmissionRef { id: Uuid::from_u128(u128::from(position - u64::from(index))), index, count: 0 };
        let (actor, back_dated, input) = (Arc::new(actor.clone()), decision.back_dated, Arc::new(input));
        let event = Event { position, recorded_time, actor, submission, back_dated, input };
        let named = changed(&event.input.payload).and_then(|id| refs.filed(&id));
        self.state.evolve(&event, named.as_ref());
        self.places.insert(event.input.event_id, self.events.len());
        self.events.push(event);
        self.decisions.push(decision);
        Ok(())
    }

    /// Stores the submission under way.
    pub(super) fn close(&mut self) {
        let first = self.records.len();
        let count = u32::try_from(self.events.len() - first).unwrap();
        let place = |index: usize| Position(index as u64 + 1);
        for index in first..self.events.len() {
            let (event, decision) = (&mut self.events[index], &self.decisions[index]);
            event.submission.count = count;
            let bytes = encode_event(&Envelope {
                plan: &plan::id(plan::PLAN),
                area: decision.area.as_ref(),
                subject: &decision.subject,
                recorded_time: event.recorded_time,
                actor: &event.actor,
                submission: event.submission,
                back_dated: event.back_dated,
                trace_parent: "",
                said: &Said::of(Arc::clone(&event.input)),
            });
            assert_eq!(decode_event(event.position, &bytes).as_ref(), Ok(&*event));
            self.records.push(StoredRecord {
                position: place(index),
                submission_first: place(first),
                submission_last: place(first + count as usize - 1),
                recorded_time_us: event.recorded_time.as_microsecond(),
                key: *event.input.event_id.as_bytes(),
                bytes,
            });
        }
    }

    /// The events of the submission under way.
    fn open(&self) -> &[Event] {
        &self.events[self.records.len()..]
    }

    /// An event by its id.
    pub(super) fn event(&self, id: &Uuid) -> Option<&Event> {
        self.places.get(id).map(|place| &self.events[*place])
    }
}
