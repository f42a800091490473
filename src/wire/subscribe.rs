//! SUBSCRIBE (§3.8) and UNSUBSCRIBE (§3.10): an identifier, properties, and a list of filters.

use core::fmt;

use crate::topic::TopicFilter;
use crate::types::{PacketId, QoS, Version};
use crate::wire::{DecodeError, Malformed, PacketType, Properties, Reader, Rules, Violation, Writer};

/// When a server sends retained messages for a subscription (§3.8.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum RetainHandling {
    /// At every SUBSCRIBE.
    #[default]
    Send,
    /// Only if the subscription is new.
    SendIfNew,
    /// Never.
    DoNotSend,
}

/// One filter of a SUBSCRIBE with its options.
///
/// ```
/// use pure_mqtt::{QoS, RetainHandling, Subscription, TopicFilter};
///
/// fn main() -> Result<(), pure_mqtt::TopicError> {
///     let filter = TopicFilter::new("plant/#")?;
///     let subscription = Subscription::new(filter, QoS::ExactlyOnce).retain_handling(RetainHandling::SendIfNew);
///     assert_eq!(subscription.qos, QoS::ExactlyOnce);
///     Ok(())
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Subscription<'a> {
    /// The topic filter.
    pub filter: TopicFilter<'a>,
    /// The maximum QoS at which the server delivers messages.
    pub qos: QoS,
    /// No Local: whether the server leaves out messages that this client published. 5.0 only; not allowed on a shared
    /// subscription `[MQTT-3.8.3-4]`.
    pub no_local: bool,
    /// Retain As Published: whether forwarded messages keep the RETAIN flag that the publisher set. 5.0 only.
    pub retain_as_published: bool,
    /// Retain Handling: when the server sends retained messages. 5.0 only.
    pub retain_handling: RetainHandling,
}

impl<'a> Subscription<'a> {
    /// Creates a subscription with the default options of 5.0, which match the behaviour of 3.1 and 3.1.1.
    pub const fn new(filter: TopicFilter<'a>, qos: QoS) -> Self {
        Self { filter, qos, no_local: false, retain_as_published: false, retain_handling: RetainHandling::Send }
    }

    /// Returns whether an option is set that only 5.0 has.
    pub(crate) const fn has_options(&self) -> bool {
        self.no_local || self.retain_as_published || !matches!(self.retain_handling, RetainHandling::Send)
    }

    /// Sets whether the server leaves out messages that this client published.
    #[must_use]
    pub const fn no_local(mut self, no_local: bool) -> Self {
        self.no_local = no_local;
        self
    }

    /// Sets whether forwarded messages keep the RETAIN flag that the publisher set.
    #[must_use]
    pub const fn retain_as_published(mut self, retain_as_published: bool) -> Self {
        self.retain_as_published = retain_as_published;
        self
    }

    /// Sets when the server sends retained messages.
    #[must_use]
    pub const fn retain_handling(mut self, retain_handling: RetainHandling) -> Self {
        self.retain_handling = retain_handling;
        self
    }

    fn options(&self, version: Version) -> u8 {
        if !version.has_properties() {
            return self.qos.bits();
        }
        self.qos.bits()
            | if self.no_local { NO_LOCAL } else { 0 }
            | if self.retain_as_published { RETAIN_AS_PUBLISHED } else { 0 }
            | (self.retain_handling as u8) << 4
    }

    fn check_options(filter: TopicFilter<'_>, options: u8, version: Version) -> Result<(), DecodeError> {
        let allowed = if version.has_properties() { 0b0011_1111 } else { 0b11 };
        if options & !allowed != 0 {
            return Err(Malformed::ReservedBits.into()); // [MQTT-3.8.3-5]
        }
        if options >> 4 == 3 || options & NO_LOCAL != 0 && filter.is_shared() {
            return Err(Violation::SubscriptionOptions.into()); // [MQTT-3.8.3-4]
        }
        if options & 0b11 == 3 { Err(Malformed::QoS.into()) } else { Ok(()) }
    }
}

const NO_LOCAL: u8 = 0b100;
const RETAIN_AS_PUBLISHED: u8 = 0b1000;

/// An entry of the list in SUBSCRIBE or UNSUBSCRIBE.
pub trait Entry<'a>: Copy + sealed::Sealed {
    #[doc(hidden)]
    fn read<'r>(reader: &mut Reader<'r>) -> Subscription<'r>;
    #[doc(hidden)]
    fn from_checked(read: Subscription<'a>) -> Self;
    #[doc(hidden)]
    fn encode(&self, version: Version, writer: &mut Writer<'_>);
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::TopicFilter<'_> {}
    impl Sealed for super::Subscription<'_> {}
}

impl<'a> Entry<'a> for TopicFilter<'a> {
    /// Reads a filter without options, as in UNSUBSCRIBE.
    fn read<'r>(reader: &mut Reader<'r>) -> Subscription<'r> {
        let filter = reader.string();
        reader.expect(TopicFilter::new(filter).map(drop).map_err(|_| Violation::TopicFilter));
        Subscription::new(TopicFilter::trusted(filter), QoS::AtMostOnce)
    }

    fn from_checked(read: Subscription<'a>) -> Self {
        read.filter
    }

    fn encode(&self, _version: Version, writer: &mut Writer<'_>) {
        writer.string(self.as_str());
    }
}

impl<'a> Entry<'a> for Subscription<'a> {
    fn read<'r>(reader: &mut Reader<'r>) -> Subscription<'r> {
        let Subscription { filter, .. } = TopicFilter::read(reader);
        let options = reader.u8();
        reader.expect(Self::check_options(filter, options, reader.rules().version));
        Subscription {
            filter,
            qos: QoS::from_bits(options & 0b11).unwrap_or_default(),
            no_local: options & NO_LOCAL != 0,
            retain_as_published: options & RETAIN_AS_PUBLISHED != 0,
            retain_handling: match options >> 4 {
                0 => RetainHandling::Send,
                1 => RetainHandling::SendIfNew,
                _ => RetainHandling::DoNotSend,
            },
        }
    }

    fn from_checked(read: Subscription<'a>) -> Self {
        read
    }

    fn encode(&self, version: Version, writer: &mut Writer<'_>) {
        self.filter.encode(version, writer);
        writer.u8(self.options(version));
    }
}

/// The list of a SUBSCRIBE or UNSUBSCRIBE: bytes from a peer that were checked, or a slice of the application.
#[derive(Clone, Copy)]
pub struct Entries<'a, T>(Form<'a, T>);

type Read = for<'r> fn(&mut Reader<'r>) -> Subscription<'r>;

#[derive(Clone, Copy)]
enum Form<'a, T> {
    /// Contains the function that reads an entry, so that firmware which decodes none does not link it.
    Checked(Reader<'a>, Read),
    List(&'a [T]),
}

impl<'a, T: Entry<'a>> Entries<'a, T> {
    /// Creates a list of the entries in `list`, in this order.
    pub const fn new(list: &'a [T]) -> Self {
        Self(Form::List(list))
    }

    /// Iterates over the entries.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub fn iter(&self) -> impl Iterator<Item = T> + use<'a, T> {
        let mut form = self.0;
        core::iter::from_fn(move || match &mut form {
            Form::List(list) => {
                let (first, rest) = list.split_first()?;
                *list = rest;
                Some(*first)
            }
            // The bytes were checked when they were decoded, so there are no faults.
            Form::Checked(reader, read) => (!reader.is_empty()).then(|| T::from_checked(read(reader))),
        })
    }

    /// Decodes and checks all entries; there must be at least one `[MQTT-3.8.3-2]` `[MQTT-3.10.3-2]`.
    fn decode(body: &mut Reader<'a>) -> Self {
        let mut entries = *body;
        if entries.is_empty() {
            body.refuse(Violation::EmptyList);
        }
        while !entries.is_empty() {
            T::read(&mut entries);
        }
        let checked = Reader::new(body.rest(), Rules::new(body.rules().version));
        body.expect(entries.finish());
        Self(Form::Checked(checked, T::read))
    }

    pub(crate) const fn is_empty(&self) -> bool {
        match &self.0 {
            Form::List(list) => list.is_empty(),
            Form::Checked(reader, _) => reader.is_empty(),
        }
    }

    /// Writes the entries, and returns how many there are.
    pub(crate) fn encode(&self, version: Version, writer: &mut Writer<'_>) -> usize {
        self.iter().inspect(|entry| entry.encode(version, writer)).count()
    }
}

impl Entries<'_, Subscription<'_>> {
    /// Returns whether an option is set that only 5.0 has. Always inlined: for a constant list the compiler sees that
    /// none is set.
    #[inline(always)]
    pub(crate) fn has_options(&self) -> bool {
        match self.0 {
            Form::List([only]) => only.has_options(),
            Form::List(list) => list.iter().any(Subscription::has_options),
            Form::Checked(..) => self.iter().any(|subscription| subscription.has_options()),
        }
    }
}

impl<'a, T: Entry<'a> + PartialEq> PartialEq for Entries<'a, T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<'a, T: Entry<'a> + Eq> Eq for Entries<'a, T> {}

impl<'a, T: Entry<'a> + fmt::Debug> fmt::Debug for Entries<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(feature = "defmt")]
impl<'a, T: Entry<'a> + defmt::Format> defmt::Format for Entries<'a, T> {
    fn format(&self, f: defmt::Formatter<'_>) {
        for entry in self.iter() {
            defmt::write!(f, "{} ", entry);
        }
    }
}

/// A SUBSCRIBE or an UNSUBSCRIBE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Request<'a, T: Entry<'a>> {
    /// The packet identifier.
    pub id: PacketId,
    /// The properties; none in 3.1 and 3.1.1.
    pub properties: Properties<'a>,
    /// The filters.
    pub entries: Entries<'a, T>,
}

/// A SUBSCRIBE (§3.8).
pub type Subscribe<'a> = Request<'a, Subscription<'a>>;
/// An UNSUBSCRIBE (§3.10).
pub type Unsubscribe<'a> = Request<'a, TopicFilter<'a>>;

impl<'a, T: Entry<'a>> Request<'a, T> {
    /// Creates a request for `entries`; there must be at least one.
    pub const fn new(id: PacketId, properties: Properties<'a>, entries: Entries<'a, T>) -> Self {
        Self { id, properties, entries }
    }

    pub(crate) fn decode(packet_type: PacketType, body: &mut Reader<'a>) -> Self {
        let id = body.packet_id();
        let properties = Properties::decode(body, packet_type.bit());
        Self::new(id, properties, Entries::decode(body))
    }

    pub(crate) fn encode(&self, version: Version, writer: &mut Writer<'_>) {
        writer.u16(self.id.get());
        self.properties.encode(version, writer);
        self.entries.encode(version, writer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries may be lent for a shorter time than they live.
    #[test]
    fn lists_are_covariant() {
        fn shorter<'a>(longer: Entries<'static, Subscription<'static>>) -> Entries<'a, Subscription<'a>> {
            longer
        }
        const LIST: &[Subscription<'static>] = &[Subscription::new(TopicFilter::trusted("a/+"), QoS::AtLeastOnce)];
        assert_eq!(shorter(Entries::new(LIST)).iter().next(), LIST.first().copied());
    }
}
