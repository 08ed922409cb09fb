//! Bitemporal reads, proved: every read at a (valid_date, known_position) of a random history is a replay cut there.
//!
//! ```text
//! dice ──▶ draw ──proposal──▶ world: authorise, decide, evolve, encode ──▶ records ──▶ grown: projector, views
//!                               │                                          asked: every RPC of progress ◀──────┘
//!                               └──▶ plain, boards: what must be shown, without views
//! ```
//! Place in the flow: tests only, here because this crate alone may use the rules, the projector and the answers at
//! once. What is proposed is random; what the rules refuse is left out, so every history is one that ingest could have
//! stored.
//!
//! `SONGHUA_SEED` sets the first seed, which every failure names; `SONGHUA_CASES` multiplies the number of histories.

mod asked;
mod boards;
mod dice;
mod draw;
mod grown;
mod plain;
mod plan;
mod reads;
mod same_rows;
mod tally;
mod versions;
mod world;

/// A variable that is a number, or `default`.
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// The seeds of so many histories; `SONGHUA_CASES` times as many where it is set.
fn seeds(histories: u64) -> std::ops::Range<u64> {
    let first = setting("SONGHUA_SEED", 1);
    first..first + histories * setting("SONGHUA_CASES", 1)
}
