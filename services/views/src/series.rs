//! Series: everything that happened to the figures of (area, indicator, dimension), and what is left of it as known.
//!
//! Place in the flow: the batch packs entries into blocks, reads unpack those up to the known position and fold them.
//! It must not know: what an indicator asks for, how figures are scored.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use songhua_domain::event::TOTAL;
use songhua_domain::id::{AgencyId, AreaId, IndicatorId};
use songhua_domain::quantity::Decimal;
use songhua_domain::score;
use songhua_domain::vocabulary::{Basis, ObsStatus};
use uuid::Uuid;

use crate::block;
use crate::error::ViewsError;
use crate::key;
use crate::packed::{self, EntryRef};

/// Names a series.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SeriesKey {
    /// The area.
    pub area: AreaId,
    /// The indicator.
    pub indicator: IndicatorId,
    /// [`TOTAL`] or `key=value`.
    pub dimension: String,
}

impl SeriesKey {
    /// The headline of an indicator in an area.
    pub fn total(area: &AreaId, indicator: &IndicatorId) -> Self {
        Self { area: area.clone(), indicator: indicator.clone(), dimension: TOTAL.to_owned() }
    }
    /// The series whose block has this key.
    pub(crate) fn read(key: &[u8]) -> Option<Self> {
        let mut texts = key::texts(key).map(Option::unwrap_or_default);
        let (area, indicator) = (texts.next()?.parse().ok()?, texts.next()?.parse().ok()?);
        Some(Self { area, indicator, dimension: texts.next()?.to_owned() })
    }
    /// The prefix of the keys of its blocks.
    pub(crate) fn prefix(&self) -> key::Key {
        key::indicator_series(&self.area, &self.indicator).text(&self.dimension)
    }
}

/// What an entry says; `of` is the position of the entry it speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryKind {
    /// A figure.
    Reported,
    /// A figure in place of another.
    Corrected {
        /// The one it replaces.
        of: u64,
    },
    /// Better data came.
    Revised {
        /// The one it replaces.
        of: u64,
    },
    /// The figure should not have been sent.
    Retracted {
        /// The one that ends.
        of: u64,
    },
    /// A step on a scale.
    Assessed,
    /// Checked and agreed to.
    Verified {
        /// The one that was checked.
        of: u64,
    },
    /// Checked and disagreed with.
    Rejected {
        /// The one that ends.
        of: u64,
    },
    /// A verification was taken back.
    Reopened {
        /// The one that is no longer verified.
        of: u64,
    },
    /// No change in the period.
    Nothing,
}

impl EntryKind {
    /// Whether the entry brings a figure, which later ones may speak of.
    pub const fn is_figure(self) -> bool {
        matches!(self, Self::Reported | Self::Assessed | Self::Corrected { .. } | Self::Revised { .. })
    }
}

/// The number of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryFigure {
    /// None: the entry speaks of another.
    None,
    /// One number.
    Value(Decimal),
    /// Part and whole.
    Fraction {
        /// Part.
        numerator: Decimal,
        /// Whole.
        denominator: Decimal,
    },
    /// An assessed step.
    Step(String),
}

/// One thing that happened to a series. An entry that speaks of another repeats its basis and period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
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
    pub figure: EntryFigure,
    /// How good it is.
    pub obs_status: ObsStatus,
    /// 补录.
    pub back_dated: bool,
    /// Who it is from; none for the plan office and the server.
    pub agency: Option<AgencyId>,
    /// Its event's id.
    pub event_id: Uuid,
    /// Why, or what was found; empty where nothing was said.
    pub reason: String,
}

/// A figure and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The figure: reported, corrected or assessed.
    pub entry: Entry,
    /// Position of the correction, revision, retraction or rejection that ended it.
    pub superseded_by: Option<u64>,
    /// What that event was.
    pub ended: Option<EntryKind>,
    /// Whether it was verified.
    pub verified: bool,
}

impl Recorded {
    /// Whether it counts.
    pub const fn live(&self) -> bool {
        self.superseded_by.is_none()
    }
    /// Position of the figure it corrects or revises.
    pub const fn corrects(&self) -> Option<u64> {
        match self.entry.kind {
            EntryKind::Corrected { of } | EntryKind::Revised { of } => Some(of),
            _ => None,
        }
    }
    /// What scoring is told of it.
    pub fn observation(&self) -> score::Observation {
        let entry = &self.entry;
        let (value, numerator, denominator, step) = match &entry.figure {
            EntryFigure::None => (None, None, None, None),
            EntryFigure::Value(value) => (Some(*value), None, None, None),
            EntryFigure::Fraction { numerator, denominator } => (None, Some(*numerator), Some(*denominator), None),
            EntryFigure::Step(step) => (None, None, None, Some(step.clone())),
        };
        score::Observation {
            position: entry.position,
            series: score::Series::Own,
            basis: entry.basis,
            start: entry.start,
            end: entry.end,
            value,
            numerator,
            denominator,
            step,
            obs_status: entry.obs_status,
            verified: self.verified,
        }
    }
}

/// A series as known: entries folded in log order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Series {
    figures: Vec<Recorded>,
    entries: usize,
}

impl Series {
    /// Every figure, oldest first, those that no longer count too.
    pub fn figures(&self) -> &[Recorded] {
        &self.figures
    }
    /// The figure of the event at `position`.
    pub fn figure(&self, position: u64) -> Option<&Recorded> {
        let index = self.figures.binary_search_by_key(&position, |figure| figure.entry.position).ok()?;
        self.figures.get(index)
    }
    /// What scoring is told: figures that count, oldest event first.
    pub fn live_observations(&self) -> Vec<score::Observation> {
        self.figures.iter().filter(|figure| figure.live()).map(Recorded::observation).collect()
    }
    /// How many entries were folded, those without a figure of their own too.
    pub const fn entries(&self) -> usize {
        self.entries
    }

    /// Folds the next entry.
    pub(crate) fn push(&mut self, entry: Entry) {
        self.entries += 1;
        match entry.kind {
            EntryKind::Nothing => return,
            EntryKind::Verified { of } => self.update(of, |figure| figure.verified = true),
            EntryKind::Reopened { of } => self.update(of, |figure| figure.verified = false),
            EntryKind::Corrected { of }
            | EntryKind::Revised { of }
            | EntryKind::Retracted { of }
            | EntryKind::Rejected { of } => {
                // The first to end a figure ends it: ingest refuses a second, and a fold must not depend on that.
                self.update(of, |figure| {
                    if figure.superseded_by.is_none() {
                        figure.superseded_by = Some(entry.position);
                        figure.ended = Some(entry.kind);
                    }
                });
            }
            EntryKind::Reported | EntryKind::Assessed => {}
        }
        if entry.kind.is_figure() {
            self.figures.push(Recorded { entry, superseded_by: None, ended: None, verified: false });
        }
    }

    fn update(&mut self, position: u64, change: impl FnOnce(&mut Recorded)) {
        let found = self.figures.binary_search_by_key(&position, |figure| figure.entry.position);
        if let Some(figure) = found.ok().and_then(|index| self.figures.get_mut(index)) {
            change(figure);
        }
    }

    /// Folds the entries of a block up to `known`; says whether a later block may hold more.
    pub(crate) fn fold_block(&mut self, key: &[u8], block: &[u8], known: u64) -> Result<bool, ViewsError> {
        for entry in entries_of(key, block) {
            let entry = entry?;
            if entry.position > known {
                return Ok(false);
            }
            self.push(entry);
        }
        Ok(true)
    }
}

/// The entries of a block, in log order. Nothing follows an error.
pub(crate) fn entries_of<'a>(key: &'a [u8], value: &'a [u8]) -> impl Iterator<Item = Result<Entry, ViewsError>> {
    let mut agencies = Vec::new();
    block::entries(key, value).map(move |entry| packed::unpack(key, entry?, Some(&mut agencies)))
}

/// The last block of a series, being written.
#[derive(Debug, Clone)]
pub(crate) struct OpenSeries {
    /// The block.
    pub(crate) block: block::Open,
    /// Agencies that it has named, in order.
    agencies: Vec<AgencyId>,
}

impl OpenSeries {
    pub(crate) const fn begin(position: u64) -> Self {
        Self { block: block::Open::begin(position), agencies: Vec::new() }
    }
    /// Goes on with the block at `key`.
    pub(crate) fn resume(key: &[u8], value: &[u8]) -> Result<Self, ViewsError> {
        let mut agencies = Vec::new();
        for entry in block::entries(key, value) {
            packed::unpack(key, entry?, Some(&mut agencies))?;
        }
        Ok(Self { block: block::Open::resume(key, value)?, agencies })
    }
    /// Appends an entry that the block takes; `scratch` is for its bytes.
    pub(crate) fn push(&mut self, entry: &EntryRef<'_>, scratch: &mut Vec<u8>) -> Result<(), ViewsError> {
        scratch.clear();
        packed::pack(scratch, entry, &mut self.agencies)?;
        self.block.push(entry.position, scratch);
        Ok(())
    }
}
