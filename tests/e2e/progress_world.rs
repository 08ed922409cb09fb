//! A served plan with the parties that progress needs: the plan office, an agency that leads everything, an auditor.
//!
//! Every read waits for what was stored before it, so that no test guesses how far the projector is.

use songhua_tests::{Client, PLAN, Sandbox, ServeOptions, agency, assigned, event};
use songhua_wire::google::type_::Date;
use songhua_wire::pb;
use songhua_wire::pb::event_input::Payload;
use songhua_wire::status::refusal_from;
use tonic::Status;

/// The day the tests look from unless they say otherwise; 38 days before the Harbin plan ends.
pub(crate) const LOOK: Date = songhua_tests::date(2026, 11, 23);
/// The agency that leads the whole plan.
pub(crate) const BUREAU: &str = "science-bureau";
/// What old events rest on.
const SOURCE: &str = "e2e ledger, page 1";

/// The parties around one server.
pub(crate) struct World {
    /// The server.
    pub(crate) sandbox: Sandbox,
    /// The plan office.
    pub(crate) office: Client,
    /// Leads the whole plan.
    pub(crate) bureau: Client,
    /// Verifies.
    pub(crate) auditor: Client,
    /// Position of the last event that set this up.
    pub(crate) set_up: u64,
    plan: String,
    tokens: [String; 2],
}

impl World {
    /// The Harbin plan.
    pub(crate) async fn harbin() -> Self {
        Self::of(ServeOptions::default(), PLAN).await
    }

    /// Any plan.
    pub(crate) async fn of(options: ServeOptions, plan: &str) -> Self {
        let sandbox = Sandbox::start_with(options).await;
        let office = sandbox.admin().await;
        let tokens = [token(&office, pb::Role::Agency, BUREAU).await, token(&office, pb::Role::Auditor, "").await];
        let (bureau, auditor) = (sandbox.client(Some(&tokens[0])).await, sandbox.client(Some(&tokens[1])).await);
        let mut world = Self { sandbox, office, bureau, auditor, set_up: 0, plan: plan.to_owned(), tokens };
        world.stored(&world.office, agency(BUREAU, "科技局")).await;
        let leads = assigned(BUREAU, pb::AssignmentRole::Lead, pb::scope::Kind::Plan(true));
        world.set_up = world.stored(&world.office, leads).await.position;
        world
    }

    /// Connects again after the server was started on other ports.
    pub(crate) async fn reconnect(&mut self) {
        self.office = self.sandbox.admin().await;
        self.bureau = self.sandbox.client(Some(&self.tokens[0])).await;
        self.auditor = self.sandbox.client(Some(&self.tokens[1])).await;
    }

    /// `plans/…` and what follows it.
    pub(crate) fn name(&self, rest: &str) -> String {
        if rest.is_empty() { self.plan.clone() } else { format!("{}/{rest}", self.plan) }
    }

    async fn submit(&self, by: &Client, event: pb::EventInput) -> Result<pb::Receipt, Status> {
        let request = pb::SubmitRequest { parent: self.plan.clone(), events: vec![event], ..Default::default() };
        let answer = by.ingest.clone().submit(request).await?.into_inner();
        Ok(answer.receipts.into_iter().next().expect("a receipt for the event"))
    }

    /// Stores an event. What is old names where it stands, so that the tests still pass in years to come.
    pub(crate) async fn stored(&self, by: &Client, mut event: pb::EventInput) -> pb::Receipt {
        event.source_ref = SOURCE.to_owned();
        self.submit(by, event).await.unwrap_or_else(|status| panic!("refused: {status:?}"))
    }

    /// The reason for which an event is refused.
    pub(crate) async fn refused(&self, by: &Client, mut event: pb::EventInput) -> String {
        event.source_ref = SOURCE.to_owned();
        reason(&self.submit(by, event).await.expect_err("the event is refused"))
    }

    /// An indicator as of [`LOOK`], with everything known up to and including `receipt`.
    pub(crate) async fn indicator(&self, id: &str, receipt: &pb::Receipt) -> pb::GetIndicatorResponse {
        self.indicator_at(id, seen(LOOK, receipt.position)).await.unwrap()
    }

    /// An indicator.
    pub(crate) async fn indicator_at(&self, id: &str, as_of: pb::AsOf) -> Result<pb::GetIndicatorResponse, Status> {
        let request = pb::GetIndicatorRequest {
            name: self.name(&format!("indicators/{id}")),
            as_of: Some(as_of),
            ..Default::default()
        };
        self.bureau.progress.clone().get_indicator(request).await.map(tonic::Response::into_inner)
    }

    /// The only target of an indicator as of [`LOOK`].
    pub(crate) async fn target(&self, id: &str, receipt: &pb::Receipt) -> pb::TargetProgress {
        only(&self.indicator(id, receipt).await)
    }

    /// A project with its milestones.
    pub(crate) async fn project_at(&self, id: &str, as_of: pb::AsOf) -> pb::Project {
        let request = pb::GetProjectRequest { name: self.name(&format!("projects/{id}")), as_of: Some(as_of) };
        let answer = self.bureau.progress.clone().get_project(request).await.unwrap().into_inner();
        answer.project.expect("a project")
    }

    /// The milestones that match, by the last part of their names.
    pub(crate) async fn milestones(&self, filter: &str, as_of: pb::AsOf) -> Result<Vec<String>, Status> {
        let request = pb::ListMilestonesRequest {
            parent: self.name(""),
            filter: filter.to_owned(),
            as_of: Some(as_of),
            ..Default::default()
        };
        let page = self.bureau.progress.clone().list_milestones(request).await?.into_inner();
        Ok(page.milestones.iter().map(|milestone| last_part(&milestone.name)).collect())
    }

    /// All targets at a glance.
    pub(crate) async fn overview(&self, as_of: pb::AsOf) -> pb::GetOverviewResponse {
        let request = pb::GetOverviewRequest { name: self.name(""), as_of: Some(as_of) };
        self.bureau.progress.clone().get_overview(request).await.unwrap().into_inner()
    }
}

/// Gives out a token.
async fn token(office: &Client, role: pb::Role, agency: &str) -> String {
    let request = pb::GrantAccessRequest {
        principal: format!("e2e-{role:?}"),
        role: role.into(),
        agency: agency.to_owned(),
        ..Default::default()
    };
    office.admin.clone().grant_access(request).await.unwrap().into_inner().token
}

/// `ErrorInfo.reason`.
pub(crate) fn reason(status: &Status) -> String {
    refusal_from(status).unwrap_or_else(|| panic!("no reason in {status:?}")).reason.code().to_owned()
}

/// Everything that is true on `day`, once `position` is applied.
pub(crate) fn seen(day: Date, position: u64) -> pb::AsOf {
    pb::AsOf { valid_date: Some(day), known: None, min_position: position }
}

/// What was known at `position` about `day`.
pub(crate) fn known(day: Date, position: u64) -> pb::AsOf {
    pb::AsOf { valid_date: Some(day), known: Some(pb::as_of::Known::KnownPosition(position)), min_position: position }
}

/// The only target.
pub(crate) fn only(answer: &pb::GetIndicatorResponse) -> pb::TargetProgress {
    let [target] = answer.indicator.as_ref().expect("an indicator").targets.as_slice() else { panic!("one target") };
    target.clone()
}

/// The last part of a resource name.
pub(crate) fn last_part(name: &str) -> String {
    name.rsplit('/').next().unwrap_or_default().to_owned()
}

/// A figure.
pub(crate) fn value(text: &str) -> Option<pb::Figure> {
    Some(pb::Figure { kind: Some(pb::figure::Kind::Value(text.to_owned())) })
}

/// A figure of a period.
pub(crate) fn period(area: &str, indicator: &str, basis: pb::Basis, days: (Date, Date), text: &str) -> pb::EventInput {
    event(Payload::MeasurementReported(pb::MeasurementReported {
        area: area.to_owned(),
        indicator: indicator.to_owned(),
        basis: basis.into(),
        period: Some(pb::ReferencePeriod { start: Some(days.0), end: Some(days.1) }),
        figure: value(text),
        ..Default::default()
    }))
}

/// The right number instead of a wrong one.
pub(crate) fn corrected(of: &pb::Receipt, text: &str) -> pb::EventInput {
    event(Payload::MeasurementCorrected(pb::MeasurementCorrected {
        measurement: of.event_id.clone(),
        figure: value(text),
        reason: "录入错误".to_owned(),
        ..Default::default()
    }))
}

/// An auditor agrees.
pub(crate) fn accepted(of: &pb::Receipt) -> pb::EventInput {
    let finding = "与台账一致".to_owned();
    event(Payload::VerificationAccepted(pb::VerificationAccepted { event: of.event_id.clone(), finding }))
}

/// An auditor disagrees.
pub(crate) fn rejected(of: &pb::Receipt) -> pb::EventInput {
    let reason = "台账中没有这一数字".to_owned();
    event(Payload::VerificationRejected(pb::VerificationRejected { event: of.event_id.clone(), reason }))
}

/// Where a target starts from.
pub(crate) fn baseline(area: &str, indicator: &str, on: Date, text: &str) -> pb::EventInput {
    event(Payload::BaselineSet(pb::BaselineSet {
        area: area.to_owned(),
        indicator: indicator.to_owned(),
        baseline: Some(pb::DatedValue { date: Some(on), value: text.to_owned() }),
    }))
}
