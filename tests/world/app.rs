//! The application: it notes what it is told, and keeps what it must give back.

use crate::disk::Disk;
use crate::features::{Feature, Set};
use crate::hosts;
use crate::inbox::Inbox;
use crate::ledger::{End, Ledger, Verdict};
use crate::memory::Memory;
use crate::payload::payload_of;
use pure_mqtt::wire::{PacketType, Violation};
use pure_mqtt::{
    Auth, Cause, Command, ConnAck, Connection, ConnectionError, Discard, Discarded, Event, Fragment, Instant,
    OnBadTopic, OnSessionLoss, OnTooLong, Outcome, PayloadRequest, PendingAck, Property, PublishAck, QoS, SessionState,
    Topic, Version,
};

/// The method of enhanced authentication.
pub const METHOD: &str = "m";

/// The length of the longest topic of messages for the client.
pub const LONG_NAME: usize = 72;

/// No clock that began with its host shows so late a time.
const FAR: u64 = 1 << 40;

/// Whether this is no topic.
fn is_bad(topic: &[u8]) -> bool {
    std::str::from_utf8(topic).is_err() || topic.iter().any(|byte| b"+#\0".contains(byte))
}

/// A message that waits for its acknowledgement.
pub struct Held {
    pub pending: PendingAck,
    pub number: u32,
    pub qos: QoS,
}

pub struct App {
    pub ledger: Ledger,
    pub inbox: Inbox,
    pub disk: Disk,
    pub held: Vec<Held>,
    /// The client's time: the latest that it was given.
    pub now: u64,
    pub acted: Set,
    /// What was wrong first.
    pub fault: Option<String>,
    /// What happened, if anybody wants to know.
    pub lines: Option<Vec<String>>,
    /// The session that the client takes itself to be in, where its record stands, and the one of the link.
    pub known_sid: u64,
    pub known_at: u64,
    /// What the log leads to once that record is durable: the same session, or none in particular where nothing told that it is another.
    pub logged_sid: u64,
    /// The one before: what a log that lacks that record leads to.
    pub known_before: u64,
    /// The place of its record in the log.
    pub known_before_at: u64,
    pub link_sid: u64,
    pub link_is_present: bool,
    /// The server may hold identifiers that the client doesn't know of, and that cannot be told.
    pub is_stale: bool,
    /// A session in which the client may take new messages for old ones, since nothing told it that it is another.
    pub confused_sid: u64,
    /// Sessions that clean starts made whose CONNACK the client did not hear, since it last heard one.
    pub made_unheard: Vec<u64>,
    pub must_start_clean: bool,
    /// A session that this side doesn't know ends the link.
    pub refuses_unknown: bool,
    /// The link began clean, and was not accepted yet; an earlier one did and never was, so that the server may have begun a session anew.
    pub is_link_clean: bool,
    pub may_be_anew: bool,
    pub wants_subscription: bool,
    pub version_before: Option<Version>,
    pub links: u32,
    pub failures: Vec<ConnectionError>,
    arriving: Vec<u8>,
    /// The topic of the message that is arriving is none.
    is_marked: bool,
    /// The longest name that is kept behind an alias. A longer one costs a link, and then no aliases are announced until the limits are set again.
    pub alias_fits: usize,
    pub has_forgotten_alias: bool,
    /// Messages that are too long are thrown away.
    pub discards: bool,
}

impl App {
    pub fn new(disk: Disk, lines: Option<Vec<String>>) -> Self {
        Self {
            ledger: Ledger::default(),
            inbox: Inbox::default(),
            disk,
            held: Vec::new(),
            now: 0,
            acted: Set::default(),
            fault: None,
            lines,
            known_sid: 0,
            known_at: 0,
            logged_sid: 0,
            known_before: 0,
            known_before_at: 0,
            link_sid: 0,
            link_is_present: false,
            is_stale: false,
            confused_sid: 0,
            made_unheard: Vec::new(),
            must_start_clean: false,
            refuses_unknown: false,
            is_link_clean: false,
            may_be_anew: false,
            wants_subscription: true,
            version_before: None,
            links: 0,
            failures: Vec::new(),
            arriving: Vec::new(),
            is_marked: false,
            alias_fits: 0,
            has_forgotten_alias: false,
            discards: false,
        }
    }

    pub fn say(&mut self, line: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            lines.push(line());
        }
    }

    pub fn judge(&mut self, verdict: Verdict) {
        if let Err(text) = verdict {
            self.fault.get_or_insert(text);
        }
    }

    pub fn act(&mut self, feature: Feature) {
        self.acted.add(feature);
    }

    fn end(&mut self, acknowledged: &PublishAck<'_>) {
        let end =
            if acknowledged.reason.is_error() && acknowledged.reason.0 != 0x92 { End::Refused } else { End::Done };
        if end == End::Refused {
            self.act(Feature::Refusals);
        }
        let verdict = self.ledger.end(acknowledged.handle, end, self.now);
        self.judge(verdict);
    }

    fn connected<S: Memory>(&mut self, mqtt: &Connection<S>, connack: &ConnAck<'_>) {
        let version = mqtt.version();
        self.act(match version {
            Version::V31 => Feature::V31,
            Version::V311 => Feature::V311,
            Version::V5 => Feature::V5,
        });
        if self.version_before.replace(version).is_some_and(|before| before != version) {
            self.act(Feature::OtherVersion);
        }
        if self.now > FAR {
            self.act(Feature::FarEpoch);
        }
        if mqtt.limits().strict {
            self.act(Feature::Strict);
        }
        if version == Version::V5 && !mqtt.limits().announce_limits {
            self.act(Feature::Silent);
        }
        self.must_start_clean = false;
        self.is_link_clean = false;
        let is_given_up = matches!(connack.session, SessionState::New { .. } | SessionState::Adopted { .. });
        if is_given_up {
            self.wants_subscription = true;
            if self.known_sid != 0 && mqtt.limits().on_session_loss == OnSessionLoss::Abort {
                self.act(Feature::Abort);
            }
        }
        // Of what is adopted, and may be the session that was known, all goes on.
        let is_in_doubt = matches!(connack.session, SessionState::Adopted { republished: 0, aborted: 0, completed: 0 });
        self.may_be_anew |= is_in_doubt;
        self.note_session(is_given_up, version);
        self.may_be_anew = false;
        let is_third = self.known_sid != self.link_sid && !self.made_unheard.contains(&self.link_sid);
        if is_in_doubt && is_third {
            self.confuse(); // with the session that was known, or with the one that a clean start made
        }
        self.made_unheard.clear();
        if self.known_sid != self.link_sid {
            (self.known_before, self.known_before_at) = (self.logged_sid, self.known_at);
            (self.known_sid, self.known_at) = (self.link_sid, self.disk.session_noted_at(mqtt));
            self.logged_sid = if is_given_up { self.link_sid } else { 0 };
        }
    }

    /// What client and server know of each other from here on.
    fn note_session(&mut self, is_given_up: bool, version: Version) {
        let sid = self.link_sid;
        match is_given_up {
            true => {
                // The client knows no session, or not this one: it says so, and begins anew.
                if self.link_is_present {
                    if self.known_sid == sid && !self.may_be_anew {
                        self.judge(Err("[E2] the client gave a session up that the server has".into()));
                    }
                    self.ledger.shake();
                    self.inbox.forget();
                }
                self.is_stale = false;
            }
            false if !self.link_is_present && version != Version::V31 => {
                self.judge(Err("[E2] the client goes on with a session that the server doesn't have".into()));
            }
            false if self.known_sid != sid => {
                // Another session than the client thinks, and nothing told it.
                self.is_stale = true;
                self.inbox.forget();
                self.confuse();
            }
            false => {}
        }
    }

    /// The client may take new messages of this session for old ones of another.
    fn confuse(&mut self) {
        let sid = self.link_sid;
        self.confused_sid = sid;
        self.inbox.forgive(|queued| queued.sid == sid);
    }

    /// The power failed when so much of the journal was durable: which session the client takes itself to be in now.
    pub fn discard_session_after(&mut self, durable: u64) {
        if self.known_at > durable {
            self.logged_sid = if self.known_before_at <= durable { self.known_before } else { 0 };
            self.known_at = 0;
        }
        self.known_sid = self.logged_sid;
    }

    fn arrive<S: Memory>(&mut self, mqtt: &Connection<S>, payload: &[u8], qos: QoS, ack: Option<PendingAck>) {
        let number = payload.first_chunk().map_or(u32::MAX, |bytes| u32::from_be_bytes(*bytes));
        let is_noted = ack.is_none() && qos == QoS::ExactlyOnce;
        let at = if is_noted { self.disk.noted_at(mqtt) } else { u64::MAX };
        self.held.extend(ack.map(|pending| Held { pending, number, qos }));
        let verdict = self.inbox.arrive(payload, qos.bits(), at, self.is_marked);
        self.judge(verdict);
    }

    fn topic<S: Memory>(&mut self, mqtt: &Connection<S>, topic: &Topic<'_>) {
        if matches!(topic, Topic::Alias(_)) {
            self.act(Feature::AliasIn);
        }
        self.is_marked = matches!(topic, Topic::Invalid(bytes) if bytes.is_empty() || is_bad(bytes));
        if self.is_marked && mqtt.limits().on_bad_topic == OnBadTopic::Deliver {
            return self.act(Feature::Deliver);
        }
        let name = mqtt.topic(topic).map(|name| name.as_str().to_owned());
        if !name.as_ref().is_some_and(|name| name.starts_with("d/")) {
            self.judge(Err(format!("a message arrived from {name:?}")));
        }
    }

    /// An alias stood for a name that is too long, which costs one link.
    fn forget_alias(&mut self) {
        if std::mem::replace(&mut self.has_forgotten_alias, true) {
            self.judge(Err("a second link ended because an alias stands for a name that is too long".into()));
        }
    }

    /// A message was thrown away.
    fn discarded<S: Memory>(&mut self, mqtt: &Connection<S>, discarded: &Discarded<'_>) {
        let limits = mqtt.limits();
        let is_right = match discarded.why {
            Discard::TooLong => {
                self.act(Feature::Discard);
                limits.on_too_long == OnTooLong::Discard && discarded.length > limits.inline_max.max(limits.stream_max)
            }
            _ => {
                let is_none = discarded.topic.is_empty() || is_bad(discarded.topic);
                limits.on_bad_topic == OnBadTopic::Discard && is_none
            }
        };
        self.inbox.told += u32::from(discarded.qos != QoS::AtMostOnce);
        if !is_right {
            self.judge(Err(format!("thrown away for no reason: {discarded:?}")));
        }
    }

    fn piece<S: Memory>(&mut self, mqtt: &Connection<S>, fragment: Fragment<'_>, qos: &mut QoS) {
        self.act(Feature::PiecesIn);
        if let Some(head) = &fragment.head {
            self.arriving = vec![head.qos.bits()];
            self.topic(mqtt, &head.topic);
        }
        if self.arriving.len() != fragment.offset as usize + 1 {
            self.judge(Err(format!("a piece is missing before {}", fragment.offset)));
        }
        self.arriving.extend_from_slice(fragment.payload);
        if fragment.is_last {
            let bytes = std::mem::take(&mut self.arriving);
            *qos = QoS::from_bits(bytes.first().copied().unwrap_or(0)).unwrap_or_default();
            self.arrive(mqtt, bytes.get(1..).unwrap_or_default(), *qos, fragment.ack);
        }
    }
}

impl<S: Memory> hosts::App<S> for App {
    fn event(&mut self, mqtt: &mut Connection<S>, now: Instant, event: Event<'_>) {
        self.say(|| format!("    event {event:?}"));
        match event {
            Event::ConnAck(connack) if connack.is_accepted() => self.connected(mqtt, &connack),
            Event::Message(message) => {
                self.topic(mqtt, &message.topic);
                self.arrive(mqtt, message.payload, message.qos, message.ack);
            }
            Event::Discarded(discarded) => self.discarded(mqtt, &discarded),
            Event::Fragment(fragment) => self.piece(mqtt, fragment, &mut QoS::AtMostOnce),
            Event::PubAck(ack) | Event::PubRec(ack) | Event::PubComp(ack) => self.end(&ack),
            Event::SubAck(answer) | Event::UnsubAck(answer) => {
                if self.ledger.requests.get(&answer.handle).is_some_and(|(is_extra, _)| *is_extra) {
                    self.act(Feature::Requests);
                }
                let verdict = self.ledger.end(answer.handle, End::Done, self.now);
                self.judge(verdict);
            }
            Event::Auth(auth) if auth.reason.0 == 0x18 => {
                let properties = [Property::AuthenticationMethod(METHOD), Property::AuthenticationData(b"x")];
                let answer = mqtt.authenticate(now, &Auth::continue_with(&properties[..]));
                self.say(|| format!("    authenticate: {answer:?}"));
            }
            _ => {}
        }
    }

    fn outcome(&mut self, outcome: Outcome) {
        self.say(|| format!("    {outcome:?}"));
        // A subscription that nobody answered is made again.
        self.wants_subscription |= outcome.command == Command::Subscribe;
        let verdict = self.ledger.end(outcome.handle, End::Outcome(outcome.cause), self.now);
        self.judge(verdict);
        if outcome.cause == Cause::SessionLost {
            self.act(Feature::Abort);
        }
    }

    fn fail(&mut self, error: ConnectionError) {
        self.say(|| format!("    the link ends: {error:?}"));
        if self.failures.last() == Some(&error) {
            return;
        }
        self.failures.push(error);
        match error {
            ConnectionError::Protocol(Violation::UnknownSession) | ConnectionError::UnknownSession => {
                self.must_start_clean = true;
                if !self.refuses_unknown {
                    self.judge(Err("the link ended because the server knows the session".into()));
                }
            }
            ConnectionError::TooLong { packet: PacketType::Publish, .. } if self.discards => {
                self.judge(Err(format!(
                    "a message that is too long is thrown away, and the link ended with {error:?}"
                )));
            }
            ConnectionError::Protocol(Violation::ReceiveMaximumExceeded) => {}
            // A limit of this side's: see `Limits::topic_alias_maximum`.
            ConnectionError::Protocol(Violation::ForgottenTopicAlias) if self.alias_fits < LONG_NAME => {
                self.forget_alias();
            }
            ConnectionError::Protocol(Violation::PacketIdInUse) if self.confused_sid == self.link_sid => {}
            ConnectionError::Malformed(_) | ConnectionError::Protocol(_) => {
                self.judge(Err(format!("the server keeps to the standard, and the link ended with {error:?}")));
            }
            _ => {}
        }
    }

    fn supply(&mut self, wanted: &PayloadRequest, most: usize) -> Vec<u8> {
        self.act(Feature::StreamedOut);
        let Some(number) = self.ledger.number(wanted.handle) else {
            self.judge(Err(format!("a payload is wanted of {:?}, which was never given", wanted.handle)));
            return vec![0; most.min(wanted.remaining as usize)];
        };
        let length = self.ledger.sent[number as usize].spec.length;
        let (start, left) = (wanted.offset as usize, wanted.remaining as usize);
        if start + left != length {
            self.judge(Err(format!("{wanted:?} of message {number}, which has {length} bytes")));
        }
        payload_of(number, length).into_iter().skip(start).take(most.min(left)).collect()
    }

    fn save(&mut self, mqtt: &mut Connection<S>) -> bool {
        self.disk.save(mqtt)
    }
}
