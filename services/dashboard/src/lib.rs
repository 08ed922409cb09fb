//! The sheet to look at: answers of `ProgressService` as one HTML page that prints on A4.
//!
//! Place in the flow: the binary asks `progress` for the answers and serves the page. It must not know: views, the log,
//! HTTP, who asks.
//!
//! ```text
//! Sheet ──▶ head · counts ──▶ areas · matrix ──▶ attention ──▶ targets (chart + table each) ──▶ legend
//! ```
//! The page has no script and asks nobody for anything: one file of style is in it, charts are inline SVG.

mod asked;
mod attention;
mod chart;
mod head;
mod legend;
mod matrix;
mod number;
mod page;
mod status;
mod targets;

pub use asked::{Asked, Lang};
pub use page::{PlanLink, fault, plans, render};

use songhua_wire::pb;

/// What the page is made of. All answers are of one plan, one day and one position.
#[derive(Debug, Clone, Copy)]
pub struct Sheet<'a> {
    /// What was asked for.
    pub asked: &'a Asked,
    /// The plan: its categories and its light rule.
    pub plan: &'a pb::Plan,
    /// Counts, areas, what needs attention.
    pub overview: &'a pb::GetOverviewResponse,
    /// Circles across, indicators down.
    pub matrix: &'a pb::GetMatrixResponse,
    /// All indicators with their targets.
    pub indicators: &'a [pb::Indicator],
}

#[cfg(test)]
mod tests;
