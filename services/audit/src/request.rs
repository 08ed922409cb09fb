//! What a reader asks: positions, filter, following, heartbeat.
//!
//! Place in the flow: read once, before a stream begins. It must not know who asks.

use std::time::Duration;

use songhua_domain::id::PlanId;
use songhua_domain::state::PlanState;
use songhua_log::Position;
use songhua_wire::pb;
use songhua_wire::violation::Violations;

use crate::filter::Filter;
use crate::refusal::{self, Faults, Refused};

/// Silence before a response without records, unless the request says otherwise.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// What the request may say.
const HEARTBEATS: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(60);

/// A request, read.
#[derive(Debug)]
pub(crate) struct Ask {
    /// The first position, at least 1.
    pub(crate) from: u64,
    /// The last position; none = for ever.
    pub(crate) to: Option<u64>,
    /// Longest silence.
    pub(crate) heartbeat: Duration,
    /// What passes.
    pub(crate) filter: Filter,
}

impl Ask {
    /// Reads a request on a plan whose log ends on disk at `durable`.
    pub(crate) fn read(request: &pb::ReplayRequest, state: &PlanState, durable: Position) -> Result<Self, Refused> {
        let mut faults = Faults::default();
        let wanted = request.filter.clone().unwrap_or_default();
        let filter = Filter::read(&wanted, &mut faults);
        let heartbeat = heartbeat(request.heartbeat_interval.as_ref(), &mut faults);
        let from = request.from_position.max(1);
        if (1..from).contains(&request.to_position) {
            faults.note("to_position", format!("{} is before from_position {from}", request.to_position));
        }
        faults.settle(refusal::invalid_fields)?;
        let mut unknown = Faults::default();
        Filter::check_known(&wanted, state, &mut unknown);
        unknown.settle(refusal::unknown_resources)?;
        let first_max = if request.follow { durable.next() } else { durable };
        if from > first_max.0 {
            return Err(refusal::position_ahead("from_position", from, durable));
        }
        let to = match request.to_position {
            0 => (!request.follow).then_some(durable.0),
            to if to > durable.0 && !request.follow => {
                return Err(refusal::position_ahead("to_position", to, durable));
            }
            to => Some(to),
        };
        Ok(Self { from, to, heartbeat, filter })
    }
}

/// Reads `plans/{plan}`.
pub(crate) fn plan(parent: &str) -> Result<PlanId, Refused> {
    let id = parent.strip_prefix("plans/").and_then(|id| id.parse().ok());
    id.ok_or_else(|| {
        let shown: String = parent.chars().take(200).collect();
        refusal::invalid_fields(Violations::one("parent", format!("{shown:?} is not of the form plans/{{plan}}")))
    })
}

fn heartbeat(wire: Option<&pbjson_types::Duration>, faults: &mut Faults) -> Duration {
    let Some(wire) = wire else { return HEARTBEAT };
    let read =
        u64::try_from(wire.seconds).ok().zip(u32::try_from(wire.nanos).ok().filter(|nanos| *nanos < 1_000_000_000));
    let interval = read.map(|(seconds, nanos)| Duration::new(seconds, nanos));
    interval.filter(|interval| HEARTBEATS.contains(interval)).unwrap_or_else(|| {
        faults.note("heartbeat_interval", "is not between 1 and 60 seconds");
        HEARTBEAT
    })
}
