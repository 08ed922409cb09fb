//! Days and hours of the simulated offices, and the small hash that spreads them: no clock, no randomness.

use jiff::civil::{Date, Weekday};
use jiff::{SignedDuration, Timestamp, tz};

use super::scenario::Fault;

/// Hours east of UTC of every office in the plan.
const OFFSET_HOURS: i8 = 8;
/// Offices open at 08:30 …
const OPEN_MINUTE: u32 = 8 * 60 + 30;
/// … and send within so many minutes.
const OPEN_MINUTES: u32 = 8 * 60;

/// A number below `below` that depends on `of` only (FNV-1a).
pub(super) fn jitter(of: &str, below: u32) -> u32 {
    let hash = of.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (hash ^ (hash >> 15)) % below.max(1)
}

/// The day `days` after `date`.
pub(super) fn plus(date: Date, days: u32) -> Date {
    date.saturating_add(SignedDuration::from_hours(i64::from(days) * 24))
}

/// The day at `now`, as the offices see it.
pub(super) fn day_of(now: Timestamp) -> Date {
    tz::offset(OFFSET_HOURS).to_datetime(now).date()
}

/// `day`, or the Monday after it.
pub(super) fn working_day(day: Date) -> Date {
    match day.weekday() {
        Weekday::Saturday => plus(day, 2),
        Weekday::Sunday => plus(day, 1),
        _ => day,
    }
}

/// When `who` sends what it sends on `day`: always the same minute, so that it goes out together.
pub(super) fn sent(day: Date, who: &str) -> Result<Timestamp, Fault> {
    let minute = OPEN_MINUTE + jitter(&format!("{who}/{day}"), OPEN_MINUTES);
    let (hour, minute) = (i8::try_from(minute / 60), i8::try_from(minute % 60));
    let time = hour.ok().zip(minute.ok()).map(|(hour, minute)| day.at(hour, minute, 0, 0));
    let at = time.and_then(|time| tz::offset(OFFSET_HOURS).to_timestamp(time).ok());
    at.ok_or_else(|| Fault(format!("{day} is no day of this calendar")))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn an_office_sends_once_a_day_in_its_hours() {
        let at = sent(date(2024, 2, 29), "demo-clerk-hit").unwrap();
        assert_eq!(at, sent(date(2024, 2, 29), "demo-clerk-hit").unwrap());
        let local = tz::offset(OFFSET_HOURS).to_datetime(at);
        assert_eq!(local.date(), date(2024, 2, 29));
        assert!((8..17).contains(&local.hour()), "{local}");
    }

    #[test]
    fn a_weekend_moves_to_monday() {
        assert_eq!(working_day(date(2026, 11, 21)), date(2026, 11, 23));
        assert_eq!(working_day(date(2026, 11, 22)), date(2026, 11, 23));
        assert_eq!(working_day(date(2026, 11, 20)), date(2026, 11, 20));
    }
}
