//! Number formats: where what a spreadsheet shows is another number than what the cell keeps.
//!
//! Place in the flow: `styles` reads the codes of a workbook, `workbook` asks them about each number. It must not know:
//! cells, XML.

use songhua_domain::quantity::{Decimal, rounded};

use super::fault::{Words, words};

/// A format: up to three sections, for numbers above, below and at zero, or for those that meet a condition.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NumberFormat {
    code: String,
    sections: Vec<Section>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Section {
    /// As in `[>=10000]`: an operator and a bound.
    condition: Option<(String, Decimal)>,
    /// Shows the number × 100 with its sign.
    percent: bool,
    /// Shows the number ÷ 10 to this power.
    power: u32,
    /// Digits behind the point that it shows.
    decimals: u32,
}

/// What counts in a section's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Digit,
    Point,
    /// A point that only looks like one, as in `0!.0,` which shows 12345 as 1.2 (万).
    LookAlike,
    Comma,
    Percent,
}

impl NumberFormat {
    /// Reads a code.
    pub(super) fn of(code: &str) -> Self {
        let (mut sections, mut signs, mut section) = (Vec::new(), Vec::new(), Section::default());
        let (mut quoted, mut letters) = (false, code.chars());
        while let Some(letter) = letters.next() {
            match letter {
                '"' => quoted = !quoted,
                '.' if quoted => signs.push(Sign::LookAlike),
                _ if quoted => {}
                '\\' | '!' if letters.clone().next() == Some('.') => {
                    letters.next();
                    signs.push(Sign::LookAlike);
                }
                // `_` leaves room as wide as the next letter, `*` fills with it: neither shows a sign that counts.
                '\\' | '!' | '_' | '*' => drop(letters.next()),
                '[' => {
                    let within: String = letters.by_ref().take_while(|letter| *letter != ']').collect();
                    section.condition = condition(&within).or_else(|| section.condition.take());
                }
                ';' => {
                    sections.push(std::mem::take(&mut section).with(&signs));
                    signs.clear();
                }
                '0' | '#' | '?' => signs.push(Sign::Digit),
                '.' => signs.push(Sign::Point),
                ',' => signs.push(Sign::Comma),
                '%' => signs.push(Sign::Percent),
                _ => {}
            }
        }
        sections.push(section.with(&signs));
        // The fourth is for text.
        sections.truncate(3);
        Self { code: code.to_owned(), sections }
    }

    /// Whether there are numbers that it shows as others.
    pub(super) fn alters(&self) -> bool {
        self.sections.iter().any(|section| section.percent || section.power > 0)
    }

    /// Whether it shows this number × 100 with `%`.
    pub(super) fn is_percent(&self, number: Decimal) -> bool {
        self.section(number).is_some_and(|section| section.percent)
    }

    /// What to say where the number that it shows is smaller than the one that is kept: nobody knows which is meant.
    pub(super) fn scaled(&self, kept: Decimal) -> Option<Words> {
        let section = self.section(kept).filter(|section| section.power > 0 && !kept.is_zero())?;
        let shown = Decimal::try_from_i128_with_scale(1, section.power).ok().and_then(|part| kept.checked_mul(part));
        let shown = shown.map_or_else(|| "…".to_owned(), |shown| rounded(shown, section.decimals).to_string());
        let (kept, code) = (kept.normalize(), &self.code);
        let factor = format!("1{}", "0".repeat(usize::try_from(section.power).unwrap_or_default()));
        Some(words(
            format!(
                "单元格存的是 {kept}，按格式 {code} 显示为 {shown}（缩小 {factor} 倍），无法判断以哪个为准；\
                 请将该格设为“常规”格式，填写所要的数，并在“单位”列写明单位（如 万元）"
            ),
            format!(
                "the cell keeps {kept}, its format {code} shows {shown} ({factor} times less), and which one is meant cannot \
                 be told: set the cell to the format General, write the number that you mean, and its unit (as 万元) in the \
                 column unit"
            ),
        ))
    }

    /// The section for a number: the first whose condition holds. Without one, the first is for what is above zero, the
    /// second for what is below it, the last for all others.
    fn section(&self, number: Decimal) -> Option<&Section> {
        let last = self.sections.len().checked_sub(1)?;
        let holds = |(place, section): &(usize, &Section)| match &section.condition {
            Some((operator, bound)) => match operator.as_str() {
                ">" => number > *bound,
                ">=" => number >= *bound,
                "<" => number < *bound,
                "<=" => number <= *bound,
                "<>" => number != *bound,
                _ => number == *bound,
            },
            None if *place == last => true,
            None if *place == 0 => number > Decimal::ZERO || (last == 1 && number.is_zero()),
            None => number < Decimal::ZERO,
        };
        self.sections.iter().enumerate().find(holds).map(|(_, section)| section)
    }
}

impl Section {
    /// Completes it by the signs of its code.
    fn with(self, signs: &[Sign]) -> Self {
        let (whole, fraction) = match signs.iter().position(|sign| *sign == Sign::Point) {
            Some(point) => signs.split_at(point),
            None => (signs, &[][..]),
        };
        let digits = |signs: &[Sign]| u32::try_from(signs.iter().filter(|sign| **sign == Sign::Digit).count());
        // A comma between digits groups them; commas behind the last one divide by a thousand each.
        let thousands = [whole, fraction].into_iter().filter_map(|part| {
            let last = part.iter().rposition(|sign| *sign == Sign::Digit)?;
            part.get(last + 1..).map(|rest| rest.iter().take_while(|sign| **sign == Sign::Comma).count())
        });
        let thousands = u32::try_from(thousands.sum::<usize>()).unwrap_or_default();
        let first = whole.iter().position(|sign| *sign == Sign::Digit).unwrap_or(whole.len());
        let look_alike = whole.iter().skip(first).position(|sign| *sign == Sign::LookAlike);
        let behind = look_alike.map_or(0, |at| digits(&whole[first + at..]).unwrap_or_default());
        Self {
            percent: signs.contains(&Sign::Percent),
            power: thousands.saturating_mul(3).saturating_add(behind),
            decimals: behind.saturating_add(digits(fraction).unwrap_or_default()),
            ..self
        }
    }
}

/// `>=10000`; none of colours, languages and hours, which stand in brackets too.
fn condition(within: &str) -> Option<(String, Decimal)> {
    let bound = within.find(|letter: char| !matches!(letter, '<' | '>' | '='))?;
    let (operator, bound) = within.split_at(bound);
    if operator.is_empty() { None } else { Some((operator.to_owned(), bound.trim().parse().ok()?)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn a_quoted_or_escaped_sign_is_no_percent_format() {
        let is_percent = |code: &str| NumberFormat::of(code).is_percent(Decimal::ONE);
        assert!(is_percent("0.00%") && is_percent("[Red]0%;-0%"));
        assert!(!is_percent("0.0_%") && !is_percent("0*%"));
        assert!(!is_percent("0.0\"%\"") && !is_percent("0.0\\%") && !is_percent("General"));
    }

    #[test]
    fn a_format_that_shows_another_number_says_both() {
        let cases = [
            ("0,", "12345000", "12345", 3),
            ("#,##0.0,,", "12345678", "12.3", 6),
            ("0.0,\"千\"", "-1250", "-1.3", 3),
            ("#,##0,.00", "1234567", "1234.57", 3),
            ("0!.0,\"万\"", "12345", "1.2", 4),
            ("0\\.0,", "12345", "1.2", 4),
            ("0\".\"0000", "12345", "1.2345", 4),
            ("[>=10000]0!.0,\"万\";0", "12345", "1.2", 4),
            ("#,##0,_);(#,##0,)", "-5000", "-5", 3),
        ];
        for (code, kept, shown, power) in cases {
            let said = NumberFormat::of(code).scaled(number(kept)).unwrap_or_else(|| panic!("{code} scales"));
            let factor = 10_u64.pow(power);
            let en = format!("keeps {kept}, its format {code} shows {shown} ({factor} times less)");
            assert!(said.en.contains(&en) && said.zh.contains(&format!("显示为 {shown}（")), "{code}: {said:?}");
        }
    }

    #[test]
    fn grouping_rounding_and_words_leave_the_number_as_it_is() {
        let plain = [
            ("General", "12345"),
            ("#,##0", "1234567"),
            ("#,##0.00_);[Red](#,##0.00)", "-1234.5"),
            ("#,##0.00\" 万元, \"", "12345"),
            ("0.0", "1.25"),
            ("\"约.\"0\"家.\"", "5"),
            ("[$-804]0", "5"),
            ("[>=10000]0!.0,\"万\";0", "500"),
            ("0,", "0"),
            ("@", "5"),
        ];
        for (code, kept) in plain {
            assert_eq!(NumberFormat::of(code).scaled(number(kept)), None, "{code}");
        }
        assert!(!NumberFormat::of("#,##0.00").alters() && NumberFormat::of("0;0,").alters());
    }

    #[test]
    fn each_number_has_its_section() {
        let format = NumberFormat::of("0;0,;0%;@");
        assert!(format.scaled(number("-5")).is_some() && format.scaled(number("5")).is_none());
        assert!(format.is_percent(number("0")) && !format.is_percent(number("5")));
    }
}
