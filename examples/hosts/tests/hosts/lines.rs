//! The host `unix`: lines go out as they come, also over a restart of the broker.

use std::collections::HashSet;

use crate::brokers::{Folder, client, lasting};
use crate::program::Program;
use crate::server::Mosquitto;

const UNIX: &str = env!("CARGO_BIN_EXE_unix");

fn arguments(folder: &Folder, rest: &str) -> String {
    format!("--broker {} {rest}", folder.path("broker.sock").display())
}

fn broker(folder: &Folder) -> String {
    lasting(folder, &format!("listener 0 {}\n", folder.path("broker.sock").display()))
}

#[test]
fn over_a_unix_socket_lines_go_out_at_once() {
    let folder = Folder::new();
    let broker = Mosquitto::with(&broker(&folder));
    let mut program =
        Program::host(UNIX, &arguments(&folder, "--id talk --topic said --filter heard"));
    broker.await_log("Sending SUBACK to talk");
    for number in 1..=3 {
        program.write("something\n");
        broker.await_log_count("Received PUBLISH from talk", number);
    }
    Program::run(client(&broker, "mosquitto_pub", "-t heard -q 1 -m answer"), "");
    program.await_lines(1);
    assert_eq!(program.finish().well(), ["heard answer"]);
    broker.await_log("Received DISCONNECT from talk");
}

/// Every line arrives, although the broker goes away in between. At QoS 1 one may come
/// twice.
#[test]
fn over_a_unix_socket_no_line_is_lost() {
    let folder = Folder::new();
    let config = broker(&folder);
    let broker = Mosquitto::with(&config);
    Program::run(client(&broker, "mosquitto_sub", "-i listener -c -t said -q 1 -E"), "");
    let mut program = Program::host(UNIX, &arguments(&folder, "--id talk --topic said"));
    let lines: Vec<String> = (1..=2000).map(|number| format!("line {number}")).collect();
    program.write(&format!("{}\n", lines[..1000].join("\n")));
    broker.await_log_count("Received PUBLISH from talk", 500);
    let broker = broker.restart_in_order(&config);
    program.write(&format!("{}\n", lines[1000..].join("\n")));
    let ended = program.finish();
    assert!(
        ended.errors.contains("again in"),
        "the program never lost its broker: {}",
        ended.errors
    );
    ended.well();
    Program::run(client(&broker, "mosquitto_pub", "-t said -q 1 -m end"), "");
    let listener =
        Program::start(client(&broker, "mosquitto_sub", "-i listener -c -t said -q 1"));
    let mut heard = listener.lines_until("end");
    let mut seen = HashSet::new();
    heard.retain(|line| seen.insert(line.clone()));
    assert!(heard == lines, "{} lines arrived", heard.len());
}
