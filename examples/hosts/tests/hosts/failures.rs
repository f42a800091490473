//! What goes wrong is said in a sentence, and shows in the exit code.

use crate::program::Program;
use crate::server::{Mosquitto, free_port};

const HOSTS: [(&str, &str); 6] = [
    ("tcp", env!("CARGO_BIN_EXE_tcp")),
    ("tokio", env!("CARGO_BIN_EXE_tokio")),
    ("tls", env!("CARGO_BIN_EXE_tls")),
    ("websocket", env!("CARGO_BIN_EXE_websocket")),
    ("unix", env!("CARGO_BIN_EXE_unix")),
    ("many", env!("CARGO_BIN_EXE_many")),
];

/// Runs a host, which must fail with this exit code, and say this.
#[track_caller]
fn fails((name, path): (&str, &str), arguments: &str, code: i32, sentence: &str) {
    let ended = Program::host(path, arguments).finish();
    assert_eq!(ended.code, Some(code), "{name} {arguments}: {}", ended.errors);
    let said = ended.errors.strip_prefix(&format!("{name}: ")).unwrap_or_default();
    assert!(said.contains(sentence), "{name} {arguments}: {}", ended.errors);
}

#[test]
fn a_wrong_command_line() {
    for host in HOSTS {
        for (arguments, sentence) in [
            ("--bogus", "there is no option --bogus; --help shows the options"),
            ("surplus", "unexpected argument \"surplus\"; --help shows the options"),
            ("--qos 3", "the levels are 0, 1 and 2; --help shows the options"),
            ("--topic a/#", "\"a/#\" cannot be used: a wildcard stands where it may not"),
        ] {
            fails(host, arguments, 2, sentence);
        }
        let help = Program::host(host.1, "--help").finish().well();
        assert!(
            help[0].starts_with(host.0)
                && help.iter().any(|line| line.starts_with("  --broker ")),
            "{help:?}"
        );
    }
    let [_, _, tls, websocket, ..] = HOSTS;
    fails(tls, "", 2, "say which certificates to trust with --ca");
    fails(tls, "--ca /nowhere", 2, "/nowhere cannot be used: ");
    fails(websocket, "--broker wss://localhost", 2, "this host speaks ws:// alone");
}

#[test]
fn a_broker_that_is_not_there() {
    let address = format!("127.0.0.1:{}", free_port());
    let sentence = format!("cannot connect to {address}: Connection refused");
    let [tcp, tokio, _, websocket, unix, many] = HOSTS;
    for host in [tcp, tokio, many] {
        fails(host, &format!("--broker {address}"), 1, &sentence);
    }
    fails(websocket, &format!("--broker ws://{address}/mqtt"), 1, &sentence);
    fails(
        unix,
        "--broker /nowhere/mqtt.sock",
        1,
        "cannot connect to /nowhere/mqtt.sock: No such file or directory",
    );
}

#[test]
fn a_broker_that_does_not_want_us() {
    let broker = Mosquitto::with_user("ada", "lovelace");
    let [tcp, tokio, _, _, _, many] = HOSTS;
    for host in [tcp, tokio, many] {
        let arguments = format!("--broker {}", broker.address());
        fails(
            host,
            &arguments,
            1,
            "the server refused the connection: 0x87 Not authorized",
        );
    }
}

/// A station that was killed has left a session of which the next one knows nothing: it
/// adopts the session, what waits in it may come first, and it goes on to its end. With
/// `--clean` the session is gone.
#[test]
fn a_session_that_nobody_remembers() {
    let (broker, (_, tcp)) = (Mosquitto::start(), HOSTS[0]);
    let arguments = format!("--broker {} --id station --every 1", broker.address());
    let program = Program::host(tcp, &format!("{arguments} --count 0"));
    program.await_lines(10);
    drop(program); // killed
    let adopted = Program::host(tcp, &arguments).finish().well();
    assert!(
        adopted.len() >= 10 && adopted.ends_with(&["readings 10".into()]),
        "{adopted:?}"
    );
    assert_eq!(
        broker.logged("Sending CONNACK to station (1, 0)"),
        1,
        "the session went on"
    );
    assert_eq!(
        Program::host(tcp, &format!("{arguments} --clean")).finish().well().len(),
        10
    );
}
