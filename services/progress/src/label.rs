//! The word for a status, in both languages (SCORING §5).
//!
//! Place in the flow: stands in every answer beside a light, which is never shown without it. It must not know how a
//! status was found.

use songhua_domain::score::{Mark, Score};
use songhua_domain::vocabulary::Status;
use songhua_wire::pb;

/// The word for `score`, with what softens it in brackets: 参考, and 自报 or 已核 where a figure was judged.
/// `lacks_baseline` tells why there is no path.
pub(crate) fn of(score: &Score, lacks_baseline: bool) -> pb::Name {
    let (zh, en) = word(score, lacks_baseline);
    let mut softened: Vec<(&str, &str)> = Vec::new();
    if is_judged(score.status) {
        if score.marks.contains(&Mark::Reference) {
            softened.push(("参考", "for reference"));
        }
        if let Some(headline) = &score.headline {
            softened.push(if headline.verified { ("已核", "verified") } else { ("自报", "self-reported") });
        }
    }
    if softened.is_empty() {
        return pb::Name { zh: zh.to_owned(), en: en.to_owned() };
    }
    let (softened_zh, softened_en): (Vec<&str>, Vec<&str>) = softened.into_iter().unzip();
    pb::Name { zh: format!("{zh}（{}）", softened_zh.join("，")), en: format!("{en} ({})", softened_en.join(", ")) }
}

fn word(score: &Score, lacks_baseline: bool) -> (&'static str, &'static str) {
    match score.status {
        Status::NotScored if score.marks.contains(&Mark::Retired) => ("已停用", "retired"),
        Status::NotScored if score.marks.contains(&Mark::NotApplicable) => ("不适用", "not applicable"),
        Status::NotScored => ("不计分", "not scored"),
        Status::Met => ("已达标", "met"),
        Status::Missed => ("未达标", "missed"),
        Status::MetProvisional => ("初步达标", "provisionally met"),
        Status::MissedProvisional => ("初步未达标", "provisionally missed"),
        Status::AwaitingData => ("待公布", "awaiting publication"),
        Status::Overdue => ("逾期未报", "overdue"),
        Status::NoData => ("无数据", "no data"),
        Status::AwaitingAssessment => ("待评估", "awaiting assessment"),
        Status::Stale => ("过期", "stale"),
        Status::MetSoFar => ("当前已达标", "met so far"),
        Status::OnTrack => ("正常", "on track"),
        Status::Behind => ("滞后", "behind"),
        Status::FarBehind => ("严重滞后", "far behind"),
        Status::NoPath if lacks_baseline => ("无基期", "no baseline"),
        Status::NoPath => ("未到期", "not due yet"),
    }
}

/// Whether the status compares a figure with the target.
const fn is_judged(status: Status) -> bool {
    match status {
        Status::Met
        | Status::Missed
        | Status::MetProvisional
        | Status::MissedProvisional
        | Status::MetSoFar
        | Status::OnTrack
        | Status::Behind
        | Status::FarBehind => true,
        Status::NotScored
        | Status::AwaitingData
        | Status::Overdue
        | Status::NoData
        | Status::AwaitingAssessment
        | Status::Stale
        | Status::NoPath => false,
    }
}
