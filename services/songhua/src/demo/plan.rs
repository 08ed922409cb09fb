//! The demo plan's definitions: Harbin's plan, embedded, under another id and title, with simulated agencies.

use std::io;

use serde_json::{Value, json};
use songhua_catalog::Catalog;

use super::scenario::Fault;

/// Id of the demo plan.
pub(super) const PLAN: &str = "demo-harbin-2022-2026";

/// Files of the plan, by name.
const FILES: [(&str, &str); 7] = [
    ("source.txt", include_str!("../../../../seeds/harbin-2022-2026/source.txt")),
    ("plan.json", include_str!("../../../../seeds/harbin-2022-2026/plan.json")),
    ("areas.json", include_str!("../../../../seeds/harbin-2022-2026/areas.json")),
    ("indicators.json", include_str!("../../../../seeds/harbin-2022-2026/indicators.json")),
    ("targets.json", include_str!("../../../../seeds/harbin-2022-2026/targets.json")),
    ("projects.json", include_str!("../../../../seeds/harbin-2022-2026/projects.json")),
    ("agencies.json", include_str!("../../../../seeds/demo/agencies.json")),
];

/// Reads the demo plan.
pub(super) fn read() -> Result<Catalog, Fault> {
    songhua_catalog::read_files(&file).map_err(|faults| Fault(faults.to_string()))
}

fn file(name: &str) -> io::Result<Vec<u8>> {
    let found = FILES.iter().find(|(known, _)| *known == name);
    let (_, text) = found.ok_or(io::ErrorKind::NotFound)?;
    if name == "plan.json" { simulated(text) } else { Ok(text.as_bytes().to_vec()) }
}

/// Nobody who sees the plan may take it for the real one.
fn simulated(text: &str) -> io::Result<Vec<u8>> {
    let mut plan: Value = serde_json::from_str(text)?;
    plan["plan"] = json!(PLAN);
    for (language, mark) in [("zh", "【模拟数据】"), ("en", "[Simulated data] ")] {
        let title = plan["title"][language].as_str().unwrap_or_default().to_owned();
        plan["title"][language] = json!(format!("{mark}{title}"));
    }
    if let Some(notes) = plan["notes"].as_array_mut() {
        notes.push(json!({
            "zh": "模拟数据：单位、数值、节点和日期都是为演示编写的，不反映任何实际情况",
            "en": "Simulated data: agencies, figures, milestones and dates were written for this demo and say nothing about the real city"
        }));
    }
    Ok(serde_json::to_vec(&plan)?)
}
