//! Each rule of deciding, by name.

mod definitions;
mod deliveries;
mod measurements;
mod model;
mod properties;
pub(crate) mod support;
mod targets;
mod verifications;
