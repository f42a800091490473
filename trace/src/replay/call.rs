//! The records of a trace, read back.

use alloc::vec::Vec;

use pure_mqtt::storage::Lengths;
use pure_mqtt::{
    Ack, Auth, Connect, Disconnect, Instant, Limits, Payload, Properties, Publish, QoS, ReasonCode, RetainHandling,
    Subscription, TopicFilter, Will,
};

use crate::answer::Answer;
use crate::limits::{LENGTHS, LIMITS, lengths_from, limits_from, version_from};
use crate::redact::Redact;
use crate::replay::error::{TraceError, TraceFault};
use crate::replay::reader::Reader;
use crate::tag;

/// One record: a call of the connection and its result.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Entry<'t> {
    /// The offset of the record in the trace, in bytes.
    pub offset: usize,
    /// The time of the call; for a call without a time, that of the previous one.
    pub at: Instant,
    /// The call.
    pub call: Call<'t>,
    /// What the call returned.
    pub answer: Answer,
}

/// A call of the connection, with its arguments.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Call<'t> {
    /// `open`.
    Open(Connect<'t>),
    /// `handle_close`.
    Closed,
    /// `handle_input`.
    Input {
        /// How many bytes of the packet were in the input.
        offered: usize,
        /// The complete packet, or only the fixed header of an incomplete one.
        shown: &'t [u8],
        /// Whether the call was `handle_input_streaming`: then `shown` may be a part of a packet.
        is_streaming: bool,
    },
    /// `handle_timeout`, when a deadline had passed.
    Timeout,
    /// `publish`, or `replace` if there is an `old` message.
    Publish {
        /// The message.
        publish: Publish<'t>,
        /// Whether the payload was to be shared by reference count.
        is_shared: bool,
        /// The message that it replaces: the number of its handle.
        old: Option<u64>,
    },
    /// `cancel`: the number of the handle.
    Cancel(u64),
    /// `abandon`: the number of the handle.
    Abandon(u64),
    /// `subscribe`.
    Subscribe(Vec<Subscription<'t>>, Properties<'t>),
    /// `unsubscribe`.
    Unsubscribe(Vec<TopicFilter<'t>>, Properties<'t>),
    /// `acknowledge`.
    Acknowledge {
        /// The message, by its [`number`](pure_mqtt::PendingAck::number).
        message: u64,
        /// How it was acknowledged.
        ack: Ack<'t>,
    },
    /// `authenticate`.
    Authenticate(Auth<'t>),
    /// `disconnect`.
    Disconnect(Disconnect<'t>),
    /// `transmit`.
    Transmit,
    /// `advance` of the cursor: the transport took these bytes.
    Output(&'t [u8]),
    /// `advance` of the cursor: the transport took this many bytes of a payload that the application supplied.
    Supplied(usize),
    /// `poll_outcome` that returned an outcome.
    Outcome,
    /// `discard_session`.
    ForgetSession,
    /// `adopt_session`.
    AdoptSession,
    /// `set_limits`.
    SetLimits(Limits),
    /// `shrink`.
    Shrink,
    /// A command, by the kind of its record, that was refused because of a property that MQTT cannot express: too long,
    /// or with U+0000. It changed nothing, and a replay skips it.
    Refused(u8),
    /// The latest time of calls that had no other effect.
    Time,
}

type Read<T> = Result<T, TraceError>;

/// What a trace begins with.
#[derive(Clone, Debug)]
pub(super) struct TraceHeader<'t> {
    pub(super) engine: &'t str,
    pub(super) redact: Redact,
    /// How long the parts of the storage are; none if it grows.
    pub(super) lengths: Option<Lengths>,
    pub(super) limits: Limits,
}

impl<'t> Reader<'t> {
    pub(super) fn beginning(&mut self) -> Read<TraceHeader<'t>> {
        let is_trace = self.raw(tag::MAGIC.len()).is_ok_and(|magic| magic == tag::MAGIC);
        if !is_trace {
            return Err(self.fault(TraceFault::NotATrace));
        }
        match self.u8()? {
            tag::FORMAT => {}
            format => return Err(self.fault(TraceFault::Format(format))),
        }
        self.begin_record();
        match self.u8()? {
            tag::BEGIN => {}
            other => return Err(self.fault(TraceFault::UnknownRecord(other))),
        }
        let engine = self.text()?;
        let flags = self.u8()?;
        let redact =
            Redact { passwords: flags & tag::HIDES_PASSWORDS != 0, payloads: flags & tag::HIDES_PAYLOADS != 0 };
        let lengths = match self.u8()? {
            0 => None,
            1 => Some(self.lengths()?),
            _ => return Err(self.fault(TraceFault::Value)),
        };
        let limits = self.limits()?;
        self.end_record()?;
        Ok(TraceHeader { engine, redact, lengths, limits })
    }

    fn lengths(&mut self) -> Read<Lengths> {
        let mut lengths = [0; LENGTHS];
        for length in &mut lengths {
            *length = self.small()?;
        }
        let is_sane = lengths.iter().all(|length| *length < MOST_STORAGE);
        self.valid(is_sane.then(|| lengths_from(lengths)))
    }

    fn limits(&mut self) -> Read<Limits> {
        let mut numbers = [0; LIMITS];
        for number in &mut numbers {
            *number = self.number()?;
        }
        self.valid(limits_from(numbers))
    }

    /// The next record, behind one at the time `before`.
    pub(super) fn entry(&mut self, before: Instant) -> Read<Entry<'t>> {
        self.begin_record();
        let tag = self.u8()?;
        let is_timed = match tag {
            tag::CANCEL | tag::SUPPLIED => false,
            tag => matches!(tag, tag::OPEN..=tag::TRANSMIT | tag::REFUSED..=tag::ABANDON),
        };
        let passed = if is_timed { self.signed()? } else { 0 };
        let at = Instant::from_millis(before.as_millis().wrapping_add_signed(passed));
        let call = self.call(tag)?;
        let answer = self.answer()?;
        let offset = self.offset();
        self.end_record()?;
        Ok(Entry { offset, at, call, answer })
    }

    fn call(&mut self, tag: u8) -> Read<Call<'t>> {
        Ok(match tag {
            tag::OPEN => Call::Open(self.connect()?),
            tag::CLOSED => Call::Closed,
            tag::INPUT | tag::STREAMING_INPUT => {
                let is_streaming = tag == tag::STREAMING_INPUT;
                Call::Input { offered: self.small()?, shown: self.bytes()?, is_streaming }
            }
            tag::TIMEOUT => Call::Timeout,
            tag::PUBLISH => self.publish(None)?,
            tag::REPLACE => {
                let old = self.number()?;
                self.publish(Some(old))?
            }
            tag::CANCEL => Call::Cancel(self.number()?),
            tag::ABANDON => Call::Abandon(self.number()?),
            tag::SUPPLIED => Call::Supplied(self.small()?),
            tag::SUBSCRIBE => Call::Subscribe(self.list(Self::subscription)?, self.properties()?),
            tag::UNSUBSCRIBE => Call::Unsubscribe(self.list(Self::filter)?, self.properties()?),
            tag::ACKNOWLEDGE => {
                let (place, serial): (u16, u32) = (self.small()?, self.small()?);
                let (reason, properties) = (ReasonCode(self.u8()?), self.properties()?);
                let message = u64::from(place) << 32 | u64::from(serial);
                Call::Acknowledge { message, ack: Ack::new(reason).properties(properties) }
            }
            tag::AUTHENTICATE => {
                let (reason, properties) = (ReasonCode(self.u8()?), self.properties()?);
                let mut auth = Auth::continue_with(properties);
                auth.reason = reason;
                Call::Authenticate(auth)
            }
            tag::DISCONNECT => {
                let (reason, properties) = (ReasonCode(self.u8()?), self.properties()?);
                Call::Disconnect(Disconnect::new(reason).properties(properties))
            }
            tag::TRANSMIT => Call::Transmit,
            tag::OUTPUT => Call::Output(self.bytes()?),
            tag::OUTCOME => Call::Outcome,
            tag::FORGET => Call::ForgetSession,
            tag::ADOPT => Call::AdoptSession,
            tag::LIMITS => Call::SetLimits(self.limits()?),
            tag::SHRINK => Call::Shrink,
            tag::REFUSED => Call::Refused(self.u8()?),
            tag::TIME => Call::Time,
            other => return Err(self.fault(TraceFault::UnknownRecord(other))),
        })
    }

    fn list<T>(&mut self, item: impl Fn(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let count = self.number()?;
        (0..count).map(|_| item(self)).collect()
    }

    fn qos(&self, flags: u8) -> Read<QoS> {
        self.valid(QoS::from_bits(flags & 0b11))
    }

    fn subscription(&mut self) -> Read<Subscription<'t>> {
        let filter = self.filter()?;
        let options = self.u8()?;
        let handling = [RetainHandling::Send, RetainHandling::SendIfNew, RetainHandling::DoNotSend];
        let handling = self.valid(handling.get(usize::from(options >> 4)).copied())?;
        Ok(Subscription::new(filter, self.qos(options)?)
            .no_local(options & 0b0100 != 0)
            .retain_as_published(options & 0b1000 != 0)
            .retain_handling(handling))
    }

    fn connect(&mut self) -> Read<Connect<'t>> {
        let level = self.u8()?;
        let version = self.valid(version_from(level.into()))?;
        let flags = self.u8()?;
        let has = |flag: u8| flags & flag != 0;
        let keep_alive = self.small()?;
        let mut connect = Connect::new(version, self.text()?)
            .bridge(has(tag::BRIDGE))
            .clean_start(has(tag::CLEAN_START))
            .keep_alive(keep_alive)
            .properties(self.properties()?);
        if has(tag::WILL) {
            connect = connect.will(self.will()?);
        }
        if has(tag::USER_NAME) {
            connect = connect.user_name(self.text()?);
        }
        if has(tag::PASSWORD) {
            connect = connect.password(self.bytes()?);
        }
        Ok(connect)
    }

    fn will(&mut self) -> Read<Will<'t>> {
        let flags = self.u8()?;
        let qos = self.qos(flags)?;
        let will = Will::new(self.topic()?, self.bytes()?).qos(qos).retain(flags & tag::RETAIN != 0);
        Ok(will.properties(self.properties()?))
    }

    fn publish(&mut self, old: Option<u64>) -> Read<Call<'t>> {
        let flags = self.u8()?;
        let qos = self.qos(flags)?;
        let topic = self.topic()?;
        let payload = match flags & tag::STREAMED {
            0 => Payload::Slice(self.bytes()?),
            _ => Payload::Streamed(self.small()?),
        };
        let mut publish = Publish::new(topic, payload).qos(qos).retain(flags & tag::RETAIN != 0);
        if flags & tag::CORRELATION != 0 {
            publish.correlation_data = Some(self.bytes()?);
        }
        let publish = publish.properties(self.properties()?);
        Ok(Call::Publish { publish, is_shared: flags & tag::SHARED_PAYLOAD != 0, old })
    }
}

/// No slice of a storage is longer, or the trace is not to be believed.
const MOST_STORAGE: usize = 1 << 28;
