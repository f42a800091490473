//! The host `many`: a thousand clients in one thread.

use std::collections::{BTreeMap, HashSet};
use std::process::Command;

use pure_mqtt_hosts::files;

use crate::brokers::{Folder, lasting};
use crate::program::Program;
use crate::server::Mosquitto;

const MANY: &str = env!("CARGO_BIN_EXE_many");

/// Each of the clients got its own readings back, once and in order.
#[track_caller]
fn are_all(printed: &[String], clients: usize, count: usize) {
    let mut of_client = BTreeMap::<&str, Vec<&str>>::new();
    for line in printed {
        let (topic, reading) =
            line.split_once(' ').expect("a line is a topic and a reading");
        of_client.entry(topic).or_default().push(reading);
    }
    let readings: Vec<String> = (1..=count).map(|number| number.to_string()).collect();
    assert_eq!(of_client.len(), clients);
    for (topic, heard) in of_client {
        assert_eq!(heard, readings, "{topic}");
    }
}

/// The keep alive is shorter than the time between two readings: every client has to be
/// woken by its own deadline.
#[test]
fn a_thousand_clients_share_one_thread() {
    files::allow(3000)
        .expect("the broker can have as many sockets, since it inherits the limit");
    let broker = Mosquitto::start();
    let arguments = format!(
        "--broker {} --id many --count 3 --every 1500 --keep-alive 1",
        broker.address()
    );
    let ended = Program::host(MANY, &arguments).finish();
    are_all(&ended.well(), 1000, 3);
    broker.await_log_count("Received DISCONNECT from many-", 1000);
    let pings = broker.lines("Received PINGREQ from many-");
    let of_clients: HashSet<_> =
        pings.iter().filter_map(|line| line.rsplit('-').next()).collect();
    assert_eq!(of_clients.len(), 1000, "each client has pinged");
}

#[test]
fn a_crowd_outlives_its_broker() {
    let folder = Folder::new();
    let config = lasting(&folder, "");
    let broker = Mosquitto::with(&config);
    let arguments = format!(
        "--broker {} --id many --clients 50 --count 60 --every 10",
        broker.address()
    );
    let program = Program::host(MANY, &arguments);
    program.await_lines(1000);
    let broker = broker.restart_in_order(&config);
    are_all(&program.finish().well(), 50, 60);
    assert!(broker.logged("(1, 0)") >= 50, "every session went on");
}

#[test]
fn too_few_files_are_no_riddle() {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 500 && exec \"$0\" --clients 1000", MANY]);
    let ended = Program::start(command).finish();
    assert_eq!(ended.code, Some(1));
    let sentence = "this takes 1016 open files, and only 500 are allowed: raise the limit (`ulimit -n 1016`)";
    assert!(ended.errors.contains(sentence), "{}", ended.errors);
}
