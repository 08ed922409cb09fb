//! Tests of the service: views grown row by row, and what every method answers on them.

mod account;
mod agencies;
mod calendar;
mod closeout;
mod fixture;
mod indicator_parts;
mod kept;
mod knowledge;
mod lists;
mod matrix;
mod notes;
mod periods;
mod resources;
mod revisions;
mod staleness;
mod supervisions;
mod verifications;
mod watch;
mod watch_ends;
