//! The program `mqtt`, and running programs.
#![allow(dead_code)] // not every test binary needs all of it

use std::io::Write;
use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};

/// The program, in an environment that doesn't matter.
pub fn mqtt() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mqtt"));
    for variable in ["HOST", "PORT", "URL", "USER", "PASSWORD", "CONFIG"] {
        command.env_remove(format!("MQTT_{variable}"));
    }
    command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").env("XDG_CONFIG_HOME", "/nowhere");
    command
}

/// `mqtt LINE`.
pub fn call(line: &[&str]) -> Command {
    let mut command = mqtt();
    command.args(line);
    command
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

pub fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("errors are text")
}

/// A port on which nobody listens.
pub fn closed_port() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    listener.local_addr().expect("it has an address").port().to_string()
}
