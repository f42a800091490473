use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant as SystemTime};

use host::{App, Host, PACKET, Transport};
use pure_mqtt::Version;
use pure_mqtt::{Connect, Connection, Disconnect, Event, Heap, Instant, Limits, Outcome, Publish, QoS, TopicName};

/// The maximum time that a full socket holds up reading, in milliseconds.
const SHORT: u64 = 10;

struct Tcp(TcpStream);

impl Tcp {
    fn dial(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(Duration::from_millis(SHORT)))?;
        Ok(Self(stream))
    }

    /// Closes in order: a socket that is closed with unread bytes is reset, and the last writes are lost.
    fn close(mut self) {
        let _ = self.0.shutdown(Shutdown::Write);
        let start = SystemTime::now();
        while start.elapsed() < Duration::from_secs(1) && self.read(&mut [0; 512], 100, false).is_ok() {}
    }
}

impl Transport for Tcp {
    fn read(&mut self, room: &mut [u8], patience: u64, for_room: bool) -> io::Result<usize> {
        let patience = Duration::from_millis(if for_room { patience.min(SHORT) } else { patience.max(1) });
        if room.is_empty() {
            sleep(patience); // a read into an empty slice would return 0 at once, as at end of stream
            return Ok(0);
        }
        self.0.set_read_timeout(Some(patience.max(Duration::from_millis(1))))?;
        match self.0.read(room) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Err(error) if is_patience_over(&error) => Ok(0),
            result => result,
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.write(bytes) {
            Err(error) if is_patience_over(&error) => Ok(0),
            result => result,
        }
    }
}

fn is_patience_over(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// Ends the link when nothing is unfinished.
struct Meter;

impl App<Heap> for Meter {
    fn event(&mut self, mqtt: &mut Connection<Heap>, now: Instant, event: Event<'_>) {
        if matches!(event, Event::PubComp(_)) && mqtt.pending() == 0 {
            let _ = mqtt.disconnect(now, &Disconnect::default());
        }
    }

    fn outcome(&mut self, outcome: Outcome) {
        println!("{outcome:?}");
    }
}

/// Publishes three readings, and returns once the server has acknowledged them.
fn publish(address: &str) -> Result<(), Box<dyn Error>> {
    let start = SystemTime::now();
    let clock = || Instant::from_millis(start.elapsed().as_millis() as u64);
    let limits = Limits { inline_max: PACKET as u32, ..Limits::DEFAULT };
    let mut mqtt = Connection::new(Heap::new(), limits);
    let topic = TopicName::new("meter/reading")?;
    for reading in ["4711", "4712", "4713"] {
        mqtt.publish(clock(), &Publish::new(topic, reading).qos(QoS::ExactlyOnce))?;
    }
    let connect = Connect::new(Version::V311, "meter-1").clean_start(false);
    let mut host = Host::new();
    while mqtt.pending() > 0 {
        let pause = match Tcp::dial(address) {
            Ok(mut link) => {
                let pause = host.drive(&mut mqtt, &mut link, clock, &connect, &mut Meter)?;
                link.close();
                pause
            }
            Err(_) => host.pause(),
        };
        if mqtt.pending() > 0 {
            sleep(Duration::from_millis(pause.into()));
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    publish("localhost:1883")
}
