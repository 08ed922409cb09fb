//! Tests of replay, on a log in memory that holds a real plan.

mod fairness;
mod faults;
mod filters;
mod fixture;
mod following;
mod postings;
mod requests;
mod scopes;
mod whole;
