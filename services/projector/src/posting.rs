//! Postings: what a record can be found by, so that a filtered replay reads few records instead of all.
//!
//! Place in the flow: after an event's rows are in the batch. What a record is about is said by `songhua_wire::about`, to
//! this and to whoever judges records by filters. It must not know: filters.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use songhua_domain::event::Event;
use songhua_views::PostingKind::{Agency, Area, EventType, Indicator, Project};
use songhua_views::{PostingList, ViewBatch, ViewsError};
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

/// Lists of what the records of a batch name: most name what one before them did.
#[derive(Debug, Default)]
pub(crate) struct Lists<'r> {
    /// By area and subject: of the area, and of what the subject names.
    about: HashMap<[&'r [u8]; 2], Vec<PostingList>>,
    agencies: HashMap<&'r [u8], PostingList>,
    /// There are four.
    types: Vec<(&'static str, PostingList)>,
}

impl<'r> Lists<'r> {
    /// Notes a record of a figure, which says everything in its envelope.
    pub(crate) fn post_figure(
        &mut self,
        batch: &mut ViewBatch<'_>,
        position: u64,
        figure: &FigureEvent<'_>,
        names: &Names<'r>,
    ) -> Result<(), ViewsError> {
        let about = match self.about.entry([names.area, names.subject]) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(about(batch, position, names)?),
        };
        about.iter().for_each(|list| batch.post_to(*list, position));
        for agency in names.agencies.into_iter().filter(|agency| !agency.is_empty()) {
            let list = match self.agencies.entry(agency) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(new) => *new.insert(batch.posting_list(Agency, text(agency), position)?),
            };
            batch.post_to(list, position);
        }
        let token = figure.type_token();
        let list = match self.types.iter().find(|(known, _)| *known == token) {
            Some((_, list)) => *list,
            None => {
                let list = batch.posting_list(EventType, token, position)?;
                self.types.push((token, list));
                list
            }
        };
        batch.post_to(list, position);
        Ok(())
    }
}

fn about(batch: &mut ViewBatch<'_>, position: u64, names: &Names<'_>) -> Result<Vec<PostingList>, ViewsError> {
    let mut lists = Vec::new();
    if !names.area.is_empty() {
        lists.push(batch.posting_list(Area, text(names.area), position)?);
    }
    for part in parts(text(names.subject)) {
        match part {
            Part::Indicator(id) => lists.push(batch.posting_list(Indicator, id, position)?),
            Part::Project(id) => lists.push(batch.posting_list(Project, id, position)?),
            // No figure is of a matter under supervision.
            Part::Supervision(_) => {}
        }
    }
    Ok(lists)
}

/// What was read as a text is one.
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
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
