//! Which cells of a workbook stand in a percent format: 0.035 there is 3.5 % for everybody who looks at it.
//!
//! Place in the flow: beside `workbook`, whose library tells values but not formats. Reads three parts of the archive:
//! styles, the list of sheets, and each sheet's cells. It must not know: what a cell holds.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use zip::ZipArchive;

/// Places (row, column), from 0.
pub(super) type Percents = BTreeSet<(u32, u32)>;
/// Number formats of Excel's own that are percentages: `0%` and `0.00%`.
const BUILT_IN: [u32; 2] = [9, 10];
/// Most bytes of one part that are looked at.
const PART_MAX: u64 = 256 << 20;

/// The percent cells of each sheet, by its name.
///
/// # Errors
/// What is wrong with the archive or its XML.
pub(super) fn percents(bytes: &[u8]) -> Result<BTreeMap<String, Percents>, String> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    let styles = percent_styles(&part(&mut archive, "xl/styles.xml")?)?;
    let targets = relations(&part(&mut archive, "xl/_rels/workbook.xml.rels")?)?;
    let mut found = BTreeMap::new();
    for (name, relation) in sheets(&part(&mut archive, "xl/workbook.xml")?)? {
        let Some(target) = targets.get(&relation) else { continue };
        let path = target.strip_prefix('/').map_or_else(|| format!("xl/{target}"), ToOwned::to_owned);
        found.insert(name, cells(&part(&mut archive, &path)?, &styles)?);
    }
    Ok(found)
}

/// A part of the archive as text; empty where there is none.
fn part(archive: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> Result<String, String> {
    let Ok(file) = archive.by_name(name) else { return Ok(String::new()) };
    let mut text = String::new();
    file.take(PART_MAX).read_to_string(&mut text).map_err(|error| format!("{name}: {error}"))?;
    Ok(text)
}

/// Calls `look` for every element that begins.
fn each(xml: &str, mut look: impl FnMut(&BytesStart<'_>) -> Result<(), String>) -> Result<(), String> {
    let mut reader = Reader::from_str(xml);
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(element) | Event::Empty(element) => look(&element)?,
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Result<Option<String>, String> {
    let found = element.try_get_attribute(name).map_err(|error| error.to_string())?;
    let value = |attribute: quick_xml::events::attributes::Attribute<'_>| {
        attribute
            .decode_and_unescape_value(element.decoder())
            .map(std::borrow::Cow::into_owned)
            .map_err(|error| error.to_string())
    };
    found.map(value).transpose()
}

/// Numbers of the cell styles whose number format is a percentage.
fn percent_styles(xml: &str) -> Result<BTreeSet<usize>, String> {
    let (mut formats, mut styles) = (BTreeSet::from(BUILT_IN), BTreeSet::new());
    let (mut number, mut within) = (0, false);
    each(xml, |element| {
        match element.local_name().as_ref() {
            b"numFmt" => {
                let code = attribute(element, "formatCode")?.unwrap_or_default();
                let id = attribute(element, "numFmtId")?.and_then(|id| id.parse().ok());
                if let Some(id) = id.filter(|_| is_percent(&code)) {
                    formats.insert(id);
                }
            }
            b"cellXfs" => within = true,
            b"cellStyles" | b"cellStyleXfs" | b"dxfs" => within = false,
            b"xf" if within => {
                let id = attribute(element, "numFmtId")?.and_then(|id| id.parse().ok());
                if id.is_some_and(|id: u32| formats.contains(&id)) {
                    styles.insert(number);
                }
                number += 1;
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(styles)
}

/// Whether a format shows the number × 100: a `%` that is not quoted.
fn is_percent(code: &str) -> bool {
    let (mut quoted, mut escaped) = (false, false);
    for letter in code.chars() {
        match letter {
            _ if escaped => escaped = false,
            // `_` leaves room as wide as the next letter, `*` fills with it: neither shows a percent sign that counts.
            '\\' | '_' | '*' => escaped = true,
            '"' => quoted = !quoted,
            '%' if !quoted => return true,
            _ => {}
        }
    }
    false
}

/// Parts of the archive by the id of their relation.
fn relations(xml: &str) -> Result<BTreeMap<String, String>, String> {
    let mut all = BTreeMap::new();
    each(xml, |element| {
        if let (Some(id), Some(target)) = (attribute(element, "Id")?, attribute(element, "Target")?) {
            all.insert(id, target);
        }
        Ok(())
    })?;
    Ok(all)
}

/// Names of sheets with the id of their relation.
fn sheets(xml: &str) -> Result<Vec<(String, String)>, String> {
    let mut all = Vec::new();
    each(xml, |element| {
        if element.local_name().as_ref() == b"sheet"
            && let (Some(name), Some(id)) = (attribute(element, "name")?, attribute(element, "r:id")?)
        {
            all.push((name, id));
        }
        Ok(())
    })?;
    Ok(all)
}

/// Cells of a sheet that have one of `styles`.
fn cells(xml: &str, styles: &BTreeSet<usize>) -> Result<Percents, String> {
    let mut all = Percents::new();
    if styles.is_empty() {
        return Ok(all);
    }
    each(xml, |element| {
        if element.local_name().as_ref() == b"c" {
            let style = attribute(element, "s")?.and_then(|style| style.parse().ok());
            if style.is_some_and(|style: usize| styles.contains(&style)) {
                all.extend(attribute(element, "r")?.as_deref().and_then(place));
            }
        }
        Ok(())
    })?;
    Ok(all)
}

/// `B3` as (2, 1).
fn place(name: &str) -> Option<(u32, u32)> {
    let digits = name.find(|letter: char| letter.is_ascii_digit())?;
    let (letters, row) = name.split_at(digits);
    let column = letters.bytes().try_fold(0_u32, |column, letter| {
        let letter = u32::from(letter.to_ascii_uppercase().checked_sub(b'A')?);
        (letter < 26).then(|| column.checked_mul(26)?.checked_add(letter + 1))?
    })?;
    Some((row.parse::<u32>().ok()?.checked_sub(1)?, column.checked_sub(1)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_from_its_name() {
        assert_eq!(place("A1"), Some((0, 0)));
        assert_eq!(place("AB12"), Some((11, 27)));
        for bad in ["", "1", "A", "A0", "é1", "ZZZZZZZZ1"] {
            assert_eq!(place(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_quoted_or_escaped_sign_is_no_percent_format() {
        assert!(is_percent("0.00%") && is_percent("[Red]0%;-0%"));
        assert!(!is_percent("0.0_%") && !is_percent("0*%"));
        assert!(!is_percent("0.0\"%\"") && !is_percent("0.0\\%") && !is_percent("General"));
    }
}
