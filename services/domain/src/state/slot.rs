//! The slot of a figure, and slots as numbers.
//!
//! Place in the flow: rules ask by [`Slot`]; pages hold [`Key`]s. It must not know: what is in a slot.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::event::ReferencePeriod;
use crate::vocabulary::Basis;

/// A basis and period: at most one live figure of a series is in it. Ordered by basis, then by last day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Slot {
    /// What the figure covers.
    pub basis: Basis,
    /// Reference date.
    pub end: Date,
    /// First day. None for a level, and for `PLAN_TO_DATE`, of which there is one a date whatever it is counted from.
    pub start: Option<Date>,
}

impl Slot {
    /// The slot of a figure.
    pub fn of(basis: Basis, period: ReferencePeriod) -> Self {
        let start = if basis == Basis::PlanToDate { None } else { period.start() };
        Self { basis, end: period.reference_date(), start }
    }

    /// The first slot of a basis that could end on `end`.
    pub(super) fn first_on(basis: Basis, end: Date) -> Self {
        Self { basis, end, start: None }
    }
}

/// A slot as a number, in the order of slots: the basis, the last day, the first day or 0. A day is year, month and day
/// side by side: days that follow each other are close, and no calendar is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Key(pub(super) u64);

const DAY_BITS: u32 = 24;
const DAY: u64 = (1 << DAY_BITS) - 1;
/// jiff's first year is -9999.
const YEAR_ZERO: i16 = 9_999;

impl Key {
    pub(super) const fn start(self) -> u64 {
        self.0 & DAY
    }

    pub(super) const fn end(self) -> u64 {
        self.0 >> DAY_BITS & DAY
    }

    pub(super) const fn basis(self) -> u64 {
        self.0 >> (2 * DAY_BITS)
    }

    /// That of the same basis with those days.
    pub(super) const fn at(self, end: u64, start: u64) -> Self {
        Self(self.basis() << (2 * DAY_BITS) | (end & DAY) << DAY_BITS | start & DAY)
    }

    /// The next one in order.
    pub(super) const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// None for what is no slot.
    pub(super) fn slot(self) -> Option<Slot> {
        let basis = *Basis::ALL.get(usize::try_from(self.basis()).ok()?)?;
        let start = if self.start() == 0 { None } else { Some(date(self.start())?) };
        Some(Slot { basis, end: date(self.end())?, start })
    }
}

impl From<Slot> for Key {
    fn from(slot: Slot) -> Self {
        let basis = (slot.basis as u64) << (2 * DAY_BITS);
        Self(basis | number(slot.end) << DAY_BITS | slot.start.map_or(0, number))
    }
}

fn number(date: Date) -> u64 {
    let year = (date.year() + YEAR_ZERO).cast_unsigned();
    u64::from(year) << 9 | u64::from(date.month().cast_unsigned()) << 5 | u64::from(date.day().cast_unsigned())
}

fn date(number: u64) -> Option<Date> {
    let year = i16::try_from(number >> 9).ok()? - YEAR_ZERO;
    let (month, day) = (i8::try_from(number >> 5 & 0xf).ok()?, i8::try_from(number & 0x1f).ok()?);
    Date::new(year, month, day).ok()
}
