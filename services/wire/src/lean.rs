//! Records of figures, read without building them: what comes by the million when views are rebuilt.
//!
//! Place in the flow: the projector tries this first, and reads everything else with [`crate::record`]. What is read here
//! is exactly what is read there; whatever is unusual (a field out of order, evidence, a long number) is left to it, and
//! so is every refusal. It must not know: what becomes of a figure.

mod fields;

use jiff::civil::Date;
use songhua_domain::event::{Event, Figure, Payload, ReferencePeriod, TOTAL};
use songhua_domain::id::{AgencyId, is_slug};
use songhua_domain::quantity::{Decimal, parse_decimal};
use songhua_domain::vocabulary::{Basis, ObsStatus, Role};
use uuid::Uuid;

use crate::code::Code;
use crate::event::measurement::is_pair;
use crate::field::uuid_from_text;
use crate::google;
use crate::record::{READER_VERSION, SCHEMA_VERSION};
use crate::time::date_from_pb;
use fields::Fields;

/// What an event says of a figure, and who says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FigureEvent<'a> {
    /// When it was recorded, microseconds since 1970-01-01 UTC.
    pub recorded_time_us: i64,
    /// Whose word it is: the agency an operator filed it for, else the actor's own; empty for plan office and server.
    pub agency: &'a str,
    /// 补录.
    pub back_dated: bool,
    /// Its id.
    pub event_id: Uuid,
    /// What it says.
    pub said: Said<'a>,
}

/// What is said of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said<'a> {
    /// There is one.
    Reported {
        /// Area, indicator, dimension.
        series: [&'a str; 3],
        /// What it covers.
        basis: Basis,
        /// What time it is of.
        period: ReferencePeriod,
        /// The number.
        figure: Figure,
        /// How good it is.
        obs_status: ObsStatus,
    },
    /// Another one takes its place: it was wrong.
    Corrected(Change<'a>),
    /// Another one takes its place: better data came.
    Revised(Change<'a>),
    /// It should not have been sent.
    Retracted {
        /// Its event.
        measurement: Uuid,
        /// Why.
        reason: &'a str,
    },
}

/// A figure in place of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change<'a> {
    /// The other's event.
    pub measurement: Uuid,
    /// The number.
    pub figure: Figure,
    /// How good it is.
    pub obs_status: ObsStatus,
    /// Why.
    pub reason: &'a str,
}

/// What the envelope of a record names: ids and a resource name, as they stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Names<'a> {
    /// The area it is about; empty = none.
    pub area: &'a [u8],
    /// Resource name it is about.
    pub subject: &'a [u8],
    /// The agency that sent it and the one it was filed for; empty = none.
    pub agencies: [&'a [u8]; 2],
}

impl<'a> Names<'a> {
    /// Reads them of a record that [`FigureEvent`] can read, so that they are texts; none of others.
    pub fn read(record: &'a [u8]) -> Option<Self> {
        let mut fields = Fields::of(record);
        fields.number(1)?;
        fields.number(2)?;
        fields.bytes(3)?;
        let (area, subject) = (fields.bytes(4)?, fields.bytes(5)?);
        fields.bytes(6)?;
        let mut actor = fields.message(7)?;
        actor.bytes(1)?;
        let own = actor.bytes(2)?;
        actor.number(3)?;
        actor.bytes(4)?;
        Some(Self { area, subject, agencies: [own, actor.bytes(5)?] })
    }
}

impl<'a> FigureEvent<'a> {
    /// Token of its event type.
    pub const fn type_token(&self) -> &'static str {
        match self.said {
            Said::Reported { .. } => "measurement.reported",
            Said::Corrected(_) => "measurement.corrected",
            Said::Revised(_) => "measurement.revised",
            Said::Retracted { .. } => "measurement.retracted",
        }
    }

    /// What an event that was built says of a figure; none if it is of another type.
    pub fn of(event: &'a Event) -> Option<Self> {
        let said = match &event.input.payload {
            Payload::MeasurementReported(it) => Said::Reported {
                series: [it.area.as_str(), it.indicator.as_str(), &it.dimension],
                basis: it.basis,
                period: it.period,
                figure: it.figure,
                obs_status: it.obs_status,
            },
            Payload::MeasurementCorrected(it) => Said::Corrected(Change {
                measurement: it.measurement,
                figure: it.figure,
                obs_status: it.obs_status,
                reason: &it.reason,
            }),
            Payload::MeasurementRevised(it) => Said::Revised(Change {
                measurement: it.measurement,
                figure: it.figure,
                obs_status: it.obs_status,
                reason: &it.reason,
            }),
            Payload::MeasurementRetracted(it) => Said::Retracted { measurement: it.measurement, reason: &it.reason },
            _ => return None,
        };
        let agency = event.actor.on_behalf_of.as_ref().or(event.actor.agency.as_ref());
        Some(Self {
            recorded_time_us: event.recorded_time.as_microsecond(),
            agency: agency.map(AgencyId::as_str).unwrap_or_default(),
            back_dated: event.back_dated,
            event_id: event.input.event_id,
            said,
        })
    }

    /// Reads a record; none = read it with [`crate::record`].
    pub fn read(record: &'a [u8]) -> Option<Self> {
        let mut fields = Fields::of(record);
        let schema_version = fields.number(1)?;
        let min_reader = fields.number(2)?;
        let readable = (1..=SCHEMA_VERSION).contains(&u32::try_from(schema_version).ok()?)
            && (1..=READER_VERSION).contains(&u32::try_from(min_reader).ok()?);
        if !readable || !is_slug(fields.text(3)?) || !is_optional_slug(fields.text(4)?) {
            return None;
        }
        // The subject may be any text.
        fields.text(5)?;
        let recorded_time_us = micros(fields.optional(6)??)?;
        let agency = agency(fields.message(7)?)?;
        uuid_from_text(fields.text(8)?).ok()?;
        u32::try_from(fields.number(9)?).ok()?;
        u32::try_from(fields.number(10)?).ok()?;
        let back_dated = truth(fields.number(11)?)?;
        let input = fields.message(12)?;
        fields.text(13)?;
        fields.end()?;
        let (event_id, said) = said(input)?;
        Some(Self { recorded_time_us, agency, back_dated, event_id, said })
    }
}

fn is_optional_slug(text: &str) -> bool {
    text.is_empty() || is_slug(text)
}

const fn truth(number: u64) -> Option<bool> {
    match number {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

/// A timestamp from 1970 on in whole microseconds.
fn micros(mut fields: Fields<'_>) -> Option<i64> {
    /// In the year 9987: well within the calendar.
    const SECONDS_MAX: u64 = 253_000_000_000;
    let (seconds, nanos) = (fields.number(1)?, fields.number(2)?);
    fields.end()?;
    if seconds > SECONDS_MAX || nanos >= 1_000_000_000 || !nanos.is_multiple_of(1_000) {
        return None;
    }
    i64::try_from(seconds * 1_000_000 + nanos / 1_000).ok()
}

/// Whose word it is.
fn agency(mut actor: Fields<'_>) -> Option<&str> {
    actor.text(1)?;
    let own = actor.text(2)?;
    Role::from_wire(i32::try_from(actor.number(3)?).ok()?).ok()?;
    let digest = actor.bytes(4)?;
    let on_behalf_of = actor.text(5)?;
    actor.end()?;
    let sound = digest.len() == 32 && is_optional_slug(own) && is_optional_slug(on_behalf_of);
    sound.then_some(if on_behalf_of.is_empty() { own } else { on_behalf_of })
}

fn said(mut input: Fields<'_>) -> Option<(Uuid, Said<'_>)> {
    let event_id = uuid_from_text(input.text(1)?).ok()?;
    // No effective date (2), no evidence (5).
    input.text(3)?;
    input.text(4)?;
    input.text(6)?;
    let causation = input.text(7)?;
    if !causation.is_empty() {
        uuid_from_text(causation).ok()?;
    }
    let mut staff = input.message(8)?;
    (1..=3).try_for_each(|tag| staff.text(tag).map(drop))?;
    staff.end()?;
    let (tag, payload) = input.last_message()?;
    let said = match tag {
        37 => reported(payload)?,
        38 => Said::Corrected(change(payload)?),
        39 => retracted(payload)?,
        58 => Said::Revised(change(payload)?),
        _ => return None,
    };
    Some((event_id, said))
}

fn reported(mut payload: Fields<'_>) -> Option<Said<'_>> {
    let (area, indicator, dimension) = (payload.text(1)?, payload.text(2)?, payload.text(3)?);
    let dimension = if dimension.is_empty() { TOTAL } else { dimension };
    if !is_slug(area) || !is_slug(indicator) || !(dimension == TOTAL || is_pair(dimension)) {
        return None;
    }
    let basis = Basis::from_wire(i32::try_from(payload.number(4)?).ok()?).ok()?;
    let period = period(payload.message(5)?)?;
    let figure = figure(payload.message(6)?)?;
    u32::try_from(payload.number(7)?).ok()?;
    let obs_status = obs_status(payload.number(8)?)?;
    payload.end()?;
    Some(Said::Reported { series: [area, indicator, dimension], basis, period, figure, obs_status })
}

fn change(mut payload: Fields<'_>) -> Option<Change<'_>> {
    let measurement = uuid_from_text(payload.text(1)?).ok()?;
    let figure = figure(payload.message(2)?)?;
    let obs_status = obs_status(payload.number(3)?)?;
    let reason = payload.text(4)?;
    payload.end()?;
    Some(Change { measurement, figure, obs_status, reason })
}

fn retracted(mut payload: Fields<'_>) -> Option<Said<'_>> {
    let measurement = uuid_from_text(payload.text(1)?).ok()?;
    let reason = payload.text(2)?;
    payload.end()?;
    Some(Said::Retracted { measurement, reason })
}

fn obs_status(number: u64) -> Option<ObsStatus> {
    if number == 0 {
        return Some(ObsStatus::Unvalidated);
    }
    ObsStatus::from_wire(i32::try_from(number).ok()?).ok()
}

fn period(mut fields: Fields<'_>) -> Option<ReferencePeriod> {
    let start = match fields.optional(1)? {
        Some(start) => Some(date(start)?),
        None => None,
    };
    let end = date(fields.message(2)?)?;
    fields.end()?;
    match start {
        None => Some(ReferencePeriod::AsOf(end)),
        Some(start) => (start <= end).then_some(ReferencePeriod::Period { start, end }),
    }
}

fn date(mut fields: Fields<'_>) -> Option<Date> {
    let mut part = |tag| i32::try_from(fields.number(tag)?).ok();
    let date = google::type_::Date { year: part(1)?, month: part(2)?, day: part(3)? };
    fields.end()?;
    date_from_pb(&date).ok()
}

fn figure(mut fields: Fields<'_>) -> Option<Figure> {
    let (tag, value) = fields.last_bytes()?;
    match tag {
        1 => decimal(std::str::from_utf8(value).ok()?).map(Figure::Value),
        2 => {
            let mut fraction = Fields::of(value);
            let (numerator, denominator) = (decimal(fraction.text(1)?)?, decimal(fraction.text(2)?)?);
            fraction.end()?;
            Some(Figure::Fraction { numerator, denominator })
        }
        _ => None,
    }
}

/// The common kind of number by itself: few digits, at most one point between them, no sign.
fn decimal(text: &str) -> Option<Decimal> {
    let (mut digits, mut point) = (0_i64, None);
    let short = text.len() <= 16 && text.starts_with(|first: char| first.is_ascii_digit());
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            b'0'..=b'9' if short => digits = digits * 10 + i64::from(byte - b'0'),
            b'.' if short && point.is_none() && place + 1 < text.len() => point = Some(place),
            _ => return parse_decimal(text).ok(),
        }
    }
    let decimals = point.map_or(0, |point| text.len() - point - 1);
    if !short || decimals > 8 {
        return parse_decimal(text).ok();
    }
    Some(Decimal::new(digits, u32::try_from(decimals).ok()?))
}
