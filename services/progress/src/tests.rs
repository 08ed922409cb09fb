//! Tests of the service: views grown row by row, and what every method answers on them.

mod agencies;
mod fixture;
mod knowledge;
mod lists;
mod resources;
mod watch;
mod watch_ends;
