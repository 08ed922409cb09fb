//! Events of the system log: plans, access, refused attempts. One such log for each deployment.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::LogCreated;
use crate::id::{AgencyId, PlanId};
use crate::vocabulary::Role;

/// What happened to the deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SystemPayload {
    /// Genesis of the system log.
    LogCreated(LogCreated),
    /// A plan's log was created.
    PlanCreated(PlanCreated),
    /// A token was given out.
    AccessGranted(AccessGranted),
    /// A grant ended.
    AccessRevoked(AccessRevoked),
    /// Somebody was refused.
    AttemptRefused(AttemptRefused),
    /// The deployment was restored from a backup.
    Restored(Restored),
}

/// An event of the system log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemEvent {
    /// Its id.
    pub event_id: Uuid,
    /// When.
    pub recorded_time: Timestamp,
    /// Principal that did it; `system` for the server.
    pub principal: String,
    /// What.
    pub payload: SystemPayload,
}

/// A plan's log was created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanCreated {
    /// The plan.
    pub plan: PlanId,
    /// Its log.
    pub log_id: Uuid,
    /// Whether it is simulated.
    pub simulated: bool,
    /// A simulated plan's "now", for ever; none = the machine's clock.
    pub fixed_now: Option<Timestamp>,
}

/// A token was given out. The token itself is nowhere kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessGranted {
    /// Names the grant, for revoking.
    pub grant_id: Uuid,
    /// Name of the person or service (a staff code, no personal data).
    pub principal: String,
    /// What it may do.
    pub role: Role,
    /// The agency it acts for; required for [`Role::Agency`], optional for [`Role::Auditor`].
    pub agency: Option<AgencyId>,
    /// The one plan it is for; none = every plan.
    pub plan: Option<PlanId>,
    /// SHA-256 of the token.
    pub token_sha256: [u8; 32],
    /// No longer valid from this moment on; none = until revoked.
    pub expires: Option<Timestamp>,
}

/// A grant ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessRevoked {
    /// The grant.
    pub grant_id: Uuid,
    /// Why.
    pub reason: String,
}

/// Somebody was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRefused {
    /// The RPC.
    pub method: String,
    /// The reason code that was answered.
    pub reason: String,
    /// SHA-256 of the credential, zeros if none came.
    pub credential_digest: [u8; 32],
    /// Equal attempts since the last such event (at least 1): refusals are written at most once a minute for each
    /// credential and reason.
    pub count: u32,
}

/// The deployment was restored from a backup: a new epoch of the system log begins with this record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// The epoch that was restored.
    pub old_epoch: u32,
    /// The epoch that begins.
    pub epoch: u32,
    /// Records of the system log in the backup.
    pub old_size: u64,
    /// Merkle tree hash over their leaves (RFC 6962).
    pub old_root: [u8; 32],
    /// When the backup was made.
    pub backup_time: Timestamp,
    /// Why it was restored.
    pub reason: String,
}
