//! A page of figures: up to [`PAGE`] entries of one basis, by slot, in a few bytes each.
//!
//! Place in the flow: [`super::figures`] keeps pages in order and cuts them. It must not know: other pages, rules.
//!
//! ```text
//!  0  1  number of entries      1  8  key of the first      9  8  key of the last      17  8  position of the last
//! 25  …  1 and the least and greatest total, or 0 if no entry has one; then the entries, each relative to the one before:
//!        byte: 1 has a start | 2 verified | 4 has a total | (end − end before, 31 = as a number behind) << 3
//!        numbers: end, end − start, position − position before, verified by − position; total
//! ```
//! Numbers are LEB128, signed ones in zigzag. Equal entries give equal bytes, however they came. What is damaged reads
//! as fewer entries; pages come from this process, or from a snapshot whose checksum holds.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::slot::Key;
use crate::quantity::Decimal;

/// Most entries of a page.
pub(super) const PAGE: usize = 128;

const HAS_START: u8 = 1;
const IS_VERIFIED: u8 = 2;
const HAS_TOTAL: u8 = 4;
const STEP_SHIFT: u8 = 3;
/// Steps from here on follow as a number.
const STEP_FOLLOWS: u64 = 31;
/// In the byte in front of a total, beside its scale.
const IS_NEGATIVE: u8 = 0x80;
const IS_WIDE: u8 = 0x40;
const SCALE: u8 = 0x3f;

/// What is kept of a live figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: Key,
    /// Position of the live event.
    pub(super) position: u64,
    /// Position of the event that verified it.
    pub(super) verified_by: Option<NonZeroU64>,
    /// The value of a `PLAN_TO_DATE`.
    pub(super) total: Option<Decimal>,
}

/// See the module. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page(Arc<[u8]>);

/// What can be known of a page without reading its entries.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) count: usize,
    pub(super) first: Key,
    pub(super) last: Key,
    last_position: u64,
    /// The least and the greatest total.
    pub(super) totals: Option<(Decimal, Decimal)>,
}

impl Page {
    /// A page of `entries`, ascending and of one basis; none if there are none.
    pub(super) fn of(entries: &[Entry]) -> Option<Self> {
        let (first, last) = (entries.first()?, entries.last()?);
        let totals = entries.iter().fold(None, |totals, entry| widened(totals, entry.total));
        let head =
            Head { count: entries.len(), first: first.key, last: last.key, last_position: last.position, totals };
        let mut bytes = Vec::with_capacity(64 + 8 * entries.len());
        head.put(&mut bytes);
        let mut before = Before::first(first.key);
        entries.iter().for_each(|entry| before.put(entry, &mut bytes));
        Some(Self(bytes.into()))
    }

    /// The page with `entry` at `key`, or with nothing there; none if nothing is left. Of the other entries only the one
    /// behind it is written anew.
    pub(super) fn changed(&self, key: Key, entry: Option<Entry>) -> Option<Self> {
        let (head, body) = self.parts()?;
        if key > head.last && entry.is_none() {
            return Some(self.clone());
        }
        let mut entries = if key > head.last { Entries::end(&head) } else { self.entries() };
        let (mut before, mut behind, mut previous, mut next) = (entries.before, entries.rest.0, None, entries.next());
        while let Some(passed) = next.filter(|next| next.key < key) {
            (before, behind, previous, next) = (entries.before, entries.rest.0, Some(passed), entries.next());
        }
        let old = next.filter(|next| next.key == key);
        if old.is_some() {
            next = entries.next();
        }
        let front = body.get(..body.len() - behind.len())?;
        let first = entry.or(next).filter(|_| front.is_empty()).map_or(head.first, |first| first.key);
        let (last, last_position) = match entries.left {
            0 => next.or(entry).or(previous).map(|last| (last.key, last.position))?,
            _ => (head.last, head.last_position),
        };
        let count = head.count + usize::from(entry.is_some()) - usize::from(old.is_some());
        let totals = self.totals_with(head.totals, old, entry);
        let mut bytes = Vec::with_capacity(self.0.len() + 64);
        Head { count, first, last, last_position, totals }.put(&mut bytes);
        if front.is_empty() {
            before = Before::first(first);
        }
        bytes.extend_from_slice(front);
        entry.iter().chain(&next).for_each(|entry| before.put(entry, &mut bytes));
        bytes.extend_from_slice(entries.rest.0);
        Some(Self(bytes.into()))
    }

    /// The least and greatest total once `entry` stands in the place of `old`.
    fn totals_with(
        &self,
        totals: Option<(Decimal, Decimal)>,
        old: Option<Entry>,
        entry: Option<Entry>,
    ) -> Option<(Decimal, Decimal)> {
        let total = entry.and_then(|entry| entry.total);
        match old.filter(|old| old.total.is_some() && old.total != total) {
            None => widened(totals, total),
            Some(old) => {
                let others = self.entries().filter(|other| other.key != old.key).map(|other| other.total);
                others.chain([total]).fold(None, widened)
            }
        }
    }

    pub(super) fn head(&self) -> Option<Head> {
        self.parts().map(|(head, _)| head)
    }

    /// The entries, ascending.
    pub(super) fn entries(&self) -> Entries<'_> {
        let entries = self.parts().map(|(head, body)| Entries {
            left: head.count,
            first: head.first,
            before: Before::first(head.first),
            rest: Reader(body),
        });
        entries.unwrap_or_default()
    }

    fn parts(&self) -> Option<(Head, &[u8])> {
        let mut reader = Reader(&self.0);
        let count = usize::from(reader.byte()?);
        let (first, last, last_position) = (Key(reader.fixed()?), Key(reader.fixed()?), reader.fixed()?);
        let totals = if reader.byte()? == 0 { None } else { Some((reader.decimal()?, reader.decimal()?)) };
        Some((Head { count, first, last, last_position, totals }, reader.0))
    }
}

impl Head {
    fn put(&self, bytes: &mut Vec<u8>) {
        bytes.push(u8::try_from(self.count).unwrap_or(u8::MAX));
        for number in [self.first.0, self.last.0, self.last_position] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.push(u8::from(self.totals.is_some()));
        for total in self.totals.iter().flat_map(|(least, greatest)| [least, greatest]) {
            put_decimal(*total, bytes);
        }
    }
}

fn widened(totals: Option<(Decimal, Decimal)>, total: Option<Decimal>) -> Option<(Decimal, Decimal)> {
    match (totals, total) {
        (Some((least, greatest)), Some(total)) => Some((least.min(total), greatest.max(total))),
        (totals, total) => totals.or_else(|| Some((total?, total?))),
    }
}

/// What an entry is relative to.
#[derive(Debug, Clone, Copy, Default)]
struct Before {
    end: u64,
    position: u64,
}

impl Before {
    const fn first(key: Key) -> Self {
        Self { end: key.end(), position: 0 }
    }

    fn put(&mut self, entry: &Entry, bytes: &mut Vec<u8>) {
        let (end, start) = (entry.key.end(), entry.key.start());
        let step = end.saturating_sub(self.end);
        let flags = if start == 0 { 0 } else { HAS_START }
            | entry.verified_by.map_or(0, |_| IS_VERIFIED)
            | entry.total.map_or(0, |_| HAS_TOTAL);
        // The lower bits of `step` only: it is at most 31 here.
        bytes.push(flags | (step.min(STEP_FOLLOWS) as u8) << STEP_SHIFT);
        if step >= STEP_FOLLOWS {
            put(step, bytes);
        }
        if start != 0 {
            put_signed(end, start, bytes);
        }
        put_signed(entry.position, self.position, bytes);
        if let Some(by) = entry.verified_by {
            put_signed(by.get(), entry.position, bytes);
        }
        if let Some(total) = entry.total {
            put_decimal(total, bytes);
        }
        *self = Self { end, position: entry.position };
    }
}

/// Entries of a page, ascending.
#[derive(Debug, Default)]
pub(super) struct Entries<'a> {
    left: usize,
    first: Key,
    before: Before,
    rest: Reader<'a>,
}

impl Entries<'_> {
    /// Behind the last one.
    fn end(head: &Head) -> Self {
        let before = Before { end: head.last.end(), position: head.last_position };
        Self { left: 0, first: head.first, before, rest: Reader::default() }
    }
}

impl Iterator for Entries<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        self.left = self.left.checked_sub(1)?;
        let flags = self.rest.byte()?;
        let step = u64::from(flags >> STEP_SHIFT);
        let step = if step == STEP_FOLLOWS { self.rest.number()? } else { step };
        let end = self.before.end.wrapping_add(step);
        let start = if flags & HAS_START == 0 { 0 } else { end.wrapping_sub(self.rest.signed()?) };
        let position = self.before.position.wrapping_add(self.rest.signed()?);
        let verified_by =
            if flags & IS_VERIFIED == 0 { None } else { NonZeroU64::new(position.wrapping_add(self.rest.signed()?)) };
        let total = if flags & HAS_TOTAL == 0 { None } else { Some(self.rest.decimal()?) };
        self.before = Before { end, position };
        Some(Entry { key: self.first.at(end, start), position, verified_by, total })
    }
}

fn put(mut number: u64, bytes: &mut Vec<u8>) {
    while number > 0x7f {
        bytes.push(0x80 | number.to_le_bytes()[0]);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

/// `number − other`, which may be negative.
fn put_signed(number: u64, other: u64, bytes: &mut Vec<u8>) {
    let difference = number.wrapping_sub(other).cast_signed();
    put((difference << 1 ^ difference >> 63).cast_unsigned(), bytes);
}

fn put_decimal(value: Decimal, bytes: &mut Vec<u8>) {
    let digits = value.mantissa().unsigned_abs();
    // A mantissa has 96 bits.
    let (low, high) = (digits as u64, (digits >> 64) as u64);
    let sign = if value.is_sign_negative() { IS_NEGATIVE } else { 0 };
    let wide = if high == 0 { 0 } else { IS_WIDE };
    bytes.push(value.scale().to_le_bytes()[0] | sign | wide);
    put(low, bytes);
    if high != 0 {
        put(high, bytes);
    }
}

#[derive(Debug, Default)]
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    fn fixed(&mut self) -> Option<u64> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*bytes))
    }

    fn number(&mut self) -> Option<u64> {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(number);
            }
            shift += 7;
        }
    }

    /// As a number to add, wrapping.
    fn signed(&mut self) -> Option<u64> {
        let number = self.number()?;
        Some(number >> 1 ^ (number & 1).wrapping_neg())
    }

    fn decimal(&mut self) -> Option<Decimal> {
        let head = self.byte()?;
        let low = self.number()?;
        let high = if head & IS_WIDE == 0 { 0 } else { self.number()? };
        let digits = i128::from(high).checked_shl(64)? | i128::from(low);
        let mut value = Decimal::try_from_i128_with_scale(digits, u32::from(head & SCALE)).ok()?;
        value.set_sign_negative(head & IS_NEGATIVE != 0);
        Some(value)
    }
}

impl Serialize for Page {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Page {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl de::Visitor<'_> for Bytes {
            type Value = Page;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the bytes of a page")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Page, E> {
                Ok(Page(bytes.into()))
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }
}
