//! Rows of figures: new, changed against the live figure, unchanged, or nothing to report.
//!
//! Place in the flow: a row and what is known → an entry. It must not know: what the server will say of it.

use jiff::civil::Date;
use songhua_domain::quantity::{Decimal, parse_decimal};
use songhua_domain::vocabulary::{Basis, ObsStatus};
use songhua_wire::code::Code;
use songhua_wire::pb;
use songhua_wire::pb::event_input::Payload;
use songhua_wire::pb::figure::Kind;
use songhua_wire::time::date_to_pb;

use super::book::{Book, Indicator, Known, Slot, zh};
use super::cells::Cells;
use super::column::Column;
use super::entry::{Entry, Standing};
use super::fault::{Fault, Words, words};
use super::number::number;
use super::period::{Named, named, reference};
use super::sheet::Line;
use super::text::fold;
use super::word::{State, basis, basis_word, state, state_word};
use crate::cli::push_id::derived_id;

/// The dimension that stands for the whole.
const TOTAL: &str = "_T";

/// A row of a figure, read.
pub(super) struct Report<'a> {
    pub(super) line: &'a Line,
    area: &'a pb::Circle,
    indicator: &'a Indicator,
    dimension: String,
    /// The days as they are written.
    days: Named,
    /// None with `State::Nothing`, which takes the days as they are named.
    basis: Option<Basis>,
    period: pb::ReferencePeriod,
    figure: Option<pb::Figure>,
    /// None = nothing is said.
    status: Option<ObsStatus>,
}

/// Area, indicator and days of a headline figure; without a first day for a level, which is of its last day.
pub(super) type Told = (String, String, Option<Date>, Date);

/// Whether a row was left empty, as in a template.
pub(super) fn is_blank(line: &Line) -> bool {
    [Column::Value, Column::ObsStatus, Column::Numerator, Column::Denominator]
        .iter()
        .all(|column| line.cell(*column).is_empty())
}

/// Reads a row.
pub(super) fn read<'a>(line: &'a Line, book: &'a Book) -> Result<Report<'a>, Vec<Fault>> {
    let mut cells = Cells::of(line);
    let area = cells.required(Column::Area, |text| book.area(text));
    let area_id = area.map(|area| super::book::last(&area.name));
    let indicator = cells.required(Column::Indicator, |text| book.indicator(text, area_id));
    let said = cells.optional(Column::ObsStatus, state);
    let days = cells.required(Column::Period, named);
    let dimension = fold(cells.text(Column::Dimension));
    let dimension = if dimension.is_empty() { TOTAL.to_owned() } else { dimension };
    let read = match (said, indicator) {
        (Some(Some(State::Nothing)), _) => nothing(&mut cells, &dimension, days),
        (_, Some(indicator)) => measured(&mut cells, book, indicator, days),
        _ => None,
    };
    let status = match said {
        Some(Some(State::Of(status))) => Some(status),
        _ => None,
    };
    match (area, indicator, days, read) {
        (Some(area), Some(indicator), Some(days), Some((basis, period, figure))) if cells.faults.is_empty() => {
            Ok(Report { line, area, indicator, dimension, days, basis, period, figure, status })
        }
        _ => Err(cells.faults),
    }
}

type Read = (Option<Basis>, pb::ReferencePeriod, Option<pb::Figure>);

/// 无变化: no number, no dimension.
fn nothing(cells: &mut Cells<'_>, dimension: &str, days: Option<Named>) -> Option<Read> {
    for column in [Column::Value, Column::Numerator, Column::Denominator] {
        let text = cells.text(column);
        if !text.is_empty() {
            let said = words("状态为“无变化”时须留空", "must be empty where obs_status is nothing (无变化)");
            cells.keep::<()>(column, Err(said));
        }
    }
    if dimension != TOTAL {
        let said = words("“无变化”不分维度，须留空", "must be empty: nothing to report is said of the whole");
        cells.keep::<()>(Column::Dimension, Err(said));
    }
    let Named { start, end, .. } = days?;
    Some((None, pb::ReferencePeriod { start: Some(date_to_pb(start)), end: Some(date_to_pb(end)) }, None))
}

fn measured(cells: &mut Cells<'_>, book: &Book, indicator: &Indicator, days: Option<Named>) -> Option<Read> {
    let basis = cells.keep(Column::Basis, basis(cells.line.cell(Column::Basis), &indicator.bases()));
    let period = match (basis, days) {
        (Some(basis), Some(days)) => {
            cells.keep(Column::Period, reference(days, basis, indicator.accumulation, book.start))
        }
        _ => None,
    };
    let figure = figure(cells, indicator);
    Some((Some(basis?), period?, Some(figure?)))
}

/// The number in the indicator's unit, or its two parts.
fn figure(cells: &mut Cells<'_>, indicator: &Indicator) -> Option<pb::Figure> {
    let unit = indicator.unit();
    let power = cells.keep(Column::Unit, unit.power(cells.line.cell(Column::Unit)));
    let filled = |column: Column| !cells.text(column).is_empty();
    let (part, whole) = (filled(Column::Numerator), filled(Column::Denominator));
    if !part && !whole {
        let read = cells.required(Column::Value, number)?;
        let power = power?;
        if read.percent && (unit.code != "%" || power != 0) {
            let label = unit.label;
            let said = words(
                format!("含百分号，与单位不符（指标单位为“{label}”）"),
                format!("has a percent sign, which is not its unit (the indicator is in {label})"),
            );
            return cells.keep(Column::Value, Err(said));
        }
        let value = cells.keep(Column::Value, unit.convert(read.value, power))?;
        return Some(pb::Figure { kind: Some(Kind::Value(value.to_string())) });
    }
    if filled(Column::Value) {
        let said = words("已填分子、分母，数值须留空", "must be empty where numerator and denominator are given");
        cells.keep::<()>(Column::Value, Err(said));
    }
    if power.is_some_and(|power| power != i32::try_from(unit.multiplier).unwrap_or_default()) {
        let label = unit.label;
        let said = words(
            format!("填分子、分母时单位须为“{label}”或留空"),
            format!("must be {label} or empty where numerator and denominator are given"),
        );
        cells.keep::<()>(Column::Unit, Err(said));
    }
    let plain =
        |text: &str| number(text).and_then(|read| if read.percent { Err(no_percent()) } else { Ok(read.value) });
    let numerator = cells.required(Column::Numerator, plain);
    let denominator = cells.required(Column::Denominator, plain);
    let fraction = pb::Fraction { numerator: numerator?.to_string(), denominator: denominator?.to_string() };
    Some(pb::Figure { kind: Some(Kind::Fraction(fraction)) })
}

fn no_percent() -> Words {
    words("不能含百分号", "must not have a percent sign")
}

impl Report<'_> {
    fn area_id(&self) -> &str {
        super::book::last(&self.area.name)
    }

    pub(super) fn indicator_id(&self) -> &str {
        &self.indicator.id
    }

    /// Which figure it is of; 无变化 is of no basis.
    pub(super) fn slot(&self) -> Slot {
        let basis = self.basis.map_or(0, Code::to_wire);
        Slot::new(self.area_id(), &self.indicator.id, &self.dimension, basis, Some(&self.period))
    }

    /// Whether it says 无变化.
    pub(super) const fn is_nothing(&self) -> bool {
        self.figure.is_none()
    }

    /// What it has a figure of, or says 无变化 of.
    pub(super) fn told(&self) -> Vec<Told> {
        if self.dimension != TOTAL {
            return Vec::new();
        }
        let Named { start, end, .. } = self.days;
        let level = self.is_nothing() || self.basis == Some(Basis::StockAt);
        let starts = [Some(Some(start)), level.then_some(None)];
        let told = |start| (self.area_id().to_owned(), self.indicator.id.clone(), start, end);
        starts.into_iter().flatten().map(told).collect()
    }

    fn subject(&self) -> String {
        let mut parts = vec![zh(self.area.display_name.as_ref()), self.indicator.zh()];
        if self.dimension != TOTAL {
            parts.push(&self.dimension);
        }
        parts.extend(self.basis.map(basis_word));
        format!("{} · {}", parts.join(" · "), shown_period(&self.period))
    }

    /// The entry that the row is, against what is known.
    pub(super) fn entry(&self, known: &Known, agency: &str) -> Entry {
        let (line, subject) = (self.line.number, self.subject());
        let figures = known.figures(&self.slot());
        let live = figures.iter().find(|one| one.live);
        let old = live.map_or_else(String::new, |live| {
            self.shown(live.figure.as_ref(), ObsStatus::from_wire(live.obs_status).ok(), live.verified)
        });
        let status = self.figure.as_ref().map(|_| self.obs_status(live));
        let new = self.shown(self.figure.as_ref(), status, false);
        let made = match live {
            Some(live) if self.says(live) => Ok(Entry::still(line, Standing::Unchanged, subject.clone())),
            Some(live) => self.corrected(live).map(|event| {
                let event = with_id(agency, event, |_| false);
                Entry::sent(line, Standing::Changed, subject.clone(), event)
            }),
            None => {
                let taken = |id: &str| figures.iter().any(|one| one.event_id == id);
                Ok(Entry::sent(line, Standing::New, subject.clone(), with_id(agency, self.reported(), taken)))
            }
        };
        let entry = made.unwrap_or_else(|said| {
            let fault = Fault::new(line, Some(Column::Reason), said);
            Entry::bad(line, subject, vec![fault])
        });
        Entry { old, new, ..entry }
    }

    /// Whether the live figure says the same; where the row names no status, any is.
    fn says(&self, live: &pb::Observation) -> bool {
        let same_status = self.status.is_none_or(|status| status.to_wire() == live.obs_status);
        same_status && numbers(self.figure.as_ref()) == numbers(live.figure.as_ref())
    }

    /// A status that is not said is not changed.
    fn obs_status(&self, live: Option<&pb::Observation>) -> ObsStatus {
        let kept = live.and_then(|live| ObsStatus::from_wire(live.obs_status).ok());
        self.status.or(kept).unwrap_or(ObsStatus::Unvalidated)
    }

    fn reported(&self) -> pb::EventInput {
        let (area, indicator) = (self.area_id().to_owned(), self.indicator.id.clone());
        let payload = match self.basis {
            Some(basis) => Payload::MeasurementReported(pb::MeasurementReported {
                area,
                indicator,
                dimension: self.dimension.clone(),
                basis: basis.to_wire(),
                period: Some(self.period),
                figure: self.figure.clone(),
                unit_multiplier: self.indicator.definition.unit_multiplier,
                obs_status: self.obs_status(None).to_wire(),
            }),
            None => Payload::NothingToReport(pb::NothingToReport { area, indicator, period: Some(self.period) }),
        };
        self.event(payload)
    }

    /// A correction (更正) must say what was wrong, a revision (修订) what made it better. Its id rests on the figure it
    /// replaces, which can be replaced once.
    fn corrected(&self, live: &pb::Observation) -> Result<pb::EventInput, Words> {
        let (reason, better) = (self.line.cell(Column::Reason), self.line.cell(Column::Better));
        if !reason.is_empty() && !better.is_empty() {
            return Err(words(
                "更正（原数有误）与修订（有了更好的数据）只能填一项",
                "is a correction (it was wrong) or a revision (better data came), not both",
            ));
        }
        if !better.is_empty() {
            return Ok(self.event(Payload::MeasurementRevised(pb::MeasurementRevised {
                measurement: live.event_id.clone(),
                figure: self.figure.clone(),
                obs_status: self.obs_status(Some(live)).to_wire(),
                reason: better.to_owned(),
            })));
        }
        if reason.is_empty() {
            let now = self.shown(live.figure.as_ref(), ObsStatus::from_wire(live.obs_status).ok(), live.verified);
            return Err(words(
                format!("已有有效数值 {now}，与本行不同；更正须填写更正原因，修订须填写修订原因"),
                format!("the live figure, {now}, is another one: a correction needs its reason, a revision too"),
            ));
        }
        Ok(self.event(Payload::MeasurementCorrected(pb::MeasurementCorrected {
            measurement: live.event_id.clone(),
            figure: self.figure.clone(),
            obs_status: self.obs_status(Some(live)).to_wire(),
            reason: reason.to_owned(),
        })))
    }

    fn event(&self, payload: Payload) -> pb::EventInput {
        pb::EventInput {
            comment: self.line.cell(Column::Comment).to_owned(),
            source_ref: self.line.cell(Column::SourceRef).to_owned(),
            payload: Some(payload),
            ..Default::default()
        }
    }

    fn shown(&self, figure: Option<&pb::Figure>, status: Option<ObsStatus>, verified: bool) -> String {
        let number = match figure.and_then(|figure| figure.kind.as_ref()) {
            Some(Kind::Value(value)) => format!("{value} {}", self.indicator.unit().label),
            Some(Kind::Fraction(fraction)) => format!("{}/{}", fraction.numerator, fraction.denominator),
            None => "无变化".to_owned(),
        };
        let status = status.map_or_else(String::new, |status| format!(" {}", state_word(status)));
        let verified = if verified { " 已核" } else { "" };
        format!("{number}{status}{verified}")
    }
}

/// The event with the id of the first revision that is not taken: after a retraction the same is reported anew.
fn with_id(agency: &str, event: pb::EventInput, taken: impl Fn(&str) -> bool) -> pb::EventInput {
    let id = (0..).filter_map(|revision| derived_id(agency, &event, revision)).find(|id| !taken(id));
    pb::EventInput { event_id: id.unwrap_or_default(), ..event }
}

fn numbers(figure: Option<&pb::Figure>) -> Option<(Decimal, Option<Decimal>)> {
    match figure?.kind.as_ref()? {
        Kind::Value(value) => Some((parse_decimal(value).ok()?, None)),
        Kind::Fraction(fraction) => {
            Some((parse_decimal(&fraction.numerator).ok()?, Some(parse_decimal(&fraction.denominator).ok()?)))
        }
    }
}

fn shown_period(period: &pb::ReferencePeriod) -> String {
    let day = |day: songhua_wire::google::type_::Date| format!("{:04}-{:02}-{:02}", day.year, day.month, day.day);
    let end = period.end.map(day).unwrap_or_default();
    period.start.map_or_else(|| end.clone(), |start| format!("{}..{end}", day(start)))
}
