//! Texts of events, which are plain, from texts of the folder, which are in two languages.
//!
//! Place in the flow: used wherever a record becomes an event. It must not know: events.

use songhua_domain::event::Name;

use crate::format::Area;

/// Chinese, then English: `全县 / the county`.
pub(super) fn bilingual(text: &Name) -> String {
    match text.en.as_str() {
        "" => text.zh.clone(),
        en => format!("{} / {en}", text.zh),
    }
}

/// Each of `texts` in both languages.
pub(super) fn bilinguals(texts: &[Name]) -> Vec<String> {
    texts.iter().map(bilingual).collect()
}

/// `notes`, and a last one that marks the fields an editor read, for events that have no field for that.
pub(super) fn marked(notes: &[Name], interpreted: &[String]) -> Vec<String> {
    bilinguals(notes).into_iter().chain(readings(interpreted)).collect()
}

/// The mark itself, if anything was read.
pub(super) fn readings(interpreted: &[String]) -> Option<String> {
    (!interpreted.is_empty()).then(|| format!("解读 / interpreted: {}", interpreted.join(", ")))
}

/// Short and nick names: the Chinese ones first, each once.
pub(super) fn area_aliases(area: &Area) -> Vec<String> {
    let nickname = |language: fn(&Name) -> &String| area.nickname.as_ref().map(language);
    let names = [Some(&area.short_name.zh), nickname(|name| &name.zh)].into_iter().flatten();
    let english = [Some(&area.short_name.en), nickname(|name| &name.en)].into_iter().flatten();
    let mut aliases: Vec<String> = Vec::new();
    for alias in names.chain(&area.aliases).chain(english) {
        if ![&area.name.zh, &area.name.en].contains(&alias) && !aliases.contains(alias) {
            aliases.push(alias.clone());
        }
    }
    aliases
}
