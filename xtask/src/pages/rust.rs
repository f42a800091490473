//! Blocks of Rust: each is written to a file of its own as the page shows it, and the compiler judges.
//!
//! What a reader copies lacks the lines that rustdoc hides, so an example that needs one compiles as a documentation test and nowhere else. A block with a `main`
//! is a program, another one a module. A block that begins with `mod NAME;` gets the file that the guide shows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::source::{self, Block, blocks};
use crate::files::read;
use crate::shell::Shell;
use crate::{Result, root};

/// Where the package with the blocks is written.
const FOLDER: &str = "target/pages";
/// What is built for it is kept beside it.
const TARGET: &str = "CARGO_TARGET_DIR=../pages-build";

/// Where pages come from, beside the files of Markdown: folders with documentation comments, and what these include.
const SOURCES: [&str; 8] = [
    "src",
    "trace/src",
    "clients/agent/src",
    "clients/embassy/src",
    "clients/net/src",
    "clients/threads/src",
    "clients/tokio/src",
    "tools/test-broker/src",
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
tokio = { version = "1", features = ["io-util", "macros", "net", "rt", "signal", "sync", "time"] }
tracing = { version = "0.1", default-features = false }

[workspace]
"#;

/// Writes all blocks, and lets the compiler judge.
pub fn check(shell: &Shell) -> Result {
    let folder = root().join(FOLDER);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(|error| format!("{FOLDER}: {error}."))?;
    }
    let mut package = Package::new()?;
    let commented = sources()?.into_iter().map(|file| source::page(&file)).collect::<Result<Vec<_>>>()?;
    let markdown = source::all()?.into_iter().filter(|page| page.file.extension().is_some_and(|end| end == "md"));
    for page in commented.into_iter().chain(markdown) {
        for block in blocks(&page.text).iter().filter(|block| block.is_compiled()) {
            package.add(&format!("{}_{}", page.name(), block.line), block)?;
        }
    }
    println!("{} examples, each in a file of its own in {FOLDER}.", package.seen.len());
    package.write(&folder)?;
    let package = shell.inside(FOLDER).ok_or("the package with the examples is gone.")?;
    package.run(&format!(
        "{TARGET} CARGO_ENCODED_RUSTFLAGS=-Dwarnings\u{1f}-Adead_code cargo check --quiet --lib --examples --keep-going"
    ))
}

fn sources() -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for source in SOURCES {
        found.extend(source::files(Path::new(source))?);
    }
    found.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    Ok(found)
}

/// The files of the package with the blocks.
struct Package {
    files: BTreeMap<String, String>,
    modules: String,
    /// The code of all blocks: many pages are files of their own, and included in another one.
    seen: BTreeSet<String>,
}

impl Package {
    fn new() -> Result<Self> {
        let lock = read(&root().join("Cargo.lock"))?;
        let files = [("Cargo.toml".into(), MANIFEST.to_owned()), ("Cargo.lock".into(), lock)].into();
        Ok(Self { files, modules: "//! Examples without a `main`.\n".into(), seen: BTreeSet::new() })
    }

    fn add(&mut self, name: &str, block: &Block) -> Result {
        let code = block.shown();
        if !self.seen.insert(code.clone()) {
            return Ok(());
        }
        if !code.lines().any(|line| line.contains("fn main()")) {
            self.modules.push_str(&format!("#[allow(dead_code, unused_imports)]\nmod {name};\n"));
            self.files.insert(format!("src/{name}.rs"), code);
            return Ok(());
        }
        for (module, file) in MODULES.into_iter().filter(|(module, _)| names(&code, module)) {
            self.files.insert(format!("examples/{name}/{module}.rs"), read(&root().join(file))?);
        }
        self.files.insert(format!("examples/{name}/main.rs"), code);
        Ok(())
    }

    fn write(mut self, folder: &Path) -> Result {
        self.files.insert("src/lib.rs".into(), self.modules);
        for (name, text) in self.files {
            let path = folder.join(name);
            let failed = |error: std::io::Error| format!("{FOLDER}: {error}.");
            path.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(failed)?;
            std::fs::write(path, text).map_err(failed)?;
        }
        Ok(())
    }
}

fn names(code: &str, module: &str) -> bool {
    let line = format!("mod {module};");
    code.lines().any(|code| code.starts_with(&line))
}
