//! Read models on sled: packed series, definitions, milestones, changes, checkpoints. On disk: `../LAYOUT.md`.
//!
//! Place in the flow: log → projector → [`ViewBatch`] → one sled tree → [`Views`] → progress. Everything here can be
//! deleted and rebuilt. Every read names the position it knows (`known`) and sees nothing behind it; the same
//! [`Views::score_target`] answers the projector's changes and the readers' questions.
//!
//! It must not know: protobuf, gRPC, how records are encoded, clocks (the day is a parameter).

mod append;
mod batch;
mod block;
mod definition;
mod derived;
mod error;
mod fact;
mod find;
mod grown;
mod index;
mod kept;
mod key;
mod milestone;
mod model;
mod packed;
mod postings;
mod reading;
mod recalled;
mod revision;
mod row;
mod scoring;
mod seen;
mod select;
mod series;
mod store;
#[cfg(test)]
mod tests;
mod timeline;
mod times;
mod varint;
mod views;
mod waiting;
mod writer;

pub use batch::{Named, Subject, ViewBatch};
pub use definition::{Definition, StageEffective};
pub use error::ViewsError;
pub use fact::{Fact, FactKind, FactRow, Facts, Revised, Said, VerificationStep, subject_of_scope};
pub use milestone::{Milestone, MilestoneChange, MilestoneFact, MilestoneRow};
pub use model::{Area, Break, ClosedOut, Model, PERCENT, Published, StageChange, Target};
pub use packed::{EntryRef, FigureRef};
pub use postings::{PostingKind, PostingList};
pub use revision::{FigureRevision, Found, Newest};
pub use row::Change;
pub use select::Selected;
pub use series::{Entry, EntryFigure, EntryKind, Recorded, Series, SeriesKey};
pub use views::{Options, Views};
