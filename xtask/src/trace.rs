//! `cargo xtask trace`: every statement of the standards that binds this crate is cited where it is enforced, and where it is tested.
//!
//! `docs/statements.tsv` is the list. A citation is the statement's id in brackets: `[MQTT-3.3.1-2]` for MQTT 5.0, and
//! `[3.1.1: MQTT-3.1.2-22]` where only MQTT 3.1.1 says so. A statement that both versions make is cited by its number in 5.0; its row for
//! 3.1.1 names that number.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use crate::Result;
use crate::shell::Shell;

const LIST: &str = "docs/statements.tsv";
const TABLE: &str = "docs/traceability.md";
const COLUMNS: &str = "id\tversion\twho\tstatus\tcited as\tsays\treason";

/// One row of the list.
struct Statement<'a> {
    id: &'a str,
    version: &'a str,
    status: &'a str,
    /// What stands between the brackets.
    citation: String,
    says: &'a str,
    reason: &'a str,
}

/// Which files cite what.
#[derive(Default)]
struct Citations {
    source: BTreeMap<String, BTreeSet<String>>,
    tests: BTreeMap<String, BTreeSet<String>>,
}

/// Checks the citations and the table, and says how many there are.
pub fn check(shell: &Shell) -> Result {
    let list = read(shell, LIST)?;
    let statements = parse(&list)?;
    let citations = collect(shell)?;
    let mut faults = faults(&statements, &citations);
    if read(shell, TABLE).ok().as_deref() != Some(&table(&statements, &citations)) {
        faults.push(format!("{TABLE} is out of date: `cargo xtask trace --table > {TABLE}` writes it anew"));
    }
    for statement in statements.iter().filter(|statement| statement.status == "open") {
        println!("open: {} of {}: {} ({})", statement.id, statement.version, statement.says, statement.reason);
    }
    println!("{}", counts(&statements));
    if faults.is_empty() { Ok(()) } else { Err(format!("\n{}", faults.join("\n"))) }
}

/// Prints the table.
pub fn print(shell: &Shell) -> Result {
    let list = read(shell, LIST)?;
    print!("{}", table(&parse(&list)?, &collect(shell)?));
    Ok(())
}

fn read(shell: &Shell, path: &str) -> Result<String> {
    std::fs::read_to_string(shell.folder().join(path)).map_err(|error| format!("{path}: {error}."))
}

fn parse(list: &str) -> Result<Vec<Statement<'_>>> {
    let mut lines = list.lines().enumerate().filter(|(_, line)| !line.starts_with('#'));
    if lines.next().map(|(_, line)| line) != Some(COLUMNS) {
        return Err(format!("{LIST} does not begin with the names of its columns."));
    }
    lines.map(|(index, line)| row(line).map_err(|fault| format!("{LIST}:{}: {fault}.", index + 1))).collect()
}

fn row(line: &str) -> Result<Statement<'_>> {
    let columns: Vec<_> = line.split('\t').collect();
    let [id, version, who, status, cited_as, says, reason] = columns[..] else {
        return Err("there must be seven columns".into());
    };
    if !matches!(version, "3.1.1" | "5.0") || !matches!(who, "C" | "B" | "V") {
        return Err("the version is 3.1.1 or 5.0, and it binds C, B or V".into());
    }
    if !matches!(status, "core" | "adapter" | "app" | "server" | "open") {
        return Err(format!("there is no status {status:?}"));
    }
    if (status == "core") != reason.is_empty() {
        return Err("a reason stands where a statement is not cited, and only there".into());
    }
    let citation = match (cited_as, version) {
        ("", "5.0") => id.to_owned(),
        ("", _) => format!("3.1.1: {id}"),
        (other, _) => other.to_owned(),
    };
    Ok(Statement { id, version, status, citation, says, reason })
}

fn collect(shell: &Shell) -> Result<Citations> {
    let mut citations = Citations::default();
    for folder in ["src", "tests"] {
        walk(shell.folder(), &shell.folder().join(folder), &mut citations)?;
    }
    Ok(citations)
}

fn walk(root: &Path, folder: &Path, citations: &mut Citations) -> Result {
    let fault = |error: std::io::Error| format!("{}: {error}.", folder.display());
    for entry in std::fs::read_dir(folder).map_err(fault)? {
        let path = entry.map_err(fault)?.path();
        if path.is_dir() && path.ends_with("tests/common") {
            continue; // what tests share is no test by itself
        }
        if path.is_dir() {
            walk(root, &path, citations)?;
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "md") {
            let text = std::fs::read_to_string(&path).map_err(fault)?;
            let name = path.strip_prefix(root).unwrap_or(&path).display().to_string().replace('\\', "/");
            note(&name, &text, citations);
        }
    }
    Ok(())
}

/// Notes the citations of one file. What stands behind `#[cfg(test)]` is a test.
fn note(name: &str, text: &str, citations: &mut Citations) {
    let is_test = !name.starts_with("src/") || name.ends_with("/tests.rs");
    let (source, tests) =
        if is_test { ("", text) } else { text.split_once("#[cfg(test)]\nmod tests {").unwrap_or((text, "")) };
    for (text, into) in [(source, &mut citations.source), (tests, &mut citations.tests)] {
        for id in ids(text) {
            into.entry(id.to_owned()).or_default().insert(name.to_owned());
        }
    }
}

/// What stands in brackets and looks like a statement's id.
fn ids(text: &str) -> impl Iterator<Item = &str> {
    text.split('[').skip(1).filter_map(|rest| rest.split_once(']')).map(|(inside, _)| inside).filter(|inside| {
        let id = inside.strip_prefix("3.1.1: ").unwrap_or(inside);
        id.strip_prefix("MQTT-").is_some_and(|number| {
            number.starts_with(|c: char| c.is_ascii_digit())
                && number.chars().all(|c| c.is_ascii_digit() || ".-".contains(c))
        })
    })
}

fn faults(statements: &[Statement<'_>], citations: &Citations) -> Vec<String> {
    let mut faults = Vec::new();
    for statement in statements.iter().filter(|statement| statement.status == "core") {
        for (place, cited) in [("src/", &citations.source), ("the tests", &citations.tests)] {
            if !cited.contains_key(&statement.citation) {
                let Statement { id, version, citation, says, .. } = statement;
                faults.push(format!("{id} of {version} is not cited as [{citation}] in {place}: {says}"));
            }
        }
    }
    let known: BTreeSet<_> = statements.iter().map(|statement| &statement.citation[..]).collect();
    for (id, files) in citations.source.iter().filter(|(id, _)| !known.contains(&id[..])) {
        faults.push(format!("[{id}] is cited in {}, and is not in {LIST}", join(files)));
    }
    faults
}

fn counts(statements: &[Statement<'_>]) -> String {
    let mut text = String::from("Statements");
    for version in ["3.1.1", "5.0"] {
        let count = |status: &str| {
            statements.iter().filter(|statement| statement.version == version && statement.status == status).count()
        };
        let _ = write!(
            text,
            "{} of {version}: {} cited, {} for adapters, {} for applications, {} that nothing here can check, {} open",
            if version == "3.1.1" { "" } else { ";" },
            count("core"),
            count("adapter"),
            count("app"),
            count("server"),
            count("open"),
        );
    }
    text + "."
}

fn table(statements: &[Statement<'_>], citations: &Citations) -> String {
    let mut text = String::from(
        "# Statements of the standards, and where they are kept\n\n\
         Written by `cargo xtask trace --table` from `docs/statements.tsv` and the citations in the code. A citation such as `[MQTT-3.3.1-2]`\n\
         is a number of MQTT 5.0; what only MQTT 3.1.1 says is cited as `[3.1.1: MQTT-3.1.2-22]`. A statement of 3.1.1 that 5.0 makes as well\n\
         shows the number of 5.0 behind it.\n\n",
    );
    text += &counts(statements);
    text.push('\n');
    for version in ["3.1.1", "5.0"] {
        let _ = write!(text, "\n## MQTT {version}\n\n| statement | says | code | tests |\n|---|---|---|---|\n");
        for statement in statements.iter().filter(|statement| statement.version == version) {
            let Statement { id, status, citation, says, reason, .. } = statement;
            let shown = if *citation == *id || citation.starts_with("3.1.1") {
                String::new()
            } else {
                format!(" ({citation})")
            };
            let _ = write!(text, "| {id}{shown} | {} | ", says.replace('|', "\\|"));
            let _ = match *status {
                "core" => {
                    let files = |cited: &BTreeMap<_, _>| cited.get(citation).map(join).unwrap_or_default();
                    writeln!(text, "{} | {} |", files(&citations.source), files(&citations.tests))
                }
                status => writeln!(text, "{status}: {reason} | |"),
            };
        }
    }
    text
}

fn join(files: &BTreeSet<String>) -> String {
    files.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn citations_are_found_and_nothing_else() {
        let text = "`[MQTT-3.3.1-2]` [3.1.1: MQTT-3.1.2-22] [MQTT-{rule}] a[0] [MQTT] [MQTT-3.1 or so] [MQTT-4.2-1]";
        assert_eq!(ids(text).collect::<Vec<_>>(), ["MQTT-3.3.1-2", "3.1.1: MQTT-3.1.2-22", "MQTT-4.2-1"]);
    }

    #[test]
    fn unit_tests_are_tests() {
        let mut citations = Citations::default();
        note("src/a.rs", "[MQTT-1.1.1-1]\n#[cfg(test)]\nmod tests {\n[MQTT-1.1.1-2]", &mut citations);
        assert_eq!(citations.source.keys().collect::<Vec<_>>(), ["MQTT-1.1.1-1"]);
        assert_eq!(citations.tests.keys().collect::<Vec<_>>(), ["MQTT-1.1.1-2"]);
    }

    #[test]
    fn a_statement_must_be_cited_in_both_places() {
        let list = format!(
            "{COLUMNS}\nMQTT-1\t5.0\tC\tcore\t\tA.\t\nMQTT-2\t3.1.1\tC\tcore\tMQTT-1\tA.\t\nMQTT-3\t5.0\tV\topen\t\tB.\twhy"
        );
        let statements = parse(&list).expect("a good list");
        let mut citations = Citations::default();
        note("src/a.rs", "[MQTT-1] [MQTT-9]", &mut citations);
        let found = faults(&statements, &citations);
        assert_eq!(found.len(), 3, "{found:?}");
        note("tests/a.rs", "[MQTT-1]", &mut citations);
        assert_eq!(
            faults(&statements, &citations),
            ["[MQTT-9] is cited in src/a.rs, and is not in docs/statements.tsv"]
        );
    }

    #[test]
    fn rows_without_sense_are_refused() {
        for line in [
            "MQTT-1\t5.0\tC\tcore\t\tA.",
            "MQTT-1\t4\tC\tcore\t\tA.\t",
            "MQTT-1\t5.0\tC\tdone\t\tA.\t",
            "MQTT-1\t5.0\tC\topen\t\tA.\t",
            "MQTT-1\t5.0\tC\tcore\t\tA.\twhy",
        ] {
            assert!(row(line).is_err(), "{line:?}");
        }
    }
}
