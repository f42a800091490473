//! mountain-mqtt's client state and codec: 5.0 only, one message in flight, no QoS 2, no sessions.

use heapless::Vec as Fixed;
use mountain_mqtt::client_state::{ClientState, ClientStateNoQueue, ClientStateReceiveEvent};
use mountain_mqtt::codec::mqtt_reader::{MqttBufReader, MqttReader};
use mountain_mqtt::codec::mqtt_writer::{MqttBufWriter, MqttWriter};
use mountain_mqtt::codec::write::Write;
use mountain_mqtt::data::property::{ContentType, MessageExpiryInterval, PublishProperty, UserProperty};
use mountain_mqtt::data::quality_of_service::QualityOfService;
use mountain_mqtt::data::string_pair::StringPair;
use mountain_mqtt::packets::connect::Connect;
use mountain_mqtt::packets::packet_generic::PacketGeneric;

use crate::client::{Client, Message, Setup, Sink, TOPIC, Version};
use crate::clients::{CONTENT_TYPE, EXPIRY, USER_PROPERTY, boxed, connack};

struct Mountain {
    state: ClientStateNoQueue,
    input: Vec<u8>,
    output: Vec<u8>,
    end: usize,
}

pub fn open(setup: &Setup) -> Option<Box<dyn Client>> {
    let is_too_much = setup.version == Version::V311 || setup.window > 1 || setup.qos > 1 || setup.alias;
    // Its own loop wants a buffer for the whole packet, and reads into that: it has nothing for pieces.
    if is_too_much || setup.payload > 65_536 {
        return None;
    }
    let output = vec![0; 65_536 + setup.payload];
    let mut client = Mountain { state: ClientStateNoQueue::new(), input: Vec::new(), output, end: 0 };
    let connect = Connect::unauthenticated("bench");
    write(&mut client.output, &mut client.end, &connect);
    client.state.connect(&connect).ok()?;
    client.end = 0;
    client.receive(connack(setup, false));
    boxed(client)
}

fn write(output: &mut [u8], end: &mut usize, packet: &impl Write) {
    let mut writer = MqttBufWriter::new(&mut output[*end..]);
    writer.put(packet).expect("room");
    *end += writer.position();
}

/// The length of the packet at the start of `bytes`, if it is all there.
fn whole(bytes: &[u8]) -> Option<usize> {
    let mut reader = MqttBufReader::new(bytes.get(1..)?);
    let remaining = reader.get_variable_u32().ok()? as usize;
    let length = 1 + reader.position() + remaining;
    (length <= bytes.len()).then_some(length)
}

impl Client for Mountain {
    fn publish(&mut self, message: &Message<'_>) -> u16 {
        let qos = if message.qos == 0 { QualityOfService::Qos0 } else { QualityOfService::Qos1 };
        if message.properties {
            let mut properties: Fixed<PublishProperty<'_>, 4> = Fixed::new();
            let _ = properties.push(PublishProperty::MessageExpiryInterval(MessageExpiryInterval::new(EXPIRY)));
            let _ = properties.push(PublishProperty::ContentType(ContentType::new(CONTENT_TYPE)));
            let (name, value) = USER_PROPERTY;
            let _ = properties.push(PublishProperty::UserProperty(UserProperty::new(StringPair::new(name, value))));
            let publish = self.state.publish_with_properties(TOPIC, message.payload, qos, false, properties);
            write(&mut self.output, &mut self.end, &publish.expect("room"));
        } else {
            let publish = self.state.publish(TOPIC, message.payload, qos, false).expect("room");
            write(&mut self.output, &mut self.end, &publish);
        }
        u16::from(message.qos)
    }

    fn subscribe(&mut self, filter: &str) -> u16 {
        let subscribe = self.state.subscribe(filter, QualityOfService::Qos1).expect("room");
        write(&mut self.output, &mut self.end, &subscribe);
        2
    }

    fn send(&mut self, sink: &mut Sink) {
        sink.take(&self.output[..self.end]);
        self.end = 0;
    }

    fn receive(&mut self, bytes: &[u8]) -> usize {
        self.input.extend_from_slice(bytes);
        let (mut told, mut start) = (0, 0);
        while let Some(length) = whole(&self.input[start..]) {
            let mut reader = MqttBufReader::new(&self.input[start..start + length]);
            let packet: PacketGeneric<'_, 4, 0, 0> = reader.get().expect("a good packet");
            match self.state.receive(packet).expect("a good packet") {
                ClientStateReceiveEvent::PublishAndPuback { publish, puback } => {
                    std::hint::black_box(publish.payload());
                    write(&mut self.output, &mut self.end, &puback);
                }
                ClientStateReceiveEvent::Publish { publish } => {
                    std::hint::black_box(publish.payload());
                }
                _ => {}
            }
            told += 1;
            start += length;
        }
        self.input.drain(..start);
        told
    }
}
