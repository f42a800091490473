//! The states of messages at QoS 1 and 2, outgoing and incoming.

use std::format;
use std::string::String;

use super::graph::{Mqtt, NOW, NOWHERE, Step, draw, send};
use crate::command::{Ack, Publish};
use crate::connection::Connection;
use crate::event::{Cause, Event, PendingAck, Received};
use crate::limits::{Limits, OnSessionLoss};
use crate::storage::sealed::Sealed;
use crate::storage::{Fixed, Kind, Reach, ReceiveState, Stands};
use crate::topic::TopicName;
use crate::types::{Handle, QoS, Version};
use crate::wire::reason::ReasonCode;
use crate::wire::{Connect, Property};

/// Seconds.
const EXPIRY: u32 = 5;

const OUTGOING: [Step; 12] = [
    ("sending", send),
    ("PUBACK", |mqtt| give(mqtt, b"\x40\x02\x00\x01")),
    ("PUBREC", |mqtt| give(mqtt, b"\x50\x02\x00\x01")),
    ("PUBREC with an error", |mqtt| give(mqtt, b"\x50\x03\x00\x01\x97")),
    ("PUBCOMP", |mqtt| give(mqtt, b"\x70\x02\x00\x01")),
    ("a new link resumes", |mqtt| link(mqtt, true, OnSessionLoss::Republish)),
    ("a new session, Republish", |mqtt| link(mqtt, false, OnSessionLoss::Republish)),
    ("a new session, Abort", |mqtt| link(mqtt, false, OnSessionLoss::Abort)),
    ("it expires", |mqtt| mqtt.handle_timeout(NOW.after_secs(2 * EXPIRY)).ok().map(|()| String::new())),
    ("cancel", |mqtt| mqtt.cancel(Handle(0x1_0001)).then(String::new)),
    ("discard_session", forget),
    ("poll_outcome", |mqtt| mqtt.poll_outcome().map(|outcome| format!("outcome {:?}", outcome.cause))),
];

const INCOMING: [Step; 7] = [
    ("sending", send),
    ("PUBLISH again", publish_again),
    ("PUBREL", |mqtt| give(mqtt, b"\x62\x02\x00\x01")),
    ("acknowledge", |mqtt| acknowledge(mqtt, ReasonCode::SUCCESS)),
    ("acknowledge with an error", |mqtt| acknowledge(mqtt, ReasonCode::QUOTA_EXCEEDED)),
    ("a new link resumes", |mqtt| link(mqtt, true, OnSessionLoss::Republish)),
    ("a new session", |mqtt| link(mqtt, false, OnSessionLoss::Republish)),
];

const TO_THE_SERVER: &str = "\
## A message to the server

Waiting: queued. Out: in flight on this link. Release: PUBREC has arrived, and the slot stands for PUBREL. Over: finished, and the outcome is to be fetched;
the cause follows. Known: the server may have some of the message. The message has a Message Expiry Interval.

";

const FROM_THE_SERVER: &str = "\
## A message from the server

With manual acknowledgements; by default messages are acknowledged at once. AtLeastOnce, ExactlyOnce: delivered. Recorded: PUBREC was sent; Again: it is to be
sent again. Completing: PUBREL has arrived; Held: and the application has not acknowledged. Done, Refused: the application has acknowledged, with success or
with an error. Old: the message arrived on an earlier link, and not again on this one.

";

pub(super) fn draw_outgoing() -> String {
    let mut page = String::from(TO_THE_SERVER);
    page += "At QoS 1:\n\n";
    page += &draw(&connected(), outgoing, &[("publish", |mqtt| publish(mqtt, QoS::AtLeastOnce))], &OUTGOING);
    page += "At QoS 2:\n\n";
    page += &draw(&connected(), outgoing, &[("publish", |mqtt| publish(mqtt, QoS::ExactlyOnce))], &OUTGOING);
    page
}

pub(super) fn draw_incoming() -> String {
    let mut page = String::from(FROM_THE_SERVER);
    page += "At QoS 1:\n\n";
    page +=
        &draw(&connected(), incoming, &[("PUBLISH", |mqtt| give(mqtt, b"\x32\x07\x00\x01t\x00\x01\x00x"))], &INCOMING);
    page += "At QoS 2:\n\n";
    page +=
        &draw(&connected(), incoming, &[("PUBLISH", |mqtt| give(mqtt, b"\x34\x07\x00\x01t\x00\x01\x00x"))], &INCOMING);
    page.truncate(page.trim_end().len());
    page + "\n"
}

/// Returns the state of the outgoing message.
fn outgoing(mqtt: &Mqtt) -> String {
    let slot = mqtt.storage.view().slots.iter().find(|slot| slot.kind != Kind::Free);
    slot.map_or(NOWHERE.into(), |slot| {
        let progress = slot.progress;
        match (progress.stands(), progress.reach()) {
            (Stands::Over, _) => format!("Over{:?}", Cause::from_number(slot.detail.get())),
            (Stands::Release, reach) => format!("Release{reach:?}{}", if progress.is_known() { "Known" } else { "" }),
            (Stands::First, Reach::Waiting) if progress.is_known() => "WaitingKnown".into(),
            (Stands::First, reach) => format!("{reach:?}"),
        }
    })
}

/// Returns the state of the message from the server.
fn incoming(mqtt: &Mqtt) -> String {
    let slot = mqtt.storage.view().inbox.iter().find(|slot| slot.state != ReceiveState::Free);
    slot.map_or(NOWHERE.into(), |slot| {
        let is_delivered = matches!(slot.state, ReceiveState::AtLeastOnce | ReceiveState::ExactlyOnce);
        let done = match (is_delivered && slot.acknowledged, ReasonCode(slot.reason).is_error()) {
            (true, true) => "Refused",
            (true, false) => "Done",
            (false, _) => "",
        };
        let old = match slot.state {
            ReceiveState::Recorded if slot.owed => "Again",
            ReceiveState::Completing if !slot.acknowledged => "Held",
            _ if is_delivered && slot.is_old => "Old",
            _ => "",
        };
        format!("{:?}{done}{old}", slot.state)
    })
}

fn connected() -> Mqtt {
    let limits = Limits { version: Version::V5, manual_acks: true, ..Limits::DEFAULT };
    let mut mqtt = Connection::new(Fixed::new(), limits);
    link(&mut mqtt, false, OnSessionLoss::Republish);
    mqtt
}

/// Loses the link, and opens another.
fn link(mqtt: &mut Mqtt, session_present: bool, on_session_loss: OnSessionLoss) -> Option<String> {
    mqtt.handle_close(NOW);
    mqtt.set_limits(Limits { on_session_loss, ..mqtt.limits() });
    let properties = [Property::SessionExpiryInterval(u32::MAX)];
    mqtt.open(NOW, &Connect::new(Version::V5, "c").clean_start(false).properties(&properties)).unwrap();
    send(mqtt);
    // not once it was forgotten
    let _ = mqtt.handle_input(NOW, &[0x20, 0x03, session_present.into(), 0x00, 0x00]).ok()?;
    Some(String::new())
}

fn publish(mqtt: &mut Mqtt, qos: QoS) -> Option<String> {
    let properties = [Property::MessageExpiryInterval(EXPIRY)];
    let publish = Publish::new(TopicName::new("t").unwrap(), b"x").qos(qos).properties(&properties);
    mqtt.publish(NOW, &publish).ok().map(|_| String::new())
}

fn forget(mqtt: &mut Mqtt) -> Option<String> {
    mqtt.handle_close(NOW);
    mqtt.discard_session().then(String::new)
}

/// Receives the same message again, as a server sends it on a link that resumes the session.
fn publish_again(mqtt: &mut Mqtt) -> Option<String> {
    let state = mqtt.storage.view().inbox.iter().find(|slot| slot.state != ReceiveState::Free)?.state;
    let first = if state == ReceiveState::AtLeastOnce { 0x3A } else { 0x3C };
    give(mqtt, &[first, 7, 0, 1, b't', 0, 1, 0, b'x'])
}

/// Handles a packet from the server. `None` if the state does not allow it, or if it is blocked.
fn give(mqtt: &mut Mqtt, bytes: &[u8]) -> Option<String> {
    let Ok(Received::Packet { event, .. }) = mqtt.handle_input(NOW, bytes) else { return None };
    Some(match event {
        Some(Event::Message(_)) => "event Message".into(),
        Some(Event::PubAck(_)) => "event PubAck".into(),
        Some(Event::PubRec(_)) => "event PubRec".into(),
        Some(Event::PubComp(_)) => "event PubComp".into(),
        _ => String::new(),
    })
}

fn acknowledge(mqtt: &mut Mqtt, reason: ReasonCode) -> Option<String> {
    let inbox = mqtt.storage.view().inbox;
    let place = inbox.iter().position(|slot| slot.state != ReceiveState::Free)?;
    let pending = PendingAck::new(place as u16, inbox[place].serial);
    mqtt.acknowledge(NOW, pending, &Ack::new(reason)).ok().map(|()| String::new())
}
