//! One connection in one task of tokio, over TCP. `select!` may drop the branches that it has not chosen. Nothing is lost by that, since bytes are removed from the connection
//! only after the socket has taken them.
//!
//! On Ctrl-C or SIGTERM the station stops publishing, waits for messages in flight, sends DISCONNECT, and the program exits with success.

use std::future::pending;
use std::process::ExitCode;
use std::time::Duration;

use bytes::Buf;
use pure_mqtt::{BytesBuffer, Connection, Heap, Instant};
use pure_mqtt_hosts::clock::{Clock, earlier};
use pure_mqtt_hosts::failure::{Failure, end_of, exit};
use pure_mqtt_hosts::pauses::Pauses;
use pure_mqtt_hosts::signals::Signals;
use pure_mqtt_hosts::station::{LIMITS, Station};
use pure_mqtt_hosts::{Mqtt, args, pump};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::select;
use tokio::time::{sleep, sleep_until, timeout};

const USAGE: &str = "tokio: publishes readings over TCP, and prints them as they come back

  --broker HOST:PORT default: localhost:1883
";

const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// How long a station that was stopped may take to finish what is under way.
const DRAIN_PATIENCE: u64 = 5_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    exit("tokio", run().await)
}

async fn run() -> Result<(), Failure> {
    let Some(options) = args::parse(USAGE, "localhost:1883", args::none)? else { return Ok(()) };
    let mut host = Host {
        mqtt: Connection::new(Heap::new(), LIMITS),
        station: Station::new(options)?,
        pauses: Pauses::new(100, 30_000),
        clock: Clock::start(),
        signals: Signals::new()?,
        give_up: None,
    };
    loop {
        match host.link().await {
            Err(failure) if failure.is_passing() && host.station.is_known() && host.give_up.is_none() => {
                host.pause(&failure).await;
            }
            result => return result,
        }
    }
}

struct Host {
    mqtt: Mqtt,
    station: Station,
    pauses: Pauses,
    clock: Clock,
    signals: Signals,
    /// The station was told to stop: when to leave, come what may.
    give_up: Option<Instant>,
}

impl Host {
    /// One link, from CONNECT to its end. It is well if the station is done.
    async fn link(&mut self) -> Result<(), Failure> {
        let (mut reader, mut writer) = dial(&self.station.options().broker).await?.into_split();
        let mut rx = BytesBuffer::new(LIMITS.inline_max);
        self.mqtt.open(self.clock.now(), &self.station.connect())?;
        loop {
            // What was read goes into the connection …
            let now = self.clock.now();
            let taken = pump::take(&mut self.mqtt, now, &rx, |mqtt, event| self.station.on_event(mqtt, &event));
            rx.buffer().advance(taken.consumed);
            let _ = self.mqtt.handle_timeout(now); // an error shows in `should_close`
            while let Some(outcome) = self.mqtt.poll_outcome() {
                self.station.on_outcome(&outcome);
            }
            // … the program does what it has to do …
            if self.mqtt.is_connected() {
                self.pauses.accepted(now);
            }
            self.station.act(&mut self.mqtt, now)?;
            let is_over = self.give_up.is_some_and(|end| end <= now);
            if is_over || self.station.is_done(&self.mqtt) {
                self.mqtt.disconnect(now, &self.station.goodbye())?;
            }
            if self.mqtt.should_close() {
                let _ = writer.shutdown().await; // for TCP this doesn't wait
                let _ = timeout(pump::FAREWELL_PATIENCE, tokio::io::copy(&mut reader, &mut tokio::io::sink())).await;
                return end_of(&self.mqtt);
            }
            // … and then we wait: for room in the socket if something is to be sent, for bytes, for the next deadline, and for a signal.
            let wake = earlier(self.mqtt.poll_timeout(), earlier(self.station.due(&self.mqtt), self.give_up));
            let mut transmit = self.mqtt.transmit(now);
            let is_sending = transmit.remaining() > 0;
            select! {
                sent = writer.write_buf(&mut transmit), if is_sending => { sent?; }
                count = reader.read_buf(rx.buffer()), if !taken.is_blocked => if count? == 0 {
                    return Err(pump::closed_by_broker().into());
                },
                () = until(self.clock, wake) => {}
                () = self.signals.recv(), if self.give_up.is_none() => {
                    self.station.stop();
                    self.give_up = Some(now.after_millis(DRAIN_PATIENCE));
                }
            }
        }
    }

    /// Waits before the next attempt, longer after each failure. A signal ends the wait, and then there is one more attempt.
    async fn pause(&mut self, failure: &Failure) {
        self.mqtt.handle_close(self.clock.now());
        let delay = failure.announce("tokio", self.pauses.next(self.clock.now()));
        select! {
            () = sleep(delay) => {}
            () = self.signals.recv() => {
                self.station.stop();
                self.give_up = Some(self.clock.now().after_millis(DRAIN_PATIENCE));
            }
        }
    }
}

async fn dial(address: &str) -> Result<TcpStream, Failure> {
    let unreachable = |error| Failure::Unreachable(address.to_owned(), error);
    let stream = timeout(CONNECT_PATIENCE, TcpStream::connect(address)).await;
    let stream = stream.map_err(|late| unreachable(late.into()))?.map_err(unreachable)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Waits for a deadline; without one for ever.
async fn until(clock: Clock, deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(clock.system_time(deadline).into()).await,
        None => pending().await,
    }
}
