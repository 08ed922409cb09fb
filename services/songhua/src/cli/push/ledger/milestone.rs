//! Rows of milestones: what became of one, against its history.
//!
//! Place in the flow: a row and what is known → an entry. It must not know: what the server will say of it.

use jiff::civil::Date;
use songhua_domain::quantity::{Decimal, parse_decimal};
use songhua_wire::google::type_::Date as PbDate;
use songhua_wire::pb;
use songhua_wire::pb::event_input::Payload;
use songhua_wire::time::{date_from_pb, date_to_pb};

use super::book::{Book, Known, last, zh};
use super::cells::Cells;
use super::column::Column;
use super::entry::{Entry, Standing};
use super::fault::{Fault, words};
use super::number::number;
use super::period::day;
use super::sheet::Line;
use super::word::{Progress, progress, progress_word};
use crate::cli::push_id::derived_id;

/// Whether a row was left empty, as in a template.
pub(super) fn is_blank(line: &Line) -> bool {
    [Column::Progress, Column::Date, Column::Percent, Column::Shortfall]
        .iter()
        .all(|column| line.cell(*column).is_empty())
}

/// What a row says.
struct Said<'a> {
    line: &'a Line,
    project: &'a pb::Project,
    milestone: &'a pb::Milestone,
    progress: Progress,
    date: Option<Date>,
    percent: Option<Decimal>,
    /// Reason or shortfall.
    text: String,
}

/// What only one row of a file may say of a milestone: reports of several days may stand beside each other, but it is
/// moved or cancelled once.
pub(super) type Once = (String, &'static str, Option<Date>);

/// The entry that a row is, against what is known.
pub(super) fn entry(line: &Line, book: &Book, known: &Known, agency: &str) -> Result<(Entry, Once), Vec<Fault>> {
    let mut cells = Cells::of(line);
    let said = read(&mut cells, book, known);
    let Some(said) = said.filter(|_| cells.faults.is_empty()) else {
        return Err(cells.faults);
    };
    let moved = matches!(said.progress, Progress::Rescheduled | Progress::Cancelled);
    let once = (said.milestone.name.clone(), said.progress.event_type(), said.date.filter(|_| !moved));
    Ok((said.entry(agency), once))
}

fn read<'a>(cells: &mut Cells<'a>, book: &'a Book, known: &'a Known) -> Option<Said<'a>> {
    let project = cells.required(Column::Project, |text| book.project(text));
    let milestone = project
        .and_then(|project| cells.required(Column::Milestone, |text| known.milestone(last(&project.name), text)));
    let progress = cells.required(Column::Progress, progress);
    let partly = progress == Some(Progress::PartiallyReached);
    let date = match progress {
        Some(Progress::Cancelled) | None => cells.optional(Column::Date, day),
        Some(_) => cells.required(Column::Date, day).map(Some),
    };
    let percent = if partly {
        cells.required(Column::Percent, |text| number(text).map(|read| read.value)).map(Some)
    } else {
        let only = |_| Err(words("仅“部分达成”填写", "is for partially_reached only"));
        cells.optional(Column::Percent, only)
    };
    // A reason is a reason, in whichever of the two columns it stands.
    let explained = [Column::Shortfall, Column::Reason].map(|column| cells.text(column));
    let text = explained.into_iter().find(|text| !text.is_empty()).unwrap_or_default();
    if text.is_empty() && progress.is_some_and(|progress| progress != Progress::Reached) {
        cells.required(Column::Shortfall, |_| Ok(()));
    }
    let (line, text) = (cells.line, text.to_owned());
    Some(Said {
        line,
        project: project?,
        milestone: milestone?,
        progress: progress?,
        date: date?,
        percent: percent?,
        text,
    })
}

impl Said<'_> {
    fn entry(&self, agency: &str) -> Entry {
        let (line, milestone) = (self.line.number, self.milestone);
        let subject = format!("{} · {}", zh(self.project.display_name.as_ref()), zh(milestone.title.as_ref()));
        let entry = if self.is_known() {
            Entry::still(line, Standing::Unchanged, subject)
        } else {
            let event = self.event();
            // Each report of its day is one more than the reports of that day so far, also after a rejection.
            let earlier = milestone.changes.iter().filter(|change| self.is_like(change)).count();
            let revision = u32::try_from(earlier).unwrap_or(u32::MAX);
            let event_id = derived_id(agency, &event, revision).unwrap_or_default();
            let standing = if self.reports().is_empty() { Standing::New } else { Standing::Changed };
            Entry::sent(line, standing, subject, pb::EventInput { event_id, ..event })
        };
        Entry { old: self.before(), new: shown(self.progress, self.percent, self.date), ..entry }
    }

    fn is_like(&self, change: &pb::MilestoneChange) -> bool {
        let date = change.date.as_ref().and_then(|date| date_from_pb(date).ok());
        change.event_type == self.progress.event_type() && date == self.date
    }

    /// Reports that were not rejected: a rejection speaks of the last one before it.
    fn reports(&self) -> Vec<&pb::MilestoneChange> {
        let mut reports = Vec::new();
        for change in &self.milestone.changes {
            match change.event_type.as_str() {
                "MilestoneReached" | "MilestonePartiallyReached" | "MilestoneMissed" | "MilestoneCancelled" => {
                    reports.push(change);
                }
                "VerificationRejected" => drop(reports.pop()),
                _ => {}
            }
        }
        reports
    }

    /// The last report of its kind and day.
    fn own(&self) -> Option<&pb::MilestoneChange> {
        self.reports().into_iter().rfind(|change| self.is_like(change))
    }

    /// Whether the history says it already.
    fn is_known(&self) -> bool {
        let same = |change: &pb::MilestoneChange| {
            let same_text = self.progress == Progress::Reached || change.text == self.text;
            parse_decimal(&change.percent).ok() == self.percent && same_text
        };
        match self.progress {
            Progress::Rescheduled => self.milestone.due_date.and_then(|due| date_from_pb(&due).ok()) == self.date,
            Progress::Cancelled => self.milestone.status() == pb::MilestoneStatus::Cancelled,
            _ => self.own().is_some_and(same),
        }
    }

    /// What it would change: what was said of that day, else how the milestone stands.
    fn before(&self) -> String {
        let told = |change: &pb::MilestoneChange| shown(self.progress, parse_decimal(&change.percent).ok(), self.date);
        self.own().map_or_else(|| stands(self.milestone), told)
    }

    fn event(&self) -> pb::EventInput {
        let (project, milestone) = (last(&self.project.name).to_owned(), last(&self.milestone.name).to_owned());
        let (date, text) = (self.date.map(date_to_pb), self.text.clone());
        let mut effective_date = None;
        let payload = match self.progress {
            Progress::Reached => {
                Payload::MilestoneReached(pb::MilestoneReached { project, milestone, reach_date: date })
            }
            Progress::PartiallyReached => {
                let percent = self.percent.map(|percent| percent.to_string()).unwrap_or_default();
                let (as_of_date, shortfall) = (date, text);
                let said = pb::MilestonePartiallyReached { project, milestone, as_of_date, percent, shortfall };
                Payload::MilestonePartiallyReached(said)
            }
            Progress::Missed => {
                Payload::MilestoneMissed(pb::MilestoneMissed { project, milestone, as_of_date: date, reason: text })
            }
            Progress::Rescheduled => {
                let (previous_due_date, due_date, reason) = (self.milestone.due_date, date, text);
                let said = pb::MilestoneRescheduled { project, milestone, previous_due_date, due_date, reason };
                Payload::MilestoneRescheduled(said)
            }
            Progress::Cancelled => {
                effective_date = date;
                Payload::MilestoneCancelled(pb::MilestoneCancelled { project, milestone, reason: text })
            }
        };
        pb::EventInput {
            effective_date,
            comment: self.line.cell(Column::Comment).to_owned(),
            source_ref: self.line.cell(Column::SourceRef).to_owned(),
            payload: Some(payload),
            ..Default::default()
        }
    }
}

fn shown(progress: Progress, percent: Option<Decimal>, date: Option<Date>) -> String {
    let percent = percent.map_or_else(String::new, |percent| format!(" {percent} %"));
    let date = date.map_or_else(String::new, |date| format!(" {date}"));
    format!("{}{percent}{date}", progress_word(progress))
}

/// How a milestone stands, in words.
fn stands(milestone: &pb::Milestone) -> String {
    let shown = |date: Option<PbDate>| {
        date.and_then(|date| date_from_pb(&date).ok()).map_or_else(String::new, |date| date.to_string())
    };
    let due = shown(milestone.due_date);
    match milestone.status() {
        pb::MilestoneStatus::Met => format!("{} {}", progress_word(Progress::Reached), shown(milestone.reach_date)),
        pb::MilestoneStatus::PartiallyMet => {
            format!("{} {} %", progress_word(Progress::PartiallyReached), milestone.percent)
        }
        pb::MilestoneStatus::NotMet => format!("{}，到期 {due}", progress_word(Progress::Missed)),
        pb::MilestoneStatus::Cancelled => progress_word(Progress::Cancelled).to_owned(),
        pb::MilestoneStatus::Scheduled | pb::MilestoneStatus::Unspecified => format!("到期 {due}"),
    }
}
