//! Bytes of a ledger as text: UTF-8 or GB18030; and full-width characters as their half-width twins.
//!
//! Place in the flow: the first step; cells are folded before they are read. It must not know: columns.

use encoding_rs::{Encoding, GB18030, UTF_8};

use super::fault::{Fault, words};

const BOM: &[u8] = b"\xef\xbb\xbf";

/// How a ledger's characters are written as bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli::push) enum LedgerEncoding {
    /// UTF-8 if it is that, else GB18030 / 自动
    Auto,
    /// UTF-8
    #[value(name = "utf-8", alias = "utf8")]
    Utf8,
    /// GB18030, with GBK and GB2312 / 国标
    #[value(alias = "gbk")]
    Gb18030,
}

/// The text of a ledger.
///
/// # Errors
/// The first line that is not of the encoding.
pub(super) fn decode(bytes: &[u8], encoding: LedgerEncoding) -> Result<String, Fault> {
    let bytes = bytes.strip_prefix(BOM).unwrap_or(bytes);
    let utf8 = match encoding {
        LedgerEncoding::Auto => std::str::from_utf8(bytes).is_ok(),
        LedgerEncoding::Utf8 => true,
        LedgerEncoding::Gb18030 => false,
    };
    let chosen = if utf8 { UTF_8 } else { GB18030 };
    decoded(bytes, chosen).ok_or_else(|| {
        let broken = bytes.split(|byte| *byte == b'\n').position(|line| decoded(line, chosen).is_none());
        let tried = if encoding == LedgerEncoding::Auto { "UTF-8 / GB18030" } else { chosen.name() };
        let zh = format!("无法按 {tried} 解码；请将文件另存为“CSV UTF-8”");
        let en = format!("these bytes are not {tried}; save the file as \"CSV UTF-8\"");
        Fault::new(broken.unwrap_or_default() + 1, None, words(zh, en))
    })
}

fn decoded(bytes: &[u8], encoding: &'static Encoding) -> Option<String> {
    encoding.decode_without_bom_handling_and_without_replacement(bytes).map(|text| text.into_owned())
}

/// The same with half-width letters, digits and signs, without space around it: `３．５％` becomes `3.5%`.
pub(super) fn fold(text: &str) -> String {
    let half = |letter: char| match letter {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter),
        '\u{3000}' | '\u{a0}' => ' ',
        '\u{2212}' => '-',
        _ => letter,
    };
    text.chars().map(half).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf8_with_and_without_a_mark_and_gb18030_are_told_apart() {
        let text = "区域,数值\n全市,１㎡𠀀";
        let (gb, _, _) = GB18030.encode(text);
        let marked = [BOM, text.as_bytes()].concat();
        for bytes in [text.as_bytes(), &marked, &gb] {
            assert_eq!(decode(bytes, LedgerEncoding::Auto).as_deref(), Ok(text));
        }
        assert_eq!(decode(&marked, LedgerEncoding::Utf8).as_deref(), Ok(text));
        assert_eq!(decode(&gb, LedgerEncoding::Gb18030).as_deref(), Ok(text));
    }

    #[test]
    fn bytes_of_neither_name_their_line() {
        let fault = decode(b"a,b\nc,d\n\xff\xff,e\n", LedgerEncoding::Auto).unwrap_err();
        assert_eq!(fault.line, 3);
        let (gb, _, _) = GB18030.encode("a\n区域");
        assert_eq!(decode(&gb, LedgerEncoding::Utf8).unwrap_err().line, 2);
    }

    #[test]
    fn full_width_becomes_half_width() {
        assert_eq!(fold("\u{3000}－１，２３４．５０％ "), "-1,234.50%");
        assert_eq!(fold("（装置）"), "(装置)");
        assert_eq!(fold("−3"), "-3");
    }
}
