//! `admin`: tokens, grants, status.

use std::path::PathBuf;

use comfy_table::Table;
use jiff::Timestamp;
use songhua_domain::vocabulary::Role;
use songhua_wire::pb;
use songhua_wire::pb::admin_service_client::AdminServiceClient;
use songhua_wire::time::{timestamp_from_pb, timestamp_to_pb};

use super::{Connect, Failure, client, output};
use crate::node::{Node, write_private};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum AdminCommand {
    /// Lost the administrator's token? With the server stopped: write a new one / 重新生成管理员令牌（需先停止服务）
    Token,
    /// Give out a token; it is shown once / 授权并签发令牌（仅显示一次）
    Grant(GrantArgs),
    /// End a grant / 吊销授权
    Revoke {
        /// Grant id, as `admin grants` lists it / 授权编号
        grant_id: String,
        /// Why / 原因
        #[arg(long)]
        reason: String,
    },
    /// List grants / 列出授权
    Grants,
    /// What the server is doing / 服务状态
    Status,
}

#[derive(Debug, clap::Args)]
pub(crate) struct GrantArgs {
    /// Staff code or service name; no personal data / 工号或服务名
    #[arg(long)]
    principal: String,
    /// agency, auditor, reader or admin / 角色
    #[arg(long, value_parser = parse_role)]
    role: Role,
    /// Agency it acts for / 所属单位
    #[arg(long)]
    agency: Option<String>,
    /// The one plan it is for; every plan if not given / 限定方案
    #[arg(long)]
    plan: Option<String>,
    /// Not valid from this moment on, for example 2027-01-01T00:00:00+08:00 / 失效时间
    #[arg(long)]
    expires: Option<Timestamp>,
    /// Write the token to this file, mode 0600, instead of showing it / 将令牌写入文件
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

fn parse_role(text: &str) -> Result<Role, String> {
    Role::from_code(&text.to_ascii_uppercase()).map_err(|error| error.to_string())
}

pub(crate) async fn run(connect: &Connect, command: AdminCommand, json: bool) -> Result<(), Failure> {
    let mut admin = AdminServiceClient::new(client::connect(connect).await?);
    match command {
        AdminCommand::Token => offline_token(connect.data.clone()).await,
        AdminCommand::Grant(args) => {
            let request = pb::GrantAccessRequest {
                principal: args.principal,
                role: pb::Role::from(args.role).into(),
                agency: args.agency.unwrap_or_default(),
                plan: args.plan.unwrap_or_default(),
                expire_time: args.expires.map(timestamp_to_pb),
            };
            let mut granted = admin.grant_access(request).await.map_err(client::failed)?.into_inner();
            if let Some(path) = args.out {
                write_private(&path, &granted.token)
                    .map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))?;
                granted.token = String::new();
            }
            show_granted(&granted, json)
        }
        AdminCommand::Revoke { grant_id, reason } => {
            let request = pb::RevokeAccessRequest { grant_id, reason };
            let revoked = admin.revoke_access(request).await.map_err(client::failed)?.into_inner();
            if json { output::json(&revoked) } else { output::text(&"已吊销 revoked") }
        }
        AdminCommand::Grants => {
            let request = pb::ListGrantsRequest { page_size: 1_000, page_token: String::new() };
            let grants = admin.list_grants(request).await.map_err(client::failed)?.into_inner();
            if json { output::json(&grants) } else { output::text(&grants_table(&grants.grants)) }
        }
        AdminCommand::Status => {
            let status = admin.get_status(pb::GetStatusRequest::default()).await.map_err(client::failed)?.into_inner();
            if json { output::json(&status) } else { output::text(&status_table(&status)) }
        }
    }
}

fn show_granted(granted: &pb::GrantAccessResponse, json: bool) -> Result<(), Failure> {
    if json {
        return output::json(granted);
    }
    let id = granted.grant.as_ref().map_or("", |grant| grant.grant_id.as_str());
    output::text(&format!("授权编号 grant {id}"))?;
    if granted.token.is_empty() { Ok(()) } else { output::text(&format!("令牌 token {}", granted.token)) }
}

fn shown(moment: Option<&pbjson_types::Timestamp>) -> String {
    moment.and_then(|moment| timestamp_from_pb(moment).ok()).map_or_else(String::new, |moment| moment.to_string())
}

fn grants_table(grants: &[pb::Grant]) -> Table {
    let mut table = Table::new();
    table.set_header([
        "授权 grant",
        "人员 principal",
        "角色 role",
        "单位 agency",
        "方案 plan",
        "授予 given",
        "失效 expires",
        "吊销 revoked",
    ]);
    for grant in grants {
        table.add_row([
            grant.grant_id.clone(),
            grant.principal.clone(),
            grant.role().as_str_name().trim_start_matches("ROLE_").to_owned(),
            grant.agency.clone(),
            if grant.plan.is_empty() { "*".to_owned() } else { grant.plan.clone() },
            shown(grant.grant_time.as_ref()),
            shown(grant.expire_time.as_ref()),
            shown(grant.revoke_time.as_ref()),
        ]);
    }
    table
}

fn status_table(status: &pb::GetStatusResponse) -> String {
    let mut table = Table::new();
    table.set_header([
        "方案 plan",
        "发布 published",
        "已落盘 durable",
        "已写 written",
        "跟随者 followers",
        "不接受写入 no writes",
    ]);
    for plan in &status.plans {
        let follower = |it: &pb::FollowerStatus| {
            let pb::FollowerStatus { name, applied_position, state, detail } = it;
            format!("{name} {applied_position} {state} {detail}").trim_end().to_owned()
        };
        let followers: Vec<_> = plan.followers.iter().map(follower).collect();
        table.add_row([
            format!("{}{}", plan.plan, if plan.simulated { " 模拟数据 SIMULATED" } else { "" }),
            plan.published.to_string(),
            plan.durable_position.to_string(),
            plan.written_position.to_string(),
            followers.join("\n"),
            if plan.read_only.is_empty() { plan.refusing.clone() } else { plan.read_only.clone() },
        ]);
    }
    let damaged = |plan: &pb::PlanStatus| {
        let said = |it: &String| format!("\n{} 已损坏 damaged: {it}", plan.plan);
        plan.damage.iter().map(said).collect::<String>()
    };
    let damage: String = status.plans.iter().map(damaged).collect();
    format!("songhua {}, since {}\n{table}{damage}", status.version, shown(status.start_time.as_ref()))
}

/// Writes a new administrator token straight into the system log. The lock says whether the server is stopped.
pub(crate) async fn offline_token(data: Option<PathBuf>) -> Result<(), Failure> {
    let data = data.unwrap_or_else(|| PathBuf::from("data"));
    let path = Node::renew_admin_token(&data).await.map_err(Failure::failed)?;
    output::text(&format!("新的管理员令牌已写入 {0}\nthe new administrator token is in {0}", path.display()))
}
