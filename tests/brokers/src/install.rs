//! Installs a broker that is missing: Debian's packages with an administrator's rights, npm's and PyPI's below `target/`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::brokers::{Broker, Source};

/// Makes sure that `broker` is there. Gives the folder of what npm or pip has installed for it.
pub fn install(broker: &Broker, target: &Path) -> Result<PathBuf, String> {
    let tools = target.join(broker.name);
    match broker.source {
        Source::Debian { packages, probes } => debian(packages, probes)?,
        Source::Npm(packages) => npm(packages, &tools)?,
        Source::PyPi(package) => pypi(package, &tools)?,
    }
    Ok(tools)
}

fn debian(packages: &str, probes: &[&str]) -> Result<(), String> {
    if probes.iter().all(|probe| Path::new(probe).exists()) {
        return Ok(());
    }
    let by_hand = format!("Please have an administrator run `apt-get install {packages}`.");
    if !succeeds(Command::new("apt-get").arg("--version")) {
        return Err(format!("{packages} is not installed, and there is no apt-get here. {by_hand}"));
    }
    let Some(before) = administrator() else {
        return Err(format!("{packages} is not installed, and only an administrator may install it. {by_hand}"));
    };
    let apt_get = |arguments: &[&str]| {
        let mut command = Command::new("env");
        // A service that starts by itself would be one more broker on this machine.
        command.args(["DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", "apt-get"]).args(arguments);
        run(before, &command)
    };
    if let Err(error) = apt_get(&["update"]) {
        println!("{error} Going on with the package lists that are there.");
    }
    let arguments =
        [&["install", "-y", "--no-install-recommends"][..], &packages.split(' ').collect::<Vec<_>>()].concat();
    apt_get(&arguments).map_err(|error| format!("{packages} is not installed. {error} {by_hand}"))
}

fn npm(packages: &[&str], folder: &Path) -> Result<(), String> {
    if folder.join("node_modules/aedes/package.json").is_file() {
        return Ok(());
    }
    std::fs::create_dir_all(folder).map_err(|error| format!("{} cannot be made: {error}.", folder.display()))?;
    let mut command = Command::new("npm");
    command
        .args(["install", "--no-audit", "--no-fund", "--no-save", "--prefix", "."])
        .args(packages)
        .current_dir(folder);
    run(&[], &command).map_err(|error| {
        format!(
            "{} could not be installed by npm. {error} Please install node and npm (Debian: `apt-get install npm`).",
            packages.join(" ")
        )
    })
}

fn pypi(package: &str, folder: &Path) -> Result<(), String> {
    if folder.join("is-complete").is_file() {
        return Ok(());
    }
    let made = run(&[], Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder));
    let installed = made.and_then(|()| run(&[], Command::new(folder.join("bin/pip")).args(["install", "-q", package])));
    installed.map_err(|error| {
        format!("{package} could not be installed by pip. {error} Please install Python's venv (Debian: `apt-get install python3-venv`).")
    })?;
    std::fs::write(folder.join("is-complete"), "")
        .map_err(|error| format!("{} cannot be written: {error}.", folder.display()))
}

/// The words before a command that needs an administrator, if we can be one without a password.
fn administrator() -> Option<&'static [&'static str]> {
    let id = Command::new("id").arg("-u").output().ok()?;
    if id.stdout.trim_ascii() == b"0" {
        return Some(&[]);
    }
    succeeds(Command::new("sudo").args(["-n", "true"])).then_some(&["sudo", "-n"])
}

fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Shows a command and runs it behind the words `before`.
fn run(before: &[&str], command: &Command) -> Result<(), String> {
    let words: Vec<_> = before.iter().map(|word| (*word).into()).chain([command.get_program().to_owned()]).collect();
    let words: Vec<_> = words.into_iter().chain(command.get_args().map(ToOwned::to_owned)).collect();
    let line = words.join(" ".as_ref()).to_string_lossy().into_owned();
    println!("$ {line}");
    let (first, rest) = words.split_first().ok_or("an empty command.")?;
    let mut whole = Command::new(first);
    whole.args(rest).stdin(Stdio::null());
    if let Some(folder) = command.get_current_dir() {
        whole.current_dir(folder);
    }
    let status = whole.status().map_err(|error| format!("`{line}` could not be started: {error}."))?;
    status.success().then_some(()).ok_or_else(|| format!("`{line}` failed ({status})."))
}
