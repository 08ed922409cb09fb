//! QUALITATIVE targets: an assessed step on a stored scale, no number (SCORING §4).
//!
//! Place in the flow: called by [`super::score`] instead of `numeric`. It must not know: who assessed, lights.

use std::borrow::Borrow;

use super::figures::{Visible, step_rank};
use super::outcome::{Mark, Score};
use super::spec::Observation;
use super::status::{Case, Verdict};
use crate::vocabulary::Status;

/// Judges the newest assessment.
pub(super) fn judge(visible: &Visible<'_, impl Borrow<Observation>>, score: &mut Score) -> Case {
    let spec = visible.spec;
    let Some(newest) = visible.newest() else { return Case::unseen() };
    let step = newest.observation.step.as_deref();
    let assessed = step.and_then(|step| step_rank(spec, step));
    let required = spec.required_step.as_deref().and_then(|step| step_rank(spec, step));
    let met = required.is_some() && assessed >= required;
    let settled = newest.observation.is_final();
    if !settled {
        score.marks.insert(Mark::Provisional);
    }
    score.step = step.map(str::to_owned);
    score.scored_date = Some(newest.date());
    Case {
        visible: true,
        newest: Some(newest.date()),
        // After the deadline the newest assessment decides, of whatever date (§5 rows 2, 3).
        verdict: Some(Verdict { met, settled }),
        held: met.then_some(Status::Met),
        ..Case::unseen()
    }
}
