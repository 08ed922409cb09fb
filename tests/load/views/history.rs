//! A log of a million records, written where a stopped server left its own: the plan as it was loaded, then the made-up
//! history of [`crate::events`], recorded from the plan's first day up to yesterday.
//!
//! A history of five years cannot be pushed: the server says when a record is recorded. So the log is written by the
//! `log` crate, with records as ingest writes them; everything that is measured afterwards goes through the server.

use std::path::Path;

use bytes::Bytes;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use prost::Message;
use songhua_log::{AppendOutcome, Batch, EventLog, Identity, Position, Record, SegmentLog, SegmentOptions, Submission};
use songhua_tests::{PLAN_ID, Random};
use songhua_wire::pb;
use songhua_wire::time::timestamp_to_pb;
use uuid::Uuid;

use crate::events::{Events, Sent, input, pb_date};

/// Records of one append.
const GROUP: usize = 20_000;
/// Most records of a submission.
const SUBMISSION: u64 = 100;

/// Writes records, and counts them.
pub(crate) struct Writer {
    log: SegmentLog,
    head: Position,
    waiting: Batch,
    random: Random,
    agency: String,
}

impl Writer {
    /// Begins a new log beside the old one of `directory`, in its place, with what `keep` makes of the old records.
    pub(crate) async fn over(directory: &Path, agency: &str, random: Random, first_day: Date) -> Self {
        let (old, _) = SegmentLog::open(directory, SegmentOptions::default()).expect("the server's log opens");
        let identity: Identity = old.identity();
        let mut kept = Vec::new();
        let mut from = Position::FIRST;
        while from <= old.heads().durable {
            let records = old.read(from, 1 << 20).await.expect("the log can be read");
            from = records.last().expect("a record").position.next();
            kept.extend(records);
        }
        old.close().await;
        drop(old);
        std::fs::remove_dir_all(directory).expect("the old log can be removed");
        SegmentLog::create(directory, identity).expect("a log can be made");
        let (log, _) = SegmentLog::open(directory, SegmentOptions::default()).expect("the new log opens");
        let agency = agency.to_owned();
        let mut writer = Self { log, head: Position::NONE, waiting: Batch::default(), random, agency };
        let time = moment(first_day, 0);
        for record in kept {
            let mut event = pb::Event::decode(record.bytes.as_ref()).expect("a record");
            let day = matches!(
                event.input.as_ref().and_then(|input| input.payload.as_ref()),
                Some(pb::event_input::Payload::DayOpened(_))
            );
            if day {
                continue;
            }
            event.recorded_time = Some(timestamp_to_pb(time));
            (event.submission_index, event.submission_count) = (0, 1);
            writer.push(vec![Record { key: record.key, bytes: event.encode_to_vec().into() }], time).await;
        }
        writer
    }

    /// Opens `day` and writes what happened on it.
    pub(crate) async fn day(&mut self, day: Date, sent: Vec<Sent>) {
        let opened = input(pb::event_input::Payload::DayOpened(pb::DayOpened { date: Some(pb_date(day)) }));
        self.submit(day, 0, vec![Sent { area: String::new(), subject: String::new(), input: opened }], true).await;
        let (mut rest, mut number) = (sent.into_iter(), 0);
        loop {
            let count = usize::try_from(1 + self.random.below(SUBMISSION)).unwrap_or(1);
            let some: Vec<Sent> = rest.by_ref().take(count).collect();
            if some.is_empty() {
                return;
            }
            number += 1;
            self.submit(day, number, some, false).await;
        }
    }

    async fn submit(&mut self, day: Date, number: i64, sent: Vec<Sent>, server: bool) {
        let (time, submission) = (moment(day, number), Uuid::new_v4().to_string());
        let count = u32::try_from(sent.len()).expect("few");
        let actor = actor(if server { "" } else { &self.agency });
        let records = (0..).zip(sent).map(|(index, sent)| {
            let Sent { area, subject, input } = sent;
            let version = if matches!(&input.payload, Some(payload) if is_new(payload)) { 2 } else { 1 };
            let key = Uuid::parse_str(&input.event_id).expect("a UUID").into_bytes();
            let event = pb::Event {
                schema_version: version,
                min_reader: version,
                plan: PLAN_ID.to_owned(),
                area,
                subject: format!("plans/{PLAN_ID}/{subject}").trim_end_matches('/').to_owned(),
                recorded_time: Some(timestamp_to_pb(time)),
                actor: Some(actor.clone()),
                submission_id: submission.clone(),
                submission_index: index,
                submission_count: count,
                back_dated: false,
                input: Some(input),
                trace_parent: String::new(),
            };
            Record { key, bytes: Bytes::from(event.encode_to_vec()) }
        });
        let records = records.collect();
        self.push(records, time).await;
    }

    async fn push(&mut self, records: Vec<Record>, time: jiff::Timestamp) {
        self.waiting.submissions.push(Submission { recorded_time_us: time.as_microsecond(), records });
        if self.waiting.record_count() >= GROUP {
            self.flush().await;
        }
    }

    async fn flush(&mut self) {
        let mut rest = std::mem::take(&mut self.waiting).submissions.into_iter().peekable();
        while rest.peek().is_some() {
            let (mut batch, mut count) = (Batch::default(), 0);
            while let Some(next) = rest.next_if(|next| count + next.records.len() <= self.log.max_batch()) {
                count += next.records.len();
                batch.submissions.push(next);
            }
            match self.log.append(self.head, batch).await {
                Ok(AppendOutcome::Stored { last, .. }) => self.head = last,
                other => panic!("the history cannot be written: {other:?}"),
            }
        }
    }

    /// Writes what waits and closes the log; gives its length.
    pub(crate) async fn finish(mut self) -> u64 {
        self.flush().await;
        self.log.close().await;
        self.head.0
    }
}

/// Writes days from `first` until the log has about `records`, or up to yesterday.
pub(crate) async fn write(mut writer: Writer, mut events: Events, first: Date, last: Date) -> u64 {
    let planned = events.planned();
    writer.day(first, planned).await;
    let mut day = first + 1.day();
    while day <= last {
        let sent = events.of(day);
        writer.day(day, sent).await;
        day += 1.day();
    }
    writer.finish().await
}

fn is_new(payload: &pb::event_input::Payload) -> bool {
    use pb::event_input::Payload;
    matches!(payload, Payload::ProgressNoteRecorded(_) | Payload::MeasurementRevised(_))
}

fn actor(agency: &str) -> pb::Actor {
    let server = agency.is_empty();
    pb::Actor {
        principal: if server { "system" } else { "clerk" }.to_owned(),
        agency: agency.to_owned(),
        role: if server { pb::Role::Admin } else { pb::Role::Agency }.into(),
        credential_digest: vec![u8::from(!server); 32],
        on_behalf_of: String::new(),
    }
}

/// The `number`-th moment of a working day.
fn moment(day: Date, number: i64) -> jiff::Timestamp {
    let zone = TimeZone::get("Asia/Shanghai").expect("the zone is known");
    let morning = day.at(9, 0, 0, 0).to_zoned(zone).expect("a morning").timestamp();
    morning + number.seconds()
}
