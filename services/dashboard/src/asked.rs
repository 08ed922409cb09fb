//! What was asked for: the plan, the day, the knowledge, the order of the languages; links of the page keep it.
//!
//! Place in the flow: whoever serves the page reads it from a query; every link is made of it. It must not know whether
//! the plan exists.

use maud::{Markup, html};
use songhua_wire::pb;

/// The language that stands first; the other one always stands beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lang {
    /// 中文 first.
    #[default]
    Zh,
    /// English first.
    En,
}

/// What was asked for; values are as a query says them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asked {
    /// Id of the plan; none = the only one there is.
    pub plan: Option<String>,
    /// The day, `YYYY-MM-DD`; none = today.
    pub valid_date: Option<String>,
    /// The last position that is known; none = all.
    pub known_position: Option<u64>,
    /// The time of knowledge, RFC 3339; none = now.
    pub known_time: Option<String>,
    /// The language that stands first.
    pub lang: Lang,
}

impl Asked {
    /// The parameters that are set, by name.
    pub(crate) fn parameters(&self) -> Vec<(&'static str, String)> {
        let lang = (self.lang != Lang::default()).then(|| self.lang.code().to_owned());
        let all = [
            ("plan", self.plan.clone()),
            ("valid_date", self.valid_date.clone()),
            ("known_position", self.known_position.map(|position| position.to_string())),
            ("known_time", self.known_time.clone()),
            ("lang", lang),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// A link to the page that was asked for.
    pub(crate) fn link(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.parameters());
        let query = query.finish();
        if query.is_empty() { "/".to_owned() } else { format!("/?{query}") }
    }
}

impl Lang {
    /// As a query says it.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Zh => "zh",
            Self::En => "en",
        }
    }

    /// The `lang` of the page.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::Zh => "zh-CN",
            Self::En => "en",
        }
    }

    /// The two, in order.
    pub(crate) const fn sort<T>(self, zh: T, en: T) -> ((Self, T), (Self, T))
    where
        T: Copy,
    {
        match self {
            Self::Zh => ((Self::Zh, zh), (Self::En, en)),
            Self::En => ((Self::En, en), (Self::Zh, zh)),
        }
    }

    /// Words in both languages, each marked as what it is; once where they are the same.
    pub(crate) fn both(self, zh: &str, en: &str) -> Markup {
        let ((first_lang, first), (second_lang, second)) = self.sort(zh, en);
        html! {
            @if first == second || second.is_empty() {
                span.l1 lang=(first_lang.tag()) { (first) }
            } @else if first.is_empty() {
                span.l1 lang=(second_lang.tag()) { (second) }
            } @else {
                span.l1 lang=(first_lang.tag()) { (first) } " " span.l2 lang=(second_lang.tag()) { (second) }
            }
        }
    }

    /// A name in both languages.
    pub(crate) fn name(self, name: Option<&pb::Name>) -> Markup {
        name.map_or_else(|| html! {}, |name| self.both(&name.zh, &name.en))
    }

    /// A name in the language that stands first, if it has one.
    pub(crate) fn one(self, name: Option<&pb::Name>) -> &str {
        let Some(name) = name else { return "" };
        let ((_, first), (_, second)) = self.sort(name.zh.as_str(), name.en.as_str());
        if first.is_empty() { second } else { first }
    }
}
