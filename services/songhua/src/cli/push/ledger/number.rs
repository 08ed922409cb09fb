//! Numbers as ledgers write them: thousands separators, full-width digits, a percent sign.
//!
//! Place in the flow: a cell → an exact decimal; units come after. It must not know: what the number counts.

use songhua_domain::quantity::{Decimal, parse_decimal};

use super::fault::{Words, words};
use super::text::fold;

/// A number, and whether a percent sign stood behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) value: Decimal,
    pub(super) percent: bool,
}

/// Reads a cell. The decimals that were written are kept.
///
/// # Errors
/// Text, exponents, dashes for "none", separators that are not between thousands, more than 18 + 8 digits.
pub(super) fn number(cell: &str) -> Result<Number, Words> {
    let folded = fold(cell);
    let (text, percent) = match folded.strip_suffix('%') {
        Some(text) => (text.trim_end(), true),
        None => (folded.as_str(), false),
    };
    let plain = without_separators(text).ok_or_else(|| misplaced(cell))?;
    let value = parse_decimal(&plain).map_err(|error| match error {
        songhua_domain::quantity::QuantityError::TooLong { integer, fraction, .. } => too_long(cell, integer, fraction),
        songhua_domain::quantity::QuantityError::NotDecimal(_) => not_a_number(cell),
    })?;
    Ok(Number { value, percent })
}

/// `1,234,567.8` → `1234567.8`; none where a comma stands elsewhere.
fn without_separators(text: &str) -> Option<String> {
    if !text.contains(',') {
        return Some(text.to_owned());
    }
    let (integer, fraction) = text.split_once('.').map_or((text, ""), |(integer, fraction)| (integer, fraction));
    let mut groups = integer.strip_prefix('-').unwrap_or(integer).split(',');
    let first = groups.next().is_some_and(|group| (1..=3).contains(&group.len()));
    let placed = first && groups.all(|group| group.len() == 3) && !fraction.contains(',');
    placed.then(|| text.replace(',', ""))
}

fn shown(cell: &str) -> String {
    cell.chars().take(40).collect()
}

fn misplaced(cell: &str) -> Words {
    let cell = shown(cell);
    words(
        format!("“{cell}”的千分位逗号位置不对"),
        format!("{cell:?} has a comma that does not stand between thousands"),
    )
}

fn not_a_number(cell: &str) -> Words {
    let cell = shown(cell);
    words(
        format!("“{cell}”不是数字（不接受科学计数法和文字；无变化时数值留空，状态填“无变化”）"),
        format!(
            "{cell:?} is not a number (no exponent, no text; where nothing changed leave it empty, obs_status = nothing)"
        ),
    )
}

fn too_long(cell: &str, integer: usize, fraction: usize) -> Words {
    let cell = shown(cell);
    words(
        format!("“{cell}”有 {integer} 位整数、{fraction} 位小数；最多 18 位整数、8 位小数"),
        format!("{cell:?} has {integer} digits before and {fraction} after the point; at most 18 and 8"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_ledgers_write_them() {
        let cases = [
            ("331", "331", false),
            ("1,234,567.80", "1234567.80", false),
            ("１，２３４", "1234", false),
            ("－０．５", "-0.5", false),
            ("\u{3000} 12 ", "12", false),
            ("3.5%", "3.5", true),
            ("３．５％", "3.5", true),
            ("-12,000", "-12000", false),
        ];
        for (cell, value, percent) in cases {
            let read = number(cell).unwrap();
            assert_eq!((read.value.to_string().as_str(), read.percent), (value, percent), "{cell}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let bad =
            ["1e5", "1.2E+06", "三百", "—", "-", "约100", "1,23", "12,34,567", ",1", "1.", "1.0,0", "+1", "5%%", "1 2"];
        for cell in bad {
            assert!(number(cell).is_err(), "{cell}");
        }
        assert!(number("1.123456789").unwrap_err().en.contains("9 after"));
    }
}
