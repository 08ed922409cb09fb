//! Tests of the service: views grown row by row, and what every method answers on them.

mod agencies;
mod calendar;
mod fixture;
mod knowledge;
mod lists;
mod matrix;
mod resources;
mod watch;
mod watch_ends;
mod notes;
mod periods;
mod supervisions;
