//! Follows the log of a plan and grows its views.
//!
//! Place in the flow: log → `songhua_log::follow` → [`Projector`] → views → progress. Each event is decoded
//! (`follower`), becomes rows (`fold`), and the targets it touches are judged anew (`judge`).
//!
//! It must not know: gRPC, clocks (a day begins with a `DayOpened` event), how rows are kept, the arithmetic of scores.

mod fold;
mod follower;
mod hot;
mod judge;
#[cfg(test)]
mod tests;

pub use follower::{PROJECTOR_VERSION, Projector, open};
