//! `views`: digest and rebuild.

use songhua_wire::pb;
use songhua_wire::pb::admin_service_client::AdminServiceClient;

use super::plan::bar;
use super::{Connect, Failure, client, output};
use crate::node::hex;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum ViewsCommand {
    /// SHA-256 over the views: equal after every rebuild at the same position / 视图摘要
    Digest {
        /// The plan, if there is more than one / 方案
        #[arg(long)]
        plan: Option<String>,
    },
    /// Throw the views away and rebuild them from the log / 从日志重建视图
    Rebuild {
        /// The plan, if there is more than one / 方案
        #[arg(long)]
        plan: Option<String>,
    },
}

pub(crate) async fn run(connect: &Connect, command: ViewsCommand, json: bool) -> Result<(), Failure> {
    let channel = client::connect(connect).await?;
    let mut admin = AdminServiceClient::new(channel.clone());
    match command {
        ViewsCommand::Digest { plan } => {
            let plan = client::plan_or_only(&channel, plan).await?;
            let request = pb::GetStatusRequest { plan, views_digest: true };
            let status = admin.get_status(request).await.map_err(client::failed)?.into_inner();
            if json {
                return output::json(&status);
            }
            for plan in &status.plans {
                output::text(&format!("{}  {} @ {}", hex(&plan.views_digest), plan.plan, plan.views_digest_position))?;
            }
            Ok(())
        }
        ViewsCommand::Rebuild { plan } => {
            let plan = client::plan_or_only(&channel, plan).await?;
            let mut answers =
                admin.rebuild_views(pb::RebuildViewsRequest { plan }).await.map_err(client::failed)?.into_inner();
            let bar = bar(0, "视图 views");
            let mut last = None;
            while let Some(answer) = answers.message().await.map_err(client::failed)? {
                bar.set_length(answer.durable_position);
                bar.set_position(answer.applied_position);
                last = Some(answer);
            }
            bar.finish_and_clear();
            let last = last.ok_or_else(|| Failure::Failed("the server ended the rebuild without an answer".into()))?;
            if json {
                output::json(&last)
            } else {
                output::text(&format!("{} @ {}", hex(&last.digest), last.applied_position))
            }
        }
    }
}
