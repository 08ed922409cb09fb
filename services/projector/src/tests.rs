//! Tests of the projector and of the views it grows: a small plan, histories on it, and what reads must answer.

mod crash;
mod facts;
mod follower;
mod history;
mod naive;
mod plan;
mod postings;
mod rebuild;
mod series;
mod successor;
