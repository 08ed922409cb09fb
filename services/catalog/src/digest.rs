//! The digest of a plan's data.
//!
//! Place in the flow: over a folder without a fault; goes into `PlanPublished`, so that a second load can tell the same
//! plan from another. It must not know: what a field means.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::folder::{FILES, Folder};

/// SHA-256 over each of [`FILES`] in canonical form, after its length in eight bytes, most significant first. An absent
/// file is empty.
pub(crate) fn of(folder: &Folder) -> [u8; 32] {
    let mut hash = Sha256::new();
    for file in FILES {
        let text = folder.file(file).map(canonical).unwrap_or_default();
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hash.finalize().into()
}

/// `value` without white space, keys in the order of their bytes.
fn canonical(value: &Value) -> String {
    sorted(value).to_string()
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
            fields.sort_by(|left, right| left.0.cmp(&right.0));
            Value::Object(Map::from_iter(fields))
        }
        Value::Array(elements) => elements.iter().map(sorted).collect(),
        leaf => leaf.clone(),
    }
}
