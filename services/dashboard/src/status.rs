//! A status: word, shape and colour together, never a colour alone.
//!
//! Place in the flow: the words are those of `songhua_wire::label`; the label of a target may say more (无基期, 参考). The
//! colours are in `sheet.css`, by [`tone`]. It must not know how a status is found.

use maud::{Markup, html};
use songhua_domain::vocabulary::Status;
use songhua_wire::code::Code;
use songhua_wire::label::word_of_status;
use songhua_wire::pb;

use crate::Lang;

/// Every status, worst first: what must be looked at, what is unknown, what is well.
pub(crate) const WORST_FIRST: [Status; 15] = [
    Status::Missed,
    Status::MissedProvisional,
    Status::Overdue,
    Status::FarBehind,
    Status::Behind,
    Status::Stale,
    Status::NoData,
    Status::AwaitingData,
    Status::AwaitingAssessment,
    Status::NoPath,
    Status::OnTrack,
    Status::MetSoFar,
    Status::MetProvisional,
    Status::Met,
    Status::NotScored,
];

/// Reads a status of an answer; one of a later contract is shown as not scored.
pub(crate) fn of(code: i32) -> Status {
    Status::from_wire(code).unwrap_or(Status::NotScored)
}

/// Its place in [`WORST_FIRST`].
pub(crate) fn rank(status: Status) -> usize {
    WORST_FIRST.iter().position(|other| *other == status).unwrap_or(WORST_FIRST.len())
}

/// Its colour, as `sheet.css` names it.
pub(crate) const fn tone(status: Status) -> &'static str {
    match status {
        Status::Missed | Status::MissedProvisional => "missed",
        Status::FarBehind => "far",
        Status::Behind => "behind",
        Status::Overdue | Status::Stale => "late",
        Status::OnTrack => "track",
        Status::Met | Status::MetProvisional | Status::MetSoFar => "met",
        Status::NotScored | Status::AwaitingData | Status::NoData | Status::AwaitingAssessment | Status::NoPath => {
            "grey"
        }
    }
}

/// Its shape on a field of 16 × 16; filled and stroked with the colour of the text.
pub(crate) const fn path(status: Status) -> &'static str {
    match status {
        // ✔
        Status::Met => "<path d='M2 8.5 6.2 12.7 14 3.8' fill='none' stroke-width='3'/>",
        // ● with a check: met, but can still fall.
        Status::MetSoFar => {
            "<circle cx='8' cy='8' r='7.2' stroke='none'/><path d='M4.4 8.3 7 10.9 11.7 5.4' fill='none' stroke='#fff' stroke-width='1.9'/>"
        }
        // A ring with a check.
        Status::MetProvisional => {
            "<circle cx='8' cy='8' r='6.6' fill='none' stroke-width='1.4'/><path d='M4.7 8.3 7 10.6 11.4 5.6' fill='none' stroke-width='1.8'/>"
        }
        // ●
        Status::OnTrack => "<circle cx='8' cy='8' r='6' stroke='none'/>",
        // ▲
        Status::Behind => "<path d='M8 1.6 15 14H1Z' stroke='none'/>",
        // ■
        Status::FarBehind => "<path d='M2 2h12v12H2Z' stroke='none'/>",
        // ✘
        Status::Missed => "<path d='M3 3 13 13M13 3 3 13' fill='none' stroke-width='3.2'/>",
        // A ring with a cross.
        Status::MissedProvisional => {
            "<circle cx='8' cy='8' r='6.6' fill='none' stroke-width='1.4'/><path d='M5.3 5.3 10.7 10.7M10.7 5.3 5.3 10.7' fill='none' stroke-width='1.8'/>"
        }
        // !
        Status::Overdue => {
            "<path d='M2 2h12v12H2Z' fill='none' stroke-width='1.5'/><path d='M8 4v5M8 11v1.4' fill='none' stroke-width='2.2'/>"
        }
        // An hourglass.
        Status::Stale => "<path d='M3 1.8h10L8 8l5 6.2H3L8 8Z' stroke-width='1'/>",
        // ○
        Status::NoData => "<circle cx='8' cy='8' r='6' fill='none' stroke-width='1.6'/>",
        // ◔
        Status::AwaitingData => {
            "<circle cx='8' cy='8' r='6' fill='none' stroke-width='1.6'/><path d='M8 8V2A6 6 0 0 1 14 8Z' stroke='none'/>"
        }
        // ◑
        Status::AwaitingAssessment => {
            "<circle cx='8' cy='8' r='6' fill='none' stroke-width='1.6'/><path d='M8 2A6 6 0 0 1 8 14Z' stroke='none'/>"
        }
        // ◇
        Status::NoPath => "<path d='M8 1.8 14.2 8 8 14.2 1.8 8Z' fill='none' stroke-width='1.6'/>",
        // –
        Status::NotScored => "<path d='M3 8h10' fill='none' stroke-width='2.4'/>",
    }
}

fn id(status: Status) -> &'static str {
    status.proto_name()
}

/// The shapes, once in the page.
pub(crate) fn symbols() -> Markup {
    html! {
        @for status in WORST_FIRST {
            symbol id=(id(status)) viewBox="0 0 16 16" { (maud::PreEscaped(path(status))) }
        }
    }
}

/// The shape in its colour.
pub(crate) fn shape(status: Status) -> Markup {
    html! { svg class={ "shape " (tone(status)) } width="14" height="14" aria-hidden="true" { use href={ "#" (id(status)) } {} } }
}

/// Shape and word.
pub(crate) fn sign(lang: Lang, status: Status) -> Markup {
    let (zh, en) = word_of_status(status);
    html! { span class={ "sign " (tone(status)) } { (shape(status)) span.word { (lang.both(zh, en)) } } }
}

/// Shape and the words of an answer.
pub(crate) fn labelled(lang: Lang, code: i32, label: Option<&pb::Name>) -> Markup {
    let status = of(code);
    let Some(label) = label else { return sign(lang, status) };
    html! { span class={ "sign " (tone(status)) } { (shape(status)) span.word { (lang.name(Some(label))) } } }
}

/// Of each status how many, those that none has left out.
pub(crate) fn counts(lang: Lang, counted: &[pb::StatusCount]) -> Markup {
    html! {
        ul.counts {
            @for status in WORST_FIRST {
                @let count: u32 = counted.iter().filter(|one| of(one.status) == status).map(|one| one.count).sum();
                @if count > 0 { li { (sign(lang, status)) " " b { (count) } } }
            }
        }
    }
}
