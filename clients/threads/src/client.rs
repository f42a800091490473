//! The handle: what a program asks of its client.

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

/// An MQTT client with callbacks: a handle, to be cloned and given to as many threads as you like.
///
/// The [crate's page](crate) shows it at work. What is asked of it takes effect when its loop runs: in a thread of its own
/// ([`loop_start`](Self::loop_start)), in this one ([`loop_forever`](Self::loop_forever)), or step by step ([`loop_once`](Self::loop_once)). The loop
/// sleeps until there is something to do, and whatever a handle asks for wakes it at once.
///
/// When the last handle is dropped, the loop's thread ends and the socket is closed without DISCONNECT, as if the program had ended: the server publishes
/// the will. To leave in order call [`disconnect`](Self::disconnect) and [`loop_stop`](Self::loop_stop) before.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
    owner: Arc<Owner>,
}

/// What all handles hold, and the loop doesn't.
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
        drop(storage); // requests may outlive the client, and keep nothing of it open
        self.0.notify_waiters();
        // The loop's own thread closes the socket by itself.
        if !is_loop_of(self.0.number) {
            if let Ok(mut network) = self.0.run_unless(|_| None::<()>) {
                network.close();
            }
        }
    }
}

/// # Construction
impl Client {
    /// A client with this identifier and [`Options::new`] for the rest.
    pub fn new(client_id: &str) -> Self {
        Self::with(Options::new(client_id))
    }

    /// A client with these options. Nothing is connected yet.
    pub fn with(options: Options) -> Self {
        Self::over(Shared::new(options))
    }

    pub(crate) fn over(shared: Shared) -> Self {
        let shared = Arc::new(shared);
        Self { owner: Arc::new(Owner(Arc::clone(&shared))), shared }
    }

    /// Changes the options, from the next link on.
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

    /// The client, as long as somebody else has a handle of it.
    pub(crate) fn of(shared: &Arc<Shared>, owner: &Weak<Owner>) -> Option<Self> {
        Some(Self { shared: Arc::clone(shared), owner: owner.upgrade()? })
    }

    pub(crate) fn owner(&self) -> Weak<Owner> {
        Arc::downgrade(&self.owner)
    }
}

/// # Links
impl Client {
    /// Connects to `server`, and waits until the transport is there, with TLS and WebSocket agreed on, and CONNECT on its way. The server's answer is told to
    /// [`on_connect`](Self::on_connect). A link that is up is replaced.
    ///
    /// If no loop runs, this thread does its work meanwhile. In a callback it doesn't wait, and works as [`connect_async`](Self::connect_async).
    ///
    /// # Errors
    /// [`ConnectError`]; the client doesn't try again by itself.
    pub fn connect(&self, server: impl Into<Server>) -> Result<(), ConnectError> {
        self.shared.lock().intent.servers = Servers::one(server.into());
        self.reconnect()
    }

    /// Connects to the first of several servers that accepts, and to the next one whenever a link is lost and it doesn't accept another. Servers that know nothing
    /// of each other's sessions: with each change the session begins anew, what is unfinished is sent again, and subscriptions are made again.
    ///
    /// # Errors
    /// As [`connect`](Self::connect), once all have been tried.
    pub fn connect_to(&self, servers: impl IntoIterator<Item = impl Into<Server>>) -> Result<(), ConnectError> {
        let list = servers.into_iter().map(Into::into).collect();
        self.shared.lock().intent.servers = Servers { list, is_cluster: false };
        self.reconnect()
    }

    /// Connects to one of the nodes of a cluster, which share their sessions. When a node fails, the session goes on at another one: no clean start, and unfinished messages are
    /// completed there. Each client tries the nodes in a random order of its own. A node that falls silent is left within 1.5 times the [keep alive](Options::keep_alive).
    ///
    /// Unless [`Options::clean_start`] says otherwise, the session begins anew with this call alone, and in 5.0 it is kept for a day without a link.
    ///
    /// With a [log](Self::open), nodes may be added, removed and put in another order between two runs, as long as one address stays. If all addresses change, let one run have
    /// the old and the new ones; otherwise the session begins anew.
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
    /// As [`connect`](Self::connect), once all have been tried.
    pub fn connect_to_cluster(&self, nodes: impl IntoIterator<Item = impl Into<Server>>) -> Result<(), ConnectError> {
        let list = nodes.into_iter().map(Into::into).collect();
        self.shared.lock().intent.servers = Servers { list, is_cluster: true };
        self.reconnect()
    }

    /// Has the loop connect to `server`, and doesn't wait. A failure is told to [`on_connect_fail`](Self::on_connect_fail).
    pub fn connect_async(&self, server: impl Into<Server>) {
        let server = server.into();
        self.shared.change(|state| {
            state.intent.servers = Servers::one(server);
            state.intent.dial(Dialling::ForAll);
        });
        self.shared.notify_waiters();
    }

    /// Connects again to the same server, and waits as [`connect`](Self::connect) does.
    ///
    /// # Errors
    /// As there.
    pub fn reconnect(&self) -> Result<(), ConnectError> {
        if is_loop_of(self.shared.number) {
            self.shared.change(|state| state.intent.dial(Dialling::ForAll));
            return Ok(());
        }
        let call = self.shared.change(|state| state.intent.call());
        self.await_call(call)
    }

    /// Ends the link with DISCONNECT, after what can be sent has been sent; the loop doesn't connect again. While an attempt to connect is under way or to be made,
    /// that is given up. Messages that are not finished stay, for the next link.
    pub fn disconnect(&self) {
        self.shared.change(|state| state.intent.leave = Some(None));
    }

    /// The same with a reason and properties (5.0). If the engine can't send it as it is (a Session Expiry Interval that contradicts CONNECT), that is told to
    /// [`on_log`](Self::on_log), and a plain DISCONNECT is sent.
    ///
    /// # Errors
    /// The packet can't be expressed; nothing changed.
    pub fn disconnect_with(&self, disconnect: &Disconnect<'_>) -> Result<(), RequestError> {
        let kept = Kept::new(&Packet::Disconnect(*disconnect)).map_err(|_| RequestError::TooLarge)?;
        kept.packet().ok_or(RequestError::ReasonCode)?;
        self.shared.change(|state| state.intent.leave = Some(Some(kept)));
        Ok(())
    }

    /// Whether the server has accepted the link, and it is up.
    pub fn is_connected(&self) -> bool {
        self.shared.lock().agent.is_connected()
    }

    /// The server that the link leads to, while it is up: the one of the list, also if it has sent the client elsewhere.
    pub fn server(&self) -> Option<Server> {
        let state = self.shared.lock();
        let place = usize::from(state.agent.server()?.0);
        state.servers.get(place).cloned()
    }

    /// Whether nothing is unfinished: no message or request waits or is under way, and no acknowledgement is owed.
    pub fn is_idle(&self) -> bool {
        self.shared.lock().agent.is_idle()
    }

    /// What was done so far, for a dashboard.
    pub fn stats(&self) -> Stats {
        self.shared.lock().agent.stats()
    }

    /// The version that the link speaks; without a link the one that it spoke last, or will first.
    pub fn version(&self) -> Version {
        self.shared.lock().agent.version()
    }

    /// The bounds and time-outs in force.
    pub fn limits(&self) -> Limits {
        self.shared.lock().agent.limits()
    }

    /// Forgets the session, with all messages that are not finished; each is told to [`on_publish`](Self::on_publish). Only without a link; otherwise it does
    /// nothing and returns false. Call it before connecting with another client identifier.
    pub fn discard_session(&self) -> bool {
        self.shared.change(|state| {
            let now = state.now();
            let is_done = state.agent.discard_session(now);
            state.collect_ends();
            state.bells.ring_all(); // nobody is to wait for what was granted
            is_done
        })
    }

    /// Takes a step of an enhanced authentication (5.0): see [`on_auth`](Self::on_auth).
    ///
    /// # Errors
    /// [`RequestError`]; nothing changed.
    pub fn authenticate(&self, auth: &Auth<'_>) -> Result<(), RequestError> {
        self.shared.change(|state| state.agent.authenticate(state.now(), auth))
    }
}

/// # Messages
impl Client {
    /// Publishes a message. Without a link it waits for one, at QoS 0 too.
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

    /// The same with everything that a message can have, properties for instance.
    ///
    /// # Errors
    /// [`PublishError`]; nothing changed.
    pub fn publish_with(&self, publish: &Publish<'_>) -> Result<MessageInfo, PublishError> {
        self.publish_tagged(publish, 0)
    }

    /// The same with a number of the program's own, which a client with a [log](Self::open) gives back after a restart.
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
                state.collect_ends(); // whoever waits for them needn't wait for the loop
            }
            Ok(info)
        })
    }

    /// Gives up a message, whatever became of it so far, and says what is risked. `None` if it is finished, or its answer is awaited on the present link.
    pub fn withdraw(&self, message: &MessageInfo) -> Option<Risk> {
        self.shared.change(|state| {
            let ticket = state.deliveries.ticket_of(message)?;
            let risk = state.agent.withdraw(state.now(), ticket)?;
            state.collect_ends();
            Some(risk)
        })
    }

    /// Waits until all messages that were accepted before are finished, delivered or not. False if that takes longer than `timeout`, or the client is disconnected
    /// meanwhile. The loop has to run in another thread.
    pub fn flush(&self, timeout: Duration) -> bool {
        let deadline = deadline(Some(timeout));
        let open = self.shared.lock().deliveries.open();
        open.iter().all(|info| {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            matches!(info.wait_for_publish(left), Ok(()) | Err(WaitError::NotPublished(_)))
        })
    }

    /// Leaves in order: waits for what can be finished within `timeout`, says DISCONNECT, and ends the loop's thread. True if everything was finished.
    pub fn shutdown(&self, timeout: Duration) -> bool {
        let is_finished = self.flush(timeout);
        self.disconnect();
        self.loop_stop();
        is_finished
    }

    /// Acknowledges a message, with [`Options::manual_acks`], in any order. At QoS 2 this sends PUBREC.
    ///
    /// # Errors
    /// [`RequestError::Stale`] if the message was acknowledged already, or its link (QoS 1) or session (QoS 2) is gone; other errors change nothing.
    pub fn ack(&self, ack_token: AckToken) -> Result<(), RequestError> {
        self.ack_with(ack_token, &Ack::SUCCESS)
    }

    /// The same with a reason and properties (5.0).
    ///
    /// # Errors
    /// As [`ack`](Self::ack).
    pub fn ack_with(&self, ack_token: AckToken, with: &Ack<'_>) -> Result<(), RequestError> {
        self.shared.change(|state| state.ack_tokens.acknowledge(state.now(), &mut state.agent, ack_token, with))
    }
}

/// # Subscriptions
///
/// They are lasting intent: they may be made without a link, and come back by themselves when the server has lost the session. What is published before
/// the server has granted one does not come: see [`on_subscribe`](Client::on_subscribe).
impl Client {
    /// Wants the messages that `filter` matches, at up to this quality of service. The server is asked also if it has granted this before.
    ///
    /// # Errors
    /// [`SubscribeError`]; nothing changed.
    pub fn subscribe(&self, filter: &str, qos: QoS) -> Result<Mid, SubscribeError> {
        self.subscribe_to(&[Subscription::new(TopicFilter::new(filter)?, qos)])
    }

    /// The same for several filters with their options.
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

    /// Wants the messages of `filter` no longer.
    ///
    /// # Errors
    /// [`SubscribeError`]; nothing changed.
    pub fn unsubscribe(&self, filter: &str) -> Result<Mid, SubscribeError> {
        self.unsubscribe_from(&[TopicFilter::new(filter)?])
    }

    /// The same for several filters.
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

    /// How far the server has followed; `None` for a filter that is not subscribed to (any more).
    pub fn subscription_state(&self, filter: TopicFilter<'_>) -> Option<SubscriptionState> {
        subscription_state(&self.shared.lock().agent, filter.as_str())
    }
}
