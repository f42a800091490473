//! The state that all handles of a client share under one lock: the agent, the waiting callers, and the requests of the handles.

use std::collections::VecDeque;
use std::time::SystemTime;

use pure_mqtt::{Connection, Heap, Instant, Limits, OpenError, Version};
use pure_mqtt_agent::{
    Agent, Event, Incoming, LinkEnd as AgentEnd, Qos0Queue, Realm, Receiver, RecoverError, Server as AgentServer,
    Ticket, Wake,
};
use pure_mqtt_net::Server;

use crate::ack_tokens::AckTokens;
use crate::bells::Bells;
use crate::callbacks::LogLevel;
use crate::clock::{Clock, random};
use crate::deliveries::Deliveries;
use crate::durable::Storage;
use crate::error::LinkEnd;
use crate::intent::Intent;
use crate::message::Received;
use crate::notification::{Notification, Packet};
use crate::options::{CleanStart, Options};
use crate::replies::Replies;
use crate::requests::{Answer, Requests};
use crate::ticket::{MessageInfo, Mid};

pub(crate) struct State {
    pub(crate) agent: Agent,
    pub(crate) options: Options,
    /// The agent's receiver for all messages of the callbacks.
    pub(crate) receiver: Receiver,
    pub(crate) deliveries: Deliveries,
    pub(crate) requests: Requests,
    pub(crate) ack_tokens: AckTokens,
    pub(crate) replies: Replies,
    pub(crate) bells: Bells,
    pub(crate) intent: Intent,
    /// The agent's servers: those set when the program last requested a link.
    pub(crate) servers: Vec<Server>,
    clock: Clock,
    /// The server's DISCONNECT, which explains the end of the link.
    farewell: Option<LinkEnd>,
    latest_mid: u64,
    /// Final results that are yet to be reported.
    ended: VecDeque<Notification>,
    /// The log, if there is one.
    pub(crate) storage: Option<Storage>,
    /// Unfinished messages from before the restart, with their tags.
    pub(crate) recovered: Vec<(MessageInfo, u64)>,
    /// The log continues a session: the first link has no clean start.
    goes_on: bool,
    /// Log lines that are yet to be reported.
    lines: Vec<(LogLevel, String)>,
}

impl State {
    pub(crate) fn new(options: Options) -> Self {
        let clock = Clock::new();
        let agent = Agent::new(options.for_agent(random(), false), clock.now(), wall());
        Self::with(options, clock, agent)
    }

    /// Restores the state of the client that wrote this log.
    pub(crate) fn recover(options: Options, log: &[u8]) -> Result<Self, RecoverError> {
        let clock = Clock::new();
        let (agent, _) = Agent::recover(options.for_agent(random(), false), clock.now(), wall(), log)?;
        Ok(Self { goes_on: !log.is_empty(), ..Self::with(options, clock, agent) })
    }

    fn with(options: Options, clock: Clock, mut agent: Agent) -> Self {
        let receiver = agent.receiver(options.acks(), Qos0Queue::DropOldest(u16::MAX));
        agent.set_default_receiver(Some(receiver));
        Self {
            agent,
            options,
            receiver,
            deliveries: Deliveries::default(),
            requests: Requests::default(),
            ack_tokens: AckTokens::default(),
            replies: Replies::default(),
            bells: Bells::default(),
            intent: Intent::default(),
            servers: Vec::new(),
            clock,
            farewell: None,
            latest_mid: 0,
            ended: VecDeque::new(),
            storage: None,
            recovered: Vec::new(),
            goes_on: false,
            lines: Vec::new(),
        }
    }

    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Returns the agent's deadline.
    pub(crate) fn deadline(&self) -> Option<std::time::Instant> {
        self.clock.when(self.agent.poll_timeout()?)
    }

    /// Returns the time until then, in milliseconds.
    pub(crate) fn millis_until(&self, at: Instant) -> u64 {
        at.millis_since(self.now())
    }

    pub(crate) fn next_mid(&mut self) -> Mid {
        self.latest_mid += 1;
        Mid(self.latest_mid)
    }

    /// Returns how many messages and requests the program has made.
    pub(crate) fn messages_accepted(&self) -> u64 {
        self.latest_mid
    }

    /// Adds a log line; the loop reports it.
    pub(crate) fn say(&mut self, level: LogLevel, line: String) {
        if level >= self.options.log_level {
            self.lines.push((level, line));
        }
    }

    pub(crate) fn take_lines(&mut self) -> Vec<(LogLevel, String)> {
        std::mem::take(&mut self.lines)
    }

    /// The program requests a link.
    pub(crate) fn begin(&mut self) {
        let now = self.now();
        self.configure();
        self.intent.has_left = false;
        let goes_on = std::mem::replace(&mut self.goes_on, self.storage.is_some());
        if self.options.clean_start_of(self.intent.servers.is_cluster) == CleanStart::First && !goes_on {
            self.agent.begin_anew();
        }
        self.agent.dial(now, None);
    }

    /// Stops dialling.
    pub(crate) fn stop_dialling(&mut self) {
        let now = self.now();
        self.agent.disconnect(now);
    }

    /// Passes changed options and servers to the agent.
    pub(crate) fn configure(&mut self) {
        let servers = &self.intent.servers;
        let mut options = self.options.for_agent(0, servers.is_cluster);
        let for_agent = |server: &Server| AgentServer {
            cluster: servers.is_cluster.then_some(0),
            is_secure: server.is_private(),
            ..AgentServer::in_realm(realm_of(server))
        };
        options.servers = servers.list.iter().map(for_agent).collect();
        self.servers.clone_from(&servers.list);
        self.agent.configure(|settings| *settings = options);
    }

    /// Finds the unfinished messages from before the restart.
    pub(crate) fn find_recovered(&mut self, client: u64) {
        let now = self.now();
        while let Some(event) = self.agent.step(now) {
            if let Event::Recovered { ticket, tag } = event {
                let mid = self.next_mid();
                self.recovered.push((self.deliveries.recover(client, mid, ticket), tag));
            }
        }
    }

    /// Passes pending records to the log, and reports to the agent which are durable.
    pub(crate) fn save(&mut self) {
        let now = self.now();
        if let Some(storage) = &mut self.storage {
            if let Some(error) = storage.save(&mut self.agent, now) {
                self.say(LogLevel::Error, error.to_string());
            }
        }
    }

    /// Starts a new snapshot of the log.
    pub(crate) fn compact(&mut self) {
        if let Some(storage) = &mut self.storage {
            storage.compact(&mut self.agent);
        }
    }

    /// Checks whether the options make a valid CONNECT.
    pub(crate) fn check_options(&self) -> Result<(), OpenError> {
        let mut connect = self.options.connect()?;
        connect.version = self.options.version_now();
        if connect.client_id.is_empty() && connect.version == Version::V31 {
            connect.client_id = "x"; // a random one will be used
        }
        let mut trial = Connection::new(Heap::new(), Limits { version: connect.version, ..self.options.limits });
        trial.open(self.now(), &connect)
    }

    /// Runs one step of the agent: processes at most one packet, and returns at most one notification.
    pub(crate) fn step(&mut self, now: std::time::Instant) -> Step {
        let now = self.clock.at(now);
        let mut packet = None;
        let event = self.agent.step_with(now, |event| packet = Packet::of(event));
        // In 3.x the program does not see a link that only clears the old session.
        let is_hidden = |packet: &Packet| packet.is_accepted() && !matches!(event, Some(Event::LinkUp { .. }));
        let packet = packet.filter(|packet| !is_hidden(packet));
        let notice = packet.and_then(|packet| self.on_packet(packet));
        match event {
            Some(Event::Granted { receiver, .. } | Event::Denied { receiver, .. }) => self.bells.ring(receiver),
            Some(Event::LinkUp { .. }) => self.agent.set_acks(self.receiver, self.options.acks()),
            _ => {}
        }
        let message = self.agent.next(now, self.receiver);
        self.collect_ends(); // waiting threads need not wait for callbacks
        let has_ended = !self.ended.is_empty();
        let message = message.map(|message| Notification::Message(self.hand_out(message)));
        Step { notice, event, message, has_ended }
    }

    /// Returns whether another step would do something and no request of the program has priority.
    pub(crate) fn goes_on(&self) -> bool {
        self.agent.is_runnable() && self.intent.leave.is_none() && self.intent.dial.is_none()
    }

    /// Acknowledges the last message passed to a callback.
    pub(crate) fn acknowledge_last(&mut self) {
        let now = self.now();
        self.agent.finish(now, self.receiver);
    }

    /// Returns the next message of this queue.
    pub(crate) fn take_from(&mut self, queue: Receiver) -> Option<Received> {
        let message = self.agent.next(self.now(), queue)?;
        Some(self.hand_out(message))
    }

    fn hand_out(&mut self, mut message: Incoming) -> Received {
        let ack_token = message.ack.take().map(|token| self.ack_tokens.keep(&self.agent, token));
        Received::new(message, ack_token)
    }

    /// `disconnect` was called: ends the waits for results that can't arrive now.
    pub(crate) fn interrupt(&mut self) {
        self.intent.has_left = self.intent.dial.is_none();
        self.deliveries.interrupt();
        self.bells.ring_all();
        self.replies.ring_all();
    }

    /// Returns the content of a packet that the agent's events do not contain.
    fn on_packet(&mut self, packet: Packet) -> Option<Notification> {
        match packet {
            Packet::ConnAck(connack) => {
                self.farewell = None;
                self.say(LogLevel::Info, format!("the server has answered: {:?}", connack.session));
                Some(Notification::Connected(connack))
            }
            Packet::Acknowledged(ticket, properties) => {
                self.deliveries.keep_properties(ticket, properties);
                None
            }
            Packet::Auth(reason, properties) => Some(Notification::Auth(reason, properties)),
            Packet::Discarded(line) => {
                self.say(LogLevel::Warning, line);
                None
            }
            Packet::Disconnect { reason, explanation, server_reference } => {
                self.farewell = Some(LinkEnd::ServerDisconnect { reason, explanation, server_reference });
                None
            }
        }
    }

    /// Passes final results to waiting threads. The loop reports them to the program.
    pub(crate) fn collect_ends(&mut self) {
        while let Some(wake) = self.agent.poll_wake() {
            match wake {
                Wake::Ticket(ticket) => {
                    let notice = self.end(ticket);
                    self.ended.extend(notice);
                }
                Wake::Receiver(queue) => self.bells.ring(queue),
                _ => {}
            }
        }
    }

    /// Returns the next final result to report.
    pub(crate) fn next_end(&mut self) -> Option<Notification> {
        self.collect_ends();
        self.ended.pop_front()
    }

    fn end(&mut self, ticket: Ticket) -> Option<Notification> {
        let end = self.agent.take_end(ticket)?;
        if self.replies.contains(ticket) {
            self.replies.ended(&mut self.agent, ticket, end);
            return None;
        }
        if let Some(ended) = self.deliveries.ended(ticket, end) {
            return Some(Notification::Published(ended));
        }
        let answer = self.requests.ended(&self.agent, ticket)?;
        Some(match answer {
            Answer::Subscribed(subscribed) => Notification::Subscribed(subscribed),
            Answer::Unsubscribed(mid) => Notification::Unsubscribed(mid),
        })
    }

    /// Converts the end of a link; `transport` is the error of its socket.
    pub(crate) fn end_of_link(&mut self, why: &AgentEnd, transport: Option<LinkEnd>) -> LinkEnd {
        match why {
            AgentEnd::Ours => LinkEnd::Disconnected,
            AgentEnd::Protocol(error) => LinkEnd::Mqtt(*error),
            AgentEnd::Server { reason, .. } => {
                self.farewell.take().unwrap_or(LinkEnd::Mqtt(pure_mqtt::ConnectionError::Refused(*reason)))
            }
            _ => transport.unwrap_or(LinkEnd::ClosedByServer),
        }
    }
}

/// Returns the seconds of the wall clock since 1970.
fn wall() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Returns the realm of a server: servers with the same address are one realm.
fn realm_of(server: &Server) -> Realm {
    Realm(server.site())
}

/// The result of one step of the agent.
pub(crate) struct Step {
    pub(crate) notice: Option<Notification>,
    pub(crate) event: Option<Event>,
    pub(crate) message: Option<Notification>,
    /// Messages or requests have final results to report.
    pub(crate) has_ended: bool,
}
