//! What the writer keeps from batch to batch: the last blocks of lists, the index of events, numbers of subjects, timelines, and until when
//! statuses hold. All of it can be read anew from rows.
//!
//! Place in the flow: taken by a batch, given back when the batch is committed, lost when it is dropped. It must not
//! know: where rows are kept.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use jiff::civil::Date;
use songhua_domain::id::{AreaId, IndicatorId};

use crate::batch::Subject;
use crate::block;
use crate::index::{self, SHARDS};
use crate::kept::Weighed;
use crate::key::Key;
use crate::postings::Tails;
use crate::series::{OpenSeries, SeriesKey};
use crate::store::Value;
use crate::timeline::Timeline;
use crate::times;
use crate::waiting::OpenRow;

/// Most series that are kept.
const SERIES: usize = 65_536;
/// Most full blocks of a series that are kept.
pub(crate) const RECENT: usize = 2;
/// Most bytes of them, of all series.
const RECENT_BYTES: usize = 8 << 20;
/// Most other lists that are kept.
const LISTS: usize = 4_096;
/// Most figures of timelines that are kept.
const TIMELINE_FIGURES: usize = 400_000;
/// Most bytes of full blocks of the index of events that are kept: those of some two million events.
const EVENT_BYTES: usize = 24 << 20;

/// Blocks that are written or read until it is looked whether all that is kept has become too much.
const TRIM_EVERY: usize = 4_096;

/// A series that is written to.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) number: u32,
    pub(crate) key: SeriesKey,
    pub(crate) prefix: Vec<u8>,
    pub(crate) open: Option<OpenSeries>,
    /// The full blocks before the open one, oldest first, each with its first position: what is corrected or verified
    /// is mostly in them.
    pub(crate) recent: VecDeque<(u64, Value)>,
    pub(crate) timeline: Option<Arc<Timeline>>,
    /// Whether it was written to in this batch.
    pub(crate) dirty: bool,
}

/// Full blocks of a list of events, with their keys.
pub(crate) type FullBlocks = Vec<(Vec<u8>, Value)>;

/// The last block of a list that is no series.
#[derive(Debug)]
pub(crate) struct List {
    pub(crate) open: block::Open,
    /// Whether it was written to in this batch.
    pub(crate) dirty: bool,
}

/// From the day a target was judged for to the day on which its status is to be judged again; none = for ever.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Holds {
    pub(crate) from: Date,
    pub(crate) until: Option<Date>,
}

/// Series that were written to, with their timelines where they are kept.
pub(crate) type WrittenSeries<'w> = Vec<(&'w SeriesKey, Option<&'w Arc<Timeline>>)>;

/// See the module. The default knows nothing, and is for no batch.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    /// Subjects, by number.
    pub(crate) subjects: Vec<Subject>,
    /// Their numbers, by prefix. Looked up only: no order of it reaches a row.
    pub(crate) numbers: HashMap<Vec<u8>, u32>,
    pub(crate) slots: Vec<Slot>,
    /// Places of slots, by prefix. Looked up only.
    pub(crate) places: HashMap<Vec<u8>, usize>,
    /// Last blocks of lists that are no series, by prefix.
    pub(crate) lists: BTreeMap<Vec<u8>, List>,
    /// Last blocks of the index of events; none = not read yet.
    pub(crate) shards: Vec<Option<index::Open>>,
    /// All others of them, with their keys; none = not read yet.
    pub(crate) full: Vec<Option<FullBlocks>>,
    pub(crate) times: Option<times::Open>,
    /// Last blocks of postings.
    pub(crate) postings: Tails,
    /// The stretch of positions that was written to last; none = nothing yet.
    stretch: Option<u64>,
    /// Whether every series that was written to in this stretch is among the slots.
    is_whole: bool,
    /// Blocks that were written to, or read to be kept, since it was last looked whether something has become too much.
    pub(crate) touched: usize,
    /// Targets whose status holds until a day, or until something is said.
    pub(crate) holds: BTreeMap<(AreaId, IndicatorId), Holds>,
}

impl Writer {
    /// A writer that knows these subjects.
    pub(crate) fn new(subjects: Vec<Subject>) -> Self {
        let numbers = subjects.iter().zip(0..).map(|(subject, number)| (subject.prefix(), number)).collect();
        Self {
            subjects,
            numbers,
            slots: Vec::new(),
            places: HashMap::new(),
            lists: BTreeMap::new(),
            shards: vec![None; SHARDS],
            full: vec![None; SHARDS],
            times: None,
            postings: Tails::default(),
            stretch: None,
            is_whole: false,
            touched: 0,
            holds: BTreeMap::new(),
        }
    }

    /// What was written to in this batch: the last blocks, and the series in `places` with their timelines.
    pub(crate) fn written(&mut self, places: &[usize]) -> (Vec<OpenRow<'_>>, WrittenSeries<'_>) {
        for place in places {
            if let Some(slot) = self.slots.get_mut(*place) {
                slot.dirty = false;
            }
        }
        let (mut rows, mut series) = (Vec::with_capacity(2 * places.len()), Vec::with_capacity(places.len()));
        for Slot { key, prefix, open, timeline, .. } in places.iter().filter_map(|place| self.slots.get(*place)) {
            rows.extend(open.as_ref().map(|open| open.block.row(prefix)));
            series.push((key, timeline.as_ref()));
        }
        for (prefix, List { open, dirty }) in self.lists.iter_mut().filter(|(_, list)| list.dirty) {
            *dirty = false;
            rows.push(open.row(prefix));
        }
        for open in self.shards.iter_mut().flatten().filter(|open| open.dirty) {
            open.dirty = false;
            rows.push(open.row());
        }
        rows.extend(self.times.as_ref().map(times::Open::row));
        self.postings.put(&mut rows);
        (rows, series)
    }

    /// Lets go of what has become too much, between batches; `applied` is the last position that was put, `written` to
    /// how many blocks the batch wrote.
    pub(crate) fn trim(&mut self, applied: u64, written: usize) {
        self.postings.trim();
        self.end_stretch(block::stretch_of(applied));
        self.touched += written;
        if self.touched < TRIM_EVERY {
            return;
        }
        self.touched = 0;
        let figures: usize = self.slots.iter().filter_map(|slot| slot.timeline.as_ref()).map(|one| one.weight()).sum();
        if self.slots.len() > SERIES || figures > TIMELINE_FIGURES {
            self.slots.clear();
            self.places.clear();
            self.is_whole = false;
        }
        let recent: usize = self.slots.iter().flat_map(|slot| &slot.recent).map(|(_, block)| block.len()).sum();
        if recent > RECENT_BYTES {
            self.slots.iter_mut().for_each(|slot| slot.recent.clear());
        }
        if self.lists.len() > LISTS {
            self.lists.clear();
        }
        let events: usize = self.full.iter().flatten().flatten().map(|(_, block)| block.len()).sum();
        if events > EVENT_BYTES {
            self.full.fill(None);
        }
    }

    /// Whether a series that is not among the slots begins a new block with an entry at `position`, whatever it has.
    pub(crate) const fn begins(&self, position: u64) -> bool {
        match self.stretch {
            Some(stretch) => self.is_whole && block::stretch_of(position) >= stretch,
            None => false,
        }
    }

    /// Lets go of the series whose blocks are of a stretch that is over: what comes begins new ones. Those that are scored
    /// stay, without their blocks.
    fn end_stretch(&mut self, stretch: u64) {
        if self.stretch == Some(stretch) {
            return;
        }
        // What was not here in the stretch before is not here now either: unless it was not known what was.
        self.is_whole = self.stretch.replace(stretch).is_some();
        let is_over = |open: &mut OpenSeries| block::stretch_of(open.block.first) != stretch;
        for slot in &mut self.slots {
            if slot.open.take_if(is_over).is_some() {
                // They reach up to the open block, or say nothing.
                slot.recent.clear();
            }
        }
        self.slots.retain(|slot| slot.open.is_some() || slot.timeline.is_some());
        self.places = self.slots.iter().zip(0..).map(|(slot, place)| (slot.prefix.clone(), place)).collect();
    }
}

/// Writes the prefix of a series to `to`.
pub(crate) fn series_prefix(to: &mut Vec<u8>, area: &str, indicator: &str, dimension: &str) {
    to.clear();
    to.push(crate::key::SERIES);
    for text in [area, indicator, dimension] {
        to.extend_from_slice(text.as_bytes());
        to.push(0);
    }
}

impl Subject {
    /// The prefix of its list's keys, which is also how it is kept.
    pub(crate) fn prefix(&self) -> Vec<u8> {
        match self {
            Self::Series(series) => series.prefix().done(),
            Self::Milestone(project, milestone) => crate::key::milestone(project, milestone),
        }
    }
    /// Reads what [`prefix`](Self::prefix) wrote.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut texts = crate::key::texts(bytes);
        let mut next = || texts.next().flatten();
        match *bytes.first()? {
            crate::key::SERIES => SeriesKey::read(bytes).map(Self::Series),
            crate::key::MILESTONES => Some(Self::Milestone(next()?.parse().ok()?, next()?.parse().ok()?)),
            _ => None,
        }
    }
}

/// The table of subjects.
pub(crate) fn subjects_table() -> Vec<u8> {
    Key::table(crate::key::SUBJECTS).done()
}
