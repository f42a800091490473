//! Which steps of the table to run.

use crate::Result;
use crate::steps::{Kind, Step};

/// The part of the table that a command is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Set-up and checks.
    All,
    /// Set-up alone.
    Setup,
}

/// The options that choose steps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Selection {
    /// What the command is about.
    pub scope: Scope,
    /// Only the steps that suit a quick look.
    pub quick: bool,
    /// Only these, unless empty.
    pub only: Vec<String>,
    /// Not these.
    pub skip: Vec<String>,
}

impl Selection {
    /// Everything in `scope`.
    pub fn new(scope: Scope) -> Self {
        Self { scope, quick: false, only: Vec::new(), skip: Vec::new() }
    }

    /// The chosen steps, in the order of `table`.
    pub fn pick(&self, table: &'static [Step]) -> Result<Vec<&'static Step>> {
        if self.quick && self.scope == Scope::Setup {
            return Err("--quick leaves all set-up out, so it only goes with `test`.".into());
        }
        if self.quick && !self.only.is_empty() {
            return Err("--quick and --only both say which steps to run; please give one of them.".into());
        }
        let scope: Vec<_> = table.iter().filter(|step| self.covers(step)).collect();
        for name in self.only.iter().chain(&self.skip) {
            check_name(name, &scope)?;
        }
        let chosen: Vec<_> = scope.into_iter().filter(|step| self.wants(step)).collect();
        if chosen.is_empty() {
            return Err("these options leave no step to run.".into());
        }
        Ok(chosen)
    }

    fn covers(&self, step: &Step) -> bool {
        self.scope == Scope::All || step.kind == Kind::Setup
    }

    fn wants(&self, step: &Step) -> bool {
        let names = |list: &[String]| list.iter().any(|name| name == step.name);
        (self.only.is_empty() || names(&self.only)) && !names(&self.skip) && (step.quick || !self.quick)
    }
}

fn check_name(name: &str, scope: &[&Step]) -> Result {
    let known: Vec<_> = scope.iter().map(|step| step.name).collect();
    if known.contains(&name) {
        return Ok(());
    }
    Err(format!("this command has no step `{name}`; its steps are {}.", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps::{STEPS, Work};

    const TABLE: &[Step] = &[
        Step { name: "tools", about: "", kind: Kind::Setup, quick: false, beside: false, work: Work::Lines(&[]) },
        Step { name: "format", about: "", kind: Kind::Check, quick: true, beside: false, work: Work::Lines(&[]) },
        Step { name: "proof", about: "", kind: Kind::Check, quick: false, beside: false, work: Work::Lines(&[]) },
    ];

    fn selection(scope: Scope, quick: bool, only: &[&str], skip: &[&str]) -> Selection {
        let strings = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        Selection { scope, quick, only: strings(only), skip: strings(skip) }
    }

    fn names(selection: &Selection) -> Result<Vec<&'static str>> {
        selection.pick(TABLE).map(|steps| steps.iter().map(|step| step.name).collect())
    }

    #[test]
    fn choices_keep_the_order_of_the_table() {
        for (scope, quick, only, skip, expected) in [
            (Scope::All, false, &[][..], &[][..], &["tools", "format", "proof"][..]),
            (Scope::Setup, false, &[], &[], &["tools"]),
            (Scope::All, true, &[], &[], &["format"]),
            (Scope::All, false, &["proof", "tools"], &[], &["tools", "proof"]),
            (Scope::All, false, &[], &["format"], &["tools", "proof"]),
            (Scope::All, false, &["proof", "tools"], &["tools"], &["proof"]),
        ] {
            let selection = selection(scope, quick, only, skip);
            assert_eq!(names(&selection).as_deref(), Ok(expected), "{selection:?}");
        }
    }

    #[test]
    fn choices_without_sense_are_refused() {
        for (scope, quick, only, skip, expected) in [
            (Scope::All, false, &["prof"][..], &[][..], "no step `prof`; its steps are tools, format, proof"),
            (Scope::All, false, &[], &["prof"], "no step `prof`"),
            (Scope::Setup, false, &["format"], &[], "no step `format`; its steps are tools."),
            (Scope::All, true, &["format"], &[], "--quick and --only"),
            (Scope::Setup, true, &[], &[], "only goes with `test`"),
            (Scope::All, false, &["proof"], &["proof"], "no step to run"),
        ] {
            let selection = selection(scope, quick, only, skip);
            let message = names(&selection).expect_err(expected);
            assert!(message.contains(expected), "{selection:?} gave {message:?}");
        }
    }

    #[test]
    fn every_real_step_can_be_chosen_by_its_name() {
        for step in STEPS {
            let chosen = selection(Scope::All, false, &[step.name], &[]).pick(STEPS).map(|steps| steps.len());
            assert_eq!(chosen, Ok(1), "{}", step.name);
        }
    }
}
