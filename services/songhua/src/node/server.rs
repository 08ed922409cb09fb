//! The servers in front of a node: gRPC with authentication, reflection and health, HTTP health, orderly shutdown.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use songhua_audit::AuditServer;
use songhua_ingest::IngestServer;
use songhua_progress::ProgressServer;
use songhua_wire::FILE_DESCRIPTOR_SET;
use songhua_wire::pb::admin_service_server::AdminServiceServer;
use songhua_wire::pb::audit_service_server::AuditServiceServer;
use songhua_wire::pb::ingest_service_server::IngestServiceServer;
use songhua_wire::pb::progress_service_server::ProgressServiceServer;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Identity, Server, ServerTlsConfig};

use super::admin::AdminServer;
use super::auth::{AuthLayer, Refusals};
use super::calls::CallsLayer;
use super::system_log::SystemLogError;
use super::{Node, NodeError, Profile, http};
use crate::config::Config;

/// How long calls under way may take after a stop is asked for.
const GRACE: Duration = Duration::from_secs(10);
/// How long the last tasks may take after that.
const LAST_WAIT: Duration = Duration::from_secs(2);
/// How often refused attempts are written to the system log.
const REFUSALS_EVERY: Duration = Duration::from_secs(60);

/// Serves until `stop` is true, then ends calls under way within [`GRACE`]. `ready` is called with the addresses in use.
///
/// # Errors
/// An address that is taken, a certificate that cannot be used, a profile that cannot be written.
pub(crate) async fn serve(
    node: Arc<Node>,
    config: &Config,
    stop: watch::Receiver<bool>,
    ready: impl FnOnce(SocketAddr, SocketAddr),
) -> Result<(), NodeError> {
    let (grpc_address, http_address) = (config.grpc_address.value, config.http_address.value);
    let listener = TcpListener::bind(grpc_address)
        .await
        .map_err(|error| NodeError::Server(format!("gRPC address {grpc_address}: {error} / gRPC 地址无法监听")))?;
    let bound = listener.local_addr().map_err(|error| NodeError::Server(error.to_string()))?;
    let mut server = Server::builder()
        .http2_keepalive_interval(Some(Duration::from_secs(30)))
        .http2_keepalive_timeout(Some(Duration::from_secs(20)));
    if let (Some(cert), Some(key)) = (&config.tls_cert.value, &config.tls_key.value) {
        let identity = Identity::from_pem(pem(cert)?, pem(key)?);
        server = server.tls_config(ServerTlsConfig::new().identity(identity)).map_err(|error| {
            NodeError::Server(format!("TLS: {} and {}: {error:?} / 证书不可用", cert.display(), key.display()))
        })?;
    }
    if let Err(error) = write_profile(&node, config, bound) {
        tracing::warn!(%error, "no profile: the command line on this machine needs --server");
    }
    let refusals = Arc::new(Refusals::default());
    let closing = until(stop.clone());
    let directory = Arc::clone(node.system.directory());
    let progress = ProgressServer::new(Arc::clone(&node.readers), Arc::clone(&directory), stop.clone());
    let progress = Arc::new(progress);
    let (http_bound, http) =
        http::serve(Arc::clone(&node), Arc::clone(&progress), Arc::clone(&refusals), http_address, closing).await?;
    ready(bound, http_bound);

    let plans = Arc::clone(&node.plans);
    let stopping = until(stop.clone());
    tokio::spawn(async move {
        stopping.await;
        plans.stop();
    });
    let upkeep = tokio::spawn(node.metrics.clone().keep(until(stop.clone())));
    let writer = tokio::spawn(write_refusals(Arc::clone(&node), Arc::clone(&refusals), stop.clone()));
    let (health_reporter, health) = tonic_health::server::health_reporter();
    health_reporter.set_serving::<AdminServiceServer<AdminServer>>().await;
    let health_watch = tokio::spawn(super::health::watch(Arc::clone(&node), health_reporter, until(stop.clone())));
    let audit = AuditServer::new(Arc::clone(&node.histories), Arc::clone(&directory), stop.clone());
    let serving = server
        .layer(CallsLayer::new())
        .layer(AuthLayer { directory: Arc::clone(&directory), refusals })
        .add_service(health)
        .add_service(reflection()?)
        .add_service(IngestServiceServer::new(IngestServer::new(Arc::clone(&node.plans), directory)))
        .add_service(ProgressServiceServer::from_arc(progress))
        .add_service(AuditServiceServer::new(audit))
        .add_service(AdminServiceServer::new(AdminServer::new(Arc::clone(&node))))
        .serve_with_incoming_shutdown(TcpIncoming::from(listener).with_nodelay(Some(true)), until(stop.clone()));
    tokio::select! {
        served = serving => served.map_err(|error| NodeError::Server(format!("gRPC server: {error}")))?,
        () = async { until(stop.clone()).await; tokio::time::sleep(GRACE).await } => {
            tracing::warn!(seconds = GRACE.as_secs(), "calls under way were cut off");
        }
    }
    for (what, ended) in [("refusals", writer), ("HTTP", http), ("health", health_watch), ("metrics", upkeep)] {
        // A client that dawdles on HTTP must not keep the process alive.
        match tokio::time::timeout(LAST_WAIT, ended).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, what, "did not end in order"),
            Err(_) => tracing::warn!(what, "was cut off"),
        }
    }
    Ok(())
}

fn reflection() -> Result<
    tonic_reflection::server::v1::ServerReflectionServer<impl tonic_reflection::server::v1::ServerReflection>,
    NodeError,
> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .map_err(|error| NodeError::Server(format!("reflection: {error}")))
}

fn pem(path: &Path) -> Result<Vec<u8>, NodeError> {
    std::fs::read(path).map_err(|error| NodeError::file(path, error))
}

async fn until(mut stop: watch::Receiver<bool>) {
    // A closed channel means that nobody will ever ask: stop as well.
    drop(stop.wait_for(|stop| *stop).await);
}

/// The profile names the address that is bound, so that port 0 works too.
fn write_profile(node: &Node, config: &Config, bound: SocketAddr) -> Result<(), NodeError> {
    let tls = config.tls_cert.value.as_deref();
    let absolute = |path: &Path| std::path::absolute(path).map_err(|error| NodeError::file(path, error));
    let reachable = if bound.ip().is_unspecified() { SocketAddr::from(([127, 0, 0, 1], bound.port())) } else { bound };
    let server = match tls {
        Some(_) => format!("https://localhost:{}", bound.port()),
        None => format!("http://{reachable}"),
    };
    let profile = Profile {
        server,
        token_file: absolute(&node.data.join("admin.token"))?,
        ca_file: tls.map(absolute).transpose()?,
    };
    profile.write(&node.data).map_err(|error| NodeError::file(&Profile::path(&node.data), error))
}

/// What finds no room is kept, and tried again before what comes after it. What cannot be written at all is said instead.
async fn write_refusals(node: Arc<Node>, refusals: Arc<Refusals>, stop: watch::Receiver<bool>) {
    let mut unwritten = Vec::new();
    loop {
        let stopped = tokio::select! {
            () = tokio::time::sleep(REFUSALS_EVERY) => false,
            () = until(stop.clone()) => true,
        };
        if unwritten.is_empty() {
            unwritten = refusals.take();
            unwritten.reverse();
        }
        while let Some(attempt) = unwritten.last() {
            let payload = songhua_domain::event::SystemPayload::AttemptRefused(attempt.clone());
            match node.system.append("system", payload).await {
                Ok(_) => {}
                Err(error @ SystemLogError::NoRoom(_)) => {
                    tracing::error!(%error, waiting = unwritten.len(), "refused attempts could not be written");
                    break;
                }
                Err(error) => tracing::error!(%error, ?attempt, "a refused attempt is not written"),
            }
            unwritten.pop();
        }
        if stopped {
            return;
        }
    }
}
