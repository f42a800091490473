//! The table, in the README and here.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

const BEGIN: &str = "<!-- footprint: written by `cargo xtask footprint --write` -->\n";
const END: &str = "<!-- footprint ends -->\n";
const HEAD: &str = "\
| bytes | flash, thumbv7em | copying | RAM | flash, thumbv6m | flash, riscv32imc |
|---|---:|---:|---:|---:|---:|
";

/// By so much a figure may grow before the check fails: three hundredths.
const TOLERANCE: u64 = 3;

/// One program, or one kind of connection.
#[derive(PartialEq, Eq, Debug)]
pub struct Row {
    pub label: String,
    /// One for each column after the first.
    pub figures: Vec<Option<u64>>,
    pub is_peer: bool,
}

impl Row {
    /// The start of the label of each row of panics.
    pub const PANICS: &str = "functions that can panic in ";

    /// A row of the column "RAM" alone.
    pub fn of_ram(label: &str, bytes: u64) -> Self {
        Self { label: label.into(), figures: vec![None, None, Some(bytes), None, None], is_peer: false }
    }

    pub fn is_panics(&self) -> bool {
        self.label.starts_with(Self::PANICS)
    }
}

/// All rows, with the compiler that built the programs.
pub struct Table {
    pub compiler: String,
    pub rows: Vec<Row>,
}

impl Table {
    /// As it stands in the README.
    pub fn text(&self) -> String {
        let mut text = format!("With {}:\n\n{HEAD}", self.compiler);
        for row in &self.rows {
            let cells: Vec<_> = row.figures.iter().map(|figure| figure.map_or("–".into(), grouped)).collect();
            let _ = writeln!(text, "| {} | {} |", row.label, cells.join(" | "));
        }
        text
    }

    /// The table of the README.
    pub fn read(file: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let (_, rest) = text.split_once(BEGIN).ok_or("the README has no table")?;
        let (table, _) = rest.split_once(END).ok_or("the README's table has no end")?;
        let compiler =
            table.lines().find_map(|line| line.strip_prefix("With ")).ok_or("the table names no compiler")?;
        let rows = table.lines().filter(|line| line.starts_with("| ")).skip(1).filter_map(row).collect();
        Ok(Self { compiler: compiler.trim_end_matches(':').into(), rows })
    }

    /// Replaces the table of the README.
    pub fn write(&self, file: &Path) -> Result<(), String> {
        let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let (before, rest) = text.split_once(BEGIN).ok_or("the README has no place for the table")?;
        let (_, after) = rest.split_once(END).ok_or("the README's table has no end")?;
        fs::write(file, format!("{before}{BEGIN}{}{END}{after}", self.text())).map_err(|error| error.to_string())
    }

    /// No figure of ours is worse than in `kept` by more than the tolerance, and none is missing there.
    pub fn compare_with(&self, kept: &Self) -> Result<(), String> {
        for row in self.rows.iter().filter(|row| !row.is_peer) {
            let old = kept.rows.iter().find(|old| old.label == row.label);
            let old =
                old.ok_or_else(|| format!("{:?} is not in the README: `cargo xtask footprint --write`", row.label))?;
            for (figure, before) in row.figures.iter().zip(&old.figures) {
                let (Some(figure), Some(before)) = (figure, before) else { continue };
                if figure * 100 > before * (100 + TOLERANCE) {
                    return Err(format!("{}: {figure} bytes, more than {TOLERANCE} % above {before}", row.label));
                }
            }
        }
        Ok(())
    }
}

/// A line of the table.
fn row(line: &str) -> Option<Row> {
    let mut cells = line.trim_matches('|').split('|').map(str::trim);
    let label = cells.next()?.to_owned();
    let figures = cells.map(|cell| cell.replace(',', "").parse().ok()).collect();
    Some(Row { label, figures, is_peer: false })
}

/// 12345 as 12,345.
fn grouped(figure: u64) -> String {
    let digits = figure.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(flash: u64) -> Table {
        let row = Row { label: "a".into(), figures: vec![Some(flash), None], is_peer: false };
        Table { compiler: "rustc 1".into(), rows: vec![row] }
    }

    #[test]
    fn a_table_is_read_as_it_is_written() {
        let file = std::env::temp_dir().join(format!("pure-mqtt-footprint-{}", std::process::id()));
        fs::write(&file, format!("before\n{BEGIN}{END}after\n")).unwrap();
        table(1_234_567).write(&file).unwrap();
        let read = Table::read(&file).unwrap();
        assert_eq!((read.compiler, read.rows), ("rustc 1".into(), table(1_234_567).rows));
        assert!(fs::read_to_string(&file).unwrap().contains("| a | 1,234,567 | – |"));
        fs::remove_file(file).unwrap();
    }

    #[test]
    fn growth_beyond_the_tolerance_is_an_error() {
        assert_eq!(table(1_030).compare_with(&table(1_000)), Ok(()));
        assert!(table(1_031).compare_with(&table(1_000)).is_err());
        assert!(table(1).compare_with(&Table { compiler: String::new(), rows: vec![] }).is_err());
    }
}
