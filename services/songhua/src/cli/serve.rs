//! `serve`: opens the node, loads the plans it was given, serves until it is told to stop.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use songhua_domain::id::PlanId;
use songhua_domain::vocabulary::Reason;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

use super::plan::bar;
use super::{Failure, plan};
use crate::config::{Config, LogFormat};
use crate::node::{self, FollowerState, LoadError, Node, NodeError};

/// Runs a future on a runtime of its own.
pub(crate) fn block_on(future: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::failed)?;
    runtime.block_on(future)
}

pub(crate) fn run(config: &Config) -> Result<(), Failure> {
    start_logging(config.log_format.value);
    block_on(serve(config))
}

fn start_logging(format: LogFormat) {
    let filter = EnvFilter::try_from_env("SONGHUA_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Json => builder.json().init(),
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).init(),
    }
}

async fn serve(config: &Config) -> Result<(), Failure> {
    let node = Node::open(config).await.map_err(Failure::failed)?;
    let served = run_node(&node, config).await;
    node.close().await;
    served
}

async fn run_node(node: &Arc<Node>, config: &Config) -> Result<(), Failure> {
    let first_token = node.first_token().await.map_err(Failure::failed)?;
    for dir in &config.plan.value {
        load_folder(node, dir).await?;
    }
    let rebuild = tokio::spawn(show_rebuild(Arc::clone(node)));
    let (stop_sender, stop) = watch::channel(false);
    tokio::spawn(async move {
        wait_for_signal().await;
        stop_sender.send_replace(true);
        // Kept open until the process ends: a closed channel would mean "stop" as well.
        std::future::pending::<()>().await;
    });
    let ready = |grpc: SocketAddr, http: SocketAddr| announce(grpc, http, first_token.as_deref());
    let served = node::serve(Arc::clone(node), config, stop, ready).await.map_err(Failure::failed);
    rebuild.abort();
    served
}

async fn load_folder(node: &Arc<Node>, dir: &Path) -> Result<(), Failure> {
    let catalog = plan::read(dir)?;
    let loaded = match node.load(catalog.plan_id(), &catalog.definitions()).await {
        Ok(loaded) => loaded,
        // A damaged plan must not take the others down, nor hide what can still be read of it.
        Err(NodeError::Load(LoadError::Refused(refused))) if refused.reason == Reason::LogReadOnly => {
            tracing::error!(plan = %catalog.plan_id(), reason = refused.message, "plan folder not loaded");
            return Ok(());
        }
        Err(error) => return Err(Failure::failed(error)),
    };
    tracing::info!(
        plan = %catalog.plan_id(),
        stored = loaded.stored,
        were_there = loaded.duplicates,
        "plan folder loaded"
    );
    wait_until_visible(node, catalog.plan_id(), loaded.position).await;
    Ok(())
}

/// A plan that was just loaded can be read before the server says that it serves. With long logs this is no long wait:
/// definitions stand at their beginning.
async fn wait_until_visible(node: &Arc<Node>, plan: &PlanId, position: u64) {
    let watched = node.with_hosted(plan, |hosted| (hosted.applied.clone(), hosted.state.clone())).await;
    let Some((mut applied, mut state)) = watched else { return };
    tokio::select! {
        _ = applied.wait_for(|applied| applied.position.0 >= position) => {}
        _ = state.wait_for(|state| matches!(state, FollowerState::Stopped(_))) => {}
    }
}

/// A bar on standard error while views are being rebuilt, so that reads that must wait explain themselves.
async fn show_rebuild(node: Arc<Node>) {
    for plan in node.hosted_plans().await {
        let watched = node.with_hosted(&plan, |hosted| (hosted.applied.clone(), hosted.state.clone())).await;
        let Some((applied, state)) = watched else { continue };
        let bar = bar(0, "视图 views");
        while *state.borrow() == FollowerState::Rebuilding {
            let now = *applied.borrow();
            bar.set_length(now.durable.0);
            bar.set_position(now.position.0);
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        bar.finish_and_clear();
    }
}

fn announce(grpc: SocketAddr, http: SocketAddr, first_token: Option<&Path>) {
    if let Some(path) = first_token {
        eprintln!("首次启动：管理员令牌已写入 {0}\nfirst start: the administrator's token is in {0}", path.display());
    }
    eprintln!("服务已就绪 serving: gRPC {grpc}, HTTP {http}");
    tracing::info!(%grpc, %http, "serving");
}

async fn wait_for_signal() {
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => drop(terminate.recv().await),
            Err(error) => {
                tracing::error!(%error, "SIGTERM cannot be watched; use SIGINT");
                std::future::pending().await
            }
        }
    };
    tokio::select! {
        () = terminate => tracing::info!("SIGTERM: stopping"),
        result = tokio::signal::ctrl_c() => tracing::info!(ok = result.is_ok(), "SIGINT: stopping"),
    }
}
