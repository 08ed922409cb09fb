//! End-to-end tests: the real binary, through its public interfaces only. One test binary, one module a topic.

#![allow(clippy::unwrap_used, reason = "a panic is how a test says no, in its helpers too")]

mod access;
mod access_secrets;
mod access_tls;
mod agencies;
mod cli;
mod cli_offline;
mod clients;
mod clients_samples;
mod crash;
mod crash_damage;
mod crash_lock;
mod errors;
mod errors_garbage;
mod health;
mod ingest;
mod ingest_bulk;
mod ingest_push;
mod logs;
mod metrics;
mod nats_consumers;
mod plan_load;
mod progress;
mod progress_figures;
mod progress_milestones;
mod progress_operators;
mod progress_second_plan;
mod progress_world;
mod push_order;
mod relay;
mod relay_crash;
mod relay_outage;
mod relay_refusal;
mod relay_world;
mod tidy;
mod trace;
mod views;
mod watch;
mod watch_command;
