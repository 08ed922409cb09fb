//! A server with the demo, and what it says of itself.

use std::path::PathBuf;

use prost::Message;
use songhua_tests::pb::{self, progress_service_client::ProgressServiceClient};
use songhua_tests::{Client, Sandbox, ServeOptions, date};
use songhua_wire::google::type_::Date;
use songhua_wire::time::timestamp_to_pb;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;

/// The demo's plan.
pub(crate) const DEMO: &str = "plans/demo-harbin-2022-2026";
/// The demo's "today", for ever.
pub(crate) const TODAY: Date = date(2026, 11, 20);

/// `serve --demo` without any plan folder.
pub(crate) fn demo() -> ServeOptions {
    ServeOptions { demo: true, ..ServeOptions::default() }
}

/// The directory of the demo's plan.
pub(crate) fn plan_directory(sandbox: &Sandbox) -> PathBuf {
    sandbox.data().join(DEMO)
}

/// Every record of the demo's log.
pub(crate) async fn replayed(sandbox: &Sandbox) -> Vec<pb::Event> {
    let request = pb::ReplayRequest { parent: DEMO.to_owned(), ..Default::default() };
    let mut answers = sandbox.admin().await.audit.replay(request).await.unwrap().into_inner();
    let mut events = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        events.extend(answer.records.iter().map(|record| pb::Event::decode(record.data.as_ref()).unwrap()));
    }
    events
}

/// Name of the event's type.
pub(crate) fn kind(event: &pb::Event) -> String {
    let payload = event.input.as_ref().and_then(|input| input.payload.as_ref()).expect("a payload");
    format!("{payload:?}").split('(').next().unwrap_or_default().to_owned()
}

/// Reads of the demo as of a day and a knowledge.
pub(crate) struct Reader {
    progress: ProgressServiceClient<InterceptedService<Channel, songhua_tests::Token>>,
    as_of: pb::AsOf,
}

impl Reader {
    /// What is true today, as far as is known today.
    pub(crate) fn today(client: &Client) -> Self {
        Self { progress: client.progress.clone(), as_of: pb::AsOf::default() }
    }

    /// What was true on `day`; with `known`, as far as it was known at the begin of that day (UTC).
    pub(crate) fn at(client: &Client, day: Date, known: Option<Date>) -> Self {
        let known = known.map(|day| {
            let text = format!("{:04}-{:02}-{:02}T00:00:00Z", day.year, day.month, day.day);
            pb::as_of::Known::KnownTime(timestamp_to_pb(text.parse().unwrap()))
        });
        Self { progress: client.progress.clone(), as_of: pb::AsOf { valid_date: Some(day), known, min_position: 0 } }
    }

    fn as_of(&self) -> Option<pb::AsOf> {
        Some(self.as_of)
    }

    /// All targets at a glance.
    pub(crate) async fn overview(&self) -> pb::GetOverviewResponse {
        let request = pb::GetOverviewRequest { name: DEMO.to_owned(), as_of: self.as_of() };
        self.progress.clone().get_overview(request).await.unwrap().into_inner()
    }

    /// Whether reads must still wait.
    pub(crate) async fn is_rebuilding(&self) -> bool {
        let request = pb::GetOverviewRequest { name: DEMO.to_owned(), as_of: self.as_of() };
        self.progress.clone().get_overview(request).await.is_err()
    }

    /// Every indicator, listed.
    async fn listed(&self) -> Vec<pb::Indicator> {
        let request = pb::ListIndicatorsRequest {
            parent: DEMO.to_owned(),
            page_size: 1_000,
            as_of: self.as_of(),
            ..Default::default()
        };
        self.progress.clone().list_indicators(request).await.unwrap().into_inner().indicators
    }

    /// Every indicator with its history.
    pub(crate) async fn indicators(&self) -> Vec<pb::GetIndicatorResponse> {
        let mut found = Vec::new();
        for indicator in self.listed().await {
            let request = pb::GetIndicatorRequest { name: indicator.name, as_of: self.as_of(), ..Default::default() };
            found.push(self.progress.clone().get_indicator(request).await.unwrap().into_inner());
        }
        found
    }

    /// Every circle with its projects.
    pub(crate) async fn circles(&self) -> Vec<pb::GetCircleResponse> {
        let request = pb::ListCirclesRequest {
            parent: DEMO.to_owned(),
            page_size: 1_000,
            as_of: self.as_of(),
            ..Default::default()
        };
        let listed = self.progress.clone().list_circles(request).await.unwrap().into_inner();
        let mut found = Vec::new();
        for circle in listed.circles {
            let request = pb::GetCircleRequest { name: circle.name, as_of: self.as_of() };
            found.push(self.progress.clone().get_circle(request).await.unwrap().into_inner());
        }
        found
    }

    /// All targets.
    pub(crate) async fn targets(&self) -> Vec<pb::TargetProgress> {
        self.listed().await.into_iter().flat_map(|indicator| indicator.targets).collect()
    }

    /// The target of an indicator that has one.
    pub(crate) async fn target(&self, indicator: &str) -> pb::TargetProgress {
        let name = format!("{DEMO}/indicators/{indicator}");
        let request = pb::GetIndicatorRequest { name, as_of: self.as_of(), ..Default::default() };
        let answer = self.progress.clone().get_indicator(request).await.unwrap().into_inner();
        answer.indicator.unwrap().targets.remove(0)
    }
}
