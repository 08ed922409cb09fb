//! README.md's table of events, walked: each event type has one row, each reason of a row is really given, each event is
//! accepted at least once with the effect that a case names, and no case gets a reason that the table does not list.
//!
//! The text above the table names the reasons that any event may get (common reasons). They are proven for every event
//! by sending its accepted cases once more: by a reader, by an agency that has a successor, too early, too late.

mod conduct;
mod definitional;
mod delivery;
mod figures;
mod readme;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::Location;

use jiff::civil::date;
use readme::Row;

use super::support::*;
use crate::decide::Rejection;
use crate::event::*;
use crate::state::PlanState;
use crate::vocabulary::*;

/// One event, sent to a world that was prepared for it.
struct Case {
    at: &'static Location<'static>,
    world: World,
    actor: Actor,
    input: EventInput,
    expected: Expected,
}

enum Expected {
    Refused(Reason),
    /// What is true of the state after the event, and was not before it.
    Accepted(Box<dyn Fn(&PlanState) -> bool>),
    /// The state knows nothing of it but that the log grew.
    Unseen,
}

#[track_caller]
fn case(world: &World, actor: &Actor, payload: impl Into<Payload>, expected: Expected) -> Case {
    let mut world = world.clone();
    let input = world.input(payload);
    Case { at: Location::caller(), world, actor: actor.clone(), input, expected }
}

/// `payload` is refused by `world` for that reason.
#[track_caller]
fn refused(world: &World, actor: &Actor, payload: impl Into<Payload>, reason: Reason) -> Case {
    case(world, actor, payload, Expected::Refused(reason))
}

/// `payload` is accepted by `world`; `effect` becomes true with it.
#[track_caller]
fn accepted(
    world: &World,
    actor: &Actor,
    payload: impl Into<Payload>,
    effect: impl Fn(&PlanState) -> bool + 'static,
) -> Case {
    case(world, actor, payload, Expected::Accepted(Box::new(effect)))
}

/// `payload` is accepted by `world`, whose state keeps nothing of it.
#[track_caller]
fn unseen(world: &World, actor: &Actor, payload: impl Into<Payload>) -> Case {
    case(world, actor, payload, Expected::Unseen)
}

impl Case {
    /// The same, with another envelope.
    fn with(mut self, change: impl FnOnce(&mut EventInput)) -> Self {
        change(&mut self.input);
        self
    }

    fn event(&self) -> &'static str {
        self.input.payload.type_name()
    }

    /// When it is sent, in the words of the table.
    fn phase(&self) -> &'static str {
        if self.world.state.published.is_some() { "after" } else { "before" }
    }

    fn is_accepted(&self) -> bool {
        !matches!(self.expected, Expected::Refused(_))
    }

    fn send(&mut self) -> Result<(), Rejection> {
        let (actor, input) = (self.actor.clone(), self.input.clone());
        self.world.send(&actor, input).map(|_| ())
    }

    /// Sends it and compares what happens with what was expected.
    fn run(mut self) {
        let (before, at, event) = (self.world.state.clone(), self.at, self.event());
        let outcome = self.send();
        let after = &self.world.state;
        match (self.expected, outcome) {
            (Expected::Refused(reason), Err(rejection)) => {
                assert_eq!(rejection.reason, reason, "{at}: {event}: {rejection}");
                assert!(!rejection.message.is_empty() && !rejection.message_zh.is_empty(), "{at}: {event}");
                assert_eq!(*after, before, "{at}: {event}: a refusal changes nothing");
            }
            (Expected::Refused(reason), Ok(())) => panic!("{at}: {event} was accepted, not refused with {reason}"),
            (_, Err(rejection)) => panic!("{at}: {event} was refused: {rejection}"),
            (Expected::Accepted(effect), Ok(())) => {
                assert!(!effect(&before), "{at}: {event}: the effect was there before");
                assert!(effect(after), "{at}: {event}: the effect is not there");
            }
            (Expected::Unseen, Ok(())) => {
                let mut only_longer = before;
                (only_longer.head, only_longer.last_recorded_time) = (after.head, after.last_recorded_time);
                assert_eq!(*after, only_longer, "{at}: {event} left a trace");
            }
        }
    }
}

fn cases() -> Vec<Case> {
    [definitional::cases(), delivery::cases(), figures::cases(), conduct::cases()].into_iter().flatten().collect()
}

/// Every accepted case, with its row, changed and sent: it must be refused for one of `reasons`.
#[track_caller]
fn refused_all(wanted: impl Fn(&Row, &Case) -> bool, change: impl Fn(&mut Case), reasons: &[Reason]) {
    let rows = readme::rows();
    let mut count = 0;
    for mut case in cases().into_iter().filter(Case::is_accepted) {
        let row = rows.get(case.event()).unwrap();
        if !wanted(row, &case) {
            continue;
        }
        change(&mut case);
        let (at, event) = (case.at, case.event());
        match case.send() {
            Ok(()) => panic!("{at}: {event} was accepted"),
            Err(rejection) => assert!(reasons.contains(&rejection.reason), "{at}: {event}: {rejection}"),
        }
        count += 1;
    }
    assert!(count > 0);
}

#[test]
fn each_event_type_has_one_row_and_no_other() {
    let listed: BTreeSet<String> = readme::rows().into_keys().collect();
    let known: BTreeSet<String> = Payload::TYPE_NAMES.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(listed, known);
}

#[test]
fn each_case_ends_as_it_says() {
    cases().into_iter().for_each(Case::run);
}

#[test]
fn each_reason_of_a_row_has_a_case_and_no_case_has_another() {
    let common = readme::common();
    let mut missing: BTreeMap<String, BTreeSet<Reason>> =
        readme::rows().into_iter().map(|(event, row)| (event, row.reasons)).collect();
    let rows = missing.clone();
    for case in cases() {
        let Expected::Refused(reason) = case.expected else { continue };
        let listed = rows.get(case.event()).unwrap();
        assert!(listed.contains(&reason) || common.contains(&reason), "{}: {} {reason}", case.at, case.event());
        missing.get_mut(case.event()).unwrap().remove(&reason);
    }
    missing.retain(|_, reasons| !reasons.is_empty());
    assert!(missing.is_empty(), "without a case: {missing:?}");
}

#[test]
fn each_event_is_accepted_and_has_the_effect_of_its_row() {
    let cases = cases();
    for (event, row) in readme::rows() {
        let mut accepted = cases.iter().filter(|case| case.event() == event && case.is_accepted()).peekable();
        assert!(accepted.peek().is_some(), "{event} is never accepted");
        for case in accepted {
            let unseen = matches!(case.expected, Expected::Unseen);
            assert_eq!(unseen, row.effect == "none on the state", "{}: {event}", case.at);
        }
    }
}

#[test]
fn each_event_is_accepted_when_its_row_says() {
    let said = |(event, row): (String, Row)| {
        let listed = ["before", "after"].into_iter().filter(move |phase| row.when(phase));
        listed.map(move |phase| (event.clone(), phase)).collect::<Vec<_>>()
    };
    let said: BTreeSet<_> = readme::rows().into_iter().filter(|(_, row)| !row.when("first")).flat_map(said).collect();
    let accepted = cases().into_iter().filter(|case| case.is_accepted() && case.event() != "LogCreated");
    let seen: BTreeSet<_> = accepted.map(|case| (case.event().to_owned(), case.phase())).collect();
    let missing: Vec<_> = said.symmetric_difference(&seen).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_reader_sends_none_of_them() {
    refused_all(|_, _| true, |case| case.actor = reader(), &[Reason::RoleNotAllowed, Reason::ServerOnly]);
}

#[test]
fn before_publication_only_what_loads_the_plan_is_accepted() {
    let too_early = |case: &mut Case| case.world.state.published = None;
    refused_all(|row, _| row.when("after") && !row.when("before"), too_early, &[Reason::PlanNotPublished]);
}

fn close(case: &mut Case) {
    case.world.state.closed_out = Some(PlanClosedOut { as_of: date(2027, 3, 31), finding: "总体完成".into() });
}

#[test]
fn a_plan_that_is_closed_out_takes_no_more_than_what_is_listed() {
    let ends = |row: &Row, case: &Case| case.phase() == "after" && !row.when("closed");
    refused_all(ends, close, &[Reason::PlanClosed]);
}

#[test]
fn a_plan_that_is_closed_out_takes_what_is_listed() {
    let rows = readme::rows();
    for mut case in
        cases().into_iter().filter(|case| case.is_accepted() && rows.get(case.event()).unwrap().when("closed"))
    {
        close(&mut case);
        if let Err(rejection) = case.send() {
            panic!("{}: {rejection}", case.at);
        }
    }
}

#[test]
fn an_agency_with_a_successor_sends_none_of_them() {
    let ended = |case: &mut Case| {
        let agency = case.actor.agency.clone().unwrap();
        case.world.state.successors.insert(agency, id("heir"));
    };
    refused_all(|_, case| case.actor.agency.is_some(), ended, &[Reason::AgencySucceeded]);
}

#[test]
fn no_effective_date_lies_after_today() {
    let tomorrow = |case: &mut Case| case.input.effective_date = Some(date(2099, 1, 1));
    // Measurements have none at all; genesis and days are of the server.
    let reasons = [Reason::FutureDate, Reason::InvalidField];
    refused_all(|_, _| true, tomorrow, &reasons);
}

#[test]
fn texts_are_bounded() {
    let long = |case: &mut Case| case.input.comment = "长".repeat(TEXT_LENGTH_MAX + 1);
    refused_all(|_, _| true, long, &[Reason::InvalidField]);
}
