//! Whether a record goes out: the reader's filter and, for an agency, its scope.
//!
//! Place in the flow: between the log and the stream. Looks at a record's header first and at its payload only where the
//! answer needs it. It must not know how records are sent.

use songhua_domain::id::AgencyId;
use songhua_domain::state::PlanState;
use songhua_log::StoredRecord;
use songhua_wire::about::About;
use songhua_wire::record::{decode_event, decode_header};

use crate::filter::Filter;
use crate::refusal::{self, Refused};
use crate::scope::{answers_for, is_assigned, is_own};

/// What becomes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes out.
    Pass,
    /// It does not.
    Skip,
    /// It does not, and no later one does: recorded times never fall.
    Over,
}

/// What one reader gets to see of what it wants.
#[derive(Debug)]
pub(crate) struct Judge {
    pub(crate) filter: Filter,
    /// The agency whose scope counts; none = everything may be seen.
    pub(crate) agency: Option<AgencyId>,
}

impl Judge {
    /// Judges a record. `state` is that at the record or behind it.
    pub(crate) fn judge(&self, record: &StoredRecord, state: &PlanState) -> Result<Verdict, Refused> {
        let recorded = record.recorded_time_us;
        if self.filter.is_over(recorded) {
            return Ok(Verdict::Over);
        }
        let early = self.filter.recorded_from.is_some_and(|from| recorded < from);
        if !early && (self.agency.is_none() && self.filter.lets_all_pass() || self.passes(record, state)?) {
            return Ok(Verdict::Pass);
        }
        Ok(Verdict::Skip)
    }

    fn passes(&self, record: &StoredRecord, state: &PlanState) -> Result<bool, Refused> {
        let failed = |error| refusal::from_decode(record.position, &error);
        let header = decode_header(&record.bytes).map_err(failed)?;
        let input = || decode_event(record.position.0, &record.bytes).map(|event| event.input).map_err(failed);
        let mut about = About::of(&header);
        if let Some(matter) = about.supervision.as_ref().and_then(|supervision| state.supervision(supervision)) {
            about = about.with_matter(&matter.agency, &matter.scope);
        }
        if About::asks_payload(header.event_type) {
            about = about.with_named(&input()?.payload);
        }
        let is_addressed =
            |agency| about.addressed.as_ref().is_some_and(|addressed| answers_for(agency, addressed, state));
        let may_see = |agency| {
            is_own(agency, &header, state) || is_addressed(agency) || is_assigned(agency, state.assignments(), &about)
        };
        if !self.filter.passes_header(&header, &about) || !self.agency.as_ref().is_none_or(may_see) {
            return Ok(false);
        }
        Ok(!self.filter.asks_payload() || self.filter.passes_effective(&*input()?))
    }
}
