//! W3C Trace Context in user properties: `traceparent` and `tracestate`.

use std::fmt;
use std::num::{NonZeroU64, NonZeroU128};
use std::str::FromStr;
use std::sync::Arc;

use pure_mqtt::{Properties, Property};
use pure_mqtt_agent::{Bytes, Outgoing, encode_properties};

/// The names of the user properties.
const PARENT: &str = "traceparent";
const STATE: &str = "tracestate";
/// The length of a `traceparent` of version 00.
const LENGTH: usize = 55;
/// The maximum length of `tracestate`: Trace Context requires everyone to pass on 512 bytes. Longer ones are dropped.
const STATE_LENGTH: usize = 512;
const STATE_MEMBERS: usize = 32;
/// The flags that Trace Context defines: sampled, and random trace id. Others are sent as zero.
const FLAGS: u8 = 0b11;

/// The position of a message in a distributed trace, by [W3C Trace Context](https://www.w3.org/TR/trace-context/): its trace, and the span that sent it.
///
/// It is sent in the user properties `traceparent` and `tracestate` (§3.3.2.3.7), as in W3C's draft for MQTT, so **only in 5.0**: messages over links of 3.1 and 3.1.1 have no
/// context.
///
/// ```
/// use pure_mqtt_tokio::{Outgoing, TraceContext};
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let context: TraceContext = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse()?;
///     assert!(context.is_sampled());
///     let message = context.add_to(Outgoing::new("plant/boiler", "71.5")); // for Client::publish_with
///     println!("{message:?}");
///     Ok(())
/// }
/// ```
///
/// * **Sending**: [`add_to`](Self::add_to) adds a context to one message. [`Options::trace_context`](crate::Options::trace_context) adds one to each message that has no
///   `traceparent`. The message's other user properties stay as they are, before the context.
/// * **Receiving**: [`Message::trace_context`](crate::Message::trace_context) returns `None` if `traceparent` is missing, malformed or present twice. A malformed `tracestate`
///   alone is left out. The message is delivered as any other, and its user properties can be read.
/// * **Retained messages** keep the context from when they were published; so do messages that a server queues. Link to such a trace instead of continuing it.
/// * Any publisher chooses the content: use it only to find spans.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace_id: NonZeroU128,
    parent_id: NonZeroU64,
    flags: u8,
    state: String,
}

/// A `traceparent` was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceParentError;

impl fmt::Display for TraceParentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a traceparent is 00-, 32 hexadecimal digits in lower case, -, 16 of them, -, and 2 of them, and neither number is zero")
    }
}

impl std::error::Error for TraceParentError {}

impl TraceContext {
    /// Creates a context from the ids of trace and span and the flags, of which bit 0 means that the trace is recorded. Returns `None` if an id is zero.
    pub fn new(trace_id: u128, parent_id: u64, flags: u8) -> Option<Self> {
        let (trace_id, parent_id) = (NonZeroU128::new(trace_id)?, NonZeroU64::new(parent_id)?);
        Some(Self { trace_id, parent_id, flags, state: String::new() })
    }

    /// Sets `tracestate`, the data of several tracing systems: `name=value` pairs, separated by commas. Returns `None` if it is malformed, or longer than 512 bytes.
    pub fn state(self, state: &str) -> Option<Self> {
        let is_good = state.len() <= STATE_LENGTH && state.split(',').count() <= STATE_MEMBERS;
        (is_good && state.split(',').all(is_member)).then(|| Self { state: state.into(), ..self })
    }

    /// Returns the id of the trace.
    pub fn trace_id(&self) -> u128 {
        self.trace_id.get()
    }

    /// Returns the id of the span that sent the message.
    pub fn parent_id(&self) -> u64 {
        self.parent_id.get()
    }

    /// Returns the flags, as received.
    pub fn flags(&self) -> u8 {
        self.flags
    }

    /// Returns whether the sender may have recorded its spans.
    pub fn is_sampled(&self) -> bool {
        self.flags & 1 != 0
    }

    /// Returns `tracestate`; empty if there is none.
    pub fn tracestate(&self) -> &str {
        &self.state
    }

    /// Returns the message with this context, in place of any previous one. A message with malformed properties is returned unchanged; publishing it returns an error.
    #[must_use]
    pub fn add_to(&self, message: Outgoing) -> Outgoing {
        match self.added_to(&message) {
            Some(properties) => Outgoing { properties, ..message },
            None => message,
        }
    }

    fn added_to(&self, message: &Outgoing) -> Option<Bytes> {
        let own = Properties::from_bytes(&message.properties).ok()?;
        let is_other = |property: &Property<'_>| !matches!(property, Property::UserProperty((PARENT | STATE, _)));
        let mut all: Vec<_> = own.iter().filter(is_other).collect();
        let parent = self.to_string();
        all.push(Property::UserProperty((PARENT, &parent)));
        if !self.state.is_empty() {
            all.push(Property::UserProperty((STATE, &self.state)));
        }
        Some(encode_properties(&Properties::new(&all))).filter(|encoded| !encoded.is_empty())
    }

    /// Reads the context of a message.
    pub(crate) fn of(properties: &Properties<'_>) -> Option<Self> {
        let mut parents = named(properties, PARENT);
        let (Some(parent), None) = (parents.next(), parents.next()) else { return None };
        let context: Self = parent.parse().ok()?;
        let state = named(properties, STATE).collect::<Vec<_>>().join(",");
        Some(context.clone().state(&state).unwrap_or(context))
    }
}

/// Returns the values of the user properties with this name.
fn named<'p>(properties: &Properties<'p>, name: &'static str) -> impl Iterator<Item = &'p str> {
    properties.iter().filter_map(move |property| match property {
        Property::UserProperty((its, value)) if its == name => Some(value),
        _ => None,
    })
}

/// Returns whether the text is a member of a `tracestate`, or empty, as it may be between two commas.
fn is_member(member: &str) -> bool {
    let member = member.trim_matches([' ', '\t']);
    let is_key = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/@".contains(&byte);
    let is_value = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'=';
    member.is_empty()
        || member
            .split_once('=')
            .is_some_and(|(key, value)| !key.is_empty() && key.bytes().all(is_key) && value.bytes().all(is_value))
}

impl FromStr for TraceContext {
    type Err = TraceParentError;

    /// Parses a `traceparent`. Of later versions than 00, reads the fields that 00 has and ignores the rest.
    fn from_str(text: &str) -> Result<Self, TraceParentError> {
        parse(text).ok_or(TraceParentError)
    }
}

fn parse(text: &str) -> Option<TraceContext> {
    let (known, rest) = text.split_at_checked(LENGTH)?;
    let parts: [&str; 4] = known.split('-').collect::<Vec<_>>().try_into().ok()?;
    let [version, trace_id, parent_id, flags] = parts;
    let is_future = version != "00" && rest.starts_with('-');
    if version == "ff" || !(rest.is_empty() || is_future) {
        return None;
    }
    hexadecimal(version, 2)?;
    let (trace_id, parent_id) = (hexadecimal(trace_id, 32)?, hexadecimal(parent_id, 16)?);
    TraceContext::new(trace_id, parent_id.try_into().ok()?, hexadecimal(flags, 2)?.try_into().ok()?)
}

/// Parses a number of this many digits, in lower case.
fn hexadecimal(text: &str, digits: usize) -> Option<u128> {
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != digits || !text.bytes().all(is_digit) {
        return None;
    }
    u128::from_str_radix(text, 16).ok()
}

/// Writes a `traceparent` of version 00.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.parent_id, self.flags & FLAGS)
    }
}

/// The source of contexts for messages that have none.
#[derive(Clone, Default)]
pub(crate) struct Source(Option<Arc<dyn Fn() -> Option<TraceContext> + Send + Sync>>);

impl Source {
    pub(crate) fn new(hook: impl Fn() -> Option<TraceContext> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hook)))
    }

    /// Adds a context to a message that has no `traceparent`. Returns the message's original properties if they were changed.
    pub(crate) fn add_to(&self, message: &mut Outgoing) -> Option<Bytes> {
        let hook = self.0.as_ref()?;
        let own = Properties::from_bytes(&message.properties).ok()?;
        if named(&own, PARENT).next().is_some() {
            return None;
        }
        let properties = hook()?.added_to(message)?;
        Some(std::mem::replace(&mut message.properties, properties))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_traceparent_is_read_as_the_standard_says() {
        let context: TraceContext = GOOD.parse().unwrap();
        assert_eq!(context.trace_id(), 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
        assert_eq!((context.parent_id(), context.flags()), (0xb7ad_6b71_6920_3331, 1));
        assert_eq!(context.to_string(), GOOD);
        let later = GOOD.replacen("00", "01", 1);
        for later in [later.clone(), format!("{later}-what-comes")] {
            assert_eq!(later.parse::<TraceContext>().unwrap(), context);
        }
        let unknown_flags = format!("{}ff", &GOOD[..53]).parse::<TraceContext>().unwrap();
        assert_eq!((unknown_flags.flags(), &unknown_flags.to_string()[53..]), (0xFF, "03"));
        let wrong = [
            String::new(),
            GOOD[..54].into(),
            format!("{GOOD}-"),
            format!("{later}x"),
            GOOD.to_uppercase(),
            GOOD.replacen("00", "ff", 1),
            GOOD.replacen("00", "0x", 1),
            GOOD.replace('-', "_"),
            GOOD.replace("b7ad6b7169203331", "0000000000000000"),
            GOOD.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            GOOD.replace("0af", "+af"),
            GOOD.replace("0af7", "é-f"),
            format!("{}é", &GOOD[..54]),
        ];
        for wrong in wrong {
            assert_eq!(wrong.parse::<TraceContext>(), Err(TraceParentError), "{wrong}");
        }
    }

    #[test]
    fn a_tracestate_is_kept_whole_or_not_at_all() {
        let context: TraceContext = GOOD.parse().unwrap();
        for good in ["", "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7", "a@b=c d", "a=1 , b=2,,"] {
            assert_eq!(context.clone().state(good).unwrap().tracestate(), good);
        }
        let (long, many) = (format!("a={}", "x".repeat(511)), vec!["a=b"; 33].join(","));
        for wrong in ["a", "=b", "A=b", "a=b=c", "a=\u{7F}", "a=é", "a=\n", &long, &many] {
            assert_eq!(context.clone().state(wrong), None, "{wrong}");
        }
    }

    fn message(properties: &[Property<'_>]) -> Outgoing {
        Outgoing { properties: encode_properties(&Properties::new(properties)), ..Outgoing::new("a", "b") }
    }

    fn found(message: &Outgoing) -> Option<TraceContext> {
        TraceContext::of(&Properties::from_bytes(&message.properties).unwrap())
    }

    #[test]
    fn the_other_properties_stay_and_an_older_context_goes() {
        let mine = Property::UserProperty(("origin", "lab"));
        let own = [mine, Property::UserProperty((PARENT, "old")), Property::MessageExpiryInterval(60), mine];
        let context = GOOD.parse::<TraceContext>().unwrap().state("a=b").unwrap();
        let sent = context.add_to(message(&own));
        let expected = [
            mine,
            Property::MessageExpiryInterval(60),
            mine,
            Property::UserProperty((PARENT, GOOD)),
            Property::UserProperty((STATE, "a=b")),
        ];
        assert_eq!(sent.properties, message(&expected).properties);
        assert_eq!(found(&sent), Some(context.clone()));
        let malformed = Outgoing { properties: Bytes::from_static(b"\xFF"), ..Outgoing::new("a", "b") };
        assert_eq!(context.add_to(malformed.clone()), malformed);
    }

    #[test]
    fn what_is_wrong_with_a_received_context_leaves_it_out() {
        let (parent, state) = (Property::UserProperty((PARENT, GOOD)), |value| Property::UserProperty((STATE, value)));
        let context: TraceContext = GOOD.parse().unwrap();
        assert_eq!(found(&message(&[])), None);
        assert_eq!(found(&message(&[state("a=b")])), None);
        assert_eq!(found(&message(&[parent, parent])), None, "which one?");
        assert_eq!(found(&message(&[Property::UserProperty((PARENT, "00-xyz"))])), None);
        assert_eq!(found(&message(&[Property::UserProperty(("Traceparent", GOOD))])), None);
        assert_eq!(found(&message(&[state("A"), parent])), Some(context.clone()));
        assert_eq!(found(&message(&[state("a=1"), parent, state("b=2")])), context.state("a=1,b=2"));
    }

    #[test]
    fn a_hook_adds_where_there_is_none() {
        let source = Source::new(|| GOOD.parse().ok());
        let mut plain = message(&[Property::MessageExpiryInterval(60)]);
        let own = plain.properties.clone();
        assert_eq!(source.add_to(&mut plain), Some(own));
        assert_eq!(found(&plain).unwrap().to_string(), GOOD);
        assert_eq!(source.add_to(&mut plain), None, "it has one");
        assert_eq!(Source::new(|| None).add_to(&mut message(&[])), None);
        assert_eq!(Source::default().add_to(&mut message(&[])), None);
    }
}
