//! The HTTP door: `/healthz` (the process answers), `/readyz` (plans are open, their views have caught up once),
//! `/metrics`, and `/`, the sheet of a plan ([`super::sheet`]).
//!
//! The first two need no token and tell nothing about plans. `/metrics`, and why the node is not ready, are for grants
//! that hold for every plan; the sheet is for who may read progress.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics::counter;
use songhua_access::{AccessError, Permission};
use songhua_domain::vocabulary::{Reason, Role};
use songhua_progress::ProgressServer;
use tokio::net::TcpListener;

use super::auth::{Refusals, authenticate, credential};
use super::{Node, NodeError, sheet};

/// What Prometheus calls its text format.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Content of every other answer.
const PLAIN: &str = "text/plain; charset=utf-8";
/// How a refused scrape is noted.
const METRICS: &str = "GET /metrics";

/// What the handlers know.
#[derive(Clone)]
struct Door {
    node: Arc<Node>,
    progress: Arc<ProgressServer>,
    refusals: Arc<Refusals>,
}

/// Serves until `shutdown` resolves; gives the address that is bound.
///
/// # Errors
/// The address is taken or not ours.
pub(super) async fn serve(
    node: Arc<Node>,
    progress: Arc<ProgressServer>,
    refusals: Arc<Refusals>,
    address: SocketAddr,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(SocketAddr, tokio::task::JoinHandle<()>), NodeError> {
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| NodeError::Server(format!("HTTP address {address}: {error} / HTTP 地址无法监听")))?;
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(scrape))
        .route("/", get(show))
        .with_state(Door { node, progress, refusals });
    let bound = listener.local_addr().map_err(|error| NodeError::Server(error.to_string()))?;
    if !bound.ip().is_loopback() {
        tracing::warn!(%bound, "HTTP has no TLS here: a token can be read on the way, put a TLS proxy in front");
    }
    let serving = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(shutdown).await {
            tracing::error!(%error, "HTTP server ended");
        }
    });
    Ok((bound, serving))
}

/// Ready or not; to whom may know it, also why not.
async fn ready(State(door): State<Door>, headers: HeaderMap) -> (StatusCode, String) {
    let hindrances = door.node.hindrances().await;
    if hindrances.is_empty() {
        return (StatusCode::OK, "ready\n".to_owned());
    }
    let told = door.operator(&headers).is_ok_and(|role| role == Role::Admin);
    let why = if told { hindrances.join("\n") + "\n" } else { String::new() };
    (StatusCode::SERVICE_UNAVAILABLE, format!("not ready\n{why}"))
}

async fn scrape(State(door): State<Door>, headers: HeaderMap) -> Response {
    match door.operator(&headers) {
        Ok(role) => {
            let text = door.node.metrics.render(&door.node, role == Role::Admin).await;
            ([(CONTENT_TYPE, TEXT_FORMAT)], text).into_response()
        }
        Err(closed) => closed.answer(&door.refusals),
    }
}

async fn show(State(door): State<Door>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    sheet::answer(&door.node, &door.progress, &door.refusals, &headers, &query.unwrap_or_default()).await
}

/// Why somebody may not look.
enum Closed {
    /// No valid token.
    Nobody(AccessError, [u8; 32]),
    /// A grant for one plan.
    OnePlan([u8; 32]),
}

impl Door {
    /// Any grant will do that is for every plan: the series are of all of them.
    fn operator(&self, headers: &HeaderMap) -> Result<Role, Closed> {
        let found = authenticate(self.node.system.directory(), headers);
        let principal = found.map_err(|(error, digest)| Closed::Nobody(error, digest))?;
        let digest = principal.credential_digest;
        principal.require(Permission::ReadStatus, None).map_err(|error| Closed::Nobody(error, digest))?;
        if principal.plan.is_some() { Err(Closed::OnePlan(digest)) } else { Ok(principal.role) }
    }
}

impl Closed {
    fn answer(self, refusals: &Refusals) -> Response {
        let (code, reason, digest, message) = match self {
            Self::Nobody(error, digest) => {
                let message = format!("{error} / {}\n", error.message_zh());
                (StatusCode::UNAUTHORIZED, error.reason(), digest, message)
            }
            Self::OnePlan(digest) => {
                let message = "the grant is for one plan, the metrics are of all: ask for a grant without a plan / \
                               该授权仅限一个方案，而指标涉及全部方案：请申请不限方案的授权\n";
                (StatusCode::FORBIDDEN, Reason::OutOfScope, digest, message.to_owned())
            }
        };
        refusals.note(METRICS, reason, digest);
        counter!("songhua_refusals_total", "reason" => reason.code()).increment(1);
        tracing::info!(method = METRICS, reason = reason.code(), credential = credential(&digest), "call refused");
        let mut response = (code, [(CONTENT_TYPE, PLAIN)], message).into_response();
        if code == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, axum::http::HeaderValue::from_static("Bearer"));
        }
        response
    }
}
