//! One side of the bridge: a connection to one broker, with the way back when it is lost.

use std::io::ErrorKind;
use std::net::{SocketAddr, ToSocketAddrs};

use mio::{Registry, Token};
use pure_mqtt::subscriptions::{HeapList, Subscriptions};
use pure_mqtt::{
    Backoff, Cause, Connect, Connection, ConnectionError, Disconnect, Event, Heap, Instant, Limits, Property,
    ReasonCode, SessionState, State, Version,
};
use pure_mqtt_hosts::failure::{Failure, check};
use pure_mqtt_hosts::nonblocking::Link;
use pure_mqtt_hosts::{LONGEST_PACKET, Mqtt, random};

use crate::ledger::Ledger;
use crate::options::Options;
use crate::route::Route;

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

pub struct Side {
    name: &'static str,
    token: Token,
    address: String,
    id: String,
    keep_alive: u16,
    mqtt: Mqtt,
    link: Option<Link>,
    backoff: Backoff,
    /// When to connect, if there is no link.
    dial: Option<Instant>,
    subscriptions: Subscriptions<HeapList>,
    /// Where messages from here go.
    route: Route,
    /// What is being published here.
    ledger: Ledger,
    is_stopped: bool,
}

impl Side {
    /// No link yet. The session is the one that an earlier run has left behind, if it has left in order.
    pub fn new(
        name: &'static str,
        token: Token,
        address: &str,
        options: &Options,
        route: Route,
        now: Instant,
    ) -> Result<Self, Failure> {
        let mut mqtt = Connection::new(Heap::new(), LIMITS);
        mqtt.adopt_session();
        let mut subscriptions = Subscriptions::default();
        for subscription in route.subscriptions() {
            let _ = subscriptions.subscribe(subscription); // a list on the heap is never full
        }
        Ok(Self {
            name,
            token,
            address: address.to_owned(),
            id: options.id.clone(),
            keep_alive: options.keep_alive,
            mqtt,
            link: None,
            backoff: Backoff::new(100, 30_000),
            dial: Some(now),
            subscriptions,
            route,
            ledger: Ledger::default(),
            is_stopped: false,
        })
    }

    /// When to look at this side, although its socket is quiet.
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.link.is_some() { self.mqtt.poll_timeout() } else { self.dial }
    }

    /// Carries nothing more to the other side. What is not acknowledged stays with the broker.
    pub fn stop(&mut self) {
        self.is_stopped = true;
    }

    /// Nothing is owed to the other side any more.
    pub fn is_drained(&self) -> bool {
        self.ledger.is_empty()
    }

    /// It was stopped, and has left.
    pub fn is_over(&self) -> bool {
        self.is_stopped && self.link.is_none() && self.dial.is_none()
    }

    /// Says DISCONNECT, or gives the link up if there is none, or if that was said already and does not get through. False if there is nothing to send.
    pub fn leave(&mut self, now: Instant) -> Result<bool, Failure> {
        if self.link.is_none() || self.mqtt.state() == State::Closing {
            (self.link, self.dial) = (None, None);
            self.mqtt.closed(now);
            return Ok(false);
        }
        self.mqtt.disconnect(now, &Disconnect::default())?;
        Ok(true)
    }

    /// Does all there is to do, and publishes on the `other` side what comes here. True if there was anything to do.
    pub fn turn(&mut self, other: &mut Self, registry: &Registry, now: Instant) -> Result<bool, Failure> {
        match self.serve(other, registry, now) {
            Err(failure) if failure.is_passing() => {
                self.link = None;
                self.mqtt.closed(now);
                let delay = self.backoff.next_delay(random() as u32);
                eprintln!("bridge: {}: {failure}; connecting again in {delay} ms", self.name);
                self.dial = Some(now.after_millis(delay.into()));
                Ok(false)
            }
            result => result,
        }
    }

    fn serve(&mut self, other: &mut Self, registry: &Registry, now: Instant) -> Result<bool, Failure> {
        if self.link.is_none() && self.dial.is_some_and(|dial| dial <= now) {
            self.link = Some(Link::dial(registry, self.resolve()?, self.token)?);
            let connect = Connect::new(Version::V5, &self.id).clean_start(false).keep_alive(self.keep_alive);
            self.mqtt.open(now, &connect.properties(SESSION))?;
        }
        while let Some(outcome) = self.mqtt.poll_outcome() {
            self.subscriptions.on_outcome(&outcome);
            let is_well = matches!(outcome.cause, Cause::Released | Cause::Expired);
            let reason = if is_well { ReasonCode::SUCCESS } else { ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR };
            self.ledger.settle(outcome.handle, reason, &mut other.mqtt, now);
        }
        self.subscriptions.sync(now, &mut self.mqtt);
        check(&self.subscriptions)?;
        let Self { mqtt, link: Some(link), subscriptions, route, ledger, backoff, is_stopped, .. } = self else {
            return Ok(false);
        };
        let has_moved = link.turn(mqtt, now, |mqtt, event| {
            subscriptions.on_event(&event);
            match event {
                Event::ConnAck(connack) if connack.is_accepted() => {
                    backoff.reset();
                    if connack.session != SessionState::Resumed {
                        other.ledger.forget_ids();
                    }
                }
                Event::PubAck(end) | Event::PubRec(end) | Event::PubComp(end) => {
                    ledger.settle(end.handle, end.reason, &mut other.mqtt, now);
                }
                // When it is stopped messages are not acknowledged: they come again the next time.
                Event::Message(message) if !*is_stopped => {
                    route.carry(now, message, mqtt, &mut other.mqtt, &mut other.ledger);
                }
                _ => {}
            }
        })?;
        match mqtt.close_reason() {
            _ if !mqtt.should_close() => Ok(has_moved),
            ConnectionError::Disconnected => {
                (self.link, self.dial) = (None, None);
                self.mqtt.closed(now);
                Ok(true)
            }
            reason => Err(reason.into()),
        }
    }

    fn resolve(&self) -> Result<SocketAddr, Failure> {
        let unreachable = |error| Failure::Unreachable(self.address.clone(), error);
        let first = self.address.to_socket_addrs().map_err(unreachable)?.next();
        first.ok_or_else(|| unreachable(ErrorKind::NotFound.into()))
    }
}
