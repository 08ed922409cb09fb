//! Units in words: a base unit with a power of ten before it, and exact conversion into the indicator's.
//!
//! Place in the flow: after the number is read. It must not know: which indicators there are.

use songhua_domain::quantity::{Decimal, parse_decimal};

use super::fault::{Words, words};
use super::text::fold;

/// Words for powers of ten, the longer ones first.
const POWERS: &[(&str, i32)] = &[("万亿", 12), ("千万", 7), ("百万", 6), ("亿", 8), ("万", 4), ("千", 3), ("百", 2)];
/// Other ways to write a base unit or a multiple of one.
const TWINS: &[(&str, &str, i32)] =
    &[("‰", "%", -1), ("㎡", "平方米", 0), ("m²", "平方米", 0), ("公顷", "平方米", 4), ("平方公里", "平方米", 6)];

/// The unit of an indicator.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit<'a> {
    /// Code of the base unit, for example 元.
    pub(super) code: &'a str,
    /// Its name in the plan, for example 百分比.
    pub(super) name: &'a str,
    /// Power of ten: 8 = 亿.
    pub(super) multiplier: u32,
    /// Unit and multiplier in words, for example 亿元.
    pub(super) label: &'a str,
}

impl Unit<'_> {
    /// The power of ten that a cell says before this base unit; the unit's own where it says nothing.
    ///
    /// # Errors
    /// Another unit.
    pub(super) fn power(&self, cell: &str) -> Result<i32, Words> {
        let text = fold(cell).replace(char::is_whitespace, "");
        let own = i32::try_from(self.multiplier).unwrap_or_default();
        if text.is_empty() || text == fold(self.label) {
            return Ok(own);
        }
        let prefixed = POWERS.iter().filter_map(|(word, power)| Some((text.strip_prefix(word)?, *power)));
        let found = std::iter::once((text.as_str(), 0)).chain(prefixed).find_map(|(base, power)| {
            let same = base == fold(self.code) || base == self.name;
            let twin = TWINS.iter().find(|(twin, code, _)| base == *twin && *code == self.code);
            if same { Some(power) } else { twin.map(|(_, _, more)| power + more) }
        });
        found.ok_or_else(|| {
            let (label, code) = (self.label, self.code);
            words(
                format!("“{cell}”不能换算为本指标的单位“{label}”；可填 {code}、万{code}、亿{code} 等"),
                format!("{cell:?} cannot be converted into the indicator's unit, {label}; for example {code}, 万{code}, 亿{code}"),
            )
        })
    }

    /// `value` × 10^`power` in this unit, exactly.
    ///
    /// # Errors
    /// More digits than are kept: nothing is rounded.
    pub(super) fn convert(&self, value: Decimal, power: i32) -> Result<Decimal, Words> {
        let shift = power - i32::try_from(self.multiplier).unwrap_or_default();
        if shift == 0 {
            return Ok(value);
        }
        let shifted = shift_by(value.normalize(), shift).map(|value| value.normalize());
        shifted.filter(|value| parse_decimal(&value.to_string()).is_ok()).ok_or_else(|| {
            let label = self.label;
            words(
                format!("{value} 换算为“{label}”后超过 18 位整数或 8 位小数，不作舍入；请改用合适的单位"),
                format!("{value} in {label} has more than 18 digits before or 8 after the point, and is not rounded"),
            )
        })
    }
}

fn shift_by(value: Decimal, shift: i32) -> Option<Decimal> {
    let scale = i32::try_from(value.scale()).ok()? - shift;
    let (scale, factor) = if scale >= 0 { (scale.unsigned_abs(), 0) } else { (0, scale.unsigned_abs()) };
    let digits = value.mantissa().checked_mul(10_i128.checked_pow(factor)?)?;
    Decimal::try_from_i128_with_scale(digits, scale).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONEY: Unit<'_> = Unit { code: "元", name: "元", multiplier: 8, label: "亿元" };
    const FIRMS: Unit<'_> = Unit { code: "家", name: "家", multiplier: 0, label: "家" };
    const SHARE: Unit<'_> = Unit { code: "%", name: "百分比", multiplier: 0, label: "%" };
    const FLOOR: Unit<'_> = Unit { code: "平方米", name: "平方米", multiplier: 4, label: "万平方米" };
    const PATENTS: Unit<'_> = Unit { code: "件/万人", name: "件/万人", multiplier: 0, label: "件/万人" };

    fn converted(unit: Unit<'_>, value: &str, cell: &str) -> Result<String, Words> {
        unit.convert(parse_decimal(value).unwrap(), unit.power(cell)?).map(|value| value.to_string())
    }

    #[test]
    fn units_are_converted_exactly() {
        let cases = [
            (MONEY, "1700.50", "", "1700.50"),
            (MONEY, "1700.50", "亿元", "1700.50"),
            (MONEY, "12345", "万元", "1.2345"),
            (MONEY, "123456789", "元", "1.23456789"),
            (MONEY, "0.17", "万亿元", "1700"),
            (MONEY, "3", "百万元", "0.03"),
            (MONEY, "3.10", "千万元", "0.31"),
            (FIRMS, "0.5", "万家", "5000"),
            (FIRMS, "1.2", "千家", "1200"),
            (SHARE, "35", "‰", "3.5"),
            (SHARE, "3.5", "％", "3.5"),
            (SHARE, "3.5", "百分比", "3.5"),
            (FLOOR, "125000", "平方米", "12.5"),
            (FLOOR, "12.5", "公顷", "12.5"),
            (FLOOR, "125000", "㎡", "12.5"),
            (PATENTS, "20", "件／万人", "20"),
        ];
        for (unit, value, cell, expected) in cases {
            assert_eq!(converted(unit, value, cell).as_deref(), Ok(expected), "{value} {cell}");
        }
    }

    #[test]
    fn another_unit_is_refused_and_no_digit_is_lost() {
        for (unit, cell) in
            [(MONEY, "家"), (MONEY, "万"), (FIRMS, "亿元"), (SHARE, "个"), (FLOOR, "‰"), (MONEY, "美元")]
        {
            let said = converted(unit, "1", cell).unwrap_err();
            assert!(said.zh.contains(unit.label) && said.en.contains(unit.label), "{cell}: {said:?}");
        }
        assert!(converted(MONEY, "123456789.1", "元").unwrap_err().en.contains("8 after"));
        assert!(converted(FIRMS, "999999999999999999", "万亿家").is_err());
    }
}
