//! How the plan is conducted: reporting periods, reminders, notes, supervision.

use jiff::civil::{Date, date};
use songhua_domain::event::{
    Payload, ProgressNoteRecorded, ReminderIssued, ReportingPeriodClosed, ReportingPeriodOpened, SupervisionAnswered,
    SupervisionClosed, SupervisionIssued,
};
use songhua_domain::vocabulary::{Frequency, SupervisionOutcome};

use super::{Proposal, any_agency, any_scope, checker, event, month_end, quarter, service, standing};
use crate::bitemporal::dice::Dice;
use crate::bitemporal::plan;
use crate::bitemporal::world::{World, office};

/// Anything of conduct.
pub(super) fn any(world: &World, dice: &mut Dice) -> Option<Proposal> {
    match dice.below(13) {
        0..2 => Some((office(), opened(world, dice))),
        2..4 => closed(world, dice),
        4 => opened_again(world, dice),
        5..7 => Some(reminder(world, dice)),
        7..9 => Some(note(world, dice)),
        9..11 => Some(issued(world, dice)),
        11 => answered(world, dice),
        _ => settled(world, dice),
    }
}

fn span(frequency: Frequency, day: Date) -> (Date, Date) {
    match frequency {
        Frequency::Month => (day.first_of_month(), month_end(day)),
        Frequency::Quarter => quarter(day),
        Frequency::Year => (date(day.year(), 1, 1), date(day.year(), 12, 31)),
    }
}

fn opened(world: &World, dice: &mut Dice) -> Payload {
    let frequency = *dice.of_all(Frequency::ALL);
    let (start, end) = span(frequency, dice.day(world.today(), -200, 30));
    let period = plan::id(&format!("{}-{start}", frequency.code().to_lowercase()));
    let due_date = dice.day(end, 0, 40);
    ReportingPeriodOpened { period, frequency, start, end, due_date, note: "请按时上报".to_owned() }.into()
}

fn some_period(world: &World, dice: &mut Dice) -> Option<ReportingPeriodOpened> {
    event(world, dice, |payload| match payload {
        Payload::ReportingPeriodOpened(opened) => Some(opened.clone()),
        _ => None,
    })
}

fn closed(world: &World, dice: &mut Dice) -> Option<Proposal> {
    let period = some_period(world, dice)?.period;
    Some((office(), ReportingPeriodClosed { period, reason: "已汇总".to_owned() }.into()))
}

/// Mostly refused: it has to be closed first.
fn opened_again(world: &World, dice: &mut Dice) -> Option<Proposal> {
    let period = some_period(world, dice)?;
    let due_date = dice.day(period.due_date, 0, 60);
    let start = if dice.one_in(3) { dice.day(period.start, 0, 20) } else { period.start };
    Some((office(), ReportingPeriodOpened { start, due_date, ..period }.into()))
}

fn reminder(world: &World, dice: &mut Dice) -> Proposal {
    let period = if dice.one_in(2) { some_period(world, dice).map(|period| period.period) } else { None };
    let (agency, scope) = (any_agency(world, dice), any_scope(world, dice));
    let sender = if dice.one_in(2) { office() } else { checker(world, dice) };
    (sender, ReminderIssued { agency, scope, period, message: "请及时上报".to_owned() }.into())
}

fn note(world: &World, dice: &mut Dice) -> Proposal {
    let as_of = dice.day(world.today(), -90, 0);
    let mut text = |words: &str| if dice.one_in(2) { words.to_owned() } else { String::new() };
    let (progress, problems, next_steps) = (text("已完成选址"), text("资金未到位"), text("申请拨款"));
    let scope = any_scope(world, dice);
    (service(&any_agency(world, dice)), ProgressNoteRecorded { scope, as_of, progress, problems, next_steps }.into())
}

fn issued(world: &World, dice: &mut Dice) -> Proposal {
    let issued = SupervisionIssued {
        supervision: plan::id(&format!("s-{}", dice.below(25))),
        agency: any_agency(world, dice),
        scope: any_scope(world, dice),
        demand: "限期整改".to_owned(),
        due_date: dice.day(world.today(), 0, 90),
        document: "督办函".to_owned(),
    };
    (if dice.one_in(2) { office() } else { checker(world, dice) }, issued.into())
}

fn some_matter(world: &World, dice: &mut Dice) -> Option<SupervisionIssued> {
    event(world, dice, |payload| match payload {
        Payload::SupervisionIssued(issued) => Some(issued.clone()),
        _ => None,
    })
}

fn answered(world: &World, dice: &mut Dice) -> Option<Proposal> {
    let SupervisionIssued { supervision, agency, .. } = some_matter(world, dice)?;
    Some((service(standing(world, &agency)), SupervisionAnswered { supervision, answer: "已整改".to_owned() }.into()))
}

fn settled(world: &World, dice: &mut Dice) -> Option<Proposal> {
    let supervision = some_matter(world, dice)?.supervision;
    let outcome = *dice.of_all(SupervisionOutcome::ALL);
    let sender = if dice.one_in(2) { office() } else { checker(world, dice) };
    Some((sender, SupervisionClosed { supervision, outcome, finding: "现场复核".to_owned() }.into()))
}
