//! What load programs share: a server under load, valid events without end, clients that send them, figures.

mod events;
mod report;
mod run;
mod target;

pub use events::Events;
pub use report::{Figures, Row, load_average, machine, print};
pub use run::{Latencies, Load, Measured, measure};
pub use target::{Ingest, Target};
