//! What a world may have in it, which of that the present engine is known to fail at, and which rules are not checked yet.

use std::fmt;

macro_rules! features {
    ($($name:ident = $chance:literal, $about:literal;)*) => {
        /// A feature of a world. It has acted once what its line says has happened; that is what pairs are counted by.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        #[repr(u8)]
        pub enum Feature { $(#[doc = $about] $name,)* }

        impl Feature {
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// In how many of 100 worlds it is drawn.
            pub const fn chance(self) -> u8 {
                match self { $(Self::$name => $chance,)* }
            }
        }
    };
}

features! {
    Heap = 30, "A message was accepted on `Heap`.";
    Fixed = 25, "The same on `Fixed` of a usual size.";
    Tiny = 20, "The same on a `Fixed` of two slots and little more than the longest packet.";
    Borrowed = 25, "The same on `Borrowed`.";
    Journal = 40, "A record became durable.";
    V31 = 30, "A 3.1 link was accepted.";
    V311 = 30, "A 3.1.1 link was accepted.";
    V5 = 55, "A 5.0 link was accepted.";
    OtherVersion = 50, "A link was accepted in another version than the one before.";
    OneInFlight = 35, "A message waited because one was in flight and no more may be.";
    QueueLimit = 35, "A command was refused, or a message dropped, because the queue was full.";
    DropOldest = 40, "A publish dropped the oldest.";
    LatestPerTopic = 40, "A publish dropped the one before to its topic.";
    Abort = 35, "A session was lost under `Abort`.";
    ManualAcks = 50, "The application acknowledged a message.";
    AckErrors = 40, "It acknowledged one with an error.";
    Strict = 30, "A link was accepted in strict mode.";
    AckTimeout = 35, "An answer was awaited under `ack_timeout`.";
    Retry = 35, "A deadline of `retry_interval` was set.";
    PiecesIn = 40, "A message arrived in pieces.";
    AliasIn = 40, "A message arrived with an alias instead of a name.";
    AliasOut = 40, "One left with an alias instead of a name.";
    StreamedOut = 45, "The engine asked for a payload.";
    Shared = 40, "A shared payload was accepted.";
    Expiring = 40, "A message with an expiry was accepted.";
    Properties = 45, "A message with properties was taken over by a 5.0 server.";
    Requests = 60, "A SUBSCRIBE or UNSUBSCRIBE was answered.";
    Cancel = 45, "A message was cancelled.";
    Replace = 45, "A message was replaced.";
    Abandon = 45, "A streamed message was abandoned.";
    SetLimits = 45, "The limits were changed.";
    Forget = 30, "The session was forgotten.";
    Adopt = 30, "A session was adopted.";
    Auth = 40, "The server took an AUTH.";
    Goodbye = 45, "The application ended a link.";
    GoodbyeProperties = 40, "It ended one with properties in DISCONNECT.";
    CleanStart = 40, "A clean start was accepted.";
    Shrink = 45, "Memory was given back.";
    Clone = 45, "A clone was compared, and went on.";
    Stall = 45, "A transport that had stalled for a while went on.";
    StallForEver = 40, "A transport stalled for ever.";
    OneWay = 45, "It stalled in one direction only.";
    Trickle = 45, "Bytes went by ones and twos.";
    Cut = 50, "A link broke with bytes on the way.";
    LateAdvance = 35, "An answer came before `advance`.";
    LostConnack = 40, "A CONNACK was sent and lost.";
    ServerClock = 45, "The server's clock went at another pace, or stepped.";
    SessionLost = 45, "The server lost a session.";
    SessionExpired = 40, "A session expired by the server's clock.";
    TwoServers = 40, "The client went to the other server.";
    ServerCloses = 45, "The server ended a link.";
    ServerLimits = 40, "CONNACK announced limits.";
    SlowAnswers = 45, "The server held answers back.";
    Refusals = 40, "The server refused a message.";
    TornWrite = 60, "The power failed inside a record.";
    SlowFlush = 60, "A record took time to become durable.";
    PowerCut = 65, "The power failed.";
    Snapshot = 60, "The log was replaced.";
    Pause = 45, "The host did nothing for a while.";
    FarEpoch = 35, "The host's clock began in the year 1, or near the end of time.";
    ClockBack = 40, "The host's clock went back.";
    BytesHost = 40, "The host reads with `BytesBuffer`.";
    OddAcks = 40, "Wrong but harmless acknowledgements: PUBACK at QoS 2, trailing codes, flag bits, codes that are not listed.";
    OddConnack = 40, "Session Present after a clean start; DISCONNECT instead of CONNACK.";
    OddMessages = 40, "DUP at QoS 0, an alias above the maximum beside a name.";
    EarlyRelease = 40, "PUBREL before PUBREC has left.";
    BadTopic = 35, "A topic that is none.";
    TooLong = 35, "A packet above the limits.";
    Overrun = 35, "More messages than Receive Maximum.";
}

use Feature::*;

/// Combinations that the present engine fails at: a world that draws all of a row loses the row's last. Empty them as repairs land.
pub const NOT_YET: &[(&[Feature], &str)] = &[
    (&[LateAdvance], "field 9, and what was shown is changed by acknowledgements, cancel and overflow"),
    (&[Strict], "field 22: PUBREL of an earlier link"),
    (&[Retry], "field 23"),
    (&[Expiring, SlowFlush], "a message that is to expire while the journal is full: the deadline stays in the past, and the host spins"),
    (&[Journal, OtherVersion], "field 29: also where `set_limits` finds an empty queue"),
    (&[AckErrors, Overrun], "field 24: the place of a QoS 2 message is free before PUBREL, and no link gets beyond it"),
    (&[OddAcks], "field 16, 17, 20, 24b"),
    (&[OddConnack], "field 18, 19"),
    (&[OddMessages], "an alias above the maximum beside a name"),
    (&[EarlyRelease], "field 24a"),
    (&[BadTopic], "field 24d"),
    (&[TooLong], "field 10"),
    (&[Expiring, FarEpoch], "field 14"),
    (&[AliasOut, StreamedOut, Abandon], "field 26: the alias has left its name behind"),
];

/// What the judges leave out as long as the present engine fails it. Empty it as repairs land.
pub const RULES_NOT_YET: &[(Rule, &str)] = &[
    (Rule::Farewell, "field 2: a link that is over waits for a transport that takes nothing"),
    (Rule::Ends, "field 1"),
    (Rule::UnknownSession, "field 5, 6"),
    (Rule::Fence, "field 7"),
    (Rule::Properties, "field 8"),
    (Rule::EarlyTimeout, "field 12, 13"),
    (Rule::LateTimeout, "field 13"),
    (Rule::PastDeadline, "E6"),
    (Rule::LongAlias, "field 27"),
    (Rule::AtomicReplace, "the end of the old message is durable before the new message is"),
    (Rule::JournalVersion, "field 29"),
    (Rule::Tolerance, "E7"),
    (Rule::Changeling, "QoS 2 identifiers of a lost session are never free again, and fill the table"),
    (Rule::ErrorAcks, "field 24"),
    (Rule::OneReceived, "a QoS 2 message finds no place, link after link"),
];

/// A rule that can be left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(dead_code, reason = "which of them are left out changes")]
pub enum Rule {
    /// E1: `should_close` within the farewell time of a link's end.
    Farewell,
    /// E1: a link that says nothing, or takes nothing, ends in bounded time.
    Ends,
    /// E2: no link ends because the server knows a session that this side doesn't.
    UnknownSession,
    /// E2: after such a session, exactly once still holds.
    Fence,
    /// E3: properties arrive on a 5.0 link, whatever the version was when the message was accepted.
    Properties,
    /// E4: an answer is never counted as unknown.
    UnknownAcks,
    /// E6: PINGRESP and acknowledgements are not missed too early.
    EarlyTimeout,
    /// E6: acknowledgements are missed between one and two times the value.
    LateTimeout,
    /// E6: after `handle_timeout` no deadline has passed.
    PastDeadline,
    /// E5, 27: an alias for a name of any length is kept on `Heap`.
    LongAlias,
    /// E9: `max_received` may be 1.
    OneReceived,
    /// E7, 24: before 5.0 an acknowledgement with an error is one all the same.
    ErrorAcks,
    /// E2: a session that was changed for another unnoticed locks nobody out, although identifiers of the old one stay in use here for ever.
    Changeling,
    /// E7: no link ends because of what is tolerated.
    Tolerance,
    /// E8, 29: the log says in which version its frames are.
    JournalVersion,
    /// E8: where the power fails inside `replace`, or a drop, one of the two messages is there.
    AtomicReplace,
    /// R20: what is recovered equals what was.
    Recovery,
}

impl Rule {
    /// Whether it is checked.
    pub fn holds(self) -> bool {
        !RULES_NOT_YET.iter().any(|(rule, _)| *rule == self)
    }
}

/// Pairs that can't act in one world, with the reason. A feature alone in its row excludes itself from all pairs.
pub const EXCLUDED: &[(&[Feature], &[Feature], &str)] = &[
    (&[Heap, Fixed, Tiny, Borrowed], &[Heap, Fixed, Tiny, Borrowed], "a world has one storage"),
    (&[Borrowed], &[Journal, TornWrite, SlowFlush, PowerCut, Snapshot], "`Borrowed` has no journal here"),
    (&[Borrowed], &[Clone], "`Borrowed` is not `Clone`"),
    (&[DropOldest], &[LatestPerTopic], "one policy at a time"),
    (&[BytesHost], &[PiecesIn], "`BytesBuffer` knows nothing of pieces"),
    (&[Strict], &[OddAcks, OddConnack, OddMessages, EarlyRelease, BadTopic, TooLong, Overrun], "strict keeps to the letter"),
];

/// A set of features.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Set(u128);

impl Set {
    pub const fn has(self, feature: Feature) -> bool {
        self.0 >> feature as u8 & 1 == 1
    }

    pub const fn add(&mut self, feature: Feature) {
        self.0 |= 1 << feature as u8;
    }

    pub const fn remove(&mut self, feature: Feature) {
        self.0 &= !(1 << feature as u8);
    }

    pub fn iter(self) -> impl Iterator<Item = Feature> {
        Feature::ALL.iter().copied().filter(move |feature| self.has(*feature))
    }

    /// From names with commas between them.
    pub fn parse(text: &str) -> Self {
        let mut set = Self::default();
        for name in text.split(',').filter(|name| !name.is_empty()) {
            let named = Feature::ALL.iter().find(|feature| format!("{feature:?}") == name);
            set.add(*named.unwrap_or_else(|| panic!("there is no feature {name}")));
        }
        set
    }
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.iter().map(|feature| format!("{feature:?}")).collect();
        f.write_str(&names.join(","))
    }
}
