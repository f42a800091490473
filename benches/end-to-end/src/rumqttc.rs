//! rumqttc with its own event loop, in one thread.

use std::error::Error;

use rumqttc::{Client, Event, MqttOptions, Packet, QoS};

use crate::{Clock, PAYLOAD, Run, Took};

const TOPIC: &str = "bench/rumqttc";

pub fn echo(run: Run) -> Result<Took, Box<dyn Error>> {
    let mut options = MqttOptions::new("rumqttc", "127.0.0.1", run.port);
    options.set_inflight(run.window as u16);
    let mut network = rumqttc::NetworkOptions::new();
    network.set_tcp_nodelay(true);
    let (client, mut connection) = Client::new(options, run.window as usize + 10);
    connection.eventloop.set_network_options(network);
    let qos = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][usize::from(run.qos)];
    client.subscribe(TOPIC, qos)?;
    let (mut sent, mut received, mut clock) = (0, 0, None);
    for event in connection.iter() {
        let more = match event? {
            Event::Incoming(Packet::SubAck(_)) => {
                clock = Some(Clock::start());
                run.window
            }
            Event::Incoming(Packet::Publish(publish)) => {
                assert_eq!(publish.payload, &PAYLOAD[..]);
                received += 1;
                1
            }
            _ => 0,
        };
        if received == run.count {
            return Ok(clock.ok_or("no message was sent")?.stop());
        }
        for _ in 0..more.min(run.count - sent) {
            client.publish(TOPIC, qos, false, PAYLOAD)?;
            sent += 1;
        }
    }
    Err("the broker hung up".into())
}
