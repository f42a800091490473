//! What a source file says of other modules: its `mod` lines, and every path that begins with `crate`, `super` or `self`.

use std::ops::Range;

/// What was read of one file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The modules in files of their own.
    pub modules: Vec<String>,
    pub paths: Vec<Named>,
}

/// A path to something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub segments: Vec<String>,
    /// What it is called here, if it was imported; `*` for everything.
    pub imported: Option<String>,
    /// It can be named from outside: `pub use`, or `pub(crate) use`.
    pub is_exported: bool,
    /// How many modules within the file it stands in.
    pub depth: usize,
    pub line: usize,
}

impl Source {
    /// Reads the code of a file, without its tests.
    pub fn read(text: &str) -> Self {
        let code = without_tests(without_text(text));
        let inner = inner_modules(&code);
        let mut source = Self::default();
        let mut position = 0;
        while let Some((start, word)) = next_word(&code, position) {
            let end = start + word.len();
            position = end;
            let at = || Place {
                depth: inner.iter().filter(|range| range.contains(&start)).count(),
                line: line(&code, start),
            };
            match word {
                "mod" => {
                    let name = next_word(&code, end).map_or("", |(_, name)| name);
                    let behind = next_word(&code, end).map_or(end, |(start, name)| start + name.len());
                    if code[behind..].trim_start().starts_with(';') {
                        source.modules.push(name.to_owned());
                    }
                }
                "use" => {
                    let length = code[end..].find(';').unwrap_or(code.len() - end);
                    let (at, is_exported) = (at(), is_public(&code[..start]));
                    import(&code[end..end + length], &[], &mut |segments, name| {
                        source.paths.push(at.named(segments, Some(name), is_exported));
                    });
                    position = end + length;
                }
                "crate" | "super" | "self" if code[end..].starts_with("::") && !code[..start].ends_with("in ") => {
                    let length = code[start..].find(|c| !is_part_of_path(c)).unwrap_or(code.len() - start);
                    let segments = code[start..start + length].split("::").filter(|segment| !segment.is_empty());
                    source.paths.push(at().named(segments.map(str::to_owned).collect(), None, false));
                    position = start + length;
                }
                _ => {}
            }
        }
        source
    }
}

/// Where a path stands.
struct Place {
    depth: usize,
    line: usize,
}

impl Place {
    const fn named(&self, segments: Vec<String>, imported: Option<String>, is_exported: bool) -> Named {
        Named { segments, imported, is_exported, depth: self.depth, line: self.line }
    }
}

const fn is_part_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

const fn is_part_of_path(c: char) -> bool {
    is_part_of_word(c) || c == ':'
}

fn next_word(code: &str, from: usize) -> Option<(usize, &str)> {
    let start = from + code[from..].find(is_part_of_word)?;
    let rest = &code[start..];
    Some((start, &rest[..rest.find(|c| !is_part_of_word(c)).unwrap_or(rest.len())]))
}

fn line(code: &str, position: usize) -> usize {
    1 + code[..position].matches('\n').count()
}

/// Whether the code ends with `pub` or `pub(…)`.
fn is_public(before: &str) -> bool {
    let before = before.trim_end();
    before.strip_suffix(')').and_then(|rest| rest.rsplit_once('(')).map_or(before, |(rest, _)| rest).ends_with("pub")
}

/// Takes a tree of imports apart: `a::{b, c as d}`.
fn import(tree: &str, before: &[String], note: &mut dyn FnMut(Vec<String>, String)) {
    let tree = tree.trim();
    let path = |text: &str| -> Vec<String> {
        let segments = text.split("::").map(str::trim).filter(|segment| !segment.is_empty());
        before.iter().cloned().chain(segments.map(str::to_owned)).collect()
    };
    if let Some((start, list)) = tree.split_once('{') {
        let list = list.trim_end().strip_suffix('}').unwrap_or(list);
        let before = path(start);
        return split_list(list).into_iter().for_each(|item| import(item, &before, note));
    }
    let (full, alias) = tree.split_once(" as ").map_or((tree, None), |(full, alias)| (full, Some(alias.trim())));
    let mut segments = path(full);
    if segments.last().is_some_and(|last| last == "self") && segments.len() > 1 {
        segments.pop();
    }
    if let Some(last) = segments.last().cloned() {
        note(segments, alias.map_or(last, str::to_owned));
    }
}

/// The items of a list, whose commas inside braces don't count.
fn split_list(list: &str) -> Vec<&str> {
    let (mut items, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (position, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                items.push(&list[start..position]);
                start = position + 1;
            }
            _ => {}
        }
    }
    items.push(&list[start..]);
    items.retain(|item| !item.trim().is_empty());
    items
}

/// The same text with blanks for comments, strings and characters.
fn without_text(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut position = 0;
    while position < bytes.len() {
        let rest = &text[position..];
        let length = text_length(rest, position.checked_sub(1).map(|before| bytes[before]));
        if length == 0 {
            position += rest.chars().next().map_or(1, char::len_utf8);
            continue;
        }
        blank(&mut code, position..position + length);
        position += length;
    }
    String::from_utf8_lossy(&code).into_owned()
}

/// How long the comment, string or character is that begins here; 0 if none does.
fn text_length(rest: &str, before: Option<u8>) -> usize {
    let until = |end: &str, from: usize| rest[from..].find(end).map_or(rest.len(), |at| from + at + end.len());
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return until("*/", 2);
    }
    if rest.starts_with('"') {
        return quoted_length(rest);
    }
    let is_word = before.is_some_and(|byte| is_part_of_word(byte.into()) && byte != b'b');
    if rest.starts_with('r') && !is_word {
        let hashes = rest[1..].bytes().take_while(|byte| *byte == b'#').count();
        if rest[1 + hashes..].starts_with('"') {
            return until(&format!("\"{}", "#".repeat(hashes)), 2 + hashes);
        }
    }
    match rest.strip_prefix('\'').map(|inside| (inside, inside.chars().next())) {
        Some((inside, Some('\\'))) => inside[2..].find('\'').map_or(0, |at| at + 4),
        Some((inside, Some(c))) if inside[c.len_utf8()..].starts_with('\'') => c.len_utf8() + 2,
        _ => 0, // a lifetime, or none of them
    }
}

fn quoted_length(rest: &str) -> usize {
    let mut is_escaped = false;
    for (position, c) in rest.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return position + 1,
            _ => {}
        }
    }
    rest.len()
}

fn blank(code: &mut [u8], range: Range<usize>) {
    code[range].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
}

/// The same code with blanks for what is compiled for tests alone.
fn without_tests(code: String) -> String {
    let mut bytes = code.clone().into_bytes();
    for attribute in ["#[cfg(test)]", "#[cfg(all(test,"] {
        for (start, _) in code.match_indices(attribute) {
            blank(&mut bytes, start..start + item_length(&code[start..]));
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// How long an item is with its attributes: up to its semicolon, or the end of its block.
fn item_length(code: &str) -> usize {
    let mut depth = 0_usize;
    for (position, c) in code.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            '}' => {
                depth = depth.saturating_sub(1);
                let end = position + 1;
                if depth == 0 {
                    return if code[end..].trim_start().starts_with(';') {
                        end + code[end..].find(';').unwrap_or(0) + 1
                    } else {
                        end
                    };
                }
            }
            ';' if depth == 0 => return position + 1,
            _ => {}
        }
    }
    code.len()
}

/// Where the modules are that have no file of their own.
fn inner_modules(code: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut position = 0;
    while let Some((start, word)) = next_word(code, position) {
        position = start + word.len();
        if word == "mod" {
            let length = item_length(&code[start..]);
            if code[start..start + length].ends_with('}') {
                ranges.push(start..start + length);
            }
        }
    }
    ranges
}
