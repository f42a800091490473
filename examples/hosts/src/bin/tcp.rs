//! One connection over TCP with only the standard library, in one thread that waits in `read`.
//!
//! For programs that do nothing else meanwhile, or that have a thread to spare. A publish from another thread waits until `read` returns; in the host `unix.rs` other threads
//! can wake the loop.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use pure_mqtt::{Connection, Heap, RxBuffer};
use pure_mqtt_hosts::clock::{Clock, earlier};
use pure_mqtt_hosts::failure::{Failure, end_of, exit};
use pure_mqtt_hosts::pauses::Pauses;
use pure_mqtt_hosts::station::{LIMITS, Station};
use pure_mqtt_hosts::{LONGEST_PACKET, Mqtt, args, pump, sockets};

const USAGE: &str = "tcp: publishes readings over TCP, and prints them as they come back

  --broker HOST:PORT default: localhost:1883
";

fn main() -> ExitCode {
    exit("tcp", run())
}

fn run() -> Result<(), Failure> {
    let Some(options) = args::parse(USAGE, "localhost:1883", args::none)? else { return Ok(()) };
    let mut host = Host {
        mqtt: Connection::new(Heap::new(), LIMITS),
        station: Station::new(options)?,
        pauses: Pauses::new(100, 30_000),
        clock: Clock::start(),
    };
    loop {
        match host.link() {
            Err(failure) if failure.is_passing() && host.station.is_known() => host.pause(&failure),
            result => return result,
        }
    }
}

struct Host {
    mqtt: Mqtt,
    station: Station,
    pauses: Pauses,
    clock: Clock,
}

impl Host {
    /// One link, from CONNECT to its end. It is well if the station is done.
    fn link(&mut self) -> Result<(), Failure> {
        let mut stream = sockets::dial(&self.station.options().broker)?;
        let mut rx = RxBuffer::<LONGEST_PACKET>::new();
        self.mqtt.open(self.clock.now(), &self.station.connect())?;
        loop {
            // What was read goes into the connection …
            let now = self.clock.now();
            let taken = pump::take(&mut self.mqtt, now, rx.bytes(), |mqtt, event| self.station.on_event(mqtt, &event));
            rx.consume(taken.consumed);
            let _ = self.mqtt.handle_timeout(now); // an error shows in `should_close`
            while let Some(outcome) = self.mqtt.poll_outcome() {
                self.station.on_outcome(&outcome);
            }
            // … the program does what it has to do …
            if self.mqtt.is_connected() {
                self.pauses.accepted(now);
            }
            self.station.act(&mut self.mqtt, now)?;
            // … and what the connection has to say goes out.
            let sent = pump::send(&mut self.mqtt, now, &mut stream)?;
            if self.station.is_done(&self.mqtt) {
                self.mqtt.disconnect(now, &self.station.goodbye())?;
                continue;
            }
            if self.mqtt.should_close() {
                sockets::close(&mut stream);
                return end_of(&self.mqtt);
            }
            if taken.is_blocked && sent.bytes > 0 {
                continue; // there may be room now
            }
            // Now there is nothing to do but wait: for bytes, or for the next deadline. A full socket is tried again soon.
            let wake = earlier(self.mqtt.poll_timeout(), self.station.due(&self.mqtt)).map(|due| self.clock.until(due));
            stream.set_read_timeout(if sent.is_full { Some(Duration::from_millis(1)) } else { wake })?;
            if let Some(count) = pump::read(&mut stream, rx.room())? {
                rx.filled(count);
            }
        }
    }

    /// Waits before the next attempt, longer after each failure.
    fn pause(&mut self, failure: &Failure) {
        self.mqtt.handle_close(self.clock.now());
        thread::sleep(failure.announce("tcp", self.pauses.next(self.clock.now())));
    }
}
