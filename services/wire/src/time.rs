//! Days and moments: civil dates and timestamps, both ways.
//!
//! Place in the flow: used by every conversion, and by role crates for dates of requests and answers. It must not
//! know: which day is today, or in which time zone a plan lives.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::google;

/// First year that a date may have.
pub const YEAR_MIN: i32 = 1900;
/// Last year that a date may have.
pub const YEAR_MAX: i32 = 2200;

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// Why a date or a timestamp of a message is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// A part of the date is 0.
    #[error("year, month and day are all required")]
    Partial,
    /// Outside of [`YEAR_MIN`] to [`YEAR_MAX`].
    #[error("year {0} is not between {YEAR_MIN} and {YEAR_MAX}")]
    Year(i32),
    /// No calendar has it.
    #[error("there is no day {0:04}-{1:02}-{2:02}")]
    NoSuchDay(i32, i32, i32),
    /// Seconds or nanoseconds are out of range.
    #[error("seconds must lie between the years 0001 and 9999, nanos between 0 and 999999999")]
    NoSuchMoment,
}

/// A civil date as a message.
pub fn date_to_pb(date: Date) -> google::type_::Date {
    google::type_::Date { year: date.year().into(), month: date.month().into(), day: date.day().into() }
}

/// Reads a whole date that exists.
///
/// # Errors
/// [`TimeError`] if a part is missing, the year is out of range, or there is no such day.
pub fn date_from_pb(date: &google::type_::Date) -> Result<Date, TimeError> {
    let google::type_::Date { year, month, day } = *date;
    if year == 0 || month == 0 || day == 0 {
        return Err(TimeError::Partial);
    }
    if !(YEAR_MIN..=YEAR_MAX).contains(&year) {
        return Err(TimeError::Year(year));
    }
    let missing = TimeError::NoSuchDay(year, month, day);
    let year = i16::try_from(year).map_err(|_| missing)?;
    let (month, day) = (i8::try_from(month).map_err(|_| missing)?, i8::try_from(day).map_err(|_| missing)?);
    Date::new(year, month, day).map_err(|_| missing)
}

/// A moment as a message; nanoseconds count forward, also before 1970.
pub fn timestamp_to_pb(moment: Timestamp) -> pbjson_types::Timestamp {
    let nanos = moment.as_nanosecond();
    // A jiff timestamp lies between the years -9999 and 9999: both parts always fit.
    pbjson_types::Timestamp {
        seconds: i64::try_from(nanos.div_euclid(NANOS_PER_SECOND)).unwrap_or_default(),
        nanos: i32::try_from(nanos.rem_euclid(NANOS_PER_SECOND)).unwrap_or_default(),
    }
}

/// A moment in microseconds since 1970-01-01 UTC; none beyond the calendar.
pub fn micros_to_pb(time_us: i64) -> Option<pbjson_types::Timestamp> {
    Timestamp::from_microsecond(time_us).ok().map(timestamp_to_pb)
}

/// Reads a moment.
///
/// # Errors
/// [`TimeError::NoSuchMoment`] if it is out of range.
pub fn timestamp_from_pb(moment: &pbjson_types::Timestamp) -> Result<Timestamp, TimeError> {
    let nanos = i128::from(moment.nanos);
    if !(0..NANOS_PER_SECOND).contains(&nanos) {
        return Err(TimeError::NoSuchMoment);
    }
    Timestamp::from_nanosecond(i128::from(moment.seconds) * NANOS_PER_SECOND + nanos)
        .map_err(|_| TimeError::NoSuchMoment)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(year: i32, month: i32, day: i32) -> Result<Date, TimeError> {
        date_from_pb(&google::type_::Date { year, month, day })
    }

    #[test]
    fn a_date_has_three_parts_and_exists() {
        assert_eq!(date(2026, 12, 31), Ok(jiff::civil::date(2026, 12, 31)));
        assert_eq!(date(2024, 2, 29).map(date_to_pb), Ok(google::type_::Date { year: 2024, month: 2, day: 29 }));
        assert_eq!(date(2026, 2, 30), Err(TimeError::NoSuchDay(2026, 2, 30)));
        assert_eq!(date(2026, 300, 1), Err(TimeError::NoSuchDay(2026, 300, 1)));
        for partial in [(0, 1, 1), (2026, 0, 1), (2026, 1, 0)] {
            assert_eq!(date(partial.0, partial.1, partial.2), Err(TimeError::Partial));
        }
        assert_eq!(date(1899, 12, 31), Err(TimeError::Year(1899)));
        assert_eq!(date(2201, 1, 1), Err(TimeError::Year(2201)));
        assert!(date(1900, 1, 1).is_ok() && date(2200, 12, 31).is_ok());
    }

    #[test]
    fn a_moment_comes_back_as_it_went_out_also_before_1970() {
        for text in ["2026-12-31T15:59:59.123456789Z", "1969-12-31T23:59:59.5Z", "1970-01-01T00:00:00Z"] {
            let moment: Timestamp = text.parse().unwrap();
            let pb = timestamp_to_pb(moment);
            assert!((0..1_000_000_000).contains(&pb.nanos));
            assert_eq!(timestamp_from_pb(&pb), Ok(moment));
        }
        for moment in [Timestamp::MIN, Timestamp::MAX] {
            assert_eq!(timestamp_from_pb(&timestamp_to_pb(moment)), Ok(moment));
        }
        for (seconds, nanos) in [(0, -1), (0, 1_000_000_000), (i64::MAX, 0), (i64::MIN, 0)] {
            assert!(timestamp_from_pb(&pbjson_types::Timestamp { seconds, nanos }).is_err());
        }
    }
}
