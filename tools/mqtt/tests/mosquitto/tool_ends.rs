//! How `mqtt` ends when it is told to, and what becomes of what it had accepted.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use crate::server::Mosquitto;
use crate::tool::{ours, printed, run, start, theirs};

const PATIENCE: Duration = Duration::from_secs(10);
/// The exit code of a program that Ctrl-C has ended.
const STOPPED: Option<i32> = Some(130);

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args(["-s", name, &child.id().to_string()]).status();
    assert!(status.expect("kill starts").success());
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn a_publisher_delivers_what_it_has_read_before_it_stops() {
    for qos in 0..=2 {
        let broker = Mosquitto::start();
        let subscriber = start(ours(&broker, "sub", &format!("--topic log --qos {qos} --count 500 --id reader")));
        broker.await_log("Sending SUBACK to reader");
        let line = format!("--topic log --qos {qos} --lines --id writer --format json");
        let mut publisher = start(ours(&broker, "pub", &line));
        let mut input = publisher.stdin.take().expect("stdin is a pipe");
        input.write_all("line\n".repeat(500).as_bytes()).expect("the publisher reads");
        broker.await_log("Received PUBLISH from writer");
        signal(&publisher, "INT");
        let output = publisher.wait_with_output().expect("the publisher ends"); // though the input is open still
        drop(input);
        assert_eq!(output.status.code(), STOPPED, "{}", String::from_utf8_lossy(&output.stderr));
        let result = String::from_utf8_lossy(&output.stdout);
        assert!(result.contains("\"messages\":500,\"unfinished\":0,\"exit\":130"), "{result}");
        assert_eq!(printed(subscriber.wait_with_output().expect("the subscriber ends")), "line\n".repeat(500));
        broker.await_log("Received DISCONNECT from writer");
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn a_second_signal_ends_at_once() {
    let broker = Mosquitto::start();
    let mut publisher = start(ours(&broker, "pub", "--topic a --qos 1 --lines --id writer"));
    let mut input = publisher.stdin.take().expect("stdin is a pipe");
    input.write_all(b"first\n").expect("the publisher reads");
    broker.await_log("Received PUBLISH from writer");
    broker.signal("STOP"); // so that the second line is never acknowledged
    input.write_all(b"second\n").expect("the publisher reads");
    let beginning = Instant::now();
    let status = loop {
        if let Some(status) = publisher.try_wait().expect("the child can be asked") {
            break status;
        }
        assert!(beginning.elapsed() < PATIENCE, "the publisher does not end");
        signal(&publisher, "INT");
        thread::sleep(Duration::from_millis(5)); // between two signals, which would become one
    };
    assert_eq!(status.code(), STOPPED);
    broker.signal("CONT");
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn a_subscriber_that_is_stopped_takes_its_leave() {
    let broker = Mosquitto::start();
    for name in ["INT", "TERM"] {
        let subscriber = start(ours(&broker, "sub", &format!("--topic a --id {name} --will-topic gone")));
        broker.await_log(&format!("Sending SUBACK to {name}"));
        signal(&subscriber, name);
        let output = subscriber.wait_with_output().expect("the subscriber ends");
        assert_eq!(output.status.code(), STOPPED);
        assert_eq!(String::from_utf8_lossy(&output.stderr), "error: stopped\n");
        broker.await_log(&format!("Received DISCONNECT from {name}"));
    }
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn a_subscriber_is_stopped_while_it_waits_for_the_broker_to_come_back() {
    let broker = Mosquitto::start();
    let mut subscriber = start(ours(&broker, "sub", "--topic a --id waiting"));
    broker.await_log("Sending SUBACK to waiting");
    drop(broker);
    let mut warning = String::new();
    let errors = subscriber.stderr.take().expect("stderr is a pipe");
    let mut errors = BufReader::new(errors);
    errors.read_line(&mut warning).expect("the subscriber writes text"); // its --timeout bounds this
    assert!(warning.starts_with("warning: ") && warning.contains("; connecting again"), "{warning}");
    signal(&subscriber, "INT");
    let output = subscriber.wait_with_output().expect("the subscriber ends");
    assert_eq!(output.status.code(), STOPPED);
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn the_will_of_a_killed_subscriber_is_published() {
    let broker = Mosquitto::start();
    let heir = start(theirs(&broker, "mosquitto_sub", "-i heir -q 1 -t wills -C 1 -W 20"));
    broker.await_log("Sending SUBACK to heir");
    let line = "--version 5 --topic a --id mortal --will-topic wills --will-payload gone --will-qos 1";
    let mut subscriber = start(ours(&broker, "sub", line));
    broker.await_log("Sending SUBACK to mortal");
    subscriber.kill().expect("the child can be killed");
    subscriber.wait().expect("the child ends");
    assert_eq!(printed(heir.wait_with_output().expect("the heir ends")), "gone\n");
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn a_reader_that_has_enough_ends_it_quietly() {
    let broker = Mosquitto::start();
    let line = "--topic a --qos 1 --id listener --resume";
    let mut subscriber = start(ours(&broker, "sub", line));
    broker.await_log("Sending SUBACK to listener");
    drop(subscriber.stdout.take()); // as `head -1` does
    printed(run(ours(&broker, "pub", "--topic a --qos 1 --message kept"), ""));
    let output = subscriber.wait_with_output().expect("the subscriber ends");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
    let again = run(ours(&broker, "sub", &format!("{line} --count 1")), "");
    assert_eq!(printed(again), "kept\n", "what nobody could read stays with the session");
}

#[test]
#[ignore = "needs mosquitto: run cargo xtask test"]
fn lines_outlive_their_broker() {
    for version in ["3.1", "3.1.1", "5"] {
        let broker = Mosquitto::start();
        let line = format!("--version {version} --qos 1 --topic a --retain --lines --id writer");
        let mut publisher = start(ours(&broker, "pub", &line));
        let mut input = publisher.stdin.take().expect("stdin is a pipe");
        input.write_all(b"first\n").expect("the publisher reads");
        broker.await_log("Received PUBLISH from writer");
        broker.signal("STOP"); // so that it never acknowledges the second line
        input.write_all(b"second\n").expect("the publisher reads");
        let broker = broker.restart();
        broker.await_log("Received PUBLISH from writer");
        drop(input);
        let output = publisher.wait_with_output().expect("the publisher ends");
        let warnings = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(warnings.contains("; connecting again"), "{warnings}");
        printed(output);
        assert_eq!(printed(run(ours(&broker, "sub", "--topic a --count 1"), "")), "second\n", "{version}");
    }
}
