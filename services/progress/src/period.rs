//! ListReportingPeriods: reporting periods, and who has reported for them.
//!
//! Place in the flow: opened periods, and what is owed at their ends → `ReportingPeriod`. It must not know what a closed
//! period refuses.

use songhua_domain::vocabulary::Frequency;
use songhua_views::Target;
use songhua_wire::code::Code;
use songhua_wire::pb;
use songhua_wire::time::date_to_pb;

use crate::duty;
use crate::filter::{Field, Filter, Kind, Value, field};
use crate::name;
use crate::opened::{Period, Periods};
use crate::page::Page;
use crate::plan::size;
use crate::reading::Reading;
use crate::refusal::Refused;

/// What periods can be filtered by.
pub(crate) const FIELDS: &[Field] =
    &[field("frequency", Kind::Code(|text| Frequency::from_code(text).map(drop))), field("open", Kind::Bool)];
/// Most targets that are named as missing.
const MISSING_MAX: usize = 100;

/// A page of periods.
pub(crate) fn list(
    reading: &Reading,
    filter: &Filter,
    page: &Page,
) -> Result<pb::ListReportingPeriodsResponse, Refused> {
    let Periods(mut all) = Periods::read(reading)?;
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

fn to_pb(reading: &Reading, period: &Period) -> Result<pb::ReportingPeriod, Refused> {
    let opened = &period.opened;
    let of_frequency = |target: &Target| {
        let schedule = reading.model.schedule(&target.definition.indicator);
        schedule.is_some_and(|schedule| schedule.frequency == opened.frequency)
    };
    let expected = duty::of_period(reading, opened.end, of_frequency)?;
    let answer = pb::ReportingPeriod {
        name: name::of_reporting_period(&reading.plan, &opened.period),
        frequency: opened.frequency.to_wire(),
        start_date: Some(date_to_pb(opened.start)),
        end_date: Some(date_to_pb(opened.end)),
        due_date: Some(date_to_pb(opened.due_date)),
        note: opened.note.clone(),
        open: period.closed.is_none(),
        reason: period.closed.as_ref().map(|closed| closed.reason.clone()).unwrap_or_default(),
        expected_count: size(expected.len()),
        reported_count: size(expected.iter().filter(|owed| owed.reported).count()),
        nothing_count: size(expected.iter().filter(|owed| owed.nothing && !owed.reported).count()),
        missing: Vec::new(),
    };
    let missing = expected.iter().filter(|owed| !owed.reported && !owed.nothing).take(MISSING_MAX);
    let missing = missing.map(|owed| owed.to_pb(reading));
    Ok(pb::ReportingPeriod { missing: missing.collect::<Result<_, _>>()?, ..answer })
}
