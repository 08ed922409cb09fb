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

use crate::series::pack;
use crate::{Definition, Entry, EntryFigure, EntryKind, Model, Options, Series, Views, ViewsError, key};

mod changes;
mod damage;
mod milestones;
mod revisions;

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
            reason: String::new(),
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
    let layout = BTreeMap::from([(vec![key::CHECKPOINT], 1_u32.to_be_bytes().to_vec())]);
    views.read(|store| store.write(layout)).unwrap();
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
