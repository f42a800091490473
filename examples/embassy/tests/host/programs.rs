//! The programs themselves, run as their users do.

use std::process::{Child, Command, Stdio};

use pure_mqtt_embassy::Version;

use crate::certificates::Authority;
use crate::peer::{Ear, Mouth};
use crate::server::Mosquitto;

/// A program that runs until it is dropped.
struct Program(Child);

impl Program {
    fn start(path: &str, words: &[&str]) -> Self {
        Self(Command::new(path).args(words).spawn().unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program answers a command.
fn answers(broker: &Mosquitto, client_id: &str) {
    broker.await_log(&format!("Sending SUBACK to {client_id}"));
    let mut ear = Ear::open(broker, broker.port, Version::V5);
    Mouth::open(broker.port, Version::V5, 2).say("to a program ", 0..1);
    ear.hear("to a program ", 1);
}

#[test]
fn nal_answers() {
    let broker = Mosquitto::start();
    let _program =
        Program::start(env!("CARGO_BIN_EXE_nal"), &["--broker", &broker.address()]);
    answers(&broker, "station-nal");
}

#[test]
fn tls_answers() {
    let authority = Authority::new();
    let broker = authority.broker("localhost", 4000);
    let (file, address) = (
        authority.file().display().to_string(),
        format!("localhost:{}", broker.secure.port()),
    );
    let _program =
        Program::start(env!("CARGO_BIN_EXE_tls"), &["--ca", &file, "--broker", &address]);
    answers(&broker.mosquitto, "station-tls");
}

/// The exit code of a program, and what it says.
fn failure(path: &str, words: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(path).args(words).stdin(Stdio::null()).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_wrong_command_line_is_told_in_a_sentence() {
    let (nal, tls) = (env!("CARGO_BIN_EXE_nal"), env!("CARGO_BIN_EXE_tls"));
    for (program, words, code, sentence) in [
        (nal, &["--brocker", "x"][..], 2, "--brocker"),
        (
            nal,
            &["--broker", "localhost"],
            1,
            "nal: --broker is HOST:PORT, not \"localhost\".",
        ),
        (nal, &["--mqtt", "4"], 1, "nal: --mqtt is 3.1.1 or 5.0, not \"4\"."),
        (tls, &[], 1, "tls: --ca names the certificate"),
        (tls, &["--ca", "/no/such.pem"], 1, "tls: /no/such.pem: no certificate"),
    ] {
        let (ended, said) = failure(program, words);
        assert!(
            ended == Some(code) && said.contains(sentence),
            "{words:?}: {ended:?} {said}"
        );
    }
}
