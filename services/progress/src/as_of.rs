//! When to look and with what knowledge: from what a request says to one day and one position.
//!
//! Place in the flow: read at the edge, resolved when a reading is taken; nothing later knows what was asked. It must
//! not know what is read.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use songhua_views::Views;
use songhua_wire::pb;
use songhua_wire::time::{date_from_pb, timestamp_from_pb};

use crate::refusal::{self, Refused};

/// What was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// All that is applied.
    All,
    /// What was recorded at or before this time.
    Time(Timestamp),
    /// What is recorded up to this position.
    Position(u64),
}

/// The day and the position that an earlier page was read at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pinned {
    /// The day.
    pub(crate) valid_date: Date,
    /// The position.
    pub(crate) position: u64,
}

/// `AsOf` as a request says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AsOf {
    /// The day; none = today.
    pub(crate) valid_date: Option<Date>,
    /// What was known.
    pub(crate) known: Known,
    /// Wait for this position; 0 = do not.
    pub(crate) min_position: u64,
    /// Set for a later page of a list: stands in for day and knowledge.
    pub(crate) pinned: Option<Pinned>,
}

/// The position that a question knows, and whether it always will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Knowledge {
    /// The last position; 0 = nothing.
    pub(crate) position: u64,
    /// The last position that was applied when it was resolved.
    pub(crate) applied: u64,
    /// False while the same question may come to another position.
    pub(crate) settled: bool,
}

/// Reads a day from request field `field`, if it is set.
pub(crate) fn date(field: &str, date: Option<&songhua_wire::google::type_::Date>) -> Result<Option<Date>, Refused> {
    let date = date.map(date_from_pb).transpose();
    date.map_err(|error| refusal::invalid_field(field, &error.to_string()))
}

impl AsOf {
    /// Reads field `as_of` of a request.
    pub(crate) fn read(as_of: Option<&pb::AsOf>) -> Result<Self, Refused> {
        let Some(as_of) = as_of else {
            return Ok(Self { valid_date: None, known: Known::All, min_position: 0, pinned: None });
        };
        let fault = |field: &str, fault: &dyn ToString| refusal::invalid_field(field, &fault.to_string());
        let known = match &as_of.known {
            None => Known::All,
            Some(pb::as_of::Known::KnownTime(time)) => {
                Known::Time(timestamp_from_pb(time).map_err(|error| fault("as_of.known_time", &error))?)
            }
            Some(pb::as_of::Known::KnownPosition(0)) => {
                return Err(fault("as_of.known_position", &"is 0; positions begin at 1"));
            }
            Some(pb::as_of::Known::KnownPosition(position)) => Known::Position(*position),
        };
        Ok(Self {
            valid_date: date("as_of.valid_date", as_of.valid_date.as_ref())?,
            known,
            min_position: as_of.min_position,
            pinned: None,
        })
    }

    /// Finds the position that the question knows.
    pub(crate) fn knowledge(&self, views: &Views, now: Timestamp) -> Result<Knowledge, Refused> {
        let applied = views.applied();
        let found = match self.known {
            Known::All => Knowledge { position: applied, applied, settled: false },
            Known::Position(position) => Knowledge { position, applied, settled: true },
            Known::Time(time) => at_time(views, time, applied, now)?,
        };
        let position = self.pinned.map_or(found.position, |pinned| pinned.position);
        if position > applied {
            return Err(refusal::position_ahead("known_position", position, applied));
        }
        Ok(Knowledge { position, ..found })
    }

    /// The day that the question speaks of.
    pub(crate) fn valid_date(&self, time_zone: &str, now: Timestamp) -> Date {
        let asked = self.pinned.map(|pinned| pinned.valid_date).or(self.valid_date);
        asked.unwrap_or_else(|| date_in(time_zone, now))
    }

    /// Whether it asks for today with all that is applied.
    pub(crate) fn is_now(&self) -> bool {
        self.valid_date.is_none() && self.known == Known::All && self.pinned.is_none()
    }
}

/// The day that it is in a plan's time zone.
pub(crate) fn date_in(time_zone: &str, now: Timestamp) -> Date {
    // The plan's zone was checked when the plan was loaded.
    now.to_zoned(TimeZone::get(time_zone).unwrap_or(TimeZone::UTC)).date()
}

/// The last position recorded at or before `time`.
fn at_time(views: &Views, time: Timestamp, applied: u64, now: Timestamp) -> Result<Knowledge, Refused> {
    if time > now {
        return Err(refusal::time_ahead(time, now));
    }
    // In this order: what is recorded behind `time` proves that nothing at or before it is still to come.
    let last = views.recorded_time_of_last().map_err(|error| refusal::from_views(&error))?;
    let found = views.position_at(time).map_err(|error| refusal::from_views(&error))?.unwrap_or_default();
    // What was applied since this read began is not part of it.
    let settled = found <= applied && last.is_some_and(|last| time < last);
    Ok(Knowledge { position: found.min(applied), applied, settled })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use songhua_domain::vocabulary::Reason;
    use songhua_wire::time::{date_to_pb, timestamp_to_pb};

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_not_set_means_today_and_all_that_is_applied() {
        let unset = AsOf { valid_date: None, known: Known::All, min_position: 0, pinned: None };
        assert_eq!(AsOf::read(None).unwrap(), unset);
        assert_eq!(AsOf::read(Some(&pb::AsOf::default())).unwrap(), unset);
    }

    #[test]
    fn day_time_and_position_are_read() {
        let time = at("2026-03-01T08:00:00Z");
        let mut asked = pb::AsOf {
            valid_date: Some(date_to_pb(date(2026, 2, 28))),
            known: Some(pb::as_of::Known::KnownTime(timestamp_to_pb(time))),
            min_position: 7,
        };
        let read = AsOf::read(Some(&asked)).unwrap();
        assert_eq!((read.valid_date, read.known, read.min_position), (Some(date(2026, 2, 28)), Known::Time(time), 7));
        asked.known = Some(pb::as_of::Known::KnownPosition(3));
        assert_eq!(AsOf::read(Some(&asked)).unwrap().known, Known::Position(3));
    }

    #[test]
    fn a_partial_date_and_position_zero_are_refused_by_name() {
        let partial = songhua_wire::google::type_::Date { year: 2026, month: 2, day: 0 };
        let asked = pb::AsOf { valid_date: Some(partial), ..Default::default() };
        let zero = pb::AsOf { known: Some(pb::as_of::Known::KnownPosition(0)), ..Default::default() };
        for (asked, field) in [(asked, "as_of.valid_date"), (zero, "as_of.known_position")] {
            let refused = AsOf::read(Some(&asked)).unwrap_err();
            assert_eq!((refused.reason, refused.violations[0].field.as_str()), (Reason::InvalidField, field));
        }
    }

    #[test]
    fn today_is_the_day_in_the_plans_time_zone() {
        let unset = AsOf::read(None).unwrap();
        let evening = at("2026-11-22T16:00:00Z");
        assert_eq!(unset.valid_date("Asia/Shanghai", evening), date(2026, 11, 23));
        assert_eq!(unset.valid_date("UTC", evening), date(2026, 11, 22));
        let pinned = Pinned { valid_date: date(2026, 1, 1), position: 5 };
        assert_eq!(AsOf { pinned: Some(pinned), ..unset }.valid_date("UTC", evening), date(2026, 1, 1));
    }
}
