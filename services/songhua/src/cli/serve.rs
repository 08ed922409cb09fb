//! `serve`: opens the node, loads the plans it was given, serves until it is told to stop.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use songhua_domain::id::PlanId;
use songhua_domain::vocabulary::Reason;
use songhua_log::Applied;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

use super::plan::bar;
use super::{Failure, plan};
use crate::config::{Config, LogFormat};
use crate::demo;
use crate::node::{self, FollowerState, Hosted, LoadError, Node, NodeError};

/// Runs a future on a runtime of its own.
pub(crate) fn block_on(future: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::failed)?;
    runtime.block_on(future)
}

pub(crate) fn run(config: &Config) -> Result<(), Failure> {
    start_logging(config.log_format.value)?;
    let told = |failure| match config.log_format.value {
        LogFormat::Text => failure,
        LogFormat::Json => {
            tracing::error!(%failure, "the server ended");
            Failure::Logged
        }
    };
    block_on(serve(config)).map_err(told)
}

fn start_logging(format: LogFormat) -> Result<(), Failure> {
    let filter = match std::env::var("SONGHUA_LOG") {
        Ok(filter) => EnvFilter::try_new(&filter)
            .map_err(|error| Failure::Failed(format!("SONGHUA_LOG={filter}: {error} / 日志过滤条件无法解析")))?,
        Err(_) => EnvFilter::new(songhua_relay::LOG_FILTER),
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Json => {
            builder.json().with_span_list(false).init();
            // A panic is a line like any other.
            std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "panic")));
        }
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).init(),
    }
    Ok(())
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
    let demo = load_demo(node, config.demo.value).await?;
    let rebuild = tokio::spawn(show_rebuild(Arc::clone(node)));
    let (stop_sender, stop) = watch::channel(false);
    tokio::spawn(async move {
        wait_for_signal().await;
        stop_sender.send_replace(true);
        // Kept open until the process ends: a closed channel would mean "stop" as well.
        std::future::pending::<()>().await;
    });
    let format = config.log_format.value;
    let ready = |grpc: SocketAddr, http: SocketAddr| {
        announce(format, grpc, http, first_token.as_deref());
        if let Some(demo) = &demo {
            announce_demo(format, demo, &config.data.value);
        }
    };
    let served = node::serve(Arc::clone(node), config, stop, ready).await.map_err(Failure::failed);
    rebuild.abort();
    served
}

async fn load_folder(node: &Arc<Node>, dir: &Path) -> Result<(), Failure> {
    let catalog = plan::read(dir)?;
    let loaded = match node.load(catalog.plan_id(), &catalog.definitions(), None).await {
        Ok(loaded) => loaded,
        // A plan that is damaged or has no room must not take the others down, nor hide what can still be read of it.
        Err(NodeError::Load(LoadError::Refused(refused)))
            if matches!(refused.reason, Reason::LogReadOnly | Reason::DiskFull) =>
        {
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

/// Makes the demo if it is asked for; one that is there is served in any case.
async fn load_demo(node: &Arc<Node>, asked: bool) -> Result<Option<demo::Started>, Failure> {
    if !asked {
        demo::settle(node).await.map_err(Failure::failed)?;
        return Ok(None);
    }
    let started = demo::start(node, |events| bar(events, "模拟数据 demo")).await.map_err(Failure::failed)?;
    wait_until_visible(node, &started.plan, started.position).await;
    Ok(Some(started))
}

/// A plan that was just loaded can be read before the server says that it serves. With long logs this is no long wait:
/// definitions stand at their beginning. Views that the disk refuses or that take long to open are not waited for.
async fn wait_until_visible(node: &Arc<Node>, plan: &PlanId, position: u64) {
    let of = |hosted: &Hosted| (hosted.applied.clone(), hosted.state.clone(), hosted.views.clone());
    let Some((mut applied, mut state, views)) = node.with_hosted(plan, of).await else { return };
    let is_there =
        |applied: &Applied| applied.position.0 >= position || views.why_refusing().is_some() || !views.is_open();
    tokio::select! {
        _ = applied.wait_for(is_there) => {}
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

/// Says where the server answers: to people as text, to machines as lines like any other.
fn announce(format: LogFormat, grpc: SocketAddr, http: SocketAddr, first_token: Option<&Path>) {
    if format == LogFormat::Json {
        if let Some(path) = first_token {
            tracing::info!(path = %path.display(), "first start: the administrator's token is written");
        }
        tracing::info!("serving: gRPC {grpc}, HTTP {http}");
        tracing::info!(url = sheet(http), "one sheet");
        return;
    }
    if let Some(path) = first_token {
        eprintln!("首次启动：管理员令牌已写入 {0}\nfirst start: the administrator's token is in {0}", path.display());
    }
    eprintln!("服务已就绪 serving: gRPC {grpc}, HTTP {http}");
    eprintln!("看一页 one sheet: {} （用户名任意，密码为令牌 any user, the token is the password）", sheet(http));
    tracing::info!(%grpc, %http, "serving");
}

/// Where a browser on this machine finds the sheet.
fn sheet(http: SocketAddr) -> String {
    let reachable = if http.ip().is_unspecified() { SocketAddr::from(([127, 0, 0, 1], http.port())) } else { http };
    format!("http://{reachable}/")
}

/// What the demo is, and what to try.
fn announce_demo(format: LogFormat, demo: &demo::Started, data: &Path) {
    let (plan, today) = (&demo.plan, demo.today);
    tracing::info!(%plan, %today, "模拟数据 SIMULATED DATA: a made-up history");
    if format == LogFormat::Json {
        return;
    }
    let data = if data == Path::new("data") { String::new() } else { format!(" --data {}", data.display()) };
    eprintln!("【模拟数据】方案 {plan}：五年的历史全是模拟的，“今天”固定为 {today}");
    eprintln!("SIMULATED DATA: five years of made-up history in plan {plan}; \"today\" is {today} for ever");
    eprintln!("试一试 try:");
    for command in demo::COMMANDS {
        eprintln!("  songhua {command} --plan {plan}{data}");
    }
    eprintln!("令牌 tokens (--token-file FILE):");
    for (file, what_for) in &demo.tokens {
        eprintln!("  {}  {what_for}", file.display());
    }
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
