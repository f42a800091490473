//! `cargo xtask faults`: puts one fault after the other into a copy of the project, and demands that each is found in two ways at least.
//!
//! The faults are those that other clients had, and breaches of what `tests/it/field` promises. They are replacements of text, not switches in the
//! engine: so its code stays free of them, and a fault is exactly what a mistaken line would be. Where a replacement does not match any more, the test
//! below says so. A fault should end in wrong packets, not in a loop without end.

use std::path::{Path, PathBuf};

use crate::Result;
use crate::files::{create, read, write};
use crate::shell::Shell;

/// A mistake that somebody could have made.
struct Fault {
    name: &'static str,
    /// The methods to begin with, so that nothing is built or run in vain.
    first: [&'static str; ENOUGH],
    /// Each: in this file, this text, which stands there once, becomes that one.
    changes: &'static [(&'static str, &'static str, &'static str)],
}

/// A way to find faults: what fails if there is one, and can be built with any that compiles.
struct Method {
    name: &'static str,
    place: Place,
}

enum Place {
    /// A test of the suite, and arguments for it.
    Suite(&'static str, &'static str),
    /// A program of its own, by its manifest.
    Program(&'static str),
}

/// A fault counts as found if so many methods found it.
const ENOUGH: usize = 2;

/// What differs by a few lines is built faster from what the last build left, and without what only a debugger reads.
const QUICKLY: &str = "CARGO_INCREMENTAL=1 CARGO_PROFILE_DEV_DEBUG=none PURE_MQTT_WORLDS=170";

/// With what all the tests need, so that they share one build of the engine.
const SUITE: &str = "cargo test --features journal,bytes";

/// The methods, the quickest first.
const METHODS: [Method; 9] = [
    Method { name: "hostile", place: Place::Suite("hostile", "") },
    Method { name: "soak", place: Place::Suite("it", "soak") },
    Method { name: "flows", place: Place::Suite("it", "-- --skip soak --skip field::") },
    Method { name: "field", place: Place::Suite("it", "field:: -- --skip full_queue") },
    Method { name: "world", place: Place::Suite("world", "") },
    Method { name: "power", place: Place::Suite("power", "") },
    Method { name: "cuts", place: Place::Suite("cuts", "") },
    Method { name: "life", place: Place::Suite("life", "") },
    Method { name: "model", place: Place::Program("tests/model/Cargo.toml") },
];

#[rustfmt::skip]
const FAULTS: [Fault; 15] = [
    Fault { name: "wrong order of sending again", first: ["hostile", "soak"], changes: &[(
        "src/session/resume.rs",
        "        self.next = self.log.first();\n        self.bypass = Cursor::NONE;\n",
        "        if let Some(slot) = find(parts.slots, self.log.first()).copied() {\n            \
             self.log.remove(parts.slots, slot.previous, slot.next);\n            self.log.push(parts.slots, slot.id());\n        }\n        \
         self.next = self.log.first();\n        self.bypass = Cursor::NONE;\n",
    )] },
    Fault { name: "a QoS 2 message that comes again is delivered again", first: ["hostile", "soak"], changes: &[(
        "src/session/incoming.rs",
        "        Arrival::Repeated\n    }",
        "        let serial = at(inbox, link).map_or(0, |slot| slot.serial);\n        Arrival::New { place: link - 1, serial }\n    }",
    )] },
    Fault { name: "a refused message keeps its unit of the window", first: ["hostile", "soak"], changes: &[(
        "src/session/outgoing.rs",
        "        let handle = self.finish(parts, id);\n        if kind == Kind::Orphan",
        "        let handle = self.finish(parts, id);\n        self.in_flight += u32::from(packet == PacketType::PubRec);\n        \
         if kind == Kind::Orphan",
    )] },
    Fault { name: "topic aliases outlive the link", first: ["hostile", "soak"], changes: &[
        ("src/connection/ending.rs", "            self.aliases.clear(names);\n", "            let _ = names;\n"),
    ] },
    Fault { name: "a SUBSCRIBE takes the identifier of a message in flight", first: ["hostile", "soak"], changes: &[(
        "src/connection/commands.rs",
        "        write_request(packet, matched.id, &",
        "        write_request(packet, 1, &",
    )] },
    Fault { name: "an unanswered PINGREQ is held against the next link", first: ["hostile", "soak"], changes: &[(
        "src/connection/ending.rs",
        "        self.link = Link::CLOSED;\n",
        "        let old = self.link;\n        self.link = Link::CLOSED;\n        self.link.ping = old.ping;\n        \
         self.link.timers.pingresp = old.timers.pingresp;\n",
    )] },
    Fault { name: "PUBREL is not sent again", first: ["hostile", "soak"], changes: &[(
        "src/session/resume.rs",
        "        (self.release, self.staged_release) = (self.released.first(), 0);\n        let mut id = self.release;\n        \
         while let Some(slot) = find_mut(slots, id) {\n            id = slot.next;\n            begin_anew(slot);\n",
        "        (self.release, self.staged_release) = (0, 0);\n        let mut id = self.released.first();\n        \
         while let Some(slot) = find_mut(slots, id) {\n            id = slot.next;\n            \
         slot.progress = slot.progress.reached(crate::storage::Reach::Out);\n",
    )] },
    Fault { name: "PUBLISH is sent again after PUBREC", first: ["hostile", "soak"], changes: &[
        (
            "src/session/outgoing.rs",
            "            (Kind::Publish2, Stands::First) => {\n",
            "            (Kind::Publish2, Stands::First) if true => Ok(PubRecStep::Repeated),\n            \
             (Kind::Publish2, Stands::First) => {\n",
        ),
        (
            "src/session/fast_path.rs",
            "slot.kind == Kind::Publish2 && slot.progress.is_out() &&",
            "slot.kind == Kind::Free && slot.progress.is_out() &&",
        ),
        (
            "src/session/outgoing.rs",
            "        if kind != awaited || is_release != is_completion ||",
            "        if kind != awaited || is_release != is_completion && kind != Kind::Publish2 ||",
        ),
    ] },
    Fault { name: "a lost session is taken for the old one", first: ["hostile", "soak"], changes: &[(
        "src/connection/handshake.rs",
        "        if resumed && held != SessionFact::None {\n",
        "        if (resumed || !self.link.clean_start) && held != SessionFact::None {\n",
    )] },
    Fault { name: "an acknowledgement is dropped when the buffer is full", first: ["hostile", "soak"], changes: &[(
        "src/connection/outbound.rs",
        "            if !self.write_ack(parts, &due) {\n                return;\n            }\n            self.incoming.settle(",
        "            self.write_ack(parts, &due);\n            self.incoming.settle(",
    )] },
    Fault { name: "a link that is over waits for its last bytes for ever", first: ["field", "world"], changes: &[(
        "src/connection/ending.rs",
        "        self.link.timers.phase = Countdown::due_in(self.limits.close_timeout());\n",
        "",
    )] },
    Fault { name: "properties are dropped by a link that can't carry them", first: ["field", "world"], changes: &[(
        "src/session/reencode.rs",
        "                false => has_more.is_some_and(|has_more| has_more(frame, slot.kind)),\n",
        "                false => has_more.is_some_and(|has_more| has_more(frame, slot.kind) && slot.kind == Kind::Subscribe),\n",
    )] },
    Fault { name: "an answer that is read before `advance` was called is ignored", first: ["field", "flows"], changes: &[(
        "src/storage/progress.rs",
        "            (Stands::First, Reach::Staged | Reach::Begun) => Answer::Early,\n",
        "            (Stands::First, Reach::Staged | Reach::Begun) => Answer::Unknown,\n",
    )] },
    Fault { name: "a message for which there will be no room blocks for ever", first: ["hostile", "world"], changes: &[(
        "src/connection/inbound.rs",
        "            Arrival::Full { .. } => Err(Violation::ReceiveMaximumExceeded.into()),\n",
        "            Arrival::Full { .. } => Err(Refusal::Blocked),\n",
    )] },
    Fault { name: "a PUBREL that comes early is not tolerated", first: ["hostile", "flows"], changes: &[(
        "src/connection/inbound.rs",
        "self.incoming.release(parts.inbox, id.get(), !self.limits.strict())",
        "self.incoming.release(parts.inbox, id.get(), false)",
    )] },
];

/// Tries every fault with the methods in turn, until enough of them have found it; with `all`, with every one of them.
pub fn run(shell: &Shell, all: bool) -> Result {
    let copy = Copy::of_project(shell)?;
    let mut missed = Vec::new();
    for fault in &FAULTS {
        copy.change(fault)?;
        let found = find(&copy.shell, fault, all)?;
        copy.restore(fault)?;
        if found.len() < ENOUGH {
            missed.push(fault.name);
        }
    }
    if missed.is_empty() {
        return Ok(());
    }
    Err(format!("found by fewer than {ENOUGH} methods: {}.", missed.join("; ")))
}

/// In CI: as many methods as it takes.
pub fn check(shell: &Shell) -> Result {
    run(shell, false)
}

/// The methods that find `fault`.
fn find(shell: &Shell, fault: &Fault, all: bool) -> Result<Vec<&'static str>> {
    let succeeds = |line: &str| shell.succeeds(&format!("{QUICKLY} {line}"));
    let (mut found, mut passed) = (Vec::new(), Vec::new());
    let (first, others): (Vec<_>, Vec<_>) = METHODS.iter().partition(|method| fault.first.contains(&method.name));
    // Those together, so that compilers run side by side.
    let together = if all { METHODS.iter().collect() } else { first.clone() };
    build(succeeds, fault, &together)?;
    for method in first.iter().chain(&others) {
        if found.len() >= ENOUGH && !all {
            break;
        }
        build(succeeds, fault, &[method])?;
        let list = if succeeds(&method.run()) { &mut passed } else { &mut found };
        list.push(method.name);
    }
    println!("{}: found by {}; not by {}", fault.name, list(&found), list(&passed));
    Ok(found)
}

impl Method {
    fn run(&self) -> String {
        match self.place {
            Place::Suite(test, arguments) => format!("{SUITE} --test {test} {arguments}"),
            Place::Program(manifest) => format!("cargo run --release --manifest-path {manifest}"),
        }
    }
}

/// Builds what these methods run.
fn build(succeeds: impl Fn(&str) -> bool, fault: &Fault, methods: &[&Method]) -> Result {
    let mut suite = String::new();
    let mut lines = Vec::new();
    for method in methods {
        match method.place {
            Place::Suite(test, _) => suite += &format!(" --test {test}"),
            Place::Program(manifest) => lines.push(format!("cargo build --release --manifest-path {manifest}")),
        }
    }
    if !suite.is_empty() {
        lines.push(format!("{SUITE}{suite} --no-run"));
    }
    match lines.iter().find(|line| !succeeds(line)) {
        Some(line) => Err(format!("with the fault \"{}\", `{line}` fails: the fault does not compile.", fault.name)),
        None => Ok(()),
    }
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

/// A copy of the project, with build output of its own.
struct Copy {
    shell: Shell,
    original: PathBuf,
}

/// What the methods need.
const COPIED: [&str; 9] =
    ["Cargo.toml", "Cargo.lock", "README.md", "DESIGN.md", "docs", "src", "tests", "examples", "tools/test-broker"];

impl Copy {
    fn of_project(shell: &Shell) -> Result<Self> {
        let folder = shell.folder().join("target/faults");
        create(&folder)?;
        for name in COPIED {
            copy(&shell.folder().join(name), &folder.join(name))?;
        }
        // The other members of the workspace stay behind.
        let manifest = folder.join("Cargo.toml");
        write(&manifest, &alone(&read(&manifest)?))?;
        Ok(Self { shell: Shell::new(folder), original: shell.folder().to_owned() })
    }

    fn change(&self, fault: &Fault) -> Result {
        for (file, old, new) in fault.changes {
            let path = self.shell.folder().join(file);
            write(&path, &replace(&read(&path)?, file, old, new)?)?;
        }
        Ok(())
    }

    fn restore(&self, fault: &Fault) -> Result {
        fault
            .changes
            .iter()
            .try_for_each(|(file, ..)| write(&self.shell.folder().join(file), &read(&self.original.join(file))?))
    }
}

/// The manifest of the root package, without other members of its workspace: nor is the test broker one, whose own tests need the clients.
fn alone(manifest: &str) -> String {
    let lines = manifest.lines().map(|line| match line {
        line if line.starts_with("members = ") => "members = []",
        line if line.starts_with("exclude = [\"fuzz\"") => "exclude = [\"tools\"]",
        line => line,
    });
    lines.fold(String::new(), |text, line| text + line + "\n")
}

fn replace(text: &str, file: &str, old: &str, new: &str) -> Result<String> {
    match text.matches(old).count() {
        1 => Ok(text.replacen(old, new, 1)),
        count => Err(format!("{file} has {count} places, not one, that read:\n{old}")),
    }
}

/// Copies a file or a folder, without build output, and removes what an earlier copy had; what is the same already keeps its time, so that nothing is
/// built for it.
fn copy(from: &Path, to: &Path) -> Result {
    let failed = |error: std::io::Error| format!("{}: {error}.", from.display());
    if !from.is_dir() {
        let bytes = std::fs::read(from).map_err(failed)?;
        if std::fs::read(to).is_ok_and(|old| old == bytes) {
            return Ok(());
        }
        return std::fs::write(to, bytes).map_err(failed);
    }
    std::fs::create_dir_all(to).map_err(failed)?;
    for entry in std::fs::read_dir(to).map_err(failed)?.flatten() {
        let (old, is_left) = (entry.path(), entry.file_name() == "target" || from.join(entry.file_name()).exists());
        match is_left {
            true => {}
            false if old.is_dir() => std::fs::remove_dir_all(old).map_err(failed)?,
            false => std::fs::remove_file(old).map_err(failed)?,
        }
    }
    for entry in std::fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name() != "target" {
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_its_place_in_the_code() {
        for fault in &FAULTS {
            let mut texts = std::collections::BTreeMap::new();
            for (file, old, new) in fault.changes {
                let text =
                    texts.entry(file).or_insert_with(|| read(&crate::root().join(file)).expect("the file is there"));
                *text = replace(text, file, old, new).expect(fault.name);
            }
        }
    }

    #[test]
    fn a_text_that_is_not_there_once_is_no_place() {
        assert!(replace("a b", "file", "c", "d").is_err());
        assert!(replace("a a", "file", "a", "d").is_err());
        assert_eq!(replace("a b", "file", "a", "c"), Ok("c b".into()));
    }
}
