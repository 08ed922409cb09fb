//! ListStaleness: who has not reported, longest overdue first.
//!
//! Place in the flow: reading → what is owed → `Duty`. It must not know when a figure is due.

use std::cmp::Reverse;

use jiff::civil::Date;
use songhua_domain::vocabulary::Frequency;
use songhua_views::Target;
use songhua_wire::pb;

use crate::duty::{Owed, duties, is_period_end, of_period, period_ends_around};
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
    field(OVERDUE, Kind::Bool),
];
const OVERDUE: &str = "overdue";

/// A page of what is owed: now, or for the period that ends on `period_end`.
pub(crate) fn list(
    reading: &Reading,
    period_end: Option<Date>,
    filter: &Filter,
    page: &Page,
) -> Result<pb::ListStalenessResponse, Refused> {
    // Targets are picked before they are scored.
    let (of_days, of_target) = filter.clone().split(&[OVERDUE]);
    let wanted = |target: &Target| of_target.matches(|field| value_of(reading, target, field));
    let mut all = match period_end {
        Some(end) => missing(reading, end, wanted)?,
        None => duties(reading, wanted)?,
    };
    all.retain(|owed| of_days.matches(|_| Some(Value::Bool(owed.days_overdue(reading) > 0))));
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
fn missing(reading: &Reading, end: Date, wanted: impl Fn(&Target) -> bool) -> Result<Vec<Owed<'_>>, Refused> {
    if !is_period_end(reading, end)? {
        return Err(refusal::no_period_end(end, &period_ends_around(reading, end)?));
    }
    let mut all = of_period(reading, end, wanted)?;
    all.retain(|owed| !owed.reported);
    Ok(all)
}

fn value_of(reading: &Reading, target: &Target, field: &str) -> Option<Value> {
    let (set, model) = (&target.definition, &reading.model);
    match field {
        "area" => Some(set.area.as_str().into()),
        "indicator" => Some(set.indicator.as_str().into()),
        "agency" => model.lead_of_target(&set.area, &set.indicator).map(|agency| agency.as_str().into()),
        "frequency" => model.schedule(&set.indicator).map(|schedule| schedule.frequency.code().into()),
        _ => None,
    }
}
