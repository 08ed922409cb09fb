//! What is said of an earlier event: corrections, revisions, retractions, files, verification.

use songhua_domain::event::{
    Event, EvidenceAttached, EvidenceWithdrawn, Figure, MeasurementCorrected, MeasurementReported,
    MeasurementRetracted, MeasurementRevised, Payload, VerificationAccepted, VerificationRejected,
    VerificationReopened, VerificationRequested,
};
use songhua_domain::quantity::Decimal;
use songhua_domain::vocabulary::ObsStatus;
use uuid::Uuid;

use super::{Proposal, checker, event, figure, file, reporter, service, standing};
use crate::bitemporal::dice::Dice;
use crate::bitemporal::world::{self, World};

/// Something about an earlier event.
pub(super) fn of_another(world: &World, dice: &mut Dice) -> Option<Proposal> {
    match dice.below(17) {
        0..7 => of_figure(world, dice),
        7..9 => accepted(world, dice),
        9 => rejected(world, dice),
        10 => requested(world, dice),
        11..13 => unverified(world, dice),
        13..15 => attached(world, dice),
        15 => again(world, dice),
        _ => withdrawn(world, dice),
    }
}

/// One of the last events that `is_one`; sometimes an old one.
fn earlier<'a>(world: &'a World, dice: &mut Dice, is_one: impl Fn(&Payload) -> bool) -> Option<&'a Event> {
    let most = if dice.one_in(3) { usize::MAX } else { 8 };
    let found = world.events.iter().rev().filter(|event| is_one(&event.input.payload));
    let found: Vec<&Event> = found.take(most).collect();
    dice.of_any(&found).copied()
}

const fn is_figure(payload: &Payload) -> bool {
    use Payload as P;
    matches!(payload, P::MeasurementReported(_) | P::MeasurementCorrected(_) | P::MeasurementRevised(_))
}

const fn is_checked(payload: &Payload) -> bool {
    use Payload as P;
    is_figure(payload)
        || matches!(
            payload,
            P::QualitativeAssessmentRecorded(_)
                | P::MilestoneReached(_)
                | P::MilestonePartiallyReached(_)
                | P::MilestoneMissed(_)
        )
}

/// What was rejected, reported once more: a plan that is closed out takes no other figure.
fn again(world: &World, dice: &mut Dice) -> Option<Proposal> {
    let rejection = earlier(world, dice, |payload| matches!(payload, Payload::VerificationRejected(_)))?;
    let Payload::VerificationRejected(rejected) = &rejection.input.payload else { return None };
    let reported = root(world, world.event(&rejected.event)?)?;
    Some((reporter(world, dice, &reported.area, &reported.indicator), reported.clone().into()))
}

/// The report at the root of a figure.
fn root<'a>(world: &'a World, figure: &'a Event) -> Option<&'a MeasurementReported> {
    match &figure.input.payload {
        Payload::MeasurementReported(reported) => Some(reported),
        Payload::MeasurementCorrected(corrected) => root(world, world.event(&corrected.measurement)?),
        Payload::MeasurementRevised(revised) => root(world, world.event(&revised.measurement)?),
        _ => None,
    }
}

fn of_figure(world: &World, dice: &mut Dice) -> Option<Proposal> {
    let named = earlier(world, dice, is_figure)?;
    let reported = root(world, named)?;
    let indicator = world.state.indicator(&reported.indicator)?;
    let (measurement, obs_status) = (named.input.event_id, *dice.of_all(ObsStatus::ALL));
    let number = match figure::number(indicator, dice, reported.basis, reported.period) {
        // A total that falls, or jumps ahead.
        Figure::Value(value) if dice.one_in(2) => Figure::Value(value + Decimal::from(dice.number(0, 9))),
        number => number,
    };
    let reason = "复核".to_owned();
    let payload: Payload = match dice.below(7) {
        0..3 => MeasurementCorrected { measurement, figure: number, obs_status, reason }.into(),
        3..5 => MeasurementRevised { measurement, figure: number, obs_status, reason }.into(),
        _ => MeasurementRetracted { measurement, reason }.into(),
    };
    Some((reporter(world, dice, &reported.area, &reported.indicator), payload))
}

fn accepted(world: &World, dice: &mut Dice) -> Option<Proposal> {
    let event = earlier(world, dice, is_checked)?.input.event_id;
    Some((checker(world, dice), VerificationAccepted { event, finding: "与台账一致".to_owned() }.into()))
}

fn rejected(world: &World, dice: &mut Dice) -> Option<Proposal> {
    let event = earlier(world, dice, is_checked)?.input.event_id;
    Some((checker(world, dice), VerificationRejected { event, reason: "无佐证".to_owned() }.into()))
}

fn requested(world: &World, dice: &mut Dice) -> Option<Proposal> {
    let named = earlier(world, dice, is_checked)?;
    let event = named.input.event_id;
    Some((sender(world, dice, named), VerificationRequested { event, note: "请核验".to_owned() }.into()))
}

fn unverified(world: &World, dice: &mut Dice) -> Option<Proposal> {
    let event = event(world, dice, |payload| match payload {
        Payload::VerificationAccepted(accepted) => Some(accepted.event),
        _ => None,
    })?;
    Some((checker(world, dice), VerificationReopened { event, reason: "复查".to_owned() }.into()))
}

fn attached(world: &World, dice: &mut Dice) -> Option<Proposal> {
    let named = earlier(world, dice, |payload| is_checked(payload) || matches!(payload, Payload::TargetRevised(_)))?;
    let evidence = (0..1 + dice.below(2)).map(|_| file(dice)).collect();
    Some((sender(world, dice, named), EvidenceAttached { event: named.input.event_id, evidence }.into()))
}

/// A file of an event that carries one.
fn withdrawn(world: &World, dice: &mut Dice) -> Option<Proposal> {
    let carried = |event: &Event| -> Option<(Uuid, [u8; 32])> {
        let attached = match &event.input.payload {
            Payload::EvidenceAttached(attached) => attached.evidence.first(),
            _ => event.input.evidence.first(),
        };
        attached.map(|file| (event.input.event_id, file.sha256))
    };
    let all: Vec<_> = world.events.iter().filter_map(carried).collect();
    let (event, sha256) = *dice.of_any(&all)?;
    let named = world.event(&event)?;
    Some((sender(world, dice, named), EvidenceWithdrawn { event, sha256, reason: "文件有误".to_owned() }.into()))
}

/// Who sent it, or stands for them now; sometimes the office.
fn sender(world: &World, dice: &mut Dice, named: &Event) -> songhua_domain::event::Actor {
    match &named.actor.agency {
        Some(agency) if !dice.one_in(5) => service(standing(world, agency)),
        None if !dice.one_in(5) => songhua_domain::event::Actor::clone(&named.actor),
        _ => world::office(),
    }
}
