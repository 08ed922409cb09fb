//! QUALITATIVE: the steps from the lowest to the highest, filled up to the assessed one, with a marker at the one that is
//! asked for.

use maud::{Markup, html};
use songhua_domain::quantity::Decimal;
use songhua_wire::pb;

use super::{MARGIN, WIDTH, text};

/// Draws the steps; none if nothing was assessed yet.
pub(super) fn draw(target: &pb::TargetProgress) -> Option<Markup> {
    let reached = target.steps.iter().position(|step| *step == target.step)?;
    let length = (WIDTH - MARGIN - MARGIN) / i64::try_from(target.steps.len()).ok()?;
    let letters = usize::try_from(length / 10).unwrap_or_default();
    Some(html! {
        @for (index, step) in target.steps.iter().enumerate() {
            @let left = MARGIN + length * i64::try_from(index).unwrap_or_default();
            rect class=(if index <= reached { "step reached" } else { "step" }) x=(left) y="9" width=(length - 2) height="14" {}
            @if *step == target.required_step {
                rect.goal-marker x=(left + length - 5) y="5" width="4" height="22" {}
            }
            (text("tick", Decimal::from(left + length / 2), 36, &cut(step, letters)))
        }
    })
}

/// As much of a word as there is room for; the table has it whole.
fn cut(word: &str, letters: usize) -> String {
    if word.chars().count() <= letters {
        return word.to_owned();
    }
    word.chars().take(letters.saturating_sub(1)).chain(['…']).collect()
}
