//! The same event for every store: 300 bytes as it stands in our request, made before the clock starts.
//!
//! Ours are measurements that the server decides on: of the plan's real indicators that count a stock, in dimensions
//! nobody has reported yet. Each event is of another series than the one before, as on a day when everybody reports; a
//! series has a figure a day for a year. One event in 72 is of [`Lines::selected`], so that it is one indicator of 72.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use prost::Message;
use songhua_tests::{days_ago, dimension};
use songhua_wire::google::type_::Date;
use songhua_wire::pb;
use umadb_dcb::DcbEvent;
use uuid::Uuid;

/// What an event takes in a request, all told.
pub(crate) const BYTES: usize = 300;
/// The selected indicator has one event of so many.
pub(crate) const INDICATORS: u64 = 72;
/// Figures of one series.
const DAYS: u64 = 360;
/// Dimensions of an indicator that are reported on the same day.
const DISTRICTS: u64 = 6;

/// What can be reported: an area and one of its indicators.
#[derive(Clone)]
pub(crate) struct Lines(Vec<(String, String)>);

impl Lines {
    /// Those of the plan's targets whose figure is a number at a day.
    pub(crate) fn of(indicators: Vec<pb::Indicator>) -> Self {
        let mut lines = Vec::new();
        for indicator in indicators {
            let Some(definition) = indicator.definition else { continue };
            let stock = definition.accumulation() == pb::Accumulation::Stock;
            if stock && definition.derived.is_none() && definition.measure_kind() == pb::MeasureKind::Count {
                let areas = indicator.targets.into_iter().map(|target| target.area);
                lines.extend(areas.map(|area| (area, definition.indicator.clone())));
            }
        }
        lines.sort_unstable();
        assert!(lines.len() > 1, "the plan has indicators that count a stock");
        // The selected one stands first and has one area only.
        let first = lines[0].1.clone();
        let mut seen = false;
        lines.retain(|(_, indicator)| *indicator != first || !std::mem::replace(&mut seen, true));
        Self(lines)
    }

    /// The indicator that one event in 72 is of.
    pub(crate) fn selected(&self) -> &str {
        &self.0[0].1
    }

    fn at(&self, number: u64) -> &(String, String) {
        let (round, place) = (number / INDICATORS, number % INDICATORS);
        if place == 0 {
            return &self.0[0];
        }
        let others = self.0.len() as u64 - 1;
        let which = 1 + (round * (INDICATORS - 1) + place - 1) % others;
        &self.0[usize::try_from(which).unwrap_or(0)]
    }
}

/// Where events come from; each is new.
pub(crate) struct Events {
    run: String,
    next: AtomicU64,
    lines: Lines,
    days: Vec<Date>,
}

impl Events {
    /// A run with series of its own.
    pub(crate) fn new(lines: Lines) -> Self {
        let run = Uuid::new_v4().simple().to_string().chars().take(6).collect();
        let days = (1..=DAYS).rev().map(|day| days_ago(i32::try_from(day).unwrap_or(1))).collect();
        Self { run, next: AtomicU64::new(0), lines, days }
    }

    /// The indicator that one event in 72 is of.
    pub(crate) fn selected(&self) -> &str {
        self.lines.selected()
    }

    /// The next event.
    pub(crate) fn ours(&self) -> pb::EventInput {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (area, indicator) = self.lines.at(number);
        // A day: as many districts as make every number of a day the same line on each; after a year other districts.
        let wave = (self.lines.0.len() as u64 - 1) * INDICATORS * DISTRICTS;
        let (day, within) = (number / wave, number % wave);
        let (year, day) = (day / DAYS, day % DAYS);
        let district = format!("district=r{}-{year}-{within}", self.run);
        let date = self.days[usize::try_from(day).unwrap_or(0)];
        let mut event = dimension(area, indicator, &district, date, "4711");
        event.source_ref = format!("统计台账 第 {number} 行");
        let room = BYTES.saturating_sub(event.encoded_len() + 3);
        event.comment = "x".repeat(room);
        event
    }

    /// A submission of `count` events to a plan.
    pub(crate) fn submission(&self, parent: &str, count: usize) -> pb::SubmitRequest {
        let events = (0..count).map(|_| self.ours()).collect();
        pb::SubmitRequest { parent: parent.to_owned(), events, ..Default::default() }
    }
}

/// Letters that do not repeat over short distances: what a store might compress is not there to be compressed.
fn text(bytes: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(bytes + 36);
    while text.len() < bytes {
        text.extend(Uuid::new_v4().simple().to_string().bytes());
    }
    text.truncate(bytes);
    text
}

/// UmaDB's: one type, one tag, a UUID, and data up to the same size as protobuf.
pub(crate) fn umadb() -> DcbEvent {
    const TYPE: &str = "measurement.reported";
    let tag = format!("series:{}", &Uuid::new_v4().simple().to_string()[..8]);
    // Tag byte and length of each of type, tag, UUID and data; data's length takes two.
    let framing = 2 + 2 + 2 + 3;
    let data = text(BYTES - framing - TYPE.len() - tag.len() - 36);
    DcbEvent::new().event_type(TYPE).tags([tag]).uuid(Uuid::new_v4()).data(data)
}

/// NATS's: subject and payload together.
pub(crate) fn nats(subject: &str) -> Bytes {
    text(BYTES - subject.len()).into()
}

/// PostgreSQL's: id, stream, type and data together.
pub(crate) fn row() -> (Uuid, String, Vec<u8>) {
    let stream = format!("series-{}", &Uuid::new_v4().simple().to_string()[..8]);
    let data = text(BYTES - 16 - stream.len() - ROW_TYPE.len());
    (Uuid::new_v4(), stream, data)
}

/// The type of a row.
pub(crate) const ROW_TYPE: &str = "measurement.reported";

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Lines {
        Lines((0..20).map(|number| (format!("area-{number}"), format!("indicator-{number}"))).collect())
    }

    #[test]
    fn an_event_takes_300_bytes_whatever_its_number() {
        let events = Events::new(lines());
        assert!((0..10_000).all(|_| events.ours().encoded_len() == BYTES));
    }

    #[test]
    fn one_event_in_72_is_of_the_selected_indicator_and_none_comes_twice() {
        let events = Events::new(lines());
        let mut seen = std::collections::HashSet::new();
        let mut selected = 0;
        for _ in 0..72_000 {
            let Some(pb::event_input::Payload::MeasurementReported(reported)) = events.ours().payload else {
                panic!("not a measurement")
            };
            selected += usize::from(reported.indicator == events.selected());
            let end = reported.period.and_then(|period| period.end).expect("a day");
            let new =
                seen.insert((reported.area, reported.indicator, reported.dimension, end.year, end.month, end.day));
            assert!(new, "an event came twice");
        }
        assert_eq!(selected, 1_000);
    }

    #[test]
    fn the_others_are_of_the_same_size() {
        let event = umadb();
        let uuid = event.uuid.expect("a UUID").to_string();
        let fields = [event.event_type.as_bytes(), event.tags[0].as_bytes(), uuid.as_bytes(), &event.data];
        // As protobuf: a tag byte, the length as varint, the bytes.
        let encoded: usize = fields.iter().map(|field| 1 + if field.len() < 128 { 1 } else { 2 } + field.len()).sum();
        assert_eq!(encoded, BYTES);
        assert_eq!("compare.events".len() + nats("compare.events").len(), BYTES);
        let (id, stream, data) = row();
        assert_eq!(id.as_bytes().len() + stream.len() + ROW_TYPE.len() + data.len(), BYTES);
    }
}
