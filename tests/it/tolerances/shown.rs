//! What is printed: for people as the standard has it, in logs without secrets and without floods.

use crate::corners::rig::{message, taken, up};
use pure_mqtt::wire::{PacketType, Violation};
use pure_mqtt::{
    Cause, Connect, ConnectionError, Event, Handle, Heap, Limits, OpenError, Payload, Property, Publish, PublishError,
    QoS, ReasonCode, TopicFilter, TopicName, Version, Will,
};

const TOPIC: TopicName<'_> = TopicName::from_static("plant/boiler");
const FILTER: TopicFilter<'_> = TopicFilter::from_static("plant/+");

#[test]
fn what_people_read() {
    assert_eq!(format!("{TOPIC} {FILTER}"), "plant/boiler plant/+");
    assert_eq!(format!("[{TOPIC:>14}] [{FILTER:<9}]"), "[  plant/boiler] [plant/+  ]");
    assert_eq!(Version::ALL.map(|version| version.to_string()), ["3.1", "3.1.1", "5.0"]);
    assert_eq!([QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce].map(|qos| qos.to_string()), ["0", "1", "2"]);
    assert_eq!(ReasonCode::NOT_AUTHORIZED.to_string(), "0x87 Not authorized");
    assert_eq!(Handle::default().to_string(), "0");
    let causes = [
        Cause::LinkLost,
        Cause::SessionLost,
        Cause::Released,
        Cause::Expired,
        Cause::TooLarge,
        Cause::QoSNotSupported,
        Cause::RetainNotSupported,
        Cause::SubscriptionNotSupported,
        Cause::Discarded,
        Cause::Abandoned,
        Cause::Withdrawn,
    ]
    .map(|cause| cause.to_string());
    for (place, cause) in causes.iter().enumerate() {
        assert!(cause.len() > 20 && !causes[..place].contains(cause), "{cause}");
    }
}

#[test]
fn topics_are_text_where_text_is_wanted() {
    fn length(text: impl AsRef<str>) -> usize {
        text.as_ref().len()
    }
    assert_eq!((length(TOPIC), length(FILTER)), (12, 7));
}

/// A log with a CONNECT in it is no secret.
#[test]
fn debug_output_hides_what_is_secret() {
    let properties = [Property::AuthenticationMethod("token"), Property::AuthenticationData(b"secret data")];
    let connect = Connect::new(Version::V5, "me").user_name("user").password(b"secret").properties(&properties);
    let text = format!("{connect:?}");
    assert!(!text.contains("secret") && !text.contains("115, 101"), "{text}");
    assert!(text.contains("password: Some(***)") && text.contains("user") && text.contains("token"), "{text}");
    assert!(format!("{:?}", Connect::new(Version::V5, "me")).contains("password: None"));
    let packet = pure_mqtt::wire::Packet::Connect(connect);
    assert!(!format!("{packet:?}").contains("secret"));
}

#[test]
fn debug_output_shows_payloads_as_text_or_by_their_length() {
    let long = [b'x'; 65];
    for (payload, shown) in
        [(&b"on"[..], "\"on\""), (b"", "\"\""), (b"\xFF\x00", "2 bytes"), (&long, "65 bytes"), (b"a\nb", "\"a\\nb\"")]
    {
        let publish = Publish::new(TOPIC, payload);
        assert!(format!("{publish:?}").contains(&format!("payload: {shown}")), "{publish:?}");
        assert_eq!(format!("{:?}", Payload::from(payload)), shown);
        let will = Will::new(TOPIC, payload);
        assert!(format!("{will:?}").contains(&format!("payload: {shown}")), "{will:?}");
        let mut packet = message(Version::V311, 0, 0)[..5].to_vec();
        packet.extend(payload);
        packet[1] = packet.len() as u8 - 2;
        let mut mqtt = up(Heap::new(), Limits::DEFAULT, Version::V311);
        let Ok(Some(Event::Message(message))) = taken(&mut mqtt, &packet) else { panic!() };
        assert!(format!("{message:?}").contains(&format!("payload: {shown}")), "{message:?}");
    }
    assert_eq!(format!("{:?}", Payload::Streamed(7)), "7 bytes to be streamed");
}

/// An error says what can be done about it, where that isn't plain.
#[test]
fn errors_name_the_remedy() {
    let too_long = ConnectionError::TooLong { packet: PacketType::Publish, length: 2_000_000, limit: 1_048_576 };
    for (text, words) in [
        (too_long.to_string(), &["2000000", "1048576", "raise the limit"][..]),
        (ConnectionError::UnknownSession.to_string(), &["clean start"]),
        (ConnectionError::Protocol(Violation::UnknownSession).to_string(), &["clean start", "adopted"]),
        (OpenError::TooLarge { needed: 700 }.to_string(), &["700", "control area"]),
        (PublishError::Full.to_string(), &["wait"]),
        (PublishError::TooLarge.to_string(), &["raise", "stream"]),
    ] {
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    }
}
