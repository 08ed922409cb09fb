//! Words of a ledger for codes of the contract: bases, statuses of figures, what became of a milestone.
//!
//! Place in the flow: cells ↔ codes. It must not know: which code an indicator allows.

use songhua_domain::vocabulary::{Basis, ObsStatus};

use super::fault::{Words, words};
use super::text::fold;

/// A code and the words for it; the first word is the one that is written.
type List<T> = &'static [(T, &'static [&'static str])];

/// 累计 stands for two bases, of which an indicator has one.
const BASES: List<Basis> = &[
    (Basis::StockAt, &["期末数", "时点", "时点数", "期末", "stock_at"]),
    (Basis::Period, &["本期数", "当期", "本期", "当期数", "period"]),
    (Basis::YearToDate, &["本年累计", "年初至今", "累计", "year_to_date"]),
    (Basis::PlanToDate, &["规划期累计", "累计", "plan_to_date"]),
    (Basis::FullYear, &["全年数", "全年", "full_year"]),
];

/// How good a figure is, or that there is none to report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// A figure of this status.
    Of(ObsStatus),
    /// 无变化: nothing to report.
    Nothing,
}

const STATES: List<State> = &[
    (State::Of(ObsStatus::Normal), &["正式", "最终", "定稿", "a", "normal"]),
    (State::Of(ObsStatus::Break), &["口径中断", "序列中断", "b", "break"]),
    (State::Of(ObsStatus::Estimated), &["估计", "估算", "e", "estimated"]),
    (State::Of(ObsStatus::Provisional), &["初步", "快报", "p", "provisional"]),
    (State::Of(ObsStatus::LowReliability), &["可靠性低", "u", "low_reliability"]),
    (State::Of(ObsStatus::Unvalidated), &["未核实", "未审核", "v", "unvalidated"]),
    (State::Nothing, &["无变化", "未发生", "无", "nothing"]),
];

/// What became of a milestone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Reached,
    PartiallyReached,
    Missed,
    Rescheduled,
    Cancelled,
}

const PROGRESS: List<Progress> = &[
    (Progress::Reached, &["已达成", "已完成", "达成", "完成", "reached"]),
    (Progress::PartiallyReached, &["部分达成", "部分完成", "partially_reached", "partially"]),
    (Progress::Missed, &["未达成", "未完成", "missed"]),
    (Progress::Rescheduled, &["调整", "已调整", "延期", "rescheduled"]),
    (Progress::Cancelled, &["取消", "已取消", "cancelled"]),
];

impl Progress {
    /// The type of the event that says it.
    pub(super) const fn event_type(self) -> &'static str {
        match self {
            Self::Reached => "MilestoneReached",
            Self::PartiallyReached => "MilestonePartiallyReached",
            Self::Missed => "MilestoneMissed",
            Self::Rescheduled => "MilestoneRescheduled",
            Self::Cancelled => "MilestoneCancelled",
        }
    }
}

/// The basis that a cell names, of those `allowed`; where the cell is empty, the only one.
///
/// # Errors
/// Another word, or a choice that is not made.
pub(super) fn basis(cell: &str, allowed: &[Basis]) -> Result<Basis, Words> {
    if allowed.is_empty() {
        return Err(words("该指标按等级评估，不接受数值", "this indicator is judged by steps and takes no number"));
    }
    let named: Vec<Basis> = if cell.is_empty() { allowed.to_vec() } else { codes(BASES, cell).collect() };
    let mut fitting = named.into_iter().filter(|basis| allowed.contains(basis));
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Ok(only),
        _ => {
            let zh = allowed.iter().map(|basis| basis_word(*basis)).collect::<Vec<_>>().join("、");
            let en = allowed.iter().map(|basis| basis.code()).collect::<Vec<_>>().join(", ");
            let (what_zh, what) = if cell.is_empty() {
                ("为空".to_owned(), "is empty".to_owned())
            } else {
                (format!("“{cell}”不适用"), format!("{cell:?} does not fit"))
            };
            Err(words(format!("{what_zh}；该指标可用：{zh}"), format!("{what}; this indicator takes {en}")))
        }
    }
}

/// The word that templates and previews write for a basis.
pub(super) fn basis_word(basis: Basis) -> &'static str {
    word(BASES, basis)
}

/// What a cell says of a figure's status.
///
/// # Errors
/// Another word.
pub(super) fn state(cell: &str) -> Result<State, Words> {
    only(STATES, cell)
}

/// The word for a status.
pub(super) fn state_word(status: ObsStatus) -> &'static str {
    word(STATES, State::Of(status))
}

/// What a cell says of a milestone.
///
/// # Errors
/// Another word.
pub(super) fn progress(cell: &str) -> Result<Progress, Words> {
    only(PROGRESS, cell)
}

/// The word for what became of a milestone.
pub(super) fn progress_word(progress: Progress) -> &'static str {
    word(PROGRESS, progress)
}

fn codes<T: Copy>(list: List<T>, cell: &str) -> impl Iterator<Item = T> {
    let cell = fold(cell).to_lowercase().replace([' ', '-'], "_");
    list.iter().filter(move |(_, known)| known.contains(&cell.as_str())).map(|(code, _)| *code)
}

fn word<T: PartialEq>(list: List<T>, code: T) -> &'static str {
    list.iter().find(|(known, _)| *known == code).and_then(|(_, known)| known.first()).copied().unwrap_or_default()
}

fn only<T: Copy>(list: List<T>, cell: &str) -> Result<T, Words> {
    codes(list, cell).next().ok_or_else(|| {
        let zh = list.iter().filter_map(|(_, known)| known.first()).copied().collect::<Vec<_>>().join("、");
        let en = list.iter().filter_map(|(_, known)| known.last()).copied().collect::<Vec<_>>().join(", ");
        words(format!("“{cell}”无法识别；可填：{zh}"), format!("{cell:?} is not one of {en}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_basis_is_one_that_the_indicator_takes() {
        let flow = [Basis::YearToDate, Basis::FullYear];
        let total = [Basis::Period, Basis::PlanToDate];
        assert_eq!(basis("累计", &flow), Ok(Basis::YearToDate));
        assert_eq!(basis("累计", &total), Ok(Basis::PlanToDate));
        assert_eq!(basis("当期", &total), Ok(Basis::Period));
        assert_eq!(basis("FULL_YEAR", &flow), Ok(Basis::FullYear));
        assert_eq!(basis("", &[Basis::StockAt]), Ok(Basis::StockAt));
        for (cell, allowed) in [("", &flow[..]), ("时点", &flow), ("大概", &flow)] {
            let said = basis(cell, allowed).unwrap_err();
            assert!(said.zh.contains("本年累计、全年数") && said.en.contains("YEAR_TO_DATE, FULL_YEAR"), "{said:?}");
        }
        assert!(basis("时点", &[]).is_err());
    }

    #[test]
    fn every_word_means_one_thing_and_every_code_has_a_word() {
        for status in ObsStatus::ALL {
            assert_eq!(state(state_word(*status)), Ok(State::Of(*status)));
            assert_eq!(state(status.code()), Ok(State::Of(*status)));
        }
        assert_eq!(state("无变化"), Ok(State::Nothing));
        assert_eq!(progress("已完成"), Ok(Progress::Reached));
        assert_eq!(progress("Partially Reached"), Ok(Progress::PartiallyReached));
        assert!(progress("大概完成").unwrap_err().zh.contains("已达成、部分达成、未达成、调整、取消"));
        assert!(Basis::ALL.iter().all(|basis| !basis_word(*basis).is_empty()));
    }
}
