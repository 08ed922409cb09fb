//! Values that are plausible, values that are hostile, and how they are written.

use songhua_tests::{PLAN, Random, days_ago};
use uuid::Uuid;

/// Texts that were trouble somewhere.
const TEXTS: [&str; 48] = [
    "",
    " ",
    "\0",
    "a\0b",
    "\u{1}\u{2}\u{1b}[31m",
    "\u{7f}",
    "\u{80}\u{9f}",
    "\u{202e}drowssap",
    "\u{2066}x\u{2069}",
    "\u{200b}",
    "\u{feff}city",
    "e\u{301}",
    "\u{1f4a5}",
    "\u{10ffff}",
    "\u{fffe}",
    "ﾊ",
    "\r\n",
    "\t17",
    "17 ",
    "１７",
    "٣",
    "一百",
    "NaN",
    "nan",
    "inf",
    "-inf",
    "Infinity",
    "+17",
    "-0",
    "-17",
    "1.",
    ".5",
    "1e400",
    "1E-400",
    "0x11",
    "1_000",
    "1,000",
    "17%",
    "0000-00-00",
    "9999-12-31",
    "2025-02-29",
    "../../etc/passwd",
    "plans/",
    "plans/x/y",
    "'; DROP TABLE events;--",
    "%s%n%x",
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
];

/// Writes a number in base 128.
pub(crate) fn varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

/// Writes a number as a field.
pub(crate) fn tagged(to: &mut Vec<u8>, number: i32, value: u64) {
    varint(to, (number as u64) << 3);
    varint(to, value);
}

/// Writes bytes as a field.
pub(crate) fn delimited(to: &mut Vec<u8>, number: i32, bytes: &[u8]) {
    varint(to, (number as u64) << 3 | 2);
    varint(to, bytes.len() as u64);
    to.extend_from_slice(bytes);
}

/// A field in itself, so many times.
pub(crate) fn nested(to: &mut Vec<u8>, number: i32, depth: u64) {
    let mut inside = Vec::new();
    for _ in 0..depth {
        let mut around = Vec::new();
        delimited(&mut around, number, &inside);
        inside = around;
    }
    to.extend(inside);
}

/// Fields that the contract does not have, some of them groups.
pub(crate) fn unknown_fields(random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..=random.below(4) {
        let number = (200 + random.below(1 << 20)) as i32;
        match random.below(4) {
            0 => tagged(&mut bytes, number, random.any()),
            1 => delimited(&mut bytes, number, &noise(random)),
            2 => {
                varint(&mut bytes, (number as u64) << 3 | 3);
                tagged(&mut bytes, 1, 7);
                varint(&mut bytes, ((number as u64) << 3 | 3) + u64::from(random.percent(80)));
            }
            _ => varint(&mut bytes, (number as u64) << 3 | 1),
        }
    }
    bytes
}

/// Bytes without meaning, sometimes many.
pub(crate) fn noise(random: &mut Random) -> Vec<u8> {
    let length = if random.percent(1) { random.below(70_000) } else { random.below(40) };
    (0..length).map(|_| random.any() as u8).collect()
}

/// A number at a limit, or any.
pub(crate) fn hostile_number(random: &mut Random) -> u64 {
    let near = |value: u64, random: &mut Random| value.wrapping_add(random.below(3)).wrapping_sub(1);
    match random.below(8) {
        0 => near(0, random),
        1 => near(1 << random.below(64), random),
        2 => near(i32::MAX as u64, random),
        3 => near(i32::MIN as u64, random),
        4 => near(i64::MAX as u64, random),
        5 => random.below(200),
        6 => random.below(20_000),
        _ => random.any(),
    }
}

/// The bytes of a text that does not fit, or hardly.
pub(crate) fn hostile_text(plausible: &str, random: &mut Random) -> Vec<u8> {
    let text = |random: &mut Random| TEXTS[random.below(TEXTS.len() as u64) as usize];
    match random.below(12) {
        0..=3 => text(random).into(),
        4 => [plausible, text(random)].concat().into(),
        5 => [text(random), plausible].concat().into(),
        6 => "9".repeat(1 + random.below(400) as usize).into(),
        7 => format!("{}.{}", "0".repeat(1 + random.below(9) as usize), "0".repeat(random.below(400) as usize) + "1")
            .into(),
        8 => {
            let most = if random.percent(2) { 70_000 } else { 5_000 };
            ["松", "a", "\u{1f4a5}"][random.below(3) as usize].repeat(random.below(most) as usize).into()
        }
        9 => noise(random),
        10 => [Uuid::nil().to_string(), Uuid::max().to_string(), Uuid::from_u128(7).to_string().to_uppercase()]
            [random.below(3) as usize]
            .clone()
            .into(),
        _ => {
            let mut bytes = plausible.as_bytes().to_vec();
            let at = random.below(bytes.len() as u64 + 1) as usize;
            bytes.insert(at.min(bytes.len()), random.any() as u8);
            bytes
        }
    }
}

/// What a client might well send in a field of this name.
pub(crate) fn plausible(name: &str, random: &mut Random) -> String {
    let any = |random: &mut Random| Uuid::from_u128(u128::from(random.any()) << 64 | u128::from(random.any()));
    match name {
        "parent" => PLAN.to_owned(),
        "area" => ["city", "circle-hit"][random.below(2) as usize].to_owned(),
        "indicator" => "hnte-count".to_owned(),
        "agency" | "successor" => "drc".to_owned(),
        "project" => "aerospace-park".to_owned(),
        "milestone" => "delivery".to_owned(),
        "dimension" if random.percent(80) => format!("district=h{}", random.below(1 << 40)),
        "dimension" => String::new(),
        "zh" => "名称".to_owned(),
        "value" | "low" | "high" | "numerator" | "denominator" => random.below(1_000).to_string(),
        "event_id" | "submission_id" | "causation_id" | "measurement" | "event" => {
            let id = any(random).as_u128() & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
            Uuid::from_u128(id).to_string()
        }
        "comment" | "source_ref" | "reason" => "统计台账".to_owned(),
        _ => format!("h{}", random.below(1_000)),
    }
}

/// A `google.type.Date` of the last days.
pub(crate) fn recent_day(random: &mut Random) -> Vec<u8> {
    let day = days_ago(1 + random.below(300) as i32);
    let mut bytes = Vec::new();
    for (number, value) in [(1, day.year), (2, day.month), (3, day.day)] {
        tagged(&mut bytes, number, value as u64);
    }
    bytes
}
