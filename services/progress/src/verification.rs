//! ListVerifications: what waits to be verified, and what became of what was checked (核验).
//!
//! Place in the flow: steps of verification recorded up to the day, and the figures and milestone reports they speak of
//! → `VerificationItem`. It must not know who may verify.

mod evidence;
mod item;

use std::collections::BTreeMap;

use songhua_domain::vocabulary::UnknownCode;
use songhua_views::{
    EntryKind, Fact, FactKind, Milestone, MilestoneChange, Recorded, Said, Series, SeriesKey, Subject, VerificationStep,
};
use songhua_wire::pb;
use uuid::Uuid;

use self::item::{Checked, Item, State, last_report};
use crate::filter::{Field, Filter, Kind, field};
use crate::page::Page;
use crate::reading::Reading;
use crate::refusal::{self, Refused};

/// What the queue can be filtered by.
pub(crate) const FIELDS: &[Field] = &[
    field(STATE, Kind::Code(|text| State::from_code(text).map(drop))),
    field("kind", Kind::Code(kind)),
    field("area", Kind::Id),
    field("indicator", Kind::Id),
    field("agency", Kind::Id),
];
const STATE: &str = "state";

fn kind(text: &str) -> Result<(), UnknownCode> {
    item::is_one_of("kind of event", &["MEASUREMENT", "ASSESSMENT", "MILESTONE"], text)
}

/// A page of the queue: what waits longest first, then what nobody asked about, then what was decided.
pub(crate) fn list(reading: &Reading, filter: &Filter, page: &Page) -> Result<pb::ListVerificationsResponse, Refused> {
    let (of_state, others) = filter.clone().split(&[STATE]);
    let queue = Queue::read(reading)?;
    let mut all = queue.asked(|state| {
        if of_state.is_empty() { state.waits() } else { of_state.matches(|_| Some(state.code().into())) }
    })?;
    if of_state.is_empty() {
        all.extend(queue.headlines()?);
    } else if of_state.matches(|_| Some(State::Unverified.code().into())) {
        all.extend(queue.unasked()?);
    }
    all.retain(|item| others.matches(|field| item.value_of(reading, field)));
    all.sort_by_key(Item::place);
    let cut = page.cut(&all, reading);
    Ok(pb::ListVerificationsResponse {
        items: cut.items.iter().map(|item| item.to_pb(reading, queue.recorded)).collect::<Result<_, _>>()?,
        next_page_token: cut.next_page_token,
        total_size: cut.total_size,
        state: Some(reading.state()),
    })
}

/// The last step of an event's verification.
#[derive(Debug, Clone)]
struct Step {
    position: u64,
    time_us: i64,
    state: State,
    note: String,
}

/// What the queue is made of, as recorded by the end of the reading's day.
struct Queue<'a> {
    reading: &'a Reading,
    recorded: u64,
    steps: BTreeMap<Uuid, Step>,
    milestones: Vec<Milestone>,
}

impl<'a> Queue<'a> {
    fn read(reading: &'a Reading) -> Result<Self, Refused> {
        let recorded = reading.recorded()?;
        let facts = reading.facts(FactKind::Verifications)?;
        let steps = facts.iter().take_while(|fact| fact.position <= recorded).filter_map(step).collect();
        let milestones = reading.views().milestones(None, reading.valid_date, recorded);
        let milestones = milestones.map_err(|error| refusal::from_views(&error))?;
        Ok(Self { reading, recorded, steps, milestones })
    }

    /// Events that somebody asked to verify, or verified, and that are in a state that is `wanted`.
    fn asked(&self, wanted: impl Fn(State) -> bool) -> Result<Vec<Item>, Refused> {
        let mut items = Vec::new();
        let mut read: BTreeMap<SeriesKey, Series> = BTreeMap::new();
        for (event, step) in self.steps.iter().filter(|(_, step)| wanted(step.state)) {
            let subject = self.reading.views().event(*event, self.recorded);
            let subject = subject.map_err(|error| refusal::from_views(&error))?;
            match subject {
                Some((of, Subject::Series(key))) => {
                    if !read.contains_key(&key) {
                        read.insert(key.clone(), self.series(&key)?);
                    }
                    let figure = read.get(&key).and_then(|series| series.figure(of));
                    items
                        .extend(figure.filter(|figure| holds(figure, step)).map(|figure| of_figure(key, figure, step)));
                }
                Some((_, Subject::Milestone(project, milestone))) => {
                    let of_this = |one: &&Milestone| one.project == project && one.milestone == milestone;
                    let found = self.milestones.iter().find(of_this);
                    items.extend(found.and_then(|milestone| self.of_report(milestone, *event, step)));
                }
                None => {}
            }
        }
        Ok(items)
    }

    /// A rejected report is shown as long as it is known; any other only while it is the last that holds.
    fn of_report(&self, milestone: &Milestone, event: Uuid, step: &Step) -> Option<Item> {
        let report = match step.state {
            State::Rejected => milestone.changes().find(|change| change.event_id == event),
            _ => self.last_report(milestone).filter(|report| report.event_id == event),
        };
        report.map(|report| Item::new(Checked::Report(milestone.clone(), report), Some(step)))
    }

    fn last_report(&self, milestone: &Milestone) -> Option<MilestoneChange> {
        let is_rejected = |event: &Uuid| self.steps.get(event).is_some_and(|step| step.state == State::Rejected);
        last_report(milestone, is_rejected)
    }

    /// Headlines that nobody has asked to verify.
    fn headlines(&self) -> Result<Vec<Item>, Refused> {
        let (reading, mut items) = (self.reading, Vec::new());
        for (area, indicator) in reading.model.targets.keys() {
            let (model, views) = (&reading.model, reading.views());
            let score = views.score_target(model, area, indicator, reading.valid_date, self.recorded);
            let score = score.map_err(|error| refusal::from_views(&error))?;
            let headline = score.and_then(|score| score.headline.clone());
            if let Some(headline) = headline.filter(|headline| !headline.verified) {
                let key = SeriesKey::total(area, indicator);
                // A derived headline is nobody's figure.
                let entry = views.entry(&key, headline.position).map_err(|error| refusal::from_views(&error))?;
                let unasked = entry.filter(|entry| !self.steps.contains_key(&entry.event_id));
                items.extend(unasked.map(|entry| Item::new(Checked::Figure(key, entry), None)));
            }
        }
        Ok(items)
    }

    /// Everything that counts and that nobody has asked to verify.
    fn unasked(&self) -> Result<Vec<Item>, Refused> {
        let (reading, mut items) = (self.reading, Vec::new());
        let indicators = || reading.model.indicators.keys();
        for (area, indicator) in reading.model.areas.keys().flat_map(|area| indicators().map(move |one| (area, one))) {
            let all = reading.views().dimensions(area, indicator, self.recorded);
            for (dimension, series) in all.map_err(|error| refusal::from_views(&error))? {
                let key = SeriesKey { area: area.clone(), indicator: indicator.clone(), dimension };
                let live = series.figures().iter().filter(|figure| figure.live());
                items.extend(live.filter_map(|figure| self.unasked_figure(&key, figure)));
            }
        }
        let reports = self.milestones.iter().filter_map(|one| Some((one, self.last_report(one)?)));
        let reports = reports.filter(|(_, report)| !self.steps.contains_key(&report.event_id));
        items.extend(reports.map(|(one, report)| Item::new(Checked::Report(one.clone(), report), None)));
        Ok(items)
    }

    fn unasked_figure(&self, key: &SeriesKey, figure: &Recorded) -> Option<Item> {
        let asked = figure.verified || self.steps.contains_key(&figure.entry.event_id);
        (!asked).then(|| Item::new(Checked::Figure(key.clone(), figure.entry.clone()), None))
    }

    fn series(&self, key: &SeriesKey) -> Result<Series, Refused> {
        self.reading.views().series(key, self.recorded).map_err(|error| refusal::from_views(&error))
    }
}

fn step(fact: &Fact) -> Option<(Uuid, Step)> {
    let Said::Verification { event, step, note, .. } = &fact.row.said else { return None };
    let state = match step {
        VerificationStep::Requested => State::Requested,
        VerificationStep::Reopened => State::Reopened,
        VerificationStep::Accepted => State::Verified,
        VerificationStep::Rejected => State::Rejected,
    };
    Some((*event, Step { position: fact.position, time_us: fact.row.recorded_time_us, state, note: note.clone() }))
}

/// Whether the figure still stands as the step left it: what was corrected or retracted since is in no queue.
fn holds(figure: &Recorded, step: &Step) -> bool {
    match step.state {
        State::Rejected => matches!(figure.ended, Some(EntryKind::Rejected { .. })),
        _ => figure.live(),
    }
}

fn of_figure(key: SeriesKey, figure: &Recorded, step: &Step) -> Item {
    Item::new(Checked::Figure(key, figure.entry.clone()), Some(step))
}
