//! What a connection reports: events, which a packet causes, and outcomes, which no packet causes.

use core::fmt;
use core::num::NonZeroU16;

use crate::shown::Bytes;
use crate::topic::TopicName;
use crate::types::{Handle, PacketId, QoS};
use crate::wire::reason::ReasonCode;
use crate::wire::{Auth, Disconnect, Properties};

/// What one call of [`Connection::handle_input`](crate::Connection::handle_input) did.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Received<'i> {
    /// The input ends inside a packet. Keep the bytes, and pass them again with more bytes behind them.
    Partial {
        /// At least this many more bytes are needed; the packet never needs more than
        /// [`Limits::inline_max`](crate::Limits::inline_max) in all.
        needed: usize,
    },
    /// One packet was processed.
    Packet {
        /// Bytes consumed from the start of the input; drop them before the next call.
        consumed: usize,
        /// What the packet means to the application, if anything.
        event: Option<Event<'i>>,
    },
    /// The packet needs a reply and there is no room to record it. Drain [`transmit`](crate::Connection::transmit),
    /// acknowledge messages, then pass the same bytes again.
    Blocked,
}

/// What a packet from the server means to the application. Events borrow the input, never the connection.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Event<'i> {
    /// The server answered CONNECT. If it refused, `should_close()` is true.
    ConnAck(ConnAck<'i>),
    /// A message arrived.
    Message(Message<'i>),
    /// A fragment of a message arrived; only from
    /// [`handle_input_streaming`](crate::Connection::handle_input_streaming).
    Fragment(Fragment<'i>),
    /// A message arrived that cannot be delivered, and is discarded: see
    /// [`Limits::on_too_long`](crate::Limits::on_too_long) and [`Limits::on_bad_topic`](crate::Limits::on_bad_topic).
    /// It is acknowledged, so that the messages behind it arrive.
    Discarded(Discarded<'i>),
    /// A QoS 1 message was acknowledged `[MQTT-4.3.2-3]`, or a QoS 2 message that a server of 3.1 or 3.1.1 answers with
    /// PUBACK.
    PubAck(PublishAck<'i>),
    /// A QoS 2 message was refused `[MQTT-4.4.0-2]`.
    PubRec(PublishAck<'i>),
    /// A QoS 2 message was delivered `[MQTT-4.3.3-5]`. 0x92, for example, means only that the server forgot the
    /// identifier; it took the message at PUBREC.
    PubComp(PublishAck<'i>),
    /// A SUBSCRIBE was answered: a granted QoS or a failure for each filter, in order `[MQTT-3.9.3-1]`.
    SubAck(RequestAck<'i>),
    /// An UNSUBSCRIBE was answered; in 5.0 with a reason code for each filter `[MQTT-3.11.3-1]`, in 3.1 and 3.1.1
    /// without. Some servers do the opposite.
    UnsubAck(RequestAck<'i>),
    /// The server answered PINGREQ.
    PingResp,
    /// A step of an enhanced authentication (§4.12): answer `continue` with
    /// [`authenticate`](crate::Connection::authenticate).
    Auth(Auth<'i>),
    /// The server ended the link; `should_close()` is true.
    Disconnect(Disconnect<'i>),
}

impl Event<'_> {
    /// Returns which message or request this event finishes, and how; `None` for any other event. What ends without a
    /// packet is returned by [`Connection::poll_outcome`](crate::Connection::poll_outcome).
    ///
    /// ```
    /// use pure_mqtt::Event;
    ///
    /// fn on_event(event: &Event<'_>) {
    ///     if let Some(end) = event.final_result() {
    ///         match end.is_success {
    ///             true => println!("{} is done", end.handle),
    ///             false => println!("{} was refused: {}", end.handle, end.reason),
    ///         }
    ///     }
    /// }
    /// ```
    pub fn final_result(&self) -> Option<FinalResult> {
        Some(match self {
            Self::PubAck(done) | Self::PubRec(done) => FinalResult::new(done.handle, done.id, done.reason, false),
            Self::PubComp(done) => {
                let is_forgotten = done.reason == ReasonCode::PACKET_IDENTIFIER_NOT_FOUND;
                FinalResult::new(done.handle, done.id, done.reason, is_forgotten)
            }
            Self::SubAck(answer) | Self::UnsubAck(answer) => {
                let failure = answer.reasons().find(|reason| reason.is_error());
                FinalResult::new(answer.handle, answer.id, failure.unwrap_or_default(), false)
            }
            _ => return None,
        })
    }
}

/// The final result of a message or a request, from the server: see [`Event::final_result`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct FinalResult {
    /// The handle that the command returned.
    pub handle: Handle,
    /// The packet identifier, now free again.
    pub id: PacketId,
    /// The server's reason code; with several filters the first failure, if there is one, otherwise success.
    pub reason: ReasonCode,
    /// The message was delivered, or all filters were granted. PUBCOMP with 0x92 (Packet Identifier not found) counts
    /// as success: the server took the message at PUBREC, and has forgotten the identifier (§3.7.2.1).
    pub is_success: bool,
}

impl FinalResult {
    const fn new(handle: Handle, id: PacketId, reason: ReasonCode, is_success: bool) -> Self {
        Self { handle, id, reason, is_success: is_success || !reason.is_error() }
    }
}

/// The server's answer to CONNECT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct ConnAck<'i> {
    /// Success, or the reason for the refusal, as a reason code of 5.0 in every version.
    pub reason: ReasonCode,
    /// The code on the wire: a return code in 3.1 and 3.1.1, the reason code in 5.0.
    pub code: u8,
    /// What happened to the session.
    pub session: SessionState,
    /// Receive Maximum, Assigned Client Identifier and so on; none in 3.1 and 3.1.1.
    pub properties: Properties<'i>,
}

impl ConnAck<'_> {
    /// Returns whether the server accepted the link.
    pub const fn is_accepted(&self) -> bool {
        !self.reason.is_error()
    }
}

/// What happened to the session when the server accepted or refused a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SessionState {
    /// The server refused the link: the session is unchanged.
    Untouched,
    /// The server resumed the session: subscriptions are in place, unfinished messages continue.
    Resumed,
    /// The server resumed a session that was not known here
    /// ([`OnUnknownSession::Adopt`](crate::OnUnknownSession::Adopt)). The server delivers its queue of messages,
    /// including those for subscriptions of an earlier run of this program. Subscribe again. What was unfinished here
    /// belonged to another session, and is handled as in [`New`](Self::New).
    ///
    /// After a clean start whose answer was lost, the resumed session may also be the one that was known before, or a
    /// new one. Unfinished messages and requests then continue. The first QoS 2 message from the server on this link
    /// shows which session it is: without DUP, and under an identifier that is in use, the message belongs to a new
    /// session. If the link ends before a message has shown it, the identifiers of the earlier session are discarded,
    /// so that no message of a new session is taken for a duplicate.
    Adopted {
        /// How many unfinished messages are republished in the adopted session.
        republished: u32,
        /// How many unfinished messages were given up; each has an [`Outcome`].
        aborted: u32,
        /// How many QoS 2 messages the server had taken (PUBREC) and thus count as delivered; each has an [`Outcome`].
        completed: u32,
    },
    /// A new session: subscriptions must be made (again).
    New {
        /// How many unfinished messages are republished in the new session.
        republished: u32,
        /// How many unfinished messages were given up; each has an [`Outcome`].
        aborted: u32,
        /// How many QoS 2 messages the server had taken (PUBREC) and thus count as delivered; each has an [`Outcome`].
        completed: u32,
    },
}

/// A message from the server. It borrows the input, so the handler may call any method of the connection while it holds
/// it.
#[derive(PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Message<'i> {
    /// The topic it was published to.
    pub topic: Topic<'i>,
    /// The payload.
    pub payload: &'i [u8],
    /// The QoS it was delivered with.
    pub qos: QoS,
    /// Whether it is a retained message.
    pub retain: bool,
    /// Whether the server may have sent the message before (DUP). At QoS 1 it may then be a duplicate; at QoS 2 it is
    /// not.
    pub dup: bool,
    /// The packet identifier at QoS 1 and 2.
    pub id: Option<PacketId>,
    /// Response Topic, User Properties and so on; none in 3.1 and 3.1.1.
    pub properties: Properties<'i>,
    /// With [`Limits::manual_acks`](crate::Limits::manual_acks): pass it to
    /// [`acknowledge`](crate::Connection::acknowledge). At QoS 1 it is valid until the link ends; the message then
    /// arrives again, with another `PendingAck`.
    pub ack: Option<PendingAck>,
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("topic", &self.topic)
            .field("payload", &Bytes(self.payload))
            .field("qos", &self.qos)
            .field("retain", &self.retain)
            .field("dup", &self.dup)
            .field("id", &self.id)
            .field("properties", &self.properties)
            .field("ack", &self.ack)
            .finish()
    }
}

/// A part of a message that is longer than [`Limits::inline_max`](crate::Limits::inline_max). The fragments of one
/// message arrive one after the other, with nothing in between.
#[derive(PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Fragment<'i> {
    /// Topic, properties and flags of the message; with the first fragment only.
    pub head: Option<FragmentHead<'i>>,
    /// The payload bytes of this fragment. The first fragment may have none.
    pub payload: &'i [u8],
    /// Offset of the fragment in the whole payload, in bytes.
    pub offset: u32,
    /// The length of the whole payload in bytes.
    pub total: u32,
    /// Whether the message is complete. If the link is lost before, a message at QoS 1 or 2 arrives again from its
    /// start.
    pub is_last: bool,
    /// With the last fragment and [`Limits::manual_acks`](crate::Limits::manual_acks): pass it to
    /// [`acknowledge`](crate::Connection::acknowledge).
    pub ack: Option<PendingAck>,
}

impl fmt::Debug for Fragment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fragment")
            .field("head", &self.head)
            .field("payload", &Bytes(self.payload))
            .field("offset", &self.offset)
            .field("total", &self.total)
            .field("is_last", &self.is_last)
            .field("ack", &self.ack)
            .finish()
    }
}

/// A message from the server that is discarded. It is reported once, when its first bytes arrive. At QoS 1 and 2 it is
/// acknowledged after its last byte; if the link is lost before, the message arrives again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Discarded<'i> {
    /// The topic in the packet; empty if it has only an alias. If the topic alone is longer than
    /// [`Limits::inline_max`](crate::Limits::inline_max), its start.
    pub topic: &'i [u8],
    /// The length of the whole packet in bytes.
    pub length: u32,
    /// The QoS it was delivered with.
    pub qos: QoS,
    /// Whether it is a retained message, which the server sends again at the next subscription.
    pub retain: bool,
    /// The packet identifier at QoS 1 and 2; `None` if the topic is longer than
    /// [`Limits::inline_max`](crate::Limits::inline_max).
    pub id: Option<PacketId>,
    /// Why it was discarded.
    pub why: Discard,
}

/// Why a message from the server was discarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Discard {
    /// It is longer than [`Limits::inline_max`](crate::Limits::inline_max), or than
    /// [`Limits::stream_max`](crate::Limits::stream_max) if messages are accepted in fragments.
    TooLong,
    /// Its topic is not UTF-8, or holds U+0000 or a wildcard: see
    /// [`Limits::on_bad_topic`](crate::Limits::on_bad_topic).
    BadTopic,
}

impl fmt::Display for Discard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "it is longer than the limits allow",
            Self::BadTopic => "its topic is none",
        })
    }
}

/// A message without its payload: part of the first [`Fragment`]. The fields are those of [`Message`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct FragmentHead<'i> {
    /// The topic it was published to.
    pub topic: Topic<'i>,
    /// The QoS it was delivered with.
    pub qos: QoS,
    /// Whether it is a retained message.
    pub retain: bool,
    /// Whether the server may have sent it before.
    pub dup: bool,
    /// The packet identifier at QoS 1 and 2.
    pub id: Option<PacketId>,
    /// Response Topic, User Properties and so on; none in 3.1 and 3.1.1.
    pub properties: Properties<'i>,
}

impl<'i> From<&Message<'i>> for FragmentHead<'i> {
    fn from(&Message { topic, qos, retain, dup, id, properties, .. }: &Message<'i>) -> Self {
        Self { topic, qos, retain, dup, id, properties }
    }
}

/// The topic of a message: its name, or an alias that the connection can resolve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Topic<'i> {
    /// The name itself.
    Name(TopicName<'i>),
    /// An alias: [`Connection::topic`](crate::Connection::topic) returns the name. Does not occur with
    /// [`Limits::topic_alias_maximum`](crate::Limits::topic_alias_maximum) at its default of 0.
    Alias(TopicAlias),
    /// Bytes that are not UTF-8, or contain U+0000 or a wildcard; empty if an alias stands for such a topic. Only with
    /// [`OnBadTopic::Deliver`](crate::OnBadTopic::Deliver).
    Invalid(&'i [u8]),
}

impl<'i> Topic<'i> {
    /// Returns the name, if it is in the message; `None` for an alias, and for an invalid topic.
    pub const fn name(&self) -> Option<TopicName<'i>> {
        match self {
            Self::Name(name) => Some(*name),
            Self::Alias(_) | Self::Invalid(_) => None,
        }
    }
}

/// An inbound topic alias, as it was bound when its message arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TopicAlias {
    pub(crate) alias: u16,
    pub(crate) serial: u32,
}

impl TopicAlias {
    /// Returns a number below 2⁴⁸ that identifies this binding of the alias: for logs, and to compare two runs. The
    /// same calls give the same numbers.
    pub const fn number(self) -> u64 {
        (self.alias as u64) << 32 | self.serial as u64
    }
}

/// A message that the application has not acknowledged yet. Not `Clone`: a message is acknowledged once.
///
/// At QoS 1 it is valid until its link ends; the server then delivers the message again on the next link. At QoS 2 it
/// is valid until the session ends. If it is dropped without [`acknowledge`](crate::Connection::acknowledge), the
/// message occupies one unit of the server's send quota until then.
///
/// ```compile_fail,E0382
/// # use pure_mqtt::{Ack, Connection, Heap, Instant, PendingAck};
/// fn twice(connection: &mut Connection<Heap>, now: Instant, pending: PendingAck) {
///     let _ = connection.acknowledge(now, pending, &Ack::SUCCESS);
///     let _ = connection.acknowledge(now, pending, &Ack::SUCCESS); // does not compile
/// }
/// ```
#[must_use = "a message that is never acknowledged occupies the server's send quota"]
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct PendingAck {
    /// The index of its slot, plus 1.
    link: NonZeroU16,
    pub(crate) serial: u32,
}

impl PendingAck {
    pub(crate) const fn new(place: u16, serial: u32) -> Self {
        Self { link: NonZeroU16::MIN.saturating_add(place), serial }
    }

    /// Returns a number below 2⁴⁸ that identifies the message within its connection: for logs, and to compare two runs.
    /// The same calls give the same numbers.
    pub const fn number(&self) -> u64 {
        (self.place() as u64) << 32 | self.serial as u64
    }

    /// Returns the index of its slot.
    pub(crate) const fn place(&self) -> u16 {
        self.link.get() - 1
    }
}

/// The final result of a published message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct PublishAck<'i> {
    /// The handle that `publish` returned.
    pub handle: Handle,
    /// The packet identifier, now free again.
    pub id: PacketId,
    /// Success, or why the server refused. In 3.1 and 3.1.1 success, unless the server adds a code against the
    /// standard.
    pub reason: ReasonCode,
    /// Reason String and User Properties; none in 3.1 and 3.1.1.
    pub properties: Properties<'i>,
}

/// The answer to a SUBSCRIBE or UNSUBSCRIBE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct RequestAck<'i> {
    /// The handle that the command returned.
    pub handle: Handle,
    /// The packet identifier, now free again.
    pub id: PacketId,
    /// Reason String and User Properties; none in 3.1 and 3.1.1.
    pub properties: Properties<'i>,
    pub(crate) codes: &'i [u8],
}

impl<'i> RequestAck<'i> {
    /// Returns one reason code for each filter of the request, in order; none if the server has left them out of
    /// UNSUBACK.
    pub fn reasons(&self) -> impl ExactSizeIterator<Item = ReasonCode> + use<'i> {
        self.codes.iter().map(|code| ReasonCode(*code))
    }
}

/// The final result of a command that no packet caused; see
/// [`Connection::poll_outcome`](crate::Connection::poll_outcome).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Outcome {
    /// The handle that the command returned.
    pub handle: Handle,
    /// The packet identifier, now free again.
    pub id: PacketId,
    /// Which kind of command it was.
    pub command: Command,
    /// Why it ended.
    pub cause: Cause,
}

/// The kind of command that an [`Outcome`] belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Command {
    /// A message at QoS 1 or 2.
    Publish,
    /// A SUBSCRIBE.
    Subscribe,
    /// An UNSUBSCRIBE.
    Unsubscribe,
}

/// Why a command ended without an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Cause {
    /// The link ended with the request in flight; the server may have processed it (§4.1).
    LinkLost,
    /// The session was lost, and [`OnSessionLoss::Abort`](crate::OnSessionLoss::Abort) is set. The message may or may
    /// not have arrived.
    SessionLost,
    /// The session was lost after the server had taken the QoS 2 message (PUBREC): it counts as delivered.
    Released,
    /// The message expired before it could be sent (§3.3.2.3.3).
    Expired,
    /// The packet is longer than the server accepts `[MQTT-3.2.2-15]`.
    TooLarge,
    /// The server does not support this QoS `[MQTT-3.2.2-11]`.
    QoSNotSupported,
    /// The server does not support retained messages `[MQTT-3.2.2-14]`.
    RetainNotSupported,
    /// The server does not support wildcards, shared subscriptions or subscription identifiers (§3.2.2.3).
    SubscriptionNotSupported,
    /// [`discard_session`](crate::Connection::discard_session) was called.
    Discarded,
    /// [`abandon`](crate::Connection::abandon) was called.
    Abandoned,
    /// [`withdraw`](crate::Connection::withdraw) was called.
    Withdrawn,
}

/// The risk of giving up a packet: see [`Connection::withdraw`](crate::Connection::withdraw).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Risk {
    /// None: no byte of the packet was sent.
    None,
    /// The message may have arrived, or the request may have been processed. If the message is published again, it may
    /// arrive twice.
    MayHaveArrived,
    /// The server has taken the QoS 2 message, and may not have received the PUBREL that lets it pass the message on:
    /// the message may be lost.
    MayBeLost,
}

impl fmt::Display for Cause {
    /// A sentence without a full stop.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LinkLost => "the connection ended before the server answered: the request may have been carried out",
            Self::SessionLost => "the server has lost the session: the message may have arrived",
            Self::Released => "the server has lost the session after it had taken the message",
            Self::Expired => "the message expired before it could be sent",
            Self::TooLarge => "the packet is longer than the server accepts",
            Self::QoSNotSupported => "the server does not support this QoS",
            Self::RetainNotSupported => "the server does not keep retained messages",
            Self::SubscriptionNotSupported => "the server does not support such a subscription",
            Self::Discarded => "the session was discarded",
            Self::Abandoned => "the message was abandoned, because its payload could not be supplied",
            Self::Withdrawn => "the message or request was withdrawn",
        })
    }
}

impl Cause {
    /// Returns the cause that was stored as `number`.
    pub(crate) const fn from_number(number: u32) -> Self {
        match number {
            1 => Self::SessionLost,
            2 => Self::Released,
            3 => Self::Expired,
            4 => Self::TooLarge,
            5 => Self::QoSNotSupported,
            6 => Self::RetainNotSupported,
            7 => Self::SubscriptionNotSupported,
            8 => Self::Discarded,
            9 => Self::Abandoned,
            10 => Self::Withdrawn,
            _ => Self::LinkLost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_survives_as_a_number() {
        for cause in [
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
        ] {
            assert_eq!(Cause::from_number(cause as u32), cause);
        }
    }

    #[test]
    fn messages_and_aliases_have_numbers() {
        assert_eq!(PendingAck::new(3, 5).number(), 0x3_0000_0005);
        assert_eq!(PendingAck::new(u16::MAX - 1, u32::MAX).number(), 0xFFFE_FFFF_FFFF);
        assert_eq!(TopicAlias { alias: 4, serial: 9 }.number(), 0x4_0000_0009);
    }
}
