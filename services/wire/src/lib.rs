//! Generated protobuf, conversions to the domain, and the one error table.
//!
//! Place in the flow: every role crate that speaks gRPC or reads records goes through here. A request becomes domain
//! values or a list of violations ([`event`]), a decided event becomes the bytes of its record ([`record`]), a refusal
//! becomes a gRPC status ([`status`]).
//!
//! It must not know: the rules of progress (that is `domain`), who may do what, where bytes are kept.

pub mod about;
pub mod code;
pub mod event;
pub mod field;
mod generated;
pub mod label;
pub mod lean;
pub mod record;
pub mod status;
pub mod system;
pub mod time;
pub mod trace;
pub mod violation;

pub use generated::songhua::v1 as pb;

/// Google's common messages that the contract uses.
pub mod google {
    pub use crate::generated::google::{rpc, r#type as type_};
}

/// The compiled contract, for gRPC reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
