//! The grants of a deployment, folded from its system log, and what a principal may do.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arc_swap::ArcSwap;
use songhua_domain::event::{AccessGranted, Actor, SystemEvent, SystemPayload};
use songhua_domain::id::{AgencyId, PlanId};
use songhua_domain::vocabulary::{Reason, Role};
use uuid::Uuid;

use crate::token::digest_of;

type Timestamp = jiff::Timestamp;

/// A grant and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// As given.
    pub granted: AccessGranted,
    /// When it was given.
    pub grant_time: Timestamp,
    /// When it was revoked, if it was.
    pub revoke_time: Option<Timestamp>,
}

/// Somebody whose credential was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The grant behind it.
    pub grant_id: Uuid,
    /// Staff code or service name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The agency it acts for.
    pub agency: Option<AgencyId>,
    /// The one plan it is for; none = every plan.
    pub plan: Option<PlanId>,
    /// SHA-256 of its token.
    pub credential_digest: [u8; 32],
}

/// What a caller wants to do. What exactly an agency may report is decided by the plan, not here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Push events.
    Submit,
    /// Look at progress.
    ReadProgress,
    /// Replay the history.
    Replay,
    /// Look at the node's state.
    ReadStatus,
    /// Load plans, grant access, rebuild views.
    Administer,
}

/// Why a caller was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// No credential came.
    #[error("no token: send metadata `authorization: Bearer TOKEN`")]
    TokenMissing,
    /// Unknown, revoked or expired: which of them is not told.
    #[error("token is unknown, revoked or expired: ask the administrator for a new one")]
    TokenInvalid,
    /// The role does not allow it.
    #[error("role {role} may not {wanted}; {allowed} may")]
    Role {
        /// The caller's role.
        role: Role,
        /// What it wanted.
        wanted: &'static str,
        /// Roles that may.
        allowed: &'static str,
    },
    /// The grant is for another plan. Answered like a plan that does not exist.
    #[error("plan {plan} does not exist or is not visible to you")]
    OtherPlan {
        /// The plan asked for.
        plan: PlanId,
    },
}

impl AccessError {
    /// The reason code for the answer.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::TokenMissing => Reason::TokenMissing,
            Self::TokenInvalid => Reason::TokenInvalid,
            Self::Role { .. } => Reason::RoleNotAllowed,
            Self::OtherPlan { .. } => Reason::PlanNotFound,
        }
    }

    /// The message in Chinese.
    pub fn message_zh(&self) -> String {
        match self {
            Self::TokenMissing => "缺少令牌：请在元数据中发送 authorization: Bearer 令牌".to_owned(),
            Self::TokenInvalid => "令牌无效、已吊销或已过期：请向管理员申请新令牌".to_owned(),
            Self::Role { role, allowed, .. } => format!("角色 {role} 无权执行此操作；需要 {allowed}"),
            Self::OtherPlan { plan } => format!("方案 {plan} 不存在或对您不可见"),
        }
    }
}

impl Permission {
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Submit => ("push events", "AGENCY, AUDITOR and ADMIN"),
            Self::ReadProgress => ("read progress", "every role"),
            Self::Replay => ("replay the history", "AGENCY, AUDITOR and ADMIN"),
            Self::ReadStatus => ("read the status", "every role"),
            Self::Administer => ("administer", "ADMIN"),
        }
    }

    const fn allows(self, role: Role) -> bool {
        match self {
            Self::Submit | Self::Replay => matches!(role, Role::Agency | Role::Auditor | Role::Admin),
            Self::ReadProgress | Self::ReadStatus => true,
            Self::Administer => matches!(role, Role::Admin),
        }
    }
}

impl Principal {
    /// Checks that the role allows `wanted`, and that the grant is for `plan` where one is named.
    ///
    /// # Errors
    /// [`AccessError::Role`], [`AccessError::OtherPlan`].
    pub fn require(&self, wanted: Permission, plan: Option<&PlanId>) -> Result<(), AccessError> {
        if !wanted.allows(self.role) {
            let (words, allowed) = wanted.words();
            return Err(AccessError::Role { role: self.role, wanted: words, allowed });
        }
        match (plan, &self.plan) {
            (Some(asked), Some(own)) if asked != own => Err(AccessError::OtherPlan { plan: asked.clone() }),
            (None, Some(own)) if wanted == Permission::Administer => {
                // A grant for one plan administers that plan, never the deployment.
                Err(AccessError::OtherPlan { plan: own.clone() })
            }
            _ => Ok(()),
        }
    }

    /// The actor to write into this principal's events.
    pub fn actor(&self) -> Actor {
        Actor {
            principal: self.name.clone(),
            agency: self.agency.clone(),
            role: self.role,
            credential_digest: self.credential_digest,
            on_behalf_of: None,
        }
    }
}

/// All grants, folded from the system log in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessState {
    grants: BTreeMap<Uuid, Grant>,
    by_token: HashMap<[u8; 32], Uuid>,
    order: Vec<Uuid>,
}

impl AccessState {
    /// Folds one event. Revoking what is unknown or revoked changes nothing.
    pub fn evolve(&mut self, event: &SystemEvent) {
        match &event.payload {
            SystemPayload::AccessGranted(granted) => {
                self.by_token.insert(granted.token_sha256, granted.grant_id);
                self.order.push(granted.grant_id);
                let grant = Grant { granted: granted.clone(), grant_time: event.recorded_time, revoke_time: None };
                self.grants.insert(granted.grant_id, grant);
            }
            SystemPayload::AccessRevoked(revoked) => {
                if let Some(grant) = self.grants.get_mut(&revoked.grant_id) {
                    grant.revoke_time.get_or_insert(event.recorded_time);
                }
            }
            SystemPayload::LogCreated(_)
            | SystemPayload::PlanCreated(_)
            | SystemPayload::AttemptRefused(_)
            | SystemPayload::Restored(_) => {}
        }
    }

    /// The grant with this id.
    pub fn grant(&self, id: &Uuid) -> Option<&Grant> {
        self.grants.get(id)
    }

    /// All grants, in the order of their giving.
    pub fn grants(&self) -> impl Iterator<Item = &Grant> {
        self.order.iter().filter_map(|id| self.grants.get(id))
    }

    fn valid(&self, digest: &[u8; 32], now: Timestamp) -> Option<&Grant> {
        let grant = self.grants.get(self.by_token.get(digest)?)?;
        let expired = grant.granted.expires.is_some_and(|expires| expires <= now);
        (grant.revoke_time.is_none() && !expired).then_some(grant)
    }
}

/// The grants as they are now, shared by all services: read without a lock, replaced whole.
#[derive(Debug, Default)]
pub struct Directory(ArcSwap<AccessState>);

impl Directory {
    /// A directory that starts with `state`.
    pub fn new(state: AccessState) -> Self {
        Self(ArcSwap::from_pointee(state))
    }

    /// The state now.
    pub fn state(&self) -> Arc<AccessState> {
        self.0.load_full()
    }

    /// Folds one event in. Callers take turns (the system log's writer).
    pub fn evolve(&self, event: &SystemEvent) {
        let mut state = AccessState::clone(&self.0.load());
        state.evolve(event);
        self.0.store(Arc::new(state));
    }

    /// Finds who presents `token`. The look-up compares digests of 256-bit secrets, so its timing tells nothing of use.
    ///
    /// # Errors
    /// [`AccessError::TokenInvalid`] for unknown, revoked and expired tokens alike.
    pub fn authenticate(&self, token: &str, now: Timestamp) -> Result<Principal, AccessError> {
        let digest = digest_of(token);
        let state = self.0.load();
        let granted = &state.valid(&digest, now).ok_or(AccessError::TokenInvalid)?.granted;
        Ok(Principal {
            grant_id: granted.grant_id,
            name: granted.principal.clone(),
            role: granted.role,
            agency: granted.agency.clone(),
            plan: granted.plan.clone(),
            credential_digest: digest,
        })
    }

    /// Whether a principal authenticated earlier would be authenticated still: long calls ask again.
    ///
    /// # Errors
    /// [`AccessError::TokenInvalid`] once the grant is revoked or has expired.
    pub fn recheck(&self, principal: &Principal, now: Timestamp) -> Result<(), AccessError> {
        let valid = self.0.load().valid(&principal.credential_digest, now).is_some();
        if valid { Ok(()) } else { Err(AccessError::TokenInvalid) }
    }
}
