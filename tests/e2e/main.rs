//! End-to-end tests: the real binary, through its public interfaces only. One test binary, one module a topic.

#![allow(clippy::unwrap_used, reason = "a panic is how a test says no, in its helpers too")]

mod access;
mod access_secrets;
mod access_tls;
mod cli;
mod cli_offline;
mod crash;
mod crash_damage;
mod crash_lock;
mod errors;
mod errors_garbage;
mod ingest;
mod ingest_bulk;
mod ingest_push;
mod plan_load;
mod progress;
mod progress_figures;
mod progress_milestones;
mod progress_operators;
mod progress_second_plan;
mod progress_world;
mod push_order;
mod tidy;
mod views;
