//! Steps beside figures: notes, supervision, reminders, periods, evidence, statuses, milestones that begin and go on.

use jiff::civil::date;
use songhua_domain::event::{
    EvidenceAttached, EvidenceWithdrawn, MilestoneCancelled, MilestonePlanned, MilestoneReopened, ProgressNoteRecorded,
    ProjectStatusChanged, ReminderIssued, ReportingPeriodClosed, ReportingPeriodOpened, Scope, SupervisionAnswered,
    SupervisionClosed, SupervisionIssued, TargetSet, VerificationReopened, VerificationRequested,
};
use songhua_domain::vocabulary::{Frequency, ProjectStatus, SupervisionOutcome};

use super::super::plan::{BUREAU, CIRCLE, CITY, OUTPUT, definitions, evidence, id, milestone};
use super::{Writer, day};
use songhua_domain::event::Payload;

impl Writer {
    pub(super) fn conduct(&mut self, which: u16, much: u16) {
        let (agency, supervision, period) = (id(BUREAU), id("matter-1"), id("q1-2026"));
        let scope = Scope::Target(id(CITY), id(OUTPUT));
        match which % 7 {
            0 => {
                let (progress, problems, next_steps) = ("on".to_owned(), "frost".to_owned(), String::new());
                let note = ProgressNoteRecorded { scope, as_of: day(much % 900), progress, problems, next_steps };
                self.history.push_with_file(note, which as u8)
            }
            1 => self.history.push(SupervisionIssued {
                supervision,
                agency,
                scope: Scope::Plan,
                demand: "report".to_owned(),
                due_date: date(2090, 1, 1),
                document: String::new(),
            }),
            2 => self.history.push(SupervisionAnswered { supervision, answer: "reported".to_owned() }),
            3 => {
                let outcome = SupervisionOutcome::ALL[usize::from(which / 7) % SupervisionOutcome::ALL.len()];
                let finding = "seen".to_owned();
                self.history.push(SupervisionClosed { supervision, outcome, finding })
            }
            4 => {
                let (period, message) = (which.is_multiple_of(2).then_some(period), "late".to_owned());
                self.history.push(ReminderIssued { agency, scope, period, message })
            }
            5 => self.history.push(ReportingPeriodOpened {
                period,
                frequency: Frequency::Quarter,
                start: date(2026, 1, 1),
                end: date(2026, 3, 31),
                due_date: date(2026, 4, 30),
                note: String::new(),
            }),
            _ => self.history.push(ReportingPeriodClosed { period, reason: "over".to_owned() }),
        };
    }

    pub(super) fn deliver(&mut self, which: u16, much: u16) {
        let (project, milestone, reason) = (id("works"), id("opening"), "budget".to_owned());
        match which % 7 {
            0 => {
                let status = ProjectStatus::ALL[usize::from(much) % ProjectStatus::ALL.len()];
                let changed = ProjectStatusChanged { project, status, reason };
                self.history.push_effective(changed, Some(day(much % 900)));
            }
            1 => {
                let effective = (!much.is_multiple_of(3)).then(|| day(much % 900));
                self.history.push_effective(MilestoneReopened { project, milestone, reason }, effective);
            }
            2 => {
                self.history.push(MilestoneCancelled { project, milestone, reason });
            }
            3 => self.plan_more(which),
            4 => {
                let Some(event) = self.reports.last().copied() else { return };
                self.history.push(VerificationRequested { event, note: String::new() });
                self.history.push(VerificationReopened { event, reason });
            }
            5 => {
                let Some(event) = self.live.last().copied() else { return };
                self.history.push(EvidenceAttached { event, evidence: vec![evidence(1), evidence(2)] });
            }
            _ => {
                let Some(event) = self.live.first().copied() else { return };
                let event = self.history.push(EvidenceAttached { event, evidence: vec![evidence(3)] });
                self.history.push(EvidenceWithdrawn { event, sha256: evidence(3).sha256, reason });
            }
        }
    }

    /// A milestone, or a target that was set before, of another area.
    fn plan_more(&mut self, which: u16) {
        if which.is_multiple_of(2) {
            let planned: MilestonePlanned = milestone(&format!("m{}", self.history.head()), date(2025, 1, 1));
            self.history.push(planned);
            return;
        }
        let set = definitions().into_iter().find_map(|payload| match payload {
            Payload::TargetSet(set) if set.area == id(CIRCLE) => Some(set),
            _ => None,
        });
        let set: TargetSet = set.unwrap();
        self.history.push(TargetSet { area: id("circle-b"), ..set });
    }
}
