//! Milestones: how they stand on a day, as known.

use jiff::Timestamp;
use jiff::civil::{Date, date};
use songhua_domain::event::{
    MilestoneCancelled, MilestoneMissed, MilestonePartiallyReached, MilestonePlanned, MilestoneReached,
    MilestoneReopened, MilestoneRescheduled, Name,
};
use songhua_domain::quantity::Decimal;
use songhua_domain::vocabulary::{MilestoneStatus, MilestoneType};
use songhua_log::{Checkpoint, Position};
use uuid::Uuid;

use super::id;
use crate::{Milestone, MilestoneFact, MilestoneRow, Options, Views};

/// What happened to the one milestone, a batch for each event: so the days are read back from the store.
struct Written {
    _dir: tempfile::TempDir,
    views: Views,
}

impl Written {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let views = Views::open(dir.path(), Options::default()).unwrap();
        let mut written = Self { _dir: dir, views };
        written.fact(planned());
        written
    }

    fn next(&self) -> Checkpoint {
        let position = Position(self.views.applied() + 1);
        Checkpoint { log_id: Uuid::from_u128(1), epoch: 1, position, leaf_hash: [0; 32] }
    }

    fn open_day(&mut self, date: Date) {
        let (next, mut batch) = (self.next(), self.views.batch().unwrap());
        batch.open_day(next.position.0, date).unwrap();
        batch.commit(next).unwrap();
    }

    /// An event, recorded late on the evening of 2024-05-31 UTC; gives its position.
    fn effective(&mut self, fact: MilestoneFact, effective: Option<Date>) -> u64 {
        let recorded: Timestamp = "2024-05-31T23:30:00Z".parse().unwrap();
        let (next, mut batch) = (self.next(), self.views.batch().unwrap());
        let (position, event_id) = (next.position.0, Uuid::from_u128(u128::from(next.position.0)));
        let recorded_time_us = recorded.as_microsecond();
        let row = MilestoneRow { fact, recorded_time_us, effective, agency: None, event_id };
        batch.milestone(&id("works"), &id("opening"), position, &row).unwrap();
        batch.commit(next).unwrap();
        position
    }

    fn fact(&mut self, fact: MilestoneFact) -> u64 {
        self.effective(fact, None)
    }

    fn on(&self, day: Date) -> Milestone {
        self.known(day, u64::MAX)
    }

    fn known(&self, day: Date, known: u64) -> Milestone {
        self.views.milestones(None, day, known).unwrap().remove(0)
    }
}

fn planned() -> MilestoneFact {
    MilestoneFact::Planned(MilestonePlanned {
        project: id("works"),
        milestone: id("opening"),
        milestone_type: MilestoneType::Delivery,
        title: Name::default(),
        due_date: date(2024, 6, 30),
        weight: Decimal::ONE,
    })
}

fn reached(reach_date: Date) -> MilestoneFact {
    MilestoneFact::Reached(MilestoneReached { project: id("works"), milestone: id("opening"), reach_date })
}

fn partially(as_of: Date) -> MilestoneFact {
    let (percent, shortfall) = (Decimal::from(40), "roof".to_owned());
    let (project, milestone) = (id("works"), id("opening"));
    MilestoneFact::PartiallyReached(MilestonePartiallyReached { project, milestone, as_of, percent, shortfall })
}

fn missed(as_of: Date) -> MilestoneFact {
    let (project, milestone, reason) = (id("works"), id("opening"), "flood".to_owned());
    MilestoneFact::Missed(MilestoneMissed { project, milestone, as_of, reason })
}

fn moved(previous_due_date: Date, due_date: Date) -> MilestoneFact {
    let (project, milestone, reason) = (id("works"), id("opening"), "flood".to_owned());
    MilestoneFact::Rescheduled(MilestoneRescheduled { project, milestone, previous_due_date, due_date, reason })
}

fn cancelled() -> MilestoneFact {
    let (project, milestone, reason) = (id("works"), id("opening"), "sold".to_owned());
    MilestoneFact::Cancelled(MilestoneCancelled { project, milestone, reason })
}

fn reopened() -> MilestoneFact {
    let (project, milestone, reason) = (id("works"), id("opening"), "leak".to_owned());
    MilestoneFact::Reopened(MilestoneReopened { project, milestone, reason })
}

/// Due date, how often it was moved, status, overdue.
fn stand(milestone: &Milestone) -> (Date, u32, MilestoneStatus, bool) {
    (milestone.due_date, milestone.reschedule_count, milestone.status, milestone.overdue)
}

#[test]
fn a_milestone_stands_on_a_day_as_the_reports_up_to_that_day_say() {
    let mut written = Written::new();
    written.fact(partially(date(2024, 3, 1)));
    written.fact(reached(date(2024, 8, 1)));
    assert_eq!(written.on(date(2024, 2, 1)).status, MilestoneStatus::Scheduled);
    let in_part = written.on(date(2024, 7, 1));
    assert_eq!((in_part.status, in_part.percent), (MilestoneStatus::PartiallyMet, Some(Decimal::from(40))));
    assert!(in_part.overdue && !written.on(date(2024, 6, 30)).overdue);
    let met = written.on(date(2024, 8, 1));
    assert_eq!((met.status, met.reach_date), (MilestoneStatus::Met, Some(date(2024, 8, 1))));
    assert!(!met.overdue && met.changes().count() == 3);
}

#[test]
fn a_rejected_report_gives_way_to_the_one_before_it_and_verification_stays_with_its_report() {
    let mut written = Written::new();
    let part = written.fact(partially(date(2024, 3, 1)));
    let met = written.fact(reached(date(2024, 4, 1)));
    let verified = written.fact(MilestoneFact::Verified { of: part, finding: String::new() });
    let rejected = written.fact(MilestoneFact::Rejected { of: met, reason: "no roof".to_owned() });
    let after = |known| written.known(date(2024, 12, 31), known);
    assert_eq!((after(verified).status, after(verified).verified), (MilestoneStatus::Met, false));
    assert_eq!((after(rejected).status, after(rejected).verified), (MilestoneStatus::PartiallyMet, true));
    assert_eq!(after(rejected).changes().nth(4).unwrap().text, "no roof");
}

#[test]
fn an_older_report_that_comes_later_does_not_override_a_newer_one() {
    let mut written = Written::new();
    written.fact(missed(date(2024, 8, 1)));
    written.fact(partially(date(2024, 7, 15)));
    assert_eq!(written.on(date(2024, 7, 31)).status, MilestoneStatus::PartiallyMet);
    let later = written.on(date(2024, 8, 1));
    assert_eq!((later.status, later.percent), (MilestoneStatus::NotMet, None));
    // Of one day the last word holds.
    written.fact(partially(date(2024, 8, 1)));
    assert_eq!(written.on(date(2024, 8, 1)).status, MilestoneStatus::PartiallyMet);
}

#[test]
fn a_reschedule_or_cancellation_is_not_seen_on_a_day_before_it_was_recorded() {
    let (due, moved_to) = (date(2024, 6, 30), date(2026, 3, 31));
    let mut written = Written::new();
    written.open_day(date(2025, 5, 20));
    written.fact(moved(due, moved_to));
    written.open_day(date(2025, 9, 1));
    written.fact(cancelled());
    assert_eq!(stand(&written.on(date(2024, 12, 31))), (due, 0, MilestoneStatus::Scheduled, true));
    assert_eq!(stand(&written.on(date(2025, 5, 19))), (due, 0, MilestoneStatus::Scheduled, true));
    assert_eq!(stand(&written.on(date(2025, 5, 20))), (moved_to, 1, MilestoneStatus::Scheduled, false));
    assert_eq!(written.on(date(2025, 8, 31)).status, MilestoneStatus::Scheduled);
    assert_eq!(stand(&written.on(date(2025, 9, 1))), (moved_to, 1, MilestoneStatus::Cancelled, false));
    // The history is what is known, whatever the day.
    assert_eq!(written.on(date(2024, 12, 31)).changes().count(), 3);
}

#[test]
fn an_effective_date_says_from_when_a_reschedule_or_cancellation_holds() {
    let (due, moved_to) = (date(2024, 6, 30), date(2026, 3, 31));
    let mut written = Written::new();
    written.open_day(date(2025, 5, 20));
    written.effective(moved(due, moved_to), Some(date(2024, 6, 1)));
    written.effective(cancelled(), Some(date(2024, 9, 1)));
    assert_eq!(stand(&written.on(date(2024, 5, 31))), (due, 0, MilestoneStatus::Scheduled, false));
    assert_eq!(stand(&written.on(date(2024, 8, 31))), (moved_to, 1, MilestoneStatus::Scheduled, false));
    assert_eq!(written.on(date(2024, 9, 1)).status, MilestoneStatus::Cancelled);
}

#[test]
fn of_the_reschedules_a_day_sees_the_last_one_recorded_holds() {
    let (due, second, third) = (date(2024, 6, 30), date(2025, 6, 30), date(2026, 3, 31));
    let mut written = Written::new();
    written.open_day(date(2025, 5, 20));
    written.effective(moved(due, second), Some(date(2025, 3, 1)));
    // Decided on the one before, but true earlier.
    written.effective(moved(second, third), Some(date(2025, 1, 1)));
    assert_eq!(stand(&written.on(date(2025, 2, 1))), (third, 1, MilestoneStatus::Scheduled, false));
    assert_eq!(stand(&written.on(date(2025, 4, 1))), (third, 2, MilestoneStatus::Scheduled, false));
}

#[test]
fn before_the_first_day_a_reschedule_holds_from_the_utc_date_it_was_recorded_on() {
    let (due, moved_to) = (date(2024, 5, 1), date(2026, 3, 31));
    let mut written = Written::new();
    written.fact(moved(date(2024, 6, 30), due));
    written.fact(moved(due, moved_to));
    assert_eq!(written.on(date(2024, 5, 30)).due_date, date(2024, 6, 30));
    assert_eq!(written.on(date(2024, 5, 31)).due_date, moved_to);
}

#[test]
fn a_cancellation_ends_a_milestone_whatever_is_reported_of_later_days() {
    let mut written = Written::new();
    written.fact(partially(date(2024, 10, 1)));
    written.effective(cancelled(), Some(date(2024, 9, 1)));
    assert_eq!(written.on(date(2024, 10, 2)).status, MilestoneStatus::Cancelled);
}

#[test]
fn a_reopened_milestone_is_open_from_that_day_on_and_as_it_was_before() {
    let mut written = Written::new();
    written.open_day(date(2024, 9, 1));
    written.fact(reached(date(2024, 3, 1)));
    // Known before the reopening, of a day behind it: it no longer holds either.
    let last = written.fact(partially(date(2024, 12, 1)));
    let position = written.effective(reopened(), Some(date(2024, 8, 1)));
    assert_eq!(written.on(date(2024, 7, 31)).status, MilestoneStatus::Met);
    assert_eq!(stand(&written.on(date(2024, 8, 1))), (date(2024, 6, 30), 0, MilestoneStatus::Scheduled, true));
    assert_eq!(written.on(date(2024, 12, 1)).status, MilestoneStatus::Scheduled);
    assert_eq!(written.known(date(2024, 12, 1), last).status, MilestoneStatus::Met);
    let change = written.on(date(2024, 1, 1)).changes().next_back().unwrap();
    assert_eq!((change.event_type, change.position), ("MilestoneReopened", position));
    assert_eq!((change.date, change.text.as_str()), (Some(date(2024, 8, 1)), "leak"));
    // What is reported behind it holds.
    written.fact(reached(date(2024, 8, 20)));
    assert_eq!(written.on(date(2024, 8, 19)).status, MilestoneStatus::Scheduled);
    let met = written.on(date(2024, 8, 20));
    assert_eq!((met.status, met.reach_date), (MilestoneStatus::Met, Some(date(2024, 8, 20))));
}

#[test]
fn a_cancellation_ends_with_a_reopening_from_the_day_it_was_recorded_on() {
    let mut written = Written::new();
    written.open_day(date(2024, 2, 1));
    written.fact(cancelled());
    written.open_day(date(2024, 5, 1));
    written.fact(reopened());
    assert_eq!(written.on(date(2024, 4, 30)).status, MilestoneStatus::Cancelled);
    assert_eq!(written.on(date(2024, 5, 1)).status, MilestoneStatus::Scheduled);
    written.fact(cancelled());
    assert_eq!(written.on(date(2024, 5, 1)).status, MilestoneStatus::Cancelled);
}

#[test]
fn of_two_reopenings_the_first_day_counts() {
    let mut written = Written::new();
    written.fact(reached(date(2024, 1, 1)));
    written.effective(reopened(), Some(date(2024, 6, 1)));
    written.fact(reached(date(2024, 7, 1)));
    written.effective(reopened(), Some(date(2024, 3, 1)));
    assert_eq!(written.on(date(2024, 2, 29)).status, MilestoneStatus::Met);
    for day in [date(2024, 3, 1), date(2024, 6, 1), date(2024, 7, 1)] {
        assert_eq!(written.on(day).status, MilestoneStatus::Scheduled, "{day}");
    }
}

#[test]
fn a_verification_that_was_taken_back_leaves_the_report() {
    let mut written = Written::new();
    let of = written.fact(reached(date(2024, 4, 1)));
    let verified = written.fact(MilestoneFact::Verified { of, finding: String::new() });
    written.fact(MilestoneFact::VerificationReopened { of, reason: "doubts".to_owned() });
    assert!(written.known(date(2024, 12, 31), verified).verified);
    let met = written.on(date(2024, 12, 31));
    assert_eq!((met.status, met.verified), (MilestoneStatus::Met, false));
    assert_eq!(
        met.changes().next_back().as_ref().map(|change| (change.event_type, change.text.as_str())),
        Some(("VerificationReopened", "doubts"))
    );
}

#[test]
fn a_project_is_planned_as_long_as_one_of_its_milestones_stands() {
    let mut written = Written::new();
    let head = written.views.applied();
    written.effective(cancelled(), Some(date(2024, 6, 10)));
    let last = written.views.applied();
    let is_planned = |day, known| written.views.is_planned(&id("works"), day, known).unwrap();
    for (day, known, expected) in [
        (date(2024, 6, 9), 0, false),
        (date(2024, 6, 10), head, true),
        (date(2024, 6, 9), last, true),
        (date(2024, 6, 10), last, false),
    ] {
        assert_eq!(is_planned(day, known), expected, "{day} {known}");
    }
    assert!(!written.views.is_planned(&id("work"), date(2024, 6, 9), last).unwrap());
    // One that comes behind a cancelled one is found.
    let (next, mut batch) = (written.next(), written.views.batch().unwrap());
    let event_id = Uuid::from_u128(99);
    let row = MilestoneRow { fact: planned(), recorded_time_us: 0, effective: None, agency: None, event_id };
    batch.milestone(&id("works"), &id("second"), next.position.0, &row).unwrap();
    batch.commit(next).unwrap();
    assert!(written.views.is_planned(&id("works"), date(2024, 6, 10), u64::MAX).unwrap());
}
