//! Status changes: every row of `views::changes` becomes one message.
//!
//! Place in the flow: views → here → the progress stream. Changes of one event go into one batch. Never reads the log
//! itself: a view that is behind, or being rebuilt, only delays it.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use songhua_domain::id::PlanId;
use songhua_domain::score::light_of;
use songhua_log::{Applied, EventLog};
use songhua_views::{Change, Model, Views, ViewsError};
use songhua_wire::code::Code;
use songhua_wire::label::label_of_status;
use songhua_wire::pb;
use songhua_wire::time::date_to_pb;
use tokio::sync::watch;

use crate::events::{Voice, midnight};
use crate::fork::left_at;
use crate::message::{CE_CHANGE_INDEX, CE_ID, CE_TIME, MessageId, Outgoing, Place, RelayPayload};
use crate::source::{Held, Room, Source, place_of, refuse, verify};
use crate::status::Trouble;
use crate::stream::TopicStream;
use crate::subject;

/// Changes that are read at once to count them.
const READ_CHANGES: usize = 4_096;

/// The status changes of a plan.
pub(crate) struct Changes {
    voice: Voice,
    log: Arc<dyn EventLog>,
    views: Views,
    applied: watch::Receiver<Applied>,
    /// The last change that was filled; without an index all of that position were.
    place: Place,
}

impl Changes {
    pub(crate) fn new(voice: Voice, log: Arc<dyn EventLog>, views: Views, applied: watch::Receiver<Applied>) -> Self {
        Self { voice, log, views, applied, place: Place::default() }
    }

    /// Reads views where that may block.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Views) -> Result<T, ViewsError> + Send + 'static,
    ) -> Result<T, Trouble> {
        let views = self.views.clone();
        let read = tokio::task::spawn_blocking(move || read(&views)).await;
        read.map_err(|error| Trouble::passing(error.to_string()))?.map_err(|error| Trouble::passing(error.to_string()))
    }

    /// Whether the views have the change at `place`, and of this target; none = they have not come so far.
    async fn has(&self, place: Place, resource: String) -> Result<Option<bool>, Trouble> {
        let (position, plan) = (place.position, self.voice.plan.clone());
        self.read(move |views| {
            let changes = views.changes(position - 1, position, usize::MAX)?;
            let is_it = |change: &Change| Some(change.n) == place.index && resource_of(&plan, change) == resource;
            Ok((views.applied() >= position).then(|| changes.iter().any(is_it)))
        })
        .await
    }
}

impl Source for Changes {
    async fn resume(&mut self, stream: &TopicStream) -> Result<(), Trouble> {
        let (identity, durable) = (self.voice.identity, self.log.heads().durable.0);
        let left = left_at(&*self.log, &stream.last).await?;
        self.place = match place_of(&stream.name, &stream.last, &identity, durable, left)? {
            Some(place) if left.is_some_and(|left| place.position > left) => {
                let holds = format!("position {} of an epoch that the log left before, by a restore", place.position);
                return Err(refuse(&stream.name, &identity, &holds));
            }
            Some(place) => {
                let resource = stream.last.mark().map(|mark| mark.resource.clone()).unwrap_or_default();
                match self.has(place, resource).await? {
                    Some(true) => {}
                    Some(false) => {
                        let holds = format!("a change that the views do not have at position {}", place.position);
                        return Err(refuse(&stream.name, &identity, &holds));
                    }
                    None => return Err(Trouble::Passing(behind(place, self.end()))),
                }
                place
            }
            None => Place { position: stream.from - 1, index: None },
        };
        Ok(())
    }

    async fn verify(&self, stream: &TopicStream) -> Result<(), Trouble> {
        if stream.extent.is_empty() {
            return Ok(());
        }
        let (from, last) = (stream.from, self.place);
        let first = stream.first.mark().map_or(last, |mark| mark.id.place);
        // Counted only if something was removed, be it a stranger's.
        let messages = (stream.extent.removed() == 0).then_some(stream.extent.messages);
        let (began, count) = self.read(move |views| held(views, from, first, last, messages)).await?;
        let began = began.ok_or_else(|| Trouble::Passing(behind(last, self.end())))?;
        verify(stream, began, Held { messages: stream.extent.messages, count })
    }

    async fn fill(&mut self, _: &TopicStream, mut room: Room) -> Result<Vec<Outgoing>, Trouble> {
        let (place, most) = (self.place, room.messages);
        let Found { changes, model, known } = self.read(move |views| find(views, place, most)).await?;
        let mut batch = Vec::new();
        for change in whole(&changes, most) {
            match message(&self.voice, change, &model).and_then(|message| room.take(&mut batch, message)) {
                Ok(true) => {}
                // What comes before the trouble is published first.
                Err(trouble) if batch.is_empty() => return Err(trouble),
                Ok(false) | Err(_) => break,
            }
        }
        if let Some(last) = batch.last() {
            self.place = last.place;
        } else if known > place.position {
            self.place = Place { position: known, index: None };
        }
        Ok(batch)
    }

    async fn ready(&mut self) {
        let position = self.place.position;
        if self.applied.wait_for(|applied| applied.position.0 > position).await.is_err() {
            // The projector has ended, and nothing will come.
            std::future::pending::<()>().await;
        }
    }

    fn place(&self) -> Place {
        self.place
    }

    fn end(&self) -> u64 {
        self.views.applied()
    }

    fn head(&self) -> u64 {
        self.log.heads().durable.0
    }
}

/// What a stream began with that begins at position `from`, and how many changes there are from `first` to `last`, unless
/// that is known. None = the views were thrown away meanwhile.
fn held(
    views: &Views,
    from: u64,
    first: Place,
    last: Place,
    known: Option<u64>,
) -> Result<(Option<Place>, u64), ViewsError> {
    let began = views.changes(from - 1, last.position, 1)?;
    let began = began.first().map(place_of_change);
    let (mut count, mut after) = (known.unwrap_or_default(), first.position - 1);
    while known.is_none() && after < last.position {
        let (changes, to) = views.changes_behind(after, READ_CHANGES)?;
        let between = changes.iter().map(place_of_change).filter(|place| (first..=last).contains(place));
        count += between.count() as u64;
        if to <= after {
            break;
        }
        after = to;
    }
    Ok((began.filter(|_| views.applied() >= last.position), count))
}

const fn place_of_change(change: &Change) -> Place {
    Place { position: change.position, index: Some(change.n) }
}

/// Changes behind a place, as the views have them.
struct Found {
    /// One more than asked for, if there are so many.
    changes: Vec<Change>,
    model: Arc<Model>,
    /// How far they were looked for.
    known: u64,
}

/// Looks for up to `most` changes behind `place`, and one more.
fn find(views: &Views, place: Place, most: usize) -> Result<Found, ViewsError> {
    // Of a position that was only begun, what was published is read again and left out.
    let (after, begun) = match place.index {
        Some(index) => (place.position - 1, index as usize + 1),
        None => (place.position, 0),
    };
    let (mut changes, known) = views.changes_behind(after, most + 1 + begun)?;
    changes.retain(|change| place_of_change(change) > place);
    let model = views.model(known)?;
    // Thrown away meanwhile, the views prove nothing: neither that there are changes nor that there are none.
    if views.applied() < known {
        return Ok(Found { changes: Vec::new(), model, known: 0 });
    }
    Ok(Found { changes, model, known })
}

/// Those of `changes` that make a batch of at most `most`: all of a position, or none. Only a position that has more by
/// itself is divided.
fn whole(changes: &[Change], most: usize) -> &[Change] {
    let Some(next) = changes.get(most) else { return changes };
    let first_of_next = changes.iter().position(|change| change.position == next.position).unwrap_or_default();
    let count = if first_of_next == 0 { most } else { first_of_next };
    changes.get(..count).unwrap_or(changes)
}

fn behind(place: Place, applied: u64) -> String {
    let position = place.position;
    format!(
        "the views are at {applied}, the stream is at {position}: waiting for the views / 视图尚未追上主题流，请等待"
    )
}

fn resource_of(plan: &PlanId, change: &Change) -> String {
    format!("plans/{plan}/areas/{}/targets/{}", change.area, change.indicator)
}

/// The message of a change, with the data that `WatchProgress` tells.
fn message(voice: &Voice, change: &Change, model: &Model) -> Result<Outgoing, Trouble> {
    let place = place_of_change(change);
    let (target, date) = (resource_of(&voice.plan, change), date_to_pb(change.date));
    let schema = "songhua/v1/progress_service.proto#songhua.v1.StatusChange";
    let mut headers = voice.headers(place, "progress.changed", &target, schema);
    headers.insert(CE_ID, MessageId::new(&voice.identity, place).to_string());
    headers.insert(CE_TIME, midnight(&date));
    headers.insert(CE_CHANGE_INDEX, change.n.to_string());
    let subject = subject::of_change(voice.plan.as_str(), change.area.as_str(), change.indicator.as_str());
    let data = pb::StatusChange {
        position: change.position,
        index: change.n,
        target,
        area: change.area.to_string(),
        area_name: model.areas.get(&change.area).map(|area| (&area.definition.name).into()),
        indicator: change.indicator.to_string(),
        indicator_name: model.indicators.get(&change.indicator).map(|indicator| (&indicator.name).into()),
        from: change.from.map_or(0, Code::to_wire),
        to: change.to.to_wire(),
        to_label: Some(label_of_status(change.to)),
        to_light: light_of(change.to).to_wire(),
        date: Some(date),
    };
    let payload = match voice.payload {
        RelayPayload::Protobuf => Ok(data.encode_to_vec()),
        RelayPayload::Json => serde_json::to_vec(&data),
    };
    let payload = Bytes::from(payload.map_err(|error| Trouble::lasting(error.to_string()))?);
    Ok(Outgoing { place, subject, headers, payload })
}

#[cfg(test)]
mod tests {
    use songhua_domain::vocabulary::Status;

    use super::*;

    /// Changes at these positions.
    fn changes(positions: &[u64]) -> Vec<Change> {
        let change = |position: &u64| Change {
            position: *position,
            n: 0,
            area: "a".parse().expect("an id"),
            indicator: "i".parse().expect("an id"),
            from: None,
            to: Status::Met,
            date: jiff::civil::date(2026, 3, 1),
        };
        positions.iter().map(change).collect()
    }

    #[test]
    fn changes_of_one_event_stay_together_if_they_fit() {
        for (positions, most, count) in [
            (&[][..], 3, 0),
            (&[1, 1, 2], 3, 3),
            (&[1, 1, 2, 2], 3, 2),
            (&[1, 2, 2, 3], 3, 3),
            (&[1, 1, 1, 1], 3, 3),
            (&[1, 1, 1, 2], 3, 3),
        ] {
            assert_eq!(whole(&changes(positions), most).len(), count, "{positions:?}");
        }
    }
}
