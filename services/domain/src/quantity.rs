//! Quantities: decimal numbers exactly as reported, and how they are rounded for people.
//!
//! Place in the flow: every value enters through [`parse_decimal`] (wire, catalog) and leaves through [`rounded`] or
//! `to_string`. No float touches a value that a person will read.

pub use rust_decimal::Decimal;
use rust_decimal::RoundingStrategy;

/// Most digits before the decimal point of an input.
pub const INTEGER_DIGITS_MAX: usize = 18;
/// Most digits after the decimal point of an input.
pub const FRACTION_DIGITS_MAX: usize = 8;

/// Why a text is not a decimal number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// Not an optional minus sign, digits, and at most one point between digits.
    #[error("{0:?} is not a decimal number (digits with at most one point; no exponent, no thousands separator)")]
    NotDecimal(String),
    /// More digits than are kept exactly.
    #[error(
        "{text:?} has {integer} digits before and {fraction} after the point; at most {INTEGER_DIGITS_MAX} and {FRACTION_DIGITS_MAX} are kept exactly"
    )]
    TooLong {
        /// The refused text.
        text: String,
        /// Digits before the point.
        integer: usize,
        /// Digits after the point.
        fraction: usize,
    },
}

/// Reads `text` as a decimal number, keeping the number of decimals that was written.
///
/// # Errors
/// Anything but `-?[0-9]+(\.[0-9]+)?` is refused ("1e5", "NaN", "1,000", full-width digits), and so is a number
/// with more than [`INTEGER_DIGITS_MAX`] + [`FRACTION_DIGITS_MAX`] digits. The sender can mend both.
pub fn parse_decimal(text: &str) -> Result<Decimal, QuantityError> {
    let shown = || text.chars().take(80).collect::<String>();
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (integer, fraction) = match digits.split_once('.') {
        Some((integer, fraction)) if !fraction.is_empty() => (integer, fraction),
        Some(_) => return Err(QuantityError::NotDecimal(shown())),
        None => (digits, ""),
    };
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if integer.is_empty() || !all_digits(integer) || !all_digits(fraction) {
        return Err(QuantityError::NotDecimal(shown()));
    }
    if integer.len() > INTEGER_DIGITS_MAX || fraction.len() > FRACTION_DIGITS_MAX {
        return Err(QuantityError::TooLong { text: shown(), integer: integer.len(), fraction: fraction.len() });
    }
    Decimal::from_str_exact(text).map_err(|_| QuantityError::NotDecimal(shown()))
}

/// Rounds half away from zero to `decimals` places, without a negative zero (SCORING.md, head).
pub fn rounded(value: Decimal, decimals: u32) -> Decimal {
    let mut value = value.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero);
    value.rescale(decimals);
    if value.is_zero() { value.abs() } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_exactly_and_everything_else_is_refused() {
        assert_eq!(parse_decimal("3.10").map(|d| d.to_string()), Ok("3.10".to_owned()));
        assert_eq!(parse_decimal("-0.5").map(|d| d.to_string()), Ok("-0.5".to_owned()));
        for bad in ["", "-", ".5", "5.", "1e5", "NaN", "inf", "1,000", "１２", "+1", " 1", "1.2.3", "0x10", "1_0"] {
            assert!(matches!(parse_decimal(bad), Err(QuantityError::NotDecimal(_))), "{bad:?} was accepted");
        }
        assert!(parse_decimal("999999999999999999.99999999").is_ok());
        assert!(matches!(parse_decimal("1000000000000000000"), Err(QuantityError::TooLong { integer: 19, .. })));
        assert!(matches!(parse_decimal("0.123456789"), Err(QuantityError::TooLong { fraction: 9, .. })));
    }

    #[test]
    fn rounding_is_half_away_from_zero_without_a_negative_zero() {
        let shown = |text: &str| parse_decimal(text).map(|d| rounded(d, 1).to_string()).unwrap();
        assert_eq!(shown("0.05"), "0.1");
        assert_eq!(shown("-0.05"), "-0.1");
        assert_eq!(shown("-0.04"), "0.0");
        assert_eq!(shown("3"), "3.0");
    }
}
