//! What must never happen, by name.

use crate::Model;
use crate::device::Memory;
use crate::state::State;
use stateright::Property;

macro_rules! rules {
    ($($(#[doc = $text:literal])* $name:ident,)*) => {
        /// A rule that was broken.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Rule {
            $($(#[doc = $text])* $name,)*
        }

        impl Rule {
            /// What the rule says.
            pub fn text(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($text),*),)*
                }
            }
        }

        /// One property for each rule that a step can break.
        pub fn properties<M: Memory>() -> Vec<Property<Model<M>>> {
            vec![$(Property::always(stringify!($name), |_, state: &State<M>| state.broken != Some(Rule::$name)),)*]
        }
    };
}

/// The rule is broken if this isn't true.
pub fn hold(condition: bool, rule: Rule) -> Result<(), Rule> {
    if condition { Ok(()) } else { Err(rule) }
}

rules! {
    /// nothing panics, no arithmetic overflows, no debug assertion of the engine's fails
    NoPanic,
    /// every packet of the client's is well formed and one that a client may send
    Wire,
    /// the client finds no fault with a server that follows the standard
    NoFault,
    /// an unfinished command's identifier is given to no other (one pool for all commands, and for the server's books)
    A2IdInUse,
    /// a message that is sent again keeps its identifier
    A5SameId,
    /// each accepted message or request has at most one end, of the right kind, and nothing is sent after it
    B2OneEnd,
    /// DUP is 0 the first time in a session and 1 every other time
    B3Dup,
    /// a message is sent once on a link at most
    B5OncePerLink,
    /// the server takes over each QoS 2 message at most once in a session
    C1ExactlyOnce,
    /// after PUBREC only PUBREL is sent, never PUBLISH
    C2NoPublishAfterPubRec,
    /// one PUBREL for each PUBREC on a link, none without
    C3OnePubRel,
    /// PUBCOMP completes only after PUBREC
    C5PubCompAfterPubRec,
    /// each message of the server's is answered once on a link, by what its quality of service demands
    D1OneAnswer,
    /// a QoS 2 message is delivered to the application at most once
    D4AtMostOnce,
    /// acknowledgements leave in the order of what they acknowledge
    D6AckOrder,
    /// an acknowledgement leaves after the application has the message, and has acknowledged it where that is asked for
    D8AckAfterDelivery,
    /// messages of one quality of service are delivered in their order
    D12Order,
    /// the fate of a session, and of every message in it, is reported as it is
    E1SessionFate,
    /// what is sent again goes before what is new, messages in their order
    E2Order,
    /// a request is not sent again, and its end is told when a link ends
    E8Requests,
    /// unfinished messages on a link are within the server's Receive Maximum and the own limit
    F1Window,
    /// the quota is what the unfinished messages leave
    F3Quota,
    /// CONNECT is the first packet of a link, and comes once
    G1ConnectFirst,
    /// a link that is over, or that takes or brings nothing any more, is to be closed in bounded time
    G7Bounded,
    /// what was not confirmed to have left has no answer yet, and what was shown to the transport stays as it is
    G8Confirmed,
    /// a command that fails changes nothing
    G5ErrorChangesNothing,
    /// commands that are not finished are counted rightly: no slot leaks
    Pending,
    /// input is refused only while something can be done about it
    BlockedForACause,
    /// nothing leaves before the record is durable that it depends on
    J1DurableFirst,
    /// after an outage the client is where its log ends: nothing else is lost, nothing else is left
    J2Recovered,
    /// a snapshot leads to the same client as the log that it replaces
    J3Snapshot,
}
