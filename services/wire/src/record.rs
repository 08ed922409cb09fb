//! Records of a plan's log: one event, encoded once, readable for ever.
//!
//! Place in the flow: ingest encodes a decided event here, every follower and a restarted ingest decode it here. Old
//! records are lifted to today's shape by `upcast` on the way in; the bytes in the log are never rewritten. It must
//! not know: positions and hashes (they are the log's), or what an event does to a plan.

use std::fmt;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use jiff::Timestamp;
use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, encode_key, encode_varint, skip_field};
use songhua_domain::event::{Actor, Event, EventInput, SubmissionRef};
use songhua_domain::id::{AgencyId, AreaId, PlanId};
use uuid::Uuid;

use crate::code::Code;
use crate::event::{input_to_pb, payload_tag, restated, type_token};
use crate::field::FromWire;
use crate::pb;
use crate::time::{timestamp_from_pb, timestamp_to_pb};
use crate::violation::{At, Found, Origin, gather};

/// The newest version of the schema that this binary writes.
pub const SCHEMA_VERSION: u32 = 3;
/// About what an envelope takes besides its texts.
const ENVELOPE_BYTES: usize = 256;
/// Records that ask for a reader up to this version can be read.
pub const READER_VERSION: u32 = 3;

/// Why a record cannot be read. A reader stops at it; it never skips.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A newer binary wrote it.
    #[error("the record needs a reader of version {needs}, this binary reads up to {reads}: upgrade the binary")]
    UpgradeNeeded {
        /// Version that the record asks for.
        needs: u32,
        /// [`READER_VERSION`].
        reads: u32,
    },
    /// It is not a record.
    #[error("the record is malformed: {0}")]
    Malformed(String),
}

/// Everything that ingest knows about an event it accepted: the content of a record.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'a> {
    /// The plan.
    pub plan: &'a PlanId,
    /// The area it is about, if any.
    pub area: Option<&'a AreaId>,
    /// Resource name it is about.
    pub subject: &'a str,
    /// When it was accepted.
    pub recorded_time: Timestamp,
    /// Who sent it.
    pub actor: &'a Actor,
    /// The submission it came with.
    pub submission: SubmissionRef,
    /// Whether it is 补录.
    pub back_dated: bool,
    /// W3C `traceparent` of the call that brought it; empty = none.
    pub trace_parent: &'a str,
    /// What was sent.
    pub said: &'a Said,
}

/// What was sent, and how a record writes it. Written where requests are read, so that whoever decides, one after the
/// other, only puts an envelope around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    input: Arc<EventInput>,
    /// The encoded `EventInput`.
    bytes: Bytes,
    version: u32,
}

impl Said {
    /// Writes what was sent.
    pub fn of(input: impl Into<Arc<EventInput>>) -> Self {
        let input = input.into();
        let wire = input_to_pb(&input);
        Self::written(input, &wire)
    }

    /// Writes what a client sent, the same as [`of`](Self::of): `wire` is the message that `input` was read from.
    pub fn sent(input: EventInput, wire: pb::EventInput) -> Self {
        let wire = restated(&input, wire);
        Self::written(Arc::new(input), &wire)
    }

    fn written(input: Arc<EventInput>, wire: &pb::EventInput) -> Self {
        Self { version: version_of(wire), bytes: wire.encode_to_vec().into(), input }
    }

    /// What was sent.
    pub const fn input(&self) -> &Arc<EventInput> {
        &self.input
    }
}

/// A record, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The plan.
    pub plan: PlanId,
    /// The area it is about, if any.
    pub area: Option<AreaId>,
    /// Resource name it is about.
    pub subject: String,
    /// W3C `traceparent` of the call that brought it; empty = none.
    pub trace_parent: String,
    /// The event, at the position that the log assigned.
    pub event: Event,
}

/// What filters ask of a record; read without its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordHeader {
    /// The plan.
    pub plan: PlanId,
    /// The area it is about, if any.
    pub area: Option<AreaId>,
    /// Resource name it is about.
    pub subject: String,
    /// Token of its event type, for example `measurement.reported`.
    pub event_type: &'static str,
    /// The agency that sent it, if any.
    pub agency: Option<AgencyId>,
    /// The agency on whose behalf it was filed, if any.
    pub on_behalf_of: Option<AgencyId>,
}

/// The bytes of a record, as protobuf writes an `Event`, field after field. The same envelope always gives the same bytes.
pub fn encode_event(envelope: &Envelope<'_>) -> Bytes {
    let Said { bytes: input, version, .. } = envelope.said;
    let trace_parent = envelope.trace_parent;
    let mut written = Vec::with_capacity(ENVELOPE_BYTES + envelope.subject.len() + trace_parent.len() + input.len());
    number(&mut written, 1, (*version).into());
    number(&mut written, 2, (*version).into());
    text(&mut written, 3, envelope.plan.as_str().as_bytes());
    text(&mut written, 4, envelope.area.map_or("", AreaId::as_str).as_bytes());
    text(&mut written, 5, envelope.subject.as_bytes());
    prost::encoding::message::encode(6, &timestamp_to_pb(envelope.recorded_time), &mut written);
    actor(&mut written, 7, envelope.actor);
    let mut id = Uuid::encode_buffer();
    text(&mut written, 8, envelope.submission.id.hyphenated().encode_lower(&mut id).as_bytes());
    number(&mut written, 9, envelope.submission.index.into());
    number(&mut written, 10, envelope.submission.count.into());
    number(&mut written, 11, envelope.back_dated.into());
    // There also when it is empty: it is a message.
    encode_key(12, WireType::LengthDelimited, &mut written);
    encode_varint(input.len() as u64, &mut written);
    written.extend_from_slice(input);
    text(&mut written, 13, trace_parent.as_bytes());
    written.into()
}

/// A field that is left out at 0.
fn number(written: &mut Vec<u8>, tag: u32, value: u64) {
    if value != 0 {
        encode_key(tag, WireType::Varint, written);
        encode_varint(value, written);
    }
}

/// A field that is left out when empty.
fn text(written: &mut Vec<u8>, tag: u32, bytes: &[u8]) {
    if !bytes.is_empty() {
        encode_key(tag, WireType::LengthDelimited, written);
        encode_varint(bytes.len() as u64, written);
        written.extend_from_slice(bytes);
    }
}

fn actor(written: &mut Vec<u8>, tag: u32, actor: &Actor) {
    let id = |agency: &Option<AgencyId>| agency.as_ref().map_or(0, |agency| agency.as_str().len());
    let mut inner = Vec::with_capacity(64 + actor.principal.len() + id(&actor.agency) + id(&actor.on_behalf_of));
    text(&mut inner, 1, actor.principal.as_bytes());
    text(&mut inner, 2, actor.agency.as_ref().map_or("", AgencyId::as_str).as_bytes());
    number(&mut inner, 3, actor.role.to_wire() as u64);
    text(&mut inner, 4, &actor.credential_digest);
    text(&mut inner, 5, actor.on_behalf_of.as_ref().map_or("", AgencyId::as_str).as_bytes());
    text(written, tag, &inner);
}

/// Reads the event of a record.
///
/// # Errors
/// [`DecodeError::UpgradeNeeded`] if a newer binary wrote it, [`DecodeError::Malformed`] if it is not a record.
pub fn decode_event(position: u64, bytes: &[u8]) -> Result<Event, DecodeError> {
    decode_record(position, bytes).map(|record| record.event)
}

/// Reads a record with its plan, area and subject.
///
/// # Errors
/// As [`decode_event`].
pub fn decode_record(position: u64, bytes: &[u8]) -> Result<Record, DecodeError> {
    let version = readable_version(bytes)?;
    let event = upcast(version, pb::Event::decode(bytes).map_err(malformed)?);
    let found = Found::new(Origin::Log);
    let record = record(found.root(), position, &event);
    found.settle(record).map_err(malformed)
}

/// Reads what filters ask, leaving the payload alone.
///
/// # Errors
/// As [`decode_event`].
pub fn decode_header(bytes: &[u8]) -> Result<RecordHeader, DecodeError> {
    readable_version(bytes)?;
    let head = Head::decode(bytes).map_err(malformed)?;
    let event_type = payload_type(head.input.clone())?;
    let found = Found::new(Origin::Log);
    let header = header(found.root(), head, event_type);
    found.settle(header).map_err(malformed)
}

fn header(at: At<'_>, head: Head, event_type: &'static str) -> Option<RecordHeader> {
    let actor = head.actor.unwrap_or_default();
    gather!(RecordHeader {
        plan: at.field("plan").id(&head.plan),
        area: at.field("area").optional_id(&head.area),
        subject: Some(head.subject),
        event_type: Some(event_type),
        agency: at.field("actor").field("agency").optional_id(&actor.agency),
        on_behalf_of: at.field("actor").field("on_behalf_of").optional_id(&actor.on_behalf_of),
    })
}

/// The version in which everything that the event says first had a field: what can be said in an earlier one is still
/// written so, and read by earlier binaries.
fn version_of(input: &pb::EventInput) -> u32 {
    let since = input.payload.as_ref().map_or(1, schema_of);
    if input.staff.is_some() { since.max(2) } else { since }
}

/// The version that brought the payload, and the codes in it.
const fn schema_of(payload: &pb::event_input::Payload) -> u32 {
    match payload {
        pb::event_input::Payload::MilestonePlanned(planned)
            if planned.milestone_type > pb::MilestoneType::Reporting as i32 =>
        {
            2
        }
        // A reader of version 1 would calculate it as version 1 does.
        pb::event_input::Payload::PlanDefined(plan) if plan.calc_version > 1 => 2,
        // A reader of version 1 would lose the reason.
        pb::event_input::Payload::InterimTargetsSet(set) if !set.reason.is_empty() => 2,
        payload if payload_tag(payload) < 45 => 1,
        payload if payload_tag(payload) < 69 => 2,
        _ => 3,
    }
}

/// Lifts a record of an earlier schema version to today's. Pure: the same record always gives the same event.
const fn upcast(_schema_version: u32, event: pb::Event) -> pb::Event {
    // Version 2 added payloads and staff codes, version 3 a payload: an earlier record is one of today without them.
    event
}

/// The first two fields of every record, plan or system, in every version.
#[derive(Clone, PartialEq, Message)]
struct Versions {
    #[prost(uint32, tag = "1")]
    schema_version: u32,
    #[prost(uint32, tag = "2")]
    min_reader: u32,
}

/// The parts of a record that [`RecordHeader`] needs.
#[derive(Clone, PartialEq, Message)]
struct Head {
    #[prost(string, tag = "3")]
    plan: String,
    #[prost(string, tag = "4")]
    area: String,
    #[prost(string, tag = "5")]
    subject: String,
    #[prost(message, optional, tag = "7")]
    actor: Option<HeadActor>,
    #[prost(bytes = "bytes", tag = "12")]
    input: Bytes,
}

/// The parts of an actor that [`RecordHeader`] needs.
#[derive(Clone, PartialEq, Message)]
struct HeadActor {
    #[prost(string, tag = "2")]
    agency: String,
    #[prost(string, tag = "5")]
    on_behalf_of: String,
}

/// The schema version of a record that this binary may read. Looks at nothing else: the rest may be of another time.
pub(crate) fn readable_version(bytes: &[u8]) -> Result<u32, DecodeError> {
    let versions = Versions::decode(bytes).map_err(malformed)?;
    if versions.min_reader > READER_VERSION {
        return Err(DecodeError::UpgradeNeeded { needs: versions.min_reader, reads: READER_VERSION });
    }
    if versions.schema_version == 0 || versions.min_reader == 0 {
        return Err(malformed("it names no schema_version or no min_reader"));
    }
    Ok(versions.schema_version)
}

pub(crate) fn malformed(error: impl fmt::Display) -> DecodeError {
    DecodeError::Malformed(error.to_string())
}

/// Finds the payload by its field number, skipping over everything; of several the last one counts, as in decoding.
fn payload_type(mut input: Bytes) -> Result<&'static str, DecodeError> {
    let mut last = None;
    while input.has_remaining() {
        let (tag, wire_type) = decode_key(&mut input).map_err(malformed)?;
        last = type_token(tag).or(last);
        skip_field(wire_type, tag, &mut input, DecodeContext::default()).map_err(malformed)?;
    }
    last.ok_or_else(|| malformed("input.payload: is not of a known event type"))
}

fn record(at: At<'_>, position: u64, wire: &pb::Event) -> Option<Record> {
    gather!(Record {
        plan: at.field("plan").id(&wire.plan),
        area: at.field("area").optional_id(&wire.area),
        subject: Some(wire.subject.clone()),
        trace_parent: Some(wire.trace_parent.clone()),
        event: event(at, position, wire),
    })
}

fn event(at: At<'_>, position: u64, wire: &pb::Event) -> Option<Event> {
    gather!(Event {
        position: Some(position),
        recorded_time: moment(at.field("recorded_time"), wire.recorded_time.as_ref()),
        actor: at.field("actor").message(wire.actor.as_ref()).map(Arc::new),
        submission: submission(at, wire),
        back_dated: Some(wire.back_dated),
        input: at.field("input").message(wire.input.as_ref()).map(Arc::new),
    })
}

fn submission(at: At<'_>, wire: &pb::Event) -> Option<SubmissionRef> {
    gather!(SubmissionRef {
        id: at.field("submission_id").uuid(&wire.submission_id),
        index: Some(wire.submission_index),
        count: Some(wire.submission_count),
    })
}

pub(crate) fn moment(at: At<'_>, wire: Option<&pbjson_types::Timestamp>) -> Option<Timestamp> {
    match wire {
        Some(wire) => at.accept(timestamp_from_pb(wire)),
        None => at.refuse("is required"),
    }
}

impl FromWire for Actor {
    type Wire = pb::Actor;
    fn read(at: At<'_>, wire: &pb::Actor) -> Option<Self> {
        gather!(Actor {
            principal: Some(wire.principal.clone()),
            agency: at.field("agency").optional_id(&wire.agency),
            role: at.field("role").code(wire.role),
            credential_digest: at.field("credential_digest").digest(&wire.credential_digest),
            on_behalf_of: at.field("on_behalf_of").optional_id(&wire.on_behalf_of),
        })
    }
}
