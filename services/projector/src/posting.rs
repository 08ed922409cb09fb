//! Postings: what a record can be found by, so that a filtered replay reads few records instead of all.
//!
//! Place in the flow: after an event's rows are in the batch. What a record is about is said by `songhua_wire::about`, to
//! this and to whoever judges records by filters. It must not know: filters.

use songhua_domain::event::Event;
use songhua_views::PostingKind::{Agency, Area, EventType, Indicator, Project};
use songhua_views::{ViewBatch, ViewsError};
use songhua_wire::about::{About, Part, parts};
use songhua_wire::lean::{FigureEvent, Names};
use songhua_wire::record::{DecodeError, decode_header};

/// Why a record cannot be found by what it is about.
pub(crate) enum PostError {
    Views(ViewsError),
    Record(DecodeError),
}

impl From<ViewsError> for PostError {
    fn from(error: ViewsError) -> Self {
        Self::Views(error)
    }
}

/// Notes a record of a figure, which says everything in its envelope.
pub(crate) fn post_figure(
    batch: &mut ViewBatch<'_>,
    position: u64,
    figure: &FigureEvent<'_>,
    names: &Names<'_>,
) -> Result<(), ViewsError> {
    if !names.area.is_empty() {
        batch.post(Area, names.area, position)?;
    }
    for part in parts(names.subject) {
        match part {
            Part::Indicator(id) => batch.post(Indicator, id, position)?,
            Part::Project(id) => batch.post(Project, id, position)?,
            // No figure is of a matter under supervision.
            Part::Supervision(_) => {}
        }
    }
    for agency in names.agencies.into_iter().filter(|agency| !agency.is_empty()) {
        batch.post(Agency, agency, position)?;
    }
    batch.post(EventType, figure.type_token(), position)
}

/// Notes any other record.
pub(crate) fn post(batch: &mut ViewBatch<'_>, bytes: &[u8], event: &Event) -> Result<(), PostError> {
    let header = decode_header(bytes).map_err(PostError::Record)?;
    let mut about = About::of(&header);
    if let Some(supervision) = &about.supervision
        && let Some(matter) = batch.matter(supervision)?
    {
        about = about.with_matter(&matter.agency, &matter.scope);
    }
    if About::asks_payload(header.event_type) {
        about = about.with_named(&event.input.payload);
    }
    let position = event.position;
    if let Some(area) = &about.area {
        batch.post(Area, area.as_str(), position)?;
    }
    if let Some(indicator) = &about.indicator {
        batch.post(Indicator, indicator.as_str(), position)?;
    }
    for project in &about.projects {
        batch.post(Project, project.as_str(), position)?;
    }
    for agency in header.agency.iter().chain(&header.on_behalf_of) {
        batch.post(Agency, agency.as_str(), position)?;
    }
    Ok(batch.post(EventType, header.event_type, position)?)
}
