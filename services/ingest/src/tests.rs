//! Tests of ingest: what services/README.md promises to an agency, on logs that behave and on logs that do not.

mod atomicity;
mod contention;
mod days;
mod durability;
mod ended;
mod faults;
mod fixture;
mod gated;
mod genesis;
mod hostile;
mod idempotency;
mod limits;
mod model;
mod no_room;
mod places;
mod queue;
mod readback;
mod restart;
mod shared;
mod stream;
mod trace;
