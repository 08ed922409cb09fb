//! ListSupervisions: matters under supervision (督办), from the letter to its closing (销号).
//!
//! Place in the flow: facts recorded up to the day → `Supervision`. It must not know who may issue, answer or close.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::civil::Date;
use songhua_domain::event::{SupervisionAnswered, SupervisionClosed, SupervisionIssued};
use songhua_domain::id::{AgencyId, SupervisionId};
use songhua_domain::vocabulary::SupervisionStatus;
use songhua_views::{Fact, FactKind, Said};
use songhua_wire::code::Code;
use songhua_wire::pb;
use songhua_wire::time::{date_to_pb, micros_to_pb};

use crate::filter::{Field, Filter, Kind, Value, field};
use crate::name;
use crate::overview::days;
use crate::page::Page;
use crate::reading::Reading;
use crate::refusal::Refused;
use crate::scope;

/// What matters can be filtered by.
pub(crate) const FIELDS: &[Field] = &[
    field("agency", Kind::Id),
    field("status", Kind::Code(|text| SupervisionStatus::from_code(text).map(drop))),
    field("area", Kind::Id),
    field("overdue", Kind::Bool),
];

/// A matter as it stood at the end of the reading's day.
pub(crate) struct Matter {
    position: u64,
    issued_time_us: i64,
    issued: SupervisionIssued,
    issued_by: Option<AgencyId>,
    /// The agency that has to act: the one addressed, or the one that goes on for it.
    pub(crate) agency: AgencyId,
    answers: Vec<pb::SupervisionAnswer>,
    closed: Option<Closed>,
    /// Days past the due date while not closed; 0 = not overdue.
    pub(crate) days_overdue: i32,
}

struct Closed {
    position: u64,
    time_us: i64,
    said: SupervisionClosed,
}

/// A page of matters.
pub(crate) fn list(reading: &Reading, filter: &Filter, page: &Page) -> Result<pb::ListSupervisionsResponse, Refused> {
    let mut all = matters(reading)?;
    all.retain(|matter| filter.matches(|field| value_of(reading, matter, field)));
    let cut = page.cut(&all, reading);
    Ok(pb::ListSupervisionsResponse {
        supervisions: cut.items.iter().map(|matter| matter.to_pb(reading)).collect(),
        next_page_token: cut.next_page_token,
        total_size: cut.total_size,
        state: Some(reading.state()),
    })
}

fn value_of(reading: &Reading, matter: &Matter, field: &str) -> Option<Value> {
    match field {
        "agency" => Some(matter.agency.as_str().into()),
        "status" => Some(matter.status().code().into()),
        "overdue" => Some(Value::Bool(matter.days_overdue > 0)),
        field => scope::value_of(reading, &matter.issued.scope, field),
    }
}

/// All matters: open ones by due date, then closed ones, the last closed first.
pub(crate) fn matters(reading: &Reading) -> Result<Vec<Matter>, Refused> {
    let recorded = reading.recorded()?;
    let mut all: BTreeMap<SupervisionId, Matter> = BTreeMap::new();
    for fact in reading.facts(FactKind::Supervisions)?.iter().take_while(|fact| fact.position <= recorded) {
        match &fact.row.said {
            Said::SupervisionIssued(issued) => {
                all.insert(issued.supervision.clone(), Matter::issued(reading, fact, issued));
            }
            Said::SupervisionAnswered(said) => {
                if let Some(matter) = all.get_mut(&said.supervision) {
                    matter.answers.push(answer(fact, said));
                }
            }
            Said::SupervisionClosed(said) => {
                if let Some(matter) = all.get_mut(&said.supervision) {
                    let (position, time_us) = (fact.position, fact.row.recorded_time_us);
                    matter.closed = Some(Closed { position, time_us, said: said.clone() });
                    matter.days_overdue = 0;
                }
            }
            _ => {}
        }
    }
    let mut all: Vec<Matter> = all.into_values().collect();
    all.sort_by_key(Matter::place);
    Ok(all)
}

fn answer(fact: &Fact, said: &SupervisionAnswered) -> pb::SupervisionAnswer {
    pb::SupervisionAnswer {
        position: fact.position,
        recorded_time: micros_to_pb(fact.row.recorded_time_us),
        agency: name::or_empty(fact.row.agency.as_ref()),
        answer: said.answer.clone(),
    }
}

impl Matter {
    fn issued(reading: &Reading, fact: &Fact, issued: &SupervisionIssued) -> Self {
        Self {
            position: fact.position,
            issued_time_us: fact.row.recorded_time_us,
            issued: issued.clone(),
            issued_by: fact.row.agency.clone(),
            agency: reading.model.standing(&issued.agency).clone(),
            answers: Vec::new(),
            closed: None,
            days_overdue: days(issued.due_date, reading.valid_date).max(0),
        }
    }

    /// Where it is.
    pub(crate) const fn status(&self) -> SupervisionStatus {
        if self.closed.is_some() {
            SupervisionStatus::Closed
        } else if self.answers.is_empty() {
            SupervisionStatus::Issued
        } else {
            SupervisionStatus::Answered
        }
    }

    /// Whether it is not closed.
    pub(crate) const fn is_open(&self) -> bool {
        self.closed.is_none()
    }

    fn place(&self) -> (bool, Option<Date>, Reverse<u64>, u64) {
        match &self.closed {
            None => (false, Some(self.issued.due_date), Reverse(0), self.position),
            Some(closed) => (true, None, Reverse(closed.position), self.position),
        }
    }

    /// The answer.
    pub(crate) fn to_pb(&self, reading: &Reading) -> pb::Supervision {
        let (issued, closed) = (&self.issued, self.closed.as_ref());
        pb::Supervision {
            name: name::of_supervision(&reading.plan, &issued.supervision),
            agency: self.agency.to_string(),
            agency_name: reading.agency_name(&self.agency),
            scope: Some((&issued.scope).into()),
            demand: issued.demand.clone(),
            due_date: Some(date_to_pb(issued.due_date)),
            document: issued.document.clone(),
            issued_by: name::or_empty(self.issued_by.as_ref()),
            issued_time: micros_to_pb(self.issued_time_us),
            status: self.status().to_wire(),
            days_overdue: self.days_overdue,
            answers: self.answers.clone(),
            outcome: closed.map_or(0, |closed| closed.said.outcome.to_wire()),
            finding: closed.map(|closed| closed.said.finding.clone()).unwrap_or_default(),
            closed_time: closed.and_then(|closed| micros_to_pb(closed.time_us)),
        }
    }
}
