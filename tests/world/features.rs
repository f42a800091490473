//! What a world may have in it.

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
    Heap = 26, "A message was accepted on `Heap`.";
    Fixed = 25, "The same on `Fixed` of a usual size.";
    Tiny = 25, "The same on a `Fixed` of two slots and little more than the longest packet.";
    Borrowed = 25, "The same on `Borrowed`.";
    Journal = 78, "A record became durable.";
    V31 = 25, "A 3.1 link was accepted.";
    V311 = 25, "A 3.1.1 link was accepted.";
    V5 = 50, "A 5.0 link was accepted.";
    OtherVersion = 60, "A link was accepted in another version than the one before.";
    OneInFlight = 35, "A message waited because one was in flight and no more may be.";
    QueueLimit = 40, "A command was refused, or a message dropped, because the queue was full.";
    DropOldest = 35, "A publish dropped the oldest.";
    LatestPerTopic = 65, "A publish dropped the one before to its topic.";
    Abort = 45, "A session was lost under `Abort`.";
    ManualAcks = 60, "The application acknowledged a message.";
    AckErrors = 60, "It acknowledged one with an error.";
    Strict = 28, "A link was accepted in strict mode.";
    AckTimeout = 45, "An answer was awaited under `ack_timeout`.";
    Retry = 45, "A deadline of `retry_interval` was set.";
    PiecesIn = 65, "A message arrived in pieces.";
    AliasIn = 88, "A message arrived with an alias instead of a name.";
    AliasOut = 65, "One left with an alias instead of a name.";
    StreamedOut = 60, "The engine asked for a payload.";
    Shared = 50, "A shared payload was accepted.";
    Expiring = 50, "A message with an expiry was accepted.";
    Properties = 55, "A message with properties was taken over by a 5.0 server.";
    Requests = 60, "A SUBSCRIBE or UNSUBSCRIBE was answered.";
    Cancel = 60, "A message was cancelled.";
    Replace = 60, "A message was replaced.";
    Abandon = 70, "A streamed message was abandoned.";
    SetLimits = 50, "The limits were changed.";
    Forget = 50, "The session was forgotten.";
    Adopt = 50, "A session was adopted.";
    Auth = 60, "The server took an AUTH.";
    Goodbye = 50, "The application ended a link.";
    GoodbyeProperties = 55, "It ended one with properties in DISCONNECT.";
    CleanStart = 50, "A clean start was accepted.";
    Shrink = 50, "Memory was given back.";
    Clone = 60, "A clone was compared, and went on.";
    Stall = 60, "A transport that had stalled for a while went on.";
    StallForEver = 50, "A transport stalled for ever.";
    OneWay = 55, "It stalled in one direction only.";
    Trickle = 50, "Bytes went by ones and twos.";
    Cut = 50, "A link broke with bytes on the way.";
    LateAdvance = 45, "An answer came before `advance`.";
    LostConnack = 50, "A CONNACK was sent and lost.";
    ServerClock = 50, "The server's clock went at another pace, or stepped.";
    SessionLost = 50, "The server lost a session.";
    SessionExpired = 50, "A session expired by the server's clock.";
    TwoServers = 50, "The client went to the other server.";
    ServerCloses = 50, "The server ended a link.";
    ServerLimits = 60, "CONNACK announced limits.";
    SlowAnswers = 55, "The server held answers back.";
    Refusals = 80, "The server refused a message.";
    TornWrite = 80, "The power failed inside a record.";
    SlowFlush = 60, "A record took time to become durable.";
    PowerCut = 80, "The power failed.";
    Snapshot = 75, "The log was replaced.";
    Pause = 50, "The host did nothing for a while.";
    FarEpoch = 45, "The host's clock began in the year 1, or near the end of time.";
    ClockBack = 50, "The host's clock went back.";
    BytesHost = 35, "The host reads with `BytesBuffer`.";
    OddAcks = 60, "Wrong but harmless acknowledgements: PUBACK at QoS 2, trailing codes, flag bits, codes that are not listed.";
    OddConnack = 75, "Session Present after a clean start; DISCONNECT instead of CONNACK.";
    OddMessages = 65, "DUP at QoS 0, an alias above the maximum beside a name.";
    EarlyRelease = 60, "PUBREL before PUBREC has left.";
    BadTopic = 40, "A topic that is none.";
    TooLong = 40, "A packet above the limits.";
    Overrun = 65, "More messages than Receive Maximum.";
    Withdraw = 60, "A message or a request was withdrawn.";
    Hold = 60, "A message waited because messages were held back.";
    Silent = 50, "A 5.0 link was accepted whose CONNECT announced no limits.";
    Discard = 70, "A message that was too long was thrown away.";
    Deliver = 60, "A message was delivered whose topic is none.";
    Unread = 55, "The host told of bytes that it had not handed over yet.";
}

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
