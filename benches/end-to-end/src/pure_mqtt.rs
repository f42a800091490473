//! pure-mqtt on a blocking socket, in one thread.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use pure_mqtt::{
    Connect, Connection, Event, Heap, Instant, Limits, Publish, QoS, Received, RxBuffer, Subscribe, Subscription,
    TopicFilter, TopicName, Version,
};

use crate::{Clock, PAYLOAD, Run, Took};

const TOPIC: &str = "bench/pure-mqtt";
type Fault = Box<dyn Error>;

struct Host {
    mqtt: Connection<Heap>,
    rx: Box<RxBuffer<65_536>>,
    socket: TcpStream,
    epoch: std::time::Instant,
    run: Run,
    sent: u32,
    received: u32,
    clock: Option<Clock>,
}

pub fn echo(run: Run) -> Result<Took, Fault> {
    let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, run.port))?;
    socket.set_nodelay(true)?;
    let limits = Limits { max_inflight: 0, ..Limits::DEFAULT };
    let mqtt = Connection::new(Heap::new(), limits);
    let (rx, epoch) = (Box::new(RxBuffer::new()), std::time::Instant::now());
    let mut host = Host { mqtt, rx, socket, epoch, run, sent: 0, received: 0, clock: None };
    let now = host.now();
    host.mqtt.open(now, &Connect::new(Version::V311, "pure-mqtt"))?;
    let filters = [Subscription::new(TopicFilter::new(TOPIC)?, host.qos())];
    host.mqtt.subscribe(now, &Subscribe::new(&filters))?;
    while host.received < run.count {
        host.write()?;
        host.read()?;
    }
    Ok(host.clock.ok_or("no message was sent")?.stop())
}

impl Host {
    fn now(&self) -> Instant {
        Instant::from_millis(self.epoch.elapsed().as_millis() as u64)
    }

    fn qos(&self) -> QoS {
        QoS::from_bits(self.run.qos).unwrap_or_default()
    }

    /// Gives the socket everything that waits.
    fn write(&mut self) -> Result<(), Fault> {
        let mut transmit = self.mqtt.transmit(Instant::from_millis(self.epoch.elapsed().as_millis() as u64));
        while !transmit.chunk().is_empty() {
            let count = self.socket.write(transmit.chunk())?;
            transmit.advance(count);
        }
        Ok(())
    }

    /// Waits for bytes, and takes all packets that are whole.
    fn read(&mut self) -> Result<(), Fault> {
        let count = self.socket.read(self.rx.room())?;
        if count == 0 {
            return Err("the broker hung up".into());
        }
        self.rx.filled(count);
        let now = self.now();
        loop {
            let Received::Packet { consumed, event } = self.mqtt.handle_input(now, self.rx.bytes())? else {
                return Ok(());
            };
            let more = match event {
                Some(Event::SubAck(_)) => {
                    self.clock = Some(Clock::start());
                    self.run.window
                }
                Some(Event::Message(message)) => {
                    assert_eq!(message.payload, PAYLOAD);
                    self.received += 1;
                    1
                }
                _ => 0,
            };
            self.rx.consume(consumed);
            self.publish(now, more)?;
        }
    }

    fn publish(&mut self, now: Instant, more: u32) -> Result<(), Fault> {
        let publish = Publish::new(TopicName::new(TOPIC)?, &PAYLOAD).qos(self.qos());
        for _ in 0..more.min(self.run.count - self.sent) {
            self.mqtt.publish(now, &publish)?;
            self.sent += 1;
        }
        Ok(())
    }
}
