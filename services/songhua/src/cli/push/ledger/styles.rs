//! Which cells of a workbook stand in a number format that shows another number than they keep.
//!
//! Place in the flow: beside `workbook`, whose library tells values but not formats. Reads three parts of the archive:
//! styles, the list of sheets, and each sheet's cells. It must not know: what a cell holds, what a format means.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::rc::Rc;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use zip::ZipArchive;

use super::format::NumberFormat;

/// Formats by place (row, column), from 0; only those that show other numbers.
pub(super) type Formats = BTreeMap<(u32, u32), Rc<NumberFormat>>;
/// The formats of Excel's own that show other numbers.
const BUILT_IN: [(u32, &str); 2] = [(9, "0%"), (10, "0.00%")];
/// Most bytes of one part that are looked at.
const PART_MAX: u64 = 256 << 20;

/// The cells of each sheet, by its name.
///
/// # Errors
/// What is wrong with the archive or its XML.
pub(super) fn formats(bytes: &[u8]) -> Result<BTreeMap<String, Formats>, String> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    let styles = styles(&part(&mut archive, "xl/styles.xml")?)?;
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

/// Numbers of the cell styles whose number format shows other numbers, with it.
fn styles(xml: &str) -> Result<BTreeMap<usize, Rc<NumberFormat>>, String> {
    let format = |code: &str| Some(Rc::new(NumberFormat::of(code))).filter(|format| format.alters());
    let mut formats: BTreeMap<u32, _> = BUILT_IN.iter().filter_map(|(id, code)| Some((*id, format(code)?))).collect();
    let (mut styles, mut number, mut within) = (BTreeMap::new(), 0, false);
    each(xml, |element| {
        let id = || Ok::<_, String>(attribute(element, "numFmtId")?.and_then(|id| id.parse::<u32>().ok()));
        match element.local_name().as_ref() {
            b"numFmt" => {
                let code = attribute(element, "formatCode")?.unwrap_or_default();
                if let (Some(id), Some(format)) = (id()?, format(&code)) {
                    formats.insert(id, format);
                }
            }
            b"cellXfs" => within = true,
            b"cellStyles" | b"cellStyleXfs" | b"dxfs" => within = false,
            b"xf" if within => {
                let format = id()?.and_then(|id| formats.get(&id));
                styles.extend(format.map(|format| (number, Rc::clone(format))));
                number += 1;
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(styles)
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
fn cells(xml: &str, styles: &BTreeMap<usize, Rc<NumberFormat>>) -> Result<Formats, String> {
    let mut all = Formats::new();
    if styles.is_empty() {
        return Ok(all);
    }
    each(xml, |element| {
        if element.local_name().as_ref() == b"c" {
            let style = attribute(element, "s")?.and_then(|style| style.parse::<usize>().ok());
            if let Some(format) = style.and_then(|style| styles.get(&style)) {
                let place = attribute(element, "r")?.as_deref().and_then(place);
                all.extend(place.map(|place| (place, Rc::clone(format))));
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
}
