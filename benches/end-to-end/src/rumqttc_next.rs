//! rumqttc-next, in the crate of its family that speaks 3.1.1, with its own event loop, in one thread.

use std::error::Error;

use rumqttc_next::{Client, Event, MqttOptions, NetworkOptions, Packet, PublishOptions, QoS};

use crate::{Clock, PAYLOAD, Run, Took};

const TOPIC: &str = "bench/rumqttc-next";

pub fn echo(run: Run) -> Result<Took, Box<dyn Error>> {
    let mut options = MqttOptions::new("rumqttc-next", ("127.0.0.1", run.port));
    options.set_inflight(run.window as u16).set_max_request_batch(run.window as usize);
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    let (client, mut connection) = Client::builder(options).capacity(run.window as usize + 10).build();
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
            client.publish(TOPIC, PAYLOAD, PublishOptions::new(qos))?;
            sent += 1;
        }
    }
    Err("the broker hung up".into())
}
