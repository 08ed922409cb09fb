//! Our side: the release binary with `serve`, a real plan, an agency's token, views on.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::stream;
use songhua_tests::{Client, PLAN_ID, Sandbox, ServeOptions, Token, introduce};
use songhua_wire::pb;
use songhua_wire::pb::ingest_service_client::IngestServiceClient;
use songhua_wire::pb::submit_stream_response::Result as Answer;
use tokio::sync::Semaphore;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

use crate::drive::{Acknowledged, Caller, Load, Pool, Run, begin, drive, finish};
use crate::events::{Events, Lines};
use crate::process;

/// Who reports.
const AGENCY: &str = "compare";
/// How long followers may take behind a load.
const CATCH_UP_MAX: Duration = Duration::from_secs(900);

type Ingest = IngestServiceClient<InterceptedService<Channel, Token>>;

/// A server, and who may write to it.
pub(crate) struct Ours {
    /// The process.
    pub(crate) sandbox: Sandbox,
    ca: Option<String>,
    token: String,
    plans: Vec<String>,
    events: Events,
}

impl Ours {
    /// A server on a fresh directory with the Harbin plan.
    pub(crate) async fn start(options: ServeOptions) -> Self {
        Self::start_with(options, &[PLAN_ID.to_owned()], None).await
    }

    /// A server with these plans; clients trust `ca`, if it serves TLS.
    pub(crate) async fn start_with(options: ServeOptions, plans: &[String], ca: Option<String>) -> Self {
        let sandbox = Sandbox::start_with(options).await;
        let office = Client::over(connect(&sandbox, ca.as_deref()).await, Some(&sandbox.admin_token()));
        for plan in plans {
            let events = introduce(AGENCY, pb::AssignmentRole::Responsible, &[pb::scope::Kind::Plan(true)]);
            let request = pb::SubmitRequest { parent: format!("plans/{plan}"), events, ..Default::default() };
            office.ingest.clone().submit(request).await.expect("the agency is introduced");
        }
        let request = pb::GrantAccessRequest {
            principal: AGENCY.to_owned(),
            role: pb::Role::Agency.into(),
            agency: AGENCY.to_owned(),
            ..Default::default()
        };
        let token = office.admin.clone().grant_access(request).await.expect("access is granted").into_inner().token;
        let parent = format!("plans/{}", plans[0]);
        let request = pb::ListIndicatorsRequest { parent, page_size: 1_000, ..Default::default() };
        let indicators = office.progress.clone().list_indicators(request).await.expect("indicators").into_inner();
        let events = Events::new(Lines::of(indicators.indicators));
        let plans = plans.iter().map(|plan| format!("plans/{plan}")).collect();
        Self { sandbox, ca, token, plans, events }
    }

    /// Clients of the office, on a connection of their own.
    pub(crate) async fn office(&self) -> Client {
        Client::over(self.connect().await, Some(&self.sandbox.admin_token()))
    }

    /// A connection with the windows that UmaDB's client asks for.
    async fn connect(&self) -> Channel {
        connect(&self.sandbox, self.ca.as_deref()).await
    }

    /// The indicator that one event in 72 is of.
    pub(crate) fn selected(&self) -> &str {
        self.events.selected()
    }

    /// Where a plan's files are.
    pub(crate) fn directory(&self) -> PathBuf {
        self.sandbox.data().join("plans").join(self.plans[0].trim_start_matches("plans/"))
    }

    /// Runs a load, and waits until the server is done with what it left to do.
    pub(crate) async fn run(&self, load: &Load, duration: Duration) -> Run {
        let before = process::cpu(self.sandbox.pid());
        let run = self.load(load, duration).await;
        self.catch_up().await;
        Run { server_cpu: process::cpu(self.sandbox.pid()) - before, ..run }
    }

    /// Runs a load; clients take plans in turn.
    pub(crate) async fn load(&self, load: &Load, duration: Duration) -> Run {
        let parent = &self.plans[0];
        let requests = (0..load.requests(duration)).map(|_| self.events.submission(parent, load.batch)).collect();
        let mut clients = self.clients(load.connections).await;
        if load.stream {
            return stream_run(clients.remove(0), requests, load, duration).await.lasting();
        }
        let caller = |index: usize| Submitter {
            ingest: clients[index % clients.len()].clone(),
            parent: self.plans[index % self.plans.len()].clone(),
        };
        drive((0..load.clients).map(caller).collect(), requests, load.batch, duration).await
    }

    /// Stores one event.
    pub(crate) async fn submit_one(&self) {
        let request = self.events.submission(&self.plans[0], 1);
        let stored = self.clients(1).await.remove(0).submit(request).await.expect("the event is stored");
        check(&stored.into_inner(), 1);
    }

    /// Stores `count` events, as fast as it goes, in messages of 100 on one stream.
    pub(crate) async fn fill(&self, count: u64) {
        const PIECE: u64 = 200_000;
        let mut left = count;
        while left > 0 {
            let now = left.min(PIECE);
            let whole = usize::try_from(now / 100).unwrap_or(0);
            let parent = &self.plans[0];
            let mut requests: Vec<_> = (0..whole).map(|_| self.events.submission(parent, 100)).collect();
            let rest = usize::try_from(now % 100).unwrap_or(0);
            if rest > 0 {
                requests.push(self.events.submission(parent, rest));
            }
            let load = Load { name: "fill", clients: 10, connections: 1, batch: 100, stream: true, most: u64::MAX };
            let client = self.clients(1).await.remove(0);
            stream_run(client, requests, &load, Duration::from_secs(3_600)).await;
            left -= now;
        }
        self.catch_up().await;
    }

    async fn clients(&self, connections: usize) -> Vec<Ingest> {
        let mut clients = Vec::new();
        for _ in 0..connections {
            clients.push(Client::over(self.connect().await, Some(&self.token)).ingest);
        }
        clients
    }

    /// What the server says of its plans.
    pub(crate) async fn status(&self) -> Vec<pb::PlanStatus> {
        let answer = self.office().await.admin.get_status(pb::GetStatusRequest::default()).await;
        let plans = answer.expect("the server says how it is").into_inner().plans;
        plans.into_iter().filter(|status| self.plans.iter().any(|plan| plan.ends_with(&status.plan))).collect()
    }

    /// Waits until all followers have everything, so that the next one to be measured has the machine for itself.
    pub(crate) async fn catch_up(&self) {
        let begun = Instant::now();
        while self.status().await.iter().any(behind) {
            assert!(begun.elapsed() < CATCH_UP_MAX, "the followers do not catch up");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The first plan's durable head.
    pub(crate) async fn position(&self) -> u64 {
        self.status().await.first().map_or(0, |status| status.durable_position)
    }
}

fn behind(status: &pb::PlanStatus) -> bool {
    let mut at_work = status.followers.iter().filter(|follower| follower.state != "OFF");
    at_work.any(|follower| follower.applied_position < status.durable_position)
}

async fn connect(sandbox: &Sandbox, ca: Option<&str>) -> Channel {
    let address = sandbox.grpc_address();
    let mut endpoint = match ca {
        None => Endpoint::from_shared(format!("http://{address}")).expect("a URL"),
        Some(ca) => {
            let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca)).domain_name("localhost");
            Endpoint::from_shared(format!("https://{address}")).expect("a URL").tls_config(tls).expect("a CA")
        }
    };
    // And frames as our command line asks for.
    endpoint =
        endpoint.initial_stream_window_size(4 << 20).initial_connection_window_size(8 << 20).max_frame_size(256 << 10);
    endpoint.connect().await.expect("the server answers")
}

/// One client of `Submit`.
struct Submitter {
    ingest: Ingest,
    parent: String,
}

impl Caller for Submitter {
    type Request = pb::SubmitRequest;

    async fn call(&mut self, mut request: pb::SubmitRequest) {
        let count = request.events.len();
        request.parent.clone_from(&self.parent);
        let answer = self.ingest.submit(request).await.expect("the submission is stored").into_inner();
        check(&answer, count);
    }
}

fn check(answer: &pb::SubmitResponse, count: usize) {
    let stored = answer.receipts.iter().filter(|receipt| receipt.position > 0 && !receipt.duplicate).count();
    assert_eq!(stored, count, "a receipt for each event");
}

/// One stream with a window.
async fn stream_run(mut ingest: Ingest, requests: Vec<pb::SubmitRequest>, load: &Load, duration: Duration) -> Run {
    let pool = Pool::new(requests);
    let room = Arc::new(Semaphore::new(load.clients));
    let sent: Arc<Mutex<VecDeque<(Instant, usize)>>> = Arc::default();
    let (times, cpu) = begin(duration);
    let outgoing =
        stream::unfold((Arc::clone(&pool), Arc::clone(&room), Arc::clone(&sent), 0), move |state| async move {
            let (pool, room, sent, tag) = state;
            room.acquire().await.ok()?.forget();
            let request = (Instant::now() < times.until).then(|| pool.take())??;
            sent.lock().ok()?.push_back((Instant::now(), request.events.len()));
            Some((pb::SubmitStreamRequest { tag, request: Some(request) }, (pool, room, sent, tag + 1)))
        });
    let mut answers = ingest.submit_stream(outgoing).await.expect("the stream opens").into_inner();
    let mut seen = Vec::with_capacity(1 << 20);
    while let Some(answer) = answers.message().await.expect("the stream goes on") {
        assert_eq!(answer.tag, seen.len() as u64, "answers come in order");
        let (begun, count) = sent.lock().expect("nobody panicked").pop_front().expect("one answer a request");
        let Some(Answer::Response(response)) = answer.result else { panic!("refused: {:?}", answer.result) };
        check(&response, count);
        seen.push(Acknowledged::now(begun, count));
        room.add_permits(1);
    }
    finish(&seen, times, &pool, cpu)
}
