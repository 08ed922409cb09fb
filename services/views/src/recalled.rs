//! What readers keep of rows, read and decoded: timelines of series, facts, milestones, and the last score of each target.
//!
//! Place in the flow: behind reads; renewed with every batch that is put. It must not know: how rows are read, who asks.
//!
//! All of it is of now: a reader who knows less takes the part up to the position it knows.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::civil::Date;
use songhua_domain::id::{AreaId, IndicatorId, ProjectId};
use songhua_domain::score::Score;

use crate::fact::FactList;
use crate::kept::Kept;
use crate::key::{self, texts};
use crate::milestone::MilestoneList;
use crate::scoring::As;
use crate::series::SeriesKey;
use crate::timeline::Timeline;
use crate::writer::WrittenSeries;

/// Most figures of timelines.
const TIMELINE_FIGURES: usize = 400_000;
/// Most facts.
const FACTS: usize = 20_000;
/// Most rows of milestones.
const MILESTONE_ROWS: usize = 20_000;

/// Most scores of a target: of today, of the days it is compared with.
const SCORES: usize = 8;

/// See the module.
#[derive(Debug)]
pub(crate) struct Recalled {
    timelines: Mutex<Kept<SeriesKey, Timeline>>,
    /// By the prefix of a list, or of a kind.
    facts: Mutex<Kept<Vec<u8>, FactList>>,
    milestones: Mutex<Kept<ProjectId, MilestoneList>>,
    /// The last [`SCORES`] of each target.
    scores: Mutex<BTreeMap<(AreaId, IndicatorId), VecDeque<Scored>>>,
}

/// A score and what it follows from: the same again means the same score.
#[derive(Debug)]
struct Scored {
    asked: Asked,
    /// The series that were looked at, with the position of their last entry.
    rests_on: Vec<(SeriesKey, u64)>,
    score: Arc<Score>,
}

/// What a score was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asked {
    /// The last definition known.
    model: u64,
    valid_date: Date,
    verified_only: bool,
}

impl Asked {
    const fn of(known: As<'_>, valid_date: Date) -> Self {
        Self { model: known.model.position, valid_date, verified_only: known.verified_only }
    }
}

impl Default for Recalled {
    fn default() -> Self {
        Self {
            timelines: Mutex::new(Kept::new(TIMELINE_FIGURES)),
            facts: Mutex::new(Kept::new(FACTS)),
            milestones: Mutex::new(Kept::new(MILESTONE_ROWS)),
            scores: Mutex::default(),
        }
    }
}

impl Recalled {
    /// Timelines.
    pub(crate) fn timelines(&self) -> MutexGuard<'_, Kept<SeriesKey, Timeline>> {
        locked(&self.timelines)
    }
    /// Facts.
    pub(crate) fn facts(&self) -> MutexGuard<'_, Kept<Vec<u8>, FactList>> {
        locked(&self.facts)
    }
    /// Milestones of a project.
    pub(crate) fn milestones(&self) -> MutexGuard<'_, Kept<ProjectId, MilestoneList>> {
        locked(&self.milestones)
    }

    /// Takes notice of lists of which rows are put, by their prefix, and of series that were written to, with their timeline where the writer has it.
    pub(crate) fn renew<'k>(&self, lists: impl Iterator<Item = &'k [u8]>, series: WrittenSeries<'_>) {
        let mut timelines = self.timelines();
        for (series, timeline) in series {
            timelines.renew(series, timeline);
        }
        let (mut facts, mut milestones) = (self.facts(), self.milestones());
        for list in lists {
            match list.first() {
                Some(&key::FACTS) => {
                    facts.forget(list);
                    facts.forget(list.get(..KIND_PREFIX).unwrap_or_default());
                }
                Some(&key::MILESTONES) => {
                    if let Some(project) = texts(list).next().flatten().and_then(|project| project.parse().ok()) {
                        milestones.forget(&project);
                    }
                }
                _ => {}
            }
        }
    }

    /// The score, if nothing it follows from has changed.
    pub(crate) fn score(&self, known: As<'_>, target: &(AreaId, IndicatorId), valid_date: Date) -> Option<Arc<Score>> {
        let scores = locked(&self.scores);
        let asked = Asked::of(known, valid_date);
        let scored = scores.get(target)?.iter().find(|scored| scored.asked == asked)?;
        let mut timelines = self.timelines();
        let holds = scored.rests_on.iter().all(|(series, last)| {
            *last <= known.known && timelines.get(series).is_some_and(|timeline| timeline.last() == *last)
        });
        holds.then(|| Arc::clone(&scored.score))
    }

    /// Keeps a score for which these series were looked at, if all of what they say was known.
    pub(crate) fn keep_score(
        &self,
        known: As<'_>,
        target: (AreaId, IndicatorId),
        valid_date: Date,
        rests_on: Vec<(SeriesKey, u64)>,
        score: &Arc<Score>,
    ) {
        if rests_on.iter().all(|(_, last)| *last <= known.known) {
            let scored = Scored { asked: Asked::of(known, valid_date), rests_on, score: Arc::clone(score) };
            let mut scores = locked(&self.scores);
            let kept = scores.entry(target).or_default();
            kept.retain(|other| other.asked != scored.asked);
            kept.push_front(scored);
            kept.truncate(SCORES);
        }
    }
}

/// Bytes of the prefix of all facts of a kind.
const KIND_PREFIX: usize = 2;

fn locked<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}
