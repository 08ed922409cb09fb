//! Whole days between dates, and the ends of reporting periods.
//!
//! Place in the flow: every other part of scoring counts days here, so that one rule of counting holds (SCORING §3:
//! day counts are plain date differences). It must not know: targets, observations, today's date.

use jiff::SignedDuration;
use jiff::civil::Date;

use crate::vocabulary::Frequency;

/// Days from `from` to `to`; negative where `to` lies before.
pub(super) fn between(from: Date, to: Date) -> i64 {
    from.duration_until(to).as_hours() / 24
}

/// The date `days` after `date` (before, if negative), held at the ends of the calendar.
pub(super) fn plus(date: Date, days: i64) -> Date {
    date.saturating_add(SignedDuration::from_secs(days.saturating_mul(86_400)))
}

/// The day before `date`, held at the end of the calendar: where a count that starts on `date` is still zero (§2, §3).
#[inline]
pub(super) fn eve(date: Date) -> Date {
    date.yesterday().unwrap_or(date)
}

/// First month, quarter or year end strictly after `date`; none at the end of the calendar (§5 row 7).
pub fn period_end_after(date: Date, frequency: Frequency) -> Option<Date> {
    let next = date.tomorrow().ok()?;
    match frequency {
        Frequency::Month => Some(next.last_of_month()),
        Frequency::Quarter => {
            let last_month = (next.month() + 2) / 3 * 3;
            Date::new(next.year(), last_month, 1).ok().map(Date::last_of_month)
        }
        Frequency::Year => Some(next.last_of_year()),
    }
}

/// Last day on which a figure of `period_end` is not yet overdue: release lag and grace later (§5 rows 4, 7).
pub fn due(period_end: Date, release_lag_days: u32, grace_days: u32) -> Date {
    plus(period_end, i64::from(release_lag_days) + i64::from(grace_days))
}
