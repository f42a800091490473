//! The clients that are measured, and what their adapters share.

mod floor;
mod flowsdk;
mod least;
mod minimq;
mod mountain_mqtt;
mod mqtt_protocol_core;
mod mqttbytes;
mod pipe;
mod pure_mqtt;
mod rumqttc;
mod rust_mqtt;

use crate::client::{Client, Contestant, Setup, Version};

/// The name of our own client.
pub const OURS: &str = "pure-mqtt";
/// The row that costs what the harness itself costs.
pub const FLOOR: &str = "floor";
/// What no client can do without.
pub const LEAST: &str = "the least";
/// Those that are no clients: they are no peers, and not drawn.
pub const YARDSTICKS: [&str; 2] = [FLOOR, LEAST];

/// In the order of the columns.
#[rustfmt::skip]
pub const ALL: &[Contestant] = &[
    Contestant { name: FLOOR, open: floor::open },
    Contestant { name: LEAST, open: least::open },
    Contestant { name: OURS, open: pure_mqtt::open },
    Contestant { name: "rumqttc", open: rumqttc::open },
    Contestant { name: "mqtt-protocol-core", open: mqtt_protocol_core::open },
    Contestant { name: "flowsdk", open: flowsdk::open },
    Contestant { name: "minimq", open: minimq::open },
    Contestant { name: "rust-mqtt", open: rust_mqtt::open },
    Contestant { name: "mountain-mqtt", open: mountain_mqtt::open },
    Contestant { name: "mqttbytes (codec)", open: mqttbytes::open },
];

/// The three properties of rows with properties.
pub const EXPIRY: u32 = 3_600;
pub const CONTENT_TYPE: &str = "text/plain";
pub const USER_PROPERTY: (&str, &str) = ("origin", "line-3");

/// The server's CONNACK: of 5.0 with a Topic Alias Maximum if aliases are asked for.
fn connack(setup: &Setup, session_present: bool) -> &'static [u8] {
    match (setup.version, setup.alias, session_present) {
        (Version::V311, _, false) => b"\x20\x02\x00\x00",
        (Version::V311, _, true) => b"\x20\x02\x01\x00",
        (Version::V5, false, false) => b"\x20\x03\x00\x00\x00",
        (Version::V5, false, true) => b"\x20\x03\x01\x00\x00",
        (Version::V5, true, _) => b"\x20\x06\x00\x00\x03\x22\x00\x0A",
    }
}

fn boxed(client: impl Client + 'static) -> Option<Box<dyn Client>> {
    Some(Box::new(client))
}
