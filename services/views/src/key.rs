//! Keys: the first byte is the table, then ids each ended by a zero byte, then big-endian numbers.
//!
//! Place in the flow: between rows and sled, so that sled's order of bytes is the order of the things named. It must
//! not know values.

use songhua_domain::id::{AreaId, IndicatorId, MilestoneId, ProjectId};

pub(crate) const CHECKPOINT: u8 = 0x00;
pub(crate) const DEFINITIONS: u8 = 0x01;
pub(crate) const SERIES: u8 = 0x02;
pub(crate) const MILESTONES: u8 = 0x03;
pub(crate) const CHANGES: u8 = 0x04;
pub(crate) const LATEST: u8 = 0x05;
pub(crate) const TIMES: u8 = 0x06;
pub(crate) const DAYS: u8 = 0x07;
pub(crate) const EVENTS: u8 = 0x08;
pub(crate) const FACTS: u8 = 0x09;
pub(crate) const REVISIONS: u8 = 0x0a;
pub(crate) const SUBJECTS: u8 = 0x0b;
pub(crate) const POSTINGS: u8 = 0x0c;

/// A key being written, left to right.
#[derive(Debug, Clone)]
pub(crate) struct Key(Vec<u8>);

impl Key {
    /// The first key of `table`, and the prefix of all others.
    pub(crate) fn table(table: u8) -> Self {
        Self(vec![table])
    }
    /// Appends a text and the zero byte that ends it.
    pub(crate) fn text(mut self, text: &str) -> Self {
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(0);
        self
    }
    /// Appends raw bytes.
    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }
    /// Appends a position.
    pub(crate) fn position(self, position: u64) -> Self {
        self.bytes(&position.to_be_bytes())
    }
    /// The key.
    pub(crate) fn done(self) -> Vec<u8> {
        self.0
    }
}

/// All figures of an indicator in an area.
pub(crate) fn indicator_series(area: &AreaId, indicator: &IndicatorId) -> Key {
    Key::table(SERIES).text(area.as_str()).text(indicator.as_str())
}

/// What happened to a milestone.
pub(crate) fn milestone(project: &ProjectId, milestone: &MilestoneId) -> Vec<u8> {
    Key::table(MILESTONES).text(project.as_str()).text(milestone.as_str()).done()
}

pub(crate) fn latest(area: &AreaId, indicator: &IndicatorId) -> Vec<u8> {
    Key::table(LATEST).text(area.as_str()).text(indicator.as_str()).done()
}

pub(crate) fn time(recorded_time_us: i64, position: u64) -> Vec<u8> {
    Key::table(TIMES).bytes(&sortable(recorded_time_us)).position(position).done()
}

pub(crate) fn day(position: u64) -> Vec<u8> {
    Key::table(DAYS).position(position).done()
}

/// A signed number, moved by 2^63 so that its bytes sort as it does.
fn sortable(number: i64) -> [u8; 8] {
    (number.cast_unsigned() ^ (1 << 63)).to_be_bytes()
}

/// Reads back [`sortable`].
pub(crate) fn unsortable(bytes: [u8; 8]) -> i64 {
    (u64::from_be_bytes(bytes) ^ (1 << 63)).cast_signed()
}

/// The eight bytes at `at`.
pub(crate) fn eight(key: &[u8], at: usize) -> Option<[u8; 8]> {
    key.get(at..at + 8)?.try_into().ok()
}

/// The position that ends `key`.
pub(crate) fn last_position(key: &[u8]) -> Option<u64> {
    key.last_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes))
}

/// The zero-ended texts of `key` after the table byte.
pub(crate) fn texts(key: &[u8]) -> impl Iterator<Item = Option<&str>> {
    key.get(1..).unwrap_or_default().split(|byte| *byte == 0).map(|text| std::str::from_utf8(text).ok())
}
