//! Valid events that nobody has sent before: measurements of dimensions, 36 dates a series.

use std::sync::atomic::{AtomicU64, Ordering};

use prost::Message;
use songhua_wire::google::type_::Date;
use songhua_wire::pb;
use uuid::Uuid;

use crate::{PLAN, days_ago, dimension};

/// What an event is filled up to.
const BYTES: usize = 300;
/// Figures of one series; then the next dimension begins.
const SERIES_LENGTH: u64 = 36;
/// Stock indicators of the city that anybody who leads the plan reports.
const INDICATORS: [&str; 6] = [
    "new-rd-institutions",
    "tech-innovation-centres",
    "enterprise-tech-centres",
    "manufacturing-champions",
    "registered-incubators",
    "international-cooperation-bases",
];

/// Where events come from.
pub struct Events {
    /// Of this run; another run on the same server takes other series.
    run: String,
    next: AtomicU64,
    days: Vec<Date>,
}

impl Events {
    /// A new run, with series of its own.
    pub fn of_new_run() -> Self {
        let run = Uuid::new_v4().simple().to_string().chars().take(8).collect();
        // Within a year: older ones would be back-dated, which is the rarer case.
        let days = (0..36).map(|index| days_ago(1 + index * 10)).collect();
        Self { run, next: AtomicU64::new(0), days }
    }

    /// The next event.
    pub fn event(&self) -> pb::EventInput {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (series, place) = (number / SERIES_LENGTH, number % SERIES_LENGTH);
        let at = |list: u64, len: usize| usize::try_from(list).unwrap_or(0) % len;
        let indicator = INDICATORS[at(series, INDICATORS.len())];
        let district = format!("district=r{}-{series}", self.run);
        let mut event = dimension("city", indicator, &district, self.days[at(place, self.days.len())], "4711");
        event.source_ref = format!("统计台账 2026 第 {number} 行");
        let room = BYTES.saturating_sub(event.encoded_len() + 3);
        event.comment = "x".repeat(room);
        event
    }

    /// A submission of `count` events.
    pub fn submission(&self, count: usize) -> pb::SubmitRequest {
        let events = (0..count).map(|_| self.event()).collect();
        pb::SubmitRequest { parent: PLAN.to_owned(), events, ..Default::default() }
    }

    /// How large an event is.
    pub fn bytes(&self) -> usize {
        self.event().encoded_len()
    }
}
