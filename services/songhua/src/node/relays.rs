//! Topics: the NATS connection that the plans of a node share, and what their relays say of themselves.
//!
//! Place in the flow: opened with the node; each hosted plan owns the handle of its relays.

use std::sync::Arc;

use songhua_domain::event::PlanCreated;
use songhua_log::EventLog;
use songhua_relay::{
    Connection, ConnectionOptions, Options, PlanRelay, PlanSource, RelayHandle, RelayState, RelayStatus,
};
use songhua_wire::pb;

use super::{Hosted, NodeError};
use crate::config::Config;

/// The name of the relay of events, in status and health.
const RELAY: &str = "relay";
/// The name of the relay of status changes.
const RELAY_PROGRESS: &str = "relay-progress";
/// What is said where there is no server.
const OFF: &str =
    "no NATS server configured (--nats-url): topics are off / 未配置 NATS 服务器（--nats-url）：不发布主题";

/// What relays need.
pub(super) struct Relays {
    /// None = topics are off.
    connection: Option<Connection>,
    options: Options,
}

impl Relays {
    /// Begins to connect, if a server is configured. It need not be there.
    ///
    /// # Errors
    /// A setting that cannot be used.
    pub(super) async fn open(config: &Config) -> Result<Self, NodeError> {
        let options = Options {
            from: config.relay_from.value,
            payload: config.relay_payload.value,
            replicas: config.nats_replicas.value,
            max_bytes: Some(config.nats_max_bytes.value).filter(|bytes| *bytes > 0),
        };
        let Some(servers) = config.nats_url.value.clone() else {
            tracing::info!("{OFF}");
            return Ok(Self { connection: None, options });
        };
        let (credentials, ca) = (config.nats_creds.value.clone(), config.nats_ca_file.value.clone());
        let opened = Connection::open(ConnectionOptions { servers, credentials, ca }).await;
        let connection = opened.map_err(|error| NodeError::Server(error.to_string()))?;
        Ok(Self { connection: Some(connection), options })
    }

    /// Lets the relays of a plan run.
    pub(super) fn spawn(&self, created: &PlanCreated, hosted: &Hosted) -> Option<RelayHandle> {
        let source = PlanSource {
            plan: created.plan.clone(),
            log: Arc::clone(hosted.ingest.log()) as Arc<dyn EventLog>,
            views: hosted.views.clone(),
            applied: hosted.applied.clone(),
            simulated: created.simulated,
        };
        self.connection.as_ref().map(|connection| PlanRelay::spawn(connection, source, &self.options))
    }
}

/// What the relays of a plan say of themselves.
pub(super) fn follower_statuses(relay: Option<&RelayHandle>) -> Vec<pb::FollowerStatus> {
    match relay {
        None => vec![pb::FollowerStatus {
            name: RELAY.to_owned(),
            applied_position: 0,
            state: "OFF".to_owned(),
            detail: OFF.to_owned(),
        }],
        Some(relay) => vec![
            follower_status(RELAY, &relay.status().borrow()),
            follower_status(RELAY_PROGRESS, &relay.progress_status().borrow()),
        ],
    }
}

fn follower_status(name: &str, status: &RelayStatus) -> pb::FollowerStatus {
    let state = match status.state {
        RelayState::Running => "RUNNING",
        RelayState::Waiting => "WAITING",
        RelayState::Stopped => "STOPPED",
    };
    pb::FollowerStatus {
        name: name.to_owned(),
        applied_position: status.position,
        state: state.to_owned(),
        detail: status.detail.clone(),
    }
}
