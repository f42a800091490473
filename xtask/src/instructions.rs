//! `cargo xtask instructions`: counts the instructions of fixed pieces of work with callgrind, and compares them with the table that is kept beside
//! them. The counts are exact and the same each time, whatever else the machine does.

use std::fmt::Write as _;
use std::path::Path;

use crate::shell::Shell;
use crate::{Result, files, setup};

/// Where the counted program lives, seen from the root folder.
const FOLDER: &str = "benches/instructions";
/// The program of the rows of the table and of the worst inputs.
const MESSAGES_PROGRAM: &str = "target/release/messages";
/// The program of the commands for a full queue.
const CROWD_PROGRAM: &str = "target/release/crowd";
/// The counts as they were when they were last accepted, beside the program.
const TABLE: &str = "table.tsv";
/// A count may differ by so many parts of a hundred.
const TOLERANCE: f64 = 3.0;
/// So many messages make the table's figures: whole windows of 64 and of 10,000.
const MESSAGES: u64 = 40_000;
/// Twice the input may take between so many times as many instructions, and so many.
const LINEAR: (f64, f64) = (1.95, 2.05);
/// The C library picks its copying routines by the processor; here it has the same choice everywhere.
const SAME_ROUTINES: &str = "GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX512F,-AVX2,-AVX,-ERMS,-FSRM";

/// Rows of the table: instructions for each message.
const ROWS: [&str; 16] = [
    "qos0-out",
    "qos1-w1",
    "qos1-w64",
    "qos1-w10000",
    "qos2-w64",
    "v5-qos1-w64",
    "v5-qos1-w64-properties",
    "v5-qos1-w64-alias",
    "in-qos0",
    "in-qos1",
    "in-qos2",
    "v5-in-qos0",
    "v5-in-qos1",
    "v5-in-qos0-properties",
    "resume",
    "connect-subscribe",
];

/// Inputs that must stay linear, each with a size that is run once and doubled.
const WORST: [(&str, u64); 6] = [
    ("tiny-packets", 20_000),
    ("byte-by-byte", 200_000),
    ("user-properties", 35_000),
    ("long-topic", 32_767),
    ("colliding-identifiers", 10_000),
    ("unknown-acknowledgements", 20_000),
];

/// Commands for a full queue whose cost must not depend on how many messages wait: so many wait, and as many commands are given, then twice as many of
/// both.
const CROWDED: [(&str, u64); 6] = [
    ("drop-oldest", 2_000),
    ("drop-oldest-behind-sent", 2_000),
    ("latest", 2_000),
    ("latest-missing", 2_000),
    ("cancel", 2_000),
    ("replace", 2_000),
];

/// An index that takes a few more steps for twice as many is fine.
const FLAT: (f64, f64) = (1.9, 2.3);

/// Counts, and compares with the table; or makes the counts the table, if they are to be `bless`ed.
pub fn run(shell: &Shell, bless: bool) -> Result {
    setup::valgrind(shell)?;
    let folder = shell.inside(FOLDER).ok_or(format!("there is no {FOLDER}/Cargo.toml."))?;
    folder.run("cargo build --release")?;
    let mut faults = linearity(&folder)?;
    let counted = Table::count(&folder)?;
    let path = folder.folder().join(TABLE);
    if bless {
        files::write(&path, &counted.to_string())?;
        println!("written: {FOLDER}/{TABLE}.");
    } else {
        faults.extend(counted.compare(&Table::read(&path)?));
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
}

/// The step of `cargo xtask test`.
pub fn check(shell: &Shell) -> Result {
    run(shell, false)
}

/// One line for each input that isn't linear.
fn linearity(shell: &Shell) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    println!("\ninput                        instructions   at twice its size");
    let worst = WORST.map(|(row, size)| (MESSAGES_PROGRAM, row, size, LINEAR));
    let crowded = CROWDED.map(|(row, size)| (CROWD_PROGRAM, row, size, FLAT));
    for (program, row, size, (least, most)) in worst.into_iter().chain(crowded) {
        let (once, twice) = (count(shell, program, row, size)?, count(shell, program, row, 2 * size)?);
        let ratio = twice as f64 / once as f64;
        println!("{row:28} {once:12}   × {ratio:.3}");
        if !(least..=most).contains(&ratio) {
            faults.push(format!("{row}: twice the input takes {ratio:.3} times the instructions."));
        }
    }
    Ok(faults)
}

/// The instructions of one row's work.
fn count(shell: &Shell, program: &str, row: &str, size: u64) -> Result<u64> {
    let out = "target/callgrind.out";
    let line = format!(
        "{SAME_ROUTINES} valgrind --tool=callgrind --callgrind-out-file={out} --collect-atstart=no \
         --toggle-collect=pure_mqtt_instructions::measured {program} {row} {size}"
    );
    shell.output(&line).ok_or(format!("`{line}` failed."))?;
    let path = shell.folder().join(out);
    let text = files::read(&path)?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: ")).and_then(|total| total.trim().parse().ok());
    total
        .filter(|total| *total > 0)
        .ok_or(format!("callgrind counted nothing for {row}: is {program} without symbols?"))
}

/// Instructions for each message, by the compiler that made them.
#[derive(Debug, PartialEq)]
struct Table {
    /// What `rustc --version` says, and the processor's family: counts of others can't be compared.
    compiler: String,
    rows: Vec<(String, f64)>,
}

impl Table {
    fn count(shell: &Shell) -> Result<Self> {
        let rustc = shell.output("rustc --version").ok_or("rustc can't be asked for its version.")?;
        let rows = ROWS.iter().map(|row| {
            let messages = if *row == "connect-subscribe" { MESSAGES / 10 } else { MESSAGES };
            Ok(((*row).to_owned(), count(shell, MESSAGES_PROGRAM, row, messages)? as f64 / messages as f64))
        });
        let compiler = format!("{rustc}, {}", std::env::consts::ARCH);
        Ok(Self { compiler, rows: rows.collect::<Result<_>>()? })
    }

    fn read(path: &Path) -> Result<Self> {
        let text = files::read(path)?;
        Self::parse(&text).ok_or(format!("{} can't be read: `--bless` makes it anew.", path.display()))
    }

    fn parse(text: &str) -> Option<Self> {
        let (first, rest) = text.split_once('\n')?;
        let row = |line: &str| {
            let (name, count) = line.split_once('\t')?;
            Some((name.to_owned(), count.parse().ok()?))
        };
        let compiler = first.strip_prefix("# ")?.to_owned();
        Some(Self { compiler, rows: rest.lines().map(row).collect::<Option<_>>()? })
    }

    /// Prints both side by side; one line for each row that got worse by too much.
    fn compare(&self, accepted: &Self) -> Vec<String> {
        let mut faults = Vec::new();
        let is_comparable = self.compiler == accepted.compiler;
        println!("\nrow                          instructions     accepted   change");
        for (row, count) in &self.rows {
            let Some((_, before)) = accepted.rows.iter().find(|(name, _)| name == row) else {
                faults.push(format!("{row} is new: `cargo xtask instructions --bless` enters it."));
                continue;
            };
            let change = (count / before - 1.0) * 100.0;
            println!("{row:28} {count:12.1} {before:12.1}  {change:+6.1} %");
            if change > TOLERANCE {
                faults.push(format!("{row} takes {change:.1} % more instructions than accepted."));
            } else if change < -TOLERANCE && is_comparable {
                println!("    better by more than {TOLERANCE} %: `cargo xtask instructions --bless` keeps it so.");
            }
        }
        if is_comparable {
            return faults;
        }
        println!(
            "\nThe table was made by {}; this is {}. Compilers count differently, so nothing was gated here but that \
             worst inputs stay linear.",
            accepted.compiler, self.compiler
        );
        Vec::new()
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "# {}", self.compiler)?;
        for (row, count) in &self.rows {
            f.write_str(row)?;
            f.write_char('\t')?;
            writeln!(f, "{count:.1}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(compiler: &str, count: f64) -> Table {
        Table { compiler: compiler.to_owned(), rows: vec![("qos1-w64".to_owned(), count)] }
    }

    #[test]
    fn a_table_comes_back() {
        assert_eq!(Table::parse(&table("rustc 1.0", 1069.5).to_string()), Some(table("rustc 1.0", 1069.5)));
        assert_eq!(Table::parse("qos1-w64\t7\n"), None);
        assert_eq!(Table::parse("# rustc 1.0\nqos1-w64\n"), None);
    }

    #[test]
    fn only_more_than_the_tolerance_is_a_fault() {
        let accepted = table("rustc 1.0", 1000.0);
        assert!(table("rustc 1.0", 1029.0).compare(&accepted).is_empty());
        assert!(table("rustc 1.0", 900.0).compare(&accepted).is_empty());
        let faults = table("rustc 1.0", 1031.0).compare(&accepted);
        assert!(faults.len() == 1 && faults[0].starts_with("qos1-w64 "), "{faults:?}");
    }

    #[test]
    fn another_compiler_gates_nothing() {
        assert!(table("rustc 2.0", 2000.0).compare(&table("rustc 1.0", 1000.0)).is_empty());
    }

    #[test]
    fn a_row_that_is_missing_is_a_fault() {
        let accepted = Table { rows: Vec::new(), ..table("rustc 1.0", 0.0) };
        assert_eq!(table("rustc 1.0", 1.0).compare(&accepted).len(), 1);
    }

    #[test]
    fn every_row_of_the_program_is_counted() {
        let names = |file: &str| {
            let text = std::fs::read_to_string(crate::root().join(FOLDER).join(file)).expect("the program is there");
            let names =
                text.split("Row { name: \"").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()));
            names.collect::<Vec<_>>()
        };
        assert_eq!(names("src/bin/messages/speed.rs"), ROWS);
        assert_eq!(names("src/bin/messages/worst.rs"), WORST.map(|(name, _)| name));
        assert_eq!(names("src/bin/crowd.rs"), CROWDED.map(|(name, ..)| name));
    }
}
