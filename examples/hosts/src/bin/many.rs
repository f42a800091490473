//! Many connections in one thread, with mio: sockets that never block, and one list of deadlines for all.
//!
//! Each connection is a station as in the other hosts, with its own topic. An idle connection costs no time: it is checked when its socket has changed, or when its deadline,
//! the first in the list, has passed.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::ExitCode;

use mio::{Events, Poll, Registry, Token};
use pure_mqtt::Instant;
use pure_mqtt_hosts::args::{self, Options};
use pure_mqtt_hosts::clock::{Clock, earlier};
use pure_mqtt_hosts::failure::{Failure, exit};
use pure_mqtt_hosts::station::{LIMITS, Station};
use pure_mqtt_hosts::uplink::{Uplink, resolve, wait};

const USAGE: &str = "many: as many stations over TCP as you like, in one thread; number 7 has TOPIC/7 and ID-7

  --broker HOST:PORT default: localhost:1883
  --clients N        default: 1000
";

/// Milliseconds between the first attempts of two clients: the queue of a listening socket is short.
const STAGGER: u64 = 1;
/// Beside the sockets: standard input and output, and what mio opens.
const OTHER_FILES: u64 = 16;

fn main() -> ExitCode {
    exit("many", run())
}

fn run() -> Result<(), Failure> {
    let mut count: u32 = 1000;
    let options = args::parse(USAGE, "localhost:1883", |name, parser| {
        let is_clients = name == "clients";
        if is_clients {
            count = lexopt::ValueExt::parse(&parser.value()?)?;
        }
        Ok(is_clients)
    })?;
    let Some(options) = options else { return Ok(()) };
    #[cfg(unix)]
    pure_mqtt_hosts::files::allow(u64::from(count) + OTHER_FILES).map_err(|error| Failure::Other(error.to_string()))?;
    let address = resolve(&options.broker)?;
    let clock = Clock::start();
    let clients: Result<Vec<_>, _> = (0..count).map(|number| Client::new(&options, number, clock.now())).collect();
    let mut crowd = Crowd { poll: Poll::new()?, clients: clients?, deadlines: BTreeSet::new(), address, clock };
    crowd.run()?;
    eprintln!("many: {count} clients are done after {} ms", clock.now().as_millis());
    Ok(())
}

struct Crowd {
    poll: Poll,
    clients: Vec<Client>,
    /// When to look at which client, although its socket is quiet. Each stands here once at most.
    deadlines: BTreeSet<(Instant, usize)>,
    address: SocketAddr,
    clock: Clock,
}

impl Crowd {
    /// Serves whoever has something to do, until all are done.
    fn run(&mut self) -> Result<(), Failure> {
        let mut events = Events::with_capacity(1024);
        (0..self.clients.len()).for_each(|number| self.note_deadline(number));
        while !self.deadlines.is_empty() {
            let wake = self.deadlines.first().map(|(deadline, _)| self.clock.until(*deadline));
            wait(&mut self.poll, &mut events, wake)?;
            for event in &events {
                self.serve(event.token().0)?;
            }
            let now = self.clock.now();
            while let Some((_, number)) = self.deadlines.first().copied().filter(|(deadline, _)| *deadline <= now) {
                self.serve(number)?;
            }
        }
        Ok(())
    }

    fn serve(&mut self, number: usize) -> Result<(), Failure> {
        let Some(client) = self.clients.get_mut(number) else { return Ok(()) };
        let now = self.clock.now();
        let served = client.turn(now, self.poll.registry(), self.address);
        served.or_else(|failure| client.pause(now, failure)).map_err(|failure| match failure {
            Failure::Transport(error) => Failure::Unreachable(self.address.to_string(), error),
            failure => failure,
        })?;
        self.note_deadline(number);
        Ok(())
    }

    /// Moves a client in the list to where it belongs now.
    fn note_deadline(&mut self, number: usize) {
        let Some(client) = self.clients.get_mut(number) else { return };
        let deadline = client.next_deadline();
        if let Some(old) = std::mem::replace(&mut client.noted, deadline) {
            self.deadlines.remove(&(old, number));
        }
        self.deadlines.extend(deadline.map(|new| (new, number)));
    }
}

struct Client {
    uplink: Uplink,
    station: Station,
    /// Where it stands in the list of deadlines.
    noted: Option<Instant>,
}

impl Client {
    fn new(options: &Options, number: u32, now: Instant) -> Result<Self, Failure> {
        let mut options = options.clone();
        options.topic = format!("{}/{number}", options.topic);
        options.id = format!("{}-{number}", options.id);
        let dial = now.after_millis(STAGGER * u64::from(number));
        let uplink = Uplink::new(LIMITS, Token(number as usize), dial);
        Ok(Self { uplink, station: Station::new(options)?, noted: None })
    }

    /// The earliest of what waits: the next attempt, the connection's timers, the next reading.
    fn next_deadline(&self) -> Option<Instant> {
        earlier(self.uplink.next_deadline(), self.station.due(&self.uplink.mqtt))
    }

    /// Does all there is to do.
    fn turn(&mut self, now: Instant, registry: &Registry, address: SocketAddr) -> Result<(), Failure> {
        let Self { uplink, station, .. } = self;
        if uplink.is_due(now) {
            uplink.connect(now, registry, address, &station.connect())?;
        }
        loop {
            while let Some(outcome) = uplink.mqtt.poll_outcome() {
                station.on_outcome(&outcome);
            }
            station.act(&mut uplink.mqtt, now)?;
            if station.is_done(&uplink.mqtt) {
                uplink.leave(now, &station.goodbye())?;
            }
            // Moves bytes until the socket has no more. The station may have something to say to them.
            if !uplink.turn(now, |mqtt, event| station.on_event(mqtt, &event))? {
                return Ok(());
            }
        }
    }

    /// Waits before the next attempt, longer after each failure.
    fn pause(&mut self, now: Instant, failure: Failure) -> Result<(), Failure> {
        if !failure.is_passing() || !self.station.is_known() {
            return Err(failure);
        }
        self.uplink.retry(now);
        Ok(())
    }
}
