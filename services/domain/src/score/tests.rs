//! Tests of scoring: the shared examples, the rules one by one, and properties over random targets.

mod actuals;
mod examples;
mod holds;
mod lines;
mod marks;
mod naive;
mod operators;
mod paces;
mod paths;
mod properties;
mod speed;
mod status_rows;
mod support;
mod windows;
