//! The set-up steps. Each looks first, and installs only what is missing.

use std::path::Path;

use crate::Result;
use crate::shell::Shell;
use crate::steps::{FIRMWARE_TARGETS, MSRV, SYSTEMS};

/// Programs that the system's packages bring.
struct Programs {
    /// What they are called together.
    name: &'static str,
    programs: &'static [&'static str],
    /// The packages of Debian and Ubuntu.
    packages: &'static str,
    /// What somebody types who has another system, and how to do without.
    by_hand: &'static str,
}

const BROKER: Programs = Programs {
    name: "mosquitto",
    programs: &["mosquitto", "mosquitto_pub", "mosquitto_sub"],
    packages: "mosquitto mosquitto-clients",
    by_hand: "macOS: `brew install mosquitto`), or leave the broker tests out with `--skip mosquitto --skip broker",
};

const EMULATOR: Programs = Programs {
    name: "QEMU",
    programs: &["qemu-system-arm"],
    packages: "qemu-system-arm",
    by_hand: "macOS: `brew install qemu`), or leave the board out with `--skip qemu --skip no_std-example/host-test",
};

const COUNTER: Programs = Programs {
    name: "valgrind",
    programs: &["valgrind"],
    packages: "valgrind",
    by_hand: "others have it as well), or leave the counting out with `--skip instructions",
};

/// A library, which is no program.
const LIBRARY: Programs = Programs {
    name: "libmosquitto with its header",
    programs: &[],
    packages: "libmosquitto-dev",
    by_hand: "others have it as well), or measure without it: `cargo run --release --manifest-path benches/end-to-end/Cargo.toml",
};

const BROWSER: Programs = Programs {
    name: "chromium with its driver",
    programs: &["chromedriver"],
    packages: "chromium chromium-driver",
    by_hand: "others: Chrome and the chromedriver of its version), or leave the browser out with `--skip examples/browser",
};

/// What web pages are compiled to.
const BROWSER_TARGET: [&str; 1] = ["wasm32-unknown-unknown"];

/// Each component with a command that ends well if it is there.
const COMPONENTS: [(&str, &str); 2] = [("rustfmt", "cargo fmt --version"), ("clippy", "cargo clippy --version")];

/// The mosquitto broker and its clients, from the system's packages.
pub fn mosquitto(shell: &Shell) -> Result {
    packages(shell, &BROKER)
}

/// mosquitto's C library, from the system's packages. Needs a C compiler, which says whether it is there.
pub fn libmosquitto(shell: &Shell) -> Result {
    if shell.succeeds("cc -fsyntax-only -include mosquitto.h -x c /dev/null") {
        return ready(LIBRARY.name);
    }
    install(shell, &LIBRARY, LIBRARY.name)
}

/// valgrind, whose callgrind counts instructions; from the system's packages.
pub fn valgrind(shell: &Shell) -> Result {
    packages(shell, &COUNTER)
}

/// The emulated board, from the system's packages.
pub fn qemu(shell: &Shell) -> Result {
    packages(shell, &EMULATOR)
}

/// A browser that a test can drive, from the system's packages, and the standard library for web pages.
pub fn browser(shell: &Shell) -> Result {
    let missing = missing(BROWSER_TARGET, |target| has_target(shell, target));
    rustup(shell, "the target for web pages", missing, "rustup target add")?;
    packages(shell, &BROWSER)
}

fn packages(shell: &Shell, wanted: &Programs) -> Result {
    let missing: Vec<_> = wanted.programs.iter().copied().filter(|program| !shell.has(program)).collect();
    if missing.is_empty() {
        return ready(wanted.name);
    }
    install(shell, wanted, &missing.join(", "))
}

/// Installs the packages that bring what is `missing`.
fn install(shell: &Shell, wanted: &Programs, missing: &str) -> Result {
    let Programs { name, packages, by_hand, .. } = wanted;
    let by_hand = format!("Please install {name} (Debian, Ubuntu: `apt-get install {packages}`; {by_hand}`.");
    if !shell.has("apt-get") {
        return Err(format!("{missing} cannot be found, and there is no apt-get here. {by_hand}"));
    }
    let Some(sudo) = administrator(shell) else {
        return Err(format!("{missing} cannot be found, and only an administrator may install it. {by_hand}"));
    };
    let apt_get = format!("{sudo}env DEBIAN_FRONTEND=noninteractive apt-get");
    if let Err(warning) = shell.run(&format!("{apt_get} update")) {
        println!("{warning} Going on with the package lists that are there.");
    }
    shell
        .run(&format!("{apt_get} install -y --no-install-recommends {packages}"))
        .map_err(|error| format!("{missing} cannot be found. {error} {by_hand}"))
}

/// rustfmt and clippy, for the toolchain in use.
pub fn components(shell: &Shell) -> Result {
    let missing = missing(COMPONENTS, |(_, probe)| shell.succeeds(probe)).iter().map(|(name, _)| *name).collect();
    rustup(shell, "the components rustfmt and clippy", missing, "rustup component add")
}

/// The standard library of each firmware target and each other system, for the toolchain in use.
pub fn targets(shell: &Shell) -> Result {
    let all = [&FIRMWARE_TARGETS[..], &SYSTEMS[..]].concat();
    let missing = all.into_iter().filter(|target| !has_target(shell, target)).collect();
    rustup(shell, "the targets", missing, "rustup target add")
}

/// The oldest supported toolchain.
pub fn toolchain(shell: &Shell) -> Result {
    let probe = format!("rustup run {MSRV} cargo --version");
    let missing = missing([MSRV], |_| shell.succeeds(&probe));
    rustup(
        shell,
        "the oldest supported toolchain",
        missing,
        "rustup toolchain install --profile minimal --no-self-update",
    )
}

/// cargo-hack, built from source.
pub fn cargo_hack(shell: &Shell) -> Result {
    if shell.succeeds("cargo hack --version") {
        return ready("cargo-hack");
    }
    shell.run("cargo install cargo-hack --locked").map_err(|error| {
        format!(
            "cargo-hack is missing and could not be installed. {error} Is the crate registry within reach? \
             `--skip cargo-hack --skip features` goes on without it."
        )
    })
}

/// Installs what is `missing` with the rustup command `install`, to which its names are appended.
fn rustup(shell: &Shell, what: &str, missing: Vec<&str>, install: &str) -> Result {
    if missing.is_empty() {
        return ready(what);
    }
    let missing = missing.join(" ");
    let line = format!("{install} {missing}");
    if !shell.has("rustup") {
        return Err(format!(
            "of {what}, this is missing: {missing}. There is no rustup here that could fetch it; please install rustup \
             and start again."
        ));
    }
    shell.run(&line).map_err(|error| {
        format!(
            "of {what}, this is missing: {missing}. {error} If rustup cannot reach its server from here, please run \
             `{line}` when it can, or copy the toolchain from a machine that has it."
        )
    })
}

/// The things that are not there.
fn missing<T, const N: usize>(things: [T; N], mut is_there: impl FnMut(&T) -> bool) -> Vec<T> {
    things.into_iter().filter(|thing| !is_there(thing)).collect()
}

/// The words before a command that needs an administrator, if we can be one without a password.
fn administrator(shell: &Shell) -> Option<&'static str> {
    if shell.output("id -u").as_deref() == Some("0") {
        return Some("");
    }
    shell.succeeds("sudo -n true").then_some("sudo -n ")
}

/// Asks rustc rather than rustup, so that a toolchain from elsewhere counts as well.
fn has_target(shell: &Shell, target: &str) -> bool {
    shell
        .output(&format!("rustc --print target-libdir --target {target}"))
        .is_some_and(|folder| Path::new(&folder).is_dir())
}

fn ready(what: &str) -> Result {
    println!("already there: {what}.");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_there_is_missing() {
        assert_eq!(missing(["a", "b", "c"], |name| *name == "b"), ["a", "c"]);
        assert!(missing(["a"], |_| true).is_empty());
    }

    #[test]
    fn nothing_is_installed_if_nothing_is_missing() {
        let shell = Shell::new("/".into());
        assert_eq!(rustup(&shell, "nothing", Vec::new(), "no-such-program"), Ok(()));
    }

    #[test]
    fn an_unknown_target_is_not_there() {
        assert!(!has_target(&Shell::new("/".into()), "no-such-target"));
    }
}
