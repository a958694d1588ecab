//! The documents say what the code says: lists that are made from it, links, paths, versions, and the first lead.
//!
//! `UPDATE_DOCS=1` writes the lists again instead of comparing them. A list stands between `<!-- generated: NAME -->`
//! and `<!-- end -->`; everything else on a page is written by people.

use domain::event::Class;
use domain::outcome::{DeadLetterReason, Reason, Status};
use domain::request::{FaultCode, Warning};
use ingest::Refusal;
use sqlx::{Connection, SqliteConnection};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};
use tests::start_up;

const AGAIN: &str = "UPDATE_DOCS=1 cargo test -p tests --test system documents";
/// What paths in the text begin with.
const ROOMS: [&str; 8] = ["shared/", "ingest/", "worker/", "console/", "cli/", "tests/", "deploy/", "docs/"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

pub(crate) fn read(page: &str) -> String {
    fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{page} cannot be read: {error}"))
}

/// Compares a generated list with what the code makes of it, or writes it. One test writes all lists of a page.
pub(crate) fn holds(page: &str, name: &str, made: &str) {
    let text = read(page);
    let begin = format!("<!-- generated: {name} -->\n");
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("{page} has no list {name}"));
    let (kept, after) = rest.split_once("<!-- end -->").unwrap();
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(root().join(page), format!("{before}{begin}{made}<!-- end -->{after}")).unwrap();
    } else {
        assert!(kept == made, "the list {name} in {page} is not what the code says; write it again with: {AGAIN}");
    }
}

pub(crate) fn table<const N: usize>(titles: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let line = |cells: [String; N]| {
        format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|").replace('<', "&lt;")).join(" | "))
    };
    let head = line(titles.map(str::to_owned)) + &format!("|{}\n", "---|".repeat(N));
    rows.into_iter().map(line).fold(head, |table, row| table + &row)
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

/// Every page, by its path from the root.
fn pages() -> Vec<PathBuf> {
    fn collect(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    let mut found = vec![root().join("README.md")];
    collect(&root().join("docs"), &mut found);
    collect(&root().join("deploy"), &mut found);
    found
}

/// A page without its blocks of code.
fn prose(page: &Path) -> String {
    let text = fs::read_to_string(page).unwrap();
    text.split("```").step_by(2).collect()
}

/// What the links of a page point to, as paths.
fn links(page: &Path) -> Vec<PathBuf> {
    let text = prose(page);
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    let local = targets.filter(|target| !target.contains("://"));
    local.map(|target| page.parent().unwrap().join(target)).collect()
}

/// The block of code of that language below a heading.
pub(crate) fn block(page: &str, heading: &str, language: &str) -> String {
    let text = read(page);
    let (_, below) = text.split_once(heading).unwrap_or_else(|| panic!("{page} has no {heading}"));
    let (_, code) = below.split_once(&format!("```{language}\n")).unwrap();
    code.split("```").next().unwrap().to_owned()
}

#[test]
fn the_settings_reference_is_what_the_code_says() {
    let settings = runtime::config::reference();
    let section = |key: &str| key.split('.').next().unwrap().to_owned();
    let mut sections: Vec<String> = settings.iter().map(|setting| section(setting.key)).collect();
    sections.dedup();
    let made = sections.into_iter().map(|name| {
        let rows = settings.iter().filter(|setting| section(setting.key) == name).map(|setting| {
            let default = if setting.default.is_empty() { "none".to_owned() } else { code(&setting.default) };
            [code(setting.key), code(&setting.env), default, setting.meaning.to_owned()]
        });
        format!("## {name}\n\n{}\n", table(["setting", "in the environment", "default", "meaning"], rows))
    });
    holds("docs/settings.md", "settings", &made.collect::<String>());
}

#[test]
fn the_error_codes_are_what_the_code_says() {
    let body: Vec<String> = FaultCode::ALL.iter().map(|fault| format!("| {} |", code(fault.name()))).collect();
    let page = read("docs/errors.md");
    let (_, first) = page.split_once("## Clicks and leads: what is wrong with the body").unwrap();
    let (first, _) = first.split_once("\n## ").unwrap();
    let listed: Vec<&str> = first.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(listed.len(), body.len(), "docs/errors.md lists other codes of bodies than the code");
    for (line, expected) in listed.iter().zip(&body) {
        assert!(line.starts_with(expected.as_str()), "docs/errors.md has {line} where the code has {expected}");
    }

    let others = Refusal::all().filter(|refusal| !matches!(refusal, Refusal::Invalid(_)));
    let rows = others.map(|refusal| {
        let outcome = refusal.outcome().map_or(String::new(), |outcome| code(outcome.name()));
        [code(refusal.code()), refusal.status().as_u16().to_string(), outcome, refusal.message().to_owned()]
    });
    let titles = ["code", "status", "`X-Affitor-Outcome`", "what the answer says"];
    holds("docs/errors.md", "ingest-codes", &table(titles, rows));
    let rows = console::Fault::ALL
        .map(|fault| [code(fault.code()), fault.status().as_u16().to_string(), fault.sentence().to_owned()]);
    holds("docs/errors.md", "console-codes", &table(["code", "status", "what the answer says"], rows));
    let warnings: String = Warning::ALL.iter().map(|warning| format!("- {}\n", code(warning.text()))).collect();
    holds("docs/errors.md", "warnings", &warnings);
}

#[test]
fn the_reasons_and_their_hints_are_what_the_code_says() {
    let rows = Reason::ALL.iter().map(|reason| [code(reason.name()), reason.hint().unwrap_or_default().to_owned()]);
    let made = table(["reason", "hint"], rows);
    holds("README.md", "reasons", &made);
    holds("docs/semantics.md", "reasons", &made);
}

#[test]
fn the_numbers_in_the_tables_are_what_the_code_says() {
    let list = |column: &str, members: Vec<(i16, &str)>| {
        let members: Vec<String> = members.iter().map(|(number, name)| format!("{number} `{name}`")).collect();
        [code(column), members.join(", ")]
    };
    let class = |class: Class| match class {
        Class::Server => "server",
        Class::Browser => "browser",
        Class::Provisional => "provisional",
    };
    let rows = [
        list("customers.status", Status::ALL.iter().map(|status| (status.code(), status.name())).collect()),
        list("customers.reason", Reason::ALL.iter().map(|reason| (reason.code(), reason.name())).collect()),
        list("class, counted_class, owner_class", Class::ALL.map(|of| (of.code(), class(of))).to_vec()),
        list("dead_letters.reason", DeadLetterReason::ALL.iter().map(|why| (why.code(), why.name())).collect()),
    ];
    holds("docs/sql.md", "codes", &table(["column", "codes"], rows));
}

#[test]
fn every_endpoint_of_the_contract_is_described_and_no_other() {
    let mut contract: BTreeSet<String> = BTreeSet::from(["GET /openapi.json".to_owned()]);
    for part in [ingest::openapi().to_json().unwrap(), console::openapi().to_json().unwrap()] {
        let part: serde_json::Value = serde_json::from_str(&part).unwrap();
        for (path, methods) in part["paths"].as_object().unwrap() {
            let methods = methods.as_object().unwrap().keys();
            contract.extend(methods.map(|method| format!("{} {path}", method.to_uppercase())));
        }
    }
    let (api, readme) = (read("docs/api.md"), read("README.md"));
    let headings = api.lines().filter_map(|line| line.strip_prefix("## `")?.strip_suffix('`'));
    assert_eq!(headings.map(str::to_owned).collect::<BTreeSet<_>>(), contract, "docs/api.md");
    for endpoint in contract {
        assert!(readme.contains(&format!("`{endpoint}")), "README.md does not name {endpoint}");
    }
}

#[test]
fn links_point_to_what_is_there_and_every_page_is_linked() {
    let pages = pages();
    let mut linked: BTreeSet<PathBuf> = BTreeSet::from([root().join("README.md").canonicalize().unwrap()]);
    for page in &pages {
        for target in links(page) {
            let found = target.canonicalize();
            linked.insert(found.unwrap_or_else(|_| panic!("{} links to {}", page.display(), target.display())));
        }
    }
    for page in pages {
        assert!(linked.contains(&page.canonicalize().unwrap()), "no page links to {}", page.display());
    }
}

#[test]
fn files_that_the_text_names_are_there() {
    for page in pages() {
        let text = prose(&page);
        let quoted = text.split('`').skip(1).step_by(2).filter(|text| !text.contains([' ', '{', '\n']));
        for path in quoted.filter(|text| ROOMS.iter().any(|room| text.starts_with(room))) {
            assert!(root().join(path).exists(), "{} names {path}", page.display());
        }
    }
}

#[test]
fn the_tests_that_the_guards_have_are_there() {
    fn sources(directory: &Path) -> String {
        let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        let texts = entries.map(|path| match path.extension() {
            _ if path.ends_with("target") => String::new(),
            Some(extension) if extension == "rs" => fs::read_to_string(path).unwrap(),
            _ if path.is_dir() => sources(&path),
            _ => String::new(),
        });
        texts.collect()
    }
    let (sources, page) = (sources(root()), read("docs/guards.md"));
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| trap"));
    for row in rows {
        let tests: Vec<&str> = row.split(" | ").nth(2).unwrap_or_default().split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "docs/guards.md names no test in: {row}");
        for test in tests {
            assert!(sources.contains(&format!("fn {test}(")), "docs/guards.md names the test {test}");
        }
    }
}

#[tokio::test]
async fn the_versions_are_those_that_are_built_tested_and_deployed() {
    let readme = read("README.md");
    let says = |what: String| assert!(readme.contains(&what), "README.md does not say {what}");
    let manifest = read("Cargo.toml");
    let rust = manifest.split("rust-version = \"").nth(1).unwrap().split('"').next().unwrap();
    says(format!("Rust {rust} or newer"));
    let compose = read("deploy/compose.yml");
    let version = |image: &str, parts: usize| {
        let tag = compose.split(&format!("image: {image}:")).nth(1).unwrap().lines().next().unwrap();
        tag.split('.').take(parts).collect::<Vec<_>>().join(".")
    };
    says(format!("RabbitMQ {}.", version("rabbitmq", 2)));
    says(format!("PostgreSQL {}", version("postgres", 1)));
    let mut sqlite = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    let bundled: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&mut sqlite).await.unwrap();
    says(format!("SQLite {bundled}"));
}

#[tokio::test]
async fn the_first_start_and_the_first_lead_are_as_the_readme_shows() {
    let room = tempfile::tempdir().unwrap();
    let data = room.path().join("data");
    let (address, up) = start_up(&data, &[]).await;
    let script = block("README.md", "## The first lead", "sh");
    let lead = Command::new("timeout").args(["30", "bash", "-euc", &script]).current_dir(&room).output().unwrap();
    let answers = String::from_utf8_lossy(&lead.stdout);
    let readme = read("README.md");
    let promised = readme.split("The last answer says `").nth(1).unwrap().split('`').next().unwrap();
    assert!(lead.status.success() && answers.contains(promised), "{answers} {}", String::from_utf8_lossy(&lead.stderr));

    let facts: serde_json::Value = serde_json::from_slice(&fs::read(data.join("demo.json")).unwrap()).unwrap();
    let printed = up
        .output()
        .replace(&format!("http://{address}"), "http://127.0.0.1:8080")
        .replace(facts["metrics_url"].as_str().unwrap(), "http://127.0.0.1:9100/metrics")
        .replace(data.to_str().unwrap(), "./data");
    for line in block("README.md", "The first prints this", "text").lines() {
        assert!(printed.contains(line.trim_end_matches(" …")), "{line} is not in\n{printed}");
    }
}
