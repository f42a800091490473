//! The first byte of each record.

/// What a trace begins with: a name, and the version of the format.
pub(crate) const MAGIC: [u8; 4] = *b"MQTR";
pub(crate) const FORMAT: u8 = 1;

pub(crate) const BEGIN: u8 = 0x01;
pub(crate) const OPEN: u8 = 0x02;
pub(crate) const CLOSED: u8 = 0x03;
pub(crate) const INPUT: u8 = 0x04;
pub(crate) const TIMEOUT: u8 = 0x05;
pub(crate) const PUBLISH: u8 = 0x06;
pub(crate) const REPLACE: u8 = 0x07;
pub(crate) const CANCEL: u8 = 0x08;
pub(crate) const SUBSCRIBE: u8 = 0x09;
pub(crate) const UNSUBSCRIBE: u8 = 0x0A;
pub(crate) const ACKNOWLEDGE: u8 = 0x0B;
pub(crate) const AUTHENTICATE: u8 = 0x0C;
pub(crate) const DISCONNECT: u8 = 0x0D;
pub(crate) const TRANSMIT: u8 = 0x0E;
pub(crate) const OUTPUT: u8 = 0x0F;
pub(crate) const OUTCOME: u8 = 0x10;
pub(crate) const FORGET: u8 = 0x11;
pub(crate) const ADOPT: u8 = 0x12;
pub(crate) const LIMITS: u8 = 0x13;
pub(crate) const SHRINK: u8 = 0x14;
pub(crate) const REFUSED: u8 = 0x15;
pub(crate) const TIME: u8 = 0x16;
pub(crate) const STREAMING_INPUT: u8 = 0x17;
pub(crate) const ABANDON: u8 = 0x18;
pub(crate) const SUPPLIED: u8 = 0x19;

/// Flags of BEGIN: what was redacted.
pub(crate) const HIDES_PASSWORDS: u8 = 1;
pub(crate) const HIDES_PAYLOADS: u8 = 2;

/// Flags of CONNECT in OPEN.
pub(crate) const BRIDGE: u8 = 1;
pub(crate) const CLEAN_START: u8 = 2;
pub(crate) const WILL: u8 = 4;
pub(crate) const USER_NAME: u8 = 8;
pub(crate) const PASSWORD: u8 = 16;

/// Flags of messages, over the two bits of the quality of service.
pub(crate) const RETAIN: u8 = 4;
pub(crate) const SHARED_PAYLOAD: u8 = 8;
pub(crate) const CORRELATION: u8 = 16;
pub(crate) const STREAMED: u8 = 32;
