//! The example `mqtt` as a program, and running programs.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

/// The example, built if it is older than its source, in an environment that doesn't matter.
pub fn mqtt() -> Command {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    let mut command = Command::new(PATH.get_or_init(build));
    for variable in ["MQTT_HOST", "MQTT_PORT", "MQTT_USER", "MQTT_PASSWORD", "NO_COLOR", "CLICOLOR_FORCE"] {
        command.env_remove(variable);
    }
    command
}

fn build() -> PathBuf {
    let test = std::env::current_exe().expect("the test has a path"); // target/PROFILE/deps/mosquitto-HASH
    let profile = test.ancestors().nth(2).expect("the test lies in a profile's folder");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--example", "mqtt", "--manifest-path"]);
    cargo.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
    cargo.arg("--target-dir").arg(profile.parent().expect("a profile lies in the target folder"));
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    assert!(cargo.status().expect("cargo starts").success(), "the example does not build");
    profile.join("examples").join(format!("mqtt{}", std::env::consts::EXE_SUFFIX))
}

pub fn start(mut command: Command) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
}

/// Runs a program with this input to its end.
pub fn run(command: Command, input: &str) -> Output {
    let mut child = start(command);
    child.stdin.take().expect("stdin is a pipe").write_all(input.as_bytes()).expect("the program reads");
    child.wait_with_output().expect("the program ends")
}

/// What a program printed, which must have ended well.
#[track_caller]
pub fn printed(output: Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", output.status);
    String::from_utf8(output.stdout).expect("the output is text")
}
