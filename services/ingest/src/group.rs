//! A group: submissions decided one after the other on one state, to be appended together.
//!
//! Everything here is tentative until the log has stored the group. Dropping it leaves the base state as it was.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use songhua_domain::authorise::authorise;
use songhua_domain::decide::{Moment, Refs, decide, references};
use songhua_domain::event::{Event, EventInput, Payload, SubmissionRef};
use songhua_domain::id::PlanId;
use songhua_domain::state::{Filed, PlanState, changed};
use songhua_domain::vocabulary::Reason;
use songhua_log::record::{RECORD_BYTES_MAX, SUBMISSION_RECORDS_MAX};
use songhua_log::{Batch, EventLog, Key, Position, Record, StoredRecord, leaf_hash};
use songhua_wire::record::{Envelope, Said, decode_event, encode_event};
use songhua_wire::trace::TraceParent;
use uuid::Uuid;

use crate::day::{is_known_zone, recorded_time, zone_of};
use crate::handle::{Answer, Receipt, Submission};
use crate::places::Places;
use crate::refusal::{self, Refused};

/// Submissions decided on `base`.
pub(crate) struct Group {
    plan: PlanId,
    log: Arc<dyn EventLog>,
    places: Arc<Places>,
    base_head: Position,
    state: PlanState,
    batch: Batch,
    /// Records in the batch, and from how many on it takes no further submission.
    records: usize,
    capacity: usize,
    /// The plan's time zone.
    zone: TimeZone,
    /// Events of this group, in order: the log does not know them yet.
    staged: Vec<Known>,
    by_id: HashMap<Uuid, usize>,
}

/// What is known of an event id: where it stands and what it says.
#[derive(Clone)]
struct Known {
    event: Event,
    /// Where it is filed, if that is known.
    filed: Option<Filed>,
    receipt: Receipt,
}

/// A submission that is being decided.
struct Deciding<'a> {
    submission: &'a Submission,
    moment: Moment,
    /// How many of its events are new.
    new_count: usize,
    records: Vec<Record>,
    receipts: Vec<Receipt>,
}

impl Group {
    /// An empty group of at most `capacity` records, on the state at the log's written head.
    pub(crate) fn new(
        plan: PlanId,
        log: Arc<dyn EventLog>,
        places: Arc<Places>,
        base: PlanState,
        capacity: usize,
    ) -> Self {
        Self {
            plan,
            log,
            places,
            base_head: Position(base.head()),
            zone: zone_of(&base),
            state: base,
            batch: Batch::default(),
            records: 0,
            capacity,
            staged: Vec::new(),
            by_id: HashMap::new(),
        }
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
        check_ids(submission)?;
        let recorded = recorded_time(&self.state, now);
        let known = self.look_up_all(submission).await?;
        let new_ids = submission.events.iter().zip(&known).filter(|(_, known)| known.is_none());
        let new_count = new_ids.map(|(said, _)| said.input().event_id).collect::<HashSet<_>>().len();
        let most = SUBMISSION_RECORDS_MAX.min(self.log.max_batch());
        if new_count > most {
            return Err(refusal::too_large(Reason::TooManyEvents, "submission", new_count, most, "events"));
        }
        let (records, receipts) = (Vec::with_capacity(new_count), Vec::with_capacity(known.len()));
        let deciding = Deciding { submission, moment: self.moment(recorded), new_count, records, receipts };
        // A single event is folded when nothing of it can be refused any more; of several some may be to take back.
        let before = (known.len() > 1 || submission.validate_only).then(|| self.state.clone());
        let staged = self.staged.len();
        let decided = self.decide_all(deciding, known).await;
        if decided.is_err() || submission.validate_only {
            self.take_back(before, staged);
        }
        let Deciding { records, receipts, .. } = decided?;
        if submission.validate_only {
            return Ok(checked_only(receipts, self.state.head()));
        }
        self.take(records, recorded);
        Ok(receipts)
    }

    fn moment(&self, recorded_time: Timestamp) -> Moment {
        Moment { recorded_time, today: recorded_time.to_zoned(self.zone.clone()).date() }
    }

    fn take(&mut self, records: Vec<Record>, recorded: Timestamp) {
        if !records.is_empty() {
            self.records += records.len();
            let recorded_time_us = recorded.as_microsecond();
            self.batch.submissions.push(songhua_log::Submission { recorded_time_us, records });
        }
    }

    /// Forgets what a submission that does not enter has left.
    fn take_back(&mut self, before: Option<PlanState>, staged: usize) {
        if let Some(before) = before {
            self.state = before;
            self.zone = zone_of(&self.state);
        }
        for forgotten in self.staged.drain(staged..) {
            self.by_id.remove(&forgotten.receipt.event_id);
        }
    }

    async fn decide_all<'a>(
        &mut self,
        mut deciding: Deciding<'a>,
        known: Vec<Option<Known>>,
    ) -> Result<Deciding<'a>, Refused> {
        let submission = deciding.submission;
        for (index, (said, known)) in submission.events.iter().zip(known).enumerate() {
            let known = known.or_else(|| self.staged(&said.input().event_id).cloned());
            match known {
                Some(known) => deciding.receipts.push(duplicate(index, submission, said.input(), known)?),
                None => self.decide_one(&mut deciding, index, said).await?,
            }
        }
        Ok(deciding)
    }

    /// What stands in the log or the group before the submission; its own events are found as they are decided.
    async fn look_up_all(&self, submission: &Submission) -> Result<Vec<Option<Known>>, Refused> {
        let mut known = Vec::with_capacity(submission.events.len());
        for said in &submission.events {
            known.push(self.look_up(said.input().event_id).await?);
        }
        Ok(known)
    }

    fn staged(&self, id: &Uuid) -> Option<&Known> {
        self.by_id.get(id).and_then(|index| self.staged.get(*index))
    }

    /// Finds an event by id, in the group or in the log.
    async fn look_up(&self, id: Uuid) -> Result<Option<Known>, Refused> {
        if let Some(staged) = self.staged(&id) {
            return Ok(Some(staged.clone()));
        }
        let stored = self.log.find(&key_of(id)).await.map_err(|error| refusal::from_read(&error))?;
        stored.map(|record| known_from(&record)).transpose()
    }

    async fn decide_one(&mut self, deciding: &mut Deciding<'_>, index: usize, said: &Said) -> Result<(), Refused> {
        let (submission, input) = (deciding.submission, said.input());
        let refs = self.refs(input).await?;
        let rejected = |rejection| refusal::from_rejection(index, rejection);
        authorise(&self.state, &refs, &submission.actor, input).map_err(rejected)?;
        check_zone(index, input)?;
        let decision = decide(&self.state, &refs, &submission.actor, &deciding.moment, input).map_err(rejected)?;
        let event = Event {
            position: self.state.head() + 1,
            recorded_time: deciding.moment.recorded_time,
            actor: Arc::clone(&submission.actor),
            submission: SubmissionRef {
                id: submission.id,
                index: u32::try_from(deciding.records.len()).unwrap_or(u32::MAX),
                count: u32::try_from(deciding.new_count).unwrap_or(u32::MAX),
            },
            back_dated: decision.back_dated,
            input: Arc::clone(input),
        };
        let bytes = encode_event(&Envelope {
            plan: &self.plan,
            area: decision.area.as_ref(),
            subject: &decision.subject,
            recorded_time: event.recorded_time,
            actor: &event.actor,
            submission: event.submission,
            back_dated: event.back_dated,
            trace_parent: submission.trace_parent.as_ref().map_or("", TraceParent::as_str),
            said,
        });
        check_size(index, bytes.len())?;
        debug_assert_eq!(decode_event(event.position, &bytes).as_ref(), Ok(&event), "a record that nobody could read");
        let named = changed(&input.payload).and_then(|id| refs.filed(&id));
        let filed = self.state.evolve(&event, named.as_ref());
        if matches!(input.payload, Payload::PlanDefined(_)) {
            self.zone = zone_of(&self.state);
            deciding.moment = self.moment(event.recorded_time);
        }
        let receipt = Receipt {
            event_id: input.event_id,
            position: event.position,
            recorded_time: event.recorded_time,
            leaf_hash: leaf_hash(&bytes),
            duplicate: false,
        };
        deciding.records.push(Record { key: key_of(input.event_id), bytes });
        deciding.receipts.push(receipt.clone());
        self.by_id.insert(input.event_id, self.staged.len());
        self.staged.push(Known { event, filed, receipt });
        Ok(())
    }

    /// The earlier events that `input` names: of this group, also of the same submission, or of the log.
    async fn refs(&self, input: &EventInput) -> Result<Refs, Refused> {
        let mut refs = Refs::default();
        let mut next = references(input);
        while let Some(id) = next {
            let Some(Known { event, filed, .. }) = self.look_up(id).await? else { break };
            next = refs.add(event, filed.or_else(|| self.places.get(&id)));
        }
        // All of them are of the log: where staged ones are filed is known.
        self.places.learn(refs.replacements());
        Ok(refs)
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
    Ok(Known { event, filed: None, receipt })
}

/// The first receipt again, if it is the same event of the same agency; else a refusal that tells nothing of the other.
fn duplicate(index: usize, submission: &Submission, input: &EventInput, known: Known) -> Result<Receipt, Refused> {
    let same = known.event.actor.agency == submission.actor.agency && *known.event.input == *input;
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

/// Readers refuse a record without ids, for ever. Requests cannot lack them, so only a fault of the server can.
fn check_ids(submission: &Submission) -> Result<(), Refused> {
    let nil = submission.id.is_nil() || submission.events.iter().any(|said| said.input().event_id.is_nil());
    if nil { Err(refusal::internal("a submission or an event without an id could not be read back")) } else { Ok(()) }
}

/// A record that the log does not take would stop the plan: its event is refused instead.
fn check_size(index: usize, bytes: usize) -> Result<(), Refused> {
    if bytes <= RECORD_BYTES_MAX {
        return Ok(());
    }
    let what = format!("events[{index}] with its envelope");
    Err(refusal::too_large(Reason::EventTooLarge, &what, bytes, RECORD_BYTES_MAX, "bytes"))
}

/// Receipts of a check: what is not in the log, which ends at `head`, has no place and no hash.
fn checked_only(mut receipts: Vec<Receipt>, head: u64) -> Vec<Receipt> {
    for receipt in receipts.iter_mut().filter(|receipt| receipt.position > head) {
        receipt.position = 0;
        receipt.leaf_hash = [0; 32];
    }
    receipts
}
