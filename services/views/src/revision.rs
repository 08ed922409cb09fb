//! Revisions, from the last one back: which events changed what a figure says, or that it counts, or that it was agreed
//! to; and those of what was defined, which are facts.
//!
//! Place in the flow: the batch notes position and series beside the entry, so that boards need not walk all series;
//! facts of revisions are in two lists. A page is read from where the page before it ended. It must not know what a
//! revision means.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::batch::Subject;
use crate::block;
use crate::error::ViewsError;
use crate::fact::{Fact, REVISIONS, prefix_of_revisions};
use crate::find::{self, Seen, Stored};
use crate::key;
use crate::packed;
use crate::row::{decode, position_of, unreadable};
use crate::series::{Entry, EntryKind, SeriesKey};
use crate::store::Store;
use crate::varint::take;
use crate::views::Views;

/// Which revisions are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Newest {
    /// At or before this position.
    pub until: u64,
    /// At most so many, the newest.
    pub limit: usize,
    /// Whether those beyond the limit are counted; else reading ends with the limit.
    pub count: bool,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<T> {
    /// Newest first.
    pub newest: Vec<T>,
    /// How many there are, with those that were only counted.
    pub count: usize,
}

/// An entry that changes what became of an earlier figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FigureRevision {
    /// The series.
    pub series: SeriesKey,
    /// A correction, revision, retraction or rejection, or a verification taken back.
    pub entry: Entry,
    /// The figure that it speaks of.
    pub of: Entry,
}

/// The position of the figure that an entry of this kind revises.
pub(crate) const fn revised(kind: EntryKind) -> Option<u64> {
    match kind {
        EntryKind::Corrected { of }
        | EntryKind::Revised { of }
        | EntryKind::Retracted { of }
        | EntryKind::Rejected { of }
        | EntryKind::Reopened { of } => Some(of),
        EntryKind::Reported | EntryKind::Assessed | EntryKind::Verified { .. } | EntryKind::Nothing => None,
    }
}

impl Views {
    /// Events that corrected, revised, retracted or rejected a figure, or took its verification back: of series that
    /// are `of`, by entries that are `wanted`. Without `wanted`, those that are only counted are not read.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn figure_revisions(
        &self,
        asked: Newest,
        of: impl Fn(&SeriesKey) -> bool,
        wanted: Option<&dyn Fn(&Entry) -> bool>,
    ) -> Result<Found<FigureRevision>, ViewsError> {
        self.with(|grown| {
            // Asked once for each series, so that those of others cost next to nothing.
            let numbers = grown.series_numbers(of);
            grown.read(|store| {
                let seen = Stored { store, subject: |number| grown.subject(number) };
                let mut blocks = Blocks { seen: &seen, kept: BTreeMap::new() };
                newest(store, &[key::REVISIONS], asked, |_, (position, noted), show| {
                    let number = number_of(noted)?;
                    if !numbers.contains(&number) {
                        return Ok(Judged::No);
                    }
                    if !show && wanted.is_none() {
                        return Ok(Judged::Counted);
                    }
                    let block = blocks.of(number, position)?;
                    let entry = block.entry(position).ok_or_else(missing)?;
                    Ok(match wanted {
                        Some(wanted) if !wanted(entry) => Judged::No,
                        _ if show => Judged::Shown(block.revision(&seen, entry)?),
                        _ => Judged::Counted,
                    })
                })
            })
        })
    }

    /// The same of one series, whatever was said.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn series_revisions(&self, series: &SeriesKey, asked: Newest) -> Result<Found<FigureRevision>, ViewsError> {
        let prefix = series.prefix().done();
        self.with(|grown| {
            grown.read(|store| {
                let seen = Stored { store, subject: |number| grown.subject(number) };
                let mut block: Option<(Vec<u8>, Block)> = None;
                newest(store, &prefix, asked, |key, (position, _), show| {
                    let block = match &mut block {
                        Some((of, block)) if of.as_slice() == key => block,
                        other => &mut other.insert((key.to_vec(), Block::read(&seen, series, position)?)).1,
                    };
                    let entry = block.entry(position).ok_or_else(missing)?;
                    Ok(match revised(entry.kind) {
                        None => Judged::No,
                        Some(_) if show => Judged::Shown(block.revision(&seen, entry)?),
                        Some(_) => Judged::Counted,
                    })
                })
            })
        })
    }

    /// Facts of [`FactKind::Revisions`](crate::FactKind::Revisions) that are `wanted`. Without `wanted`, those that are only counted are not read.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn revision_facts(
        &self,
        asked: Newest,
        wanted: Option<&dyn Fn(&Fact) -> bool>,
    ) -> Result<Found<Fact>, ViewsError> {
        let [of_indicators, others] = REVISIONS;
        let (mut all, others) = (self.facts_in(of_indicators, asked, wanted)?, self.facts_in(others, asked, wanted)?);
        all.count += others.count;
        all.newest.extend(others.newest);
        all.newest.sort_by_key(|fact| Reverse(fact.position));
        all.newest.truncate(asked.limit);
        Ok(all)
    }

    /// Those of them that are about an indicator or its targets.
    ///
    /// # Errors
    /// [`ViewsError`]: reset them.
    pub fn indicator_revision_facts(
        &self,
        asked: Newest,
        wanted: &dyn Fn(&Fact) -> bool,
    ) -> Result<Found<Fact>, ViewsError> {
        self.facts_in(REVISIONS[0], asked, Some(wanted))
    }

    fn facts_in(
        &self,
        list: &str,
        asked: Newest,
        wanted: Option<&dyn Fn(&Fact) -> bool>,
    ) -> Result<Found<Fact>, ViewsError> {
        self.read(|store| {
            newest(store, &prefix_of_revisions(list), asked, |key, (position, payload), show| {
                if !show && wanted.is_none() {
                    return Ok(Judged::Counted);
                }
                let fact = Fact { position, row: decode(key, payload)? };
                Ok(match wanted {
                    Some(wanted) if !wanted(&fact) => Judged::No,
                    _ if show => Judged::Shown(fact),
                    _ => Judged::Counted,
                })
            })
        })
    }
}

/// What an entry of a list of revisions is for a question.
enum Judged<T> {
    /// Not asked for.
    No,
    /// One more.
    Counted,
    /// One more, and to be shown.
    Shown(T),
}

/// Walks the list of `prefix` from its end. `judge` is told whether what it looks at is within the limit.
fn newest<T>(
    store: &Store,
    prefix: &[u8],
    Newest { until, limit, count }: Newest,
    mut judge: impl FnMut(&[u8], (u64, &[u8]), bool) -> Result<Judged<T>, ViewsError>,
) -> Result<Found<T>, ViewsError> {
    let mut found = Found { newest: Vec::new(), count: 0 };
    let mut last = until;
    while let Some((key, value)) = store.last_block(prefix, block::at(prefix, last))? {
        let entries: Vec<_> = block::entries(&key, &value).collect::<Result<_, _>>()?;
        for entry in entries.into_iter().rev().filter(|(position, _)| *position <= until) {
            let show = found.newest.len() < limit;
            if !show && !count {
                return Ok(found);
            }
            match judge(&key, entry, show)? {
                Judged::No => continue,
                Judged::Counted => {}
                Judged::Shown(one) => found.newest.push(one),
            }
            found.count += 1;
        }
        let Some(before) = position_of(&key)?.checked_sub(1) else { break };
        last = before;
    }
    Ok(found)
}

fn missing() -> ViewsError {
    unreadable(&[key::REVISIONS], "speaks of no entry")
}

/// The number of the series that is noted.
fn number_of(mut noted: &[u8]) -> Result<u32, ViewsError> {
    take(&mut noted).and_then(|number| u32::try_from(number).ok()).ok_or_else(missing)
}

/// Most blocks that are kept while revisions are read: some 16 MB.
const BLOCKS_MAX: usize = 1_024;

/// The block last read of each series: from the end of the history back, the next revision is mostly in it.
struct Blocks<'s> {
    seen: &'s dyn Seen,
    kept: BTreeMap<u32, Block>,
}

/// A block of a series.
struct Block {
    series: SeriesKey,
    entries: Vec<Entry>,
}

impl Blocks<'_> {
    /// The block that the entry at `position` of the series of this number is in.
    fn of(&mut self, number: u32, position: u64) -> Result<&Block, ViewsError> {
        if self.kept.get(&number).is_none_or(|block| block.entry(position).is_none()) {
            let Some(Subject::Series(series)) = self.seen.subject(number) else { return Err(missing()) };
            let block = Block::read(self.seen, &series, position)?;
            if self.kept.len() >= BLOCKS_MAX {
                self.kept.clear();
            }
            self.kept.insert(number, block);
        }
        self.kept.get(&number).ok_or_else(missing)
    }
}

impl Block {
    /// The block of a series that the entry at `position` is in.
    fn read(seen: &dyn Seen, series: &SeriesKey, position: u64) -> Result<Self, ViewsError> {
        let (mut entries, mut agencies) = (Vec::new(), Vec::new());
        seen.block(&series.prefix().done(), position, &mut |key, value| {
            for entry in block::entries(key, value) {
                entries.push(packed::unpack(key, entry?, Some(&mut agencies))?);
            }
            Ok(())
        })?;
        Ok(Self { series: series.clone(), entries })
    }

    fn entry(&self, position: u64) -> Option<&Entry> {
        let place = self.entries.binary_search_by_key(&position, |entry| entry.position);
        place.ok().and_then(|place| self.entries.get(place))
    }

    /// What `entry` revises is here, or in an earlier block.
    fn revision(&self, seen: &dyn Seen, entry: &Entry) -> Result<FigureRevision, ViewsError> {
        let of = revised(entry.kind).ok_or_else(missing)?;
        let of = match self.entry(of) {
            Some(of) => of.clone(),
            None => find::entry(seen, &self.series.prefix().done(), of)?.ok_or_else(missing)?,
        };
        Ok(FigureRevision { series: self.series.clone(), entry: entry.clone(), of })
    }
}
