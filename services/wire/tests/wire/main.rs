//! The wire from outside: what clients may send, what records look like for ever, and that nothing makes it panic.

#![expect(clippy::unwrap_used, reason = "a panic is how a test says no")]

mod fixtures;
mod properties;
mod samples;
mod strictness;
