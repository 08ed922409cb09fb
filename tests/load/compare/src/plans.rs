//! Many plans on one node, all written to, against one plan with as many clients.

use std::fs;
use std::path::Path;

use songhua_tests::load::Figures;
use songhua_tests::{ServeOptions, repository};

use crate::Settings;
use crate::appends::rest;
use crate::drive::{Load, Run};
use crate::ours::Ours;
use crate::process;
use crate::table::{Side, add, heading, print, ratios};

const SEEDS: &str = "seeds/harbin-2022-2026";
const ID: &str = "harbin-2022-2026";

/// Both in turn.
pub(crate) async fn run(settings: &Settings, figures: &mut Figures) {
    let folders = tempfile::tempdir().expect("a temporary directory");
    let ids: Vec<String> = (1..=settings.plans).map(|number| format!("{ID}-{number}")).collect();
    let plans = ids.iter().map(|id| copy(folders.path(), id)).collect();
    let one = Ours::start(ServeOptions::default()).await;
    let many = Ours::start_with(ServeOptions { plans, ..Default::default() }, &ids, None).await;
    let idle = process::memory_mb(many.sandbox.pid()).0;
    heading();
    let clients = settings.plans * 2;
    let unary = Load { name: "plans_50_ratio", clients, connections: 4, batch: 1, stream: false, most: 120_000 };
    let batch = Load { name: "plans_50_batch_ratio", batch: 100, most: 800_000, ..unary };
    for load in [unary, batch] {
        let mut sides = [Side::new("many plans"), Side::new("one plan")];
        for _ in 0..settings.pairs {
            for (side, server) in sides.iter_mut().zip([&many, &one]) {
                rest().await;
                side.runs.push(server.run(&load, settings.duration).await);
            }
        }
        print(&format!("{} plans: {}", settings.plans, load.shape()), &sides);
        add(figures, load.name, ratios(&sides[0], &sides[1], Run::rate));
    }
    let (now, most) = process::memory_mb(many.sandbox.pid());
    let single = process::memory_mb(one.sandbox.pid()).0;
    println!("memory: {idle} MB before, {now} MB after, at most {most} MB; with one plan {single} MB");
    figures.add("plans_50_rss_mb", now, "MB");
}

/// The plan under another id.
fn copy(folders: &Path, id: &str) -> String {
    let folder = folders.join(id);
    fs::create_dir(&folder).expect("a folder");
    for entry in fs::read_dir(repository().join(SEEDS)).expect("the plan is there") {
        let file = entry.expect("an entry").path();
        let name = file.file_name().expect("a name");
        let text = fs::read_to_string(&file).expect("the plan can be read");
        let text = if name == "plan.json" { text.replace(&format!("\"{ID}\""), &format!("\"{id}\"")) } else { text };
        fs::write(folder.join(name), text).expect("the plan is written");
    }
    folder.display().to_string()
}
