//! `pages`: every block of every page is what it claims to be when it is copied out of the page, and every command on a page exists.

mod commands;
mod known;
mod rust;
pub mod source;
mod tables;
mod words;
mod workflows;

use known::Known;
use source::{Page, blocks};

use crate::Result;
use crate::shell::Shell;

/// Checks all blocks, those that need no compiler first.
pub fn check(shell: &Shell) -> Result {
    let known = Known::load(shell)?;
    shell.run("cargo build --quiet -p pure-mqtt-cli")?;
    let mut report = Report::default();
    for page in source::all()? {
        check_page(&page, &known, &mut report);
    }
    workflows::check(&known, &mut report)?;
    report.finish()?;
    rust::check(shell)
}

fn check_page(page: &Page, known: &Known, report: &mut Report) {
    for block in blocks(&page.text) {
        let outcome = match block.info.as_str() {
            "sh" => commands::check_script(&block.code, &page.file, known),
            "toml" if is_configuration(page, &block.code) => commands::check_configuration(&block.code, known),
            "toml" => tables::check_toml(&block.code, known),
            "json" => tables::check_json(&block.code),
            "python" => tables::check_python(&block.code),
            "text" | "mermaid" => continue,
            _ if block.is_compiled() || block.info.starts_with("compile_fail") => continue,
            other => Err(format!("nothing checks blocks of `{other}`.")),
        };
        report.add(page.place(block.line), outcome);
    }
    for (line, span) in source::spans(&page.text) {
        if let Some(outcome) = commands::check_span(span, page, known) {
            report.add(page.place(line), outcome);
        }
    }
}

/// Whether a block of TOML is for the command-line client.
fn is_configuration(page: &Page, code: &str) -> bool {
    page.file.starts_with("tools/mqtt") && !code.contains("dependencies]")
}

/// What was looked at, and what is wrong with it.
#[derive(Default)]
struct Report {
    count: usize,
    wrong: Vec<String>,
}

impl Report {
    fn add(&mut self, place: String, outcome: Result) {
        self.count += 1;
        self.wrong.extend(outcome.err().map(|error| format!("{place}: {error}")));
    }

    fn finish(self) -> Result {
        println!("{} blocks, lines and commands that are not Rust.", self.count);
        if self.wrong.is_empty() { Ok(()) } else { Err(format!("\n{}", self.wrong.join("\n"))) }
    }
}
