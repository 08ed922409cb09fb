//! Entries of series in few bytes.
//!
//! Place in the flow: payloads of the blocks of a series. An agency is written out where a block names it first, then
//! by its number in the block: so entries are read from the front of a block. It must not know what is left of a figure.
//!
//! ```text
//! event id 16 | kind + 16 × basis | obs_status + 8 × figure + 32 × start? + 64 × back_dated | time | end | [end − start]
//! | [position − of] | [figure] | agency | reason
//! ```

use jiff::civil::Date;
use songhua_domain::id::AgencyId;
use songhua_domain::quantity::Decimal;
use songhua_domain::vocabulary::{Basis, ObsStatus};
use uuid::Uuid;

use crate::error::ViewsError;
use crate::row::unreadable;
use crate::series::{Entry, EntryFigure, EntryKind};
use crate::varint::{put, put_signed, put_wide, take, take_bytes, take_signed, take_wide};

/// 2020-01-01T00:00:00Z: times and days count from here, so that they are short.
const EPOCH_US: i64 = 1_577_836_800_000_000;
const EPOCH: Date = jiff::civil::date(2020, 1, 1);

/// The number of an entry, borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FigureRef<'a> {
    /// None: the entry speaks of another.
    None,
    /// One number.
    Value(Decimal),
    /// Part and whole.
    Fraction(Decimal, Decimal),
    /// An assessed step.
    Step(&'a str),
}

/// An [`Entry`], borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryRef<'a> {
    /// Its event.
    pub position: u64,
    /// When it was recorded, microseconds since 1970-01-01 UTC.
    pub recorded_time_us: i64,
    /// What it says.
    pub kind: EntryKind,
    /// What the figure covers.
    pub basis: Basis,
    /// First day of the period; none for a level.
    pub start: Option<Date>,
    /// The reference date.
    pub end: Date,
    /// The number.
    pub figure: FigureRef<'a>,
    /// How good it is.
    pub obs_status: ObsStatus,
    /// 补录.
    pub back_dated: bool,
    /// Who it is from; empty for the plan office and the server.
    pub agency: &'a str,
    /// Its event's id.
    pub event_id: Uuid,
    /// Why, or what was found; empty where nothing was said.
    pub reason: &'a str,
}

impl Entry {
    /// The same, borrowed.
    pub fn borrowed(&self) -> EntryRef<'_> {
        EntryRef {
            position: self.position,
            recorded_time_us: self.recorded_time_us,
            kind: self.kind,
            basis: self.basis,
            start: self.start,
            end: self.end,
            figure: match &self.figure {
                EntryFigure::None => FigureRef::None,
                EntryFigure::Value(value) => FigureRef::Value(*value),
                EntryFigure::Fraction { numerator, denominator } => FigureRef::Fraction(*numerator, *denominator),
                EntryFigure::Step(step) => FigureRef::Step(step),
            },
            obs_status: self.obs_status,
            back_dated: self.back_dated,
            agency: self.agency.as_ref().map(AgencyId::as_str).unwrap_or_default(),
            event_id: self.event_id,
            reason: &self.reason,
        }
    }
}

/// Writes `entry` to `to`. `agencies` are those that the block has named, in order.
pub(crate) fn pack(to: &mut Vec<u8>, entry: &EntryRef<'_>, agencies: &mut Vec<AgencyId>) -> Result<(), ViewsError> {
    to.extend_from_slice(entry.event_id.as_bytes());
    let (kind, of) = kind_code(entry.kind);
    to.push(kind | basis_code(entry.basis) << 4);
    let figure = match entry.figure {
        FigureRef::None => 0,
        FigureRef::Value(_) => 1,
        FigureRef::Fraction(..) => 2,
        FigureRef::Step(_) => 3,
    };
    let start = u8::from(entry.start.is_some());
    to.push(status_code(entry.obs_status) | figure << 3 | start << 5 | u8::from(entry.back_dated) << 6);
    put_signed(to, entry.recorded_time_us.wrapping_sub(EPOCH_US));
    put_signed(to, days_between(EPOCH, entry.end));
    if let Some(start) = entry.start {
        put_signed(to, days_between(start, entry.end));
    }
    if let Some(of) = of {
        put(to, entry.position.wrapping_sub(of));
    }
    match entry.figure {
        FigureRef::None => {}
        FigureRef::Value(value) => put_decimal(to, value),
        FigureRef::Fraction(numerator, denominator) => {
            put_decimal(to, numerator);
            put_decimal(to, denominator);
        }
        FigureRef::Step(step) => put_text(to, step),
    }
    put_agency(to, entry.agency, agencies)?;
    to.extend_from_slice(entry.reason.as_bytes());
    Ok(())
}

fn put_agency(to: &mut Vec<u8>, agency: &str, agencies: &mut Vec<AgencyId>) -> Result<(), ViewsError> {
    if agency.is_empty() {
        put(to, 0);
    } else if let Some(number) = agencies.iter().position(|known| known.as_str() == agency) {
        put(to, number as u64 + 1);
    } else {
        put(to, agencies.len() as u64 + 1);
        put_text(to, agency);
        agencies.push(agency.parse().map_err(|_| unreadable(agency.as_bytes(), "is no agency"))?);
    }
    Ok(())
}

/// What is always at the front of an entry: its event's id.
pub(crate) fn event_id(payload: &[u8]) -> Option<Uuid> {
    payload.first_chunk::<16>().map(|bytes| Uuid::from_bytes(*bytes))
}

/// Reads the entry at `position`; `agencies` as in [`pack`], none where nobody asks who an entry is from, nor why.
pub(crate) fn unpack(
    key: &[u8],
    (position, payload): (u64, &[u8]),
    agencies: Option<&mut Vec<AgencyId>>,
) -> Result<Entry, ViewsError> {
    read(position, payload, agencies).ok_or_else(|| unreadable(key, "an entry of a series cannot be read"))
}

fn read(position: u64, mut rest: &[u8], agencies: Option<&mut Vec<AgencyId>>) -> Option<Entry> {
    let from = &mut rest;
    let event_id = Uuid::from_slice(take_bytes(from, 16)?).ok()?;
    let [kinds, marks] = *take_bytes(from, 2)?.first_chunk::<2>()?;
    let recorded_time_us = take_signed(from)?.wrapping_add(EPOCH_US);
    let end = plus_days(EPOCH, take_signed(from)?)?;
    let start = if marks & 0x20 == 0 { None } else { Some(plus_days(end, take_signed(from)?.checked_neg()?)?) };
    let of = if speaks(kinds & 0x0f) { position.checked_sub(take(from)?)? } else { 0 };
    let figure = match marks >> 3 & 3 {
        0 => EntryFigure::None,
        1 => EntryFigure::Value(take_decimal(from)?),
        2 => EntryFigure::Fraction { numerator: take_decimal(from)?, denominator: take_decimal(from)? },
        _ => EntryFigure::Step(take_text(from)?.to_owned()),
    };
    let agency = match (take(from)?, agencies) {
        (0, _) => None,
        // What follows the agency is of no use without it either.
        (_, None) => {
            *from = &[];
            None
        }
        (number, Some(agencies)) => {
            let number = usize::try_from(number).ok()?.checked_sub(1)?;
            if number == agencies.len() {
                agencies.push(take_text(from)?.parse().ok()?);
            }
            Some(agencies.get(number)?.clone())
        }
    };
    Some(Entry {
        position,
        recorded_time_us,
        kind: kind_of(kinds & 0x0f, of)?,
        basis: basis_of(kinds >> 4)?,
        start,
        end,
        figure,
        obs_status: status_of(marks & 7)?,
        back_dated: marks & 0x40 != 0,
        agency,
        event_id,
        reason: std::str::from_utf8(from).ok()?.to_owned(),
    })
}

fn days_between(from: Date, to: Date) -> i64 {
    from.duration_until(to).as_hours() / 24
}

fn plus_days(date: Date, days: i64) -> Option<Date> {
    date.checked_add(jiff::SignedDuration::from_secs(days.checked_mul(86_400)?)).ok()
}

fn put_text(to: &mut Vec<u8>, text: &str) {
    put(to, text.len() as u64);
    to.extend_from_slice(text.as_bytes());
}

fn take_text<'a>(from: &mut &'a [u8]) -> Option<&'a str> {
    let length = usize::try_from(take(from)?).ok()?;
    std::str::from_utf8(take_bytes(from, length)?).ok()
}

/// Sign and number of decimals, then the digits: every digit is kept.
fn put_decimal(to: &mut Vec<u8>, value: Decimal) {
    to.push(value.scale() as u8 | u8::from(value.is_sign_negative()) << 7);
    put_wide(to, value.mantissa().unsigned_abs());
}

fn take_decimal(from: &mut &[u8]) -> Option<Decimal> {
    let head = *take_bytes(from, 1)?.first()?;
    let digits = i128::try_from(take_wide(from)?).ok()?;
    let mut value = Decimal::try_from_i128_with_scale(digits, u32::from(head & 0x7f)).ok()?;
    value.set_sign_negative(head & 0x80 != 0);
    Some(value)
}

const fn kind_code(kind: EntryKind) -> (u8, Option<u64>) {
    match kind {
        EntryKind::Reported => (0, None),
        EntryKind::Assessed => (1, None),
        EntryKind::Nothing => (2, None),
        EntryKind::Corrected { of } => (8, Some(of)),
        EntryKind::Revised { of } => (9, Some(of)),
        EntryKind::Retracted { of } => (10, Some(of)),
        EntryKind::Verified { of } => (11, Some(of)),
        EntryKind::Rejected { of } => (12, Some(of)),
        EntryKind::Reopened { of } => (13, Some(of)),
    }
}

/// Whether an entry of this kind speaks of another.
const fn speaks(code: u8) -> bool {
    code & 8 != 0
}

const fn kind_of(code: u8, of: u64) -> Option<EntryKind> {
    Some(match code {
        0 => EntryKind::Reported,
        1 => EntryKind::Assessed,
        2 => EntryKind::Nothing,
        8 => EntryKind::Corrected { of },
        9 => EntryKind::Revised { of },
        10 => EntryKind::Retracted { of },
        11 => EntryKind::Verified { of },
        12 => EntryKind::Rejected { of },
        13 => EntryKind::Reopened { of },
        _ => return None,
    })
}

macro_rules! codes {
    ($to:ident, $from:ident, $code:ident { $($variant:ident $number:literal)* }) => {
        const fn $to(code: $code) -> u8 {
            match code { $($code::$variant => $number,)* }
        }
        const fn $from(number: u8) -> Option<$code> {
            match number { $($number => Some($code::$variant),)* _ => None }
        }
    };
}

codes!(basis_code, basis_of, Basis { StockAt 0 Period 1 YearToDate 2 PlanToDate 3 FullYear 4 });
codes!(status_code, status_of, ObsStatus { Normal 0 Break 1 Estimated 2 Provisional 3 LowReliability 4 Unvalidated 5 });
