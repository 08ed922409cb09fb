//! How and where an answer is shown: `--format`, `--out`, `--sheet`.
//!
//! Place in the flow: read before anything is asked, so that flags without effect are refused at once; behind the answer
//! it writes the board. It must not know: which board it is.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::cli::board::Board;
use crate::cli::{Failure, output};

/// How an answer is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For a terminal / 终端表格
    Table,
    /// The answer's proto3-JSON / JSON
    Json,
    /// One table, for Excel and statistics tools / 一张表
    Csv,
    /// A workbook with every table / 工作簿
    Xlsx,
}

/// How and where an answer is shown.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Show {
    format: Format,
    out: Option<PathBuf>,
    sheet: Option<String>,
}

impl Show {
    /// What the flags say together.
    ///
    /// # Errors
    /// [`Failure::Usage`] where one contradicts another or would have no effect.
    pub(super) fn of(
        asked: Option<Format>,
        json: bool,
        out: Option<PathBuf>,
        sheet: Option<String>,
    ) -> Result<Self, Failure> {
        if json && asked.is_some_and(|asked| asked != Format::Json) {
            return Err(usage(
                "--json is --format json: give one of them",
                "--json 即 --format json，与 --format 只能用一个",
            ));
        }
        let asked = if json { Some(Format::Json) } else { asked };
        let format = match (asked, out.as_deref().map(|out| (out, ending(out)))) {
            (Some(asked), Some((out, Some(ending)))) if asked != ending => {
                return Err(usage(
                    &format!("{} is not named as what --format asks for", out.display()),
                    "文件名后缀与输出格式不一致",
                ));
            }
            (Some(asked), _) => asked,
            (None, Some((_, Some(ending)))) => ending,
            (None, Some((out, None))) => {
                return Err(usage(
                    &format!("{}: name it .csv, .xlsx, .json or .txt, or give --format", out.display()),
                    "请以 .csv、.xlsx、.json 或 .txt 结尾，或用 --format 指定格式",
                ));
            }
            (None, None) => Format::Table,
        };
        if format == Format::Xlsx && out.is_none() {
            return Err(usage("a workbook needs --out FILE.xlsx", "工作簿须用 --out 指定文件"));
        }
        if sheet.is_some() && format != Format::Csv {
            return Err(usage(
                "--sheet goes with csv only: a terminal, JSON and a workbook get every table",
                "--sheet 仅用于 csv；终端、JSON 和工作簿包含全部表",
            ));
        }
        Ok(Self { format, out, sheet })
    }

    /// The answer as bytes in a file, or printed where there is none.
    pub(super) fn answer(&self, answer: &impl serde::Serialize, board: impl FnOnce() -> Board) -> Result<(), Failure> {
        let Some(out) = &self.out else {
            return match self.format {
                Format::Json => output::json(answer),
                Format::Csv => output::bytes(&board().csv(self.sheet.as_deref())?),
                Format::Table | Format::Xlsx => output::text(&board().text()),
            };
        };
        let bytes = match self.format {
            Format::Table => format!("{}\n", board().text()).into_bytes(),
            Format::Json => serde_json::to_vec_pretty(answer).map_err(Failure::failed)?,
            Format::Csv => board().csv(self.sheet.as_deref())?,
            Format::Xlsx => board().xlsx()?,
        };
        let failed = |error| Failure::Failed(format!("{}: {error} / 无法写入文件", out.display()));
        std::fs::write(out, &bytes).map_err(failed)?;
        eprintln!("{} ({} bytes) / 已写入", out.display(), bytes.len());
        Ok(())
    }
}

fn usage(en: &str, zh: &str) -> Failure {
    Failure::Usage(format!("{en} / {zh}"))
}

/// The format that a file's name tells.
fn ending(file: &Path) -> Option<Format> {
    match file.extension().and_then(OsStr::to_str)?.to_ascii_lowercase().as_str() {
        "json" => Some(Format::Json),
        "csv" => Some(Format::Csv),
        "xlsx" => Some(Format::Xlsx),
        "txt" => Some(Format::Table),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(asked: Option<Format>, json: bool, out: &str, sheet: &str) -> Result<Format, String> {
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        match Show::of(asked, json, given(out).map(PathBuf::from), given(sheet)) {
            Ok(show) => Ok(show.format),
            Err(Failure::Usage(said)) => Err(said),
            Err(other) => panic!("not a usage error: {other}"),
        }
    }

    #[test]
    fn the_format_is_what_is_asked_for_else_what_the_file_is_named() {
        for (asked, json, out, sheet, format) in [
            (None, false, "", "", Format::Table),
            (None, true, "", "", Format::Json),
            (Some(Format::Json), true, "a.JSON", "", Format::Json),
            (None, false, "a.CSV", "figures", Format::Csv),
            (None, false, "a.xlsx", "", Format::Xlsx),
            (None, false, "a.txt", "", Format::Table),
            (Some(Format::Csv), false, "/dev/stdout", "years", Format::Csv),
        ] {
            assert_eq!(of(asked, json, out, sheet), Ok(format), "{asked:?} {json} {out} {sheet}");
        }
    }

    #[test]
    fn flags_that_contradict_each_other_or_have_no_effect_are_refused_with_what_to_do() {
        for (asked, json, out, sheet, words) in [
            (Some(Format::Csv), true, "", "", "--json"),
            (Some(Format::Csv), false, "a.xlsx", "", "a.xlsx"),
            (None, true, "a.csv", "", "a.csv"),
            (None, false, "a.xls", "", ".xlsx"),
            (None, false, "board", "", "--format"),
            (Some(Format::Xlsx), false, "", "", "--out"),
            (None, false, "", "figures", "csv only"),
            (None, false, "a.xlsx", "figures", "csv only"),
            (None, true, "", "figures", "csv only"),
        ] {
            let said = of(asked, json, out, sheet).unwrap_err();
            assert!(said.contains(words) && !said.is_ascii(), "{asked:?} {json} {out} {sheet}: {said}");
        }
    }
}
