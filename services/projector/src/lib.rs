//! Follows the log of a plan and grows its views.
//!
//! Place in the flow: log → `songhua_log::follow` → [`Projector`] → views → progress. Each event is decoded
//! (`follower`), becomes rows (`fold`), the targets it touches are judged anew (`judge`), and its record is noted under
//! everything that it can be found by (`posting`).
//!
//! It must not know: gRPC, clocks (a day begins with a `DayOpened` event), how rows are kept, the arithmetic of scores.

mod fold;
mod follower;
mod hot;
mod judge;
mod posting;
#[cfg(test)]
mod tests;

pub use follower::{PROJECTOR_VERSION, Projector, open, open_later};
