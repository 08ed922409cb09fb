//! Tests of what views do by themselves: keys, layout, milestones on a day, who answers for what. What projected
//! events become is tested in the projector.

use std::collections::BTreeMap;

use jiff::civil::{Date, date};
use songhua_domain::event::{
    AgencyAssigned, MilestoneCancelled, MilestonePartiallyReached, MilestonePlanned, MilestoneReached,
    MilestoneRescheduled, Name, ProjectRegistered, Scope,
};
use songhua_domain::id::{AreaId, IndicatorId, ProjectId};
use songhua_domain::quantity::{Decimal, parse_decimal};
use songhua_domain::vocabulary::{AssignmentRole, Basis, MilestoneStatus, MilestoneType, ObsStatus, ProjectKind};
use songhua_log::{Checkpoint, Position};
use uuid::Uuid;

use crate::series::pack;
use crate::{
    Definition, Entry, EntryFigure, EntryKind, Milestone, MilestoneFact, MilestoneRow, Model, Options, Series, Views,
    ViewsError, key,
};

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

#[test]
fn keys_sort_as_what_they_name() {
    let times: Vec<_> = [i64::MIN, -1, 0, 1, i64::MAX].map(|time| key::time(time, 7)).to_vec();
    assert!(times.is_sorted());
    assert!(key::time(0, 255) < key::time(0, 256));
    assert_eq!(key::eight(&times[1], 1).map(key::unsortable), Some(-1));
    let series = |area: &str| key::indicator_series(&id::<AreaId>(area), &id::<IndicatorId>("i")).done();
    // A shorter id comes first, and its keys are no prefix of the longer one's.
    assert!(series("a") < series("a-b") && !series("a-b").starts_with(&series("a")));
}

#[test]
fn an_entry_is_read_as_it_was_written_with_every_digit() {
    let decimals = ["3.10", "-0.00000001", "999999999999999999.99999999"].map(|text| parse_decimal(text).unwrap());
    let mut chunk = Vec::new();
    let mut expected = Series::default();
    for (position, value) in (1..).zip(decimals) {
        let entry = Entry {
            position,
            recorded_time_us: -5,
            kind: EntryKind::Reported,
            basis: Basis::Period,
            start: Some(date(2022, 1, 1)),
            end: date(2022, 1, 31),
            figure: EntryFigure::Fraction { numerator: value, denominator: Decimal::ONE },
            obs_status: ObsStatus::Estimated,
            back_dated: true,
            agency: Some(id("bureau")),
            event_id: Uuid::from_u128(9),
        };
        pack(&mut chunk, b"k", &entry).unwrap();
        expected.push(entry);
    }
    let mut read = Series::default();
    assert!(read.fold_chunk(b"k", &chunk, 3).unwrap());
    assert_eq!(read, expected);
    assert_eq!(read.figures()[0].observation().numerator.unwrap().to_string(), "3.10");
    for cut in [1, 5, chunk.len() - 1] {
        let error = Series::default().fold_chunk(b"k", &chunk[..cut], 3).unwrap_err();
        assert!(matches!(error, ViewsError::Row { .. }), "{error}");
    }
}

#[test]
fn views_of_another_layout_are_refused_until_they_are_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let views = Views::open(dir.path(), Options::default()).unwrap();
    let layout = BTreeMap::from([(vec![key::CHECKPOINT], 2_u32.to_be_bytes().to_vec())]);
    views.read(|store| store.write(layout)).unwrap();
    drop(views);
    let error = Views::open(dir.path(), Options::default()).unwrap_err();
    assert!(matches!(error, ViewsError::OtherLayout { found: 2, reads: 1, .. }), "{error}");
    Views::delete(dir.path()).unwrap();
    assert_eq!(Views::open(dir.path(), Options::default()).unwrap().checkpoint().unwrap(), None);
}

#[test]
fn views_that_are_open_elsewhere_are_not_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let _views = Views::open(dir.path(), Options::default()).unwrap();
    let error = Views::open(dir.path(), Options::default()).unwrap_err();
    assert!(matches!(error, ViewsError::Locked { .. }), "{error}");
}

#[test]
fn a_checkpoint_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoint = Checkpoint { log_id: Uuid::from_u128(1), epoch: 2, position: Position(9), leaf_hash: [7; 32] };
    Views::open(dir.path(), Options::default()).unwrap().batch().unwrap().commit(checkpoint).unwrap();
    let views = Views::open(dir.path(), Options::default()).unwrap();
    assert_eq!((views.checkpoint().unwrap(), views.applied()), (Some(checkpoint), 9));
}

fn rows(facts: Vec<(MilestoneFact, Option<Date>)>) -> Vec<(u64, MilestoneRow)> {
    let row =
        |(fact, effective)| MilestoneRow { fact, recorded_time_us: 0, effective, agency: None, event_id: Uuid::nil() };
    (1..).zip(facts.into_iter().map(row)).collect()
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

#[test]
fn a_milestone_stands_on_a_day_as_the_reports_up_to_that_day_say() {
    let rows = rows(vec![(planned(), None), (partially(date(2024, 3, 1)), None), (reached(date(2024, 8, 1)), None)]);
    let on = |day| Milestone::fold(&rows, day).unwrap();
    assert_eq!(on(date(2024, 2, 1)).status, MilestoneStatus::Scheduled);
    let in_part = on(date(2024, 7, 1));
    assert_eq!((in_part.status, in_part.percent), (MilestoneStatus::PartiallyMet, Some(Decimal::from(40))));
    assert!(in_part.overdue && !on(date(2024, 6, 30)).overdue);
    let met = on(date(2024, 8, 1));
    assert_eq!((met.status, met.reach_date), (MilestoneStatus::Met, Some(date(2024, 8, 1))));
    assert!(!met.overdue && met.changes.len() == 3);
}

#[test]
fn a_rejected_report_gives_way_to_the_one_before_it_and_verification_stays_with_its_report() {
    let verified = MilestoneFact::Verified { of: 2, finding: String::new() };
    let rejected = MilestoneFact::Rejected { of: 3, reason: "no roof".to_owned() };
    let facts = vec![planned(), partially(date(2024, 3, 1)), reached(date(2024, 4, 1)), verified, rejected];
    let rows = rows(facts.into_iter().map(|fact| (fact, None)).collect());
    let after = |count: usize| Milestone::fold(&rows[..count], date(2024, 12, 31)).unwrap();
    assert_eq!((after(4).status, after(4).verified), (MilestoneStatus::Met, false));
    assert_eq!((after(5).status, after(5).verified), (MilestoneStatus::PartiallyMet, true));
    assert_eq!(after(5).changes[4].text, "no roof");
}

#[test]
fn reschedules_move_the_due_date_and_a_cancellation_ends_the_milestone() {
    let moved = MilestoneFact::Rescheduled(MilestoneRescheduled {
        project: id("works"),
        milestone: id("opening"),
        previous_due_date: date(2024, 6, 30),
        due_date: date(2025, 1, 31),
        reason: "flood".to_owned(),
    });
    let (project, milestone, reason) = (id("works"), id("opening"), "sold".to_owned());
    let ended = MilestoneFact::Cancelled(MilestoneCancelled { project, milestone, reason });
    let rows = rows(vec![(planned(), None), (moved, None), (ended, Some(date(2024, 9, 1)))]);
    let open = Milestone::fold(&rows, date(2024, 8, 1)).unwrap();
    assert_eq!((open.original_due_date, open.due_date), (date(2024, 6, 30), date(2025, 1, 31)));
    assert_eq!((open.reschedule_count, open.status, open.overdue), (1, MilestoneStatus::Scheduled, false));
    let ended = Milestone::fold(&rows, date(2025, 3, 1)).unwrap();
    assert_eq!((ended.status, ended.overdue), (MilestoneStatus::Cancelled, false));
}

#[test]
fn the_narrowest_scope_answers_and_the_last_assigned_of_equals() {
    let mut model = Model::default();
    let mut position = 0;
    let mut assign = |model: &mut Model, agency: &str, role, scope| {
        position += 1;
        model.fold(position, Definition::from(AgencyAssigned { agency: id(agency), role, scope }));
    };
    let (area, indicator): (AreaId, IndicatorId) = (id("city"), id("output"));
    let lead = |model: &Model| model.lead_of_target(&area, &indicator).map(ToString::to_string);
    assert_eq!(lead(&model), None);
    assign(&mut model, "target-lead", AssignmentRole::Lead, Scope::Target(area.clone(), indicator.clone()));
    assign(&mut model, "plan-lead", AssignmentRole::Lead, Scope::Plan);
    assign(&mut model, "supervisor", AssignmentRole::Supervising, Scope::Target(area.clone(), indicator.clone()));
    assert_eq!(lead(&model).as_deref(), Some("target-lead"));
    assign(&mut model, "next-lead", AssignmentRole::Lead, Scope::Target(area.clone(), indicator.clone()));
    assert_eq!(lead(&model).as_deref(), Some("next-lead"));

    let project: ProjectId = id("works");
    model.fold(9, Definition::from(registered(&project, &area)));
    let answers = |model: &Model| model.lead_of_project(&project).map(ToString::to_string);
    assert_eq!(answers(&model).as_deref(), Some("plan-lead"));
    assign(&mut model, "builder", AssignmentRole::Responsible, Scope::Project(project.clone()));
    assert_eq!(answers(&model).as_deref(), Some("builder"));
}

fn registered(project: &ProjectId, area: &AreaId) -> ProjectRegistered {
    ProjectRegistered {
        project: project.clone(),
        area: area.clone(),
        kind: ProjectKind::Project,
        name: Name::default(),
        industry: String::new(),
        aliases: Vec::new(),
        mentions: Vec::new(),
        notes: Vec::new(),
    }
}
