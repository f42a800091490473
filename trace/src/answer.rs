//! What a call returned, as a few numbers, to check that a replay returns the same.

#[cfg(test)]
mod tests;

use core::fmt;

use pure_mqtt::{
    Command, ConnectionError, Delivery, Event, Fragment, Message, OpenError, Outcome, PacketId, PendingAck,
    PropertyError, PublishAck, PublishError, Received, RequestAck, RequestError, Requested, SessionState, Topic,
};

/// A summary of what a call returned. Two answers are equal if the calls returned the same, as far as a caller can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Answer {
    pub(crate) kind: u8,
    pub(crate) count: u8,
    pub(crate) numbers: [u64; MOST_NUMBERS],
}

/// The maximum number of numbers in an answer.
pub(crate) const MOST_NUMBERS: usize = 7;

/// The kinds of answers.
pub(crate) const ERROR: u8 = 0;
const DONE: u8 = 1;
const ACCEPTED: u8 = 2;
const PARTIAL: u8 = 3;
const TAKEN: u8 = 4;
const BLOCKED: u8 = 5;
const ENDED: u8 = 6;

/// A variant that was added to the engine but not to the format. No recording should have it.
const UNKNOWN: u8 = u8::MAX;

impl Answer {
    /// The call returned nothing, or success without a value.
    pub(crate) const DONE: Self = Self { kind: DONE, count: 0, numbers: [0; MOST_NUMBERS] };

    pub(crate) fn new<const N: usize>(kind: u8, values: [u64; N]) -> Self {
        const { assert!(N <= MOST_NUMBERS) };
        let mut numbers = [0; MOST_NUMBERS];
        for (place, value) in numbers.iter_mut().zip(values) {
            *place = value;
        }
        Self { kind, count: N as u8, numbers }
    }

    /// Returns the numbers of the answer in the trace.
    pub(crate) fn numbers(&self) -> &[u64] {
        self.numbers.get(..usize::from(self.count)).unwrap_or_default()
    }

    /// Returns whether the call was refused, or ended the link.
    pub const fn is_error(&self) -> bool {
        self.kind == ERROR
    }

    pub(crate) fn flag(value: bool) -> Self {
        Self::new(DONE, [value.into()])
    }

    pub(crate) fn number(value: usize) -> Self {
        Self::new(DONE, [value as u64])
    }

    fn error((number, detail): (u8, u32)) -> Self {
        Self::new(ERROR, [number.into(), detail.into()])
    }

    pub(crate) fn of_open(result: &Result<(), OpenError>) -> Self {
        result.map_or_else(|error| Self::error(open_error(error)), |()| Self::DONE)
    }

    pub(crate) fn of_request(result: Result<(), RequestError>) -> Self {
        result.map_or_else(|error| Self::error(request_error(error)), |()| Self::DONE)
    }

    pub(crate) fn of_requested(result: &Result<Requested, RequestError>) -> Self {
        match *result {
            Ok(Requested { handle, id, .. }) => Self::new(ACCEPTED, [handle.get(), number(Some(id))]),
            Err(error) => Self::error(request_error(error)),
        }
    }

    pub(crate) fn of_publish(result: &Result<Delivery, PublishError>) -> Self {
        match *result {
            Ok(Delivery { handle, id, dropped: None, .. }) => Self::new(ACCEPTED, [handle.get(), number(id)]),
            Ok(Delivery { handle, id, dropped: Some(victims), .. }) => {
                let dropped = [victims.first.get(), victims.last.get(), victims.count.into()];
                Self::new(ACCEPTED, [handle.get(), number(id), dropped[0], dropped[1], dropped[2]])
            }
            Err(error) => Self::error(publish_error(error)),
        }
    }

    pub(crate) fn of_timeout(result: &Result<(), ConnectionError>) -> Self {
        result.map_or_else(|error| Self::error(connection_error(error)), |()| Self::DONE)
    }

    pub(crate) fn of_input(result: &Result<Received<'_>, ConnectionError>) -> Self {
        match result {
            Ok(Received::Partial { needed }) => Self::new(PARTIAL, [*needed as u64]),
            Ok(Received::Blocked) => Self::new(BLOCKED, []),
            Ok(Received::Packet { consumed, event }) => {
                let [kind, a, b, c, d, e] = event.as_ref().map_or([0; 6], event_numbers);
                Self::new(TAKEN, [*consumed as u64, kind, a, b, c, d, e])
            }
            Err(error) => Self::error(connection_error(*error)),
        }
    }

    pub(crate) fn of_outcome(outcome: &Outcome) -> Self {
        let command = match outcome.command {
            Command::Publish => 0,
            Command::Subscribe => 1,
            Command::Unsubscribe => 2,
        };
        Self::new(ENDED, [outcome.handle.get(), number(Some(outcome.id)), command, outcome.cause as u64])
    }
}

impl fmt::Display for Answer {
    /// Shows the kind of the answer and its numbers, as [the format](crate::format) lists them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = ["error", "done", "accepted", "partial", "taken", "blocked", "ended"];
        f.write_str(kinds.get(usize::from(self.kind)).copied().unwrap_or("?"))?;
        self.numbers().iter().try_for_each(|number| write!(f, " {number}"))
    }
}

fn number(id: Option<PacketId>) -> u64 {
    id.map_or(0, |id| id.get().into())
}

/// Returns the numbers of an event: its kind, and what is not in the packet itself.
fn event_numbers(event: &Event<'_>) -> [u64; 6] {
    let acknowledged =
        |kind: u64, ack: &PublishAck<'_>| [kind, ack.handle.get(), number(Some(ack.id)), ack.reason.0.into(), 0, 0];
    let answered = |kind: u64, answer: &RequestAck<'_>| {
        [kind, answer.handle.get(), number(Some(answer.id)), answer.reasons().len() as u64, 0, 0]
    };
    match event {
        Event::ConnAck(connack) => {
            let [kind, a, b, c] = session_numbers(connack.session);
            [1, connack.reason.0.into(), kind, a, b, c]
        }
        Event::Message(message) => message_numbers(message),
        Event::PubAck(ack) => acknowledged(3, ack),
        Event::PubRec(ack) => acknowledged(4, ack),
        Event::PubComp(ack) => acknowledged(5, ack),
        Event::SubAck(answer) => answered(6, answer),
        Event::UnsubAck(answer) => answered(7, answer),
        Event::PingResp => [8, 0, 0, 0, 0, 0],
        Event::Auth(auth) => [9, auth.reason.0.into(), 0, 0, 0, 0],
        Event::Disconnect(disconnect) => [10, disconnect.reason.0.into(), 0, 0, 0, 0],
        Event::Fragment(fragment) => fragment_numbers(fragment),
        Event::Discarded(message) => {
            let flags = message.qos.bits() | u8::from(message.retain) << 2;
            [12, flags.into(), number(message.id), message.length.into(), message.why as u64, 0]
        }
        _ => [UNKNOWN.into(), 0, 0, 0, 0, 0],
    }
}

fn session_numbers(session: SessionState) -> [u64; 4] {
    match session {
        SessionState::Untouched => [0; 4],
        SessionState::Resumed => [1, 0, 0, 0],
        SessionState::Adopted { republished, aborted, completed } => {
            [2, republished.into(), aborted.into(), completed.into()]
        }
        SessionState::New { republished, aborted, completed } => {
            [3, republished.into(), aborted.into(), completed.into()]
        }
        _ => [UNKNOWN.into(), 0, 0, 0],
    }
}

fn message_numbers(message: &Message<'_>) -> [u64; 6] {
    let flags = message.qos.bits() | u8::from(message.retain) << 2 | u8::from(message.dup) << 3;
    let alias = match message.topic {
        Topic::Name(_) => 0,
        Topic::Alias(alias) => alias.number(),
        Topic::Invalid(_) => u64::MAX,
    };
    [2, flags.into(), number(message.id), message.payload.len() as u64, alias, ack_number(message.ack.as_ref())]
}

fn fragment_numbers(fragment: &Fragment<'_>) -> [u64; 6] {
    let Fragment { head, payload, offset, total, is_last, ack, .. } = fragment;
    let flags = u64::from(*is_last) << 1 | u64::from(head.is_some());
    [11, flags, (*offset).into(), payload.len() as u64, (*total).into(), ack_number(ack.as_ref())]
}

/// Returns the number of the acknowledgement that the application must give.
fn ack_number(ack: Option<&PendingAck>) -> u64 {
    ack.map_or(0, |ack| 1 << 48 | ack.number())
}

fn property_error(PropertyError { id, violation }: PropertyError) -> u32 {
    u32::from(id) << 8 | violation as u32
}

fn open_error(error: OpenError) -> (u8, u32) {
    match error {
        OpenError::AlreadyOpen => (1, 0),
        OpenError::ClientId => (2, 0),
        OpenError::PasswordWithoutUserName => (3, 0),
        OpenError::Bridge => (4, 0),
        OpenError::Field => (5, 0),
        OpenError::Property(error) => (6, property_error(error)),
        OpenError::TooLarge { needed } => (7, needed as u32),
        OpenError::Version => (8, 0),
        _ => (UNKNOWN, 0),
    }
}

fn publish_error(error: PublishError) -> (u8, u32) {
    match error {
        PublishError::Full => (1, 0),
        PublishError::TooLarge => (2, 0),
        PublishError::ServerMaximum => (3, 0),
        PublishError::QoSNotSupported => (4, 0),
        PublishError::RetainNotSupported => (5, 0),
        PublishError::Offline => (6, 0),
        PublishError::NotQueued => (7, 0),
        PublishError::Property(error) => (8, property_error(error)),
        _ => (UNKNOWN, 0),
    }
}

fn request_error(error: RequestError) -> (u8, u32) {
    match error {
        RequestError::Full => (1, 0),
        RequestError::TooLarge => (2, 0),
        RequestError::ServerMaximum => (3, 0),
        RequestError::EmptyList => (4, 0),
        RequestError::SharedNoLocal => (5, 0),
        RequestError::NotSupported => (6, 0),
        RequestError::State => (7, 0),
        RequestError::SessionExpiry => (8, 0),
        RequestError::ReasonCode => (9, 0),
        RequestError::Property(error) => (10, property_error(error)),
        RequestError::Stale => (11, 0),
        _ => (UNKNOWN, 0),
    }
}

fn connection_error(error: ConnectionError) -> (u8, u32) {
    match error {
        ConnectionError::NotOpen => (1, 0),
        ConnectionError::Malformed(fault) => (2, fault as u32),
        ConnectionError::Protocol(fault) => (3, fault as u32),
        ConnectionError::Refused(reason) => (4, reason.0.into()),
        ConnectionError::ServerDisconnect(reason) => (5, reason.0.into()),
        ConnectionError::Disconnected => (6, 0),
        ConnectionError::ConnAckTimeout => (7, 0),
        ConnectionError::KeepAliveTimeout => (8, 0),
        ConnectionError::AckTimeout => (9, 0),
        ConnectionError::AuthTimeout => (10, 0),
        ConnectionError::Abandoned => (11, 0),
        ConnectionError::UnknownSession => (12, 0),
        ConnectionError::TooLong { length, .. } => (13, length),
        _ => (UNKNOWN, 0),
    }
}
