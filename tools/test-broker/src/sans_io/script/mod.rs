//! The script of faults: rules that say when and how the broker misbehaves.

mod oddity;
mod packet;
mod rules;
mod when;

pub use oddity::Oddity;
pub use packet::Packet;
pub use when::When;

pub(super) use oddity::Bend;
pub(super) use rules::{Moment, Script};
pub(super) use when::Event;

use std::time::Duration;

/// The fault of a rule.
///
/// | act | the broker sends a packet | it receives one | a link opens |
/// |---|---|---|---|
/// | [`Lose`](Self::Lose) | it is not sent | it is ignored | |
/// | [`Twice`](Self::Twice), [`Late`](Self::Late), [`WithId`](Self::WithId), [`WithCode`](Self::WithCode), [`Odd`](Self::Odd) | it is changed | | |
/// | [`Instead`](Self::Instead) | these bytes are sent instead | these bytes are the answer | these bytes are sent first |
/// | [`Disconnect`](Self::Disconnect), [`Redirect`](Self::Redirect) | instead of it | as the answer | |
/// | [`CutAfter`](Self::CutAfter) | after this many bytes of it | at once | after this many bytes to the client |
/// | [`CutAfterReceiving`](Self::CutAfterReceiving) | | | after this many bytes from the client |
/// | [`Stall`](Self::Stall), [`StopReading`](Self::StopReading), [`StopWriting`](Self::StopWriting), [`Trickle`](Self::Trickle) | from this packet on | from then on | from the start |
///
/// In an empty field the fault does not apply: the rule skips the moment without counting it.
///
/// ```
/// use pure_mqtt_test_broker::{Act, Broker, Packet, When};
///
/// fn main() -> std::io::Result<()> {
///     let broker = Broker::start()?;
///     broker.script(When::sends(Packet::PubAck).nth(1), Act::Lose);
///     broker.script(When::sends(Packet::Publish).client("meter"), Act::Twice);
///     broker.script(When::receives(Packet::Subscribe), Act::Disconnect(0x8B));
///     Ok(())
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Act {
    /// The packet is lost.
    Lose,
    /// The packet is sent twice.
    Twice,
    /// The packet is sent after this time; later packets overtake it.
    Late(Duration),
    /// PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK or UNSUBACK has this packet identifier instead.
    WithId(u16),
    /// The packet has this code: in CONNACK and SUBACK in any version, in other packets in 5.0. All codes of a packet are replaced.
    WithCode(u8),
    /// The packet deviates from the standard as some servers do.
    Odd(Oddity),
    /// These bytes are sent, whatever they are.
    Instead(Vec<u8>),
    /// The broker ends the link with this code: in CONNACK as an answer to CONNECT, otherwise in a DISCONNECT of 5.0. Clients of older versions see a closed connection.
    Disconnect(u8),
    /// Like [`Disconnect`](Self::Disconnect), with 0x9C, Use another server, and this Server Reference.
    Redirect(String),
    /// The connection is closed after this many bytes.
    CutAfter(usize),
    /// The connection is closed after this many bytes were received from the client.
    CutAfterReceiving(usize),
    /// The connection stays open, but the broker neither reads nor writes.
    Stall,
    /// The broker stops reading; its output is still sent.
    StopReading,
    /// The broker stops writing; it still processes what the client sends.
    StopWriting,
    /// Output is sent one byte at a time, with this pause after each byte.
    Trickle(Duration),
}
