//! The word for a status, in both languages (SCORING §5).
//!
//! Place in the flow: stands in every answer beside a light, which is never shown without it. It must not know how a
//! status was found.

use songhua_domain::score::{Mark, Score};
use songhua_domain::vocabulary::Status;
use songhua_wire::label::word_of_status;
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
        Status::NoPath if lacks_baseline => ("无基期", "no baseline"),
        Status::NoPath => ("未到期", "not due yet"),
        status => word_of_status(status),
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

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use songhua_domain::score::{CalcVersion, Figure, LightRule, Mark, Observation, TargetSpec, score};
    use songhua_domain::vocabulary::{Accumulation, Frequency, ObsStatus, Operator, PathKind};

    use super::*;

    /// A score of nothing, to be filled.
    fn empty() -> Score {
        let spec = TargetSpec {
            plan_start: date(2022, 1, 1),
            plan_end: date(2026, 12, 31),
            deadline: date(2026, 12, 31),
            operator: Operator::AtLeast,
            accumulation: Accumulation::Stock,
            path_kind: PathKind::Linear,
            ascending: true,
            value: None,
            max: None,
            tolerance: None,
            percent: false,
            steps: Vec::new(),
            required_step: None,
            baseline: None,
            interim: Vec::new(),
            frequency: Frequency::Year,
            release_lag_days: 0,
            grace_days: 0,
            retired_from: None,
        };
        score::<Observation>(CalcVersion::V1, &spec, &LightRule::default(), &[], date(2024, 1, 1))
    }

    fn headline(verified: bool) -> Figure {
        let (date, obs_status) = (date(2024, 1, 1), ObsStatus::Provisional);
        Figure { position: 1, date, value: None, step: None, obs_status, verified }
    }

    #[test]
    fn every_status_has_its_own_word_in_both_languages() {
        let labels = Status::ALL.iter().map(|status| of(&Score { status: *status, ..empty() }, false));
        let (zh, en): (std::collections::BTreeSet<_>, std::collections::BTreeSet<_>) =
            labels.map(|label| (label.zh, label.en)).unzip();
        assert_eq!((zh.len(), en.len()), (Status::ALL.len(), Status::ALL.len()));
        assert!(!zh.contains("") && !en.contains(""));
    }

    #[test]
    fn a_word_is_softened_only_where_a_figure_was_judged() {
        let table = [
            (Status::Met, true, false, "已达标（已核）"),
            (Status::Met, false, false, "已达标（自报）"),
            (Status::Behind, false, true, "滞后（参考，自报）"),
            (Status::FarBehind, true, true, "严重滞后（参考，已核）"),
            (Status::MissedProvisional, false, false, "初步未达标（自报）"),
            (Status::Stale, true, true, "过期"),
            (Status::Overdue, false, false, "逾期未报"),
            (Status::AwaitingData, true, false, "待公布"),
        ];
        for (status, verified, reference, zh) in table {
            let mut score = Score { status, headline: Some(headline(verified)), ..empty() };
            score.marks.extend(reference.then_some(Mark::Reference));
            assert_eq!(of(&score, false).zh, zh);
        }
    }

    #[test]
    fn the_reason_stands_in_the_word_for_no_path_and_not_scored() {
        let no_path = Score { status: Status::NoPath, ..empty() };
        assert_eq!((of(&no_path, true).zh, of(&no_path, false).zh), ("无基期".to_owned(), "未到期".to_owned()));
        for (mark, zh) in [(Mark::Retired, "已停用"), (Mark::NotApplicable, "不适用")] {
            let score = Score { status: Status::NotScored, marks: [mark].into(), ..empty() };
            assert_eq!(of(&score, false).zh, zh);
        }
    }
}
