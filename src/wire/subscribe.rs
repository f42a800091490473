//! SUBSCRIBE (§3.8) and UNSUBSCRIBE (§3.10): an identifier, properties, and a list of filters.

use core::fmt;

use crate::topic::TopicFilter;
use crate::types::{PacketId, QoS, Version};
use crate::wire::{DecodeError, Malformed, PacketType, Properties, Reader, Rules, Violation, Writer};

/// Whether a server sends retained messages when a subscription is made (§3.8.3.1).
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
/// let filter = TopicFilter::new("plant/#")?;
/// let subscription = Subscription::new(filter, QoS::ExactlyOnce).retain_handling(RetainHandling::SendIfNew);
/// # let _ = subscription;
/// # Ok::<(), pure_mqtt::TopicError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Subscription<'a> {
    /// What to subscribe to.
    pub filter: TopicFilter<'a>,
    /// The highest quality of service in which messages are to arrive.
    pub qos: QoS,
    /// Don't send back what this client published; 5.0 only, not on a shared subscription `[MQTT-3.8.3-4]`.
    pub no_local: bool,
    /// Keep the RETAIN flag as the publisher set it; 5.0 only.
    pub retain_as_published: bool,
    /// Whether retained messages are sent; 5.0 only.
    pub retain_handling: RetainHandling,
}

impl<'a> Subscription<'a> {
    /// A subscription with 5.0's default options, which are what 3.1 and 3.1.1 do.
    pub const fn new(filter: TopicFilter<'a>, qos: QoS) -> Self {
        Self { filter, qos, no_local: false, retain_as_published: false, retain_handling: RetainHandling::Send }
    }

    /// Sets whether this client's own messages stay away.
    #[must_use]
    pub const fn no_local(mut self, no_local: bool) -> Self {
        self.no_local = no_local;
        self
    }

    /// Sets whether the RETAIN flag stays as published.
    #[must_use]
    pub const fn retain_as_published(mut self, retain_as_published: bool) -> Self {
        self.retain_as_published = retain_as_published;
        self
    }

    /// Sets whether retained messages are sent.
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
            | u8::from(self.no_local) << 2
            | u8::from(self.retain_as_published) << 3
            | (self.retain_handling as u8) << 4
    }

    fn from_options(filter: TopicFilter<'a>, options: u8, version: Version) -> Result<Self, DecodeError> {
        let allowed = if version.has_properties() { 0b0011_1111 } else { 0b11 };
        if options & !allowed != 0 {
            return Err(Malformed::ReservedBits.into()); // [MQTT-3.8.3-5]
        }
        let retain_handling = match options >> 4 {
            0 => RetainHandling::Send,
            1 => RetainHandling::SendIfNew,
            2 => RetainHandling::DoNotSend,
            _ => return Err(Violation::SubscriptionOptions.into()),
        };
        let no_local = options & 0b100 != 0;
        if no_local && filter.share().is_some() {
            return Err(Violation::SubscriptionOptions.into()); // [MQTT-3.8.3-4]
        }
        let qos = QoS::from_bits(options & 0b11).ok_or(Malformed::QoS)?;
        Ok(Self { filter, qos, no_local, retain_as_published: options & 0b1000 != 0, retain_handling })
    }
}

/// What a list in SUBSCRIBE or UNSUBSCRIBE consists of.
pub trait Entry<'a>: Copy + sealed::Sealed {
    #[doc(hidden)]
    fn decode(reader: &mut Reader<'a>) -> Self;
    #[doc(hidden)]
    fn encode(&self, version: Version, writer: &mut Writer<'_>);
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::TopicFilter<'_> {}
    impl Sealed for super::Subscription<'_> {}
}

impl<'a> Entry<'a> for TopicFilter<'a> {
    fn decode(reader: &mut Reader<'a>) -> Self {
        let filter = reader.string();
        reader.expect(TopicFilter::new(filter).map(drop).map_err(|_| Violation::TopicFilter));
        Self::trusted(filter)
    }

    fn encode(&self, _version: Version, writer: &mut Writer<'_>) {
        writer.string(self.as_str());
    }
}

impl<'a> Entry<'a> for Subscription<'a> {
    fn decode(reader: &mut Reader<'a>) -> Self {
        let filter = TopicFilter::decode(reader);
        let options = reader.u8();
        let subscription = Self::from_options(filter, options, reader.rules().version);
        subscription.unwrap_or_else(|fault| {
            reader.refuse(fault);
            Self::new(filter, QoS::AtMostOnce)
        })
    }

    fn encode(&self, version: Version, writer: &mut Writer<'_>) {
        self.filter.encode(version, writer);
        writer.u8(self.options(version));
    }
}

/// The list of a SUBSCRIBE or UNSUBSCRIBE: bytes from a peer, checked once, or the application's own slice.
#[derive(Clone, Copy)]
pub struct Entries<'a, T>(Form<'a, T>);

#[derive(Clone, Copy)]
enum Form<'a, T> {
    Checked(&'a [u8], Version),
    List(&'a [T]),
}

impl<'a, T: Entry<'a>> Entries<'a, T> {
    /// The entries of `list`, in this order.
    pub const fn new(list: &'a [T]) -> Self {
        Self(Form::List(list))
    }

    /// The entries one by one.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub fn iter(&self) -> impl Iterator<Item = T> + use<'a, T> {
        let (mut reader, mut list) = match self.0 {
            Form::Checked(bytes, version) => (Reader::new(bytes, Rules::new(version)), [].iter()),
            Form::List(list) => (Reader::new(&[], Rules::default()), list.iter()),
        };
        // What was checked when it came in has no faults.
        core::iter::from_fn(move || {
            list.next().copied().or_else(|| (!reader.is_empty()).then(|| T::decode(&mut reader)))
        })
    }

    /// Checks all entries; there must be at least one `[MQTT-3.8.3-2]` `[MQTT-3.10.3-2]`.
    fn decode(body: &mut Reader<'a>) -> Self {
        let mut entries = *body;
        if entries.is_empty() {
            body.refuse(Violation::EmptyList);
        }
        while !entries.is_empty() {
            T::decode(&mut entries);
        }
        let bytes = body.rest();
        body.expect(entries.finish());
        Self(Form::Checked(bytes, body.rules().version))
    }

    fn encode(&self, version: Version, writer: &mut Writer<'_>) {
        self.iter().for_each(|entry| entry.encode(version, writer));
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

/// A SUBSCRIBE or an UNSUBSCRIBE on the wire.
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

/// SUBSCRIBE on the wire (§3.8).
pub type Subscribe<'a> = Request<'a, Subscription<'a>>;
/// UNSUBSCRIBE on the wire (§3.10).
pub type Unsubscribe<'a> = Request<'a, TopicFilter<'a>>;

impl<'a, T: Entry<'a>> Request<'a, T> {
    /// A request for `entries`, of which there must be at least one.
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
