//! temporary
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "temporary")]
use songhua_dashboard::*;
use songhua_wire::pb;
fn read<T: serde::de::DeserializeOwned>(n: &str) -> T { serde_json::from_str(&std::fs::read_to_string(format!("/tmp/h8/{n}.json")).unwrap()).unwrap() }
fn main() {
    let mut overview: pb::GetOverviewResponse = read("ov");
    let mut ind: pb::ListIndicatorsResponse = read("ind");
    let circ: pb::ListCirclesResponse = read("circ");
    let plan: pb::GetPlanResponse = read("plan");
    for i in &mut ind.indicators { for t in &mut i.targets { if t.operator() == pb::Operator::Qualitative { t.steps = vec!["跟跑".into(), "并跑".into(), "国内领先".into(), "国际领先".into()]; } } }
    for (n, t) in overview.attention.iter_mut().enumerate() { if n % 4 == 0 { t.last_note = Some(pb::ProgressNote { as_of_date: t.scored_date, progress: "年内已完成 12 家企业股改".into(), problems: "两家企业上市审核放缓".into(), next_steps: "十二月逐户走访，协调券商进场".into(), ..Default::default() }); } }
    let circles: Vec<_> = circ.circles.iter().filter(|c| !c.targets.is_empty()).collect();
    let matrix = pb::GetMatrixResponse {
        areas: circles.iter().map(|c| pb::AreaSummary { name: c.name.clone(), display_name: c.display_name.clone(), target_count: 7, ..Default::default() }).collect(),
        rows: (0..7).map(|r| { let t0 = &circles[0].targets[r]; pb::MatrixRow { indicator: t0.indicator.clone(), indicator_name: t0.indicator_name.clone(), unit_label: t0.unit_label.clone(), cells: circles.iter().map(|c| { let t = &c.targets[r]; pb::MatrixCell { area: t.area.clone(), target: t.name.clone(), status: t.status, light: t.light, status_label: t.status_label.clone(), actual: t.actual.clone(), value: t.value.clone(), target_rate: t.target_rate.clone(), deviation: t.deviation.clone(), age_days: t.age_days, verified: false } }).collect() } }).collect(),
        state: overview.state.clone(),
    };
    let asked = Asked::default();
    let html = render(&Sheet { asked: &asked, plan: plan.plan.as_ref().unwrap(), overview: &overview, matrix: &matrix, indicators: &ind.indicators }, false);
    std::fs::write("/tmp/h8/sheet.html", html).unwrap();
}
