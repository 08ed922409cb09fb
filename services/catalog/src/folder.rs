//! The files of a plan folder, read and parsed as JSON.
//!
//! Place in the flow: first. A file that is no JSON is one fault with line and column, and nothing more is said about
//! it. It must not know: what a field means.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::path::Path;

use serde_json::Value;

use crate::fault::{Faults, Place};

/// The plan itself.
pub(crate) const PLAN: &str = "plan.json";
/// Areas, organisations, industries.
pub(crate) const AREAS: &str = "areas.json";
/// Indicators.
pub(crate) const INDICATORS: &str = "indicators.json";
/// Targets.
pub(crate) const TARGETS: &str = "targets.json";
/// Projects and merges.
pub(crate) const PROJECTS: &str = "projects.json";
/// Agencies and assignments; the one file a folder can do without.
pub(crate) const AGENCIES: &str = "agencies.json";

/// The files in the order in which they are read, reported and hashed.
pub(crate) const FILES: [&str; 6] = [PLAN, AREAS, INDICATORS, TARGETS, PROJECTS, AGENCIES];

/// Where `file` stands in [`FILES`].
pub(crate) fn order(file: &str) -> usize {
    FILES.iter().position(|known| *known == file).unwrap_or(FILES.len())
}

/// Gives the bytes of the file of that name.
pub(crate) type Files<'a> = &'a dyn Fn(&str) -> io::Result<Vec<u8>>;

/// The files of a folder that could be read, in the order of [`FILES`].
#[derive(Debug)]
pub(crate) struct Folder(Vec<(&'static str, Value)>);

impl Folder {
    /// Reads every file.
    pub(crate) fn read(files: Files<'_>, faults: &Faults) -> Self {
        let read = |file| Some((file, parse(file, files, &Place::root(file), faults)?));
        Self(FILES.into_iter().filter_map(read).collect())
    }

    /// What `file` holds, if it is there and could be read.
    pub(crate) fn file(&self, file: &str) -> Option<&Value> {
        self.0.iter().find_map(|(name, value)| (*name == file).then_some(value))
    }
}

/// A misspelt `agency.json` must not be passed over in silence.
pub(crate) fn refuse_other_files(dir: &Path, faults: &Faults) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let others = names.filter(|name| name.ends_with(".json") && !FILES.contains(&name.as_str()));
    for name in others.collect::<BTreeSet<_>>() {
        let reason = format!("the folder holds {name:?}, which is none of {}", FILES.join(", "));
        faults.add(&Place::root(PLAN), reason);
    }
}

fn parse(file: &str, files: Files<'_>, place: &Place, faults: &Faults) -> Option<Value> {
    let bytes = match files(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound && file == AGENCIES => return None,
        Err(error) => {
            faults.add(place, format!("cannot be read: {error}"));
            return None;
        }
    };
    if bytes.starts_with("\u{feff}".as_bytes()) {
        faults.add(place, "starts with a byte order mark: write UTF-8 without one");
        return None;
    }
    match serde_json::from_slice(&bytes) {
        Ok(value) => {
            let text = String::from_utf8_lossy(&bytes);
            repeated_keys(&text, |line, key| {
                faults.add(place, format!("line {line}: {key} stands twice in one object"))
            });
            Some(value)
        }
        Err(error) => {
            faults.add(place, format!("line {} column {}: is not JSON: {error}", error.line(), error.column()));
            None
        }
    }
}

/// Calls `found` with the line and the text of every key that stands twice in one object of the valid JSON `text`:
/// the parser would keep the last one in silence.
fn repeated_keys(text: &str, mut found: impl FnMut(usize, &str)) {
    let mut open: Vec<BTreeSet<String>> = Vec::new();
    let (mut line, mut rest) = (1, text);
    while let Some(first) = rest.chars().next() {
        let length = if first == '"' { string_length(rest) } else { first.len_utf8() };
        let (token, after) = rest.split_at(length);
        match first {
            '{' => open.push(BTreeSet::new()),
            '}' => drop(open.pop()),
            '\n' => line += 1,
            '"' if after.trim_start().starts_with(':') => {
                let key = serde_json::from_str(token).unwrap_or_else(|_| token.to_owned());
                if !open.last_mut().is_none_or(|keys| keys.insert(key)) {
                    found(line, token);
                }
            }
            _ => {}
        }
        rest = after;
    }
}

/// Bytes of the JSON string that `text` starts with, quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    });
    end.map_or(text.len(), |end| end + 2)
}

#[cfg(test)]
mod tests {
    use super::repeated_keys;

    #[test]
    fn a_key_that_stands_twice_in_one_object_is_found_with_its_line() {
        let text = "{\"a\": 1, \"b\": {\"a\": \"{\\\"a\\\":\"},\n \"c\": [{\"a\": 1}, {\"a\": 2}],\n \"\\u0061\": 3}";
        let mut found = Vec::new();
        repeated_keys(text, |line, key| found.push((line, key.to_owned())));
        assert_eq!(found, [(3, "\"\\u0061\"".to_owned())]);
    }
}
