//! A bridge between two brokers, over TCP and MQTT 5.0, in one thread with mio.
//!
//! A message is acknowledged on one side only when the other side has it. So no broker forgets a message before the other one has taken it over, whichever
//! of the two is restarted, and how many may be on their way is up to Receive Maximum: the rest waits where it is.
//!
//! On Ctrl-C or SIGTERM the bridge finishes what is on its way, and leaves. Both brokers keep its session, and what it has not acknowledged.
#![cfg(unix)]

mod ledger;
mod options;
mod route;
mod side;

use std::io::ErrorKind;
use std::os::unix::net::UnixStream as Pipe;
use std::process::ExitCode;

use mio::net::UnixStream;
use mio::{Events, Interest, Poll, Token};
use pure_mqtt::Instant;
use pure_mqtt_hosts::clock::{Clock, earlier};
use pure_mqtt_hosts::failure::{Failure, exit};
use signal_hook::consts::{SIGINT, SIGTERM};

use side::Side;

/// Milliseconds that may pass between the signal and the end.
const DRAIN_PATIENCE: u64 = 5_000;

const LEFT: Token = Token(0);
const RIGHT: Token = Token(1);
const SIGNAL: Token = Token(2);

fn main() -> ExitCode {
    exit("bridge", run())
}

fn run() -> Result<(), Failure> {
    let Some(options) = options::parse()? else { return Ok(()) };
    let clock = Clock::start();
    let (outward, inward) = (options.outward()?, options.inward()?);
    let mut bridge = Bridge {
        left: Side::new("left", LEFT, &options.left, &options, outward, clock.now())?,
        right: Side::new("right", RIGHT, &options.right, &options, inward, clock.now())?,
        poll: Poll::new()?,
        clock,
        give_up: None,
    };
    bridge.run()
}

struct Bridge {
    left: Side,
    right: Side,
    poll: Poll,
    clock: Clock,
    /// The bridge was told to leave: when it does so, come what may.
    give_up: Option<Instant>,
}

impl Bridge {
    fn run(&mut self) -> Result<(), Failure> {
        let _signals = self.listen()?;
        let mut events = Events::with_capacity(16);
        loop {
            self.turn()?;
            if self.left.is_over() && self.right.is_over() {
                return Ok(());
            }
            let deadline = earlier(earlier(self.left.next_deadline(), self.right.next_deadline()), self.give_up);
            match self.poll.poll(&mut events, deadline.map(|deadline| self.clock.until(deadline))) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
                _ => {}
            }
            // Which side has changed doesn't matter: both are served. What one has received the other has to send.
            if events.iter().any(|event| event.token() == SIGNAL) && self.give_up.is_none() {
                self.give_up = Some(self.clock.now().after_millis(DRAIN_PATIENCE));
                self.left.stop();
                self.right.stop();
            }
        }
    }

    /// Serves both sides until neither has anything to do.
    fn turn(&mut self) -> Result<(), Failure> {
        let now = self.clock.now();
        let is_late = self.give_up.is_some_and(|end| end <= now);
        loop {
            let left = self.left.turn(&mut self.right, self.poll.registry(), now)?;
            let right = self.right.turn(&mut self.left, self.poll.registry(), now)?;
            let is_drained = self.left.is_drained() && self.right.is_drained();
            if left || right {
                continue;
            }
            let leaves = self.give_up.is_some() && (is_drained || is_late);
            if !leaves || !(self.left.leave(now)? | self.right.leave(now)?) {
                return Ok(());
            }
        }
    }

    /// SIGINT and SIGTERM come as bytes in a pipe, which mio watches.
    fn listen(&self) -> Result<UnixStream, Failure> {
        let (signals, sender) = Pipe::pair()?;
        for signal in [SIGINT, SIGTERM] {
            signal_hook::low_level::pipe::register(signal, sender.try_clone()?)?;
        }
        signals.set_nonblocking(true)?;
        let mut signals = UnixStream::from_std(signals);
        self.poll.registry().register(&mut signals, SIGNAL, Interest::READABLE)?;
        Ok(signals)
    }
}
