//! A file of source text: places to offsets, and the text with the switches in it.

use std::ops::Range;

use crate::list::Place;

/// The text of a file with the offset of each line.
pub struct Source {
    pub text: String,
    lines: Vec<usize>,
}

impl Source {
    pub fn new(text: String) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, lines }
    }

    /// The offset in bytes of a place.
    pub fn offset(&self, place: Place) -> usize {
        let start = self.lines[place.line - 1];
        let line = &self.text[start..];
        start + line.char_indices().nth(place.column - 1).map_or(line.len(), |(at, _)| at)
    }

    /// The range in bytes of what the compiler's parser read.
    pub fn range(&self, span: proc_macro2::Span) -> Range<usize> {
        let place = |at: proc_macro2::LineColumn| self.offset(Place { line: at.line, column: at.column + 1 });
        place(span.start())..place(span.end())
    }
}

/// A change that can be switched on.
pub enum Edit {
    /// The expression in `range` becomes one of `choices` if the switch with its number is on.
    Choose { range: Range<usize>, choices: Vec<(usize, String)> },
    /// A text more, for the mutant with this number.
    Insert { at: usize, mutant: usize, text: String },
}

impl Edit {
    fn range(&self) -> Range<usize> {
        match self {
            Self::Choose { range, .. } => range.clone(),
            Self::Insert { at, .. } => *at..*at,
        }
    }
}

/// The text that came out, and where in it each mutant stands.
#[derive(Default)]
pub struct Woven {
    pub text: String,
    pub places: Vec<(Range<usize>, usize)>,
}

/// The whole text with all edits.
pub fn weave(source: &Source, mut edits: Vec<Edit>) -> Woven {
    let is_choice = |edit: &Edit| matches!(edit, Edit::Choose { .. });
    edits.sort_by_key(|edit| (edit.range().start, is_choice(edit), std::cmp::Reverse(edit.range().end)));
    let mut woven = Woven::default();
    woven.write(&source.text, 0..source.text.len(), &edits);
    woven
}

impl Woven {
    /// Writes `range` of the text; `edits` are those within it, outer ones before inner ones.
    fn write(&mut self, text: &str, range: Range<usize>, mut edits: &[Edit]) {
        let mut at = range.start;
        while let Some((edit, rest)) = edits.split_first() {
            let place = edit.range();
            self.text.push_str(&text[at..place.start]);
            at = place.end;
            edits = match edit {
                Edit::Insert { mutant, text, .. } => {
                    self.mark(*mutant, text);
                    rest
                }
                Edit::Choose { choices, .. } => {
                    let inner = rest.partition_point(|other| other.range().start < place.end);
                    self.choose(choices);
                    self.write(text, place, &rest[..inner]);
                    self.text.push_str(" })");
                    &rest[inner..]
                }
            };
        }
        self.text.push_str(&text[at..range.end]);
    }

    fn choose(&mut self, choices: &[(usize, String)]) {
        self.text.push('(');
        for (mutant, choice) in choices {
            self.text.push_str(&format!("if crate::mutants::on({mutant}) {{ "));
            self.mark(*mutant, choice);
            self.text.push_str(" } else ");
        }
        self.text.push_str("{ ");
    }

    fn mark(&mut self, mutant: usize, text: &str) {
        let start = self.text.len();
        self.text.push_str(text);
        self.places.push((start..self.text.len(), mutant));
    }
}
