//! Each rule of deciding, by name.

mod agencies;
mod closeout;
mod conduct;
mod definitions;
mod deliveries;
mod measurements;
mod model;
mod properties;
mod revisions;
mod series;
mod subjects;
pub(crate) mod support;
mod table;
mod targets;
mod verifications;
