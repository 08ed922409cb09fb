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

use crate::message::{
    CE_CORRELATION_ID, CE_DATA_CONTENT_TYPE, CE_DATA_SCHEMA, CE_ID, CE_PREVIOUS_SEQUENCE, CE_RECORDED_TIME,
    CE_SEQUENCE, CE_SIMULATED, CE_SOURCE, CE_SPECVERSION, CE_SUBJECT, CE_TIME, CE_TYPE, MessageId, Outgoing, Place,
    RelayPayload, TRACE_PARENT, header_value, sequence,
};
use crate::source::{Beginning, RelayFrom, Room, Source, place_of, refuse};
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
    from: RelayFrom,
    beginning: Beginning,
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
    /// Whether the stream holds every event up to where the relay went on.
    is_whole: bool,
    /// Whether an area that is not in the map has no event yet.
    is_complete: bool,
}

impl Events {
    pub(crate) fn new(voice: Voice, log: Arc<dyn EventLog>, from: RelayFrom) -> Self {
        let (beginning, previous) = (Beginning::default(), Previous::default());
        Self { voice, log, from, beginning, position: 0, records: VecDeque::new(), previous }
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
        match stream.last_on(&filter).await? {
            Last::Ours(mark) if mark.id.place.position < position => Ok(mark.id.place.position),
            Last::Nothing if self.previous.is_whole => Ok(0),
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
        self.position = match place_of(stream, &identity, durable)? {
            Some(place) => {
                let stored = self.read(place.position, 0).await?;
                let ours = stored.first().map(|record| Uuid::from_bytes(record.key));
                let theirs = stream.last.mark().and_then(|mark| Uuid::try_parse(&mark.event_id).ok());
                if ours.is_none() || ours != theirs {
                    let holds = format!("another event than this log has at position {}", place.position);
                    return Err(refuse(stream, &identity, &holds));
                }
                self.beginning.forget();
                place.position
            }
            None => self.beginning.after(stream, self.from, durable),
        };
        self.previous = Previous {
            by_area: HashMap::new(),
            is_whole: stream.is_whole && stream.last_sequence == self.position,
            is_complete: self.position == 0,
        };
        Ok(())
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

    fn position(&self) -> u64 {
        self.position
    }

    fn end(&self) -> u64 {
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
        _ => None,
    })
}

/// The beginning of a day, RFC 3339.
pub(crate) fn midnight(day: &Date) -> String {
    format!("{:04}-{:02}-{:02}T00:00:00Z", day.year, day.month, day.day)
}
