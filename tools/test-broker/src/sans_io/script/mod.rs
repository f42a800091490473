//! The script of misbehaviour: rules that say when something goes wrong, and what.

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

/// What goes wrong when a rule fires.
///
/// | act | the broker sends a packet | it receives one | a link opens |
/// |---|---|---|---|
/// | [`Lose`](Self::Lose) | it does not leave | as if it had not come | |
/// | [`Twice`](Self::Twice), [`Late`](Self::Late), [`WithId`](Self::WithId), [`WithCode`](Self::WithCode), [`Odd`](Self::Odd) | as they say | | |
/// | [`Instead`](Self::Instead) | these bytes leave in its place | these bytes are the answer | these bytes leave first |
/// | [`Disconnect`](Self::Disconnect), [`Redirect`](Self::Redirect) | in its place | as the answer | |
/// | [`CutAfter`](Self::CutAfter) | after so many bytes of it | at once | after so many bytes to the client |
/// | [`CutAfterReceiving`](Self::CutAfterReceiving) | | | after so many bytes from the client |
/// | [`Stall`](Self::Stall), [`StopReading`](Self::StopReading), [`StopWriting`](Self::StopWriting), [`Trickle`](Self::Trickle) | from this packet on | from then on | from the start |
///
/// Where an act has no meaning, its rule passes the moment over without counting it.
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
    /// The packet is sent after this time; those behind it overtake it.
    Late(Duration),
    /// PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK or UNSUBACK carries this packet identifier instead.
    WithId(u16),
    /// The packet carries this code: in CONNACK and SUBACK as in any version, in the others as in 5.0. With several codes, all are this one.
    WithCode(u8),
    /// The packet departs from the standard as some servers do.
    Odd(Oddity),
    /// These bytes, whatever they are.
    Instead(Vec<u8>),
    /// The broker ends the link with this code: in CONNACK if the client has just asked to connect, otherwise in the DISCONNECT of 5.0. Older clients
    /// see a closed connection.
    Disconnect(u8),
    /// As [`Disconnect`](Self::Disconnect) with 0x9C, Use another server, and this Server Reference.
    Redirect(String),
    /// The connection is closed after so many bytes.
    CutAfter(usize),
    /// The connection is closed after so many bytes of the client were received.
    CutAfterReceiving(usize),
    /// The connection stays open, and nothing is read or written any more.
    Stall,
    /// Nothing is read any more; what the broker has to say is still sent.
    StopReading,
    /// Nothing is written any more; what the client sends is still obeyed.
    StopWriting,
    /// Everything leaves a byte at a time, with this pause behind each byte.
    Trickle(Duration),
}
