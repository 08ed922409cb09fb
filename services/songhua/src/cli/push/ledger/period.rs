//! Periods in words, and the period of a figure: what is named, and what the basis makes of it.
//!
//! Place in the flow: cells of the columns 期间 and 口径 → `ReferencePeriod`; templates write what is read here. It must
//! not know: which day is today, what is stored.

use jiff::civil::{Date, date};
use songhua_domain::vocabulary::{Accumulation, Basis, Frequency};
use songhua_wire::pb;
use songhua_wire::time::{YEAR_MAX, YEAR_MIN, date_to_pb};

use super::fault::{Words, words};
use super::text::fold;

/// Days that a cell names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) start: Date,
    pub(super) end: Date,
    /// Both ends were written, so the start is meant.
    pub(super) range: bool,
}

/// Reads `2026年`, `2026-10`, `2026年第3季度`, `2026Q3`, `2026年上半年`, `2026-09-30`, `2026年1-9月`, `2026-01-01..2026-09-30`.
///
/// # Errors
/// Anything else, also days that no calendar has.
pub(super) fn named(cell: &str) -> Result<Named, Words> {
    let text = plain(cell);
    let range = text.split_once("..");
    if text.split("..").any(|part| shape(part).is_some_and(|(shape, _)| shape == "#.#")) {
        return Err(could_be_another_month(cell));
    }
    let found = match range {
        Some((first, last)) => part(first, None).and_then(|(start, year)| {
            let (end, _) = part(last, Some(year))?;
            Some(Named { start: start.0, end: end.1, range: true })
        }),
        None => months(&text)
            .or_else(|| part(&text, None).map(|(span, _)| Named { start: span.0, end: span.1, range: false })),
    };
    let named = found.ok_or_else(|| not_a_period(cell))?;
    if named.start > named.end {
        let Named { start, end, .. } = named;
        return Err(words(format!("“{cell}”：{end} 早于 {start}"), format!("{cell:?}: {end} lies before {start}")));
    }
    Ok(named)
}

/// Reads one day.
///
/// # Errors
/// Anything that is not one day.
pub(super) fn day(cell: &str) -> Result<Date, Words> {
    let one = named(cell).ok().filter(|named| named.start == named.end && !named.range);
    one.map(|named| named.end).ok_or_else(|| {
        words(
            format!("“{cell}”不是日期；请写作 2026-09-30 或 2026年9月30日"),
            format!("{cell:?} is not a day; write 2026-09-30 or 2026年9月30日"),
        )
    })
}

/// A spreadsheet takes `2026.10` for a number and writes `2026.1`.
fn could_be_another_month(cell: &str) -> Words {
    words(
        format!("“{cell}”可能已被电子表格当作数字改写（2026.10 会变成 2026.1）；请写作 2026-10 或 2026年10月"),
        format!(
            "{cell:?} may have been changed by a spreadsheet, which takes 2026.10 for the number 2026.1; write 2026-10 or 2026年10月"
        ),
    )
}

fn not_a_period(cell: &str) -> Words {
    words(
        format!(
            "“{cell}”不是期间；可写 2026年、2026年10月、2026-10、2026年第3季度、2026年上半年、2026-09-30、2026年1-9月、2026-01-01..2026-09-30"
        ),
        format!("{cell:?} is not a period; write 2026, 2026-10, 2026Q3, 2026H1, 2026-09-30 or 2026-01-01..2026-09-30"),
    )
}

/// Without spaces, with one sign for "to" and digits for the numbers of quarters.
fn plain(cell: &str) -> String {
    let mut text = fold(cell).replace(char::is_whitespace, "");
    for to in ["至", "到", "~", "—", "–"] {
        text = text.replace(to, "..");
    }
    for (word, digit) in [("一季", "1季"), ("二季", "2季"), ("三季", "3季"), ("四季", "4季")] {
        text = text.replace(word, digit);
    }
    text.replace("季度", "季").replace("年度", "年").replace("年全年", "年").to_uppercase()
}

/// `2026年1-9月`.
fn months(text: &str) -> Option<Named> {
    let (shape, numbers) = shape(text)?;
    let [year, first, last] = numbers[..] else { return None };
    if !matches!(shape.as_str(), "#年#-#月" | "#年#月-#月") {
        return None;
    }
    let (start, end) = (month(year, first)?, month(year, last)?);
    Some(Named { start: start.0, end: end.1, range: true })
}

type Span = (Date, Date);

/// A named span, and its year. `year` stands in where the text names none, as behind 至.
fn part(text: &str, year: Option<i32>) -> Option<(Span, i32)> {
    let (shape, numbers) = shape(text)?;
    let (shape, numbers) = match (year, shape.starts_with("#年") || shape == "#" || !shape.contains('月')) {
        (Some(year), false) => (format!("#年{shape}"), [vec![year], numbers].concat()),
        _ => (shape, numbers),
    };
    let span = match (shape.as_str(), numbers.as_slice()) {
        ("#" | "#年", &[year]) => (first_of(year, 1)?, first_of(year, 12)?.last_of_month()),
        ("#年#月" | "#-#" | "#/#", &[year, of]) => month(year, of)?,
        ("#年#月#日" | "#-#-#" | "#/#/#" | "#.#.#", &[year, of, day]) => one_day(year, of, day)?,
        ("#年第#季" | "#年#季" | "#Q#" | "#年Q#" | "#-Q#", &[year, quarter @ 1..=4]) => {
            (first_of(year, quarter * 3 - 2)?, first_of(year, quarter * 3)?.last_of_month())
        }
        ("#年上半年", &[year]) | ("#H#" | "#-H#", &[year, 1]) => half(year, 1)?,
        ("#年下半年", &[year]) | ("#H#" | "#-H#", &[year, 2]) => half(year, 7)?,
        _ => return None,
    };
    Some((span, *numbers.first()?))
}

/// The text with `#` for every number, and the numbers.
fn shape(text: &str) -> Option<(String, Vec<i32>)> {
    let (mut shape, mut numbers, mut digits) = (String::new(), Vec::new(), String::new());
    for letter in text.chars().chain(['\0']) {
        if letter.is_ascii_digit() {
            digits.push(letter);
            continue;
        }
        if !digits.is_empty() {
            shape.push('#');
            numbers.push(digits.parse().ok()?);
            digits.clear();
        }
        shape.push(letter);
    }
    shape.pop();
    Some((shape, numbers))
}

fn one_day(year: i32, month: i32, day: i32) -> Option<Span> {
    let year = i16::try_from(year).ok().filter(|year| (YEAR_MIN..=YEAR_MAX).contains(&i32::from(*year)))?;
    let day = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    Some((day, day))
}

fn first_of(year: i32, month: i32) -> Option<Date> {
    one_day(year, month, 1).map(|(day, _)| day)
}

fn month(year: i32, month: i32) -> Option<Span> {
    first_of(year, month).map(|first| (first, first.last_of_month()))
}

fn half(year: i32, month: i32) -> Option<Span> {
    Some((first_of(year, month)?, first_of(year, month + 5)?.last_of_month()))
}

/// What the bases of an indicator may be (SCORING §1); `own` is what the plan names for it.
pub(super) fn bases(accumulation: Accumulation, own: Option<Basis>) -> Vec<Basis> {
    match accumulation {
        Accumulation::Stock | Accumulation::Ratio => own.into_iter().collect(),
        Accumulation::Cumulative | Accumulation::RunningTotal => vec![Basis::Period, Basis::PlanToDate],
        Accumulation::AnnualFlow => vec![Basis::YearToDate, Basis::FullYear],
        Accumulation::Paired => vec![Basis::FullYear],
        Accumulation::None => vec![],
    }
}

/// The period of a figure: a level stands at the last day named, a year to date starts on 1 January, a total of the plan
/// with the plan.
///
/// # Errors
/// A range that starts on another day than the basis wants, or does not end where it must.
pub(super) fn reference(
    named: Named,
    basis: Basis,
    accumulation: Accumulation,
    plan_start: Date,
) -> Result<pb::ReferencePeriod, Words> {
    let Named { start, end, range } = named;
    let must_start = |first: Date| {
        if range && start != first {
            let said = words(
                format!("该口径须从 {first} 开始，所填期间从 {start} 开始"),
                format!("with this basis a period starts on {first}, not on {start}"),
            );
            return Err(said);
        }
        Ok(Some(first))
    };
    let start = match basis {
        Basis::StockAt => None,
        Basis::Period => Some(start),
        Basis::YearToDate if end == end.last_of_year() => {
            return Err(words(
                format!("截至 {end} 是整年：口径请填“全年数”"),
                format!("up to {end} is a whole year: the basis is 全年数 FULL_YEAR"),
            ));
        }
        Basis::YearToDate => must_start(end.first_of_year())?,
        Basis::PlanToDate if accumulation == Accumulation::RunningTotal => None,
        Basis::PlanToDate => must_start(plan_start)?,
        Basis::FullYear if (start, end) != (end.first_of_year(), end.last_of_year()) => {
            return Err(words(
                format!("全年数的期间须为整年，例如 {}年", end.year()),
                format!("FULL_YEAR covers a whole year, for example {}", end.year()),
            ));
        }
        Basis::FullYear => Some(start),
    };
    Ok(pb::ReferencePeriod { start: start.map(date_to_pb), end: Some(date_to_pb(end)) })
}

/// The last period of this frequency that was over before `today`, as a ledger writes it, and its last day.
pub(super) fn last_completed(frequency: Frequency, today: Date) -> (String, Date) {
    let year = today.year();
    match frequency {
        Frequency::Month => {
            let end = before(today.first_of_month());
            (format!("{}年{}月", end.year(), end.month()), end)
        }
        Frequency::Quarter => {
            let end = before(date(year, (today.month() - 1) / 3 * 3 + 1, 1));
            (format!("{}年第{}季度", end.year(), end.month() / 3), end)
        }
        Frequency::Year => {
            let end = before(today.first_of_year());
            (format!("{}年", end.year()), end)
        }
    }
}

fn before(day: Date) -> Date {
    day.yesterday().unwrap_or(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(cell: &str) -> String {
        let Named { start, end, .. } = named(cell).unwrap_or_else(|said| panic!("{cell}: {said:?}"));
        format!("{start}..{end}")
    }

    #[test]
    fn periods_are_read_as_ledgers_write_them() {
        let cases = [
            ("2026-01-01..2026-12-31", &["2026", "2026年", "２０２６年", "2026年度", "2026年全年", "2026年1-12月"][..]),
            ("2026-10-01..2026-10-31", &["2026年10月", "2026-10", "2026/10", " 2026 年 10 月 "]),
            ("2026-02-01..2026-02-28", &["2026年2月", "2026-02", "2026-2"]),
            (
                "2026-07-01..2026-09-30",
                &["2026年第3季度", "2026年3季度", "2026Q3", "2026q3", "2026年第三季度", "2026-Q3", "2026年三季度"],
            ),
            ("2026-01-01..2026-06-30", &["2026年上半年", "2026H1", "2026年1-6月", "2026年1月至6月"]),
            ("2026-07-01..2026-12-31", &["2026年下半年", "2026h2"]),
            ("2026-09-30..2026-09-30", &["2026年9月30日", "2026-09-30", "2026.9.30", "2026/9/30"]),
            (
                "2026-01-01..2026-09-30",
                &[
                    "2026-01-01..2026-09-30",
                    "2026年1月至9月",
                    "2026年1-9月",
                    "2026年1月～9月30日",
                    "2026年1月—9月",
                    "2026-01..2026-09",
                    "2026年1月1日至2026年9月30日",
                ],
            ),
            ("2025-11-01..2026-02-28", &["2025年11月至2026年2月"]),
            ("2022-01-01..2025-12-31", &["2022年至2025年"]),
        ];
        for (expected, cells) in cases {
            for cell in cells {
                assert_eq!(days(cell), expected, "{cell}");
            }
        }
    }

    #[test]
    fn what_is_no_period_is_refused() {
        let bad = [
            "",
            "Sep-26",
            "2026年13月",
            "2026-02-30",
            "26年",
            "2026Q5",
            "2026H3",
            "202610",
            "去年",
            "2026-09-30..2026-01-01",
            "2026年9-1月",
        ];
        for cell in bad {
            assert!(named(cell).is_err(), "{cell}");
        }
        for cell in ["2026.1", "2026.10", "２０２６．１０", "2026.01..2026.09", "2026-01..2026.9"] {
            let said = named(cell).unwrap_err();
            assert!(said.zh.contains("2026年10月") && said.en.contains("spreadsheet"), "{cell}: {said:?}");
        }
        for cell in ["2026-10", "2026-09-30..2026-09-30", "2026"] {
            assert!(day(cell).is_err(), "{cell}");
        }
        assert_eq!(day("2026年9月30日"), Ok(date(2026, 9, 30)));
    }

    #[test]
    fn the_basis_decides_where_a_period_starts() {
        let start = date(2022, 1, 1);
        let period = |cell: &str, basis, accumulation| {
            let period = reference(named(cell).unwrap(), basis, accumulation, start)?;
            let shown = |day: Option<songhua_wire::google::type_::Date>| {
                day.map_or_else(|| "-".to_owned(), |day| format!("{}-{}-{}", day.year, day.month, day.day))
            };
            Ok::<_, Words>(format!("{}..{}", shown(period.start), shown(period.end)))
        };
        let cases = [
            ("2026年第3季度", Basis::StockAt, Accumulation::Stock, Ok("-..2026-9-30")),
            ("2026年1-9月", Basis::StockAt, Accumulation::Stock, Ok("-..2026-9-30")),
            ("2026年第3季度", Basis::Period, Accumulation::Cumulative, Ok("2026-7-1..2026-9-30")),
            ("2026年第3季度", Basis::YearToDate, Accumulation::AnnualFlow, Ok("2026-1-1..2026-9-30")),
            ("2026年4-9月", Basis::YearToDate, Accumulation::AnnualFlow, Err("2026-01-01")),
            ("2026年", Basis::YearToDate, Accumulation::AnnualFlow, Err("FULL_YEAR")),
            ("2026-09-30", Basis::PlanToDate, Accumulation::Cumulative, Ok("2022-1-1..2026-9-30")),
            ("2023-01..2026-09", Basis::PlanToDate, Accumulation::Cumulative, Err("2022-01-01")),
            ("2026-09-30", Basis::PlanToDate, Accumulation::RunningTotal, Ok("-..2026-9-30")),
            ("2025", Basis::FullYear, Accumulation::AnnualFlow, Ok("2025-1-1..2025-12-31")),
            ("2025H1", Basis::FullYear, Accumulation::AnnualFlow, Err("whole year")),
        ];
        for (cell, basis, accumulation, expected) in cases {
            match (period(cell, basis, accumulation), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{cell} {basis}"),
                (Err(said), Err(part)) => assert!(said.en.contains(part), "{cell} {basis}: {said:?}"),
                (found, expected) => panic!("{cell} {basis}: {found:?}, not {expected:?}"),
            }
        }
    }

    #[test]
    fn the_period_that_is_due_is_the_last_one_that_is_over() {
        let due = |frequency, today| last_completed(frequency, today).0;
        assert_eq!(due(Frequency::Month, date(2026, 1, 31)), "2025年12月");
        assert_eq!(due(Frequency::Quarter, date(2026, 11, 23)), "2026年第3季度");
        assert_eq!(due(Frequency::Quarter, date(2026, 3, 31)), "2025年第4季度");
        assert_eq!(due(Frequency::Year, date(2026, 11, 23)), "2025年");
        for frequency in [Frequency::Month, Frequency::Quarter, Frequency::Year] {
            let (written, end) = last_completed(frequency, date(2026, 11, 23));
            assert_eq!(named(&written).unwrap().end, end);
        }
    }
}
