//! One connection over a Unix socket, in a program with several threads. One thread has the connection and waits on a channel. The other threads send into the channel: the one
//! that reads the socket, and one that reads lines. So a line is published at once, without polling.
//!
//! Lines of the standard input are published at QoS 1, received messages are printed. At the end of the input the program waits until all are acknowledged and exits.
#![cfg(unix)]

use std::io::Error;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use lexopt::ValueExt;
use pure_mqtt::{Connection, ConnectionError, Disconnect, Heap};
use pure_mqtt_hosts::args::{self, NO_SESSION};
use pure_mqtt_hosts::clock::Clock;
use pure_mqtt_hosts::failure::{Failure, exit};
use pure_mqtt_hosts::lines::Lines;
use pure_mqtt_hosts::pauses::Pauses;
use pure_mqtt_hosts::station::LIMITS;
use pure_mqtt_hosts::talk::Talk;
use pure_mqtt_hosts::{LONGEST_PACKET, Mqtt, pump, sockets};

const USAGE: &str = "unix: publishes lines over a Unix socket, and prints what arrives

  --broker PATH      default: /run/mosquitto/mosquitto.sock
  --filter FILTER    what to print; default: nothing
";

/// What other threads have to say.
enum Notice {
    /// Bytes came from the socket of this link; or none any more, for this reason.
    Input(u32, Result<Vec<u8>, Error>),
    /// A line was read; or the last one had been.
    Line(Option<String>),
}

fn main() -> ExitCode {
    exit("unix", run())
}

fn run() -> Result<(), Failure> {
    let mut filter = None;
    let options = args::parse(USAGE, "/run/mosquitto/mosquitto.sock", |name, parser| {
        let is_filter = name == "filter";
        if is_filter {
            filter = Some(parser.value()?.string()?);
        }
        Ok(is_filter)
    })?;
    let Some(options) = options else { return Ok(()) };
    let (sender, inbox) = sync_channel(16);
    let to_host = sender.clone();
    let lines = Lines::read(move |line| to_host.send(Notice::Line(line)).is_ok());
    let mut host = Host {
        mqtt: Connection::new(Heap::new(), LIMITS),
        talk: Talk::new(options, filter.as_deref(), lines)?,
        sender,
        inbox,
        links: 0,
        pauses: Pauses::new(100, 30_000),
        clock: Clock::start(),
    };
    loop {
        match host.link() {
            Err(failure) if failure.is_passing() && host.talk.is_known() => host.pause(&failure),
            result => return result,
        }
    }
}

struct Host {
    mqtt: Mqtt,
    talk: Talk,
    sender: SyncSender<Notice>,
    inbox: Receiver<Notice>,
    /// So many links there were: input of an earlier one is worth nothing.
    links: u32,
    pauses: Pauses,
    clock: Clock,
}

impl Host {
    /// One link, from CONNECT to its end. It is well if the input has ended and all of it is acknowledged.
    fn link(&mut self) -> Result<(), Failure> {
        let unreachable = |error| Failure::Unreachable(self.talk.options().broker.clone(), error);
        let mut stream = UnixStream::connect(&self.talk.options().broker).map_err(unreachable)?;
        stream.set_write_timeout(Some(sockets::WRITE_PATIENCE))?;
        self.links += 1;
        read_socket(stream.try_clone()?, self.links, self.sender.clone());
        let mut input = Vec::new();
        self.mqtt.open(self.clock.now(), &self.talk.connect())?;
        loop {
            // What was read goes into the connection …
            let now = self.clock.now();
            let taken = pump::take(&mut self.mqtt, now, &input, |mqtt, event| self.talk.on_event(mqtt, &event));
            input.drain(..taken.consumed);
            let _ = self.mqtt.handle_timeout(now); // an error shows in `should_close`
            self.talk.act(&mut self.mqtt, now)?;
            if self.mqtt.is_connected() {
                self.pauses.accepted(now);
                if self.talk.is_done(&self.mqtt) {
                    self.mqtt.disconnect(now, &Disconnect::default().properties(NO_SESSION))?;
                }
            }
            // … and what it has to say goes out.
            let sent = pump::send(&mut self.mqtt, now, &mut stream)?;
            if self.mqtt.should_close() {
                let _ = stream.shutdown(Shutdown::Write);
                return match self.mqtt.close_reason() {
                    ConnectionError::Disconnected => self.await_end(),
                    reason => Err(reason.into()),
                };
            }
            if taken.consumed + sent.bytes > 0 {
                continue; // there may be more to do now
            }
            // Now there is nothing to do but wait: for another thread, or for the next deadline. A full socket is tried again soon.
            let wake = self.mqtt.poll_timeout().map_or(Duration::MAX, |due| self.clock.until(due));
            match self.inbox.recv_timeout(if sent.is_full { Duration::from_millis(1) } else { wake }) {
                Ok(Notice::Input(link, bytes)) if link == self.links => input.extend(bytes?),
                Ok(Notice::Line(line)) => self.talk.publish(&mut self.mqtt, now, line)?,
                Ok(Notice::Input(..)) | Err(_) => {} // of an earlier link; or it is time
            }
        }
    }

    /// Waits for the broker to close its side.
    fn await_end(&mut self) -> Result<(), Failure> {
        while let Ok(notice) = self.inbox.recv_timeout(pump::FAREWELL_PATIENCE) {
            if matches!(notice, Notice::Input(link, Err(_)) if link == self.links) {
                break;
            }
        }
        Ok(())
    }

    /// Waits before the next attempt, longer after each failure. Lines wait in the channel.
    fn pause(&mut self, failure: &Failure) {
        self.mqtt.handle_close(self.clock.now());
        thread::sleep(failure.announce("unix", self.pauses.next(self.clock.now())));
    }
}

/// Reads the socket of link number `link` until it ends, or nobody listens.
fn read_socket(mut stream: UnixStream, link: u32, sender: SyncSender<Notice>) {
    thread::spawn(move || {
        loop {
            let mut bytes = vec![0; LONGEST_PACKET];
            let count = pump::read(&mut stream, &mut bytes);
            bytes.truncate(count.as_ref().map_or(0, |count| count.unwrap_or_default()));
            let is_over = count.is_err();
            if sender.send(Notice::Input(link, count.map(|_| bytes))).is_err() || is_over {
                break;
            }
        }
    });
}
