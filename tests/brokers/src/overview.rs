//! The first table of docs/brokers.md: all plays and all brokers at a glance, from the sections that the page has.

use crate::brokers;
use crate::plays;

/// For each beginning of a cell, the sign that stands for it.
const SIGNS: [(&str, &str); 4] = [("works", "✓"), ("not offered", "–"), ("refused", "r"), ("wrong", "✗")];

/// The table, with a sign for 3.1.1 and one for 5.0.
pub fn overview(page: &str) -> String {
    let titles: Vec<_> = brokers::ALL.iter().map(|broker| broker.title).collect();
    let mut text = format!("| play | {} |\n|---|{}\n", titles.join(" | "), ":-:|".repeat(titles.len()));
    for play in plays::ALL {
        let cells: Vec<_> = brokers::ALL.iter().map(|broker| cell(page, broker.name, play.name)).collect();
        text += &format!("| {} | {} |\n", play.name, cells.join(" | "));
    }
    text
}

fn cell(page: &str, broker: &str, play: &str) -> String {
    let row = section(page, broker).and_then(|section| section.lines().find_map(|line| columns(line, play)));
    let [v311, v5] = row.unwrap_or_default().map(sign);
    format!("{v311}\u{a0}{v5}") // in one line
}

/// What the page says of 3.1.1 and 5.0, if `line` is the play's row.
fn columns<'l>(line: &'l str, play: &str) -> Option<[&'l str; 2]> {
    let cells = line.strip_prefix("| ")?.strip_prefix(play)?.strip_prefix(" | ")?;
    let (v311, rest) = cells.split_once('|')?;
    let (v5, _) = rest.split_once('|')?;
    Some([v311.trim(), v5.trim()])
}

fn sign(cell: &str) -> &'static str {
    SIGNS.iter().find(|(start, _)| cell.starts_with(start)).map_or("\u{a0}", |(_, sign)| sign)
}

/// What stands between the markers of a broker.
fn section<'p>(page: &'p str, broker: &str) -> Option<&'p str> {
    let (_, rest) = page.split_once(&format!("<!-- {broker} -->"))?;
    rest.split_once("<!-- end of").map(|(section, _)| section)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_becomes_two_signs() {
        let page = "<!-- nats -->\n| qos-1 | works: x | wrong: `a` | |\n| cuts |  | works |\n<!-- end of nats -->";
        assert_eq!(cell(page, "nats", "qos-1"), "✓\u{a0}✗");
        assert_eq!(cell(page, "nats", "cuts"), "\u{a0}\u{a0}✓");
        assert_eq!(cell(page, "nats", "qos"), "\u{a0}\u{a0}\u{a0}");
        assert_eq!(cell(page, "amqtt", "qos-1"), "\u{a0}\u{a0}\u{a0}");
    }
}
