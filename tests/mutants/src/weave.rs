//! Finds the place of each mutant in the syntax tree, and says what to write there.

use std::collections::BTreeMap;

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::Result;
use crate::list::{Kind, Mutant, Place};
use crate::source::{Edit, Source};

/// The edits for the mutants of one file, and those mutants that no place was found for.
pub fn edits(source: &Source, mutants: &[(usize, &Mutant)]) -> Result<(Vec<Edit>, Vec<usize>)> {
    let file = syn::parse_file(&source.text).map_err(|error| error.to_string())?;
    let mut at: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (number, mutant) in mutants {
        at.entry((mutant.start, mutant.kind as u8)).or_default().push((*number, *mutant));
    }
    let mut finder = Finder { source, at, edits: Vec::new() };
    finder.functions();
    finder.visit_file(&file);
    let left = finder.at.into_values().flatten().map(|(number, _)| number).collect();
    Ok((finder.edits, left))
}

struct Finder<'a> {
    source: &'a Source,
    /// The mutants that have no place yet, by where they begin.
    at: BTreeMap<(Place, u8), Vec<(usize, &'a Mutant)>>,
    edits: Vec<Edit>,
}

impl Finder<'_> {
    /// A function that returns something else at once.
    fn functions(&mut self) {
        for ((_, kind), mutants) in &self.at {
            if *kind != Kind::FnValue as u8 {
                continue;
            }
            for (number, mutant) in mutants {
                let text = format!("if crate::mutants::on({number}) {{ return {}; }} ", mutant.replacement);
                self.edits.push(Edit::Insert { at: self.source.offset(mutant.start), mutant: *number, text });
            }
        }
        self.at.retain(|(_, kind), _| *kind != Kind::FnValue as u8);
    }

    fn take(&mut self, span: Span, kind: Kind) -> Vec<(usize, String)> {
        let start = span.start();
        let key = (Place { line: start.line, column: start.column + 1 }, kind as u8);
        let found = self.at.remove(&key).unwrap_or_default();
        found.into_iter().map(|(number, mutant)| (number, mutant.replacement.clone())).collect()
    }

    fn choose(&mut self, span: Span, choices: Vec<(usize, String)>) {
        if !choices.is_empty() {
            self.edits.push(Edit::Choose { range: self.source.range(span), choices });
        }
    }

    fn text(&self, span: Span) -> &str {
        &self.source.text[self.source.range(span)]
    }

    /// The text of `outer` with the text of `inner`, a part of it, replaced.
    fn replaced(&self, outer: Span, inner: std::ops::Range<usize>, by: &str) -> String {
        let range = self.source.range(outer);
        format!("{}{by}{}", &self.source.text[range.start..inner.start], &self.source.text[inner.end..range.end])
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_expr_binary(&mut self, node: &'ast syn::ExprBinary) {
        let found = self.take(node.op.span(), Kind::BinaryOperator);
        let operator = self.source.range(node.op.span());
        let choices = found.into_iter().map(|(n, by)| (n, self.replaced(node.span(), operator.clone(), &by))).collect();
        self.choose(node.span(), choices);
        visit::visit_expr_binary(self, node);
    }

    fn visit_expr_unary(&mut self, node: &'ast syn::ExprUnary) {
        let found = self.take(node.op.span(), Kind::UnaryOperator);
        let choices = found.into_iter().map(|(n, _)| (n, self.text(node.expr.span()).to_owned())).collect();
        self.choose(node.span(), choices);
        visit::visit_expr_unary(self, node);
    }

    fn visit_expr_struct(&mut self, node: &'ast syn::ExprStruct) {
        let mut choices = Vec::new();
        for pair in node.fields.pairs() {
            let mut range = self.source.range(pair.value().span());
            if let Some(comma) = pair.punct() {
                range.end = self.source.range(comma.span()).end;
            }
            let found = self.take(pair.value().span(), Kind::StructField);
            choices.extend(found.into_iter().map(|(n, _)| (n, self.replaced(node.span(), range.clone(), ""))));
        }
        self.choose(node.span(), choices);
        visit::visit_expr_struct(self, node);
    }

    fn visit_arm(&mut self, node: &'ast syn::Arm) {
        let gone = self.take(node.span(), Kind::MatchArm);
        if let Some((_, guard)) = &node.guard {
            let mut choices = self.take(guard.span(), Kind::MatchArmGuard);
            choices.extend(gone.into_iter().map(|(n, _)| (n, "false".to_owned())));
            self.choose(guard.span(), choices);
        } else if let Some((number, _)) = gone.first() {
            let text = format!(" if !crate::mutants::on({number})");
            let at = self.source.range(node.pat.span()).end;
            self.edits.push(Edit::Insert { at, mutant: *number, text });
        }
        visit::visit_arm(self, node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::weave;

    fn woven(text: &str, mutants: &[(Kind, usize, &str)]) -> String {
        let mutant = |(kind, column, by): &(Kind, usize, &str)| Mutant {
            file: String::new(),
            name: String::new(),
            kind: *kind,
            start: Place { line: 1, column: *column },
            replacement: (*by).to_owned(),
        };
        let mutants: Vec<Mutant> = mutants.iter().map(mutant).collect();
        let numbered: Vec<(usize, &Mutant)> = mutants.iter().enumerate().collect();
        let source = Source::new(text.to_owned());
        let (edits, left) = edits(&source, &numbered).unwrap();
        assert!(left.is_empty(), "{left:?}");
        weave(&source, edits).text.replace("crate::mutants::", "")
    }

    #[test]
    fn an_operator_inside_an_operand_is_in_the_unchanged_branch_alone() {
        let mutants = [(Kind::BinaryOperator, 29, ">"), (Kind::BinaryOperator, 26, "-"), (Kind::FnValue, 25, "true")];
        let text = woven("fn f(a: u8) -> bool  {  a+1 < 3 }", &mutants);
        let sum = "(if on(1) { a-1 } else { a+1 })";
        let expected = format!("if on(2) {{ return true; }} (if on(0) {{ a+1 > 3 }} else {{ {sum} < 3 }})");
        assert_eq!(text, format!("fn f(a: u8) -> bool  {{  {expected} }}"));
    }

    #[test]
    fn an_arm_goes_by_its_guard() {
        let text = "fn f(a: u8) { match a { 1 => g(), 2 if h() => k(), _ => {} } }";
        let mutants = [(Kind::MatchArm, 25, ""), (Kind::MatchArm, 35, ""), (Kind::MatchArmGuard, 40, "true")];
        let guard = "(if on(2) { true } else if on(1) { false } else { h() })";
        let arms = format!("1 if !on(0) => g(), 2 if {guard} => k(), _ => {{}}");
        assert_eq!(woven(text, &mutants), format!("fn f(a: u8) {{ match a {{ {arms} }} }}"));
    }

    #[test]
    fn a_negation_and_a_field_go() {
        let text = "fn f() -> S { S { a: !b, ..c } }";
        let mutants = [(Kind::StructField, 19, ""), (Kind::UnaryOperator, 22, "")];
        let field = "S { a: (if on(1) { b } else { !b }), ..c }";
        assert_eq!(
            woven(text, &mutants),
            format!("fn f() -> S {{ (if on(0) {{ S {{  ..c }} }} else {{ {field} }}) }}")
        );
    }
}
