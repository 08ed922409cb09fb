//! Tests of what views do by themselves: keys, layout, damage, milestones on a day, who answers for what. What projected
//! events become is tested in the projector.

use std::collections::BTreeMap;

use jiff::civil::date;
use songhua_domain::event::{AgencyAssigned, Name, ProjectRegistered, Scope};
use songhua_domain::id::{AreaId, IndicatorId, ProjectId};
use songhua_domain::quantity::{Decimal, parse_decimal};
use songhua_domain::vocabulary::{AssignmentRole, Basis, ObsStatus, ProjectKind};
use songhua_log::{Checkpoint, Position};
use uuid::Uuid;

use crate::series::{OpenSeries, entries_of};
use crate::{Definition, Entry, EntryFigure, EntryKind, Model, Options, Views, ViewsError, key};

mod changes;
mod damage;
mod facts;
mod later;
mod memory;
mod milestones;
mod revisions;
mod stretches;

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
    let decimals = ["3.10", "-0.00000001", "-0", "0.00", "999999999999999999.99999999"];
    let decimals = decimals.map(|text| parse_decimal(text).unwrap());
    let figures = decimals.map(|value| EntryFigure::Fraction { numerator: value, denominator: Decimal::ONE });
    let step = EntryFigure::Step("a step".to_owned());
    let kinds = [
        EntryKind::Reported,
        EntryKind::Assessed,
        EntryKind::Nothing,
        EntryKind::Corrected { of: 1 },
        EntryKind::Revised { of: 1 },
        EntryKind::Retracted { of: 1 },
        EntryKind::Verified { of: 1 },
        EntryKind::Rejected { of: 1 },
        EntryKind::Reopened { of: 1 },
    ];
    let mut open = OpenSeries::begin(1);
    let mut expected = Vec::new();
    for (position, kind) in (1..).zip(kinds) {
        for (n, figure) in figures.iter().chain([&step, &EntryFigure::None]).enumerate() {
            let entry = Entry {
                position,
                recorded_time_us: [-5, i64::MAX, i64::MIN][n % 3],
                kind,
                basis: Basis::ALL[n % Basis::ALL.len()],
                start: n.is_multiple_of(2).then_some(date(1900, 1, 1)),
                end: date(2200, 12, 31),
                figure: figure.clone(),
                obs_status: ObsStatus::ALL[n % ObsStatus::ALL.len()],
                back_dated: n.is_multiple_of(3),
                agency: [None, Some("bureau"), Some("other")][n % 3].map(id),
                event_id: Uuid::from_u128(9),
                reason: "更正".repeat(n),
            };
            open.push(&entry.borrowed(), &mut Vec::new()).unwrap();
            expected.push(entry);
        }
    }
    let key = open.block.key(b"k");
    let read = |bytes: &[u8]| entries_of(&key, bytes).collect::<Result<Vec<_>, _>>();
    assert_eq!(read(&open.block.bytes).unwrap(), expected);
    let shown = |entry: &Entry| format!("{:?}", entry.figure);
    assert!(
        read(&open.block.bytes).unwrap().iter().map(shown).eq(expected.iter().map(shown)),
        "a digit or sign is lost"
    );
    for cut in [1, 5, open.block.bytes.len() - 1] {
        let error = read(&open.block.bytes[..cut]).unwrap_err();
        assert!(matches!(error, ViewsError::Row { .. }), "{error}");
    }
    // What was resumed goes on as if it had never been put down.
    let mut resumed = OpenSeries::resume(&key, &open.block.bytes).unwrap();
    for open in [&mut open, &mut resumed] {
        open.push(&Entry { position: 99, ..expected[1].clone() }.borrowed(), &mut Vec::new()).unwrap();
    }
    assert_eq!(resumed.block.bytes, open.block.bytes);
}

#[test]
fn views_of_another_layout_are_refused_until_they_are_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let views = Views::open(dir.path(), Options::default()).unwrap();
    let layout = BTreeMap::from([(vec![key::CHECKPOINT], (&1_u32.to_be_bytes()).into())]);
    views.put_rows(layout);
    drop(views);
    let error = Views::open(dir.path(), Options::default()).unwrap_err();
    assert!(matches!(error, ViewsError::OtherLayout { found: 1, .. }), "{error}");
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
