//! What the plan office changes of what was defined.

use jiff::civil::date;
use songhua_domain::event::*;
use songhua_domain::id::DocumentId;
use songhua_domain::quantity::Decimal;
use songhua_domain::score::LightRule;
use songhua_domain::vocabulary::{Accumulation, AreaKind, AreaStage, AssignmentRole, Frequency, Operator};

use super::{Proposal, any_agency, any_area, any_indicator, any_scope, any_target, event};
use crate::bitemporal::dice::Dice;
use crate::bitemporal::plan::{self, END, START, point};
use crate::bitemporal::world::{World, office};

/// Most areas, indicators and agencies of a history.
const PARTS: usize = 15;

/// Anything the office may change.
pub(super) fn any(world: &World, dice: &mut Dice) -> Option<Proposal> {
    let payload = match dice.below(38) {
        0..2 => plan_revised(world, dice),
        2 | 37 if world.today() > END => closed_out(world, dice),
        3..5 => adopted(world, dice),
        5 => area(world, dice)?,
        6..9 => stage(world, dice),
        9 => indicator(world)?,
        10..12 => redefined(world, dice),
        12 if dice.one_in(2) => retired(world, dice),
        13..15 => target(world, dice)?,
        15..18 => target_revised(world, dice)?,
        18..20 => decomposed(world, dice),
        20..22 => baseline(world, dice),
        22..24 => restated(world, dice),
        24..26 => interim(world, dice),
        26..28 => light_rule(world, dice)?,
        28 => registered(world)?,
        29..31 => renamed(world, dice),
        31 if dice.one_in(2) => succeeded(world, dice),
        32..36 => assigned(world, dice),
        36 => assignment_ended(world, dice)?,
        _ => return None,
    };
    Some((office(), payload))
}

fn plan_revised(world: &World, dice: &mut Dice) -> Payload {
    let edition = format!("edition-{}", world.events.len());
    let end = if dice.one_in(3) { Some(*dice.of_all(&[END, date(2027, 6, 30)])) } else { None };
    let title = if dice.one_in(2) { plan::name(&edition) } else { Name::default() };
    let (changes, reason) = ("目标调整".to_owned(), "中期评估".to_owned());
    PlanRevised { documents: vec![plan::document(&edition)], title, end, changes, reason }.into()
}

fn closed_out(world: &World, dice: &mut Dice) -> Payload {
    PlanClosedOut { as_of: dice.day(world.today(), -60, 0), finding: "总体完成".to_owned() }.into()
}

fn adopted(world: &World, dice: &mut Dice) -> Payload {
    let other = 3 - world.state.calc_version();
    let calc_version = if dice.one_in(9) { world.state.calc_version() } else { other };
    CalculationAdopted { calc_version, reason: "改用最小二乘".to_owned() }.into()
}

fn area(world: &World, dice: &mut Dice) -> Option<Payload> {
    let count = world.state.areas().count();
    let kind = if dice.one_in(3) { AreaKind::Zone } else { AreaKind::Circle };
    let stage = dice.of_any(AreaStage::ALL).copied().filter(|_| dice.one_in(2));
    let designated = plan::area(&format!("area-{count}"), kind, stage, u32::try_from(count).unwrap() + 1);
    (count < 6).then(|| designated.into())
}

fn stage(world: &World, dice: &mut Dice) -> Payload {
    let (area, stage) = (any_area(world, dice), *dice.of_all(AreaStage::ALL));
    AreaStageChanged { area, stage, reason: "评审通过".to_owned() }.into()
}

fn indicator(world: &World) -> Option<Payload> {
    let count = world.state.indicators().count();
    let defined = plan::indicator(&format!("indicator-{count}"), Accumulation::Stock, Frequency::Month);
    (count < PARTS).then(|| defined.into())
}

fn redefined(world: &World, dice: &mut Dice) -> Payload {
    let indicator = any_indicator(world, dice);
    let frequency = *dice.of_all(Frequency::ALL);
    let schedule = Schedule { frequency, release_lag_days: 10, grace_days: 15 };
    let (today, at) = (world.today(), world.events.len());
    IndicatorRedefined {
        name: plan::name(&format!("{indicator}，口径 {at}")),
        indicator,
        aliases: vec![format!("alias {at}")],
        method_note: format!("method {at}"),
        schedule: if dice.one_in(2) { Some(schedule) } else { None },
        break_from: if dice.one_in(2) { Some(dice.day(today, -300, 30)) } else { None },
        reason: "口径调整".to_owned(),
    }
    .into()
}

fn retired(world: &World, dice: &mut Dice) -> Payload {
    let (indicator, retired_from) = (any_indicator(world, dice), dice.day(world.today(), -20, 200));
    IndicatorRetired { indicator, retired_from, reason: "不再统计".to_owned() }.into()
}

/// An edition that a revision added.
fn edition(world: &World, dice: &mut Dice) -> Option<DocumentId> {
    event(world, dice, |payload| match payload {
        Payload::PlanRevised(revised) => revised.documents.first().map(|document| document.id.clone()),
        _ => None,
    })
}

fn target(world: &World, dice: &mut Dice) -> Option<Payload> {
    let edition = edition(world, dice)?;
    let (area, indicator) = (any_area(world, dice), any_indicator(world, dice));
    let number = u32::try_from(world.state.targets().count()).unwrap() + 1;
    let value = Some(dice.decimal(20, 90, 0));
    let set = plan::target(number, (area.as_str(), indicator.as_str()), Operator::AtLeast, value);
    Some(TargetSet { source: Some(plan::source(edition.as_str())), ..set }.into())
}

fn target_revised(world: &World, dice: &mut Dice) -> Option<Payload> {
    let (area, indicator) = any_target(world, dice);
    let set = &world.state.target(&area, &indicator)?.definition;
    // Any edition once there is a later one: those before the target's own are refused.
    let source = edition(world, dice).map(|edition| plan::source(edition.as_str()));
    let days = [END, date(2026, 6, 30), date(2025, 12, 31), date(2027, 6, 30)];
    let step = dice.of_all(&plan::STEPS).to_owned();
    Some(
        TargetRevised {
            area,
            indicator,
            value: set.value.map(|value| value + Decimal::from(dice.number(-3, 5))),
            max: set.max,
            tolerance: set.tolerance,
            required_step: set.required_step.as_ref().map(|_| step.to_owned()),
            due_as_written: "到2026年末".to_owned(),
            effective_deadline: *dice.of_all(&days),
            source,
            reason: "中期调整".to_owned(),
        }
        .into(),
    )
}

fn decomposed(world: &World, dice: &mut Dice) -> Payload {
    let (area, indicator) = any_target(world, dice);
    let parts = [TOTAL, "district=songbei", "district=daoli"];
    let share = |dice: &mut Dice| TaskShare {
        agency: any_agency(world, dice),
        dimension: (*dice.of_all(&parts)).to_owned(),
        due_date: dice.day(START, 300, 1_825),
        value: dice.decimal(0, 50, 0),
    };
    let tasks = (0..1 + dice.below(3)).map(|_| share(dice)).collect();
    TargetDecomposed { area, indicator, tasks, note: "分解到年".to_owned() }.into()
}

fn baseline(world: &World, dice: &mut Dice) -> Payload {
    let (area, indicator) = any_target(world, dice);
    let value = if indicator.as_str() == "added" { 0 } else { dice.number(0, 30) };
    BaselineSet { area, indicator, baseline: point(dice.day(START, -400, 100), value) }.into()
}

fn restated(world: &World, dice: &mut Dice) -> Payload {
    let (area, indicator) = match event(world, dice, |payload| match payload {
        Payload::BaselineSet(set) => Some((set.area.clone(), set.indicator.clone())),
        _ => None,
    }) {
        Some(target) => target,
        None => any_target(world, dice),
    };
    let value = if indicator.as_str() == "added" { 0 } else { dice.number(0, 30) };
    let baseline = point(dice.day(START, -400, 100), value);
    BaselineRestated { area, indicator, baseline, reason: "普查数据".to_owned() }.into()
}

fn interim(world: &World, dice: &mut Dice) -> Payload {
    let (area, indicator) = any_target(world, dice);
    let first = dice.number(30, 40);
    let interim = vec![point(date(2023, 12, 31), first), point(date(2024, 12, 31), first + dice.number(0, 10))];
    let reason = if dice.one_in(3) { String::new() } else { "年度调整".to_owned() };
    InterimTargetsSet { area, indicator, interim, reason }.into()
}

fn light_rule(world: &World, dice: &mut Dice) -> Option<Payload> {
    let rule = LightRule {
        version: world.state.light_rule()?.version + 1,
        behind_below_points: dice.decimal(-15, -1, 0),
        far_behind_below_points: dice.decimal(-40, -16, 0),
        ..LightRule::default()
    };
    let schedule = Schedule { frequency: Frequency::Month, release_lag_days: 5, grace_days: 10 };
    let indicator = any_indicator(world, dice);
    let schedules = if dice.one_in(2) { vec![ScheduleOverride { indicator, schedule }] } else { Vec::new() };
    Some(LightRuleAdopted { rule, schedules, reason: "年度调整".to_owned() }.into())
}

fn registered(world: &World) -> Option<Payload> {
    let count = world.state.agencies().count();
    (count < 8).then(|| plan::agency(&format!("agency-{count}")).into())
}

fn renamed(world: &World, dice: &mut Dice) -> Payload {
    let agency = any_agency(world, dice);
    let name = plan::name(&format!("{agency} {}", world.events.len()));
    AgencyRenamed { agency, name, uscc: String::new(), reason: "机构改革".to_owned() }.into()
}

fn succeeded(world: &World, dice: &mut Dice) -> Payload {
    let (agency, successor) = (any_agency(world, dice), any_agency(world, dice));
    AgencySucceeded { agency, successor, reason: "合并".to_owned() }.into()
}

/// Roles of the plan that nobody has come first, so that figures go on.
fn assigned(world: &World, dice: &mut Dice) -> Payload {
    let role = *dice.of_all(&[AssignmentRole::Lead, AssignmentRole::Responsible, AssignmentRole::Supervising]);
    let leaderless = world.state.assignments().lead_of_scope(&Scope::Plan).is_none();
    let (role, scope) = if leaderless { (AssignmentRole::Lead, Scope::Plan) } else { (role, any_scope(world, dice)) };
    AgencyAssigned { agency: any_agency(world, dice), role, scope }.into()
}

fn assignment_ended(world: &World, dice: &mut Dice) -> Option<Payload> {
    let AgencyAssigned { agency, role, scope } = event(world, dice, |payload| match payload {
        Payload::AgencyAssigned(assigned) => Some(assigned.clone()),
        _ => None,
    })?;
    Some(AssignmentEnded { agency, role, scope, reason: "分工调整".to_owned() }.into())
}
