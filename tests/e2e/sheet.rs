//! The sheet: one page for a browser, on any day, as known on any day; it prints, it needs no script, and nobody sees it
//! without a token.
//!
//! `SONGHUA_SHEETS=DIRECTORY` keeps what the browser made: pictures as PNG, the print as PDF.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use songhua_tests::pb::Role;
use songhua_tests::{Browser, Sandbox, ServeOptions, pdf_pages, send_bytes};

use crate::demo_world::{Reader, demo};
use crate::metrics::Page;

const SECOND: &str = "tests/fixtures/plans/qingshui-2025-2027";

/// `GET path`: status, headers in lower case, body.
async fn get(sandbox: &Sandbox, path: &str, authorization: Option<&str>) -> (u16, String, String) {
    let address = sandbox.http().to_owned();
    let authorization = authorization.map_or_else(String::new, |value| format!("Authorization: {value}\r\n"));
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{authorization}Connection: close\r\n\r\n");
    let sent = tokio::task::spawn_blocking(move || send_bytes(&address, request.as_bytes())).await.unwrap();
    let answer = String::from_utf8(sent).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head.to_ascii_lowercase(), body.to_owned())
}

fn basic(token: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("anybody:{token}")))
}

/// As the administrator.
async fn see(sandbox: &Sandbox, path: &str) -> (u16, String) {
    let (code, _, body) = get(sandbox, path, Some(&basic(&sandbox.admin_token()))).await;
    (code, body)
}

fn keep(name: &str, bytes: &[u8]) {
    if let Some(directory) = std::env::var_os("SONGHUA_SHEETS") {
        fs::write(std::path::Path::new(&directory).join(name), bytes).unwrap();
    }
}

/// Elements that lie beyond the right edge of the window.
const BEYOND: &str = "[document.documentElement.scrollWidth > innerWidth ? 'the page' : null, \
    ...[...document.querySelectorAll('main *, nav *')].filter(one => one.getBoundingClientRect().right > innerWidth + 1) \
    .map(one => one.outerHTML.slice(0, 200))].filter(one => one)";

#[tokio::test]
async fn a_browser_shows_every_target_without_script_and_without_asking_anybody() {
    if !Browser::is_at_hand() {
        return;
    }
    let sandbox = Sandbox::start_with(demo()).await;
    let targets = Reader::today(&sandbox.admin().await).targets().await;
    let mut browser = Browser::start(&sandbox.admin_token());
    browser.resize(1280, 900);
    browser.open(&format!("http://{}/", sandbox.http()));
    let told = |browser: &Browser, method: &str| {
        browser.events.iter().filter(|event| event["method"] == method).cloned().collect::<Vec<_>>()
    };
    assert_eq!(told(&browser, "Fetch.authRequired").len(), 1, "the browser was asked for the token");
    let requests = told(&browser, "Network.requestWillBeSent");
    let foreign = requests.iter().map(|event| event["params"]["request"]["url"].as_str().unwrap());
    let foreign: Vec<_> =
        foreign.filter(|url| *url != format!("http://{}/", sandbox.http()) && !url.starts_with("data:")).collect();
    assert!(!requests.is_empty() && foreign.is_empty(), "{foreign:?}");
    for trouble in ["Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Network.loadingFailed", "Audits.issueAdded"]
    {
        assert_eq!(told(&browser, trouble), Vec::<serde_json::Value>::new(), "{trouble}");
    }
    // The first answer is the challenge; nothing else goes wrong.
    let entries = told(&browser, "Log.entryAdded");
    let entries: Vec<_> = entries.iter().map(|event| event["params"]["entry"]["text"].to_string()).collect();
    assert!(entries.iter().all(|text| text.contains("401")), "{entries:?}");

    assert_eq!(targets.len(), 72);
    for target in &targets {
        let row = format!("document.getElementById('t{}')", target.number);
        let name = browser.evaluate(&format!("{row}.querySelector('th').textContent"));
        assert!(name.as_str().unwrap().contains(&target.indicator_name.as_ref().unwrap().zh), "{name}");
        let words = browser.evaluate(&format!("{row}.querySelector('.status').textContent"));
        assert!(words.as_str().unwrap().contains(&target.status_label.as_ref().unwrap().zh), "{words}");
        let drawn = browser.evaluate(&format!(
            "{row}.querySelectorAll('svg.chart[aria-label], .words').length + {row}.querySelectorAll('table').length * 10"
        ));
        assert_eq!(drawn, 11, "{}: one chart, or words, and one table", target.name);
    }
    let count = |browser: &mut Browser, selector: &str| {
        browser.evaluate(&format!("document.querySelectorAll('{selector}').length")).as_u64().unwrap()
    };
    assert_eq!((count(&mut browser, ".matrix tbody tr"), count(&mut browser, ".matrix tbody td")), (7, 28));
    let attention = Reader::today(&sandbox.admin().await).overview().await.attention;
    assert_eq!(count(&mut browser, ".attention tbody tr"), attention.len() as u64);
    assert_eq!(count(&mut browser, "script, [onclick], [onload], main [style]"), 0);
    assert_eq!(browser.evaluate("document.querySelector('title').textContent").as_str().unwrap().find("模拟"), Some(3));

    for width in [1280, 860, 375, 320] {
        browser.resize(width, 900);
        assert_eq!(browser.evaluate(BEYOND), serde_json::json!([]), "{width} px, closed");
        keep(&format!("{width}.png"), &browser.picture());
        browser.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })");
        assert_eq!(browser.evaluate(BEYOND), serde_json::json!([]), "{width} px, open");
        browser.evaluate("document.querySelectorAll('details').forEach(one => { one.open = false })");
    }
    // A finger finds what can be touched, and what has the focus is seen.
    let small = "[...document.querySelectorAll('nav a, nav button, nav input, summary')] \
        .filter(one => one.getClientRects().length && one.getBoundingClientRect().height < 24).length";
    assert_eq!(browser.evaluate(small), 0);
    browser.evaluate("document.querySelector('summary').focus({ focusVisible: true })");
    assert_eq!(browser.evaluate("getComputedStyle(document.querySelector('summary')).outlineStyle"), "solid");
}

#[tokio::test]
async fn it_prints_on_a4_landscape_and_every_page_says_what_it_rests_on() {
    if !Browser::is_at_hand() {
        return;
    }
    let sandbox = Sandbox::start_with(demo()).await;
    let mut browser = Browser::start(&sandbox.admin_token());
    browser.open(&format!("http://{}/?known_position=4000", sandbox.http()));
    let pdf = browser.pdf();
    keep("sheet.pdf", &pdf);
    let file = sandbox.path("sheet.pdf");
    fs::write(&file, &pdf).unwrap();
    let text = String::from_utf8_lossy(&pdf);
    let boxes: Vec<_> = text.match_indices("/MediaBox [").map(|(at, _)| &text[at..at + 24]).collect();
    assert!(boxes.iter().all(|one| one.starts_with("/MediaBox [0 0 841.9")), "{boxes:?}");
    let pages = pdf_pages(&file);
    assert!((6..=12).contains(&pages.len()) && boxes.len() == pages.len(), "{} pages", pages.len());
    for (number, page) in (1..).zip(&pages) {
        for wanted in ["模拟数据", "SIMULATED DATA", "2026-11-20", "known position 4000", "light rule 2", "calc "] {
            assert!(page.contains(wanted), "page {number} does not say {wanted}: {page}");
        }
        assert!(page.contains(&format!("{number} / {}", pages.len())), "{page}");
    }
    // The tables behind the charts stay on the screen, the words beside the shapes do not.
    assert!(pages[0].contains("滞后") && !pages.concat().contains("增量完成率"));
}

#[tokio::test]
async fn another_day_another_knowledge_and_another_order_of_languages() {
    let sandbox = Sandbox::start_with(demo()).await;
    let (code, now) = see(&sandbox, "/").await;
    assert_eq!(code, 200);
    let row = |page: &str, number: u32| {
        let (_, rest) = page.split_once(&format!("<tr id=\"t{number}\">")).unwrap();
        rest.split("</tr>").next().unwrap().to_owned()
    };
    // A correction of 6 November took the target away again.
    assert!(row(&now, 33).contains("正常"), "{}", row(&now, 33));
    let then = "/?known_time=2026-11-01T00%3A00%3A00%2B08%3A00&lang=en";
    let (code, then) = see(&sandbox, then).await;
    assert!(code == 200 && row(&then, 33).contains("当前已达标"), "{}", row(&then, 33));
    assert!(then.contains("<html lang=\"en\">") && then.contains("known_time=2026-11-01T00%3A00%3A00%2B08%3A00\""));
    let (code, past) = see(&sandbox, "/?valid_date=2023-06-30&known_position=4208&plan=").await;
    assert!(code == 200 && past.contains("2023-06-30") && past.contains("不适用"), "0 of 0 is not scored");

    for (query, wanted) in [
        ("valid_date=yesterday", "2026-06-30"),
        ("known_position=0", "known_position"),
        ("known_position=99999999", "99999999"),
        ("known_time=2026-11-01", "%2B"),
        ("lang=fr", "zh 或 en"),
        ("day=1", "valid_date"),
        ("known_position=5&known_time=2026-11-01T00:00:00Z", "只能给一个"),
        ("valid_date=1800-01-01", "1800"),
        ("plan=%3Cscript%3E", "plans/"),
    ] {
        let (code, body) = see(&sandbox, &format!("/?{query}")).await;
        assert!(code == 400 && body.contains(wanted), "{query}: {code} {body}");
        assert!(!body.contains("<script") && body.contains("<html"), "{query}");
    }
    assert_eq!(see(&sandbox, "/?plan=nowhere").await.0, 404);
}

#[tokio::test]
async fn nobody_looks_without_a_token_for_the_plan() {
    let mut sandbox = Sandbox::start_with(demo()).await;
    let (_, reader) = sandbox.grant(Role::Reader, "", "").await;
    let (_, elsewhere) = sandbox.grant(Role::Reader, "", "elsewhere").await;
    for authorization in [basic(&reader), format!("Bearer {reader}")] {
        let (code, head, _) = get(&sandbox, "/", Some(&authorization)).await;
        assert_eq!(code, 200);
        for wanted in [
            "content-type: text/html; charset=utf-8",
            "content-security-policy: default-src 'none'; style-src 'unsafe-inline'; img-src data:;",
            "frame-ancestors 'none'",
            "cache-control: no-store",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
        ] {
            assert!(head.contains(wanted), "{wanted}: {head}");
        }
    }
    let made_up = basic(&format!("songhua_{}", "5".repeat(64)));
    for authorization in [None, Some(made_up.as_str()), Some("Basic ?")] {
        let (code, head, body) = get(&sandbox, "/?lang=fr", authorization).await;
        assert_eq!(code, 401);
        assert!(head.contains("www-authenticate: basic realm=\"songhua\", charset=\"utf-8\""), "{head}");
        assert!(body.contains("令牌") && body.contains("password") && !body.contains("demo-harbin"), "{body}");
    }
    // A grant for another plan does not learn whether there is this one.
    for path in ["/", "/?plan=demo-harbin-2022-2026", "/?plan=nowhere"] {
        let (code, _, body) = get(&sandbox, path, Some(&basic(&elsewhere))).await;
        assert!(code == 404 && !body.contains("哈尔滨"), "{path}: {code} {body}");
    }
    let page = Page::of(&sandbox).await;
    for (reason, count) in [("TOKEN_MISSING", 2), ("TOKEN_INVALID", 1)] {
        assert_eq!(page.value("songhua_refusals_total", &[("reason", reason)]), count, "{reason}");
    }
    assert!(sandbox.server_log().contains(&format!("one sheet: http://{}/", sandbox.http())));
    // Refused looks are kept, as those over gRPC are.
    sandbox.terminate().await;
    let system = sandbox.data().join("system");
    let kept: Vec<u8> =
        sandbox.files().into_iter().filter(|file| file.starts_with(&system)).flat_map(fs::read).flatten().collect();
    assert!(kept.windows(5).any(|window| window == b"GET /"), "no attempt is in the system log");
}

#[tokio::test]
async fn several_plans_are_chosen_from_and_a_plan_of_another_shape_has_its_own_sheet() {
    let second = songhua_tests::repository().join(SECOND).to_str().unwrap().to_owned();
    let sandbox = Sandbox::start_with(ServeOptions { plans: vec![second], ..demo() }).await;
    let (code, list) = see(&sandbox, "/?lang=en").await;
    assert!(code == 200 && list.contains("Choose a plan") && list.contains("SIMULATED DATA"), "{list}");
    for plan in ["demo-harbin-2022-2026", "qingshui-2025-2027"] {
        let link = format!("/?plan={plan}&amp;lang=en");
        assert!(list.contains(&format!("href=\"{link}\"")), "{list}");
    }
    let (code, sheet) = see(&sandbox, "/?plan=qingshui-2025-2027&valid_date=2026-11-23").await;
    assert!(code == 200 && !sheet.contains("模拟数据") && sheet.contains("href=\"/\""), "{sheet}");
    // Nothing is reported, nobody is assigned; a target that goes down is one from above.
    assert!(sheet.contains("无数据") && sheet.contains("未指定") && sheet.contains("没有数据，无图可画"));
    assert!(sheet.contains("≤\u{a0}5"), "{sheet}");
}
