//! The sheet to look at: answers of `ProgressService` as one HTML page that prints on A4.
//!
//! Place in the flow: the binary asks `progress` for the answers and serves the page. It must not know: views, the log,
//! HTTP, who asks.
