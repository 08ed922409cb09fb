//! `plan check` and `plan load`.

use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use songhua_catalog::Catalog;
use songhua_wire::event::input_to_pb;
use songhua_wire::pb;
use songhua_wire::pb::admin_service_client::AdminServiceClient;
use songhua_wire::pb::progress_service_client::ProgressServiceClient;

use super::client::Authorised;
use super::{Connect, Failure, client, output};

/// Definitions in one message of a load.
const CHUNK: usize = 100;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum PlanCommand {
    /// Check a plan folder; prints every fault with file, path and reason / 检查方案目录
    Check {
        /// The folder / 方案目录
        dir: PathBuf,
    },
    /// Load a plan folder into the server; resumable / 加载方案目录
    Load(LoadArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct LoadArgs {
    /// The folder / 方案目录
    dir: PathBuf,
    /// Everything in this plan is simulated / 模拟数据
    #[arg(long)]
    simulated: bool,
}

/// Reads a folder or lists its faults.
pub(crate) fn read(dir: &Path) -> Result<Catalog, Failure> {
    songhua_catalog::read(dir).map_err(|faults| Failure::Failed(format!("{}:\n{faults}", dir.display())))
}

pub(crate) fn check(dir: &Path, json: bool) -> Result<(), Failure> {
    let catalog = read(dir)?;
    if json { output::json(&catalog.summary()) } else { output::text(&catalog.summary()) }
}

pub(crate) async fn load(connect: &Connect, args: LoadArgs, json: bool) -> Result<(), Failure> {
    let catalog = read(&args.dir)?;
    let channel = client::connect(connect).await?;
    let definitions: Vec<_> = catalog.definitions().iter().map(input_to_pb).collect();
    let bar = bar(definitions.len() as u64, "定义");
    let plan = catalog.plan_id().to_string();
    let messages: Vec<_> = definitions
        .chunks(CHUNK)
        .map(|chunk| pb::LoadPlanRequest { plan: plan.clone(), simulated: args.simulated, definitions: chunk.to_vec() })
        .collect();
    let shown = bar.clone();
    let stream =
        futures::stream::iter(messages.into_iter().inspect(move |message| shown.inc(message.definitions.len() as u64)));
    let answer = AdminServiceClient::new(channel.clone()).load_plan(stream).await;
    bar.finish_and_clear();
    let loaded = answer.map_err(client::failed)?.into_inner();
    wait_until_visible(channel, &loaded).await;
    if json {
        return output::json(&loaded);
    }
    output::text(&format!(
        "方案 {} 已发布：新增 {} 条，已有 {} 条，位置 {}\nplan {} is published: {} stored, {} were there, position {}",
        loaded.plan,
        loaded.stored_count,
        loaded.duplicate_count,
        loaded.position,
        loaded.plan,
        loaded.stored_count,
        loaded.duplicate_count,
        loaded.position
    ))
}

/// Published means that the next command sees it. A reader that is not there yet takes nothing away from the load.
async fn wait_until_visible(channel: Authorised, loaded: &pb::LoadPlanResponse) {
    let as_of = Some(pb::AsOf { min_position: loaded.position, ..Default::default() });
    let request = pb::GetPlanRequest { name: format!("plans/{}", loaded.plan), as_of };
    if let Err(status) = ProgressServiceClient::new(channel).get_plan(request).await {
        eprintln!("songhua: {}", client::describe(&status));
    }
}

/// A progress bar on standard error; silent where that is no terminal.
pub(crate) fn bar(length: u64, unit: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} {msg} {per_sec} {eta}");
    ProgressBar::new(length)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message(unit.to_owned())
}
