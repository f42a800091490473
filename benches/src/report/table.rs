//! The tables on the terminal; they are Markdown, so that they can be copied into a document.

use comfy_table::{CellAlignment, Table, presets};

use crate::clients;
use crate::measure::{Figure, Result};

/// The medians, and the ratio of ours to the best peer's.
pub fn speed(results: &[Result]) -> Table {
    let cell = |figure: &Figure| {
        let spread = (figure.high - figure.low) / figure.median * 50.0;
        if spread < 0.5 { number(figure.median) } else { format!("{} ±{spread:.0} %", number(figure.median)) }
    };
    let mut table = table(results, cell);
    table.set_header(header("ns per message", true));
    table
}

/// How often each asks for memory, and for how much, for each message.
pub fn allocations(results: &[Result]) -> Table {
    let cell = |figure: &Figure| {
        if figure.allocations < 0.005 {
            return "0".to_owned();
        }
        format!("{:.1} · {} B", figure.allocations, number(figure.allocated))
    };
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_header(header("allocations · bytes per message", false));
    for result in results.iter().filter(|result| result.unit == "ns") {
        let mut row = vec![result.row.to_owned()];
        row.extend(clients::ALL.iter().map(|client| result.of(client.name).map_or("–".into(), cell)));
        table.add_row(row);
    }
    table
}

fn header(first: &str, has_ratio: bool) -> Vec<String> {
    let mut header = vec![first.to_owned()];
    header.extend(clients::ALL.iter().map(|client| client.name.to_owned()));
    if has_ratio {
        header.push("ours / best peer".to_owned());
    }
    header
}

fn table(results: &[Result], cell: impl Fn(&Figure) -> String) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    for result in results {
        let mut row = vec![result.row.to_owned()];
        row.extend(clients::ALL.iter().map(|client| result.of(client.name).map_or("–".into(), &cell)));
        row.push(result.against_best().map_or("–".into(), |(ours, best)| format!("{:.2}", ours / best)));
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// With a mark between thousands, and one decimal where there are few digits.
pub fn number(value: f64) -> String {
    if value < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(number(0.04), "0.0");
        assert_eq!(number(23.44), "23.4");
        assert_eq!(number(999.6), "1,000");
        assert_eq!(number(1_234_567.0), "1,234,567");
    }
}
