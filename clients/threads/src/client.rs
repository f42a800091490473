//! The client handle.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use pure_mqtt::subscriptions::SubscriptionState;
use pure_mqtt::wire::Packet;
use pure_mqtt::{
    Ack, Auth, Disconnect, Limits, Payload, Publish, QoS, RequestError, Risk, Subscription, TopicFilter, TopicName,
    Version,
};

use crate::ack_tokens::AckToken;
use crate::clock::deadline;
use crate::error::{ConnectError, PublishError, SubscribeError, WaitError};
use crate::intent::{Dialling, Servers};
use crate::kept::Kept;
use crate::options::Options;
use crate::requests::subscription_state;
use crate::shared::Shared;
use crate::ticket::{MessageInfo, Mid, is_loop_of};
use pure_mqtt_agent::Stats;
use pure_mqtt_net::Server;

/// An MQTT client with callbacks: a handle that can be cloned and used by any number of threads.
///
/// See the [crate's page](crate) for complete programs. Commands take effect when the client's loop runs: in its own thread ([`loop_start`](Self::loop_start)), in the calling
/// thread ([`loop_forever`](Self::loop_forever)), or step by step ([`loop_once`](Self::loop_once)). The loop sleeps until there is something to do; each command wakes it.
///
/// When the last handle is dropped, the loop's thread ends and the socket is closed without DISCONNECT, as if the program had ended: the server publishes the will. To close in
/// order, call [`disconnect`](Self::disconnect) and [`loop_stop`](Self::loop_stop) first, or [`shutdown`](Self::shutdown).
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
    owner: Arc<Owner>,
}

/// The part of the client that all handles hold and the loop does not: dropping it ends the client.
#[derive(Debug)]
pub(crate) struct Owner(Arc<Shared>);

impl Drop for Owner {
    fn drop(&mut self) {
        let storage = self.0.change(|state| {
            state.intent.is_gone = true;
            state.save();
            state.deliveries.give_up();
            state.replies.give_up();
            state.storage.take()
        });
        drop(storage); // requests may outlive the client; the folder must be free for another one
        self.0.notify_waiters();
        // The loop's own thread closes the socket itself.
        if !is_loop_of(self.0.number) {
            if let Ok(mut network) = self.0.run_unless(|_| None::<()>) {
                network.close();
            }
        }
    }
}

/// # Construction
impl Client {
    /// Creates a client with this identifier and the defaults of [`Options::new`].
    pub fn new(client_id: &str) -> Self {
        Self::with(Options::new(client_id))
    }

    /// Creates a client with these options. It does not connect yet.
    pub fn with(options: Options) -> Self {
        Self::over(Shared::new(options))
    }

    pub(crate) fn over(shared: Shared) -> Self {
        let shared = Arc::new(shared);
        Self { owner: Arc::new(Owner(Arc::clone(&shared))), shared }
    }

    /// Changes the options. They take effect on the next link.
    ///
    /// ```
    /// use pure_mqtt_client::Client;
    ///
    /// fn main() {
    ///     let client = Client::new("me");
    ///     client.configure(|options| options.keep_alive(10).max_inflight(50));
    /// }
    /// ```
    pub fn configure(&self, change: impl FnOnce(Options) -> Options) {
        let before = self.shared.lock().options.clone();
        let after = change(before);
        self.shared.change(|state| {
            state.options = if state.storage.is_some() { after.lasting() } else { after };
            state.configure();
        });
    }

    /// Returns the client as long as the program has a handle.
    pub(crate) fn of(shared: &Arc<Shared>, owner: &Weak<Owner>) -> Option<Self> {
        Some(Self { shared: Arc::clone(shared), owner: owner.upgrade()? })
    }

    pub(crate) fn owner(&self) -> Weak<Owner> {
        Arc::downgrade(&self.owner)
    }
}

/// # Links
impl Client {
    /// Connects to `server`. Waits until the transport is connected, including TLS and WebSocket, and CONNECT is being sent. The server's answer is passed to
    /// [`on_connect`](Self::on_connect). An existing link is replaced.
    ///
    /// If no loop is running, this thread runs it meanwhile. In a callback it returns at once, as [`connect_async`](Self::connect_async) does.
    ///
    /// # Errors
    /// [`ConnectError`]; the client does not retry by itself.
    pub fn connect(&self, server: impl Into<Server>) -> Result<(), ConnectError> {
        self.shared.lock().intent.servers = Servers::one(server.into());
        self.reconnect()
    }

    /// Connects to the first of several servers that accepts. When a link is lost and the server does not accept another one, the client tries the next server. The servers do
    /// not share sessions: on each change the client starts a new session, sends unfinished messages as new ones, and subscribes again.
    ///
    /// # Errors
    /// Same errors as [`connect`](Self::connect), once all servers have been tried.
    pub fn connect_to(&self, servers: impl IntoIterator<Item = impl Into<Server>>) -> Result<(), ConnectError> {
        let list = servers.into_iter().map(Into::into).collect();
        self.shared.lock().intent.servers = Servers { list, is_cluster: false };
        self.reconnect()
    }

    /// Connects to one of the nodes of a cluster, which share their sessions. When a node fails, the client continues the session on another node: no clean start, and
    /// unfinished messages are completed there. Each client tries the nodes in its own random order. It leaves a node that stops responding within 1.5 times the [keep
    /// alive](Options::keep_alive).
    ///
    /// Unless [`Options::clean_start`] is set, only the first link after this call starts a new session, and in 5.0 the server keeps it for a day without a link.
    ///
    /// With a [log](Self::open), you may add, remove and reorder nodes between two runs, as long as one address stays. If all addresses change, pass the old and the new ones in
    /// one run; otherwise a new session starts.
    ///
    /// Not every cluster keeps a session when a node is lost: `docs/clusters.md` in the repository has measurements.
    ///
    /// ```no_run
    /// use pure_mqtt_client::Client;
    ///
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     let client = Client::new("gateway-7");
    ///     client.loop_start()?;
    ///     client.connect_to_cluster([("a.example.com", 1883), ("b.example.com", 1883), ("c.example.com", 1883)])?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// Same errors as [`connect`](Self::connect), once all nodes have been tried.
    pub fn connect_to_cluster(&self, nodes: impl IntoIterator<Item = impl Into<Server>>) -> Result<(), ConnectError> {
        let list = nodes.into_iter().map(Into::into).collect();
        self.shared.lock().intent.servers = Servers { list, is_cluster: true };
        self.reconnect()
    }

    /// Connects to `server` without waiting: the loop makes the attempt. A failure is passed to [`on_connect_fail`](Self::on_connect_fail).
    pub fn connect_async(&self, server: impl Into<Server>) {
        let server = server.into();
        self.shared.change(|state| {
            state.intent.servers = Servers::one(server);
            state.intent.dial(Dialling::ForAll);
        });
        self.shared.notify_waiters();
    }

    /// Connects to the same server again, and waits as [`connect`](Self::connect) does.
    ///
    /// # Errors
    /// Same errors as [`connect`](Self::connect).
    pub fn reconnect(&self) -> Result<(), ConnectError> {
        if is_loop_of(self.shared.number) {
            self.shared.change(|state| state.intent.dial(Dialling::ForAll));
            return Ok(());
        }
        let call = self.shared.change(|state| state.intent.call());
        self.await_call(call)
    }

    /// Sends what can be sent, then DISCONNECT, and closes the link; the loop does not reconnect. An attempt to connect is given up. Unfinished messages stay queued for the
    /// next link.
    pub fn disconnect(&self) {
        self.shared.change(|state| state.intent.leave = Some(None));
    }

    /// Like [`disconnect`](Self::disconnect), with a reason code and properties (5.0). If the engine rejects them (a Session Expiry Interval that contradicts CONNECT), that is
    /// logged to [`on_log`](Self::on_log), and a plain DISCONNECT is sent.
    ///
    /// # Errors
    /// [`RequestError`] if the packet cannot be encoded; nothing changed.
    pub fn disconnect_with(&self, disconnect: &Disconnect<'_>) -> Result<(), RequestError> {
        let kept = Kept::new(&Packet::Disconnect(*disconnect)).map_err(|_| RequestError::TooLarge)?;
        kept.packet().ok_or(RequestError::ReasonCode)?;
        self.shared.change(|state| state.intent.leave = Some(Some(kept)));
        Ok(())
    }

    /// Returns whether the link is up and the server has accepted it.
    pub fn is_connected(&self) -> bool {
        self.shared.lock().agent.is_connected()
    }

    /// Returns the server of the current link, as given in the list, even if that server redirected the client; `None` without a link.
    pub fn server(&self) -> Option<Server> {
        let state = self.shared.lock();
        let place = usize::from(state.agent.server()?.0);
        state.servers.get(place).cloned()
    }

    /// Returns whether nothing is unfinished: no queued or unacknowledged message or request, and no pending acknowledgement.
    pub fn is_idle(&self) -> bool {
        self.shared.lock().agent.is_idle()
    }

    /// Returns the client's counters.
    pub fn stats(&self) -> Stats {
        self.shared.lock().agent.stats()
    }

    /// Returns the protocol version of the current link; without a link, that of the last link, or before the first one, the version it will try first.
    pub fn version(&self) -> Version {
        self.shared.lock().agent.version()
    }

    /// Returns the limits and time-outs in force.
    pub fn limits(&self) -> Limits {
        self.shared.lock().agent.limits()
    }

    /// Discards the session with all unfinished messages; each is reported to [`on_publish`](Self::on_publish). Works only without a link; otherwise does nothing and returns
    /// false. Call it before connecting with another client identifier.
    pub fn discard_session(&self) -> bool {
        self.shared.change(|state| {
            let now = state.now();
            let is_done = state.agent.discard_session(now);
            state.collect_ends();
            state.bells.ring_all(); // their subscriptions are gone
            is_done
        })
    }

    /// Sends a step of an enhanced authentication (5.0, §4.12): see [`on_auth`](Self::on_auth).
    ///
    /// # Errors
    /// [`RequestError`]; nothing changed.
    pub fn authenticate(&self, auth: &Auth<'_>) -> Result<(), RequestError> {
        self.shared.change(|state| state.agent.authenticate(state.now(), auth))
    }
}

/// # Messages
impl Client {
    /// Publishes a message. Without a link it is queued, also at QoS 0.
    ///
    /// # Errors
    /// [`PublishError`]; nothing changed.
    pub fn publish(
        &self,
        topic: &str,
        payload: impl AsRef<[u8]>,
        qos: QoS,
        retain: bool,
    ) -> Result<MessageInfo, PublishError> {
        self.publish_with(&Publish::new(TopicName::new(topic)?, payload.as_ref()).qos(qos).retain(retain))
    }

    /// Like [`publish`](Self::publish), with all PUBLISH fields, including properties.
    ///
    /// # Errors
    /// [`PublishError`]; nothing changed.
    pub fn publish_with(&self, publish: &Publish<'_>) -> Result<MessageInfo, PublishError> {
        self.publish_tagged(publish, 0)
    }

    /// Like [`publish_with`](Self::publish_with), with a number of your own. After a restart, a client with a [log](Self::open) returns the number with the message.
    ///
    /// # Errors
    /// [`PublishError`]; nothing changed.
    pub fn publish_tagged(&self, publish: &Publish<'_>, tag: u64) -> Result<MessageInfo, PublishError> {
        if matches!(publish.payload, Payload::Streamed(_)) {
            return Err(PublishError::Streamed);
        }
        self.shared.change(|state| {
            let accepted = state.agent.publish_with(state.now(), publish, tag)?;
            let mid = state.next_mid();
            let info = state.deliveries.accept(self.shared.number, mid, &accepted);
            if accepted.displaced > 0 {
                state.collect_ends(); // threads that wait for the result need not wait for the loop
            }
            Ok(info)
        })
    }

    /// Withdraws a message, however far it has come, and returns the [`Risk`] of doing so. Returns `None` if the message is finished, or is awaiting an acknowledgement on the
    /// current link.
    pub fn withdraw(&self, message: &MessageInfo) -> Option<Risk> {
        self.shared.change(|state| {
            let ticket = state.deliveries.ticket_of(message)?;
            let risk = state.agent.withdraw(state.now(), ticket)?;
            state.collect_ends();
            Some(risk)
        })
    }

    /// Waits until all messages accepted before this call are finished, delivered or not. Returns false after `timeout`, or if the client is disconnected meanwhile. The loop
    /// must run in another thread.
    pub fn flush(&self, timeout: Duration) -> bool {
        let deadline = deadline(Some(timeout));
        let open = self.shared.lock().deliveries.open();
        open.iter().all(|info| {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            matches!(info.wait_for_publish(left), Ok(()) | Err(WaitError::NotPublished(_)))
        })
    }

    /// Closes the client in order: waits up to `timeout` for unfinished messages, sends DISCONNECT, and ends the loop's thread. Returns true if everything was finished.
    pub fn shutdown(&self, timeout: Duration) -> bool {
        let is_finished = self.flush(timeout);
        self.disconnect();
        self.loop_stop();
        is_finished
    }

    /// Acknowledges a message, with [`Options::manual_acks`]. Messages may be acknowledged in any order. At QoS 2 this sends PUBREC.
    ///
    /// # Errors
    /// [`RequestError::Stale`] if the message was acknowledged before, or its link (QoS 1) or session (QoS 2) has ended. Other errors change nothing.
    pub fn ack(&self, ack_token: AckToken) -> Result<(), RequestError> {
        self.ack_with(ack_token, &Ack::SUCCESS)
    }

    /// Like [`ack`](Self::ack), with a reason code and properties (5.0).
    ///
    /// # Errors
    /// Same errors as [`ack`](Self::ack).
    pub fn ack_with(&self, ack_token: AckToken, with: &Ack<'_>) -> Result<(), RequestError> {
        self.shared.change(|state| state.ack_tokens.acknowledge(state.now(), &mut state.agent, ack_token, with))
    }
}

/// # Subscriptions
///
/// Subscriptions are kept by the client: they can be made without a link, and are repeated when the server has lost the session. Messages of other clients that are published
/// before the server has granted a subscription are not received: see [`on_subscribe`](Client::on_subscribe).
impl Client {
    /// Subscribes to `filter` with this maximum QoS. SUBSCRIBE is sent even if the server has granted the filter before.
    ///
    /// # Errors
    /// [`SubscribeError`]; nothing changed.
    pub fn subscribe(&self, filter: &str, qos: QoS) -> Result<Mid, SubscribeError> {
        self.subscribe_to(&[Subscription::new(TopicFilter::new(filter)?, qos)])
    }

    /// Like [`subscribe`](Self::subscribe), for several filters with their options.
    ///
    /// # Errors
    /// [`SubscribeError`]; nothing changed.
    pub fn subscribe_to(&self, subscriptions: &[Subscription<'_>]) -> Result<Mid, SubscribeError> {
        self.shared.change(|state| {
            let (now, mid) = (state.now(), state.next_mid());
            state.requests.subscribe((now, &mut state.agent, state.receiver), mid, subscriptions)?;
            Ok(mid)
        })
    }

    /// Unsubscribes from `filter`.
    ///
    /// # Errors
    /// [`SubscribeError`]; nothing changed.
    pub fn unsubscribe(&self, filter: &str) -> Result<Mid, SubscribeError> {
        self.unsubscribe_from(&[TopicFilter::new(filter)?])
    }

    /// Like [`unsubscribe`](Self::unsubscribe), for several filters.
    ///
    /// # Errors
    /// [`SubscribeError`]; nothing changed.
    pub fn unsubscribe_from(&self, filters: &[TopicFilter<'_>]) -> Result<Mid, SubscribeError> {
        self.shared.change(|state| {
            let (now, mid) = (state.now(), state.next_mid());
            state.requests.unsubscribe((now, &mut state.agent, state.receiver), mid, filters)?;
            Ok(mid)
        })
    }

    /// Returns the state of a subscription on the server; `None` if the client is not subscribed to the filter.
    pub fn subscription_state(&self, filter: TopicFilter<'_>) -> Option<SubscriptionState> {
        subscription_state(&self.shared.lock().agent, filter.as_str())
    }
}
