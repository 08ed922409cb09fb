//! Steps that change what was defined.

use jiff::civil::date;
use songhua_domain::event::{
    AgencyRegistered, AgencyRenamed, AgencySucceeded, AreaDesignated, AssignmentEnded, BaselineRestated,
    CalculationAdopted, Document, IndicatorDefined, IndicatorRedefined, IndicatorRetired, Name, PlanClosedOut,
    PlanRevised, ProjectRegistered, Schedule, Scope, TargetDecomposed, TargetRevised, TaskShare,
};
use songhua_domain::quantity::Decimal;
use songhua_domain::score::DatedValue;
use songhua_domain::vocabulary::{Accumulation, AreaKind, AssignmentRole, Frequency};

use super::super::plan::{
    BUREAU, CITY, INTENSITY, OFFICE, OUTPUT, area_designated, id, indicator_defined, name, project,
};
use super::{Writer, day};

impl Writer {
    pub(super) fn revise_plan(&mut self, which: u16, much: u16) {
        let reason = "mid-term review".to_owned();
        match which % 6 {
            0 => {
                let document = Document {
                    id: id(&format!("edition-{much}")),
                    title: "修订版".to_owned(),
                    sha256: None,
                    notes: Vec::new(),
                };
                let title = if which.is_multiple_of(4) { name("新规划") } else { Name::default() };
                let end = (!which.is_multiple_of(3)).then(|| date(2027, 6, 30));
                let changes = "one more year".to_owned();
                self.history.push(PlanRevised { documents: vec![document], title, end, changes, reason });
            }
            1 => {
                self.history.push(CalculationAdopted { calc_version: u32::from(much % 2) + 1, reason });
            }
            2 => {
                self.history.push(PlanClosedOut { as_of: date(2027, 4, 30), finding: "done".to_owned() });
            }
            3 => {
                let schedule = Schedule { frequency: Frequency::Month, release_lag_days: 5, grace_days: 1 };
                self.history.push(IndicatorRedefined {
                    indicator: id(OUTPUT),
                    name: name(if which.is_multiple_of(4) { "output" } else { "gross output" }),
                    aliases: vec!["GO".to_owned()],
                    method_note: "new census".to_owned(),
                    schedule: much.is_multiple_of(2).then_some(schedule),
                    break_from: much.is_multiple_of(3).then(|| day(much % 900)),
                    reason,
                });
            }
            4 => {
                let (indicator, retired_from) = (id(INTENSITY), day(much % 1_500));
                self.history.push(IndicatorRetired { indicator, retired_from, reason });
            }
            _ => self.extend(which),
        }
    }

    /// More of what a plan is made of.
    fn extend(&mut self, which: u16) {
        let text = format!("late-{}", self.history.head());
        match which % 4 {
            0 => {
                let area: AreaDesignated = area_designated(&text, AreaKind::Circle, None, 9);
                self.history.push(area);
            }
            1 => {
                let indicator: IndicatorDefined = indicator_defined(&text, Accumulation::Cumulative, None);
                self.history.push(indicator);
            }
            2 => {
                let project: ProjectRegistered = project(&text);
                self.history.push(project);
            }
            _ => {
                let (agency, uscc) = (id(&text), String::new());
                self.history.push(AgencyRegistered { agency, name: name(&text), uscc });
            }
        }
    }

    pub(super) fn revise_target(&mut self, which: u16, much: u16) {
        let (area, indicator) = (id(CITY), id(if which.is_multiple_of(2) { OUTPUT } else { INTENSITY }));
        let (value, reason) = (Decimal::new(i64::from(much), 2), "resolution 7".to_owned());
        match which % 3 {
            0 => self.history.push(TargetRevised {
                area,
                indicator,
                value: Some(value),
                max: None,
                tolerance: None,
                required_step: None,
                due_as_written: "到2027年".to_owned(),
                effective_deadline: date(2026, 6, 30),
                source: None,
                reason,
            }),
            1 => {
                let baseline = DatedValue { date: date(2021, 12, 31), value };
                self.history.push(BaselineRestated { area, indicator, baseline, reason })
            }
            _ => {
                let (dimension, due_date) = ("district=songbei".to_owned(), date(2025, 12, 31));
                let tasks = vec![TaskShare { agency: id(BUREAU), dimension, due_date, value }];
                self.history.push(TargetDecomposed { area, indicator, tasks, note: "by district".to_owned() })
            }
        };
    }

    pub(super) fn revise_agency(&mut self, which: u16) {
        let reason = "reform".to_owned();
        match which % 3 {
            0 => {
                let uscc = if which.is_multiple_of(2) { "91230100MA18XXXX0X".to_owned() } else { String::new() };
                let name = name(&format!("bureau {which}"));
                self.history.push(AgencyRenamed { agency: id(BUREAU), name, uscc, reason })
            }
            1 => {
                let (role, scope) = (AssignmentRole::Lead, Scope::Target(id(CITY), id(INTENSITY)));
                self.history.push(AssignmentEnded { agency: id(BUREAU), role, scope, reason })
            }
            _ => self.history.push(AgencySucceeded { agency: id(BUREAU), successor: id(OFFICE), reason }),
        };
    }
}
