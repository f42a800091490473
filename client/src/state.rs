//! What all handles of a client share under one lock: the engine, its books, and what the handles want of the loop.

use pure_mqtt::wire::Violation;
use pure_mqtt::{
    ClientId, Connection, ConnectionError, Event, Heap, Instant, Limits, OpenError, ReasonCode, SessionState, Version,
};

use crate::callbacks::LogLevel;
use crate::clock::{Clock, random};
use crate::deliveries::Deliveries;
use crate::error::LinkEnd;
use crate::notice::Notice;
use crate::options::{CleanStart, Options, Speech};
use crate::receipts::Receipts;
use crate::requests::Requests;
use crate::ticket::Mid;
use crate::wishes::Wishes;

pub(crate) struct State {
    pub(crate) engine: Connection<Heap>,
    pub(crate) options: Options,
    pub(crate) deliveries: Deliveries,
    pub(crate) requests: Requests,
    pub(crate) receipts: Receipts,
    pub(crate) wishes: Wishes,
    clock: Clock,
    /// The random client identifier, where an empty one didn't do.
    client_id: Option<ClientId>,
    /// The next link starts without the earlier session, whatever the options say.
    is_clean: bool,
    /// The server has accepted the present link.
    is_accepted: bool,
    /// What the server said when it ended the link.
    farewell: Option<LinkEnd>,
    latest_mid: u64,
    /// What is to be told to the log.
    lines: Vec<(LogLevel, String)>,
}

/// How the next link is to be made.
pub(crate) enum Next {
    /// At once: with another version or client identifier, say.
    Now,
    /// After a while.
    Later,
}

impl State {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            engine: Connection::new(Heap::new(), options.limits),
            options,
            deliveries: Deliveries::default(),
            requests: Requests::default(),
            receipts: Receipts::default(),
            wishes: Wishes::default(),
            clock: Clock::new(),
            client_id: None,
            is_clean: false,
            is_accepted: false,
            farewell: None,
            latest_mid: 0,
            lines: Vec::new(),
        }
    }

    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// When the engine wants to be woken.
    pub(crate) fn deadline(&self) -> Option<std::time::Instant> {
        self.clock.when(self.engine.poll_timeout()?)
    }

    pub(crate) fn next_mid(&mut self) -> Mid {
        self.latest_mid += 1;
        Mid(self.latest_mid)
    }

    /// Notes a line for the log; the loop tells it.
    pub(crate) fn say(&mut self, level: LogLevel, line: String) {
        self.lines.push((level, line));
    }

    pub(crate) fn take_lines(&mut self) -> Vec<(LogLevel, String)> {
        std::mem::take(&mut self.lines)
    }

    /// The program has asked for a link: the first one may have to be clean.
    pub(crate) fn begin(&mut self) {
        self.is_clean |= self.options.clean_start == CleanStart::First;
    }

    /// A transport is up: CONNECT is to be sent.
    pub(crate) fn open(&mut self) -> Result<(), OpenError> {
        let now = self.now();
        let mut connect = self.options.connect()?;
        connect.version = match &self.options.speech {
            Speech::Only(version) => *version,
            Speech::Downwards(fallback) => fallback.version(),
        };
        connect.bridge = self.options.bridge && connect.version != Version::V5;
        connect.clean_start = self.is_clean || self.options.clean_start == CleanStart::Always;
        if connect.client_id.is_empty() && connect.version == Version::V31 {
            self.client_id.get_or_insert_with(random_id);
        }
        if let Some(id) = self.client_id.as_ref().filter(|_| connect.client_id.is_empty()) {
            connect.client_id = id.as_str();
        }
        self.engine.set_limits(Limits { version: connect.version, ..self.options.limits });
        (self.is_accepted, self.farewell) = (false, None);
        self.engine.open(now, &connect)
    }

    /// Takes note of an event, and says what is to be told of it.
    pub(crate) fn take_note<'i>(&mut self, event: Event<'i>) -> Option<Notice<'i>> {
        self.requests.on_event(&event);
        if let Speech::Downwards(fallback) = &mut self.options.speech {
            fallback.on_event(&event);
        }
        match event {
            Event::ConnAck(connack) => {
                self.on_session(connack.session);
                Some(Notice::Connected(connack))
            }
            Event::Message(message) => {
                let topic = self.engine.topic(&message.topic)?.as_str();
                Some(Notice::message(message, topic, &mut self.receipts))
            }
            Event::PubAck(answer) | Event::PubRec(answer) => {
                self.deliveries.acknowledge(&answer).map(Notice::Published)
            }
            Event::PubComp(answer) => self.deliveries.complete(&answer).map(Notice::Published),
            Event::Auth(auth) => Some(Notice::Auth(auth)),
            Event::Discarded(discarded) => {
                let topic = String::from_utf8_lossy(discarded.topic);
                let (length, qos) = (discarded.length, discarded.qos);
                self.say(
                    LogLevel::Warning,
                    format!("a message to {topic:?} ({length} bytes, {qos}) was thrown away: {}", discarded.why),
                );
                None
            }
            Event::Disconnect(disconnect) => {
                self.farewell = Some(LinkEnd::ServerDisconnect {
                    reason: disconnect.reason,
                    explanation: disconnect.properties.reason_string().map(Into::into),
                    server_reference: disconnect.properties.server_reference().map(Into::into),
                });
                None
            }
            _ => None,
        }
    }

    fn on_session(&mut self, session: SessionState) {
        self.say(LogLevel::Info, format!("the server has answered: {session:?}"));
        if session == SessionState::Untouched {
            return;
        }
        (self.is_accepted, self.is_clean) = (true, false);
        if session != SessionState::Resumed {
            self.receipts.session_ended();
        }
    }

    /// Asks the server for subscriptions that are missing.
    pub(crate) fn sync(&mut self) {
        let now = self.now();
        self.requests.sync(now, &mut self.engine);
    }

    /// Takes note of what ended without a packet.
    pub(crate) fn take_outcomes(&mut self) {
        self.deliveries.left(self.engine.left());
        while let Some(outcome) = self.engine.poll_outcome() {
            self.deliveries.on_outcome(&outcome);
            self.requests.on_outcome(&outcome);
        }
    }

    /// Whether the server has accepted the present or the last link.
    pub(crate) fn is_accepted(&self) -> bool {
        self.is_accepted
    }

    /// Why the engine has ended the link.
    pub(crate) fn end_of_link(&mut self) -> LinkEnd {
        match self.engine.close_reason() {
            ConnectionError::Disconnected => LinkEnd::Disconnected,
            reason => self.farewell.take().unwrap_or(LinkEnd::Mqtt(reason)),
        }
    }

    /// The transport is gone.
    pub(crate) fn link_ended(&mut self) -> Next {
        let (now, reason) = (self.now(), self.engine.close_reason());
        if !self.is_accepted {
            self.requests.doubt_session();
        }
        let has_other_version = match &mut self.options.speech {
            Speech::Only(_) => false,
            Speech::Downwards(fallback) => fallback.link_ended(reason),
        };
        let is_cured = self.cure(reason);
        self.engine.closed(now);
        self.receipts.link_ended();
        self.take_outcomes();
        if has_other_version || is_cured { Next::Now } else { Next::Later }
    }

    /// Does something about a refusal that would come again and again.
    fn cure(&mut self, reason: ConnectionError) -> bool {
        match reason {
            ConnectionError::Refused(ReasonCode::CLIENT_IDENTIFIER_NOT_VALID) if self.client_id.is_none() => {
                let is_nameless = self.options.connect().is_ok_and(|connect| connect.client_id.is_empty());
                self.client_id = is_nameless.then(random_id);
                is_nameless
            }
            ConnectionError::Protocol(Violation::UnknownSession) => !std::mem::replace(&mut self.is_clean, true),
            _ => false,
        }
    }
}

fn random_id() -> ClientId {
    ClientId::from_random(u128::from(random()) << 64 | u128::from(random()))
}
