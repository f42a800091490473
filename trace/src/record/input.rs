//! What a connection is given to read: packets, or pieces of them.

use pure_mqtt::wire::{Decoded, Header, HeaderStep, Packet, Rules};
use pure_mqtt::{ConnectionError, Instant, Received, Storage, Version};

use crate::answer::Answer;
use crate::record::{Recorder, TraceSink};
use crate::redact::{FILLER, Secrets};
use crate::tag;

impl<S: Storage, W: TraceSink> Recorder<S, W> {
    /// Calls [`Connection::handle_input`](pure_mqtt::Connection::handle_input), and records the call.
    ///
    /// # Errors
    /// Same as [`Connection::handle_input`](pure_mqtt::Connection::handle_input).
    pub fn handle_input<'i>(&mut self, now: Instant, input: &'i [u8]) -> Result<Received<'i>, ConnectionError> {
        let version = self.connection.version();
        let result = self.connection.handle_input(now, input);
        self.record_input(tag::INPUT, now, input, version, &result);
        result
    }

    /// Calls [`Connection::handle_input_streaming`](pure_mqtt::Connection::handle_input_streaming), and records the
    /// call.
    ///
    /// # Errors
    /// Same as [`Connection::handle_input_streaming`](pure_mqtt::Connection::handle_input_streaming).
    pub fn handle_input_streaming<'i>(
        &mut self,
        now: Instant,
        input: &'i [u8],
    ) -> Result<Received<'i>, ConnectionError> {
        let version = self.connection.version();
        let result = self.connection.handle_input_streaming(now, input);
        self.record_input(tag::STREAMING_INPUT, now, input, version, &result);
        result
    }

    fn record_input(
        &mut self,
        tag: u8,
        now: Instant,
        input: &[u8],
        version: Version,
        result: &Result<Received<'_>, ConnectionError>,
    ) {
        if input.is_empty() {
            return self.pass_over(now);
        }
        let consumed = if let Ok(Received::Packet { consumed, .. }) = result { *consumed } else { 0 };
        let is_inside = self.left_to_come > 0;
        let Seen { offered, shown } = match is_inside {
            true if consumed > 0 => Seen { offered: consumed, shown: consumed },
            true => Seen { offered: input.len(), shown: input.len() },
            false => seen(input, version, consumed),
        };
        let redact = self.redact;
        let secrets = if is_inside { Secrets::all(redact.payloads) } else { Secrets::find(input, version, redact) };
        let filler = if !is_inside && self.hides_bad_text(input, version) { BAD_TEXT } else { FILLER };
        self.timed(tag, now, Answer::of_input(result), |pen| {
            pen.number(offered as u64);
            pen.number(shown as u64);
            pen.stretches(input.get(..shown).unwrap_or_default(), &secrets, 0, filler);
        });
        let left = if is_inside { self.left_to_come } else { packet_length(input, version) };
        if consumed > 0 {
            self.left_to_come = left.saturating_sub(consumed);
        }
    }

    /// The payload is marked as text and isn't, and the connection looks: that must be so in the replay as well.
    fn hides_bad_text(&self, input: &[u8], version: Version) -> bool {
        if !self.redact.payloads || !self.connection.limits().check_payload_format {
            return false;
        }
        match Packet::decode(input, Rules::new(version)) {
            Ok(Decoded::Packet { packet: Packet::Publish(publish), .. }) => {
                core::str::from_utf8(publish.payload).is_err()
            }
            _ => false,
        }
    }
}

/// Stands for a payload that is not UTF-8.
const BAD_TEXT: u8 = 0xFF;

/// What a connection looks at of its input.
struct Seen {
    /// How long the packet is, as far as it is there.
    offered: usize,
    /// So many bytes of it go into the trace.
    shown: usize,
}

/// A whole packet is shown; of one that isn't whole only the fixed header matters, and how much of it there is.
fn seen(input: &[u8], version: Version, consumed: usize) -> Seen {
    let all = |length: usize| Seen { offered: length, shown: length };
    match Header::decode(input, Rules::new(version)) {
        _ if consumed > 0 => all(consumed),
        Ok(HeaderStep::Header(header)) if header.packet_length() <= input.len() => all(header.packet_length()),
        Ok(HeaderStep::Header(header)) => Seen { offered: input.len(), shown: header.length },
        Ok(HeaderStep::Partial(_)) | Err(_) => all(input.len().min(LONGEST_HEADER)),
    }
}

/// How long the packet is that begins here; 0 if its header is not whole.
fn packet_length(input: &[u8], version: Version) -> usize {
    match Header::decode(input, Rules::new(version)) {
        Ok(HeaderStep::Header(header)) => header.packet_length(),
        _ => 0,
    }
}

const LONGEST_HEADER: usize = 5;
