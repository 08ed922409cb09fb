//! What was asked for, and what was found: faults with the seed that repeats them, progress, figures.

use std::fmt::Display;
use std::process::ExitCode;
use std::time::Instant;

use songhua_tests::load::Figures;
use songhua_tests::{Random, Sandbox};

/// Of each kind, so many are printed; all are counted.
const PRINTED: u64 = 20;

/// Of each, so much.
const LETTERS: usize = 2_000;

/// What was asked for.
pub(crate) struct Settings {
    /// The counts of the long run.
    pub(crate) long: bool,
    /// Repeats a run, as far as processes repeat.
    pub(crate) seed: u64,
    /// Modules; empty = all.
    pub(crate) only: Vec<String>,
}

impl Settings {
    /// Whether a module is to run.
    pub(crate) fn wants(&self, module: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == module)
    }

    /// A count of the short run, or of the long one.
    pub(crate) const fn count(&self, short: u64, long: u64) -> u64 {
        if self.long { long } else { short }
    }

    /// The random numbers of a module: the same for the same seed, whichever modules ran before.
    pub(crate) fn random(&self, module: &str) -> Random {
        let mixed =
            module.bytes().fold(self.seed, |seed, byte| (seed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Random::new(mixed.max(1))
    }
}

/// What was found.
#[derive(Default)]
pub(crate) struct Report {
    /// Acknowledged events that are not in the history, or not where their receipt says.
    pub(crate) lost: u64,
    /// Events that stand in the history more than once.
    pub(crate) duplicated: u64,
    /// Records that were served although they are not what was stored.
    pub(crate) served_damaged: u64,
    /// Everything else that must not be.
    pub(crate) wrong: u64,
    /// What is going on: module, cycle, seed.
    at: String,
    figures: Figures,
}

impl Report {
    /// Says what goes on from now; faults are printed with it.
    pub(crate) fn at(&mut self, what: impl Display) {
        self.at = what.to_string();
    }

    /// An acknowledged event is not there.
    pub(crate) fn lost(&mut self, what: impl Display) {
        self.lost += 1;
        print(self.lost, "LOST", &self.at, &what);
    }

    /// An event stands there twice.
    pub(crate) fn duplicated(&mut self, what: impl Display) {
        self.duplicated += 1;
        print(self.duplicated, "TWICE", &self.at, &what);
    }

    /// A damaged record was served.
    pub(crate) fn served_damaged(&mut self, what: impl Display) {
        self.served_damaged += 1;
        print(self.served_damaged, "SERVED DAMAGED", &self.at, &what);
    }

    /// Something else must not be.
    pub(crate) fn wrong(&mut self, what: impl Display) {
        self.wrong += 1;
        print(self.wrong, "WRONG", &self.at, &what);
    }

    /// Something must be so.
    pub(crate) fn expect(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.wrong(what());
        }
    }

    /// Starts the server again; a fault if it does not, and then nothing can go on.
    pub(crate) async fn started(&self, sandbox: &mut Sandbox) {
        sandbox.launch();
        if let Err(said) = sandbox.ready().await {
            panic!("[{}] the server does not start again: {said}", self.at);
        }
    }

    /// A figure of a module.
    pub(crate) fn figure(&mut self, name: &str, value: u64, unit: &'static str) {
        self.figures.add(name, value, unit);
    }

    /// Prints the figures; says how the program ends.
    pub(crate) fn end(mut self) -> ExitCode {
        self.figures.add("lost_events", self.lost, "events");
        self.figures.add("duplicated_events", self.duplicated, "events");
        self.figures.add("corruptions_served", self.served_damaged, "records");
        self.figures.add("other_faults", self.wrong, "faults");
        self.figures.print();
        if self.lost + self.duplicated + self.served_damaged + self.wrong == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

fn print(count: u64, kind: &str, at: &str, what: &dyn Display) {
    if count <= PRINTED {
        println!("{kind} [{at}] {}", what.to_string().chars().take(LETTERS).collect::<String>());
    }
}

/// A line now and then: how many of how many.
pub(crate) struct Progress {
    what: &'static str,
    all: u64,
    begun: Instant,
    printed: Instant,
}

impl Progress {
    /// Begins.
    pub(crate) fn new(what: &'static str, all: u64) -> Self {
        let now = Instant::now();
        Self { what, all, begun: now, printed: now }
    }

    /// So many are done; `note` says what else is worth to know.
    pub(crate) fn done(&mut self, done: u64, note: impl Display) {
        if done == self.all || self.printed.elapsed().as_secs() >= 10 {
            self.printed = Instant::now();
            println!("{}: {done} of {}, {} s; {note}", self.what, self.all, self.begun.elapsed().as_secs());
        }
    }
}
