//! One connection over TLS: rustls is a sans-IO engine too, so the host connects two engines back to back.
//!
//! ```text
//!    socket ──▶ rustls: read_tls, process_new_packets ──▶ reader ──▶ handle_input ──▶ events
//!    socket ◀── rustls: write_tls                     ◀── writer ◀── transmit     ◀── commands
//! ```

use std::io::{Error, ErrorKind, Result as IoResult};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use pure_mqtt::{Connection, Heap, RxBuffer};
use pure_mqtt_hosts::clock::{Clock, earlier};
use pure_mqtt_hosts::failure::{Failure, end_of, exit};
use pure_mqtt_hosts::pauses::Pauses;
use pure_mqtt_hosts::station::{LIMITS, Station};
use pure_mqtt_hosts::{LONGEST_PACKET, Mqtt, args, pump, sockets};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

const USAGE: &str = "tls: publishes readings over TLS, and prints them as they come back

  --broker HOST:PORT default: localhost:8883
  --ca FILE          trust the certificates in this PEM file, and no others
";

fn main() -> ExitCode {
    exit("tls", run())
}

fn run() -> Result<(), Failure> {
    let mut ca = None;
    let options = args::parse(USAGE, "localhost:8883", |name, parser| {
        let is_ca = name == "ca";
        if is_ca {
            ca = Some(PathBuf::from(parser.value()?));
        }
        Ok(is_ca)
    })?;
    let Some(options) = options else { return Ok(()) };
    let ca = ca.ok_or_else(|| Failure::Arguments("say which certificates to trust with --ca".to_owned()))?;
    let mut host = Host {
        mqtt: Connection::new(Heap::new(), LIMITS),
        station: Station::new(options)?,
        config: trust(&ca)?,
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
    config: Arc<ClientConfig>,
    pauses: Pauses,
    clock: Clock,
}

impl Host {
    /// One link, from CONNECT to its end. It is well if the station is done.
    fn link(&mut self) -> Result<(), Failure> {
        let mut stream = sockets::dial(&self.station.options().broker)?;
        let mut tls = self.secure(&self.station.options().broker)?;
        let mut rx = RxBuffer::<LONGEST_PACKET>::new();
        self.mqtt.open(self.clock.now(), &self.station.connect())?;
        loop {
            // What rustls has deciphered goes into the connection …
            let now = self.clock.now();
            let count = pump::read(&mut tls.reader(), rx.room())?;
            rx.filled(count.unwrap_or_default());
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
            // … what the connection has to say is ciphered, and goes out.
            let sent = pump::send(&mut self.mqtt, now, &mut tls.writer())?;
            let is_full = flush(&mut tls, &mut stream)?;
            if self.station.is_done(&self.mqtt) {
                self.mqtt.disconnect(now, &self.station.goodbye())?;
                continue;
            }
            if self.mqtt.should_close() {
                close(&mut tls, &mut stream);
                return end_of(&self.mqtt);
            }
            if count.is_some() || sent.bytes > 0 || taken.is_blocked {
                continue; // rustls may have more, or there may be room now: what holds up a station is a full socket alone
            }
            // Now there is nothing to do but wait: for bytes, or for the next deadline. A full socket is tried again soon.
            let wake = earlier(self.mqtt.poll_timeout(), self.station.due(&self.mqtt)).map(|due| self.clock.until(due));
            stream.set_read_timeout(if is_full { Some(Duration::from_millis(1)) } else { wake })?;
            match tls.read_tls(&mut stream) {
                Ok(_) => process(&mut tls, &mut stream)?, // the end of the stream shows in `reader`
                Err(error) if pump::is_pending(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn secure(&self, address: &str) -> Result<ClientConnection, Failure> {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Failure::Arguments(format!("{host:?} is not the name of a host")))?;
        ClientConnection::new(Arc::clone(&self.config), name).map_err(|error| Failure::Other(error.to_string()))
    }

    /// Waits before the next attempt, longer after each failure.
    fn pause(&mut self, failure: &Failure) {
        self.mqtt.handle_close(self.clock.now());
        thread::sleep(failure.announce("tls", self.pauses.next(self.clock.now())));
    }
}

/// Deciphers what was read. If the broker can't be trusted the alert that says so goes out.
fn process(tls: &mut ClientConnection, stream: &mut TcpStream) -> Result<(), Failure> {
    let Err(error) = tls.process_new_packets() else { return Ok(()) };
    let _ = flush(tls, stream);
    Err(match error {
        rustls::Error::InvalidCertificate(_) => Failure::Other(format!("the broker cannot be trusted: {error}")),
        error => Error::new(ErrorKind::InvalidData, error).into(),
    })
}

/// Writes what rustls has ciphered. True if the socket doesn't take it all.
fn flush(tls: &mut ClientConnection, stream: &mut TcpStream) -> IoResult<bool> {
    while tls.wants_write() {
        match tls.write_tls(stream) {
            Ok(_) => {}
            Err(error) if pump::is_pending(&error) => return Ok(true),
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

fn trust(ca: &Path) -> Result<Arc<ClientConfig>, Failure> {
    let unusable = |error| Failure::Arguments(format!("{} cannot be used: {error}", ca.display()));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca).map_err(|error| unusable(error.to_string()))? {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unusable("there is no certificate in it".to_owned()));
    }
    Ok(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}

/// Closes in order: TLS says that it ends, so that nobody can cut the last bytes off unseen; then TCP.
fn close(tls: &mut ClientConnection, stream: &mut TcpStream) {
    tls.send_close_notify();
    let _ = flush(tls, stream);
    sockets::close(stream);
}
