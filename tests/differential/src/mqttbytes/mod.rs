//! What mqttbytes says.

mod v4;
mod v5;

use std::panic::{AssertUnwindSafe, catch_unwind};

use ::mqttbytes::Error;
use bytes::BytesMut;
use pure_mqtt::Version;

use crate::told::{Outcome, Refusal, Told};

/// The longest packet that it may take: all that MQTT can express.
const LONGEST: usize = pure_mqtt::wire::MAX_REMAINING;

/// Reads the packet at the front of `input`. It has a codec for 3.1.1 and one for 5.0.
pub fn read(input: &[u8], version: Version) -> Outcome {
    let mut stream = BytesMut::from(input);
    let read = catch_unwind(AssertUnwindSafe(|| match version {
        Version::V5 => ::mqttbytes::v5::read(&mut stream, LONGEST).map(v5::told),
        _ => ::mqttbytes::v4::read(&mut stream, LONGEST).map(v4::told),
    }));
    let taken = input.len() - stream.len();
    match read {
        Ok(result) => outcome(result, taken),
        Err(_) => Outcome::Panicked,
    }
}

fn outcome(result: Result<Told, Error>, taken: usize) -> Outcome {
    match result {
        Ok(told) => Outcome::Packet(Box::new(told), taken),
        // The same error stands for an integer that is cut short inside of a whole packet.
        Err(Error::InsufficientBytes(_)) if taken == 0 => Outcome::Partial,
        Err(error) => Outcome::Refused(Refusal::Theirs(error)),
    }
}
