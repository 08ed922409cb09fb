//! Draws proposals: mostly sensible, in any order, about anything that is there.
//!
//! Place in the flow: asked again and again; `world` keeps what the rules accept. It must not know what the rules are:
//! it only makes proposals that often pass them.

mod conduct;
mod definition;
mod delivery;
mod figure;
mod spoken;

use jiff::SignedDuration;
use jiff::civil::{Date, date};
use songhua_domain::event::{Actor, EventInput, Evidence, Payload, Scope, StaffCodes};
use songhua_domain::id::{AgencyId, AreaId, IndicatorId, ProjectId};

use super::dice::Dice;
use super::world::{self, World};

/// What an agency, the office or an auditor might send.
type Proposal = (Actor, Payload);

/// Grows a published plan to about `events` events, over the years of the plan and one and a half more.
pub(super) fn history(seed: u64, events: usize) -> World {
    let (mut dice, mut world) = (Dice::of(seed), World::published());
    let begin = world.events.len();
    while world.events.len() < events {
        let told = world.events.len() - begin;
        if dice.one_in(9) {
            pass(&mut world, &mut dice, told * 2_350 / (events - begin));
        }
        let Some((actor, payload)) = propose(&world, &mut dice) else { continue };
        let input = dressed(&mut world, &mut dice, payload);
        let room = 1 + dice.below(4);
        let sent = world.send(&actor, input.clone(), room);
        if sent.is_ok() && dice.one_in(12) {
            // The answer was lost: the client sends it again.
            assert_eq!(world.send(&actor, input, room), Err(world::Left::Duplicate));
        }
    }
    world.close();
    world
}

/// Some hours or a long time; not much later than `day` of the plan, so that the events last for all its years.
fn pass(world: &mut World, dice: &mut Dice, day: usize) {
    let ahead = i64::try_from(day).unwrap() - i64::from((world.today() - date(2022, 1, 1)).get_days());
    let hours = if ahead < 0 || dice.one_in(4) { dice.number(1, 30) } else { dice.number(1, 24 * (ahead * 2 + 20)) };
    world.pass(SignedDuration::from_hours(hours));
}

fn propose(world: &World, dice: &mut Dice) -> Option<Proposal> {
    match dice.below(24) {
        0..10 => figure::report(world, dice),
        10..15 => spoken::of_another(world, dice),
        15..18 => delivery::any(world, dice),
        18..21 => conduct::any(world, dice),
        _ => definition::any(world, dice),
    }
}

/// What comes with a payload: files, words, codes, the day it holds from.
fn dressed(world: &mut World, dice: &mut Dice, payload: Payload) -> EventInput {
    let today = world.today();
    let mut input = world.input(payload);
    if dice.one_in(4) {
        input.evidence = (0..1 + dice.below(2)).map(|_| file(dice)).collect();
    }
    if dice.one_in(8) {
        input.source_ref.clear();
    }
    if dice.one_in(6) {
        input.comment = "如实".to_owned();
        input.staff = StaffCodes { filer: "f-1".to_owned(), reviewer: "r-2".to_owned(), approver: String::new() };
    }
    if delivery::is_dated(&input.payload) || (!figure::is_of_period(&input.payload) && dice.one_in(7)) {
        input.effective_date = Some(dice.day(today, -200, 0));
    }
    input
}

/// A file; few enough that two events carry the same one.
fn file(dice: &mut Dice) -> Evidence {
    let digest = u8::try_from(dice.below(30)).unwrap();
    let (media_type, title) = ("application/pdf".to_owned(), format!("file {digest}"));
    Evidence { sha256: [digest; 32], media_type, title, locator: String::new() }
}

/// An agency's service.
fn service(agency: &AgencyId) -> Actor {
    world::agency(agency.as_str())
}

/// The agency that answers for `agency` now.
fn standing<'a>(world: &'a World, mut agency: &'a AgencyId) -> &'a AgencyId {
    while let Some(successor) = world.state.successor_of(agency) {
        agency = successor;
    }
    agency
}

/// An agency that reports on the target: mostly the lead.
fn reporter(world: &World, dice: &mut Dice, area: &AreaId, indicator: &IndicatorId) -> Actor {
    let lead = world.state.lead_of(area, indicator).filter(|_| !dice.one_in(8));
    lead.map_or_else(|| service(&any_agency(world, dice)), service)
}

fn any_agency(world: &World, dice: &mut Dice) -> AgencyId {
    let all: Vec<_> = world.state.agencies().map(|(id, _)| id).collect();
    let agency = *dice.of_all(&all);
    standing(world, agency).clone()
}

/// Somebody who checks: the auditor, or an agency that may.
fn checker(world: &World, dice: &mut Dice) -> Actor {
    if dice.one_in(2) { world::auditor() } else { service(standing(world, &super::plan::id("inspectors"))) }
}

fn any_area(world: &World, dice: &mut Dice) -> AreaId {
    let all: Vec<_> = world.state.areas().map(|(id, _)| id).collect();
    (*dice.of_all(&all)).clone()
}

fn any_project(world: &World, dice: &mut Dice) -> ProjectId {
    let all: Vec<_> = world.state.projects().map(|(id, _)| id).collect();
    (*dice.of_all(&all)).clone()
}

fn any_indicator(world: &World, dice: &mut Dice) -> IndicatorId {
    let all: Vec<_> = world.state.indicators().map(|(id, _)| id).collect();
    (*dice.of_all(&all)).clone()
}

fn any_target(world: &World, dice: &mut Dice) -> (AreaId, IndicatorId) {
    let all: Vec<_> = world.state.targets().map(|target| &target.definition).collect();
    let target = dice.of_all(&all);
    (target.area.clone(), target.indicator.clone())
}

fn any_scope(world: &World, dice: &mut Dice) -> Scope {
    match dice.below(6) {
        0 => Scope::Plan,
        1 => Scope::Area(any_area(world, dice)),
        2 => Scope::Indicator(any_indicator(world, dice)),
        3 => Scope::Project(any_project(world, dice)),
        _ => {
            let (area, indicator) = any_target(world, dice);
            Scope::Target(area, indicator)
        }
    }
}

/// An event of the kind that `is_one` says, mostly a late one.
fn event<'a, T>(world: &'a World, dice: &mut Dice, is_one: impl Fn(&'a Payload) -> Option<T>) -> Option<T> {
    let found = world.events.iter().rev().filter_map(|event| is_one(&event.input.payload));
    let most = if dice.one_in(4) { usize::MAX } else { 6 };
    let mut found: Vec<T> = found.take(most).collect();
    (!found.is_empty()).then(|| found.swap_remove(dice.below(found.len())))
}

/// The last day of the month in which `day` lies.
fn month_end(day: Date) -> Date {
    day.last_of_month()
}

/// The quarter in which `day` lies.
fn quarter(day: Date) -> (Date, Date) {
    let first = date(day.year(), (day.month() - 1) / 3 * 3 + 1, 1);
    (first, month_end(date(day.year(), first.month() + 2, 1)))
}
