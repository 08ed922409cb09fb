//! Each rule of deciding, by name.

mod agencies;
mod definitions;
mod deliveries;
mod measurements;
mod model;
mod properties;
mod revisions;
pub(crate) mod support;
mod table;
mod targets;
mod verifications;
