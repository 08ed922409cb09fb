//! The conformance suite and the follower contract, run by every backend of this crate.

mod conformance_of_backends;
mod followers;
mod resolving;
mod walking;
