//! One connection that publishes to itself through the server, with a bounded number of messages in flight.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{Sender, unbounded};
use pure_mqtt_client::pure_mqtt::QoS;
use pure_mqtt_client::{Client, LinkEnd, Message, Server};

use super::round::Round;
use crate::failure::Failure;
use crate::subscriber;

pub struct Echo {
    pub client: Client,
    topic: String,
    size: usize,
    round: Arc<Round>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    qos: QoS,
    /// The number of messages of this round.
    count: u64,
    window: u64,
    sent: u64,
    received: u64,
}

/// The result of connecting.
type Up = Result<(), Failure>;

impl Echo {
    /// Creates a client that is not connected.
    pub fn new(client: Client, topic: String, size: usize, round: Arc<Round>) -> Arc<Self> {
        Arc::new(Self { client, topic, size, round, state: Mutex::default() })
    }

    /// Connects and subscribes.
    pub fn connect(self: &Arc<Self>, servers: &[Server]) -> Result<(), Failure> {
        let (sender, up) = unbounded();
        self.listen(&sender);
        self.client.subscribe(&self.topic, QoS::ExactlyOnce).map_err(Failure::Subscribe)?;
        self.client.loop_start().map_err(Failure::Loop)?;
        self.client.connect_to(servers.to_vec()).map_err(|error| {
            let servers: Vec<_> = servers.iter().map(ToString::to_string).collect();
            Failure::Connect { servers: servers.join(", "), error }
        })?;
        up.recv().unwrap_or(Err(Failure::TimeOut)) // bounded by the client's time-outs
    }

    fn listen(self: &Arc<Self>, up: &Sender<Up>) {
        let tell = up.clone();
        self.client.on_subscribe(move |_, answer| drop(tell.send(subscriber::check(answer)))); // received once
        let (tell, round) = (up.clone(), Arc::clone(&self.round));
        self.client.on_disconnect(move |_, end| {
            if !matches!(end, LinkEnd::Disconnected) {
                let _ = tell.send(Err(Failure::Link(end.clone()))); // received while it connects
                round.fail(Failure::Link(end.clone()));
            }
        });
        let echo = Arc::downgrade(self);
        self.client.on_message(move |_, message| {
            if let Some(echo) = echo.upgrade() {
                echo.take(message);
            }
        });
        let round = Arc::clone(&self.round);
        self.client.on_publish(move |_, published| match published.result {
            Ok(()) => round.acknowledged(),
            Err(error) => round.fail(Failure::NotPublished(error)),
        });
    }

    /// Starts a round.
    pub fn start(&self, qos: QoS, count: u64, window: u64) {
        let mut state = self.lock();
        *state = State { qos, count, window, sent: 0, received: 0 };
        self.fill(&mut state);
    }

    fn fill(&self, state: &mut State) {
        while state.sent < state.count && state.sent - state.received < state.window {
            let payload = self.round.stamp(self.size);
            if let Err(error) = self.client.publish(&self.topic, payload, state.qos, false) {
                return self.round.fail(Failure::Publish(error));
            }
            state.sent += 1;
        }
    }

    fn take(&self, message: &Message<'_>) {
        let mut state = self.lock();
        if message.retain || state.received >= state.sent || !self.round.is_of_now(message.payload) {
            return; // a message from before the round, or another client's
        }
        if message.qos != state.qos {
            return self.round.fail(Failure::OtherQoS { wanted: state.qos, came: message.qos });
        }
        self.round.received(message.payload);
        state.received += 1;
        self.fill(&mut state);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
