//! Records of the system log: plans, access, refused attempts.
//!
//! Place in the flow: the binary writes them and folds them into access and the list of plans at start. Like plan
//! records they are encoded once and readable for ever. It must not know: which tokens are valid.

use bytes::Bytes;
use jiff::Timestamp;
use prost::Message;
use songhua_domain::event::{
    AccessGranted, AccessRevoked, AttemptRefused, LogCreated, PlanCreated, Restored, SystemEvent, SystemPayload,
};

use crate::code::Code;
use crate::field::FromWire;
use crate::pb;
use crate::pb::system_event::Payload;
use crate::record::{DecodeError, malformed, moment, readable_version};
use crate::time::{timestamp_from_pb, timestamp_to_pb};
use crate::violation::{At, Found, Origin, gather};

/// The version in which everything that a system record says first had a field, and what it asks of its reader.
const fn version_of(payload: &SystemPayload) -> u32 {
    match payload {
        SystemPayload::Restored(_) => 3,
        _ => 1,
    }
}

/// The bytes of a system record. The same event always gives the same bytes.
pub fn encode_system_event(event: &SystemEvent) -> Bytes {
    pb::SystemEvent::from(event).encode_to_vec().into()
}

/// Reads a system record.
///
/// # Errors
/// [`DecodeError::UpgradeNeeded`] if a newer binary wrote it, [`DecodeError::Malformed`] if it is not a record.
pub fn decode_system_event(bytes: &[u8]) -> Result<SystemEvent, DecodeError> {
    let version = readable_version(bytes)?;
    let wire = upcast(version, pb::SystemEvent::decode(bytes).map_err(malformed)?);
    let found = Found::new(Origin::Log);
    let event = SystemEvent::read(found.root(), &wire);
    found.settle(event).map_err(malformed)
}

/// Lifts a record of an earlier schema version to today's. Pure.
const fn upcast(_schema_version: u32, event: pb::SystemEvent) -> pb::SystemEvent {
    // Version 3 added a payload: a record of version 1 is one of today without it.
    event
}

impl FromWire for SystemEvent {
    type Wire = pb::SystemEvent;
    fn read(at: At<'_>, wire: &pb::SystemEvent) -> Option<Self> {
        gather!(SystemEvent {
            event_id: at.field("event_id").uuid(&wire.event_id),
            recorded_time: moment(at.field("recorded_time"), wire.recorded_time.as_ref()),
            principal: Some(wire.principal.clone()),
            payload: payload(at, wire.payload.as_ref()),
        })
    }
}

impl From<&SystemEvent> for pb::SystemEvent {
    fn from(event: &SystemEvent) -> Self {
        let version = version_of(&event.payload);
        Self {
            schema_version: version,
            min_reader: version,
            event_id: event.event_id.to_string(),
            recorded_time: Some(timestamp_to_pb(event.recorded_time)),
            principal: event.principal.clone(),
            payload: Some((&event.payload).into()),
        }
    }
}

fn payload(at: At<'_>, wire: Option<&Payload>) -> Option<SystemPayload> {
    match wire {
        Some(Payload::LogCreated(wire)) => {
            LogCreated::read(at.field("log_created"), wire).map(SystemPayload::LogCreated)
        }
        Some(Payload::PlanCreated(wire)) => {
            PlanCreated::read(at.field("plan_created"), wire).map(SystemPayload::PlanCreated)
        }
        Some(Payload::AccessGranted(wire)) => {
            AccessGranted::read(at.field("access_granted"), wire).map(SystemPayload::AccessGranted)
        }
        Some(Payload::AccessRevoked(wire)) => {
            AccessRevoked::read(at.field("access_revoked"), wire).map(SystemPayload::AccessRevoked)
        }
        Some(Payload::AttemptRefused(wire)) => {
            AttemptRefused::read(at.field("attempt_refused"), wire).map(SystemPayload::AttemptRefused)
        }
        Some(Payload::Restored(wire)) => Restored::read(at.field("restored"), wire).map(SystemPayload::Restored),
        None => at.field("payload").refuse("is required"),
    }
}

impl From<&SystemPayload> for Payload {
    fn from(payload: &SystemPayload) -> Self {
        match payload {
            SystemPayload::LogCreated(event) => Self::LogCreated(event.into()),
            SystemPayload::PlanCreated(event) => Self::PlanCreated(event.into()),
            SystemPayload::AccessGranted(event) => Self::AccessGranted(event.into()),
            SystemPayload::AccessRevoked(event) => Self::AccessRevoked(event.into()),
            SystemPayload::AttemptRefused(event) => Self::AttemptRefused(event.into()),
            SystemPayload::Restored(event) => Self::Restored(event.into()),
        }
    }
}

impl FromWire for PlanCreated {
    type Wire = pb::PlanCreated;
    fn read(at: At<'_>, wire: &pb::PlanCreated) -> Option<Self> {
        gather!(PlanCreated {
            plan: at.field("plan").id(&wire.plan),
            log_id: at.field("log_id").uuid_bytes(&wire.log_id),
            simulated: Some(wire.simulated),
            fixed_now: optional_moment(at.field("fixed_now"), wire.fixed_now.as_ref()),
        })
    }
}

impl From<&PlanCreated> for pb::PlanCreated {
    fn from(event: &PlanCreated) -> Self {
        Self {
            plan: event.plan.to_string(),
            log_id: event.log_id.as_bytes().to_vec(),
            simulated: event.simulated,
            fixed_now: event.fixed_now.map(timestamp_to_pb),
        }
    }
}

/// A moment that may be absent.
fn optional_moment(at: At<'_>, wire: Option<&pbjson_types::Timestamp>) -> Option<Option<Timestamp>> {
    wire.map_or(Some(None), |wire| at.accept(timestamp_from_pb(wire)).map(Some))
}

impl FromWire for AccessGranted {
    type Wire = pb::AccessGranted;
    fn read(at: At<'_>, wire: &pb::AccessGranted) -> Option<Self> {
        gather!(AccessGranted {
            grant_id: at.field("grant_id").uuid(&wire.grant_id),
            principal: Some(wire.principal.clone()),
            role: at.field("role").code(wire.role),
            agency: at.field("agency").optional_id(&wire.agency),
            plan: at.field("plan").optional_id(&wire.plan),
            token_sha256: at.field("token_sha256").digest(&wire.token_sha256),
            expires: optional_moment(at.field("expire_time"), wire.expire_time.as_ref()),
        })
    }
}

impl From<&AccessGranted> for pb::AccessGranted {
    fn from(event: &AccessGranted) -> Self {
        Self {
            grant_id: event.grant_id.to_string(),
            principal: event.principal.clone(),
            role: event.role.to_wire(),
            agency: event.agency.as_ref().map(ToString::to_string).unwrap_or_default(),
            plan: event.plan.as_ref().map(ToString::to_string).unwrap_or_default(),
            token_sha256: event.token_sha256.to_vec(),
            expire_time: event.expires.map(timestamp_to_pb),
        }
    }
}

impl FromWire for AccessRevoked {
    type Wire = pb::AccessRevoked;
    fn read(at: At<'_>, wire: &pb::AccessRevoked) -> Option<Self> {
        gather!(AccessRevoked {
            grant_id: at.field("grant_id").uuid(&wire.grant_id),
            reason: Some(wire.reason.clone()),
        })
    }
}

impl From<&AccessRevoked> for pb::AccessRevoked {
    fn from(event: &AccessRevoked) -> Self {
        Self { grant_id: event.grant_id.to_string(), reason: event.reason.clone() }
    }
}

impl FromWire for AttemptRefused {
    type Wire = pb::AttemptRefused;
    fn read(at: At<'_>, wire: &pb::AttemptRefused) -> Option<Self> {
        gather!(AttemptRefused {
            method: Some(wire.method.clone()),
            reason: Some(wire.reason.clone()),
            credential_digest: at.field("credential_digest").digest(&wire.credential_digest),
            count: Some(wire.count),
        })
    }
}

impl From<&AttemptRefused> for pb::AttemptRefused {
    fn from(event: &AttemptRefused) -> Self {
        Self {
            method: event.method.clone(),
            reason: event.reason.clone(),
            credential_digest: event.credential_digest.to_vec(),
            count: event.count,
        }
    }
}

impl FromWire for Restored {
    type Wire = pb::Restored;
    fn read(at: At<'_>, wire: &pb::Restored) -> Option<Self> {
        gather!(Restored {
            old_epoch: Some(wire.old_epoch),
            epoch: Some(wire.epoch),
            old_size: Some(wire.old_size),
            old_root: at.field("old_root").digest(&wire.old_root),
            backup_time: moment(at.field("backup_time"), wire.backup_time.as_ref()),
            reason: Some(wire.reason.clone()),
        })
    }
}

impl From<&Restored> for pb::Restored {
    fn from(event: &Restored) -> Self {
        Self {
            old_epoch: event.old_epoch,
            epoch: event.epoch,
            old_size: event.old_size,
            old_root: event.old_root.to_vec(),
            backup_time: Some(timestamp_to_pb(event.backup_time)),
            reason: event.reason.clone(),
        }
    }
}
