//! Records as lines for people.

use pure_mqtt::wire::{Acknowledgement, Decoded, Packet, Publish, Rules};
use pure_mqtt::{Instant, Properties, State, Version};
use pure_mqtt_trace::{Call, Entry, Progress};

/// What was shown so far.
#[derive(Default)]
pub struct Conversation {
    calls: usize,
    state: State,
    /// Output of a packet that is not out whole.
    output: Vec<u8>,
    version: Version,
}

impl Conversation {
    pub fn calls(&self) -> usize {
        self.calls
    }

    /// Shows a call, the packet that it is about, and what it changed.
    pub fn show(&mut self, entry: &Entry<'_>, progress: &Progress) {
        self.calls += 1;
        let version = std::mem::replace(&mut self.version, progress.version);
        match &entry.call {
            Call::Input { is_streaming: true, shown, .. } if !entry.answer.is_error() => {
                say(entry.at, "  <--", &format!("{} bytes of a packet, or one", shown.len()));
            }
            Call::Input { offered, shown, .. } => self.input(entry, version, *offered, shown),
            Call::Output(bytes) => self.output(entry.at, bytes),
            Call::Supplied(count) => self.output(entry.at, &vec![b'*'; *count]),
            Call::Transmit => {}
            Call::Open(connect) => {
                self.output.clear();
                say(
                    entry.at,
                    "open",
                    &format!("as {:?}, {}{}", connect.client_id, name(connect.version), refused(entry)),
                );
            }
            Call::Closed => self.closed(entry),
            call => say(entry.at, "call", &format!("{}{}", describe_call(call), outcome(entry))),
        }
        if std::mem::replace(&mut self.state, progress.state) != progress.state {
            say(entry.at, "state", &describe_state(progress));
        }
    }

    fn closed(&mut self, entry: &Entry<'_>) {
        let left = std::mem::take(&mut self.output).len();
        let text = if left > 0 { format!("{left} bytes of a packet had left") } else { String::new() };
        say(entry.at, "closed", &text);
    }

    fn input(&self, entry: &Entry<'_>, version: Version, offered: usize, shown: &[u8]) {
        let text = match Packet::decode(shown, Rules::new(version)) {
            Ok(Decoded::Packet { packet, .. }) => describe(&packet),
            Ok(Decoded::Partial { .. }) => format!("{offered} bytes of a packet"),
            Err(error) => format!("{shown:02x?}: {error}"),
        };
        say(entry.at, "  <--", &format!("{text}{}", refused(entry)));
    }

    /// Shows each packet that is out whole now.
    fn output(&mut self, at: Instant, bytes: &[u8]) {
        self.output.extend_from_slice(bytes);
        while let Ok(Decoded::Packet { packet, length }) = Packet::decode(&self.output, Rules::new(self.version)) {
            say(at, "  -->", &describe(&packet));
            self.output.drain(..length);
        }
        if !self.output.is_empty() {
            say(at, "  -->", &format!("{} bytes of a packet", self.output.len()));
        }
    }
}

fn say(at: Instant, what: &str, text: &str) {
    println!("{:>10}  {what:<7} {text}", seconds(at));
}

fn seconds(at: Instant) -> String {
    format!("{}.{:03} s", at.as_millis() / 1000, at.as_millis() % 1000)
}

fn name(version: Version) -> &'static str {
    match version {
        Version::V31 => "MQTT 3.1",
        Version::V311 => "MQTT 3.1.1",
        Version::V5 => "MQTT 5.0",
    }
}

fn describe_state(progress: &Progress) -> String {
    let reason = match progress.state {
        State::Closing => format!(": {}", progress.close_reason),
        _ => String::new(),
    };
    let timer = progress.timer.map_or(String::new(), |(timer, at)| format!(", {timer:?} at {}", seconds(at)));
    format!("{:?}{reason}, {} pending{timer}", progress.state, progress.pending)
}

/// What the call returned, in short.
fn outcome(entry: &Entry<'_>) -> String {
    format!(" = {}", entry.answer)
}

fn refused(entry: &Entry<'_>) -> String {
    if entry.answer.is_error() { outcome(entry) } else { String::new() }
}

fn describe_call(call: &Call<'_>) -> String {
    match call {
        Call::Publish { publish, old, .. } => {
            let (topic, length) = (publish.topic.as_str(), publish.payload.len());
            let old = old.map_or(String::new(), |old| format!(" instead of {old}"));
            format!("publish{old} {topic:?} at QoS {}, {length} bytes", publish.qos.bits())
        }
        Call::Subscribe(filters, _) => {
            let filters: Vec<_> = filters.iter().map(|subscription| subscription.filter.as_str()).collect();
            format!("subscribe {}", filters.join(" "))
        }
        Call::Unsubscribe(filters, _) => {
            let filters: Vec<_> = filters.iter().map(|filter| filter.as_str()).collect();
            format!("unsubscribe {}", filters.join(" "))
        }
        Call::Disconnect(disconnect) => format!("disconnect, {}", disconnect.reason),
        other => format!("{other:?}"),
    }
}

fn describe(packet: &Packet<'_>) -> String {
    let kind = format!("{:?}", packet.packet_type()).to_uppercase();
    let detail = match packet {
        Packet::Connect(connect) => {
            let start = if connect.clean_start { "a clean start" } else { "the session goes on" };
            let detail = format!(
                "{}, {:?}, {start}, keep alive {} s",
                name(connect.version),
                connect.client_id,
                connect.keep_alive
            );
            detail + &list(&connect.properties)
        }
        Packet::ConnAck(connack) => {
            let session = if connack.session_present { "session present" } else { "no session" };
            format!("code 0x{:02X}, {session}{}", connack.code, list(&connack.properties))
        }
        Packet::Publish(publish) => describe_publish(publish),
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => describe_ack(ack),
        Packet::Subscribe(request) => {
            let wish =
                |entry: pure_mqtt::Subscription<'_>| format!("{} at QoS {}", entry.filter.as_str(), entry.qos.bits());
            let filters: Vec<_> = request.entries.iter().map(wish).collect();
            format!("{}: {}{}", request.id, filters.join(", "), list(&request.properties))
        }
        Packet::Unsubscribe(request) => {
            let filters: Vec<_> = request.entries.iter().map(|filter| filter.as_str().to_owned()).collect();
            format!("{}: {}", request.id, filters.join(", "))
        }
        Packet::SubAck(answer) => format!("{}: {:02x?}{}", answer.id, answer.codes, list(&answer.properties)),
        Packet::UnsubAck(answer) => format!("{}: {:02x?}{}", answer.id, answer.codes, list(&answer.properties)),
        Packet::PingReq | Packet::PingResp => String::new(),
        Packet::Disconnect(disconnect) => format!("{}{}", disconnect.reason, list(&disconnect.properties)),
        Packet::Auth(auth) => format!("{}{}", auth.reason, list(&auth.properties)),
    };
    format!("{kind} {detail}").trim_end().to_owned()
}

fn describe_publish(publish: &Publish<'_>) -> String {
    let id = publish.id.map_or(String::new(), |id| format!(" {id}"));
    let dup = if publish.dup { ", again" } else { "" };
    let retain = if publish.retain { ", retained" } else { "" };
    let (topic, length) = (publish.topic, publish.payload.len());
    format!("{id} {topic:?} at QoS {}{dup}{retain}, {length} bytes{}", publish.qos.bits(), list(&publish.properties))
        .trim_start()
        .to_owned()
}

fn describe_ack(ack: &Acknowledgement<'_>) -> String {
    let reason = if ack.reason.0 == 0 { String::new() } else { format!(" {}", ack.reason) };
    format!("{}{reason}{}", ack.id, list(&ack.properties))
}

fn list(properties: &Properties<'_>) -> String {
    properties.iter().map(|property| format!(", {property:?}")).collect()
}
