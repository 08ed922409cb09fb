//! ListStaleness: who has not reported, longest overdue first.
//!
//! Place in the flow: reading → what is owed → `Duty`. It must not know when a figure is due.

use std::cmp::Reverse;

use jiff::civil::Date;
use songhua_domain::vocabulary::Frequency;
use songhua_wire::pb;

use crate::duty::{Owed, duties, of_period};
use crate::filter::{Field, Filter, Kind, Value, field};
use crate::page::Page;
use crate::plan::size;
use crate::reading::Reading;
use crate::refusal::{self, Refused};

/// What duties can be filtered by.
pub(crate) const FIELDS: &[Field] = &[
    field("area", Kind::Id),
    field("indicator", Kind::Id),
    field("agency", Kind::Id),
    field("frequency", Kind::Code(|text| Frequency::from_code(text).map(drop))),
    field("overdue", Kind::Bool),
];

/// A page of what is owed: now, or for the period that ends on `period_end`.
pub(crate) fn list(
    reading: &Reading,
    period_end: Option<Date>,
    filter: &Filter,
    page: &Page,
) -> Result<pb::ListStalenessResponse, Refused> {
    let mut all = match period_end {
        Some(end) => missing(reading, end)?,
        None => duties(reading)?,
    };
    all.retain(|owed| filter.matches(|field| value_of(reading, owed, field)));
    // Stable: those that are late alike stay in the order of their numbers.
    all.sort_by_key(|owed| Reverse(owed.days_overdue(reading)));
    let cut = page.cut(&all, reading);
    Ok(pb::ListStalenessResponse {
        duties: cut.items.iter().map(|owed| owed.to_pb(reading)).collect::<Result<_, _>>()?,
        next_page_token: cut.next_page_token,
        total_size: cut.total_size,
        overdue_count: size(all.iter().filter(|owed| owed.days_overdue(reading) > 0).count()),
        state: Some(reading.state()),
    })
}

/// What was not reported for a period. A day on which none ends would look as if everybody had reported.
fn missing(reading: &Reading, end: Date) -> Result<Vec<Owed<'_>>, Refused> {
    let ends = end == end.last_of_month()
        || reading.model.targets.values().any(|target| target.definition.effective_deadline == end);
    if !ends {
        return Err(refusal::invalid_field("period_end", &format!("no period ends on {end}")));
    }
    let mut all = of_period(reading, end)?;
    all.retain(|owed| !owed.reported);
    Ok(all)
}

fn value_of(reading: &Reading, owed: &Owed<'_>, field: &str) -> Option<Value> {
    let set = &owed.scored.target.definition;
    match field {
        "area" => Some(set.area.as_str().into()),
        "indicator" => Some(set.indicator.as_str().into()),
        "agency" => owed.agency.map(|agency| agency.as_str().into()),
        "frequency" => Some(owed.frequency.code().into()),
        "overdue" => Some(Value::Bool(owed.days_overdue(reading) > 0)),
        _ => None,
    }
}
