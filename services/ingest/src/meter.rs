//! What ingest counts of a plan: submissions, events, groups, latency.
//!
//! Place in the flow: the handle counts what it answers, the acknowledger what a group held. The series are named here;
//! the node describes and serves them. It must not know: who collects them.

use std::time::Instant;

use metrics::{Counter, Histogram, counter, histogram};
use songhua_domain::id::PlanId;
use songhua_domain::vocabulary::Reason;

use crate::handle::Answer;

/// The series of one plan, looked up once.
pub(crate) struct Meter {
    stored: Counter,
    duplicate: Counter,
    checked: Counter,
    refused: Counter,
    events_stored: Counter,
    events_duplicate: Counter,
    group_submissions: Histogram,
    group_events: Histogram,
    append: Histogram,
}

impl Meter {
    pub(crate) fn new(plan: &PlanId) -> Self {
        let submissions =
            |outcome| counter!("songhua_submissions_total", "plan" => plan.to_string(), "outcome" => outcome);
        let events = |outcome| counter!("songhua_events_total", "plan" => plan.to_string(), "outcome" => outcome);
        Self {
            stored: submissions("stored"),
            duplicate: submissions("duplicate"),
            checked: submissions("checked"),
            refused: submissions("refused"),
            events_stored: events("stored"),
            events_duplicate: events("duplicate"),
            group_submissions: histogram!("songhua_group_submissions", "plan" => plan.to_string()),
            group_events: histogram!("songhua_group_events", "plan" => plan.to_string()),
            append: histogram!("songhua_append_seconds", "plan" => plan.to_string()),
        }
    }

    /// A submission that was taken at `since` is answered.
    pub(crate) fn answered(&self, answer: &Answer, validate_only: bool, since: Instant) {
        match answer {
            Err(_) => self.refused.increment(1),
            Ok(_) if validate_only => self.checked.increment(1),
            Ok(receipts) => {
                let stored = stored(answer);
                self.events_stored.increment(stored as u64);
                self.events_duplicate.increment((receipts.len() - stored) as u64);
                if stored == 0 {
                    self.duplicate.increment(1);
                } else {
                    self.stored.increment(1);
                    self.append.record(since.elapsed());
                }
            }
        }
    }

    /// A submission found no room in the queue.
    pub(crate) fn turned_away(&self) {
        self.refused.increment(1);
    }

    /// A group with these answers is on disk. One that only opened a day does not count.
    pub(crate) fn group<'a>(&self, answers: impl Iterator<Item = &'a Answer>) {
        let (mut submissions, mut events) = (0_usize, 0_usize);
        for stored in answers.map(stored).filter(|stored| *stored > 0) {
            submissions += 1;
            events += stored;
        }
        if submissions > 0 {
            self.group_submissions.record(submissions as f64);
            self.group_events.record(events as f64);
        }
    }
}

/// Events that an answer says are new in the log.
fn stored(answer: &Answer) -> usize {
    let new = |receipts: &Vec<_>| {
        receipts.iter().filter(|receipt: &&crate::Receipt| !receipt.duplicate && receipt.position > 0).count()
    };
    answer.as_ref().map_or(0, new)
}

/// A refusal within a stream; those that end a call are counted with the call.
pub(crate) fn refused_in_stream(reason: Reason) {
    counter!("songhua_refusals_total", "reason" => reason.code()).increment(1);
}
