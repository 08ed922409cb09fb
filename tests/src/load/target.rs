//! The server under load: started here, or one that runs already.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use songhua_wire::pb;
use songhua_wire::pb::admin_service_client::AdminServiceClient;
use songhua_wire::pb::ingest_service_client::IngestServiceClient;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};

use crate::{PLAN_ID, Sandbox, ServeOptions, Token, introduce, submit};

/// A client of ingest.
pub type Ingest = IngestServiceClient<InterceptedService<Channel, Token>>;
type Admin = AdminServiceClient<InterceptedService<Channel, Token>>;

/// Where the load goes.
pub struct Target {
    /// Kept so that the server lives as long as this.
    sandbox: Option<Sandbox>,
    url: String,
    office: Token,
    agency: Token,
    admin: Admin,
}

impl Target {
    /// Starts a server on a directory of its own; registers an agency that leads.
    pub async fn start(options: ServeOptions) -> Self {
        let sandbox = Sandbox::start_with(options).await;
        let (url, token) = (sandbox.grpc().to_owned(), sandbox.admin_token());
        Self::open(Some(sandbox), url, &token).await
    }

    /// Takes the server at `url` with the token in `SONGHUA_TOKEN`; registers an agency that leads.
    pub async fn at(url: &str) -> Self {
        let token = std::env::var("SONGHUA_TOKEN").expect("SONGHUA_TOKEN holds an administrator's token");
        Self::open(None, url.to_owned(), &token).await
    }

    async fn open(sandbox: Option<Sandbox>, url: String, token: &str) -> Self {
        let office = Token::bearer(token);
        let mut admin = AdminServiceClient::new(InterceptedService::new(connect(&url).await, office.clone()));
        let id = format!("load-{}", &uuid::Uuid::new_v4().simple().to_string()[..8]);
        let scope = pb::scope::Kind::Plan(true);
        let introduction = introduce(&id, pb::AssignmentRole::Responsible, &[scope]);
        let mut ingest = IngestServiceClient::new(InterceptedService::new(connect(&url).await, office.clone()));
        ingest.submit(submit(introduction)).await.expect("the agency is introduced");
        let request = pb::GrantAccessRequest {
            principal: id.clone(),
            role: pb::Role::Agency.into(),
            agency: id,
            ..Default::default()
        };
        let granted = admin.grant_access(request).await.expect("access is granted").into_inner();
        Self { sandbox, url, office, agency: Token::bearer(&granted.token), admin }
    }

    /// Where it answers.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The administrator's token.
    pub const fn office(&self) -> &Token {
        &self.office
    }

    /// A connection of its own.
    pub async fn connect(&self) -> Channel {
        connect(&self.url).await
    }

    /// A client on a connection.
    pub fn ingest(&self, channel: Channel) -> Ingest {
        IngestServiceClient::new(InterceptedService::new(channel, self.agency.clone()))
    }

    /// Ends the server if it was started here, so that it is not measured with the disk.
    pub async fn stop(&mut self) {
        if let Some(sandbox) = &mut self.sandbox {
            sandbox.terminate().await;
        }
    }

    /// Where the server keeps its data, or the current directory if it was not started here.
    pub fn directory(&self) -> PathBuf {
        self.sandbox.as_ref().map_or_else(|| PathBuf::from("."), Sandbox::data)
    }

    /// Processor time of the server so far; none if it was not started here.
    pub fn cpu(&self) -> Option<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.sandbox.as_ref()?.pid())).ok()?;
        let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
        // utime and stime, in hundredths of a second on every Linux.
        let ticks = fields.get(11..13)?.iter().map(|field| field.parse::<u64>().unwrap_or(0)).sum::<u64>();
        Some(Duration::from_millis(ticks * 10))
    }

    /// What the server says of the plan.
    pub async fn status(&self) -> pb::PlanStatus {
        let request = pb::GetStatusRequest { plan: PLAN_ID.to_owned(), views_digest: false };
        let answer = self.admin.clone().get_status(request).await.expect("the server says how it is").into_inner();
        answer.plans.into_iter().next().expect("the plan is there")
    }

    /// The plan's durable head.
    pub async fn durable_position(&self) -> u64 {
        self.status().await.durable_position
    }

    /// How far the followers are behind, and how long they take to come up.
    pub async fn catch_up(&self) -> (u64, Duration) {
        let begun = Instant::now();
        let behind = |status: &pb::PlanStatus| {
            let at_work = status.followers.iter().filter(|follower| follower.state != "OFF");
            let applied = at_work.map(|follower| follower.applied_position).min().unwrap_or_default();
            status.durable_position.saturating_sub(applied)
        };
        let first = behind(&self.status().await);
        while behind(&self.status().await) > 0 {
            assert!(begun.elapsed() < Duration::from_secs(300), "the followers do not catch up");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        (first, begun.elapsed())
    }
}

async fn connect(url: &str) -> Channel {
    Endpoint::from_shared(url.to_owned()).expect("a URL").connect().await.expect("the server answers")
}
