//! ListReportingPeriods: reporting periods, and who has reported for them.
//!
//! Place in the flow: facts recorded up to the day → periods; what is owed at their ends → counts. It must not know what
//! a closed period refuses.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use songhua_domain::event::ReportingPeriodOpened;
use songhua_domain::id::ReportingPeriodId;
use songhua_domain::vocabulary::Frequency;
use songhua_views::{FactKind, Said};
use songhua_wire::code::Code;
use songhua_wire::pb;
use songhua_wire::time::date_to_pb;

use crate::duty::{self, Owed};
use crate::filter::{Field, Filter, Kind, Value, field};
use crate::name;
use crate::page::Page;
use crate::plan::size;
use crate::reading::Reading;
use crate::refusal::Refused;

/// What periods can be filtered by.
pub(crate) const FIELDS: &[Field] =
    &[field("frequency", Kind::Code(|text| Frequency::from_code(text).map(drop))), field("open", Kind::Bool)];
/// Most targets that are named as missing.
const MISSING_MAX: usize = 100;

/// A period as it stood at the end of the reading's day.
struct Period {
    opened: ReportingPeriodOpened,
    /// Why it was closed; none = it is open.
    closed: Option<String>,
}

/// A page of periods.
pub(crate) fn list(
    reading: &Reading,
    filter: &Filter,
    page: &Page,
) -> Result<pb::ListReportingPeriodsResponse, Refused> {
    let mut all = periods(reading)?;
    all.retain(|period| filter.matches(|field| value_of(period, field)));
    let cut = page.cut(&all, reading);
    Ok(pb::ListReportingPeriodsResponse {
        periods: cut.items.iter().map(|period| to_pb(reading, period)).collect::<Result<_, _>>()?,
        next_page_token: cut.next_page_token,
        total_size: cut.total_size,
        state: Some(reading.state()),
    })
}

fn value_of(period: &Period, field: &str) -> Option<Value> {
    match field {
        "frequency" => Some(period.opened.frequency.code().into()),
        "open" => Some(Value::Bool(period.closed.is_none())),
        _ => None,
    }
}

/// The last to end first; of those that end on one day the last to start.
fn periods(reading: &Reading) -> Result<Vec<Period>, Refused> {
    let recorded = reading.recorded()?;
    let mut all: BTreeMap<ReportingPeriodId, Period> = BTreeMap::new();
    for fact in reading.facts(FactKind::Periods)?.iter().take_while(|fact| fact.position <= recorded) {
        match &fact.row.said {
            Said::PeriodOpened(opened) => {
                all.insert(opened.period.clone(), Period { opened: opened.clone(), closed: None });
            }
            Said::PeriodClosed(closed) => {
                if let Some(period) = all.get_mut(&closed.period) {
                    period.closed = Some(closed.reason.clone());
                }
            }
            _ => {}
        }
    }
    let mut all: Vec<Period> = all.into_values().collect();
    all.sort_by_key(|period| Reverse((period.opened.end, period.opened.start)));
    Ok(all)
}

fn to_pb(reading: &Reading, period: &Period) -> Result<pb::ReportingPeriod, Refused> {
    let opened = &period.opened;
    let mut expected = duty::of_period(reading, opened.end)?;
    expected.retain(|owed| owed.frequency == opened.frequency);
    let answer = pb::ReportingPeriod {
        name: name::of_reporting_period(&reading.plan, &opened.period),
        frequency: opened.frequency.to_wire(),
        start_date: Some(date_to_pb(opened.start)),
        end_date: Some(date_to_pb(opened.end)),
        due_date: Some(date_to_pb(opened.due_date)),
        note: opened.note.clone(),
        open: period.closed.is_none(),
        reason: period.closed.clone().unwrap_or_default(),
        expected_count: size(expected.len()),
        reported_count: size(expected.iter().filter(|owed| owed.reported).count()),
        nothing_count: size(expected.iter().filter(|owed| owed.nothing && !owed.reported).count()),
        missing: Vec::new(),
    };
    // The period says when its figures are due, whatever the indicator's schedule says.
    let missing = expected.into_iter().filter(|owed| !owed.reported && !owed.nothing).take(MISSING_MAX);
    let missing = missing.map(|owed| Owed { due: opened.due_date, ..owed }.to_pb(reading));
    Ok(pb::ReportingPeriod { missing: missing.collect::<Result<_, _>>()?, ..answer })
}
