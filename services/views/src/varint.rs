//! Numbers of few bytes: seven bits a byte, the lowest first; signed ones zigzag.
//!
//! Place in the flow: below blocks and packed entries. It must not know what a number stands for.

/// Most bytes of a 128-bit number.
const BYTES_MAX: u32 = 19;

/// Appends a number.
pub(crate) fn put(to: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

/// Appends a number that may need more than 64 bits.
pub(crate) fn put_wide(to: &mut Vec<u8>, mut number: u128) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

/// Appends a signed number.
pub(crate) fn put_signed(to: &mut Vec<u8>, number: i64) {
    put(to, (number.cast_unsigned() << 1) ^ (number >> 63).cast_unsigned());
}

/// Takes a number off the front; none if it is cut or too long.
pub(crate) fn take(from: &mut &[u8]) -> Option<u64> {
    match from.split_first()? {
        (byte, rest) if *byte < 0x80 => {
            *from = rest;
            Some(u64::from(*byte))
        }
        _ => u64::try_from(take_wide(from)?).ok(),
    }
}

/// Takes a wide number off the front; none if it is cut or too long.
pub(crate) fn take_wide(from: &mut &[u8]) -> Option<u128> {
    let mut number = 0_u128;
    for place in 0..BYTES_MAX {
        let (byte, rest) = from.split_first()?;
        *from = rest;
        number |= u128::from(byte & 0x7f).checked_shl(place * 7)?;
        if *byte < 0x80 {
            return Some(number);
        }
    }
    None
}

/// Takes a signed number off the front.
pub(crate) fn take_signed(from: &mut &[u8]) -> Option<i64> {
    let number = take(from)?;
    Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
}

/// Takes `count` bytes off the front.
pub(crate) fn take_bytes<'a>(from: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (bytes, rest) = from.split_at_checked(count)?;
    *from = rest;
    Some(bytes)
}
