//! The programs of the projects do what their page says, with a real mosquitto.

use super::process::Program;
use super::projects::Built;
use crate::Result;

#[path = "../../../tests/mosquitto/server.rs"]
#[allow(dead_code, missing_docs, clippy::unwrap_used, clippy::panic, reason = "it is part of the tests")]
mod server;

/// A mosquitto.
pub struct Broker(server::Mosquitto);

impl Broker {
    /// Starts it on a free port.
    pub fn start() -> Self {
        Self(server::Mosquitto::start())
    }

    /// Host and port.
    pub fn address(&self) -> String {
        self.0.address()
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.0.port
    }

    fn url(&self) -> String {
        format!("mqtt://{}", self.address())
    }
}

/// Each program of the page needs nothing, and ends well.
pub fn each(built: &Built, _: &Broker) -> Result {
    let mut number = 1;
    while built.program(number).is_file() {
        Program::start(&built.program(number), &[])?.expect_end()?;
        number += 1;
    }
    if number > 1 { Ok(()) } else { Err("there is no program.".into()) }
}

/// The loop gets CONNACK for its CONNECT, and ends when the server closes.
pub fn net(built: &Built, broker: &Broker) -> Result {
    let program = Program::start(&built.program(1), &[&broker.url()])?;
    program.expect(r#"b" \x02\0\0""#)?;
    program.expect_end()
}

/// The message is delivered.
pub fn agent(built: &Built, _: &Broker) -> Result {
    let program = Program::start(&built.program(1), &[])?;
    program.expect("Some(Acknowledged")?;
    program.expect_end()
}

/// The first program hears itself; the others end when their message is delivered.
pub fn threads(built: &Built, _: &Broker) -> Result {
    let program = Program::start(&built.program(1), &[])?;
    program.expect(r#"plant/boiler/temperature: Some("71.5")"#)?;
    program.expect_end()?;
    Program::start(&built.program(2), &[])?.expect_end()?;
    Program::start(&built.program(3), &[])?.expect_end()
}

/// The subscriber gets what the publisher sends, and the request is answered.
pub fn tokio(built: &Built, broker: &Broker) -> Result {
    let url = broker.url();
    let subscriber = Program::start(&built.program(2), &[&url])?;
    subscriber.expect("subscribed")?;
    let publisher = Program::start(&built.program(1), &[&url])?;
    publisher.expect("delivered")?;
    publisher.expect_end()?;
    subscriber.expect("plant/boiler/temperature: 71.5")?;
    let request = Program::start(&built.program(3), &[&url])?;
    request.expect("42")?;
    request.expect_end()
}

/// The message is delivered.
pub fn embassy(built: &Built, broker: &Broker) -> Result {
    let program = Program::start(&built.program(1), &[&broker.address()])?;
    program.expect("delivered")?;
    program.expect_end()
}

/// `mqtt sub` prints what `mqtt pub` sends.
pub fn command_line(built: &Built, broker: &Broker) -> Result {
    let mqtt = built.named("mqtt");
    let port = broker.port().to_string();
    let server = ["-h", "localhost", "-p", &port];
    let publish = [&["pub"], &server[..], &["-t", "plant/boiler", "-m", "71.5", "-q", "2", "-r"]].concat();
    Program::start(&mqtt, &publish)?.expect_end()?;
    let subscribe = [&["sub"], &server[..], &["-t", "plant/#", "-q", "1", "-v", "-C", "1"]].concat();
    let subscriber = Program::start(&mqtt, &subscribe)?;
    subscriber.expect("plant/boiler 71.5")?;
    subscriber.expect_end()
}
