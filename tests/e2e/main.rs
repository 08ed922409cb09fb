//! End-to-end tests: the real binary, through its public interfaces only. One test binary, one module a topic.

mod ingest;
mod tidy;
