//! The rules of progress: identifiers, quantities, the plan's vocabulary, events, decisions and scoring.
//!
//! Place in the flow: ingest asks [`decide`] whether a submission may enter the log, every follower folds records
//! with the same types, and reads ask [`score`] what a target's figures mean on a day.
//!
//! It must not know: async, clocks, files, sockets, protobuf, floats, or any order that depends on hashing.

pub mod authorise;
pub mod decide;
pub mod event;
mod evolve;
pub mod folding;
pub mod id;
pub mod quantity;
pub mod score;
pub mod state;
pub mod vocabulary;
