//! A series in memory, as scoring reads it: each figure with the positions from and up to which it counts.
//!
//! Place in the flow: folded from entries once, then read at any known position without a row being decoded. It must
//! not know: agencies, reasons, how entries are packed.

use jiff::civil::Date;
use songhua_domain::score::{Observation, Series};

use crate::kept::Weighed;
use crate::packed::{EntryRef, FigureRef};
use crate::series::EntryKind;

/// A figure and when it was known how.
#[derive(Debug, Clone)]
struct Seen {
    /// As known at the end.
    observation: Observation,
    /// The same with the other word on whether it is verified, once there were two.
    other: Option<Box<Observation>>,
    /// From this position on it no longer counts.
    ended_at: Option<u64>,
    /// Where it was verified, or its verification taken back.
    verified: Vec<(u64, bool)>,
}

impl Seen {
    fn known(&self, known: u64) -> Option<&Observation> {
        if self.observation.position > known || self.ended_at.is_some_and(|ended_at| ended_at <= known) {
            return None;
        }
        let behind = self.verified.partition_point(|(position, _)| *position <= known);
        let verified = behind.checked_sub(1).and_then(|last| self.verified.get(last)).is_some_and(|last| last.1);
        let other = self.other.as_deref().filter(|other| other.verified == verified);
        Some(other.unwrap_or(&self.observation))
    }
}

/// A period without a change: first day (none for a level), last day, position.
pub(crate) type Silence = (Option<Date>, Date, u64);

impl Weighed for Timeline {
    fn weight(&self) -> usize {
        self.figures.len() + self.silences.len() + 1
    }
}

/// A folded series, by (reference date, position).
#[derive(Debug, Clone, Default)]
pub(crate) struct Timeline {
    figures: Vec<Seen>,
    silences: Vec<Silence>,
    last: u64,
}

impl Timeline {
    /// Folds the next entry.
    pub(crate) fn push(&mut self, entry: &EntryRef<'_>) {
        self.last = entry.position;
        match entry.kind {
            EntryKind::Nothing => self.silences.push((entry.start, entry.end, entry.position)),
            EntryKind::Reported | EntryKind::Assessed => self.insert(entry),
            EntryKind::Corrected { of } | EntryKind::Revised { of } => {
                self.end(entry, of);
                self.insert(entry);
            }
            EntryKind::Retracted { of } | EntryKind::Rejected { of } => self.end(entry, of),
            EntryKind::Verified { of } => self.verify(entry, of, true),
            EntryKind::Reopened { of } => self.verify(entry, of, false),
        }
    }

    /// The position of its last entry; 0 = none. Entries are never changed, so it says which timeline of a series this is.
    pub(crate) const fn last(&self) -> u64 {
        self.last
    }

    /// What counts as known at `known`, oldest first.
    pub(crate) fn known(&self, known: u64) -> impl Iterator<Item = &Observation> {
        self.figures.iter().filter_map(move |seen| seen.known(known))
    }

    /// Periods for which somebody said up to `known` that there is nothing to report, in log order.
    pub(crate) fn silences(&self, known: u64) -> &[Silence] {
        let behind = self.silences.partition_point(|(_, _, position)| *position <= known);
        self.silences.get(..behind).unwrap_or_default()
    }

    fn insert(&mut self, entry: &EntryRef<'_>) {
        let (value, numerator, denominator, step) = match entry.figure {
            FigureRef::None => (None, None, None, None),
            FigureRef::Value(value) => (Some(value), None, None, None),
            FigureRef::Fraction(numerator, denominator) => (None, Some(numerator), Some(denominator), None),
            FigureRef::Step(step) => (None, None, None, Some(step.to_owned())),
        };
        let observation = Observation {
            position: entry.position,
            series: Series::Own,
            basis: entry.basis,
            start: entry.start,
            end: entry.end,
            value,
            numerator,
            denominator,
            step,
            obs_status: entry.obs_status,
            verified: false,
        };
        let place = self.place(entry.end, entry.position).unwrap_or_else(|place| place);
        self.figures.insert(place, Seen { observation, other: None, ended_at: None, verified: Vec::new() });
    }

    /// The first to end a figure ends it.
    fn end(&mut self, entry: &EntryRef<'_>, of: u64) {
        if let Some(seen) = self.seen(entry, of) {
            seen.ended_at.get_or_insert(entry.position);
        }
    }

    fn verify(&mut self, entry: &EntryRef<'_>, of: u64, verified: bool) {
        if let Some(seen) = self.seen(entry, of) {
            seen.verified.push((entry.position, verified));
            if seen.observation.verified != verified {
                seen.other = Some(Box::new(seen.observation.clone()));
                seen.observation.verified = verified;
            }
        }
    }

    /// The figure at `of`; an entry that speaks of it repeats its reference date.
    fn seen(&mut self, entry: &EntryRef<'_>, of: u64) -> Option<&mut Seen> {
        let place = self.place(entry.end, of).ok()?;
        self.figures.get_mut(place)
    }

    fn place(&self, end: Date, position: u64) -> Result<usize, usize> {
        self.figures.binary_search_by_key(&(end, position), |seen| (seen.observation.end, seen.observation.position))
    }
}
