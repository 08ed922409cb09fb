//! What the boards must show once every day has come, from the events alone: deliveries, conduct, revisions,
//! verification.
//!
//! Place in the flow: as `plain`, a second opinion. On a day after all others what is known decides everything, so that
//! the state of the rules is the answer.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, date};
use songhua_domain::event::{Event, Payload, Scope};
use songhua_domain::folding::Folding;
use songhua_domain::state::PlanState;
use songhua_domain::vocabulary::{AssignmentRole, MilestoneStatus, SupervisionStatus};
use songhua_progress::ProgressServer;
use songhua_wire::code::Code;
use songhua_wire::pb;
use songhua_wire::pb::as_of::Known;
use songhua_wire::pb::progress_service_server::ProgressService;
use songhua_wire::time::date_to_pb;
use uuid::Uuid;

use super::grown::request;
use super::plain::live;
use super::plan::PLAN;

/// After every history.
const LAST: Date = date(2039, 12, 31);

/// Holds the boards as known after `events` against them.
pub(super) async fn check(server: &ProgressServer, events: &[Event], when: &str) {
    let state = Folding::of(events);
    let known = Some(Known::KnownPosition(events.len() as u64));
    let boards = Boards {
        server,
        events,
        state: &state,
        as_of: Some(pb::AsOf { valid_date: Some(date_to_pb(LAST)), known, min_position: 0 }),
        when,
    };
    boards.milestones().await;
    boards.projects().await;
    boards.agencies().await;
    boards.conduct().await;
    boards.revisions().await;
    boards.verification().await;
}

struct Boards<'a> {
    server: &'a ProgressServer,
    events: &'a [Event],
    state: &'a PlanState,
    as_of: Option<pb::AsOf>,
    when: &'a str,
}

/// All of a list on one page.
macro_rules! listed {
    ($boards:ident, $method:ident, $request:ident, $items:ident, $filter:expr) => {{
        let (parent, as_of, filter) = (format!("plans/{PLAN}"), $boards.as_of, $filter.to_owned());
        let asked = pb::$request { parent, page_size: 1_000, filter, as_of, ..Default::default() };
        $boards.server.$method(request(asked)).await.unwrap().into_inner().$items
    }};
}

/// The last part of a resource name.
fn last(name: &str) -> String {
    name.rsplit('/').next().unwrap().to_owned()
}

impl Boards<'_> {
    async fn milestones(&self) {
        let shown = listed!(self, list_milestones, ListMilestonesRequest, milestones, "");
        let shown: BTreeMap<String, _> = shown
            .into_iter()
            .map(|one| {
                (one.name.replacen(&format!("plans/{PLAN}/projects/"), "", 1), (one.due_date, one.status, one.verified))
            })
            .collect();
        let projects = self.state.projects().map(|(project, _)| project);
        let known = projects.flat_map(|project| self.state.milestones_of(project).map(move |known| (project, known)));
        let expected: BTreeMap<String, _> = known
            .map(|(project, (id, milestone))| {
                let holds = milestone.reports.iter().filter(|_| !milestone.cancelled);
                // What was reached stays reached; else an older report that comes later does not override a newer one.
                let newest = holds.max_by_key(|report| {
                    (report.status == MilestoneStatus::Met, self.day_of_report(&report.event), report.position)
                });
                let status = newest.map_or(MilestoneStatus::Scheduled, |report| report.status);
                let status = if milestone.cancelled { MilestoneStatus::Cancelled } else { status };
                let verified = newest.is_some_and(|report| report.verified_by.is_some());
                let said = (Some(date_to_pb(milestone.due_date)), status.to_wire(), verified);
                (format!("{project}/milestones/{id}"), said)
            })
            .collect();
        assert_eq!(shown, expected, "{}", self.when);
    }

    fn day_of_report(&self, id: &Uuid) -> Option<Date> {
        let event = self.events.iter().find(|event| event.input.event_id == *id);
        match &event?.input.payload {
            Payload::MilestoneReached(reached) => Some(reached.reach_date),
            Payload::MilestonePartiallyReached(report) => Some(report.as_of),
            Payload::MilestoneMissed(report) => Some(report.as_of),
            _ => None,
        }
    }

    async fn projects(&self) {
        let shown = listed!(self, list_projects, ListProjectsRequest, projects, "");
        let mut shown: Vec<_> =
            shown.into_iter().map(|one| (last(&one.name), one.status, last(&one.merged_into))).collect();
        shown.sort();
        let expected = self.state.projects().map(|(id, project)| {
            let status = project.status_on(LAST).map_or(0, Code::to_wire);
            (id.to_string(), status, project.merged_into.as_ref().map(ToString::to_string).unwrap_or_default())
        });
        assert_eq!(shown, expected.collect::<Vec<_>>(), "{}", self.when);
    }

    async fn agencies(&self) {
        let shown = listed!(self, list_agencies, ListAgenciesRequest, agencies, "");
        let shown: BTreeMap<_, _> = shown
            .into_iter()
            .map(|one| (last(&one.name), (one.display_name, last(&one.succeeded_by), one.assignments.len())))
            .collect();
        let succeeded = self.events.iter().filter_map(|event| match &event.input.payload {
            Payload::AgencySucceeded(it) => Some((&it.agency, &it.successor)),
            _ => None,
        });
        let successors: BTreeMap<_, _> = succeeded.collect();
        let mut assigned: BTreeMap<String, usize> = BTreeMap::new();
        for (agency, _) in self.state.agencies() {
            let roles = AssignmentRole::ALL;
            let stands = |scope: &Scope| {
                roles.iter().filter(|role| self.state.assignments().contains(agency, **role, scope)).count()
            };
            assigned.insert(agency.to_string(), self.scopes().iter().map(stands).sum());
        }
        let expected: BTreeMap<_, _> = self
            .state
            .agencies()
            .map(|(id, agency)| {
                let successor = successors.get(id).map(ToString::to_string).unwrap_or_default();
                (id.to_string(), (Some((&agency.name).into()), successor, assigned[id.as_str()]))
            })
            .collect();
        assert_eq!(shown, expected, "{}", self.when);
    }

    /// Every scope that was ever assigned.
    fn scopes(&self) -> BTreeSet<Scope> {
        let assigned = self.events.iter().filter_map(|event| match &event.input.payload {
            Payload::AgencyAssigned(assigned) => Some(assigned.scope.clone()),
            _ => None,
        });
        assigned.collect()
    }

    async fn conduct(&self) {
        let (mut open, mut matters) = (BTreeMap::new(), BTreeMap::new());
        for event in self.events {
            match &event.input.payload {
                Payload::ReportingPeriodOpened(opened) => {
                    let days = [opened.start, opened.end, opened.due_date].map(|day| Some(date_to_pb(day)));
                    open.insert(opened.period.to_string(), (true, days));
                }
                Payload::ReportingPeriodClosed(closed) => {
                    open.entry(closed.period.to_string()).and_modify(|(is_open, _)| *is_open = false);
                }
                Payload::SupervisionIssued(it) => {
                    matters.insert(it.supervision.to_string(), (SupervisionStatus::Issued.to_wire(), 0));
                }
                Payload::SupervisionAnswered(it) => {
                    let matter = matters.get_mut(it.supervision.as_str()).unwrap();
                    *matter = (SupervisionStatus::Answered.to_wire(), matter.1 + 1);
                }
                Payload::SupervisionClosed(it) => {
                    matters.get_mut(it.supervision.as_str()).unwrap().0 = SupervisionStatus::Closed.to_wire();
                }
                _ => {}
            }
        }
        let shown = listed!(self, list_reporting_periods, ListReportingPeriodsRequest, periods, "");
        let shown: BTreeMap<_, _> = shown
            .into_iter()
            .map(|one| (last(&one.name), (one.open, [one.start_date, one.end_date, one.due_date])))
            .collect();
        assert_eq!(shown, open, "{}", self.when);
        let shown = listed!(self, list_supervisions, ListSupervisionsRequest, supervisions, "");
        let shown: BTreeMap<_, _> =
            shown.into_iter().map(|one| (last(&one.name), (one.status, one.answers.len()))).collect();
        assert_eq!(shown, matters, "{}", self.when);
    }

    /// Every event that puts something in the place of something else, newest first. First baselines, first points on
    /// the way and first decompositions put it where nothing was.
    async fn revisions(&self) {
        use Payload as P;
        let mut said = BTreeSet::new();
        let published = self.events.iter().position(|event| matches!(event.input.payload, P::PlanPublished(_)));
        let mut is_one = |event: &Event| match &event.input.payload {
            P::BaselineSet(set) => !said.insert(("baseline", set.area.clone(), set.indicator.clone())),
            P::InterimTargetsSet(set) => !said.insert(("interim", set.area.clone(), set.indicator.clone())),
            P::TargetDecomposed(set) => !said.insert(("tasks", set.area.clone(), set.indicator.clone())),
            P::ProjectMerged(_) => event.position > published.unwrap() as u64,
            P::MeasurementCorrected(_)
            | P::MeasurementRevised(_)
            | P::MeasurementRetracted(_)
            | P::VerificationRejected(_)
            | P::VerificationReopened(_)
            | P::PlanRevised(_)
            | P::PlanClosedOut(_)
            | P::CalculationAdopted(_)
            | P::LightRuleAdopted(_)
            | P::AreaStageChanged(_)
            | P::IndicatorRedefined(_)
            | P::IndicatorRetired(_)
            | P::TargetRevised(_)
            | P::BaselineRestated(_)
            | P::AgencyRenamed(_)
            | P::AgencySucceeded(_)
            | P::AssignmentEnded(_)
            | P::ProjectStatusChanged(_)
            | P::MilestoneRescheduled(_)
            | P::MilestoneCancelled(_)
            | P::MilestoneReopened(_) => true,
            _ => false,
        };
        let mut expected: Vec<_> = self.events.iter().filter(|event| is_one(event)).map(said_of).collect();
        expected.reverse();
        let shown = listed!(self, list_revisions, ListRevisionsRequest, revisions, "");
        let shown: Vec<_> = shown.into_iter().map(|one| (one.position, one.event_type)).collect();
        assert_eq!(shown, expected, "{}", self.when);
    }

    /// What counts is verified, waits, or nobody has asked about it.
    async fn verification(&self) {
        let (mut counts, mut verified) = (BTreeSet::new(), BTreeSet::new());
        for one in live(self.events) {
            counts.insert(one.event);
            if one.seen.verified {
                verified.insert(one.event);
            }
        }
        let projects = self.state.projects().map(|(project, _)| project);
        for (_, milestone) in projects.flat_map(|project| self.state.milestones_of(project)) {
            let report = milestone.last_report().filter(|_| !milestone.cancelled);
            counts.extend(report.map(|report| report.event));
            verified.extend(report.filter(|report| report.verified_by.is_some()).map(|report| report.event));
        }
        let of_state = async |state: &str| -> BTreeSet<Uuid> {
            let shown = listed!(self, list_verifications, ListVerificationsRequest, items, format!("state = {state}"));
            shown.into_iter().map(|item| item.event_id.parse().unwrap()).collect()
        };
        assert_eq!(of_state("VERIFIED").await, verified, "{}", self.when);
        let mut waiting = of_state("UNVERIFIED").await;
        for state in ["REQUESTED", "REOPENED"] {
            waiting.extend(of_state(state).await);
        }
        assert_eq!(waiting, counts.difference(&verified).copied().collect(), "{}", self.when);
    }
}

fn said_of(event: &Event) -> (u64, String) {
    (event.position, event.input.payload.type_token().to_owned())
}
