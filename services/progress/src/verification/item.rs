//! One event in the queue of verification.
//!
//! Place in the flow: made by the queue, filtered, ordered and shown. It must not know how the queue finds it.

use std::cmp::Reverse;

use jiff::civil::Date;
use songhua_domain::event::ReferencePeriod;
use songhua_domain::id::AgencyId;
use songhua_domain::vocabulary::{MilestoneStatus, UnknownCode};
use songhua_views::{Entry, EntryKind, Milestone, MilestoneChange, SeriesKey};
use songhua_wire::code::Code;
use songhua_wire::pb;
use songhua_wire::time::micros_to_pb;
use uuid::Uuid;

use super::{Step, evidence};
use crate::filter::Value;
use crate::indicator;
use crate::name;
use crate::overview::days;
use crate::reading::Reading;
use crate::refusal::{self, Refused};

/// Where an event is in verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Nobody asked yet.
    Unverified,
    /// Asked for.
    Requested,
    /// Taken back, to be checked again.
    Reopened,
    /// Agreed to.
    Verified,
    /// Disagreed with.
    Rejected,
}

impl State {
    const ALL: [Self; 5] = [Self::Unverified, Self::Requested, Self::Reopened, Self::Verified, Self::Rejected];

    /// As filters write it.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Unverified => "UNVERIFIED",
            Self::Requested => "REQUESTED",
            Self::Reopened => "REOPENED",
            Self::Verified => "VERIFIED",
            Self::Rejected => "REJECTED",
        }
    }

    /// Whether `text` is a state.
    pub(super) fn from_code(text: &str) -> Result<(), UnknownCode> {
        is_one_of("VerificationState", &Self::ALL.map(Self::code), text)
    }

    /// Whether a checker is awaited.
    pub(super) const fn waits(self) -> bool {
        matches!(self, Self::Requested | Self::Reopened)
    }

    const fn to_pb(self) -> pb::VerificationState {
        match self {
            Self::Unverified => pb::VerificationState::Unverified,
            Self::Requested => pb::VerificationState::Requested,
            Self::Reopened => pb::VerificationState::Reopened,
            Self::Verified => pb::VerificationState::Verified,
            Self::Rejected => pb::VerificationState::Rejected,
        }
    }
}

/// Whether `text` is a code of a list.
pub(super) fn is_one_of(list: &'static str, codes: &[&str], text: &str) -> Result<(), UnknownCode> {
    if codes.contains(&text) {
        return Ok(());
    }
    Err(UnknownCode { list, code: text.chars().take(80).collect(), known: codes.join(", ") })
}

/// What is checked.
#[derive(Debug, Clone)]
pub(super) enum Checked {
    /// A figure or an assessment.
    Figure(SeriesKey, Entry),
    /// A report on a milestone.
    Report(Milestone, MilestoneChange),
}

/// An event in the queue.
#[derive(Debug, Clone)]
pub(super) struct Item {
    checked: Checked,
    /// The last step; none = nobody asked.
    step: Option<Step>,
}

impl Item {
    pub(super) fn new(checked: Checked, step: Option<&Step>) -> Self {
        Self { checked, step: step.cloned() }
    }

    fn state(&self) -> State {
        self.step.as_ref().map_or(State::Unverified, |step| step.state)
    }

    /// The event: id, position, time of recording, agency.
    const fn event(&self) -> (Uuid, u64, i64, Option<&AgencyId>) {
        match &self.checked {
            Checked::Figure(_, entry) => {
                (entry.event_id, entry.position, entry.recorded_time_us, entry.agency.as_ref())
            }
            Checked::Report(_, report) => {
                (report.event_id, report.position, report.recorded_time_us, report.agency.as_ref())
            }
        }
    }

    /// When it came to its state: position and time of recording.
    fn since(&self) -> (u64, i64) {
        let (_, position, time_us, _) = self.event();
        self.step.as_ref().map_or((position, time_us), |step| (step.position, step.time_us))
    }

    /// What waits longest first, then what nobody asked about, the oldest first; then what was decided, the last first.
    pub(super) fn place(&self) -> (u8, u64, Reverse<u64>) {
        let (since, _) = self.since();
        match self.state() {
            State::Requested | State::Reopened => (0, since, Reverse(0)),
            State::Unverified => (1, since, Reverse(0)),
            State::Verified | State::Rejected => (2, 0, Reverse(since)),
        }
    }

    const fn kind(&self) -> &'static str {
        match &self.checked {
            Checked::Figure(_, Entry { kind: EntryKind::Assessed, .. }) => "ASSESSMENT",
            Checked::Figure(..) => "MEASUREMENT",
            Checked::Report(..) => "MILESTONE",
        }
    }

    fn area(&self, reading: &Reading) -> String {
        match &self.checked {
            Checked::Figure(key, _) => key.area.to_string(),
            Checked::Report(milestone, _) => {
                name::or_empty(reading.model.projects.get(&milestone.project).map(|project| &project.area))
            }
        }
    }

    /// The value of a field of the filter; the state is looked at before.
    pub(super) fn value_of(&self, reading: &Reading, field: &str) -> Option<Value> {
        let (.., agency) = self.event();
        match (field, &self.checked) {
            ("kind", _) => Some(self.kind().into()),
            ("area", _) => Some(self.area(reading).as_str().into()),
            ("agency", _) => agency.map(|agency| agency.as_str().into()),
            ("indicator", Checked::Figure(key, _)) => Some(key.indicator.as_str().into()),
            _ => None,
        }
    }

    /// The answer, with the files up to position `recorded`.
    pub(super) fn to_pb(&self, reading: &Reading, recorded: u64) -> Result<pb::VerificationItem, Refused> {
        let (event_id, position, time_us, agency) = self.event();
        let (since, since_us) = self.since();
        let day = reading.views().last_day(since).map_err(|error| refusal::from_views(&error))?;
        let item = pb::VerificationItem {
            event_id: event_id.to_string(),
            position,
            recorded_time: micros_to_pb(time_us),
            kind: self.kind().to_owned(),
            area: self.area(reading),
            agency: name::or_empty(agency),
            state: self.state().to_pb().into(),
            note: self.step.as_ref().map(|step| step.note.clone()).unwrap_or_default(),
            state_time: micros_to_pb(since_us),
            days_waiting: day.map_or(0, |day| days(day, reading.valid_date)),
            evidence: evidence::of_event(reading, event_id, recorded)?,
            ..Default::default()
        };
        Ok(match &self.checked {
            Checked::Figure(key, entry) => of_figure(reading, key, entry, item),
            Checked::Report(milestone, report) => of_report(reading, milestone, report, item),
        })
    }
}

fn of_figure(reading: &Reading, key: &SeriesKey, entry: &Entry, item: pb::VerificationItem) -> pb::VerificationItem {
    let (figure, step) = indicator::figure(&entry.figure);
    pb::VerificationItem {
        subject: reading.subject_of_series(&key.area, &key.indicator),
        indicator: key.indicator.to_string(),
        dimension: key.dimension.clone(),
        basis: entry.basis.to_wire(),
        period: Some((&indicator::period(entry)).into()),
        figure: figure.as_ref().map(Into::into),
        step,
        ..item
    }
}

fn of_report(
    reading: &Reading,
    milestone: &Milestone,
    report: &MilestoneChange,
    item: pb::VerificationItem,
) -> pb::VerificationItem {
    let as_of = |date: Date| pb::ReferencePeriod::from(&ReferencePeriod::AsOf(date));
    pb::VerificationItem {
        subject: name::of_milestone(&reading.plan, &milestone.project, &milestone.milestone),
        period: report.date.map(as_of),
        step: reported(report.event_type).map(|status| status.code().to_owned()).unwrap_or_default(),
        ..item
    }
}

/// The status that a report of this type says; none for what is no report.
fn reported(event_type: &str) -> Option<MilestoneStatus> {
    match event_type {
        "MilestoneReached" => Some(MilestoneStatus::Met),
        "MilestonePartiallyReached" => Some(MilestoneStatus::PartiallyMet),
        "MilestoneMissed" => Some(MilestoneStatus::NotMet),
        _ => None,
    }
}

/// The last report on a milestone that was not rejected, as ingest has it: the only one that can be verified. Cancelling
/// and reopening end all reports before.
pub(super) fn last_report(milestone: &Milestone, is_rejected: impl Fn(&Uuid) -> bool) -> Option<MilestoneChange> {
    let mut last = None;
    for change in milestone.changes() {
        match change.event_type {
            "MilestoneCancelled" | "MilestoneReopened" => last = None,
            event_type if reported(event_type).is_some() && !is_rejected(&change.event_id) => last = Some(change),
            _ => {}
        }
    }
    last
}
