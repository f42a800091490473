//! The tables of docs/brokers.md, between markers.

use std::path::Path;

use crate::brokers::{Broker, Source};
use crate::known::{self, Known};
use crate::outcome::Played;
use crate::plays;
use crate::season::{Row, Season};

/// The section of one broker.
pub fn section(season: &Season) -> String {
    let Season { broker, version, rows } = season;
    let source = match broker.source {
        Source::Debian { .. } => "Debian",
        Source::Npm(_) => "npm",
        Source::PyPi(_) => "PyPI",
    };
    let mut text = format!("## {} {version}\n\nFrom {source}: {}.\n\n", broker.title, broker.setting);
    text += "| play | 3.1.1 | 5.0 | what we do about it |\n|---|---|---|---|\n";
    for row in rows.iter().filter(|row| row.cells.iter().any(Option::is_some)) {
        let [v311, v5] = row.cells.each_ref().map(cell);
        text += &format!("| {} | {v311} | {v5} | {} |\n", row.play.name, remedies(season.broker, row));
    }
    text
}

fn cell(played: &Option<Played>) -> String {
    match played {
        None => String::new(),
        Some(Ok(note)) if note.is_empty() => "works".into(),
        Some(Ok(note)) => format!("works: {note}"),
        Some(Err(finding)) => finding.to_string(),
    }
}

/// What is done about the findings of a row, and about those that other runs have made; each sentence once.
fn remedies(broker: &Broker, row: &Row) -> String {
    let findings = || row.cells.iter().flatten().filter_map(|played| played.as_ref().err());
    let found = findings().filter_map(|finding| known::find(broker, row.play, finding));
    let is_new = |known: &&Known| !findings().any(|finding| finding.what.starts_with(known.what));
    let others = known::at_times(broker, row.play).filter(is_new);
    let others = others.map(|known| format!("In other runs {}. {}", known.what, known.remedy));
    let mut sentences: Vec<String> = Vec::new();
    for sentence in found.map(|known| known.remedy.to_owned()).chain(others) {
        if !sentences.contains(&sentence) {
            sentences.push(sentence);
        }
    }
    sentences.join(" ")
}

/// What the plays show.
pub fn plays() -> String {
    let mut text = "| play | what a play that works has shown |\n|---|---|\n".to_owned();
    for play in plays::ALL {
        let only = if play.only_v5 { " (5.0)" } else { "" };
        text += &format!("| {} | {}{only} |\n", play.name, play.about);
    }
    text
}

/// Puts a section between the markers of this name.
pub fn write(path: &Path, name: &str, section: &str) -> Result<(), String> {
    let fail = |error| format!("{}: {error}.", path.display());
    let page = std::fs::read_to_string(path).map_err(fail)?;
    let page =
        replaced(&page, name, section).ok_or_else(|| format!("{} has no markers for {name}.", path.display()))?;
    std::fs::write(path, page).map_err(|error| format!("{}: {error}.", path.display()))
}

pub fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}.", path.display()))
}

fn replaced(page: &str, name: &str, section: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}{section}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_goes_between_its_markers() {
        let page = "a\n<!-- x -->\nold\n<!-- end of x -->\nb\n<!-- y -->\n<!-- end of y -->\n";
        let new = "a\n<!-- x -->\nnew\n<!-- end of x -->\nb\n<!-- y -->\n<!-- end of y -->\n";
        assert_eq!(replaced(page, "x", "new\n").as_deref(), Some(new));
        assert_eq!(replaced(page, "z", ""), None);
    }

    #[test]
    fn the_page_has_a_place_for_each_broker() {
        let page = include_str!("../../../docs/brokers.md");
        for broker in crate::brokers::ALL {
            assert!(replaced(page, broker.name, "").is_some(), "{}", broker.name);
        }
    }
}
