//! `mqtt` where no server is needed: help, mistakes in the arguments, colours, and a broker that isn't there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/program.rs"]
mod program;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output};
use std::thread;

use program::{call, closed_port, errors, printed, run};
use serde_json::Value;

const COMMANDS: [&str; 4] = ["pub", "sub", "request", "bench"];
/// What a terminal takes for a change of colour.
const ESCAPE: char = '\x1b';

fn to_nobody(line: &[&str]) -> (String, Output) {
    let port = closed_port();
    let mut command = call(line);
    command.args(["--host", "127.0.0.1", "--port", &port]);
    (port, run(command, ""))
}

#[test]
fn help_teaches() {
    let general = printed(run(call(&["--help"]), ""));
    for words in ["Quality of service (QoS):", "arrives exactly once", "Retain:", "Exit codes:", "130", "plant/#"] {
        assert!(general.contains(words), "{words} is missing in:\n{general}");
    }
    for command in COMMANDS {
        assert!(general.contains(&format!("\n  {command} ")), "{command} is missing in:\n{general}");
        let help = printed(run(call(&[command, "--help"]), ""));
        for words in
            [format!("Usage: mqtt {command} "), format!("Examples:\n  mqtt {command}"), "MQTT_PASSWORD".to_owned()]
        {
            assert!(help.contains(&words), "{words} is missing in:\n{help}");
        }
    }
}

#[test]
fn help_names_every_field_of_a_message() {
    let help = printed(run(call(&["sub", "--help"]), ""));
    let refusal = errors(&run(call(&["sub", "-t", "a", "-F", "%?"]), ""));
    let (_, list) = refusal.split_once("the fields are").expect("the fields are listed");
    let fields: Vec<_> = list.lines().next().unwrap_or_default().split_whitespace().collect();
    assert!(fields.len() > 10, "{refusal}");
    for field in fields {
        assert!(help.contains(&format!("\n  {field}  ")), "{field} is missing in:\n{help}");
    }
}

#[test]
fn help_does_not_show_a_password() {
    let help = printed(run(mqtt_with("MQTT_PASSWORD", "lovelace", &["pub", "--help"]), ""));
    assert!(!help.contains("lovelace"), "{help}");
}

fn mqtt_with(variable: &str, value: &str, line: &[&str]) -> Command {
    let mut command = call(line);
    command.env(variable, value);
    command
}

#[test]
fn mistakes_have_a_sentence_that_says_what_to_do() {
    for (line, sentence) in [
        ("pup --topic a", "a similar subcommand exists: 'pub'"),
        ("pub --topic a --message x --bogus", "unexpected argument '--bogus' found"),
        ("pub --topic a --message x --retian", "a similar argument exists: '--retain'"),
        ("pub --message x", "--topic <TOPIC>"),
        ("pub --topic a", "nothing to publish: give --message, --file, --stdin, --lines or --null-message"),
        ("pub --topic a --message x --stdin", "cannot be used with"),
        ("pub --topic a/# --message x", "'a/#' for '--topic <TOPIC>': a wildcard stands where it may not"),
        ("pub --topic a --message x --qos 3", "the QoS is 0, 1 or 2"),
        ("pub --topic a --message x --count 0", "0 is not in 1.."),
        ("pub --topic a --message x --timeout soon", "expected a number of seconds, such as 10 or 0.5"),
        ("pub --topic a --message x --reconnect-delay 0", "the minimum is 0.01 seconds"),
        ("pub --topic a --message x --password only --version 3.1.1", "--user <NAME>"),
        ("pub --topic a --message x --will-payload gone", "--will-topic <TOPIC>"),
        ("pub --topic a --message x --expiry 60", "--expiry needs --protocol-version 5"),
        ("pub --topic a --message x --version 5 -D unit", "expected NAME=VALUE, such as unit=celsius"),
        ("pub --topic a --message x --format %p", "[possible values: text, json]"),
        ("sub --verbose", "--topic <FILTER>"),
        ("sub --topic a/#/b", "a wildcard stands where it may not"),
        ("sub --topic a --version 4", "the versions are 3.1, 3.1.1 and 5"),
        ("sub --topic a --port 70000", "70000 is not in 0..=65535"),
        ("sub --topic a --resume", "--id <ID>"),
        ("sub --topic a --message x", "unexpected argument '--message' found"),
        ("sub --topic a --format jsno", "expected text, raw, hex, base64, json, pretty, or fields such as '%t %p'"),
        ("sub --topic a --format %t%", "write %% for a percent sign"),
        ("sub --topic a --format %t\\q", "after a backslash, expected n, t, 0 or another backslash"),
        ("sub --topic a --format %t --verbose", "cannot be used with"),
        ("sub --topic a --retained sometimes", "expected always, new or never"),
        ("request --topic a --message x --version 3.1.1", "request needs --protocol-version 5"),
        ("bench --window 0", "0 is not in 1.."),
    ] {
        let output = run(call(&line.split(' ').collect::<Vec<_>>()), "");
        let errors = errors(&output);
        assert_eq!(output.status.code(), Some(2), "{line}: {errors}");
        assert!(errors.starts_with("error: ") && errors.contains(sentence), "{line}: {errors}");
        assert!(output.stdout.is_empty(), "{line} prints");
    }
}

#[test]
fn without_a_command_help_is_shown_as_an_error() {
    let output = run(call(&[]), "");
    assert_eq!(output.status.code(), Some(2));
    assert!(errors(&output).contains("Usage: mqtt <COMMAND>"));
}

#[test]
fn an_absent_broker_is_an_error_with_a_hint() {
    for line in
        [&["pub", "-t", "a", "-m", "x"][..], &["sub", "-t", "a"], &["request", "-t", "a", "-m", "x"], &["bench"]]
    {
        let (port, output) = to_nobody(line);
        let errors = errors(&output);
        assert_eq!(output.status.code(), Some(1), "{line:?}: {errors}");
        assert!(
            errors.starts_with(&format!("error: cannot connect to mqtt://127.0.0.1:{port}: ")),
            "{line:?}: {errors}"
        );
        assert!(errors.contains("\nhint: is a server listening there?"), "{line:?}: {errors}");
    }
}

/// A server that reads something and says the next of these bytes to it, to one client. Returns its port.
fn scripted_server(answers: &'static [&'static [u8]]) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    let port = listener.local_addr().expect("it has an address").port().to_string();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client comes");
        for answer in answers {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(answer);
        }
        while stream.read(&mut [0; 1024]).is_ok_and(|count| count > 0) {}
    });
    port
}

/// PUBCOMP 0x92 says that the server has finished with the message before: it was delivered (§3.7.2.1).
#[test]
fn a_server_that_has_forgotten_a_released_message_is_no_failure() {
    let answers: &[&[u8]] = &[b"\x20\x03\0\0\0", b"\x50\x02\0\x01", b"\x70\x03\0\x01\x92"];
    let port = scripted_server(answers);
    let line = ["pub", "-V", "5", "-q", "2", "-t", "a", "-m", "x", "--host", "127.0.0.1", "--port", &port];
    let output = run(call(&line), "");
    assert_eq!((output.status.code(), errors(&output).as_str()), (Some(0), ""));
}

#[test]
fn json_says_how_it_ended() {
    let (_, output) = to_nobody(&["pub", "-t", "a", "-m", "x", "--format", "json"]);
    let line: Value = serde_json::from_slice(&output.stdout).expect("one object is printed");
    for (name, expected) in
        [("type", "result".into()), ("command", "pub".into()), ("messages", 0.into()), ("exit", 1.into())]
    {
        assert_eq!(line.get(name), Some::<&Value>(&expected), "{name} in {line}");
    }
    let error = line.get("error").and_then(Value::as_str).expect("the error is there");
    assert!(errors(&output).contains(error), "{error}");
}

#[test]
fn what_the_version_cannot_say_is_a_mistake_too() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    let port = listener.local_addr().expect("it has an address").port().to_string();
    let line = [
        "sub",
        "-t",
        "a",
        "-V",
        "3.1",
        "--id",
        "way-too-long-for-version-three",
        "--host",
        "127.0.0.1",
        "--port",
        &port,
    ];
    let output = run(call(&line), "");
    assert_eq!(output.status.code(), Some(2));
    assert!(errors(&output).contains("client identifier"), "{}", errors(&output));
}

#[test]
fn a_file_that_is_missing_is_named() {
    let output = run(call(&["pub", "-t", "a", "-f", "/no/such/file"]), "");
    assert_eq!(output.status.code(), Some(1));
    assert!(errors(&output).starts_with("error: cannot read /no/such/file: "), "{}", errors(&output));
}

#[test]
fn colours_are_for_terminals() {
    let lines: [&[&str]; 2] = [&["sub"], &["pub", "-t", "a", "-f", "/no/such/file"]];
    for line in lines {
        assert!(!errors(&run(call(line), "")).contains(ESCAPE), "a pipe gets colours from {line:?}");
        let mut forced = mqtt_with("CLICOLOR_FORCE", "1", line);
        forced.env_remove("NO_COLOR");
        assert!(errors(&run(forced, "")).contains(ESCAPE), "there are no colours in {line:?}");
        let mut forbidden = mqtt_with("CLICOLOR_FORCE", "1", line);
        forbidden.env("NO_COLOR", "1");
        assert!(!errors(&run(forbidden, "")).contains(ESCAPE), "NO_COLOR does not help in {line:?}");
    }
}
