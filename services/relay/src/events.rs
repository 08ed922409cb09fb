//! Events: every record of the log becomes one message.
//!
//! Place in the flow: log → here → the events stream, which so is a contiguous part of the log: its last `ce-sequence`
//! is how far the relay has come.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use bytes::Bytes;
use jiff::Timestamp;
use prost::Message;
use songhua_domain::id::PlanId;
use songhua_log::{EventLog, Identity, Position, ReadError, StoredRecord};
use songhua_wire::google::type_::Date;
use songhua_wire::pb;
use songhua_wire::pb::event_input::Payload;
use songhua_wire::record::{DecodeError, decode_header};
use songhua_wire::time::timestamp_from_pb;
use uuid::Uuid;

use crate::fork::left_at;
use crate::message::{
    CE_CORRELATION_ID, CE_DATA_CONTENT_TYPE, CE_DATA_SCHEMA, CE_EPOCH, CE_ID, CE_PREVIOUS_SEQUENCE, CE_RECORDED_TIME,
    CE_SEQUENCE, CE_SIMULATED, CE_SOURCE, CE_SPECVERSION, CE_SUBJECT, CE_TIME, CE_TYPE, MessageId, Outgoing, Place,
    RelayPayload, TRACE_PARENT, header_value, sequence,
};
use crate::source::{Held, Room, Source, place_of, refuse, verify};
use crate::status::Trouble;
use crate::stream::{Last, TopicStream};
use crate::subject;

/// Bytes of records that are read at once.
const READ_BYTES: usize = 1 << 20;
/// Records that are encoded before others get a turn.
const TURN: usize = 64;

/// What the messages of a plan have in common.
#[derive(Debug, Clone)]
pub(crate) struct Voice {
    pub(crate) plan: PlanId,
    pub(crate) identity: Identity,
    pub(crate) simulated: bool,
    pub(crate) payload: RelayPayload,
}

impl Voice {
    /// The headers that every message has.
    pub(crate) fn headers(&self, place: Place, event_type: &str, resource: &str, schema: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, MessageId::new(&self.identity, place).to_string());
        headers.insert(CE_SPECVERSION, "1.0");
        headers.insert(CE_SOURCE, format!("/plans/{}", self.plan));
        headers.insert(CE_TYPE, format!("dev.songhua.v1.{event_type}"));
        headers.insert(CE_SUBJECT, header_value(resource));
        headers.insert(CE_SEQUENCE, sequence(place.position));
        headers.insert(CE_EPOCH, self.identity.epoch.to_string());
        headers.insert(CE_DATA_CONTENT_TYPE, self.payload.content_type());
        headers.insert(CE_DATA_SCHEMA, schema);
        if self.simulated {
            headers.insert(CE_SIMULATED, "true");
        }
        headers
    }
}

/// The events of a log.
pub(crate) struct Events {
    voice: Voice,
    log: Arc<dyn EventLog>,
    /// The last position that was filled.
    position: u64,
    /// Read, not filled.
    records: VecDeque<StoredRecord>,
    previous: Previous,
}

/// The last position of each area up to where the relay is.
#[derive(Debug, Default)]
struct Previous {
    by_area: HashMap<String, u64>,
    /// Whether the stream began with the log, and still does.
    is_whole: bool,
    /// Whether an area that is not in the map has no event yet.
    is_complete: bool,
}

impl Events {
    pub(crate) fn new(voice: Voice, log: Arc<dyn EventLog>) -> Self {
        Self { voice, log, position: 0, records: VecDeque::new(), previous: Previous::default() }
    }

    async fn read(&self, from: u64, max_bytes: usize) -> Result<Vec<StoredRecord>, Trouble> {
        self.log.read(Position(from), max_bytes).await.map_err(|error| match error {
            ReadError::Io(_) => Trouble::passing(error.to_string()),
            ReadError::Damaged { .. } => Trouble::lasting(error.to_string()),
        })
    }

    /// The next record, encoded; none = nothing is durable behind the last one.
    async fn next(&mut self, stream: &TopicStream) -> Result<Option<(String, Outgoing)>, Trouble> {
        if self.records.is_empty() {
            if self.log.heads().durable.0 <= self.position {
                return Ok(None);
            }
            self.records = self.read(self.position + 1, READ_BYTES).await?.into();
        }
        let Some(record) = self.records.front().cloned() else { return Ok(None) };
        let header = decode_header(&record.bytes).map_err(|error| unreadable(&record, &error))?;
        let area = header.area.as_ref().map_or("", |area| area.as_str());
        let token = subject::area_token(area).to_owned();
        let previous = self.previous_of(stream, &token, record.position.0).await?;
        let message = message(&self.voice, &record, header.event_type, previous);
        Ok(Some((token, message.map_err(|error| unreadable(&record, &error))?)))
    }

    /// The position of the event before in the area of this token; 0 = there is none.
    async fn previous_of(&mut self, stream: &TopicStream, token: &str, position: u64) -> Result<u64, Trouble> {
        if let Some(previous) = self.previous.by_area.get(token) {
            return Ok(*previous);
        }
        if self.previous.is_complete {
            return Ok(0);
        }
        // What was filled since the relay went on is in the map: the stream is asked for what is older.
        let filter = subject::of_area(self.voice.plan.as_str(), token);
        let last = stream.last_on(&filter).await?;
        // Asked afterwards: what was removed from the stream proves nothing.
        let (there, began) = (stream.extent_now().await?, stream.extent.first);
        match last {
            // Of an earlier epoch it may stand behind the fork.
            Last::Ours(mark)
                if mark.id.epoch == self.voice.identity.epoch
                    && mark.id.place.position < position
                    && there.removed() == 0 =>
            {
                Ok(mark.id.place.position)
            }
            Last::Nothing if self.previous.is_whole && there.removed() == 0 && there.first == began => Ok(0),
            _ => {
                self.scan(position).await?;
                Ok(self.previous.by_area.get(token).copied().unwrap_or_default())
            }
        }
    }

    /// Reads the areas of everything before `position`.
    async fn scan(&mut self, position: u64) -> Result<(), Trouble> {
        let mut next = 1;
        let mut found = HashMap::new();
        while next < position {
            for record in self.read(next, READ_BYTES).await? {
                next = record.position.0 + 1;
                if next > position {
                    break;
                }
                let header = decode_header(&record.bytes).map_err(|error| unreadable(&record, &error))?;
                let area = header.area.as_ref().map_or("", |area| area.as_str());
                found.insert(subject::area_token(area).to_owned(), record.position.0);
            }
            tokio::task::yield_now().await;
        }
        for (token, last) in found {
            self.previous.by_area.entry(token).or_insert(last);
        }
        self.previous.is_complete = true;
        Ok(())
    }
}

impl Source for Events {
    async fn resume(&mut self, stream: &TopicStream) -> Result<(), Trouble> {
        let (identity, durable) = (self.voice.identity, self.log.heads().durable.0);
        self.records.clear();
        let left = left_at(&*self.log, &stream.last).await?;
        self.position = match place_of(&stream.name, &stream.last, &identity, durable, left)? {
            // What stands behind it was taken back: the fork itself comes next, and says so.
            Some(place) if left.is_some_and(|left| place.position > left) => left.unwrap_or_default(),
            Some(place) => {
                let stored = self.read(place.position, 0).await?;
                let ours = stored.first().map(|record| Uuid::from_bytes(record.key));
                let theirs = stream.last.mark().and_then(|mark| Uuid::try_parse(&mark.event_id).ok());
                if ours.is_none() || ours != theirs {
                    let holds = format!("another event than this log has at position {}", place.position);
                    return Err(refuse(&stream.name, &identity, &holds));
                }
                place.position
            }
            None => stream.from - 1,
        };
        self.previous = Previous {
            by_area: HashMap::new(),
            is_whole: stream.first.mark().is_some_and(|first| first.id.place.position == 1),
            is_complete: self.position == 0,
        };
        Ok(())
    }

    async fn verify(&self, stream: &TopicStream) -> Result<(), Trouble> {
        let began = Place { position: stream.from, index: None };
        let Some(last) = stream.last.mark().map(|mark| mark.id.place.position) else { return Ok(()) };
        let of_forks = subject::of_event(self.voice.plan.as_str(), "", "", "log.history-forked");
        let may_have_one = self.voice.identity.epoch > 1;
        let fork = if may_have_one { stream.last_fork(&of_forks).await? } else { None };
        let held = match fork {
            // Positions were given out again from there on: it is counted from there, and before it nothing may lack.
            Some((sequence, fork)) if stream.extent.removed() == 0 => {
                let messages = (stream.extent.last + 1).saturating_sub(sequence);
                Held { messages, count: (last + 1).saturating_sub(fork) }
            }
            _ => {
                let first = stream.first.mark().map_or(1, |mark| mark.id.place.position);
                Held { messages: stream.extent.messages, count: (last + 1).saturating_sub(first) }
            }
        };
        verify(stream, began, held)
    }

    async fn fill(&mut self, stream: &TopicStream, mut room: Room) -> Result<Vec<Outgoing>, Trouble> {
        let mut batch = Vec::new();
        loop {
            let taken = match self.next(stream).await {
                Ok(None) => break,
                Ok(Some((token, message))) => {
                    let position = message.place.position;
                    room.take(&mut batch, message).map(|taken| taken.then_some((token, position)))
                }
                Err(trouble) => Err(trouble),
            };
            match taken {
                Ok(Some((token, position))) => {
                    self.previous.by_area.insert(token, position);
                    self.position = position;
                    self.records.pop_front();
                }
                // What comes before the trouble is published first.
                Err(trouble) if batch.is_empty() => return Err(trouble),
                Ok(None) | Err(_) => break,
            }
            if batch.len() % TURN == 0 {
                tokio::task::yield_now().await;
            }
        }
        Ok(batch)
    }

    async fn ready(&mut self) {
        let next = Position(self.position + 1);
        if self.log.wait(next).await.durable < next {
            // The log was closed, and nothing will come.
            std::future::pending::<()>().await;
        }
    }

    fn place(&self) -> Place {
        Place { position: self.position, index: None }
    }

    fn end(&self) -> u64 {
        self.head()
    }

    fn head(&self) -> u64 {
        self.log.heads().durable.0
    }
}

fn unreadable(record: &StoredRecord, error: &DecodeError) -> Trouble {
    Trouble::lasting(format!("position {}: {error}", record.position))
}

/// The message of a record.
fn message(voice: &Voice, record: &StoredRecord, event_type: &str, previous: u64) -> Result<Outgoing, DecodeError> {
    let malformed = |error: &dyn std::fmt::Display| DecodeError::Malformed(error.to_string());
    let event = pb::Event::decode(record.bytes.clone()).map_err(|error| malformed(&error))?;
    let input = event.input.as_ref().ok_or_else(|| malformed(&"input: is required"))?;
    let place = Place { position: record.position.0, index: None };
    let recorded =
        event.recorded_time.as_ref().map(timestamp_from_pb).transpose().map_err(|error| malformed(&error))?;
    let recorded = recorded.unwrap_or(Timestamp::UNIX_EPOCH).to_string();
    let mut headers = voice.headers(place, event_type, &event.subject, "songhua/v1/event.proto#songhua.v1.Event");
    headers.insert(CE_ID, header_value(&input.event_id));
    headers.insert(CE_TIME, day_of(input).map_or_else(|| recorded.clone(), |day| midnight(&day)));
    headers.insert(CE_RECORDED_TIME, recorded);
    headers.insert(CE_PREVIOUS_SEQUENCE, sequence(previous));
    if !event.trace_parent.is_empty() {
        headers.insert(TRACE_PARENT, header_value(&event.trace_parent));
    }
    if !input.correlation_id.is_empty() {
        headers.insert(CE_CORRELATION_ID, header_value(&input.correlation_id));
    }
    let payload = match voice.payload {
        RelayPayload::Protobuf => record.bytes.clone(),
        RelayPayload::Json => Bytes::from(serde_json::to_vec(&event).map_err(|error| malformed(&error))?),
    };
    let subject = subject::of_event(voice.plan.as_str(), &event.area, &event.subject, event_type);
    Ok(Outgoing { place, subject, headers, payload })
}

/// The day on which it became true in the world, if the event says one.
fn day_of(input: &pb::EventInput) -> Option<Date> {
    input.effective_date.or_else(|| match input.payload.as_ref()? {
        Payload::DayOpened(day) => day.date,
        Payload::MilestoneReached(reached) => reached.reach_date,
        Payload::MilestonePartiallyReached(reached) => reached.as_of_date,
        Payload::MilestoneMissed(missed) => missed.as_of_date,
        Payload::MeasurementReported(measurement) => measurement.period.as_ref()?.end,
        Payload::NothingToReport(nothing) => nothing.period.as_ref()?.end,
        Payload::QualitativeAssessmentRecorded(assessment) => assessment.as_of_date,
        Payload::ProgressNoteRecorded(note) => note.as_of_date,
        Payload::PlanClosedOut(closed) => closed.as_of_date,
        _ => None,
    })
}

/// The beginning of a day, RFC 3339.
pub(crate) fn midnight(day: &Date) -> String {
    format!("{:04}-{:02}-{:02}T00:00:00Z", day.year, day.month, day.day)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use async_nats::HeaderName;
    use songhua_log::HashAlgorithm;
    use songhua_wire::event::TYPE_TOKENS;

    use super::*;
    use crate::message::{Mark, header_value};

    fn voice(payload: RelayPayload, simulated: bool) -> Voice {
        let identity = Identity { log_id: Uuid::from_u128(1), epoch: 2, hash: HashAlgorithm::Sha256 };
        Voice { plan: "p".parse().expect("an id"), identity, simulated, payload }
    }

    fn stored(event: &pb::Event) -> StoredRecord {
        let (position, bytes) = (Position(7), Bytes::from(event.encode_to_vec()));
        let (submission_first, submission_last) = (position, position);
        StoredRecord { position, submission_first, submission_last, recorded_time_us: 0, key: [0; 16], bytes }
    }

    /// The records that the wire crate keeps, at least one of each event type, with their type tokens.
    fn fixtures() -> Vec<(String, pb::Event)> {
        let versions = ["../wire/fixtures/v1", "../wire/fixtures/v2", "../wire/fixtures/v3"];
        let entries = versions.into_iter().flat_map(|version| std::fs::read_dir(version).expect("fixtures"));
        let paths = entries.map(|entry| entry.expect("an entry").path());
        let records = paths.filter(|path| path.extension().is_some_and(|extension| extension == "bin"));
        records
            .map(|path| {
                let token = path.file_stem().and_then(|stem| stem.to_str()).expect("a token").to_owned();
                let bytes = std::fs::read(&path).expect("a record");
                (token, pb::Event::decode(bytes.as_slice()).expect("an event"))
            })
            .collect()
    }

    fn text(message: &Outgoing, name: HeaderName) -> Option<String> {
        message.headers.get(name).map(|value| value.as_str().to_owned())
    }

    #[test]
    fn every_event_type_becomes_a_message_that_a_relay_knows_again() {
        let fixtures = fixtures();
        let tokens: BTreeSet<&str> = fixtures.iter().map(|(token, _)| token.as_str()).collect();
        assert_eq!(tokens, TYPE_TOKENS.iter().copied().collect());
        for (token, event) in fixtures {
            let record = stored(&event);
            let header = decode_header(&record.bytes).expect("a header");
            let message = message(&voice(RelayPayload::Json, false), &record, header.event_type, 3).expect("a message");
            let input = event.input.as_ref().expect("input");
            assert_eq!(text(&message, CE_TYPE), Some(format!("dev.songhua.v1.{token}")));
            assert_eq!(text(&message, CE_ID), Some(input.event_id.clone()), "{token}");
            assert_eq!(text(&message, CE_SEQUENCE), Some(sequence(7)), "{token}");
            assert_eq!(text(&message, CE_PREVIOUS_SEQUENCE), Some(sequence(3)), "{token}");
            assert_eq!(text(&message, CE_SIMULATED), None, "{token}");
            assert!(text(&message, CE_TIME).expect("a time").parse::<Timestamp>().is_ok(), "{token}");
            let data: pb::Event = serde_json::from_slice(&message.payload).expect("proto3-JSON");
            assert_eq!(data, event, "{token}");
            let mark = Mark::read(&message.headers).expect("a mark");
            assert_eq!((mark.id.place, mark.event_id), (message.place, input.event_id.clone()), "{token}");
        }
    }

    #[test]
    fn as_protobuf_the_payload_is_the_stored_bytes() {
        let (token, event) = fixtures().pop().expect("a fixture");
        let record = stored(&event);
        let message = message(&voice(RelayPayload::Protobuf, true), &record, &token, 0).expect("a message");
        assert_eq!(message.payload, record.bytes);
        assert_eq!(text(&message, CE_DATA_CONTENT_TYPE).as_deref(), Some("application/protobuf"));
        assert_eq!(text(&message, CE_SIMULATED).as_deref(), Some("true"));
    }

    #[test]
    fn what_an_event_carries_for_others_is_in_its_headers_encoded() {
        let (token, mut event) = fixtures().pop().expect("a fixture");
        event.trace_parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned();
        event.input.as_mut().expect("input").correlation_id = "案件 1".to_owned();
        let message = message(&voice(RelayPayload::Json, false), &stored(&event), &token, 0).expect("a message");
        assert_eq!(text(&message, TRACE_PARENT), Some(event.trace_parent));
        assert_eq!(text(&message, CE_CORRELATION_ID), Some(header_value("案件 1")));
    }

    #[test]
    fn the_time_of_an_event_is_the_day_it_speaks_of_else_when_it_was_recorded() {
        let date = |day| Date { year: 2026, month: 3, day };
        let period = || Some(pb::ReferencePeriod { start: Some(date(1)), end: Some(date(31)) });
        let reported = pb::MeasurementReported { period: period(), ..Default::default() };
        let nothing = pb::NothingToReport { period: period(), ..Default::default() };
        let reached = pb::MilestoneReached { reach_date: Some(date(9)), ..Default::default() };
        let planned = pb::MilestonePlanned { due_date: Some(date(9)), ..Default::default() };
        let input = |payload| pb::EventInput { payload: Some(payload), ..Default::default() };
        assert_eq!(day_of(&input(Payload::MeasurementReported(reported))), Some(date(31)));
        assert_eq!(day_of(&input(Payload::NothingToReport(nothing))), Some(date(31)));
        let reached = input(Payload::MilestoneReached(reached));
        assert_eq!(day_of(&reached), Some(date(9)));
        let note = pb::ProgressNoteRecorded { as_of_date: Some(date(7)), ..Default::default() };
        assert_eq!(day_of(&input(Payload::ProgressNoteRecorded(note))), Some(date(7)));
        let effective = pb::EventInput { effective_date: Some(date(8)), ..reached };
        assert_eq!(day_of(&effective), Some(date(8)));
        assert_eq!(day_of(&input(Payload::MilestonePlanned(planned))), None, "a due date is no time of an event");
        assert_eq!(midnight(&date(8)), "2026-03-08T00:00:00Z");
    }
}
