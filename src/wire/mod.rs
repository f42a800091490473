//! The codec: every packet type of MQTT 3.1, 3.1.1 and 5.0, decoded and encoded in both directions.
//!
//! The codec has no state and allocates nothing. [`Packet::decode`] checks a whole packet once: header flags, lengths,
//! UTF-8, each property against the standard's table, reason codes. The returned packet borrows the input, and its
//! accessors cannot fail. [`Malformed`] and [`Violation`] list all errors, each with its reason code of MQTT 5.0.
//!
//! [`Connection`](crate::Connection) uses this module. Use it directly to write brokers, test peers and proxies.
//!
//! ```
//! use pure_mqtt::wire::{Decoded, Packet, Rules};
//! use pure_mqtt::Version;
//!
//! fn main() -> Result<(), pure_mqtt::wire::DecodeError> {
//!     let rules = Rules::new(Version::V311);
//!     let bytes = b"\x30\x07\x00\x03a/bhi";
//!     let Decoded::Packet { packet: Packet::Publish(publish), length: 9 } = Packet::decode(bytes, rules)? else { panic!() };
//!     assert_eq!((publish.topic, publish.payload), ("a/b", &b"hi"[..]));
//!     Ok(())
//! }
//! ```

mod ack;
mod connack;
mod connect;
mod disconnect;
mod error;
mod header;
mod layout;
mod packet;
mod packet_type;
mod property;
mod publish;
mod reader;
pub(crate) mod reason;
mod reply;
mod suback;
mod subscribe;
mod tolerance;
mod version;
mod writer;

pub use self::ack::Acknowledgement;
pub use self::connack::ConnAck;
pub use self::connect::{Connect, Will};
pub use self::disconnect::{Auth, Disconnect};
pub use self::error::{DecodeError, EncodeError, Malformed, Violation};
pub use self::header::{Header, HeaderStep, MAX_REMAINING};
pub use self::packet::{Decoded, Packet};
pub use self::packet_type::PacketType;
pub use self::property::{Properties, PropertiesIter, Property, PropertyError};
pub(crate) use self::publish::Fields;
pub use self::publish::Publish;
pub use self::reader::Rules;
pub use self::suback::{SubAck, UnsubAck};
pub use self::subscribe::{Entries, Entry, Request, RetainHandling, Subscribe, Subscription, Unsubscribe};

pub(crate) use self::header::{DUP, WILL_BIT, WRONG_FLAGS};
#[cfg(feature = "bytes")]
pub(crate) use self::header::{PacketLength, packet_length};
pub(crate) use self::layout::{Layout, encoded_length};
pub(crate) use self::property::{Field, LONGEST_FIELD, Seen, Value, ids, properties_setter, value_position};
pub(crate) use self::reader::Reader;
pub(crate) use self::reply::Reply;
pub(crate) use self::tolerance::Tolerance;
pub(crate) use self::writer::{Writer, measure, varint_len};
