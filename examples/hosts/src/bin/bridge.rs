//! A bridge between two brokers, over TCP and MQTT 5.0, in one thread with mio.
//!
//! A message is acknowledged on one side only when the other side has it. So no broker drops a message before the other one has it, whichever of the two is restarted. Receive
//! Maximum limits the number of messages in transit; the rest stays queued at its broker.
//!
//! On Ctrl-C or SIGTERM the bridge finishes messages in transit and disconnects. Both brokers keep its session and the messages that it has not acknowledged.
#![cfg(unix)]

use std::process::ExitCode;

use mio::{Events, Poll, Registry, Token};
use pure_mqtt::subscriptions::{HeapList, Subscriptions};
use pure_mqtt::{
    Ack, Cause, Connect, Disconnect, Event, Instant, Limits, Message, PendingAck, Property, QoS, ReasonCode,
    SessionState, Version,
};
use pure_mqtt_hosts::clock::{Clock, earlier};
use pure_mqtt_hosts::failure::{Failure, check, exit};
use pure_mqtt_hosts::ledger::Ledger;
use pure_mqtt_hosts::route::{Route, args};
use pure_mqtt_hosts::uplink::{Uplink, resolve, wait};
use pure_mqtt_hosts::{LONGEST_PACKET, Mqtt, signals};

/// Milliseconds that may pass between the signal and the end.
const DRAIN_PATIENCE: u64 = 5_000;
/// A day, in seconds: so long each broker keeps what it has for a bridge that is away.
const SESSION: &[Property<'_>] = &[Property::SessionExpiryInterval(86_400)];
/// So many messages may be on their way in each direction. Not more than `max_inflight_messages` of a mosquitto 2.0, by default 20: when it is restarted it
/// forgets how far those beyond had come, and sends them anew.
const WINDOW: u16 = 20;

const LIMITS: Limits = Limits {
    version: Version::V5,
    manual_acks: true,
    receive_maximum: WINDOW,
    max_inflight: WINDOW,
    refuse_offline_qos0: true, // nobody waits for them, and they would fill the memory
    inline_max: LONGEST_PACKET as u32,
    ..Limits::DEFAULT
};

/// Beside the two sides, 0 and 1.
const SIGNAL: Token = Token(2);

fn main() -> ExitCode {
    exit("bridge", run())
}

fn run() -> Result<(), Failure> {
    let Some(options) = args::parse()? else { return Ok(()) };
    let clock = Clock::start();
    let [left, right] = [0, 1].map(|side| Uplink::new(LIMITS, Token(side), clock.now()));
    let mut bridge = Bridge {
        left: Side::new("left", left, &options.left, &options, options.outward()?),
        right: Side::new("right", right, &options.right, &options, options.inward()?),
        clock,
        give_up: None,
    };
    bridge.run()
}

struct Bridge<'a> {
    left: Side<'a>,
    right: Side<'a>,
    clock: Clock,
    /// The bridge was told to leave: when it does so, come what may.
    give_up: Option<Instant>,
}

impl Bridge<'_> {
    fn run(&mut self) -> Result<(), Failure> {
        let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(16));
        let _signals = signals::watch(poll.registry(), SIGNAL)?;
        loop {
            self.turn(poll.registry())?;
            let (left, right) = (&mut self.left, &mut self.right);
            if left.uplink.is_over() && right.uplink.is_over() {
                return Ok(());
            }
            let deadline = earlier(earlier(left.uplink.next_deadline(), right.uplink.next_deadline()), self.give_up);
            wait(&mut poll, &mut events, deadline.map(|deadline| self.clock.until(deadline)))?;
            // Which side has changed doesn't matter: both are served. What one has received the other has to send.
            if events.iter().any(|event| event.token() == SIGNAL) && self.give_up.is_none() {
                self.give_up = Some(self.clock.now().after_millis(DRAIN_PATIENCE));
                (left.is_stopped, right.is_stopped) = (true, true);
            }
        }
    }

    /// Serves both sides until neither has anything to do.
    fn turn(&mut self, registry: &Registry) -> Result<(), Failure> {
        let Self { left, right, clock, give_up } = self;
        let now = clock.now();
        loop {
            if left.turn(right, registry, now)? | right.turn(left, registry, now)? {
                continue;
            }
            let is_drained = left.ledger.is_empty() && right.ledger.is_empty();
            let leaves = give_up.is_some_and(|end| is_drained || end <= now);
            let goodbye = Disconnect::default(); // the sessions go on
            if !leaves || !(left.uplink.leave(now, &goodbye)? | right.uplink.leave(now, &goodbye)?) {
                return Ok(());
            }
        }
    }
}

struct Side<'a> {
    name: &'static str,
    uplink: Uplink,
    address: &'a str,
    connect: Connect<'a>,
    subscriptions: Subscriptions<HeapList>,
    /// Where messages from here go.
    route: Route,
    /// What is being published here, and owed to the other side.
    ledger: Ledger,
    /// Carries nothing more to the other side. What is not acknowledged stays with the broker.
    is_stopped: bool,
}

impl<'a> Side<'a> {
    /// The session is the one that an earlier run has left behind, if it has left in order.
    fn new(name: &'static str, mut uplink: Uplink, address: &'a str, options: &'a args::Options, route: Route) -> Self {
        uplink.mqtt.adopt_session();
        let subscriptions = route.subscriptions();
        let connect = Connect::new(Version::V5, &options.id).clean_start(false).keep_alive(options.keep_alive);
        let connect = connect.properties(SESSION);
        Self { name, uplink, address, connect, subscriptions, route, ledger: Ledger::default(), is_stopped: false }
    }

    /// Does all there is to do, and publishes on the `other` side what comes here. True if there was anything to do.
    fn turn(&mut self, other: &mut Self, registry: &Registry, now: Instant) -> Result<bool, Failure> {
        match self.serve(other, registry, now) {
            Err(failure) if failure.is_passing() => {
                let delay = self.uplink.retry(now);
                eprintln!("bridge: {}: {failure}; connecting again in {delay} ms", self.name);
                Ok(false)
            }
            result => result,
        }
    }

    fn serve(&mut self, other: &mut Self, registry: &Registry, now: Instant) -> Result<bool, Failure> {
        if self.uplink.is_due(now) {
            self.uplink.connect(now, registry, resolve(self.address)?, &self.connect)?;
        }
        while let Some(outcome) = self.uplink.mqtt.poll_outcome() {
            self.subscriptions.on_outcome(&outcome);
            let is_well = matches!(outcome.cause, Cause::Released | Cause::Expired);
            let reason = if is_well { ReasonCode::SUCCESS } else { ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR };
            acknowledge(self.ledger.settle(outcome.handle), reason, &mut other.uplink.mqtt, now);
        }
        self.subscriptions.sync(now, &mut self.uplink.mqtt);
        check(&self.subscriptions)?;
        self.uplink.turn(now, |mqtt, event| {
            self.subscriptions.on_event(&event);
            match event {
                Event::ConnAck(connack) if connack.is_accepted() && connack.session != SessionState::Resumed => {
                    other.ledger.forget_ids(); // it gives the identifiers to other messages
                }
                Event::PubAck(_) | Event::PubRec(_) | Event::PubComp(_) => {
                    if let Some(end) = event.final_result() {
                        let reason = if end.is_success { ReasonCode::SUCCESS } else { end.reason };
                        acknowledge(self.ledger.settle(end.handle), reason, &mut other.uplink.mqtt, now);
                    }
                }
                // When it is stopped messages are not acknowledged: they come again the next time.
                Event::Message(message) if !self.is_stopped => other.publish(message, &self.route, mqtt, now),
                _ => {}
            }
        })
    }

    /// Publishes here what came from the other side. It is acknowledged there when that is done; or at once if it is not to be carried.
    fn publish(&mut self, message: Message<'_>, route: &Route, from: &mut Mqtt, now: Instant) {
        if message.qos == QoS::AtLeastOnce && message.dup && self.ledger.knows(message.id) {
            return self.ledger.renew(message.id, message.ack); // it isn't published twice because a link was lost
        }
        match (route.publish(now, &message, from, &mut self.uplink.mqtt), message.ack) {
            (Ok(Some(delivery)), Some(pending)) => self.ledger.add(&delivery, message.id, pending),
            (Ok(None), owed) => acknowledge(owed, ReasonCode::SUCCESS, from, now),
            (Err(error), owed @ Some(_)) => {
                eprintln!("bridge: {error}");
                acknowledge(owed, ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR, from, now);
            }
            (_, None) => {} // QoS 0: whatever became of it
        }
    }
}

/// Says where a message came from that it was taken over, or that it was refused. Nothing is owed for one at QoS 0.
fn acknowledge(owed: Option<PendingAck>, reason: ReasonCode, from: &mut Mqtt, now: Instant) {
    let Some(pending) = owed else { return };
    let ack = if reason.is_error() {
        eprintln!("bridge: a message was refused: {reason}");
        Ack::new(ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR)
    } else {
        Ack::SUCCESS
    };
    let _ = from.acknowledge(now, pending, &ack); // if that comes too late for its link, the message comes again
}
