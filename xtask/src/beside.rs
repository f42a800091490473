//! The second lane: steps that build in folders of their own wait for nobody, so they run in a process of their own, beside the others.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::Result;
use crate::shell::Shell;
use crate::steps::{Kind, Step};

/// Where its output is kept until it can be shown whole.
const LOG: &str = "target/beside.log";

/// Parts the steps into those that run here, in order, and those that run beside them once the machine is set up. On one side alone there is nothing
/// to gain.
pub fn divide(steps: &[&'static Step]) -> (Vec<&'static Step>, Vec<&'static Step>) {
    let (beside, here): (Vec<&Step>, Vec<&Step>) = steps.iter().partition(|step| step.beside);
    if here.iter().any(|step| step.kind == Kind::Check) { (here, beside) } else { (steps.to_vec(), Vec::new()) }
}

/// The process with the second lane.
pub struct Beside {
    child: Child,
    log: PathBuf,
}

impl Beside {
    /// Starts it; `None` if there is nothing for it to do.
    pub fn start(shell: &Shell, steps: &[&Step]) -> Result<Option<Self>> {
        if steps.is_empty() {
            return Ok(None);
        }
        let log = shell.folder().join(LOG);
        let open = || -> std::io::Result<Child> {
            std::fs::create_dir_all(shell.folder().join("target"))?;
            let file = File::create(&log)?;
            let mut command = Command::new(std::env::current_exe()?);
            command.arg("test").args(steps.iter().flat_map(|step| ["--only", step.name]));
            command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).spawn()
        };
        let child = open().map_err(|error| format!("the second lane could not be started: {error}."))?;
        println!("\nBeside what follows run, and are shown at the end: {}.", names(steps));
        Ok(Some(Self { child, log }))
    }

    /// Waits for its end, and shows what it printed.
    pub fn finish(mut self) -> Result {
        println!("\nWaiting for what runs beside.");
        let status = self.child.wait().map_err(|error| format!("the second lane was lost: {error}."))?;
        print!("{}", String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()));
        if status.success() { Ok(()) } else { Err("a step that ran beside the others failed: see above.".into()) }
    }
}

fn names(steps: &[&Step]) -> String {
    steps.iter().map(|step| step.name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps::STEPS;

    fn named(wanted: &[&str]) -> Vec<&'static Step> {
        STEPS.iter().filter(|step| wanted.contains(&step.name)).collect()
    }

    #[test]
    fn every_step_is_on_one_side_and_keeps_its_order() {
        let all: Vec<_> = STEPS.iter().collect();
        let (here, beside) = divide(&all);
        assert_eq!(here.len() + beside.len(), STEPS.len());
        assert!(beside.iter().all(|step| step.beside && step.kind == Kind::Check));
        assert_eq!(names(&here), names(&all.iter().copied().filter(|step| !step.beside).collect::<Vec<_>>()));
    }

    #[test]
    fn what_runs_beside_runs_here_where_it_is_alone() {
        for alone in [&["fuzz", "tests/mutants"][..], &["mosquitto", "fuzz"], &["fuzz"], &["fmt", "doc"]] {
            let steps = named(alone);
            let (here, beside) = divide(&steps);
            assert_eq!((names(&here), beside.len()), (names(&steps), 0));
        }
    }
}
