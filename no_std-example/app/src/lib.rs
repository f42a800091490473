//! What the board does, whatever the transport is: it publishes readings, and answers commands.
//!
//! [`App`] owns no clock and no UART. A host gives it bytes and the time, and takes bytes: see the firmwares `uart` and `embassy`.

#![no_std]

mod command;
mod counts;

use core::fmt::{self, Write as _};

use heapless::{Deque, String};
use pure_mqtt::{
    Ack, Backoff, ConnAck, Connect, Connection, Disconnect, Event, Fixed, Instant, Limits, Message, Property, Publish,
    QoS, ReasonCode, Received, RxBuffer, SessionState, Subscribe, Subscription, TopicFilter, TopicName, Transmit,
    Version,
};

use crate::command::Command;
pub use crate::counts::Counts;

/// The connection: 2 kB for what is on its way to the server, 16 such packets, 32 messages from the server that are not finished.
pub type Mqtt = Connection<Fixed<2048, 16, 32, 128>>;

/// The longest packet from the server.
pub const PACKET: usize = 256;

/// An empty connection. All zeros, so that a `static` one takes RAM and no flash.
pub const FRESH: Mqtt = Mqtt::new(Fixed::new(), Limits::DEFAULT);

/// A line for whoever watches the board.
pub type Tell = fn(fmt::Arguments<'_>);

const VERSION: Version = if cfg!(feature = "v5") { Version::V5 } else { Version::V311 };

const CLIENT_ID: &str = "board-7";
const COMMANDS: TopicFilter<'_> = TopicFilter::from_static("board-7/command");
const ANSWERS: &str = "board-7/answer";
const REPORT: TopicName<'_> = TopicName::from_static("board-7/report");

/// Each quality of service with the topic of its readings.
const READINGS: [(QoS, TopicName<'_>); 3] = [
    (QoS::AtMostOnce, TopicName::from_static("board-7/reading/0")),
    (QoS::AtLeastOnce, TopicName::from_static("board-7/reading/1")),
    (QoS::ExactlyOnce, TopicName::from_static("board-7/reading/2")),
];

/// Milliseconds between two readings.
const INTERVAL: u64 = 20;

/// Readings pause while so many packets are unfinished: the other slots are for answers.
const CROWDED: usize = 8;

/// Seconds. Short, since a cut UART shows itself by silence alone.
const KEEP_ALIVE: u16 = 2;

/// What a serial line needs: nothing tells the board that the line is cut, so silence must be noticed soon.
const LIMITS: Limits = Limits {
    version: VERSION,
    inline_max: PACKET as u32,
    manual_acks: true,
    connack_timeout: 3_000,
    pingresp_timeout: 1_000,
    ..Limits::DEFAULT
};

/// Where the program stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Readings and answers.
    Working,
    /// The command `stop` came: the report is still to be published.
    Stopping,
    /// The report is on its way; when nothing is unfinished any more, the link is ended.
    Leaving,
}

/// The program. A host calls [`open`](Self::open), then in turn [`room`](Self::room) and [`received`](Self::received),
/// [`work`](Self::work), [`transmit`](Self::transmit), and at the end [`close`](Self::close).
pub struct App<'a> {
    mqtt: &'a mut Mqtt,
    rx: &'a mut RxBuffer<PACKET>,
    /// Commands that have not been answered yet.
    inbox: Deque<Command, 32>,
    /// The server has our subscription.
    is_subscribed: bool,
    next_reading: Instant,
    backoff: Backoff,
    phase: Phase,
    counts: Counts,
    tell: Tell,
}

impl<'a> App<'a> {
    /// A program that has just been started.
    pub fn new(mqtt: &'a mut Mqtt, rx: &'a mut RxBuffer<PACKET>, tell: Tell) -> Self {
        mqtt.set_limits(LIMITS);
        Self {
            mqtt,
            rx,
            inbox: Deque::new(),
            is_subscribed: false,
            next_reading: Instant::from_millis(0),
            backoff: Backoff::new(2_400, 10_000), // the least delay, half of the first step, gives the line time to come back
            phase: Phase::Working,
            counts: Counts::default(),
            tell,
        }
    }

    /// The line may be up: says CONNECT.
    pub fn open(&mut self, now: Instant) {
        let properties = [Property::SessionExpiryInterval(3600)];
        let connect =
            Connect::new(VERSION, CLIENT_ID).clean_start(false).keep_alive(KEEP_ALIVE).properties(&properties);
        self.counts.links += 1;
        if let Err(error) = self.mqtt.open(now, &connect) {
            (self.tell)(format_args!("link {} cannot be opened: {error:?}", self.counts.links));
        }
    }

    /// Where the host puts the bytes that it reads.
    pub fn room(&mut self) -> &mut [u8] {
        self.rx.room()
    }

    /// The host has put `count` bytes there.
    pub fn received(&mut self, count: usize) {
        self.rx.filled(count);
    }

    /// Everything that can be done now. False when the link is over and its last bytes are out.
    pub fn work(&mut self, now: Instant) -> bool {
        self.take_packets(now);
        let _ = self.mqtt.handle_timeout(now); // after an error `should_close` says the rest
        self.answer_commands(now);
        self.publish_readings(now);
        self.leave(now);
        while let Some(outcome) = self.mqtt.poll_outcome() {
            self.is_subscribed &= outcome.command != pure_mqtt::Command::Subscribe;
            (self.tell)(format_args!("ended without an answer: {:?}, {:?}", outcome.command, outcome.cause));
        }
        !self.mqtt.should_close()
    }

    /// What waits for the line.
    pub fn transmit(&mut self, now: Instant) -> Transmit<'_> {
        self.mqtt.transmit(now)
    }

    /// Both at once, for a host that reads and writes at the same time.
    pub fn ports(&mut self, now: Instant) -> (&mut [u8], Transmit<'_>) {
        (self.rx.room(), self.mqtt.transmit(now))
    }

    /// When [`work`](Self::work) has something to do even if no byte comes.
    pub fn wakes_at(&self) -> Instant {
        let timeout = self.mqtt.poll_timeout().unwrap_or(self.next_reading);
        timeout.min(self.next_reading)
    }

    /// The link is over. For so many milliseconds the host throws away whatever the line still has, then it opens the next link.
    pub fn close(&mut self, now: Instant, random: u32) -> u32 {
        (self.tell)(format_args!("link {} is over: {:?}", self.counts.links, self.mqtt.close_reason()));
        #[cfg(feature = "defmt")]
        defmt::info!("link {} is over: {}", self.counts.links, self.mqtt.close_reason());
        self.mqtt.handle_close(now);
        self.rx.clear();
        self.backoff.next_delay(random)
    }

    /// The command `stop` was carried out, and nothing is unfinished.
    pub fn is_done(&self) -> bool {
        self.phase == Phase::Leaving && self.mqtt.is_idle()
    }

    /// Takes whole packets out of the buffer.
    fn take_packets(&mut self, now: Instant) {
        loop {
            let Self { mqtt, rx, .. } = self;
            // The event borrows the buffer, not the connection.
            let (consumed, fact) = match mqtt.handle_input(now, rx.bytes()) {
                Ok(Received::Packet { consumed, event }) => (consumed, event.map(|event| Fact::of(mqtt, event))),
                Ok(Received::Partial { .. } | Received::Blocked) | Err(_) => return,
            };
            rx.consume(consumed);
            match fact {
                Some(Fact::Up(session)) => self.on_connected(now, session),
                Some(Fact::Subscribed) => self.is_subscribed = true,
                Some(Fact::Finished) => self.counts.finished += 1,
                Some(Fact::Command(command)) => self.keep(command),
                Some(Fact::Unreadable) => self.counts.unreadable += 1,
                Some(Fact::Other) | None => {}
            }
        }
    }

    fn on_connected(&mut self, now: Instant, session: SessionState) {
        (self.tell)(format_args!("link {} is up: {session:?}", self.counts.links));
        #[cfg(feature = "defmt")]
        defmt::info!("link {} is up: {}", self.counts.links, session);
        self.backoff.reset();
        self.is_subscribed &= matches!(session, SessionState::Resumed);
        if self.is_subscribed {
            return;
        }
        let filters = [Subscription::new(COMMANDS, QoS::ExactlyOnce)];
        if let Err(error) = self.mqtt.subscribe(now, &Subscribe::new(&filters)) {
            (self.tell)(format_args!("cannot subscribe: {error:?}"));
        }
    }

    /// A command waits for its answer. The queue takes as many as the connection holds unacknowledged; a further one at QoS 0 is lost.
    fn keep(&mut self, command: Command) {
        if self.inbox.push_back(command).is_err() {
            self.counts.unreadable += 1;
        }
    }

    /// Answers first, acknowledges then: a command is the server's until its answer is safe in our queue.
    fn answer_commands(&mut self, now: Instant) {
        while let Some(command) = self.inbox.front() {
            if !self.mqtt.is_connected() {
                return;
            }
            match command.answer(ANSWERS) {
                Some(answer) if self.mqtt.publish(now, &answer).is_err() => return, // no room: later
                _ => {}
            }
            let Some(command) = self.inbox.pop_front() else { return };
            self.counts.commands += 1;
            if command.text == b"stop" && self.phase == Phase::Working {
                self.phase = Phase::Stopping;
            }
            if let Some(ack) = command.ack {
                // Stale at QoS 1 after a cut: then the server delivers it again.
                let _ = self.mqtt.acknowledge(now, ack, &Ack::SUCCESS);
            }
        }
    }

    fn publish_readings(&mut self, now: Instant) {
        if now < self.next_reading {
            return;
        }
        self.next_reading = now.after_millis(INTERVAL);
        if self.phase != Phase::Working || !self.is_subscribed || self.mqtt.pending() >= CROWDED {
            return;
        }
        let total: u32 = self.counts.readings.iter().sum();
        let kind = total as usize % READINGS.len();
        let (Some((qos, topic)), Some(count)) = (READINGS.get(kind), self.counts.readings.get_mut(kind)) else {
            return;
        };
        let mut text = String::<32>::new();
        let _ = write!(text, "{} {}.{}", *count, 20 + total / 10 % 10, total % 10); // its number, and degrees
        let reading = Publish::new(*topic, text.as_bytes()).qos(*qos);
        *count += u32::from(self.mqtt.publish(now, &reading).is_ok());
    }

    /// After `stop`: the report, and when all is done the farewell.
    fn leave(&mut self, now: Instant) {
        if self.phase == Phase::Stopping && self.inbox.is_empty() {
            let mut text = String::<128>::new();
            let _ = write!(text, "{}", self.counts);
            let report = Publish::new(REPORT, text.as_bytes()).qos(QoS::ExactlyOnce);
            if self.mqtt.publish(now, &report).is_ok() {
                self.phase = Phase::Leaving;
            }
        }
        if self.is_done() && self.mqtt.is_connected() {
            let _ = self.mqtt.disconnect(now, &Disconnect::new(ReasonCode::NORMAL_DISCONNECTION));
        }
    }
}

/// What an event means to this program, without the bytes it came in.
enum Fact {
    Up(SessionState),
    Subscribed,
    Finished,
    Command(Command),
    /// A message that is no command: too long, or to a topic that was not subscribed to.
    Unreadable,
    Other,
}

impl Fact {
    fn of(mqtt: &mut Mqtt, event: Event<'_>) -> Self {
        match event {
            Event::ConnAck(ConnAck { reason, session, .. }) if !reason.is_error() => Self::Up(session),
            Event::SubAck(answer) if answer.reasons().all(|reason| !reason.is_error()) => Self::Subscribed,
            Event::PubAck(_) | Event::PubComp(_) => Self::Finished,
            Event::Message(message) => Self::of_message(mqtt, message),
            _ => Self::Other,
        }
    }

    fn of_message(mqtt: &mut Mqtt, message: Message<'_>) -> Self {
        let is_command = mqtt.topic(&message.topic).is_some_and(|topic| COMMANDS.matches(topic));
        match Command::new(message) {
            Some(command) if is_command => Self::Command(command),
            _ => Self::Unreadable,
        }
    }
}
