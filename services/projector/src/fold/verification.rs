//! Verification: a fact for the queue, and a row with the figure or milestone that is checked.
//!
//! Place in the flow: called by [`fold`](super::fold). It must not know who may verify.

use songhua_domain::event::Event;
use songhua_domain::id::{MilestoneId, ProjectId};
use songhua_views::VerificationStep::{self, Accepted, Rejected, Reopened, Requested};
use songhua_views::{Entry, EntryKind, MilestoneFact, Named, Said, SeriesKey, ViewBatch};
use uuid::Uuid;

use super::{FoldError, Touched, dangling, fact, figure, milestone, revision};

/// What was done to which event, and what was said.
pub(super) struct Step<'a> {
    event: Uuid,
    step: VerificationStep,
    note: &'a str,
}

impl<'a> Step<'a> {
    pub(super) const fn new(event: Uuid, step: VerificationStep, note: &'a str) -> Self {
        Self { event, step, note }
    }
}

pub(super) fn fold(batch: &mut ViewBatch<'_>, event: &Event, step: Step<'_>) -> Result<Touched, FoldError> {
    let named = batch.named(step.event)?.ok_or_else(|| dangling(event, step.event))?;
    let of = match &named {
        Named::Figure(_, spoken) => spoken.position,
        Named::Milestone(of, ..) => *of,
    };
    let said = Said::Verification { event: step.event, of, step: step.step, note: step.note.to_owned() };
    fact::write(batch, event, said)?;
    match named {
        Named::Figure(series, spoken) => of_figure(batch, event, &step, &spoken, series),
        Named::Milestone(of, project, milestone) => of_milestone(batch, event, &step, of, (&project, &milestone)),
    }
}

fn of_figure(
    batch: &mut ViewBatch<'_>,
    event: &Event,
    step: &Step<'_>,
    spoken: &Entry,
    series: SeriesKey,
) -> Result<Touched, FoldError> {
    let of = spoken.position;
    let kind = match step.step {
        // To ask changes no figure.
        Requested => return Ok(Touched::Nothing),
        Reopened => EntryKind::Reopened { of },
        Accepted => EntryKind::Verified { of },
        Rejected => EntryKind::Rejected { of },
    };
    figure::append(batch, (series, figure::speak(event, spoken, kind, step.note)))
}

fn of_milestone(
    batch: &mut ViewBatch<'_>,
    event: &Event,
    step: &Step<'_>,
    of: u64,
    (project, milestone): (&ProjectId, &MilestoneId),
) -> Result<Touched, FoldError> {
    let text = step.note.to_owned();
    let fact = match step.step {
        Requested => return Ok(Touched::Nothing),
        Reopened => MilestoneFact::VerificationReopened { of, reason: text },
        Accepted => MilestoneFact::Verified { of, finding: text },
        Rejected => MilestoneFact::Rejected { of, reason: text },
    };
    if matches!(step.step, Reopened | Rejected) {
        revision::of_report(batch, event, (project, milestone), step.note)?;
    }
    milestone::happened(batch, event, (project, milestone), fact)
}
