//! A list of properties, in two forms: bytes from a peer, which are checked once and then decoded on access, and a
//! slice of [`Property`] from the application.

use core::fmt;

use super::{Field, Property, Spec, Value, check_value, has_room, ids, read_value, spec};
use crate::types::Version;
use crate::wire::reader::{Reader, Rules};
use crate::wire::writer::Writer;
use crate::wire::{DecodeError, Malformed, PacketType, Violation};

/// The builder method of every type that carries properties.
macro_rules! properties_setter {
    () => {
        /// Sets the properties.
        #[must_use]
        pub fn properties(mut self, properties: impl Into<Properties<'a>>) -> Self {
            self.properties = properties.into();
            self
        }
    };
}
pub(crate) use properties_setter;

/// A list of properties: bytes from a peer that were checked, or a slice of the application.
///
/// ```
/// use pure_mqtt::{Properties, Property};
///
/// fn main() {
///     let list = [Property::ContentType("text/plain"), Property::UserProperty(("origin", "lab"))];
///     let properties = Properties::new(&list);
///     assert_eq!(properties.content_type(), Some("text/plain"));
///     assert_eq!(properties.user_properties().next(), Some(("origin", "lab")));
/// }
/// ```
#[derive(Clone, Copy, Default)]
pub struct Properties<'a>(Form<'a>);

#[derive(Clone, Copy)]
enum Form<'a> {
    Checked(&'a [u8]),
    List(&'a [Property<'a>]),
}

impl Default for Form<'_> {
    fn default() -> Self {
        Self::List(&[])
    }
}

impl<'a> Properties<'a> {
    /// No properties.
    pub const NONE: Self = Self(Form::List(&[]));

    /// Creates a list of the properties in `list`, which are sent in this order.
    pub const fn new(list: &'a [Property<'a>]) -> Self {
        Self(Form::List(list))
    }

    /// Returns whether the list is empty.
    pub fn is_empty(&self) -> bool {
        match self.0 {
            Form::Checked(bytes) => bytes.is_empty(),
            Form::List(list) => list.is_empty(),
        }
    }

    /// Iterates over the properties, in their order.
    pub const fn iter(&self) -> PropertiesIter<'a> {
        PropertiesIter(self.0)
    }

    /// Finds the first property with this identifier: stores its value in `value`, and returns whether there is one.
    fn find(&self, id: u8, value: &mut Value<'a>) -> bool {
        let Form::List(list) = self.0 else { return self.checked().find(id, value) };
        let found = list.iter().find(|property| property.id() == id);
        if let Some(property) = found {
            *value = property.value();
        }
        found.is_some()
    }

    /// Returns the value of the first property with this identifier. Always inlined: for a list that is known to be
    /// empty, the compiler removes the code.
    #[inline(always)]
    fn lookup<T: Field<'a>>(&self, id: u8) -> Option<T> {
        if self.is_empty() { None } else { self.look_up(id) }
    }

    fn look_up<T: Field<'a>>(&self, id: u8) -> Option<T> {
        let mut value = Value::default();
        self.find(id, &mut value).then(|| T::from_value(value))
    }

    /// Returns the numeric value of a peer's property with this identifier.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn number(&self, id: u8) -> Option<u32> {
        let mut value = Value::default();
        self.checked().find(id, &mut value).then_some(value.number)
    }

    /// Returns the text or data of a peer's property with this identifier.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn field(&self, id: u8) -> Option<&'a [u8]> {
        let mut value = Value::default();
        self.checked().find(id, &mut value).then_some(value.field)
    }

    /// Iterates over the properties if they came from a peer; over none if they are the application's.
    pub(crate) const fn checked(&self) -> Checked<'a> {
        match self.0 {
            Form::Checked(bytes) => Checked(bytes),
            Form::List(_) => Checked(&[]),
        }
    }

    /// Returns whether there is a property with this identifier.
    #[inline(always)]
    pub(crate) fn has(&self, id: u8) -> bool {
        !self.is_empty() && self.find(id, &mut Value::default())
    }

    /// Returns the identifier of the first property that has one of `ids`.
    ///
    /// Always inlined, as [`lookup`](Self::lookup).
    #[inline(always)]
    pub(crate) fn first_of(&self, ids: &[u8]) -> Option<u8> {
        if self.is_empty() { None } else { self.iter().first_of(ids) }
    }

    /// Decodes a property block with its length from the start of `reader`; in versions without properties reads
    /// nothing.
    ///
    /// Checks the length and, for each property, its identifier, whether `packets` may carry it, that it occurs only
    /// once, and its value.
    #[cfg_attr(target_pointer_width = "32", inline(always))]
    pub(crate) fn decode(reader: &mut Reader<'a>, packets: u16) -> Self {
        Self::decode_seen(reader, packets, &mut Seen::default())
    }

    /// Like [`decode`](Self::decode); `seen` receives which properties there are.
    #[inline(always)]
    pub(crate) fn decode_seen(reader: &mut Reader<'a>, packets: u16, seen: &mut Seen) -> Self {
        Self(Form::Checked(decode_block(reader, packets, seen)))
    }

    /// Decodes properties in the encoding of MQTT 5.0 (§2.2.2.2), without the length that precedes them in a packet.
    ///
    /// Does not check which packets may carry the properties, how often, and with which values: the commands check
    /// that.
    ///
    /// ```
    /// use pure_mqtt::Properties;
    ///
    /// fn main() -> Result<(), pure_mqtt::wire::DecodeError> {
    ///     let properties = Properties::from_bytes(b"\x03\x00\x0Atext/plain")?;
    ///     assert_eq!(properties.content_type(), Some("text/plain"));
    ///     assert!(Properties::from_bytes(b"\x03\x00\x0Atext").is_err());
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// [`DecodeError`] for an unknown property identifier, a truncated value, or a text that is not UTF-8 or contains
    /// U+0000.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes, Rules::new(Version::V5));
        let mut value = Value::default();
        while !reader.is_empty() {
            let Some(spec) = spec(reader.varint()) else {
                reader.refuse(Malformed::UnknownProperty);
                break;
            };
            read_value(spec.kind, &mut reader, &mut value);
            reader.expect(super::check_texts(spec.kind, &value, false));
        }
        reader.finish().map(|()| Self(Form::Checked(bytes)))
    }

    /// Like [`decode_seen`](Self::decode_seen) for CONNECT and CONNACK, where Authentication Data require a method
    /// (§3.1.2.11.10, §3.2.2.3.18).
    #[inline(always)]
    pub(crate) fn decode_authenticated(reader: &mut Reader<'a>, packet: PacketType, seen: &mut Seen) -> Self {
        let properties = Self::decode_seen(reader, packet.bit(), seen);
        if seen.has(ids::AuthenticationData) && !seen.has(ids::AuthenticationMethod) {
            reader.refuse(Violation::AuthenticationMethod);
        }
        properties
    }

    /// Writes the block with its length; nothing in versions without properties.
    ///
    /// Always inlined, as [`lookup`](Self::lookup).
    #[inline(always)]
    pub(crate) fn encode(&self, version: Version, writer: &mut Writer<'_>) {
        if version.has_properties() {
            match self.is_empty() {
                true => writer.u8(0),
                false => self.encode_with(None, writer),
            }
        }
    }

    /// Writes the block, with `more` as the last property.
    pub(crate) fn encode_with(&self, more: Option<Property<'_>>, writer: &mut Writer<'_>) {
        let block = writer.begin(0);
        self.encode_entries(writer);
        if more.is_some() {
            Properties::new(more.as_slice()).encode_entries(writer);
        }
        writer.end(block);
    }

    /// Writes the properties without a length.
    pub(crate) fn encode_entries(&self, writer: &mut Writer<'_>) {
        match self.0 {
            Form::Checked(bytes) => writer.bytes(bytes),
            Form::List(list) => list.iter().for_each(|property| property.encode(writer)),
        }
    }

    /// Checks a list of the application for `packets`, as [`decode`](Self::decode) checks a peer's. Returns which
    /// properties there are, and how many bytes [`encode_entries`](Self::encode_entries) writes.
    #[inline(always)]
    pub(crate) fn check(&self, packets: u16) -> Result<(Seen, usize), PropertyError> {
        if self.is_empty() { Ok((Seen::default(), 0)) } else { self.check_each(packets) }
    }

    fn check_each(&self, packets: u16) -> Result<(Seen, usize), PropertyError> {
        let (mut seen, mut length) = (Seen::default(), 0_usize);
        let mut rest = self.iter();
        let mut value = Value::default();
        while let Some(id) = rest.next_value(&mut value) {
            let Some(spec) = spec(id.into()) else { continue };
            let violation = match seen.check(id.into(), spec, packets) {
                Err(violation) => violation,
                Ok(()) => match check_value(spec, &value, false) {
                    Ok(()) if has_room(&value) => {
                        length = length.saturating_add(1 + value.length(spec.kind));
                        continue;
                    }
                    Err(DecodeError::Protocol(violation)) => violation,
                    _ => Violation::PropertyValue,
                },
            };
            return Err(PropertyError { id, violation });
        }
        Ok((seen, length))
    }
}

/// Returns the bytes of a property block; a slice, since that is returned in registers.
#[cfg_attr(target_pointer_width = "32", inline(never))]
#[cfg_attr(not(target_pointer_width = "32"), inline(always))]
fn decode_block<'a>(reader: &mut Reader<'a>, packets: u16, seen: &mut Seen) -> &'a [u8] {
    if !reader.rules().version.has_properties() {
        return &[];
    }
    if cfg!(not(target_pointer_width = "32")) && reader.accept(0) {
        return &[]; // most blocks are empty
    }
    let length = reader.varint() as usize;
    let bytes = reader.bytes(length);
    if !bytes.is_empty() {
        let behind = reader.enter(bytes);
        seen.fill(reader, packets);
        reader.leave(behind);
    }
    bytes
}

/// Which properties of a packet have occurred: a bit for each that the packet may carry.
#[derive(Clone, Copy, Default)]
pub(crate) struct Seen(u32);

impl Seen {
    /// Returns the bit of a property. Properties with high identifiers share a bit with one that no packet carries
    /// beside them.
    pub(super) const fn bit(id: u32) -> u32 {
        1 << (if id < u32::BITS { id } else { id - 28 })
    }

    pub(crate) const fn has(self, id: u8) -> bool {
        self.0 & Self::bit(id as u32) != 0
    }

    /// Returns the set of these properties.
    pub(crate) const fn of(mut ids: &[u8]) -> Self {
        let mut seen = 0;
        while let [id, rest @ ..] = ids {
            seen |= Self::bit(*id as u32);
            ids = rest;
        }
        Self(seen)
    }

    pub(crate) const fn has_any(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// Checks the remaining bytes, which are a property block.
    #[cfg_attr(not(target_pointer_width = "32"), inline(never))]
    fn fill(&mut self, block: &mut Reader<'_>, packets: u16) {
        let mut value = Value::default();
        while !block.is_empty() {
            let id = block.varint();
            let Some(spec) = spec(id) else { return block.refuse(Malformed::UnknownProperty) };
            block.expect(self.check(id, spec, packets));
            read_value(spec.kind, block, &mut value);
            block.expect(check_value(spec, &value, block.rules().strict));
        }
    }

    /// Checks that the packet may have this property, and that the property has not occurred yet.
    fn check(&mut self, id: u32, spec: &Spec, packets: u16) -> Result<(), Violation> {
        if spec.packets & packets == 0 {
            return Err(Violation::PropertyNotAllowed);
        }
        let repeats = id == ids::UserProperty.into()
            || id == ids::SubscriptionIdentifier.into() && packets & PacketType::Publish.bit() != 0;
        let before = self.0;
        self.0 |= Self::bit(id);
        if self.0 == before && !repeats { Err(Violation::PropertyTwice) } else { Ok(()) }
    }
}

/// Iterates over the properties of a list.
#[derive(Clone)]
pub struct PropertiesIter<'a>(Form<'a>);

impl<'a> PropertiesIter<'a> {
    /// As [`Properties::first_of`].
    fn first_of(mut self, ids: &[u8]) -> Option<u8> {
        while let Some(id) = self.next_value(&mut Value::default()) {
            if ids.contains(&id) {
                return Some(id);
            }
        }
        None
    }

    /// Returns the value of the next property with this identifier. Links no code for texts.
    fn next_number(&mut self, id: u8) -> Option<u32> {
        let mut value = Value::default();
        while let Some(found) = self.next_value(&mut value) {
            if found == id {
                return Some(value.number);
            }
        }
        None
    }

    /// Returns the identifier of the next property, and stores its value in `value`.
    pub(crate) fn next_value(&mut self, value: &mut Value<'a>) -> Option<u8> {
        match &mut self.0 {
            Form::List(list) => {
                let (first, rest) = list.split_first()?;
                *list = rest;
                *value = first.value();
                Some(first.id())
            }
            Form::Checked(bytes) => {
                let mut rest = Checked(bytes);
                let id = rest.next_value(value)?;
                *bytes = rest.0;
                Some(id)
            }
        }
    }
}

/// Iterates over a peer's properties.
pub(crate) struct Checked<'a>(&'a [u8]);

impl<'a> Checked<'a> {
    /// As [`Properties::find`].
    fn find(mut self, id: u8, value: &mut Value<'a>) -> bool {
        while let Some(found) = self.next_value(value) {
            if found == id {
                return true;
            }
        }
        false
    }

    /// As [`PropertiesIter::next_value`].
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn next_value(&mut self, value: &mut Value<'a>) -> Option<u8> {
        if !Version::KNOWS_PROPERTIES {
            return None;
        }
        // The bytes were checked when they were decoded, so there are no faults.
        let mut reader = Reader::new(self.0, Rules::new(Version::V5));
        let id = reader.u8(); // all identifiers are one byte long [MQTT-1.5.5-1]
        read_value(spec(id.into())?.kind, &mut reader, value);
        self.0 = reader.rest();
        Some(id)
    }
}

impl<'a> Iterator for PropertiesIter<'a> {
    type Item = Property<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut value = Value::default();
        let id = self.next_value(&mut value)?;
        Property::from_value(id, value)
    }
}

impl<'a> IntoIterator for Properties<'a> {
    type Item = Property<'a>;
    type IntoIter = PropertiesIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a> IntoIterator for &Properties<'a> {
    type Item = Property<'a>;
    type IntoIter = PropertiesIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a> From<&'a [Property<'a>]> for Properties<'a> {
    fn from(list: &'a [Property<'a>]) -> Self {
        Self::new(list)
    }
}

impl<'a, const N: usize> From<&'a [Property<'a>; N]> for Properties<'a> {
    fn from(list: &'a [Property<'a>; N]) -> Self {
        Self::new(list)
    }
}

impl PartialEq for Properties<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Properties<'_> {}

impl fmt::Debug for Properties<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Properties<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        for property in self {
            defmt::write!(f, "{} ", property);
        }
    }
}

macro_rules! lookups {
    ($($(#[doc = $doc:literal])+ $name:ident: $variant:ident -> $type:ty;)+) => {
        impl<'a> Properties<'a> {
            $(
                $(#[doc = $doc])+
                pub fn $name(&self) -> Option<$type> {
                    self.lookup(ids::$variant)
                }
            )+
        }
    };
}

lookups! {
    /// Message Expiry Interval in seconds (§3.3.2.3.3).
    message_expiry_interval: MessageExpiryInterval -> u32;
    /// Content Type (§3.3.2.3.9).
    content_type: ContentType -> &'a str;
    /// Response Topic (§3.3.2.3.5).
    response_topic: ResponseTopic -> &'a str;
    /// Correlation Data (§3.3.2.3.6).
    correlation_data: CorrelationData -> &'a [u8];
    /// Payload Format Indicator (§3.3.2.3.2): whether the payload is UTF-8 text.
    payload_format_indicator: PayloadFormatIndicator -> bool;
    /// Topic Alias (§3.3.2.3.4).
    topic_alias: TopicAlias -> u16;
    /// Receive Maximum (§3.2.2.3.3).
    receive_maximum: ReceiveMaximum -> u16;
    /// Maximum Packet Size in bytes (§3.2.2.3.6).
    maximum_packet_size: MaximumPacketSize -> u32;
    /// Topic Alias Maximum (§3.2.2.3.8).
    topic_alias_maximum: TopicAliasMaximum -> u16;
    /// Maximum QoS (§3.2.2.3.4): 0 or 1.
    maximum_qos: MaximumQoS -> u8;
    /// Server Keep Alive in seconds (§3.2.2.3.14).
    server_keep_alive: ServerKeepAlive -> u16;
    /// Session Expiry Interval in seconds (§3.1.2.11.2).
    session_expiry_interval: SessionExpiryInterval -> u32;
    /// Assigned Client Identifier (§3.2.2.3.7).
    assigned_client_identifier: AssignedClientIdentifier -> &'a str;
    /// Authentication Method (§3.1.2.11.9).
    authentication_method: AuthenticationMethod -> &'a str;
    /// Authentication Data (§3.1.2.11.10).
    authentication_data: AuthenticationData -> &'a [u8];
    /// Response Information (§3.2.2.3.15).
    response_information: ResponseInformation -> &'a str;
    /// Server Reference (§3.2.2.3.16).
    server_reference: ServerReference -> &'a str;
    /// Retain Available (§3.2.2.3.5): whether the server takes retained messages; absent if it does.
    retain_available: RetainAvailable -> bool;
    /// Wildcard Subscription Available (§3.2.2.3.11): whether the server takes wildcards in filters; absent if it does.
    wildcard_subscription_available: WildcardSubscriptionAvailable -> bool;
    /// Subscription Identifier Available (§3.2.2.3.12): whether the server takes subscription identifiers; absent if it does.
    subscription_identifier_available: SubscriptionIdentifierAvailable -> bool;
    /// Shared Subscription Available (§3.2.2.3.13): whether the server takes shared subscriptions; absent if it does.
    shared_subscription_available: SharedSubscriptionAvailable -> bool;
    /// Reason String (§3.2.2.3.9): for diagnostics, not to be parsed.
    reason_string: ReasonString -> &'a str;
}

impl<'a> Properties<'a> {
    /// Iterates over all User Properties (§3.1.2.11.8), in order.
    pub fn user_properties(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.iter().filter_map(|property| match property {
            Property::UserProperty(pair) => Some(pair),
            _ => None,
        })
    }

    /// Iterates over all Subscription Identifiers (§3.3.2.3.8): one for each of our subscriptions with an identifier
    /// that the message matched `[MQTT-3.3.4-3]` `[MQTT-3.3.4-4]` `[MQTT-3.3.4-5]`.
    pub fn subscription_identifiers(&self) -> impl Iterator<Item = u32> + use<'a> {
        let mut rest = self.iter();
        core::iter::from_fn(move || rest.next_number(ids::SubscriptionIdentifier))
    }
}

/// Returns the position of the value of the property `id` in a block that was checked before.
pub(crate) fn value_position(block: &[u8], id: u8) -> Option<usize> {
    let mut rest = Reader::new(block, Rules::new(Version::V5));
    let mut value = Value::default();
    loop {
        let found = rest.u8();
        if found == id {
            return Some(block.len() - rest.remaining());
        }
        read_value(spec(found.into())?.kind, &mut rest, &mut value);
    }
}

/// Why a property of the application cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct PropertyError {
    /// The property's identifier.
    pub id: u8,
    /// What is wrong with the property.
    pub violation: Violation,
}

impl PropertyError {
    /// Returns the standard's name of the property; empty if the standard has no such property.
    pub fn name(&self) -> &'static str {
        super::name_of(self.id)
    }
}

impl fmt::Display for PropertyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "property 0x{:02X}: {}", self.id, self.violation)
    }
}

impl core::error::Error for PropertyError {}
