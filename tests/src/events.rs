//! Events as an agency's program would build them.

use songhua_wire::google::type_::Date;
use songhua_wire::pb;
use songhua_wire::pb::event_input::Payload;
use uuid::Uuid;

/// The plan that tests use unless they say otherwise.
pub const PLAN: &str = "plans/harbin-2022-2026";

/// A civil date.
pub const fn date(year: i32, month: i32, day: i32) -> Date {
    Date { year, month, day }
}

/// An event with a fresh id.
pub fn event(payload: Payload) -> pb::EventInput {
    pb::EventInput { event_id: Uuid::new_v4().to_string(), payload: Some(payload), ..Default::default() }
}

/// A level at a day: `STOCK_AT`.
pub fn stock(area: &str, indicator: &str, as_of: Date, value: &str) -> pb::EventInput {
    event(Payload::MeasurementReported(pb::MeasurementReported {
        area: area.to_owned(),
        indicator: indicator.to_owned(),
        dimension: String::new(),
        basis: pb::Basis::StockAt.into(),
        period: Some(pb::ReferencePeriod { start: None, end: Some(as_of) }),
        figure: Some(pb::Figure { kind: Some(pb::figure::Kind::Value(value.to_owned())) }),
        unit_multiplier: 0,
        obs_status: pb::ObsStatus::Unvalidated.into(),
    }))
}

/// The same level for a dimension such as `district=d7`: many of them can stand beside each other.
pub fn dimension(area: &str, indicator: &str, dimension: &str, as_of: Date, value: &str) -> pb::EventInput {
    let mut event = stock(area, indicator, as_of, value);
    if let Some(Payload::MeasurementReported(reported)) = &mut event.payload {
        reported.dimension = dimension.to_owned();
    }
    event
}

/// An agency.
pub fn agency(id: &str, name: &str) -> pb::EventInput {
    let display_name = Some(pb::Name { zh: name.to_owned(), en: String::new() });
    event(Payload::AgencyRegistered(pb::AgencyRegistered { agency: id.to_owned(), display_name, uscc: String::new() }))
}

/// An agency answers for an area.
pub fn assigned(agency: &str, role: pb::AssignmentRole, scope: pb::scope::Kind) -> pb::EventInput {
    event(Payload::AgencyAssigned(pb::AgencyAssigned {
        agency: agency.to_owned(),
        role: role.into(),
        scope: Some(pb::Scope { kind: Some(scope) }),
    }))
}

/// A request with these events.
pub fn submit(events: Vec<pb::EventInput>) -> pb::SubmitRequest {
    pb::SubmitRequest { parent: PLAN.to_owned(), events, ..Default::default() }
}
