//! Random submissions against a plain model of ids: what was stored under which id, and nothing else.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use songhua_domain::event::EventInput;
use songhua_domain::vocabulary::Reason;

use super::fixture::{FUTURE, LEAD, OTHER, Plan, agency, events, id, nothing, submission};
use crate::handle::{Answer, Submission};

/// What a client sends: few ids and contents, so that they meet.
#[derive(Debug, Clone)]
struct Sent {
    lead: bool,
    validate_only: bool,
    events: Vec<(u8, u8, bool)>,
}

impl Sent {
    fn agency(&self) -> &'static str {
        if self.lead { LEAD } else { OTHER }
    }

    fn submission(&self) -> Submission {
        let events = self.events.iter().map(|event| input(*event)).collect();
        Submission { validate_only: self.validate_only, ..submission(&agency(self.agency()), events) }
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// Sent at once; they may share a group.
    Send(Vec<Sent>),
    Restart,
}

fn input((number, content, bad): (u8, u8, bool)) -> EventInput {
    nothing(number.into(), if bad { FUTURE } else { 10 }, ["", "quiet", "loud"][usize::from(content)])
}

fn sent() -> impl Strategy<Value = Sent> {
    let event = (0..8_u8, 0..3_u8, prop::bool::weighted(0.08));
    (any::<bool>(), prop::bool::weighted(0.15), vec(event, 1..5)).prop_map(|(lead, validate_only, events)| Sent {
        lead,
        validate_only,
        events,
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![8 => vec(sent(), 1..4).prop_map(Step::Send), 1 => Just(Step::Restart)];
    vec(step, 1..16)
}

/// (agency, content, position) by id.
type Stored = BTreeMap<u8, (&'static str, (u8, u8, bool), u64)>;

/// What must be answered: (position, duplicate) of each event, or the reason and the index of the event refused.
fn expected(stored: &mut Stored, head: &mut u64, sent: &Sent) -> Result<Vec<(u64, bool)>, (Reason, usize)> {
    let (mut draft, mut next, mut receipts) = (stored.clone(), *head, Vec::new());
    for (index, event) in sent.events.iter().enumerate() {
        match draft.get(&event.0) {
            Some((agency, content, position)) if *agency == sent.agency() && content == event => {
                // Of a check, only what is in the log has a place.
                let place = if sent.validate_only && *position > *head { 0 } else { *position };
                receipts.push((place, true));
            }
            Some(_) => return Err((Reason::EventIdReused, index)),
            None if event.2 => return Err((Reason::FutureDate, index)),
            None => {
                next += 1;
                draft.insert(event.0, (sent.agency(), *event, next));
                receipts.push((if sent.validate_only { 0 } else { next }, false));
            }
        }
    }
    if !sent.validate_only {
        (*stored, *head) = (draft, next);
    }
    Ok(receipts)
}

fn told(answer: &Answer) -> Result<Vec<(u64, bool)>, (Reason, usize)> {
    match answer {
        Ok(receipts) => Ok(receipts.iter().map(|receipt| (receipt.position, receipt.duplicate)).collect()),
        Err(refused) => {
            let field = &refused.violations[0].field;
            let index = field.trim_start_matches("events[").split(']').next().unwrap().parse().unwrap();
            Err((refused.reason, index))
        }
    }
}

async fn run(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut plan = Plan::published().await;
    let (mut stored, mut head) = (Stored::new(), plan.put(&agency(LEAD), nothing(800, 10, "")).await.position);
    for step in steps {
        let Step::Send(sent) = step else {
            plan = plan.reopened().await;
            continue;
        };
        let answers = sent.iter().map(|sent| plan.ingest.submit(sent.submission()));
        let answers = futures::future::join_all(answers).await;
        for (sent, answer) in sent.iter().zip(&answers) {
            prop_assert_eq!(expected(&mut stored, &mut head, sent), told(answer), "{:?}", sent);
        }
    }
    let log = events(plan.log.as_ref()).await;
    prop_assert_eq!(log.len() as u64, head);
    for (number, (agency, content, position)) in stored {
        let event = &log[position as usize - 1];
        prop_assert_eq!(event.input.event_id, id(number.into()));
        prop_assert_eq!(&*event.input, &input(content));
        prop_assert_eq!(event.actor.agency.as_ref().map(|agency| agency.as_str()), Some(agency));
    }
    plan.assert_state_is_the_fold().await;
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn ids_are_taken_once_and_for_ever(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(steps))?;
    }
}
