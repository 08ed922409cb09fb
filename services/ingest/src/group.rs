//! A group: submissions decided one after the other on one state, to be appended together.
//!
//! Everything here is tentative until the log has stored the group. Dropping it leaves the base state as it was.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use songhua_domain::authorise::authorise;
use songhua_domain::decide::{Moment, Refs, decide, references, supported};
use songhua_domain::event::{Event, EventInput, Payload, SubmissionRef};
use songhua_domain::id::PlanId;
use songhua_domain::state::PlanState;
use songhua_domain::vocabulary::Reason;
use songhua_log::record::{RECORD_BYTES_MAX, SUBMISSION_RECORDS_MAX};
use songhua_log::{Batch, EventLog, Key, Position, Record, StoredRecord, leaf_hash};
use songhua_wire::record::{Envelope, decode_event, decode_record, encode_event};
use songhua_wire::trace::TraceParent;
use uuid::Uuid;

use crate::day::{date_in_plan, is_known_zone, recorded_time};
use crate::handle::{Answer, Receipt, Submission};
use crate::refusal::{self, Refused};

/// Submissions decided on `base`.
pub(crate) struct Group {
    plan: PlanId,
    log: Arc<dyn EventLog>,
    base_head: Position,
    state: PlanState,
    batch: Batch,
    /// Records in the batch, and how many it takes.
    records: usize,
    capacity: usize,
    /// Events of this group by id: the log does not know them yet.
    staged: HashMap<Uuid, Staged>,
}

#[derive(Clone)]
struct Staged {
    event: Event,
    receipt: Receipt,
}

/// What is known of an event id: where it stands and what it says.
struct Known {
    event: Event,
    receipt: Receipt,
}

/// Events decided for one submission, not yet in the group.
struct Draft {
    state: PlanState,
    records: Vec<Record>,
    staged: Vec<Staged>,
    by_id: HashMap<Uuid, usize>,
    receipts: Vec<Receipt>,
}

impl Group {
    /// An empty group of at most `capacity` records, on the state at the log's written head.
    pub(crate) fn new(plan: PlanId, log: Arc<dyn EventLog>, base: PlanState, capacity: usize) -> Self {
        let base_head = Position(base.head());
        let (batch, staged) = (Batch::default(), HashMap::new());
        Self { plan, log, base_head, state: base, batch, records: 0, capacity, staged }
    }

    /// Whether a submission of `events` may be added. An empty group takes any: what no group holds is refused.
    pub(crate) fn has_room(&self, events: usize) -> bool {
        self.records == 0 || self.records + events <= self.capacity
    }

    /// Whether anything is to be stored.
    pub(crate) fn is_empty(&self) -> bool {
        self.batch.submissions.is_empty()
    }

    /// The state after the group.
    pub(crate) fn state(&self) -> &PlanState {
        &self.state
    }

    /// Where the log must end for the group to be stored, the batch, and the state after it.
    pub(crate) fn into_parts(self) -> (Position, Batch, PlanState) {
        (self.base_head, self.batch, self.state)
    }

    /// Decides `submission` after everything that is in the group already. The answer, also a refusal or that to a
    /// check, is true once everything that it was decided on is durable.
    pub(crate) async fn add(&mut self, submission: &Submission, now: Timestamp) -> Answer {
        let recorded = recorded_time(&self.state, now);
        let draft = self.draft(submission, recorded).await?;
        if submission.validate_only {
            return Ok(checked_only(draft.receipts, self.state.head()));
        }
        self.take(draft.records, draft.staged, draft.state, recorded);
        Ok(draft.receipts)
    }

    fn take(&mut self, records: Vec<Record>, staged: Vec<Staged>, state: PlanState, recorded: Timestamp) {
        if records.is_empty() {
            return;
        }
        self.state = state;
        self.records += records.len();
        self.staged.extend(staged.into_iter().map(|item| (item.receipt.event_id, item)));
        let recorded_time_us = recorded.as_microsecond();
        self.batch.submissions.push(songhua_log::Submission { recorded_time_us, records });
    }

    async fn draft(&self, submission: &Submission, recorded: Timestamp) -> Result<Draft, Refused> {
        let mut draft = Draft {
            state: self.state.clone(),
            records: Vec::new(),
            staged: Vec::new(),
            by_id: HashMap::new(),
            receipts: Vec::with_capacity(submission.events.len()),
        };
        let known = self.look_up_all(submission).await?;
        let new_ids = submission.events.iter().zip(&known).filter(|(_, known)| known.is_none());
        let new_count = new_ids.map(|(input, _)| input.event_id).collect::<HashSet<_>>().len();
        let most = SUBMISSION_RECORDS_MAX.min(self.capacity);
        if new_count > most {
            return Err(refusal::too_large(Reason::TooManyEvents, "submission", new_count, most, "events"));
        }
        for (index, (input, known)) in submission.events.iter().zip(known).enumerate() {
            let known = match known {
                Some(known) => Some(known),
                None => draft.get(&input.event_id).map(Staged::known),
            };
            match known {
                Some(known) => draft.receipts.push(duplicate(index, submission, input, known)?),
                None => self.decide_one(&mut draft, submission, index, new_count, input, recorded).await?,
            }
        }
        Ok(draft)
    }

    async fn look_up_all(&self, submission: &Submission) -> Result<Vec<Option<Known>>, Refused> {
        let mut known = Vec::with_capacity(submission.events.len());
        for input in &submission.events {
            known.push(self.look_up(input.event_id).await?);
        }
        Ok(known)
    }

    /// Finds an event by id, in the group or in the log.
    async fn look_up(&self, id: Uuid) -> Result<Option<Known>, Refused> {
        if let Some(staged) = self.staged.get(&id) {
            return Ok(Some(staged.known()));
        }
        let stored = self.log.find(&key_of(id)).await.map_err(|error| refusal::from_read(&error))?;
        stored.map(|record| known_from(&record)).transpose()
    }

    async fn decide_one(
        &self,
        draft: &mut Draft,
        submission: &Submission,
        index: usize,
        new_count: usize,
        input: &EventInput,
        recorded: Timestamp,
    ) -> Result<(), Refused> {
        let refs = self.refs(draft, input).await?;
        let rejected = |rejection| refusal::from_rejection(index, rejection);
        authorise(&draft.state, &refs, &submission.actor, input).map_err(rejected)?;
        check_zone(index, input)?;
        let moment = Moment { recorded_time: recorded, today: date_in_plan(&draft.state, recorded) };
        let decision = decide(&draft.state, &refs, &submission.actor, &moment, input).map_err(rejected)?;
        let place = u32::try_from(draft.staged.len()).unwrap_or(u32::MAX);
        let event = Event {
            position: draft.state.head() + 1,
            recorded_time: recorded,
            actor: submission.actor.clone(),
            submission: SubmissionRef {
                id: submission.id,
                index: place,
                count: u32::try_from(new_count).unwrap_or(u32::MAX),
            },
            back_dated: decision.back_dated,
            input: input.clone(),
        };
        let trace_parent = submission.trace_parent.as_ref().map_or("", TraceParent::as_str);
        let bytes = encode_event(&Envelope {
            plan: &self.plan,
            area: decision.area.as_ref(),
            subject: &decision.subject,
            recorded_time: recorded,
            actor: &event.actor,
            submission: event.submission,
            back_dated: event.back_dated,
            trace_parent,
            input: &event.input,
        });
        check_record(index, &event, trace_parent, &bytes)?;
        draft.state.evolve(&event);
        draft.push(event, bytes);
        Ok(())
    }

    /// The earlier event that `input` names, and what that one supports if it is evidence: of this submission, of this
    /// group, or of the log.
    async fn refs(&self, draft: &Draft, input: &EventInput) -> Result<Refs, Refused> {
        let mut refs = Refs::new();
        let mut next = references(input);
        while let Some(id) = next {
            let found = match draft.get(&id) {
                Some(own) => Some(own.event.clone()),
                None => self.look_up(id).await?.map(|known| known.event),
            };
            next = found.as_ref().and_then(supported);
            refs.extend(found.map(|event| (id, event)));
        }
        Ok(refs)
    }
}

impl Draft {
    fn get(&self, id: &Uuid) -> Option<&Staged> {
        self.by_id.get(id).and_then(|index| self.staged.get(*index))
    }

    fn push(&mut self, event: Event, bytes: Bytes) {
        let receipt = Receipt {
            event_id: event.input.event_id,
            position: event.position,
            recorded_time: event.recorded_time,
            leaf_hash: leaf_hash(&bytes),
            duplicate: false,
        };
        self.records.push(Record { key: key_of(event.input.event_id), bytes });
        self.receipts.push(receipt.clone());
        self.by_id.insert(receipt.event_id, self.staged.len());
        self.staged.push(Staged { event, receipt });
    }
}

impl Staged {
    fn known(&self) -> Known {
        Known { event: self.event.clone(), receipt: self.receipt.clone() }
    }
}

/// The log's key of an event id.
pub(crate) fn key_of(id: Uuid) -> Key {
    *id.as_bytes()
}

fn known_from(record: &StoredRecord) -> Result<Known, Refused> {
    let position = record.position.0;
    let event = decode_event(position, &record.bytes).map_err(|error| refusal::from_decode(position, &error))?;
    let receipt = Receipt {
        event_id: event.input.event_id,
        position,
        recorded_time: event.recorded_time,
        leaf_hash: leaf_hash(&record.bytes),
        duplicate: true,
    };
    Ok(Known { event, receipt })
}

/// The first receipt again, if it is the same event of the same agency; else a refusal that tells nothing of the other.
fn duplicate(index: usize, submission: &Submission, input: &EventInput, known: Known) -> Result<Receipt, Refused> {
    let same = known.event.actor.agency == submission.actor.agency && known.event.input == *input;
    if same {
        Ok(Receipt { duplicate: true, ..known.receipt })
    } else {
        Err(refusal::event_id_reused(index, input.event_id))
    }
}

/// The one rule that needs more than the domain knows: days must be told in the plan's time zone.
fn check_zone(index: usize, input: &EventInput) -> Result<(), Refused> {
    match &input.payload {
        Payload::PlanDefined(plan) if !is_known_zone(&plan.time_zone) => {
            let field = format!("events[{index}].plan_defined.time_zone");
            Err(refusal::invalid_field(&field, format!("{:?} is not an IANA time zone known here", plan.time_zone)))
        }
        _ => Ok(()),
    }
}

/// A record that the log does not take, or that nobody could read back, would stop the plan, the latter for ever: its
/// event is refused instead.
fn check_record(index: usize, event: &Event, trace_parent: &str, bytes: &[u8]) -> Result<(), Refused> {
    if bytes.len() > RECORD_BYTES_MAX {
        let what = format!("events[{index}] with its envelope");
        return Err(refusal::too_large(Reason::EventTooLarge, &what, bytes.len(), RECORD_BYTES_MAX, "bytes"));
    }
    match decode_record(event.position, bytes) {
        Ok(read) if read.event == *event && read.trace_parent == trace_parent => Ok(()),
        Ok(_) => Err(refusal::internal(&format!("events[{index}] would be read back with other content"))),
        Err(error) => Err(refusal::internal(&format!("events[{index}] could not be read back: {error}"))),
    }
}

/// Receipts of a check: what is not in the log, which ends at `head`, has no place and no hash.
fn checked_only(mut receipts: Vec<Receipt>, head: u64) -> Vec<Receipt> {
    for receipt in receipts.iter_mut().filter(|receipt| receipt.position > head) {
        receipt.position = 0;
        receipt.leaf_hash = [0; 32];
    }
    receipts
}
