//! What a spreadsheet would take for a formula, and the apostrophe that keeps it from being one in CSV.
//!
//! Place in the flow: used by boards and ledger templates when they write a file, and by ledgers when they are read back.
//! It must not know: what a cell is of.

/// What begins a formula in Excel, WPS or LibreOffice (OWASP, CSV injection), or comes before one.
const SIGNS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Whether a spreadsheet would take the words for a formula.
pub(super) fn is(text: &str) -> bool {
    text.starts_with(SIGNS)
}

/// Words as they stand in CSV.
pub(super) fn neutral(text: &str) -> String {
    if is(text) { format!("'{text}") } else { text.to_owned() }
}

/// The words that [`neutral`] wrote.
pub(super) fn read(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| is(rest)).unwrap_or(cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_formula_is_written_so_that_it_is_read_back() {
        for cell in ["=1+1", "+86", "-5", "@x", "\t=1", "\r=1", "\n=1", "＝1", "－5", "＠x", "＋1"] {
            let written = neutral(cell);
            assert!(!is(&written) && written.starts_with('\''), "{written}");
            assert_eq!(read(&written), cell);
        }
        for plain in ["plain", "'quoted'", "", "—", "5-3"] {
            assert_eq!((neutral(plain).as_str(), read(plain)), (plain, plain));
        }
    }
}
