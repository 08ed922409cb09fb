//! `AdminService`: plans, grants, views, status. Thin: each method checks the permission, does one thing, answers.

use std::pin::Pin;
use std::sync::Arc;

use prost::Message;
use songhua_access::{AccessError, Grant, Permission, Principal, Token};
use songhua_domain::event::{AccessGranted, AccessRevoked, EventInput, SystemPayload};
use songhua_domain::id::PlanId;
use songhua_domain::vocabulary::{Reason, Role};
use songhua_ingest::{EVENT_BYTES_MAX, EVENTS_MAX, disk_full, from_access, plan_not_found};
use songhua_log::EventLog;
use songhua_log::check::Damage;
use songhua_wire::event::input_from_pb;
use songhua_wire::pb;
use songhua_wire::status::Refusal;
use songhua_wire::time::{timestamp_from_pb, timestamp_to_pb};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use uuid::Uuid;

use super::hosting::{FollowerState, Hosted};
use super::loader::{load, published};
use super::rebuild::Rebuild;
use super::relays::follower_statuses;
use super::{LoadError, Node, NodeError, SystemLogError};
use super::{backup, check};

/// Most definitions of a plan.
const DEFINITIONS_MAX: usize = 100_000;
/// Grants on a page unless asked for less.
const PAGE: usize = 100;

/// Serves `AdminService`.
pub(super) struct AdminServer {
    node: Arc<Node>,
}

impl AdminServer {
    pub(super) const fn new(node: Arc<Node>) -> Self {
        Self { node }
    }
}

fn allowed<T>(request: &Request<T>, wanted: Permission, plan: Option<&PlanId>) -> Result<Principal, Status> {
    let principal =
        request.extensions().get::<Principal>().cloned().ok_or_else(|| denied(&AccessError::TokenMissing))?;
    principal.require(wanted, plan).map_err(|error| denied(&error))?;
    Ok(principal)
}

fn denied(error: &AccessError) -> Status {
    Status::from(*from_access(error))
}

fn refused(reason: Reason, message: impl Into<String>, message_zh: impl Into<String>) -> Status {
    Status::from(Refusal::new(reason, message.into(), message_zh.into()))
}

fn invalid(field: &str, detail: impl std::fmt::Display) -> Status {
    refused(Reason::InvalidField, format!("{field}: {detail}"), format!("字段 {field} 无效：{detail}"))
}

fn internal(error: &NodeError) -> Status {
    if let NodeError::Simulated { .. } = error {
        return refused(Reason::NotSupported, error.to_string(), error.to_string());
    }
    if let NodeError::System(SystemLogError::NoRoom(reason)) = error {
        return Status::from(*disk_full(reason));
    }
    tracing::error!(%error, "administration failed");
    refused(Reason::Internal, error.to_string(), "服务内部错误，请查看服务日志")
}

fn plan_id(text: &str) -> Result<PlanId, Status> {
    let plan: PlanId = text.parse().map_err(|error| invalid("plan", error))?;
    tracing::Span::current().record("plan", plan.as_str());
    Ok(plan)
}

fn from_load(error: LoadError) -> Status {
    match error {
        LoadError::Refused(refusal) => Status::from(*refusal),
        LoadError::NotClosed => invalid("definitions", error),
        LoadError::OtherDigest { .. } => {
            let message = error.to_string();
            refused(Reason::PlanDigestMismatch, message.clone(), message)
        }
    }
}

fn grant_to_pb(grant: &Grant) -> pb::Grant {
    let text = |id: Option<String>| id.unwrap_or_default();
    pb::Grant {
        grant_id: grant.granted.grant_id.to_string(),
        principal: grant.granted.principal.clone(),
        role: pb::Role::from(grant.granted.role).into(),
        agency: text(grant.granted.agency.as_ref().map(ToString::to_string)),
        plan: text(grant.granted.plan.as_ref().map(ToString::to_string)),
        grant_time: Some(timestamp_to_pb(grant.grant_time)),
        expire_time: grant.granted.expires.map(timestamp_to_pb),
        revoke_time: grant.revoke_time.map(timestamp_to_pb),
    }
}

fn caller_to_pb(principal: Principal) -> pb::Caller {
    pb::Caller {
        principal: principal.name,
        role: pb::Role::from(principal.role).into(),
        agency: principal.agency.map(|agency| agency.to_string()).unwrap_or_default(),
    }
}

/// Reads a whole load; limits are those of any other request, and a bound on the sum.
async fn collect(
    stream: &mut Streaming<pb::LoadPlanRequest>,
    first: pb::LoadPlanRequest,
) -> Result<Vec<EventInput>, Status> {
    let mut definitions = Vec::new();
    let mut next = Some(first);
    while let Some(message) = next {
        if message.definitions.len() > EVENTS_MAX || definitions.len() > DEFINITIONS_MAX {
            return Err(refused(
                Reason::TooManyEvents,
                format!("a message holds at most {EVENTS_MAX} definitions, a plan at most {DEFINITIONS_MAX}"),
                format!("每条消息最多 {EVENTS_MAX} 个定义，每个方案最多 {DEFINITIONS_MAX} 个"),
            ));
        }
        for definition in &message.definitions {
            let at = definitions.len();
            let size = definition.encoded_len();
            if size > EVENT_BYTES_MAX {
                return Err(refused(
                    Reason::EventTooLarge,
                    format!("definitions[{at}] has {size} bytes, the limit is {EVENT_BYTES_MAX}: shorten it"),
                    format!("第 {at} 个定义有 {size} 字节，上限为 {EVENT_BYTES_MAX}：请缩短"),
                ));
            }
            let input = input_from_pb(definition).map_err(|found| invalid(&format!("definitions[{at}]"), found))?;
            definitions.push(input);
        }
        next = stream.message().await?;
    }
    Ok(definitions)
}

/// Checks a grant request and draws its token.
fn new_grant(request: &pb::GrantAccessRequest) -> Result<(AccessGranted, Token), Status> {
    let role = Role::try_from(request.role()).map_err(|_| invalid("role", "a role is required"))?;
    let optional = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let agency = optional(&request.agency).map(|text| text.parse()).transpose().map_err(|e| invalid("agency", e))?;
    if role == Role::Agency && agency.is_none() {
        return Err(invalid("agency", "an agency is required for ROLE_AGENCY"));
    }
    if matches!(role, Role::Admin | Role::Reader) && agency.is_some() {
        return Err(invalid("agency", "only ROLE_AGENCY and ROLE_AUDITOR act for an agency"));
    }
    let plan = optional(&request.plan).map(|text| plan_id(&text)).transpose()?;
    let principal = request.principal.trim();
    if principal.is_empty() || principal.chars().count() > 128 || principal == "system" {
        return Err(invalid("principal", "1 to 128 characters, not \"system\""));
    }
    let expires = request.expire_time.as_ref().map(timestamp_from_pb).transpose();
    let expires = expires.map_err(|error| invalid("expire_time", error))?;
    let token = Token::generate().map_err(|error| refused(Reason::Internal, error.to_string(), "无法生成令牌"))?;
    let (grant_id, token_sha256) = (Uuid::new_v4(), token.digest());
    let principal = principal.to_owned();
    Ok((AccessGranted { grant_id, principal, role, agency, plan, token_sha256, expires }, token))
}

fn follower_status(hosted: &Hosted) -> pb::FollowerStatus {
    let (state, detail) = match (&*hosted.state.borrow(), hosted.views.why_refusing()) {
        (FollowerState::Stopped(detail), _) => ("STOPPED", detail.clone()),
        (_, Some(detail)) => ("WAITING", detail),
        (FollowerState::Rebuilding, None) => ("REBUILDING", String::new()),
        (FollowerState::Running, None) => ("RUNNING", String::new()),
    };
    pb::FollowerStatus {
        name: "projector".to_owned(),
        applied_position: hosted.applied.borrow().position.0,
        state: state.to_owned(),
        detail,
    }
}

pub(super) fn plan_status(plan: &PlanId, hosted: &Hosted) -> pb::PlanStatus {
    let (heads, identity) = (hosted.log().heads(), hosted.log().identity());
    let state = hosted.ingest.durable_state();
    pb::PlanStatus {
        plan: plan.to_string(),
        log_id: identity.log_id.as_bytes().to_vec(),
        epoch: identity.epoch,
        simulated: state.genesis().is_some_and(|genesis| genesis.simulated),
        published: state.published().is_some(),
        written_position: heads.written.0,
        durable_position: heads.durable.0,
        read_only: hosted.ingest.read_only().unwrap_or_default(),
        followers: [vec![follower_status(hosted)], follower_statuses(hosted.relay.as_ref())].concat(),
        views_digest: Vec::new(),
        views_digest_position: 0,
        refusing: hosted.log().refusing().unwrap_or_default(),
        damage: hosted.log().scrub_report().damage.iter().map(said_of_damage).collect(),
    }
}

fn said_of_damage(damage: &Damage) -> String {
    let Damage { position, file, offset, detail } = damage;
    format!("position {position} in {} at byte {offset}: {detail}; restore the file from a backup", file.display())
}

/// The digest and the position it was taken at. One at a time: it reads all views of a plan.
pub(super) async fn digest_of(node: &Node, plan: &PlanId) -> Result<(Vec<u8>, u64), Status> {
    let _digesting = node.digesting.lock().await;
    let views = node.with_hosted(plan, |hosted| hosted.views.clone()).await;
    let views = views.ok_or_else(|| Status::from(*plan_not_found(plan.as_str())))?;
    let read = tokio::task::spawn_blocking(move || views.digest_at()).await;
    let read = read.map_err(|error| refused(Reason::Internal, error.to_string(), "服务内部错误"))?;
    let (digest, position) =
        read.map_err(|error| refused(Reason::ViewsRebuilding, error.to_string(), "视图正在重建，请稍后再试"))?;
    Ok((digest.to_vec(), position))
}

/// What a plan that could not be opened looks like.
fn failed_status(plan: &PlanId, reason: String) -> pb::PlanStatus {
    pb::PlanStatus { plan: plan.to_string(), read_only: reason, ..Default::default() }
}

#[tonic::async_trait]
impl pb::admin_service_server::AdminService for AdminServer {
    async fn load_plan(
        &self,
        request: Request<Streaming<pb::LoadPlanRequest>>,
    ) -> Result<Response<pb::LoadPlanResponse>, Status> {
        let principal = allowed(&request, Permission::ReadStatus, None)?;
        let mut stream = request.into_inner();
        let first = stream.message().await?.ok_or_else(|| invalid("plan", "the first message names the plan"))?;
        let plan = plan_id(&first.plan)?;
        principal.require(Permission::Administer, Some(&plan)).map_err(|error| denied(&error))?;
        let simulated = first.simulated;
        let definitions = collect(&mut stream, first).await?;
        // Everything that needs no plan is checked before one is created: a created plan stays.
        published(&definitions).map_err(from_load)?;
        self.node.ensure_plan(&plan, simulated, None, &principal.name).await.map_err(|error| internal(&error))?;
        let ingest = self.node.plans.get(&plan).ok_or_else(|| Status::from(*plan_not_found(plan.as_str())))?;
        let loaded = load(&plan, &ingest, &definitions, &principal.actor()).await.map_err(from_load)?;
        Ok(Response::new(pb::LoadPlanResponse {
            plan: plan.to_string(),
            stored_count: loaded.stored,
            duplicate_count: loaded.duplicates,
            position: loaded.position,
        }))
    }

    async fn grant_access(
        &self,
        request: Request<pb::GrantAccessRequest>,
    ) -> Result<Response<pb::GrantAccessResponse>, Status> {
        let principal = allowed(&request, Permission::Administer, None)?;
        let (granted, token) = new_grant(request.get_ref())?;
        let payload = SystemPayload::AccessGranted(granted.clone());
        let event = self.node.system.append(&principal.name, payload).await.map_err(|error| internal(&error.into()))?;
        let grant = Grant { granted, grant_time: event.recorded_time, revoke_time: None };
        let token = token.reveal().to_owned();
        Ok(Response::new(pb::GrantAccessResponse { grant: Some(grant_to_pb(&grant)), token }))
    }

    async fn revoke_access(
        &self,
        request: Request<pb::RevokeAccessRequest>,
    ) -> Result<Response<pb::RevokeAccessResponse>, Status> {
        let principal = allowed(&request, Permission::Administer, None)?;
        let request = request.into_inner();
        let grant_id = Uuid::parse_str(&request.grant_id).map_err(|error| invalid("grant_id", error))?;
        if request.reason.trim().is_empty() {
            return Err(invalid("reason", "a reason is required"));
        }
        let find = || self.node.system.directory().state().grant(&grant_id).cloned();
        let missing = || refused(Reason::ResourceNotFound, format!("no grant {grant_id}"), "没有该授权");
        if find().ok_or_else(missing)?.revoke_time.is_none() {
            let payload = SystemPayload::AccessRevoked(AccessRevoked { grant_id, reason: request.reason });
            self.node.system.append(&principal.name, payload).await.map_err(|error| internal(&error.into()))?;
        }
        let grant = find().ok_or_else(missing)?;
        Ok(Response::new(pb::RevokeAccessResponse { grant: Some(grant_to_pb(&grant)) }))
    }

    async fn list_grants(
        &self,
        request: Request<pb::ListGrantsRequest>,
    ) -> Result<Response<pb::ListGrantsResponse>, Status> {
        allowed(&request, Permission::Administer, None)?;
        let request = request.into_inner();
        let size = match usize::try_from(request.page_size) {
            Ok(0) => PAGE,
            Ok(size) => size.min(1_000),
            Err(_) => return Err(invalid("page_size", "must not be negative")),
        };
        let bad_token = |_| refused(Reason::BadPageToken, "page token is not of this list", "分页标记无效");
        let skip =
            if request.page_token.is_empty() { 0 } else { request.page_token.parse::<usize>().map_err(bad_token)? };
        let state = self.node.system.directory().state();
        let grants: Vec<_> = state.grants().skip(skip).take(size).map(grant_to_pb).collect();
        let more = state.grants().count() > skip + grants.len();
        let next_page_token = if more { (skip + grants.len()).to_string() } else { String::new() };
        Ok(Response::new(pb::ListGrantsResponse { grants, next_page_token }))
    }

    type RebuildViewsStream = Pin<Box<dyn Stream<Item = Result<pb::RebuildViewsResponse, Status>> + Send>>;

    type BackupStream = Pin<Box<dyn Stream<Item = Result<pb::BackupResponse, Status>> + Send>>;
    type CheckStream = Pin<Box<dyn Stream<Item = Result<pb::CheckResponse, Status>> + Send>>;

    async fn rebuild_views(
        &self,
        request: Request<pb::RebuildViewsRequest>,
    ) -> Result<Response<Self::RebuildViewsStream>, Status> {
        let plan = plan_id(&request.get_ref().plan)?;
        allowed(&request, Permission::Administer, Some(&plan))?;
        let (sender, receiver) = tokio::sync::mpsc::channel(16);
        let asked = self.node.with_hosted(&plan, |hosted| Rebuild {
            number: hosted.rebuild_views(),
            applied: hosted.applied.clone(),
            beside: hosted.beside.clone(),
            state: hosted.state.clone(),
        });
        let rebuild = asked.await.ok_or_else(|| Status::from(*plan_not_found(plan.as_str())))?;
        tokio::spawn(super::rebuild::report(Arc::clone(&self.node), plan, rebuild, sender));
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn backup(&self, request: Request<pb::BackupRequest>) -> Result<Response<Self::BackupStream>, Status> {
        allowed(&request, Permission::Administer, None)?;
        let wanted = backup::Wanted::new(request.get_ref(), &self.node.data)?;
        let (sender, receiver) = tokio::sync::mpsc::channel(16);
        tokio::spawn(backup::run(Arc::clone(&self.node), wanted, sender));
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn check(&self, request: Request<pb::CheckRequest>) -> Result<Response<Self::CheckStream>, Status> {
        let wanted = request.get_ref();
        let plan = (!wanted.plan.is_empty()).then(|| plan_id(&wanted.plan)).transpose()?;
        allowed(&request, Permission::Administer, plan.as_ref())?;
        if let Some(plan) = &plan {
            let is_here = self.node.system.plans().await.contains_key(plan);
            is_here.then_some(()).ok_or_else(|| Status::from(*plan_not_found(plan.as_str())))?;
        }
        let (sender, receiver) = tokio::sync::mpsc::channel(16);
        tokio::spawn(check::run(Arc::clone(&self.node), plan, request.get_ref().views, sender));
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn get_status(
        &self,
        request: Request<pb::GetStatusRequest>,
    ) -> Result<Response<pb::GetStatusResponse>, Status> {
        let principal = allowed(&request, Permission::ReadStatus, None)?;
        let request = request.into_inner();
        let asked = (!request.plan.is_empty()).then(|| plan_id(&request.plan)).transpose()?;
        if let Some(plan) = &asked {
            principal.require(Permission::ReadStatus, Some(plan)).map_err(|error| denied(&error))?;
        }
        if request.views_digest {
            principal.require(Permission::Administer, asked.as_ref()).map_err(|error| denied(&error))?;
        }
        let mut plans = Vec::new();
        for plan in self.node.hosted_plans().await {
            let visible = principal.require(Permission::ReadStatus, Some(&plan)).is_ok();
            if visible && asked.as_ref().is_none_or(|asked| *asked == plan) {
                let status = self.node.with_hosted(&plan, |hosted| plan_status(&plan, hosted)).await;
                plans.extend(status);
            }
        }
        if principal.role == Role::Admin {
            for (plan, reason) in self.node.failed_plans().await {
                let visible = principal.require(Permission::ReadStatus, Some(&plan)).is_ok();
                if visible && asked.as_ref().is_none_or(|asked| *asked == plan) {
                    plans.push(failed_status(&plan, reason));
                }
            }
        } else {
            plans.retain(|status| status.published);
            // What is wrong, and in which file or stream, is the operator's business.
            for status in &mut plans {
                if !status.read_only.is_empty() {
                    "read-only".clone_into(&mut status.read_only);
                }
                if !status.refusing.is_empty() {
                    "no room".clone_into(&mut status.refusing);
                }
                status.damage.iter_mut().for_each(|damage| "damaged".clone_into(damage));
                status.followers.iter_mut().for_each(|follower| follower.detail.clear());
            }
        }
        if asked.is_some() && plans.is_empty() {
            return Err(Status::from(*plan_not_found(&request.plan)));
        }
        if request.views_digest {
            for status in plans.iter_mut().filter(|status| !status.log_id.is_empty()) {
                let digest = digest_of(&self.node, &plan_id(&status.plan)?).await?;
                (status.views_digest, status.views_digest_position) = digest;
            }
        }
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let start_time = Some(timestamp_to_pb(self.node.start_time));
        let caller = Some(caller_to_pb(principal));
        Ok(Response::new(pb::GetStatusResponse { version, start_time, plans, caller }))
    }
}
