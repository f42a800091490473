//! What pages hold: the blocks of Markdown and of documentation comments.

use std::path::{Path, PathBuf};

use crate::files::read;
use crate::{Result, root};

/// Folders without pages: what is built, downloaded or generated.
const LEFT_OUT: [&str; 3] = ["target", "corpus", "artifacts"];

/// A fenced block as it stands in its page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Block {
    /// What stands behind the fence.
    pub info: String,
    /// The lines of the block, each with its line break.
    pub code: String,
    /// The line of the opening fence in the page's text.
    pub line: usize,
}

/// The text of one page, or of all the pages of one file.
pub struct Page {
    /// Where it is, as seen from the root.
    pub file: PathBuf,
    /// Its Markdown.
    pub text: String,
}

impl Page {
    /// A name for the page that an identifier can begin with.
    pub fn name(&self) -> String {
        let path = self.file.with_extension("");
        path.to_string_lossy().to_lowercase().replace(|letter: char| !letter.is_ascii_alphanumeric(), "_")
    }

    /// The page's place, with a line in it.
    pub fn place(&self, line: usize) -> String {
        format!("{}:{line}", self.file.display())
    }
}

/// Each Markdown file of the repository, and the documentation comments of each file of Rust, without what they include.
pub fn all() -> Result<Vec<Page>> {
    let mut pages = Vec::new();
    for file in files(Path::new(""))? {
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("md") => pages.push(Page { text: read(&root().join(&file))?, file }),
            Some("rs") => pages.push(Page { text: own_comments(&read(&root().join(&file))?), file }),
            _ => {}
        }
    }
    Ok(pages)
}

/// The page at `file`, with what its comments include.
pub fn page(file: &Path) -> Result<Page> {
    let text = read(&root().join(file))?;
    let is_rust = file.extension().is_some_and(|extension| extension == "rs");
    let text = if is_rust { comments(&text, file)? } else { text };
    Ok(Page { file: file.to_owned(), text })
}

/// All files in a folder and below, in order, as seen from the root.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut rest = vec![folder.to_owned()];
    while let Some(file) = rest.pop() {
        let path = root().join(&file);
        if !path.is_dir() {
            found.push(file);
            continue;
        }
        let entries = std::fs::read_dir(&path).map_err(|error| format!("{}: {error}.", path.display()))?;
        let names = entries.flatten().map(|entry| entry.file_name());
        let names = names.filter(|name| name.to_str().is_some_and(|name| !LEFT_OUT.contains(&name) && name != ".git"));
        rest.extend(names.map(|name| file.join(name)));
    }
    found.sort();
    Ok(found)
}

/// The documentation in a file, and an empty line for each line of other code.
fn own_comments(source: &str) -> String {
    source.lines().map(|line| comment(line.trim_start()).unwrap_or_default().to_owned() + "\n").collect()
}

/// The text of a line that is a documentation comment.
fn comment(line: &str) -> Option<&str> {
    let doc = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"))?;
    Some(doc.strip_prefix(' ').unwrap_or(doc))
}

/// The documentation in a file, with what it includes. An empty line stands for other code, so that lines keep their numbers until the first inclusion.
pub fn comments(source: &str, file: &Path) -> Result<String> {
    let mut text = String::new();
    for line in source.lines().map(str::trim_start) {
        let attribute = line.strip_prefix("#[doc = ").or_else(|| line.strip_prefix("#![doc = "));
        let attribute = attribute.or_else(|| {
            line.strip_prefix("#[cfg_attr(feature").and_then(|rest| rest.split_once("doc = ")).map(|(_, rest)| rest)
        });
        match (comment(line), attribute) {
            (Some(doc), _) => text.push_str(doc),
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

/// The blocks of a text.
pub fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in text.lines().enumerate() {
        match (&mut open, line.trim().strip_prefix("```")) {
            (None, Some(info)) => open = Some(Block { info: info.into(), code: String::new(), line: index + 1 }),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => {
                block.code.push_str(line);
                block.code.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

/// The code inside the lines of a text, with the number of its line.
pub fn spans(text: &str) -> Vec<(usize, &str)> {
    let mut spans = Vec::new();
    let mut is_block = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim().starts_with("```") {
            is_block = !is_block;
        } else if !is_block {
            spans.extend(line.split('`').skip(1).step_by(2).map(|span| (index + 1, span)));
        }
    }
    spans
}

impl Block {
    /// Whether it is Rust that is meant to compile.
    pub fn is_compiled(&self) -> bool {
        self.info.split(',').all(|word| matches!(word.trim(), "" | "rust" | "no_run" | "should_panic"))
    }

    /// The code of Rust without the lines that rustdoc hides.
    pub fn shown(&self) -> String {
        let lines = self.code.lines().filter(|line| line.trim() != "#" && !line.trim_start().starts_with("# "));
        let unescaped = |line: &str| line.replacen("##", "#", usize::from(line.trim_start().starts_with("##")));
        lines.map(|line| unescaped(line) + "\n").collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_what_the_page_shows() {
        let source = "/// A thing.\n///\n/// ```\n/// # use hidden;\n/// let shown = 1;\n/// ```\nstruct Thing;\n";
        let text = comments(source, Path::new("src/lib.rs")).expect("nothing is included");
        let code = "# use hidden;\nlet shown = 1;\n".into();
        assert_eq!(blocks(&text), [Block { info: String::new(), code, line: 3 }]);
        assert_eq!(blocks(&own_comments(source)), blocks(&text));
        assert_eq!(blocks(&text)[0].shown(), "let shown = 1;\n");
    }

    #[test]
    fn what_is_included_is_part_of_the_page() {
        let source = "#[doc = \"```\"]\n#[doc = include_str!(\"pair.rs\")]\n#[doc = \"```\"]\npub mod testing {}\n";
        let text = comments(source, Path::new("src/guide/mod.rs")).expect("the file is there");
        let pair = read(&root().join("src/guide/pair.rs")).expect("the file is there");
        assert_eq!(blocks(&text).first().map(|block| block.code.as_str()), Some(pair.as_str()));
    }

    #[test]
    fn spans_are_between_single_ticks_outside_of_blocks() {
        assert_eq!(spans("a `b c` d `e`\n```sh\n`f`\n```\n`g`\n"), [(1, "b c"), (1, "e"), (5, "g")]);
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
