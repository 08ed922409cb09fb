//! Tests against the two plans of the repository and against broken copies of the smaller one.

mod faults;
mod plans;
mod rules;
mod scratch;
mod worked;
