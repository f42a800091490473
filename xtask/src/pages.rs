//! `pages`: every example compiles when it is copied out of the rendered page into a file of its own.
//!
//! What a reader copies lacks the lines that rustdoc hides, so an example that needs one compiles as a documentation test and nowhere else. Here each block is
//! written to a file as the page shows it: one with a `main` is a program, another one a module. A block that begins with `mod NAME;` gets the file that the
//! guide shows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::shell::Shell;
use crate::{Result, root};

/// Where the package with the blocks is written.
const FOLDER: &str = "target/pages";
/// What is built for it is kept beside it.
const TARGET: &str = "CARGO_TARGET_DIR=../pages-build";

/// Where pages come from: folders with documentation comments, and Markdown that no comment includes.
const SOURCES: [&str; 11] = [
    "src",
    "trace/src",
    "clients/agent/src",
    "clients/net/src",
    "clients/tokio/src",
    "tools/test-broker/src",
    "clients/embassy/src",
    "README.md",
    "trace/README.md",
    "clients/net/README.md",
    "clients/threads/README.md",
];

/// Files that examples name with `mod`, as the guide shows them.
const MODULES: [(&str, &str); 2] = [("pair", "src/guide/pair.rs"), ("host", "src/guide/hosts/host.rs")];

const MANIFEST: &str = r#"[package]
name = "pages"
version = "0.0.0"
edition = "2024"
publish = false

[dependencies]
bytes = "1"
embassy-futures = "0.1"
embassy-time = "0.5"
embedded-io-async = "0.7"
embedded-nal-async = "0.9"
embedded-storage-async = "0.4"
heapless = "0.9"
pure-mqtt = { path = "../..", features = ["bytes", "heapless", "journal"] }
pure-mqtt-agent = { path = "../../clients/agent" }
pure-mqtt-client = { path = "../../clients/threads" }
pure-mqtt-embassy = { path = "../../clients/embassy", features = ["flash", "nal"] }
pure-mqtt-net = { path = "../../clients/net" }
pure-mqtt-tokio = { path = "../../clients/tokio", features = ["trace-context", "tracing"] }
pure-mqtt-test-broker = { path = "../../tools/test-broker" }
pure-mqtt-trace = { path = "../../trace" }
tempfile = "3"
tokio = { version = "1", features = ["io-util", "macros", "net", "rt", "sync", "time"] }
tracing = { version = "0.1", default-features = false }

[workspace]
"#;

/// A block of code as a page shows it.
#[derive(PartialEq, Eq, Debug)]
struct Block {
    /// Behind the fence.
    info: String,
    code: String,
    /// Where the text that it stands in came from, and the line there.
    line: usize,
}

/// Writes all blocks, and lets the compiler judge.
pub fn check(shell: &Shell) -> Result {
    let folder = root().join(FOLDER);
    let failed = |error: std::io::Error| format!("{FOLDER}: {error}.");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(failed)?;
    }
    let mut files = BTreeMap::new();
    let mut modules = String::from("//! Examples without a `main`.\n");
    let mut count = 0;
    for page in pages()? {
        for block in blocks(&page.text).into_iter().filter(Block::is_compiled) {
            count += 1;
            let name = format!("{}_{}", page.name(), block.line);
            if block.code.lines().any(|line| line.contains("fn main()")) {
                for (module, file) in MODULES.into_iter().filter(|(module, _)| block.names(module)) {
                    files.insert(format!("examples/{name}/{module}.rs"), read(&root().join(file))?);
                }
                files.insert(format!("examples/{name}/main.rs"), block.code);
            } else {
                modules.push_str(&format!("#[allow(dead_code, unused_imports)]\nmod {name};\n"));
                files.insert(format!("src/{name}.rs"), block.code);
            }
        }
    }
    files.insert("src/lib.rs".into(), modules);
    files.insert("Cargo.toml".into(), MANIFEST.to_owned());
    files.insert("Cargo.lock".into(), read(&root().join("Cargo.lock"))?);
    for (name, text) in files {
        let path = folder.join(name);
        path.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(failed)?;
        std::fs::write(path, text).map_err(failed)?;
    }
    println!("{count} examples, each in a file of its own in {FOLDER}.");
    let package = shell.inside(FOLDER).ok_or("the package with the examples is gone.")?;
    package.run(&format!(
        "{TARGET} CARGO_ENCODED_RUSTFLAGS=-Dwarnings\u{1f}-Adead_code cargo check --quiet --lib --examples --keep-going"
    ))
}

/// The text of one page, or of all the pages of one file.
struct Page {
    file: PathBuf,
    text: String,
}

impl Page {
    fn name(&self) -> String {
        let path = self.file.with_extension("");
        path.to_string_lossy().to_lowercase().replace(|letter: char| !letter.is_ascii_alphanumeric(), "_")
    }
}

fn pages() -> Result<Vec<Page>> {
    let mut pages = Vec::new();
    let mut rest: Vec<PathBuf> = SOURCES.iter().map(PathBuf::from).collect();
    while let Some(file) = rest.pop() {
        let path = root().join(&file);
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).map_err(|error| format!("{}: {error}.", path.display()))?;
            rest.extend(entries.flatten().map(|entry| file.join(entry.file_name())));
            continue;
        }
        let is_rust = file.extension().is_some_and(|extension| extension == "rs");
        let text = match is_rust {
            true => comments(&read(&path)?, &file)?,
            false if SOURCES.iter().any(|source| Path::new(source) == file) => read(&path)?,
            false => continue,
        };
        pages.push(Page { file, text });
    }
    Ok(pages)
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}.", path.display()))
}

/// The documentation in a file, with what it includes. An empty line stands for other code, so that lines keep their numbers until the first inclusion.
fn comments(source: &str, file: &Path) -> Result<String> {
    let mut text = String::new();
    for line in source.lines().map(str::trim_start) {
        let doc = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"));
        let attribute = line.strip_prefix("#[doc = ").or_else(|| line.strip_prefix("#![doc = "));
        let attribute = attribute.or_else(|| {
            line.strip_prefix("#[cfg_attr(feature").and_then(|rest| rest.split_once("doc = ")).map(|(_, rest)| rest)
        });
        match (doc, attribute) {
            (Some(doc), _) => text.push_str(doc.strip_prefix(' ').unwrap_or(doc)),
            (None, Some(value)) => match value.split('"').nth(1) {
                Some(included) if value.starts_with("include_str!") => {
                    let path = file.parent().unwrap_or(file).join(included);
                    text.push_str(read(&root().join(path))?.trim_end());
                }
                _ => text.push_str(literal(value)),
            },
            (None, None) => {}
        }
        text.push('\n');
    }
    Ok(text)
}

/// What stands in a string literal, plain or raw, without escapes.
fn literal(value: &str) -> &str {
    let value = value.trim_end_matches(['#', ']', ')']).trim_start_matches(['r', '#']);
    value.trim_start_matches('"').trim_end_matches(['#', '"'])
}

/// The blocks of a text, without the lines that rustdoc hides.
fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in text.lines().enumerate() {
        match (&mut open, line.trim().strip_prefix("```")) {
            (None, Some(info)) => open = Some(Block { info: info.into(), code: String::new(), line: index + 1 }),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => {
                let is_hidden = line.trim() == "#" || line.trim_start().starts_with("# ");
                if !is_hidden {
                    block.code.push_str(&line.replacen("##", "#", usize::from(line.trim_start().starts_with("##"))));
                    block.code.push('\n');
                }
            }
            (None, None) => {}
        }
    }
    blocks
}

impl Block {
    /// Rust that is meant to compile.
    fn is_compiled(&self) -> bool {
        self.info.split(',').all(|word| matches!(word.trim(), "" | "rust" | "no_run" | "should_panic"))
    }

    fn names(&self, module: &str) -> bool {
        let line = format!("mod {module};");
        self.code.lines().any(|code| code.starts_with(&line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_what_the_page_shows() {
        let source = "/// A thing.\n///\n/// ```\n/// # use hidden;\n/// let shown = 1;\n/// ```\nstruct Thing;\n";
        let text = comments(source, Path::new("src/lib.rs")).expect("nothing is included");
        let block = Block { info: String::new(), code: "let shown = 1;\n".into(), line: 3 };
        assert_eq!(blocks(&text), [block]);
    }

    #[test]
    fn what_is_included_is_part_of_the_page() {
        let source = "#[doc = \"```\"]\n#[doc = include_str!(\"pair.rs\")]\n#[doc = \"```\"]\npub mod testing {}\n";
        let text = comments(source, Path::new("src/guide/mod.rs")).expect("the file is there");
        let pair = read(&root().join("src/guide/pair.rs")).expect("the file is there");
        assert_eq!(blocks(&text).first().map(|block| block.code.as_str()), Some(pair.as_str()));
    }

    #[test]
    fn literals_lose_their_quotes() {
        assert_eq!(literal("\"```no_run\")]"), "```no_run");
        assert_eq!(literal("r#\"# mod host { x(\"y\"); }\"#]"), "# mod host { x(\"y\"); }");
    }

    #[test]
    fn other_blocks_are_left_out() {
        let text = "```text\na\n```\n```compile_fail,E0382\nb\n```\n```no_run\nc\n```\n";
        let kept: Vec<_> = blocks(text).into_iter().filter(Block::is_compiled).map(|block| block.code).collect();
        assert_eq!(kept, ["c\n"]);
    }
}
