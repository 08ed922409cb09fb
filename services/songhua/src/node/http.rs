//! The HTTP door: `/healthz` (the process answers) and `/readyz` (plans are open and their views have caught up once).
//! Both need no token and tell nothing about plans.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;

use super::{Node, NodeError};

/// Serves until `shutdown` resolves; gives the address that is bound.
///
/// # Errors
/// The address is taken or not ours.
pub(super) async fn serve(
    node: Arc<Node>,
    address: SocketAddr,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(SocketAddr, tokio::task::JoinHandle<()>), NodeError> {
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| NodeError::Server(format!("HTTP address {address}: {error} / HTTP 地址无法监听")))?;
    let router =
        Router::new().route("/healthz", get(|| async { "ok\n" })).route("/readyz", get(ready)).with_state(node);
    let bound = listener.local_addr().map_err(|error| NodeError::Server(error.to_string()))?;
    let serving = tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(shutdown).await {
            tracing::error!(%error, "HTTP server ended");
        }
    });
    Ok((bound, serving))
}

async fn ready(State(node): State<Arc<Node>>) -> (StatusCode, &'static str) {
    if node.is_ready().await { (StatusCode::OK, "ready\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready\n") }
}
