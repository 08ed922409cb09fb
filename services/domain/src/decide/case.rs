//! What every rule sees of the question, and the checks that many rules share.
//!
//! Place in the flow: built by `decide` and `authorise`, passed to the rules of each event family. It must not know:
//! the rules of any one event.

use jiff::civil::Date;
use uuid::Uuid;

use super::rejection::{refuse_if, reject};
use super::{Moment, Refs, Rejection};
use crate::event::{Actor, Event, EventInput, IndicatorDefined, Name, PlanDefined, SourceSpan, TEXT_LENGTH_MAX};
use crate::id::{AreaId, IndicatorId, ProjectId};
use crate::state::{Area, PlanState, Project, Target};

/// The question: may this event enter the log now?
#[derive(Clone, Copy)]
pub(super) struct Case<'a> {
    pub(super) state: &'a PlanState,
    pub(super) refs: &'a Refs,
    pub(super) actor: &'a Actor,
    pub(super) moment: &'a Moment,
    pub(super) input: &'a EventInput,
}

/// The day that an event speaks of, and the field that says it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spoken {
    pub(super) date: Date,
    pub(super) field: &'static str,
}

/// Path of `field` within the payload of `input`, as the proto names it.
pub(crate) fn path(input: &EventInput, field: &str) -> String {
    let mut path = String::new();
    for letter in input.payload.type_name().chars() {
        if letter.is_ascii_uppercase() && !path.is_empty() {
            path.push('_');
        }
        path.push(letter.to_ascii_lowercase());
    }
    if !field.is_empty() {
        path.push('.');
        path.push_str(field);
    }
    path
}

impl<'a> Case<'a> {
    pub(super) fn path(&self, field: &str) -> String {
        path(self.input, field)
    }

    /// The plan. Phases were checked before: without a plan there is nothing but `PlanDefined`.
    pub(super) fn plan(&self) -> Result<&'a PlanDefined, Rejection> {
        self.state.plan().ok_or_else(|| {
            reject!(
                PlanNotPublished,
                self.path(""),
                "the plan is not defined yet; send PlanDefined first",
                "规划尚未定义；请先提交 PlanDefined",
            )
        })
    }

    pub(super) fn area(&self, field: &str, id: &AreaId) -> Result<&'a Area, Rejection> {
        self.state.area(id).ok_or_else(|| self.unknown(field, "area", "区域", id.as_str()))
    }

    pub(super) fn indicator(&self, field: &str, id: &IndicatorId) -> Result<&'a IndicatorDefined, Rejection> {
        let found = self.state.indicator(id).map(AsRef::as_ref);
        found.ok_or_else(|| self.unknown(field, "indicator", "指标", id.as_str()))
    }

    pub(super) fn target(&self, area: &AreaId, indicator: &IndicatorId) -> Result<&'a Target, Rejection> {
        self.area("area", area)?;
        self.indicator("indicator", indicator)?;
        self.state.target(area, indicator).ok_or_else(|| {
            reject!(
                UnknownResource,
                self.path("indicator"),
                "indicator {indicator} has no target in area {area}; ListIndicators names the areas that have one",
                "指标 {indicator} 在区域 {area} 没有目标；有目标的区域见 ListIndicators",
            )
        })
    }

    pub(super) fn project(&self, field: &str, id: &ProjectId) -> Result<&'a Project, Rejection> {
        self.state.project(id).ok_or_else(|| self.unknown(field, "project", "项目", id.as_str()))
    }

    /// The earlier event that the payload names.
    pub(super) fn named(&self, field: &str, id: &Uuid) -> Result<&'a Event, Rejection> {
        self.refs.get(id).ok_or_else(|| self.unknown(field, "event", "事件", &id.to_string()))
    }

    pub(super) fn unknown(&self, field: &str, kind: &str, kind_zh: &str, id: &str) -> Rejection {
        reject!(
            UnknownResource,
            self.path(field),
            "{kind} {id} is not in this plan; use a name that the plan lists",
            "本规划中没有{kind_zh} {id}；请使用规划中列出的名称",
        )
    }

    pub(super) fn already(&self, field: &str, kind: &str, kind_zh: &str, id: &str) -> Rejection {
        reject!(
            AlreadyDefined,
            self.path(field),
            "{kind} {id} is already defined; choose another id or leave it as it is",
            "{kind_zh} {id} 已定义；请改用其他标识，或保持原样",
        )
    }

    /// A text that must be there and not be too long.
    pub(super) fn required(&self, field: &str, text: &str) -> Result<(), Rejection> {
        refuse_if!(
            text.trim().is_empty(),
            InvalidField,
            self.path(field),
            "is empty; say it in words",
            "为空；请用文字说明",
        );
        bounded(&self.path(field), text, TEXT_LENGTH_MAX)
    }

    /// A display name: the Chinese one is required.
    pub(super) fn name(&self, field: &str, name: &Name) -> Result<(), Rejection> {
        self.required(&format!("{field}.zh"), &name.zh)?;
        bounded(&self.path(&format!("{field}.en")), &name.en, TEXT_LENGTH_MAX)
    }

    /// A quotation: from an edition of `plan`, with lines in order.
    pub(super) fn span(&self, field: &str, plan: &PlanDefined, span: Option<&SourceSpan>) -> Result<(), Rejection> {
        let Some(span) = span else { return Ok(()) };
        let known = plan.documents.iter().any(|document| document.id == span.document);
        if !known {
            return Err(self.unknown(&format!("{field}.document"), "document", "文件版本", span.document.as_str()));
        }
        let (first, last) = (span.line_first, span.line_last);
        refuse_if!(
            first == 0 || first > last,
            InvalidField,
            self.path(&format!("{field}.line_first")),
            "lines {first} to {last} are not a range; lines count from 1",
            "行号 {first} 至 {last} 不成区间；行号从 1 起",
        );
        Ok(())
    }
}

/// A text of at most `limit` characters; `path` is the whole path.
pub(super) fn bounded(path: &str, text: &str, limit: usize) -> Result<(), Rejection> {
    // Bytes first: counting characters is for the rare long text only.
    let length = if text.len() <= limit { 0 } else { text.chars().count() };
    refuse_if!(
        length > limit,
        InvalidField,
        path,
        "has {length} characters; at most {limit}",
        "有 {length} 个字符；最多 {limit} 个",
    );
    Ok(())
}
