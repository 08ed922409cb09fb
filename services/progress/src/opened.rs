//! Reporting periods: which are opened, until when figures are due in them, which are closed again.
//!
//! Place in the flow: facts recorded up to the day → periods, for their board, and for what is owed. It must not know who
//! has reported.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::civil::Date;
use songhua_domain::event::ReportingPeriodOpened;
use songhua_domain::id::ReportingPeriodId;
use songhua_domain::vocabulary::Frequency;
use songhua_views::{FactKind, Said};

use crate::reading::Reading;
use crate::refusal::Refused;

/// A period as it stood at the end of the reading's day.
pub(crate) struct Period {
    /// What was said when it was opened last.
    pub(crate) opened: ReportingPeriodOpened,
    /// Its closing; none = it is open.
    pub(crate) closed: Option<Closed>,
}

/// The closing of a period.
pub(crate) struct Closed {
    /// The day on which it was recorded; none before the first day was opened.
    day: Option<Date>,
    /// Why.
    pub(crate) reason: String,
}

/// All periods: the last to end first; of those that end on one day the last to start.
pub(crate) struct Periods(pub(crate) Vec<Period>);

impl Periods {
    /// Reads them.
    pub(crate) fn read(reading: &Reading) -> Result<Self, Refused> {
        let recorded = reading.recorded()?;
        let mut all: BTreeMap<ReportingPeriodId, Period> = BTreeMap::new();
        for fact in reading.facts(FactKind::Periods)?.iter().take_while(|fact| fact.position <= recorded) {
            match &fact.row.said {
                Said::PeriodOpened(opened) => {
                    all.insert(opened.period.clone(), Period { opened: opened.clone(), closed: None });
                }
                Said::PeriodClosed(closed) => {
                    if let Some(period) = all.get_mut(&closed.period) {
                        period.closed = Some(Closed { day: fact.row.recorded_day, reason: closed.reason.clone() });
                    }
                }
                _ => {}
            }
        }
        let mut all: Vec<Period> = all.into_values().collect();
        all.sort_by_key(|period| Reverse((period.opened.end, period.opened.start)));
        Ok(Self(all))
    }

    /// When figures of the period that ends on `end` are due, where one was opened.
    pub(crate) fn due(&self, frequency: Frequency, end: Date) -> Option<Date> {
        let period = self.0.iter().find(|one| one.opened.frequency == frequency && one.opened.end == end)?;
        Some(period.opened.due_date)
    }

    /// Since when no figure of `date` is taken, where its period is closed. Periods of a frequency share no day.
    pub(crate) fn closed_on(&self, frequency: Frequency, date: Date) -> Option<Date> {
        let holds =
            |one: &&Period| one.opened.frequency == frequency && one.opened.start <= date && date <= one.opened.end;
        let period = self.0.iter().find(holds)?;
        period.closed.as_ref().map(|closed| closed.day.unwrap_or(period.opened.end))
    }
}
